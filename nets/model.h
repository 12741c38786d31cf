/* nets/model.h: an architecture: a function from a small options struct to a graph.
 *
 * One file in nets/models/ each, listed once in nets/meson.build. No code outside that
 * file knows the architecture. */
#pragma once

#include "nets/graph.h"
#include "neurons/neuron.h"

typedef struct NetModelInput { /* what the data brings */
    size_t h, w, c;
    size_t classes;
    size_t steps;  /* T */
    bool constant; /* one image shown at every step, not a sequence of frames */
} NetModelInput;

typedef struct NetModel {
    const char *name, *summary, *source;
    const SimOption *options; /* rows ended by a NULL name */
    size_t options_size;
    /* The neuron of the publication; an experiment may change it before build. */
    void (*neuron)(const void *options, NeuronSpec *out);
    /* Makes all widths `factor` times as large, at least 1: for comparisons of equal
     * cost. NULL: the widths of this architecture cannot be changed. */
    void (*widen)(void *options, double factor);
    /* Fails with one sentence on options or inputs the architecture cannot take. */
    SimStatus (*build)(const void *options, const NetModelInput *input,
                       const NeuronSpec *neuron, NetGraph *graph);
} NetModel;

extern const NetModel *const net_models[];        /* ends with NULL */
const NetModel *net_model_find(const char *name); /* or NULL */
