/* nets/layers/conv.c: convolution, y[k] = sum over taps and channels of x * weight. */
#include <stddef.h>

#include "nets/layers/synapses_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"channels", SIM_OPTION_INT, offsetof(NetConv, channels), .initial = 64, .low = 1,
     .high = 8192, .help = "output channels"},
    {"kernel", SIM_OPTION_INT, offsetof(NetConv, kernel), .initial = 3, .low = 1,
     .high = 64, .help = "side of the kernel"},
    {"stride", SIM_OPTION_INT, offsetof(NetConv, stride), .initial = 1, .low = 1,
     .high = 64, .help = "pixels between outputs"},
    {"padding", SIM_OPTION_INT, offsetof(NetConv, padding), .initial = 0, .low = 0,
     .high = 63, .help = "zeros around the input"},
    {"groups", SIM_OPTION_INT, offsetof(NetConv, groups), .initial = 1, .low = 1,
     .high = 8192, .help = "independent parts of the channels"},
    {"bias", SIM_OPTION_BOOL, offsetof(NetConv, bias),
     .help = "add a number per output channel"},
    {"init", SIM_OPTION_CHOICE, offsetof(NetConv, init), .choices = net_init_names,
     .help = "how weights start"},
    {"gain", SIM_OPTION_FLOAT, offsetof(NetConv, gain), .initial = 1.0, .low = 0.0,
     .high = 100.0, .help = "factor on the initial weights"},
    {"apart", SIM_OPTION_INT, offsetof(NetConv, apart), .low = 0, .high = 256,
     .help = "of so many neighbouring outputs each input reaches one, drawn at random"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const NetConv *o = plan->options;
    SimConvShape shape = {.n = plan->in[0].n,
                          .h = plan->in[0].h,
                          .w = plan->in[0].w,
                          .c = plan->in[0].c,
                          .k = (size_t)o->channels,
                          .kh = (size_t)o->kernel,
                          .kw = (size_t)o->kernel,
                          .stride = (size_t)o->stride,
                          .pad = (size_t)o->padding,
                          .groups = (size_t)o->groups};
    const SimStatus status = sim_conv_shape(&shape);
    return status == SIM_OK
               ? net_synapses_plan(plan, &shape, o->bias, o->init, o->gain, o->apart)
               : status;
}

static void backward(const NetLayerRun *run)
{
    const NetConv *o = run->options;
    net_synapses_backward(run);
    net_synapses_keep_apart(run, o->apart,
                            (size_t)(o->kernel * o->kernel * o->channels / o->groups) *
                                run->x[0].shape.c);
}

const NetLayer net_layer_conv = {
    .name = "conv",
    .summary = "convolution, dense or from spikes",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetConv),
    .plan = plan,
    .forward = net_synapses_forward,
    .backward = backward,
    .begin_rows = net_synapses_begin_rows,
    .forward_rows = net_synapses_forward_rows,
    .uses_spikes = net_synapses_uses_spikes,
    .destroy = net_synapses_destroy,
};
