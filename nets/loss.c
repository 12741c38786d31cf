/* nets/loss.c: the list of losses, and the prediction they train. */
#include "nets/loss.h"

#include <stddef.h>
#include <string.h>

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
    {"margin_high", SIM_OPTION_FLOAT, offsetof(NetLossOptions, margin_high), .initial = 0.9, .low = 0.0, .high = 1e3, .help = "margin: the score wanted of the label"},
    {"margin_low", SIM_OPTION_FLOAT, offsetof(NetLossOptions, margin_low), .initial = 0.1, .low = 0.0, .high = 1e3, .help = "margin: the most that the other scores may be"},
    {"margin_others", SIM_OPTION_FLOAT, offsetof(NetLossOptions, margin_others), .initial = 0.5, .low = 0.0, .high = 1e3, .help = "margin: weight of the other scores"},
    {0},
};
/* clang-format on */

/* The scores of the first n images, moved together: a batch that is not full. */
static const float *first_images(SimTensor scores, size_t n)
{
    const size_t k = scores.shape.c, room = scores.shape.n;
    for (size_t t = 1; n < room && t < scores.shape.t; t++)
        memmove(scores.f32 + t * n * k, scores.f32 + t * room * k, n * k * sizeof(float));
    return scores.f32;
}

double net_loss(const NetLossOptions *options, Net *net, size_t n, const uint32_t *labels,
                bool gradient)
{
    const SimTensor scores = net_output(net, 0);
    const NetLossRun run = {.options = options,
                            .steps = scores.shape.t,
                            .n = n,
                            .classes = scores.shape.c,
                            .scores = first_images(scores, n),
                            .labels = labels,
                            .d_scores = gradient ? net_output_gradient(net, 0) : NULL};
    double loss = net_losses[options->kind]->apply(&run);
    for (size_t i = 1; i < net_n_outputs(net); i++) {
        const SimTensor costs = net_output(net, i);
        const double share = 1.0 / (double)(costs.shape.t * n);
        for (size_t t = 0; t < costs.shape.t; t++)
            for (size_t k = 0; k < n; k++)
                loss += share * (double)costs.f32[t * costs.shape.n + k];
        for (size_t k = 0; gradient && k < sim_shape_count(costs.shape); k++)
            net_output_gradient(net, i)[k] = (float)share;
    }
    return loss;
}

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
