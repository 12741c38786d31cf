/* viz/source.h: what makes the steps of a subject, one at a time, in any order.
 *
 * Live simulation is one source (viz/source_net.h), a recording another
 * (viz/source_recording.h). A feed (viz/feed.h) calls it from a thread of its own. */
#pragma once

#include <stdatomic.h>

#include "viz/subject.h"

/* Where a source writes a step: one block of memory, cut as the subject says. */
typedef struct VizStepBuffer {
    VizStep step;                 /* its views point into this buffer, or are NULL */
    float *input;                 /* [h,w,c] */
    float *scores;                /* [n_classes] */
    uint64_t **spikes;            /* [n_layers]; NULL entries: not a spiking layer */
    float **values;               /* [n_layers]; NULL entries: larger than VIZ_SMALL */
    float *wanted;                /* the largest layer: values of a layer chosen */
    float *potential;             /* the largest layer */
    uint32_t *n_spikes;           /* [n_layers] */
    const uint64_t **spike_views; /* [n_layers] */
    const float **value_views;    /* [n_layers] */
    void *memory;                 /* owned */
} VizStepBuffer;

size_t viz_step_buffer_bytes(const VizSubject *subject);
SimStatus viz_step_buffer_create(const VizSubject *subject, VizStepBuffer *out);
void viz_step_buffer_destroy(VizStepBuffer *buffer); /* accepts a zeroed one */
/* Every view absent, membranes NAN: before a source fills in what it knows. */
void viz_step_buffer_clear(VizStepBuffer *buffer, const VizSubject *subject, size_t step,
                           const VizWants *wants);

typedef struct VizSource VizSource;
struct VizSource {
    const VizSubject *subject; /* borrowed from the source */
    /* Fills `out` with step k. In order is fast; any other k is exact, too. May take
     * long: it polls *stop between steps and then fails with SIM_ERR_STOPPED. */
    SimStatus (*make)(VizSource *source, size_t k, const VizWants *wants,
                      const atomic_bool *stop, VizStepBuffer *out);
    void (*close)(VizSource *source); /* frees it */
};

/* What sources share: a table of layers, edges and class names to be filled in. */
SimStatus viz_subject_create(size_t n_layers, size_t n_steps, size_t n_classes,
                             VizSubject *out);
void viz_subject_destroy(VizSubject *subject); /* accepts a zeroed one */
