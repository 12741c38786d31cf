/* Means, intervals and tests against values that are in books. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>

#include "cli/statistics.h"

static bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance;
}

/* Student, Biometrika 6, 1908: hours of sleep gained by ten patients from two drugs. */
static const double sleep_one[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double sleep_two[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

Test(statistics, student_and_his_patients)
{
    const CliMean one = cli_mean(sleep_one, 10, 0.95);
    const CliPaired both = cli_paired(sleep_two, sleep_one, 10, 0.95);
    cr_expect(near(one.mean, 0.75, 1e-12));
    cr_expect(near(one.deviation, 1.789010, 1e-6));
    cr_expect(near(both.difference.mean, 1.58, 1e-12));
    cr_expect(near(both.difference.deviation, 1.229995, 1e-6));
    cr_expect(near(both.t, 4.062128, 1e-6));
    if (!cli_statistics_whole())
        cr_skip_test("built without GSL");
    cr_expect(near(one.half, 1.279780, 1e-6), "%.9g", one.half);
    cr_expect(near(both.p, 0.00283289, 1e-8), "%.9g", both.p);
    cr_expect(near(both.difference.half, 0.879885, 1e-5), "%.9g", both.difference.half);
}

Test(statistics, quantiles_of_small_samples)
{
    if (!cli_statistics_whole())
        cr_skip_test("built without GSL");
    /* Tables of Student's t, two-sided 95 %: 12.7062 for 1 degree of freedom, 4.30265 for
     * 2, 2.77645 for 4. */
    static const double x[] = {1, 2, 3, 4, 5};
    cr_expect(near(cli_mean(x, 2, 0.95).half, 12.70620 * sqrt(0.5) / sqrt(2.0), 1e-4));
    cr_expect(near(cli_mean(x, 3, 0.95).half, 4.302653 / sqrt(3.0), 1e-5));
    cr_expect(near(cli_mean(x, 5, 0.95).half, 2.776445 * sqrt(2.5) / sqrt(5.0), 1e-5));
}

Test(statistics, what_too_little_says_is_not_a_number)
{
    static const double x[] = {0.5, 0.7}, y[] = {0.4, 0.6}, z[] = {0.5, 0.7};
    cr_expect(isnan(cli_mean(x, 0, 0.95).mean));
    cr_expect(near(cli_mean(x, 1, 0.95).mean, 0.5, 0.0));
    cr_expect(isnan(cli_mean(x, 1, 0.95).half));
    cr_expect(isnan(cli_paired(x, y, 1, 0.95).p));
    /* No spread: nothing to measure the difference by. */
    cr_expect(isnan(cli_paired(x, z, 2, 0.95).p));
    cr_expect(near(cli_paired(x, z, 2, 0.95).difference.mean, 0.0, 0.0));
}

/* As p.adjust(method = "holm") of R has it. */
Test(statistics, holm)
{
    double p[] = {0.01, 0.04, (double)NAN, 0.03, 0.005};
    static const double corrected[] = {0.03, 0.06, 0.0, 0.06, 0.02};
    cli_holm(p, 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect(i == 2 ? isnan(p[i]) : near(p[i], corrected[i], 1e-15), "%zu: %g", i,
                  p[i]);
    double large[] = {0.9, 0.0, 0.6};
    cli_holm(large, 3);
    cr_expect(large[0] == 1.0 && large[1] == 0.0 && large[2] == 1.0);
}
