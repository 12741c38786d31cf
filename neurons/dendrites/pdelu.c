/* neurons/dendrites/pdelu.c: exponential linear unit of a deformed exponential.
 *
 * The base is cut at 0: without that an even power turns up again below. */
#include "neurons/pointwise_internal.h"

enum { ALPHA, T };
NEURON_PARAM_TABLE({"alpha", 1.0, 0.0, 100.0, true, "depth below 0"},
                   {"t", 0.9, 0.0, 0.999, false, "1 gives the exponential"})

static inline Real value(const Real *x, const Real *p)
{
    const Real rest = R(1.0) - p[T], base = R(1.0) + rest * x[0];
    const Real inside = rest * real_max(real_min(x[0], R(0.0)), R(-0.999999) / rest);
    const Real depth = real_expm1(real_log1p(inside) / rest);
    return x[0] > R(0.0) ? x[0] : p[ALPHA] * (base > R(0.0) ? depth : R(-1.0));
}

static inline void slopes(const Real *x, const Real *p, Real *d_x, Real *d_p)
{
    const Real rest = R(1.0) - p[T];
    const Real inside = rest * real_max(real_min(x[0], R(0.0)), R(-0.999999) / rest);
    const bool up = x[0] > R(0.0), flat = R(1.0) + rest * x[0] <= R(0.0);
    const Real log_base = real_log1p(inside), base = R(1.0) + inside;
    const Real power = real_exp(log_base / rest);
    d_x[0] = up ? R(1.0) : flat ? R(0.0) : p[ALPHA] * power / base;
    d_p[ALPHA] = up ? R(0.0) : flat ? R(-1.0) : real_expm1(log_base / rest);
    const Real by_t = (log_base / rest - x[0] / base) / rest;
    d_p[T] = up || flat ? R(0.0) : p[ALPHA] * power * by_t;
}

NEURON_POINTWISE(
    pdelu, 1, 2, .summary = "exponential linear unit of a deformed exponential",
    .formula = "x where x > 0, else alpha (max(0, 1 + (1-t) x)^(1/(1-t)) - 1)",
    .source = "Cheng et al. 2020", .certainty = "second hand", .params = params)
