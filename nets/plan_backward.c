/* nets/plan_backward.c: the backward pass of a program, and what it computes again. */
#include "nets/plan_emit_internal.h"

#include <assert.h>

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
        SIM_TRY(plan_add_buffer(plan, plan_wire_bytes(plan, &node->plan), &x));
    SIM_TRY(plan_add_instruction(plan, PLAN_INVERT, node->inverter, &at));
    at->inverted = input;
    at->x[input] = x;
    at->y = reader->wire;
    plan_name_buffers(plan, at, reads);
    if (over)
        plan_forget(reader);
    node->wire = x;
out:
    return status;
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

/* Makes the wire of a node readable by steps: all that cannot be computed by steps is
 * there for the whole sequence. To be called before the loop is opened. */
static SimStatus prepare(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    if (node->wire != PLAN_NONE)
        return SIM_OK;
    if (node->inverter != PLAN_NONE || !plan_goes_by_step(node))
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
    assert(node->again && plan_goes_by_step(node));
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        SIM_TRY(ensure_part(plan, plan_source(plan, node, i)));
    SIM_TRY(plan_emit_forward(plan, number, PLAN_AGAIN, true));
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
        SIM_TRY(plan_goes_by_step(node) ? prepare(plan, from) : ensure(plan, from));
        all_there = all_there && plan->nodes[from].wire != PLAN_NONE;
    }
    if (all_there)
        return plan_emit_forward(plan, number, PLAN_AGAIN, false);
    SIM_TRY(plan_open_loop(
        plan, plan_steps_of_run(plan, largest_step(plan, number), PLAN_RUN_BYTES)));
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        SIM_TRY(ensure_part(plan, plan_source(plan, node, i)));
    SIM_TRY(plan_emit_forward(plan, number, PLAN_AGAIN, false));
    plan_close_loop(plan);
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
        SIM_TRY(plan_add_buffer(plan, plan_part_bytes(plan, &from->plan, SIM_DENSE),
                                &from->gradient));
        plan->buffers[from->gradient].part = true;
    } else
        SIM_TRY(plan_add_buffer(plan, plan_gradient_bytes(plan, &from->plan),
                                &from->gradient));
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
    SIM_TRY(plan_add_instruction(plan, PLAN_BACKWARD, number, &at));
    at->dy = node->gradient;
    plan_touch(plan, at->dy);
    if (at->dy != PLAN_NONE)
        plan->buffers[at->dy].owners--;
    node->gradient = PLAN_NONE;
    node->done = true;
    if (node->plan.backward_needs & NET_NEEDS_OUTPUT)
        at->y = node->wire;
    plan_name_buffers(plan, at, reads);
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        at->dx[i] = dx[i];
        at->accumulate[i] = accumulate[i];
        plan_touch(plan, dx[i]);
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
    const SimStatus status = plan_add_instruction(plan, PLAN_GATHER, number, &at);
    if (status != SIM_OK)
        return status;
    at->dy = plan->nodes[number].gradient;
    plan_touch(plan, at->dy);
    plan_name_buffers(plan, at, all);
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
    return from->plan.is_synaptic && plan_goes_by_step(from) && plan_has_backward(from) &&
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
    const size_t steps = plan_steps_of_synapses(plan, node, larger_step(plan, node));
    int over = PLAN_NONE;
    const bool reads = plan->nodes[front].plan.backward_needs & NET_NEEDS_INPUT;
    if (reads)
        SIM_TRY(prepare(plan, plan_source(plan, &plan->nodes[front], 0)));
    SIM_TRY(prepare(plan, plan_source(plan, node, 0)));
    SIM_TRY(plan_open_loop(plan, steps));
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
    plan_close_loop(plan);
out:
    return status;
}

SimStatus plan_emit_backward(Plan *plan, int number)
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
    if (plan_goes_by_step(node) && node->plan.is_synaptic && node->plan.n_inputs == 1)
        return emit_loop(plan, PLAN_NONE, number);
    if (plan_goes_by_step(node) && synapses_before(plan, number) != PLAN_NONE)
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
