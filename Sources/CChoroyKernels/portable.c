// The table for any CPU that clang compiles for: SSE2 on x86-64, NEON on arm64.
#include "choroy_kernels.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

#define NAMED(name) portable_##name
#define TABLE_NAME "portable"
#if defined(__ARM_NEON)
#define HAS_FMA 1
#define BLOCK_ROWS 6
#else
#define HAS_FMA 0
#define BLOCK_ROWS 3
#endif
#define BLOCK_VECTORS 1
#define PANEL_DEPTH 512
#define HAS_VNNI 0
#define INT8_ROWS 1
#define INT8_VECTORS 1

#include "float/table.h"

const ChoroyKernels *choroy_kernels_portable(void) { return &portable_table; }
