/* nets/layers/neuron.c: the neurons of a layer: dendrite, then soma. */
#include <string.h>

#include "nets/layers.h"
#include "neurons/memory.h"
#include "sim/arena.h"

/* What goes from run to run of a backward window by window:
 *
 *     | later [step] of each | sums | states where run 1 starts [step] of each | run 2 |
 */
typedef struct Carry {
    unsigned char *later, *marks;
    double *sums;
    size_t step_bytes, later_bytes, mark_bytes; /* of a tensor; of all of them */
    size_t bytes;                               /* before the marks */
} Carry;

/* `memory` NULL: only measures. */
static Carry carry_of(const NeuronRun *run, void *memory)
{
    const NeuronSoma *soma = run->spec->soma;
    const size_t sums = soma->carry_sums ? soma->carry_sums(run) : 0;
    const size_t step = sim_align_up(sim_shape_step(run->shape) * sizeof(float));
    Carry carry = {.step_bytes = step,
                   .later_bytes = soma->n_later * step,
                   .mark_bytes = soma->n_states * step};
    if (!soma->n_later)
        return carry;
    carry.bytes = carry.later_bytes + sim_align_up(sums * sizeof(double));
    if (memory) {
        carry.later = memory;
        carry.sums = (double *)(void *)(carry.later + carry.later_bytes);
        carry.marks = carry.later + carry.bytes;
    }
    return carry;
}

/* State `state` where run `index` > 0 starts. */
static float *mark_of(const Carry *carry, size_t index, size_t state)
{
    return (float *)(void *)(carry->marks + (index - 1) * carry->mark_bytes +
                             state * carry->step_bytes);
}

static bool forgets_states(const NeuronSpec *spec)
{
    return spec->soma->forgets && !spec->memory;
}

static NeuronRun make_run(const NetLayerRun *run)
{
    const NetNeuron *options = run->options;
    const NeuronSpec *spec = &options->spec;
    const bool forgets = run->training && run->nt == run->steps && forgets_states(spec);
    NeuronRun neuron = {.spec = spec,
                        .context = run->context,
                        .nt = run->x[0].shape.t, /* 1 on a constant wire */
                        .shape = run->x[0].shape,
                        .x = run->x[0].f32,
                        .x_form = run->x[0].form,
                        .affine = run->affine[0],
                        .y = run->y,
                        .active = run->active,
                        .potential = run->potential,
                        .states = forgets ? NULL : run->states,
                        .params = (const float *const *)run->params,
                        .d_y = run->dy,
                        .d_y_form = run->dy_form,
                        .d_x_form = run->dx_form[0],
                        .d_x = run->dx[0],
                        .accumulate = run->accumulate[0],
                        .d_params = run->d_params,
                        .scratch = run->scratch};
    neuron.shape.c = neuron_spec_units(spec, neuron.shape.c);
    return neuron;
}

/* --- branches that remember
 * -------------------------------------------------------------
 */

/* Their memory's own scratch, then what the branches hold and its gradients, each like x;
 * all else sees these in the place of x. */
typedef struct Remembering {
    NeuronMemoryRun memory;
    NetLayerRun inner;
    size_t bytes;
} Remembering;

/* The memory is the last parameter and the last state. `shape` [t,n,h,w,inputs]. */
static Remembering remember(const NetLayerRun *run, const SimContext *context,
                            const NeuronSpec *spec, SimShape shape, void *scratch)
{
    Remembering r = {.memory = {.context = context,
                                .nt = shape.t,
                                .pixels = sim_shape_pixels(shape),
                                .inputs = shape.c,
                                .scratch = scratch}};
    const size_t own = sim_align_up(neuron_memory_scratch(&r.memory));
    const size_t like_x = sim_align_up(sim_shape_count(shape) * sizeof(float));
    r.bytes = own + 2 * like_x;
    if (!run)
        return r;
    unsigned char *at = scratch;
    size_t row = neuron_spec_trained(spec);
    for (size_t i = 0; i < spec->soma->n_params; i++)
        row += spec->soma->params[i].trained;
    r.memory.memory = run->params[row];
    r.memory.x = run->x[0].f32;
    r.memory.state = run->states ? run->states[spec->soma->n_states] : NULL;
    r.memory.y = (float *)(void *)(at + own);
    r.memory.d_y = (float *)(void *)(at + own + like_x);
    r.memory.accumulate = run->accumulate[0];
    r.memory.d_x = run->dx[0];
    r.memory.d_memory = run->d_params ? run->d_params[row] : NULL;
    r.inner = *run;
    r.inner.x[0].f32 = r.memory.y;
    r.inner.dx[0] = (float *)(void *)(at + own + like_x);
    r.inner.accumulate[0] = false;
    r.inner.scratch = at + r.bytes;
    return r;
}

