import ChoroySystem
public import ChoroyText

/// What the numbers of an n-gram model stand for: bytes, characters, words, or a tokenizer's tokens.
///
/// * byte: the 256 bytes and `<|endoftext|>`.
/// * character: the same, and every character beyond ASCII of the training text. A character never
///   seen is written as its bytes, so any text can be scored and comes back byte for byte.
/// * word: `<unk>`, `</s>` and the words of the training text, between ASCII white space; each line is
///   a sequence that ends with `</s>`. A word never seen is `<unk>`.
/// * token: what the tokenizer has; its `<|endoftext|>`, if any, ends a document.
public struct NGramVocabulary: TextEncoding {
    public enum Unit: String, Sendable, CaseIterable { case token, word, character, byte }

    public let unit: Unit
    private let content: Content

    private enum Content: Sendable {
        case words(WordTable)
        case characters(CharacterTable)
        case tokens(any TextEncoding)
    }

    /// The vocabulary of a tokenizer, or of another way to write text as ids.
    public init(tokens encoding: any TextEncoding) {
        unit = .token
        content = .tokens(encoding)
    }

    /// The bytes and `<|endoftext|>`.
    public static let bytes = NGramVocabulary(.byte, CharacterTable(scalars: []))

    /// The characters of the texts.
    public static func characters(of documents: [ArraySlice<UInt8>]) -> NGramVocabulary {
        NGramVocabulary(.character, CharacterTable(in: documents))
    }

    /// The words of the texts, numbered as they come, and the ids of each text.
    public static func words(of documents: [ArraySlice<UInt8>]) -> (NGramVocabulary, [[TokenID]]) {
        var table = Self.emptyWords
        let ids = documents.map { document in
            var ids: [TokenID] = []
            learnWords(document, into: &table, &ids)
            return ids
        }
        return (NGramVocabulary(words: table), ids)
    }

    /// Appends the numbers of a text's words, of which new ones come into the table, and of its line ends.
    static func learnWords(
        _ text: ArraySlice<UInt8>, into table: inout WordTable, _ ids: inout [TokenID],
        joinsLines: Bool = false
    ) {
        unsafe text.withUnsafeBufferPointer { buffer in
            var scanner = unsafe WordScanner(buffer)
            while scanner.next() {
                for index in 0..<scanner.count {
                    let range = scanner[index]
                    if range.isEmpty {
                        if !joinsLines { ids.append(1) }
                        continue
                    }
                    // A mark of the unknown is no word to learn, as for `lmplz --skip_symbols`.
                    let id = unsafe table.insert(buffer, range).index
                    if id != 0 { ids.append(TokenID(id)) }
                }
            }
        }
    }

    init(words: WordTable) {
        unit = .word
        content = .words(words)
    }

    init(_ unit: Unit, _ table: CharacterTable) {
        self.unit = unit
        content = .characters(table)
    }

    /// The vocabulary with only some of its words, which are numbered anew.
    ///
    /// - Parameter stays: For each id, `<unk>` and `</s>` among them.
    /// - Precondition: it is one of words.
    public func keeping(_ stays: [Bool]) -> NGramVocabulary {
        guard case .words(let table) = content else { preconditionFailure("no words: \(unit)") }
        var kept = WordTable()
        for id in 0..<table.count where stays[id] { kept.insert(table[id]) }
        return NGramVocabulary(words: kept)
    }

    /// For each word whether it is in a text; `<unk>` and `</s>` are.
    ///
    /// - Precondition: it is a vocabulary of words.
    public func words(in text: [UInt8]) -> [Bool] {
        var found = [Bool](repeating: false, count: vocabularySize)
        for id in [0, 1] + encode(text) { found[Int(id)] = true }
        return found
    }

    /// What its tokens are the tokens of: a tokenizer; nil for bytes, characters and words.
    public var tokenizer: (any TextEncoding)? {
        guard case .tokens(let encoding) = content else { return nil }
        return encoding
    }

    /// `<unk>` is word 0, `</s>` word 1.
    static var emptyWords: WordTable {
        var table = WordTable()
        table.insert("<unk>".utf8)
        table.insert("</s>".utf8)
        return table
    }

    public var vocabularySize: Int {
        switch content {
        case .words(let table): table.count
        case .characters(let table): table.count
        case .tokens(let encoding): encoding.vocabularySize
        }
    }

    /// What every word that is not in the vocabulary is.
    public var unknownToken: TokenID? { unit == .word ? 0 : nil }

    /// What ends a sequence of the model: a line of words, else a document.
    public var endToken: TokenID? {
        switch content {
        case .words: 1
        case .characters: CharacterTable.endOfText
        case .tokens(let encoding): encoding.id(ofSpecial: "<|endoftext|>")
        }
    }

    public func encode(_ bytes: [UInt8]) -> [TokenID] {
        switch content {
        case .words(let table):
            var ids: [TokenID] = []
            Self.forEachWord(in: bytes, table) { _, id in ids.append(id) }
            return ids
        case .characters(let table): return table.encode(bytes)
        case .tokens(let encoding): return encoding.encode(bytes)
        }
    }

