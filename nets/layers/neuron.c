/* nets/layers/neuron.c: the neurons of a layer: dendrite, then soma. */
#include <string.h>

#include "nets/layers.h"
#include "sim/arena.h"

static NeuronRun make_run(const NetLayerRun *run)
{
    const NetNeuron *options = run->options;
    NeuronRun neuron = {.spec = &options->spec,
                        .context = run->context,
                        .nt = run->x[0].shape.t, /* 1 on a constant wire */
                        .shape = run->x[0].shape,
                        .x = run->x[0].f32,
                        .affine = run->affine[0],
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
    neuron.shape.c /= options->spec.dendrite->n_branches;
    return neuron;
}

/* --- the dendrite --------------------------------------------------------------------
 */

enum { TASK_UNITS = 16384, MAX_TASKS = 64 };

/* Joining branches over a window, cut into tasks of whole pixels, whose number does not
 * depend on the threads. scratch:
 *
 *     | currents | their gradients | d_params [n_tasks, n_sums] | the soma's own | */
typedef struct Join {
    const NetLayerRun *run;
    const NeuronSpec *spec;
    size_t channels, pixels; /* pixels of all steps */
    size_t block, n_tasks;   /* pixels of a task */
    size_t n_params, n_sums; /* trained, numbers in them */
    const float *const *params;
    float *currents, *d_currents, *sums;
    size_t bytes;
} Join;

static size_t trained(const NeuronParam *params, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += params[i].trained;
    return count;
}

static size_t soma_params(const NeuronSpec *spec)
{
    return trained(spec->soma->params, spec->soma->n_params);
}

static size_t param_count(const NeuronSpec *spec, size_t channels)
{
    return spec->sharing == NEURON_PER_CHANNEL ? channels : 1;
}

/* `scratch` NULL: only measures. */
static Join lay_out(const NeuronSpec *spec, size_t nt, SimShape units, void *scratch)
{
    Join join = {
        .spec = spec, .channels = units.c, .pixels = nt * sim_shape_pixels(units)};
    if (!spec->dendrite->forward)
        return join;
    const size_t least = (join.pixels + MAX_TASKS - 1) / MAX_TASKS;
    join.block = TASK_UNITS / units.c > least ? TASK_UNITS / units.c : least;
    join.n_tasks = (join.pixels + join.block - 1) / join.block;
    join.n_params = trained(spec->dendrite->params, spec->dendrite->n_params);
    join.n_sums = join.n_params * param_count(spec, units.c);
    const size_t currents = sim_align_up(join.pixels * units.c * sizeof(float));
    const size_t sums = sim_align_up(join.n_tasks * join.n_sums * sizeof(float));
    unsigned char *at = scratch;
    if (at) {
        join.currents = (float *)(void *)at;
        join.d_currents = (float *)(void *)(at + currents);
        join.sums = (float *)(void *)(at + 2 * currents);
    }
    join.bytes = 2 * currents + sums;
    return join;
}

static size_t task_of(const Join *join, size_t index, size_t *first)
{
    *first = index * join->block;
    return (*first + join->block < join->pixels ? join->block : join->pixels - *first) *
           join->channels;
}

static void join_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Join *join = argument;
    size_t first;
    const size_t n = task_of(join, index, &first), at = first * join->channels;
    const NeuronDendrite *dendrite = join->spec->dendrite;
    dendrite->forward(join->spec, n, join->channels,
                      join->run->x[0].f32 + at * dendrite->n_branches, join->params,
                      join->currents + at);
}

static void join_back_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Join *join = argument;
    const NetLayerRun *run = join->run;
    size_t first;
    const size_t n = task_of(join, index, &first), at = first * join->channels;
    const NeuronDendrite *dendrite = join->spec->dendrite;
    float *sums = join->sums + index * join->n_sums, *d_params[NEURON_MAX_PARAMS] = {0};
    memset(sums, 0, join->n_sums * sizeof *sums);
    for (size_t i = 0; i < join->n_params; i++)
        d_params[i] = sums + i * (join->n_sums / join->n_params);
    dendrite->backward(
        join->spec, n, join->channels, run->x[0].f32 + at * dendrite->n_branches,
        join->params, join->d_currents + at, run->accumulate[0],
        run->dx[0] ? run->dx[0] + at * dendrite->n_branches : NULL, d_params);
}

/* The soma takes the joined currents and the scratch behind them. */
static Join join_branches(const NetLayerRun *run, NeuronRun *neuron)
{
    Join join = lay_out(neuron->spec, neuron->nt, neuron->shape, run->scratch);
    if (!join.currents)
        return join;
    join.run = run;
    join.params = (const float *const *)run->params + soma_params(neuron->spec);
    sim_team_run(&run->context->team, join.n_tasks, join_task, &join);
    neuron->x = join.currents;
    neuron->scratch = (unsigned char *)run->scratch + join.bytes;
    return join;
}

static void join_branches_back(Join *join)
{
    const NetLayerRun *run = join->run;
    sim_team_run(&run->context->team, join->n_tasks, join_back_task, join);
    for (size_t i = 0; i < join->n_params; i++) {
        const size_t count = join->n_sums / join->n_params;
        float *total = run->d_params[soma_params(join->spec) + i];
        for (size_t task = 0; task < join->n_tasks; task++)
            for (size_t k = 0; k < count; k++)
                total[k] += join->sums[task * join->n_sums + i * count + k];
    }
}

/* --- the hooks -------------------------------------------------------------------------
 */

static void add_params(NetLayerPlan *plan, const NeuronSpec *spec,
                       const NeuronParam *params, size_t n, const double *values)
{
    for (size_t i = 0; i < n; i++)
        if (params[i].trained)
            plan->params[plan->n_params++] =
                (NetParamRow){.name = params[i].name,
                              .role = NET_PARAM_TRAINED,
                              .n_dims = 1,
                              .dims = {param_count(spec, plan->out.c)},
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
    const bool whole = !spec->dendrite->forward; /* the input is the current */
    plan->takes_affine[0] = whole && spec->soma->takes_affine;
    plan->gradient_in_place = whole && spec->soma->in_place;
    NeuronRun run = {
        .spec = spec, .context = plan->context, .nt = plan->window, .shape = plan->out};
    plan->scratch_bytes = lay_out(spec, plan->window, plan->out, NULL).bytes;
    if (spec->soma->scratch_bytes)
        plan->scratch_bytes += spec->soma->scratch_bytes(&run);
    return SIM_OK;
}

static void forward(const NetLayerRun *run)
{
    NeuronRun neuron = make_run(run);
    join_branches(run, &neuron);
    neuron.spec->soma->forward(&neuron);
}

static void backward(const NetLayerRun *run)
{
    NeuronRun neuron = make_run(run);
    const NeuronSpec *spec = neuron.spec;
    if (!run->dx[0] && !soma_params(spec) &&
        !trained(spec->dendrite->params, spec->dendrite->n_params))
        return;
    Join join = join_branches(run, &neuron);
    if (join.currents) {
        neuron.d_x = join.d_currents;
        neuron.accumulate = false;
    }
    neuron.spec->soma->backward(&neuron);
    if (join.currents)
        join_branches_back(&join);
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
