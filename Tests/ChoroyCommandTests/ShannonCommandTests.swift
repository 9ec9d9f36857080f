import ChoroySystem
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `The shannon command` {
    /// Sentences of a few words, with all 26 letters in them.
    private static let text: String = {
        var random = SeededRandom(seed: 6)
        let words = [
            "the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "it's",
            "very", "nice",
        ]
        return (0..<900).map { _ in
            (0..<8).map { _ in words[random.below(words.count)] }.joined(separator: " ") + ".\n"
        }.joined()
    }()

    private static func approximations(_ options: String) throws -> [JSONValue] {
        try Fixtures.withTemporaryDirectory { directory in
            try AtomicFile.write(Array(text.utf8), to: FilePath.join(directory, "t.txt"))
            let run = try CommandRun.shell(
                "$choroy shannon t.txt --json \(options)", in: directory)
            #expect(run.code == 0, "\(run.errors)")
            return try run.output.split(separator: 10).map {
                try JSONReader.parse($0, path: "output")
            }
        }
    }

    @Test func `longer runs of letters cost less, and the sample is of 27 symbols`() throws {
        let found = try Self.approximations("--fold --letters 4 --words 2 --length 90 --seed 3")
        #expect(found.map { $0["order"]?.integer } == [0, 1, 2, 3, 4, 1, 2])
        let bits = found.compactMap { $0["bits"]?.double }
        #expect(abs(bits[0] - log2(27)) < 1e-12)
        #expect(zip(bits[..<5], bits[1..<5]).allSatisfy { $0 > $1 })
        // Words follow each other by chance: 13 of them and the end of no sentence.
        #expect(abs(bits[5] - log2(13)) < 0.05 && abs(bits[6] - log2(13)) < 0.2)
        for sample in found.compactMap({ $0["sample"]?.string }) {
            #expect(sample.utf8.count == 90)
            #expect(sample.utf8.allSatisfy { $0 == 32 || (65...90).contains($0) })
        }
        let known = Set(
            Self.text.uppercased().replacing("\'", with: "").replacing(".", with: "").split(
                separator: " "))
        let words = (found[5]["sample"]?.string ?? "").split(separator: " ")
        #expect(words.allSatisfy { word in known.contains { $0.contains(word) } })
    }

    @Test func `the same seed draws the same, another something else`() throws {
        let options = "--letters 3 --words 1"
        let once = try Self.approximations(options)
        #expect(try Self.approximations(options) == once)
        let other = try Self.approximations(options + " --seed 2")
        #expect(
            zip(other, once).allSatisfy { $0["bits"] == $1["bits"] && $0["sample"] != $1["sample"] }
        )
    }

    /// All letters are A but each fifth, which is B: whoever says A first needs two guesses then.
    @Test func `who plays is told the bounds, and so are the models`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let text = String(repeating: "aaaab", count: 450)
            try AtomicFile.write(Array(text.utf8), to: FilePath.join(directory, "t.txt"))
            let run = try CommandRun.shell(
                """
                yes aaaaab | $choroy shannon t.txt --play --guesses 185 --letters 6 --json
                echo end; printf 'zzya?.aaa' | $choroy shannon t.txt --play --guesses 185 --letters 0 --json
                """, in: directory)
            let parts = run.text.split(separator: "end\n")
            let rows = try parts[0].split(separator: "\n").map {
                try JSONReader.parse(Array($0.utf8), path: "output")
            }
            #expect(rows.map { $0["who"]?.string } == ["you"] + (1...6).map { "order \($0)" })
            for row in rows { #expect(row["letters"]?.integer == 185) }
            // A first, then B: 37 of 185 letters take one guess more.
            #expect(rows[0]["guesses"]?.array?.prefix(3).map(\.integer) == [148, 37, 0])
            let entropy = -(0.8 * log2(0.8) + 0.2 * log2(0.2))
            #expect(abs((rows[0]["upper"]?.double ?? 9) - entropy) < 1e-12)
            #expect(abs((rows[0]["lower"]?.double ?? 9) - 2 * 0.2) < 1e-12)
            #expect(rows[0]["bits"] == JSONValue.null)
            // Letters alone know that four of five are A; five in a row tell all.
            #expect(abs((rows[1]["bits"]?.double ?? 9) - entropy) < 0.05)
            #expect(rows[6]["first_share"]?.double == 1 && (rows[6]["bits"]?.double ?? 9) < 0.1)
            let last = try JSONReader.parse(Array(parts[1].utf8), path: "output")
            #expect(last["guesses"]?.array?.prefix(4).map(\.integer) == [0, 1, 1, 0])
        }
    }

    @Test(arguments: [
        ("--letters 17", "", "--letters: expected 0 to 16, found 17"),
        ("--words -1", "", "words"), ("--play --guesses 0", "", "guesses"),
        ("--play", "some words, too few for this game", "at least 440 letters"),
        ("", "a", "expected a text of some words"),
        ("", "     ", "expected a text of some words"), ("none.txt", "a b c d", "none.txt"),
    ])
    func `what cannot be done is said`(_ options: String, _ text: String, _ words: String) throws {
        try Fixtures.withTemporaryDirectory { directory in
            try AtomicFile.write(Array(text.utf8), to: FilePath.join(directory, "t.txt"))
            let run = try CommandRun.shell(
                "$choroy shannon t.txt \(options); echo $?", in: directory)
            #expect(run.errors.contains(words), "\(run.errors)")
            #expect(["1\n", "2\n", "64\n"].contains(run.text), "\(run.text)")
        }
    }
}
