import ChoroySystem
import ChoroyText
import TestSupport
import Testing

/// Pieces that are encoded block by block, against the merges one at a time as the definition says.
@Suite struct `Long pieces` {
    private struct Vocabulary {
        /// The least of the letters.
        let first: UInt8
        var names: [String]
        var merges: [(left: Int, right: Int, result: Int)] = []

        /// Random merges over a few letters, in an order that training would hardly give.
        init(
            letters: Int, from first: UInt8 = 0x61, merges count: Int, isTrained: Bool = false,
            _ random: inout SeededRandom
        ) {
            self.first = first
            names = (0..<letters).map { String(UnicodeScalar(first + UInt8($0))) }
            var known = Set(names)
            for _ in 0..<count {
                let (left, right) = (random.below(names.count), random.below(names.count))
                let name = names[left] + names[right]
                guard name.count <= 40, known.insert(name).inserted else { continue }
                merges.append((left, right, names.count))
                names.append(name)
            }
            for index in merges.indices.dropFirst() where !isTrained && random.below(3) == 0 {
                merges.swapAt(index, random.below(index))
            }
        }

        /// - Parameter isComplete: With all other bytes as tokens, so that blocks are made.
        func tokenizer(isComplete: Bool = true) throws -> Tokenizer {
            var members = names.enumerated().map { "\"\($1)\":\($0)" }
            let all = Tokenizer()
            for byte in 0..<256 where isComplete && !names.contains(all.name(of: TokenID(byte))) {
                members.append(
                    "\(JSONWriter.string(.string(all.name(of: TokenID(byte))))):\(names.count + byte)"
                )
            }
            let list = merges.map { "[\"\(names[$0.left])\",\"\(names[$0.right])\"]" }
            let json = """
                {"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},
                "model":{"type":"BPE","vocab":{\(members.joined(separator: ","))},
                "merges":[\(list.joined(separator: ","))]}}
                """
            return try Fixtures.withTemporaryDirectory { directory in
                try AtomicFile.write(
                    Array(json.utf8), to: FilePath.join(directory, "tokenizer.json"))
                return try Tokenizer(contentsOf: directory)
            }
        }

        func naive(_ text: [UInt8]) -> [TokenID] {
            var ranks: [Int: (rank: Int, result: Int)] = [:]
            for (rank, merge) in merges.enumerated() {
                ranks[merge.left << 20 | merge.right] = (rank, merge.result)
            }
            var symbols = text.map { Int($0) - Int(first) }
            while true {
                var best = (rank: Int.max, place: 0, result: 0)
                for place in symbols.indices.dropLast() {
                    if let merge = ranks[symbols[place] << 20 | symbols[place + 1]],
                        merge.rank < best.rank
                    {
                        best = (merge.rank, place, merge.result)
                    }
                }
                guard best.rank < .max else { return symbols.map { TokenID($0) } }
                symbols[best.place] = best.result
                symbols.remove(at: best.place + 1)
            }
        }
    }

    @Test func `are what the merges make of them, for any merges`() throws {
        var random = SeededRandom(seed: 31)
        for round in 0..<60 {
            let letters = 1 + random.below(4)
            let vocabulary = Vocabulary(letters: letters, merges: 1 + random.below(60), &random)
            let tokenizer = try vocabulary.tokenizer(isComplete: round % 10 < 9)
            for _ in 0..<6 {
                var text = (0..<1 + random.below(500)).map { _ in
                    UInt8(0x61 + random.below(letters))
                }
                if random.below(3) == 0 {
                    let unit = text.prefix(1 + random.below(9))
                    text += (0..<random.below(90)).flatMap { _ in unit }
                }
                #expect(tokenizer.encode(text) == vocabulary.naive(text))
            }
        }
    }

    /// Merges of digits in the order of a training are followed from left to right; others are not.
    @Test func `of digits are what the merges make of them`() throws {
        var random = SeededRandom(seed: 33)
        for round in 0..<120 {
            let kinds = 1 + random.below(10)
            let first = UInt8(0x30 + random.below(11 - kinds))
            let vocabulary = Vocabulary(
                letters: kinds, from: first, merges: 1 + random.below(round % 3 == 0 ? 300 : 40),
                isTrained: round % 6 > 0, &random)
            let tokenizer = try vocabulary.tokenizer(isComplete: round % 4 > 0)
            for size in [65, 70 + random.below(400), 1024 + random.below(700)] {
                let text = (0..<size).map { _ in first + UInt8(random.below(kinds)) }
                #expect(tokenizer.encode(text) == vocabulary.naive(text))
            }
        }
    }

    @Test func `that repeat a few bytes are what the merges make of them`() throws {
        var random = SeededRandom(seed: 32)
        for _ in 0..<25 {
            let letters = 1 + random.below(3)
            let vocabulary = Vocabulary(letters: letters, merges: 5 + random.below(30), &random)
            let tokenizer = try vocabulary.tokenizer()
            let unit = (0..<1 + random.below(12)).map { _ in UInt8(0x61 + random.below(letters)) }
            let count = (3000 + random.below(1500)) / unit.count
            var text = (0..<count).flatMap { _ in unit }
            text += text.prefix(random.below(unit.count))
            for bytes in [text, [0x61] + text, text + [0x61]] {
                #expect(tokenizer.encode(bytes) == vocabulary.naive(bytes))
            }
        }
    }

    /// An added token may be named as the byte alphabet names a byte, and is other bytes then.
    @Test func `are safe where a token's bytes are not those that it was merged from`() throws {
        let tokenizer = try Fixtures.withTemporaryDirectory { directory in
            try Tokenizer(pattern: .gpt2).save(to: directory)
            let path = FilePath.join(directory, "tokenizer.json")
            let file = String(decoding: try FileBytes.read(path), as: UTF8.self)
            let added =
                #""added_tokens": [{"id":32,"content":"\u0120","special":false,"normalized":false},"#
            try AtomicFile.write(
                Array(file.replacing(#""added_tokens": ["#, with: added).utf8), to: path)
            return try Tokenizer(contentsOf: directory)
        }
        for count in [63, 65, 200, 5000] {
            let spaces = [UInt8](repeating: 32, count: count)
            #expect(tokenizer.encode(spaces) == [TokenID](repeating: 32, count: count))
        }
    }
}
