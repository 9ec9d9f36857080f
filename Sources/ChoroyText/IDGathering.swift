import Synchronization

/// The ids of the parts of a text, which several threads find at once, one behind another.
///
/// One thread writes the ids of the first parts where they belong; others are some parts ahead, and what they find
/// waits in small buffers, which the nearest caches hold, until the ids before it are there. So memory that
/// grows with the text is written once and nothing is asked of the system meanwhile.
@safe final class IDGathering: @unchecked Sendable {
    /// Room for the ids of one part.
    @safe private final class Buffer: @unchecked Sendable {
        let ids: UnsafeMutablePointer<TokenID>
        var count = 0

        init(capacity: Int) {
            unsafe ids = .allocate(capacity: capacity)
        }

        deinit { unsafe ids.deallocate() }
    }

    private struct State: Sendable {
        /// Ids that have their place, and the part that they end before.
        var count = 0
        var next = 0
        /// Whether a thread writes at that place: two that touch the same new page would both have it cleared.
        var isWriting = false
        var isTaken: [Bool]
        /// Later parts that are done.
        var waiting: [Int: Buffer] = [:]
        var free: [Buffer] = []
    }

    /// Parts between the one that is written and those for buffers.
    private static let distance = 4
    private let target: UnsafeMutablePointer<TokenID>
    private let state: Mutex<State>

    /// - Parameter target: Room for the ids of all parts, and for what is written behind the last.
    init(_ target: UnsafeMutablePointer<TokenID>, parts: Int) {
        unsafe self.target = target
        state = Mutex(State(isTaken: [Bool](repeating: false, count: parts)))
    }

    /// Ids of the parts from the first to the first that is not done.
    var count: Int { state.withLock { $0.count } }

    /// Adds the ids of a part that has not been added: `body` is told which, writes them, and gives their number.
    ///
    /// - Parameter capacity: The most ids that a part can have.
    /// - Precondition: called as often as there are parts.
    func add(capacity: Int, _ body: (_ part: Int, UnsafeMutablePointer<TokenID>) -> Int) {
        let (part, start) = claim()
        if let start {
            let added = unsafe body(part, target + start)
            state.withLock { state in
                state.count += added
                state.next += 1
                state.isWriting = false
            }
        } else {
            let buffer = state.withLock { $0.free.popLast() } ?? Buffer(capacity: capacity)
            buffer.count = unsafe body(part, buffer.ids)
            state.withLock { $0.waiting[part] = buffer }
        }
        while let (buffer, start) = take() {
            unsafe (target + start).initialize(from: buffer.ids, count: buffer.count)
            state.withLock { state in
                state.isWriting = false
                state.free.append(buffer)
            }
        }
    }

    /// A part for a thread, and where its ids belong when those before are there.
    private func claim() -> (part: Int, start: Int?) {
        state.withLock { state in
            let next = state.next
            if !state.isWriting, !state.isTaken[next] {
                state.isWriting = true
                state.isTaken[next] = true
                return (next, state.count)
            }
            let ahead = state.isTaken.dropFirst(next + Self.distance).firstIndex(of: false)
            guard let part = ahead ?? state.isTaken.firstIndex(of: false) else {
                preconditionFailure("more parts added than there are")
            }
            state.isTaken[part] = true
            return (part, nil)
        }
    }

    /// The next part's ids and their place, while no other thread writes there.
    private func take() -> (Buffer, start: Int)? {
        state.withLock { state in
            guard !state.isWriting, let buffer = state.waiting.removeValue(forKey: state.next)
            else { return nil }
            defer { state.count += buffer.count }
            state.next += 1
            state.isWriting = true
            return (buffer, state.count)
        }
    }
}
