/// The numbers that the factors of large products are rounded to in training; sums are in Float.
public enum Precision: String, Sendable, CaseIterable {
    case float32, bfloat16

    /// Whether this machine multiplies them faster than Float; if it cannot at all, Float is used.
    public static var fastest: Precision {
        Kernels.fastest == .avx512bf16 ? .bfloat16 : .float32
    }
}
