/* nets/plan_memory.c: where backward finds each wire it reads.
 *
 * A wire stays (keep), is computed again from the inputs of its layer (again), or is
 * given back by a reversible reader (inverter). Under NET_MEMORY_REVERSE the chain
 *
 *     x1 ----------(+)-- y1 ------+--------      y1 = x1 + f(x2)
 *                   |             |
 *     x2 --+--- f --+             g               y2 = x2 + g(y1)
 *          +----------------------+--(+)-- y2
 *
 * goes back from y1 and y2: g(y1) again, x2 = y2 - g(y1), f(x2) again, x1 = y1 - f(x2).
 * Only the ends of a chain stay, whatever its length. */
#include "nets/plan_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- wires that backward reads itself -------------------------------------------------
 */

static bool reads_input(const PlanNode *node, size_t input)
{
    return plan_has_backward(node) && ((node->plan.backward_needs & NET_NEEDS_INPUT) ||
                                       node->heads[input] != PLAN_NONE);
}

/* Its output, or what is gone with it when it is to be computed again. */
static bool reads_own(const PlanNode *node)
{
    return plan_has_backward(node) && ((node->plan.backward_needs & NET_NEEDS_OUTPUT) ||
                                       (node->again && plan_forgets(node)));
}

/* --- what can be given back ------------------------------------------------------------
 */

typedef struct Search {
    Plan *plan;
    bool *seen; /* [n_nodes] */
    int *stack; /* [n_nodes] nodes to look at */
} Search;

/* Outputs of reversible layers are there when the chain goes back: given back by a later
 * reader, or the end of the chain, which stays. */
static bool is_of_chain(const PlanNode *node)
{
    return node->inverter != PLAN_NONE ||
           (node->plan.invertible && node->policy == NET_MEMORY_REVERSE);
}

/* Goes from what a reader reads to give one input back backwards, up to wires of the
 * chain. False when it comes to `goal`: that one would be needed to give itself back. */
static bool leads_elsewhere(const Search *search, const PlanNode *reader, size_t input,
                            int goal)
{
    const Plan *plan = search->plan;
    size_t n = 0;
    memset(search->seen, 0, plan->n_nodes * sizeof *search->seen);
    for (size_t i = 0; i < reader->plan.n_inputs; i++)
        if (plan_invert_reads(reader, input, i))
            search->stack[n++] = plan_source(plan, reader, i);
    while (n) {
        const int at = search->stack[--n];
        if (at == goal)
            return false;
        const PlanNode *node = &plan->nodes[at];
        if (search->seen[at])
            continue;
        search->seen[at] = true;
        if (is_of_chain(node))
            continue;
        for (size_t i = 0; i < node->plan.n_inputs; i++) {
            const int from = plan_source(plan, node, i);
            if (!search->seen[from])
                search->stack[n++] = from;
        }
    }
    return true;
}

/* The readers from the last to the first; what is computed again to give something back
 * belongs to the chain, and nothing of it stays. */
static void find_inverters(const Search *search, bool *chained)
{
    Plan *plan = search->plan;
    for (int k = (int)plan->n_nodes - 1; k >= 0; k--) {
        PlanNode *reader = &plan->nodes[k];
        if (reader->folded || reader->policy != NET_MEMORY_REVERSE ||
            !plan_has_backward(reader))
            continue;
        for (size_t i = 0; i < reader->plan.n_inputs; i++) {
            const int number = plan_source(plan, reader, i);
            PlanNode *node = &plan->nodes[number];
            if (!(reader->plan.invertible >> i & 1) || reader->heads[i] != PLAN_NONE ||
                !node->layer || node->inverter != PLAN_NONE ||
                node->policy != NET_MEMORY_REVERSE ||
                !leads_elsewhere(search, reader, i, number))
                continue;
            node->inverter = k;
            node->inverted_input = i;
            if (reader->inverter == PLAN_NONE)
                reader->stays = true;
            for (size_t m = 0; m < plan->n_nodes; m++) {
                PlanNode *met = &plan->nodes[m];
                if (!search->seen[m] || met->policy != NET_MEMORY_REVERSE)
                    continue;
                if (!is_of_chain(met))
                    chained[m] = true;
                else if (met->inverter == PLAN_NONE)
                    met->stays = true;
            }
        }
    }
}

/* --- what is computed again ------------------------------------------------------------
 */

/* Outside chains, a dense wire is computed again from the spikes before it, unless that
 * would be too dear for what its memory is worth: then it stays, and what lies behind it
 * starts from there. The cost is in numbers written, those of synapses counted as many
 * times as they take longer. */
