import Synchronization

/// Byte-pair encoding of digits in one pass from left to right.
///
/// Of the first i digits merging makes a list that ends with some token; without that token the list is what merging
/// makes of the digits before it, since a list is right when each two neighbours are (see `BlockMerging`). So the
/// last token at i is the one that may stand behind the last token where it begins. There are few tokens of digits, so
/// that a table says of each two whether they may stand side by side.
@safe final class DigitMerging: Sendable {
    typealias Merge = MergeTable.Merge

    private static let zero = UInt8(ascii: "0")
    /// More tokens of digits than this would need too large a table.
    private static let mostTokens = 4096
    /// What follows is by the number of a token of digits; 0 is none, and the last the beginning of the text.
    private let ids: [TokenID]
    private let lengths: [UInt8]
    /// For each number, a row of bits: which may stand behind it.
    private let rows: [UInt64]
    private let rowSize: Int
    private let automaton: DigitAutomaton

    static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

    /// Nil when a digit is no token of its own, the merges are not in an order such as training makes, or the tokens
    /// are too many.
    ///
    /// - Parameter merges: All merges of two tokens of digits, with their ranks.
    init?(_ merges: [(rank: Int, merge: Merge)], _ byteTokens: [TokenID], _ tokens: TokenTable) {
        let single = byteTokens[Int(Self.zero)..<Int(Self.zero) + 10]
        guard single.allSatisfy({ $0 >= 0 }), Set(single).count == 10 else { return nil }
        var derivations = DigitDerivations()
        for (digit, id) in single.enumerated() { derivations.add(id, [UInt8(digit)]) }
        for (_, merge) in merges {
            let digits = tokens.bytes(of: Int(merge.result)).map { $0 &- Self.zero }
            guard digits.count <= 255, digits.allSatisfy({ $0 < 10 }) else { return nil }
            derivations.add(merge.result, digits)
        }
        guard derivations.ids.count <= Self.mostTokens, derivations.derive(merges) else {
            return nil
        }
        ids = [-1] + derivations.ids
        lengths = [0] + derivations.digits.map { UInt8($0.count) }
        (rows, rowSize) = derivations.neighbours()

        let reached = zip(derivations.digits, derivations.isReached).map { $1 ? $0 : [] }
        guard let automaton = DigitAutomaton([[]] + reached) else { return nil }
        self.automaton = automaton
    }

    /// Appends the ids of digits.
    func encode(_ base: UnsafePointer<UInt8>, _ count: Int, into ids: inout [TokenID]) {
        unsafe withUnsafeTemporaryAllocation(of: UInt16.self, capacity: count + 4) { memory in
            guard let start = memory.baseAddress else { return }
            // The last token of so many digits; none of fewer than no digits.
            let last = unsafe start + 3
            unsafe start.initialize(repeating: 0, count: 3)
            unsafe last[0] = UInt16(self.ids.count)
            unsafe fill(last, base, count)

            let first = ids.count
            var place = count
            while place > 0 {
                let number = unsafe Int(last[place])
                ids.append(self.ids[number])
                place -= Int(lengths[number])
            }
            ids[first...].reverse()
        }
    }

    private func fill(
        _ last: UnsafeMutablePointer<UInt16>, _ base: UnsafePointer<UInt8>, _ count: Int
    ) {
        unsafe rows.withUnsafeBufferPointer { rows in
            unsafe automaton.next.withUnsafeBufferPointer { next in
                unsafe automaton.endings.withUnsafeBufferPointer { endings in
                    /// All ones when the token may stand behind the last one before `place`.
                    func mask(_ place: Int, _ number: UInt16) -> UInt16 {
                        let row = unsafe Int(last[place]) &* rowSize
                        let word = unsafe rows[row &+ Int(number >> 6)]
                        return 0 &- UInt16(truncatingIfNeeded: word >> UInt64(number & 63) & 1)
                    }
                    var state = 0
                    for place in 0..<count {
                        let digit = unsafe Int(base[place] &- Self.zero)
                        state = unsafe Int(next[10 &* state &+ digit])
                        let ending = unsafe endings[state]
                        // One of them may stand here; when no longer one does, it is the digit.
                        let two = mask(place &- 1, ending[1]) & ending[1]
                        let three = mask(place &- 2, ending[2]) & ending[2]
                        let four = mask(place &- 3, ending[3]) & ending[3]
                        let more = two | three | four
                        unsafe last[place &+ 1] = more == 0 ? ending[0] : more
                        var longer = automaton.longest[state]
                        while longer > 0 {
                            if mask(place + 1 - Int(lengths[Int(longer)]), longer) != 0 {
                                unsafe last[place &+ 1] = longer
                                break
                            }
                            longer = automaton.shorter[Int(longer)]
                        }
                    }
                }
            }
        }
    }
}

/// A `DigitMerging` that is made when it is first asked for.
final class LazyDigitMerging: Sendable {
    private let made = Mutex<DigitMerging??>(nil)

    func callAsFunction(_ make: () -> DigitMerging?) -> DigitMerging? {
        made.withLock { made in
            if let made { return made }
            let new = make()
            made = .some(new)
            return new
        }
    }
}
