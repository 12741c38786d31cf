/* viz/runlog.h: a run folder, followed while training writes it.
 *
 *     log.jsonl     {"epoch": 3, "train_loss": 0.52, ...}       a line an epoch
 *     rates.jsonl   {"epoch": 3, "spike0": 0.12, ...}           spikes per neuron and
 * step best.h5, last.h5                                          weights
 *
 * All of them are whole files that replace the former one. A call reads what changed, and
 * at most one array of a checkpoint, so that a frame is never held up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sim/status.h"

typedef struct VizEpoch { /* NAN: not looked at in this epoch */
    double epoch;         /* done so far: 1 after the first */
    double lr, train_loss, validation_loss, test_loss;
    double train_accuracy, validation_accuracy, test_accuracy; /* 0 to 1 */
    double firing_rate; /* spikes per neuron and step, all layers */
} VizEpoch;

enum { VIZ_SAMPLES = 4096 }; /* of each weight array, spread evenly */

typedef struct VizWeight {
    char name[128];
    size_t count; /* numbers in the whole array */
    size_t n;     /* sampled */
    float *samples;
} VizWeight;

typedef struct VizWeights { /* one checkpoint */
    double epoch;
    VizWeight *rows;
    size_t n_rows;
} VizWeights;

typedef struct VizRunlog VizRunlog;

SimStatus viz_runlog_create(const char *folder, VizRunlog **out);
void viz_runlog_destroy(VizRunlog *log); /* accepts NULL */

/* Looks at the folder again, at most twice a second of `wall_s`; `all`: reads everything
 * there is before it returns. */
void viz_runlog_poll(VizRunlog *log, double wall_s, bool all);

/* Borrowed until the next poll. */
const VizEpoch *viz_runlog_epochs(const VizRunlog *log, size_t *n);
/* Rates of layers: values [n_epochs, n_layers], NAN where an epoch lacks a layer. */
const float *viz_runlog_rates(const VizRunlog *log, size_t *n_epochs, size_t *n_layers,
                              const char *const **names, const double **epochs);
/* The newest checkpoint and the one before it; n_rows 0: none. */
const VizWeights *viz_runlog_weights(const VizRunlog *log);
const VizWeights *viz_runlog_weights_before(const VizRunlog *log);
/* How far two samples of one array are apart, relative to the first: |b - a| / |a|. */
double viz_weight_change(const VizWeight *a, const VizWeight *b);
const char *viz_runlog_name(const VizRunlog *log);  /* the last part of the folder */
const char *viz_runlog_error(const VizRunlog *log); /* a sentence, or NULL */
