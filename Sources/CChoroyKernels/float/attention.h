// Causal attention over tiles of 64 keys with a running maximum and sum (Dao et al. 2022, algorithm 1; Dao
// 2023, section 3), and its gradient. Tiles are counted from position 0 and each query walks them in
// order, so its result does not depend on how many queries are asked at once.

#define TILE CHOROY_KEY_TILE
#define QUERY_ROWS BLOCK_ROWS

// Scores of the first `width` keys of a tile to weights; those from `seen` on are hidden. Returns what the sums
// of the tiles before fade by.
INLINE float tile_weights(float *w, size_t width, size_t seen, float scale, int is_first, float *maximum,
    float *total)
{
    for (size_t j = seen; j < width; j++) w[j] = -__builtin_inff();
    v16 top = splat(-__builtin_inff());
    for (size_t j = 0; j < width; j += 16) {
        v16 s = load(w + j) * splat(scale);
        store(w + j, s);
        top = max16(top, s);
    }
    float m = max_lanes(top);
    m = m > *maximum ? m : *maximum;
    // Most often no later tile holds a new maximum.
    float fade = m == *maximum ? 1 : is_first ? 0 : __builtin_expf(*maximum - m);
    v16 sum = splat(0);
    for (size_t j = 0; j < width; j += 16) {
        v16 p = exp16(load(w + j) - splat(m));
        store(w + j, p);
        sum = sum + p;
    }
    *total = fma1(*total, fade, sum_lanes(sum));
    *maximum = m;
    return fade;
}

// One row by several tiles at once, c[t] = a[t] · b[t]: the sums of one tile alone would wait for each other.
#define ROW_TILES 4
#define ROW_VECTORS (BLOCK_VECTORS < 4 ? 1 : 2)

INLINE void tiles_block(int tiles, int vectors, const float *a, size_t a_tile, const float *const *b,
    size_t column, size_t ldb, float *c, size_t c_tile, size_t depth)
{
    v16 sum[ROW_TILES][ROW_VECTORS];
    UNROLL for (int t = 0; t < tiles; t++)
        UNROLL for (int j = 0; j < vectors; j++) sum[t][j] = splat(0);
    for (size_t k = 0; k < depth; k++)
        UNROLL for (int t = 0; t < tiles; t++) {
            v16 x = splat(a[t * a_tile + k]);
            UNROLL for (int j = 0; j < vectors; j++)
                sum[t][j] = fma16(x, load(b[t] + k * ldb + column + 16 * j), sum[t][j]);
        }
    UNROLL for (int t = 0; t < tiles; t++)
        UNROLL for (int j = 0; j < vectors; j++) store(c + t * c_tile + column + 16 * j, sum[t][j]);
}

static void NAMED(multiply_tiles)(const float *a, size_t a_tile, const float *const *b, size_t ldb, float *c,
    size_t c_tile, size_t columns, size_t depth, size_t tiles)
{
#define EACH_COLUMN(TILES)                                                                             \
    for (size_t j = 0; j < columns;) {                                                                 \
        if (j + 16 * ROW_VECTORS <= columns) {                                                         \
            tiles_block(TILES, ROW_VECTORS, a, a_tile, b, j, ldb, c, c_tile, depth);                   \
            j += 16 * ROW_VECTORS;                                                                     \
        } else {                                                                                       \
            tiles_block(TILES, 1, a, a_tile, b, j, ldb, c, c_tile, depth);                             \
            j += 16;                                                                                   \
        }                                                                                              \
    }
    switch (tiles) {
    case 1: EACH_COLUMN(1) break;
    case 2: EACH_COLUMN(2) break;
    case 3: EACH_COLUMN(3) break;
    case 4: EACH_COLUMN(4) break;
    }
}

// The query behind `past` others, alone: the same sums in the same order.
static void NAMED(attend_one)(const float *q, size_t past, size_t head_dim, const float *const *key_tiles,
    const float *const *value_tiles, size_t value_stride, float scale, float *sums, float *maximum,
    float *total)
{
    float weights[ROW_TILES * TILE], parts[ROW_TILES * value_stride], fades[ROW_TILES];
    size_t tiles = past / TILE + 1, last = past % TILE + 1;
    for (size_t first = 0; first < tiles; first += ROW_TILES) {
        size_t many = tiles - first < ROW_TILES ? tiles - first : ROW_TILES;
        // Tiles that are seen whole; at most one is not.
        size_t whole = first + many == tiles && last < TILE ? many - 1 : many;
        size_t width = whole < many ? (last + 15) / 16 * 16 : TILE;
        NAMED(multiply_tiles)(q, 0, key_tiles + first, TILE, weights, TILE, TILE, head_dim, whole);
        if (whole < many)
            NAMED(multiply)(q, 0, 1, key_tiles[first + whole], TILE, weights + whole * TILE, TILE, 1, width,
                head_dim, 0);
        for (size_t t = 0; t < many; t++)
            fades[t] = tile_weights(weights + t * TILE, t < whole ? TILE : width, t < whole ? TILE : last, scale,
                first + t == 0, maximum, total);
        NAMED(multiply_tiles)(weights, TILE, value_tiles + first, value_stride, parts, value_stride,
            value_stride, TILE, whole);
        if (whole < many)
            NAMED(multiply)(weights + whole * TILE, TILE, 1, value_tiles[first + whole], value_stride,
                parts + whole * value_stride, value_stride, 1, value_stride, last, 0);
        for (size_t t = 0; t < many; t++)
            for (size_t j = 0; j < value_stride; j += 16) {
                v16 part = load(parts + t * value_stride + j);
                if (first + t == 0) store(sums + j, part);
                else store(sums + j, load(sums + j) * splat(fades[t]) + part);
            }
    }
}

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
        size_t last = past + r + n - 1;
        if (n == 1)
            NAMED(attend_one)(q + r * q_stride, last, head_dim, key_tiles, value_tiles, value_stride, scale, sums,
                maximum, total);
        for (size_t t = 0; n > 1 && t * TILE <= last; t++) {
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
                float fade = tile_weights(w, width, seen, scale, t == 0, maximum + i, total + i);
                for (size_t j = 0; fade != 1 && t > 0 && j < value_stride; j += 16)
                    store(sums + i * value_stride + j, load(sums + i * value_stride + j) * splat(fade));
            }
            NAMED(multiply)(weights, TILE, 1, value_tiles[t], value_stride, sums, value_stride, n,
                value_stride, keys, t > 0);
        }
        for (size_t i = 0; i < n; i++) {
            float *y = out + (r + i) * out_stride;
            for (size_t j = 0; j < head_dim; j++) y[j] = sums[i * value_stride + j] / total[i];
            if (log_sum_exp) log_sum_exp[r + i] = maximum[i] + __builtin_logf(total[i]);
        }
    }
}

