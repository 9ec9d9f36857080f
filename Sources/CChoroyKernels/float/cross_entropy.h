// Softmax and its cross-entropy with a target, in one walk over a row of logits.

static void NAMED(cross_entropy)(float *logits, const int32_t *targets, double *losses, size_t rows,
    size_t columns, float factor)
{
    size_t whole = columns / 16 * 16, rest = columns - whole;
    for (size_t r = 0; r < rows; r++, logits += columns) {
        losses[r] = 0;
        if (targets[r] < 0) {
            if (factor != 0)
                for (size_t i = 0; i < columns; i++) logits[i] = 0;
            continue;
        }
        v16 top = splat(-__builtin_inff());
        for (size_t i = 0; i < whole; i += 16) top = max16(top, load(logits + i));
        float maximum = max_lanes(top);
        for (size_t i = whole; i < columns; i++) maximum = logits[i] > maximum ? logits[i] : maximum;
        float target = logits[targets[r]];
        v16 sum = splat(0);
        for (size_t i = 0; i < whole; i += 16) {
            v16 e = exp16(load(logits + i) - splat(maximum));
            if (factor != 0) store(logits + i, e);
            sum = sum + e;
        }
        float total = sum_lanes(sum);
        if (rest) {
            v16 e = exp16(load_part(logits + whole, rest) - splat(maximum));
            float last[16];
            store(last, e);
            for (size_t i = 0; i < rest; i++) {
                total += last[i];
                if (factor != 0) logits[whole + i] = last[i];
            }
        }
        losses[r] = __builtin_log((double)total) + (double)maximum - (double)target;
        if (factor == 0) continue;
        float share = factor / total;
        for (size_t i = 0; i < whole; i += 16) store(logits + i, load(logits + i) * splat(share));
        for (size_t i = whole; i < columns; i++) logits[i] *= share;
        logits[targets[r]] -= factor;
    }
}
