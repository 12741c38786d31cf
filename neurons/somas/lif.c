/* neurons/somas/lif.c: leaky integrate and fire.
 *
 *     h[t] = decay (v[t-1] - v_reset) + v_reset + gain x[t]
 *     s[t] = [h[t] >= threshold];   v[t] = reset(h[t], s[t])
 *
 * decay and gain reach every convention in use: SpikingJelly's tau is decay 1 - 1/tau
 * with gain 1/tau (decayed input) or 1; snnTorch's beta and S-ResNet's leak are decay
 * with gain 1; MS-ResNet is decay 0.25, gain 1, threshold 0.5. With a soft reset the rest
 * is 0. */
#include "neurons/family_internal.h"

enum { DECAY, GAIN, THRESHOLD, V_RESET, N_PARAMS };
static const NeuronParam params[N_PARAMS] = {
    [DECAY] = {"decay", 0.5, 0.0, 1.0, false, "share of the potential left after a step"},
    [GAIN] = {"gain", 0.5, 1e-6, 1e6, false, "factor on the input current"},
    [THRESHOLD] = {"threshold", 1.0, 1e-6, 1e6, false,
                   "potential at which the neuron fires"},
    [V_RESET] = {"v_reset", 0.0, -1e6, 1e6, false,
                 "potential at rest and after a hard reset"},
};

static NeuronCoefficients coefficients(const NeuronSpec *spec,
                                       const float *const *trained, size_t channel)
{
    (void)trained, (void)channel;
    return (NeuronCoefficients){.decay = (float)spec->soma_values[DECAY],
                                .gain = (float)spec->soma_values[GAIN]};
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
    neuron_family_reference(spec, spec->soma_values[DECAY], spec->soma_values[GAIN],
                            spec->soma_values[THRESHOLD], spec->soma_values[V_RESET], nt,
                            x, y, v_before, v_after);
}

const NeuronSoma neuron_soma_lif = {
    .name = "lif",
    .summary = "leaky integrate and fire",
    .source = "conventions compared in docs/neurons.md",
    .params = params,
    .n_params = N_PARAMS,
    NEURON_FAMILY,
    .output = SIM_SPIKES,
    .family = family,
    .reference = reference,
};
