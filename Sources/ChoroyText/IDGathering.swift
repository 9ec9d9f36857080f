import Synchronization

/// The ids of the parts of a text, which several threads find at once, one behind another.
///
/// A part's ids wait in a small buffer, which the nearest caches hold, until those before them are there; so
/// memory that grows with the text is written once and nothing is asked of the system meanwhile.
@safe final class IDGathering: @unchecked Sendable {
    /// Room for the ids of one part.
    @safe private final class Buffer: @unchecked Sendable {
        let ids: UnsafeMutablePointer<TokenID>
        let capacity: Int
        var count = 0

        init(capacity: Int) {
            unsafe ids = .allocate(capacity: capacity)
            self.capacity = capacity
        }

        deinit { unsafe ids.deallocate() }
    }

    private struct State: Sendable {
        /// Ids that have their place.
        var count = 0
        /// The part that they end before.
        var next = 0
        var isCopying = false
        /// Later parts that are done.
        var waiting: [Int: Buffer] = [:]
        var free: [Buffer] = []
    }

    private let target: UnsafeMutablePointer<TokenID>
    private let state = Mutex(State())

    /// - Parameter target: Room for the ids of all parts.
    init(_ target: UnsafeMutablePointer<TokenID>) { unsafe self.target = target }

    /// Ids of the parts from the first to the first that is not done.
    var count: Int { state.withLock { $0.count } }

    /// Adds what `body` writes, at most `capacity` ids, as the ids of the part `index`; it gives their number.
    func add(_ index: Int, capacity: Int, _ body: (UnsafeMutablePointer<TokenID>) -> Int) {
        let free = state.withLock { $0.free.popLast() }
        let buffer =
            free.flatMap { $0.capacity >= capacity ? $0 : nil } ?? Buffer(capacity: capacity)
        buffer.count = unsafe body(buffer.ids)
        state.withLock { $0.waiting[index] = buffer }
        while let (buffer, start) = take() {
            unsafe (target + start).initialize(from: buffer.ids, count: buffer.count)
            state.withLock { state in
                state.isCopying = false
                state.free.append(buffer)
            }
        }
    }

    /// The next part's ids and their place; nil while they are not done or another thread copies: two that
    /// touch the same new page would both have it cleared.
    private func take() -> (Buffer, start: Int)? {
        state.withLock { state in
            guard !state.isCopying, let buffer = state.waiting.removeValue(forKey: state.next)
            else { return nil }
            defer { state.count += buffer.count }
            state.next += 1
            state.isCopying = true
            return (buffer, state.count)
        }
    }
}
