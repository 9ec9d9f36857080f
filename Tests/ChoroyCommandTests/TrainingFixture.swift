import ChoroySystem
import TestSupport
import Testing

/// What the tests of `choroy train` share: a text, tiny sizes, and a look at what a run leaves.
enum TrainingFixture {
    /// A model of 1 layer and width 32; a step takes about a millisecond.
    static let tiny =
        "--layers 1 --hidden-size 32 --heads 2 --context 32 --batch-tokens 256 --vocab-size 300 "
        + "--dropout 0.1"

    /// About 30 KB in lines.
    static let text: [UInt8] = {
        let words = "the bird sings in a tree by the river and sleeps when night comes over hills"
            .split(separator: " ")
        var random = SeededRandom(seed: 5)
        var text = ""
        while text.utf8.count < 30_000 {
            let line = (0..<4 + random.below(8)).map { _ in words[random.below(words.count)] }
            text += line.joined(separator: " ") + ".\n"
        }
        return Array(text.utf8)
    }()

    /// Calls `body` with a directory that holds the text as `t.txt`.
    static func withText(_ body: (String) throws -> Void) throws {
        try Fixtures.withTemporaryDirectory { directory in
            try AtomicFile.write(text, to: FilePath.join(directory, "t.txt"))
            try body(directory)
        }
    }

    /// Runs a script in which `$choroy` is the command, `$tiny` the sizes, and `train` trains on the
    /// text with them.
    static func shell(_ script: String, in directory: String) throws -> CommandRun.Result {
        try CommandRun.shell(
            "tiny='\(tiny)'\ntrain() { $choroy train t.txt $tiny \"$@\"; }\n\(script)",
            in: directory)
    }

    /// SHA-256 of the model and of each file of the newest checkpoint, by name.
    static func hashes(of run: String, in directory: String) throws -> [String: String] {
        let run = FilePath.join(directory, run)
        let training = FilePath.join(run, "training")
        let newest = try FilePath.list(training).last { name in
            name.hasPrefix("step-") && name.utf8.dropFirst(5).allSatisfy { 48...57 ~= $0 }
        }
        let step = FilePath.join(training, try #require(newest))
        var hashes = ["newest": try #require(newest)]
        for folder in [run, step] {
            for name in try FilePath.list(folder) {
                let path = FilePath.join(folder, name)
                if FilePath.kind(of: path) == .file {
                    hashes[String(path.dropFirst(run.utf8.count))] = SHA256.hex(
                        try FileBytes.read(path))
                }
            }
        }
        return hashes
    }

    /// Every path below `folder` with size and content's hash, but for what a command run leaves.
    static func contents(of folder: String) throws -> [String: String] {
        var contents: [String: String] = [:]
        for name in try FilePath.list(folder) where name != "output" && name != "errors" {
            let path = FilePath.join(folder, name)
            if FilePath.kind(of: path) == .directory {
                contents[name] = "directory"
                for (below, hash) in try Self.contents(of: path) {
                    contents["\(name)/\(below)"] = hash
                }
            } else if name != "lock" {
                contents[name] = SHA256.hex(try FileBytes.read(path))
            }
        }
        return contents
    }
}
