// The C floor of Choroy: loops over floats and bytes, compiled once for each CPU type and called through a table.
//
// Kernels know no shapes, names or tokens. Sizes are checked by the caller. Every sum has one order that
// depends on its length only, so that a row's result is the same in any company.
#ifndef CHOROY_KERNELS_H
#define CHOROY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// A tile of 64 keys is stored as [head_dim][64], a tile of 64 values as [64][value_stride].
#define CHOROY_KEY_TILE 64

// Products of packed matrices. They consist of words of 32 bits: a Float, or two bfloat16 that are neighbours
// in the depth of the product, the first one low; behind an odd depth comes a zero.
typedef struct ChoroyPanelKernels {
    // Numbers in a word: 1 or 2.
    size_t numbers;
    // Columns of a panel of the right factor, a multiple of 16, and the depth after which it is divided.
    size_t columns, depth;
    // to[r] = the words of x[r]; null where they are x's own.
    void (*_Nullable rows)(const float *_Nonnull x, size_t stride, void *_Nonnull to, size_t to_stride,
        size_t rows, size_t depth);
    // to[k / numbers][j] = (x[k][j], …) for j < columns, zeros up to width, a multiple of 16.
    void (*_Nonnull row_groups)(const float *_Nonnull x, size_t stride, void *_Nonnull to, size_t width,
        size_t depth, size_t columns);
    // to[k / numbers][j] = (w[j][k], …) for j < rows, zeros up to width, a multiple of 16.
    void (*_Nonnull transposed)(const float *_Nonnull w, size_t stride, void *_Nonnull to, size_t width,
        size_t depth, size_t rows);
    // c[rows][width] = a[rows][words] · b[words][width], each sum one chain in ascending depth; width is a
    // multiple of 16, at most `columns`; accumulate adds the sums to c.
    void (*_Nonnull multiply)(const void *_Nonnull a, size_t a_row, size_t a_column, const void *_Nonnull b,
        size_t width, float *_Nonnull c, size_t ldc, size_t rows, size_t words, int accumulate);
} ChoroyPanelKernels;

// What 64 bytes of text are, a bit for each byte, the first the lowest. Only ASCII has classes; `wide` are the
// bytes above it.
typedef struct ChoroyByteClasses {
    uint64_t letters, capitals, numbers, spaces, lines, blanks, apostrophes, slashes, wide;
} ChoroyByteClasses;

// How text is cut into pieces, as `PreTokenizer.Pattern` names it; CHOROY_LLAMA serves cl100k too.
typedef enum ChoroyPattern {
    CHOROY_GPT2,
    CHOROY_SMOLLM,
    CHOROY_LLAMA,
    CHOROY_QWEN2,
    CHOROY_O200K,
} ChoroyPattern;

// A piece of text of at most 15 bytes as two words, little endian, its length in four bits of the second; of a longer
// one a hash, with 0 for the length. In a slot, two bits above that hold the number of its ids less one, or the one
// above those says that they are elsewhere. Two slots side by side may hold a piece.
#define CHOROY_PIECE_LENGTH 56
#define CHOROY_PIECE_COUNT 60
#define CHOROY_PIECE_ELSEWHERE 62
#define CHOROY_LONGEST_PIECE 256
// The second word of a piece that is longer than that, and in no slot.
#define CHOROY_NO_PIECE 1

// In a slot whose ids are elsewhere, the first two numbers are the address of: how many ids there are; bytes of the
// piece, 0 when they are in the key; the ids; the bytes; 16 bytes that may be read.
typedef struct ChoroyPieceSlot {
    uint64_t low, high;
    int32_t ids[4];
} ChoroyPieceSlot;

typedef struct ChoroyPieceTable {
    ChoroyPieceSlot *_Nonnull slots;
    // What the hash is made with, and how far it is shifted to be an index.
    uint64_t keys[2];
    unsigned shift;
} ChoroyPieceTable;

typedef struct ChoroyPieceKey {
    uint64_t low, high;
    ChoroyPieceSlot *_Nullable slot;
} ChoroyPieceKey;

static inline ChoroyPieceSlot *_Nonnull choroy_other_slot(const ChoroyPieceSlot *_Nonnull slot) {
    return (ChoroyPieceSlot *)((uintptr_t)slot ^ sizeof(ChoroyPieceSlot));
}

// Asks for the memory that is written a little later; any address will do.
static inline void choroy_prefetch_write(const void *_Nullable place) {
    __builtin_prefetch(place, 1, 3);
}

