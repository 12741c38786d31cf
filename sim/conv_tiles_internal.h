/* sim/conv_tiles_internal.h: forward, and the gradient of the input, on tile units:
 * conv_tiles_plan.c (sizes), conv_tiles_pack.c (weights), conv_tiles_rows.c (x and the
 * run).
 *
 * The gradient of the input is a convolution, too: of dy, with the weights turned round.
 * Both are here: "x" is what is summed over, "y" the result. */
#pragma once

#include "sim/conv_internal.h"

enum { SIM_TILE_TASKS = 8 /* at least, where there are rows enough */ };

/* Along one axis: output o meets tap k at input o * stride + k - pad forward; the other
 * way round at (o + pad - k) / stride, where that goes without rest. Outputs that are a
 * multiple of the stride away from each other see inputs equally far apart: bands and
 * turns begin at such a multiple. */

/* Of the first output of a band or turn to the first input it may see. */
size_t sim_tile_reach(const SimConvShape *s, bool forward);
/* Inputs that so many outputs see. */
size_t sim_tile_seen_rows(const SimConvShape *s, bool forward, size_t rows);
/* Rows of x in the ring while so many rows of y are made; `whole`: images are not cut. */
size_t sim_tile_ring_rows(const SimConvShape *s, const SimConvTileRows *t, bool whole,
                          size_t rows);

/* What one thread has laid out and listed. */
struct SimTileRowsThread {
    bool is_used;
    bool is_full;               /* a stack of whole images: others see the same */
    size_t stack, first_row;    /* of y */
    size_t n_blocks;            /* of these rows */
    size_t laid_first, laid_to; /* rows of x */
};

/* Lays out all weights. */
void sim_conv_tile_pack(const SimConv *conv, const SimConvTileRows *t,
                        const float *weights, const SimTileRowsRoom *room);

/* Where the weights are held; returns the bytes. */
size_t sim_conv_tile_held(const SimConv *conv, SimTileRowsRoom *out);
