/* nets/plan_program.c: the program of a plan and the memory it runs in. */
#include "nets/plan_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- building blocks ------------------------------------------------------------------
 */

static SimStatus no_memory(void)
{
    return sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
}

static size_t window_steps(const Plan *plan, SimShape shape)
{
    return shape.t == 1 ? 1 : plan->options.window;
}

static size_t wire_bytes(const Plan *plan, const NetLayerPlan *p)
{
    return window_steps(plan, p->out) * sim_step_bytes(p->out_form, p->out);
}

static size_t gradient_bytes(const Plan *plan, const NetLayerPlan *p)
{
    return window_steps(plan, p->out) * sim_step_bytes(SIM_DENSE, p->out);
}

/* The same of one run of the loop that is being laid out. */
static size_t part_bytes(const Plan *plan, const NetLayerPlan *p, SimForm form)
{
    return plan->run_steps * sim_step_bytes(form, p->out);
}

/* A buffer that is first touched by the instruction about to be appended. */
static SimStatus add_buffer(Plan *plan, size_t bytes, int *out)
{
    if (plan->n_buffers == plan->buffers_capacity) {
        const size_t capacity = plan->buffers_capacity ? 2 * plan->buffers_capacity : 256;
        PlanBuffer *buffers = realloc(plan->buffers, capacity * sizeof *buffers);
        if (!buffers)
            return no_memory();
        plan->buffers = buffers;
        plan->buffers_capacity = capacity;
    }
    plan->buffers[plan->n_buffers] = (PlanBuffer){.bytes = sim_align_up(bytes),
                                                  .first = plan->n_instructions,
                                                  .last = plan->n_instructions};
    *out = (int)plan->n_buffers++;
    return SIM_OK;
}

/* What the hook of a node needs while it runs, and those of what is folded into it. */
static size_t scratch_bytes(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    size_t bytes = sim_align_up(node->plan.scratch_bytes);
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (node->heads[i] != PLAN_NONE)
            bytes += sim_align_up(plan->nodes[node->heads[i]].plan.scratch_bytes);
    return bytes;
}

static SimStatus add_instruction(Plan *plan, PlanOp op, int node, PlanInstruction **out)
{
    SimStatus status = SIM_OK;
    int scratch = PLAN_NONE;
    if (plan->n_instructions == plan->program_capacity) {
        const size_t capacity = plan->program_capacity ? 2 * plan->program_capacity : 256;
        PlanInstruction *program = realloc(plan->program, capacity * sizeof *program);
        if (!program)
            return no_memory();
        plan->program = program;
        plan->program_capacity = capacity;
    }
    if (node != PLAN_NONE && scratch_bytes(plan, node)) {
        SIM_TRY(add_buffer(plan, scratch_bytes(plan, node), &scratch));
        plan->buffers[scratch].part = plan->buffers[scratch].scratch = true;
    }
    PlanInstruction *at = &plan->program[plan->n_instructions++];
    *at = (PlanInstruction){.op = op,
                            .node = node,
                            .y = PLAN_NONE,
                            .dy = PLAN_NONE,
                            .saved = PLAN_NONE,
                            .active = PLAN_NONE,
                            .scratch = scratch};
    for (size_t i = 0; i < NET_MAX_INPUTS; i++)
        at->x[i] = at->dx[i] = at->x_active[i] = PLAN_NONE;
    *out = at;
out:
    return status;
}

/* The latest instruction touches this buffer. */
static void touch(Plan *plan, int buffer)
{
    if (buffer != PLAN_NONE)
        plan->buffers[buffer].last = plan->n_instructions - 1;
}

static void touch_saved(Plan *plan, int node)
{
    if (node != PLAN_NONE)
        touch(plan, plan->nodes[node].saved);
}

