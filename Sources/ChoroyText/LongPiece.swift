import HeapModule

/// Byte-pair merges in a long piece, in time that grows with its length hardly more than linearly.
///
/// The places of each rank are kept in a list of their own. All of the lowest rank are merged from left to
/// right; a heap gives the next rank. When a merge makes a pair of a lower rank, which is rare, that one
/// comes first and the rest waits.
@safe struct LongPiece: ~Copyable {
    /// From this length on lists are worth their memory.
    static let shortest = 1 << 11
    static let none = UInt64.max

    private typealias Node = (place: Int32, next: UInt32)

    private let count: Int
    /// The symbol at each place; -1 where one was merged away.
    private let symbols: UnsafeMutablePointer<TokenID>
    /// The place of the symbol behind, and of the one before; -1 for none.
    private let following: UnsafeMutablePointer<Int32>
    private let preceding: UnsafeMutablePointer<Int32>
    /// For each rank the first and last node of its list, their index and 1; 0 for none.
    private let heads: UnsafeMutablePointer<UInt32>
    private let tails: UnsafeMutablePointer<UInt32>
    /// A place for each pair at the beginning, and two for each merge at most.
    private let nodes: UnsafeMutablePointer<Node>
    private var nodeCount = 0
    private var queue = Heap<UInt32>()

    /// Places of one rank that are being merged.
    private struct Frame {
        let rank: UInt32
        var places: [Int32]
        var next = 0
    }

    /// - Precondition: at least one and at most 2³⁰ symbols; ranks are below `ranks`.
    init(_ piece: [TokenID], ranks: Int) {
        count = piece.count
        unsafe symbols = .allocate(capacity: count)
        unsafe following = .allocate(capacity: count)
        unsafe preceding = .allocate(capacity: count)
        unsafe heads = .allocate(capacity: ranks)
        unsafe tails = .allocate(capacity: ranks)
        unsafe nodes = .allocate(capacity: 3 * count)
        for (place, symbol) in piece.enumerated() {
            unsafe symbols[place] = symbol
            unsafe following[place] = Int32(place + 1)
            unsafe preceding[place] = Int32(place - 1)
        }
        unsafe heads.initialize(repeating: 0, count: ranks)
        unsafe tails.initialize(repeating: 0, count: ranks)
    }

    deinit {
        unsafe symbols.deallocate()
        unsafe following.deallocate()
        unsafe preceding.deallocate()
        unsafe heads.deallocate()
        unsafe tails.deallocate()
        unsafe nodes.deallocate()
    }

    /// Merges all that can be merged and appends what is left. `merge` gives rank << 32 | result of the
    /// symbols at two places, the second of which ends at the third; `none` when they do not merge.
    mutating func encode(
        into ids: inout [TokenID],
        _ merge: (_ left: TokenID, _ right: TokenID, _ start: Int, _ end: Int) -> UInt64
    ) {
        for place in 0..<count - 1 { _ = append(place, value(place, merge)) }
        var frames: [Frame] = []
        while true {
            // The lowest rank of all: one that waits in the heap, or the one that is being merged.
            if let rank = queue.min, frames.last.map({ rank < $0.rank }) ?? true {
                _ = queue.popMin()
                frames.append(Frame(rank: rank, places: take(rank)))
            }
            guard var frame = frames.popLast() else { break }
            while frame.next < frame.places.count {
                let place = Int(frame.places[frame.next])
                frame.next += 1
                let lowest = mergePair(at: place, frame.rank, merge)
                if lowest <= frame.rank { break }
            }
            guard frame.next < frame.places.count else { continue }
            if unsafe heads[Int(frame.rank)] > 0 {
                // Places that came meanwhile, in their order among the rest.
                frame.places.removeFirst(frame.next)
                frame.next = 0
                frame.places += take(frame.rank)
                frame.places.sort()
            }
            frames.append(frame)
        }
        for place in 0..<count where unsafe symbols[place] >= 0 {
            unsafe ids.append(symbols[place])
        }
    }

    /// Merges the pair at a place, if it still has this rank; gives the lower rank of the pairs that
    /// come of it.
    @inline(__always)
    private mutating func mergePair(
        at place: Int, _ rank: UInt32,
        _ merge: (_ left: TokenID, _ right: TokenID, _ start: Int, _ end: Int) -> UInt64
    ) -> UInt32 {
        guard unsafe symbols[place] >= 0 else { return .max }
        let merged = value(place, merge)
        guard merged != Self.none, UInt32(merged >> 32) == rank else { return .max }
        let right = unsafe Int(following[place])
        let behind = unsafe Int(following[right])
        unsafe symbols[place] = TokenID(truncatingIfNeeded: merged & 0xFFFF_FFFF)
        unsafe symbols[right] = -1
        unsafe following[place] = Int32(behind)
        if behind < count { unsafe preceding[behind] = Int32(place) }
        let first = append(place, value(place, merge))
        let before = unsafe Int(preceding[place])
        return before >= 0 ? min(first, append(before, value(before, merge))) : first
    }

    /// What the pair at a place becomes.
    @inline(__always)
    private func value(
        _ place: Int,
        _ merge: (_ left: TokenID, _ right: TokenID, _ start: Int, _ end: Int) -> UInt64
    ) -> UInt64 {
        let right = unsafe Int(following[place])
        guard right < count else { return Self.none }
        return unsafe merge(symbols[place], symbols[right], place, Int(following[right]))
    }

    /// Notes that the pair at a place has this value; gives its rank.
    @inline(__always)
    private mutating func append(_ place: Int, _ value: UInt64) -> UInt32 {
        guard value != Self.none else { return .max }
        let rank = UInt32(value >> 32)
        unsafe nodes[nodeCount] = (Int32(place), 0)
        nodeCount += 1
        let node = UInt32(nodeCount)
        let last = unsafe tails[Int(rank)]
        if last > 0 {
            unsafe nodes[Int(last) - 1].next = node
        } else {
            unsafe heads[Int(rank)] = node
            queue.insert(rank)
        }
        unsafe tails[Int(rank)] = node
        return rank
    }

    /// The places of a rank in ascending order; the list is empty then.
    private mutating func take(_ rank: UInt32) -> [Int32] {
        var places: [Int32] = []
        var isAscending = true
        var last: Int32 = -1
        var next = unsafe heads[Int(rank)]
        while next > 0 {
            let node = unsafe nodes[Int(next) - 1]
            if last > node.place { isAscending = false }
            last = node.place
            places.append(last)
            next = node.next
        }
        unsafe heads[Int(rank)] = 0
        unsafe tails[Int(rank)] = 0
        if !isAscending { places.sort() }
        return places
    }
}
