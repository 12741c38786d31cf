/* nets/layers/unpack.c: spikes to numbers; the gradient passes. */
#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

static SimStatus plan(NetLayerPlan *plan)
{
    plan->out = plan->in[0];
    plan->out_form = SIM_DENSE;
    plan->out_most = plan->in_most[0];
    plan->passes_gradient[0] = true;
    plan->by_step = true;
    return plan->in_form[0] == SIM_SPIKES
               ? SIM_OK
               : sim_fail(SIM_ERR_SHAPE, "the input is dense already");
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first);
    rows->run->context->kernels.spikes_unpack(
        n, rows->c, rows->run->x[0].bits + first * sim_words(rows->c),
        rows->run->y.f32 + first * rows->c);
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, forward_rows);
}

const NetLayer net_layer_unpack = {
    .name = "unpack",
    .summary = "spikes to numbers",
    .min_inputs = 1,
    .max_inputs = 1,
    .plan = plan,
    .forward = forward,
    .backward = net_pass_backward,
};
