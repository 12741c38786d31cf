/* neurons/dendrites/gaussian_rbf.c: radial basis function. */
#include "neurons/pointwise_internal.h"

enum { ALPHA };
NEURON_PARAM_TABLE({"alpha", 1.0, 1e-3, 1e3, true, "square of the width"})

static inline Real value(const Real *x, const Real *p)
{
    return real_exp(-x[0] * x[0] / p[ALPHA]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real t = x[0] / p[ALPHA], f = real_exp(-x[0] * t);
    d_x[0] = R(-2.0) * t * f;
    d_p[ALPHA] = t * t * f;
}

NEURON_POINTWISE(gaussian_rbf, 1, 1, .summary = "radial basis function",
                 .formula = "exp(-x^2 / alpha)",
                 .source = "baseline of Georgescu et al., arXiv:2003.03229",
                 .certainty = "code", .params = params)
