/* cli/plots.h: the pictures of a run: what it learned, where it fires, what it mixes up.
 *
 * Each writes NAME.tsv and NAME.gp into `folder` and draws NAME.png and NAME.svg when
 * gnuplot is installed (cli/picture.h); `drawn` says whether. Rates and shares are given
 * from 0 to 1 and shown in percent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/status.h"

/* One epoch; NAN where a part was not looked at. */
typedef struct CliPlotEpoch {
    double epoch; /* done so far: 1 after the first */
    double train_loss, train_accuracy;
    double validation_loss, validation_accuracy;
    double test_loss, test_accuracy;
    double lr, rate; /* learning rate; mean firing rate */
} CliPlotEpoch;

/* training.*: loss and accuracy of every epoch. */
SimStatus cli_plot_training(const char *folder, const char *title,
                            const CliPlotEpoch *epochs, size_t n, bool *drawn);

typedef struct CliPlotLayer {
    const char *name;
    double rate;              /* spikes per neuron and step */
    double silent, saturated; /* share of channels that never, or always, fired */
} CliPlotLayer;

/* rates.*: one bar per spiking layer, first layer on top; nothing without any. */
SimStatus cli_plot_rates(const char *folder, const char *title,
                         const CliPlotLayer *layers, size_t n, bool *drawn);

/* confusion.*: counts [n,n], row: the true class, column: the answer. */
SimStatus cli_plot_confusion(const char *folder, const char *title,
                             const char *const *classes, size_t n, const uint64_t *counts,
                             bool *drawn);

/* Spikes of one layer in one simulated recording. */
typedef struct CliPlotSpikes {
    const char *name;
    size_t neurons, fired; /* in the layer; of these, how many spiked at least once */
    double rate;
    const uint32_t *step;   /* [n] */
    const uint64_t *neuron; /* [n] */
    size_t n;
} CliPlotSpikes;

/* What was fed in, per step: ON and OFF events (for an image: `off` NULL and `on` the sum
 * of the pixels). */
typedef struct CliPlotInput {
    const double *on, *off; /* [steps] */
} CliPlotInput;

enum { CLI_PLOT_NEURONS = 64 }; /* drawn of each layer, of those that fired */

/* raster.*: the input on top, then one band per layer. */
SimStatus cli_plot_raster(const char *folder, const char *title, size_t steps,
                          double step_ms, const CliPlotInput *input,
                          const CliPlotSpikes *layers, size_t n, bool *drawn);

/* scores.*: the mean class scores so far after each step, [steps, n]. `label` is the true
 * class or -1. `step_ms` 0: the axis counts steps. */
SimStatus cli_plot_scores(const char *folder, const char *title, size_t steps,
                          double step_ms, const char *const *classes, size_t n,
                          const float *scores, int label, bool *drawn);
