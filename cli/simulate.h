/* cli/simulate.h: one input through a net, one step at a time, everything looked at. */
#pragma once

#include "cli/plots.h"
#include "cli/recording.h"
#include "nets/net.h"

typedef struct CliSimulation {
    const NetGraph *graph;
    NetParams *params;
    const SimContext *context;
    size_t steps;
    const float *frames; /* [T,h,w,c], or [1,h,w,c] for a constant image */
    bool constant;
    CliRecording *recording; /* or NULL */
    const int *recorded;     /* [n_nodes] layer of the recording, or -1 */
    const bool *potentials;  /* [n_nodes] recorded layers whose membranes are wanted */
    bool keep_spikes;        /* fill `spikes` of the layers, for a raster */
} CliSimulation;

typedef struct CliSimulatedLayer {
    int node;
    const char *name; /* borrowed from the graph */
    size_t neurons, channels, silent_channels;
    uint64_t spikes;
    size_t fired;     /* neurons that spiked at least once; 0 unless keep_spikes */
    uint32_t *step;   /* [n], owned; NULL unless keep_spikes */
    uint64_t *neuron; /* [n], owned */
    size_t n, capacity;
} CliSimulatedLayer;

typedef struct CliSimulated {
    size_t steps, classes;
    float *scores;             /* [T,K] of each step, owned */
    uint64_t *spikes_per_step; /* [T], owned */
    CliSimulatedLayer *layers; /* spiking ones, in order, owned */
    size_t n_layers;
    double seconds; /* inside the net; looking and writing aside */
    double synops, macs;
} CliSimulated;

SimStatus cli_simulate(const CliSimulation *what, CliSimulated *out);
void cli_simulated_destroy(CliSimulated *simulated); /* accepts a zeroed one */

/* Mean over steps 0..t, [K] into `mean`; returns the leading class. */
size_t cli_simulated_leader(const CliSimulated *simulated, size_t t, float *mean);
