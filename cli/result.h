/* cli/result.h: what a finished training leaves for programs: result.json in its folder.
 *
 * One object, one number a row; a number that is not known is left out. The file is
 * written last, so a run that has it is finished. */
#pragma once

#include <stdbool.h>

#include "sim/hash.h"
#include "sim/status.h"

typedef struct CliResult { /* NAN: not known */
    double epochs, best_epoch;
    bool has_validation; /* what the best epoch was chosen on; else the test part */
    double train_loss, train_accuracy; /* of the last epoch; accuracies 0 to 1 */
    double test_loss, test_accuracy;
    double best_validation_accuracy, best_test_accuracy; /* of the best epoch */
    double parameters;                                   /* numbers that are trained */
    double macs, synops, dense;  /* of a test sample: cli_net_cost */
    double firing_rate;          /* per neuron and step of the training, last epoch */
    double memory_bytes;         /* of the training plan with parameters */
    double resident_bytes;       /* most that the process ever held */
    double cpu_s_per_epoch;      /* processor time of all threads, tests and all */
    double seconds;              /* of the process that ended the run */
    char weights[SIM_HASH_TEXT]; /* SHA-256 */
} CliResult;

SimStatus cli_result_write(const char *folder, const CliResult *result);
/* SIM_ERR_IO where there is none (yet). */
SimStatus cli_result_read(const char *folder, CliResult *out);
