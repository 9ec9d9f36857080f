/// Lines of n-grams as an ARPA file has them, on their way into the file.
@safe struct ARPALineBuffer: ~Copyable {
    private var memory: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init() { unsafe memory = .allocate(capacity: 1 << 20) }

    deinit { unsafe memory.deallocate() }

    /// The bytes so far.
    borrowing func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
        -> Result
    {
        try unsafe body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count]))
    }

    /// Makes room for so many bytes more; what follows until then needs no check.
    mutating func reserve(_ more: Int) {
        if unsafe count + more <= memory.count { return }
        let larger = UnsafeMutableBufferPointer<UInt8>.allocate(
            capacity: unsafe max(2 * memory.count, count + more))
        for place in 0..<count { unsafe larger[place] = memory[place] }
        unsafe memory.deallocate()
        unsafe memory = larger
    }

    @inline(__always) mutating func append(_ byte: UInt8) {
        unsafe memory[count] = byte
        count += 1
    }

    @inline(__always) mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        for place in bytes.indices { unsafe memory[count + place] = bytes[place] }
        count += bytes.count
    }

    /// The most bytes that a number takes.
    static let longestNumber = 24

    /// `value` with 8 decimals, zeros at the end left out.
    mutating func append(log10 value: Float) {
        guard value.magnitude < 1e9 else {
            for byte in (value < 0 ? "-99" : "99").utf8 { append(byte) }
            return
        }
        var number = UInt64((Double(value.magnitude) * 1e8).rounded())
        if number == 0 { return append(48) }
        if value < 0 { append(UInt8(ascii: "-")) }
        var decimals = 8
        while decimals > 0 && number % 10 == 0 {
            number /= 10
            decimals -= 1
        }
        // Digits from the last; at least one stands before the point.
        var digits = 0
        var rest = number
        while rest > 0 || digits <= decimals {
            rest /= 10
            digits += 1
        }
        let size = digits + (decimals > 0 ? 1 : 0)
        var place = count + size
        count = place
        for digit in 0..<digits {
            if digit == decimals && decimals > 0 {
                place -= 1
                unsafe memory[place] = UInt8(ascii: ".")
            }
            place -= 1
            unsafe memory[place] = 48 + UInt8(truncatingIfNeeded: number % 10)
            number /= 10
        }
    }
}
