import ChoroyGeneration
import ChoroySystem

/// What Tab offers in a chat.
package struct ChatCompletion {
    package var sessions: [String] = []
    package var branches: [String] = []
    package var adapters: [String] = []

    package init() {}

    /// The words that the one before the cursor may become (see `Completions`).
    package func words(_ text: String, _ cursor: Int) -> [String] {
        guard text.first == "/" else { return [] }
        let before = text.prefix(cursor)
        var parts = before.split(whereSeparator: \.isWhitespace)
        let word = before.last?.isWhitespace == true ? "" : String(parts.popLast() ?? "")
        guard let name = parts.first else { return matching(ChatCommand.words, word) }
        guard let command = ChatCommand(word: name) else { return [] }
        return arguments(command, parts.dropFirst().map(String.init), word)
    }

    private func arguments(_ command: ChatCommand, _ given: [String], _ word: String) -> [String] {
        switch (command, given.count) {
        case (.set, 0): matching(ChatSetting.allCases.map(\.rawValue), word)
        case (.set, 1):
            ChatSetting(rawValue: given[0])?.isSwitch == true ? matching(["on", "off"], word) : []
        case (.adapter, 0): matching(adapters + ["off"], word)
        case (.load, 0), (.save, 0): matching(sessions, word)
        case (.branch, 0): matching(branches + ["list", "switch"], word)
        case (.branch, 1): given[0] == "switch" ? matching(branches, word) : []
        case (.export, 0): matching(["json", "md"], word)
        case (.export, 1): files(word)
        default: []
        }
    }

    private func matching(_ words: [String], _ word: String) -> [String] {
        words.filter { $0.hasPrefix(word) }
    }

    private func files(_ word: String) -> [String] {
        let slash = word.lastIndex(of: "/")
        let folder = slash.map { String(word[...$0]) } ?? ""
        let names = (try? FilePath.list(folder.isEmpty ? "." : folder)) ?? []
        let begun = word.dropFirst(folder.count)
        return names.filter { $0.hasPrefix(begun) && (begun.hasPrefix(".") || !$0.hasPrefix(".")) }
            .map { name in
                let path = folder + name
                return FilePath.kind(of: path) == .directory ? path + "/" : path
            }
    }
}
