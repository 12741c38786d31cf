/* cli/evaluate.h: a part of a set through a net: how much is right, and what fired. */
#pragma once

#include "cli/session.h"

typedef struct CliEvaluation {
    size_t seen, right;
    double loss;
    size_t classes;
    uint64_t *confusion; /* owned, [classes, classes]: row true, column answer */
    /* Owned, [graph nodes]: spikes per neuron and step, NAN if dense; share of channels
     * that never, or always, fired. */
    double *rates, *silent, *saturated;
    double seconds;
} CliEvaluation;

/* Plans a net of `batch` samples, once for many calls. Owned by the caller. */
SimStatus cli_evaluator_create(CliSession *session, size_t batch, Net **out);

/* All samples of a part, in order. `stop` (may be NULL) ends it early with
 * SIM_ERR_STOPPED. */
SimStatus cli_evaluate(CliSession *session, Net *net, DataPart part,
                       const volatile int *stop, CliEvaluation *out);
void cli_evaluation_destroy(CliEvaluation *evaluation); /* accepts a zeroed one */

/* Pictures of firing rates and confusions in `folder`. */
SimStatus cli_evaluation_draw(const CliSession *session, const CliEvaluation *evaluation,
                              const char *folder, const char *title, bool *drawn);
double cli_accuracy(const CliEvaluation *evaluation); /* 0 to 1 */
double cli_seconds(void);                             /* a clock that only rises */
