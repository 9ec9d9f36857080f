// AdamW, Loshchilov & Hutter 2019, algorithm 2, in the form PyTorch runs it; and the norm it is clipped by.

static void NAMED(adamw)(float *w, const float *g, float *m, float *v, size_t count, float gradient_scale,
    float rate, float beta1, float beta2, float epsilon, float decay, float correction1, float correction2)
{
    v16 keep = splat(1 - rate * decay), step = splat(rate * correction1);
    for (size_t i = 0; i < count; i += 16) {
        size_t n = count - i < 16 ? count - i : 16;
        int part = n < 16;
        v16 d = (part ? load_part(g + i, n) : load(g + i)) * splat(gradient_scale);
        v16 a = part ? load_part(m + i, n) : load(m + i);
        v16 b = part ? load_part(v + i, n) : load(v + i);
        v16 x = part ? load_part(w + i, n) : load(w + i);
        a = fma16(splat(beta1), a, splat(1 - beta1) * d);
        b = fma16(splat(beta2), b, splat(1 - beta2) * d * d);
        v16 root = __builtin_elementwise_sqrt(b * splat(correction2)) + splat(epsilon);
        x = x * keep - step * a / root;
        if (part) {
            store_part(m + i, a, n);
            store_part(v + i, b, n);
            store_part(w + i, x, n);
        } else {
            store(m + i, a);
            store(v + i, b);
            store(w + i, x);
        }
    }
}

static double NAMED(sum_of_squares)(const float *x, size_t count)
{
    double lanes[16] = {0};
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int j = 0; j < 16; j++) lanes[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < count; i++) lanes[0] += (double)x[i] * (double)x[i];
    double sum = 0;
    for (int j = 0; j < 16; j++) sum += lanes[j];
    return sum;
}
