/* tests/viz/synthetic.h: a net that never was: every part of every step, for panels. */
#pragma once

#include "viz/view.h"

enum {
    SYNTHETIC_STEPS = 24,
    SYNTHETIC_CLASSES = 10,
    SYNTHETIC_LABEL = 3,
    SYNTHETIC_SETTLED = 8 /* from this step on the mean score is largest for the label */
};

enum { /* layers */
       SYNTHETIC_INPUT,
       SYNTHETIC_CONV,
       SYNTHETIC_WIDE,  /* 16 x 16 x 12, spikes */
       SYNTHETIC_DEEP,  /* 6 x 6 x 80, spikes, two branches */
       SYNTHETIC_DENSE, /* 1 x 1 x 10, values */
       SYNTHETIC_LAYERS
};

typedef struct SyntheticOptions {
    bool timed;     /* steps of 5 ms */
    bool potential; /* membranes are known */
    double rate;    /* of the spiking layers */
    const char *title;
} SyntheticOptions;

SimStatus synthetic_source_create(const SyntheticOptions *options, VizSource **out);

/* A spike of neuron n in step k, as the source writes it. */
bool synthetic_fires(const SyntheticOptions *options, size_t layer, size_t step,
                     uint64_t neuron);

/* A membrane before the reset, as the source writes it. */
double synthetic_membrane(const SyntheticOptions *options, size_t layer, size_t step,
                          uint64_t neuron);

/* Letters that are blocks, half as wide as high; borrowed for ever. */
const VizFonts *synthetic_fonts(void);
