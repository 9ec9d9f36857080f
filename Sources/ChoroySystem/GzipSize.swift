import CZlib

/// How small gzip makes a text.
public enum GzipSize {
    /// Bytes of a gzip file with what `pieces` hold one after another, at the highest level (9).
    ///
    /// - Throws: `FileError` when zlib has no memory.
    public static func measure(_ pieces: [ArraySlice<UInt8>]) throws -> Int {
        var stream = unsafe z_stream()
        // 15 bits of window and 16 for the gzip wrapper; 8 is zlib's own choice of memory.
        guard
            unsafe deflateInit2_(
                &stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw FileError("gzip", expected: "memory for zlib", found: "none") }
        defer { unsafe deflateEnd(&stream) }
        var output = [UInt8](repeating: 0, count: 1 << 16)
        var size = 0
        func compress(_ bytes: ArraySlice<UInt8>, isLast: Bool) {
            unsafe bytes.withUnsafeBufferPointer { input in
                unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.avail_in = UInt32(input.count)
                repeat {
                    unsafe output.withUnsafeMutableBufferPointer { output in
                        unsafe stream.next_out = output.baseAddress
                        unsafe stream.avail_out = UInt32(output.count)
                        _ = unsafe deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                        unsafe size += output.count - Int(stream.avail_out)
                    }
                } while unsafe stream.avail_out == 0
            }
        }
        for piece in pieces {
            // zlib counts its input in 32 bits.
            var rest = piece
            while !rest.isEmpty {
                compress(rest.prefix(1 << 30), isLast: false)
                rest = rest.dropFirst(1 << 30)
            }
        }
        compress([], isLast: true)
        return size
    }
}
