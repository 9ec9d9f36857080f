/// Sums over blocks of 1,000 bytes of a text in a row; a token belongs to the block that it begins in.
///
/// The blocks of two models are of the same bytes, but for the tokens at their edges.
struct ByteBlocks: Sendable, Equatable {
    struct Block: Sendable, Equatable {
        var nats = 0.0
        var bytes = 0
    }

    private static let size = 1000
    private var blocks: [Block] = []
    private var bytes = 0

    mutating func add(_ nats: Double, bytes more: Int) {
        let index = bytes / Self.size
        while blocks.count <= index { blocks.append(Block()) }
        blocks[index].nats += nats
        blocks[index].bytes += more
        bytes += more
    }

    /// The nats of each block less those of `other`; nil when they are not of the same text.
    func minus(_ other: ByteBlocks) -> ByteBlocks? {
        // A model without a mark for the start of a text does not score the first token.
        let edge = max(64, bytes / 100)
        guard (bytes - other.bytes).magnitude <= edge, bytes > 0, other.bytes > 0 else {
            return nil
        }
        var result = ByteBlocks()
        result.bytes = bytes
        result.blocks = (0..<max(blocks.count, other.blocks.count)).map { index in
            let own = index < blocks.count ? blocks[index] : Block()
            let others = index < other.blocks.count ? other.blocks[index] : Block()
            return Block(nats: own.nats - others.nats, bytes: own.bytes)
        }
        return result
    }

    /// The standard error of the nats per byte; nan for fewer than two blocks. A last block that is not full counts
    /// with the one before it.
    ///
    /// Source: Cochran 1977, "Sampling Techniques", chapter 6.
    var standardError: Double {
        var blocks = blocks
        if blocks.count > 1, let last = blocks.last, last.bytes < Self.size {
            blocks.removeLast()
            blocks[blocks.count - 1].nats += last.nats
            blocks[blocks.count - 1].bytes += last.bytes
        }
        let n = Double(blocks.count)
        guard n >= 2 else { return .nan }
        let bytes = Double(blocks.reduce(0) { $0 + $1.bytes })
        let ratio = blocks.reduce(0) { $0 + $1.nats } / bytes
        let squares = blocks.reduce(0.0) { sum, block in
            let residual = block.nats - ratio * Double(block.bytes)
            return sum + residual * residual
        }
        return (n / (n - 1) * squares).squareRoot() / bytes
    }
}
