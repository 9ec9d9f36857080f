// Vectors of 16 floats in the compiler's own notation: one register, two or four, as the CPU has them.
// Included in each table, inside that table's target attribute.
#pragma once

// Vectors pass between inlined functions only, so the calling convention for them does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v16 __attribute__((ext_vector_type(16), aligned(4)));
typedef float v8 __attribute__((ext_vector_type(8), aligned(4)));
typedef float v4 __attribute__((ext_vector_type(4), aligned(4)));
typedef int32_t v16i __attribute__((ext_vector_type(16), aligned(4)));
typedef int8_t v16i8 __attribute__((ext_vector_type(16), aligned(1)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

INLINE v16 load(const float *p) { return *(const v16 *)p; }
INLINE void store(float *p, v16 v) { *(v16 *)p = v; }
INLINE v16 splat(float x) { return (v16)x; }

// a · b + c: fused where the CPU can, so that every kernel of a table rounds alike.
#if HAS_FMA
INLINE v16 fma16(v16 a, v16 b, v16 c) { return __builtin_elementwise_fma(a, b, c); }
INLINE float fma1(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
INLINE v16 fma16(v16 a, v16 b, v16 c) { return a * b + c; }
INLINE float fma1(float a, float b, float c) { return a * b + c; }
#endif

INLINE v16 max16(v16 a, v16 b) { return __builtin_elementwise_max(a, b); }

// Sum and maximum of the lanes, by halves.
INLINE float sum_lanes(v16 v)
{
    v8 a = v.lo + v.hi;
    v4 b = a.lo + a.hi;
    return (b.x + b.z) + (b.y + b.w);
}

INLINE float max_lanes(v16 v)
{
    v8 a = __builtin_elementwise_max(v.lo, v.hi);
    v4 b = __builtin_elementwise_max(a.lo, a.hi);
    return __builtin_reduce_max(b);
}

// The first `count` lanes from p, zeros behind.
INLINE v16 load_part(const float *p, size_t count) {
    float a[16] = {0};
    for (size_t i = 0; i < count; i++) a[i] = p[i];
    return load(a);
}

INLINE void store_part(float *p, v16 v, size_t count) {
    float a[16];
    store(a, v);
    for (size_t i = 0; i < count; i++) p[i] = a[i];
}

// eˣ: x = n ln 2 + r, a polynomial of degree 6 in r (error below 3 units in the last place), times 2ⁿ.
// Below −87.3 the result is 0, above 88.37 it is infinite; NaN stays NaN.
INLINE v16 exp16(v16 x) {
    v16 t = fma16(x, splat(1.44269504f), splat(12582912.0f));
    v16 n = t - splat(12582912.0f);
    v16 r = fma16(n, splat(-0.693145752f), x);
    r = fma16(n, splat(-1.42860677e-6f), r);
    v16 p = splat(1.0f / 720);
    p = fma16(p, r, splat(1.0f / 120));
    p = fma16(p, r, splat(1.0f / 24));
    p = fma16(p, r, splat(1.0f / 6));
    p = fma16(p, r, splat(0.5f));
    p = fma16(p, r, splat(1.0f));
    p = fma16(p, r, splat(1.0f));
    v16i exponent = ((v16i)t << 23) + 0x3f800000;
    v16 y = p * (v16)exponent;
    v16i low = x < splat(-87.3f), high = x > splat(88.37f), nan = x != x;
    v16i bits = (v16i)y;
    bits = (bits & ~low & ~high & ~nan) | (high & 0x7f800000) | (nan & 0x7fc00000);
    return (v16)bits;
}
