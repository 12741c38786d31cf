/* sim/conv_internal.h: the parts of a planned convolution, shared by conv.c (which path)
 * and conv_spikes.c (the spike kernels spread over the team). */
#pragma once

#include "sim/arena.h"
#include "sim/conv.h"
#include "sim/dense.h"

struct SimConv {
    SimConvShape shape;
    SimForm form;
    size_t max_steps;
    size_t chunk; /* steps that one dense backward call takes */
    const SimContext *context;
    bool use_spikes;                   /* forward, when the form is spikes */
    bool may_gather;                   /* gradient of the weights from lists of spikes */
    SimDense *forward;                 /* one step */
    SimDense *input_step, *input_many; /* backward: one step, `chunk` steps */
    SimDense *weights_step, *weights_many;
    size_t scratch_bytes;
};

enum { SIM_CONV_BIAS_TASKS = 32 };

/* Scratch of one call: laid out on an arena, which measures where it has no memory. */
typedef struct SimConvDense {
    void *packed;    /* weights in the order of the dense library */
    void *own;       /* what the library itself asks for */
    float *unpacked; /* spikes as numbers */
    float *gradient; /* what is to be added */
} SimConvDense;

typedef struct SimConvGather { /* gradient of the weights from lists of spikes */
    /* Images go through in subs that fit into the cache with one block of SIM_ROW output
     * channels; lists and borders of `batch` subs are made at once. */
    size_t sub, batch;    /* images, subs */
    size_t rows, columns; /* of dy with its border */
    size_t top, left;     /* border before */
    size_t classes;       /* stride^2: input pixels that see the same taps */
    size_t capacity;      /* entries of a list */
    size_t k_blocks;      /* SIM_ROW output channels each, over all groups */
    uint32_t *lists;      /* [batch, classes, c, capacity] */
    uint32_t *counts;     /* [batch, classes, c] */
    float *dy;            /* [k_blocks, batch * sub, rows, columns, SIM_ROW] */
    float *sums;          /* [k_blocks, c / groups, taps, SIM_ROW] */
} SimConvGather;

void sim_conv_gather_layout(const SimConv *conv, SimArena *arena, SimConvGather *out);

/* Through the spike kernels; the same promises as in conv.h. */
void sim_conv_spikes_forward(const SimConv *conv, size_t nt, const uint64_t *bits,
                             const float *weights, const float *bias, float *y);
void sim_conv_spikes_input(const SimConv *conv, size_t nt, const uint64_t *active,
                           const float *dy, const float *weights, bool accumulate,
                           float *dx);
void sim_conv_spikes_weights(const SimConv *conv, size_t nt, const uint64_t *bits,
                             const float *dy, float *d_weights,
                             const SimConvGather *gather);