static void mark_reached(Plan *plan)
{
    for (size_t i = 0; i < plan->graph->n_outputs; i++) {
        PlanNode *node = &plan->nodes[plan->of_graph[plan->graph->outputs[i]]];
        node->reached = node->needs_gradient;
    }
    for (size_t k = plan->n_nodes; k-- > 0;) {
        const PlanNode *node = &plan->nodes[k];
        if (!plan_has_backward(node))
            continue;
        for (size_t i = 0; i < node->plan.n_inputs; i++)
            if (plan->nodes[node->inputs[i]].needs_gradient)
                plan->nodes[node->inputs[i]].reached = true;
    }
}

/* --- forward --------------------------------------------------------------------------
 */

/* Buffers that forward fills beside y, the first time or, those gone since, again. */
static SimStatus add_own_buffers(Plan *plan, PlanNode *node)
{
    SimStatus status = SIM_OK;
    if (node->plan.saved_bytes && node->saved == PLAN_NONE)
        SIM_TRY(add_buffer(plan, node->plan.saved_bytes, &node->saved));
    if (node->plan.gives_active && node->active == PLAN_NONE)
        SIM_TRY(add_buffer(plan,
                           window_steps(plan, node->plan.out) *
                               sim_step_bytes(SIM_SPIKES, node->plan.out),
                           &node->active));
out:
    return status;
}

/* Its output and what comes with it are no longer to be found. */
static void forget(PlanNode *node)
{
    node->wire = PLAN_NONE;
    if (!node->again)
        return;
    node->active = PLAN_NONE;
    if (node->plan.saved_again)
        node->saved = PLAN_NONE;
}

/* What the latest instruction, on this node, reads and writes beside y and gradients. */
static void name_buffers(Plan *plan, PlanInstruction *at, const bool *reads)
{
    const PlanNode *node = &plan->nodes[at->node];
    at->saved = node->saved;
    at->active = node->active;
    touch(plan, at->y);
    touch(plan, at->saved);
    touch(plan, at->active);
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const PlanNode *from = &plan->nodes[plan_source(plan, node, i)];
        if (reads[i])
            at->x[i] = from->wire;
        if (at->op == PLAN_BACKWARD)
            at->x_active[i] = from->active;
        touch(plan, at->x[i]);
        touch(plan, at->x_active[i]);
        touch_saved(plan, node->heads[i]);
    }
}

/* `part`: of the run of steps at hand only. */
static SimStatus emit_forward(Plan *plan, int number, PlanOp op, bool part)
{
    static const bool all[NET_MAX_INPUTS] = {true, true, true, true};
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    PlanInstruction *at = NULL;
    int y = PLAN_NONE;
    if (node->folded)
        return SIM_OK;
    SIM_TRY(add_buffer(plan,
                       part ? part_bytes(plan, &node->plan, node->plan.out_form)
                            : wire_bytes(plan, &node->plan),
                       &y));
    plan->buffers[y].part = part;
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (node->heads[i] != PLAN_NONE)
            SIM_TRY(add_own_buffers(plan, &plan->nodes[node->heads[i]]));
    SIM_TRY(add_own_buffers(plan, node));
    if (op == PLAN_FORWARD && node->graph_node != PLAN_NONE && plan->options.watch &&
        (plan->options.watch[node->graph_node] & NET_WATCH_POTENTIAL))
        SIM_TRY(add_buffer(plan, gradient_bytes(plan, &node->plan), &node->potential));
    SIM_TRY(add_instruction(plan, op, number, &at));
    node->wire = at->y = y;
    touch(plan, node->potential);
    name_buffers(plan, at, all);
out:
    return status;
}

/* --- backward -------------------------------------------------------------------------
 */

static SimStatus ensure(Plan *plan, int number);

/* Gives an input of a reader back from its output, over it where nobody reads that one
 * any more. */
