// Dropout from a counter: 64 random bits (SplitMix64, Steele et al. 2014) decide over four elements.

static void NAMED(dropout)(const float *x, float *y, size_t first, size_t count, uint64_t key,
    uint32_t threshold, float scale)
{
    for (size_t i = 0; i < count; i += 4) {
        uint64_t z = key + 0x9E3779B97F4A7C15u * (uint64_t)((first + i) / 4);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        size_t n = count - i < 4 ? count - i : 4;
        for (size_t j = 0; j < n; j++)
            y[i + j] = (uint32_t)(z >> (16 * j) & 0xFFFF) < threshold ? 0 : x[i + j] * scale;
    }
}
