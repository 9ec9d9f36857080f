internal import ChoroySystem

/// Where something stands: a file and a line of it.
public struct TextPlace: Sendable, Hashable, Comparable {
    /// The number of the file among `TextIndex.files`.
    public let file: Int
    /// From 1.
    public let line: Int

    public static func < (a: TextPlace, b: TextPlace) -> Bool {
        (a.file, a.line) < (b.file, b.line)
    }
}

extension TextIndex {
    /// Where the token at a place of the text stands; of a token with a line feed inside, where it begins.
    ///
    /// - Throws: `FileError` when the file's tables contradict each other.
    public func place(ofToken place: Int) throws -> TextPlace {
        let number = (unsafe Self.bound(documents.count / 4) { unsafe documents[4 * $0] <= place })
        // The mark before the first document belongs to it.
        let document = max(0, number - 1)
        let start = unsafe Int(documents[4 * document])
        let file = unsafe Int(documents[4 * document + 1])
        let first = unsafe Int(documents[4 * document + 2])
        guard file < files.count, first > 0 else {
            throw FileError(
                path, at: "document \(document)", expected: "one of \(files.count) files",
                found: "file \(file), line \(first)")
        }
        guard unsafe documents[4 * document + 3] == 0 else {
            return TextPlace(file: file, line: first)
        }
        let passed =
            (unsafe Self.bound(lines.count) { unsafe lines[$0] <= place })
            - (unsafe Self.bound(lines.count) { unsafe lines[$0] <= start })
        return TextPlace(file: file, line: first + max(0, passed))
    }

    /// How many of the indices from 0 on are before the first that is not.
    private static func bound(_ count: Int, _ isBefore: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