// The lowest of 16 × `groups` numbers, at least one group.
static inline int32_t choroy_lowest(const int32_t *_Nonnull numbers, size_t groups) {
    typedef int32_t Lanes __attribute__((vector_size(16), aligned(4)));
    const Lanes *lanes = (const Lanes *)numbers;
    Lanes a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
#define CHOROY_LOWER(x, y) ((((x) < (y)) & (x)) | (~((x) < (y)) & (y)))
    for (size_t group = 1; group < groups; group++) {
        lanes += 4;
        a = CHOROY_LOWER(a, lanes[0]);
        b = CHOROY_LOWER(b, lanes[1]);
        c = CHOROY_LOWER(c, lanes[2]);
        d = CHOROY_LOWER(d, lanes[3]);
    }
    a = CHOROY_LOWER(a, b);
    c = CHOROY_LOWER(c, d);
    a = CHOROY_LOWER(a, c);
#undef CHOROY_LOWER
    int32_t lowest = a[0] < a[1] ? a[0] : a[1], other = a[2] < a[3] ? a[2] : a[3];
    return lowest < other ? lowest : other;
}

// Activations in bytes have one scale for so many columns of a row.
#define CHOROY_INT8_GROUP 32

typedef struct ChoroyKernels {
    const char *_Nonnull name;
    const ChoroyPanelKernels *_Nonnull floats;
    // Null where the CPU has no products of bfloat16.
    const ChoroyPanelKernels *_Nullable brain;

    // c[rows][columns] = a[rows][depth] · b[depth][columns], sums over depth in ascending order.
    // columns is a multiple of 16; b's rows are ldb floats apart; accumulate adds to c.
    void (*_Nonnull multiply)(const float *_Nonnull a, size_t a_row, size_t a_column,
        const float *_Nonnull b, size_t ldb, float *_Nonnull c, size_t ldc, size_t rows, size_t columns,
        size_t depth, int accumulate);

    // to[c][r] = x[r][c] for r < rows and c < columns.
    void (*_Nonnull transpose)(const float *_Nonnull x, size_t ldx, float *_Nonnull to, size_t ldto, size_t rows,
        size_t columns);

    // y[r] = x[r] / sqrt(mean(x[r]²) + epsilon) · weight; scale[r] keeps the factor when not null.
    void (*_Nonnull rms_norm)(const float *_Nonnull x, const float *_Nonnull weight, float *_Nonnull y,
        float *_Nullable scale, size_t rows, size_t width, float epsilon);
    // dx[r] from dy[r]; weight_gradient[width] += sum over the rows.
    void (*_Nonnull rms_norm_gradient)(const float *_Nonnull x, const float *_Nonnull weight,
        const float *_Nonnull scale, const float *_Nonnull dy, float *_Nonnull dx,
        float *_Nonnull weight_gradient, size_t rows, size_t width);

    // y = gate · sigmoid(gate) · up
    void (*_Nonnull swiglu)(const float *_Nonnull gate, const float *_Nonnull up, float *_Nonnull y, size_t count);
    void (*_Nonnull swiglu_gradient)(const float *_Nonnull gate, const float *_Nonnull up,
        const float *_Nonnull dy, float *_Nonnull dgate, float *_Nonnull dup, size_t count);

    void (*_Nonnull add)(const float *_Nonnull a, const float *_Nonnull b, float *_Nonnull y, size_t count);

    // Rotates the pairs (i, i + half) of each head by the angle whose cosine and sine are given.
    // direction is 1 forward, -1 for the gradient.
    void (*_Nonnull rotary)(const float *_Nonnull x, const float *_Nonnull cosine, const float *_Nonnull sine,
        float *_Nonnull y, size_t heads, size_t head_dim, float direction);

    // Causal attention of one head for `rows` queries at positions past, past + 1, … Values of a tile that
    // no query sees yet are multiplied by 0, so they must be finite.
    void (*_Nonnull attention)(const float *_Nonnull q, size_t q_stride, size_t rows, size_t past,
        size_t head_dim, const float *_Nonnull const *_Nonnull key_tiles,
        const float *_Nonnull const *_Nonnull value_tiles, size_t value_stride, float scale,
        float *_Nonnull out, size_t out_stride, float *_Nullable log_sum_exp);
    // Gradients of one head: dq is written, dk and dv are added to. Rows of q, out, dout and dq are ldq
    // floats apart, those of k, v, dk and dv ldk; stride is head_dim rounded up to a multiple of 16, and
    // behind head_dim are zeros. scratch holds choroy_attention_scratch(…) floats.
    void (*_Nonnull attention_gradient)(const float *_Nonnull q, const float *_Nonnull k,
        const float *_Nonnull v, const float *_Nonnull out, const float *_Nonnull dout,
        const float *_Nonnull log_sum_exp, float *_Nonnull dq, float *_Nonnull dk, float *_Nonnull dv,
        float *_Nonnull scratch, size_t length, size_t head_dim, size_t stride, size_t ldq, size_t ldk,
        float scale);

    // The same over whole sequences with factors of bfloat16, for `heads` heads side by side that share their
    // keys and values; head_dim is a multiple of 16. scratch holds choroy_brain_attention_scratch(…) words.
    // Null where the CPU has no products of bfloat16.
    void (*_Nullable brain_attention)(const float *_Nonnull q, size_t ldq, const float *_Nonnull k,
        const float *_Nonnull v, size_t ldk, size_t heads, size_t length, size_t head_dim, float scale,
        float *_Nonnull out, float *_Nonnull log_sum_exp, size_t ld_log_sum_exp, uint32_t *_Nonnull scratch);
    void (*_Nullable brain_attention_gradient)(const float *_Nonnull q, const float *_Nonnull k,
        const float *_Nonnull v, const float *_Nonnull out, const float *_Nonnull dout,
        const float *_Nonnull log_sum_exp, size_t ld_log_sum_exp, float *_Nonnull dq, float *_Nonnull dk,
        float *_Nonnull dv, size_t heads, size_t length, size_t head_dim, size_t ldq, size_t ldk, float scale,
        uint32_t *_Nonnull scratch);

    // Turns logits[r] into (softmax − one-hot(target)) · factor and writes −log p(target) to losses[r]; a
    // negative target leaves zeros in both. With factor 0 the logits stay as they are.
    void (*_Nonnull cross_entropy)(float *_Nonnull logits, const int32_t *_Nonnull targets,
        double *_Nonnull losses, size_t rows, size_t columns, float factor);

    // AdamW on one array; the two corrections are 1 / (1 − betaᵗ).
    void (*_Nonnull adamw)(float *_Nonnull w, const float *_Nonnull g, float *_Nonnull m, float *_Nonnull v,
        size_t count, float gradient_scale, float rate, float beta1, float beta2, float epsilon, float decay,
        float correction1, float correction2);

    // y = x · scale, or 0 where the 16 random bits of an element are below threshold. Elements are counted
    // from `first`, a multiple of 4, so that any cut of an array drops the same.
    void (*_Nonnull dropout)(const float *_Nonnull x, float *_Nonnull y, size_t first, size_t count,
        uint64_t key, uint32_t threshold, float scale);

    double (*_Nonnull sum_of_squares)(const float *_Nonnull x, size_t count);

    // One row of activations in bytes: q holds whole groups, zeros behind count; for each group its scale
    // (NaN when a value is not finite) and its start, −128 · Σ q, which corrects for the weights' offset.
    void (*_Nonnull int8_quantize)(const float *_Nonnull x, size_t count, int8_t *_Nonnull q,
        float *_Nonnull scales, int32_t *_Nonnull starts);
    // y[r][o] = scales[o] · Σ_g x_scales[r][g] · Σ_{k in g} (weights[o][k] − 128) · x[r][k]. weights is
    // [groups · CHOROY_INT8_GROUP / 4][columns][4]; columns is a multiple of 16.
    void (*_Nonnull int8_multiply)(const uint8_t *_Nonnull weights, const float *_Nonnull scales,
        size_t columns, const int8_t *_Nonnull x, const float *_Nonnull x_scales,
        const int32_t *_Nonnull x_starts, float *_Nonnull y, size_t ldy, size_t rows, size_t groups);
    // y[r][k] = scales[r] · (weights[r][k] − 128): the first rows of a panel [depth / 4][columns][4].
    void (*_Nonnull int8_widen)(const uint8_t *_Nonnull weights, size_t columns,
        const float *_Nonnull scales, float *_Nonnull y, size_t rows, size_t depth);

    // `rows` keys and values, ldx floats apart, rounded to bytes into a tile from `column` on. A tile is 128 bytes
    // for each of head_dim rounded up to 16, and 128 floats.
    void (*_Nonnull int8_store)(const float *_Nonnull keys, const float *_Nonnull values, size_t ldx, size_t rows,
        size_t head_dim, uint8_t *_Nonnull tile, size_t column);
    // `attention` over such tiles, with queries and weights rounded to 15 bits; head_dim is at most 512.
    void (*_Nonnull int8_attention)(const float *_Nonnull q, size_t q_stride, size_t rows, size_t past,
        size_t head_dim, const uint8_t *_Nonnull const *_Nonnull tiles, float scale, float *_Nonnull out,
        size_t out_stride);

    // The classes of 64 bytes.
    void (*_Nonnull byte_classes)(const uint8_t *_Nonnull text, ChoroyByteClasses *_Nonnull classes);
    // Where the pieces from `start` on end, as far as the text is ASCII and 64 bytes of it are left: gives their number
    // and the new start. Up to 8 places behind the ends are written; `room` is the number of places less 8.
    size_t (*_Nonnull piece_ends)(ChoroyPattern pattern, const uint8_t *_Nonnull text, size_t size,
        size_t *_Nonnull start, intptr_t *_Nonnull ends, size_t room);
    // The slot that a key names.
    ChoroyPieceSlot *_Nonnull (*_Nonnull piece_slot)(const ChoroyPieceTable *_Nonnull table, uint64_t low,
        uint64_t high);
    // Keys of the pieces from `start` on, which end at `ends`; asks for their slots, which will be read soon.
    void (*_Nonnull piece_keys)(const uint8_t *_Nonnull text, size_t size, size_t start,
        const intptr_t *_Nonnull ends, size_t count, const ChoroyPieceTable *_Nonnull table,
        ChoroyPieceKey *_Nonnull keys);
    // Appends the ids of pieces at `ids` until one is in no slot, and gives the number of pieces. Up to three ids that
    // do not count are written behind the last.
    size_t (*_Nonnull piece_ids)(const uint8_t *_Nonnull text, size_t start, const intptr_t *_Nonnull ends,
        const ChoroyPieceKey *_Nonnull keys, size_t count, int32_t *_Nonnull *_Nonnull ids);
} ChoroyKernels;

