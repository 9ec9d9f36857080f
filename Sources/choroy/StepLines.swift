import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file of JSON objects, one a line, each with the step it belongs to.
final class StepLines {
    private let path: String
    private var file: FileWriter
    /// False after a failure; then the next line writes all of them anew.
    private var isWhole = true
    private var bytes: [UInt8] = []

    /// Opens the file. Lines after `step` are dropped, for a run that goes on from there, and so is
    /// what is no line of ours; `isOurs` sees the others.
    init(path: String, keepingUpTo step: Int, isOurs: (JSONValue) -> Bool = { _ in true }) throws {
        self.path = path
        for (line, value) in try Self.lines(of: path)
        where value["step"]?.integer.map({ 0...step ~= $0 }) ?? false && isOurs(value) {
            bytes += line + [10]
        }
        file = try Self.begin(bytes, path)
    }

    /// The lines of a file that are JSON; none when it is missing.
    static func lines(of path: String) throws -> [(line: ArraySlice<UInt8>, value: JSONValue)] {
        guard FilePath.kind(of: path) != .missing else { return [] }
        return try FileBytes.read(path).split(separator: 10).compactMap { line in
            (try? JSONReader.parse(line, path: path)).map { (line, $0) }
        }
    }

    /// Adds a line. On a full disk it is kept in memory and written with a later one.
    func append(_ object: JSONObject) {
        let line = JSONWriter.bytes(.object(object)) + [10]
        bytes += line
        do {
            if isWhole {
                try file.append(line)
                try file.flush()
            } else {
                file = try Self.begin(bytes, path)
                isWhole = true
            }
        } catch { isWhole = false }
    }

    private static func begin(_ bytes: [UInt8], _ path: String) throws -> FileWriter {
        try AtomicFile.write(bytes, to: path)
        return try FileWriter(path: path, flags: O_WRONLY | O_APPEND)
    }
}
