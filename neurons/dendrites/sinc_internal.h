/* neurons/dendrites/sinc_internal.h: sin t / t (unnormalised), close to 0 by its series.
 */
#pragma once

#include "neurons/pointwise_internal.h"

static const Real pi = R(3.14159265358979323846);

/* x - pi, exact near pi: on floats pi is the sum of two. */
static inline Real minus_pi(Real x)
{
    return sizeof(Real) == sizeof(float) ? (x - R(3.140625)) - R(9.67653589793e-4)
                                         : x - pi;
}

/* For |t| <= 0.5. */
static inline Real near_sinc(Real t)
{
    const Real q = t * t;
    Real sum = R(1.0) - q / R(156.0);
    sum = R(1.0) - q / R(110.0) * sum;
    sum = R(1.0) - q / R(72.0) * sum;
    sum = R(1.0) - q / R(42.0) * sum;
    sum = R(1.0) - q / R(20.0) * sum;
    return R(1.0) - q / R(6.0) * sum;
}

static inline Real near_d_sinc(Real t)
{
    const Real q = t * t;
    Real sum = R(1.0) - q / R(130.0);
    sum = R(1.0) - q / R(88.0) * sum;
    sum = R(1.0) - q / R(54.0) * sum;
    sum = R(1.0) - q / R(28.0) * sum;
    sum = R(1.0) - q / R(10.0) * sum;
    return -t / R(3.0) * sum;
}
