// Causal attention over tiles of 64 keys and values in bytes, each key and each value with a scale of its
// own: the running maximum and sum of float/attention.h.
//
// Queries and weights, which are made for one use, are rounded to 15 bits: 128 · high + low, two signed bytes.
// Weights in 8 bits would lose the many small ones beside a large one.

// A tile holds keys [stride / 4][64][4] and values [64 / 4][stride][4], both with 128 added, the keys' scales
// and the values'; stride is head_dim rounded up to 16.

static void NAMED(int8_store)(const float *keys, const float *values, size_t ldx, size_t rows, size_t head_dim,
    uint8_t *tile, size_t column)
{
    size_t stride = (head_dim + 15) / 16 * 16;
    float *scales = (float *)(tile + 2 * TILE * stride);
    int8_t bytes[stride];
    for (size_t r = 0; r < rows; r++, column++) {
        int32_t sum;
        scales[column] = int8_round(keys + r * ldx, head_dim, stride / 16, bytes, &sum);
        for (size_t k = 0; k < stride; k += 4) {
            int32_t four = four_bytes(bytes + k) ^ 0x80808080;
            __builtin_memcpy(tile + TILE * k + 4 * column, &four, 4);
        }
        scales[TILE + column] = int8_round(values + r * ldx, head_dim, stride / 16, bytes, &sum);
        // One byte of each word in four rows of values.
        v16i *words = (v16i *)(tile + TILE * stride + column / 4 * 4 * stride);
        int shift = 8 * (column % 4);
        int32_t others = (int32_t)~(0xffu << shift);
        for (size_t k = 0; k < stride; k += 16, words++) {
            v16i byte = (__builtin_convertvector(*(const v16i8 *)(bytes + k), v16i) & 0xff) ^ 0x80;
            *words = (*words & others) | byte << shift;
        }
    }
}

// A row in 15 bits: high bytes, low bytes; x = scale · (128 · high + low).
typedef struct {
    const int8_t *high, *low;
    float scale;
    // −128 · Σ (128 · high + low), which corrects for the offset of the bytes it meets.
    int32_t start;
} fine_row;

// Rounds whole vectors; what lies behind the numbers that count must be 0.
INLINE fine_row round_fine(const float *x, size_t vectors, int8_t *high, int8_t *low)
{
    v16i largest = 0, sum = 0;
    for (size_t i = 0; i < vectors; i++) largest = __builtin_elementwise_max(largest, magnitude_bits(load(x + 16 * i)));
    rounding r = round_to(largest, 16256);
    for (size_t i = 0; i < vectors; i++) {
        v16i n = nearest(load(x + 16 * i), r), h = (n + 64) >> 7;
        sum += n;
        *(v16i8 *)(high + 16 * i) = __builtin_convertvector(h, v16i8);
        *(v16i8 *)(low + 16 * i) = __builtin_convertvector(n - (h << 7), v16i8);
    }
    return (fine_row){ high, low, r.scale, -128 * __builtin_reduce_add(sum) };
}

// Row by bytes [depth / 4][…][4] for 16 · vectors columns. The integers are exact; they hold up to a
// depth of 512.
INLINE void fine_block(int vectors, fine_row x, const uint8_t *bytes, size_t step, size_t depth, v16 *y)
{
    v16i sum[INT8_VECTORS][2];
    UNROLL for (int j = 0; j < vectors; j++) sum[j][0] = 0, sum[j][1] = (v16i)x.start;
    for (size_t k = 0; k < depth; k += 4, bytes += step) {
        fine4 four = spread_fine(x.high + k, x.low + k);
        UNROLL for (int j = 0; j < vectors; j++) dot4_fine(sum[j], load_weights(bytes + 64 * j), four);
    }
    UNROLL for (int j = 0; j < vectors; j++)
        y[j] = __builtin_convertvector(sum[j][0] * 128 + sum[j][1], v16) * splat(x.scale);
}

