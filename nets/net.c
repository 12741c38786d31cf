/* nets/net.c: a planned network run and looked at. */
#include "nets/strips_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct Net {
    Plan plan;
    NetParams *params;
    SimArena activations, states, gradients, seen;
    size_t t0;             /* of the next window */
    size_t nt;             /* of the latest window, */
    size_t run, run_steps; /* of the run of a loop at hand: its first step, how many, */
    size_t whole_run;      /* and how many a run has that is not cut short */
    uint64_t step;
    bool timed;       /* see net_time_nodes */
    bool resting;     /* the states are to be put to rest when they are used next */
    bool looked_into; /* somebody may look at the states, or write them, at any time */
    const uint32_t *labels;
};

/* --- making ---------------------------------------------------------------------------
 */

/* Of a row of nodes up to `last`. */
static float *gradient_of(const Plan *plan, size_t last, size_t row)
{
    size_t k = 0;
    while (k < last && row >= plan->nodes[k].first_param + plan->nodes[k].plan.n_params)
        k++;
    return plan->nodes[k].d_params[row - plan->nodes[k].first_param];
}

static SimStatus bind_params(Net *net)
{
    Plan *plan = &net->plan;
    size_t row = 0;
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        node->first_param = row;
        for (size_t p = 0; p < node->plan.n_params; p++, row++) {
            if (row >= net->params->n_rows)
                return sim_fail(SIM_ERR_SHAPE,
                                "%s: its parameters belong to another network",
                                node->name);
            const NetParam *param = &net->params->rows[row];
            size_t count = 1;
            for (size_t d = 0; d < node->plan.params[p].n_dims; d++)
                count *= node->plan.params[p].dims[d];
            if (param->count != count || param->node != node->graph_node ||
                strcmp(param->row.name, node->plan.params[p].name) != 0)
                return sim_fail(
                    SIM_ERR_SHAPE,
                    "%s.%s wants %zu numbers, the parameters given have %zu as %s: "
                    "they were made for another network or number of steps",
                    node->name, node->plan.params[p].name, count, param->count,
                    param->name);
            node->params[p] = net_params_write(net->params, row); /* running statistics */
            if (!plan->options.training || param->row.role != NET_PARAM_TRAINED)
                continue;
            node->d_params[p] = param->same == row ? sim_arena_take(&net->gradients,
                                                                    count * sizeof(float))
                                                   : gradient_of(plan, k, param->same);
        }
    }
    return SIM_OK;
}

/* In training a node sees the whole sequence in one call: nothing is carried, and all
 * nodes may use the same memory. */
static void bind_states(Net *net)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++) {
        PlanNode *node = &net->plan.nodes[k];
        if (net->plan.options.training)
            net->states.used = 0;
        for (size_t i = 0; i < node->plan.n_states; i++) {
            const size_t count = node->plan.state_floats[i];
            node->states[i] = sim_arena_take(&net->states, count * sizeof(float));
            node->state_views[i] =
                (NetStateView){node->plan.state_names[i], node->states[i], count};
        }
        if (node->plan.out_form == SIM_SPIKES) {
            const size_t bytes = sim_words(node->plan.out.c) * sizeof(uint64_t);
            node->seen_any = sim_arena_take(&net->seen, bytes);
            node->seen_all = sim_arena_take(&net->seen, bytes);
        }
    }
}

static size_t seen_bytes(const Plan *plan)
{
    size_t bytes = 0;
    for (size_t k = 0; k < plan->n_nodes; k++)
        if (plan->nodes[k].plan.out_form == SIM_SPIKES)
            bytes +=
                2 * sim_align_up(sim_words(plan->nodes[k].plan.out.c) * sizeof(uint64_t));
    return bytes;
}

SimStatus net_measure(const NetGraph *graph, NetParams *params,
                      const NetPlanOptions *options, const SimContext *context,
                      NetMemoryInfo *out)
{
    (void)params;
    Plan plan = {0};
    const SimStatus status = plan_any(graph, options, context, &plan);
    if (status == SIM_OK)
        *out = plan_memory_info(&plan);
    plan_destroy(&plan);
    return status;
}

