#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A chart of curves as SVG, to be put into a page that defines its colours: class `s0`, `s1` … for
/// the curves, `grid`, `axis` and `label` for the rest.
package struct CurveDrawing {
    package struct Curve {
        /// Number of the colour.
        package var color: Int
        package var name: String
        package var points: [(x: Double, y: Double)]
        /// Drawn faintly, behind the others.
        package var isFaint = false
        /// Each point has a mark that says its value.
        package var hasMarks = false

        package init(
            color: Int, name: String, points: [(x: Double, y: Double)], isFaint: Bool = false,
            hasMarks: Bool = false
        ) {
            self.color = color
            self.name = name
            self.points = points
            self.isFaint = isFaint
            self.hasMarks = hasMarks
        }
    }

    package var title: String
    package var unit: String
    package var xName: String
    package var curves: [Curve]
    /// Whether the vertical axis begins at zero.
    package var startsAtZero = false

    package init(
        title: String, unit: String, xName: String, curves: [Curve], startsAtZero: Bool = false
    ) {
        self.title = title
        self.unit = unit
        self.xName = xName
        self.curves = curves
        self.startsAtZero = startsAtZero
    }

    private let width = 560.0
    private let height = 300.0
    private let left = 58.0
    private let right = 14.0
    private let top = 12.0
    private let bottom = 40.0

    /// The `svg` element; nil when there is nothing to draw.
    package var svg: String? {
        let visible = curves.filter { !$0.points.isEmpty }
        guard let (xs, ys) = ranges(visible) else { return nil }
        func x(_ value: Double) -> Double {
            left + (value - xs.lowerBound) / (xs.upperBound - xs.lowerBound)
                * (width - left - right)
        }
        func y(_ value: Double) -> Double {
            height - bottom
                - (value - ys.lowerBound) / (ys.upperBound - ys.lowerBound)
                * (height - top - bottom)
        }
        let identifier =
            "clip-" + String(title.unicodeScalars.filter { $0.properties.isAlphabetic })
        var svg = """
            <svg viewBox="0 0 \(Self.number(width)) \(Self.number(height))" role="img" \
            aria-label="\(HTML.escaped(title))"><defs><clipPath id="\(HTML.escaped(identifier))">\
            <rect x="\(Self.number(left))" y="\(Self.number(top - 3))" \
            width="\(Self.number(width - left - right + 6))" \
            height="\(Self.number(height - top - bottom + 6))"/></clipPath></defs>
            """
        for tick in Self.ticks(ys, count: 5) {
            let at = Self.number(y(tick))
            svg += """
                <line class="grid" x1="\(Self.number(left))" x2="\(Self.number(width - right))" \
                y1="\(at)" y2="\(at)"/><text class="label" x="\(Self.number(left - 8))" y="\(at)" \
                dy="0.32em" text-anchor="end">\(Self.label(tick, in: ys))</text>
                """
        }
        for tick in Self.ticks(xs, count: 6) {
            svg += """
                <text class="label" x="\(Self.number(x(tick)))" \
                y="\(Self.number(height - bottom + 18))" text-anchor="middle">\
                \(Self.label(tick, in: xs))</text>
                """
        }
        svg += """
            <line class="axis" x1="\(Self.number(left))" x2="\(Self.number(width - right))" \
            y1="\(Self.number(height - bottom))" y2="\(Self.number(height - bottom))"/>\
            <text class="label" x="\(Self.number(width - right))" y="\(Self.number(height - 4))" \
            text-anchor="end">\(HTML.escaped(xName))</text>\
            <g clip-path="url(#\(HTML.escaped(identifier)))">
            """
        for curve in visible.filter(\.isFaint) + visible.filter({ !$0.isFaint }) {
            let points = Self.thinned(curve.points, to: 400).map {
                "\(Self.number(x($0.x))),\(Self.number(y($0.y)))"
            }.joined(separator: " ")
            let color = "s\(curve.color % HTML.colorCount)"
            svg +=
                "<polyline class=\"curve \(color)\(curve.isFaint ? " faint" : "")\" points=\"\(points)\"/>"
            guard curve.hasMarks, curve.points.count <= 200 else { continue }
            for point in curve.points {
                svg += """
                    <circle class="mark \(color)" cx="\(Self.number(x(point.x)))" \
                    cy="\(Self.number(y(point.y)))" r="3"><title>\(HTML.escaped(curve.name)), \
                    \(HTML.escaped(xName)) \(Self.label(point.x, in: xs)): \
                    \(Figures.decimal(point.y, 4)) \(HTML.escaped(unit))</title></circle>
                    """
            }
        }
        return svg + "</g></svg>"
    }

    /// What the axes show: all of x; of y what is neither noise nor the fall of the first steps.
    private func ranges(_ curves: [Curve]) -> (ClosedRange<Double>, ClosedRange<Double>)? {
        let xs = curves.flatMap { $0.points.map(\.x) }
        let clear = curves.contains { !$0.isFaint } ? curves.filter { !$0.isFaint } : curves
        let values = clear.flatMap { $0.points.map(\.y) }.sorted()
        guard let first = xs.min(), let last = xs.max(), var low = values.first,
            var high = values.last
        else { return nil }
        if values.count > 40 { high = values[values.count * 97 / 100] }
        if startsAtZero { low = 0 }
        if high <= low {
            (low, high) = (
                low - 0.5 * max(1e-9, low.magnitude), high + 0.5 * max(1e-9, high.magnitude)
            )
        }
        let margin = 0.06 * (high - low)
        return (
            first...(last > first ? last : first + 1),
            (startsAtZero ? 0 : low - margin)...high + margin
        )
    }

    /// Round numbers in a range.
    package static func ticks(_ range: ClosedRange<Double>, count: Int) -> [Double] {
        let rough = (range.upperBound - range.lowerBound) / Double(count)
        let power = pow(10, floor(log10(rough)))
        let step = [1, 2, 2.5, 5, 10].first { $0 * power >= rough }.map { $0 * power } ?? rough
        guard step > 0, step.isFinite else { return [] }
        let first = (range.lowerBound / step).rounded(.up)
        return (0...count + 1).map { (first + Double($0)) * step }
            .filter { $0 <= range.upperBound + step * 1e-6 }
    }

    private static func label(_ value: Double, in range: ClosedRange<Double>) -> String {
        let size = max(range.lowerBound.magnitude, range.upperBound.magnitude)
        if value == 0 { return "0" }
        func trimmed(_ value: Double, _ decimals: Int) -> String {
            var text = Figures.decimal(value, decimals)
            if text.contains(".") {
                while text.hasSuffix("0") { text.removeLast() }
                if text.hasSuffix(".") { text.removeLast() }
            }
            return text
        }
        if size >= 1e9 { return trimmed(value / 1e9, 2) + " G" }
        if size >= 1e6 { return trimmed(value / 1e6, 2) + " M" }
        if size >= 1e4 { return trimmed(value / 1e3, 1) + " k" }
        if size < 1e-3 { return "\(value)" }
        return trimmed(value, size < 0.1 ? 5 : size < 100 ? 3 : 0)
    }

    /// At most `count` points, each the mean of those it stands for.
    package static func thinned(_ points: [(x: Double, y: Double)], to count: Int) -> [(
        x: Double, y: Double
    )] {
        guard points.count > count else { return points }
        return (0..<count).map { part in
            let range = part * points.count / count..<(part + 1) * points.count / count
            let sum = points[range].reduce((x: 0.0, y: 0.0)) { ($0.x + $1.x, $0.y + $1.y) }
            return (sum.x / Double(range.count), sum.y / Double(range.count))
        }
    }

    private static func number(_ value: Double) -> String { Figures.decimal(value, 1) }
}
