// Floats to pairs of bfloat16 (round to nearest even) in the order in which multiply.h reads them: two
// numbers that are neighbours in the depth of the product lie in one 32-bit word, the first one low.

// 16 words from two vectors: word i is (low[i], high[i]).
INLINE __m512i brain_pairs(__m512 low, __m512 high)
{
    // Lanes 0, 16, 1, 17, … of 32 numbers.
    __m512i order = _mm512_add_epi32(_mm512_set1_epi32(16 << 16),
        _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
            _mm512_set1_epi32(0x10001)));
    return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

INLINE __mmask16 brain_mask(size_t count) { return count >= 16 ? 0xFFFF : (__mmask16)((1u << count) - 1); }

// to[r][k / 2] = (x[r][k], x[r][k + 1]): rows as they are. Behind an odd depth comes a zero.
static void NAMED(brain_rows)(const float *x, size_t stride, void *words, size_t to_stride, size_t rows, size_t depth)
{
    uint32_t *to = words;
    for (size_t r = 0; r < rows; r++) {
        const float *from = x + r * stride;
        uint16_t *target = (uint16_t *)(to + r * to_stride);
        size_t k = 0;
        for (; k + 32 <= depth; k += 32)
            _mm512_storeu_si512(target + k,
                (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + k + 16), _mm512_loadu_ps(from + k)));
        for (; k < depth; k += 16) {
            size_t left = depth - k;
            __m256i v = (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(brain_mask(left), from + k));
            _mm256_mask_storeu_epi16(target + k, brain_mask(left), v);
        }
        if (depth % 2) target[depth] = 0;
    }
}

// to[k / 2][j] = (x[k][j], x[k + 1][j]) for columns j, zeros up to width: pairs of rows.
static void NAMED(brain_row_pairs)(const float *x, size_t stride, void *words, size_t width, size_t depth, size_t columns)
{
    uint32_t *to = words;
    for (size_t k = 0; k < depth; k += 2) {
        const float *low = x + k * stride;
        const float *high = low + stride;
        uint32_t *target = to + k / 2 * width;
        size_t j = 0;
        if (k + 1 < depth)
            for (; j + 16 <= columns && j + 16 <= width; j += 16) {
                // Rows may be far apart, so that no hardware sees them coming.
                _mm_prefetch((const char *)(low + j + 8 * stride), _MM_HINT_T0);
                _mm_prefetch((const char *)(high + j + 8 * stride), _MM_HINT_T0);
                _mm512_storeu_si512(target + j, brain_pairs(_mm512_loadu_ps(low + j), _mm512_loadu_ps(high + j)));
            }
        for (; j < width; j += 16) {
            __mmask16 mask = j < columns ? brain_mask(columns - j) : 0;
            __m512 a = _mm512_maskz_loadu_ps(mask, low + j);
            __m512 b = k + 1 < depth ? _mm512_maskz_loadu_ps(mask, high + j) : _mm512_setzero_ps();
            _mm512_mask_storeu_epi32(target + j, brain_mask(width - j), brain_pairs(a, b));
        }
    }
}

// to[k / 2][j] = (w[j][k], w[j][k + 1]) for rows j, zeros up to width: a transposed matrix.
static void NAMED(brain_transposed)(const float *w, size_t stride, void *words, size_t width, size_t depth, size_t rows)
{
    uint32_t *to = words;
    size_t pairs = (depth + 1) / 2;
    v16 block[16];
    for (size_t j = 0; j < width; j += 16) {
        for (size_t p = 0; p < pairs; p += 16) {
            size_t many = pairs - p < 16 ? pairs - p : 16;
            UNROLL for (size_t i = 0; i < 16; i++) {
                if (j + i < rows) {
                    size_t left = depth - 2 * p;
                    const float *from = w + (j + i) * stride + 2 * p;
                    __m512 low = _mm512_maskz_loadu_ps(brain_mask(left), from);
                    __m512 high = _mm512_maskz_loadu_ps(left > 16 ? brain_mask(left - 16) : 0, from + 16);
                    block[i] = (v16)_mm512_cvtne2ps_pbh(high, low);
                } else {
                    block[i] = splat(0);
                }
            }
            // Words move as Floats do: nothing is computed of them.
            transpose_16(block);
            for (size_t k = 0; k < many; k++) store((float *)(to + (p + k) * width + j), block[k]);
        }
    }
}
