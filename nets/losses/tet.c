/* nets/losses/tet.c: temporal efficient training: the cross-entropy of every step by
 * itself, and a pull of all scores towards one value. */
#include "nets/losses/softmax_internal.h"

static double apply(const NetLossRun *run)
{
    const NetLossOptions *o = run->options;
    const size_t rows = run->steps * run->n, count = rows * run->classes;
    double entropy = 0.0, square = 0.0;
    for (size_t r = 0; r < rows; r++) {
        const float *score = run->scores + r * run->classes;
        float *d = run->d_scores ? run->d_scores + r * run->classes : NULL;
        entropy +=
            net_softmax_row(1, 0, run->classes, score, run->labels[r % run->n],
                            o->label_smoothing, (1.0 - o->tet_lambda) / (double)rows, d);
        for (size_t k = 0; k < run->classes; k++) {
            const double off = (double)score[k] - o->tet_target;
            square += off * off;
            if (d)
                d[k] += (float)(o->tet_lambda * 2.0 * off / (double)count);
        }
    }
    return (1.0 - o->tet_lambda) * entropy / (double)rows +
           o->tet_lambda * square / (double)count;
}

const NetLoss net_loss_tet = {
    .name = "tet",
    .formula = "(1-l) mean over t of CE(scores[t]) + l mean (scores - target)^2",
    .source = "Deng et al., ICLR 2022",
    .apply = apply,
};
