import ChoroyText

/// Cuts a stream of token bytes into pieces that can be shown at once.
///
/// A piece never ends inside a character, and never holds what may be the beginning of a stop
/// string; both are kept back until the next bytes decide. Pieces are bytes, so that what is not
/// UTF-8 passes unchanged; each piece decodes by itself (`String(decoding:as:)`), and all of them
/// together give the same text as one decoding of the whole.
///
/// The stop string that is complete first ends the text; of two that end at the same byte, the
/// longer one. So the text does not depend on how the bytes are divided into tokens.
public struct TextStream: Sendable {
    /// The stop string that ended the text.
    public private(set) var stop: String?
    /// Bytes given out so far.
    public private(set) var count = 0

    private let stops: [[UInt8]]
    private let names: [String]
    private var held: [UInt8] = []

    /// Empty stop strings are ignored.
    public init(stopStrings: [String] = []) {
        names = stopStrings.filter { !$0.isEmpty }
        stops = names.map { Array($0.utf8) }
    }

    /// What can be shown now that these bytes have come; nothing after a stop string.
    public mutating func append(_ bytes: [UInt8]) -> [UInt8] {
        guard stop == nil else { return [] }
        held += bytes
        if let (range, name) = firstStop() {
            stop = name
            return give(range.lowerBound, dropping: true)
        }
        let kept = max(possibleStop(), IncrementalDecoder.unfinishedCount(held))
        return give(held.count - kept, dropping: false)
    }

    /// What was kept back, once no more bytes come.
    public mutating func finish() -> [UInt8] { give(held.count, dropping: true) }

    private mutating func give(_ length: Int, dropping: Bool) -> [UInt8] {
        let piece = Array(held[..<length])
        if dropping { held = [] } else { held.removeSubrange(..<length) }
        count += length
        return piece
    }

    /// The stop string in `held` that ends first; of those that end there the longest.
    private func firstStop() -> (Range<Int>, String)? {
        guard !stops.isEmpty else { return nil }
        var best: (range: Range<Int>, name: String)?
        for (stop, name) in zip(stops, names) {
            guard let start = Self.firstIndex(of: stop, in: held) else { continue }
            let range = start..<start + stop.count
            guard let known = best?.range else {
                best = (range, name)
                continue
            }
            if (range.upperBound, range.lowerBound) < (known.upperBound, known.lowerBound) {
                best = (range, name)
            }
        }
        return best
    }

    /// Length of the longest end of `held` that is the beginning of a stop string.
    private func possibleStop() -> Int {
        stops.reduce(0) { longest, stop in
            let lengths = (0...min(stop.count - 1, held.count)).reversed()
            return max(longest, lengths.first { held.suffix($0) == stop.prefix($0) } ?? 0)
        }
    }

    private static func firstIndex(of needle: [UInt8], in text: [UInt8]) -> Int? {
        guard needle.count <= text.count else { return nil }
        return (0...text.count - needle.count).first { start in
            text[start] == needle[0] && text[start..<start + needle.count] == needle[...]
        }
    }
}
