import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The checkpoints of one training run, such that a run killed at any instant has one to go on from.
///
///     DIR/model.safetensors                    the newest checkpoint's, linked
///     DIR/training/lock                        held while a store is open
///     DIR/training/step-00000100/              complete: its manifest has size and hash of each file
///     DIR/training/step-00000200.tmp-4711/     being written, or left by a kill; removed on opening
///     DIR/training/step-00000150.broken/       does not match its manifest
///
/// A checkpoint comes into being by one rename, after all its bytes are on the disk, and older ones
/// go only after that.
public final class CheckpointStore {
    /// The run's directory.
    public let directory: String
    /// How many checkpoints stay, at least one.
    public let keep: Int
    /// Names of files that are linked into `directory` from the newest checkpoint.
    public let published: [String]
    /// What was wrong with checkpoints that `latest` passed over, one line each.
    public private(set) var damaged: [String] = []

    private let training: String
    private let lock: FileLock

    /// Opens the store of `directory`, makes directories that are missing, and removes what a kill
    /// left half done.
    ///
    /// - Throws: `FileError` when another store has this directory open, here or in another process.
    public init(directory: String, keep: Int = 2, publishing: [String] = ["model.safetensors"])
        throws
    {
        precondition(keep >= 1, "CheckpointStore: keep \(keep) checkpoints")
        self.directory = directory
        self.keep = keep
        published = publishing
        training = FilePath.join(directory, "training")
        try FilePath.createDirectory(training)
        try AtomicFile.syncDirectory(of: directory)
        try AtomicFile.syncDirectory(of: training)
        lock = try FileLock(path: FilePath.join(training, "lock"))
        try removeLeftovers()
    }

    /// Steps of the checkpoints that are there, ascending; whether they are whole is not looked at.
    public func steps() throws -> [Int] {
        try FilePath.list(training).compactMap(Self.step(ofName:)).sorted()
    }

    /// The newest checkpoint whose files all match its manifest, or nil when there is none.
    ///
    /// Damaged ones are renamed to `.broken` and described in `damaged`. The published files are
    /// those of the checkpoint afterwards.
    public func latest() throws -> Checkpoint? {
        for step in try steps().reversed() {
            let path = path(step)
            let checkpoint: Checkpoint
            do {
                checkpoint = try Checkpoint(verifying: path, step: step)
            } catch let error as FileError {
                damaged.append(error.description)
                try FilePath.remove(path + ".broken")
                try FilePath.rename(path, to: path + ".broken")
                continue
            }
            try publish(checkpoint)
            // A kill may have come between the last save and the end of older ones.
            try prune(keeping: step)
            return checkpoint
        }
        return nil
    }

    /// Makes a checkpoint of the files that `write` puts into the directory it is given.
    ///
    /// - Throws: what `write` throws, and `FileError` for a full or failing disk; the checkpoints
    ///   made before are intact then, and nothing of this one is left.
    /// - Precondition: `write` makes files only, and none named `manifest.json`.
    @discardableResult
    public func save(step: Int, _ write: (String) throws -> Void) throws -> Checkpoint {
        precondition(step >= 0, "CheckpointStore: step \(step)")
        let final = path(step)
        let temporary = "\(final).tmp-\(getpid())"
        let files: [Checkpoint.File]
        do {
            try FilePath.remove(temporary)
            try FilePath.createDirectory(temporary)
            try write(temporary)
            files = try Checkpoint.seal(temporary, step: step)
            if FilePath.kind(of: final) != .missing {
                // The same step again: the earlier one steps aside, and comes back after a kill.
                try FilePath.remove(final + ".old")
                try FilePath.rename(final, to: final + ".old")
            }
            try FilePath.rename(temporary, to: final)
            try AtomicFile.syncDirectory(of: final)
        } catch {
            try? FilePath.remove(temporary)
            if FilePath.kind(of: final) == .missing, FilePath.kind(of: final + ".old") != .missing {
                try? FilePath.rename(final + ".old", to: final)
            }
            throw error
        }
        let checkpoint = Checkpoint(step: step, directory: final, files: files)
        try publish(checkpoint)
        try prune(keeping: step)
        return checkpoint
    }

