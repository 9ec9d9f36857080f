/// What keys make of the message at the prompt: its text, the place in the history, the search.
package struct Editing {
    /// What there is to do after a key.
    package enum Outcome: Equatable {
        case goOn, send(String), end, interrupted, suspend, clear
        /// Shows the words that the one before the cursor may become.
        case list([String])
    }

    private struct Search {
        var query = ""
        /// The entry that is shown.
        var index: Int
        var hasFailed = false
        /// What stood at the prompt before.
        let before: LineBuffer
    }

    package private(set) var buffer: LineBuffer
    private let entries: [String]
    /// The entry that is shown; their number for the draft.
    private var place: Int
    private var draft = ""
    private var search: Search?
    /// What the search before this one looked for.
    private var lastQuery = ""
    private var afterTab = false

    package init(text: String = "", entries: [String] = []) {
        buffer = LineBuffer(text)
        self.entries = entries
        place = entries.count
    }

    /// What stands before the text while a search is on.
    package var searchPrompt: String? {
        search.map {
            "(\($0.hasFailed ? "not found" : "search"): \(TerminalText.visible($0.query))) "
        }
    }

    package mutating func take(_ key: Key, _ completions: Completions? = nil) -> Outcome {
        if search != nil {
            guard let outcome = takeSearching(key) else { return take(key, completions) }
            return outcome
        }
        defer { afterTab = key == .tab }
        switch key {
        case .text(let text), .paste(let text): buffer.insert(text)
        case .newLine: buffer.insert("\n")
        case .enter: return enter()
        case .tab: return complete(completions)
        case .backspace: buffer.deleteBackward()
        case .delete: buffer.deleteForward()
        case .endOfInput:
            if buffer.isEmpty { return .end }
            buffer.deleteForward()
        case .left: buffer.moveLeft()
        case .right: buffer.moveRight()
        case .up: if !buffer.moveUp() { recall(place - 1) }
        case .down: if !buffer.moveDown() { recall(place + 1) }
        case .previous: recall(place - 1)
        case .next: recall(place + 1)
        case .home: buffer.moveToLineStart()
        case .end: buffer.moveToLineEnd()
        case .wordLeft: buffer.moveWordLeft()
        case .wordRight: buffer.moveWordRight()
        case .deleteWord: buffer.cutLettersForward()
        case .cutWord: buffer.cutWordBackward()
        case .cutLetters: buffer.cutLettersBackward()
        case .cutToEnd: buffer.cutToLineEnd()
        case .cutToStart: buffer.cutToLineStart()
        case .yank: buffer.yank()
        case .transpose: buffer.transpose()
        case .search: search = Search(index: entries.count, before: buffer)
        case .clear: return .clear
        case .interrupt: return .interrupted
        case .suspend: return .suspend
        case .cancel, .escape: break
        }
        return .goOn
    }

    /// The cursor goes to the end, where the message stops.
    package mutating func moveToEnd() { buffer.moveToEnd() }

    private mutating func enter() -> Outcome {
        let text = buffer.text
        switch OpenLines.state(of: text) {
        case .complete(let message): return .send(message)
        case .open(let more):
            // After a backslash the text goes on at its end, between quotes at the cursor.
            if text.last == "\\" { buffer.replace(with: more) } else { buffer.insert("\n") }
            return .goOn
        }
    }

    // MARK: History

    private mutating func recall(_ index: Int) {
        guard 0...entries.count ~= index, index != place else { return }
        if place == entries.count { draft = buffer.text }
        place = index
        buffer.replace(with: index == entries.count ? draft : entries[index])
    }

    /// Nil when the key ends the search and has its own meaning still.
    private mutating func takeSearching(_ key: Key) -> Outcome? {
        guard var search else { return nil }
        defer { if !search.query.isEmpty { lastQuery = search.query } }
        switch key {
        case .text(let text), .paste(let text):
            search.query += text
            find(&search, from: min(search.index, entries.count - 1))
        case .backspace:
            if !search.query.isEmpty { search.query.removeLast() }
            find(&search, from: entries.count - 1)
        case .search:
            let isNew = search.query.isEmpty
            if isNew { search.query = lastQuery }
            find(&search, from: isNew ? entries.count - 1 : search.index - 1)
        case .cancel:
            buffer = search.before
            self.search = nil
            return .goOn
        default:
            if search.index < entries.count {
                if place == entries.count { draft = search.before.text }
                place = search.index
            }
            self.search = nil
            return key == .escape ? .goOn : nil
        }
        self.search = search
        return .goOn
    }

    /// Looks for the newest entry at or before `start` that holds what is searched.
    private mutating func find(_ search: inout Search, from start: Int) {
        guard !search.query.isEmpty else {
            search.index = entries.count
            search.hasFailed = false
            buffer = search.before
            return
        }
        let query = search.query
        let found = entries.prefix(start + 1).lastIndex { $0.contains(query) }
        search.hasFailed = found == nil
        guard let found else { return }
        search.index = found
        buffer.replace(with: entries[found])
    }

    // MARK: Completion

    private mutating func complete(_ completions: Completions?) -> Outcome {
        let start = buffer.startOfWord
        let word = String(buffer.characters[start..<buffer.cursor])
        let found = (completions?(buffer.text, buffer.cursor) ?? []).filter { $0.hasPrefix(word) }
        guard let first = found.first else { return .goOn }
        if found.count == 1 {
            buffer.replace(from: start, with: first.hasSuffix("/") ? first : first + " ")
            return .goOn
        }
        let common = found.reduce(Array(first)) { common, candidate in
            Array(zip(common, candidate).prefix { $0 == $1 }.map(\.0))
        }
        if common.count > word.count {
            buffer.replace(from: start, with: String(common))
        } else if afterTab {
            return .list(found)
        }
        return .goOn
    }
}
