public import ArgumentParser
public import ChoroyModel
import ChoroySystem
import ChoroyText

/// How an n-gram model is written: as ARPA, or as `.ngram` in one of its layouts, by the file's name.
struct NGramOutput: ParsableArguments {
    @Option(help: ArgumentHelp("The file to write: .arpa or .ngram.", valueName: "m.ngram"))
    var output: String

    @Option(
        help:
            "How a .ngram file is laid out: fast, compact, or quantized (logarithms of 8 bits).")
    var layout: NGramFile.Layout?

    var isARPA: Bool { !output.hasSuffix(".ngram") }

    func validate() throws {
        if let layout, isARPA {
            throw ValidationError(
                "--layout \(layout.rawValue) goes with a file named .ngram, found \(output)")
        }
    }

    /// Writes the model and, beside it, the tokenizer that its tokens are of.
    ///
    /// - Returns: what rounding to 8 bits costs, for the quantized layout.
    func write(
        _ model: NGramModel, _ vocabulary: NGramVocabulary, tokenizer: Tokenizer?
    ) throws -> QuantizationCost? {
        var progress = NGramProgress()
        defer { progress.clear() }
        if let tokenizer {
            try tokenizer.save(to: NGram.tokenizerPath(of: output, hash: tokenizer.hash))
        }
        if isARPA {
            try ARPAWriter.write(
                model, vocabulary, to: output, tokenizerHash: tokenizer?.hash
            ) { progress.update($0, $1, $2) }
            return nil
        }
        return try NGramFile.write(
            model, vocabulary, to: output, layout: layout ?? .fast,
            tokenizerHash: tokenizer?.hash
        ) { progress.update($0, $1, $2) }
    }

    /// A line about the file that was written.
    func summary(_ model: NGramModel, _ cost: QuantizationCost?, seconds: Double) -> String {
        let counts = model.counts.map(Figures.grouped).joined(separator: " / ")
        let form = isARPA ? "ARPA" : "\((layout ?? .fast).rawValue) layout"
        var line =
            "\(output): \(form), n-grams \(counts), \(Figures.decimal(seconds, 2)) s"
        if let cost {
            line +=
                "; 8 bits change log10 probabilities by \(Figures.decimal(cost.logProbability, 4)) "
                + "and back-off weights by \(Figures.decimal(cost.backoff, 4)) (root mean square)"
        }
        return line
    }
}

extension NGramFile.Layout: ExpressibleByArgument {}
