// The table for x86-64 CPUs with AVX2 and FMA (2013 and later).
#include "choroy_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)

#define NAMED(name) avx2_##name
#define TABLE_NAME "avx2"
#define HAS_FMA 1
#define HAS_VNNI 0
#define BLOCK_ROWS 6
#define BLOCK_VECTORS 1
#define PANEL_DEPTH 512
#define INT8_ROWS 2
#define INT8_VECTORS 2

#include "float/table.h"

#pragma clang attribute pop

const ChoroyKernels *choroy_kernels_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
        ? &avx2_table : NULL;
}
#else
const ChoroyKernels *choroy_kernels_avx2(void) { return NULL; }
#endif
