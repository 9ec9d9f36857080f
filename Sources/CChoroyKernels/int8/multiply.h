// Products with a matrix of bytes: one panel of up to 64 outputs, stored as [depth / 4][outputs][4].
//
// The integer sums of a group are exact. Groups are added in ascending order, so a row's result does not
// depend on the rows beside it.

INLINE void int8_block(int rows, int vectors, const uint8_t *weights, size_t step, const float *scales,
    const int8_t *x, const float *x_scales, const int32_t *x_starts, size_t groups, float *y, size_t ldy)
{
    v16 total[INT8_ROWS][INT8_VECTORS];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) total[i][j] = splat(0);
    for (size_t g = 0; g < groups; g++) {
        v16i sum[INT8_ROWS][INT8_VECTORS];
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = (v16i)x_starts[i * groups + g];
        for (size_t k = 0; k < CHOROY_INT8_GROUP; k += 4, weights += step) {
            bytes16x4 column[INT8_VECTORS];
            UNROLL for (int j = 0; j < vectors; j++) column[j] = load_weights(weights + 64 * j);
            UNROLL for (int i = 0; i < rows; i++) {
                bytes4 row = spread(four_bytes(x + (i * groups + g) * CHOROY_INT8_GROUP + k));
                UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = dot4(sum[i][j], column[j], row);
            }
        }
        UNROLL for (int i = 0; i < rows; i++)
            UNROLL for (int j = 0; j < vectors; j++)
                total[i][j] = fma16(splat(x_scales[i * groups + g]),
                    __builtin_convertvector(sum[i][j], v16), total[i][j]);
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            store(y + i * ldy + 16 * j, total[i][j] * load(scales + 16 * j));
}

#define INT8_BLOCKS(VECTORS)                                                                           \
    static void NAMED(int8_rows_##VECTORS)(const uint8_t *weights, size_t step, const float *scales,   \
        const int8_t *x, const float *x_scales, const int32_t *x_starts, float *y, size_t ldy,         \
        size_t rows, size_t groups)                                                                    \
    {                                                                                                  \
        size_t r = 0;                                                                                  \
        for (; r + INT8_ROWS <= rows; r += INT8_ROWS)                                                  \
            int8_block(INT8_ROWS, VECTORS, weights, step, scales, x + r * groups * CHOROY_INT8_GROUP,  \
                x_scales + r * groups, x_starts + r * groups, groups, y + r * ldy, ldy);               \
        for (; r < rows; r++)                                                                          \
            int8_block(1, VECTORS, weights, step, scales, x + r * groups * CHOROY_INT8_GROUP,          \
                x_scales + r * groups, x_starts + r * groups, groups, y + r * ldy, ldy);               \
    }

INT8_BLOCKS(1)
#if INT8_VECTORS >= 2
INT8_BLOCKS(2)
#endif
#if INT8_VECTORS >= 4
INT8_BLOCKS(4)
#endif

static void NAMED(int8_multiply)(const uint8_t *weights, const float *scales, size_t columns,
    const int8_t *x, const float *x_scales, const int32_t *x_starts, float *y, size_t ldy, size_t rows,
    size_t groups)
{
    size_t j = 0, step = 4 * columns;
#if INT8_VECTORS >= 4
    for (; j + 64 <= columns; j += 64)
        NAMED(int8_rows_4)(weights + 4 * j, step, scales + j, x, x_scales, x_starts, y + j, ldy, rows, groups);
#endif
#if INT8_VECTORS >= 2
    for (; j + 32 <= columns; j += 32)
        NAMED(int8_rows_2)(weights + 4 * j, step, scales + j, x, x_scales, x_starts, y + j, ldy, rows, groups);
#endif
    for (; j + 16 <= columns; j += 16)
        NAMED(int8_rows_1)(weights + 4 * j, step, scales + j, x, x_scales, x_starts, y + j, ldy, rows, groups);
}
