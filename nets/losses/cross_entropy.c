/* nets/losses/cross_entropy.c: softmax cross-entropy of the scores' mean over time. */
#include "nets/losses/softmax_internal.h"

static double apply(const NetLossRun *run)
{
    double total = 0.0;
    for (size_t i = 0; i < run->n; i++) {
        const size_t row = i * run->classes;
        total += net_softmax_row(run->steps, run->n * run->classes, run->classes,
                                 run->scores + row, run->labels[i],
                                 run->options->label_smoothing, 1.0 / (double)run->n,
                                 run->d_scores ? run->d_scores + row : NULL);
    }
    return total / (double)run->n;
}

const NetLoss net_loss_cross_entropy = {
    .name = "cross_entropy",
    .formula = "-log softmax(mean over t of scores)[label]",
    .source = "S-ResNet, SEW-ResNet, MS-ResNet training code",
    .apply = apply,
};
