/* nets/plan_emit.c: instructions and buffers, one after the other. */
#include "nets/plan_emit_internal.h"

#include "sim/list.h"

SimStatus plan_no_memory(void)
{
    return sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
}

static size_t window_steps(const Plan *plan, SimShape shape)
{
    return shape.t == 1 ? 1 : plan->options.window;
}

SimStatus plan_add_buffer(Plan *plan, size_t bytes, int *out)
{
    if (!sim_list_reserve(&plan->buffers, &plan->buffers_capacity, plan->n_buffers + 1,
                          sizeof *plan->buffers))
        return plan_no_memory();
    plan->buffers[plan->n_buffers] = (PlanBuffer){.bytes = sim_align_up(bytes),
                                                  .first = plan->n_instructions,
                                                  .last = plan->n_instructions,
                                                  .loop = PLAN_NONE,
                                                  .follows = PLAN_NONE};
    *out = (int)plan->n_buffers++;
    return SIM_OK;
}

SimStatus plan_add_tensor(Plan *plan, SimShape shape, SimForm form, int loop, int *out)
{
    const size_t steps =
        loop == PLAN_NONE ? window_steps(plan, shape) : plan->loops[loop].steps;
    const SimStatus status =
        plan_add_buffer(plan, steps * sim_step_bytes(form, shape), out);
    if (status == SIM_OK)
        plan->buffers[*out].loop = loop;
    return status;
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

SimStatus plan_add_instruction(Plan *plan, PlanOp op, int node, PlanInstruction **out)
{
    SimStatus status = SIM_OK;
    int scratch = PLAN_NONE;
    if (!sim_list_reserve(&plan->program, &plan->program_capacity,
                          plan->n_instructions + 1, sizeof *plan->program))
        return plan_no_memory();
    if (node != PLAN_NONE && scratch_bytes(plan, node)) {
        SIM_TRY(plan_add_buffer(plan, scratch_bytes(plan, node), &scratch));
        plan->buffers[scratch].scratch = true;
    }
    PlanInstruction *at = &plan->program[plan->n_instructions++];
    *at = (PlanInstruction){.op = op,
                            .node = node,
                            .y = PLAN_NONE,
                            .dy = PLAN_NONE,
                            .saved = PLAN_NONE,
                            .active = PLAN_NONE,
                            .carry = PLAN_NONE,
                            .scratch = scratch};
    for (size_t i = 0; i < NET_MAX_INPUTS; i++)
        at->x[i] = at->dx[i] = at->x_active[i] = PLAN_NONE;
    *out = at;
out:
    return status;
}

void plan_touch(Plan *plan, int buffer)
{
    if (buffer != PLAN_NONE)
        plan->buffers[buffer].last = plan->n_instructions - 1;
}

static void touch_saved(Plan *plan, int node)
{
    if (node != PLAN_NONE)
        plan_touch(plan, plan->nodes[node].saved);
}

SimStatus plan_add_own_buffers(Plan *plan, PlanNode *node)
{
    SimStatus status = SIM_OK;
    if (node->plan.saved_bytes && node->saved == PLAN_NONE)
        SIM_TRY(plan_add_buffer(plan, node->plan.saved_bytes, &node->saved));
    if (node->plan.gives_active && node->active == PLAN_NONE)
        SIM_TRY(
            plan_add_tensor(plan, node->plan.out, SIM_SPIKES, PLAN_NONE, &node->active));
out:
    return status;
}

void plan_forget(PlanNode *node)
{
    node->wire = PLAN_NONE;
    if (!node->again)
        return;
    node->active = PLAN_NONE;
    if (node->plan.saved_again)
        node->saved = PLAN_NONE;
}

void plan_name_buffers(Plan *plan, PlanInstruction *at, const bool *reads)
{
    const PlanNode *node = &plan->nodes[at->node];
    at->saved = node->saved;
    at->active = node->active;
    plan_touch(plan, at->y);
    plan_touch(plan, at->saved);
    plan_touch(plan, at->active);
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const PlanNode *from = &plan->nodes[plan_source(plan, node, i)];
        if (reads[i])
            at->x[i] = from->wire;
        if (at->op == PLAN_BACKWARD)
            at->x_active[i] = from->active;
        plan_touch(plan, at->x[i]);
        plan_touch(plan, at->x_active[i]);
        touch_saved(plan, node->heads[i]);
    }
}

