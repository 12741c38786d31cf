/* nets/layers/average_pool.c: mean of each window; spikes are counted as they come. */
#include <string.h>

#include "nets/layers/pool_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->out_form = SIM_DENSE;
    plan->by_step = true;
    return net_pool_plan(plan);
}

static float share(const NetPool *o, const NetPoolWindow *w)
{
    return 1.0f / (float)(o->count_padding ? w->full : (w->y1 - w->y0) * (w->x1 - w->x0));
}

static void forward_image(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const NetLayerRun *run = argument;
    const SimShape in = run->x[0].shape, out = run->y.shape;
    const SimKernels *kernels = &run->context->kernels;
    const size_t words = sim_words(in.c);
    float *y = run->y.f32 + image * out.h * out.w * out.c;
    for (size_t oy = 0; oy < out.h; oy++)
        for (size_t ox = 0; ox < out.w; ox++, y += out.c) {
            const NetPoolWindow w = net_pool_window(run->options, in, oy, ox);
            const float factor = share(run->options, &w);
            memset(y, 0, out.c * sizeof *y);
            for (size_t iy = w.y0; iy < w.y1; iy++)
                for (size_t ix = w.x0; ix < w.x1; ix++) {
                    const size_t at = (image * in.h + iy) * in.w + ix;
                    if (run->x[0].form == SIM_SPIKES)
                        kernels->spikes_add(1, in.c, run->x[0].bits + at * words, y);
                    else
                        kernels->add(in.c, run->x[0].f32 + at * in.c, y);
                }
            for (size_t c = 0; c < out.c; c++)
                y[c] *= factor;
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
            const NetPoolWindow w = net_pool_window(run->options, in, oy, ox);
            const float factor = share(run->options, &w);
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
        net_pool_images(run, backward_image);
}

const NetLayer net_layer_average_pool = {
    .name = "average_pool",
    .summary = "mean of each window",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = net_pool_options,
    .options_size = sizeof(NetPool),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
