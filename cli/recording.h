/* cli/recording.h: what a simulation writes down, as HDF5 in the SONATA layout.
 *
 *     /spikes/<layer>/timestamps   [n] f64       attribute units: "ms" or "steps"
 *     /spikes/<layer>/node_ids     [n] u64       attributes sorting "by_time",
 *                                                height, width, channels
 *     /report/<layer>/data         [T, m] f32    membrane before the reset
 *     /report/<layer>/mapping/...                node_ids [m], time [3], ...
 *     /input/events/{t_us,x,y,on}  [e]           or /input/frames [T,h,w,c]
 *     /readout/scores              [T, K] f32    attribute classes, one a line
 *
 * A population is a layer of neurons; a node is (y * width + x) * channels + channel.
 * Arrays grow while the simulation runs and are chunked and compressed; the file appears
 * under its name when it is committed, whole. Until then it is brought up to date about
 * once a second, under a temporary name that a killed program leaves behind. */
#pragma once

#include "datasets/reader.h"
#include "sim/store.h"
#include "sim/tensor.h"

typedef struct CliRecordingLayer {
    const char *name; /* of the population */
    size_t h, w, c;
    bool spikes;                /* write them */
    const uint64_t *potentials; /* [n_potentials] node numbers, or NULL */
    size_t n_potentials;
} CliRecordingLayer;

typedef struct CliRecordingOptions {
    const CliRecordingLayer *layers; /* read at creation only */
    size_t n_layers;
    size_t steps;
    double step_ms;             /* 0: unknown, times are step numbers */
    const char *text;           /* the resolved experiment, or NULL */
    const char *const *classes; /* [n_classes] of the scores; none are written if 0 */
    size_t n_classes;
} CliRecordingOptions;

typedef struct CliRecording CliRecording;

SimStatus cli_recording_create(const char *path, const CliRecordingOptions *options,
                               CliRecording **out);

/* The spikes of one layer in a window that starts at step t0: packed or dense 0/1, [nt,
 * 1,h,w,c]; `potential` [nt,h,w,c] may be NULL when no potential was asked for. Windows
 * of a layer come in order. */
SimStatus cli_recording_window(CliRecording *recording, size_t layer, size_t t0,
                               const SimTensor *spikes, const float *potential);

/* Ends a step of which every window was written; scores [n_classes]. */
SimStatus cli_recording_step(CliRecording *recording, const float *scores);
/* Brings the file up to date; steps do so once a second. */
SimStatus cli_recording_flush(CliRecording *recording);
SimStatus cli_recording_events(CliRecording *recording, const DataEvent *events, size_t n,
                               size_t width, size_t height);
SimStatus cli_recording_frames(CliRecording *recording, SimShape shape,
                               const float *frames);
SimStatus cli_recording_number(CliRecording *recording, const char *name, double value);
SimStatus cli_recording_text(CliRecording *recording, const char *name, const char *text);

uint64_t cli_recording_spikes(const CliRecording *recording, size_t layer);

SimStatus cli_recording_commit(CliRecording *recording);
void cli_recording_close(CliRecording *recording); /* accepts NULL */

/* Bytes before compression if this share of neuron-steps fires. */
double cli_recording_estimate(const CliRecordingOptions *options, double rate);
