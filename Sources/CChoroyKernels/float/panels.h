// Floats in the order in which multiply.h reads them: panels of PANEL_COLUMNS columns, row after row.
#pragma once
#include "multiply.h"
#include "transpose.h"

// As many columns as a block of sums has, so that a panel is read without a gap.
#define PANEL_COLUMNS (16 * BLOCK_VECTORS)

// to[k][j] = x[k][j] for columns j, zeros up to width.
static void NAMED(panel_row_groups)(const float *x, size_t stride, void *target, size_t width, size_t depth,
    size_t columns)
{
    float *to = target;
    for (size_t k = 0; k < depth; k++, x += stride, to += width) {
        size_t j = 0;
        for (; j + 16 <= columns; j += 16) store(to + j, load(x + j));
        for (; j < columns; j++) to[j] = x[j];
        for (; j < width; j++) to[j] = 0;
    }
}

// to[k][j] = w[j][k] for rows j, zeros up to width: a transposed matrix.
static void NAMED(panel_transposed)(const float *w, size_t stride, void *target, size_t width, size_t depth,
    size_t rows)
{
    float *to = target;
    for (size_t j = 0; j < width; j += 16) {
        size_t many = j >= rows ? 0 : rows - j < 16 ? rows - j : 16;
        const float *from = w + j * stride;
        NAMED(transpose)(from, stride, to + j, width, many, depth);
        for (size_t k = 0; many < 16 && k < depth; k++)
            for (size_t i = many; i < 16; i++) to[k * width + j + i] = 0;
    }
}

static void NAMED(panel_multiply)(const void *a, size_t a_row, size_t a_column, const void *b, size_t width,
    float *c, size_t ldc, size_t rows, size_t depth, int accumulate)
{
    NAMED(multiply)(a, a_row, a_column, b, width, c, ldc, rows, width, depth, accumulate);
}

static const ChoroyPanelKernels NAMED(float_panels) = {
    .numbers = 1,
    .columns = PANEL_COLUMNS,
    .depth = PANEL_DEPTH,
    .rows = NULL,
    .row_groups = NAMED(panel_row_groups),
    .transposed = NAMED(panel_transposed),
    .multiply = NAMED(panel_multiply),
};
