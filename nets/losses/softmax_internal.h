/* nets/losses/softmax_internal.h: cross-entropy of one row of scores. */
#pragma once

#include <math.h>
#include <stddef.h>

/* -sum q log softmax(score), q = (1 - smoothing) one-hot + smoothing / K; the gradient
 * times `weight` goes to d (NULL: not wanted). score(k) reads the row. */
static inline double net_softmax_row(size_t classes, const double *score, size_t label,
                                     double smoothing, double weight, double *d)
{
    double most = score[0], sum = 0.0, loss = 0.0;
    for (size_t k = 1; k < classes; k++)
        most = score[k] > most ? score[k] : most;
    for (size_t k = 0; k < classes; k++)
        sum += exp(score[k] - most);
    for (size_t k = 0; k < classes; k++) {
        const double target =
            (k == label ? 1.0 - smoothing : 0.0) + smoothing / (double)classes;
        const double log_p = score[k] - most - log(sum);
        if (target > 0.0)
            loss -= target * log_p;
        if (d)
            d[k] = weight * (exp(log_p) - target);
    }
    return loss;
}

enum { NET_MAX_CLASSES = 4096 };
