/// Bytes as letters, digits, + and /: RFC 4648, section 4.
public enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// The value of each character; 64 for none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 64, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// Replaces `bytes` by what `text` stands for; false when it is not Base64 with its padding.
    public static func decode(_ text: ArraySlice<UInt8>, into bytes: inout [UInt8]) -> Bool {
        bytes.removeAll(keepingCapacity: true)
        guard text.count % 4 == 0 else { return false }
        var end = text.endIndex
        while end > text.startIndex, text.endIndex - end < 2, text[end - 1] == 0x3D { end -= 1 }
        var group: UInt32 = 0
        var bits = 0
        for character in text[..<end] {
            let value = values[Int(character)]
            guard value < 64 else { return false }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        // What is left over must be zero, so that each sequence of bytes has one text.
        return group & ((1 << UInt32(bits)) - 1) == 0
    }

    /// The text of `bytes`.
    public static func text(of bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var group: UInt32 = 0
            for index in 0..<3 {
                group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0)
            }
            for index in 0..<4 {
                let value = Int(group >> UInt32(18 - 6 * index) & 63)
                text.append(index <= count ? alphabet[value] : 0x3D)
            }
        }
        return text
    }
}
