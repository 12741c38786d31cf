/* neurons/dendrites/step_ge.c: step with a learned height, on at 0.
 *
 * Its slope is 0 almost everywhere: back-propagation trains s and the layers behind, not
 * the weights before it. */
#include "neurons/pointwise_internal.h"

enum { S };
NEURON_PARAM_TABLE({"s", 1.0, -1e3, 1e3, true, "height"})

static inline Real value(const Real *x, const Real *p)
{
    return x[0] >= R(0.0) ? p[S] : R(0.0);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p;
    d_x[0] = R(0.0);
    d_p[S] = x[0] >= R(0.0) ? R(1.0) : R(0.0);
}

NEURON_POINTWISE(step_ge, 1, 1, .summary = "step with a learned height, on at 0",
                 .formula = "s where x >= 0, else 0",
                 .source = "Ergen et al., arXiv:2303.03382", .certainty = "text",
                 .params = params, .sharing = NEURON_PER_CHANNEL)
