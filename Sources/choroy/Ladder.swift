import ChoroyModel
import ChoroySystem
import ChoroyText

/// How well several models predict one held-out text: a table with bars, in bits per byte.
struct Ladder {
    private(set) var rungs: [(name: String, bitsPerByte: Double, standardError: Double)] = []

    mutating func add(_ name: String, _ result: Evaluation) {
        rungs.append((name, result.bitsPerByte, result.standardError))
    }

    mutating func add(_ name: String, bitsPerByte: Double) {
        rungs.append((name, bitsPerByte, .nan))
    }

    /// Every byte alike: 8 bits.
    mutating func addUniform() { rungs.append(("uniform", 8, .nan)) }

    /// n-gram models of characters of the given orders, learned from `training`.
    mutating func addNGrams(
        _ orders: [Int], training: [ArraySlice<UInt8>], heldOut: [ArraySlice<UInt8>]
    ) {
        let vocabulary = NGramVocabulary.characters(of: training)
        let texts = EvaluationText.texts(heldOut, encoding: vocabulary)
        var sequences = NGramSequences(
            vocabularySize: vocabulary.vocabularySize, endToken: vocabulary.endToken)
        for document in training { sequences.append(vocabulary.encode(Array(document))) }
        for order in orders {
            let model = NGramEstimate(order: order, sequences).model
            add(
                "\(order)-gram",
                Evaluation.evaluate(
                    model, on: texts, convention: .rolling(context: nil),
                    startToken: vocabulary.endToken))
        }
    }

    /// One line a rung, the bar as long as the bits.
    var lines: [String] {
        let width = rungs.map(\.name.count).max() ?? 0
        let bar = StandardStreams.errorIsTerminal ? "█" : "#"
        return rungs.map { rung in
            let name = rung.name + String(repeating: " ", count: width - rung.name.count)
            let error =
                rung.standardError.isNaN
                ? "        " : " ± \(Figures.decimal(rung.standardError, 3))"
            let cells = rung.bitsPerByte.isFinite ? Int(min(60, rung.bitsPerByte * 5).rounded()) : 0
            return "\(name)  \(Figures.decimal(rung.bitsPerByte, 3))\(error)  "
                + String(repeating: bar, count: max(1, cells))
        }
    }
}
