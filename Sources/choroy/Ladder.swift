import ChoroyModel
import ChoroySystem
import ChoroyText

/// How well several models predict one held-out text: a table with bars, in bits per byte.
struct Ladder {
    struct Rung {
        enum Kind: String { case uniform, ngram, model, compressor }

        let name: String
        var kind = Kind.model
        let bitsPerByte: Double
        /// nan where there is none.
        var standardError = Double.nan
        /// Block by block, for differences between rungs.
        var evaluation: Evaluation?
        /// Of a compressor that has not read what the others learned from.
        var alone: Double?
        /// What the model learned from is not known to be other text.
        var mayKnowText = false
        /// Some of the text costs it nothing: the spelling of words it does not know.
        var isIncomplete = false
    }

    private(set) var rungs: [Rung] = []

    mutating func add(_ rung: Rung) { rungs.append(rung) }

    mutating func add(
        _ name: String, _ result: Evaluation, kind: Rung.Kind = .model, mayKnowText: Bool = false,
        isIncomplete: Bool = false
    ) {
        rungs.append(
            Rung(
                name: name, kind: kind, bitsPerByte: result.bitsPerByte,
                standardError: result.standardError, evaluation: result, mayKnowText: mayKnowText,
                isIncomplete: isIncomplete))
    }

    mutating func add(_ name: String, bitsPerByte: Double) {
        rungs.append(Rung(name: name, bitsPerByte: bitsPerByte))
    }

    /// Every byte alike: 8 bits.
    mutating func addUniform() {
        rungs.append(Rung(name: "uniform", kind: .uniform, bitsPerByte: 8))
    }

    /// n-gram models of characters of the given orders, learned from `training`.
    mutating func addNGrams(
        _ orders: [Int], training: [ArraySlice<UInt8>], heldOut: [ArraySlice<UInt8>]
    ) {
        let text = NGramText(.characters(of: training), training)
        for order in orders {
            add("\(order)-gram", text.evaluation(order: order, on: heldOut), kind: .ngram)
        }
    }

    /// The model with the fewest bits, of those that pay for all of the text and did not learn from it.
    var best: Rung? {
        rungs.filter { $0.evaluation != nil && !$0.mayKnowText && !$0.isIncomplete }
            .min { $0.bitsPerByte < $1.bitsPerByte }
    }

    /// How many bits a byte a rung costs more than the best one, with the standard error of the difference.
    func excess(of rung: Rung) -> (bitsPerByte: Double, standardError: Double)? {
        guard let best = best?.evaluation else { return nil }
        return rung.evaluation?.excess(over: best)
    }

    /// One line a rung, the bar as long as the bits.
    var lines: [String] {
        let width = rungs.map(\.name.count).max() ?? 0
        let bar = StandardStreams.errorIsTerminal ? "█" : "#"
        return rungs.map { rung in
            let name = rung.name + String(repeating: " ", count: width - rung.name.count)
            return "\(name)  \(Self.figure(rung))  " + Self.bar(rung, bar, cellsPerBit: 5)
        }
    }

    /// "2.367 ± 0.035", or spaces where the error would be.
    static func figure(_ rung: Rung) -> String {
        let error =
            rung.standardError.isNaN
            ? "        " : " ± \(Figures.decimal(rung.standardError, 3))"
        return Figures.decimal(rung.bitsPerByte, 3) + error
    }

    static func bar(_ rung: Rung, _ cell: String, cellsPerBit: Double) -> String {
        let bits = rung.bitsPerByte
        let cells = bits.isFinite ? Int(min(12 * cellsPerBit, bits * cellsPerBit).rounded()) : 0
        return String(repeating: cell, count: max(1, cells))
    }
}