/* The last node whose forward reads this wire, itself or through what is folded into it
 * or computed again for it. */
static int last_reader(const Plan *plan, int number, int at)
{
    int last = number;
    for (int k = number + 1; k < (int)plan->n_nodes; k++) {
        const PlanNode *node = &plan->nodes[k];
        for (size_t i = 0; i < node->plan.n_inputs; i++) {
            if (node->inputs[i] != number)
                continue;
            const bool passes = node->folded || (k < at && node->wire == PLAN_NONE);
            const int reader = passes ? last_reader(plan, k, at) : k;
            last = reader > last ? reader : last;
        }
    }
    return last;
}

/* An input whose buffer the output may take, since nobody reads it after this node; or
 * PLAN_NONE. */
static int input_to_take(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const PlanNode *from = &plan->nodes[node->inputs[i]];
        if ((node->plan.output_in_place >> i & 1) && node->heads[i] == PLAN_NONE &&
            from->wire != PLAN_NONE && plan->buffers[from->wire].loop == PLAN_NONE &&
            from->again && from->plan.out_form == node->plan.out_form &&
            sim_shape_equal(from->plan.out, node->plan.out) &&
            !plan_is_looked_at(plan, node->inputs[i]) &&
            last_reader(plan, node->inputs[i], number) == number)
            return node->inputs[i];
    }
    return PLAN_NONE;
}

/* In a loop over time the output, which takes no more than a long input, may move in
 * where steps of that have been read, if nobody reads it later:
 *
 *     | head | x0 | x1 | x2 | x3 |         a run of y has room before the first of x
 *     | y0 | y1 |    | x2 | x3 |
 *     | y0 | y1 | y2 | y3 |                 the rest is free
 */
static bool can_follow(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    const PlanNode *from = &plan->nodes[node->inputs[0]];
    if (plan->loop == PLAN_NONE || plan->loops[plan->loop].outer != PLAN_NONE ||
        node->plan.n_inputs != 1 || node->heads[0] != PLAN_NONE ||
        !plan->options.training || from->wire == PLAN_NONE || from->keep ||
        !plan_is_long(plan, node->inputs[0]) ||
        plan_is_looked_at(plan, node->inputs[0]) ||
        last_reader(plan, node->inputs[0], number) != number)
        return false;
    const PlanBuffer *x = &plan->buffers[from->wire];
    return x->loop == PLAN_NONE && x->follows == PLAN_NONE && !x->head &&
           sim_step_bytes(node->plan.out_form, node->plan.out) <=
               sim_step_bytes(from->plan.out_form, from->plan.out);
}

static void follow(Plan *plan, int number, int y)
{
    const PlanNode *node = &plan->nodes[number];
    const int wire = plan->nodes[node->inputs[0]].wire;
    PlanBuffer *x = &plan->buffers[wire];
    plan->buffers[y].follows = wire;
    x->head = sim_align_up(plan->loops[plan->loop].steps *
                           sim_step_bytes(node->plan.out_form, node->plan.out));
    x->bytes += x->head;
    x->rest = plan->buffers[y].bytes;
}

SimStatus plan_emit_forward(Plan *plan, int number, PlanOp op, int loop)
{
    static const bool all[NET_MAX_INPUTS] = {true, true, true, true};
    SimStatus status = SIM_OK;
    PlanNode *node = &plan->nodes[number];
    PlanInstruction *at = NULL;
    int y = PLAN_NONE;
    if (node->folded)
        return SIM_OK;
    const int taken = op == PLAN_FORWARD ? input_to_take(plan, number) : PLAN_NONE;
    if (taken != PLAN_NONE)
        y = plan->nodes[taken].wire;
    else
        SIM_TRY(plan_add_tensor(plan, node->plan.out, node->plan.out_form, loop, &y));
    const bool follows = taken == PLAN_NONE && op == PLAN_FORWARD && loop == PLAN_NONE &&
                         can_follow(plan, number);
    if (follows)
        follow(plan, number, y);
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (node->heads[i] != PLAN_NONE)
            SIM_TRY(plan_add_own_buffers(plan, &plan->nodes[node->heads[i]]));
    SIM_TRY(plan_add_own_buffers(plan, node));
    if (op == PLAN_FORWARD && node->graph_node != PLAN_NONE && plan->options.watch &&
        (plan->options.watch[node->graph_node] & NET_WATCH_POTENTIAL))
        SIM_TRY(plan_add_tensor(plan, node->plan.out, SIM_DENSE, PLAN_NONE,
                                &node->potential));
    SIM_TRY(plan_add_instruction(plan, op, number, &at));
    at->y = y;
    plan_touch(plan, node->potential);
    plan_name_buffers(plan, at, all);
    if (taken != PLAN_NONE)
        plan_forget(&plan->nodes[taken]);
    if (follows)
        plan_forget(&plan->nodes[node->inputs[0]]);
    node->wire = y;
out:
    return status;
}

