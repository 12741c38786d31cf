/* neurons/dendrites/identity.c: one branch, passed on as it is. */
#include "neurons/neuron.h"

static void reference(const NeuronSpec *spec, const double *x, double *current,
                      double *d_x)
{
    (void)spec;
    *current = x[0];
    d_x[0] = 1.0;
}

const NeuronDendrite neuron_dendrite_identity = {
    .name = "identity",
    .summary = "one branch, passed on as it is",
    .source = "the point neuron",
    .n_branches = 1,
    .reference = reference,
};
