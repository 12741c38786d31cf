/* neurons/dendrites/rational_a.c: rational function, version A (Padé activation unit).
 *
 * Starts as leaky ReLU 0.01, fitted on [-3, 3]. A b of exactly 0 stays 0. */
#include "neurons/dendrites/rational_internal.h"

NEURON_PARAM_TABLE(NEURON_NUMERATOR(0.029792778657264946, 0.6183735264987601,
                                    2.323309062531321, 3.051936237265109,
                                    1.4854203263828845, 0.2510244961111299),
                   NEURON_DENOMINATOR(-1.1419548357285474, 4.393159974992486,
                                      0.8714712309957245, 0.34719662339598834))

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return rational_a(x[0], p, p + 6);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p;
    rational_a_slopes(x[0], p, p + 6, &d_x[0], d_p, d_p + 6);
}

NEURON_POINTWISE(
    rational_a, 1, 10, .summary = "rational function, version A (Padé activation unit)",
    .formula = "(a0 + a1 x + ... + a5 x^5) / (1 + abs(b1 x) + ... + abs(b4 x^4))",
    .source = "Molina et al., ICLR 2020; RAFT, arXiv:2208.14111", .certainty = "code",
    .params = params)
