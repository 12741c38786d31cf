/* cli/compare_plan.h: which trainings a comparison consists of.
 *
 *     compare:
 *       neuron: relu, ada, pynada     the first key is what is compared; its first value
 *       data.path: builtin:xor, ...   is the baseline. Every other key makes groups
 *       seeds: 5                      the rest are rows of cli_compare_options
 *
 * A variant is one choice of values; it is trained once for every seed. Variants of a
 * group differ in the first key only, so that run k of a variant is compared with run k
 * of the baseline of its group: same samples in the same order, same initial weights
 * where shapes allow. What could not be made equal is told. */
#pragma once

#include "cli/session.h"

typedef enum CliMatch { CLI_MATCH_NONE, CLI_MATCH_PARAMS, CLI_MATCH_OPS } CliMatch;
typedef enum CliMeasure {
    CLI_MEASURE_AUTO,
    CLI_MEASURE_LAST,
    CLI_MEASURE_BEST
} CliMeasure;

typedef struct CliCompareOptions {
    int64_t seeds;
    int match;     /* CliMatch */
    int measure;   /* CliMeasure */
    int64_t jobs;  /* trainings at once; 0: measured */
    int64_t panel; /* side of one panel of decision boundaries in points */
} CliCompareOptions;

extern const SimOption cli_compare_options[];

enum { CLI_COMPARE_FACTORS = 6, CLI_COMPARE_KEY = 128 };

typedef struct CliCompareFactor {
    char key[CLI_COMPARE_KEY]; /* "section.key", or "neuron" */
    char **values;             /* owned */
    size_t n;
} CliCompareFactor;

typedef struct CliCompareVariant {
    size_t choice[CLI_COMPARE_FACTORS]; /* a value of each factor */
    size_t group, baseline;             /* baseline: a variant */
    const char *name;                   /* value of the first factor, borrowed */
    char *folder;                       /* owned, "03-ada", unique */
    CliExperiment experiment;      /* owned; widths as matched, seed of the first run */
    double factor;                 /* widths were multiplied by it; 1: as they were */
    double parameters, operations; /* trained numbers; MACs of a sample, all dense */
    double memory;                 /* bytes of the training plan with parameters */
} CliCompareVariant;

typedef struct CliCompare {
    CliCompareOptions options;
    CliCompareFactor factors[CLI_COMPARE_FACTORS]; /* owned */
    size_t n_factors;
    CliCompareVariant *variants; /* owned, the first factor running fastest */
    size_t n_variants, n_groups; /* variants of a group stand side by side */
    char **group_names;          /* owned, [n_groups]: "data.path builtin:xor", or "" */
    char **warnings;             /* owned: what is not equal */
    size_t n_warnings;
    char *text;                    /* owned: the whole comparison as an experiment file */
    bool has_validation, is_plane; /* is_plane: every sample is a point (x, y) */
} CliCompare;

/* From an experiment file with or without "compare:", settings "section.key=value" and
 * `vary` "key=a,b,c" as given on the command line, which replace those of the file. Opens
 * the data and plans every net. `warn` hears what the data have to say. */
SimStatus cli_compare_plan(const char *path, const char *const *settings,
                           size_t n_settings, const char *const *vary, size_t n_vary,
                           void (*warn)(void *argument, const char *sentence),
                           void *argument, CliCompare *out);
void cli_compare_destroy(CliCompare *compare); /* accepts a zeroed one */

size_t cli_compare_group_size(const CliCompare *compare); /* variants in a group */
size_t cli_compare_runs(const CliCompare *compare);       /* variants times seeds */

/* "runs/x/03-ada/seed2" of run `k` of a variant. */
SimStatus cli_compare_run_path(const CliCompare *compare, const char *folder,
                               size_t variant, size_t k, char *path);
