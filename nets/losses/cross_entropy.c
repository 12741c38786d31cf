/* nets/losses/cross_entropy.c: softmax cross-entropy of the scores' mean over time. */
#include "nets/loss.h"
#include "nets/losses/softmax_internal.h"

static double apply(const NetLossRun *run)
{
    double total = 0.0, mean[NET_MAX_CLASSES], d[NET_MAX_CLASSES];
    const size_t step = run->n * run->classes;
    for (size_t i = 0; i < run->n; i++) {
        for (size_t k = 0; k < run->classes; k++) {
            mean[k] = 0.0;
            for (size_t t = 0; t < run->steps; t++)
                mean[k] += (double)run->scores[t * step + i * run->classes + k];
            mean[k] /= (double)run->steps;
        }
        total += net_softmax_row(
            run->classes, mean, run->labels[i], run->options->label_smoothing,
            1.0 / (double)(run->n * run->steps), run->d_scores ? d : NULL);
        for (size_t t = 0; run->d_scores && t < run->steps; t++)
            for (size_t k = 0; k < run->classes; k++)
                run->d_scores[t * step + i * run->classes + k] = (float)d[k];
    }
    return total / (double)run->n;
}

const NetLoss net_loss_cross_entropy = {
    .name = "cross_entropy",
    .formula = "-log softmax(mean over t of scores)[label]",
    .source = "S-ResNet, SEW-ResNet, MS-ResNet training code",
    .apply = apply,
};
