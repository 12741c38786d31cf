/* neurons/dendrites/pynada.c: pyramidal neuron: basal rectifier, apical ADA.
 *
 * Branch x is the basal dendrite, y the apical one; each has weights and a bias of its
 * own. */
#include "neurons/dendrites/ada_internal.h"

enum { ALPHA, C };
NEURON_PARAM_TABLE({"alpha", 0.7, 1e-3, 100.0, true, "the peak lies at 1/alpha"},
                   {"c", 0.0, -20.0, 20.0, false, "log of the height"})

static inline Real value(const Real *x, const Real *p)
{
    return real_ramp(x[0]) + neuron_ada(x[1], p[ALPHA], p[C]);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    neuron_ada_slopes(x[1], p[ALPHA], p[C], &d_x[1], &d_p[ALPHA], &d_p[C]);
    d_x[0] = real_step(x[0]);
}

NEURON_POINTWISE(pynada, 2, 2, .summary = "pyramidal neuron: basal rectifier, apical ADA",
                 .formula = "max(0, x) + max(0, y) exp(-alpha y + c)",
                 .source = "Georgescu et al., arXiv:2003.03229", .certainty = "code",
                 .params = params, .sharing = NEURON_PER_NET)