const ChoroyKernels *_Nonnull choroy_kernels_portable(void);
// Null when this CPU, or the CPU this was compiled for, has no such instructions.
const ChoroyKernels *_Nullable choroy_kernels_avx2(void);
const ChoroyKernels *_Nullable choroy_kernels_avx512(void);
const ChoroyKernels *_Nullable choroy_kernels_avx512bf16(void);

static inline size_t choroy_attention_scratch(size_t length, size_t stride) {
    size_t padded = (length + 63) / 64 * 64;
    return 2 * stride * 64 + 2 * padded * 64 + padded;
}

static inline size_t choroy_brain_attention_scratch(size_t length, size_t head_dim) {
    size_t padded = (length + 63) / 64 * 64, even = (length + 1) / 2 * 2;
    return padded / 2 * 3 * head_dim + (length + even) * head_dim + even * 64 + length;
}

/* Asks for the cache line at `place`, which will be read soon. Any address will do. */
static inline void choroy_prefetch(const void *_Nullable place) { __builtin_prefetch(place); }

enum {
    // Places of a text that are read at once.
    CHOROY_NGRAM_LANES = 8,
    // Children that are looked through one after the other; more are in a table.
    CHOROY_NGRAM_FEW = 8,
    // The same for n-grams in fields of bits, where there is a table.
    CHOROY_PACKED_FEW = 32
};