    /// Removes all checkpoints, for a run that starts anew; published files stay.
    public func removeAll() throws {
        for name in try FilePath.list(training) where name.hasPrefix("step-") { try discard(name) }
    }

    // MARK: - Names

    private func path(_ step: Int) -> String {
        let digits = String(step)
        let zeros = String(repeating: "0", count: max(0, 8 - digits.count))
        return FilePath.join(training, "step-\(zeros)\(digits)")
    }

    private static func step(ofName name: String) -> Int? {
        guard name.hasPrefix("step-") else { return nil }
        let digits = name.utf8.dropFirst(5)
        guard digits.count >= 8, digits.allSatisfy({ 48...57 ~= $0 }) else { return nil }
        return Int(String(name.dropFirst(5)))
    }

    private func step(ofPrefix name: String, suffix: String) -> Int? {
        name.hasSuffix(suffix) ? Self.step(ofName: String(name.dropLast(suffix.count))) : nil
    }

    // MARK: - Upkeep

    private func removeLeftovers() throws {
        for name in try FilePath.list(training) where name.hasPrefix("step-") {
            let path = FilePath.join(training, name)
            if name.contains(".tmp-") {
                try FilePath.remove(path)
            } else if let step = step(ofPrefix: name, suffix: ".old") {
                if FilePath.kind(of: self.path(step)) == .missing {
                    try FilePath.rename(path, to: self.path(step))
                } else {
                    try discard(name)
                }
            }
        }
        for folder in [training, directory] {
            for name in try FilePath.list(folder) where isTemporary(name) {
                try FilePath.remove(FilePath.join(folder, name))
            }
        }
    }

    /// Whether a file is one that `AtomicFile`, or publishing, left behind: "config.json.tmp-4711".
    private func isTemporary(_ name: String) -> Bool {
        guard let mark = name.firstRange(of: ".tmp-"), mark.upperBound < name.endIndex,
            name[mark.upperBound...].utf8.allSatisfy({ 48...57 ~= $0 })
        else { return false }
        let whole = name[..<mark.lowerBound]
        return whole.hasSuffix(".json") || whole.hasSuffix(".jsonl")
            || published.contains(where: { whole == $0 })
    }

    /// Removes all but `newest` and the `keep` - 1 before it, and the broken ones of older times.
    ///
    /// A later step is of a run that was left for an earlier state; resuming must not find it.
    private func prune(keeping newest: Int) throws {
        let kept = try steps().filter { $0 <= newest }.suffix(keep)
        for name in try FilePath.list(training) where name.hasPrefix("step-") {
            if let step = Self.step(ofName: name) {
                if !kept.contains(step) { try discard(name) }
            } else if let step = step(ofPrefix: name, suffix: ".broken") {
                if step < kept.first ?? newest { try discard(name) }
            } else if name.hasSuffix(".old") {
                try discard(name)
            }
        }
    }

    /// Removes a directory under a name that no half-removed checkpoint can be taken for.
    private func discard(_ name: String) throws {
        let doomed = FilePath.join(training, "\(name).tmp-\(getpid())")
        try FilePath.remove(doomed)
        try FilePath.rename(FilePath.join(training, name), to: doomed)
        try FilePath.remove(doomed)
    }

    // MARK: - Publishing

    private func publish(_ checkpoint: Checkpoint) throws {
        let names = Set(checkpoint.files.map(\.name))
        var isChanged = false
        for name in published where names.contains(name) {
            let source = checkpoint.path(of: name)
            let target = FilePath.join(directory, name)
            if FilePath.isSameFile(source, target) { continue }
            isChanged = true
            let temporary = "\(target).tmp-\(getpid())"
            try FilePath.remove(temporary)
            if unsafe link(source, temporary) == 0 {
                try FilePath.rename(temporary, to: target)
            } else {
                // A file system without hard links.
                let bytes = try FileBytes.read(source)
                try AtomicFile.write(bytes, to: target)
            }
        }
        if isChanged { try AtomicFile.syncDirectory(of: FilePath.join(directory, "x")) }
    }
}
