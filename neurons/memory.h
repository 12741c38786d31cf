/* neurons/memory.h: branches that remember, each with a time constant of its own.
 *
 *     y[t] = b y[t-1] + (1 - b) x[t],   b = sigmoid(memory)
 *
 * What a dendrite joins are then the y of its branches. With branches that are added and
 * an integrate-and-fire soma this is the dendritic LIF with temporal heterogeneity (Zheng
 * et al., Nature Communications 2024). */
#pragma once

#include "sim/context.h"

/* A window of nt steps; x, y, d_y, d_x [nt, pixels, inputs]. */
typedef struct NeuronMemoryRun {
    const SimContext *context;
    size_t nt, pixels, inputs; /* inputs: branches of all units of a pixel */
    const float *memory;       /* [inputs] */
    const float *x;
    float *state; /* [pixels, inputs], carried from window to window; zero is rest */
    float *y;

    /* Backward only, of a window from rest whose y is still there. */
    const float *d_y;
    bool accumulate; /* d_x += instead of = */
    float *d_x;      /* or NULL */
    float *d_memory; /* [inputs], += */
    void *scratch;   /* neuron_memory_scratch() bytes, 64-byte aligned; forward too */
} NeuronMemoryRun;

size_t neuron_memory_scratch(const NeuronMemoryRun *run);
void neuron_memory_forward(const NeuronMemoryRun *run);
void neuron_memory_backward(const NeuronMemoryRun *run);
