/* nets/layers/pool.c: what average and max pooling share. */
#include "nets/layers/pool_internal.h"

#include <stddef.h>

/* clang-format off */
const SimOption net_pool_options[] = {
    {"kernel", SIM_OPTION_INT, offsetof(NetPool, kernel), .initial = 2, .low = 1, .high = 1024, .help = "side of the window"},
    {"stride", SIM_OPTION_INT, offsetof(NetPool, stride), .initial = 0, .low = 0, .high = 1024, .help = "pixels between windows; 0: the kernel"},
    {"padding", SIM_OPTION_INT, offsetof(NetPool, padding), .initial = 0, .low = 0, .high = 512, .help = "pixels around the input"},
    {"count_padding", SIM_OPTION_BOOL, offsetof(NetPool, count_padding), .initial = 1, .help = "average: padding counts in the divisor"},
    {0},
};
/* clang-format on */

static size_t stride_of(const NetPool *o)
{
    return (size_t)(o->stride ? o->stride : o->kernel);
}

SimStatus net_pool_plan(NetLayerPlan *plan)
{
    const NetPool *o = plan->options;
    const SimShape in = plan->in[0];
    const size_t kernel = (size_t)o->kernel, pad = (size_t)o->padding,
                 stride = stride_of(o);
    if (2 * pad > kernel)
        return sim_fail(SIM_ERR_SHAPE,
                        "padding %zu is more than half of the window %zu: a window would "
                        "see nothing but padding",
                        pad, kernel);
    if (in.h + 2 * pad < kernel || in.w + 2 * pad < kernel)
        return sim_fail(SIM_ERR_SHAPE,
                        "a window of %zu does not fit into %zux%zu pixels: use a larger "
                        "input or fewer down-samplings",
                        kernel, in.h, in.w);
    plan->out = in;
    plan->out.h = (in.h + 2 * pad - kernel) / stride + 1;
    plan->out.w = (in.w + 2 * pad - kernel) / stride + 1;
    return SIM_OK;
}

static void clip(size_t at, size_t kernel, size_t pad, size_t size, size_t *first,
                 size_t *last)
{
    *first = at > pad ? at - pad : 0;
    *last = at + kernel - pad < size ? at + kernel - pad : size;
}

NetPoolWindow net_pool_window(const NetPool *o, SimShape in, size_t oy, size_t ox)
{
    const size_t kernel = (size_t)o->kernel, pad = (size_t)o->padding,
                 stride = stride_of(o);
    NetPoolWindow window = {.full = kernel * kernel};
    clip(oy * stride, kernel, pad, in.h, &window.y0, &window.y1);
    clip(ox * stride, kernel, pad, in.w, &window.x0, &window.x1);
    return window;
}

void net_pool_images(const NetLayerRun *run, SimTask *task)
{
    sim_team_run(&run->context->team, run->y.shape.t * run->y.shape.n, task,
                 (void *)(size_t)run);
}
