import ChoroySystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

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
        guard isatty(STDERR_FILENO) == 1, now - start > 1, now - last > 0.2 else { return }
        last = now
        isShown = true
        let speed = Double(done) / (now - start)
        let rest = speed > 0 ? Double(total - done) / speed : 0
        StandardOutput.show(
            "\r\(Readable.grouped(done)) of \(Readable.grouped(total)) \(unit)s, "
                + "\(Readable.grouped(Int(speed)))/s, \(Int(rest)) s left\u{1B}[K")
    }

    mutating func finish() { if isShown { StandardOutput.show("\r\u{1B}[K") } }
}
