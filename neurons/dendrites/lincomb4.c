/* neurons/dendrites/lincomb4.c: weighted mean of relu, sigmoid, tanh and the identity.
 *
 * The sum of the weights is kept 0.01 away from 0. */
#include "neurons/pointwise_internal.h"

enum { W_RELU, W_SIGMOID, W_TANH, W_LINEAR };
NEURON_PARAM_TABLE({"w_relu", 1.0, -100.0, 100.0, true, "weight of relu"},
                   {"w_sigmoid", 1.0, -100.0, 100.0, true, "weight of sigmoid"},
                   {"w_tanh", 1.0, -100.0, 100.0, true, "weight of tanh"},
                   {"w_linear", 1.0, -100.0, 100.0, true, "weight of linear"})

typedef struct Mixed {
    Real relu, sigmoid, tanh, f, sum;
} Mixed;

static inline Mixed mix(Real x, const Real *w)
{
    Mixed m = {real_ramp(x), real_sigmoid(x), real_tanh(x), R(0.0), R(0.0)};
    m.sum = w[W_RELU] + w[W_SIGMOID] + w[W_TANH] + w[W_LINEAR];
    m.sum = m.sum >= R(0.0) ? real_max(m.sum, R(0.01)) : real_min(m.sum, R(-0.01));
    m.f = (w[W_RELU] * m.relu + w[W_SIGMOID] * m.sigmoid + w[W_TANH] * m.tanh +
           w[W_LINEAR] * x) /
          m.sum;
    return m;
}

static inline Real value(const Real *x, const Real *p)
{
    const Mixed m = mix(x[0], p);
    return m.f;
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Mixed m = mix(x[0], p);
    d_x[0] = (p[W_RELU] * real_step(x[0]) + p[W_SIGMOID] * real_d_sigmoid(x[0]) +
              p[W_TANH] * real_d_tanh(x[0]) + p[W_LINEAR]) /
             m.sum;
    d_p[W_RELU] = (m.relu - m.f) / m.sum;
    d_p[W_SIGMOID] = (m.sigmoid - m.f) / m.sum;
    d_p[W_TANH] = (m.tanh - m.f) / m.sum;
    d_p[W_LINEAR] = (x[0] - m.f) / m.sum;
}

NEURON_POINTWISE(lincomb4, 1, 4,
                 .summary = "weighted mean of relu, sigmoid, tanh and the identity",
                 .formula = "sum of w_i f_i / sum of w_i",
                 .source = "Liao 2020, arXiv:2004.13271",
                 .certainty = "second hand; start: our choice", .params = params)
