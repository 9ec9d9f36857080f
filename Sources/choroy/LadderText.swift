import ArgumentParser
import ChoroyModel
import ChoroySystem
import ChoroyText
import ChoroyTraining

/// What the models of a ladder learn from, and what they are judged by.
struct LadderText {
    let name: String
    let training: [ArraySlice<UInt8>]
    let heldOut: [ArraySlice<UInt8>]
    /// The files that are held out; none when parts of the text are.
    let validation: [String]
    /// Hashes of what a training run reads that never reads what is held out.
    private let hashes: Set<String>

    /// - Throws: `FileError` for what cannot be read, and when there is nothing to hold out.
    init(_ path: String, validation: [String]) throws {
        name = path
        self.validation = validation
        let corpus = try Corpus(at: [path])
        if validation.isEmpty {
            let split = TextSplit(corpus)
            (training, heldOut) = (split.training, split.validation)
        } else {
            training = corpus.documents
            heldOut = try Corpus(at: validation).documents
        }
        guard !training.isEmpty, !heldOut.isEmpty else {
            throw FileError(
                path, expected: "a text of which a part can be held out",
                found: "\(corpus.byteCount) bytes")
        }
        // Standard input can be read once.
        hashes =
            ([path] + validation).contains("-")
            ? [] : Set(try Self.runs(path, validation).map(\.hash))
    }

    /// The texts of runs that hold out the same, or all of it.
    private static func runs(_ path: String, _ validation: [String]) throws -> [TrainingText] {
        func text(_ options: [String]) throws -> TrainingText {
            try TextRequest(paths: [path], options: TextOptions.parse(options)).text { _, _, _ in }
        }
        if validation.isEmpty { return [try text([])] }
        return [try text([]), try text(validation.flatMap { ["--validation", $0] })]
    }

    var trainingBytes: Int { training.reduce(0) { $0 + $1.count } }
    var heldOutBytes: Int { heldOut.reduce(0) { $0 + $1.count } }

    /// Whether `directory` holds a model trained on the text and not on what is held out of it.
    func isUnknown(toRunIn directory: String) -> Bool {
        guard TrainingRecord.exists(in: directory),
            let record = try? TrainingRecord(of: directory), record.base == nil
        else { return false }
        return hashes.contains(record.textHash)
    }

    /// - Throws: `FileError` when n-grams cannot be counted in so many tokens.
    func check(tokens: Int, _ unit: NGramVocabulary.Unit) throws {
        guard 1..<NGramEstimate.maximumTokens ~= tokens else {
            throw FileError(
                name, expected: "1 to \(NGramEstimate.maximumTokens - 1) \(unit.rawValue)s",
                found: "\(tokens)")
        }
    }
}
