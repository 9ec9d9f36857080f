#include "ngram/table.h"

// Look-ups of n-grams at several places of a text at once: memory is asked for one stage before it is used.

// The children of a context, and where the search for one of them begins.
typedef struct {
    uint32_t begin[lanes], end[lanes];
    size_t slot[lanes];
    float backoff[lanes];
} Contexts;

// The place of the child with `token`; UINT32_MAX for none.
static inline uint32_t find(const ChoroyNGramLevel *level, const ChoroyNGramLevel *above, uint32_t token, uint32_t begin,
    uint32_t end, size_t slot) {
    if (end - begin <= CHOROY_NGRAM_FEW) {
        const uint32_t *row = above->rows + (size_t)begin * above->width;
        for (uint32_t place = begin; place < end; place++, row += above->width)
            if (*row == token) return place;
        return UINT32_MAX;
    }
    return find_in_table(level->slots, level->slot_count, slot, token, begin, end);
}

void choroy_ngram_score(const ChoroyNGramLevel *levels, size_t order, uint32_t start_token, uint32_t end_token,
    uint32_t *contexts, const int32_t *tokens, size_t length, float *scores) {
    const uint32_t none = UINT32_MAX;
    const size_t longest = order - 1;
    Contexts open[longest_order];
    // The n-gram that decides a token's probability: read when its row has come.
    size_t found_level[lanes];
    const uint32_t *found[lanes];
    for (size_t step = 0; step <= length; step++) {
        if (step > 0) {
            for (size_t lane = 0; lane < lanes; lane++) {
                float score;
                __builtin_memcpy(&score, found[lane] + 1, 4);
                // From the shortest context to the longest.
                for (size_t k = found_level[lane]; k < longest; k++) score += open[k].backoff[lane];
                scores[lane * length + step - 1] = score;
            }
        }
        if (step == length) return;
        for (size_t k = 0; k < longest; k++) {
            const ChoroyNGramLevel level = levels[k], above = levels[k + 1];
            Contexts *own = &open[k];
            for (size_t lane = 0; lane < lanes; lane++) {
                uint32_t place = contexts[k * lanes + lane], begin = 0, end = 0;
                float backoff = 0;
                if (place != none) {
                    const uint32_t *row = level.rows + (size_t)place * 4;
                    begin = row[3] < above.count ? row[3] : above.count;
                    end = row[7] < above.count ? row[7] : above.count;
                    if (end < begin) end = begin;
                    __builtin_memcpy(&backoff, row + 2, 4);
                    if (end - begin > CHOROY_NGRAM_FEW) {
                        own->slot[lane] = first_slot(place, (uint32_t)tokens[lane * length + step], level.slot_count);
                        choroy_prefetch(level.slots + own->slot[lane]);
                    } else if (end > begin) {
                        choroy_prefetch(above.rows + (size_t)begin * above.width);
                        choroy_prefetch(above.rows + (size_t)end * above.width);
                    }
                }
                own->begin[lane] = begin;
                own->end[lane] = end;
                own->backoff[lane] = backoff;
            }
        }
        for (size_t lane = 0; lane < lanes; lane++) {
            const uint32_t token = (uint32_t)tokens[lane * length + step];
            found_level[lane] = 0;
            found[lane] = levels[0].rows + (size_t)token * levels[0].width;
            choroy_prefetch(found[lane]);
            for (size_t k = longest; k-- > 0;) {
                const ChoroyNGramLevel *above = &levels[k + 1];
                uint32_t child = none;
                if (open[k].begin[lane] < open[k].end[lane]) {
                    child = find(&levels[k], above, token, open[k].begin[lane], open[k].end[lane], open[k].slot[lane]);
                    if (child != none) {
                        const uint32_t *row = above->rows + (size_t)child * above->width;
                        choroy_prefetch(row);
                        choroy_prefetch(row + 7);
                        if (found_level[lane] == 0) {
                            found_level[lane] = k + 1;
                            found[lane] = row;
                        }
                    }
                }
                if (k + 1 < longest) contexts[(k + 1) * lanes + lane] = child;
            }
            end_step(contexts, longest, lane, token, start_token, end_token);
        }
    }
}
