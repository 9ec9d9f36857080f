import ArgumentParser

/// A size of memory as people write it: 512M, 4G, 100000.
struct ByteSize: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let text = argument.uppercased()
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        var unit = text.dropFirst(digits.count)
        for ending in ["IB", "B"] where unit.hasSuffix(ending) {
            unit = unit.dropLast(ending.count)
            break
        }
        let shifts: [Substring: Int] = ["": 0, "K": 10, "M": 20, "G": 30, "T": 40]
        guard let number = Int(digits), let shift = shifts[unit] else { return nil }
        let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: 1 << shift)
        guard !isTooLarge, bytes > 0 else { return nil }
        self.bytes = bytes
    }
}
