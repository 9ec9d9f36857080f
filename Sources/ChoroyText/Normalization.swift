import CUTF8Proc

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a tokenizer does to text before anything else, step by step.
struct Normalization: Sendable {
    enum Step: Sendable {
        case form(Form)
        /// Each character as its small letters (Unicode's full mapping, without context).
        case lowercase
        /// Leaves combining marks out.
        case stripAccents
        /// Takes white space from the ends of a text.
        case strip(left: Bool, right: Bool)
        case replace([UInt8], with: [UInt8])
        /// Puts something before a text that is not empty.
        case prepend([UInt8])
    }

    /// Unicode's forms, UAX #15.
    enum Form: String, Sendable {
        /// Canonical composition, and decomposition.
        case nfc = "NFC"
        case nfd = "NFD"
        /// The same with compatibility characters as what they stand for.
        case nfkc = "NFKC"
        case nfkd = "NFKD"

        fileprivate var options: UInt32 {
            switch self {
            case .nfc: UTF8PROC_COMPOSE.rawValue
            case .nfd: UTF8PROC_DECOMPOSE.rawValue
            case .nfkc: UTF8PROC_COMPOSE.rawValue | UTF8PROC_COMPAT.rawValue
            case .nfkd: UTF8PROC_DECOMPOSE.rawValue | UTF8PROC_COMPAT.rawValue
            }
        }
    }

    let steps: [Step]

    /// Whether a text cut before white space and normalized part by part may differ from the whole.
    var needsWholeText: Bool {
        steps.contains { step in
            switch step {
            case .form, .lowercase, .stripAccents: false
            case .strip, .replace, .prepend: true
            }
        }
    }

    /// The normalized text; stretches of invalid UTF-8 stay as they are.
    func apply(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        steps.reduce(into: Array(bytes)) { $1.apply(to: &$0) }
    }
}

extension Normalization.Step {
    fileprivate func apply(to text: inout [UInt8]) {
        switch self {
        case .form(let form):
            text = Self.mapping(text) { Self.mapped($0, form) }
        case .lowercase:
            text = Self.mapping(text) { valid in
                Array(
                    String(decoding: valid, as: UTF8.self).unicodeScalars.lazy
                        .map(\.properties.lowercaseMapping).joined().utf8)
            }
        case .stripAccents:
            text = Self.mapping(text) { valid in
                var kept = String.UnicodeScalarView()
                for scalar in String(decoding: valid, as: UTF8.self).unicodeScalars
                where !scalar.isMark { kept.append(scalar) }
                return Array(String(kept).utf8)
            }
        case .strip(let left, let right):
            let end = right ? AddedTokens.spaceBefore(text.count, in: text[...]) : text.count
            let start = left ? AddedTokens.spaceBehind(0, in: text[..<end]) : 0
            text = Array(text[start..<end])
        case .replace(let pattern, let content):
            text.replace(pattern, with: content)
        case .prepend(let content):
            if !text.isEmpty { text.insert(contentsOf: content, at: 0) }
        }
    }

    /// The text with `change` applied to each stretch of valid UTF-8; other bytes stay.
    private static func mapping(
        _ bytes: [UInt8], _ change: (ArraySlice<UInt8>) -> [UInt8]
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while !rest.isEmpty {
            let valid = validPrefix(rest)
            if valid > rest.startIndex { result += change(rest[..<valid]) }
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

    private static func mapped(
        _ bytes: ArraySlice<UInt8>, _ form: Normalization.Form
    ) -> [UInt8] {
        if bytes.allSatisfy({ $0 < 0x80 }) { return Array(bytes) }
        var output: UnsafeMutablePointer<UInt8>?
        let length = unsafe utf8proc_map(
            Array(bytes), bytes.count, &output,
            utf8proc_option_t(UTF8PROC_STABLE.rawValue | form.options))
        guard length >= 0, let text = unsafe output else { return Array(bytes) }
        defer { unsafe free(text) }
        return unsafe Array(UnsafeBufferPointer(start: text, count: length))
    }
}

extension Unicode.Scalar {
    /// Whether it is a combining mark (general category M).
    fileprivate var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }
}
