/// Numbers as decimal text, without a string for each.
public enum DecimalDigits {
    /// Appends the digits of a number from 0 on.
    public static func append(_ number: Int, to text: inout [UInt8]) {
        var (first, rest) = (text.count, number)
        repeat {
            text.append(UInt8(48 + rest % 10))
            rest /= 10
        } while rest > 0
        // In place: reversing a slice would copy it.
        var last = text.count - 1
        while first < last {
            text.swapAt(first, last)
            first += 1
            last -= 1
        }
    }
}
