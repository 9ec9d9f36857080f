// All kernels and the table that names them, for the CPU type that the including file has chosen.

#include "vectors.h"
#include "multiply.h"
#include "transpose.h"
#include "panels.h"
#include "rms_norm.h"
#include "elementwise.h"
#include "attention.h"
#include "cross_entropy.h"
#include "adamw.h"
#include "dropout.h"
#include "../int8/vectors.h"
#include "../int8/quantize.h"
#include "../int8/multiply.h"
#include "../int8/widen.h"
#include "../int8/attention.h"
#include "../text/byte_classes.h"
#include "../text/piece_blocks.h"
#include "../text/pieces.h"

#if HAS_BRAIN
#include "../bfloat16/pack.h"
#include "../bfloat16/multiply.h"
#include "../bfloat16/attention.h"
#endif

static const ChoroyKernels NAMED(table) = {
    .name = TABLE_NAME,
    .floats = &NAMED(float_panels),
    .multiply = NAMED(multiply),
    .transpose = NAMED(transpose),
    .rms_norm = NAMED(rms_norm),
    .rms_norm_gradient = NAMED(rms_norm_gradient),
    .swiglu = NAMED(swiglu),
    .swiglu_gradient = NAMED(swiglu_gradient),
    .add = NAMED(add),
    .rotary = NAMED(rotary),
    .attention = NAMED(attention),
    .attention_gradient = NAMED(attention_gradient),
#if HAS_BRAIN
    .brain = &NAMED(brain),
    .brain_attention = NAMED(brain_attention),
    .brain_attention_gradient = NAMED(brain_attention_gradient),
#endif
    .cross_entropy = NAMED(cross_entropy),
    .adamw = NAMED(adamw),
    .dropout = NAMED(dropout),
    .sum_of_squares = NAMED(sum_of_squares),
    .int8_quantize = NAMED(int8_quantize),
    .int8_multiply = NAMED(int8_multiply),
    .int8_widen = NAMED(int8_widen),
    .int8_store = NAMED(int8_store),
    .int8_attention = NAMED(int8_attention),
    .byte_classes = NAMED(byte_classes),
    .piece_ends = NAMED(piece_ends),
    .piece_slot = NAMED(piece_slot),
    .piece_keys = NAMED(piece_keys),
    .piece_ids = NAMED(piece_ids),
};
