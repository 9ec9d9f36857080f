import ChoroySystem
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `Bad input for training` {
    /// Options of `choroy train`, the exit code and words of the message.
    static let cases: [(String, Int32, String)] = [
        ("missing.txt --output o --steps 9", 1, "missing.txt: expected a readable file"),
        ("empty.txt --output o --steps 9", 1, "empty.txt: expected text, found none"),
        ("folder --output o --steps 9", 1, "folder: expected text, found none"),
        ("binary --output o --steps 9", 1, "binary, byte 2: expected text, found a NUL byte"),
        ("t.txt missing.txt --output o --steps 9", 1, "missing.txt"),
        ("- --output o --steps 9 </dev/null", 1, "standard input: expected text"),
        ("small.txt --output o --steps 9", 1, "small.txt: expected more than one context"),
        ("t.txt --output o --steps 9 --context 20000", 1, "expected more than one context"),
        ("t.txt --steps 9", 2, "--output"),
        ("--output o", 2, "<text>"),
        ("t.txt --output o --heads 3 --hidden-size 64", 2, "--heads: expected a divisor"),
        ("t.txt --output o --steps 9 --heads 4 --hidden-size 64 --kv-heads 3", 2, "--kv-heads"),
        ("t.txt --output o --steps 9 --heads 2 --hidden-size 64 --kv-heads 4", 2, "--kv-heads"),
        ("t.txt --output o --steps 9 --heads 64 --hidden-size 64", 2, "--heads"),
        ("t.txt --output o --steps 9 --hidden-size 1000000", 2, "--hidden-size"),
        ("t.txt --output o --steps 9 --layers 1000000", 2, "--layers"),
        ("t.txt --output o --steps 9 --layers 60 --hidden-size 32768 --heads 512", 1, "memory"),
        ("t.txt --output o --steps 9 --batch-tokens 16777216 --context 16777216", 2, "--context"),
        ("t.txt --output o --steps 0", 2, "--steps: expected"),
        ("t.txt --output o --steps -5", 2, "--steps"),
        ("t.txt --output o --steps 1099511627776", 2, "--steps: expected"),
        ("t.txt --output o --steps 99999999999999999999", 2, "--steps"),
        ("t.txt --output o --steps x", 2, "--steps"),
        ("t.txt --output o --steps 9 --minutes 1", 2, "exclude"),
        ("t.txt --output o --minutes 0", 2, "--minutes: expected"),
        ("t.txt --output o --minutes -1", 2, "--minutes"),
        ("t.txt --output o --minutes nan", 2, "--minutes: expected"),
        ("t.txt --output o --minutes inf", 2, "--minutes: expected"),
        ("t.txt --output o --steps 9 --context 0", 2, "--context: expected"),
        ("t.txt --output o --steps 9 --context 64 --batch-tokens 63", 2, "--batch-tokens"),
        ("t.txt --output o --steps 9 --batch-tokens 1000000000", 2, "--batch-tokens"),
        ("t.txt --output o --steps 9 --dropout 1.5", 2, "--dropout: expected"),
        ("t.txt --output o --steps 9 --dropout nan", 2, "--dropout: expected"),
        ("t.txt --output o --steps 9 --dropout 1e300", 2, "--dropout: expected"),
        ("t.txt --output o --steps 9 --dropout=-0.1", 2, "--dropout: expected"),
        ("t.txt --output o --steps 9 --learning-rate nan", 2, "--learning-rate: expected"),
        ("t.txt --output o --steps 9 --learning-rate 0", 2, "--learning-rate: expected"),
        ("t.txt --output o --steps 9 --learning-rate 1e9", 2, "--learning-rate: expected"),
        ("t.txt --output o --steps 9 --vocab-size 10", 2, "--vocab-size: expected 264"),
        ("t.txt --output o --steps 9 --vocab-size 1000000000", 2, "--vocab-size: expected"),
        ("t.txt --output o --steps 9 --vocab-size 300 --tokenizer tok", 2, "exclude"),
        ("t.txt --output o --steps 9 --tokenizer missing", 1, "missing"),
        ("t.txt --output o --steps 9 --tokenizer corrupt.json", 1, "corrupt.json"),
        ("t.txt --output o --steps 9 --tokenizer t.txt", 1, "t.txt"),
        ("t.txt --output o --steps 9 --preset huge", 2, "--preset: expected nano"),
        ("t.txt --output o --steps 9 --seed -1", 2, "--seed"),
        ("t.txt --output o --steps 9 --threads 0", 2, "--threads"),
        ("t.txt --output o --steps 9 --evaluate-every 0", 2, "--evaluate-every"),
        ("t.txt --output t.txt --steps 9", 1, "t.txt: expected a directory, found a file"),
        ("t.txt --output t.txt/o --steps 9", 1, "t.txt: expected a directory, found a file"),
        ("t.txt --output /dev/null --steps 9", 1, "/dev/null: expected a directory"),
        ("t.txt --output model --steps 9", 1, "model: expected a new directory, found"),
        ("t.txt --output model --steps 9 --resume", 1, "model: expected a new directory, found"),
        ("t.txt --output tok --steps 9", 1, "tok: expected a new directory, found"),
        ("t.txt --output '' --steps 9", 2, "--output"),
    ]

    @Test(arguments: cases)
    func `is a message with exit code 1 or 2, and nothing is written`(
        arguments: String, code: Int32, words: String
    ) throws {
        try TrainingFixture.withText { directory in
            let files: [(String, [UInt8])] = [
                ("empty.txt", []), ("binary", [1, 2, 0, 3]), ("small.txt", Array("bird\n".utf8)),
                ("corrupt.json", Array("{\"model\": {\"type\": \"BPE\", \"vocab\": ".utf8)),
                ("folder/.hidden", Array("hidden".utf8)), ("model/config.json", [123, 125]),
                ("tok/tokenizer.json", [123, 125]),
            ]
            for (name, bytes) in files {
                let path = FilePath.join(directory, name)
                try FilePath.createDirectory(FilePath.directory(of: path))
                try AtomicFile.write(bytes, to: path)
            }
            let before = try TrainingFixture.contents(of: directory)
            let run = try TrainingFixture.shell("$choroy train \(arguments)", in: directory)
            #expect(run.code == code, "\(run.errors)")
            #expect(run.errors.contains(words), "\(run.errors)")
            if code == 1 {
                #expect(run.errors.hasPrefix("choroy: "))
                #expect(run.errors.filter { $0 == "\n" }.count == 1, "\(run.errors)")
            }
            #expect(run.output.isEmpty)
            #expect(try TrainingFixture.contents(of: directory) == before)
        }
    }

    @Test(.enabled(if: FilePath.kind(of: "/proc/self") == .directory, "Linux only"))
    func `a directory that cannot be made is a message`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell("train --output /proc/o --steps 9", in: directory)
            #expect(run.code == 1)
            let last = run.errors.split(separator: "\n").last
            #expect(
                last?.hasPrefix("choroy: /proc/o: expected a directory") == true, "\(run.errors)")
        }
    }

    @Test(.enabled(if: getuid() != 0, "the superuser may read and write everything"))
    func `what may not be read or written is a message`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                mkdir closed; chmod 500 closed; cp t.txt u.txt; chmod 000 u.txt
                train --output closed/o --steps 9; a=$?
                $choroy train u.txt --output o --steps 9; b=$?
                echo $a $b; ls
                """, in: directory)
            #expect(run.text.hasPrefix("1 1\n") && !run.text.contains("\no\n"))
            #expect(run.errors.filter { $0 == "\n" }.count == 2, "\(run.errors)")
        }
    }

    @Test func `resuming with another text, or other options, is a message`() throws {
        try TrainingFixture.withText { directory in
            #expect(
                try TrainingFixture.shell("train --output o --steps 9", in: directory).code == 0)
            let before = try TrainingFixture.contents(of: directory)
            for (options, words) in [
                ("--steps 10", "--steps: expected 9"), ("--seed 2", "--seed: expected 1"),
                ("--hidden-size 64", "--hidden-size: expected 32"), ("--layers 2", "--layers"),
                ("--heads 1", "--heads"), ("--kv-heads 1", "--kv-heads"),
                ("--context 16", "--context"), ("--batch-tokens 512", "--batch-tokens"),
                ("--dropout 0.2", "--dropout"), ("--learning-rate 0.1", "--learning-rate"),
                ("--vocab-size 264", "--vocab-size"), ("--evaluate-every 2", "--evaluate-every"),
            ] {
                // A later option of the same name wins.
                let run = try TrainingFixture.shell(
                    "train --output o --resume \(options)", in: directory)
                #expect(run.code == 2, "\(options): \(run.errors)")
                #expect(run.errors.contains(words), "\(run.errors)")
            }
            #expect(try TrainingFixture.contents(of: directory) == before)
            let other = try TrainingFixture.shell(
                "echo more >>t.txt; train --output o --resume --steps 9", in: directory)
            #expect(
                other.code == 1 && other.errors.hasPrefix("choroy: o/training/plan.json, text_"))
            #expect(other.errors.filter { $0 == "\n" }.count == 1, "\(other.errors)")
        }
    }

    @Test(
        arguments: [
            // Damage by a shell command in the run's directory; exit code; words of the message.
            ("echo >training/plan.json", 1, "plan.json"),
            ("printf '{' >training/plan.json", 1, "plan.json"),
            ("echo '{}' >training/plan.json", 1, "plan.json"),
            ("sed -i.bak 's/\"context\": 32/\"context\": 3200/' training/plan.json", 1, "context"),
            (
                "sed -i.bak 's/\"vocab_size\": 300/\"vocab_size\": 9/' training/plan.json", 1,
                "plan.json"
            ),
            ("echo '{}' >tokenizer.json", 1, "tokenizer.json"),
            ("rm tokenizer.json", 1, "tokenizer.json"),
            ("printf '\\377' >>training/step-00000010/state.json", 0, "passed over a damaged"),
            ("echo '{' >training/step-00000010/state.json", 0, "passed over a damaged"),
            ("echo >training/step-00000010/optimizer.safetensors", 0, "passed over a damaged"),
            ("echo >>training/step-00000010/model.safetensors", 0, "passed over a damaged"),
            ("rm training/step-00000010/manifest.json", 0, "passed over a damaged"),
            ("rm model.safetensors; echo >model.safetensors", 0, "all 10 steps"),
            ("echo '{' >config.json", 0, "config.json"),
            ("rm config.json", 0, "config.json"),
            ("echo '{' >generation_config.json", 0, "generation_config.json"),
            ("rm tokenizer_config.json", 0, "tokenizer_config.json"),
            ("echo garbage >training/metrics.jsonl", 0, "all 10 steps"),
            (
                "rm -r training/step-*; printf '{\"step\":0,\"loss\":1e308,\"seconds\":-1e308}\\n\\0x\\n{\"step\":-9223372036854775808,\"loss\":-1e308}\\n[]\\n' >training/metrics.jsonl",
                0, "loss (nats"
            ),
            (
                "rm -r training/step-*; rm training/metrics.jsonl; mkdir training/metrics.jsonl", 1,
                "metrics.jsonl"
            ),
            ("rm -r training/step-*; echo >training/step-00000003", 0, "passed over a damaged"),
        ] as [(String, Int32, String)])
    func `a run that was damaged says so, and ends like one that was not where it can`(
        damage: String, code: Int32, words: String
    ) throws {
        try TrainingFixture.withText { directory in
            let options = "--output o --steps 10 --evaluate-every 5"
            let whole = try TrainingFixture.shell("train \(options)", in: directory)
            #expect(whole.code == 0)
            let hashes = try TrainingFixture.hashes(of: "o", in: directory)
            let run = try TrainingFixture.shell(
                "(cd o; \(damage); rm -f training/plan.json.bak); cp -r o before; train \(options) --resume",
                in: directory)
            #expect(run.code == code, "\(run.errors)")
            #expect(run.errors.contains(words), "\(run.errors)")
            if code == 0 {
                #expect(try TrainingFixture.hashes(of: "o", in: directory) == hashes)
            } else {
                #expect(run.errors.split(separator: "\n").last?.hasPrefix("choroy: ") == true)
                #expect(
                    try TrainingFixture.contents(of: FilePath.join(directory, "o"))
                        == TrainingFixture.contents(of: FilePath.join(directory, "before")))
            }
        }
    }

    /// What a run on a disk without room does: it goes on, keeps the checkpoints it has, and fails.
    func expectFailureAtTheEnd(_ run: CommandRun.Result) {
        #expect(run.code == 1)
        let lines = run.errors.split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("not saved, going on: ") }, "\(run.errors)")
        #expect(lines.last?.hasPrefix("choroy: ") == true, "\(run.errors)")
        #expect(!run.errors.contains("choroy chat"))
    }

    @Test(
        .enabled(
            if: getuid() == 0 && FilePath.kind(of: "/usr/bin/mount") == .file
                && FilePath.kind(of: "/proc/mounts") == .file,
            "only the superuser of a Linux system can mount a small disk"))
    func `on a full disk training goes on, fails at the end, and resumes with room`() throws {
        try TrainingFixture.withText { directory in
            let options = "--steps 20 --evaluate-every 4 --vocab-size 400"
            let disk = FilePath.join(directory, "disk")
            let whole = try TrainingFixture.shell("train --output whole \(options)", in: directory)
            #expect(whole.code == 0)
            // A checkpoint is about 300 KB: two fit, a third beside them does not.
            let full = try TrainingFixture.shell(
                """
                mkdir disk; mount -t tmpfs -o size=800k none disk || exit 77
                train --output disk/o \(options)
                """, in: directory)
            guard full.code != 77 else { return }
            defer { _ = try? CommandRun.shell("umount -l '\(disk)'", in: directory) }
            expectFailureAtTheEnd(full)
            let training = try FilePath.list(FilePath.join(disk, "o/training"))
            #expect(
                training == [
                    "lock", "metrics.jsonl", "plan.json", "run.json", "samples.jsonl",
                    "step-00000004", "step-00000008",
                    "tokens.bin",
                ])
            let resumed = try TrainingFixture.shell(
                "mount -o remount,size=8m disk; train --output disk/o \(options) --resume",
                in: directory)
            #expect(resumed.code == 0 && resumed.errors.contains("going on after step 8"))
            #expect(
                try TrainingFixture.hashes(of: "disk/o", in: directory)
                    == TrainingFixture.hashes(of: "whole", in: directory))
            let lines = try FileBytes.read(FilePath.join(disk, "o/training/metrics.jsonl"))
                .split(separator: 10)
            #expect(lines.count == 20)
        }
    }

    @Test func `a limit on the size of files is an error, not the end`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                "ulimit -f 100; train --output o --steps 20 --evaluate-every 10", in: directory)
            expectFailureAtTheEnd(run)
        }
    }
}
