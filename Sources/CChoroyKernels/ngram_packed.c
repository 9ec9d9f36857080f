#include "ngram/table.h"

// The same as `choroy_ngram_score` for n-grams in fields of bits: every stage asks for the memory of the next one.

enum { sampled = 8 };

static inline uint64_t field(const uint8_t *bytes, uint64_t place, uint32_t bits) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + (place >> 3), 8);
    return word >> (place & 7) & (((uint64_t)1 << bits) - 1);
}

static inline uint32_t token_at(const ChoroyPackedLevel *level, uint32_t place) {
    return (uint32_t)field(level->records, (uint64_t)place * level->record_bits, level->token_bits);
}

static inline float number(const ChoroyPackedLevel *level, uint64_t place, uint32_t bits, size_t first_code) {
    uint32_t value = (uint32_t)field(level->records, place, bits);
    if (level->codes) return level->codes[first_code + (value & 255)];
    float number;
    __builtin_memcpy(&number, &value, 4);
    return number;
}

// The place of the first 1 from `place` on after `skipped` others; the end when there is none.
static inline uint64_t one_from(const ChoroyPackedLevel *level, uint64_t place, uint32_t skipped) {
    uint64_t index = place >> 6;
    if (index >= level->word_count) return level->word_count << 6;
    uint64_t word = level->words[index] & (UINT64_MAX << (place & 63));
    for (;;) {
        uint32_t ones = (uint32_t)__builtin_popcountll(word);
        if (ones > skipped) break;
        skipped -= ones;
        if (++index == level->word_count) return level->word_count << 6;
        word = level->words[index];
    }
    for (; skipped > 0; skipped--) word &= word - 1;
    return (index << 6) + (uint64_t)__builtin_ctzll(word);
}

static inline uint32_t limited(uint64_t value, uint32_t limit) { return value < limit ? (uint32_t)value : limit; }

// The place of the child with `token`; UINT32_MAX for none.
static inline uint32_t find(const ChoroyPackedLevel *level, const ChoroyPackedLevel *above, uint32_t token, uint32_t begin,
    uint32_t end, size_t slot) {
    if (level->slots && end - begin > CHOROY_PACKED_FEW)
        return find_in_table(level->slots, level->slot_count, slot, token, begin, end);
    // Halves without a branch that depends on the tokens.
    uint32_t first = begin;
    for (uint32_t count = end - begin; count > 1;) {
        uint32_t half = count >> 1;
        first += token_at(above, first + half - 1) < token ? half : 0;
        count -= half;
    }
    return token_at(above, first) == token ? first : UINT32_MAX;
}

void choroy_ngram_score_packed(const ChoroyPackedLevel *levels, const uint32_t *unigrams, size_t order, uint32_t start_token,
    uint32_t end_token, uint32_t *contexts, const int32_t *tokens, size_t length, float *scores) {
    const uint32_t none = UINT32_MAX;
    const size_t longest = order - 1;
    uint32_t begins[longest_order][lanes], ends[longest_order][lanes];
    size_t slots[longest_order][lanes];
    float backoffs[longest_order][lanes];
    // The n-gram that decides a token's probability: read when its record has come.
    size_t found_level[lanes];
    uint32_t found[lanes];
    for (size_t step = 0; step <= length; step++) {
        for (size_t lane = 0; step > 0 && lane < lanes; lane++) {
            const ChoroyPackedLevel *level = &levels[found_level[lane]];
            float score;
            if (found_level[lane] == 0)
                __builtin_memcpy(&score, unigrams + (size_t)found[lane] * 3, 4);
            else
                score = number(level, (uint64_t)found[lane] * level->record_bits + level->token_bits, level->number_bits, 0);
            // From the shortest context to the longest.
            for (size_t k = found_level[lane]; k < longest; k++) score += backoffs[k][lane];
            scores[lane * length + step - 1] = score;
        }
        if (step == length) return;
        // What the samples name.
        for (size_t k = 1; k < longest; k++) {
            for (size_t lane = 0; lane < lanes; lane++) {
                uint32_t place = contexts[k * lanes + lane];
                if (place == none) continue;
                uint64_t word = levels[k].samples[(place > 0 ? place - 1 : 0) / sampled] >> 6;
                choroy_prefetch(levels[k].words + (word < levels[k].word_count ? word : 0));
            }
        }
        for (size_t k = 0; k < longest; k++) {
            const ChoroyPackedLevel *level = &levels[k], *above = &levels[k + 1];
            for (size_t lane = 0; lane < lanes; lane++) {
                uint32_t place = contexts[k * lanes + lane], begin = 0, end = 0;
                float backoff = 0;
                if (place != none && k == 0) {
                    const uint32_t *row = unigrams + (size_t)place * 3;
                    begin = limited(row[2], above->count);
                    end = limited(row[5], above->count);
                    __builtin_memcpy(&backoff, row + 1, 4);
                } else if (place != none) {
                    uint64_t from = 0;
                    if (place > 0) from = one_from(level, level->samples[(place - 1) / sampled], (place - 1) % sampled) + 1;
                    uint64_t to = one_from(level, from, 0);
                    begin = limited(from > place ? from - place : 0, above->count);
                    end = limited(to > place ? to - place : 0, above->count);
                    backoff = number(level, (uint64_t)place * level->record_bits + level->token_bits + level->number_bits,
                        level->number_bits, 256);
                }
                if (end < begin) end = begin;
                if (level->slots && end - begin > CHOROY_PACKED_FEW) {
                    slots[k][lane] = first_slot(place, (uint32_t)tokens[lane * length + step], level->slot_count);
                    choroy_prefetch(level->slots + slots[k][lane]);
                } else if (end > begin) {
                    const uint8_t *records = above->records;
                    choroy_prefetch(records + ((uint64_t)begin * above->record_bits >> 3));
                    choroy_prefetch(records + ((uint64_t)(begin + (end - begin) / 2) * above->record_bits >> 3));
                    choroy_prefetch(records + ((uint64_t)end * above->record_bits >> 3));
                }
                begins[k][lane] = begin;
                ends[k][lane] = end;
                backoffs[k][lane] = backoff;
            }
        }
        for (size_t lane = 0; lane < lanes; lane++) {
            const uint32_t token = (uint32_t)tokens[lane * length + step];
            found_level[lane] = 0;
            found[lane] = token;
            choroy_prefetch(unigrams + (size_t)token * 3);
            for (size_t k = longest; k-- > 0;) {
                uint32_t child = none;
                if (begins[k][lane] < ends[k][lane]) {
                    child = find(&levels[k], &levels[k + 1], token, begins[k][lane], ends[k][lane], slots[k][lane]);
                    if (child != none) {
                        const ChoroyPackedLevel *above = &levels[k + 1];
                        choroy_prefetch(above->records + ((uint64_t)child * above->record_bits >> 3));
                        if (k + 1 < longest) choroy_prefetch(above->samples + (child > 0 ? child - 1 : 0) / sampled);
                        if (found_level[lane] == 0) {
                            found_level[lane] = k + 1;
                            found[lane] = child;
                        }
                    }
                }
                if (k + 1 < longest) contexts[(k + 1) * lanes + lane] = child;
            }
            end_step(contexts, longest, lane, token, start_token, end_token);
        }
    }
}
