/* neurons/dendrites/identity.c: one branch, passed on as it is. */
#include <string.h>

#include "neurons/neuron.h"

static void forward(const NeuronSpec *spec, size_t n, size_t channels, const float *x,
                    const float *const *params, float *current)
{
    (void)spec, (void)channels, (void)params;
    memcpy(current, x, n * sizeof *x);
}

static void backward(const NeuronSpec *spec, size_t n, size_t channels, const float *x,
                     const float *const *params, const float *d_current, bool accumulate,
                     float *d_x, float *const *d_params)
{
    (void)spec, (void)channels, (void)x, (void)params, (void)d_params;
    for (size_t i = 0; i < n; i++)
        d_x[i] = accumulate ? d_x[i] + d_current[i] : d_current[i];
}

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
    .forward = forward,
    .backward = backward,
    .reference = reference,
};
