import ChoroyTensor

/// Where the time of training steps goes, as a table: products with their GFLOP/s, other operations with
/// the GB/s of the tensors that they must read and write.
struct OperationTable {
    private let entries: [OperationTimes.Entry]
    private let steps: Int
    private let limits: MachineLimits

    init(_ entries: [OperationTimes.Entry], steps: Int, _ precision: Precision) {
        self.entries = entries
        self.steps = steps
        limits = MachineLimits(precision)
    }

    var lines: [String] {
        let total = max(1e-12, entries.reduce(0) { $0 + $1.seconds })
        let heading =
            "\(pad("operation", -32))\(pad("calls", 8))\(pad("ms/step", 10))\(pad("share", 8))"
            + "\(pad("GFLOP/s", 10))\(pad("GB/s", 8))\(pad("of limit", 10))"
        let note =
            "limits: \(number(limits.operations / 1e9, 0)) GFLOP/s in registers, "
            + "\(number(limits.bytes / 1e9, 0)) GB/s from memory (a tensor in the cache is faster)"
        return [heading] + entries.map { line($0, total) } + [note]
    }

    func show() { lines.forEach { print($0) } }

    private func line(_ entry: OperationTimes.Entry, _ total: Double) -> String {
        let seconds = max(1e-12, entry.seconds)
        var text =
            pad(entry.name, -32) + pad("\(entry.calls / max(1, steps))", 8)
            + pad(number(1000 * entry.seconds / Double(max(1, steps)), 2), 10)
            + pad("\(number(100 * entry.seconds / total, 1)) %", 8)
        if entry.operations > 0 {
            let rate = entry.operations / seconds
            text += pad(number(rate / 1e9, 1), 10) + pad("", 8)
            text += pad("\(number(100 * rate / limits.operations, 0)) %", 10)
        } else if entry.bytes > 0 {
            let rate = entry.bytes / seconds
            text += pad("", 10) + pad(number(rate / 1e9, 1), 8)
            text += pad("\(number(100 * rate / limits.bytes, 0)) %", 10)
        }
        return text
    }

    private func number(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let whole = Int((value * scale).rounded())
        guard digits > 0 else { return "\(whole)" }
        let rest = "\(whole % Int(scale))"
        return "\(whole / Int(scale))."
            + String(repeating: "0", count: digits - rest.count) + rest
    }

    /// Right-aligned in `width` characters, left-aligned when negative.
    private func pad(_ text: String, _ width: Int) -> String {
        let space = String(repeating: " ", count: max(0, abs(width) - text.count))
        return width < 0 ? text + space : space + text
    }
}
