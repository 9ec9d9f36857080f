import ChoroyModel
import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A new model directory that a command makes of another model.
struct DerivedModel {
    let path: String

    /// Tells whether the place is free.
    ///
    /// - Throws: `FileError` for a file, or a directory with files.
    func checkIsFree(for model: String) throws {
        switch FilePath.kind(of: path) {
        case .missing: return
        case .directory where try FilePath.list(path).isEmpty: return
        case .directory:
            throw FileError(
                path, expected: "a new or empty directory",
                found: FilePath.isSameFile(path, model) ? "the model itself" : "one with files")
        default: throw FileError(path, expected: "a new or empty directory", found: "a file")
        }
    }

    /// Writes `model`, made of `original`, and copies the files `names` of `folders` as they are, later
    /// folders over earlier ones. All is written beside the target first, so that it is there as a
    /// whole or not at all.
    func write(
        _ model: Transformer, of original: ModelDirectory, copying names: [String],
        from folders: [String]
    ) throws {
        let target = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let temporary = "\(target).tmp-\(getpid())"
        try FilePath.remove(temporary)
        do {
            try ModelDirectory.write(
                model.config, tokenizer: original.tokenizer, generation: original.generation,
                to: temporary)
            for folder in folders {
                for name in names {
                    let source = FilePath.join(folder, name)
                    guard FilePath.kind(of: source) == .file else { continue }
                    try AtomicFile.write(
                        FileBytes.read(source, limit: 1 << 26), to: FilePath.join(temporary, name))
                }
            }
            try AtomicFile.write(to: FilePath.join(temporary, "model.safetensors")) { file in
                try model.write(to: &file)
            }
            try FilePath.rename(temporary, to: target)
            try AtomicFile.syncDirectory(of: target)
        } catch {
            try? FilePath.remove(temporary)
            throw error
        }
    }
}
