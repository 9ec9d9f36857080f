import ChoroySystem
import TestSupport
import Testing

@Suite struct `The ladder command` {
    private static func ladder(_ script: String) throws -> (JSONValue, CommandRun.Result) {
        try Fixtures.withTemporaryDirectory { directory in
            try AtomicFile.write(TrainingFixture.text, to: FilePath.join(directory, "t.txt"))
            let run = try TrainingFixture.shell(script, in: directory)
            #expect(run.code == 0, "\(run.errors)")
            let line = try #require(run.text.split(separator: "\n").last, "\(run.errors)")
            return (try JSONReader.parse(Array(line.utf8), path: "output"), run)
        }
    }

    private static func bits(_ ladder: JSONValue, _ kind: String) -> [Double] {
        (ladder["rungs"]?.array ?? []).filter { $0["kind"]?.string == kind }
            .compactMap { $0["bits_per_byte"]?.double }
    }

    @Test(arguments: ["character", "byte"])
    func `more context costs less, on words in any order`(_ unit: String) throws {
        let (ladder, _) = try Self.ladder("$choroy ladder t.txt --order 5 --unit \(unit) --json")
        #expect(Self.bits(ladder, "uniform") == [8])
        let bits = Self.bits(ladder, "ngram")
        #expect(bits.count == 5 && bits[0] < 5)
        #expect(zip(bits, bits.dropFirst()).allSatisfy { $0 > $1 })
        let held = try #require(ladder["held_out_bytes"]?.integer)
        let learned = try #require(ladder["training_bytes"]?.integer)
        #expect(held + learned == TrainingFixture.text.count && (1000...3000).contains(held))
        for rung in ladder["rungs"]?.array ?? [] where rung["kind"]?.string == "ngram" {
            #expect(rung["bytes"]?.integer == held)
        }
        #expect(ladder["best"]?.string == "5-gram")
    }

    @Test func `a compressor gains from the text before, and knows less than a model`() throws {
        let (ladder, _) = try Self.ladder("$choroy ladder t.txt --order 4 --json")
        let rungs = ladder["rungs"]?.array ?? []
        let compressors = rungs.filter { $0["kind"]?.string == "compressor" }
        #expect(compressors.first?["name"]?.string == "gzip -9")
        for rung in compressors {
            let bits = rung["bits_per_byte"]?.double ?? 0
            #expect(bits > (Self.bits(ladder, "ngram").last ?? 9))
            #expect(bits > 0 && bits < 8)
            // bzip2 sorts blocks that begin anew; the others look back.
            if rung["name"]?.string?.hasPrefix("bzip2") != true {
                #expect(bits < rung["alone_bits_per_byte"]?.double ?? 0)
            }
        }
    }

    @Test func `a model is scored on what it has not seen, else it is marked`() throws {
        let (ladder, run) = try Self.ladder(
            """
            train --output m --steps 30; train --output n --steps 5; head -c 9000 t.txt >u.txt
            $choroy train u.txt $tiny --output other --steps 5
            $choroy ngram t.txt --unit word --order 2 --output w.arpa
            $choroy ladder t.txt m other w.arpa --order 2 --no-compressors
            $choroy evaluate m t.txt --json
            $choroy ladder t.txt m other w.arpa --order 2 --no-compressors --json --unit token
            """)
        let models = (ladder["rungs"]?.array ?? []).filter { $0["kind"]?.string == "model" }
        #expect(models.map { $0["name"]?.string } == ["m", "other", "w.arpa"])
        #expect(models.map { $0["may_know_text"] } == [.bool(false), .bool(true), .bool(true)])
        #expect(
            models.map { $0["pays_for_spelling"] } == [.bool(true), .bool(true), .bool(false)])
        for model in models { #expect(model["bytes"] == ladder["held_out_bytes"]) }
        for words in ["other *", "w.arpa * †", "* may have learned", "† does not pay", "best"] {
            #expect(run.text.contains(words), "\(run.text)")
        }
        // The same bytes that training held back.
        let marks = run.errors.matches(of: /validation: ([0-9.]+) bits per byte/)
        let said = try #require(marks.first.flatMap { Double($0.output.1) })
        let found = models[0]["bits_per_byte"]?.double ?? 9
        #expect(abs(found - said) < 0.02, "\(found) \(said)")
    }

    @Test func `words pay for the spelling of new ones`() throws {
        let (ladder, _) = try Self.ladder(
            """
            printf 'the bird of paradise sings in an oak tree by the sea\\n%.0s' $(seq 60) >v.txt
            $choroy ladder t.txt --validation v.txt --unit word --order 3 --json
            """)
        let bits = Self.bits(ladder, "ngram")
        // Four of eleven words are new, with 16 letters in 53 bytes, a byte no less than 2 bits.
        #expect(bits.count == 3 && bits.allSatisfy { $0 > 16 * 2 / 53.0 && $0 < 5 })
        #expect(ladder["validation"]?.array?.map(\.string) == ["v.txt"])
        #expect(ladder["training_bytes"]?.integer == TrainingFixture.text.count)
    }

    @Test func `the drawing has a bar for each rung and no other file`() throws {
        try TrainingFixture.withText { directory in
            let run = try CommandRun.shell(
                """
                mkdir 'a <b> & "c"'; cat t.txt t.txt t.txt >'a <b> & "c"/x <y>.txt'
                $choroy ladder 'a <b> & "c"/x <y>.txt' --order 3 --svg l.svg; cat l.svg
                """, in: directory)
            #expect(run.code == 0, "\(run.errors)")
            let svg = try String(
                decoding: FileBytes.read(FilePath.join(directory, "l.svg")), as: UTF8.self)
            #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
            #expect(svg.hasSuffix("</svg>\n"))
            #expect(svg.matches(of: /<rect class="(uniform|ngram)"/).count == 4)
            #expect(svg.matches(of: /class="whisker"/).count == 9)
            #expect(svg.contains("x &lt;y&gt;.txt") && !svg.contains("<y>"))
            for word in ["nan", "inf", "href", "url(", "<script"] { #expect(!svg.contains(word)) }
            #expect(run.errors.contains("drawn: l.svg"))
        }
    }

    @Test(arguments: [
        ("none.txt", "none.txt"), ("t.txt none", "none"), ("t.txt --order 65", "--order"),
        ("t.txt --unit token", "--unit token needs --tokenizer"),
        ("t.txt --tokenizer t.txt", "--tokenizer goes with --unit token"),
        ("t.txt --validation none.txt", "none.txt"), ("one.txt", "one.txt"),
        ("t.txt t.txt", "expected a model"), ("t.txt --svg none/l.svg", "none/l.svg"),
    ])
    func `what cannot be compared is said`(_ arguments: String, _ words: String) throws {
        try TrainingFixture.withText { directory in
            let run = try CommandRun.shell(
                "printf x >one.txt; $choroy ladder \(arguments) --no-compressors; echo $?",
                in: directory)
            #expect(!run.text.hasSuffix("0\n") || run.text.contains("100\n"), "\(run.text)")
            #expect(run.errors.contains(words), "\(run.errors)")
        }
    }
}
