// Rows of a panel as floats, y[r][k] = scales[r] · (weights[r][k] − 128), exactly. Sixteen rows at a time
// share the cache lines of the panel.

typedef uint8_t v4u8 __attribute__((ext_vector_type(4), aligned(1)));

static void NAMED(int8_widen)(const uint8_t *weights, size_t columns, const float *scales, float *y,
    size_t rows, size_t depth)
{
    for (size_t first = 0; first < rows; first += 16) {
        size_t last = first + 16 < rows ? first + 16 : rows;
        for (size_t k = 0; k + 4 <= depth; k += 4)
            for (size_t r = first; r < last; r++) {
                v4 w = __builtin_convertvector(*(const v4u8 *)(weights + k * columns + 4 * r), v4);
                *(v4 *)(y + r * depth + k) = (w - (v4)128.0f) * (v4)scales[r];
            }
        for (size_t k = depth / 4 * 4; k < depth; k++)
            for (size_t r = first; r < last; r++)
                y[r * depth + k] = ((float)weights[depth / 4 * 4 * columns + 4 * r + k % 4] - 128) * scales[r];
    }
}
