/* nets/loss.c: the list of losses, and the prediction they train. */
#include "nets/loss.h"

#include <stddef.h>

#include "nets/losses/softmax_internal.h"

#define ROW(name) extern const NetLoss net_loss_##name;
#include "nets/losses.inc"
#undef ROW

const NetLoss *const net_losses[] = {
#define ROW(name) &net_loss_##name,
#include "nets/losses.inc"
#undef ROW
    NULL,
};

static const char *const names[] = {
#define ROW(name) #name,
#include "nets/losses.inc"
#undef ROW
    NULL,
};

/* clang-format off */
const SimOption net_loss_options[] = {
    {"loss", SIM_OPTION_CHOICE, offsetof(NetLossOptions, kind), .choices = names, .help = "what training makes small"},
    {"label_smoothing", SIM_OPTION_FLOAT, offsetof(NetLossOptions, label_smoothing), .initial = 0.0, .low = 0.0, .high = 0.99, .help = "cross_entropy, tet: share of the target spread over all classes"},
    {"tet_lambda", SIM_OPTION_FLOAT, offsetof(NetLossOptions, tet_lambda), .initial = 1e-3, .low = 0.0, .high = 1.0, .help = "tet: weight of the squared distance to tet_target"},
    {"tet_target", SIM_OPTION_FLOAT, offsetof(NetLossOptions, tet_target), .initial = 1.0, .low = -1e3, .high = 1e3, .help = "tet: value the scores are drawn to"},
    {0},
};
/* clang-format on */

size_t net_predict(size_t steps, size_t n, size_t classes, const float *scores,
                   const uint32_t *labels, uint32_t *predictions)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        double best = 0.0;
        for (size_t k = 0; k < classes; k++) {
            const double score =
                net_score_mean(steps, n * classes, scores + i * classes + k);
            if (k == 0 || score > best) {
                best = score;
                predictions[i] = (uint32_t)k;
            }
        }
        right += labels && predictions[i] == labels[i];
    }
    return right;
}
