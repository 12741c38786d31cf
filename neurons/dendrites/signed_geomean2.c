/* neurons/dendrites/signed_geomean2.c: geometric mean with a sign. */
#include "neurons/pointwise_internal.h"

enum { CLAMP };
NEURON_PARAM_TABLE({"clamp", 0.0, 0.0, 1e6, false, "most a slope may be; 0: no limit"})

static inline Real value(const Real *x, const Real *p)
{
    (void)p;
    return real_sign(x[0]) * real_sign(x[1]) * real_sqrt(real_abs(x[0])) *
           real_sqrt(real_abs(x[1]));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real root_x = real_sqrt(real_abs(x[0])), root_y = real_sqrt(real_abs(x[1]));
    const Real sign_x = real_sign(x[0]), sign_y = real_sign(x[1]);
    const bool none = root_x * root_y == R(0.0) && (root_x == R(0.0) || root_y == R(0.0));
    const Real most = p[CLAMP] > R(0.0) ? p[CLAMP] : (Real)INFINITY;
    d_x[0] = none ? R(0.0) : sign_y * real_min(R(0.5) * root_y / root_x, most);
    d_x[1] = none ? R(0.0) : sign_x * real_min(R(0.5) * root_x / root_y, most);
    d_p[CLAMP] = R(0.0);
}

NEURON_POINTWISE(signed_geomean2, 2, 1, .summary = "geometric mean with a sign",
                 .formula = "sign(x y) sqrt(abs(x y))",
                 .source = "Lowe et al., arXiv:2110.11940", .certainty = "code",
                 .params = params)
