/* neurons/dendrites/talu.c: tanh below 0, down to a floor. */
#include "neurons/pointwise_internal.h"

enum { ALPHA };
NEURON_PARAM_TABLE({"alpha", -0.05, -10.0, -1e-3, false, "where it becomes flat"})

static inline Real value(const Real *x, const Real *p)
{
    return x[0] >= R(0.0) ? x[0] : real_tanh(real_max(x[0], p[ALPHA]));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const bool flat = x[0] <= p[ALPHA];
    d_x[0] = x[0] >= R(0.0) ? R(1.0) : flat ? R(0.0) : real_d_tanh(x[0]);
    d_p[ALPHA] = flat && x[0] < R(0.0) ? real_d_tanh(p[ALPHA]) : R(0.0);
}

NEURON_POINTWISE(talu, 1, 1, .summary = "tanh below 0, down to a floor",
                 .formula = "x where x >= 0, tanh(x) down to alpha, tanh(alpha) below",
                 .source = "Hasan et al., arXiv:2305.04402",
                 .certainty = "second hand; start: memory", .params = params)
