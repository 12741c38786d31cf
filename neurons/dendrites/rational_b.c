/* neurons/dendrites/rational_b.c: rational function, version B.
 *
 * Starts as GELU, fitted on [-3, 3]. */
#include "neurons/dendrites/rational_internal.h"

NEURON_PARAM_TABLE(NEURON_NUMERATOR(-0.0004221071456647063, 0.49999955516606254,
                                    0.40270535451115536, 0.07366976895222031,
                                    -0.012954788054484537, -0.0037414002583076983),
                   NEURON_DENOMINATOR(4.9585381197087913e-05, 0.1472977407631199,
                                      1.1645825701440633e-05, -0.007483871514842074))

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return rational_bc(x[0], R(1.0), R(0.0), p, p + 6);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p;
    Real d_b0;
    rational_bc_slopes(x[0], R(1.0), R(0.0), p, p + 6, &d_x[0], d_p, &d_b0, d_p + 6);
}

NEURON_POINTWISE(rational_b, 1, 10, .summary = "rational function, version B",
                 .formula = "(a0 + a1 x + ... + a5 x^5) / (1 + abs(b1 x + ... + b4 x^4))",
                 .source = "rational activation library; Yang & Wang, arXiv:2409.10594",
                 .certainty = "code", .params = params)
