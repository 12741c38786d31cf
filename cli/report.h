/* cli/report.h: what training tells while it runs. One line, rewritten on a terminal; in
 * a file a line every ten seconds. */
#pragma once

#include "cli/evaluate.h"
#include "cli/session.h"
#include "sim/hash.h"

typedef struct CliReport {
    const char *folder;
    bool is_terminal, drawn, has_estimate, has_header, has_validation;
    uint64_t epoch, epochs;
    size_t first_batch, batches, batch_size;
    double epoch_started_s, line_s, waited_s; /* waited: at the start of the epoch */
    double test_s; /* spent on validation and test after the latest epoch */
} CliReport;

/* Before anything runs: configuration, split and its hash, parameters, memory by policy.
 */
void cli_report_start(CliReport *report, CliSession *session, const Net *net,
                      const char *folder);
void cli_report_resumed(CliReport *report, const CliProgressState *state);
void cli_report_epoch(CliReport *report, uint64_t epoch, uint64_t batch, size_t batches,
                      double waited_s);
void cli_report_batch(CliReport *report, const CliProgressState *state, double lr,
                      double waited_s);
void cli_report_epoch_done(CliReport *report, const CliPlotEpoch *row, bool best,
                           double test_s);
void cli_report_warning(CliReport *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Table of results, files, hash of the weights; draws the plots of the run. */
SimStatus cli_report_end(CliReport *report, CliSession *session, const Net *net,
                         const CliProgressState *state, const CliEvaluation *test,
                         double seconds);
/* SHA-256 of all parameters, in the order of the net. */
void cli_report_weights(const CliSession *session, char text[SIM_HASH_TEXT]);
void cli_report_clear(CliReport *report); /* takes an unfinished line away */
