/* nets/layers/max_pool.c: largest of each window; of spikes: any. The gradient goes to
 * the first pixel of the window that holds the maximum, as in PyTorch. */
#include <math.h>
#include <string.h>

#include "nets/layers/pool_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->out_form = plan->in_form[0];
    plan->out_most = plan->in_most[0];
    plan->by_step = true;
    plan->backward_needs = NET_NEEDS_INPUT;
    return net_pool_plan(plan);
}

/* A number that is not one wins, so that it is seen further on; as in PyTorch. */
static bool beats(float x, float best)
{
    return x > best || isnan(x);
}

static void any_spike(const NetLayerRun *run, size_t image, const NetPoolWindow *w,
                      uint64_t *y)
{
    const SimShape in = run->x[0].shape;
    const size_t words = sim_words(in.c);
    memset(y, 0, words * sizeof *y);
    for (size_t iy = w->y0; iy < w->y1; iy++)
        for (size_t ix = w->x0; ix < w->x1; ix++) {
            const uint64_t *x =
                run->x[0].bits + ((image * in.h + iy) * in.w + ix) * words;
            for (size_t i = 0; i < words; i++)
                y[i] |= x[i];
        }
}

static void largest(const NetLayerRun *run, size_t image, const NetPoolWindow *w,
                    float *restrict y)
{
    const SimShape in = run->x[0].shape;
    for (size_t c = 0; c < in.c; c++)
        y[c] = -INFINITY;
    for (size_t iy = w->y0; iy < w->y1; iy++)
        for (size_t ix = w->x0; ix < w->x1; ix++) {
            const float *restrict x =
                run->x[0].f32 + ((image * in.h + iy) * in.w + ix) * in.c;
            for (size_t c = 0; c < in.c; c++)
                y[c] = beats(x[c], y[c]) ? x[c] : y[c];
        }
}

static void forward_image(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    for (size_t oy = 0; oy < out.h; oy++)
        for (size_t ox = 0; ox < out.w; ox++) {
            const NetPoolWindow w = net_pool_window(run->options, in, oy, ox);
            const size_t to = (image * out.h + oy) * out.w + ox;
            if (run->x[0].form == SIM_SPIKES)
                any_spike(run, image, &w, run->y.bits + to * sim_words(in.c));
            else
                largest(run, image, &w, run->y.f32 + to * in.c);
        }
}

/* dy of 64 channels goes to the first pixel whose bit is set, else to the first pixel. */
static void to_first_spike(const NetLayerRun *run, size_t image, const NetPoolWindow *w,
                           size_t word, const float *dy)
{
    const SimShape in = run->x[0].shape;
    const size_t words = sim_words(in.c), first = word * SIM_WORD_BITS;
    const size_t n = in.c - first < SIM_WORD_BITS ? in.c - first : SIM_WORD_BITS;
    const size_t corner = (image * in.h + w->y0) * in.w + w->x0;
    uint64_t open = n == SIM_WORD_BITS ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
    for (size_t iy = w->y0; iy < w->y1 && open; iy++)
        for (size_t ix = w->x0; ix < w->x1 && open; ix++) {
            const size_t at = (image * in.h + iy) * in.w + ix;
            uint64_t here = run->x[0].bits[at * words + word] & open;
            open &= ~here;
            for (; here; here &= here - 1) {
                const size_t c = first + (size_t)__builtin_ctzll(here);
                run->dx[0][at * in.c + c] += dy[c];
            }
        }
    for (; open; open &= open - 1) {
        const size_t c = first + (size_t)__builtin_ctzll(open);
        run->dx[0][corner * in.c + c] += dy[c];
    }
}

static void to_first_largest(const NetLayerRun *run, size_t image, const NetPoolWindow *w,
                             size_t c, float dy)
{
    const SimShape in = run->x[0].shape;
    size_t best = (image * in.h + w->y0) * in.w + w->x0;
    float most = -INFINITY;
    for (size_t iy = w->y0; iy < w->y1; iy++)
        for (size_t ix = w->x0; ix < w->x1; ix++) {
            const size_t at = (image * in.h + iy) * in.w + ix;
            const float x = run->x[0].f32[at * in.c + c];
            if (beats(x, most)) {
                most = x;
                best = at;
            }
        }
    run->dx[0][best * in.c + c] += dy;
}

static void backward_image(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    const size_t floats = in.h * in.w * in.c;
    if (!run->accumulate[0])
        memset(run->dx[0] + image * floats, 0, floats * sizeof(float));
    const float *dy = run->dy + image * out.h * out.w * out.c;
    for (size_t oy = 0; oy < out.h; oy++)
        for (size_t ox = 0; ox < out.w; ox++, dy += out.c) {
            const NetPoolWindow w = net_pool_window(run->options, in, oy, ox);
            if (run->x[0].form == SIM_SPIKES)
                for (size_t word = 0; word < sim_words(in.c); word++)
                    to_first_spike(run, image, &w, word, dy);
            else
                for (size_t c = 0; c < in.c; c++)
                    to_first_largest(run, image, &w, c, dy[c]);
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
