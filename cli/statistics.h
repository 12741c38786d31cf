/* cli/statistics.h: means with intervals, and paired tests: what a table of a comparison
 * stands on. The distributions come from the GNU Scientific Library; in a build without
 * it intervals and p values are NAN. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool cli_statistics_whole(void); /* false: built without the library */

typedef struct CliMean {
    size_t n;
    double mean;      /* NAN for n = 0 */
    double deviation; /* of the sample (n - 1), NAN for n < 2 */
    double half;      /* half the width of the confidence interval, Student's t; or NAN */
} CliMean;

/* `level` 0.95: the interval holds the true mean in 95 % of such samples. */
CliMean cli_mean(const double *x, size_t n, double level);

typedef struct CliPaired {
    CliMean difference; /* x - baseline */
    double t, p;        /* two-sided; NAN for n < 2 and where all differences are equal */
} CliPaired;

/* Student's paired test; x[i] and baseline[i] belong together. */
CliPaired cli_paired(const double *x, const double *baseline, size_t n, double level);

/* Corrects n p values that were looked at together (Holm, Scandinavian Journal of
 * Statistics 6, 1979): in place; NAN stays and counts for nothing. */
void cli_holm(double *p, size_t n);
