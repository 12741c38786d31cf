/* cli/compare_equal.h: variants of a comparison beside their baseline: widths that give
 * equal cost, and a sentence for everything that is not equal. */
#pragma once

#include "cli/compare_plan.h"

typedef struct CliCompareNet {
    NetGraph graph;
    NetParams params;
    double parameters, operations, memory; /* as in CliCompareVariant */
} CliCompareNet;

/* The net of an experiment on the session's data, with its first weights. */
SimStatus cli_compare_net(const CliSession *session, const CliExperiment *experiment,
                          CliCompareNet *out);
void cli_compare_net_destroy(CliCompareNet *net); /* accepts a zeroed one */

/* Changes the widths of a variant until it costs what the baseline does, where the
 * comparison asks for it; sets its factor. */
SimStatus cli_compare_match(CliCompare *compare, const CliSession *session,
                            const CliCompareVariant *baseline, CliCompareVariant *v);

/* Warns of every difference to the baseline: cost, first weights, samples, steps. */
SimStatus cli_compare_equal(CliCompare *compare, CliSession *baseline,
                            CliSession *session, const CliCompareVariant *v,
                            CliCompareNet *first, CliCompareNet *built);

/* Adds a sentence to the warnings, unless it is there. */
SimStatus cli_compare_warn(CliCompare *compare, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
