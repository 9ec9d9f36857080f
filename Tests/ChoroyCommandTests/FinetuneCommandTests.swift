import ChoroySystem
import TestSupport
import Testing

/// `choroy finetune` as a person calls it.
@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `The finetune command` {
    /// A base in `base`, trained for a moment, and conversations in `chat.jsonl`.
    static func withBase(_ body: (String) throws -> Void) throws {
        try TrainingFixture.withText { directory in
            let made = try TrainingFixture.shell("train --steps 2 --output base", in: directory)
            #expect(made.code == 0, "\(made.errors)")
            let lines = (0..<30).map {
                #"{"prompt": "bird \#($0 % 6)", "completion": "sings \#($0 % 5)"}"#
            }
            try AtomicFile.write(
                Array((lines.joined(separator: "\n") + "\n").utf8),
                to: FilePath.join(directory, "chat.jsonl"))
            try body(directory)
        }
    }

    private static let start = "$choroy finetune base --data chat.jsonl --batch-tokens 128"

    @Test(arguments: ["lora --rank 4 --dora --lora-dropout 0.1", "full"])
    func `stopped and resumed leaves the same bytes`(method: String) throws {
        try Self.withBase { directory in
            let options = "--method \(method) --steps 60 --evaluate-every 10 --patience 0"
            let whole = try TrainingFixture.shell(
                "\(Self.start) \(options) --output a --json", in: directory)
            #expect(whole.code == 0, "\(whole.errors)")
            #expect(whole.errors.contains("30 × prompt/completion: 30 conversations"))
            #expect(whole.errors.contains("User: bird 0\n    Assistant:"))
            let result = try JSONReader.parse(whole.output, path: "output")
            #expect(result["steps"]?.integer == 60)
            #expect(result["validation_loss"]?.double ?? 9 < 5)
            // Killed and interrupted at moments of chance, until it is done.
            let cut = try TrainingFixture.shell(
                """
                for i in 1 2 3 4 5 6; do
                    \(Self.start) \(options) --output b --resume & p=$!
                    sleep 0.$i; kill -$([ $((i % 2)) = 0 ] && echo INT || echo KILL) $p; wait $p
                done
                \(Self.start) \(options) --output b --resume && \
                \(Self.start) --method \(method) --output b --resume
                """, in: directory)
            #expect(cut.code == 0, "\(cut.errors)")
            #expect(cut.errors.contains("b: done after 60 steps"))
            #expect(
                try TrainingFixture.hashes(of: "a", in: directory)
                    == TrainingFixture.hashes(of: "b", in: directory))
            let other = try TrainingFixture.shell(
                """
                head -20 chat.jsonl >less.jsonl
                $choroy finetune base --method \(method) --data less.jsonl --output b --resume
                """, in: directory)
            #expect(other.code == 1)
            #expect(other.errors.contains("data_sha256: expected the data that the run began with"))
        }
    }

    @Test func `says what it would do, and writes nothing`() throws {
        try Self.withBase { directory in
            let before = try TrainingFixture.contents(of: directory)
            let run = try TrainingFixture.shell(
                "\(Self.start) --output o --dry-run --json --target q_proj,v_proj --epochs 2",
                in: directory)
            #expect(run.code == 0, "\(run.errors)")
            let plan = try JSONReader.parse(run.output, path: "output")
            #expect(plan["conversations"]?.integer == 30 && plan["turns"]?.integer == 60)
            #expect(plan["validation_conversations"]?.integer == 3)
            // Rank 16 on two maps of 32 × 32, and two rows of 32.
            #expect(plan["trainable_parameters"]?.integer == 2 * 16 * 64 + 64)
            #expect(plan["command"]?.string?.contains("--target q_proj,v_proj") == true)
            #expect(try TrainingFixture.contents(of: directory) == before)
        }
    }

    static let cases: [(String, Int32, String)] = [
        ("missing --data chat.jsonl --output o", 1, "missing: expected a model directory"),
        ("base --data missing.jsonl --output o", 1, "missing.jsonl: expected a readable file"),
        ("base --data empty.jsonl --output o", 1, "empty.jsonl: expected conversations"),
        ("base --data folder --output o", 1, "folder: expected conversations, found none"),
        ("base --data - --output o", 1, "standard input: expected conversations"),
        ("base --data bad.jsonl --output o", 1, "bad.jsonl, line 2, messages[0].role"),
        ("base --data t.txt --output o", 1, "t.txt, line 1"),
        ("base --data chat.jsonl --validation bad.jsonl --output o", 1, "bad.jsonl, line 2"),
        ("base --data chat.jsonl --output base", 1, "base: expected a new directory"),
        ("base --data chat.jsonl --output t.txt", 1, "t.txt: expected a directory"),
        ("base --data chat.jsonl --output tok", 1, "tok: expected a new directory"),
        ("base --data chat.jsonl --output o --context 8", 1, "that fit a context of 8 tokens"),
        ("plain --data chat.jsonl --output o", 1, "the special tokens <|im_start|>"),
        ("base --output o", 2, "--data"), ("base --data chat.jsonl", 2, "--output"),
        ("base --data chat.jsonl --output ''", 2, "--output"),
        ("base --data chat.jsonl --output o --context 64", 2, "--context: expected at most"),
        ("base --data chat.jsonl --output o --context 0", 2, "--context: expected"),
        ("base --data chat.jsonl --output o --method dpo", 2, "--method"),
        ("base --data chat.jsonl --output o --method full --rank 4", 2, "needs --method lora"),
        ("base --data chat.jsonl --output o --method full --dora", 2, "needs --method lora"),
        ("base --data chat.jsonl --output o --rank 0", 2, "--rank: expected 1 to 4096"),
        ("base --data chat.jsonl --output o --alpha nan", 2, "--alpha: expected"),
        ("base --data chat.jsonl --output o --lora-dropout 1", 2, "--lora-dropout: expected"),
        ("base --data chat.jsonl --output o --target w_proj", 2, "--target: expected all or some"),
        ("base --data chat.jsonl --output o --target q_proj,", 2, "--target: expected"),
        ("base --data chat.jsonl --output o --steps 9 --epochs 2", 2, "exclude each other"),
        ("base --data chat.jsonl --output o --steps 0", 2, "--steps: expected"),
        ("base --data chat.jsonl --output o --epochs nan", 2, "--epochs: expected"),
        ("base --data chat.jsonl --output o --minutes 0", 2, "--minutes: expected"),
        ("base --data chat.jsonl --output o --learning-rate 2", 2, "--learning-rate: expected"),
        ("base --data chat.jsonl --output o --learning-rate nan", 2, "--learning-rate"),
        ("base --data chat.jsonl --output o --batch-tokens 0", 2, "--batch-tokens: expected"),
        ("base --data chat.jsonl --output o --patience=-1", 2, "--patience: expected"),
        ("base --data chat.jsonl --output o --evaluate-every 0", 2, "--evaluate-every"),
        ("base --data chat.jsonl --output o --seed -1", 2, "--seed"),
        ("base --data chat.jsonl --output o --threads 0", 2, "--threads"),
    ]

    @Test func `answers bad input with a message and code 1 or 2, and writes nothing`() throws {
        try Self.withBase { directory in
            let bad =
                #"{"prompt": "a", "completion": "b"}"# + "\n"
                + #"{"messages": [{"role": "wizard", "content": "x"}]}"#
            for (name, text) in [
                ("empty.jsonl", ""), ("bad.jsonl", bad), ("folder/.hidden", "x"),
                ("tok/tokenizer.json", "{}"),
            ] {
                let path = FilePath.join(directory, name)
                try FilePath.createDirectory(FilePath.directory(of: path))
                try AtomicFile.write(Array(text.utf8), to: path)
            }
            let made = try TrainingFixture.shell(
                """
                cp -r base plain; rm -r plain/training
                sed -i 's/<|im_start|>/<|other|>/' plain/tokenizer.json
                sed -i '/tokenizer_sha256/d' plain/config.json
                """, in: directory)
            #expect(made.code == 0, "\(made.errors)")
            let before = try TrainingFixture.contents(of: directory)
            for (arguments, code, words) in Self.cases {
                let run = try TrainingFixture.shell(
                    "$choroy finetune \(arguments)", in: directory)
                #expect(run.code == code, "\(arguments): \(run.errors)")
                #expect(run.errors.contains(words), "\(arguments): \(run.errors)")
                if code == 1 {
                    #expect(run.errors.hasPrefix("choroy: "))
                    #expect(run.errors.filter { $0 == "\n" }.count == 1, "\(run.errors)")
                }
                #expect(run.output.isEmpty)
            }
            #expect(try TrainingFixture.contents(of: directory) == before)
        }
    }
}
