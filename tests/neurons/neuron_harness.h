/* tests/neurons/neuron_harness.h: a layer of neurons by itself, on memory of its own.
 *
 * All arrays are [t, step] of the whole sequence; what a hook must fill holds NaN before.
 * All failures end the calling test. */
#pragma once

#include "neurons/neuron.h"

typedef struct NeuronHarness {
    NeuronSpec spec;
    SimContext context;
    NeuronRun run;
    size_t count; /* floats of the whole sequence */
    float rest;   /* v_reset, where the soma has one */
    float *x, *y, *potential, *d_y, *d_v, *d_x;
    float *v_after; /* state 0 after every step, as absolute potential; filled by
                       neuron_harness_forward with a window of 1 */
    uint64_t *bits, *active;
    float *states[NEURON_MAX_STATES];
    float *params[NEURON_MAX_PARAMS], *d_params[NEURON_MAX_PARAMS];
    size_t n_params[NEURON_MAX_PARAMS]; /* numbers in each trained one */
    size_t n_trained;
    void *scratch;
} NeuronHarness;

/* Trained parameters start at the spec's values. d_v reaches `run` only if the test says
 * so: run.d_v = d_v. */
void neuron_harness_open(const NeuronSpec *spec, SimShape shape, int threads,
                         const char *isa, NeuronHarness *out);
void neuron_harness_close(NeuronHarness *harness);

/* The whole sequence from rest in windows of `window` steps; y is dense, 0 or 1. */
void neuron_harness_forward(NeuronHarness *harness, size_t window);
void neuron_harness_backward(NeuronHarness *harness);
