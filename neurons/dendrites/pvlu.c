/* neurons/dendrites/pvlu.c: parametric variational linear unit. */
#include "neurons/pointwise_internal.h"

enum { ALPHA, BETA };
NEURON_PARAM_TABLE({"alpha", 0.1, -100.0, 100.0, true, "height of the wave"},
                   {"beta", 1.0, -100.0, 100.0, true, "its frequency"})

static inline Real value(const Real *x, const Real *p)
{
    Real s, c;
    real_sincos(p[BETA] * x[0], &s, &c);
    return real_ramp(x[0]) + p[ALPHA] * s;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    Real s, c;
    real_sincos(p[BETA] * x[0], &s, &c);
    d_x[0] = real_step(x[0]) + p[ALPHA] * p[BETA] * c;
    d_p[ALPHA] = s;
    d_p[BETA] = p[ALPHA] * x[0] * c;
}

NEURON_POINTWISE(pvlu, 1, 2, .summary = "parametric variational linear unit",
                 .formula = "max(0, x) + alpha sin(beta x)",
                 .source = "Gupta & Ahuja, arXiv:2110.12246",
                 .certainty = "text; start and sharing: second hand", .params = params)
