/* neurons/dendrites/pwlu4.c: piecewise linear, 4 cells, starts as the rectifier. */
#include "neurons/dendrites/pwlu_internal.h"

NEURON_PARAM_TABLE({"BL", -2.0, -100.0, 100.0, true, "where the cells begin"},
                   {"BR", 2.0, -100.0, 100.0, true, "where they end"},
                   {"KL", 0.0, -100.0, 100.0, true, "slope to the left"},
                   {"KR", 1.0, -100.0, 100.0, true, "slope to the right"},
                   {"Y0", 0.0, -100.0, 100.0, true, "height 0"},
                   {"Y1", 0.0, -100.0, 100.0, true, "height 1"},
                   {"Y2", 0.0, -100.0, 100.0, true, "height 2"},
                   {"Y3", 1.0, -100.0, 100.0, true, "height 3"},
                   {"Y4", 2.0, -100.0, 100.0, true, "height 4"})

static inline Real value(const Real *x, const Real *p)
{
    return neuron_pwlu(4, x[0], p);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p;
    neuron_pwlu_slopes(4, x[0], p, &d_x[0], d_p);
}

NEURON_POINTWISE(
    pwlu4, 1, 9, .summary = "piecewise linear, 4 cells, starts as the rectifier",
    .formula =
        "lines through Y0 ... Y4 at equal steps from BL to BR, slopes KL and KR outside",
    .source = "Zhou et al., arXiv:2104.03693", .certainty = "second hand",
    .params = params)
