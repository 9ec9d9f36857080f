internal import CChoroyKernels
internal import ChoroySystem

/// Sums of gradients for a list of parameters, in one arena in the order of the list.
///
/// The second exemption from immutability, beside `Parameter`: weight gradients are added inside the
/// matrix product. One arena also serves clipping and saving.
@safe public struct Gradients: ~Copyable {
    /// Number of floats, all parameters together, each rounded up to a multiple of 16 (with zeros).
    public let count: Int
    /// Held so that no other parameter can take the identity of one in `offsets`.
    private let parameters: [Parameter]
    private let storage: UnsafeMutablePointer<Float>
    private var offsets: [ObjectIdentifier: Int] = [:]

    /// Zeros for each of `parameters`.
    public init(for parameters: [Parameter]) {
        self.parameters = parameters
        var count = 0
        for parameter in parameters {
            offsets[ObjectIdentifier(parameter)] = count
            count += (parameter.count + 15) / 16 * 16
        }
        self.count = count
        unsafe storage = UnsafeMutableRawPointer.allocate(
            byteCount: max(64, count * 4), alignment: 64
        )
        .bindMemory(to: Float.self, capacity: count)
        unsafe storage.initialize(repeating: 0, count: count)
    }

    deinit { unsafe UnsafeMutableRawPointer(storage).deallocate() }

    /// Sets every sum to zero.
    public mutating func reset() {
        Parallel.ranges(count, grain: 1 << 16) { range in
            unsafe (storage + range.lowerBound).update(repeating: 0, count: range.count)
        }
    }

    /// Adds the sums of another list for the same parameters.
    public mutating func add(_ other: borrowing Gradients) {
        precondition(count == other.count, "gradients of other parameters")
        let (sums, others) = unsafe (storage, other.storage)
        Parallel.ranges(count, grain: 1 << 14) { range in
            let i = range.lowerBound
            unsafe Kernels.table.add(sums + i, others + i, sums + i, range.count)
        }
    }

    /// The gradient of `parameter` as a tensor of its shape; zeros when it is not in the list.
    public func gradient(of parameter: Parameter) -> Tensor {
        unsafe Tensor(shape: parameter.shape) { target in
            if let sums = unsafe pointer(for: parameter) {
                unsafe target.baseAddress?.update(from: sums, count: target.count)
            } else {
                unsafe target.update(repeating: 0)
            }
        }
    }

    /// Where the sums of `parameter` lie; nil when no gradient is wanted for it.
    package func pointer(for parameter: Parameter) -> UnsafeMutablePointer<Float>? {
        guard let offset = offsets[ObjectIdentifier(parameter)] else { return nil }
        return unsafe storage + offset
    }

    /// Adds `slope` to the sums of `parameter`.
    package mutating func add(_ slope: Tensor, to parameter: Parameter) {
        precondition(
            slope.count == parameter.count, "gradient of \(parameter.name): \(slope.shape)")
        guard let sums = unsafe pointer(for: parameter) else { return }
        Parallel.ranges(slope.count, grain: 1 << 15) { range in
            let i = range.lowerBound
            unsafe Kernels.table.add(
                sums + i, slope.storage.pointer + i, sums + i, range.count)
        }
    }

    /// The Euclidean norm over all parameters.
    public func norm() -> Double {
        let grain = 1 << 16
        let pieces = (count + grain - 1) / grain
        var sums = [Double](repeating: 0, count: pieces)
        unsafe sums.withUnsafeMutableBufferPointer { sums in
            ThreadPool.shared.run(pieces) { piece in
                let length = min(grain, count - piece * grain)
                unsafe sums[piece] = Kernels.table.sum_of_squares(storage + piece * grain, length)
            }
        }
        return sums.reduce(0, +).squareRoot()
    }
}