static SimStatus emit_invert(Plan *plan, int number, bool over)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    PlanNode *reader = &plan->nodes[node->inverter];
    const size_t input = node->inverted_input;
    bool reads[NET_MAX_INPUTS] = {false};
    PlanInstruction *at = NULL;
    int x = PLAN_NONE;
    SIM_TRY(ensure(plan, node->inverter));
    for (size_t i = 0; i < reader->plan.n_inputs; i++) {
        reads[i] = plan_invert_reads(reader, input, i);
        if (reads[i])
            SIM_TRY(ensure(plan, plan_source(plan, reader, i)));
    }
    if (over)
        x = reader->wire;
    else
        SIM_TRY(add_buffer(plan, wire_bytes(plan, &node->plan), &x));
    SIM_TRY(add_instruction(plan, PLAN_INVERT, node->inverter, &at));
    at->inverted = input;
    at->x[input] = x;
    at->y = reader->wire;
    name_buffers(plan, at, reads);
    if (over)
        forget(reader);
    node->wire = x;
out:
    return status;
}

/* --- loops over time -------------------------------------------------------------------
 *
 * What backward needs again, and the gradients between two layers, exist for a run of
 * steps only, where the layers allow it. Their bits are the same under every policy: how
 * a layer of synapses is cut depends on its shape alone. */

/* Of the largest tensor of a run, or as much as the weights that each run goes through.
 */
enum { RUN_BYTES = 5 << 18 };

static bool goes_by_step(const PlanNode *node)
{
    return node->layer && node->plan.by_step && !node->constant && node->plan.out.t > 1;
}

static size_t weight_bytes(const PlanNode *node)
{
    size_t bytes = 0;
    for (size_t p = 0; p < node->plan.n_params; p++) {
        size_t count = 1;
        for (size_t d = 0; d < node->plan.params[p].n_dims; d++)
            count *= node->plan.params[p].dims[d];
        bytes += count * sizeof(float);
    }
    return bytes;
}

/* Steps of a run, about the same for all runs, where a step of a tensor takes `bytes` and
 * a run should take `run_bytes`. */
static size_t steps_of_run(const Plan *plan, size_t bytes, size_t run_bytes)
{
    const size_t all = plan->options.window, most = run_bytes / bytes;
    const size_t runs = most ? (all + most - 1) / most : all;
    return (all + runs - 1) / runs;
}

static size_t steps_of_synapses(const Plan *plan, const PlanNode *node, size_t bytes)
{
    const size_t weights = weight_bytes(node);
    return steps_of_run(plan, bytes, weights > RUN_BYTES ? weights : RUN_BYTES);
}

static size_t larger_step(const Plan *plan, const PlanNode *node)
{
    size_t bytes = sim_step_bytes(SIM_DENSE, node->plan.out);
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const NetLayerPlan *from = &plan->nodes[node->inputs[i]].plan;
        if (sim_step_bytes(SIM_DENSE, from->out) > bytes)
            bytes = sim_step_bytes(SIM_DENSE, from->out);
    }
    return bytes;
}

static SimStatus open_loop(Plan *plan, size_t steps)
{
    if (plan->n_loops == plan->loops_capacity) {
        const size_t capacity = plan->loops_capacity ? 2 * plan->loops_capacity : 32;
        PlanLoop *loops = realloc(plan->loops, capacity * sizeof *loops);
        if (!loops)
            return no_memory();
        plan->loops = loops;
        plan->loops_capacity = capacity;
    }
    plan->loops[plan->n_loops++] =
        (PlanLoop){.first = plan->n_instructions, .steps = steps};
    plan->run_steps = steps;
    return SIM_OK;
}

/* What holds the whole sequence and is touched in a loop lives through all its runs. */
static void close_loop(Plan *plan)
{
    PlanLoop *loop = &plan->loops[plan->n_loops - 1];
    loop->last = plan->n_instructions - 1;
    plan->run_steps = 0;
    for (size_t b = 0; b < plan->n_buffers; b++) {
        PlanBuffer *buffer = &plan->buffers[b];
        if (buffer->part || buffer->last < loop->first)
            continue;
        buffer->last = loop->last;
        if (buffer->first > loop->first)
            buffer->first = loop->first;
    }
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        if (node->wire != PLAN_NONE && plan->buffers[node->wire].part)
            forget(node);
    }
}

