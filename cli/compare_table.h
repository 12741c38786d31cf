/* cli/compare_table.h: what the trainings of a comparison say together. */
#pragma once

#include "cli/compare_plan.h"
#include "cli/result.h"
#include "cli/statistics.h"

typedef struct CliCompareRow {
    size_t runs;      /* finished */
    size_t perfect;   /* of these, with every test sample right */
    CliMean accuracy; /* 0 to 1 */
    CliPaired paired; /* against the baseline, over seeds that both have */
    double corrected; /* p, for all variants of the group (Holm) */
    CliMean macs, synops, firing, memory, cpu; /* cpu: seconds an epoch */
    size_t best; /* the run of the highest accuracy, the first of them */
} CliCompareRow;

typedef struct CliCompareTable {
    const CliCompare *compare; /* borrowed */
    const char *folder;        /* borrowed */
    CliCompareRow *rows;       /* owned, [variants] */
    CliResult *results;        /* owned, [variants, seeds]; epochs NAN: not finished */
    size_t finished;
} CliCompareTable;

#define CLI_COMPARE_LEVEL 0.95 /* of confidence intervals */

SimStatus cli_compare_table(const CliCompare *compare, const char *folder,
                            CliCompareTable *out);
void cli_compare_table_destroy(CliCompareTable *table); /* accepts a zeroed one */

double cli_compare_accuracy(const CliCompareTable *table, size_t variant, size_t k);

/* To the screen: a table, or with several groups one row for all of them. */
void cli_compare_print(const CliCompareTable *table, FILE *out);

/* report.md, table.csv, runs.csv in the folder. */
SimStatus cli_compare_write(const CliCompareTable *table);

/* --- pictures (compare_plots.c, compare_boundaries.c) --------------------------------
 */

/* curves, cost: for every group, "curves-2" for the second, and so on. */
SimStatus cli_compare_draw(const CliCompareTable *table, bool *drawn);

/* boundaries: every variant's best run of a problem in the plane. */
SimStatus cli_compare_boundaries(const CliCompareTable *table, bool *drawn);
