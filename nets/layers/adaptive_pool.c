/* nets/layers/adaptive_pool.c: average over cells so that the output has a given size;
 * cell i of n covers floor(i size / n) to ceil((i + 1) size / n), as in PyTorch. */
#include <stddef.h>
#include <string.h>

#include "nets/layers/pool_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"height", SIM_OPTION_INT, offsetof(NetAdaptivePool, height), .initial = 1, .low = 1, .high = 4096, .help = "pixels of the output"},
    {"width", SIM_OPTION_INT, offsetof(NetAdaptivePool, width), .initial = 1, .low = 1, .high = 4096, .help = "pixels of the output"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const NetAdaptivePool *o = plan->options;
    plan->out = plan->in[0];
    plan->out.h = (size_t)o->height;
    plan->out.w = (size_t)o->width;
    plan->out_form = SIM_DENSE;
    plan->by_step = true;
    /* Where each pixel is in one cell. */
    plan->gives_bf16 = plan->context->precision == SIM_PRECISION_BF16 &&
                       plan->in[0].h % plan->out.h == 0 &&
                       plan->in[0].w % plan->out.w == 0;
    if (plan->out.h > plan->in[0].h || plan->out.w > plan->in[0].w)
        return sim_fail(SIM_ERR_SHAPE, "cannot pool %zux%zu pixels to %zux%zu",
                        plan->in[0].h, plan->in[0].w, plan->out.h, plan->out.w);
    return SIM_OK;
}

static NetPoolWindow cell(SimShape in, SimShape out, size_t oy, size_t ox)
{
    return (NetPoolWindow){oy * in.h / out.h, ((oy + 1) * in.h + out.h - 1) / out.h,
                           ox * in.w / out.w, ((ox + 1) * in.w + out.w - 1) / out.w, 0};
}

static float share(const NetPoolWindow *w)
{
    return 1.0f / (float)((w->y1 - w->y0) * (w->x1 - w->x0));
}

static void forward_image(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    float *y = run->y.f32 + image * out.h * out.w * out.c;
    for (size_t oy = 0; oy < out.h; oy++)
        for (size_t ox = 0; ox < out.w; ox++, y += out.c) {
            const NetPoolWindow w = cell(in, out, oy, ox);
            memset(y, 0, out.c * sizeof *y);
            for (size_t iy = w.y0; iy < w.y1; iy++)
                for (size_t ix = w.x0; ix < w.x1; ix++) {
                    const size_t at = (image * in.h + iy) * in.w + ix;
                    if (run->x[0].form == SIM_SPIKES) {
                        run->context->kernels.spikes_add(
                            1, in.c, run->x[0].bits + at * sim_words(in.c), y);
                        continue;
                    }
                    run->context->kernels.add(in.c, run->x[0].f32 + at * in.c, y);
                }
            for (size_t c = 0; c < out.c; c++)
                y[c] *= share(&w);
        }
}

/* Each pixel is in one cell. */
static void backward_image_bf16(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    uint16_t *dx = (uint16_t *)(void *)run->dx[0] + image * in.h * in.w * in.c;
    for (size_t y = 0; y < in.h; y++)
        for (size_t x = 0; x < in.w; x++, dx += in.c) {
            const size_t oy = y * out.h / in.h, ox = x * out.w / in.w;
            const NetPoolWindow w = cell(in, out, oy, ox);
            const float *dy = run->dy + ((image * out.h + oy) * out.w + ox) * out.c;
            for (size_t c = 0; c < out.c; c++)
                dx[c] = sim_bf16_of(share(&w) * dy[c]);
        }
}

static void backward_image(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    float *dx = run->dx[0] + image * in.h * in.w * in.c;
    const float *dy = run->dy + image * out.h * out.w * out.c;
    if (!run->accumulate[0])
        memset(dx, 0, in.h * in.w * in.c * sizeof *dx);
    for (size_t oy = 0; oy < out.h; oy++)
        for (size_t ox = 0; ox < out.w; ox++, dy += out.c) {
            const NetPoolWindow w = cell(in, out, oy, ox);
            const float factor = share(&w);
            for (size_t iy = w.y0; iy < w.y1; iy++)
                for (size_t ix = w.x0; ix < w.x1; ix++)
                    for (size_t c = 0; c < out.c; c++)
                        dx[(iy * in.w + ix) * in.c + c] += factor * dy[c];
        }
}

static void forward(const NetLayerRun *run)
{
    net_pool_images(run, forward_image);
}

static void backward(const NetLayerRun *run)
{
    if (run->dx[0])
        net_pool_images(run, run->dx_form[0] == SIM_BF16 ? backward_image_bf16
                                                         : backward_image);
}

const NetLayer net_layer_adaptive_pool = {
    .name = "adaptive_pool",
    .summary = "average to a given size",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetAdaptivePool),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
