/* neurons/dendrites/softplus.c: smooth rectifier. */
#include "neurons/pointwise_internal.h"

enum { BETA };
NEURON_PARAM_TABLE({"beta", 1.0, 1e-3, 1e3, false, "sharpness"})

static inline Real value(const Real *x, const Real *p)
{
    const Real t = p[BETA] * x[0];
    return real_softplus(t) / p[BETA];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real b = p[BETA], t = b * x[0], size = real_abs(t);
    d_x[0] = real_sigmoid(t);
    d_p[BETA] = -(real_log1p(real_exp(-size)) + size * real_sigmoid(-size)) / (b * b);
}

NEURON_POINTWISE(softplus, 1, 1, .summary = "smooth rectifier",
                 .formula = "ln(1 + exp(beta x)) / beta", .source = "classic",
                 .certainty = "standard", .params = params)
