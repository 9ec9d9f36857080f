internal import CChoroyKernels

/// The C kernels that text uses: the fastest that this machine has.
enum TextKernels {
    static var table: ChoroyKernels {
        unsafe (choroy_kernels_avx512() ?? choroy_kernels_avx2() ?? choroy_kernels_portable())
            .pointee
    }
}
