/// Numbers as decimal text, without a string for each.
public enum DecimalDigits {
    /// Appends the digits of a number from 0 on.
    public static func append(_ number: Int, to text: inout [UInt8]) {
        let start = text.count
        var rest = number
        repeat {
            text.append(UInt8(48 + rest % 10))
            rest /= 10
        } while rest > 0
        text[start...].reverse()
    }
}
