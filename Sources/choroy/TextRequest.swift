import ArgumentParser
import ChoroySystem
import ChoroyText
import ChoroyTraining

/// Which text a run learns from, and how it lies in its files.
struct TextRequest {
    var paths: [String]
    var options: TextOptions

    /// The files, with their weights.
    ///
    /// - Throws: `FileError` for what cannot be read, `ValidationError` for a weight of no file.
    func text(report: TrainingText.Report) throws -> TrainingText {
        let weights = try options.weights()
        var sources: [TrainingText.Source] = []
        var used = Set<String>()
        for path in paths {
            for name in try Corpus.files(at: [path]) {
                // The weight of a file itself goes before that of its directory.
                let key = weights[name] == nil ? path : name
                if weights[key] != nil { used.insert(key) }
                sources.append(
                    TrainingText.Source(
                        try TextFile(name, textField: options.textField),
                        weight: weights[key] ?? 1))
            }
        }
        if let unused = weights.keys.sorted().first(where: { !used.contains($0) }) {
            throw ValidationError("--weight: expected one of the text files, found \(unused)")
        }
        guard !sources.isEmpty else {
            throw FileError(paths.joined(separator: ", "), expected: "text", found: "none")
        }
        let held = try Corpus.files(at: options.validation).map {
            try TextFile($0, textField: options.textField)
        }
        return try TrainingText(sources, validation: held, report: report)
    }

    /// The words of a command that asks for the same.
    var words: [String] {
        paths + options.weight.flatMap { ["--weight", $0] }
            + options.validation.flatMap { ["--validation", $0] }
            + (options.textField.map { ["--text-field", $0] } ?? [])
    }
}

/// Options about the text files of `choroy train`.
struct TextOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How often the documents of a text file are read in an epoch (default 1); may be repeated.",
            valueName: "file=number"))
    var weight: [String] = []
    @Option(help: "Text to be judged by, instead of a part of the text; may be repeated.")
    var validation: [String] = []
    @Option(help: "The member of JSON lines that holds the text (default text).")
    var textField: String?

    func validate() throws {
        _ = try weights()
        if textField?.isEmpty == true {
            throw ValidationError("--text-field: expected a name, found ''")
        }
    }

    /// The weights by file. A file's name may have "=" in it; the number stands behind the last.
    func weights() throws -> [String: Double] {
        var weights: [String: Double] = [:]
        for word in weight {
            guard let mark = word.lastIndex(of: "="), mark > word.startIndex,
                let number = Double(word[word.index(after: mark)...]),
                number >= 0.001, number <= 1000
            else {
                throw ValidationError(
                    "--weight: expected FILE=NUMBER with a number from 0.001 to 1000, found \(word)"
                )
            }
            let path = String(word[..<mark])
            guard weights.updateValue(number, forKey: path) == nil else {
                throw ValidationError("--weight: expected each file once, found \(path) again")
            }
        }
        return weights
    }
}