/* Makes the wire of a node readable by steps: all that cannot be computed by steps is
 * there for the whole sequence. To be called before the loop is opened. */
static SimStatus prepare(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    if (node->wire != PLAN_NONE)
        return SIM_OK;
    if (node->inverter != PLAN_NONE || !goes_by_step(node))
        return ensure(plan, number);
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        SIM_TRY(prepare(plan, plan_source(plan, node, i)));
out:
    return status;
}

/* Makes it readable for the next instruction of the loop. */
static SimStatus ensure_part(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    if (node->wire != PLAN_NONE)
        return SIM_OK;
    assert(node->again && goes_by_step(node));
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        SIM_TRY(ensure_part(plan, plan_source(plan, node, i)));
    SIM_TRY(emit_forward(plan, number, PLAN_AGAIN, true));
out:
    return status;
}

/* The largest step among a node and what is to be computed before it. */
static size_t largest_step(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    size_t bytes = sim_step_bytes(SIM_DENSE, node->plan.out);
    if (node->wire != PLAN_NONE)
        return 0;
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const size_t before = largest_step(plan, plan_source(plan, node, i));
        if (before > bytes)
            bytes = before;
    }
    return bytes;
}

/* Makes the wire of a node readable for the next instruction, the whole sequence. */
static SimStatus ensure(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    bool all_there = true;
    if (node->wire != PLAN_NONE)
        return SIM_OK;
    if (node->inverter != PLAN_NONE)
        return emit_invert(plan, number, false);
    assert(node->again);
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const int from = plan_source(plan, node, i);
        SIM_TRY(goes_by_step(node) ? prepare(plan, from) : ensure(plan, from));
        all_there = all_there && plan->nodes[from].wire != PLAN_NONE;
    }
    if (all_there)
        return emit_forward(plan, number, PLAN_AGAIN, false);
    SIM_TRY(open_loop(plan, steps_of_run(plan, largest_step(plan, number), RUN_BYTES)));
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        SIM_TRY(ensure_part(plan, plan_source(plan, node, i)));
    SIM_TRY(emit_forward(plan, number, PLAN_AGAIN, false));
    close_loop(plan);
out:
    return status;
}

/* All who read the output of a reversible layer have done so: its input may take its
 * place. */
static SimStatus give_back(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *reader = &plan->nodes[number];
    for (size_t i = 0; i < reader->plan.n_inputs; i++) {
        const int from = plan_source(plan, reader, i);
        const PlanNode *node = &plan->nodes[from];
        if (node->inverter != number || node->inverted_input != i || !node->wanted ||
            node->wire != PLAN_NONE)
            continue;
        const bool over = sim_shape_equal(node->plan.out, reader->plan.out) &&
                          !(reader->plan.backward_needs & NET_NEEDS_OUTPUT) &&
                          !plan_is_looked_at(plan, number);
        SIM_TRY(emit_invert(plan, from, over));
    }
out:
    return status;
}

/* The buffer that the next instruction writes the gradient of an input to. */
static SimStatus gradient_of(Plan *plan, int number, size_t input, int over, bool part)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    PlanNode *from = &plan->nodes[node->inputs[input]];
    if (over != PLAN_NONE)
        from->gradient = over;
    else if ((!part || node->plan.passes_gradient[input]) &&
             plan_hands_on(plan, number, input))
        from->gradient = node->gradient;
    else if (part) {
        SIM_TRY(
            add_buffer(plan, part_bytes(plan, &from->plan, SIM_DENSE), &from->gradient));
        plan->buffers[from->gradient].part = true;
    } else
        SIM_TRY(add_buffer(plan, gradient_bytes(plan, &from->plan), &from->gradient));
    plan->buffers[from->gradient].owners++;
