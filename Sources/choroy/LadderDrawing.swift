import ChoroySystem

/// A ladder as an SVG file that needs nothing else: bars with whiskers, in light and in dark.
struct LadderDrawing {
    private let report: LadderReport
    private var rungs: [Ladder.Rung] { report.ladder.rungs.filter(\.bitsPerByte.isFinite) }

    private static let rowHeight = 30.0
    private static let barHeight = 18.0
    private static let groupGap = 10.0
    private static let top = 84.0
    private static let plotWidth = 520.0
    /// Room for a figure behind the longest bar.
    private static let right = 128.0

    init(_ report: LadderReport) { self.report = report }

    private static let style = """
        text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;\
        font-size:14px;fill:#1d1d1b}
        .page{fill:#fff;stroke:#e3e1db}.title{font-size:19px;font-weight:650}
        .soft{fill:#6b6a66;font-size:12.5px}
        .figure{font-variant-numeric:tabular-nums;paint-order:stroke;stroke:#fff;stroke-width:5px;\
        stroke-linejoin:round}.best{font-weight:650}.error{fill:#6b6a66;font-weight:400}
        .grid{stroke:#e8e6e0}.axis{stroke:#a5a39c}.whisker{stroke:#1d1d1b;stroke-width:1.4}
        .uniform{fill:#c9c6bd}.ngram{fill:#2a6fbb}.model{fill:#d9622b}.compressor{fill:#1d8a5f}
        .alone{fill:#fff;stroke:#1d8a5f;stroke-width:2}.reach{stroke:#1d8a5f;stroke-dasharray:2 3}
        @media (prefers-color-scheme:dark){text{fill:#ececea}.page{fill:#1b1d1c;stroke:#333533}
        .soft,.error{fill:#a09f9a}.grid{stroke:#2e302f}.axis{stroke:#6d6e69}.whisker{stroke:#ececea}.figure{stroke:#1b1d1c}
        .uniform{fill:#53554f}.ngram{fill:#5d9fe6}.model{fill:#f08a57}.compressor{fill:#43b586}
        .alone{fill:#1b1d1c;stroke:#43b586}.reach{stroke:#43b586}}
        """