SimStatus net_create(const NetGraph *graph, NetParams *params,
                     const NetPlanOptions *options, const SimContext *context, Net **out)
{
    SimStatus status = SIM_OK;
    Net *net = calloc(1, sizeof *net);
    if (!net)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a network");
    net->params = params;
    SIM_TRY(plan_any(graph, options, context, &net->plan));
    SIM_TRY(sim_arena_create(&net->activations, net->plan.activation_bytes));
    SIM_TRY(sim_arena_create(&net->states, net->plan.state_floats * sizeof(float)));
    SIM_TRY(sim_arena_create(&net->gradients, net->plan.gradient_floats * sizeof(float)));
    SIM_TRY(sim_arena_create(&net->seen, seen_bytes(&net->plan)));
    SIM_TRY(bind_params(net));
    bind_states(net);
    net->plan.options.watch = NULL; /* what the caller's need not outlive this call */
    net->plan.options.stage_memory = NULL;
    net_reset_counts(net);
    *out = net;
    net = NULL;
out:
    net_destroy(net);
    return status;
}

void net_destroy(Net *net)
{
    if (!net)
        return;
    plan_destroy(&net->plan);
    sim_arena_destroy(&net->activations);
    sim_arena_destroy(&net->states);
    sim_arena_destroy(&net->gradients);
    sim_arena_destroy(&net->seen);
    free(net);
}

/* --- running --------------------------------------------------------------------------
 */

static void *at_buffer(const Net *net, int buffer)
{
    if (buffer == PLAN_NONE)
        return NULL;
    const PlanBuffer *const at = &net->plan.buffers[buffer];
    return net->activations.base + at->offset + at->head;
}

/* The run of steps at hand, in a buffer with the shape of this node. */
static void *at_run(const Net *net, const PlanNode *node, SimForm form, int buffer)
{
    unsigned char *const at = at_buffer(net, buffer);
    if (!at || node->plan.out.t == 1)
        return at;
    const int loop = net->plan.buffers[buffer].loop;
    const size_t first = loop == PLAN_NONE ? 0 : net->plan.loops[loop].at;
    return at + (net->run - first) * sim_step_bytes(form, node->plan.out);
}

static SimTensor tensor_at(const Net *net, const PlanNode *node, int buffer)
{
    SimTensor tensor = {.form = node->plan.out_form, .shape = node->plan.out};
    tensor.shape.t = node->plan.out.t == 1 ? 1 : net->run_steps;
    tensor.data = at_run(net, node, tensor.form, buffer);
    return tensor;
}

static void fill_run(Net *net, const PlanInstruction *at, NetLayerRun *run)
{
    PlanNode *node = &net->plan.nodes[at->node];
    *run = (NetLayerRun){.options = node->options,
                         .prepared = node->plan.prepared,
                         .context = net->plan.context,
                         .nt = net->run_steps,
                         .whole_run = net->whole_run,
                         .t0 = net->t0 + net->run,
                         .steps = net->plan.options.steps,
                         .training = net->plan.options.training,
                         .again = at->op == PLAN_AGAIN,
                         .n_inputs = node->plan.n_inputs,
                         .y = tensor_at(net, node, at->y),
                         .active = at_run(net, node, SIM_SPIKES, at->active),
                         .potential = at_run(net, node, SIM_DENSE, node->potential),
                         .params = node->params,
                         .version = net->params->version,
                         .d_params = node->d_params,
                         .states = node->states,
                         .saved = at_buffer(net, at->saved),
                         .carry = at_buffer(net, at->carry),
                         .scratch = at_buffer(net, at->scratch),
                         .labels = net->labels,
                         .inexact = &node->inexact,
                         .density = node->graph_node == PLAN_NONE
                                        ? 0.0f
                                        : net->params->density[node->graph_node],
                         .rng = {.seed = net->params->seed,
                                 .epoch = (uint32_t)net->step,
                                 .stream = (uint32_t)at->node},
                         .dy = at_run(net, node, node->gradient_form, at->dy),
                         .dy_form = node->gradient_form};
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const PlanNode *from = &net->plan.nodes[plan_source(&net->plan, node, i)];
        run->x[i] = tensor_at(net, from, at->x[i]);
        run->x_active[i] = at_run(net, from, SIM_SPIKES, at->x_active[i]);
        const PlanNode *to = &net->plan.nodes[node->inputs[i]];
        run->dx[i] = at_run(net, to, to->gradient_form, at->dx[i]);
        run->dx_form[i] = to->gradient_form;
        run->accumulate[i] = at->accumulate[i];
    }
}