out:
    return status;
}

/* Wires are in place. `over`: a buffer the gradient of input 0 may take, or PLAN_NONE;
 * `part`: that gradient is of the run of steps only. */
static SimStatus emit_gradients(Plan *plan, int number, int over, bool part)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    PlanInstruction *at = NULL;
    int dx[NET_MAX_INPUTS] = {PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE};
    bool accumulate[NET_MAX_INPUTS] = {false};
    bool reads[NET_MAX_INPUTS] = {false};
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const PlanNode *from = &plan->nodes[node->inputs[i]];
        reads[i] = node->plan.backward_needs & NET_NEEDS_INPUT;
        if (!from->needs_gradient)
            continue;
        accumulate[i] = from->gradient != PLAN_NONE;
        if (!accumulate[i])
            SIM_TRY(gradient_of(plan, number, i, i == 0 ? over : PLAN_NONE, part));
        dx[i] = from->gradient;
    }
    SIM_TRY(add_instruction(plan, PLAN_BACKWARD, number, &at));
    at->dy = node->gradient;
    touch(plan, at->dy);
    if (at->dy != PLAN_NONE)
        plan->buffers[at->dy].owners--;
    node->gradient = PLAN_NONE;
    node->done = true;
    if (node->plan.backward_needs & NET_NEEDS_OUTPUT)
        at->y = node->wire;
    name_buffers(plan, at, reads);
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        at->dx[i] = dx[i];
        at->accumulate[i] = accumulate[i];
        touch(plan, dx[i]);
        if (node->heads[i] != PLAN_NONE && !node->plan.passes_gradient[i] &&
            plan->nodes[node->heads[i]].plan.whole_sequence)
            plan->nodes[node->heads[i]].gathered = true;
    }
out:
    return status;
}

static SimStatus emit_gather(Plan *plan, int number)
{
    static const bool all[NET_MAX_INPUTS] = {true, true, true, true};
    PlanInstruction *at = NULL;
    const SimStatus status = add_instruction(plan, PLAN_GATHER, number, &at);
    if (status != SIM_OK)
        return status;
    at->dy = plan->nodes[number].gradient;
    touch(plan, at->dy);
    name_buffers(plan, at, all);
    return SIM_OK;
}

/* A layer of synapses right before one that goes by step, its only reader: their backward
 * is one loop, and the gradient between them exists for a run of steps only. */
static int synapses_before(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    if (node->plan.n_inputs != 1 || node->inputs[0] != number - 1)
        return PLAN_NONE;
    const PlanNode *from = &plan->nodes[number - 1];
    return from->plan.is_synaptic && goes_by_step(from) && plan_has_backward(from) &&
                   plan_readers(plan, number - 1) == 1 && from->gradient == PLAN_NONE &&
                   !(from->plan.backward_needs & NET_NEEDS_OUTPUT)
               ? number - 1
               : PLAN_NONE;
}

/* Runs the backward of a layer of synapses (`last`) by steps, and with it that of the
 * layer it goes to (`first`, or PLAN_NONE). */
