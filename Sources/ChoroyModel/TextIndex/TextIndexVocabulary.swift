import ChoroySystem
import ChoroyText

/// The vocabulary of an index as bytes in its file.
///
/// The tokenizer is inside and not beside the file, as ARPA files have to keep it, so that an index can be moved
/// or renamed alone and never meets another tokenizer.
enum TextIndexVocabulary {
    static func bytes(_ text: IndexedText) -> [UInt8] {
        let vocabulary = text.vocabulary
        let ids = 0..<TokenID(vocabulary.vocabularySize)
        switch vocabulary.unit {
        case .token: return text.tokenizer?.fileBytes ?? []
        // A word comes with a space behind it.
        case .word: return bytes(ids.dropFirst(2).map { vocabulary.bytes(of: $0).dropLast() })
        case .character: return bytes(ids.dropFirst(257).map { vocabulary.bytes(of: $0)[...] })
        case .byte: return []
        }
    }

    /// Byte strings, each with its size before it.
    static func bytes(_ strings: [ArraySlice<UInt8>]) -> [UInt8] {
        strings.flatMap { string in
            (0..<4).map { UInt8(truncatingIfNeeded: string.count >> (8 * $0)) } + string
        }
    }

    static func strings(_ bytes: [UInt8], path: String) throws -> [ArraySlice<UInt8>] {
        var reader = ByteReader(bytes, path: path)
        var strings: [ArraySlice<UInt8>] = []
        while reader.remaining > 0 {
            let size = Int(try reader.integer(UInt32.self, "size"))
            strings.append(try reader.take(size))
        }
        return strings
    }

    /// - Throws: `FileError` when the bytes are no vocabulary of the layout's size.
    static func read(_ bytes: [UInt8], _ layout: TextIndexLayout, path: String) throws
        -> NGramVocabulary
    {
        let vocabulary: NGramVocabulary
        switch layout.unit {
        case .token:
            vocabulary = NGramVocabulary(
                tokens: try Tokenizer(fileBytes: bytes, path: path))
        case .word:
            var table = NGramVocabulary.emptyWords
            for word in try strings(bytes, path: path) { table.insert(word) }
            vocabulary = NGramVocabulary(words: table)
        case .character:
            var scalars: Set<Unicode.Scalar> = []
            for character in try strings(bytes, path: path) {
                let (scalar, length) =
                    character.isEmpty ? (nil, 0) : UTF8Scalar.decode(Array(character), at: 0)
                guard let scalar, !scalar.isASCII, length == character.count else {
                    throw FileError(
                        path, at: "vocabulary", expected: "a character", found: "\(character)")
                }
                scalars.insert(scalar)
            }
            vocabulary = NGramVocabulary(.character, CharacterTable(scalars: scalars))
        case .byte: vocabulary = .bytes
        }
        guard vocabulary.vocabularySize == layout.vocabularySize,
            Int(vocabulary.endToken ?? TokenID(vocabulary.vocabularySize)) == layout.mark
        else {
            throw FileError(
                path, at: "vocabulary",
                expected: "\(layout.vocabularySize) tokens and the mark \(layout.mark)",
                found: "\(vocabulary.vocabularySize)")
        }
        return vocabulary
    }
}
