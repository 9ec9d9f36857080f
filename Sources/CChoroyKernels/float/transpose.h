// Columns of a matrix as rows.
#pragma once

// Lane i of row r goes to lane r of row i: four rounds of interleaving the first and the second half.
INLINE void transpose_16(v16 *row)
{
    v16 next[16];
    UNROLL for (int round = 0; round < 4; round++) {
        UNROLL for (int i = 0; i < 8; i++) {
            next[2 * i] = __builtin_shufflevector(row[i], row[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                22, 7, 23);
            next[2 * i + 1] = __builtin_shufflevector(row[i], row[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                13, 29, 14, 30, 15, 31);
        }
        UNROLL for (int i = 0; i < 16; i++) row[i] = next[i];
    }
}

// to[c][r] = x[r][c]
static void NAMED(transpose)(const float *x, size_t ldx, float *to, size_t ldto, size_t rows, size_t columns)
{
    size_t whole_rows = rows / 16 * 16, whole_columns = columns / 16 * 16;
    for (size_t r = 0; r < whole_rows; r += 16)
        for (size_t c = 0; c < whole_columns; c += 16) {
            v16 block[16];
            UNROLL for (int i = 0; i < 16; i++) block[i] = load(x + (r + i) * ldx + c);
            transpose_16(block);
            UNROLL for (int i = 0; i < 16; i++) store(to + (c + i) * ldto + r, block[i]);
        }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = r < whole_rows ? whole_columns : 0; c < columns; c++) to[c * ldto + r] = x[r * ldx + c];
}