/* --- loops over time -------------------------------------------------------------------
 *
 * What backward needs again, and the gradients between two layers, exist for a run of
 * steps only, where the layers allow it. Their bits are the same under every policy: how
 * a layer of synapses is cut depends on its shape alone. */

bool plan_goes_by_step(const PlanNode *node)
{
    return node->layer && node->plan.by_step && !node->constant && node->plan.out.t > 1;
}

size_t plan_weight_bytes(const PlanNode *node)
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

enum { CACHE_BYTES = 5 << 18, WINDOW_BYTES = 4 * CACHE_BYTES };

/* What the largest tensor of a run should take: what a cache holds. Tile units want the
 * same pixel of many images, though, so longer runs: where all is kept these cost no
 * memory, and with bfloat16 little. */
static size_t run_bytes(const Plan *plan)
{
    const SimPrecision precision = plan->context->precision;
    if (sim_precision_has_pieces(precision) && plan->options.memory == NET_MEMORY_KEEP)
        return 16 * CACHE_BYTES;
    return precision == SIM_PRECISION_BF16 ? 4 * CACHE_BYTES : CACHE_BYTES;
}

static size_t steps_of(const Plan *plan, size_t bytes, size_t run_bytes)
{
    const size_t all = plan->options.window, most = run_bytes / bytes;
    const size_t runs = most ? (all + most - 1) / most : all;
    return (all + runs - 1) / runs;
}

size_t plan_steps_of_run(const Plan *plan, size_t bytes)
{
    return steps_of(plan, bytes, run_bytes(plan));
}

size_t plan_steps_of_synapses(const Plan *plan, const PlanNode *node, size_t bytes)
{
    const size_t least = run_bytes(plan), weights = plan_weight_bytes(node);
    const size_t most = weights < 2 * least ? weights : 2 * least;
    return steps_of(plan, bytes, most > least ? most : least);
}

size_t plan_window_of(const Plan *plan, size_t bytes, size_t run)
{
    const size_t all = plan->options.window;
    size_t steps = 1;
    while (2 * steps * steps < all)
        steps++;
    if (steps * bytes < WINDOW_BYTES)
        steps = WINDOW_BYTES / bytes;
    steps = steps < run ? run : steps / run * run;
    return steps < all ? steps : all;
}

bool plan_is_long(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    const size_t bytes = sim_step_bytes(SIM_DENSE, node->plan.out);
    return node->policy == NET_MEMORY_RECOMPUTE && plan_goes_by_step(node) &&
           plan_window_of(plan, bytes, 1) < plan->options.window;
}

bool plan_stays_short(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    return node->again && !node->plan.n_states && plan_is_long(plan, number);
}

SimStatus plan_open_loop(Plan *plan, size_t steps, bool back)
{
    if (!sim_list_reserve(&plan->loops, &plan->loops_capacity, plan->n_loops + 1,
                          sizeof *plan->loops))
        return plan_no_memory();
    plan->loops[plan->n_loops] = (PlanLoop){
        .outer = plan->loop, .first = plan->n_instructions, .steps = steps, .back = back};
    plan->loop = (int)plan->n_loops++;
    return SIM_OK;
}

/* What holds more than a run of the loop and is touched in it lives through all its runs.
 */
void plan_close_loop(Plan *plan)
{
    const int number = plan->loop;
    PlanLoop *loop = &plan->loops[number];
    loop->last = plan->n_instructions - 1;
    plan->loop = loop->outer;
    for (size_t b = 0; b < plan->n_buffers; b++) {
        PlanBuffer *buffer = &plan->buffers[b];
        if (buffer->scratch || buffer->loop >= number || buffer->last < loop->first)
            continue;
        buffer->last = loop->last;
        if (buffer->first > loop->first)
            buffer->first = loop->first;
    }
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        if (node->wire != PLAN_NONE && plan->buffers[node->wire].loop == number)
            plan_forget(node);
    }
}