/* --- the dendrite --------------------------------------------------------------------
 */

enum { TASK_UNITS = 16384, MAX_TASKS = 64 };

/* Joining branches over a window, cut into tasks of whole pixels, whose number does not
 * depend on the threads. A soma that passes the current on gets it where its output
 * lies. scratch:
 *
 *     | d_params [n_tasks, n_sums] | currents | their gradients | the soma's own | */
typedef struct Join {
    const NetLayerRun *run;
    const NeuronSpec *spec;
    size_t channels, inputs, pixels; /* pixels of all steps */
    size_t block, n_tasks;           /* pixels of a task */
    size_t n_params, n_sums;         /* trained, numbers in them */
    const float *const *params;
    float *currents, *d_currents;
    const float *d_given; /* the gradients of the currents */
    double *sums;
    size_t bytes;
} Join;

static size_t soma_params(const NeuronSpec *spec)
{
    size_t count = 0;
    for (size_t i = 0; i < spec->soma->n_params; i++)
        count += spec->soma->params[i].trained;
    return count;
}

static size_t param_count(const NeuronSpec *spec, size_t channels)
{
    return spec->sharing == NEURON_PER_CHANNEL ? channels : 1;
}

static bool joins(const NeuronSpec *spec)
{
    return neuron_join_forward(spec->dendrite) != NULL;
}

/* `scratch` NULL: only measures. */
static Join lay_out(const NeuronSpec *spec, size_t nt, SimShape units, void *scratch)
{
    Join join = {.spec = spec,
                 .channels = units.c,
                 .inputs = neuron_spec_inputs(spec, units.c),
                 .pixels = nt * sim_shape_pixels(units)};
    if (!joins(spec))
        return join;
    const size_t least = (join.pixels + MAX_TASKS - 1) / MAX_TASKS;
    join.block = TASK_UNITS / units.c > least ? TASK_UNITS / units.c : least;
    join.n_tasks = (join.pixels + join.block - 1) / join.block;
    join.n_params = neuron_spec_trained(spec);
    join.n_sums = join.n_params * param_count(spec, units.c);
    const size_t sums = sim_align_up(join.n_tasks * join.n_sums * sizeof(double));
    const size_t currents =
        spec->soma->passes ? 0 : sim_align_up(join.pixels * units.c * sizeof(float));
    unsigned char *at = scratch;
    if (at) {
        join.sums = (double *)(void *)at;
        join.currents = (float *)(void *)(at + sums);
        join.d_currents = (float *)(void *)(at + sums + currents);
    }
    join.bytes = sums + 2 * currents;
    return join;
}

static NeuronBranches branches_of(const Join *join, size_t index)
{
    const NetLayerRun *run = join->run;
    const size_t first = index * join->block, left = join->pixels - first;
    const size_t x = first * join->inputs, y = first * join->channels;
    return (NeuronBranches){
        .spec = join->spec,
        .context = run->context,
        .pixels = left < join->block ? left : join->block,
        .channels = join->channels,
        .x = run->x[0].f32 + x,
        .params = join->params,
        .current = join->currents + y,
        .d_current = join->d_given ? join->d_given + y : NULL,
        .accumulate = run->accumulate[0],
        .d_x = run->dx[0] ? run->dx[0] + x : NULL,
    };
}

static void join_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Join *join = argument;
    const NeuronBranches run = branches_of(join, index);
    neuron_join_forward(join->spec->dendrite)(&run);
}

static void join_back_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Join *join = argument;
    NeuronBranches run = branches_of(join, index);
    double *sums = join->sums + index * join->n_sums, *d_params[NEURON_MAX_PARAMS] = {0};
    for (size_t i = 0; i < join->n_sums; i++) /* none where there are no parameters */
        sums[i] = 0.0;
    for (size_t i = 0; i < join->n_params; i++)
        d_params[i] = sums + i * (join->n_sums / join->n_params);
    run.d_params = join->n_params ? d_params : NULL;
    neuron_join_backward(join->spec->dendrite)(&run);
}

/* The soma takes the joined currents and the scratch behind them. */
static Join join_branches(const NetLayerRun *run, NeuronRun *neuron, bool backward)
{
    const NeuronSpec *spec = neuron->spec;
    Join join = lay_out(spec, neuron->nt, neuron->shape, run->scratch);
    if (!joins(spec))
        return join;
    join.run = run;
    join.params = (const float *const *)run->params + soma_params(spec);
    if (spec->soma->passes)
        join.currents = run->y.f32;
    neuron->x = join.currents;
    neuron->x_form = SIM_DENSE;
    neuron->scratch = (unsigned char *)run->scratch + join.bytes;
    if (!backward || !spec->soma->passes)
        sim_team_run(&run->context->team, join.n_tasks, join_task, &join);
    return join;
}