// The n-grams of one order: rows of `width` numbers, and the table for the many children that some have.
typedef struct {
    const uint32_t *_Nonnull rows;
    const uint64_t *_Nullable slots;
    size_t slot_count;
    uint32_t count, width;
} ChoroyNGramLevel;

// Reads `length` tokens in each lane, one lane's behind the other's, and writes as many base-10 logarithms. `contexts` has the
// place of the n-gram of k + 1 tokens that a lane ends with at [k][lane], UINT32_MAX for none; it is carried on.
void choroy_ngram_score(const ChoroyNGramLevel *_Nonnull levels, size_t order, uint32_t start_token, uint32_t end_token,
    uint32_t *_Nonnull contexts, const int32_t *_Nonnull tokens, size_t length, float *_Nonnull scores);

// The n-grams of one order in fields of bits; the lowest order has only a table and a count. `words` has a 0 for each child
// and a 1 after those of each n-gram, `samples` the place of every 8th 1; `codes` is null when numbers are whole.
typedef struct {
    const uint8_t *_Nullable records;
    const float *_Nullable codes;
    const uint64_t *_Nullable words;
    const uint32_t *_Nullable samples;
    const uint64_t *_Nullable slots;
    size_t word_count, slot_count;
    uint32_t count, token_bits, number_bits, record_bits;
} ChoroyPackedLevel;

// As `choroy_ngram_score`; `unigrams` has three numbers each: the two logarithms and the first child.
void choroy_ngram_score_packed(const ChoroyPackedLevel *_Nonnull levels, const uint32_t *_Nonnull unigrams, size_t order,
    uint32_t start_token, uint32_t end_token, uint32_t *_Nonnull contexts, const int32_t *_Nonnull tokens, size_t length,
    float *_Nonnull scores);

#endif
