/* neurons/dendrites/atanh_adaptive.c: adaptive tanh. */
#include "neurons/pointwise_internal.h"

enum { A, B, C, D };
NEURON_PARAM_TABLE({"a", 1.0, -100.0, 100.0, true, "factor on x"},
                   {"b", 1.0, -100.0, 100.0, true, "factor on the value"},
                   {"c", 0.0, -100.0, 100.0, true, "added to x"},
                   {"d", 0.0, -100.0, 100.0, true, "added to the value"})

static inline Real value(const Real *x, const Real *p)
{
    return p[B] * real_tanh(p[A] * x[0] + p[C]) + p[D];
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real t = p[A] * x[0] + p[C], slope = p[B] * real_d_tanh(t);
    d_x[0] = p[A] * slope;
    d_p[A] = x[0] * slope;
    d_p[B] = real_tanh(t);
    d_p[C] = slope;
    d_p[D] = R(1.0);
}

NEURON_POINTWISE(atanh_adaptive, 1, 4, .summary = "adaptive tanh",
                 .formula = "b tanh(a x + c) + d",
                 .source = "Hu et al., arXiv:2112.09442", .certainty = "code",
                 .params = params)
