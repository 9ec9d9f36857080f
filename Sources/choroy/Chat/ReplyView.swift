import ChoroyGeneration
import ChoroySystem

/// A reply on its way to standard output.
struct ReplyView {
    enum Form {
        case text
        /// The text, each token in the colour of its probability.
        case colors
        /// A line for each token instead of the text: probability and token.
        case table
        /// Only what comes after the reply.
        case nothing
    }

    let form: Form
    private(set) var output: ModelOutput
    /// When the first token came.
    private(set) var firstToken: Double?
    private var runs: ProbabilityRuns

    init(_ form: Form, breaksLines: Bool = true, dropsLeadingSpace: Bool) {
        self.form = form
        output = ModelOutput(breaksLines: breaksLines)
        runs = ProbabilityRuns(dropsLeadingSpace: dropsLeadingSpace)
    }

    /// How probabilities are shown where standard output leads.
    static var probabilities: Form { StyleWriter.output.isOn ? .colors : .table }

    mutating func show(_ event: ChatEvent) throws {
        switch event {
        case .reading: break
        case .token(let token):
            firstToken = firstToken ?? Machine.now()
            if form == .colors { runs.append(token) }
            if form == .table {
                try output.write(Array("\(ProbabilityView.tableLine(token))\n".utf8))
            }
        case .text(let piece):
            switch form {
            case .text: try output.write(piece)
            case .colors:
                for part in runs.take(piece) {
                    try output.write(part.bytes, style: ProbabilityView.style(part.probability))
                }
            case .table, .nothing: break
            }
        }
    }

    /// Ends the reply's last line; a table is followed by an empty one.
    mutating func endReply() throws {
        if form == .nothing { return }
        try output.write([UInt8(ascii: "\n")])
        try output.endLine()
    }

    mutating func endLine() throws { if form != .nothing { try output.endLine() } }
}
