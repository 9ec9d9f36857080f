/// Decides, while a text streams by, what is learned from and what is held back.
///
/// Holds back parts from all over the text: every tenth document where there are at least ten, else
/// every twentieth of up to 200 pieces that begin with a line.
///
/// A split at the end would be judged by what the text ends with alone: in a book that is new names
/// and scenes, and the model would never learn from the part closest to what comes next.
struct TextSplitter {
    enum Event {
        case bytes(ArraySlice<UInt8>, isValidation: Bool)
        case end(isValidation: Bool)
    }

    private let holdsDocuments: Bool
    private let holdsNone: Bool
    /// Pieces of at least 1 KB, and at least twenty of them.
    private let size: Int
    private var document = 0
    private var piece = 0
    /// Bytes that the piece still needs before its end is looked for.
    private var remaining: Int
    /// Bytes among which the end is looked for.
    private var window: [UInt8] = []
    private var isOpen = false
    private static let windowSize = 4096

    /// A splitter of a text of this size; with `holdsNone` all of it is learned from.
    init(documents: Int, bytes: Int, holdsNone: Bool = false) {
        holdsDocuments = documents >= 10
        self.holdsNone = holdsNone
        size = max(1, min(1024, bytes / 20), bytes / 200)
        remaining = size
    }

    private var isHeld: Bool {
        !holdsNone && (holdsDocuments ? document % 10 == 9 : piece % 20 == 9)
    }

    /// More bytes of the present document.
    mutating func feed(_ bytes: ArraySlice<UInt8>, _ body: (Event) throws -> Void) rethrows {
        guard !holdsDocuments && !holdsNone else { return try emit(bytes, body) }
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.prefix(remaining)
            try emit(part, body)
            remaining -= part.count
            rest = rest.dropFirst(part.count)
            guard remaining == 0, !rest.isEmpty else { continue }
            let more = rest.prefix(Self.windowSize - window.count)
            window += more
            rest = rest.dropFirst(more.count)
            if window.count == Self.windowSize { try cut(body) }
        }
    }

    /// The present document is whole.
    mutating func endDocument(_ body: (Event) throws -> Void) rethrows {
        while !window.isEmpty { try cut(body) }
        try close(isHeld, body)
        if remaining < size { piece += 1 }
        document += 1
        remaining = size
    }

    /// Ends the piece within the window: at the first beginning of a line; without one, at the first
    /// beginning of a character, so that no character of UTF-8 is cut.
    private mutating func cut(_ body: (Event) throws -> Void) rethrows {
        let end: Int
        if let line = window.firstIndex(of: 10) {
            end = line + 1
        } else {
            end = window.prefix(4).firstIndex { $0 & 0xC0 != 0x80 } ?? 0
        }
        try emit(window[..<end], body)
        let rest = window[end...]
        window = []
        let wasHeld = isHeld
        piece += 1
        remaining = size
        // What is learned between two pieces held back stays one document.
        if wasHeld || isHeld { try close(wasHeld, body) }
        try feed(rest, body)
    }

    private mutating func emit(
        _ bytes: ArraySlice<UInt8>, _ body: (Event) throws -> Void
    ) rethrows {
        guard !bytes.isEmpty else { return }
        isOpen = true
        try body(.bytes(bytes, isValidation: isHeld))
    }

    private mutating func close(_ held: Bool, _ body: (Event) throws -> Void) rethrows {
        if isOpen { try body(.end(isValidation: held)) }
        isOpen = false
    }
}
