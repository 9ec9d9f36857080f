// Four products of bytes at a time: sum[o] += Σ_j w[o][j] · x[j], w unsigned, x signed, for 16 outputs o.
//
// Every form below gives the exact integer. With AVX2 the bytes are widened to 16 bits first, since its
// own product of bytes (vpmaddubsw) saturates.

#if HAS_VNNI
typedef __m512i bytes16x4;
typedef __m512i bytes4;

INLINE bytes16x4 load_weights(const uint8_t *p) { return _mm512_loadu_si512(p); }
INLINE bytes4 spread(int32_t x) { return _mm512_set1_epi32(x); }
INLINE v16i dot4(v16i sum, bytes16x4 w, bytes4 x)
{
    return (v16i)_mm512_dpbusd_epi32((__m512i)sum, w, x);
}
#elif defined(__SSE2__)
// 16-bit numbers 0 and 2, and 1 and 3, of each output: two of the four products in one addition.
#if HAS_FMA
#define HALVES 2
typedef __m256i part;
#define PART(operation) _mm256_##operation
#define LOAD_PART(p) _mm256_loadu_si256((const __m256i *)(p))
#define AND_PART _mm256_and_si256
#else
#define HALVES 4
typedef __m128i part;
#define PART(operation) _mm_##operation
#define LOAD_PART(p) _mm_loadu_si128((const __m128i *)(p))
#define AND_PART _mm_and_si128
#endif
typedef struct { part even[HALVES], odd[HALVES]; } bytes16x4;
typedef struct { part even, odd; } bytes4;
typedef union { v16i all; part parts[HALVES]; } sums16;

INLINE bytes16x4 load_weights(const uint8_t *p)
{
    bytes16x4 w;
    UNROLL for (int i = 0; i < HALVES; i++) {
        part bytes = LOAD_PART(p + 64 / HALVES * i);
        w.even[i] = AND_PART(bytes, PART(set1_epi16)(0xff));
        w.odd[i] = PART(srli_epi16)(bytes, 8);
    }
    return w;
}
INLINE bytes4 spread(int32_t x)
{
    part bytes = PART(set1_epi32)(x);
    return (bytes4){ PART(srai_epi16)(PART(slli_epi16)(bytes, 8), 8), PART(srai_epi16)(bytes, 8) };
}
INLINE v16i dot4(v16i sum, bytes16x4 w, bytes4 x)
{
    sums16 s = { sum };
    UNROLL for (int i = 0; i < HALVES; i++)
        s.parts[i] = PART(add_epi32)(s.parts[i],
            PART(add_epi32)(PART(madd_epi16)(w.even[i], x.even), PART(madd_epi16)(w.odd[i], x.odd)));
    return s.all;
}
#else
typedef struct { v16i w[4]; } bytes16x4;
typedef struct { int32_t x[4]; } bytes4;

INLINE bytes16x4 load_weights(const uint8_t *p)
{
    v16i all = *(const v16i *)p;
    return (bytes16x4){ { all & 0xff, (all >> 8) & 0xff, (all >> 16) & 0xff, (all >> 24) & 0xff } };
}
INLINE bytes4 spread(int32_t x)
{
    return (bytes4){ { (int8_t)x, (int8_t)(x >> 8), (int8_t)(x >> 16), (int8_t)(x >> 24) } };
}
INLINE v16i dot4(v16i sum, bytes16x4 w, bytes4 x)
{
    UNROLL for (int j = 0; j < 4; j++) sum += w.w[j] * (v16i)x.x[j];
    return sum;
}
#endif

// The same with x in two bytes, 128 · high + low; the result is 128 · sum[0] + sum[1].
INLINE int32_t four_bytes(const int8_t *p)
{
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return four;
}
#if defined(__SSE2__) && !HAS_VNNI
// 16 bits cost no more than 8 here.
typedef bytes4 fine4;
INLINE fine4 spread_fine(const int8_t *high, const int8_t *low)
{
    bytes4 h = spread(four_bytes(high)), l = spread(four_bytes(low));
    return (fine4){ PART(add_epi16)(PART(slli_epi16)(h.even, 7), l.even),
        PART(add_epi16)(PART(slli_epi16)(h.odd, 7), l.odd) };
}
INLINE void dot4_fine(v16i sum[2], bytes16x4 w, fine4 x) { sum[1] = dot4(sum[1], w, x); }
#else
typedef struct { bytes4 high, low; } fine4;
INLINE fine4 spread_fine(const int8_t *high, const int8_t *low)
{
    return (fine4){ spread(four_bytes(high)), spread(four_bytes(low)) };
}
INLINE void dot4_fine(v16i sum[2], bytes16x4 w, fine4 x)
{
    sum[0] = dot4(sum[0], w, x.high);
    sum[1] = dot4(sum[1], w, x.low);
}
#endif
