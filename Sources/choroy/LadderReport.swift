import ChoroyModel
import ChoroySystem
import ChoroyText

/// What `ladder` says: a table with bars, and the same as JSON.
struct LadderReport {
    let ladder: Ladder
    let text: LadderText
    let unit: NGramVocabulary.Unit

    init(_ ladder: Ladder, _ text: LadderText, _ unit: NGramVocabulary.Unit) {
        self.ladder = ladder
        self.text = text
        self.unit = unit
    }

    /// What is measured, in a sentence, with files as `naming` calls them.
    func subject(naming: (_ path: String) -> String = { $0 }) -> String {
        let held = "\(Figures.grouped(text.heldOutBytes)) bytes"
        let learned = "\(Figures.grouped(text.trainingBytes)) bytes"
        let name = naming(text.name)
        guard !text.validation.isEmpty else {
            return "\(held) from all over \(name), held out; learned from the other \(learned)"
        }
        let names = text.validation.map(naming).joined(separator: ", ")
        return "\(held) of \(names); learned from \(learned) of \(name)"
    }

    /// "6-gram", or a model's path, of a long one beginning and end; with marks that the notes explain.
    func name(of rung: Ladder.Rung) -> String {
        let limit = 32
        let name =
            rung.name.count <= limit
            ? rung.name
            : "\(rung.name.prefix(limit / 3))…\(rung.name.suffix(limit - limit / 3 - 1))"
        return name + (rung.mayKnowText ? " *" : "") + (rung.isIncomplete ? " †" : "")
    }

    var hasCompressors: Bool { ladder.rungs.contains { $0.alone != nil } }

    /// What marks and columns mean.
    var notes: [String] {
        var notes: [String] = []
        if ladder.rungs.contains(where: { $0.kind == .ngram }) {
            notes.append(
                "n-grams are of \(unit.rawValue)s"
                    + (unit == .word ? ", new words spelled by a 4-gram of the known ones" : ""))
        }
        if hasCompressors {
            notes.append(
                "compressors: what the held-out text adds behind the rest; alone, what it takes by itself"
            )
        }
        if ladder.rungs.contains(where: \.mayKnowText) {
            notes.append(
                "* may have learned from the held-out text: trained elsewhere or otherwise")
        }
        if ladder.rungs.contains(where: \.isIncomplete) {
            notes.append("† does not pay for the spelling of words that it does not know")
        }
        return notes
    }

    /// The table for a terminal of so many columns.
    func lines(columns: Int = 100, isPlain: Bool = true) -> [String] {
        var rows = [["", "bits per byte", "above the best"] + (hasCompressors ? ["alone"] : [])]
        for rung in ladder.rungs {
            var row = [name(of: rung), Ladder.figure(rung), excess(of: rung)]
            if hasCompressors { row.append(rung.alone.map { Figures.decimal($0, 3) } ?? "") }
            rows.append(row)
        }
        let table = Table.lines(rows.map { $0 + [""] })
        let width = table.map(\.count).max() ?? 0
        // Bars take what room is left, so that 8 bits fit.
        let largest = max(8, ladder.rungs.map(\.bitsPerByte).filter(\.isFinite).max() ?? 8)
        let cells = min(48, max(8, columns - width - 1))
        let bars = ladder.rungs.map {
            Ladder.bar($0, isPlain ? "#" : "█", cellsPerBit: Double(cells) / largest)
        }
        let body = zip(table.dropFirst(), bars).map { row, bar in
            row + String(repeating: " ", count: width - row.count) + bar
        }
        return [subject(), "", table[0].trimmed] + body + [""] + notes
    }

    private func excess(of rung: Ladder.Rung) -> String {
        if let best = ladder.best, best.name == rung.name { return "best" }
        guard let excess = ladder.excess(of: rung) else { return "" }
        return
            "\(excess.bitsPerByte < 0 ? "" : "+")\(Figures.decimal(excess.bitsPerByte, 3)) ± \(Figures.decimal(excess.standardError, 3))"
    }

    var json: JSONValue {
        func number(_ value: Double?) -> JSONValue {
            value.flatMap { $0.isNaN ? nil : .number($0) } ?? .null
        }
        let rungs = ladder.rungs.map { rung in
            let excess = ladder.excess(of: rung)
            return JSONValue.object(
                JSONObject([
                    ("name", .string(rung.name)), ("kind", .string(rung.kind.rawValue)),
                    ("bits_per_byte", .number(rung.bitsPerByte)),
                    ("standard_error", number(rung.standardError)),
                    ("excess_bits_per_byte", number(excess?.bitsPerByte)),
                    ("excess_standard_error", number(excess?.standardError)),
                    ("alone_bits_per_byte", number(rung.alone)),
                    ("bytes", rung.evaluation.map { .integer($0.bytes) } ?? .null),
                    ("may_know_text", .bool(rung.mayKnowText)),
                    ("pays_for_spelling", .bool(!rung.isIncomplete)),
                ]))
        }
        return .object(
            JSONObject([
                ("text", .string(text.name)),
                ("validation", .array(text.validation.map { .string($0) })),
                ("training_bytes", .integer(text.trainingBytes)),
                ("held_out_bytes", .integer(text.heldOutBytes)),
                ("unit", .string(unit.rawValue)),
                ("best", ladder.best.map { .string($0.name) } ?? .null),
                ("rungs", .array(rungs)),
                ("not_installed", .array(Compressor.missing.map { .string($0) })),
            ]))
    }
}

extension String {
    /// The text without spaces at its end.
    fileprivate var trimmed: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
