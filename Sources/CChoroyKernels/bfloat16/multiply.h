// c = a · b of pairs of bfloat16, summed in Float: vdpbf16ps does two multiplications and two additions in
// each of 16 lanes.
//
// A block of ROWS × VECTORS·16 sums stays in registers over the whole depth, each one chain in ascending depth.

INLINE void brain_block(int rows, int vectors, const uint32_t *a, size_t a_row, size_t a_column,
    const uint32_t *b, size_t ldb, float *c, size_t ldc, size_t pairs, int accumulate)
{
    __m512 sum[6][4];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = _mm512_setzero_ps();
    for (size_t k = 0; k < pairs; k++) {
        __m512bh column[4];
        UNROLL for (int j = 0; j < vectors; j++)
            column[j] = (__m512bh)_mm512_loadu_si512(b + k * ldb + 16 * j);
        UNROLL for (int i = 0; i < rows; i++) {
            __m512bh x = (__m512bh)_mm512_set1_epi32((int)a[i * a_row + k * a_column]);
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = _mm512_dpbf16_ps(sum[i][j], x, column[j]);
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) {
            float *target = c + i * ldc + 16 * j;
            _mm512_storeu_ps(target, accumulate ? _mm512_add_ps(_mm512_loadu_ps(target), sum[i][j]) : sum[i][j]);
        }
}

#define BRAIN_ROWS(VECTORS)                                                                                  \
    static void NAMED(brain_rows_##VECTORS)(const uint32_t *a, size_t a_row, size_t a_column,                \
        const uint32_t *b, size_t ldb, float *c, size_t ldc, size_t rows, size_t pairs, int accumulate)      \
    {                                                                                                        \
        size_t r = 0;                                                                                        \
        for (; r + 6 <= rows; r += 6)                                                                        \
            brain_block(6, VECTORS, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, pairs,         \
                accumulate);                                                                                 \
        for (; r + 2 <= rows; r += 2)                                                                        \
            brain_block(2, VECTORS, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, pairs,         \
                accumulate);                                                                                 \
        if (r < rows)                                                                                        \
            brain_block(1, VECTORS, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, pairs,         \
                accumulate);                                                                                 \
    }

BRAIN_ROWS(1)
BRAIN_ROWS(2)
BRAIN_ROWS(3)
BRAIN_ROWS(4)

// Up to 64 columns, a multiple of 16, of a factor whose rows are ldb words apart.
static void NAMED(brain_columns)(const uint32_t *a, size_t a_row, size_t a_column, const uint32_t *b, size_t ldb,
    size_t columns, float *c, size_t ldc, size_t rows, size_t pairs, int accumulate)
{
    switch (columns) {
    case 16: NAMED(brain_rows_1)(a, a_row, a_column, b, ldb, c, ldc, rows, pairs, accumulate); break;
    case 32: NAMED(brain_rows_2)(a, a_row, a_column, b, ldb, c, ldc, rows, pairs, accumulate); break;
    case 48: NAMED(brain_rows_3)(a, a_row, a_column, b, ldb, c, ldc, rows, pairs, accumulate); break;
    case 64: NAMED(brain_rows_4)(a, a_row, a_column, b, ldb, c, ldc, rows, pairs, accumulate); break;
    }
}

static void NAMED(brain_multiply)(const void *a, size_t a_row, size_t a_column, const void *b, size_t width,
    float *c, size_t ldc, size_t rows, size_t pairs, int accumulate)
{
    NAMED(brain_columns)(a, a_row, a_column, b, width, width, c, ldc, rows, pairs, accumulate);
}

static const ChoroyPanelKernels NAMED(brain) = {
    .numbers = 2,
    .columns = 64,
    .depth = 1024,
    .rows = NAMED(brain_rows),
    .row_groups = NAMED(brain_row_pairs),
    .transposed = NAMED(brain_transposed),
    .multiply = NAMED(brain_multiply),
};
