import ArgumentParser
import ChoroySystem
import ChoroyText

/// `choroy bench tokenizer`: speed of encoding, decoding and training on a text.
struct BenchTokenizer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer", abstract: "Speed of encoding, decoding and training on a text.",
        discussion: """
            cold: the first call of a tokenizer that was just made; warm: later calls, on the same \
            text; both leave the ids in one array. A case is a pattern: without --tokenizer, a \
            tokenizer is trained for each on the text. 1 MB is 1,000,000 bytes.

            Example:
              choroy bench tokenizer book.txt --threads 1 --runs 9
              choroy bench tokenizer book.txt --tokenizer tok/
            """)

    @Argument(help: "Text files or directories.")
    var text: [String]
    @Option(help: "A tokenizer to measure; may be repeated. Default: train one for each pattern.")
    var tokenizer: [String] = []
    @Option(help: "Pattern to train for; may be repeated. Default: all.")
    var pattern: [String] = []
    @Option(help: "Tokens of the trained tokenizers.")
    var vocabSize = 32_000
    @Option(help: "Timed runs; the median is reported.")
    var runs = 5
    @OptionGroup var common: BenchOptions

    private var patterns: [PreTokenizer.Pattern] {
        pattern.isEmpty
            ? PreTokenizer.Pattern.allCases : pattern.compactMap(PreTokenizer.Pattern.init)
    }

    func validate() throws {
        guard runs > 0 else { throw ValidationError("--runs: expected at least 1, found \(runs)") }
        for name in pattern where PreTokenizer.Pattern(rawValue: name) == nil {
            throw ValidationError(
                "--pattern: expected \(PreTokenizer.Pattern.allNames), found \(name)")
        }
    }

    func run() throws {
        common.begin()
        var bytes: [UInt8] = []
        for file in try Corpus.files(at: text) { bytes += try FileBytes.read(file) }
        for path in tokenizer {
            try measure(bytes, FilePath.name(of: path)) { try Tokenizer(contentsOf: path) }
        }
        guard tokenizer.isEmpty else { return }
        let corpus = Corpus(bytes)
        for pattern in patterns {
            let trainer = try BPETrainer(vocabularySize: vocabSize, pattern: pattern)
            let start = Machine.now()
            let trained = try trainer.train(corpus.documents)
            report(pattern.rawValue, "train_seconds", [Machine.now() - start], unit: "s")
            try measure(bytes, pattern.rawValue) { trained.withEmptyCache() }
        }
    }

    private func measure(_ bytes: [UInt8], _ name: String, _ make: () throws -> Tokenizer) throws {
        var cold: [Double] = []
        var ids: [TokenID] = []
        for _ in 0..<runs {
            let tokenizer = try make()
            let start = Machine.now()
            ids = tokenizer.encode(bytes)
            cold.append(Double(bytes.count) / (Machine.now() - start))
        }
        report(name, "encode_cold_bytes_per_second", cold)
        let tokenizer = try make()
        var warm: [Double] = []
        var decoded: [Double] = []
        for turn in 0...runs {
            let start = Machine.now()
            ids = tokenizer.encode(bytes)
            let middle = Machine.now()
            let text = tokenizer.decode(ids)
            let end = Machine.now()
            guard turn > 0 else {
                if tokenizer.isLossless, text != bytes {
                    throw FileError(name, expected: "the bytes that were encoded", found: "others")
                }
                continue
            }
            warm.append(Double(bytes.count) / (middle - start))
            decoded.append(Double(bytes.count) / (end - middle))
        }
        report(name, "encode_warm_bytes_per_second", warm)
        report(name, "decode_bytes_per_second", decoded)
        report(name, "tokens", [Double(ids.count)], unit: "tokens")
    }

    private func report(
        _ name: String, _ metric: String, _ values: [Double], unit: String = "bytes/s"
    ) {
        common.report(name, metric: metric, unit: unit, values, precision: "")
    }
}
