/// The numbers that the factors of large products are rounded to in training; sums are in Float.
public enum Precision: String, Sendable, CaseIterable {
    case float32, bfloat16

    /// The one that the kernels in use multiply faster; where they cannot multiply bfloat16, Float is used.
    public static var fastest: Precision {
        Kernels.current == .avx512bf16 ? .bfloat16 : .float32
    }
}
