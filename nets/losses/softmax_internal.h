/* nets/losses/softmax_internal.h: cross-entropy of one row of scores. */
#pragma once

#include <math.h>

#include "nets/loss.h"

/* Mean over time of one score; `stride` floats lie between its steps. */
static inline double net_score_mean(size_t steps, size_t stride, const float *score)
{
    double sum = 0.0;
    for (size_t t = 0; t < steps; t++)
        sum += (double)score[t * stride];
    return sum / (double)steps;
}

/* -sum q log softmax(mean over time of score [classes]), q = (1 - smoothing) one-hot +
 * smoothing / K. The gradient of every step, times `weight`, goes to d, which is laid out
 * like score (NULL: not wanted). */
static inline double net_softmax_row(size_t steps, size_t stride, size_t classes,
                                     const float *score, size_t label, double smoothing,
                                     double weight, float *d)
{
    double most = -(double)INFINITY, sum = 0.0, loss = 0.0;
    for (size_t k = 0; k < classes; k++)
        most = fmax(most, net_score_mean(steps, stride, score + k));
    for (size_t k = 0; k < classes; k++)
        sum += exp(net_score_mean(steps, stride, score + k) - most);
    const double log_sum = log(sum);
    for (size_t k = 0; k < classes; k++) {
        const double target =
            (k == label ? 1.0 - smoothing : 0.0) + smoothing / (double)classes;
        const double log_p = net_score_mean(steps, stride, score + k) - most - log_sum;
        if (target > 0.0)
            loss -= target * log_p;
        for (size_t t = 0; d && t < steps; t++)
            d[t * stride + k] = (float)(weight / (double)steps * (exp(log_p) - target));
    }
    return loss;
}