static SimStatus emit_loop(Plan *plan, int first, int last)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[last];
    const int front = first == PLAN_NONE ? last : first;
    const size_t steps = steps_of_synapses(plan, node, larger_step(plan, node));
    int over = PLAN_NONE;
    const bool reads = plan->nodes[front].plan.backward_needs & NET_NEEDS_INPUT;
    if (reads)
        SIM_TRY(prepare(plan, plan_source(plan, &plan->nodes[front], 0)));
    SIM_TRY(prepare(plan, plan_source(plan, node, 0)));
    SIM_TRY(open_loop(plan, steps));
    if (first != PLAN_NONE) {
        const PlanNode *head = &plan->nodes[first];
        const int dy = head->gradient;
        if (reads)
            SIM_TRY(ensure_part(plan, last));
        if (head->layer->gather && !head->gathered && !head->plan.whole_sequence)
            SIM_TRY(emit_gather(plan, first));
        /* Steps of dy are free once they have been read. */
        if (dy != PLAN_NONE && plan->buffers[dy].owners == 1 && !plan->buffers[dy].part &&
            sim_shape_step(head->plan.out) ==
                sim_shape_step(plan->nodes[node->inputs[0]].plan.out))
            over = dy;
        SIM_TRY(emit_gradients(plan, first, PLAN_NONE, true));
        if (node->gradient == dy) /* handed on as it is: still to be read */
            over = PLAN_NONE;
    }
    SIM_TRY(ensure_part(plan, plan_source(plan, node, 0)));
    SIM_TRY(emit_gradients(plan, last, over, false));
    close_loop(plan);
out:
    return status;
}

static SimStatus emit_backward(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    if (node->done)
        return SIM_OK;
    if (!node->folded)
        SIM_TRY(give_back(plan, number));
    if (node->layer->gather && !node->gathered && node->plan.whole_sequence) {
        SIM_TRY(ensure(plan, plan_source(plan, node, 0)));
        SIM_TRY(emit_gather(plan, number));
    }
    if (goes_by_step(node) && node->plan.is_synaptic && node->plan.n_inputs == 1)
        return emit_loop(plan, PLAN_NONE, number);
    if (goes_by_step(node) && synapses_before(plan, number) != PLAN_NONE)
        return emit_loop(plan, number, synapses_before(plan, number));
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (node->plan.backward_needs & NET_NEEDS_INPUT)
            SIM_TRY(ensure(plan, plan_source(plan, node, i)));
    if ((node->plan.backward_needs & NET_NEEDS_OUTPUT) ||
        (node->again && plan_forgets(node)))
        SIM_TRY(ensure(plan, number));
    if (node->layer->gather && !node->gathered && !node->plan.whole_sequence)
        SIM_TRY(emit_gather(plan, number));
    SIM_TRY(emit_gradients(plan, number, PLAN_NONE, false));
out:
    return status;
}

/* --- the forward pass ------------------------------------------------------------------
 */

static bool measures(const Plan *plan, int number)
{
    return plan->options.training && number < (int)plan->n_nodes &&
           plan->nodes[number].layer && plan->nodes[number].layer->measure;
}

static SimStatus emit_measure(Plan *plan, int number)
{
    static const bool all[NET_MAX_INPUTS] = {true, true, true, true};
    SimStatus status = SIM_OK;
    PlanInstruction *at = NULL;
    SIM_TRY(add_own_buffers(plan, &plan->nodes[number]));
    SIM_TRY(add_instruction(plan, PLAN_MEASURE, number, &at));
    name_buffers(plan, at, all);
    plan->nodes[number].measured = true;
out:
    return status;
}

/* Statistics of what a layer of synapses gives are taken while it is in the cache. */
static SimStatus emit_node(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number], *next = node + 1;
    const bool together = measures(plan, number + 1) && next->inputs[0] == number &&
                          node->layer && node->plan.is_synaptic && goes_by_step(node) &&
                          goes_by_step(next);
    if (measures(plan, number) && !node->measured)
        SIM_TRY(emit_measure(plan, number));
    if (together) {
        const size_t bytes = sim_step_bytes(SIM_DENSE, node->plan.out);
        SIM_TRY(open_loop(plan, steps_of_synapses(plan, node, bytes)));
    }
    SIM_TRY(emit_forward(plan, number, PLAN_FORWARD, false));
    if (together) {
        SIM_TRY(emit_measure(plan, number + 1));
        close_loop(plan);
    }
out:
    return status;
}

