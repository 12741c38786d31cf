/* viz/subject.h: what is looked at: a net on an input, live or recorded.
 *
 * A subject is a table of layers and a number of steps. A source (viz/source.h) makes the
 * steps, in any order, each exactly the same whenever it is made. */
#pragma once

#include "neurons/neuron.h"
#include "nets/net.h"
#include "sim/status.h"

enum { VIZ_PICKS = 8, VIZ_BRANCHES = 8 };
/* Dense layers of at most so many numbers are always kept; of capsules, larger ones, too:
 * routing is looked at from both ends. */
enum { VIZ_SMALL = 4096, VIZ_SMALL_CAPSULES = 65536 };

typedef struct VizLayer {
    char name[64];
    const char *kind; /* "conv", "neuron", "input", ...: the layer's descriptor name */
    int node;         /* in the graph, or -1 */
    size_t h, w, c;
    bool spiking;                   /* its output is packed spikes */
    bool is_neuron;                 /* a soma: its membrane before the reset can be had */
    bool has_spikes, has_potential; /* a recording may lack them */
    const NeuronSpec *spec;         /* borrowed; NULL unless a neuron of a net */
    float threshold;                /* NAN unless it has one */
    size_t n_inputs;
    int inputs[NET_MAX_INPUTS]; /* rows of the same table; -1: none */
    size_t parameters;
    double macs; /* of one step */
} VizLayer;

typedef struct VizSubject {
    char title[256]; /* "S-ResNet, runs/a/best.h5" */
    char input[256]; /* name of the sample or file */
    char note[512];  /* one sentence when something is missing or damaged; else "" */
    VizLayer *layers;
    size_t n_layers;
    char **classes; /* [n_classes] */
    size_t n_classes;
    int label;                        /* -1: unknown */
    size_t input_h, input_w, input_c; /* 0: no frames to show */
    bool constant;                    /* one image at every step */
    size_t n_steps;
    int64_t *edges_us; /* [n_steps + 1], from 0 */
    bool timed;
    /* Of a live net; NULL for a recording. Only to look at. */
    const NetGraph *graph;
    NetParams *params;
    const SimContext *context;
} VizSubject;

typedef struct VizPick { /* one neuron */
    int layer;
    uint64_t neuron; /* (y * w + x) * c + channel */
} VizPick;

typedef struct VizWants {
    int layer; /* whose membranes or values are wanted whole; -1: none */
    VizPick picks[VIZ_PICKS];
    size_t n_picks;
} VizWants;

/* One step, as far as it was wanted and is known; absent parts are NULL. */
typedef struct VizStep {
    size_t step;
    const float *input;  /* [h,w,c] */
    const float *scores; /* [n_classes], of this step alone */
    const uint64_t *const
        *spikes;                /* [n_layers] packed [h,w,words], entries may be NULL */
    const float *const *values; /* [n_layers] dense outputs [h,w,c] of layers up to
                                   VIZ_SMALL and of wants.layer; others NULL */
    const uint32_t *n_spikes;   /* [n_layers] */
    const float *potential;     /* [h,w,c] of wants.layer, before the reset */
    VizWants wants;             /* what it was made for */
    float picked[VIZ_PICKS];    /* membranes before the reset; NAN: not known */
    bool fired[VIZ_PICKS];
    size_t n_branches[VIZ_PICKS];
    float branches[VIZ_PICKS][VIZ_BRANCHES]; /* dendritic currents, as they arrive */
} VizStep;

/* Spike of neuron n of a layer in a step; false when not known. */
bool viz_step_fired(const VizStep *step, const VizSubject *subject, size_t layer,
                    uint64_t neuron);
/* Adds each channel's number of spikes in a step to counts [c]. */
void viz_step_count_channels(const VizStep *step, const VizSubject *subject, size_t layer,
                             uint32_t *counts);
int viz_subject_find(const VizSubject *subject, const char *layer); /* or -1 */
/* Whether the values of a dense layer are in every step, wanted or not. */
bool viz_layer_is_kept(const VizLayer *layer);