/* What is folded into a node at input i runs with it, on scratch behind that of the node.
 */
static void fill_head(Net *net, const PlanInstruction *at, size_t i,
                      const NetLayerRun *reader, NetLayerRun *run)
{
    const PlanNode *node = &net->plan.nodes[at->node];
    const PlanInstruction here = {
        .op = at->op,
        .node = node->heads[i],
        .x = {at->x[i], PLAN_NONE, PLAN_NONE, PLAN_NONE},
        .dx = {PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE},
        .y = PLAN_NONE,
        .dy = PLAN_NONE,
        .saved = net->plan.nodes[node->heads[i]].saved,
        .scratch = PLAN_NONE,
        .active = PLAN_NONE,
        .carry = PLAN_NONE,
        .x_active = {PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE}};
    size_t offset = sim_align_up(node->plan.scratch_bytes);
    for (size_t k = 0; k < i; k++)
        if (node->heads[k] != PLAN_NONE)
            offset += sim_align_up(net->plan.nodes[node->heads[k]].plan.scratch_bytes);
    fill_run(net, &here, run);
    run->scratch = (unsigned char *)reader->scratch + offset;
    run->again = reader->again || at->op > PLAN_LOSS;
}

static void lend_to(Net *net, const PlanInstruction *at, NetLayerRun *run)
{
    const PlanNode *node = &net->plan.nodes[at->node];
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        NetLayerRun head;
        if (node->heads[i] == PLAN_NONE ||
            (at->op == PLAN_BACKWARD && node->plan.passes_gradient[i]))
            continue; /* nothing folded, or only dy is read */
        fill_head(net, at, i, run, &head);
        run->affine[i] = net->plan.nodes[node->heads[i]].layer->lend(&head);
    }
}

static void run_hook(Net *net, const PlanInstruction *at, NetLayerRun *run)
{
    const PlanNode *node = &net->plan.nodes[at->node];
    lend_to(net, at, run);
    switch (at->op) {
    case PLAN_INVERT:
        node->layer->invert(run, at->inverted);
        break;
    case PLAN_MEASURE:
        node->layer->measure(run);
        break;
    case PLAN_RETRACE:
        node->layer->retrace(run);
        break;
    case PLAN_GATHER:
        node->layer->gather(run);
        break;
    case PLAN_BACKWARD:
        node->layer->backward(run);
        break;
    default:
        node->layer->forward(run);
    }
}

/* Once the last run of a window is there. */
static void count_spikes(const Net *net, PlanNode *node)
{
    const SimShape shape = node->plan.out;
    if (net->run + net->run_steps == net->nt)
        plan_count(node, (shape.t == 1 ? 1 : net->nt) * sim_shape_pixels(shape));
}

static void rest(PlanNode *node, const NetLayerRun *run)
{
    const bool forgets = node->plan.forgets && run->nt == run->steps;
    for (size_t i = 0; i < node->plan.n_states && !forgets; i++)
        memset(node->states[i], 0, node->plan.state_floats[i] * sizeof(float));
}

/* Before the first run of a window: whether the states are still to be put to rest. */
static bool must_rest(const Net *net)
{
    return net->resting && net->run == 0;
}

static void run_layer(Net *net, const PlanInstruction *at)
{
    if (at->node == PLAN_NONE)
        return;
    PlanNode *node = &net->plan.nodes[at->node];
    if (!node->layer || (at->op == PLAN_FORWARD && node->constant && net->t0 > 0))
        return;
    NetLayerRun run;
    fill_run(net, at, &run);
    switch (at->op) {
    case PLAN_AGAIN:
        rest(node, &run);
        run_hook(net, at, &run);
        break;
    case PLAN_FORWARD:
        if (must_rest(net))
            rest(node, &run);
        run_hook(net, at, &run);
        if (node->plan.out_form == SIM_SPIKES) {
            plan_see_all(node, run.context, run.y.shape.t * sim_shape_pixels(run.y.shape),
                         run.y.bits);
            count_spikes(net, node);
        }
        break;
    case PLAN_INVERT:
    case PLAN_MEASURE:
    case PLAN_RETRACE:
    case PLAN_GATHER:
    case PLAN_BACKWARD:
        run_hook(net, at, &run);
        break;
    case PLAN_START:
    case PLAN_LOSS:
    case PLAN_END:
        break;
    }
}

