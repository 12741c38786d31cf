/* neurons/dendrites/srs.c: soft-root-sign.
 *
 * The denominator is positive while beta < e alpha: a larger beta counts as 2.5 alpha. */
#include "neurons/pointwise_internal.h"

enum { ALPHA, BETA };
NEURON_PARAM_TABLE({"alpha", 5.0, 0.01, 100.0, true, "height far out"},
                   {"beta", 3.0, 0.01, 100.0, true, "length; at most 2.5 alpha"})

static const Real most = R(2.5);

typedef struct Form { /* f = above / below */
    Real e, above, below, beta;
} Form;

static inline Form form(Real x, const Real *p)
{
    const Real beta = real_min(p[BETA], most * p[ALPHA]);
    const Real e = real_exp(-real_abs(x) / beta);
    const bool up = x >= R(0.0);
    const Real above = up ? x : x * e;
    return (Form){e, above, above / p[ALPHA] + (up ? e : R(1.0)), beta};
}

static inline Real value(const Real *x, const Real *p)
{
    const Form f = form(x[0], p);
    return f.above / f.below;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Form f = form(x[0], p);
    const Real a = p[ALPHA], b = f.beta, square = f.below * f.below;
    const Real by_beta = -x[0] * x[0] * f.e / (b * b * square);
    const bool cut = b < p[BETA];
    d_x[0] = f.e * (R(1.0) + x[0] / b) / square;
    d_p[ALPHA] = f.above * f.above / (a * a * square) + (cut ? most * by_beta : R(0.0));
    d_p[BETA] = cut ? R(0.0) : by_beta;
}

NEURON_POINTWISE(srs, 1, 2, .summary = "soft-root-sign",
                 .formula = "x / (x/alpha + exp(-x/beta))", .source = "Zhou et al. 2020",
                 .certainty = "code; start of the paper (3, 2): memory", .params = params)
