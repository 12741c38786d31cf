/* neurons/dendrites/pwlu.c: piecewise linear, 8 cells, starts as the rectifier. */
#include "neurons/dendrites/pwlu_internal.h"

NEURON_PARAM_TABLE({"BL", -2.0, -100.0, 100.0, true, "where the cells begin"},
                   {"BR", 2.0, -100.0, 100.0, true, "where they end"},
                   {"KL", 0.0, -100.0, 100.0, true, "slope to the left"},
                   {"KR", 1.0, -100.0, 100.0, true, "slope to the right"},
                   {"Y0", 0.0, -100.0, 100.0, true, "height 0"},
                   {"Y1", 0.0, -100.0, 100.0, true, "height 1"},
                   {"Y2", 0.0, -100.0, 100.0, true, "height 2"},
                   {"Y3", 0.0, -100.0, 100.0, true, "height 3"},
                   {"Y4", 0.0, -100.0, 100.0, true, "height 4"},
                   {"Y5", 0.5, -100.0, 100.0, true, "height 5"},
                   {"Y6", 1.0, -100.0, 100.0, true, "height 6"},
                   {"Y7", 1.5, -100.0, 100.0, true, "height 7"},
                   {"Y8", 2.0, -100.0, 100.0, true, "height 8"})

static inline Real value(const Real *x, const Real *p)
{
    return neuron_pwlu(8, x[0], p);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p;
    neuron_pwlu_slopes(8, x[0], p, &d_x[0], d_p);
}

NEURON_POINTWISE(
    pwlu, 1, 13, .summary = "piecewise linear, 8 cells, starts as the rectifier",
    .formula =
        "lines through Y0 ... Y8 at equal steps from BL to BR, slopes KL and KR outside",
    .source = "Zhou et al., arXiv:2104.03693", .certainty = "second hand",
    .params = params)
