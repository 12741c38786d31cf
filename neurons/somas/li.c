/* neurons/somas/li.c: leaky integrator: the membrane itself is the output (read-out).
 *
 *     v[t] = decay v[t-1] + gain x[t];   y[t] = v[t]
 */
#include "neurons/family_internal.h"

enum { DECAY, GAIN, N_PARAMS };
static const NeuronParam params[N_PARAMS] = {
    [DECAY] = {"decay", 0.5, 0.0, 1.0, false, "share of the potential left after a step"},
    [GAIN] = {"gain", 0.5, 1e-6, 1e6, false, "factor on the input current"},
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
    (void)spec;
    return (NeuronFamily){.threshold = 1.0, .coefficients = coefficients};
}

static void reference(const NeuronSpec *spec, size_t nt, const double *x, double *y,
                      double *v_before, double *v_after)
{
    double v = 0.0;
    for (size_t t = 0; t < nt; t++) {
        v = spec->soma_values[DECAY] * v + spec->soma_values[GAIN] * x[t];
        double *const outputs[] = {y, v_before, v_after};
        for (size_t i = 0; i < 3; i++)
            if (outputs[i])
                outputs[i][t] = v;
    }
}

const NeuronSoma neuron_soma_li = {
    .name = "li",
    .summary = "leaky integrator, the potential is the output",
    .source = "membrane read-out, e.g. Yin et al. 2021",
    .params = params,
    .n_params = N_PARAMS,
    NEURON_FAMILY,
    .output = SIM_DENSE,
    .family = family,
    .reference = reference,
};
