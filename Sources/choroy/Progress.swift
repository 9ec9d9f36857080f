import ChoroySystem

/// How far long work has come, on standard error: one line rewritten in place on a terminal, else a
/// plain line every ten seconds.
struct Progress {
    private let label: String
    private let unit: String
    /// All the work, which may turn out to be more or less.
    var total: Int
    private let first: Int
    private let start = Machine.now()
    private var shown = -Double.infinity
    private var isOnScreen = false
    private let isTerminal = StandardStreams.errorIsTerminal

    /// Work of `total` units ("tokens", "bytes"), 0 when it is not known, of which `first` were done
    /// before.
    init(_ label: String, total: Int, unit: String, from first: Int = 0) {
        self.label = label
        self.total = total
        self.unit = unit
        self.first = first
    }

    /// Shows the state, at most ten times a second (terminal) or once in ten seconds (else).
    ///
    /// `details` is shown after the rate: "loss 2.31".
    mutating func update(_ done: Int, details: String = "") {
        let now = Machine.now()
        // A short work says nothing.
        guard now - start > 0.5, now - shown >= (isTerminal ? 0.1 : 10) else { return }
        shown = now
        let line = ProgressLine(
            label: label, done: done, total: total, unit: unit, seconds: now - start,
            details: details, first: first
        ).text
        guard isTerminal else { return StandardStreams.note(line) }
        isOnScreen = true
        let fitting = TerminalText.visible(line).prefix(max(0, StandardStreams.columns - 1))
        StandardStreams.noteExactly("\r\(fitting)\u{1B}[K")
    }

    /// Writes a line above the progress line.
    mutating func note(_ line: String) {
        clear()
        StandardStreams.note(line)
    }

    /// Takes the line from the screen.
    mutating func clear() {
        if isOnScreen { StandardStreams.noteExactly("\r\u{1B}[K") }
        isOnScreen = false
        if isTerminal { shown = -Double.infinity }
    }
}

/// The words of a progress line.
package struct ProgressLine {
    package var label: String
    package var done: Int
    package var total: Int
    package var unit: String
    package var seconds: Double
    package var details: String
    /// Units that were done before the seconds began.
    package var first: Int

    package init(
        label: String, done: Int, total: Int, unit: String, seconds: Double, details: String = "",
        first: Int = 0
    ) {
        self.label = label
        self.done = done
        self.total = total
        self.unit = unit
        self.seconds = seconds
        self.details = details
        self.first = first
    }

    /// "training  42 %, 1,200 steps, 24.0 steps/s, 1:09 left, loss 2.31"
    package var text: String {
        let rate = seconds > 0 ? Double(done - first) / seconds : 0
        var parts: [String] = []
        if total > 0 { parts.append("\(Int(100 * Double(done) / Double(total))) %") }
        parts.append("\(Figures.grouped(done)) \(unit)")
        let perSecond = rate < 100 ? Figures.decimal(rate, 1) : Figures.grouped(Int(rate))
        parts.append("\(perSecond) \(unit)/s")
        if total > done, rate > 0 {
            parts.append("\(Figures.duration(Double(total - done) / rate)) left")
        }
        if !details.isEmpty { parts.append(details) }
        return "\(label)  " + parts.joined(separator: ", ")
    }
}
