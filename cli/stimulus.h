/* cli/stimulus.h: what is shown to a net in a simulation: one recording or image.
 *
 *     FILE         a recording of events, or the first image of a set
 *     FILE#17      image 17 of that file
 *     test:17      sample 17 of the test part of the model's own data (train, validation)
 */
#pragma once

#include "cli/session.h"

typedef struct CliStimulus {
    char name[256];
    const char *format; /* of the file; borrowed for ever */
    DataKind kind;
    float *frames;     /* [T,h,w,c], [1,h,w,c] of an image; owned */
    size_t steps;      /* T of the simulation */
    int label;         /* -1: unknown */
    double step_ms;    /* 0: steps have no fixed duration */
    double span_s;     /* of the recording; 0 for an image */
    DataEvent *events; /* [n], owned; NULL for an image or a sample from the cache */
    size_t n_events, sensor_w, sensor_h;
    double *on, *off; /* [T] what goes in at each step, owned; off NULL for an image */
} CliStimulus;

/* Whether `input` names a sample of the model's own data, so that it must be opened. */
bool cli_stimulus_needs_data(const char *input);

SimStatus cli_stimulus_open(CliSession *session, const char *input, CliStimulus *out);
void cli_stimulus_close(CliStimulus *stimulus); /* accepts a zeroed one */
