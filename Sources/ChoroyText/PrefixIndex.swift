/// Byte strings with a number each, and which of them a text begins with.
///
/// They stand in ascending order, so the last one that is not above the text is the longest that it may begin
/// with, or has that one as a prefix.
struct PrefixIndex: Sendable {
    private var contents: [[UInt8]] = []
    private var values: [Int] = []
    /// For each string the longest other one that it begins with; -1 for none.
    private var shorter: [Int] = []
    /// Those with each first byte.
    private var ranges = [Range<Int>](repeating: 0..<0, count: 256)

    /// Empty strings are left out.
    init(_ list: [(content: [UInt8], value: Int)]) {
        var open: [Int] = []
        let sorted = list.filter { !$0.content.isEmpty }.sorted {
            $0.content.lexicographicallyPrecedes($1.content)
        }
        for (content, value) in sorted {
            while let last = open.last, !content.starts(with: contents[last]) { open.removeLast() }
            let first = Int(content[0])
            let index = contents.count
            ranges[first] = (ranges[first].isEmpty ? index : ranges[first].lowerBound)..<index + 1
            shorter.append(open.last ?? -1)
            open.append(index)
            contents.append(content)
            values.append(value)
        }
    }

    /// The number and the length of the longest wanted string that `text` begins with.
    func longest(
        in text: ArraySlice<UInt8>, where isWanted: (Int) -> Bool
    ) -> (value: Int, length: Int)? {
        guard let first = text.first, !ranges[Int(first)].isEmpty else { return nil }
        return unsafe text.withUnsafeBufferPointer { text in
            var range = ranges[Int(first)]
            while range.count > 1 {
                let middle = range.lowerBound + range.count / 2
                let common = unsafe common(middle, text)
                let isAbove =
                    unsafe common < contents[middle].count
                    && (common == text.count || contents[middle][common] > text[common])
                range = isAbove ? range.lowerBound..<middle : middle..<range.upperBound
            }
            let common = unsafe common(range.lowerBound, text)
            var index = range.lowerBound
            while index >= 0, contents[index].count > common || !isWanted(values[index]) {
                index = shorter[index]
            }
            return index < 0 ? nil : (values[index], contents[index].count)
        }
    }

    /// How many bytes a string and a text have in common at their beginning.
    private func common(_ index: Int, _ text: UnsafeBufferPointer<UInt8>) -> Int {
        unsafe contents[index].withUnsafeBufferPointer { content in
            let count = min(content.count, text.count)
            let a = UnsafeRawBufferPointer(content)
            let b = UnsafeRawBufferPointer(text)
            var place = 0
            while place + 8 <= count,
                unsafe a.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    == b.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            { place += 8 }
            while place < count, unsafe a[place] == b[place] { place += 1 }
            return place
        }
    }
}
