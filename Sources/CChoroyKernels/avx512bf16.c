// The table for x86-64 CPUs with AVX-512, VNNI and products of bfloat16 (Zen 4, Cooper Lake, Sapphire Rapids).
#include "choroy_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma,bmi,bmi2,aes"))), apply_to = function)

#define NAMED(name) avx512bf16_##name
#define TABLE_NAME "avx512bf16"
#define HAS_FMA 1
#define HAS_VNNI 1
#define BLOCK_ROWS 6
#define BLOCK_VECTORS 4
#define PANEL_DEPTH 512
#define INT8_ROWS 3
#define INT8_VECTORS 4
#define HAS_BRAIN 1

#include "float/table.h"

#pragma clang attribute pop

const ChoroyKernels *choroy_kernels_avx512bf16(void)
{
    __builtin_cpu_init();
    return choroy_kernels_avx512() && __builtin_cpu_supports("avx512bf16") ? &avx512bf16_table : NULL;
}
#else
const ChoroyKernels *choroy_kernels_avx512bf16(void) { return NULL; }
#endif
