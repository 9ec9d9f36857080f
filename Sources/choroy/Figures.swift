/// Numbers as people read them.
package enum Figures {
    /// `value` with this many decimals: `decimal(2.345, 1)` is "2.3".
    package static func decimal(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, value.magnitude < 1e12, 0...6 ~= decimals else { return "\(value)" }
        let power = (0..<decimals).reduce(1) { power, _ in power * 10 }
        let scaled = Int((value.magnitude * Double(power)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        let fraction = String(scaled % power)
        let zeros = String(
            repeating: "0", count: decimals - fraction.count * (decimals > 0 ? 1 : 0))
        return decimals == 0
            ? "\(sign)\(scaled)" : "\(sign)\(scaled / power).\(zeros)\(fraction)"
    }

    /// A small number with two digits that count: "1.5e-5"; zero is "0".
    package static func tiny(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
        var (digits, exponent) = (value.magnitude, 0)
        while digits < 1 {
            digits *= 10
            exponent -= 1
        }
        while digits >= 10 {
            digits /= 10
            exponent += 1
        }
        return "\(value < 0 ? "-" : "")\(decimal(digits, 1))e\(exponent)"
    }

    /// `value` with a comma before every three digits: "1,234,567".
    package static func grouped(_ value: Int) -> String {
        var digits = Array(String(value.magnitude))
        for place in stride(from: digits.count - 3, to: 0, by: -3) {
            digits.insert(",", at: place)
        }
        return (value < 0 ? "-" : "") + String(digits)
    }

    /// Bytes as "1,234 MB", in millions.
    package static func megabytes(_ bytes: Int) -> String {
        "\(grouped((bytes + 999_999) / 1_000_000)) MB"
    }

    /// Seconds as "42 s", "3:07" (minutes) or "1:02:33" (hours).
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, 0..<1e9 ~= seconds else { return "?" }
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60):\(two(whole % 60))" }
        return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }
}
