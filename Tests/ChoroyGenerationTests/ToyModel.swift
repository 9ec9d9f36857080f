import ChoroyModel
import ChoroyTensor
import ChoroyText
import Synchronization

/// A model whose logits follow from the last token and from how many tokens the state has read;
/// it counts what it reads.
struct ToyModel: LanguageModel {
    struct State: SequenceState {
        var tokens: [TokenID] = []
        var count: Int { tokens.count }
        mutating func truncate(to count: Int) { tokens.removeSubrange(count...) }
    }

    final class Meter: Sendable {
        private let figures = Mutex((tokensRead: 0, longestState: 0, longestChunk: 0))
        var tokensRead: Int { figures.withLock { $0.tokensRead } }
        var longestState: Int { figures.withLock { $0.longestState } }
        var longestChunk: Int { figures.withLock { $0.longestChunk } }

        func note(chunk: Int, state: Int) {
            figures.withLock {
                $0.tokensRead += chunk
                $0.longestState = max($0.longestState, state)
                $0.longestChunk = max($0.longestChunk, chunk)
            }
        }
    }

    let vocabularySize: Int
    let meter = Meter()
    let row: @Sendable ([TokenID]) -> [Float]

    init(vocabularySize: Int, row: @escaping @Sendable ([TokenID]) -> [Float]) {
        self.vocabularySize = vocabularySize
        self.row = row
    }

    /// Always the next token of a circle.
    static func successor(_ size: Int) -> ToyModel {
        ToyModel(vocabularySize: size) { tokens in
            let next = ((tokens.last ?? 0) + 1) % TokenID(size)
            return (0..<size).map { TokenID($0) == next ? 10 : 0 }
        }
    }

    /// Writes `script` byte by byte after each prompt, whatever the prompt was: the number of
    /// tokens since the last `cue` token says where it is.
    static func writing(_ script: String, after cue: TokenID, size: Int = 264) -> ToyModel {
        let script = script.utf8.map { TokenID($0) }
        return ToyModel(vocabularySize: size) { tokens in
            let place = tokens.count - 1 - (tokens.lastIndex(of: cue) ?? 0)
            var row = [Float](repeating: 0, count: size)
            row[Int(script[place % script.count])] = 30
            return row
        }
    }

    func initialState() -> State { State() }

    func logits(_ tokens: [[TokenID]], states: inout [State], at positions: Positions) -> Tensor {
        var rows: [[Float]] = []
        for (index, sequence) in tokens.enumerated() {
            for token in sequence {
                states[index].tokens.append(token)
                if positions == .all { rows.append(row(states[index].tokens)) }
            }
            if positions == .last { rows.append(row(states[index].tokens)) }
            meter.note(chunk: sequence.count, state: states[index].count)
        }
        return Tensor(rows.flatMap { $0 }, shape: [rows.count, vocabularySize])
    }

    func logProbabilities(_ tokens: [[TokenID]], states: inout [State]) -> [[Double]] {
        tokens.map { $0.map { _ in 0 } }
    }
}
