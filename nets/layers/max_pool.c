/* nets/layers/max_pool.c: largest of each window; of spikes: any. The gradient goes to the
 * first pixel of the window that holds the maximum, as in PyTorch. */
#include <float.h>
#include <string.h>

#include "nets/layers/pool_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->out_form = plan->in_form[0];
    plan->backward_needs = NET_NEEDS_INPUT;
    return net_pool_plan(plan);
}

static void forward_image(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    const size_t words = sim_words(in.c);
    const bool spikes = run->x[0].form == SIM_SPIKES;
    for (size_t oy = 0; oy < out.h; oy++)
        for (size_t ox = 0; ox < out.w; ox++) {
            const NetPoolWindow w = net_pool_window(run->options, in, oy, ox);
            const size_t to = (image * out.h + oy) * out.w + ox;
            if (spikes)
                memset(run->y.bits + to * words, 0, words * sizeof(uint64_t));
            for (size_t c = 0; !spikes && c < out.c; c++)
                run->y.f32[to * out.c + c] = -FLT_MAX;
            for (size_t iy = w.y0; iy < w.y1; iy++)
                for (size_t ix = w.x0; ix < w.x1; ix++) {
                    const size_t from = (image * in.h + iy) * in.w + ix;
                    for (size_t i = 0; spikes && i < words; i++)
                        run->y.bits[to * words + i] |= run->x[0].bits[from * words + i];
                    for (size_t c = 0; !spikes && c < out.c; c++) {
                        const float x = run->x[0].f32[from * in.c + c];
                        float *y = &run->y.f32[to * out.c + c];
                        *y = x > *y ? x : *y;
                    }
                }
        }
}

/* Where the gradient of one output channel goes: the first maximum of its window. */
static size_t winner(const NetLayerRun *run, size_t image, const NetPoolWindow *w, size_t c)
{
    const SimShape in = run->x[0].shape;
    const size_t words = sim_words(in.c);
    size_t best = (image * in.h + w->y0) * in.w + w->x0;
    float most = -FLT_MAX;
    for (size_t iy = w->y0; iy < w->y1; iy++)
        for (size_t ix = w->x0; ix < w->x1; ix++) {
            const size_t at = (image * in.h + iy) * in.w + ix;
            const float x = run->x[0].form == SIM_SPIKES
                                ? (float)(run->x[0].bits[at * words + c / 64] >> (c % 64) & 1)
                                : run->x[0].f32[at * in.c + c];
            if (x > most) {
                most = x;
                best = at;
            }
        }
    return best;
}

static void backward_image(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    if (!run->accumulate[0])
        memset(run->dx[0] + image * in.h * in.w * in.c, 0, in.h * in.w * in.c * sizeof(float));
    const float *dy = run->dy + image * out.h * out.w * out.c;
    for (size_t oy = 0; oy < out.h; oy++)
        for (size_t ox = 0; ox < out.w; ox++, dy += out.c) {
            const NetPoolWindow w = net_pool_window(run->options, in, oy, ox);
            for (size_t c = 0; c < out.c; c++)
                if (dy[c] != 0.0f)
                    run->dx[0][winner(run, image, &w, c) * in.c + c] += dy[c];
        }
}

static void forward(const NetLayerRun *run)
{
    net_pool_images(run, forward_image);
}

static void backward(const NetLayerRun *run)
{
    if (run->dx[0])
        net_pool_images(run, backward_image);
}

const NetLayer net_layer_max_pool = {
    .name = "max_pool",
    .summary = "largest of each window; of spikes: any",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = net_pool_options,
    .options_size = sizeof(NetPool),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
