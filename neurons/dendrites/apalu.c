/* neurons/dendrites/apalu.c: adaptive piecewise approximated linear unit. */
#include "neurons/pointwise_internal.h"

enum { A, B };
NEURON_PARAM_TABLE({"a", 0.55, 1e-6, 100.0, true, "slope above 0"},
                   {"b", 0.065, 1e-6, 100.0, true, "depth below 0"})

static inline Real value(const Real *x, const Real *p)
{
    const Real up = p[A] * (x[0] + x[0] * real_sigmoid(R(1.702) * x[0]));
    return x[0] >= R(0.0) ? up : p[B] * real_expm1(x[0]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real t = R(1.702) * x[0], s = real_sigmoid(t);
    const bool up = x[0] >= R(0.0);
    d_x[0] = up ? p[A] * (R(1.0) + s + t * real_d_sigmoid(t)) : p[B] * real_exp(x[0]);
    d_p[A] = up ? x[0] + x[0] * s : R(0.0);
    d_p[B] = up ? R(0.0) : real_expm1(x[0]);
}

NEURON_POINTWISE(
    apalu, 1, 2, .summary = "adaptive piecewise approximated linear unit",
    .formula =
        "a (x + x s(1.702 x)) where x >= 0, else b (exp(x) - 1), s the logistic function",
    .source = "Subramanian et al., arXiv:2402.08244", .certainty = "second hand",
    .params = params)
