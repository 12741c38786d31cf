/* tests/nets/net_fixture.h: a described network with parameters, trained for one step.
 * All failures end the calling test. */
#pragma once

#include "nets/net.h"

typedef struct Fixture {
    SimContext context;
    NetGraph graph;
    NetParams params;
} Fixture;

void fixture_good(SimStatus status); /* or the sentence of the failure */
void fixture_close(Fixture *fixture);

/* Zeros and twos, about three to one. */
void fixture_fill_input(Net *net);

/* One training step from the same start: the outputs, then all gradients. Parameters and
 * statistics are as before. Owned. */
float *fixture_train(Fixture *fixture, const NetPlanOptions *options, size_t *n);

/* --- small networks -------------------------------------------------------------------
 */

enum { FIXTURE_SIDE = 8, FIXTURE_STEPS = 3, FIXTURE_BATCH = 2, FIXTURE_CLASSES = 3 };

typedef struct FixtureSmall {
    const char *model, *key, *value; /* one option of the model, and what else */
    const char *key2, *value2;
} FixtureSmall;

enum { FIXTURE_SMALLS = 7 };
extern const FixtureSmall fixture_smalls[FIXTURE_SMALLS];
/* Their numbers: parameters of tests, which pointers cannot be. */
extern size_t fixture_all_smalls[FIXTURE_SMALLS];

void fixture_open_small(const FixtureSmall *small, const char *surrogate, Fixture *f);
/* `soma` NULL: as the model has it; `side` of its images. */
void fixture_open_sized(const FixtureSmall *small, const char *soma,
                        const char *surrogate, size_t side, Fixture *f);
NetPlanOptions fixture_training(NetMemory memory);

/* How far b[first ... n) is from a, as a share of the norm of a. */
double fixture_distance(const float *a, const float *b, size_t first, size_t n);
