// Floats to bytes: q = round(x / scale) with scale = max|x| / 127. The same bytes on every CPU: multiplication
// and rounding are two steps everywhere.

// How a row becomes integers up to `most`. What is not a number stays none, through the scale; what is all but
// zero becomes zero.
typedef struct {
    v16 inverse;
    float scale;
    int holds;
} rounding;

// The bits of positive floats order as the floats do, infinity and NaN above all others.
INLINE v16i magnitude_bits(v16 x) { return (v16i)x & 0x7fffffff; }

INLINE rounding round_to(v16i largest, float most)
{
    int32_t bits = __builtin_reduce_max(largest);
    float top = __builtin_bit_cast(float, bits);
    int is_finite = bits < 0x7f800000, holds = is_finite && top > 0x1p-100f;
    return (rounding){ splat(holds ? most / top : 0), is_finite ? (holds ? top / most : 0) : __builtin_nanf(""), holds };
}

// In 2²³ + 2²² + n the low bits are the integer n.
INLINE v16i nearest(v16 x, rounding r)
{
    v16i n = (v16i)(x * r.inverse + splat(12582912.0f)) - 0x4b400000;
    if (!r.holds) n = 0;
    return n;
}

// Bytes of `count` floats and zeros behind them up to 16 · vectors; gives the scale, NaN when one of them is not
// finite, and Σ q.
INLINE float int8_round(const float *x, size_t count, size_t vectors, int8_t *q, int32_t *total)
{
#define VALUES(i)                                                                                      \
    (16 * i + 16 <= count ? load(x + 16 * i) : 16 * i < count ? load_part(x + 16 * i, count - 16 * i) : splat(0))
    v16i largest = 0, sum = 0;
    for (size_t i = 0; i < vectors; i++) largest = __builtin_elementwise_max(largest, magnitude_bits(VALUES(i)));
    rounding r = round_to(largest, 127);
    for (size_t i = 0; i < vectors; i++) {
        v16i n = nearest(VALUES(i), r);
        sum += n;
        *(v16i8 *)(q + 16 * i) = __builtin_convertvector(n, v16i8);
    }
#undef VALUES
    *total = __builtin_reduce_add(sum);
    return r.scale;
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
