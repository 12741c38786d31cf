/* sim/rng.h: counter-based random numbers (Philox4x32-10, Salmon et al. 2011).
 *
 * A number is a function of its key and its index alone, never of the order of calls, so
 * the same seed gives the same bits whatever the thread count, and a resumed run needs no
 * generator state. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum SimRngPurpose {
    SIM_RNG_INIT,    /* initial weights; stream = parameter number */
    SIM_RNG_SHUFFLE, /* order of samples in an epoch */
    SIM_RNG_AUGMENT, /* stream = sample */
    SIM_RNG_DROPOUT, /* stream = node of the net */
    SIM_RNG_SPLIT,   /* random train/test splits */
    SIM_RNG_SYNTH,   /* synthesised recordings; stream = sample */
    SIM_RNG_ENCODE,  /* rate coding of images */
    SIM_RNG_TEST     /* data of tests and benchmarks */
} SimRngPurpose;

typedef struct SimRng {
    uint64_t seed;
    SimRngPurpose purpose;
    uint32_t epoch; /* or training step, where a purpose says so */
    uint32_t stream;
} SimRng;

uint64_t sim_rng_u64(SimRng rng, uint64_t index);
float sim_rng_uniform(SimRng rng, uint64_t index); /* [0, 1), 24 bits */
float sim_rng_normal(SimRng rng, uint64_t index);  /* mean 0, variance 1 */
uint64_t sim_rng_below(SimRng rng, uint64_t index,
                       uint64_t bound); /* [0, bound), bound > 0 */

/* Fisher-Yates: `order` [n] becomes a permutation of 0..n-1. */
void sim_rng_permutation(SimRng rng, size_t n, uint32_t *order);
