// Causal attention over tiles of 64 keys with a running maximum and sum (Dao et al. 2022, algorithm 1; Dao
// 2023, section 3), and its gradient. Tiles are counted from position 0 and each query walks them in
// order, so its result does not depend on how many queries are asked at once.

#define TILE CHOROY_KEY_TILE
#define QUERY_ROWS BLOCK_ROWS

static void NAMED(attention)(const float *q, size_t q_stride, size_t rows, size_t past, size_t head_dim,
    const float *const *key_tiles, const float *const *value_tiles, size_t value_stride, float scale,
    float *out, size_t out_stride, float *log_sum_exp)
{
    float weights[QUERY_ROWS * TILE];
    float sums[QUERY_ROWS * value_stride];
    for (size_t r = 0; r < rows; r += QUERY_ROWS) {
        size_t n = rows - r < QUERY_ROWS ? rows - r : QUERY_ROWS;
        float maximum[QUERY_ROWS], total[QUERY_ROWS];
        for (size_t i = 0; i < n; i++) maximum[i] = -__builtin_inff(), total[i] = 0;
        for (size_t i = 0; i < n * value_stride; i++) sums[i] = 0;
        size_t last = past + r + n - 1;
        for (size_t t = 0; t * TILE <= last; t++) {
            // Keys that the last of these queries sees; nothing is computed of those behind.
            size_t keys = last + 1 - t * TILE < TILE ? last + 1 - t * TILE : TILE;
            size_t width = (keys + 15) / 16 * 16;
            NAMED(multiply)(q + r * q_stride, q_stride, 1, key_tiles[t], TILE, weights, TILE, n, width,
                head_dim, 0);
            for (size_t i = 0; i < n; i++) {
                float *w = weights + i * TILE;
                // Keys up to the query's own position, the rest hidden.
                size_t position = past + r + i;
                size_t seen = position + 1 > t * TILE ? position + 1 - t * TILE : 0;
                for (size_t j = seen; j < width; j++) w[j] = -__builtin_inff();
                v16 top = splat(-__builtin_inff());
                for (size_t j = 0; j < width; j += 16) {
                    v16 s = load(w + j) * splat(scale);
                    store(w + j, s);
                    top = max16(top, s);
                }
                float m = max_lanes(top);
                m = m > maximum[i] ? m : maximum[i];
                float fade = __builtin_expf(maximum[i] - m);
                v16 sum = splat(0);
                for (size_t j = 0; j < width; j += 16) {
                    v16 p = exp16(load(w + j) - splat(m));
                    store(w + j, p);
                    sum = sum + p;
                }
                total[i] = fma1(total[i], fade, sum_lanes(sum));
                maximum[i] = m;
                for (size_t j = 0; j < value_stride; j += 16)
                    store(sums + i * value_stride + j, load(sums + i * value_stride + j) * splat(fade));
            }
            NAMED(multiply)(weights, TILE, 1, value_tiles[t], value_stride, sums, value_stride, n,
                value_stride, keys, 1);
        }
        for (size_t i = 0; i < n; i++) {
            float *y = out + (r + i) * out_stride;
            for (size_t j = 0; j < head_dim; j++) y[j] = sums[i * value_stride + j] / total[i];
            if (log_sum_exp) log_sum_exp[r + i] = maximum[i] + __builtin_logf(total[i]);
        }
    }
}

// With P the weights and D = Σ dout·out a row:  dV = Pᵀ dO,  dS = P ∘ (dO Vᵀ − D),  dQ = dS K,  dK = dSᵀ Q.
static void NAMED(attention_gradient)(const float *q, const float *k, const float *v, const float *out,
    const float *dout, const float *log_sum_exp, float *dq, float *dk, float *dv, float *scratch,
    size_t length, size_t head_dim, size_t stride, float scale)
{
    size_t padded = (length + TILE - 1) / TILE * TILE;
    float *key_tile = scratch, *value_tile = key_tile + stride * TILE;
    float *weights = value_tile + stride * TILE, *slopes = weights + padded * TILE;
    float *row_sums = slopes + padded * TILE;
    for (size_t r = 0; r < length; r++) {
        v16 sum = splat(0);
        for (size_t j = 0; j < stride; j += 16)
            sum = fma16(load(out + r * stride + j), load(dout + r * stride + j), sum);
        row_sums[r] = sum_lanes(sum);
    }
    for (size_t first = 0; first < length; first += TILE) {
        size_t keys = length - first < TILE ? length - first : TILE;
        for (size_t d = 0; d < head_dim; d++)
            for (size_t j = 0; j < TILE; j++) {
                key_tile[d * TILE + j] = j < keys ? k[(first + j) * stride + d] : 0;
                value_tile[d * TILE + j] = j < keys ? v[(first + j) * stride + d] : 0;
            }
        // Queries from the tile's first key on see any of it.
        size_t rows = length - first;
        const float *queries = q + first * stride, *upstream = dout + first * stride;
        NAMED(multiply)(queries, stride, 1, key_tile, TILE, weights, TILE, rows, TILE, head_dim, 0);
        NAMED(multiply)(upstream, stride, 1, value_tile, TILE, slopes, TILE, rows, TILE, head_dim, 0);
        for (size_t r = 0; r < rows; r++) {
            float *p = weights + r * TILE, *s = slopes + r * TILE;
            size_t seen = r + 1 < keys ? r + 1 : keys;
            for (size_t j = 0; j < TILE; j += 16) {
                v16 w = exp16(fma16(load(p + j), splat(scale), splat(-log_sum_exp[first + r])));
                store(p + j, w);
                store(s + j, w * (load(s + j) - splat(row_sums[first + r])) * splat(scale));
            }
            for (size_t j = seen; j < TILE; j++) p[j] = 0, s[j] = 0;
        }
        NAMED(multiply)(weights, 1, TILE, upstream, stride, dv + first * stride, stride, keys, stride, rows, 1);
        NAMED(multiply)(slopes, 1, TILE, queries, stride, dk + first * stride, stride, keys, stride, rows, 1);
        NAMED(multiply)(slopes, TILE, 1, k + first * stride, stride, dq + first * stride, stride, rows,
            stride, keys, first > 0);
    }
}
