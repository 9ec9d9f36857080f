import CUTF8Proc

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a tokenizer does to text before anything else.
enum Normalization: String, Sendable {
    /// Canonical composition.
    case nfc = "NFC"

    /// The normalized text; stretches of invalid UTF-8 stay as they are.
    func apply(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        if bytes.allSatisfy({ $0 < 0x80 }) { return Array(bytes) }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var rest = bytes
        while !rest.isEmpty {
            let valid = Self.validPrefix(rest)
            result += Self.compose(Array(rest[..<valid]))
            if valid < rest.endIndex { result.append(rest[valid]) }
            rest = rest[min(valid + 1, rest.endIndex)...]
        }
        return result
    }

    /// The end of the longest prefix that is valid UTF-8.
    private static func validPrefix(_ bytes: ArraySlice<UInt8>) -> Int {
        var decoder = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var end = bytes.startIndex
        while case .valid(let scalar) = decoder.parseScalar(from: &iterator) {
            end += scalar.count
        }
        return end
    }

    private static func compose(_ bytes: [UInt8]) -> [UInt8] {
        var output: UnsafeMutablePointer<UInt8>?
        let length = unsafe utf8proc_map(
            bytes, bytes.count, &output,
            utf8proc_option_t(UTF8PROC_STABLE.rawValue | UTF8PROC_COMPOSE.rawValue))
        guard length >= 0, let composed = unsafe output else { return bytes }
        defer { unsafe free(composed) }
        return unsafe Array(UnsafeBufferPointer(start: composed, count: length))
    }
}
