import ChoroyText

/// The order of all positions of a text by the tokens that follow, up to `depth` of them.
///
/// A position's suffix ends with its sequence; a suffix that is the beginning of another comes first.
/// Sorting goes by radix over packed keys: as many tokens as 64 bits hold, then the rank found so far
/// with the next tokens, until `depth` tokens are compared.
struct SuffixOrder {
    /// Positions in the text, sorted.
    private(set) var positions: [UInt32]
    /// How many tokens each sorted suffix has in common with the one before it, at most `depth`.
    private(set) var common: [UInt8]
    /// Tokens of the suffix at each position of the text (not sorted), at most `depth`.
    private(set) var lengths: [UInt8]

    init(_ sequences: NGramSequences, depth: Int) {
        let tokens = sequences.tokens
        precondition(tokens.count < UInt32.max, "SuffixOrder: \(tokens.count) tokens")
        let (ranks, alphabet) = Self.denseRanks(sequences)
        let tokenBits = Self.bits(alphabet)

        lengths = [UInt8](repeating: 0, count: tokens.count)
        var start = 0
        for end in sequences.ends {
            for position in start..<end { lengths[position] = UInt8(min(depth, end - position)) }
            start = end
        }

        common = [UInt8](repeating: 0, count: tokens.count)
        var entries = [SortEntry](
            repeating: SortEntry(key: 0, position: 0), count: tokens.count)
        // The rank of each position among the suffixes cut after `done` tokens.
        var rank = [UInt32](repeating: 0, count: tokens.count)
        var classes = 1
        var done = 0
        while done < depth && !tokens.isEmpty {
            let rankBits = Self.bits(classes - 1)
            let taken = min(depth - done, (64 - rankBits) / tokenBits)
            let takenBits = taken * tokenBits
            let packed = Self.pack(tokens, ranks, sequences.ends, taken: taken, bits: tokenBits)
            for position in tokens.indices {
                let rest = Int(lengths[position]) > done ? packed[position + done] : 0
                let high = takenBits == 64 ? 0 : UInt64(rank[position]) << takenBits
                entries[position] = SortEntry(key: high | rest, position: UInt32(position))
            }
            radixSort(&entries, bits: rankBits + takenBits)

            classes = 0
            var previous: UInt64 = 0
            for slot in entries.indices {
                let entry = entries[slot]
                let difference = entry.key ^ previous
                previous = entry.key
                if slot == 0 || difference != 0 { classes += 1 }
                rank[Int(entry.position)] = UInt32(classes - 1)
                if slot == 0 { continue }
                let highest = 63 - difference.leadingZeroBitCount
                if highest >= takenBits { continue }  // differed before: `common` is known
                let equal = difference == 0 ? taken : (takenBits - 1 - highest) / tokenBits
                common[slot] = min(UInt8(done + equal), lengths[Int(entry.position)])
            }
            done += taken
        }
        positions = entries.map(\.position)
    }

    /// Numbers from 1 in the order of the ids, for those ids only that occur; and the largest number.
    private static func denseRanks(_ sequences: NGramSequences) -> ([UInt32], Int) {
        var ranks = [UInt32](repeating: 0, count: sequences.vocabularySize + 1)
        for token in sequences.tokens { ranks[Int(token)] = 1 }
        var count: UInt32 = 0
        for token in ranks.indices where ranks[token] == 1 {
            count += 1
            ranks[token] = count
        }
        return (ranks, Int(count))
    }

    /// For each position the ranks of `taken` tokens from there on, the first in the highest bits;
    /// zeros stand for what lies beyond the end of the sequence.
    private static func pack(
        _ tokens: [TokenID], _ ranks: [UInt32], _ ends: [Int], taken: Int, bits: Int
    ) -> [UInt64] {
        var packed = [UInt64](repeating: 0, count: tokens.count)
        var start = 0
        for end in ends {
            var key: UInt64 = 0
            for position in (start..<end).reversed() {
                let rank = UInt64(ranks[Int(tokens[position])])
                key = rank << ((taken - 1) * bits) | (bits == 64 ? 0 : key >> bits)
                packed[position] = key
            }
            start = end
        }
        return packed
    }

    /// Bits that hold the numbers 0...value.
    private static func bits(_ value: Int) -> Int { Int.bitWidth - value.leadingZeroBitCount }
}
