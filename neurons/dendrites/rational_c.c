/* neurons/dendrites/rational_c.c: rational function, version C.
 *
 * Starts as GELU: version B with b0 = 0.9. */
#include "neurons/dendrites/rational_internal.h"

NEURON_PARAM_TABLE(NEURON_NUMERATOR(-0.0004221071456647063, 0.49999955516606254,
                                    0.40270535451115536, 0.07366976895222031,
                                    -0.012954788054484537, -0.0037414002583076983),
                   {"b0", 0.9, -1e3, 1e3, true, "denominator, power 0"},
                   NEURON_DENOMINATOR(4.9585381197087913e-05, 0.1472977407631199,
                                      1.1645825701440633e-05, -0.007483871514842074))

static inline Real value(const Real *x, const Real *p)
{
    return rational_bc(x[0], R(0.1), p[6], p, p + 7);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    rational_bc_slopes(x[0], R(0.1), p[6], p, p + 7, &d_x[0], d_p, &d_p[6], d_p + 7);
}

NEURON_POINTWISE(
    rational_c, 1, 11, .summary = "rational function, version C",
    .formula = "(a0 + a1 x + ... + a5 x^5) / (0.1 + abs(b0 + b1 x + ... + b4 x^4))",
    .source = "rational activation library", .certainty = "code; start: our choice",
    .params = params)