/* The instructions of a strip together; false where they must run one by one. */
static bool run_strip(Net *net, const PlanStrip *strip)
{
    NetStrips strips = {.n = strip->n,
                        .rows = strip->rows,
                        .rest = must_rest(net),
                        .room = at_buffer(net, strip->room),
                        .room_bytes = strip->room_bytes};
    for (size_t i = 0; i < strip->n; i++) {
        const PlanInstruction *at = &net->plan.program[strip->first + i];
        NetStripNode *const to = &strips.nodes[i];
        to->node = &net->plan.nodes[at->node];
        to->hidden = strip->hidden[i];
        fill_run(net, at, &to->run);
        lend_to(net, at, &to->run);
        while (i > 0 &&
               plan_source(&net->plan, to->node, to->input) != strip->nodes[i - 1])
            to->input++;
    }
    if (!net_strips_run(&strips))
        return false;
    for (size_t i = 0; i < strip->n; i++)
        if (strips.nodes[i].run.y.form == SIM_SPIKES)
            count_spikes(net, &net->plan.nodes[strip->nodes[i]]);
    return true;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The strip that begins with this instruction, or NULL. */
static const PlanStrip *strip_at(const Net *net, const PlanInstruction *at)
{
    const int strip = at->node == PLAN_NONE ? PLAN_NONE : net->plan.nodes[at->node].strip;
    const bool first =
        strip != PLAN_NONE && &net->plan.program[net->plan.strips[strip].first] == at;
    return first ? &net->plan.strips[strip] : NULL;
}

/* Returns how many instructions that were, timed as the first of them. */
static size_t run_instruction(Net *net, const PlanInstruction *at)
{
    const PlanStrip *const strip = strip_at(net, at);
    const double start = net->timed ? seconds() : 0.0;
    size_t n = 1;
    if (strip && run_strip(net, strip))
        n = strip->n;
    else
        run_layer(net, at);
    if (!net->timed || at->node == PLAN_NONE)
        return n;
    NetTimes *const times = &net->plan.nodes[at->node].times;
    *(at->op == PLAN_BACKWARD || at->op == PLAN_GATHER   ? &times->backward
      : at->op == PLAN_FORWARD || at->op == PLAN_MEASURE ? &times->forward
                                                         : &times->again) +=
        seconds() - start;
    return n;
}

/* The loop within `outer` that begins with this instruction, or PLAN_NONE. */
static int loop_at(const Plan *plan, size_t instruction, int outer)
{
    for (size_t k = 0; k < plan->n_loops; k++)
        if (plan->loops[k].first == instruction && plan->loops[k].outer == outer)
            return (int)k;
    return PLAN_NONE;
}

/* Instructions from `first` to the one before `last`, in the run at hand of loop `outer`;
 * the loops in it run by run. */
static void run_program(Net *net, size_t first, size_t last, int outer)
{
    const size_t from = net->run, steps = net->run_steps, whole = net->whole_run;
    for (size_t i = first; i < last; i++) {
        const int number = loop_at(&net->plan, i, outer);
        if (number == PLAN_NONE) {
            i += run_instruction(net, &net->plan.program[i]) - 1;
            continue;
        }
        PlanLoop *loop = &net->plan.loops[number];
        const size_t runs = (steps + loop->steps - 1) / loop->steps;
        for (size_t k = 0; k < runs - loop->but_last; k++) {
            const size_t done = (loop->back ? runs - 1 - k : k) * loop->steps;
            net->run = loop->at = from + done;
            net->run_steps = steps - done < loop->steps ? steps - done : loop->steps;
            net->whole_run = loop->steps;
            run_program(net, i, loop->last + 1, number);
        }
        i = loop->last;
        net->run = from;
        net->run_steps = steps;
        net->whole_run = whole;
    }
}

static void run_from(Net *net, size_t first, size_t last)
{
    net->run = 0;
    net->run_steps = net->whole_run = net->nt;
    run_program(net, first, last, PLAN_NONE);
}

/* The instruction where the caller fills in gradients, or the end. */
static size_t turning_point(const Net *net)
{
    size_t i = 0;
    while (i < net->plan.n_instructions && net->plan.program[i].op != PLAN_LOSS)
        i++;
    return i;
}

static void rest_now(Net *net)
{
    if (net->resting && net->states.size)
        memset(net->states.base, 0, net->states.size);
    net->resting = false;
}

void net_reset(Net *net)
{
    net->t0 = 0;
    net->resting = true;
    if (net->looked_into)
        rest_now(net);
}

void net_seek(Net *net, size_t step)
{
    net->t0 = step;
}

void net_forward(Net *net, size_t nt, const uint32_t *labels, uint64_t step)
{
    assert(nt >= 1 && nt <= net->plan.options.window);
    assert(!net->plan.options.training || nt == net->plan.options.steps);
    net->nt = nt;
    net->labels = labels;
    net->step = step;
    if (net->plan.options.training)
        net_reset(net);
    run_from(net, 0, turning_point(net));
    net->resting = false;
    net->t0 += nt;
}

/* At the end of a training step: backward has seen the density that forward saw. */
static void follow_densities(Net *net)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++) {
        const PlanNode *const node = &net->plan.nodes[k];
        if (!node->plan.is_synaptic || node->graph_node == PLAN_NONE ||
            node->plan.in_form[0] != SIM_SPIKES)
            continue;
        const float now = net->plan.nodes[plan_source(&net->plan, node, 0)].density;
        float *const mean = &net->params->density[node->graph_node];
        *mean = *mean > 0.0f ? 0.9f * *mean + 0.1f * now : now;
    }
}

