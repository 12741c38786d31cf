/* neurons/dendrites/ada.c: apical dendrite activation. */
#include "neurons/dendrites/ada_internal.h"

enum { ALPHA, C };
NEURON_PARAM_TABLE({"alpha", 1.0, 1e-3, 100.0, true, "the peak lies at 1/alpha"},
                   {"c", 0.0, -20.0, 20.0, false, "log of the height"})

static inline Real value(const Real *x, const Real *p)
{
    return neuron_ada(x[0], p[ALPHA], p[C]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    neuron_ada_slopes(x[0], p[ALPHA], p[C], &d_x[0], &d_p[ALPHA], &d_p[C]);
}

NEURON_POINTWISE(ada, 1, 2, .summary = "apical dendrite activation",
                 .formula = "max(0, x) exp(-alpha x + c)",
                 .source = "Georgescu et al., arXiv:2003.03229", .certainty = "code",
                 .params = params, .sharing = NEURON_PER_NET)
