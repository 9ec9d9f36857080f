// What both layouts of n-grams share: the tables of tokens and places, and how the contexts of a lane go on.
#pragma once
#include "choroy_kernels.h"

enum { lanes = CHOROY_NGRAM_LANES, longest_order = 64 };

// Where the search for the continuation of the n-gram at `place` begins in a table of `size` slots.
static inline size_t first_slot(uint32_t place, uint32_t token, size_t size) {
    uint64_t key = ((uint64_t)place << 32 | token) * 0x9E3779B97F4A7C15u;
    uint64_t hash = (key ^ key >> 32) * 0xD6E8FEB86659FD93u;
    return (hash >> 32) * size >> 32;
}

// The place of the child with `token`; UINT32_MAX for none.
static inline uint32_t find_in_table(const uint64_t *slots, size_t size, size_t slot, uint32_t token, uint32_t begin,
    uint32_t end) {
    // In a sound table a free slot ends the search; in a damaged one its size does.
    for (size_t turn = 0; turn < size; turn++) {
        uint64_t value = slots[slot];
        if (value == 0) return UINT32_MAX;
        uint32_t place = (uint32_t)value - 1;
        if (value >> 32 == token && place >= begin && place < end) return place;
        slot = slot + 1 == size ? 0 : slot + 1;
    }
    return UINT32_MAX;
}

// After a token the shortest context is that token; after an end a new sequence begins.
static inline void end_step(uint32_t *contexts, size_t longest, size_t lane, uint32_t token, uint32_t start_token,
    uint32_t end_token) {
    if (longest == 0) return;
    contexts[lane] = token;
    if (token != end_token) return;
    contexts[lane] = start_token;
    for (size_t k = 1; k < longest; k++) contexts[k * lanes + lane] = UINT32_MAX;
}
