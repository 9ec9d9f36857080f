import ChoroySystem

/// A program that makes files smaller, as a model of text: what it needs for a text is what the text costs it.
struct Compressor {
    let name: String
    /// Bytes that it needs for pieces of text one after another.
    let size: ([ArraySlice<UInt8>]) throws -> Int

    /// gzip, which is in this program, and those of the others that are installed, at their strongest.
    static var installed: [Compressor] {
        [Compressor(name: "gzip -9", size: GzipSize.measure)]
            + programs.compactMap { program in
                FilterProgram(named: program.name, arguments: program.arguments).map {
                    Compressor(name: "\(program.name) \(program.level)", size: $0.outputSize)
                }
            }
    }

    /// Names of those that are not.
    static var missing: [String] {
        programs.map(\.name).filter { FilterProgram(named: $0, arguments: []) == nil }
    }

    /// From standard input to standard output; zstd looks back 128 MB, xz 64 MB.
    private static let programs: [(name: String, level: String, arguments: [String])] = [
        ("bzip2", "-9", ["-9", "-c"]),
        ("zstd", "-22", ["--ultra", "-22", "--long=27", "-q", "-c"]),
        ("xz", "-9e", ["-9e", "-q", "-c"]),
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