// Queries are taken in twelves where causality cuts a tile: those see only its first keys.
#define CAUSAL_ROWS 12

// With P the weights and D = Σ dout·out a row:  dV = Pᵀ dO,  dS = P ∘ (dO Vᵀ − D),  dQ = dS K,  dK = dSᵀ Q.
static void NAMED(attention_gradient)(const float *q, const float *k, const float *v, const float *out,
    const float *dout, const float *log_sum_exp, float *dq, float *dk, float *dv, float *scratch,
    size_t length, size_t head_dim, size_t stride, size_t ldq, size_t ldk, float scale)
{
    size_t padded = (length + TILE - 1) / TILE * TILE;
    float *key_tile = scratch, *value_tile = key_tile + stride * TILE;
    float *weights = value_tile + stride * TILE, *slopes = weights + padded * TILE;
    float *row_sums = slopes + padded * TILE;
    for (size_t r = 0; r < length; r++) {
        v16 sum = splat(0);
        for (size_t j = 0; j < stride; j += 16) sum = fma16(load(out + r * ldq + j), load(dout + r * ldq + j), sum);
        row_sums[r] = sum_lanes(sum);
    }
    for (size_t first = 0; first < length; first += TILE) {
        size_t keys = length - first < TILE ? length - first : TILE;
        if (keys < TILE)
            for (size_t i = 0; i < stride * TILE; i++) key_tile[i] = 0, value_tile[i] = 0;
        NAMED(transpose)(k + first * ldk, ldk, key_tile, TILE, keys, head_dim);
        NAMED(transpose)(v + first * ldk, ldk, value_tile, TILE, keys, head_dim);
        // Queries from the tile's first key on see any of it.
        size_t rows = length - first;
        const float *queries = q + first * ldq, *upstream = dout + first * ldq;
        for (size_t row = 0, many; row < rows; row += many) {
            many = row >= TILE || rows - row < CAUSAL_ROWS ? rows - row : CAUSAL_ROWS;
            size_t seen = row + many < keys ? row + many : keys, width = (seen + 15) / 16 * 16;
            float *p = weights + row * TILE, *s = slopes + row * TILE;
            NAMED(multiply)(queries + row * ldq, ldq, 1, key_tile, TILE, p, TILE, many, width, head_dim, 0);
            NAMED(multiply)(upstream + row * ldq, ldq, 1, value_tile, TILE, s, TILE, many, width, head_dim, 0);
            for (size_t r = row; r < row + many; r++, p += TILE, s += TILE) {
                for (size_t j = 0; j < width; j += 16) {
                    v16 w = exp16(fma16(load(p + j), splat(scale), splat(-log_sum_exp[first + r])));
                    store(p + j, w);
                    store(s + j, w * (load(s + j) - splat(row_sums[first + r])) * splat(scale));
                }
                for (size_t j = r + 1; j < TILE; j++) p[j] = 0, s[j] = 0;
                for (size_t j = keys; j < TILE; j++) p[j] = 0, s[j] = 0;
            }
            NAMED(multiply)(slopes + row * TILE, TILE, 1, k + first * ldk, ldk, dq + (first + row) * ldq, ldq, many,
                stride, seen, first > 0);
        }
        for (size_t key = 0; key < keys; key += CAUSAL_ROWS) {
            size_t many = keys - key < CAUSAL_ROWS ? keys - key : CAUSAL_ROWS, at = first + key;
            NAMED(multiply)(weights + key * TILE + key, 1, TILE, upstream + key * ldq, ldq, dv + at * ldk, ldk, many,
                stride, rows - key, 1);
            NAMED(multiply)(slopes + key * TILE + key, 1, TILE, queries + key * ldq, ldq, dk + at * ldk, ldk, many,
                stride, rows - key, 1);
        }
    }
}
