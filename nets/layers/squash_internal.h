/* nets/layers/squash_internal.h: the length of a pose made less than 1 (Sabour et al.
 * 2017):
 *
 *     v = g(n) s,  n = |s|,  g(n) = n^2 / ((1 + n^2) (n + epsilon))
 *
 * The numbers of a pose lie `stride` floats apart. */
#pragma once

#include <math.h>
#include <stddef.h>

static const float net_squash_epsilon = 1e-8f; /* no 0/0 for a pose of zeros */

static inline float net_pose_square(size_t pose, size_t stride, const float *s)
{
    float square = 0.0f;
    for (size_t p = 0; p < pose; p++)
        square += s[p * stride] * s[p * stride];
    return square;
}

static inline void net_squash(size_t pose, size_t stride, const float *s, float *v)
{
    const float square = net_pose_square(pose, stride, s);
    const float factor =
        square / ((1.0f + square) * (sqrtf(square) + net_squash_epsilon));
    for (size_t p = 0; p < pose; p++)
        v[p * stride] = factor * s[p * stride];
}

/* ds = g dv + g'/n (s . dv) s; may be dv itself. A pose of zeros gets no gradient. */
static inline void net_squash_back(size_t pose, size_t stride, const float *s,
                                   const float *dv, float *ds)
{
    const float square = net_pose_square(pose, stride, s);
    const float n = sqrtf(square), guarded = n + net_squash_epsilon, one = 1.0f + square;
    const float factor = square / (one * guarded);
    const float slope = 2.0f / (one * one * guarded) - n / (one * guarded * guarded);
    float dot = 0.0f;
    for (size_t p = 0; p < pose; p++)
        dot += s[p * stride] * dv[p * stride];
    for (size_t p = 0; p < pose; p++)
        ds[p * stride] = factor * dv[p * stride] + slope * dot * s[p * stride];
}
