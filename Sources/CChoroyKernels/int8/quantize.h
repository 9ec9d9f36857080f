// Floats to bytes: q = round(x / scale) with scale = max|x| / 127. The same bytes on every CPU: multiplication
// and rounding are two steps everywhere.

// Bytes of `count` floats and zeros behind them up to 16 · vectors; gives the scale, NaN when one of them is not
// finite, and Σ q.
INLINE float int8_round(const float *x, size_t count, size_t vectors, int8_t *q, int32_t *total)
{
#define VALUES(i)                                                                                      \
    (16 * i + 16 <= count ? load(x + 16 * i) : 16 * i < count ? load_part(x + 16 * i, count - 16 * i) : splat(0))
    // The bits of positive floats order as the floats do, infinity and NaN above all others.
    v16i largest = 0;
    for (size_t i = 0; i < vectors; i++)
        largest = __builtin_elementwise_max(largest, (v16i)VALUES(i) & 0x7fffffff);
    int32_t bits = __builtin_reduce_max(largest);
    float top = __builtin_bit_cast(float, bits);
    // What is not a number stays none, through the scale; what is all but zero becomes zero.
    int holds = bits < 0x7f800000 && top > 0x1p-100f;
    v16 inverse = splat(holds ? 127 / top : 0);
    v16i sum = 0;
    for (size_t i = 0; i < vectors; i++) {
        // In 2²³ + 2²² + n the low bits are the integer n.
        v16i n = (v16i)(VALUES(i) * inverse + splat(12582912.0f)) - 0x4b400000;
        if (!holds) n = 0;
        sum += n;
        *(v16i8 *)(q + 16 * i) = __builtin_convertvector(n, v16i8);
    }
#undef VALUES
    *total = __builtin_reduce_add(sum);
    return bits < 0x7f800000 ? (holds ? top / 127 : 0) : __builtin_nanf("");
}

// Activations on the way into a product: a scale for each group.
static void NAMED(int8_quantize)(const float *x, size_t count, int8_t *q, float *scales, int32_t *starts)
{
    for (size_t first = 0; first < count; first += CHOROY_INT8_GROUP) {
        int32_t sum;
        *scales++ = int8_round(x + first, count - first, CHOROY_INT8_GROUP / 16, q + first, &sum);
        *starts++ = -128 * sum;
    }
}
