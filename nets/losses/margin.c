/* nets/losses/margin.c: lengths of capsules as scores: the label's is to be long, the
 * others short, and neither more than asked (Sabour, Frosst, Hinton, NeurIPS 2017). */
#include "nets/losses/softmax_internal.h"

static double apply(const NetLossRun *run)
{
    const NetLossOptions *o = run->options;
    const size_t step = run->n * run->classes;
    double total = 0.0;
    for (size_t i = 0; i < step; i++) {
        const bool is_label = i % run->classes == run->labels[i / run->classes];
        const double score = net_score_mean(run->steps, step, run->scores + i);
        const double off = is_label ? fmin(score - o->margin_high, 0.0)
                                    : fmax(score - o->margin_low, 0.0);
        const double weight = is_label ? 1.0 : o->margin_others;
        total += weight * off * off;
        for (size_t t = 0; run->d_scores && t < run->steps; t++)
            run->d_scores[t * step + i] =
                (float)(2.0 * weight * off / (double)(run->n * run->steps));
    }
    return total / (double)run->n;
}

const NetLoss net_loss_margin = {
    .name = "margin",
    .formula =
        "[k = label] max(0, high - s[k])^2 + others [k != label] max(0, s[k] - low)^2",
    .source = "Sabour et al., NeurIPS 2017",
    .apply = apply,
};
