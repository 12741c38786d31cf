/* nets/losses/mse_rate.c: squared distance of the firing rate to the one-hot label,
 * averaged over classes and batch. */
#include "nets/loss.h"

static double apply(const NetLossRun *run)
{
    double total = 0.0;
    const size_t step = run->n * run->classes;
    for (size_t i = 0; i < step; i++) {
        double rate = 0.0;
        for (size_t t = 0; t < run->steps; t++)
            rate += (double)run->scores[t * step + i];
        rate /= (double)run->steps;
        const double off =
            rate - (i % run->classes == run->labels[i / run->classes] ? 1.0 : 0.0);
        total += off * off;
        for (size_t t = 0; run->d_scores && t < run->steps; t++)
            run->d_scores[t * step + i] =
                (float)(2.0 * off / (double)(step * run->steps));
    }
    return total / (double)step;
}

const NetLoss net_loss_mse_rate = {
    .name = "mse_rate",
    .formula = "mean over k of (mean over t of s[t,k] - [k = label])^2",
    .source = "Fang et al., ICCV 2021",
    .apply = apply,
};
