// The table for x86-64 CPUs with AVX-512 (F, BW, DQ, VL) and VNNI (2019 and later).
#include "choroy_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,bmi,bmi2,aes"))), apply_to = function)

#define NAMED(name) avx512_##name
#define TABLE_NAME "avx512"
#define HAS_FMA 1
#define HAS_VNNI 1
#define BLOCK_ROWS 6
#define BLOCK_VECTORS 4
#define PANEL_DEPTH 512
#define INT8_ROWS 3
#define INT8_VECTORS 4

#include "float/table.h"

#pragma clang attribute pop

const ChoroyKernels *choroy_kernels_avx512(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("bmi2")
            && __builtin_cpu_supports("aes")
        ? &avx512_table
        : NULL;
}
#else
const ChoroyKernels *choroy_kernels_avx512(void) { return NULL; }
#endif