static void choose_again(Plan *plan, const bool *chained, double *cost)
{
    enum { SYNAPTIC = 4, TOO_DEAR = 16 };
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        const double own = (double)sim_shape_count(node->plan.out);
        for (size_t i = 0; i < node->plan.n_inputs; i++) {
            const int from = plan_source(plan, node, i);
            if (plan->nodes[from].again)
                cost[k] += cost[from];
        }
        cost[k] += own * (node->plan.is_synaptic ? SYNAPTIC : 1);
        node->again =
            !node->folded && node->policy != NET_MEMORY_KEEP && node->layer &&
            node->inverter == PLAN_NONE && !node->stays &&
            (chained[k] || (node->plan.out_form != SIM_SPIKES &&
                            node->plan.n_states == 0 && cost[k] <= TOO_DEAR * own));
    }
}

static void want(Plan *plan, int number, int *stack, size_t *n)
{
    PlanNode *node = &plan->nodes[number];
    if (!node->wanted)
        stack[(*n)++] = number;
    node->wanted = true;
}

/* From the wires backward reads to those that computing them again, or giving them back,
 * takes. */
static void mark_wanted(Plan *plan, int *stack)
{
    size_t n = 0;
    for (size_t k = 0; k < plan->n_nodes; k++) {
        const PlanNode *node = &plan->nodes[k];
        if (node->folded)
            continue;
        if (reads_own(node))
            want(plan, (int)k, stack, &n);
        for (size_t i = 0; i < node->plan.n_inputs; i++)
            if (reads_input(node, i))
                want(plan, plan_source(plan, node, i), stack, &n);
    }
    while (n) {
        const PlanNode *node = &plan->nodes[stack[--n]];
        if (node->inverter != PLAN_NONE) {
            const PlanNode *reader = &plan->nodes[node->inverter];
            want(plan, node->inverter, stack, &n);
            for (size_t i = 0; i < reader->plan.n_inputs; i++)
                if (plan_invert_reads(reader, node->inverted_input, i))
                    want(plan, plan_source(plan, reader, i), stack, &n);
        }
        for (size_t i = 0; i < node->plan.n_inputs && node->again; i++)
            want(plan, plan_source(plan, node, i), stack, &n);
    }
}

/* --- asked for what is not there -------------------------------------------------------
 */

static bool reverses(const Plan *plan, int stage)
{
    for (size_t k = 0; k < plan->n_nodes; k++)
        if (plan->nodes[k].inverter != PLAN_NONE &&
            (stage < 0 || plan->nodes[k].stage == stage))
            return true;
    return false;
}

/* A policy that does nothing is a mistake of who asked for it. */
static SimStatus check_reversible(const Plan *plan)
{
    if (plan->options.memory == NET_MEMORY_REVERSE && !reverses(plan, -1))
        return sim_fail(SIM_ERR_VALUE,
                        "memory: reverse wants a network with reversible blocks, this "
                        "one has none: use recompute");
    for (int stage = 0; stage < PLAN_MAX_STAGES; stage++)
        if (plan->policies.asked[stage] &&
            plan->policies.stages[stage] == NET_MEMORY_REVERSE && !reverses(plan, stage))
            return sim_fail(SIM_ERR_VALUE,
                            "memory: reverse for stage %d, which has no reversible "
                            "blocks: use keep or recompute there",
                            stage);
    return SIM_OK;
}

SimStatus plan_choose_memory(Plan *plan)
{
    SimStatus status = SIM_OK;
    const size_t n = plan->n_nodes;
    bool *seen = calloc(n, sizeof *seen), *chained = calloc(n, sizeof *chained);
    double *cost = calloc(n, sizeof *cost);
    /* A walk pushes an input once for each reader at most. */
    int *stack = calloc(n * NET_MAX_INPUTS, sizeof *stack);
    if (!seen || !chained || !cost || !stack) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
        goto out;
    }
    find_inverters(&(Search){plan, seen, stack}, chained);
    SIM_TRY(check_reversible(plan));
    choose_again(plan, chained, cost);
    mark_wanted(plan, stack);
    for (size_t k = 0; k < n; k++) {
        PlanNode *node = &plan->nodes[k];
        node->keep = node->wanted && !node->again && node->inverter == PLAN_NONE;
    }
out:
    free(seen);
    free(chained);
    free(cost);
    free(stack);
    return status;
}
