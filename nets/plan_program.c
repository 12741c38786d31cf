/* nets/plan_program.c: the program of a plan: forward, then backward. */
#include "nets/plan_emit_internal.h"

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
    SIM_TRY(plan_add_own_buffers(plan, &plan->nodes[number]));
    SIM_TRY(plan_add_instruction(plan, PLAN_MEASURE, number, &at));
    plan_name_buffers(plan, at, all);
    plan->nodes[number].measured = true;
out:
    return status;
}

/* Its forward may be asked for run by run. */
static bool takes_runs(const PlanNode *node)
{
    return plan_goes_by_step(node) || (node->layer->retrace && node->plan.carry_bytes);
}

/* Nobody needs the wire between synapses and a norm for the whole sequence. */
static bool passes_by(const Plan *plan, int number)
{
    if (!plan_stays_short(plan, number) || plan_is_looked_at(plan, number) ||
        plan_readers(plan, number) != 1)
        return false;
    for (size_t k = (size_t)number + 1; k < plan->n_nodes; k++)
        for (size_t i = 0; i < plan->nodes[k].plan.n_inputs; i++)
            if (!plan->nodes[k].folded && plan_source(plan, &plan->nodes[k], i) == number)
                return takes_runs(&plan->nodes[k]);
    return false;
}

/* What the forward of a node reads has been left out: it is computed run by run. */
static bool lacks_input(const Plan *plan, const PlanNode *node)
{
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (plan->nodes[plan_source(plan, node, i)].wire == PLAN_NONE)
            return true;
    return false;
}

static size_t steps_of_inputs(const Plan *plan, const PlanNode *node)
{
    size_t bytes = 0;
    for (size_t i = 0; i < node->plan.n_inputs; i++) {
        const NetLayerPlan *from = &plan->nodes[plan_source(plan, node, i)].plan;
        if (sim_step_bytes(SIM_DENSE, from->out) > bytes)
            bytes = sim_step_bytes(SIM_DENSE, from->out);
    }
    return plan_steps_of_run(plan, bytes);
}

/* Statistics of what a layer of synapses gives are taken while it is in the cache. What
 * passes by is computed for them, and once more by those who read it. */
static SimStatus emit_node(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    const PlanNode *node = &plan->nodes[number], *next = node + 1;
    const bool together = measures(plan, number + 1) && next->inputs[0] == number &&
                          node->layer && node->plan.is_synaptic &&
                          plan_goes_by_step(node) && plan_goes_by_step(next);
    const bool passing = together && passes_by(plan, number);
    const bool loop = together || (!node->folded && lacks_input(plan, node));
    const size_t bytes = sim_step_bytes(SIM_DENSE, node->plan.out);
    if (measures(plan, number) && !node->measured)
        SIM_TRY(emit_measure(plan, number));
    if (loop)
        SIM_TRY(plan_open_loop(plan,
                               together ? plan_steps_of_synapses(plan, node, bytes)
                                        : steps_of_inputs(plan, node),
                               false));
    for (size_t i = 0; i < node->plan.n_inputs && loop; i++)
        SIM_TRY(plan_ensure_part(plan, plan_source(plan, node, i)));
    SIM_TRY(passing ? plan_ensure_part(plan, number)
                    : plan_emit_forward(plan, number, PLAN_FORWARD, PLAN_NONE));
    if (together)
        SIM_TRY(emit_measure(plan, number + 1));
    if (loop)
        plan_close_loop(plan);
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
            SIM_TRY(plan_add_tensor(plan, node->plan.out, SIM_DENSE, PLAN_NONE,
                                    &node->gradient));
            plan->buffers[node->gradient].owners = 1;
            node->output_gradient = node->gradient;
        }
    }
    SIM_TRY(plan_add_instruction(plan, PLAN_LOSS, PLAN_NONE, &at));
    for (size_t i = 0; i < plan->graph->n_outputs; i++) {
        const PlanNode *node = &plan->nodes[plan->of_graph[plan->graph->outputs[i]]];
        plan_touch(plan, node->wire);
        plan_touch(plan, node->gradient);
    }
    for (size_t k = 0; k < plan->n_nodes; k++)
        if (!plan->nodes[k].keep && plan->nodes[k].layer)
            plan_forget(&plan->nodes[k]);
    for (size_t k = plan->n_nodes; k-- > 0;)
        if (plan_has_backward(&plan->nodes[k]))
            SIM_TRY(plan_emit_backward(plan, (int)k));
out:
    return status;
}

SimStatus plan_program(Plan *plan)
{
    SimStatus status = SIM_OK;
    PlanInstruction *at = NULL;
    plan_fold(plan);
    plan_wire_forms(plan);
    SIM_TRY(plan_add_instruction(plan, PLAN_START, PLAN_NONE, &at));
    if (plan->options.training) {
        mark_reached(plan);
        plan_gradient_forms(plan);
        SIM_TRY(plan_choose_memory(plan));
    }
    SIM_TRY(plan_find_strips(plan));
    for (size_t k = 0; k < plan->n_nodes; k++)
        SIM_TRY(plan->nodes[k].strip == PLAN_NONE ? emit_node(plan, (int)k)
                                                  : plan_emit_strip(plan, (int)k));
    if (plan->options.training)
        SIM_TRY(emit_training(plan));
    SIM_TRY(plan_add_instruction(plan, PLAN_END, PLAN_NONE, &at));
    SIM_TRY(plan_lay_out(plan));
    plan->program = plan_trim(plan->program, plan->n_instructions, sizeof *plan->program);
    plan->buffers = plan_trim(plan->buffers, plan->n_buffers, sizeof *plan->buffers);
    plan->program_capacity = plan->n_instructions;
    plan->buffers_capacity = plan->n_buffers;
out:
    return status;
}