/* A parameter at the end of its range takes no gradient that would push it out. */
static float kept_inside(const NeuronParam *param, float value, double gradient)
{
    const bool stuck = ((double)value <= param->low && gradient > 0.0) ||
                       ((double)value >= param->high && gradient < 0.0);
    return stuck ? 0.0f : (float)gradient;
}

static void join_branches_back(Join *join)
{
    const NetLayerRun *run = join->run;
    NeuronParam params[NEURON_MAX_PARAMS];
    neuron_spec_params(join->spec, params);
    const size_t first = soma_params(join->spec);
    sim_team_run(&run->context->team, join->n_tasks, join_back_task, join);
    for (size_t i = 0, row = 0; i < join->n_params; row++) {
        if (!neuron_param_learns(join->spec, &params[row]))
            continue;
        const size_t count = join->n_sums / join->n_params;
        for (size_t k = 0; k < count; k++) {
            double total = 0.0;
            for (size_t task = 0; task < join->n_tasks; task++)
                total += join->sums[task * join->n_sums + i * count + k];
            run->d_params[first + i][k] +=
                kept_inside(&params[row], run->params[first + i][k], total);
        }
        i++;
    }
}

/* --- the hooks -------------------------------------------------------------------------
 */

static void add_param(NetLayerPlan *plan, const NeuronSpec *spec, const char *name,
                      double value)
{
    plan->params[plan->n_params++] =
        (NetParamRow){.name = name,
                      .role = NET_PARAM_TRAINED,
                      .n_dims = 1,
                      .dims = {param_count(spec, plan->out.c)},
                      .init = NET_INIT_CONSTANT,
                      .init_value = value,
                      .shared = spec->sharing == NEURON_PER_NET};
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetNeuron *options = plan->options;
    const NeuronSpec *spec = &options->spec;
    const NeuronSoma *soma = spec->soma;
    const SimStatus status = neuron_spec_check(spec);
    if (status != SIM_OK)
        return status;
    const size_t units = neuron_spec_units(spec, plan->in[0].c);
    if (!units) {
        const size_t least = spec->n_members ? spec->n_members : 1;
        char text[128];
        neuron_spec_dendrite_text(spec, text, sizeof text);
        return sim_fail(SIM_ERR_SHAPE,
                        "%zu channels are not a multiple of the %zu inputs of %s",
                        plan->in[0].c, neuron_spec_inputs(spec, least), text);
    }
    if (plan->in[0].t == 1 && plan->steps > 1 && (spec->soma->n_states || spec->memory))
        return sim_fail(SIM_ERR_SHAPE,
                        "a %s neuron needs a sequence, its input is the same at "
                        "every step: put a repeat layer before it",
                        spec->soma->name);
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    plan->out.c = units;
    plan->out_form = spec->soma->output;
    plan->gives_active =
        plan->training && spec->surrogate->compact && plan->out_form == SIM_SPIKES;
    plan->n_states = spec->soma->n_states;
    plan->forgets = plan->training && forgets_states(spec);
    for (size_t i = 0; i < plan->n_states; i++) {
        plan->state_names[i] = spec->soma->states[i];
        plan->state_floats[i] = sim_shape_step(plan->out);
    }
    for (size_t i = 0; i < soma->n_params; i++)
        if (soma->params[i].trained)
            add_param(plan, spec, soma->params[i].name, spec->soma_values[i]);
    NeuronParam params[NEURON_MAX_PARAMS];
    const size_t n_params = neuron_spec_params(spec, params);
    for (size_t i = 0; i < n_params; i++)
        if (neuron_param_learns(spec, &params[i]))
            add_param(plan, spec, params[i].name, spec->dendrite_values[i]);
    if (spec->memory) {
        plan->state_names[plan->n_states] = "branches";
        plan->state_floats[plan->n_states++] = sim_shape_step(plan->in[0]);
        plan->params[plan->n_params++] = (NetParamRow){.name = "memory",
                                                       .role = NET_PARAM_TRAINED,
                                                       .n_dims = 1,
                                                       .dims = {plan->in[0].c},
                                                       .init = NET_INIT_BETWEEN,
                                                       .init_value = spec->memory_low,
                                                       .init_end = spec->memory_high};
    }
    plan->backward_needs = NET_NEEDS_INPUT;
    const bool whole = !joins(spec) && !spec->memory; /* the input is the current */
    plan->by_rows = !spec->memory;
    plan->takes_affine[0] = whole && spec->soma->takes_affine;
    plan->gradient_in_place = whole && spec->soma->in_place;
    plan->takes_bf16 = whole && spec->soma->takes_bf16;
    plan->reads_bf16 = plan->takes_bf16;
    plan->gives_bf16 = plan->adds_bf16 = plan->takes_bf16;
    if (plan->training && whole && plan->out.t > 1) {
        const Carry carry = carry_of(
            &(NeuronRun){.spec = spec, .context = plan->context, .shape = plan->out},
            NULL);
        plan->carry_bytes = carry.bytes;
        plan->mark_bytes = carry.bytes ? carry.mark_bytes : 0;
    }
    NeuronRun run = {
        .spec = spec, .context = plan->context, .nt = plan->window, .shape = plan->out};
    plan->scratch_bytes = lay_out(spec, plan->window, plan->out, NULL).bytes;
    if (spec->soma->scratch_bytes)
        plan->scratch_bytes += spec->soma->scratch_bytes(&run);
    SimShape window = plan->in[0];
    window.t = plan->window;
    if (spec->memory)
        plan->scratch_bytes += remember(NULL, plan->context, spec, window, NULL).bytes;
    return SIM_OK;
}