void net_backward(Net *net)
{
    assert(net->plan.options.training);
    net->t0 = 0; /* backward sees the window that forward saw */
    run_from(net, turning_point(net), net->plan.n_instructions);
    net->t0 = net->nt;
    follow_densities(net);
}

enum { ZERO_BYTES = 1 << 19 }; /* of a task */

static void zero_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const SimArena *const gradients = argument;
    const size_t first = index * ZERO_BYTES, left = gradients->size - first;
    memset(gradients->base + first, 0, left < ZERO_BYTES ? left : ZERO_BYTES);
}

void net_zero_gradients(Net *net)
{
    sim_team_run(&net->plan.context->team,
                 (net->gradients.size + ZERO_BYTES - 1) / ZERO_BYTES, zero_task,
                 &net->gradients);
}

/* --- looking --------------------------------------------------------------------------
 */

static const PlanInstruction *forward_of(const Net *net, int node)
{
    for (size_t i = 0; i < net->plan.n_instructions; i++)
        if (net->plan.program[i].op == PLAN_FORWARD && net->plan.program[i].node == node)
            return &net->plan.program[i];
    return NULL;
}

static SimTensor wire_of(const Net *net, int node)
{
    const PlanInstruction *at = forward_of(net, node); /* NULL: folded away */
    return tensor_at(net, &net->plan.nodes[node], at ? at->y : PLAN_NONE);
}

SimTensor net_input(Net *net, size_t index)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        if (!net->plan.nodes[k].layer && index-- == 0) {
            SimTensor tensor = wire_of(net, (int)k);
            if (net->plan.nodes[k].plan.out.t != 1)
                tensor.shape.t = net->plan.options.window;
            return tensor;
        }
    return (SimTensor){0};
}

size_t net_n_outputs(const Net *net)
{
    return net->plan.graph->n_outputs;
}

SimTensor net_output(const Net *net, size_t index)
{
    return wire_of(net, net->plan.of_graph[net->plan.graph->outputs[index]]);
}

float *net_output_gradient(Net *net, size_t index)
{
    const PlanNode *node =
        &net->plan.nodes[net->plan.of_graph[net->plan.graph->outputs[index]]];
    return at_buffer(net, node->output_gradient);
}

const float *net_input_gradient(const Net *net, size_t index)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        if (!net->plan.nodes[k].layer && index-- == 0)
            return at_buffer(net, net->plan.nodes[k].gradient);
    return NULL;
}

float *net_gradient(Net *net, size_t param_row)
{
    if (param_row < net->params->n_rows && net->params->rows[param_row].same != param_row)
        return NULL;
    for (size_t k = 0; k < net->plan.n_nodes; k++) {
        const PlanNode *node = &net->plan.nodes[k];
        if (param_row >= node->first_param &&
            param_row < node->first_param + node->plan.n_params)
            return node->d_params[param_row - node->first_param];
    }
    return NULL;
}

