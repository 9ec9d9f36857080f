import Synchronization

/// Sums over the tokens that follow a context; those of common contexts are kept once they are found.
final class FollowerSums: Sendable {
    private struct Context: Hashable {
        var range: Range<Int>
        var depth: Int
    }

    private let found = Mutex<[Context: (total: Double, discounts: Double)]>([:])
    /// Some 64 MB.
    private static let limit = 1 << 20
    /// Contexts that occur less often are looked at again each time.
    private static let common = 32

    func sums(
        of range: Range<Int>, depth: Int, or find: () -> (total: Double, discounts: Double)
    ) -> (total: Double, discounts: Double) {
        guard range.count > Self.common else { return find() }
        let context = Context(range: range, depth: depth)
        if let sums = found.withLock({ $0[context] }) { return sums }
        let sums = find()
        found.withLock { found in
            if found.count >= Self.limit { found = [:] }
            found[context] = sums
        }
        return sums
    }
}
