/* cli/view_open.h: what the viewer is asked to look at, whatever it is.
 *
 *     EXPERIMENT.yaml, RUN, CHECKPOINT.h5    a net, simulated live on an input
 *     RECORDING.h5                           what "apical sim --record" wrote
 *     anything else                          a recording of events, by its content */
#pragma once

#include "cli/settings.h"
#include "datasets/reader.h"
#include "viz/app.h"

typedef struct CliViewed CliViewed;

typedef struct CliViewWhat {
    const char *target,
        *input;          /* input NULL: the first test sample, where there are data */
    const char *compare; /* another model on the same input, or NULL */
    const CliSettings *settings;
    DataAxes axes; /* of events without a net */
} CliViewWhat;

/* Opens and fills the parts of `options` that say what is looked at. Owned by the caller;
 * must outlive the app. */
SimStatus cli_view_open(const CliViewWhat *what, CliViewed **out, VizAppOptions *options);
void cli_view_close(CliViewed *viewed); /* accepts NULL */
