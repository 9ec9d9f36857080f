import ChoroySystem

/// One complete state of a training run: a directory with a manifest of its files.
public struct Checkpoint: Sendable, Equatable {
    /// A file as the manifest describes it.
    public struct File: Sendable, Equatable {
        public let name: String
        /// Size in bytes.
        public let size: Int
        /// 64-bit xxHash in 16 hexadecimal digits.
        public let hash: String
    }

    /// Optimizer steps done.
    public let step: Int
    public let directory: String
    /// All files but the manifest, by name.
    public let files: [File]

    /// The path of the file with this name.
    public func path(of name: String) -> String { FilePath.join(directory, name) }

    static let manifestName = "manifest.json"
    private static let format = "choroy checkpoint"
    private static let version = 1

    /// Syncs and hashes every file in `directory`, then writes the manifest.
    static func seal(_ directory: String, step: Int) throws -> [File] {
        var files: [File] = []
        for name in try FilePath.list(directory) {
            let path = FilePath.join(directory, name)
            try FilePath.sync(path)
            let (hash, size) = try XXHash64.hex(ofFile: path)
            files.append(File(name: name, size: size, hash: hash))
        }
        let members = files.map { file in
            JSONValue.object(
                JSONObject([
                    ("name", .string(file.name)), ("size", .integer(file.size)),
                    ("xxh64", .string(file.hash)),
                ]))
        }
        let manifest = JSONObject([
            ("format", .string(format)), ("version", .integer(version)), ("step", .integer(step)),
            ("files", .array(members)),
        ])
        let bytes = JSONWriter.bytes(.object(manifest), indentation: 1) + [10]
        try AtomicFile.write(bytes, to: FilePath.join(directory, manifestName))
        return files
    }

    init(step: Int, directory: String, files: [File]) {
        self.step = step
        self.directory = directory
        self.files = files
    }

    /// The checkpoint in `directory`, with the size and the hash of each file compared.
    ///
    /// - Throws: `FileError` with the first file that is not what the manifest says.
    public init(verifying directory: String, step: Int) throws {
        let path = FilePath.join(directory, Self.manifestName)
        let manifest = try JSONReader.parse(try FileBytes.read(path, limit: 1 << 20), path: path)
        let keys = ConfigKeys(object: manifest, path: path)
        guard manifest["format"]?.string == Self.format else {
            throw keys.error("format", "\"\(Self.format)\"", manifest["format"])
        }
        guard try keys.integer("version") == Self.version else {
            throw keys.error("version", "\(Self.version)", manifest["version"])
        }
        guard try keys.integer("step") == step else {
            throw keys.error("step", "\(step)", manifest["step"])
        }
        guard let members = manifest["files"]?.array else {
            throw keys.error("files", "an array", manifest["files"])
        }
        files = try members.map { try Self.verify($0, in: directory, manifest: path) }
        self.directory = directory
        self.step = step
    }

    private static func verify(_ member: JSONValue, in directory: String, manifest: String) throws
        -> File
    {
        let keys = ConfigKeys(object: member, path: manifest)
        guard let name = member["name"]?.string, !name.isEmpty, name != "..",
            !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0)
        else { throw keys.error("name", "the name of a file", member["name"]) }
        let size = try keys.integer("size")
        let path = FilePath.join(directory, name)
        let found = FilePath.size(of: path)
        guard found == size else {
            let words = found.map { "\($0) bytes" } ?? "no such file"
            throw FileError(path, expected: "\(size) bytes", found: words)
        }
        let hash = try XXHash64.hex(ofFile: path).hash
        guard member["xxh64"]?.string == hash else {
            throw FileError(
                path, expected: "xxh64 \(member["xxh64"]?.string ?? "in the manifest")", found: hash
            )
        }
        return File(name: name, size: size, hash: hash)
    }
}
