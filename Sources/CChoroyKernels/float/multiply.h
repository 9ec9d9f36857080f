// c = a · b for rows of b that lie side by side: the innermost loop of everything.
//
// A block of ROWS × VECTORS·16 sums stays in registers over the whole depth. Each sum is one chain of
// fused multiply-adds in ascending depth, so a row's result does not depend on the rows beside it.
#pragma once

INLINE void multiply_block(int rows, int vectors, const float *a, size_t a_row, size_t a_column,
    const float *b, size_t ldb, float *c, size_t ldc, size_t depth, int accumulate)
{
    v16 sum[BLOCK_ROWS][BLOCK_VECTORS];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = splat(0);
    for (size_t k = 0; k < depth; k++) {
        v16 column[BLOCK_VECTORS];
        UNROLL for (int j = 0; j < vectors; j++) column[j] = load(b + k * ldb + 16 * j);
        UNROLL for (int i = 0; i < rows; i++) {
            v16 x = splat(a[i * a_row + k * a_column]);
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = fma16(x, column[j], sum[i][j]);
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) {
            float *target = c + i * ldc + 16 * j;
            store(target, accumulate ? load(target) + sum[i][j] : sum[i][j]);
        }
}

#define MULTIPLY_ROWS(VECTORS)                                                                         \
    static void NAMED(multiply_rows_##VECTORS)(const float *a, size_t a_row, size_t a_column,          \
        const float *b, size_t ldb, float *c, size_t ldc, size_t rows, size_t depth, int accumulate)   \
    {                                                                                                  \
        size_t r = 0;                                                                                  \
        for (; r + BLOCK_ROWS <= rows; r += BLOCK_ROWS)                                                \
            multiply_block(BLOCK_ROWS, VECTORS, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc,   \
                ldc, depth, accumulate);                                                               \
        for (; r + 2 <= rows; r += 2)                                                                  \
            multiply_block(2, VECTORS, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, depth, \
                accumulate);                                                                           \
        if (r < rows)                                                                                  \
            multiply_block(1, VECTORS, a + r * a_row, a_row, a_column, b, ldb, c + r * ldc, ldc, depth, \
                accumulate);                                                                           \
    }

MULTIPLY_ROWS(1)
#if BLOCK_VECTORS >= 2
MULTIPLY_ROWS(2)
#endif
#if BLOCK_VECTORS >= 4
MULTIPLY_ROWS(3)
MULTIPLY_ROWS(4)
#endif

static void NAMED(multiply)(const float *a, size_t a_row, size_t a_column, const float *b, size_t ldb,
    float *c, size_t ldc, size_t rows, size_t columns, size_t depth, int accumulate)
{
    size_t j = 0;
#if BLOCK_VECTORS >= 4
    for (; j + 64 <= columns; j += 64)
        NAMED(multiply_rows_4)(a, a_row, a_column, b + j, ldb, c + j, ldc, rows, depth, accumulate);
    if (j + 48 <= columns) {
        NAMED(multiply_rows_3)(a, a_row, a_column, b + j, ldb, c + j, ldc, rows, depth, accumulate);
        j += 48;
    }
#endif
#if BLOCK_VECTORS >= 2
    for (; j + 32 <= columns; j += 32)
        NAMED(multiply_rows_2)(a, a_row, a_column, b + j, ldb, c + j, ldc, rows, depth, accumulate);
#endif
    for (; j + 16 <= columns; j += 16)
        NAMED(multiply_rows_1)(a, a_row, a_column, b + j, ldb, c + j, ldc, rows, depth, accumulate);
}