    /// The file's content.
    var svg: String {
        let names = rungs.map { report.name(of: $0) }
        // Sans-serif letters of 14 pixels are 8.4 wide or less on average, bold ones 9.6; those of 12.5 are 7.5.
        let widths = zip(rungs, names).map { rung, name in
            Double(name.count) * (isBest(rung) ? 9.6 : 8.4)
        }
        let left = 34 + max(60, widths.max() ?? 0)
        let notes = [report.subject(naming: FilePath.name)] + report.notes
        let longest = notes.map(\.count).max() ?? 0
        let width = max(left + Self.plotWidth + Self.right, 48 + 7.5 * Double(longest))
        let values = rungs.flatMap { [$0.bitsPerByte, $0.alone ?? 0] }.filter(\.isFinite)
        let largest = max(1, (values.max() ?? 8).rounded(.up))
        func x(_ bits: Double) -> Double { left + bits / largest * Self.plotWidth }

        var rows = ""
        var y = Self.top
        for (index, rung) in rungs.enumerated() {
            if index > 0, rung.kind != rungs[index - 1].kind { y += Self.groupGap }
            rows += row(rung, names[index], y + Self.rowHeight / 2, left: left, x)
            y += Self.rowHeight
        }
        let bottom = y + 4
        let height = bottom + 44 + 18 * Double(notes.count)
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(width)) \
            \(Self.number(height))" width="\(Self.number(width))" height="\(Self.number(height))" \
            role="img" aria-labelledby="title"><title id="title">Bits per byte of held-out text\
            </title><style>\(Self.style)</style><rect class="page" x="0.5" y="0.5" \
            width="\(Self.number(width - 1))" height="\(Self.number(height - 1))" rx="10"/>\
            <text class="title" x="24" y="38">Bits per byte of held-out text</text>\
            <text class="soft" x="24" y="60">Fewer is better. Whiskers: one standard error to each \
            side.</text>
            """
        for tick in CurveDrawing.ticks(0...largest, count: 8) {
            let at = Self.number(x(tick))
            svg += """
                <line class="grid" x1="\(at)" x2="\(at)" y1="\(Self.number(Self.top - 4))" \
                y2="\(Self.number(bottom))"/><text class="soft" x="\(at)" \
                y="\(Self.number(bottom + 18))" text-anchor="middle">\(Self.tick(tick))</text>
                """
        }
        svg += """
            <line class="axis" x1="\(Self.number(left))" x2="\(Self.number(left))" \
            y1="\(Self.number(Self.top - 4))" y2="\(Self.number(bottom))"/>
            """
        svg += rows
        for (index, note) in notes.enumerated() {
            svg += """
                <text class="soft" x="24" y="\(Self.number(bottom + 46 + 18 * Double(index)))">\
                \(HTML.escaped(note))</text>
                """
        }
        return svg + "</svg>\n"
    }

    /// A rung with its middle at `y`.
    private func row(
        _ rung: Ladder.Rung, _ name: String, _ y: Double, left: Double, _ x: (Double) -> Double
    ) -> String {
        let isBest = isBest(rung)
        let end = x(rung.bitsPerByte)
        var row = """
            <g><title>\(HTML.escaped(report.name(of: rung))): \(Figures.decimal(rung.bitsPerByte, 4))\
            </title><text\(isBest ? " class=\"best\"" : "") x="\(Self.number(left - 10))" \
            y="\(Self.number(y))" dy="0.35em" text-anchor="end">\(HTML.escaped(name))</text>\
            <rect class="\(rung.kind.rawValue)" x="\(Self.number(left))" \
            y="\(Self.number(y - Self.barHeight / 2))" width="\(Self.number(max(1, end - left)))" \
            height="\(Self.number(Self.barHeight))" rx="2"/>
            """
        var edge = end
        if rung.standardError.isFinite {
            let (low, high) = (
                x(rung.bitsPerByte - rung.standardError), x(rung.bitsPerByte + rung.standardError)
            )
            edge = high
            for (x1, x2, y1, y2) in [
                (low, high, y, y), (low, low, y - 4, y + 4), (high, high, y - 4, y + 4),
            ] {
                row += """
                    <line class="whisker" x1="\(Self.number(x1))" x2="\(Self.number(x2))" \
                    y1="\(Self.number(y1))" y2="\(Self.number(y2))"/>
                    """
            }
        }
        if let alone = rung.alone {
            row += """
                <line class="reach" x1="\(Self.number(end))" x2="\(Self.number(x(alone)))" \
                y1="\(Self.number(y))" y2="\(Self.number(y))"/><circle class="alone" \
                cx="\(Self.number(x(alone)))" cy="\(Self.number(y))" r="5"/>
                """
            edge = max(edge, x(alone) + 5)
        }
        let error =
            rung.standardError.isFinite
            ? "<tspan class=\"error\" dx=\"5\">± \(Figures.decimal(rung.standardError, 3))</tspan>"
            : rung.alone.map {
                "<tspan class=\"error\" dx=\"5\">(alone \(Figures.decimal($0, 2)))</tspan>"
            }
                ?? ""
        return row + """
            <text class="figure\(isBest ? " best" : "")" x="\(Self.number(edge + 8))" \
            y="\(Self.number(y))" dy="0.35em">\(Figures.decimal(rung.bitsPerByte, 3))\(error)\
            </text></g>
            """
    }

    private func isBest(_ rung: Ladder.Rung) -> Bool { rung.name == report.ladder.best?.name }

    private static func tick(_ value: Double) -> String {
        value == value.rounded() ? Figures.decimal(value, 0) : Figures.decimal(value, 1)
    }

    private static func number(_ value: Double) -> String { Figures.decimal(value, 1) }
}
