import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What commands say to a person, on standard error, and how they write numbers.
enum Terminal {
    /// A line on standard error.
    static func note(_ text: String) { write(text + "\n") }

    /// Text on standard error as it is.
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                #if canImport(Glibc)
                    unsafe Glibc.write(STDERR_FILENO, buffer.baseAddress, buffer.count)
                #else
                    unsafe Darwin.write(STDERR_FILENO, buffer.baseAddress, buffer.count)
                #endif
            }
            if written <= 0 { return }
            bytes = bytes.dropFirst(written)
        }
    }

    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// `value` with a number of decimals.
    static func decimal(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, value.magnitude < 1e12 else { return "\(value)" }
        var power = 1
        for _ in 0..<decimals { power *= 10 }
        let scaled = Int((value.magnitude * Double(power)).rounded())
        let fraction = String(scaled % power)
        let zeros = String(repeating: "0", count: decimals - fraction.count)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return decimals == 0 ? "\(sign)\(scaled)" : "\(sign)\(scaled / power).\(zeros)\(fraction)"
    }

    /// `value` with a comma before every three digits.
    static func grouped(_ value: Int) -> String {
        var text = ""
        for (index, digit) in String(value.magnitude).reversed().enumerated() {
            if index > 0 && index.isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return (value < 0 ? "-" : "") + String(text.reversed())
    }
}

/// How far a long computation has come: one line on a terminal, nothing elsewhere.
struct Progress {
    let total: Int
    let unit: String
    private let start = Machine.now()
    private var last = 0.0
    private var isShown = false

    init(total: Int, unit: String) {
        self.total = total
        self.unit = unit
    }

    mutating func show(_ done: Int) {
        let now = Machine.now()
        guard Terminal.isInteractive, now - start > 1, now - last > 0.2 else { return }
        last = now
        isShown = true
        let speed = Double(done) / (now - start)
        let rest = speed > 0 ? Double(total - done) / speed : 0
        Terminal.write(
            "\r\(Terminal.grouped(done)) of \(Terminal.grouped(total)) \(unit)s, "
                + "\(Terminal.grouped(Int(speed)))/s, \(Int(rest)) s left\u{1B}[K")
    }

    mutating func finish() { if isShown { Terminal.write("\r\u{1B}[K") } }
}
