import CUTF8Proc

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a tokenizer does to text before anything else.
enum Normalization: String, Sendable {
    /// Canonical composition, and decomposition.
    case nfc = "NFC"
    case nfd = "NFD"
    /// The same with compatibility characters as what they stand for.
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    private var options: UInt32 {
        switch self {
        case .nfc: UTF8PROC_COMPOSE.rawValue
        case .nfd: UTF8PROC_DECOMPOSE.rawValue
        case .nfkc: UTF8PROC_COMPOSE.rawValue | UTF8PROC_COMPAT.rawValue
        case .nfkd: UTF8PROC_DECOMPOSE.rawValue | UTF8PROC_COMPAT.rawValue
        }
    }

    /// The normalized text; stretches of invalid UTF-8 stay as they are.
    func apply(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        if bytes.allSatisfy({ $0 < 0x80 }) { return Array(bytes) }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var rest = bytes
        while !rest.isEmpty {
            let valid = Self.validPrefix(rest)
            result += mapped(Array(rest[..<valid]))
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

    private func mapped(_ bytes: [UInt8]) -> [UInt8] {
        var output: UnsafeMutablePointer<UInt8>?
        let length = unsafe utf8proc_map(
            bytes, bytes.count, &output,
            utf8proc_option_t(UTF8PROC_STABLE.rawValue | options))
        guard length >= 0, let text = unsafe output else { return bytes }
        defer { unsafe free(text) }
        return unsafe Array(UnsafeBufferPointer(start: text, count: length))
    }
}
