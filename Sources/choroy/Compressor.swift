import ChoroySystem

/// A program that makes files smaller, as a model of text: what it needs for a text is what the text costs it.
struct Compressor {
    let name: String
    /// Bytes that it needs for pieces of text one after another.
    let size: ([ArraySlice<UInt8>]) throws -> Int

    /// gzip, which is in this program, and those of the others that are installed, at their strongest.
    static var installed: [Compressor] {
        [Compressor(name: "gzip -9", size: GzipSize.measure)]
            + programs.compactMap { name, arguments in
                FilterProgram(named: name, arguments: arguments).map { program in
                    Compressor(
                        name: ([name] + arguments.filter { !$0.hasSuffix("c") && $0 != "-q" })
                            .joined(separator: " "), size: program.outputSize)
                }
            }
    }

    /// Names of those that are not.
    static var missing: [String] {
        programs.map(\.name).filter { FilterProgram(named: $0, arguments: []) == nil }
    }

    private static let programs: [(name: String, arguments: [String])] = [
        ("bzip2", ["-9", "-c"]), ("zstd", ["--ultra", "-22", "--long=27", "-q", "-c"]),
        ("xz", ["-9e", "-q", "-c"]),
    ]

    /// Bits for a byte of `heldOut`: compressed alone, and as what it adds to `training` when that comes before it.
    func bitsPerByte(
        training: [ArraySlice<UInt8>], heldOut: [ArraySlice<UInt8>]
    ) throws -> (alone: Double, after: Double) {
        let bytes = Double(max(1, heldOut.reduce(0) { $0 + $1.count }))
        let alone = try size(heldOut)
        let after = try size(training + heldOut) - size(training)
        return (8 * Double(alone) / bytes, 8 * Double(after) / bytes)
    }
}
