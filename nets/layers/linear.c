/* nets/layers/linear.c: every input to every output. On pixels it is a convolution whose
 * kernel is the whole image, which flattens in the order H, W, C. */
#include <stddef.h>

#include "nets/layers/synapses_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"channels", SIM_OPTION_INT, offsetof(NetLinear, channels), .initial = 10, .low = 1,
     .high = 65536, .help = "outputs"},
    {"bias", SIM_OPTION_BOOL, offsetof(NetLinear, bias), .initial = 1,
     .help = "add a number per output"},
    {"init", SIM_OPTION_CHOICE, offsetof(NetLinear, init), .choices = net_init_names,
     .help = "how weights start"},
    {"gain", SIM_OPTION_FLOAT, offsetof(NetLinear, gain), .initial = 1.0, .low = 0.0,
     .high = 100.0, .help = "factor on the initial weights"},
    {"apart", SIM_OPTION_INT, offsetof(NetLinear, apart), .low = 0, .high = 256,
     .help = "of so many neighbouring outputs each input reaches one, drawn at random"},
    {0},
};
/* clang-format on */

static SimStatus plan(NetLayerPlan *plan)
{
    const NetLinear *o = plan->options;
    SimConvShape shape = {.n = plan->in[0].n,
                          .h = plan->in[0].h,
                          .w = plan->in[0].w,
                          .c = plan->in[0].c,
                          .k = (size_t)o->channels,
                          .kh = plan->in[0].h,
                          .kw = plan->in[0].w,
                          .stride = 1,
                          .groups = 1};
    const SimStatus status = sim_conv_shape(&shape);
    return status == SIM_OK
               ? net_synapses_plan(plan, &shape, o->bias, o->init, o->gain, o->apart)
               : status;
}

static void backward(const NetLayerRun *run)
{
    const NetLinear *o = run->options;
    const SimShape x = run->x[0].shape;
    net_synapses_backward(run);
    net_synapses_keep_apart(run, o->apart, x.h * x.w * x.c * (size_t)o->channels);
}

const NetLayer net_layer_linear = {
    .name = "linear",
    .summary = "fully connected, dense or from spikes",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetLinear),
    .plan = plan,
    .forward = net_synapses_forward,
    .backward = backward,
    .uses_spikes = net_synapses_uses_spikes,
    .destroy = net_synapses_destroy,
};
