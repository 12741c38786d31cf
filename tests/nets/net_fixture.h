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
