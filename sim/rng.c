/* sim/rng.c: the only file that knows Random123. */
#include "sim/rng.h"

#include <math.h>

#include <Random123/philox.h>

static philox4x32_ctr_t draw(SimRng rng, uint64_t index)
{
    const philox4x32_ctr_t counter = {
        {(uint32_t)index, (uint32_t)(index >> 32) ^ ((uint32_t)rng.purpose << 24),
         rng.epoch, rng.stream}};
    const philox4x32_key_t key = {{(uint32_t)rng.seed, (uint32_t)(rng.seed >> 32)}};
    return philox4x32(counter, key);
}

uint64_t sim_rng_u64(SimRng rng, uint64_t index)
{
    const philox4x32_ctr_t r = draw(rng, index);
    return ((uint64_t)r.v[1] << 32) | r.v[0];
}

float sim_rng_uniform(SimRng rng, uint64_t index)
{
    return (float)(draw(rng, index).v[0] >> 8) * 0x1p-24f;
}

float sim_rng_normal(SimRng rng, uint64_t index)
{
    /* Box-Muller in double, so that the result does not depend on a float libm. */
    const philox4x32_ctr_t r = draw(rng, index);
    const double u = ((double)r.v[0] + 0.5) * 0x1p-32, v = (double)r.v[1] * 0x1p-32;
    return (float)(sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v));
}

__extension__ typedef unsigned __int128 Wide;

uint64_t sim_rng_below(SimRng rng, uint64_t index, uint64_t bound)
{
    return (uint64_t)(((Wide)sim_rng_u64(rng, index) * bound) >> 64);
}

void sim_rng_permutation(SimRng rng, size_t n, uint32_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        const size_t j = sim_rng_below(rng, i, i);
        const uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}
