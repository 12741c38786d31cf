/* cli/statistics.c: see statistics.h. The only file that includes GSL. */
#include "cli/statistics.h"

#include <math.h>

#ifdef APICAL_GSL

#include <gsl/gsl_cdf.h>

bool cli_statistics_whole(void)
{
    return true;
}

static double t_quantile(double p, double freedom)
{
    return gsl_cdf_tdist_Pinv(p, freedom);
}

static double t_above(double t, double freedom)
{
    return gsl_cdf_tdist_Q(t, freedom);
}

#else

bool cli_statistics_whole(void)
{
    return false;
}

static double t_quantile(double p, double freedom)
{
    (void)p, (void)freedom;
    return (double)NAN;
}

static double t_above(double t, double freedom)
{
    (void)t, (void)freedom;
    return (double)NAN;
}

#endif

/* Of x - y; y may be NULL. */
static CliMean mean_of(const double *x, const double *y, size_t n, double level)
{
    CliMean m = {n, (double)NAN, (double)NAN, (double)NAN};
    double sum = 0.0, squares = 0.0;
    if (n == 0)
        return m;
    for (size_t i = 0; i < n; i++)
        sum += y ? x[i] - y[i] : x[i];
    m.mean = sum / (double)n;
    if (n < 2)
        return m;
    for (size_t i = 0; i < n; i++) {
        const double d = (y ? x[i] - y[i] : x[i]) - m.mean;
        squares += d * d;
    }
    const double freedom = (double)n - 1.0;
    m.deviation = sqrt(squares / freedom);
    m.half = t_quantile(0.5 + 0.5 * level, freedom) * m.deviation / sqrt((double)n);
    return m;
}

CliMean cli_mean(const double *x, size_t n, double level)
{
    return mean_of(x, NULL, n, level);
}

CliPaired cli_paired(const double *x, const double *baseline, size_t n, double level)
{
    CliPaired paired = {mean_of(x, baseline, n, level), (double)NAN, (double)NAN};
    const CliMean *const d = &paired.difference;
    /* Without spread nothing can be said about chance: differences of exact counts that
     * are equal are not a proof beyond doubt. */
    bool spread = false;
    for (size_t i = 1; i < n; i++)
        spread |= x[i] - baseline[i] != x[0] - baseline[0];
    if (n < 2 || !spread || !(d->deviation > 0.0))
        return paired;
    paired.t = d->mean / (d->deviation / sqrt((double)n));
    paired.p = 2.0 * t_above(fabs(paired.t), (double)n - 1.0);
    return paired;
}

void cli_holm(double *p, size_t n)
{
    size_t m = 0;
    double last = 0.0;
    for (size_t i = 0; i < n; i++)
        m += !isnan(p[i]);
    /* The smallest first: each corrected one is negative until all are done. */
    for (size_t k = 0; k < m; k++) {
        size_t least = n;
        for (size_t i = 0; i < n; i++)
            if (p[i] >= 0.0 && !signbit(p[i]) && (least == n || p[i] < p[least]))
                least = i;
        const double corrected = fmin(1.0, (double)(m - k) * p[least]);
        last = fmax(last, corrected);
        p[least] = -last;
    }
    for (size_t i = 0; i < n; i++)
        p[i] = isnan(p[i]) ? p[i] : fabs(p[i]);
}
