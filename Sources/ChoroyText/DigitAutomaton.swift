/// Which tokens end at each digit of a text.
///
/// Source: Aho & Corasick 1975, "Efficient string matching: an aid to bibliographic search".
struct DigitAutomaton: Sendable {
    /// For each state ten more: where each digit leads. A state stands for the longest beginning of a token that the
    /// text so far ends with; 0 is none.
    private(set) var next = [UInt16](repeating: 0, count: 10)
    /// For each state the numbers of the tokens of one to four digits that end there; 0 for none.
    private(set) var endings: [SIMD4<UInt16>] = [.zero]
    /// For each state the number of the longest token that ends there, of more than four digits; 0 for none.
    private(set) var longest: [UInt16] = [0]
    /// For each token of more than four digits the next shorter one that it ends with.
    private(set) var shorter: [UInt16]

    /// Nil when there are too many digits.
    ///
    /// - Parameter tokens: By number; an empty one is none.
    init?(_ tokens: [[UInt8]]) {
        shorter = [UInt16](repeating: 0, count: tokens.count)
        var own: [Int] = [0]
        for (number, digits) in tokens.enumerated() where !digits.isEmpty {
            var state = 0
            for digit in digits {
                let edge = 10 * state + Int(digit)
                if next[edge] == 0 {
                    guard own.count <= UInt16.max else { return nil }
                    next[edge] = UInt16(own.count)
                    own.append(0)
                    next += repeatElement(0, count: 10)
                }
                state = Int(next[edge])
            }
            own[state] = number
        }
        endings = [SIMD4<UInt16>](repeating: .zero, count: own.count)
        longest = [UInt16](repeating: 0, count: own.count)

        // Each state after the one that it leads to when its first digit is left out.
        var rest = [Int](repeating: 0, count: own.count)
        var queue = [0]
        var place = 0
        while place < queue.count {
            let state = queue[place]
            place += 1
            endings[state] = endings[rest[state]]
            longest[state] = longest[rest[state]]
            let size = tokens[own[state]].count
            if size > 4 {
                shorter[own[state]] = longest[state]
                longest[state] = UInt16(own[state])
            } else if size > 0 {
                endings[state][size - 1] = UInt16(own[state])
            }
            for digit in 0..<10 {
                let child = Int(next[10 * state + digit])
                let without = state == 0 ? 0 : next[10 * rest[state] + digit]
                if child == 0 {
                    next[10 * state + digit] = without
                } else {
                    rest[child] = Int(without)
                    queue.append(child)
                }
            }
        }
    }
}
