// Activations to bytes, on the way into a product: q = round(x / scale) with scale = max|x| / 127 over each
// group. The same bytes on every CPU: multiplication and rounding are two steps everywhere.

static void NAMED(int8_quantize)(const float *x, size_t count, int8_t *q, float *scales, int32_t *starts)
{
    for (size_t first = 0; first < count; first += CHOROY_INT8_GROUP, scales++, starts++) {
        v16 values[CHOROY_INT8_GROUP / 16];
        // The bits of positive floats order as the floats do, infinity and NaN above all others.
        v16i largest = 0;
        UNROLL for (int i = 0; i < CHOROY_INT8_GROUP / 16; i++) {
            size_t start = first + 16 * i;
            values[i] = start + 16 <= count ? load(x + start)
                : start < count             ? load_part(x + start, count - start)
                                            : splat(0);
            largest = __builtin_elementwise_max(largest, (v16i)values[i] & 0x7fffffff);
        }
        int32_t bits = __builtin_reduce_max(largest);
        float top = __builtin_bit_cast(float, bits);
        // What is not a number stays none, through the scale; what is all but zero becomes zero.
        int holds = bits < 0x7f800000 && top > 0x1p-100f;
        v16 inverse = splat(holds ? 127 / top : 0);
        v16i sum = 0;
        UNROLL for (int i = 0; i < CHOROY_INT8_GROUP / 16; i++) {
            // In 2²³ + 2²² + n the low bits are the integer n.
            v16i n = (v16i)(values[i] * inverse + splat(12582912.0f)) - 0x4b400000;
            if (!holds) n = 0;
            sum += n;
            *(v16i8 *)(q + first + 16 * i) = __builtin_convertvector(n, v16i8);
        }
        *scales = bits < 0x7f800000 ? (holds ? top / 127 : 0) : __builtin_nanf("");
        *starts = -128 * __builtin_reduce_add(sum);
    }
}