static SimStatus emit_training(Plan *plan)
{
    SimStatus status = SIM_OK;
    PlanInstruction *at = NULL;
    for (size_t i = 0; i < plan->graph->n_outputs; i++) {
        PlanNode *node = &plan->nodes[plan->of_graph[plan->graph->outputs[i]]];
        if (node->needs_gradient && node->gradient == PLAN_NONE) {
            SIM_TRY(add_buffer(plan, gradient_bytes(plan, &node->plan), &node->gradient));
            plan->buffers[node->gradient].owners = 1;
            node->output_gradient = node->gradient;
        }
    }
    SIM_TRY(add_instruction(plan, PLAN_LOSS, PLAN_NONE, &at));
    for (size_t i = 0; i < plan->graph->n_outputs; i++) {
        const PlanNode *node = &plan->nodes[plan->of_graph[plan->graph->outputs[i]]];
        touch(plan, node->wire);
        touch(plan, node->gradient);
    }
    for (size_t k = 0; k < plan->n_nodes; k++)
        if (!plan->nodes[k].keep && plan->nodes[k].layer)
            forget(&plan->nodes[k]);
    for (size_t k = plan->n_nodes; k-- > 0;)
        if (plan_has_backward(&plan->nodes[k]))
            SIM_TRY(emit_backward(plan, (int)k));
out:
    return status;
}

/* --- memory ---------------------------------------------------------------------------
 */

typedef struct Placed {
    double rank; /* the highest goes first */
    int buffer;
} Placed;

static int higher_first(const void *a, const void *b)
{
    const Placed *p = a, *q = b;
    if (p->rank != q->rank)
        return p->rank < q->rank ? 1 : -1;
    return p->buffer - q->buffer; /* a plan must not depend on the sort */
}

/* Ways to rank: size, time alive, both. */
static double rank_of(const PlanBuffer *b, int way)
{
    const double bytes = (double)b->bytes, time = (double)(b->last - b->first + 1);
    return way == 0 ? bytes : way == 1 ? bytes * time : time;
}

