/// The characters that stand for bytes in `tokenizer.json`, so that every token is printable text.
///
/// A byte that is a printable Latin-1 character stands for itself; the 68 others are U+0100,
/// U+0101, … in ascending order. Space is "Ġ".
///
/// Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; the
/// alphabet is that of its published `encoder.json`.
struct ByteAlphabet: Sendable {
    private static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? Unicode.Scalar(byte)
            }
        }
    }()

    /// Byte + 1 of each scalar below U+0144; 0 where the scalar stands for no byte.
    private static let bytes: [UInt16] = {
        var bytes = [UInt16](repeating: 0, count: 0x144)
        for (byte, scalar) in scalars.enumerated() {
            bytes[Int(scalar.value)] = UInt16(byte) + 1
        }
        return bytes
    }()

    /// The text that stands for `bytes`.
    static func text(of bytes: some Sequence<UInt8>) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(scalars[Int(byte)]) }
        return String(text)
    }

    /// The bytes that `text` stands for; nil when a character is not of the alphabet.
    static func bytes(of text: String) -> [UInt8]? {
        var result: [UInt8] = []
        return append(bytesOf: Array(text.utf8)[...], to: &result) ? result : nil
    }

    /// Appends the bytes that UTF-8 stands for; nothing, and false, when a character is not of the alphabet.
    static func append(bytesOf text: ArraySlice<UInt8>, to result: inout [UInt8]) -> Bool {
        let start = result.count
        var lead: UInt8?
        for unit in text {
            // A character of the alphabet is one byte, or two that begin with C2 to C5.
            var scalar = Int(unit)
            if let first = lead, unit & 0xC0 == 0x80 {
                scalar = Int(first & 0x1F) << 6 | Int(unit & 0x3F)
                lead = nil
            } else if lead == nil, (0xC2...0xC5).contains(unit) {
                lead = unit
                continue
            } else if unit >= 0x80 {
                scalar = 0
            }
            guard lead == nil, scalar < 0x144, bytes[scalar] > 0 else {
                result.removeLast(result.count - start)
                return false
            }
            result.append(UInt8(bytes[scalar] - 1))
        }
        guard lead == nil else {
            result.removeLast(result.count - start)
            return false
        }
        return true
    }
}