// The keys up to `width`, each sum by its key's scale.
INLINE void fine_scores(fine_row q, const uint8_t *keys, size_t stride, const float *scales, size_t width, float *scores)
{
    size_t j = 0;
    v16 y[INT8_VECTORS];
    for (; j + 16 * INT8_VECTORS <= width; j += 16 * INT8_VECTORS) {
        fine_block(INT8_VECTORS, q, keys + 4 * j, 4 * TILE, stride, y);
        UNROLL for (int i = 0; i < INT8_VECTORS; i++) store(scores + j + 16 * i, y[i] * load(scales + j + 16 * i));
    }
    for (; j < width; j += 16) {
        fine_block(1, q, keys + 4 * j, 4 * TILE, stride, y);
        store(scores + j, y[0] * load(scales + j));
    }
}

#define VALUE_VECTORS (INT8_VECTORS < 2 ? 1 : 2)

// sums = sums · fade + w · values
INLINE void fine_values(fine_row w, const uint8_t *values, size_t stride, size_t depth, float fade, float *sums)
{
    size_t j = 0;
    v16 y[INT8_VECTORS];
    for (; j + 16 * VALUE_VECTORS <= stride; j += 16 * VALUE_VECTORS) {
        fine_block(VALUE_VECTORS, w, values + 4 * j, 4 * stride, depth, y);
        UNROLL for (int i = 0; i < VALUE_VECTORS; i++)
            store(sums + j + 16 * i, load(sums + j + 16 * i) * splat(fade) + y[i]);
    }
    for (; j < stride; j += 16) {
        fine_block(1, w, values + 4 * j, 4 * stride, depth, y);
        store(sums + j, load(sums + j) * splat(fade) + y[0]);
    }
}

static void NAMED(int8_attention)(const float *q, size_t q_stride, size_t rows, size_t past, size_t head_dim,
    const uint8_t *const *tiles, float scale, float *out, size_t out_stride)
{
    size_t stride = (head_dim + 15) / 16 * 16;
    int8_t bytes[QUERY_ROWS * 2 * stride], weight_bytes[2 * TILE];
    float weights[TILE], sums[QUERY_ROWS * stride], row[stride];
    for (size_t r = 0; r < rows; r += QUERY_ROWS) {
        size_t n = rows - r < QUERY_ROWS ? rows - r : QUERY_ROWS;
        float maximum[QUERY_ROWS], total[QUERY_ROWS];
        fine_row queries[QUERY_ROWS];
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < stride; j++) row[j] = j < head_dim ? q[(r + i) * q_stride + j] : 0;
            queries[i] = round_fine(row, stride / 16, bytes + i * 2 * stride, bytes + (i * 2 + 1) * stride);
            maximum[i] = -__builtin_inff(), total[i] = 0;
        }
        for (size_t i = 0; i < n * stride; i += 16) store(sums + i, splat(0));
        for (size_t t = 0; t * TILE < past + r + n; t++) {
            const uint8_t *keys = tiles[t], *values = keys + TILE * stride;
            const float *key_scales = (const float *)(values + TILE * stride), *value_scales = key_scales + TILE;
            for (size_t i = 0; i < n; i++) {
                size_t position = past + r + i;
                if (position < t * TILE) continue;
                // Keys that this query sees, and whole vectors of them.
                size_t seen = position - t * TILE + 1 < TILE ? position - t * TILE + 1 : TILE;
                size_t width = (seen + 15) / 16 * 16;
                fine_scores(queries[i], keys, stride, key_scales, width, weights);
                float fade = tile_weights(weights, width, seen, scale, t == 0, maximum + i, total + i);
                for (size_t j = 0; j < width; j += 16)
                    store(weights + j, load(weights + j) * load(value_scales + j));
                // Whatever scale lies behind a hidden key.
                for (size_t j = seen; j < width; j++) weights[j] = 0;
                fine_row w = round_fine(weights, width / 16, weight_bytes, weight_bytes + TILE);
                fine_values(w, values, stride, (seen + 3) / 4 * 4, fade, sums + i * stride);
            }
        }
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < head_dim; j++)
                out[(r + i) * out_stride + j] = sums[i * stride + j] / total[i];
    }
}
