/* nets/plan_share.c: wires and gradients that need no memory of their own. */
#include "nets/plan_internal.h"

/* --- folding ---------------------------------------------------------------------------
 *
 * A layer that lends scale and shift to its only reader is folded into it: the reader
 * sees the wire before, and the wire between them never exists. */

int plan_source(const Plan *plan, const PlanNode *node, size_t input)
{
    const int head = node->heads[input];
    return head == PLAN_NONE ? node->inputs[input] : plan->nodes[head].inputs[0];
}

size_t plan_readers(const Plan *plan, int number)
{
    size_t n = 0;
    for (size_t k = 0; k < plan->n_nodes; k++)
        for (size_t i = 0; i < plan->nodes[k].plan.n_inputs; i++)
            n += plan->nodes[k].inputs[i] == number;
    return n;
}

bool plan_is_looked_at(const Plan *plan, int number)
{
    const PlanNode *node = &plan->nodes[number];
    if (node->graph_node == PLAN_NONE)
        return false;
    for (size_t i = 0; i < plan->graph->n_outputs; i++)
        if (plan->graph->outputs[i] == node->graph_node)
            return true;
    return plan->options.watch &&
           (plan->options.watch[node->graph_node] & NET_WATCH_OUTPUT);
}

/* Unless somebody looks at it. */
static bool can_fold(const Plan *plan, const PlanNode *reader, size_t input)
{
    const int number = reader->inputs[input];
    const PlanNode *node = &plan->nodes[number];
    if (!node->layer || !node->layer->lend || !reader->plan.takes_affine[input] ||
        node->plan.n_inputs != 1 || plan_readers(plan, number) != 1)
        return false;
    const PlanNode *from = &plan->nodes[node->inputs[0]];
    return sim_shape_equal(from->plan.out, node->plan.out) && !from->constant &&
           (!plan->options.training ||
            (from->needs_gradient && plan_readers(plan, node->inputs[0]) == 1));
}

void plan_fold(Plan *plan)
{
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *reader = &plan->nodes[k];
        for (size_t i = 0; i < reader->plan.n_inputs; i++)
            if (can_fold(plan, reader, i) &&
                !plan_is_looked_at(plan, reader->inputs[i])) {
                reader->heads[i] = reader->inputs[i];
                plan->nodes[reader->inputs[i]].folded = true;
            }
    }
}

/* --- bfloat16 --------------------------------------------------------------------------
 */

/* All who read the wire, behind what is folded into them too, know bfloat16; and what is
 * folded, or would be if nobody looked at it, is not rounded. */
static bool is_read_as_bf16(const Plan *plan, int number)
{
    for (size_t k = 0; k < plan->n_nodes; k++) {
        const PlanNode *reader = &plan->nodes[k];
        for (size_t i = 0; i < reader->plan.n_inputs; i++) {
            const bool is_next = reader->inputs[i] == number;
            const bool knows = reader->plan.reads_bf16 >> i & 1;
            if (((is_next || plan_source(plan, reader, i) == number) && !knows) ||
                (is_next && can_fold(plan, reader, i)))
                return false;
        }
    }
    return true;
}

/* A wire that is looked at shows f32, with the numbers of the other form: to look at a
 * net changes none of its results. */
void plan_wire_forms(Plan *plan)
{
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        if (!node->layer || !node->plan.writes_bf16 || !is_read_as_bf16(plan, (int)k))
            continue;
        if (plan_is_looked_at(plan, (int)k))
            node->rounded = true;
        else
            node->plan.out_form = SIM_BF16;
    }
}

/* --- gradients handed on
 * -----------------------------------------------------------------
 *
 * Backward goes through the nodes from the last to the first. Where a layer hands dy on
 * to an input, the gradient of that input may be dy itself, even of two inputs at once,
 * as long as nobody writes to it before all whose gradient it is have read it. */

static bool is_reached_reader(const PlanNode *node, int number)
{
    if (!plan_has_backward(node))
        return false;
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (node->inputs[i] == number)
            return true;
    return false;
}

/* Those that still add to the gradient of `a` when node `at` is through, all come after
 * `b` has read its own. */
static bool waits_for(const Plan *plan, int a, int b, int at)
{
    for (int k = b; k < at; k++)
        if (is_reached_reader(&plan->nodes[k], a))
            return false;
    return true;
}

/* All that its readers make of its gradient may be bfloat16; all but the last reader,
 * whose backward comes first, add to what is there. */
static bool comes_as_bf16(const Plan *plan, int number)
{
    bool is_first = true;
    for (int k = (int)plan->n_nodes - 1; k > number; k--) {
        const PlanNode *reader = &plan->nodes[k];
        if (!is_reached_reader(reader, number))
            continue;
        for (size_t i = 0; i < reader->plan.n_inputs; i++) {
            const unsigned ways =
                is_first ? reader->plan.gives_bf16 : reader->plan.adds_bf16;
            if (reader->inputs[i] != number)
                continue;
            if (!(ways >> i & 1))
                return false;
            is_first = false;
        }
    }
    return !is_first;
}

/* A gradient is bfloat16 where all that make and read it know that. */
void plan_gradient_forms(Plan *plan)
{
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        if (node->layer && node->plan.takes_bf16 && !node->constant &&
            !plan_is_looked_at(plan, (int)k) && comes_as_bf16(plan, (int)k))
            node->gradient_form = SIM_BF16;
    }
}

static size_t gradient_count(const Plan *plan, const PlanNode *node)
{
    const SimShape s = node->plan.out;
    return (s.t == 1 ? 1 : plan->options.window) * sim_shape_step(s);
}

bool plan_hands_on(const Plan *plan, int number, size_t input)
{
    const PlanNode *node = &plan->nodes[number];
    const int from = node->inputs[input], dy = node->gradient;
    if (dy == PLAN_NONE || node->gradient_form != plan->nodes[from].gradient_form ||
        gradient_count(plan, node) != gradient_count(plan, &plan->nodes[from]))
        return false;
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (i != input && node->inputs[i] == from)
            return false;
    if (plan->buffers[dy].loop != PLAN_NONE)
        return false;
    if (!node->plan.passes_gradient[input]) {
        /* Overwritten: only when nobody else reads it, now or later. */
        for (size_t i = input + 1; i < node->plan.n_inputs; i++)
            if (plan->nodes[node->inputs[i]].needs_gradient &&
                node->plan.passes_gradient[i])
                return false;
        return plan->buffers[dy].owners == 1 && node->plan.gradient_in_place >> input & 1;
    }
    for (int k = 0; k < (int)plan->n_nodes; k++)
        if (k != number && plan->nodes[k].gradient == dy &&
            (!waits_for(plan, from, k, number) || !waits_for(plan, k, from, number)))
            return false;
    return true;
}
