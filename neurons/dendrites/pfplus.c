/* neurons/dendrites/pfplus.c: power-plus with learned slope and bend. */
#include "neurons/pointwise_internal.h"

enum { LAMBDA, MU };
NEURON_PARAM_TABLE({"lambda", 1.0, 1e-6, 1e3, true, "slope above 0"},
                   {"mu", 1.0, 1e-6, 1e3, true, "bend below 0"})

static inline Real value(const Real *x, const Real *p)
{
    return p[LAMBDA] * x[0] / (R(1.0) - p[MU] * real_min(x[0], R(0.0)));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real below = real_min(x[0], R(0.0)), q = R(1.0) - p[MU] * below;
    d_x[0] = p[LAMBDA] / (q * q);
    d_p[LAMBDA] = x[0] / q;
    d_p[MU] = p[LAMBDA] * below * below / (q * q);
}

NEURON_POINTWISE(pfplus, 1, 2, .summary = "power-plus with learned slope and bend",
                 .formula = "lambda x where x >= 0, else lambda x / (1 - mu x)",
                 .source = "Duan et al., arXiv:2111.14349", .certainty = "code",
                 .params = params, .sharing = NEURON_PER_CHANNEL)
