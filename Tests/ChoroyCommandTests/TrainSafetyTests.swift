import ChoroySystem
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite(.enabled(if: CommandRun.executable != nil, "the command is not built"))
struct `Never losing a step` {
    /// A run of 20 steps in `whole`, and in `base` the same one as a kill after step 10 leaves it, with
    /// an older checkpoint that the next save removes.
    static func withHalfARun(_ body: (String, [String: String]) throws -> Void) throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                """
                train --output whole --steps 20 --threads 1 && cp -a whole base &&
                rm -r base/training/step-00000020 &&
                cp -a base/training/step-00000010 base/training/step-00000005
                """, in: directory)
            #expect(run.code == 0, "\(run.errors)")
            try body(directory, try TrainingFixture.hashes(of: "whole", in: directory))
        }
    }

    @Test func `values that are not finite end with 4 and the last good checkpoint`() throws {
        try Self.withHalfARun { directory, _ in
            // A checkpoint whose hashes are right and whose numbers are not.
            let step = FilePath.join(directory, "base/training/step-00000010")
            let path = FilePath.join(step, "model.safetensors")
            var bytes = try FileBytes.read(path)
            let old = try XXHash64.hex(ofFile: path).hash
            for index in bytes.indices.suffix(4096) { bytes[index] = 0xFF }
            try AtomicFile.write(bytes, to: path)
            let manifest = FilePath.join(step, "manifest.json")
            let text = String(decoding: try FileBytes.read(manifest), as: UTF8.self)
            let new = try XXHash64.hex(ofFile: path).hash
            try AtomicFile.write(Array(text.replacing(old, with: new).utf8), to: manifest)
            let run = try TrainingFixture.shell(
                "train --output base --steps 20 --resume", in: directory)
            #expect(run.code == 4, "\(run.errors)")
            for number in 11...13 {
                #expect(
                    run.errors.contains("step \(number): loss or gradient is not finite; skipped"))
            }
            #expect(!run.errors.contains("step 14"))
            #expect(try FileBytes.read(path) == bytes)
            #expect(
                FilePath.kind(of: FilePath.join(directory, "base/training/step-00000020"))
                    == .missing)
        }
    }

    @Test(arguments: ["1", "0.5"])
    func `a learning rate that is far too high is told`(rate: String) throws {
        try TrainingFixture.withText { directory in
            let run = try TrainingFixture.shell(
                "train --output o --steps 200 --learning-rate \(rate)", in: directory)
            #expect(run.code == 0, "\(run.errors)")
            #expect(
                run.errors.contains(
                    "nothing is learned; the learning rate \(Double(rate) ?? 0) does not suit"),
                "\(run.errors)")
        }
    }

    /// Kills a run of 120 steps whenever some more steps are on record, or some time after its start;
    /// each kill is at a place that `seed` decides, as far as time can be decided.
    @Test(arguments: 1...(Fixtures.runsAll ? 25 : 1) as ClosedRange<UInt64>)
    func `kills at any instant cost no more than the steps since the last checkpoint`(
        seed: UInt64
    ) throws {
        let (steps, interval) = (120, 4)
        let options = "--steps \(steps) --evaluate-every \(interval)"
        try TrainingFixture.withText { directory in
            let whole = try TrainingFixture.shell("train --output whole \(options)", in: directory)
            #expect(whole.code == 0)
            var random = SeededRandom(seed: seed)
            // On a busy machine a run may end before its kill comes; then there is another.
            for attempt in 1...8 {
                try FilePath.remove(FilePath.join(directory, "killed"))
                var (kills, executed, laterStarts) = (0, 0, 0)
                let metrics = FilePath.join(directory, "killed/training/metrics.jsonl")
                var before = 0
                while true {
                    let errors = FilePath.join(directory, "errors-\(kills)")
                    let script = """
                        cd '\(directory)'; exec '\(CommandRun.executable ?? "")' train t.txt \
                        \(TrainingFixture.tiny) --output killed \(options) --resume 2>'\(errors)'
                        """
                    let process = try CommandRun.spawn(
                        "/bin/sh", ["sh", "-c", script], actions: nil)
                    let wanted = kills < 8 ? before + 1 + random.below(14) : .max
                    let isEarly = kills < 8 && random.below(5) == 0
                    let pause = UInt32(random.below(isEarly ? 60_000 : 4_000))
                    var status: Int32 = 0
                    var isOver = false
                    while !isOver {
                        if isEarly || Self.lastStep(metrics) ?? 0 >= wanted {
                            usleep(pause)
                            kill(process, SIGKILL)
                            break
                        }
                        isOver = unsafe waitpid(process, &status, WNOHANG) == process
                        usleep(300)
                    }
                    let code = isOver ? status >> 8 & 0xFF : CommandRun.wait(for: process)
                    // The shell itself may be killed before it has made the file.
                    let said = String(
                        decoding: (try? FileBytes.read(errors)) ?? [], as: UTF8.self)
                    let start =
                        said.split(separator: "\n").first { $0.hasPrefix("going on after step ") }
                        .flatMap { Int($0.dropFirst(20)) } ?? 0
                    if start > 0 { laterStarts += 1 }
                    let last = Self.lastStep(metrics) ?? 0
                    // One that was killed before it went on has done nothing.
                    if before == 0 || said.contains("going on after step ") {
                        executed += last - start
                    }
                    before = last
                    if code == 0 { break }
                    #expect(code == 137, "\(said)")
                    kills += 1
                    if kills > 9 { break }
                }
                #expect(kills <= 8)
                #expect(executed <= steps + kills * interval, "\(executed) steps, \(kills) kills")
                #expect(
                    try TrainingFixture.hashes(of: "killed", in: directory)
                        == TrainingFixture.hashes(of: "whole", in: directory))
                if kills >= 3 && laterStarts >= 2 { break }
                #expect(attempt < 8, "\(kills) kills, \(laterStarts) starts past step 0")
            }
        }
    }

    private static func lastStep(_ metrics: String) -> Int? {
        guard let bytes = try? FileBytes.read(metrics),
            let line = bytes.split(separator: 10).last(where: {
                (try? JSONReader.parse($0, path: metrics)) != nil
            })
        else { return nil }
        return try? JSONReader.parse(line, path: metrics)["step"]?.integer
    }

    static let hasStrace =
        ["/usr/bin/strace", "/usr/local/bin/strace"].contains { FilePath.kind(of: $0) == .file }

    /// The calls of ten steps and a save, one after another: each is the last one, or fails.
    @Test(
        .enabled(if: hasStrace, "strace is not installed"),
        arguments: ["write", "fsync", "rename", "link", "unlink", "rmdir", "mkdir"])
    func `whichever system call fails or is the last, the old or the new checkpoint loads`(
        call: String
    ) throws {
        try Self.withHalfARun { directory, hashes in
            let script = """
                go() { # name, then words for strace
                    rm -rf "$1"; cp -a base "$1"; name=$1; shift
                    strace -f -qq -o calls "$@" $choroy train t.txt $tiny --output $name \
                        --steps 20 --threads 1 --resume 2>/dev/null
                }
                go probe -e trace=\(call) || exit 99
                count=$(grep -c "\(call)(" calls)
                n=1
                while [ $n -le $count ]; do
                    for what in signal=KILL error=EIO error=ENOSPC; do
                        go hurt -e trace=\(call) -e inject=\(call):$what:when=$n; first=$?
                        train --output hurt --steps 20 --threads 1 --resume 2>errors-again; second=$?
                        started=$(grep -c '^going on after step 10\\|: all 20 steps' errors-again)
                        sum=$(cat hurt/model.safetensors hurt/training/step-00000020/* | cksum)
                        echo "$what $n $first $second $started $sum"
                    done
                    n=$((n + \(Fixtures.runsAll ? 1 : 9)))
                done
                echo "whole 0 0 0 1 $(cat whole/model.safetensors whole/training/step-00000020/* | cksum)"
                """
            let run = try TrainingFixture.shell(script, in: directory)
            // Where tracing is not allowed there is nothing to see.
            if run.code == 99 { return }
            let lines = run.text.split(separator: "\n").map { $0.split(separator: " ") }
            #expect(lines.count >= 4, "\(run.text) \(run.errors)")
            let whole = try #require(lines.last)
            for line in lines.dropLast() where line.count == whole.count {
                #expect([0, 1, 137].contains(Int(line[2]) ?? -1), "\(line)")
                #expect(line[3] == "0" && line[4] == "1", "\(line)")
                #expect(line.dropFirst(5).elementsEqual(whole.dropFirst(5)), "\(line)")
            }
            #expect(lines.allSatisfy { $0.count == whole.count }, "\(run.text)")
            _ = hashes
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root can make a small disk"))
    func `on a full disk training goes on, the checkpoint stays, and the end is not 0`() throws {
        try Self.withHalfARun { directory, hashes in
            let script = """
                mkdir small; mount -t tmpfs -o size=4m tmpfs small 2>/dev/null || exit 99
                cp -a base small/run; cat /dev/zero > small/ballast 2>/dev/null
                train --output small/run --steps 20 --resume; full=$?
                rm small/ballast
                ls small/run/training | grep -c '^step-00000010$'
                train --output small/run --steps 20 --resume; again=$?
                cp -a small/run after; umount small
                echo "$full $again"
                """
            let run = try TrainingFixture.shell(script, in: directory)
            if run.code == 99 { return }
            #expect(run.text == "1\n1 0\n", "\(run.text) \(run.errors)")
            #expect(run.errors.contains("not saved, going on: "))
            #expect(try TrainingFixture.hashes(of: "after", in: directory) == hashes)
        }
    }
}
