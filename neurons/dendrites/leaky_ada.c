/* neurons/dendrites/leaky_ada.c: apical dendrite activation with a leak. */
#include "neurons/dendrites/ada_internal.h"

enum { ALPHA, C, LEAK };
NEURON_PARAM_TABLE({"alpha", 0.1, 1e-3, 100.0, true, "the peak lies at 1/alpha"},
                   {"c", 0.0, -20.0, 20.0, false, "log of the height"},
                   {"leak", 0.01, -10.0, 10.0, false, "slope below 0"})

static inline Real value(const Real *x, const Real *p)
{
    return p[LEAK] * real_min(x[0], R(0.0)) + neuron_ada(x[0], p[ALPHA], p[C]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    neuron_ada_slopes(x[0], p[ALPHA], p[C], &d_x[0], &d_p[ALPHA], &d_p[C]);
    d_x[0] = x[0] > R(0.0) ? d_x[0] : p[LEAK];
    d_p[LEAK] = real_min(x[0], R(0.0));
}

NEURON_POINTWISE(leaky_ada, 1, 3, .summary = "apical dendrite activation with a leak",
                 .formula = "leak min(0, x) + max(0, x) exp(-alpha x + c)",
                 .source = "Georgescu et al., arXiv:2003.03229", .certainty = "code",
                 .params = params, .sharing = NEURON_PER_NET)
