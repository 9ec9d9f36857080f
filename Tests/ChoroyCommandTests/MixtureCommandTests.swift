import ChoroySystem
import TestSupport
import Testing

@Suite struct `Mixtures by command` {
    private static func objects(_ run: CommandRun.Result) throws -> [JSONValue] {
        try run.text.split(separator: "\n").map {
            try JSONReader.parse(Array($0.utf8), path: "output")
        }
    }

    private static func bits(_ object: JSONValue) -> Double {
        object["bits_per_byte"]?.double ?? .nan
    }

    @Test func `a Transformer and an n-gram of its tokens are no worse than either`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                head -c 26000 t.txt >a.txt; tail -c +26001 t.txt >v.txt
                $choroy train a.txt $tiny --steps 60 --output m
                $choroy ngram a.txt --tokenizer m --order 2 --output m.arpa
                echo begin
                $choroy evaluate m v.txt --json
                $choroy evaluate m.arpa v.txt --json --context 32
                $choroy evaluate m v.txt --mix m.arpa --json
                $choroy evaluate m v.txt --mix m.arpa --json --mix-weight 0
                $choroy evaluate m v.txt --mix m.arpa --json --mix-weight 1
                $choroy evaluate m v.txt --mix m.arpa --json --mix-fit v.txt
                $choroy evaluate m.arpa v.txt --mix m --json --mix-fit v.txt
                """, in: directory)
            #expect(run.code == 0, "\(run.errors)")
            let objects = try Self.objects(
                CommandRun.Result(
                    code: 0, output: Array((run.text.components(after: "begin\n")).utf8), errors: ""
                ))
            try #require(objects.count == 7)
            let bits = objects.map(Self.bits)
            // The text has words at random, of which the n-gram knows all that can be known.
            #expect(bits[2] < min(bits[0], bits[1]) + 1e-4)
            #expect(abs(bits[3] - bits[0]) < 1e-9 && abs(bits[4] - bits[1]) < 1e-9)
            // Who looks at what is scored cannot do worse; and it does not matter who comes first.
            #expect(bits[5] <= bits[2] && abs(bits[5] - bits[6]) < 1e-6)
            let mixture = try #require(objects[2]["mixture"])
            #expect(mixture["shares"]?.array?.count == 2)
            let parts = try #require(mixture["parts"]?.array)
            #expect(parts.map(Self.bits) == [bits[0], bits[1]])
            for (part, excess) in zip(parts, [bits[0] - bits[2], bits[1] - bits[2]]) {
                #expect(abs((part["excess_bits_per_byte"]?.double ?? 9) - excess) < 1e-12)
            }
            #expect(
                objects[5]["mixture"]?["fitted_to"]?.string == "v.txt"
                    && objects[5]["mixture"]?["shares"]?.array?.count == 1)
        }
    }

    @Test func `generation follows the model that has all of the weight`() throws {
        try TrainingFixture.withText { directory in
            let run = try CommandRun.shell(
                """
                for order in 1 3; do $choroy ngram t.txt --unit byte --order $order --output $order.arpa; done
                say() { $choroy generate "$@" --prompt 'the b' --max-tokens 20 --temperature 0 | tr '\\n' '/'; echo; }
                say 1.arpa; say 3.arpa
                say 1.arpa --mix 3.arpa --mix-weight 0; say 1.arpa --mix 3.arpa --mix-weight 1
                say 1.arpa --mix 3.arpa; say 1.arpa --mix 3.arpa --mix-fit t.txt
                """, in: directory)
            let lines = run.text.split(separator: "\n", omittingEmptySubsequences: false)
            try #require(lines.count == 7, "\(run.text) \(run.errors)")
            #expect(lines[0] == lines[2] && lines[1] == lines[3] && lines[0] != lines[1])
            #expect(lines[5] == lines[1])
            #expect(run.errors.contains("note: half of 3.arpa is mixed in"))
            #expect(run.errors.contains("mixed: a share of"))
        }
    }

    @Test func `models of other tokens are refused, and both are named`() throws {
        try TrainingFixture.withText { directory in
            let run = try CommandRun.shell(
                """
                for size in 300 400; do
                    $choroy tokenizer train t.txt --vocab-size $size --output $size >log
                    $choroy ngram t.txt --tokenizer $size --order 2 --output $size.arpa
                done
                head -c 9000 t.txt >u.txt; $choroy tokenizer train u.txt --vocab-size 300 --output other >log
                $choroy ngram t.txt --tokenizer other --order 2 --output other.arpa
                $choroy ngram t.txt --unit word --order 2 --output word.arpa
                $choroy ngram t.txt --unit byte --order 2 --output byte.arpa
                $choroy ngram t.txt --unit character --order 2 --output character.arpa
                for m in 400 other word byte; do
                    $choroy evaluate 300.arpa t.txt --mix $m.arpa; echo $?
                    $choroy generate 300.arpa --prompt a --mix $m.arpa; echo $?
                done
                $choroy evaluate byte.arpa t.txt --mix character.arpa; echo $?
                """, in: directory)
            #expect(run.text == String(repeating: "1\n", count: 9), "\(run.text)")
            let errors = run.errors.split(separator: "\n").filter { $0.hasPrefix("choroy:") }
            #expect(errors.count == 9, "\(run.errors)")
            #expect(
                errors.first?.contains(
                    "400.arpa: expected a model of the tokens of 300.arpa (300 tokens, tokenizer ")
                    == true)
            #expect(errors.first?.contains("found one of others (") == true)
        }
    }

    @Test(arguments: [
        ("--mix-weight 0.5", "go with --mix"), ("--mix-fit t.txt", "go with --mix"),
        ("--mix m.arpa --mix-weight 1.5", "--mix-weight: expected 0 to 1"),
        ("--mix m.arpa --mix-weight nan", "--mix-weight: expected 0 to 1"),
        ("--mix m.arpa --mix-weight 1 --mix-fit t.txt", "exclude each other"),
        ("--mix none.arpa", "none.arpa"), ("--mix m.arpa --mix-fit none.txt", "none.txt"),
        ("--document-mode", "--document-mode goes with models of words"),
    ])
    func `what cannot be mixed is said`(_ options: String, _ words: String) throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                """
                echo abcab >t.txt; $choroy ngram t.txt --unit byte --order 2 --output m.arpa
                $choroy evaluate m.arpa t.txt \(options); echo $?
                """, in: directory)
            #expect(!run.text.hasPrefix("0") && run.errors.contains(words), "\(run.errors)")
        }
    }

    @Test func `in document mode a text is one sentence, in ngram and in evaluate`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            let run = try CommandRun.shell(
                """
                printf 'a b\\na c\\n\\n b\\n' >t.txt; printf 'a b a c b\\n' >j.txt
                $choroy ngram t.txt --order 2 --document-mode --output d.arpa --json
                $choroy ngram j.txt --order 2 --output j.arpa --json
                cmp d.arpa j.arpa && echo same
                $choroy evaluate d.arpa t.txt --document-mode --json
                $choroy evaluate d.arpa j.txt --json
                $choroy ngram t.txt --unit byte --document-mode --output no.arpa; echo $?
                """, in: directory)
            let lines = run.text.split(separator: "\n")
            try #require(lines.count == 6, "\(run.text) \(run.errors)")
            #expect(lines[2] == "same" && lines[5] != "0")
            let figures = try lines[3...4].map {
                try JSONReader.parse(Array($0.utf8), path: "output")
            }
            #expect(figures.map { $0["mode"]?.string } == ["document", "sentence"])
            for key in ["nats", "ppl", "ppl1", "sentences", "words", "perplexity_including_oov"] {
                #expect(figures[0][key] != nil && figures[0][key] == figures[1][key], "\(key)")
            }
            #expect(figures[0]["sentences"]?.integer == 1 && figures[0]["words"]?.integer == 5)
        }
    }
}

extension String {
    /// What comes behind the first `mark`.
    fileprivate func components(after mark: String) -> String {
        guard let range = self.firstRange(of: mark) else { return "" }
        return String(self[range.upperBound...])
    }
}
