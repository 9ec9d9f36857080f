// Causal attention over whole sequences with factors of bfloat16, and its gradient: the sums of
// float/attention.h, tile by tile, with every product in pairs. Scores, weights and sums are Floats.
//
// Pairs lie along the depth of each product, so a factor that is used two ways is packed twice.

#define PAIR_ROWS 12

// The products of some rows with a packed factor of up to `ldb` columns.
INLINE void brain_product(const uint32_t *a, size_t a_row, size_t a_column, const uint32_t *b, size_t ldb,
    float *c, size_t ldc, size_t rows, size_t columns, size_t pairs, int accumulate)
{
    for (size_t j = 0; j < columns; j += 64)
        NAMED(brain_columns)(a, a_row, a_column, b + j, ldb, columns - j < 64 ? columns - j : 64, c + j, ldc, rows, pairs,
            accumulate);
}

static void NAMED(brain_attention)(const float *q, size_t ldq, const float *k, const float *v, size_t ldk,
    size_t heads, size_t length, size_t head_dim, float scale, float *out, float *log_sum_exp,
    size_t ld_log_sum_exp, uint32_t *scratch)
{
    size_t tiles = (length + TILE - 1) / TILE, pairs = head_dim / 2, size = TILE * pairs;
    uint32_t *keys = scratch, *values = keys + tiles * size, *queries = values + tiles * size;
    float scores[PAIR_ROWS * TILE], sums[PAIR_ROWS * head_dim];
    uint32_t weights[PAIR_ROWS * TILE / 2];
    for (size_t t = 0; t < tiles; t++) {
        size_t first = t * TILE, many = length - first < TILE ? length - first : TILE;
        NAMED(brain_transposed)(k + first * ldk, ldk, keys + t * size, TILE, head_dim, many);
        NAMED(brain_row_pairs)(v + first * ldk, ldk, values + t * size, head_dim, many, head_dim);
    }
    for (size_t h = 0; h < heads; h++, q += head_dim, out += head_dim, log_sum_exp += ld_log_sum_exp) {
        NAMED(brain_rows)(q, ldq, queries, pairs, length, head_dim);
        for (size_t r = 0; r < length; r += PAIR_ROWS) {
            size_t n = length - r < PAIR_ROWS ? length - r : PAIR_ROWS, end = r + n;
            float maximum[PAIR_ROWS], total[PAIR_ROWS];
            for (size_t i = 0; i < n; i++) maximum[i] = -__builtin_inff(), total[i] = 0;
            for (size_t t = 0; t * TILE < end; t++) {
                size_t seen = end - t * TILE < TILE ? end - t * TILE : TILE, width = (seen + 15) / 16 * 16;
                brain_product(queries + r * pairs, pairs, 1, keys + t * size, TILE, scores, TILE, n, width, pairs, 0);
                for (size_t i = 0; i < n; i++) {
                    size_t own = r + i + 1 > t * TILE ? r + i + 1 - t * TILE : 0;
                    float fade = tile_weights(scores + i * TILE, width, own, scale, t == 0, maximum + i, total + i);
                    for (size_t j = 0; fade != 1 && t > 0 && j < head_dim; j += 16)
                        store(sums + i * head_dim + j, load(sums + i * head_dim + j) * splat(fade));
                }
                // Behind an odd number of keys lies a hidden one, whose weight is 0.
                size_t key_pairs = (seen + 1) / 2;
                NAMED(brain_rows)(scores, TILE, weights, TILE / 2, n, 2 * key_pairs);
                brain_product(weights, TILE / 2, 1, values + t * size, head_dim, sums, head_dim, n, head_dim, key_pairs,
                    t > 0);
            }
            for (size_t i = 0; i < n; i++) {
                float inverse = 1 / total[i];
                for (size_t j = 0; j < head_dim; j += 16)
                    store(out + (r + i) * ldq + j, load(sums + i * head_dim + j) * splat(inverse));
                log_sum_exp[r + i] = maximum[i] + __builtin_logf(total[i]);
            }
        }
    }
}

