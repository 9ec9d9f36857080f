import CUTF8Proc

/// How many columns of a terminal text takes.
public enum DisplayWidth {
    /// Columns of one character: 2 for wide East Asian ones and emoji, 0 for marks alone and for
    /// control characters.
    ///
    /// The parts of a character count each, as terminals do it, but emoji that are joined, coloured or
    /// asked for as pictures are one picture of two columns.
    public static func of(_ character: Character) -> Int {
        if let ascii = character.asciiValue { return 0x20..<0x7F ~= ascii ? 1 : 0 }
        let scalars = character.unicodeScalars
        guard scalars.count > 1 else {
            return scalars.first.map(width) ?? 0
        }
        // A Korean syllable in parts: terminals put the later parts on the first.
        if let first = scalars.first, 0x1100...0x115F ~= first.value { return 2 }
        // Zero-width joiner, variation selector 16 (picture), skin tones.
        let isPicture = scalars.contains {
            $0.value == 0x200D || $0.value == 0xFE0F || 0x1F3FB...0x1F3FF ~= $0.value
        }
        if isPicture, let first = scalars.first, first.properties.isEmoji {
            return first.value < 0x80 ? 1 : 2
        }
        return scalars.reduce(0) { $0 + width($1) }
    }

    /// Columns of a text without line feeds and tabs.
    public static func of(_ text: some StringProtocol) -> Int {
        if text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return text.utf8.count }
        return text.reduce(0) { $0 + of($1) }
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        Int(utf8proc_charwidth(Int32(bitPattern: scalar.value)))
    }
}
