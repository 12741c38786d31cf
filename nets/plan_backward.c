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
        SIM_TRY(
            plan_add_tensor(plan, node->plan.out, node->plan.out_form, PLAN_NONE, &x));
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

SimStatus plan_ensure_part(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    if (node->wire != PLAN_NONE)
        return SIM_OK;
    assert(plan_goes_by_step(node));
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        SIM_TRY(plan_ensure_part(plan, plan_source(plan, node, i)));
    SIM_TRY(plan_emit_forward(plan, number, PLAN_AGAIN, plan->loop));
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

/* Makes the wire of a node readable for the next instruction: the whole sequence, or in a
 * loop, where `prepare` has been called, the run of steps. */
static SimStatus ensure(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    const int outer = plan->loop;
    bool all_there = true;
    if (node->wire != PLAN_NONE)
        return SIM_OK;
    if (node->inverter != PLAN_NONE)
        return emit_invert(plan, number, false);
    assert(node->again);
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const int from = plan_source(plan, node, i);
        if (outer == PLAN_NONE)
            SIM_TRY(plan_goes_by_step(node) ? prepare(plan, from) : ensure(plan, from));
        all_there = all_there && plan->nodes[from].wire != PLAN_NONE;
    }
    if (all_there)
        return plan_emit_forward(plan, number, PLAN_AGAIN, outer);
    SIM_TRY(
        plan_open_loop(plan, plan_steps_of_run(plan, largest_step(plan, number)), false));
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        SIM_TRY(plan_ensure_part(plan, plan_source(plan, node, i)));
    SIM_TRY(plan_emit_forward(plan, number, PLAN_AGAIN, outer));
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
static SimStatus gradient_of(Plan *plan, int number, size_t input, int over, int loop)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    PlanNode *from = &plan->nodes[node->inputs[input]];
    if (over != PLAN_NONE)
        from->gradient = over;
    else if ((loop == PLAN_NONE || node->plan.passes_gradient[input]) &&
             plan_hands_on(plan, number, input))
        from->gradient = node->gradient;
    else
        SIM_TRY(plan_add_tensor(plan, from->plan.out, from->gradient_form, loop,
                                &from->gradient));
    plan->buffers[from->gradient].owners++;
out:
    return status;
}

/* Wires are in place. `over`: a buffer the gradient of input 0 may take, or PLAN_NONE;
 * `loop`: that gradient is of one run of it only, unless PLAN_NONE. */
static SimStatus emit_gradients(Plan *plan, int number, int over, int loop)
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
            SIM_TRY(gradient_of(plan, number, i, i == 0 ? over : PLAN_NONE, loop));
        dx[i] = from->gradient;
    }
    SIM_TRY(plan_add_instruction(plan, PLAN_BACKWARD, number, &at));
    at->dy = node->gradient;
    at->carry = node->carry;
    plan_touch(plan, at->dy);
    plan_touch(plan, at->carry);
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

/* --- windows ---------------------------------------------------------------------------
 *
 * What reads a wire that stays short (plan_emit.c) goes through windows. A neuron goes
 * backward window by window from the last to the first, each from the potentials noted
 * where it starts. */

static bool is_missing(const Plan *plan, int number)
{
    return plan->nodes[number].wire == PLAN_NONE && plan_stays_short(plan, number);
}

static SimStatus emit_read(Plan *plan, PlanOp op, int number, PlanInstruction **out)
{
    static const bool all[NET_MAX_INPUTS] = {true, true, true, true};
    const SimStatus status = plan_add_instruction(plan, op, number, out);
    if (status == SIM_OK)
        plan_name_buffers(plan, *out, all);
    return status;
}

static SimStatus emit_gather(Plan *plan, int number)
{
    PlanInstruction *at = NULL;
    const SimStatus status = emit_read(plan, PLAN_GATHER, number, &at);
    if (status != SIM_OK)
        return status;
    at->dy = plan->nodes[number].gradient;
    plan_touch(plan, at->dy);
    return SIM_OK;
}

/* Sums over the whole sequence, run by run. */
static SimStatus emit_sums(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    const int from = plan_source(plan, node, 0);
    SIM_TRY(is_missing(plan, from) ? prepare(plan, from) : ensure(plan, from));
    if (!plan_goes_by_step(node))
        return emit_gather(plan, number);
    const size_t bytes = sim_step_bytes(SIM_DENSE, node->plan.out);
    SIM_TRY(plan_open_loop(plan, plan_steps_of_run(plan, bytes), false));
    SIM_TRY(plan_ensure_part(plan, from));
    SIM_TRY(emit_gather(plan, number));
    plan_close_loop(plan);
out:
    return status;
}

/* A layer that can go backward window by window, and gains by it. */
static bool goes_by_window(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    return plan_has_backward(node) && node->layer->retrace && node->plan.carry_bytes &&
           !node->again && node->inverter == PLAN_NONE &&
           is_missing(plan, plan_source(plan, node, 0));
}

/* The same right before a layer of synapses, its only reader; or PLAN_NONE. */
static int windowed_before(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    const int before = node->inputs[0];
    const PlanNode *from = &plan->nodes[before];
    return before == number - 1 && plan_readers(plan, before) == 1 &&
                   from->gradient == PLAN_NONE && goes_by_window(plan, before)
               ? before
               : PLAN_NONE;
}

