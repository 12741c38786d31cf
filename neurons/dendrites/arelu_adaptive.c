/* neurons/dendrites/arelu_adaptive.c: adaptive rectifier.
 *
 * The authors' code starts with a = b = 1, the identity with both lines tied; b = 0
 * starts as the rectifier. */
#include "neurons/pointwise_internal.h"

enum { A, B, C, D };
NEURON_PARAM_TABLE({"a", 1.0, -100.0, 100.0, true, "slope of the first line"},
                   {"b", 0.0, -100.0, 100.0, true, "slope of the second"},
                   {"c", 0.0, -100.0, 100.0, true, "height of the first"},
                   {"d", 0.0, -100.0, 100.0, true, "height of the second"})

static inline Real value(const Real *x, const Real *p)
{
    return real_max(p[A] * x[0] + p[C], p[B] * x[0] + p[D]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const bool first = p[A] * x[0] + p[C] >= p[B] * x[0] + p[D];
    d_x[0] = first ? p[A] : p[B];
    d_p[A] = first ? x[0] : R(0.0);
    d_p[B] = first ? R(0.0) : x[0];
    d_p[C] = first ? R(1.0) : R(0.0);
    d_p[D] = first ? R(0.0) : R(1.0);
}

NEURON_POINTWISE(arelu_adaptive, 1, 4, .summary = "adaptive rectifier",
                 .formula = "max(a x + c, b x + d)",
                 .source = "Hu et al., arXiv:2112.09442",
                 .certainty = "code; start b = 0: our choice", .params = params)
