/* Random numbers are a function of their key and index, and look like what they claim. */
#include <math.h>
#include <stdbool.h>

#include <criterion/criterion.h>

#include "sim/rng.h"

static const SimRng rng = {.seed = 42, .purpose = SIM_RNG_TEST};

Test(rng, every_part_of_the_key_matters)
{
    SimRng other[4] = {rng, rng, rng, rng};
    other[0].seed++;
    other[1].purpose = SIM_RNG_INIT;
    other[2].epoch++;
    other[3].stream++;
    cr_expect(sim_rng_u64(rng, 7) == sim_rng_u64(rng, 7));
    cr_expect(sim_rng_u64(rng, 7) != sim_rng_u64(rng, 8));
    for (size_t i = 0; i < 4; i++)
        cr_expect(sim_rng_u64(rng, 7) != sim_rng_u64(other[i], 7), "part %zu", i);
}

Test(rng, uniform_moments)
{
    enum { N = 100000 };
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < N; i++) {
        const double u = (double)sim_rng_uniform(rng, i);
        cr_assert(u >= 0.0 && u < 1.0);
        sum += u;
        squares += u * u;
    }
    cr_expect(fabs(sum / N - 0.5) < 5.0 * sqrt(1.0 / 12.0 / N));
    cr_expect(fabs(squares / N - 1.0 / 3.0) < 5.0 * sqrt(4.0 / 45.0 / N));
}

Test(rng, normal_moments)
{
    enum { N = 100000 };
    double sum = 0.0, squares = 0.0, fourth = 0.0;
    for (size_t i = 0; i < N; i++) {
        const double x = (double)sim_rng_normal(rng, i);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    cr_expect(fabs(sum / N) < 5.0 / sqrt(N));
    cr_expect(fabs(squares / N - 1.0) < 5.0 * sqrt(2.0 / N));
    cr_expect(fabs(fourth / N - 3.0) < 5.0 * sqrt(96.0 / N));
}

Test(rng, below_stays_below)
{
    size_t counts[7] = {0};
    for (size_t i = 0; i < 7000; i++) {
        const uint64_t r = sim_rng_below(rng, i, 7);
        cr_assert(r < 7);
        counts[r]++;
    }
    for (size_t i = 0; i < 7; i++)
        cr_expect(counts[i] > 850 && counts[i] < 1150, "%zu: %zu", i, counts[i]);
    cr_expect(sim_rng_below(rng, 3, 1) == 0);
}

Test(rng, a_permutation_holds_each_once)
{
    enum { N = 1000 };
    uint32_t order[N], again[N];
    bool seen[N] = {false};
    sim_rng_permutation(rng, N, order);
    sim_rng_permutation(rng, N, again);
    size_t fixed = 0;
    for (size_t i = 0; i < N; i++) {
        cr_assert(order[i] < N && !seen[order[i]]);
        cr_expect(order[i] == again[i]);
        seen[order[i]] = true;
        fixed += order[i] == i;
    }
    cr_expect(fixed < 12, "%zu of %d did not move", fixed, N); /* expected: 1 */
}
