/* viz/source_net.h: a net simulated live, one step at a time, exactly repeatable.
 *
 * States are kept from time to time, within a bound, so that any step is made from the
 * nearest one before it: stepping back gives the same bits again. */
#pragma once

#include "viz/source.h"

typedef struct VizNetOptions {
    const NetGraph *graph; /* these three must outlive the source */
    NetParams *params;
    const SimContext *context;
    size_t n_steps;
    const float *frames; /* [T,h,w,c], or [1,h,w,c] if constant; copied */
    bool constant;
    const int64_t *edges_us; /* [T + 1] from 0; NULL: steps have no duration */
    const char *title, *input, *note;
    const char *const *classes; /* [n_classes] */
    size_t n_classes;
    int label;                    /* -1: unknown */
    size_t snapshot_bytes;        /* bound on the states kept; 0: 256 MB */
    void (*release)(void *owner); /* called when the source is closed; or NULL */
    void *owner;
} VizNetOptions;

/* On failure nothing is released. */
SimStatus viz_source_net_create(const VizNetOptions *options, VizSource **out);
