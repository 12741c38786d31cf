/* neurons/somas/if.c: integrate and fire, without a leak.
 *
 *     h[t] = v[t-1] + x[t];   s[t] = [h[t] >= threshold];   v[t] = reset(h[t], s[t])
 */
#include "neurons/family_internal.h"

enum { THRESHOLD, V_RESET, N_PARAMS };
static const NeuronParam params[N_PARAMS] = {
    [THRESHOLD] = {"threshold", 1.0, 1e-6, 1e6, false,
                   "potential at which the neuron fires"},
    [V_RESET] = {"v_reset", 0.0, -1e6, 1e6, false,
                 "potential at the start and after a hard reset"},
};

static NeuronCoefficients coefficients(const NeuronSpec *spec,
                                       const float *const *trained, size_t channel)
{
    (void)spec, (void)trained, (void)channel;
    return (NeuronCoefficients){.decay = 1.0f, .gain = 1.0f};
}

static NeuronFamily family(const NeuronSpec *spec)
{
    return (NeuronFamily){.threshold = spec->soma_values[THRESHOLD],
                          .v_reset = spec->soma_values[V_RESET],
                          .coefficients = coefficients,
                          .spikes = true};
}

static void reference(const NeuronSpec *spec, size_t nt, const double *x, double *y,
                      double *v_before, double *v_after)
{
    neuron_family_reference(spec, 1.0, 1.0, spec->soma_values[THRESHOLD],
                            spec->soma_values[V_RESET], nt, x, y, v_before, v_after);
}

const NeuronSoma neuron_soma_if = {
    .name = "if",
    .summary = "integrate and fire, no leak",
    .source = "Lapicque 1907; conventions of SpikingJelly",
    .params = params,
    .n_params = N_PARAMS,
    NEURON_FAMILY,
    .output = SIM_SPIKES,
    .family = family,
    .reference = reference,
};