static void join_and_fire(const NetLayerRun *run)
{
    NeuronRun neuron = make_run(run);
    join_branches(run, &neuron, false);
    if (neuron.spec->soma->passes && joins(neuron.spec)) {
        if (neuron.potential)
            memcpy(neuron.potential, neuron.x,
                   neuron.nt * sim_shape_step(neuron.shape) * sizeof(float));
        return;
    }
    neuron.spec->soma->forward(&neuron);
}

static void forward(const NetLayerRun *run)
{
    const NetNeuron *options = run->options;
    const NeuronSpec *spec = &options->spec;
    if (!spec->memory) {
        join_and_fire(run);
        return;
    }
    const Remembering r =
        remember(run, run->context, spec, run->x[0].shape, run->scratch);
    neuron_memory_forward(&r.memory);
    join_and_fire(&r.inner);
}

static void join_and_fire_back(const NetLayerRun *run)
{
    NeuronRun neuron = make_run(run);
    const NeuronSpec *spec = neuron.spec;
    if (!run->dx[0] && !soma_params(spec) && !neuron_spec_trained(spec))
        return;
    Join join = join_branches(run, &neuron, true);
    if (run->carry) {
        const Carry carry = carry_of(&neuron, run->carry);
        const size_t index = run->t0 / run->whole_run;
        NeuronCarry here = {.sums = carry.sums,
                            .last = run->t0 + run->nt == run->steps,
                            .first = index == 0};
        for (size_t k = 0; index && k < spec->soma->n_states; k++)
            here.states[k] = mark_of(&carry, index, k);
        for (size_t k = 0; k < spec->soma->n_later; k++)
            here.later[k] = (float *)(void *)(carry.later + k * carry.step_bytes);
        if (here.last)
            memset(carry.later, 0, carry.later_bytes);
        neuron.carry = &here;
        spec->soma->backward(&neuron);
        return;
    }
    if (!joins(spec)) {
        spec->soma->backward(&neuron);
        return;
    }
    if (spec->soma->passes) {
        join.d_given = run->dy;
    } else {
        neuron.d_x = join.d_currents;
        neuron.accumulate = false;
        spec->soma->backward(&neuron);
        join.d_given = join.d_currents;
    }
    join_branches_back(&join);
}

static void backward(const NetLayerRun *run)
{
    const NetNeuron *options = run->options;
    const NeuronSpec *spec = &options->spec;
    if (!spec->memory) {
        join_and_fire_back(run);
        return;
    }
    Remembering r = remember(run, run->context, spec, run->x[0].shape, run->scratch);
    /* What the branches held, from rest; the place of the gradients is free until then.
     */
    r.memory.state = r.inner.dx[0];
    memset(r.memory.state, 0, r.memory.pixels * r.memory.inputs * sizeof(float));
    neuron_memory_forward(&r.memory);
    join_and_fire_back(&r.inner);
    neuron_memory_backward(&r.memory);
}

static void retrace(const NetLayerRun *run)
{
    NeuronRun neuron = make_run(run);
    const Carry carry = carry_of(&neuron, run->carry);
    const size_t index = run->t0 / run->whole_run;
    float *ends[NEURON_MAX_STATES];
    for (size_t k = 0; k < neuron.spec->soma->n_states; k++)
        ends[k] = mark_of(&carry, index + 1, k);
    if (index)
        memcpy(ends[0], mark_of(&carry, index, 0), carry.mark_bytes);
    else
        memset(ends[0], 0, carry.mark_bytes);
    neuron.states = ends;
    neuron.active = NULL;
    neuron.potential = NULL;
    neuron.spec->soma->forward(&neuron);
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
    .retrace = retrace,
};
