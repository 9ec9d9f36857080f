internal import CChoroyKernels
internal import Synchronization

/// The CPU types that kernels are compiled for.
public enum CPUType: String, Sendable, CaseIterable {
    case portable, avx2, avx512, avx512bf16

    /// Whether this machine can run it.
    public var isAvailable: Bool { unsafe table != nil }

    var table: UnsafePointer<ChoroyKernels>? {
        switch self {
        case .portable: unsafe choroy_kernels_portable()
        case .avx2: unsafe choroy_kernels_avx2()
        case .avx512: unsafe choroy_kernels_avx512()
        case .avx512bf16: unsafe choroy_kernels_avx512bf16()
        }
    }
}

/// The table of C kernels in use: the fastest that this machine has, unless a test or a benchmark
/// forces another.
public enum Kernels {
    private static let chosen = Atomic<UInt>(address(of: fastest))

    /// The fastest type that this machine can run.
    public static var fastest: CPUType { CPUType.allCases.last { $0.isAvailable } ?? .portable }

    /// The type in use.
    public static var current: CPUType {
        CPUType.allCases.first { address(of: $0) == chosen.load(ordering: .relaxed) } ?? .portable
    }

    /// Uses the table of `type` from now on, in the whole process.
    ///
    /// - Precondition: `type.isAvailable`.
    public static func use(_ type: CPUType) {
        precondition(type.isAvailable, "this CPU has no \(type.rawValue)")
        chosen.store(address(of: type), ordering: .relaxed)
    }

    private static func address(of type: CPUType) -> UInt { unsafe UInt(bitPattern: type.table) }

    static var table: ChoroyKernels {
        let address = chosen.load(ordering: .relaxed)
        return
            unsafe (UnsafePointer<ChoroyKernels>(bitPattern: address)
            ?? choroy_kernels_portable()).pointee
    }
}
