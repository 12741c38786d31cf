/* neurons/dendrites/lslu_cascade.c: cascade of three learned linear units.
 *
 * The cascade of the authors' code; their formula is a sum. In LSLU a depthwise
 * convolution of 7 x 7 (groups = channels, no bias) and a batch norm follow. */
#include "neurons/pointwise_internal.h"

enum { THETA0, OMEGA0, THETA1, OMEGA1, THETA2, OMEGA2 };
NEURON_PARAM_TABLE({"theta0", 1.0, -100.0, 100.0, true, "slope of unit 0"},
                   {"omega0", 0.0, -100.0, 100.0, true, "height of unit 0"},
                   {"theta1", 1.0, -100.0, 100.0, true, "slope of unit 1"},
                   {"omega1", 0.0, -100.0, 100.0, true, "height of unit 1"},
                   {"theta2", 1.0, -100.0, 100.0, true, "slope of unit 2"},
                   {"omega2", 0.0, -100.0, 100.0, true, "height of unit 2"})

static inline Real value(const Real *x, const Real *p)
{
    Real z = x[0];
    z = p[THETA0] * real_ramp(z) + p[OMEGA0];
    z = p[THETA1] * real_ramp(z) + p[OMEGA1];
    z = p[THETA2] * real_ramp(z) + p[OMEGA2];
    return real_ramp(z);
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real a = real_ramp(x[0]), to_b = p[THETA0] * a + p[OMEGA0];
    const Real b = real_ramp(to_b), to_c = p[THETA1] * b + p[OMEGA1];
    const Real c = real_ramp(to_c), to_f = p[THETA2] * c + p[OMEGA2];
    const Real on_f = real_step(to_f);
    const Real on_c = to_c > R(0.0) ? on_f * p[THETA2] : R(0.0);
    const Real on_b = to_b > R(0.0) ? on_c * p[THETA1] : R(0.0);
    d_x[0] = x[0] > R(0.0) ? on_b * p[THETA0] : R(0.0);
    d_p[THETA2] = on_f * c;
    d_p[OMEGA2] = on_f;
    d_p[THETA1] = on_c * b;
    d_p[OMEGA1] = on_c;
    d_p[THETA0] = on_b * a;
    d_p[OMEGA0] = on_b;
}

NEURON_POINTWISE(
    lslu_cascade, 1, 6, .summary = "cascade of three learned linear units",
    .formula = "x -> theta_i max(0, x) + omega_i for i = 0, 1, 2, then max(0, x)",
    .source = "Feng et al., arXiv:2409.08283", .certainty = "code", .params = params)
