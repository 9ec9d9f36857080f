internal import ChoroySystem

/// Work cut into pieces whose bounds depend on its size only, never on the number of threads.
package enum Parallel {
    /// Calls `body` with consecutive ranges of at most `grain` that cover `0..<count`.
    package static func ranges(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
        let grain = max(1, grain)
        ThreadPool.shared.run((count + grain - 1) / grain) { piece in
            body(piece * grain..<min(count, (piece + 1) * grain))
        }
    }

    /// Ranges of rows with about 16,000 elements each.
    package static func rows(_ rows: Int, width: Int, _ body: (Range<Int>) -> Void) {
        ranges(rows, grain: max(1, 16_384 / max(1, width)), body)
    }
}
