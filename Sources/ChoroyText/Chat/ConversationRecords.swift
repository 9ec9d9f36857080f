import ChoroySystem

/// Cuts a file that arrives in pieces into its records: lines, or elements of one array.
///
/// Only borders are found here: brackets are counted outside of strings. Whether a record is JSON is
/// for the reader to say.
struct ConversationRecords {
    private enum Mode { case unknown, lines, array, behindArray }

    private let path: String
    private var mode = Mode.unknown
    private var record: [UInt8] = []
    /// Line, or element of the array, from 1.
    private var number = 1
    /// Brackets open in an element.
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// No record may be larger, so that a file of another kind does not fill the memory.
    static let largest = 1 << 26

    init(path: String) { self.path = path }

    /// Takes a record, and where it stands.
    typealias Taker = (ArraySlice<UInt8>, _ place: String) throws -> Void

    private var place: String { mode == .array ? "element \(number)" : "line \(number)" }

    mutating func append(_ bytes: [UInt8], _ take: Taker) throws {
        var position = bytes.startIndex
        while position < bytes.endIndex {
            switch mode {
            case .unknown:
                if !skip(bytes[position]) {
                    mode = bytes[position] == UInt8(ascii: "[") ? .array : .lines
                    number = mode == .array ? 1 : number
                    if mode == .lines { continue }
                }
                position += 1
            case .lines:
                let end = bytes[position...].firstIndex(of: 10) ?? bytes.endIndex
                record += bytes[position..<end]
                try checkSize()
                if end < bytes.endIndex {
                    try takeLine(take)
                    number += 1
                }
                position = end + 1
            case .array:
                position = try appendElement(bytes, from: position, take)
            case .behindArray:
                guard Self.isSpace(bytes[position]) else {
                    throw FileError(path, expected: "the end behind the array", found: "more")
                }
                position += 1
            }
        }
    }

    mutating func finish(_ take: Taker) throws {
        switch mode {
        case .unknown, .behindArray: break
        case .lines: try takeLine(take)
        case .array:
            throw FileError(path, at: place, expected: "\"]\"", found: "the end of the file")
        }
    }

    /// Whether a byte before the first record is none of its own: space, or a byte-order mark.
    private mutating func skip(_ byte: UInt8) -> Bool {
        if byte == 10 { number += 1 }
        return Self.isSpace(byte) || [0xEF, 0xBB, 0xBF].contains(byte)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 32 || byte == 10 || byte == 13 || byte == 9
    }

    private mutating func takeLine(_ take: Taker) throws {
        defer { record.removeAll(keepingCapacity: true) }
        if record.allSatisfy(Self.isSpace) { return }
        try take(record[...], place)
    }

    /// Reads on to the end of an element, or of the bytes; gives where it stopped.
    private mutating func appendElement(_ bytes: [UInt8], from start: Int, _ take: Taker)
        throws -> Int
    {
        for position in start..<bytes.endIndex {
            let byte = bytes[position]
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth > 0 {
                    depth -= 1
                } else if byte == UInt8(ascii: "]") {
                    record += bytes[start..<position]
                    try takeElement(isLast: true, take)
                    mode = .behindArray
                    return position + 1
                }
            case UInt8(ascii: ",") where depth == 0:
                record += bytes[start..<position]
                try takeElement(isLast: false, take)
                number += 1
                return position + 1
            default: break
            }
        }
        record += bytes[start...]
        try checkSize()
        return bytes.endIndex
    }

    private mutating func takeElement(isLast: Bool, _ take: Taker) throws {
        defer { record.removeAll(keepingCapacity: true) }
        // An array without elements.
        if isLast && number == 1 && record.allSatisfy(Self.isSpace) { return }
        try take(record[...], place)
    }

    private func checkSize() throws {
        guard record.count <= Self.largest else {
            throw FileError(
                path, at: place, expected: "at most \(Self.largest) bytes", found: "more")
        }
    }
}
