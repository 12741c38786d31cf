/* neurons/dendrites/gelu_tanh.c: GELU by tanh. */
#include "neurons/pointwise_internal.h"

static const Real root = R(0.79788456080286536), cubic = R(0.044715); /* sqrt(2/pi) */

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    const Real u = root * (x[0] + cubic * x[0] * x[0] * x[0]);
    return x[0] * real_sigmoid(R(2.0) * u);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    (void)p, (void)d_p;
    const Real t = x[0], u = root * (t + cubic * t * t * t);
    const Real inner = R(2.0) * root * (R(1.0) + R(3.0) * cubic * t * t);
    const Real slope = real_d_sigmoid(R(2.0) * u);
    /* Far out the slope is 0 and the polynomial large. */
    d_x[0] = real_sigmoid(R(2.0) * u) + (slope > R(0.0) ? t * slope * inner : R(0.0));
}

NEURON_POINTWISE(gelu_tanh, 1, 0, .summary = "GELU by tanh",
                 .formula = "x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))",
                 .source = "Hendrycks & Gimpel, arXiv:1606.08415",
                 .certainty = "standard")
