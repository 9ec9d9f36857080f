import CZlib

/// Turns the bytes of a gzip file, as they arrive, into what was compressed: piece by piece, in
/// memory that does not depend on how much comes out.
///
/// Source: RFC 1952 (several members one after another are one text), decoded by zlib.
@safe public final class GzipDecoder {
    private let path: String
    private let stream: UnsafeMutablePointer<z_stream>
    private var output = [UInt8](repeating: 0, count: 1 << 18)
    private var isOpen = false
    /// Bytes read so far, for messages.
    private var position = 0
    /// A member has ended, and no other has begun.
    private var isBetweenMembers = false
    /// Zeros that fill up a block of a tape, behind the last member.
    private var isInPadding = false

    /// Whether `bytes` begin like a gzip file.
    public static func recognizes(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.starts(with: [0x1F, 0x8B])
    }

    /// - Throws: `FileError` when zlib has no memory. `path` names the file in messages.
    public init(path: String) throws {
        self.path = path
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for the gzip wrapper.
        let code = unsafe inflateInit2_(
            stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            throw FileError(path, expected: "memory for zlib", found: "none")
        }
        isOpen = true
    }

    deinit {
        if isOpen { unsafe inflateEnd(stream) }
        unsafe stream.deallocate()
    }

    /// Calls `body` with what `bytes` add to the text, at most 256 KB at a time.
    ///
    /// - Throws: `FileError` for damaged data, and what `body` throws.
    public func decode(_ bytes: [UInt8], _ body: (ArraySlice<UInt8>) throws -> Void) throws {
        var start = 0
        while start < bytes.count {
            if isInPadding || isBetweenMembers {
                while start < bytes.count, bytes[start] == 0 {
                    isInPadding = true
                    start += 1
                }
                guard start < bytes.count else { break }
                guard !isInPadding else {
                    throw error(at: position + start, found: "other bytes behind the end")
                }
                isBetweenMembers = false
                guard unsafe inflateReset(stream) == Z_OK else {
                    throw error(at: position + start, found: "a state that zlib does not know")
                }
            }
            let (used, made, code) = unsafe bytes.withUnsafeBufferPointer { input in
                unsafe output.withUnsafeMutableBufferPointer { output in
                    let given = min(bytes.count - start, 1 << 30)
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: input.baseAddress?.advanced(by: start))
                    unsafe stream.pointee.avail_in = UInt32(given)
                    unsafe stream.pointee.next_out = output.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(output.count)
                    let code = unsafe inflate(stream, Z_NO_FLUSH)
                    return unsafe (
                        given - Int(stream.pointee.avail_in),
                        output.count - Int(stream.pointee.avail_out), code
                    )
                }
            }
            start += used
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                let message = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
                throw error(at: position + start, found: message ?? "damaged data")
            }
            isBetweenMembers = code == Z_STREAM_END
            if made > 0 { try body(output[..<made]) }
            if used == 0 && made == 0 && code != Z_STREAM_END {
                throw error(at: position + start, found: "damaged data")
            }
        }
        position += bytes.count
        try drain(body)
    }

    /// What zlib still holds when its output was full as its input ended.
    private func drain(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
        while !isBetweenMembers && !isInPadding {
            let (made, code) = unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.pointee.avail_in = 0
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(output.count)
                let code = unsafe inflate(stream, Z_NO_FLUSH)
                return unsafe (output.count - Int(stream.pointee.avail_out), code)
            }
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw error(at: position, found: "damaged data")
            }
            isBetweenMembers = code == Z_STREAM_END
            if made > 0 { try body(output[..<made]) }
            if made < output.count { return }
        }
    }

    /// Tells that there are no more bytes.
    ///
    /// - Throws: `FileError` when the file is cut off.
    public func finish() throws {
        guard isBetweenMembers || isInPadding else {
            throw FileError(
                path, at: "byte \(position)", expected: "the rest of the gzip data",
                found: "the end of the file")
        }
    }

    private func error(at place: Int, found: String) -> FileError {
        FileError(path, at: "byte \(place)", expected: "gzip data", found: found)
    }
}
