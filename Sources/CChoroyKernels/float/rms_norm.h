// Root-mean-square normalization, Zhang & Sennrich 2019, eq. 4, and its gradient.

static void NAMED(rms_norm)(const float *x, const float *weight, float *y, float *scale, size_t rows,
    size_t width, float epsilon)
{
    size_t whole = width / 16 * 16, rest = width - whole;
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        v16 sum = splat(0);
        for (size_t i = 0; i < whole; i += 16) sum = fma16(load(x + i), load(x + i), sum);
        if (rest) {
            v16 last = load_part(x + whole, rest);
            sum = fma16(last, last, sum);
        }
        float factor = 1.0f / __builtin_sqrtf(sum_lanes(sum) / (float)width + epsilon);
        if (scale) scale[r] = factor;
        for (size_t i = 0; i < whole; i += 16) store(y + i, load(x + i) * splat(factor) * load(weight + i));
        for (size_t i = whole; i < width; i++) y[i] = x[i] * factor * weight[i];
    }
}

// With s the factor and n the width: dx = s · (dy·w) − x · s³ / n · Σ dy·w·x;  dw += dy · x · s.
static void NAMED(rms_norm_gradient)(const float *x, const float *weight, const float *scale,
    const float *dy, float *dx, float *weight_gradient, size_t rows, size_t width)
{
    size_t whole = width / 16 * 16, rest = width - whole;
    for (size_t r = 0; r < rows; r++, x += width, dy += width, dx += width) {
        v16 sum = splat(0);
        for (size_t i = 0; i < whole; i += 16)
            sum = fma16(load(dy + i) * load(weight + i), load(x + i), sum);
        if (rest)
            sum = fma16(load_part(dy + whole, rest) * load_part(weight + whole, rest),
                load_part(x + whole, rest), sum);
        float s = scale[r];
        float t = s * s * s / (float)width * sum_lanes(sum);
        for (size_t i = 0; i < whole; i += 16) {
            v16 d = load(dy + i), v = load(x + i);
            store(dx + i, splat(s) * d * load(weight + i) - v * splat(t));
            store(weight_gradient + i, load(weight_gradient + i) + d * v * splat(s));
        }
        for (size_t i = whole; i < width; i++) {
            dx[i] = s * dy[i] * weight[i] - x[i] * t;
            weight_gradient[i] += dy[i] * x[i] * s;
        }
    }
}
