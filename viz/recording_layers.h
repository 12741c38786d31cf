/* viz/recording_layers.h: the names of the layers in a recording, in the order of the
 * net. */
#pragma once

#include "sim/store.h"

enum { VIZ_RECORDING_NAME = 64 };

typedef struct VizRecordingLayers {
    char (*names)[VIZ_RECORDING_NAME]; /* [n], owned by the caller (free) */
    size_t n;
} VizRecordingLayers;

/* Layers with spikes or membranes. `missing`, owned by the caller (free), names those
 * that the recording says it has and has not, with ", " between; "" if there are none. */
SimStatus viz_recording_layers(SimStore *store, VizRecordingLayers *out, char **missing);