    /// The ids of words, an end mark after each line or after all of them, and for each id its bytes in the text.
    func encodeSentences(_ bytes: [UInt8], joinsLines: Bool) -> ([TokenID], [Int]) {
        guard case .words(let table) = content else { preconditionFailure("no words: \(unit)") }
        var ids: [TokenID] = []
        var sizes: [Int] = []
        // What is not written to is no memory, and moving what is takes time.
        ids.reserveCapacity(bytes.count / 4 + 1)
        sizes.reserveCapacity(bytes.count / 4 + 1)
        var done = 0
        Self.forEachWord(in: bytes, table) { range, id in
            if joinsLines && range.isEmpty { return }
            ids.append(id)
            let end = range.isEmpty ? range.lowerBound + 1 : range.upperBound
            sizes.append(end - done)
            done = end
        }
        if !bytes.isEmpty && (joinsLines || bytes[bytes.count - 1] != 10) {
            ids.append(1)
            sizes.append(bytes.count - done)
        }
        return (ids, sizes)
    }

    /// The bytes of a token; a word comes with a space after it, and `</s>` is a line end.
    public func bytes(of token: TokenID) -> [UInt8] {
        guard token >= 0 && Int(token) < vocabularySize else { return [] }
        switch content {
        case .words(let table): return token == 1 ? [10] : Array(table[Int(token)]) + [32]
        case .characters(let table): return table.bytes(of: token)
        case .tokens(let encoding): return encoding.bytes(of: token)
        }
    }

    public func id(ofSpecial name: String) -> TokenID? {
        switch content {
        case .words: name == "<unk>" ? 0 : name == "</s>" ? 1 : nil
        case .characters: name == "<|endoftext|>" ? CharacterTable.endOfText : nil
        case .tokens(let encoding): encoding.id(ofSpecial: name)
        }
    }

    /// The words that stand for the tokens in an ARPA file, numbered by the tokens' ids.
    func arpaWords() -> WordTable {
        if case .words(let table) = content { return table }
        var table = WordTable()
        for id in 0..<TokenID(vocabularySize) {
            if id == endToken {
                table.insert("</s>".utf8)
                continue
            }
            // Two tokens with the same bytes, or one without any, are told apart by their ids.
            let word = ARPAWord.escape(bytes(of: id))
            if word.isEmpty || !table.insert(word).isNew { table.insert("<id=\(id)>".utf8) }
        }
        return table
    }

    /// What a `.ngram` file keeps of the vocabulary: words between line ends, or characters as UTF-8.
    enum FileSection {
        case none
        case words([UInt8])
        case characters([UInt8])
    }

    var fileSection: FileSection {
        switch content {
        case .words(let table):
            var bytes: [UInt8] = []
            for id in 0..<table.count {
                bytes += table[id]
                bytes.append(10)
            }
            return .words(bytes)
        case .characters(let table):
            return unit == .byte
                ? .none
                : .characters((257..<TokenID(table.count)).flatMap { table.bytes(of: $0) })
        case .tokens: return .none
        }
    }

    /// The vocabulary of words or characters in such a section; nil when it is none.
    init?(_ unit: Unit, fileSection bytes: [UInt8]) {
        if unit == .word {
            var table = WordTable(capacity: bytes.count { $0 == 10 })
            var start = 0
            for place in bytes.indices where bytes[place] == 10 {
                guard place > start, table.insert(bytes, start..<place).isNew else { return nil }
                start = place + 1
            }
            guard start == bytes.count, table.count >= 2, table[0].elementsEqual("<unk>".utf8),
                table[1].elementsEqual("</s>".utf8)
            else { return nil }
            self.init(words: table)
        } else {
            var scalars: Set<Unicode.Scalar> = []
            var place = 0
            while place < bytes.count {
                let (scalar, length) = UTF8Scalar.decode(bytes, at: place)
                guard let scalar, !scalar.isASCII else { return nil }
                scalars.insert(scalar)
                place += length
            }
            self.init(unit, CharacterTable(scalars: scalars))
        }
    }

    /// Calls `body` with the place of each word and its number, and with an empty range at each line end.
    @inline(__always)
    private static func forEachWord(
        in bytes: [UInt8], _ table: WordTable, _ body: (Range<Int>, TokenID) -> Void
    ) {
        let hashes = LargeArray<UInt64>(count: WordScanner.limit)
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var scanner = unsafe WordScanner(buffer)
            while scanner.next() {
                for index in 0..<scanner.count {
                    let hash = unsafe WordTable.hash(buffer, scanner[index])
                    table.prefetch(hash)
                    unsafe hashes.pointer[index] = hash
                }
                for index in 0..<scanner.count {
                    let range = scanner[index]
                    let id =
                        range.isEmpty
                        ? 1 : unsafe table.find(buffer, range, hashes.pointer[index]) ?? 0
                    body(range, TokenID(truncatingIfNeeded: id))
                }
            }
        }
    }
}
