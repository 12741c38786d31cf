/* neurons/somas/plif.c: leaky integrate and fire with a learned time constant.
 *
 *     k = 1/tau = sigmoid(w)
 *     h[t] = (1 - k) (v[t-1] - v_reset) + v_reset + (decay_input ? k : 1) x[t]
 *     dw = dk k (1 - k),  dk = sum dh (x - (v - v_reset)), or without the x
 */
#include <math.h>

#include "neurons/family_internal.h"

enum { W, THRESHOLD, V_RESET, DECAY_INPUT, N_PARAMS };
static const NeuronParam params[N_PARAMS] = {
    [W] = {"w", 0.0, -20.0, 20.0, true, "1/tau = sigmoid(w); w = -ln(tau - 1)"},
    [THRESHOLD] = {"threshold", 1.0, 1e-6, 1e6, false,
                   "potential at which the neuron fires"},
    [V_RESET] = {"v_reset", 0.0, -1e6, 1e6, false,
                 "potential at rest and after a hard reset"},
    [DECAY_INPUT] = {"decay_input", 1.0, 0.0, 1.0, false,
                     "1: the input is scaled by 1/tau; 0: not"},
};

static double rate(double w)
{
    return 1.0 / (1.0 + exp(-w));
}

static NeuronCoefficients coefficients(const NeuronSpec *spec,
                                       const float *const *trained, size_t channel)
{
    const double k = rate((double)trained[0][neuron_trained_index(spec, channel)]);
    return (NeuronCoefficients){.decay = (float)(1.0 - k),
                                .gain = spec->soma_values[DECAY_INPUT] != 0.0 ? (float)k
                                                                              : 1.0f};
}

static void d_trained(const NeuronSpec *spec, const float *const *trained, size_t channel,
                      double d_decay, double d_gain, float *const *d_params)
{
    const size_t i = neuron_trained_index(spec, channel);
    const double k = rate((double)trained[0][i]);
    const double d_k = (spec->soma_values[DECAY_INPUT] != 0.0 ? d_gain : 0.0) - d_decay;
    d_params[0][i] += (float)(d_k * k * (1.0 - k));
}

static NeuronFamily family(const NeuronSpec *spec)
{
    return (NeuronFamily){.threshold = spec->soma_values[THRESHOLD],
                          .v_reset = spec->soma_values[V_RESET],
                          .coefficients = coefficients,
                          .d_trained = d_trained,
                          .spikes = true};
}

static void reference(const NeuronSpec *spec, size_t nt, const double *x, double *y,
                      double *v_before, double *v_after)
{
    const double k = rate(spec->soma_values[W]);
    neuron_family_reference(spec, 1.0 - k,
                            spec->soma_values[DECAY_INPUT] != 0.0 ? k : 1.0,
                            spec->soma_values[THRESHOLD], spec->soma_values[V_RESET], nt,
                            x, y, v_before, v_after);
}

const NeuronSoma neuron_soma_plif = {
    .name = "plif",
    .summary = "leaky integrate and fire, learned time constant",
    .source = "Fang et al., ICCV 2021",
    .params = params,
    .n_params = N_PARAMS,
    NEURON_FAMILY,
    .output = SIM_SPIKES,
    .family = family,
    .reference = reference,
};