SimTensor net_wire(const Net *net, size_t node)
{
    const int number = net->plan.of_graph[node];
    SimTensor tensor = wire_of(net, number);
    const PlanInstruction *at = forward_of(net, number);
    if (!at || net->plan.buffers[at->y].last != net->plan.n_instructions - 1)
        tensor.data = NULL;
    return tensor;
}

const float *net_potential(const Net *net, size_t node)
{
    return at_buffer(net, net->plan.nodes[net->plan.of_graph[node]].potential);
}

size_t net_states(Net *net, size_t node, const NetStateView **out)
{
    rest_now(net);
    net->looked_into = true;
    const PlanNode *planned = &net->plan.nodes[net->plan.of_graph[node]];
    *out = planned->state_views;
    return planned->plan.n_states;
}

NetActivity net_activity(const Net *net, size_t node)
{
    return plan_activity(&net->plan.nodes[net->plan.of_graph[node]]);
}

NetKernel net_kernel(const Net *net, size_t node)
{
    const PlanNode *of = &net->plan.nodes[net->plan.of_graph[node]];
    if (!of->layer || !of->layer->uses_spikes || of->plan.in_form[0] != SIM_SPIKES)
        return NET_KERNEL_NONE;
    return of->layer->uses_spikes(of->plan.prepared, net->params->density[node])
               ? NET_KERNEL_SPIKES
               : NET_KERNEL_DENSE;
}

bool net_inexact(const Net *net, size_t node)
{
    return atomic_load(&net->plan.nodes[net->plan.of_graph[node]].inexact);
}

void net_reset_counts(Net *net)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        plan_reset_counts(&net->plan.nodes[k]);
}

NetNodeInfo net_node_info(const Net *net, size_t node)
{
    const int number = net->plan.of_graph[node];
    const PlanNode *planned = &net->plan.nodes[number];
    NetNodeInfo info = {.name = planned->name,
                        .layer = planned->layer ? planned->layer->name : "input",
                        .out = planned->plan.out,
                        .out_form = planned->plan.out_form,
                        .macs = planned->plan.macs / (double)net->plan.options.batch,
                        .is_synaptic = planned->plan.is_synaptic,
                        .in_form = planned->plan.in_form[0],
                        .memory = planned->policy,
                        .source = planned->inverter != PLAN_NONE ? NET_WIRE_GIVEN_BACK
                                  : planned->again               ? NET_WIRE_AGAIN
                                                                 : NET_WIRE_KEPT};
    if (!planned->wanted)
        info.source = NET_WIRE_UNREAD;
    for (size_t p = 0; p < planned->plan.n_params; p++)
        if (planned->plan.params[p].role == NET_PARAM_TRAINED &&
            net->params->rows[planned->first_param + p].same == planned->first_param + p)
            info.parameters +=
                net_param_numbers(&net->params->rows[planned->first_param + p]);
    for (size_t i = 0; i < planned->plan.n_states; i++)
        info.state_bytes += planned->plan.state_floats[i] * sizeof(float);
    if (net->plan.options.training && planned->keep)
        info.kept_bytes += net->plan.buffers[forward_of(net, number)->y].bytes;
    if (planned->saved != PLAN_NONE && !(planned->again && planned->plan.saved_again))
        info.kept_bytes += net->plan.buffers[planned->saved].bytes;
    if (planned->active != PLAN_NONE && !planned->again)
        info.kept_bytes += net->plan.buffers[planned->active].bytes;
    return info;
}

NetMemoryInfo net_memory_info(const Net *net)
{
    return plan_memory_info(&net->plan);
}

void net_time_nodes(Net *net, bool on)
{
    net->timed = on;
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        net->plan.nodes[k].times = (NetTimes){0};
}

NetTimes net_times(const Net *net, size_t node)
{
    const int number = net->plan.of_graph[node];
    NetTimes sum = net->plan.nodes[number].times;
    for (size_t k = 0; k < net->plan.n_nodes; k++) {
        const PlanNode *from = &net->plan.nodes[k];
        if (from->graph_node != PLAN_NONE || from->inputs[0] != number)
            continue;
        sum.forward += from->times.forward;
        sum.again += from->times.again;
        sum.backward += from->times.backward;
    }
    return sum;
}
