/* neurons/dendrites/max_affine2.c: larger of two lines. */
#include "neurons/pointwise_internal.h"

enum { A1, A2, B1, B2 };
NEURON_PARAM_TABLE({"a1", 1.0, -100.0, 100.0, true, "slope of the first line"},
                   {"a2", 0.0, -100.0, 100.0, true, "slope of the second"},
                   {"b1", 0.0, -100.0, 100.0, true, "height of the first"},
                   {"b2", 0.0, -100.0, 100.0, true, "height of the second"})

static inline Real value(const Real *x, const Real *p)
{
    return real_max(p[A1] * x[0] + p[B1], p[A2] * x[0] + p[B2]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const bool first = p[A1] * x[0] + p[B1] >= p[A2] * x[0] + p[B2];
    d_x[0] = first ? p[A1] : p[A2];
    d_p[A1] = first ? x[0] : R(0.0);
    d_p[A2] = first ? R(0.0) : x[0];
    d_p[B1] = first ? R(1.0) : R(0.0);
    d_p[B2] = first ? R(0.0) : R(1.0);
}

NEURON_POINTWISE(max_affine2, 1, 4, .summary = "larger of two lines",
                 .formula = "max(a1 x + b1, a2 x + b2)",
                 .source = "core of Chen et al. (DY-ReLU), arXiv:2003.10027",
                 .certainty = "code", .params = params)
