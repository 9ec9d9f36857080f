import ChoroySystem

/// How far long work has come, on standard error: one line rewritten in place on a terminal, below a
/// chart where there is one and room for it, else a plain line every ten seconds.
struct Progress {
    private let label: String
    private let unit: String
    /// All the work, which may turn out to be more or less.
    var total: Int
    private let first: Int
    private let start = Machine.now()
    private var shown = -Double.infinity
    /// Widths of the lines on the screen; the cursor is in the last one.
    private var onScreen: [Int] = []
    private var chart: [String] = []
    private var chartMade = -Double.infinity
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
    /// `details` is shown after the rate: "loss 2.31". `makeChart` gives the lines of a chart for so many
    /// columns; it is asked once a second, on terminals of 50 columns and 18 rows and more.
    mutating func update(
        _ done: Int, details: String = "", makeChart: ((_ columns: Int) -> [String])? = nil
    ) {
        let now = Machine.now()
        // A short work says nothing.
        guard now - start > 0.5, now - shown >= (isTerminal ? 0.1 : 10) else { return }
        shown = now
        let line = ProgressLine(
            label: label, done: done, total: total, unit: unit, seconds: now - start,
            details: details, first: first
        ).text
        guard isTerminal else { return StandardStreams.note(line) }
        let (columns, rows) = StandardStreams.errorWindowSize
        if !StandardStreams.terminalIsDumb, columns >= 50, rows >= 18 {
            if let makeChart, now - chartMade >= 1 {
                chart = makeChart(columns)
                chartMade = now
            }
        } else {
            chart = []
        }
        let lines = (chart + [TerminalText.visible(line)]).map {
            String($0.prefix(max(0, columns - 1)))
        }
        StandardStreams.noteExactly(
            start(columns) + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[K")
        onScreen = lines.map(\.count)
    }

    /// Writes a line above the progress line.
    mutating func note(_ line: String) {
        clear()
        StandardStreams.note(line)
    }

    /// Takes the lines from the screen.
    mutating func clear() {
        if !onScreen.isEmpty {
            let isOne = onScreen.count == 1
            StandardStreams.noteExactly(
                start(StandardStreams.columns) + (isOne ? "\u{1B}[K" : "\u{1B}[J"))
        }
        onScreen = []
        if isTerminal { shown = -Double.infinity }
    }

    /// What brings the cursor to the first of the lines on the screen, which a window that has become
    /// narrower has broken.
    private func start(_ columns: Int) -> String {
        let rows = onScreen.reduce(0) { $0 + max(1, ($1 + columns - 1) / max(1, columns)) }
        return rows > 1 ? "\r\u{1B}[\(rows - 1)A" : "\r"
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
