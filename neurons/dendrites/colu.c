/* neurons/dendrites/colu.c: collapsing linear unit.
 *
 * Below 0 both parts of the fraction are multiplied by exp(x), which cannot overflow
 * there. */
#include "neurons/pointwise_internal.h"

typedef struct Form { /* f = above / below; up = exp(x), q = exp(-up) */
    Real up, q, above, below;
} Form;

static inline Form form(Real x)
{
    const Real up = real_exp(x), q = real_exp(-up);
    return (Form){up, q, x < R(0.0) ? x * up : x,
                  x < R(0.0) ? up - x * q : R(1.0) - x * (q / up)};
}

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    const Form f = form(x[0]);
    return f.above / f.below;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Form f = form(x[0]);
    const Real t = x[0], size = t < R(0.0) ? f.up * f.up : R(1.0);
    const Real rest = t < R(0.0) ? (R(1.0) + f.up) * f.up * f.q : f.q / f.up + f.q;
    d_x[0] = (size - t * t * rest) / (f.below * f.below);
}

NEURON_POINTWISE(colu, 1, 0, .summary = "collapsing linear unit",
                 .formula = "x / (1 - x exp(-(x + exp(x))))",
                 .source = "Vagerwal, arXiv:2112.12078", .certainty = "text")
