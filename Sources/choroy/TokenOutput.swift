import ChoroySystem
import ChoroyText

/// Token ids on their way to a file or to standard output, in one of three forms.
struct TokenOutput {
    private let format: TokenizerEncodeCommand.Format
    private let tokenizer: Tokenizer
    private let put: ([UInt8]) throws -> Void
    private var count = 0
    private var isFirst = true
    /// Bytes of an id in the binary form.
    private let width: Int
    /// Where the number of ids stands in the binary form, behind magic, version and width.
    static let countPlace = 16
    /// The number of ids where it cannot be written in afterwards.
    private static let unknownCount = UInt64.max

    /// Begins with the header, if the form has one.
    init(
        _ format: TokenizerEncodeCommand.Format, _ tokenizer: Tokenizer,
        _ put: @escaping ([UInt8]) throws -> Void
    ) throws {
        self.format = format
        self.tokenizer = tokenizer
        self.put = put
        width = tokenizer.vocabularySize <= 1 << 16 ? 2 : 4
        guard format == .binary else { return }
        try put(
            Array("CHOROYTK".utf8) + Self.bytes(1 as UInt32) + Self.bytes(UInt32(width))
                + Self.bytes(Self.unknownCount) + Array(tokenizer.hash.utf8))
    }

    /// What stands at `countPlace` when all ids are there.
    var countBytes: [UInt8] { Self.bytes(UInt64(count)) }

    /// Appends ids of the present text.
    mutating func append(_ ids: [TokenID]) throws {
        guard !ids.isEmpty else { return }
        count += ids.count
        defer { isFirst = false }
        switch format {
        case .ids: try put(Self.decimal(ids, isFirst: isFirst))
        case .pieces:
            let names = ids.map { tokenizer.name(of: $0) }.joined(separator: " ")
            try put(Array((isFirst ? names : " " + names).utf8))
        case .binary: try put(width == 2 ? Self.words(ids, as: UInt16.self) : Self.words(ids))
        }
    }

    /// Ends the present text: a line, in the forms that have lines.
    mutating func endText() throws {
        isFirst = true
        if format != .binary { try put([10]) }
    }

    private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func words<Word: FixedWidthInteger & BitwiseCopyable>(
        _ ids: [TokenID], as type: Word.Type = TokenID.self
    ) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: ids.count * Word.bitWidth / 8) { bytes, count in
            let raw = UnsafeMutableRawBufferPointer(bytes)
            for (index, id) in ids.enumerated() {
                unsafe raw.storeBytes(
                    of: Word(truncatingIfNeeded: id).littleEndian,
                    toByteOffset: index * Word.bitWidth / 8, as: Word.self)
            }
            count = raw.count
        }
    }

    /// Numbers with a space between, and before the first of them unless it is the first of its line.
    private static func decimal(_ ids: [TokenID], isFirst: Bool) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(6 * ids.count)
        for (index, id) in ids.enumerated() {
            if !isFirst || index > 0 { text.append(32) }
            DecimalDigits.append(Int(id), to: &text)
        }
        return text
    }
}