static bool live_together(const PlanBuffer *a, const PlanBuffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Each in its turn at the lowest offset where nothing that lives with it lies. `placed`
 * holds those that lie already by rising offset. Gives the bytes all take. */
static size_t place_all(Plan *plan, const Placed *order, int *placed)
{
    size_t bytes = 0;
    for (size_t k = 0; k < plan->n_buffers; k++) {
        PlanBuffer *buffer = &plan->buffers[order[k].buffer];
        size_t offset = 0;
        for (size_t j = 0; j < k; j++) {
            const PlanBuffer *other = &plan->buffers[placed[j]];
            if (live_together(buffer, other) && offset + buffer->bytes > other->offset &&
                offset < other->offset + other->bytes)
                offset = other->offset + other->bytes;
        }
        buffer->offset = offset;
        size_t at = k;
        for (; at > 0 && plan->buffers[placed[at - 1]].offset > offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = order[k].buffer;
        if (offset + buffer->bytes > bytes)
            bytes = offset + buffer->bytes;
    }
    return bytes;
}

/* In whichever order takes the least. */
static SimStatus lay_out(Plan *plan)
{
    enum { N_WAYS = 3 };
    const size_t n = plan->n_buffers;
    Placed *order = malloc((n ? n : 1) * sizeof *order);
    int *placed = malloc((n ? n : 1) * sizeof *placed);
    const bool there = order && placed;
    size_t taken[N_WAYS] = {0};
    int best = 0;
    for (int turn = 0; there && turn <= N_WAYS; turn++) { /* at last the best once more */
        const int way = turn < N_WAYS ? turn : best;
        for (size_t i = 0; i < n; i++)
            order[i] = (Placed){rank_of(&plan->buffers[i], way), (int)i};
        qsort(order, n, sizeof *order, higher_first);
        taken[way] = plan->activation_bytes = place_all(plan, order, placed);
        if (taken[way] < taken[best])
            best = way;
    }
    free(order);
    free(placed);
    return there ? SIM_OK : no_memory();
}

/* Constant wires and inputs outlive a window; watched wires outlive the program. */
static void stretch(Plan *plan)
{
    const size_t end = plan->n_instructions - 1;
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        const unsigned watch = plan->options.watch && node->graph_node != PLAN_NONE
                                   ? plan->options.watch[node->graph_node]
                                   : 0;
        for (size_t i = 0; i < plan->n_instructions; i++) {
            const PlanInstruction *at = &plan->program[i];
            if (at->op != PLAN_FORWARD || at->node != (int)k)
                continue;
            if ((node->constant && plan->options.window < plan->options.steps) ||
                !node->layer)
                plan->buffers[at->y].first = 0;
            if ((node->constant && plan->options.window < plan->options.steps) ||
                (watch & NET_WATCH_OUTPUT))
                plan->buffers[at->y].last = end;
            if (watch & NET_WATCH_POTENTIAL)
                plan->buffers[node->potential].last = end;
        }
        if (!node->layer && node->gradient != PLAN_NONE)
            plan->buffers[node->gradient].last = end;
    }
    for (size_t i = 0; i < plan->graph->n_outputs; i++) {
        const int number = plan->of_graph[plan->graph->outputs[i]];
        for (size_t j = 0; j < plan->n_instructions; j++)
            if (plan->program[j].op == PLAN_FORWARD && plan->program[j].node == number &&
                !plan->options.training)
                plan->buffers[plan->program[j].y].last = end;
    }
}

static void count_the_rest(Plan *plan)
{
    for (size_t i = 0; i < plan->n_instructions; i++) {
        size_t bytes = 0;
        for (size_t b = 0; b < plan->n_buffers; b++)
            if (!plan->buffers[b].scratch && plan->buffers[b].first <= i &&
                i <= plan->buffers[b].last)
                bytes += plan->buffers[b].bytes;
        if (bytes > plan->wire_bytes)
            plan->wire_bytes = bytes;
    }
    for (size_t k = 0; k < plan->n_nodes; k++) {
        const NetLayerPlan *p = &plan->nodes[k].plan;
        plan->saved_bytes += sim_align_up(p->saved_bytes);
        size_t states = 0;
        for (size_t i = 0; i < p->n_states; i++)
            states += sim_align_up(p->state_floats[i] * sizeof(float)) / sizeof(float);
        if (!plan->options.training)
            plan->state_floats += states;
        else if (states > plan->state_floats)
            plan->state_floats = states; /* one node at a time */
        for (size_t i = 0; i < p->n_params && plan->options.training; i++) {
            if (p->params[i].role != NET_PARAM_TRAINED)
                continue;
            size_t count = 1;
            for (size_t d = 0; d < p->params[i].n_dims; d++)
                count *= p->params[i].dims[d];
            plan->gradient_floats += sim_align_up(count * sizeof(float)) / sizeof(float);
        }
    }
}

SimStatus plan_program(Plan *plan)
{
    SimStatus status = SIM_OK;
    PlanInstruction *at = NULL;
    plan_fold(plan);
    SIM_TRY(add_instruction(plan, PLAN_START, PLAN_NONE, &at));
    if (plan->options.training) {
        mark_reached(plan);
        SIM_TRY(plan_choose_memory(plan));
    }
    for (size_t k = 0; k < plan->n_nodes; k++)
        SIM_TRY(emit_node(plan, (int)k));
    if (plan->options.training)
        SIM_TRY(emit_training(plan));
    SIM_TRY(add_instruction(plan, PLAN_END, PLAN_NONE, &at));
    stretch(plan);
    SIM_TRY(lay_out(plan));
    count_the_rest(plan);
    plan->program = plan_trim(plan->program, plan->n_instructions, sizeof *plan->program);
    plan->buffers = plan_trim(plan->buffers, plan->n_buffers, sizeof *plan->buffers);
    plan->program_capacity = plan->n_instructions;
    plan->buffers_capacity = plan->n_buffers;
out:
    return status;
}
