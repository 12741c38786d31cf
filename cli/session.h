/* cli/session.h: an experiment brought to life: machine, data, graph, parameters.
 *
 * MODEL on the command line is one of
 *
 *     EXPERIMENT.yaml      untrained
 *     RUN                  a run folder: its best.h5, or last.h5
 *     CHECKPOINT.h5        as saved
 *
 * A checkpoint says itself what it expects as input and what the classes are called, so
 * that simulating needs no training data. */
#pragma once

#include "cli/experiment.h"
#include "cli/plots.h"
#include "nets/net.h"
#include "sim/calibration.h"

/* How a net of `steps` is planned for training. Where memory is auto and no budget is
 * given, half of what is free now is the budget. The options must outlive the planning.
 */
NetPlanOptions cli_training_plan(const CliTrainOptions *options, size_t steps);

/* Bytes that programs may still take; 0 where the system does not say. */
double cli_free_bytes(void);

typedef struct CliSession {
    CliExperiment experiment;
    SimContext context;
    SimCalibration *calibration; /* owned; the context's */
    bool has_set; /* false: the data were not asked for, or are not there */
    DataSet set;
    NetModelInput input;
    char **classes; /* owned, [input.classes] */
    NetGraph graph;
    NetParams params;
    bool trained;      /* parameters come from a checkpoint */
    char *trained_on;  /* owned, NULL unless trained: cli_session_split at that time */
    char source[1024]; /* "runs/a/best.h5", epoch and all: for messages */
} CliSession;

typedef enum CliNeed {
    CLI_NEED_NET,  /* data only where nothing else tells the input's shape */
    CLI_NEED_DATA, /* the set, too: fails without it */
} CliNeed;

SimStatus cli_session_open(const char *model, const char *const *settings,
                           size_t n_settings, CliNeed need,
                           void (*warn)(void *argument, const char *sentence),
                           void *argument, CliSession *out);
void cli_session_close(CliSession *session); /* accepts a zeroed one */

/* The parts of the open set in one line, "random:7: 900 train, 100 test, list 1f2e...":
 * the same line means the same samples in the same parts. */
enum { CLI_SPLIT_SIZE = 256 };
const char *cli_session_split(const CliSession *session, char *buffer, size_t size);

/* --- checkpoints ---------------------------------------------------------------------
 */

/* Sums over the batches of an epoch so far. */
typedef struct CliSums {
    double loss, right, seen; /* loss times samples */
    double spikes, neuron_steps;
    double silent, channels; /* of the latest batch */
} CliSums;

/* How much a node of the graph fired. */
typedef struct CliActivity {
    double spikes, neuron_steps; /* counted; that could have been spikes */
} CliActivity;

/* What a checkpoint holds beside parameters; optimiser and progress may be absent. */
typedef struct CliProgressState {
    uint64_t epoch, batch; /* where training goes on */
    double best_accuracy;
    uint64_t best_epoch;
    CliSums sums;          /* of the epoch under way */
    CliActivity *activity; /* owned, [graph nodes]: of the epoch under way */
    CliPlotEpoch *history; /* owned, [epoch]: the epochs done */
    double *rates;         /* owned, [epoch][graph nodes]: spikes per neuron and step, NaN
                              of a node that has no neurons */
    double *kernels;       /* owned, [epoch][graph nodes]: NetKernel */
} CliProgressState;

/* Written whole or not at all (sim/store.h). `optimiser` and `progress` may be NULL. */
SimStatus cli_checkpoint_save(const char *path, const CliSession *session,
                              NetOptimiser *optimiser, const CliProgressState *progress);
/* Parameters, optimiser and progress of a session's training. */
SimStatus cli_checkpoint_resume(const char *path, CliSession *session,
                                NetOptimiser *optimiser, CliProgressState *progress);
