import ChoroyModel
import ChoroySystem
import ChoroyTensor
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct `Checkpoint store` {
    @Test func `the newest checkpoint is found, its model published, and old ones go`() throws {
        try withStore { store, directory in
            #expect(try store.latest() == nil)
            for step in [100, 200, 300] {
                let saved = try save(step, in: store)
                #expect(try store.latest() == saved)
                #expect(saved.files.map(\.name) == ["model.safetensors", "state.bin"])
            }
            #expect(try store.steps() == [200, 300])
            #expect(try names(directory) == ["lock", "step-00000200", "step-00000300"])
            let published = try SafetensorsFile(path: FilePath.join(directory, "model.safetensors"))
            #expect(try published.floats("step") == [300])
            #expect(try FilePath.list(directory) == ["model.safetensors", "training"])
        }
    }

    @Test func `checkpoints that a kill kept from going are gone after the next opening`() throws {
        try withStore { store, directory in
            for step in [100, 200] { try save(step, in: store) }
            let (oldest, aside) = (
                FilePath.join(directory, "training/step-00000100"),
                FilePath.join(directory, "aside")
            )
            try FilePath.rename(oldest, to: aside)
            try save(300, in: store)
            try FilePath.rename(aside, to: oldest)
            #expect(try store.latest()?.step == 300)
            #expect(try store.steps() == [200, 300])
        }
    }

    @Test func `damage to any byte is found, and the checkpoint before serves`() throws {
        try withStore { store, directory in
            let first = try save(1, in: store)
            let second = try save(2, in: store)
            for name in second.files.map(\.name) + ["manifest.json"] {
                let path = second.path(of: name)
                let bytes = try FileBytes.read(path)
                let places = stride(from: 0, to: bytes.count, by: max(1, bytes.count / 15))
                for place in Array(places) + [bytes.count - 1] {
                    var flipped = bytes
                    flipped[place] ^= 0x10
                    try expectFallback(bytes: flipped, instead: bytes, at: path)
                    try expectFallback(bytes: Array(bytes[..<place]), instead: bytes, at: path)
                }
                try expectFallback(bytes: bytes + [0], instead: bytes, at: path)
                try expectFallback(bytes: nil, instead: bytes, at: path)
            }
            #expect(try store.latestStep() == 2)

            func expectFallback(bytes: [UInt8]?, instead whole: [UInt8], at path: String) throws {
                try FilePath.remove(path)
                if let bytes { try AtomicFile.write(bytes, to: path) }
                let count = store.damaged.count
                let latest = try store.latest()
                if latest?.step == 2 {
                    // Only a manifest that still says the same passes, as white space may.
                    #expect(path.hasSuffix("manifest.json") && latest == second)
                } else {
                    #expect(latest == first)
                    #expect(store.damaged.count == count + 1)
                    #expect(store.damaged.last?.hasPrefix(second.directory) == true)
                    let published = FilePath.join(directory, "model.safetensors")
                    #expect(try SafetensorsFile(path: published).floats("step") == [1])
                    try FilePath.rename(second.directory + ".broken", to: second.directory)
                }
                try FilePath.remove(path)
                try AtomicFile.write(whole, to: path)
            }
        }
    }

    @Test(arguments: [
        #"{"format":"choroy checkpoint","version":2,"step":1,"files":[]}"#,
        #"{"format":"choroy checkpoint","version":1,"step":2,"files":[]}"#,
        #"{"format":"else","version":1,"step":1,"files":[]}"#,
        #"{"format":"choroy checkpoint","version":1,"step":1}"#,
        #"{"format":"choroy checkpoint","version":1,"step":1,"files":[7]}"#,
        #"{"format":"choroy checkpoint","version":1,"step":1,"files":[{"name":"../lock","size":0,"xxh64":""}]}"#,
        #"{"format":"choroy checkpoint","version":1,"step":1,"files":[{"name":"state.bin","size":-1,"xxh64":""}]}"#,
        "", "[]", "null",
    ])
    func `a manifest of another kind is damage`(_ manifest: String) throws {
        try withStore { store, directory in
            let checkpoint = try save(1, in: store)
            try AtomicFile.write(Array(manifest.utf8), to: checkpoint.path(of: "manifest.json"))
            #expect(try store.latest() == nil)
            #expect(store.damaged.count == 1)
            #expect(try names(directory) == ["lock", "step-00000001.broken"])
        }
    }

    @Test func `what a kill left half done is removed or put back on opening`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            try openStore(directory) { try save(1, in: $0) }
            let training = FilePath.join(directory, "training")
            let step = FilePath.join(training, "step-00000001")
            // Killed while writing, and while removing an older one.
            try FilePath.createDirectory(FilePath.join(training, "step-00000002.tmp-4711"))
            try AtomicFile.write(
                [1], to: FilePath.join(training, "step-00000002.tmp-4711/state.bin"))
            try FilePath.createDirectory(FilePath.join(training, "step-00000000.tmp-4711"))
            // Killed between linking and renaming the published model.
            try AtomicFile.write([1], to: FilePath.join(directory, "model.safetensors.tmp-4711"))
            try openStore(directory) { store in
                #expect(try names(directory) == ["lock", "step-00000001"])
                #expect(try FilePath.list(directory) == ["model.safetensors", "training"])
                let step = try store.latestStep()
                #expect(step == 1)
            }
            // Killed while a step is replaced: before its second version has the name, and after.
            try FilePath.rename(step, to: step + ".old")
            try openStore(directory) { store in
                let step = try store.latestStep()
                #expect(step == 1)
            }
            try FilePath.createDirectory(step + ".old")
            try openStore(directory) { store in
                let step = try store.latestStep()
                #expect(step == 1)
            }
            #expect(try names(directory) == ["lock", "step-00000001"])
            // Killed before publishing.
            try AtomicFile.write([1], to: FilePath.join(directory, "model.safetensors"))
            try openStore(directory) { _ = try $0.latest() }
            let published = try SafetensorsFile(path: FilePath.join(directory, "model.safetensors"))
            #expect(try published.floats("step") == [1])
        }
    }

    @Test func `a full disk leaves the earlier checkpoint and nothing else`() throws {
        try withStore { store, directory in
            let first = try save(1, in: store)
            let error = #expect(throws: FileError.self) {
                try store.save(step: 2) { path in
                    try AtomicFile.write([1, 2, 3], to: FilePath.join(path, "state.bin"))
                    try AtomicFile.write([UInt8](repeating: 0, count: 1 << 21), to: "/dev/full")
                }
            }
            #expect(error?.found == "no space left on device")
            #expect(try names(directory) == ["lock", "step-00000001"])
            #expect(try store.latest() == first)
            #expect(throws: FileError.self) {
                try store.save(step: 1) { _ in throw FileError("x", expected: "room", found: "none")
                }
            }
            #expect(try store.latest() == first)
        }
    }

    @Test func `a step saved again replaces its first version`() throws {
        try withStore { store, directory in
            _ = try save(1, in: store)
            try store.save(step: 1) { path in
                try AtomicFile.write([9], to: FilePath.join(path, "state.bin"))
            }
            let latest = try #require(try store.latest())
            #expect(try FileBytes.read(latest.path(of: "state.bin")) == [9])
            #expect(try names(directory) == ["lock", "step-00000001"])
        }
    }

    @Test func `going on from an earlier step forgets the later ones`() throws {
        try withStore { store, _ in
            for step in [10, 20, 30] { _ = try save(step, in: store) }
            _ = try save(25, in: store)
            #expect(try store.steps() == [20, 25])
            try store.removeAll()
            #expect(try store.latest() == nil)
        }
    }

    @Test func `a second store of the same directory is refused until the first is gone`() throws {
        try Fixtures.withTemporaryDirectory { directory in
            try openStore(directory) { _ in
                let error = #expect(throws: FileError.self) {
                    try CheckpointStore(directory: directory)
                }
                #expect(error?.found == "process \(getpid()) at work")
            }
            try openStore(directory) { _ in }
        }
    }

    @Test func `a killed writer loses no more than its own checkpoint`() async throws {
        let directory = "/tmp/choroy-test-\(getpid())-killed"
        defer { try? FilePath.remove(directory) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
            let store = try CheckpointStore(directory: directory, keep: 2)
            for step in 1...3 {
                try store.save(step: step) { path in
                    try AtomicFile.write([UInt8(step)], to: FilePath.join(path, "state.bin"))
                    if step == 3 { _ = kill(getpid(), SIGKILL) }
                }
            }
        }
        let store = try CheckpointStore(directory: directory)
        #expect(try store.latestStep() == 2)
        #expect(try store.steps() == [1, 2])
        #expect(store.damaged == [])
    }

    // MARK: - Helpers

    private func withStore(_ body: (CheckpointStore, String) throws -> Void) throws {
        try Fixtures.withTemporaryDirectory { directory in
            try body(try CheckpointStore(directory: directory, keep: 2), directory)
        }
    }

    /// Opens a store for the time of `body` only.
    private func openStore(_ directory: String, _ body: (CheckpointStore) throws -> Void) throws {
        try body(try CheckpointStore(directory: directory, keep: 2))
    }

    @discardableResult
    private func save(_ step: Int, in store: CheckpointStore) throws -> Checkpoint {
        try store.save(step: step) { path in
            try Safetensors.write(
                to: FilePath.join(path, "model.safetensors"),
                tensors: [.init("step", Tensor([Float(step)], shape: [1]))])
            try AtomicFile.write(
                (0..<1000).map { UInt8(truncatingIfNeeded: $0 * step) },
                to: FilePath.join(path, "state.bin"))
        }
    }

    private func names(_ directory: String) throws -> [String] {
        try FilePath.list(FilePath.join(directory, "training"))
    }
}

extension CheckpointStore {
    fileprivate func latestStep() throws -> Int? { try latest()?.step }
}