/* Its states where windows start. */
static SimStatus emit_retrace(Plan *plan, int number, size_t steps)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    const int from = plan_source(plan, node, 0);
    const size_t windows = (plan->options.window + steps - 1) / steps;
    PlanInstruction *at = NULL;
    SIM_TRY(prepare(plan, from));
    SIM_TRY(plan_add_buffer(
        plan, node->plan.carry_bytes + (windows - 1) * node->plan.mark_bytes,
        &node->carry));
    SIM_TRY(plan_open_loop(plan, steps, false));
    plan->loops[plan->loop].but_last = true;
    SIM_TRY(ensure(plan, from));
    SIM_TRY(emit_read(plan, PLAN_RETRACE, number, &at));
    at->carry = node->carry;
    plan_touch(plan, at->carry);
    plan_close_loop(plan);
out:
    return status;
}

/* --- node by node ----------------------------------------------------------------------
 */

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

static size_t run_of(const Plan *plan, int last)
{
    const PlanNode *node = &plan->nodes[last];
    return plan_steps_of_synapses(plan, node, larger_step(plan, node));
}

static SimStatus emit_window(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number];
    const size_t bytes = sim_step_bytes(SIM_DENSE, node->plan.out);
    const size_t window = plan_window_of(plan, bytes, 1);
    SIM_TRY(emit_retrace(plan, number, window));
    SIM_TRY(plan_open_loop(plan, window, true));
    SIM_TRY(ensure(plan, plan_source(plan, node, 0)));
    SIM_TRY(emit_gradients(plan, number, PLAN_NONE, PLAN_NONE));
    plan_close_loop(plan);
out:
    return status;
}

/* Runs the backward of a layer of synapses (`last`) by steps, and with it that of the
 * layer it goes to (`first`, or PLAN_NONE). The gradient of its input lies over another
 * buffer, or in a new one: of a run of `loop`, or whole. */
static SimStatus emit_runs(Plan *plan, int first, int last, int over, int loop)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[last];
    SIM_TRY(plan_open_loop(plan, run_of(plan, last), true));
    if (first != PLAN_NONE) {
        const PlanNode *head = &plan->nodes[first];
        if (head->plan.backward_needs & NET_NEEDS_INPUT)
            SIM_TRY(plan_ensure_part(plan, last));
        if (head->layer->gather && !head->gathered && !head->plan.whole_sequence)
            SIM_TRY(emit_gather(plan, first));
        SIM_TRY(emit_gradients(plan, first, PLAN_NONE, plan->loop));
        if (node->gradient == over) /* handed on as it is: still to be read */
            over = PLAN_NONE;
    }
    SIM_TRY(plan_ensure_part(plan, plan_source(plan, node, 0)));
    SIM_TRY(emit_gradients(plan, last, over, loop));
    plan_close_loop(plan);
out:
    return status;
}

/* Steps of the gradient that `first` reads are free once they have been read: those of
 * the input of `last` may take their place. */
static int way_made(const Plan *plan, int first, int last)
{
    const PlanNode *node = &plan->nodes[last];
    if (first == PLAN_NONE)
        return PLAN_NONE;
    const int dy = plan->nodes[first].gradient;
    return dy != PLAN_NONE && plan->buffers[dy].owners == 1 &&
                   plan->buffers[dy].loop == PLAN_NONE &&
                   plan->nodes[first].gradient_form ==
                       plan->nodes[node->inputs[0]].gradient_form &&
                   sim_shape_step(plan->nodes[first].plan.out) ==
                       sim_shape_step(plan->nodes[node->inputs[0]].plan.out)
               ? dy
               : PLAN_NONE;
}

/* The same window by window, and with it the layer before. What that one gives lies over
 * what it is given, unless it goes to a sum. */
static SimStatus emit_windows(Plan *plan, int first, int last, int before)
{
    SimStatus status = SIM_OK;
    PlanNode *from = &plan->nodes[before];
    const size_t bytes = sim_step_bytes(SIM_DENSE, from->plan.out);
    const size_t window = plan_window_of(plan, bytes, run_of(plan, last));
    const PlanNode *to = &plan->nodes[from->inputs[0]];
    const bool over = to->gradient == PLAN_NONE &&
                      from->gradient_form == to->gradient_form &&
                      from->plan.gradient_in_place;
    const int way = way_made(plan, first, last);
    SIM_TRY(emit_retrace(plan, before, window));
    SIM_TRY(plan_open_loop(plan, window, true));
    const int loop = over || way != PLAN_NONE ? PLAN_NONE : plan->loop;
    SIM_TRY(emit_runs(plan, first, last, way, loop));
    SIM_TRY(ensure(plan, plan_source(plan, from, 0)));
    SIM_TRY(emit_gradients(plan, before, over ? from->gradient : PLAN_NONE, PLAN_NONE));
    plan_close_loop(plan);
out:
    return status;
}

/* The same, window by window with the layer before where that gains. */
static SimStatus emit_loop(Plan *plan, int first, int last)
{
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[last];
    const int front = first == PLAN_NONE ? last : first;
    const int before = windowed_before(plan, last);
    const int from = plan_source(plan, node, 0);
    /* Its input is made run by run: as soon made is its output, which else would lie
     * there while the gradient grows. */
    if (is_missing(plan, from) && plan_is_long(plan, last))
        node->wire = PLAN_NONE;
    if (plan->nodes[front].plan.backward_needs & NET_NEEDS_INPUT)
        SIM_TRY(prepare(plan, plan_source(plan, &plan->nodes[front], 0)));
    SIM_TRY(prepare(plan, from));
    return before == PLAN_NONE
               ? emit_runs(plan, first, last, way_made(plan, first, last), PLAN_NONE)
               : emit_windows(plan, first, last, before);
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
    if (node->layer->gather && !node->gathered && node->plan.whole_sequence)
        SIM_TRY(emit_sums(plan, number));
    if (goes_by_window(plan, number))
        return emit_window(plan, number);
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
    SIM_TRY(emit_gradients(plan, number, PLAN_NONE, PLAN_NONE));
out:
    return status;
}
