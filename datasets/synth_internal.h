/* datasets/synth_internal.h: the modelled camera, shared by one recording and by many. */
#pragma once

#include "datasets/synth.h"

enum { DATA_SYNTH_PIXELS = DATA_SYNTH_SIDE * DATA_SYNTH_SIDE, DATA_SYNTH_LEVELS = 4096 };

/* What is the same for every recording. Made once, then only read. */
typedef struct DataCamera {
    DataSynthOptions options;
    float on[DATA_SYNTH_PIXELS], off[DATA_SYNTH_PIXELS]; /* factors of the threshold */
    float ln[DATA_SYNTH_LEVELS + 2]; /* ln(floor + i / LEVELS), one more for the end */
} DataCamera;

/* Fails on options that make no sense together. */
SimStatus data_camera_create(const DataSynthOptions *options, DataCamera **out);
void data_camera_destroy(DataCamera *camera); /* accepts NULL */

/* data_synth_events with the given threshold. */
SimStatus data_camera_record(const DataCamera *camera, double threshold, size_t h,
                             size_t w, const float *grey, uint32_t stream,
                             DataEvent **events, size_t *n);
