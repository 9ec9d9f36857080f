import ChoroySystem
import TestSupport
import Testing

@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `Training by command` {
    static func withUnbrokenRun(
        _ options: String, _ body: (String, [String: String]) throws -> Void
    ) throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell("train --output whole \(options)", in: directory)
            #expect(run.code == 0, "\(run.errors)")
            try body(directory, try TrainingFixture.hashes(of: "whole", in: directory))
        }
    }

    @Test func `a run writes a model, its measurements and a curve`() throws {
        try Self.withUnbrokenRun("--steps 30 --threads 1") { directory, hashes in
            #expect(hashes["newest"] == "step-00000030")
            let errors = try String(
                decoding: FileBytes.read(FilePath.join(directory, "errors")), as: UTF8.self)
            for words in [
                "300 tokens", "1 layer, 32 wide",
                "30 steps of 256 tokens", "ends at about", "the same   choroy train t.txt",
                "loss (nats per token) by step", "bits per byte on ", "bytes to learn from, ",
                "choroy chat whole",
            ] {
                #expect(errors.contains(words), "\(words) in \(errors)")
            }
            let lines = try FileBytes.read(
                FilePath.join(directory, "whole/training/metrics.jsonl")
            ).split(separator: 10)
            #expect(lines.count == 30)
            var before = 10.0
            for (index, line) in lines.enumerated() {
                let object = try JSONReader.parse(line, path: "metrics.jsonl")
                #expect(
                    object.object?.members.map(\.key) == [
                        "step", "tokens", "seconds", "loss", "validation_bits_per_byte",
                        "learning_rate", "gradient_norm", "tokens_per_second",
                    ])
                #expect(object["step"] == .integer(index + 1))
                #expect(object["tokens"] == .integer(256 * (index + 1)))
                if let bits = object["validation_bits_per_byte"]?.double {
                    #expect(bits < before + 0.1)
                    before = bits
                }
            }
            #expect(before < 3)
        }
    }

    @Test func `the command it prints gives the same bytes`() throws {
        try TrainingFixture.withText { directory in
            try FilePath.rename(
                FilePath.join(directory, "t.txt"), to: FilePath.join(directory, "a 'text'.txt"))
            let script = """
                $choroy train "a 'text'.txt" --minutes 0.01 --layers 1 --hidden-size 32 \
                    --output one --vocab-size 280 --batch-tokens 256 --context 32 --seed 3
                """
            let first = try TrainingFixture.shell(script, in: directory)
            #expect(first.code == 0, "\(first.errors)")
            let line = try #require(
                first.errors.split(separator: "\n").last { $0.hasPrefix("the same") })
            let words = line.dropFirst("the same   choroy ".count)
                .replacing("--output one", with: "--output 'the other'")
            let second = try TrainingFixture.shell("$choroy \(words)", in: directory)
            #expect(second.code == 0, "\(second.errors)")
            let (one, other) = (
                try TrainingFixture.hashes(of: "one", in: directory),
                try TrainingFixture.hashes(of: "the other", in: directory)
            )
            #expect(one["/model.safetensors"] == other["/model.safetensors"])
        }
    }

    @Test func `any number of threads, and every repetition, gives the same bytes`() throws {
        try Self.withUnbrokenRun("--steps 30 --threads 1") { directory, hashes in
            for threads in [1, 2, 3, 8] {
                let run = try TrainingFixture.shell(
                    "train --output on\(threads) --steps 30 --threads \(threads)", in: directory)
                #expect(run.code == 0)
                #expect(
                    try TrainingFixture.hashes(of: "on\(threads)", in: directory) == hashes,
                    "\(threads) threads")
            }
        }
    }

    @Test func `a text learned by heart keeps its best state and says so`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                head -c 6000 t.txt | tr 'a-z' 'n-za-m' > short.txt
                $choroy train short.txt --layers 2 --hidden-size 64 --heads 2 --context 32 \
                    --batch-tokens 256 --vocab-size 400 --dropout 0 --steps 300 --evaluate-every 15 \
                    --learning-rate 0.005 --json --output o
                """, in: directory)
            #expect(run.code == 0, "\(run.errors)")
            let object = try JSONReader.parse(run.output, path: "output")
            let best = try #require(object["best_step"]?.integer)
            #expect(best < 300, "\(run.errors)")
            #expect(run.errors.contains("learns the text by heart; the best state is kept"))
            let step = FilePath.join(directory, "o/training/step-00000300")
            let model = try FileBytes.read(FilePath.join(directory, "o/model.safetensors"))
            #expect(try FileBytes.read(FilePath.join(step, "model.safetensors")) == model)
            #expect(try FileBytes.read(FilePath.join(step, "weights.safetensors")) != model)
        }
    }

    @Test(arguments: 1...(Fixtures.runsAll ? 40 : 3) as ClosedRange<UInt64>)
    func `a run that is killed again and again ends with the bytes of one that was not`(
        seed: UInt64
    ) throws {
        let options = "--steps 60 --batch-tokens 1024 --evaluate-every 4"
        try Self.withUnbrokenRun(options) { directory, hashes in
            var random = SeededRandom(seed: seed)
            var kills = 0
            for attempt in 0..<40 {
                // From before the start of the run to its end, and later on without a kill.
                let seconds = 0.02 + random.uniform() * 0.3
                let script = """
                    $choroy train t.txt $tiny --output killed \(options) --resume & process=$!
                    { sleep \(attempt < 6 ? seconds : 20); kill -9 $process; } 2>/dev/null & killer=$!
                    wait $process; code=$?; kill $killer 2>/dev/null; exit $code
                    """
                let run = try TrainingFixture.shell(script, in: directory)
                if run.code == 0 { break }
                #expect(run.code == 137, "\(run.errors)")
                kills += 1
            }
            #expect(kills >= 1)
            #expect(try TrainingFixture.hashes(of: "killed", in: directory) == hashes)
            // What the kills left has been cleared up.
            let left = try FilePath.list(FilePath.join(directory, "killed/training"))
            #expect(
                left == [
                    "lock", "metrics.jsonl", "plan.json", "run.json", "samples.jsonl",
                    "step-00000056", "step-00000060", "tokens.bin",
                ], "\(left)")
            let lines = try FileBytes.read(
                FilePath.join(directory, "killed/training/metrics.jsonl")
            ).split(separator: 10)
            let steps = try lines.map { try JSONReader.parse($0, path: "metrics")["step"]?.integer }
            #expect(steps == (1...60).map { $0 })
        }
    }

    @Test(arguments: [("INT", 130), ("TERM", 143)])
    func `a signal saves and ends, and resuming ends like a run without it`(
        signal: String, code: Int32
    ) throws {
        let options = "--steps 400 --evaluate-every 300"
        try Self.withUnbrokenRun(options) { directory, hashes in
            let script = """
                $choroy train t.txt $tiny --output stopped \(options) & process=$!
                while [ ! -s stopped/training/metrics.jsonl ]; do sleep 0.01; done
                kill -\(signal) $process; wait $process
                """
            let stopped = try TrainingFixture.shell(script, in: directory)
            #expect(stopped.code == code)
            let last = stopped.errors.split(separator: "\n").last
            #expect(last?.hasPrefix("stopped after step ") == true, "\(stopped.errors)")
            #expect(last?.hasSuffix(", saved; --resume goes on") == true)
            let resumed = try TrainingFixture.shell(
                "train --output stopped \(options) --resume", in: directory)
            #expect(resumed.code == 0 && resumed.errors.contains("going on after step "))
            #expect(try TrainingFixture.hashes(of: "stopped", in: directory) == hashes)
        }
    }

    @Test func `resuming begins a new run, and leaves a finished one alone`() throws {
        try Self.withUnbrokenRun("--steps 10") { directory, hashes in
            let begun = try TrainingFixture.shell(
                "train --output other --steps 10 --resume", in: directory)
            #expect(begun.code == 0)
            #expect(try TrainingFixture.hashes(of: "other", in: directory) == hashes)
            let before = try TrainingFixture.contents(of: directory)
            let again = try TrainingFixture.shell(
                "train --output other --steps 10 --resume", in: directory)
            #expect(again.code == 0 && again.errors.contains("other: all 10 steps are done"))
            #expect(again.output.isEmpty)
            let json = try TrainingFixture.shell(
                "train --output other --steps 10 --resume --json", in: directory)
            let object = try JSONReader.parse(json.output, path: "output")
            #expect(object["steps"] == .integer(10) && object["model"] == .string("other"))
            #expect(object["validation_bits_per_byte"]?.double != nil)
            #expect(try TrainingFixture.contents(of: directory) == before)
        }
    }

    @Test func `a dry run tells the plan and writes nothing`() throws {
        try TrainingFixture.withText { directory in
            for options in ["--steps 30", "--minutes 0.02", "--steps 30 --resume"] {
                let run = try TrainingFixture.shell(
                    "train --output new \(options) --dry-run", in: directory)
                #expect(run.code == 0 && run.output.isEmpty)
                #expect(run.errors.contains("plan "))
                #expect(run.errors.contains("ends at about"), "\(run.errors)")
            }
            let json = try TrainingFixture.shell(
                "train --output new --steps 30 --dry-run --json", in: directory)
            let object = try JSONReader.parse(json.output, path: "output")
            #expect(json.errors == "")
            #expect(object["plan"]?["steps"] == .integer(30))
            #expect(object["parameters"]?.integer ?? 0 > 10_000)
            #expect(object["memory_bytes"]?.integer ?? 0 > 1 << 20)
            #expect(object["seconds"]?.double ?? 0 > 0)
            #expect(try FilePath.list(directory) == ["errors", "output", "t.txt"])
        }
    }

    @Test func `json gives one object at the end`() throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                "train --output o --steps 30 --json", in: directory)
            #expect(run.code == 0 && run.output.filter { $0 == 10 }.count == 1)
            let object = try JSONReader.parse(run.output, path: "output")
            #expect(
                object.object?.members.map(\.key) == [
                    "model", "steps", "parameters", "tokens", "seconds", "tokens_per_second",
                    "validation_bits_per_byte", "validation_bytes", "best_step", "peak_rss_bytes",
                ])
            #expect(object["steps"] == .integer(30) && object["tokens"] == .integer(7680))
            #expect(object["validation_bytes"]?.integer ?? 0 > 500)
        }
    }

    @Test func `a second run without resume is refused, and the files stay`() throws {
        try Self.withUnbrokenRun("--steps 10") { directory, _ in
            let before = try TrainingFixture.contents(of: directory)
            let again = try TrainingFixture.shell("train --output whole --steps 9", in: directory)
            #expect(again.code == 1)
            #expect(
                again.errors
                    == "choroy: whole: expected a new directory, or --resume, found a training run\n"
            )
            #expect(try TrainingFixture.contents(of: directory) == before)
        }
    }

    @Test func `a second trainer in a directory at work is refused`() throws {
        try TrainingFixture.withText { directory in
            let script = """
                $choroy train t.txt $tiny --output o --steps 100000 2>/dev/null & process=$!
                while [ ! -s o/training/metrics.jsonl ]; do sleep 0.01; done
                train --output o --steps 100000 --resume 2>second; code=$?
                kill -9 $process; wait $process 2>/dev/null; tail -n 1 second; exit $code
                """
            let run = try TrainingFixture.shell(script, in: directory)
            #expect(run.code == 1)
            #expect(run.text.hasPrefix("choroy: o/training/lock: expected"), "\(run.text)")
            #expect(run.text.contains("at work"))
        }
    }
}
