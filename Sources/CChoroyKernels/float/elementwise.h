// Element by element: the gated activation (Shazeer 2020, "GLU variants improve Transformer"), sums and
// rotary position embeddings (Su et al. 2021, eq. 34, in the half-split layout of Hugging Face).

INLINE v16 sigmoid16(v16 x) { return splat(1) / (splat(1) + exp16(-x)); }

static void NAMED(swiglu)(const float *gate, const float *up, float *y, size_t count)
{
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        v16 g = load(gate + i);
        store(y + i, g * sigmoid16(g) * load(up + i));
    }
    if (i < count) {
        v16 g = load_part(gate + i, count - i);
        store_part(y + i, g * sigmoid16(g) * load_part(up + i, count - i), count - i);
    }
}

static void NAMED(swiglu_gradient)(const float *gate, const float *up, const float *dy, float *dgate,
    float *dup, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        size_t n = count - i < 16 ? count - i : 16;
        v16 g = n == 16 ? load(gate + i) : load_part(gate + i, n);
        v16 u = n == 16 ? load(up + i) : load_part(up + i, n);
        v16 d = n == 16 ? load(dy + i) : load_part(dy + i, n);
        v16 s = sigmoid16(g), silu = g * s;
        v16 dg = d * u * (s + silu * (splat(1) - s)), du = d * silu;
        if (n == 16) {
            store(dgate + i, dg);
            store(dup + i, du);
        } else {
            store_part(dgate + i, dg, n);
            store_part(dup + i, du, n);
        }
    }
}

static void NAMED(add)(const float *a, const float *b, float *y, size_t count)
{
    size_t i = 0;
    for (; i + 16 <= count; i += 16) store(y + i, load(a + i) + load(b + i));
    for (; i < count; i++) y[i] = a[i] + b[i];
}

static void NAMED(rotary)(const float *x, const float *cosine, const float *sine, float *y, size_t heads,
    size_t head_dim, float direction)
{
    size_t half = head_dim / 2;
    for (size_t h = 0; h < heads; h++, x += head_dim, y += head_dim) {
        size_t i = 0;
        for (; i + 16 <= half; i += 16) {
            v16 c = load(cosine + i), s = load(sine + i) * splat(direction);
            v16 a = load(x + i), b = load(x + half + i);
            store(y + i, a * c - b * s);
            store(y + half + i, b * c + a * s);
        }
        for (; i < half; i++) {
            float c = cosine[i], s = sine[i] * direction, a = x[i], b = x[half + i];
            y[i] = a * c - b * s;
            y[half + i] = b * c + a * s;
        }
    }
}
