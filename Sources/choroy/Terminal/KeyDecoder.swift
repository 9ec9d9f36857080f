import ChoroyText

/// A key, or what several keys mean together.
package enum Key: Sendable, Equatable {
    /// Characters as they were typed.
    case text(String)
    /// Text between the marks of bracketed paste; all of it is text.
    case paste(String)
    case enter, newLine, tab, backspace, delete, escape
    case left, right, up, down, home, end, wordLeft, wordRight
    case deleteWord, cutWord, cutLetters, cutToEnd, cutToStart, yank, transpose
    case previous, next, search, clear, cancel, endOfInput, interrupt, suspend
}

/// Keys from the bytes that a terminal sends, however reads cut them.
///
/// Sequences that mean nothing here are swallowed whole. Source: ECMA-48, 5.4; XTerm Control
/// Sequences (bracketed paste, modified keys).
package struct KeyDecoder {
    private enum State {
        case ground
        /// After ESC.
        case escape
        /// In a control sequence: ESC [ and what came of it.
        case sequence([UInt8])
        /// After ESC O.
        case shift
        /// In a string that only ST or BEL ends; whether ESC came last.
        case string(Bool)
        case paste
    }

    private var state = State.ground
    /// Bytes of text that are not given out yet: all of a paste, else the beginning of a character.
    private var held: [UInt8] = []
    private var keys: [Key] = []
    private static let pasteEnd = Array("\u{1B}[201~".utf8)

    package init() {}

    /// Whether an ESC waits for what follows it; `expire` then says that nothing does.
    package var isWaiting: Bool {
        switch state {
        case .ground, .paste: false
        default: true
        }
    }

    /// The keys that `bytes` complete.
    package mutating func append(_ bytes: some Collection<UInt8>) -> [Key] {
        for byte in bytes { take(byte) }
        if case .ground = state { giveText(all: false) }
        defer { keys = [] }
        return keys
    }

    /// What was waiting when nothing more comes for a while: a lone ESC is the key of that name.
    package mutating func expire() -> [Key] {
        guard isWaiting else { return [] }
        defer { state = .ground }
        if case .escape = state { return [.escape] }
        return []
    }

    private mutating func take(_ byte: UInt8) {
        switch state {
        case .ground: takeGround(byte)
        case .escape: takeEscape(byte)
        case .sequence(let bytes): takeSequence(byte, after: bytes)
        case .shift:
            state = .ground
            if byte < 0x20 {
                takeGround(byte)
            } else {
                give(Self.cursorKey(byte, isModified: false))
            }
        case .string(let afterEscape):
            if byte == 0x07 || byte == 0x18 || byte == 0x1A || (afterEscape && byte == 0x5C) {
                state = .ground
            } else {
                state = .string(byte == 0x1B)
            }
        case .paste:
            held.append(byte)
            // Looked for only where it can end, so a paste costs its length.
            if byte == 0x7E, held.suffix(Self.pasteEnd.count) == Self.pasteEnd[...] {
                held.removeLast(Self.pasteEnd.count)
                state = .ground
                keys.append(.paste(String(decoding: held, as: UTF8.self)))
                held = []
            }
        }
    }

    private mutating func takeGround(_ byte: UInt8) {
        if byte >= 0x20 && byte != 0x7F {
            held.append(byte)
            return
        }
        giveText(all: true)
        if byte == 0x1B {
            state = .escape
        } else {
            give(Self.controlKey(byte))
        }
    }

    private mutating func takeEscape(_ byte: UInt8) {
        state = .ground
        switch byte {
        case UInt8(ascii: "["): state = .sequence([])
        case UInt8(ascii: "O"): state = .shift
        // DCS, SOS, OSC, PM, APC.
        case 0x50, 0x58, 0x5D, 0x5E, 0x5F: state = .string(false)
        case 0x1B: state = .escape
        case 0x0D, 0x0A: give(.newLine)
        case UInt8(ascii: "b"): give(.wordLeft)
        case UInt8(ascii: "f"): give(.wordRight)
        case UInt8(ascii: "d"): give(.deleteWord)
        case 0x7F, 0x08: give(.cutLetters)
        // Other letters with Alt mean nothing here; a control key after ESC is itself.
        case 0x20..<0x7F: break
        default: takeGround(byte)
        }
    }

    private mutating func takeSequence(_ byte: UInt8, after bytes: [UInt8]) {
        switch byte {
        case 0x20...0x3F:
            // What is longer than any key is read to its end, but not kept.
            state = .sequence(bytes.count < 32 ? bytes + [byte] : bytes)
        case 0x40...0x7E:
            // "ESC [ [ A" is a function key of the Linux console.
            if byte == 0x5B && bytes.isEmpty {
                state = .sequence([byte])
                return
            }
            state = .ground
            finish(byte, parameters: bytes)
        default:
            state = .ground
            takeGround(byte)
        }
    }

    private mutating func finish(_ byte: UInt8, parameters: [UInt8]) {
        guard parameters.allSatisfy({ 0x30...0x39 ~= $0 || $0 == 0x3B }) else { return }
        let numbers = parameters.split(separator: 0x3B, omittingEmptySubsequences: false).map {
            Int(String(decoding: $0, as: UTF8.self)) ?? 0
        }
        let modifier = numbers.count > 1 ? numbers[1] : 1
        switch byte {
        case UInt8(ascii: "~"):
            switch numbers.first {
            case 1, 7: give(.home)
            case 4, 8: give(.end)
            case 3: give(modifier > 1 ? .deleteWord : .delete)
            case 200: state = .paste
            case 27 where numbers.count > 2 && numbers[2] == 13: give(.newLine)
            default: break
            }
        case UInt8(ascii: "u"):
            if numbers.first == 13 { give(modifier > 1 ? .newLine : .enter) }
        default: give(Self.cursorKey(byte, isModified: modifier > 1))
        }
    }

    private static func cursorKey(_ byte: UInt8, isModified: Bool) -> Key? {
        switch byte {
        case UInt8(ascii: "A"): .up
        case UInt8(ascii: "B"): .down
        case UInt8(ascii: "C"): isModified ? .wordRight : .right
        case UInt8(ascii: "D"): isModified ? .wordLeft : .left
        case UInt8(ascii: "H"): .home
        case UInt8(ascii: "F"): .end
        case UInt8(ascii: "M"): .enter
        // What rxvt sends with Ctrl.
        case UInt8(ascii: "c"): .wordRight
        case UInt8(ascii: "d"): .wordLeft
        default: nil
        }
    }

    private static func controlKey(_ byte: UInt8) -> Key? {
        switch byte {
        case 0x01: .home
        case 0x02: .left
        case 0x03: .interrupt
        case 0x04: .endOfInput
        case 0x05: .end
        case 0x06: .right
        case 0x07: .cancel
        case 0x08, 0x7F: .backspace
        case 0x09: .tab
        case 0x0A, 0x0D: .enter
        case 0x0B: .cutToEnd
        case 0x0C: .clear
        case 0x0E: .next
        case 0x10: .previous
        case 0x12: .search
        case 0x14: .transpose
        case 0x15: .cutToStart
        case 0x17: .cutWord
        case 0x19: .yank
        case 0x1A: .suspend
        default: nil
        }
    }

    private mutating func give(_ key: Key?) { if let key { keys.append(key) } }

    /// Gives out the text that is held; unless `all`, without a character that is not complete.
    private mutating func giveText(all: Bool) {
        let kept = all ? 0 : IncrementalDecoder.unfinishedCount(held)
        guard held.count > kept else { return }
        keys.append(.text(String(decoding: held.dropLast(kept), as: UTF8.self)))
        held.removeFirst(held.count - kept)
    }
}
