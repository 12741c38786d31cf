/* neurons/dendrites/pwlu_internal.h: piecewise linear on `cells` equal cells between BL
 * and BR, straight lines outside.
 *
 * Parameters BL, BR, KL, KR (slopes outside), then the heights Y0 ... Y(cells). How far x
 * has come through cell j, c_j in [0, 1], makes the value a sum without a look-up:
 *
 *     f = Y0 + sum of (Y(j+1) - Y(j)) c_j, plus the line outside */
#pragma once

#include "neurons/pointwise_internal.h"

enum { NEURON_PWLU_BL, NEURON_PWLU_BR, NEURON_PWLU_KL, NEURON_PWLU_KR, NEURON_PWLU_Y };

static inline Real neuron_pwlu_width(const Real *p)
{
    return real_max(p[NEURON_PWLU_BR] - p[NEURON_PWLU_BL], R(1e-3));
}

static inline Real neuron_pwlu_through(Real cells_in, int j)
{
    return real_min(real_ramp(cells_in - (Real)j), R(1.0));
}

static inline Real neuron_pwlu(int cells, Real x, const Real *p)
{
    const Real *y = p + NEURON_PWLU_Y, left = p[NEURON_PWLU_BL];
    const Real width = neuron_pwlu_width(p), right = left + width;
    const Real u = (x - left) / width * (Real)cells;
    Real f = y[0];
    for (int j = 0; j < cells; j++)
        f += (y[j + 1] - y[j]) * neuron_pwlu_through(u, j);
    return f + p[NEURON_PWLU_KL] * real_min(x - left, R(0.0)) +
           p[NEURON_PWLU_KR] * real_ramp(x - right);
}

static inline void neuron_pwlu_slopes(int cells, Real x, const Real *p, Real *d_x,
                                      Real *d_p)
{
    const Real *y = p + NEURON_PWLU_Y, left = p[NEURON_PWLU_BL];
    const Real width = neuron_pwlu_width(p), right = left + width;
    const Real u = (x - left) / width * (Real)cells;
    const bool below = x < left, above = x >= right;
    Real rise = R(0.0), before = R(1.0);
    for (int j = 0; j < cells; j++) {
        const Real c = neuron_pwlu_through(u, j);
        const bool here = u >= (Real)j && (u < (Real)(j + 1) || j == cells - 1);
        rise = here ? y[j + 1] - y[j] : rise;
        d_p[NEURON_PWLU_Y + j] = before - c;
        before = c;
    }
    d_p[NEURON_PWLU_Y + cells] = before;
    const Real k = rise * (Real)cells / width;
    const Real kl = p[NEURON_PWLU_KL], kr = p[NEURON_PWLU_KR];
    *d_x = below ? kl : above ? kr : k;
    d_p[NEURON_PWLU_KL] = below ? x - left : R(0.0);
    d_p[NEURON_PWLU_KR] = above ? x - right : R(0.0);
    d_p[NEURON_PWLU_BL] = below ? -kl : above ? R(0.0) : -k * (right - x) / width;
    d_p[NEURON_PWLU_BR] = below ? R(0.0) : above ? -kr : -k * (x - left) / width;
}

/* Of every number of cells: the rows before the heights, and what ends the file. */
#define NEURON_PWLU_ENDS                                                                 \
    {"BL", -2.0, -100.0, 100.0, true, "where the cells begin"},                          \
        {"BR", 2.0, -100.0, 100.0, true, "where they end"},                              \
        {"KL", 0.0, -100.0, 100.0, true, "slope to the left"},                           \
    {                                                                                    \
        "KR", 1.0, -100.0, 100.0, true, "slope to the right"                             \
    }

#define NEURON_PWLU(NAME, CELLS, TEXT)                                                   \
    static inline Real value(const Real *x, const Real *p)                               \
    {                                                                                    \
        return neuron_pwlu(CELLS, x[0], p);                                              \
    }                                                                                    \
    static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)        \
    {                                                                                    \
        neuron_pwlu_slopes(CELLS, x[0], p, &d_x[0], d_p);                                \
    }                                                                                    \
    NEURON_POINTWISE(NAME, 1, NEURON_PWLU_Y + (CELLS) + 1,                               \
                     .summary =                                                          \
                         "piecewise linear, " TEXT " cells, starts as the rectifier",    \
                     .formula = "lines through Y0 ... Y" TEXT " at equal steps from BL " \
                                "to BR, slopes KL and KR outside",                       \
                     .source = "Zhou et al., arXiv:2104.03693",                          \
                     .certainty = "second hand", .params = params)
