/* tests/nets/layer_harness.h: one layer by itself, on the memory its plan asks for.
 *
 * Inputs are kept dense for the whole sequence and packed where the plan wants spikes, so
 * that a test says the same values in both forms. Everything that a hook must fill holds
 * NaN before. All failures end the calling test. */
#pragma once

#include "nets/layers.h"

typedef struct HarnessSetup {
    const NetLayer *layer;
    const void *options; /* NULL: the layer's defaults */
    SimShape in[NET_MAX_INPUTS];
    SimForm form[NET_MAX_INPUTS];
    size_t n_inputs, steps, window; /* window 0: steps */
    bool training, reversed;
    int threads;     /* 0: one */
    const char *isa; /* NULL: the best */
} HarnessSetup;

typedef struct Harness {
    HarnessSetup setup;
    SimContext context;
    NetLayerPlan plan;
    NetParamRow rows[NET_MAX_PARAMS];
    _Alignas(max_align_t) unsigned char options[1024];
    size_t n_x[NET_MAX_INPUTS], n_y; /* floats of the whole sequence */
    size_t n_params[NET_MAX_PARAMS];
    float *x[NET_MAX_INPUTS], *dx[NET_MAX_INPUTS]; /* [t,n,h,w,c], dense */
    float *y, *dy;                                 /* dense copies of the output */
    float *params[NET_MAX_PARAMS], *d_params[NET_MAX_PARAMS];
    float *states[NET_MAX_STATES];
    void *saved, *scratch;
    SimTensor packed[NET_MAX_INPUTS]; /* the whole sequence as the plan takes it */
    SimTensor out;                    /* the whole sequence as the plan gives it */
    uint64_t *active;
    bool accumulate;
    atomic_bool inexact; /* set by a harness_invert, taken back by the test */
    uint32_t step;       /* of training */
} Harness;

/* Plans only; the caller may look at the sentence of a failure. */
SimStatus harness_plan(const HarnessSetup *setup, Harness *out);

/* Plans, allocates, fills parameters with their initial values. */
void harness_open(const HarnessSetup *setup, Harness *out);
void harness_close(Harness *harness);

/* The whole sequence from rest, in windows; y holds the dense result. */
void harness_forward(Harness *harness);
void harness_again(Harness *harness);    /* forward once more, as before backward */
void harness_backward(Harness *harness); /* the whole sequence in one window */
/* Writes the dense input back into x and packed, which held NaN; `over`: in the place of
 * y. */
void harness_invert(Harness *harness, size_t input, bool over);
/* The same in runs of so many steps. */
void harness_again_by(Harness *harness, size_t steps);
void harness_backward_by(Harness *harness, size_t steps);

/* x, dy and trained parameters from test_fill; spikes where the form says so. */
void harness_fill(Harness *harness, uint64_t seed);

double harness_dot(const float *a, const float *b, size_t n);
