/* nets/net_run.c: the program of a planned network run. */
#include "nets/layers/rows_internal.h"
#include "nets/net_internal.h"
#include "nets/strips_internal.h"

#include <assert.h>
#include <string.h>
#include <time.h>

void *net_buffer(const Net *net, int buffer)
{
    if (buffer == PLAN_NONE)
        return NULL;
    const PlanBuffer *const at = &net->plan.buffers[buffer];
    return net->activations.base + at->offset + at->head;
}

/* The run of steps at hand, in a buffer with the shape of this node. */
static void *at_run(const Net *net, const PlanNode *node, SimForm form, int buffer)
{
    unsigned char *const at = net_buffer(net, buffer);
    if (!at || node->plan.out.t == 1)
        return at;
    const int loop = net->plan.buffers[buffer].loop;
    const size_t first = loop == PLAN_NONE ? 0 : net->plan.loops[loop].at;
    return at + (net->run - first) * sim_step_bytes(form, node->plan.out);
}

SimTensor net_tensor_at(const Net *net, const PlanNode *node, int buffer)
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
                         .y = net_tensor_at(net, node, at->y),
                         .active = at_run(net, node, SIM_SPIKES, at->active),
                         .potential = at_run(net, node, SIM_DENSE, node->potential),
                         .params = node->params,
                         .version = net->params->version,
                         .d_params = node->d_params,
                         .states = node->states,
                         .saved = net_buffer(net, at->saved),
                         .carry = net_buffer(net, at->carry),
                         .scratch = net_buffer(net, at->scratch),
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
        run->x[i] = net_tensor_at(net, from, at->x[i]);
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
        if (node->rounded)
            net_round_output(run);
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
                        .room = net_buffer(net, strip->room),
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

void net_rest_now(Net *net)
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
        net_rest_now(net);
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
