/* nets/layers/neuron.c: the neurons of a layer: dendrite, then soma. */
#include <string.h>

#include "nets/layers.h"
#include "sim/arena.h"

static NeuronRun make_run(const NetLayerRun *run)
{
    const NetNeuron *options = run->options;
    NeuronRun neuron = {.spec = &options->spec,
                        .context = run->context,
                        .nt = run->nt,
                        .shape = run->x[0].shape,
                        .x = run->x[0].f32,
                        .y = run->y,
                        .active = run->active,
                        .potential = run->potential,
                        .states = run->states,
                        .params = (const float *const *)run->params,
                        .d_y = run->dy,
                        .d_x = run->dx[0],
                        .accumulate = run->accumulate[0],
                        .d_params = run->d_params,
                        .scratch = run->scratch};
    neuron.shape.t = run->nt;
    neuron.shape.c /= options->spec.dendrite->n_branches;
    return neuron;
}

static size_t current_bytes(const NetLayerPlan *plan, const NeuronSpec *spec)
{
    if (spec->dendrite->n_branches == 1)
        return 0;
    return sim_align_up(plan->window * sim_shape_step(plan->out) * sizeof(float));
}

static void add_params(NetLayerPlan *plan, const NeuronSpec *spec,
                       const NeuronParam *params, size_t n, const double *values)
{
    for (size_t i = 0; i < n; i++)
        if (params[i].trained)
            plan->params[plan->n_params++] = (NetParamRow){
                .name = params[i].name,
                .role = NET_PARAM_TRAINED,
                .n_dims = 1,
                .dims = {spec->sharing == NEURON_PER_CHANNEL ? plan->out.c : 1},
                .init = NET_INIT_CONSTANT,
                .init_value = values[i]};
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetNeuron *options = plan->options;
    const NeuronSpec *spec = &options->spec;
    const size_t branches = spec->dendrite->n_branches;
    const SimStatus status = neuron_spec_check(spec);
    if (status != SIM_OK)
        return status;
    if (plan->in[0].c % branches)
        return sim_fail(SIM_ERR_SHAPE,
                        "%zu channels are not a multiple of the %zu branches of %s",
                        plan->in[0].c, branches, spec->dendrite->name);
    if (plan->in[0].t == 1 && plan->steps > 1 && spec->soma->n_states)
        return sim_fail(SIM_ERR_SHAPE,
                        "a %s neuron needs a sequence, its input is the same at "
                        "every step: put a repeat layer before it",
                        spec->soma->name);
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out.c = plan->in[0].c / branches;
    plan->out_form = spec->soma->output;
    plan->gives_active =
        plan->training && spec->surrogate->compact && plan->out_form == SIM_SPIKES;
    plan->n_states = spec->soma->n_states;
    for (size_t i = 0; i < plan->n_states; i++) {
        plan->state_names[i] = spec->soma->states[i];
        plan->state_floats[i] = sim_shape_step(plan->out);
    }
    add_params(plan, spec, spec->soma->params, spec->soma->n_params, spec->soma_values);
    add_params(plan, spec, spec->dendrite->params, spec->dendrite->n_params,
               spec->dendrite_values);
    plan->backward_needs = NET_NEEDS_INPUT;
    NeuronRun run = {
        .spec = spec, .context = plan->context, .nt = plan->window, .shape = plan->out};
    plan->scratch_bytes = 2 * current_bytes(plan, spec);
    if (spec->soma->scratch_bytes)
        plan->scratch_bytes += spec->soma->scratch_bytes(&run);
    return SIM_OK;
}

static size_t soma_params(const NeuronSpec *spec)
{
    size_t n = 0;
    for (size_t i = 0; i < spec->soma->n_params; i++)
        n += spec->soma->params[i].trained;
    return n;
}

/* scratch: | currents | their gradients | the soma's own | with a dendrite that joins. */
static float *join_branches(const NetLayerRun *run, NeuronRun *neuron)
{
    const NeuronSpec *spec = neuron->spec;
    const size_t n = run->nt * sim_shape_step(neuron->shape);
    float *currents = run->scratch;
    spec->dendrite->forward(spec, n, neuron->shape.c, run->x[0].f32,
                            (const float *const *)run->params + soma_params(spec),
                            currents);
    neuron->x = currents;
    const size_t bytes = sim_align_up(n * sizeof(float));
    neuron->scratch = (unsigned char *)run->scratch + 2 * bytes;
    return (float *)(void *)((unsigned char *)run->scratch + bytes);
}

static void forward(const NetLayerRun *run)
{
    NeuronRun neuron = make_run(run);
    if (neuron.spec->dendrite->n_branches > 1)
        join_branches(run, &neuron);
    neuron.spec->soma->forward(&neuron);
}

static void backward(const NetLayerRun *run)
{
    if (!run->dx[0])
        return;
    NeuronRun neuron = make_run(run);
    const NeuronSpec *spec = neuron.spec;
    if (spec->dendrite->n_branches == 1) {
        spec->soma->backward(&neuron);
        return;
    }
    float *d_currents = join_branches(run, &neuron);
    neuron.d_x = d_currents;
    neuron.accumulate = false;
    spec->soma->backward(&neuron);
    const size_t before = soma_params(spec);
    spec->dendrite->backward(spec, run->nt * sim_shape_step(neuron.shape), neuron.shape.c,
                             run->x[0].f32, (const float *const *)run->params + before,
                             d_currents, run->accumulate[0], run->dx[0],
                             run->d_params + before);
}

const NetLayer net_layer_neuron = {
    .name = "neuron",
    .summary = "dendrite and soma: currents in, spikes or values out",
    .min_inputs = 1,
    .max_inputs = 1,
    .options_size = sizeof(NetNeuron),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
