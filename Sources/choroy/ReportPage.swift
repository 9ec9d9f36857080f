import ChoroySystem

/// One HTML page about training runs, without anything to load.
package struct ReportPage {
    package var runs: [RunHistory]

    package init(_ runs: [RunHistory]) { self.runs = runs }

    package var html: String {
        let title = runs.count == 1 ? runs[0].name : "\(runs.count) training runs"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>\(HTML.escaped(title)) – Choroy</title>
            <style>\(ReportStyle.css)</style>
            </head>
            <body>
            <header><p class="kicker">Choroy training report</p><h1>\(HTML.escaped(title))</h1></header>
            <main>
            \(cards)
            \(charts)
            \(ladder)
            \(samples)
            \(table("Configuration", \.configuration))
            \(table("Machine", \.machine))
            \(commands)
            </main>
            </body>
            </html>

            """
    }

    private func chip(_ index: Int) -> String {
        "<i class=\"chip b\(index % HTML.colorCount)\"></i>"
    }

    /// "<section>" with a heading; nothing without content.
    private func section(_ title: String, _ content: String, class name: String = "") -> String {
        content.isEmpty
            ? "" : "<section class=\"\(name)\"><h2>\(HTML.escaped(title))</h2>\(content)</section>"
    }

    // MARK: - Figures

    private var cards: String {
        let cards = runs.enumerated().map { index, run in
            let best = run.validation.min { $0.value < $1.value }
            var facts: [(String, String)] = []
            if let best {
                facts.append((Figures.decimal(best.value, 3), run.validationUnit))
            }
            if let last = run.loss.last {
                facts.append((Figures.decimal(last.value, 3), "training loss, nats"))
                facts.append((Figures.grouped(Int(last.step)), "steps"))
                facts.append((Self.short(last.tokens), "tokens"))
            }
            facts.append((Figures.duration(run.seconds), "training"))
            if let rate = run.tokensPerSecond.last {
                facts.append((Self.short(rate.value), "tokens a second"))
            }
            let items = facts.map {
                "<div><b>\(HTML.escaped($0.0))</b><span>\(HTML.escaped($0.1))</span></div>"
            }.joined()
            let state = run.result == nil ? "<em>not finished</em>" : ""
            return """
                <article class="card"><h3>\(chip(index))\(HTML.escaped(run.name)) \(state)</h3>\
                <div class="facts">\(items)</div></article>
                """
        }
        return "<div class=\"cards\">\(cards.joined())</div>"
    }

    private static func short(_ value: Double) -> String {
        switch value {
        case 1e9...: Figures.decimal(value / 1e9, 2) + " G"
        case 1e6...: Figures.decimal(value / 1e6, 2) + " M"
        case 1e4...: Figures.decimal(value / 1e3, 1) + " k"
        default: Figures.grouped(Int(value))
        }
    }

    // MARK: - Curves

    private var charts: String {
        let units = Set(runs.map(\.validationUnit)).sorted()
        let drawings = [
            drawing("Training loss", "nats per token", \.loss, isSmoothed: true),
            drawing("Validation", units.joined(separator: ", "), \.validation, hasMarks: true),
            drawing("Learning rate", "", \.learningRate, startsAtZero: true),
            drawing("Speed", "tokens a second", \.tokensPerSecond, startsAtZero: true),
        ].compactMap(\.self)
        let legend =
            runs.count < 2
            ? ""
            : "<p class=\"legend\">"
                + runs.enumerated().map { "<span>\(chip($0))\(HTML.escaped($1.name))</span>" }
                .joined() + "</p>"
        return legend + "<div class=\"charts\">\(drawings.joined())</div>"
    }

    private func drawing(
        _ title: String, _ unit: String, _ points: KeyPath<RunHistory, [RunHistory.Point]>,
        isSmoothed: Bool = false, hasMarks: Bool = false, startsAtZero: Bool = false
    ) -> String? {
        // Steps of different runs may be of different size; tokens compare.
        let usesTokens = runs.count > 1
        var curves: [CurveDrawing.Curve] = []
        for (index, run) in runs.enumerated() {
            let values = run[keyPath: points].map {
                (x: usesTokens ? $0.tokens : $0.step, y: $0.value)
            }
            if isSmoothed {
                curves.append(
                    .init(color: index, name: run.name, points: values, isFaint: true))
            }
            curves.append(
                .init(
                    color: index, name: run.name,
                    points: isSmoothed ? Self.smoothed(values) : values, hasMarks: hasMarks))
        }
        let drawing = CurveDrawing(
            title: title, unit: unit, xName: usesTokens ? "tokens" : "step", curves: curves,
            startsAtZero: startsAtZero)
        guard let svg = drawing.svg else { return nil }
        let small = unit.isEmpty ? "" : " <small>\(HTML.escaped(unit))</small>"
        return "<figure><figcaption>\(HTML.escaped(title))\(small)</figcaption>\(svg)</figure>"
    }

    /// A running mean over about a twenty-fifth of the points.
    private static func smoothed(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        let reach = points.count / 50
        var sums = [0.0]
        for point in points { sums.append(sums[sums.count - 1] + point.y) }
        return points.indices.map { index in
            let reach = min(reach, index, points.count - 1 - index)
            let mean = (sums[index + reach + 1] - sums[index - reach]) / Double(2 * reach + 1)
            return (points[index].x, mean)
        }
    }

    // MARK: - Ladder

    private var ladder: String {
        let parts = runs.enumerated().filter { !$1.ladder.isEmpty }.map { index, run in
            let longest = run.ladder.map(\.bitsPerByte).max() ?? 1
            let rows = run.ladder.map { rung in
                let width = Figures.decimal(100 * rung.bitsPerByte / max(longest, 1e-9), 1)
                let isOurs = rung.name == "this model"
                return """
                    <tr\(isOurs ? " class=\"ours\"" : "")><th>\(HTML.escaped(rung.name))</th>\
                    <td><svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none">\
                    <rect class="\(isOurs ? "f\(index % HTML.colorCount)" : "rest")" \
                    width="\(width)" height="10"/></svg></td>\
                    <td class="number">\(Figures.decimal(rung.bitsPerByte, 3))</td></tr>
                    """
            }.joined()
            let name =
                runs.count > 1 ? "<caption>\(chip(index))\(HTML.escaped(run.name))</caption>" : ""
            return "<table class=\"ladder\">\(name)\(rows)</table>"
        }
        return section("Bits per byte on text held back", parts.joined(), class: "ladders")
    }

    // MARK: - Texts and tables

    private var samples: String {
        let parts = runs.enumerated().filter { !$1.samples.isEmpty }.map { index, run in
            let name = runs.count > 1 ? "<h3>\(chip(index))\(HTML.escaped(run.name))</h3>" : ""
            // The last ones, and some of those on the way.
            let count = run.samples.count
            let shown = (0..<min(8, count)).map {
                run.samples[(($0 + 1) * count - 1) / min(8, count)]
            }
            let items = shown.map {
                "<dt>step \(Figures.grouped($0.step))</dt><dd>\(HTML.escaped($0.text))</dd>"
            }
            return "\(name)<dl class=\"samples\">\(items.joined())</dl>"
        }
        return section("What it wrote on the way", parts.joined())
    }

    private func table(
        _ title: String, _ rows: KeyPath<RunHistory, [(name: String, value: String)]>
    ) -> String {
        var names: [String] = []
        for run in runs {
            for row in run[keyPath: rows] where !names.contains(row.name) { names.append(row.name) }
        }
        guard !names.isEmpty else { return "" }
        let head =
            runs.count < 2
            ? ""
            : "<thead><tr><th></th>"
                + runs.enumerated().map { "<th>\(chip($0))\(HTML.escaped($1.name))</th>" }.joined()
                + "</tr></thead>"
        let body = names.map { name in
            let values = runs.map { run in
                run[keyPath: rows].first { $0.name == name }?.value ?? "–"
            }
            let differs = Set(values).count > 1
            return "<tr\(differs ? " class=\"differs\"" : "")><th>\(HTML.escaped(name))</th>"
                + values.map { "<td>\(HTML.escaped($0))</td>" }.joined() + "</tr>"
        }
        return section(
            title,
            "<div class=\"scroll\"><table class=\"rows\">\(head)<tbody>\(body.joined())</tbody></table></div>",
            class: "")
    }

    private var commands: String {
        let lines = runs.compactMap { run in
            run.command.map { "<pre>\(HTML.escaped($0))</pre>" }
        }
        return section("The same again", lines.joined())
    }
}
