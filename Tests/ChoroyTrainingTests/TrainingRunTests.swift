import ChoroyModel
import ChoroySystem
import ChoroyTensor
import ChoroyText
import ChoroyTraining
import TestSupport
import Testing

@Suite struct `Training run` {
    /// The hashes of a run of 12 steps that was saved at each third step and never stopped.
    static func unbroken(_ tiny: TinyRun) throws -> [String: String] {
        try Fixtures.withTemporaryDirectory { directory in
            try TinyRun.train(try tiny.begin(in: directory), saveEvery: 3)
            return try TinyRun.hashes(in: directory)
        }
    }

    @Test(arguments: [1, 3, 4, 11, 12])
    func `a run that is opened again ends like one never stopped`(step: Int) throws {
        let tiny = try TinyRun()
        let expected = try Self.unbroken(tiny)
        #expect(expected["newest"] == "step-00000012" && expected.count == 7)
        try Fixtures.withTemporaryDirectory { directory in
            do {
                let run = try tiny.begin(in: directory)
                try TinyRun.train(run, steps: step)
                try run.save()
            }
            let run = try tiny.resume(in: directory)
            #expect(run.trainer.step == step && run.repairs.isEmpty)
            try TinyRun.train(run, saveEvery: 3)
            #expect(try TinyRun.hashes(in: directory) == expected)
        }
    }

    @Test(arguments: [1, 7]) func `so does one with Muon`(step: Int) throws {
        let tiny = try TinyRun(optimizer: .muon)
        let expected = try Self.unbroken(tiny)
        #expect(expected != (try Self.unbroken(TinyRun())))
        try Fixtures.withTemporaryDirectory { directory in
            do {
                let run = try tiny.begin(in: directory)
                try TinyRun.train(run, steps: step)
                try run.save()
            }
            try TinyRun.train(try tiny.resume(in: directory), saveEvery: 3)
            #expect(try TinyRun.hashes(in: directory) == expected)
        }
    }

    @Test(arguments: [2, 5, 6, 7, 14])
    func `a moved end is recorded, and a resumed run ends like one never stopped`(
        step: Int
    ) throws {
        var tiny = try TinyRun()
        tiny.record.plan.seconds = 60
        /// Saves at each third step; the end moves at step 6, to 15 steps.
        func train(_ run: TrainingRun, to last: Int) throws {
            while run.trainer.step < last, let report = run.trainer.next() {
                if report.step.isMultiple(of: 3) { try run.save() }
                if report.step == 6, !run.trainer.plan.isEndSettled(at: 6) {
                    try run.moveEnd(to: 15)
                }
            }
        }
        func hashes(stoppingAt step: Int) throws -> [String: String] {
            try Fixtures.withTemporaryDirectory { directory in
                do { try train(try tiny.begin(in: directory), to: step) }
                do { try train(try tiny.resume(in: directory), to: .max) }
                let plan = try TrainingRecord(of: directory).plan
                #expect(plan.steps == 15 && plan.earlierEnds.map(\.until) == [6])
                return try TinyRun.hashes(in: directory)
            }
        }
        let expected = try hashes(stoppingAt: 15)
        #expect(expected["newest"] == "step-00000015")
        #expect(try hashes(stoppingAt: step) == expected)
    }

    @Test func `steps after the last checkpoint are done again`() throws {
        let tiny = try TinyRun()
        let expected = try Self.unbroken(tiny)
        try Fixtures.withTemporaryDirectory { directory in
            try TinyRun.train(try tiny.begin(in: directory), steps: 2)
            for step in [0, 3, 6] {
                let run = try tiny.resume(in: directory)
                #expect(run.trainer.step == step)
                try TinyRun.train(run, steps: 5, saveEvery: 3)
            }
            try TinyRun.train(try tiny.resume(in: directory), saveEvery: 3)
            #expect(try TinyRun.hashes(in: directory) == expected)
        }
    }

