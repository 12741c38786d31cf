/* nets/layers/synapses.c: weights between an input and currents, by sim/conv.h. */
#include "nets/layers/synapses_internal.h"

#include "nets/layers/rows_internal.h"

#include <stdlib.h>

const char *const net_init_names[] = {"xavier_uniform", "kaiming_normal",
                                      "kaiming_uniform", NULL};
static const NetInit inits[] = {NET_INIT_XAVIER_UNIFORM, NET_INIT_KAIMING_NORMAL,
                                NET_INIT_KAIMING_UNIFORM};

enum { WEIGHT, BIAS };

SimStatus net_synapses_plan(NetLayerPlan *plan, const SimConvShape *shape, bool bias,
                            int init, double gain, int64_t apart)
{
    if (apart > 1 && shape->k % (size_t)apart)
        return sim_fail(SIM_ERR_SHAPE,
                        "%zu outputs are not a multiple of %lld that lie apart", shape->k,
                        (long long)apart);
    const double taps = (double)(shape->kh * shape->kw);
    const double fan_in = taps * (double)(shape->c / shape->groups);
    const double fan_out = taps * (double)(shape->k / shape->groups);
    plan->params[WEIGHT] =
        (NetParamRow){.name = "weight",
                      .role = NET_PARAM_TRAINED,
                      .n_dims = 4,
                      .dims = {shape->kh, shape->kw, shape->c / shape->groups, shape->k},
                      .init = inits[init],
                      .init_value = gain,
                      .fan_in = fan_in,
                      .fan_out = fan_out,
                      .apart = (size_t)apart,
                      .decay = true};
    plan->params[BIAS] = (NetParamRow){.name = "bias",
                                       .role = NET_PARAM_TRAINED,
                                       .n_dims = 1,
                                       .dims = {shape->k},
                                       .init = NET_INIT_CONSTANT};
    plan->n_params = bias ? 2 : 1;
    plan->out = (SimShape){plan->in[0].t, plan->in[0].n, shape->oh, shape->ow, shape->k};
    plan->out_form = SIM_DENSE;
    plan->backward_needs = NET_NEEDS_INPUT;
    plan->macs = sim_conv_macs(shape);
    plan->is_synaptic = true;
    plan->by_step = true;
    plan->takes_bf16 = sim_conv_wants_bf16(shape, plan->context);
    plan->gives_bf16 = plan->takes_bf16;
    plan->begins_rows = sim_conv_goes_by_rows(shape, plan->in_form[0]);
    /* Without training what goes by rows goes on in the cache, as f32. */
    plan->writes_bf16 =
        plan->takes_bf16 && !bias && (plan->training || !plan->begins_rows);
    plan->reads_bf16 = !plan->training && plan->in_form[0] == SIM_DENSE &&
                       sim_conv_reads_bf16(shape, plan->context);
    if (plan->shapes_only)
        return SIM_OK;
    unsigned calls = SIM_CONV_FORWARD;
    if (plan->in_most[0] && plan->in_most[0] <= SIM_CONV_MOST_WHOLE)
        calls |= SIM_CONV_WHOLE;
    if (plan->training) {
        calls |= SIM_CONV_BACKWARD_WEIGHTS;
        if (plan->needs_d_input[0])
            calls |= SIM_CONV_BACKWARD_INPUT;
        if (plan->takes_bf16)
            calls |= SIM_CONV_BF16;
    }
    if (plan->may_hold) /* in a short window nothing is to be made anew */
        calls |= plan->window < plan->steps ? SIM_CONV_HOLD_ANY : SIM_CONV_HOLD;
    SimConv *conv = NULL;
    const size_t most = plan->in[0].t == 1 ? 1 : plan->window;
    const SimStatus status =
        sim_conv_create(shape, plan->in_form[0], most, calls, plan->context, &conv);
    if (status != SIM_OK)
        return status;
    plan->prepared = conv;
    plan->scratch_bytes = sim_conv_scratch_bytes(conv);
    plan->held_bytes = sim_conv_held_bytes(conv);
    plan->keeps_prepared = plan->held_bytes > 0;
    return SIM_OK;
}

static void choose_and_hold(const NetLayerRun *run)
{
    sim_conv_choose(run->prepared, (double)run->density); /* others may share it */
    sim_conv_hold(run->prepared, run->params[WEIGHT], run->version);
}

void net_synapses_forward(const NetLayerRun *run)
{
    choose_and_hold(run);
    sim_conv_forward(run->prepared, run->y.shape.t, &run->x[0], run->params[WEIGHT],
                     run->params[BIAS], &run->y, run->scratch);
}

bool net_synapses_begin_rows(const NetLayerRun *run)
{
    choose_and_hold(run);
    return sim_conv_begin_rows(run->prepared, run->params[WEIGHT], run->scratch);
}

void net_synapses_forward_rows(const NetLayerRun *run, size_t t, size_t first,
                               size_t last, float *y)
{
    const SimTensor x = net_rows_of(&run->x[0], t, 0, 0);
    sim_conv_forward_rows(run->prepared, &x, run->params[WEIGHT], run->params[BIAS],
                          run->scratch, first, last, y);
}

void net_synapses_backward(const NetLayerRun *run)
{
    const size_t steps = run->y.shape.t;
    const SimTensor dy = {
        .form = run->dy_form, .shape = run->y.shape, .f32 = (float *)(size_t)run->dy};
    const SimTensor dx = {
        .form = run->dx_form[0], .shape = run->x[0].shape, .f32 = run->dx[0]};
    sim_conv_backward_weights(run->prepared, steps, &run->x[0], &dy,
                              run->d_params[WEIGHT], run->d_params[BIAS], run->scratch);
    if (run->dx[0])
        sim_conv_backward_input(run->prepared, steps, &dy, run->params[WEIGHT],
                                run->x_active[0], run->accumulate[0], &dx, run->scratch);
}

void net_synapses_keep_apart(const NetLayerRun *run, int64_t apart, size_t n_weights)
{
    const float *const weights = run->params[WEIGHT];
    float *const d_weights = run->d_params[WEIGHT];
    for (size_t k = 0; apart > 1 && k < n_weights; k++)
        d_weights[k] = weights[k] != 0.0f ? d_weights[k] : 0.0f;
}

bool net_synapses_uses_spikes(void *prepared, float density)
{
    sim_conv_choose(prepared, (double)density); /* forward chooses anew */
    return sim_conv_uses_spikes(prepared);
}

void net_synapses_destroy(void *prepared)
{
    sim_conv_destroy(prepared);
}
