public import ChoroySystem
public import ChoroyText

/// Sequences of token ids, one after the other: what n-grams are counted in.
///
/// With an end token every sequence reads `<s> … </s>`: `<s>` is the number after the vocabulary's
/// last, so that no model predicts it, and `</s>` is the end token. Without one, nothing is added.
public struct NGramSequences: Sendable {
    public private(set) var vocabularySize: Int
    public let endToken: TokenID?
    /// All tokens, `<s>` among them; the last of each sequence with `end` added.
    private var storage: LargeArray<UInt32>
    private var tokenCount = 0
    private var sequenceCount = 0
    private var isOpen = false

    /// Marks the last token of a sequence.
    static let end: UInt32 = 1 << 31

    /// - Parameter workspace: where the tokens, and what is counted of them, find memory.
    public init(
        vocabularySize: Int, endToken: TokenID?, in workspace: Workspace = .unlimited
    ) {
        precondition(
            vocabularySize > 0 && vocabularySize < Int(Int32.max), "vocabulary of \(vocabularySize)"
        )
        self.vocabularySize = vocabularySize
        self.endToken = endToken
        storage = LargeArray(count: 1 << 10, in: workspace)
    }

    /// Where the tokens, and what is counted of them, find memory.
    public var workspace: Workspace { storage.workspace }

    /// The tokens, for as long as the sequences live and are not added to.
    var tokens: UnsafeBufferPointer<UInt32> {
        unsafe UnsafeBufferPointer(start: storage.pointer, count: tokenCount)
    }

    /// The number that stands for `<s>`; nil without an end token.
    public var startToken: TokenID? { endToken == nil ? nil : TokenID(vocabularySize) }

    /// Different numbers that may stand in `tokens`.
    var alphabetSize: Int { vocabularySize + (endToken == nil ? 0 : 1) }

    /// Tokens to be predicted: all but `<s>`.
    public var count: Int { tokenCount - (endToken == nil ? 0 : sequenceCount) }

    /// Adds a document: a sequence ends at each end token in it, and at its end.
    ///
    /// - Precondition: all ids lie in `0..<vocabularySize`.
    public mutating func append(_ document: some Collection<TokenID>) {
        extend(document)
        endDocument()
    }

    /// Adds tokens of a document that goes on.
    public mutating func extend(_ tokens: some Collection<TokenID>) {
        workspace.relieve()
        // At most `<s>` comes before each.
        makeRoom(2 * tokens.count)
        let start = startToken.map { UInt32($0) }
        for token in tokens {
            precondition(
                token >= 0 && Int(token) < vocabularySize,
                "token \(token) of a vocabulary of \(vocabularySize)")
            if !isOpen, let start { put(start) }
            isOpen = token != endToken
            put(isOpen ? UInt32(token) : UInt32(token) | Self.end)
            if !isOpen { sequenceCount += 1 }
        }
    }

    /// Says how large the vocabulary came to be; `<s>`, which had another number until now, is numbered anew.
    mutating func setVocabularySize(_ size: Int) {
        precondition(!isOpen, "a sequence is open")
        let old = startToken.map { UInt32($0) }
        vocabularySize = size
        guard let old, let new = startToken.map({ UInt32($0) }) else { return }
        for place in 0..<tokenCount {
            if unsafe storage.pointer[place] == old { unsafe storage.pointer[place] = new }
            if place & (1 << 20 - 1) == 0 { workspace.relieve() }
        }
    }

    /// Ends the sequence that is open.
    public mutating func endDocument() {
        guard isOpen else { return }
        makeRoom(1)
        if let endToken {
            put(UInt32(endToken) | Self.end)
        } else {
            unsafe storage.pointer[tokenCount - 1] |= Self.end
        }
        sequenceCount += 1
        isOpen = false
    }

    @inline(__always) private mutating func put(_ token: UInt32) {
        unsafe storage.pointer[tokenCount] = token
        tokenCount += 1
    }

    /// Makes room for more tokens, in memory that no copy of the sequences shares.
    private mutating func makeRoom(_ more: Int) {
        let isOwn = isKnownUniquelyReferenced(&storage)
        if isOwn && tokenCount + more <= storage.count { return }
        let larger = LargeArray<UInt32>(
            count: max(tokenCount + more, isOwn ? 2 * storage.count : storage.count),
            in: workspace)
        for start in stride(from: 0, to: tokenCount, by: 1 << 20) {
            let count = min(1 << 20, tokenCount - start)
            unsafe (larger.pointer + start).update(from: storage.pointer + start, count: count)
            workspace.relieve()
        }
        storage = larger
    }
}