// With P the weights and D = Σ dout·out a row:  dV = Pᵀ dO,  dS = P ∘ (dO Vᵀ − D),  dQ = dS K,  dK = dSᵀ Q.
static void NAMED(brain_attention_gradient)(const float *q, const float *k, const float *v, const float *out,
    const float *dout, const float *log_sum_exp, size_t ld_log_sum_exp, float *dq, float *dk, float *dv,
    size_t heads, size_t length, size_t head_dim, size_t ldq, size_t ldk, float scale, uint32_t *scratch)
{
    size_t tiles = (length + TILE - 1) / TILE, pairs = head_dim / 2, size = TILE * pairs;
    size_t row_pairs = (length + 1) / 2;
    uint32_t *keys = scratch, *values = keys + tiles * size, *key_pairs = values + tiles * size;
    uint32_t *queries = key_pairs + tiles * size, *upstream = queries + length * pairs;
    uint32_t *query_pairs = upstream + length * pairs, *upstream_pairs = query_pairs + row_pairs * head_dim;
    uint32_t *weight_pairs = upstream_pairs + row_pairs * head_dim, *slope_pairs = weight_pairs + row_pairs * TILE;
    float *row_sums = (float *)(slope_pairs + row_pairs * TILE);
    float p[TILE * TILE], s[TILE * TILE];
    uint32_t slopes[TILE * TILE / 2];
    for (size_t t = 0; t < tiles; t++) {
        size_t first = t * TILE, many = length - first < TILE ? length - first : TILE;
        NAMED(brain_transposed)(k + first * ldk, ldk, keys + t * size, TILE, head_dim, many);
        NAMED(brain_transposed)(v + first * ldk, ldk, values + t * size, TILE, head_dim, many);
        NAMED(brain_row_pairs)(k + first * ldk, ldk, key_pairs + t * size, head_dim, many, head_dim);
    }
    for (size_t h = 0; h < heads; h++) {
        NAMED(brain_rows)(q, ldq, queries, pairs, length, head_dim);
        NAMED(brain_rows)(dout, ldq, upstream, pairs, length, head_dim);
        NAMED(brain_row_pairs)(q, ldq, query_pairs, head_dim, length, head_dim);
        NAMED(brain_row_pairs)(dout, ldq, upstream_pairs, head_dim, length, head_dim);
        for (size_t r = 0; r < length; r++) {
            v16 sum = splat(0);
            for (size_t j = 0; j < head_dim; j += 16)
                sum = fma16(load(out + r * ldq + j), load(dout + r * ldq + j), sum);
            row_sums[r] = sum_lanes(sum);
        }
        for (size_t t = 0; t < tiles; t++) {
            size_t first = t * TILE, rows = length - first, tile_keys = rows < TILE ? rows : TILE;
            // Queries from the tile's first key on see any of it: few at a time where causality cuts the tile.
            for (size_t row = 0, many; row < rows; row += many) {
                many = row >= TILE ? TILE : PAIR_ROWS;
                // The twelves end where the tile does.
                if (row < TILE && TILE - row < many) many = TILE - row;
                if (rows - row < many) many = rows - row;
                size_t at = first + row, seen = row + many < tile_keys ? row + many : tile_keys;
                size_t width = (seen + 15) / 16 * 16;
                brain_product(queries + at * pairs, pairs, 1, keys + t * size, TILE, p, TILE, many, width, pairs, 0);
                brain_product(upstream + at * pairs, pairs, 1, values + t * size, TILE, s, TILE, many, width, pairs, 0);
                for (size_t r = 0; r < many; r++) {
                    float *weight = p + r * TILE, *slope = s + r * TILE;
                    for (size_t j = 0; j < width; j += 16) {
                        v16 w = exp16(fma16(load(weight + j), splat(scale), splat(-log_sum_exp[at + r])));
                        store(weight + j, w);
                        store(slope + j, w * (load(slope + j) - splat(row_sums[at + r])) * splat(scale));
                    }
                    for (size_t j = row + r + 1 < tile_keys ? row + r + 1 : tile_keys; j < TILE; j++)
                        weight[j] = 0, slope[j] = 0;
                }
                size_t seen_pairs = (seen + 1) / 2;
                NAMED(brain_rows)(s, TILE, slopes, TILE / 2, many, 2 * seen_pairs);
                brain_product(slopes, TILE / 2, 1, key_pairs + t * size, head_dim, dq + at * ldq, ldq, many, head_dim,
                    seen_pairs, t > 0);
                NAMED(brain_row_pairs)(p, TILE, weight_pairs + row / 2 * TILE, TILE, many, TILE);
                NAMED(brain_row_pairs)(s, TILE, slope_pairs + row / 2 * TILE, TILE, many, TILE);
            }
            for (size_t key = 0; key < tile_keys; key += PAIR_ROWS) {
                size_t many = tile_keys - key < PAIR_ROWS ? tile_keys - key : PAIR_ROWS, at = first + key;
                size_t depth = (rows - key + 1) / 2, start = key / 2 * TILE + key;
                brain_product(weight_pairs + start, 1, TILE, upstream_pairs + at / 2 * head_dim, head_dim, dv + at * ldk,
                    ldk, many, head_dim, depth, 1);
                brain_product(slope_pairs + start, 1, TILE, query_pairs + at / 2 * head_dim, head_dim, dk + at * ldk, ldk,
                    many, head_dim, depth, 1);
            }
        }
        q += head_dim, out += head_dim, dout += head_dim, dq += head_dim, log_sum_exp += ld_log_sum_exp;
    }
}
