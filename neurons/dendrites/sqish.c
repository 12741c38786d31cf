/* neurons/dendrites/sqish.c: smooth maximum of x and alpha x. */
#include "neurons/pointwise_internal.h"

enum { ALPHA, BETA, GAMMA };
NEURON_PARAM_TABLE({"alpha", 0.25, -10.0, 10.0, true, "slope far below"},
                   {"beta", 1.0, 1e-3, 100.0, true, "bend"},
                   {"gamma", 1.0, 1e-3, 100.0, true, "sharpness"})

typedef struct Form { /* r = 1 / sqrt(1 + beta exp(u)), rest = 1 - r, w = 1 - r^2 */
    Real r, rest, w;
} Form;

static inline Form form(Real x, const Real *p)
{
    const Real u = R(-2.0) * p[GAMMA] * (R(1.0) - p[ALPHA]) * x;
    const bool up = u > R(0.0);
    const Real e = real_exp(-real_abs(u)), half = real_exp(R(-0.5) * real_abs(u));
    const Real low = up ? e + p[BETA] : R(1.0) + p[BETA] * e;
    const Real root = real_sqrt(low), r = (up ? half : R(1.0)) / root;
    const Real small = p[BETA] * e / (root * (root + R(1.0)));
    return (Form){r, up ? R(1.0) - r : small, (up ? p[BETA] : p[BETA] * e) / low};
}

static inline Real value(const Real *x, const Real *p)
{
    const Form f = form(x[0], p);
    return p[ALPHA] * x[0] + (R(1.0) - p[ALPHA]) * x[0] * f.r;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Form f = form(x[0], p);
    const Real a = p[ALPHA], g = p[GAMMA], k = R(1.0) - a, xx = x[0] * x[0];
    d_x[0] = a + k * f.r * (R(1.0) + g * k * x[0] * f.w);
    d_p[ALPHA] = x[0] * f.rest - k * g * xx * f.r * f.w;
    d_p[BETA] = -k * x[0] * f.r * f.w / (R(2.0) * p[BETA]);
    d_p[GAMMA] = k * k * xx * f.r * f.w;
}

NEURON_POINTWISE(
    sqish, 1, 3, .summary = "smooth maximum of x and alpha x",
    .formula = "alpha x + (1-alpha) x / sqrt(1 + beta exp(-2 gamma (1-alpha) x))",
    .source = "Biswas et al., arXiv:2310.10126",
    .certainty = "second hand; start: memory", .params = params)