    @Test(arguments: ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"])
    func `a damaged checkpoint is passed over, and the end is the same`(name: String) throws {
        let tiny = try TinyRun()
        let expected = try Self.unbroken(tiny)
        try Fixtures.withTemporaryDirectory { directory in
            try TinyRun.train(try tiny.begin(in: directory), steps: 7, saveEvery: 3)
            func damage(_ step: Int) throws {
                let path = FilePath.join(directory, "training/step-0000000\(step)/\(name)")
                var bytes = try FileBytes.read(path)
                bytes[bytes.count / 2] ^= 4
                try FilePath.remove(path)
                try AtomicFile.write(bytes, to: path)
            }
            try damage(6)
            do {
                let run = try tiny.resume(in: directory)
                #expect(run.trainer.step == 3 && run.repairs.count == 1)
                #expect(run.repairs.first?.contains("step-00000006") == true)
            }
            // The other one too: the run begins again.
            try damage(3)
            let run = try tiny.resume(in: directory)
            #expect(run.trainer.step == 0 && run.repairs.count == 1)
            try TinyRun.train(run, saveEvery: 3)
            #expect(try TinyRun.hashes(in: directory) == expected)
        }
    }

    @Test func `another text, or another tokenizer, is refused`() throws {
        let tiny = try TinyRun()
        try Fixtures.withTemporaryDirectory { directory in
            try TinyRun.train(try tiny.begin(in: directory), steps: 3, saveEvery: 3)
            let before = try TinyRun.hashes(in: directory)
            let error = #expect(throws: FileError.self) {
                try TrainingRun(
                    resuming: directory, textHash: "fedcba9876543210", tokenizer: tiny.tokenizer,
                    tokens: tiny.tokens)
            }
            #expect(error?.place == "text_sha256")
            #expect(error?.expected.contains("0123456789ab…") == true)
            #expect(error?.found == "another, fedcba987654…")
            let tokenizers = #expect(throws: FileError.self) {
                try TrainingRun(
                    resuming: directory, textHash: tiny.record.textHash,
                    tokenizer: BPETrainer(vocabularySize: 264, pattern: .gpt2).train([UInt8]()),
                    tokens: tiny.tokens)
            }
            #expect(tokenizers?.expected.contains("the model's own tokenizer") == true)
            #expect(try TinyRun.hashes(in: directory) == before)
        }
    }

    @Test func `a directory with a run is no place for a new one`() throws {
        let tiny = try TinyRun()
        try Fixtures.withTemporaryDirectory { directory in
            try TinyRun.train(try tiny.begin(in: directory), steps: 3, saveEvery: 3)
            let before = try TinyRun.hashes(in: directory)
            var other = try TinyRun()
            other.record.plan.seed = 9
            let error = #expect(throws: FileError.self) { try other.begin(in: directory) }
            #expect(error?.found == "a training run")
            #expect(try TinyRun.hashes(in: directory) == before)
            #expect(try TrainingRecord(of: directory).plan.seed == 1)
        }
        // Even when it has no checkpoint yet.
        try Fixtures.withTemporaryDirectory { directory in
            do { _ = try tiny.begin(in: directory) }
            #expect(throws: FileError.self) { try tiny.begin(in: directory) }
        }
    }

    @Test func `two runs in one directory at once are refused`() throws {
        let tiny = try TinyRun()
        try Fixtures.withTemporaryDirectory { directory in
            let run = try tiny.begin(in: directory)
            let error = #expect(throws: FileError.self) { try tiny.resume(in: directory) }
            #expect(error?.found.contains("at work") == true)
            #expect(run.trainer.step == 0)
        }
    }

    @Test func `the directory is a model that opens, from the first checkpoint on`() throws {
        let tiny = try TinyRun()
        try Fixtures.withTemporaryDirectory { directory in
            let run = try tiny.begin(in: directory)
            try TinyRun.train(run, steps: 3, saveEvery: 3)
            let opened = try ModelDirectory(contentsOf: directory)
            #expect(opened.tokenizer.hash == tiny.tokenizer.hash)
            let model = try Transformer(opened.config, from: opened.weights)
            for (a, b) in zip(model.parameters, run.trainer.model.parameters) {
                #expect(a.name == b.name && a.value.values == b.value.values)
            }
        }
    }

    @Test func `what a kill between the first files left is begun again`() throws {
        let tiny = try TinyRun()
        let expected = try Self.unbroken(tiny)
        try Fixtures.withTemporaryDirectory { directory in
            do { _ = try tiny.begin(in: directory) }
            // The names of a run's first files, in the order they are written.
            let names = [
                "training/plan.json", "config.json", "generation_config.json",
                "tokenizer_config.json", "tokenizer.json",
            ]
            for name in names {
                try FilePath.remove(FilePath.join(directory, name))
                try AtomicFile.write([123], to: FilePath.join(directory, "\(name).tmp-4711"))
                #expect(!TrainingRecord.exists(in: directory))
                do { _ = try tiny.begin(in: directory) }
                #expect(try FilePath.list(directory).allSatisfy { !$0.contains(".tmp-") })
                let training = try FilePath.list(FilePath.join(directory, "training"))
                #expect(training == ["lock", "plan.json"])
                try FilePath.remove(FilePath.join(directory, "training/plan.json"))
            }
            try TinyRun.train(try tiny.begin(in: directory), saveEvery: 3)
            #expect(try TinyRun.hashes(in: directory) == expected)
        }
    }

    @Test(arguments: [
        ("\"context\": 16", "\"context\": 17"), ("\"context\": 16", "\"context\": 1048576"),
        ("\"context\": 16", "\"context\": 0"), ("\"batch_size\": 3", "\"batch_size\": 16777216"),
        ("\"vocab_size\": 264", "\"vocab_size\": 100"),
        ("\"hidden_size\": 16", "\"hidden_size\": 20"),
        ("\"hidden_size\": 16", "\"hidden_size\": 9223372036854775807"),
        ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), ("\"plan\"", "\"plane\""),
        ("\"model\"", "\"models\""), ("\"seed\": \"1\"", "\"seed\": \"-1\""), ("{", "["),
        ("}", ""), ("\"text_sha256\": \"0", "\"text_sha256\": \"1"),
    ])
    func `a damaged plan is an error and leaves the checkpoints`(old: String, new: String) throws {
        let tiny = try TinyRun()
        try Fixtures.withTemporaryDirectory { directory in
            try TinyRun.train(try tiny.begin(in: directory), steps: 3, saveEvery: 3)
            let before = try TinyRun.hashes(in: directory)
            let path = FilePath.join(directory, "training/plan.json")
            let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
            #expect(text.contains(old))
            try AtomicFile.write(Array(text.replacing(old, with: new).utf8), to: path)
            #expect(throws: FileError.self) { try tiny.resume(in: directory) }
            #expect(try TinyRun.hashes(in: directory) == before)
        }
    }

    @Test func `a full disk leaves the checkpoint before, and a later save succeeds`() throws {
        let tiny = try TinyRun()
        try Fixtures.withTemporaryDirectory { directory in
            let run = try tiny.begin(in: directory)
            try TinyRun.train(run, steps: 3, saveEvery: 3)
            let before = try TinyRun.hashes(in: directory)
            try TinyRun.train(run, steps: 1)
            // A file in the place of the checkpoint's temporary directory cannot be removed as one.
            let training = FilePath.join(directory, "training")
            let aside = FilePath.join(directory, "aside")
            try FilePath.rename(training, to: aside)
            try AtomicFile.write([1], to: training)
            #expect(throws: FileError.self) { try run.save() }
            try FilePath.remove(training)
            try FilePath.rename(aside, to: training)
            #expect(try TinyRun.hashes(in: directory) == before)
            try TinyRun.train(run, saveEvery: 3)
            #expect(try TinyRun.hashes(in: directory) == Self.unbroken(tiny))
        }
    }
}
