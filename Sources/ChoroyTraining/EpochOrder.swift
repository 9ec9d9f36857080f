internal import ChoroySystem

/// The order in which an epoch visits what there is to learn from, drawn anew for each epoch.
enum EpochOrder {
    /// The numbers that decide epoch `epoch`.
    static func random(seed: UInt64, epoch: Int) -> SeededRandom {
        SeededRandom(seed: SeededRandom.value(seed: seed, stream: 1, index: UInt64(epoch)))
    }

    /// `0..<count` in a random order: Fisher & Yates by hand, since a later Swift may shuffle in
    /// another order.
    static func shuffled(_ count: Int, using random: inout SeededRandom) -> [Int32] {
        var order = Array(0..<Int32(count))
        for last in order.indices.dropFirst().reversed() {
            order.swapAt(last, random.below(last + 1))
        }
        return order
    }
}
