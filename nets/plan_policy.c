/* nets/plan_policy.c: which stage keeps what for backward: as asked for, or the mix that
 * costs least time among those that fit a budget. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/plan_internal.h"

const char *const net_memory_names[] = {"keep", "recompute", "reverse", "auto", NULL};

/* --- as asked for ----------------------------------------------------------------------
 */

static SimStatus bad_text(const char *text)
{
    return sim_fail(SIM_ERR_VALUE,
                    "memory of stages: wanted STAGE=POLICY separated by commas, as in "
                    "\"1=reverse,2-4=keep\", stages up to %d, policies keep, recompute "
                    "and reverse, got \"%s\"",
                    PLAN_MAX_STAGES - 1, text);
}

SimStatus plan_read_policies(const NetPlanOptions *options, PlanPolicies *out)
{
    for (size_t s = 0; s < PLAN_MAX_STAGES; s++) {
        out->stages[s] = options->memory;
        out->asked[s] = false;
    }
    const char *const text = options->stage_memory ? options->stage_memory : "";
    for (const char *at = text; *at;) {
        unsigned first, last;
        char name[16];
        int used = 0;
        if (sscanf(at, "%2u-%2u=%15[a-z]%n", &first, &last, name, &used) != 3) {
            if (sscanf(at, "%2u=%15[a-z]%n", &first, name, &used) != 2)
                return bad_text(text);
            last = first;
        }
        at += used;
        int policy = NET_MEMORY_KEEP;
        while (policy < NET_MEMORY_AUTO && strcmp(net_memory_names[policy], name) != 0)
            policy++;
        if (policy == NET_MEMORY_AUTO || last >= PLAN_MAX_STAGES || first > last ||
            (*at && *at != ',') || (*at == ',' && !at[1]))
            return bad_text(text);
        at += *at == ',';
        for (; first <= last; first++) {
            out->stages[first] = (NetMemory)policy;
            out->asked[first] = true;
        }
    }
    return SIM_OK;
}

NetMemory plan_policy(const Plan *plan, int stage)
{
    return stage >= 0 && stage < PLAN_MAX_STAGES ? plan->policies.stages[stage]
                                                 : plan->options.memory;
}

static size_t held_bytes(const Plan *plan)
{
    size_t bytes = 0;
    for (size_t k = 0; k < plan->n_nodes; k++)
        bytes += plan->nodes[k].plan.held_bytes;
    return bytes;
}

NetMemoryInfo plan_memory_info(const Plan *plan)
{
    NetMemoryInfo info = {.activations = plan->wire_bytes,
                          .states = plan->state_floats * sizeof(float),
                          .saved = plan->saved_bytes,
                          .scratch = plan->activation_bytes - plan->wire_bytes +
                                     held_bytes(plan),
                          .gradients = plan->gradient_floats * sizeof(float)};
    info.total = info.activations + info.states + info.scratch + info.gradients;
    return info;
}

static SimStatus plan_whole(const NetGraph *graph, const NetPlanOptions *options,
                            const SimContext *context, bool shapes_only, Plan *out)
{
    SimStatus status = plan_nodes(graph, options, context, shapes_only, out);
    if (status == SIM_OK)
        status = plan_program(out);
    if (status != SIM_OK)
        plan_destroy(out);
    return status;
}

/* --- the fastest that fits -------------------------------------------------------------
 */

enum { TEXT_SIZE = PLAN_MAX_STAGES * 16 };

typedef struct Search {
    const NetGraph *graph;
    const NetPlanOptions *options;
    const SimContext *context;
    size_t n_stages;
    bool asked[PLAN_MAX_STAGES]; /* not ours to choose */
} Search;

typedef struct Choice {
    NetMemory stages[PLAN_MAX_STAGES];
    size_t bytes; /* of activations */
    double work;  /* done once more for backward */
} Choice;

static void write_text(const Search *search, const Choice *choice, char text[TEXT_SIZE])
{
    size_t used = 0;
    for (size_t s = 0; s < search->n_stages; s++)
        used += (size_t)snprintf(text + used, TEXT_SIZE - used, "%s%zu=%s", s ? "," : "",
                                 s, net_memory_names[choice->stages[s]]);
}

/* Multiply-adds, and what going once through a number costs beside them. */
static double work_again(const Plan *plan)
{
    const double pass = 8.0;
    double work = 0.0;
    for (size_t i = 0; i < plan->n_instructions; i++) {
        const PlanInstruction *at = &plan->program[i];
        if (at->op != PLAN_AGAIN && at->op != PLAN_INVERT)
            continue;
        const NetLayerPlan *p = &plan->nodes[at->node].plan;
        work += pass * (double)sim_shape_count(p->out);
        if (at->op == PLAN_AGAIN)
            work += p->macs * (double)p->out.t;
    }
    return work;
}

/* What a choice takes, by a plan without kernels. */
static SimStatus measure(const Search *search, Choice *choice)
{
    char text[TEXT_SIZE];
    Plan plan = {0};
    NetPlanOptions options = *search->options;
    write_text(search, choice, text);
    options.memory = NET_MEMORY_KEEP;
    options.stage_memory = text;
    const SimStatus status =
        plan_whole(search->graph, &options, search->context, true, &plan);
    if (status == SIM_OK) {
        choice->bytes = plan.activation_bytes;
        choice->work = work_again(&plan);
    }
    plan_destroy(&plan);
    return status;
}

/* Of two choices, that which fits; if both do the faster; else what saves more bytes for
 * its time, counted from `from`. */
static bool is_better(const Choice *a, const Choice *b, const Choice *from, size_t target)
{
    const bool a_fits = a->bytes <= target, b_fits = b->bytes <= target;
    if (a_fits != b_fits)
        return a_fits;
    if (a_fits)
        return a->work < b->work || (a->work == b->work && a->bytes < b->bytes);
    const double a_saves = (double)from->bytes - (double)a->bytes,
                 b_saves = (double)from->bytes - (double)b->bytes;
    return a_saves * (b->work - from->work + 1.0) >
           b_saves * (a->work - from->work + 1.0);
}

/* The best change of one stage to another policy between `first` and `last`, or false. */
static SimStatus change_one(const Search *search, const Choice *from, bool leaner,
                            size_t target, Choice *out, bool *found)
{
    *found = false;
    for (size_t s = 0; s < search->n_stages; s++)
        for (NetMemory m = NET_MEMORY_KEEP; m <= NET_MEMORY_REVERSE; m++) {
            Choice next = *from;
            if (search->asked[s] ||
                (leaner ? m <= from->stages[s] : m >= from->stages[s]))
                continue;
            next.stages[s] = m;
            const SimStatus status = measure(search, &next);
            if (status == SIM_ERR_VALUE)
                continue; /* a stage with nothing to reverse */
            if (status != SIM_OK)
                return status;
            const bool helps = leaner ? next.bytes < from->bytes
                                      : next.bytes <= target && next.work < from->work;
            if (helps && (!*found || is_better(&next, out, from, target))) {
                *out = next;
                *found = true;
            }
        }
    return SIM_OK;
}

/* Leaner stage by stage until it fits, then back where that still fits. */
static SimStatus choose(const Search *search, Choice *choice, size_t target)
{
    Choice next;
    bool found = true;
    while (choice->bytes > target && found) {
        const SimStatus status = change_one(search, choice, true, target, &next, &found);
        if (status != SIM_OK)
            return status;
        if (found)
            *choice = next;
    }
    for (found = choice->bytes <= target; found;) {
        const SimStatus status = change_one(search, choice, false, target, &next, &found);
        if (status != SIM_OK)
            return status;
        if (found)
            *choice = next;
    }
    return SIM_OK;
}

static SimStatus over_budget(const NetPlanOptions *options, size_t keep, size_t least)
{
    return sim_fail(
        SIM_ERR_MEMORY,
        "%zu steps of batch %zu need %.3g MB to keep everything and %.3g MB at "
        "the least, the budget is %.3g MB: use a smaller batch or fewer steps",
        options->steps, options->batch, (double)keep / 1e6, (double)least / 1e6,
        (double)options->budget / 1e6);
}

static SimStatus plan_fastest(const NetGraph *graph, const NetPlanOptions *options,
                              const SimContext *context, Plan *out)
{
    SimStatus status = SIM_OK;
    Search search = {.graph = graph, .options = options, .context = context};
    NetPlanOptions at = *options;
    Choice choice = {.work = 0.0};
    char text[TEXT_SIZE];
    at.memory = NET_MEMORY_KEEP;
    SIM_TRY(plan_whole(graph, &at, context, false, out));
    const NetMemoryInfo keep = plan_memory_info(out);
    if (keep.total <= options->budget || options->budget == 0)
        goto out;

    for (size_t s = 0; s < PLAN_MAX_STAGES; s++) {
        choice.stages[s] = out->policies.stages[s];
        search.asked[s] = out->policies.asked[s];
    }
    for (size_t k = 0; k < out->n_nodes; k++)
        if (out->nodes[k].stage < PLAN_MAX_STAGES &&
            (size_t)out->nodes[k].stage >= search.n_stages)
            search.n_stages = (size_t)out->nodes[k].stage + 1;
    plan_destroy(out);
    SIM_TRY(measure(&search, &choice));
    /* What the search does not see (scratch of kernels, gradients) is taken off. */
    size_t rest = keep.total - keep.activations, total;
    do {
        SIM_TRY(choose(&search, &choice,
                       options->budget > rest ? options->budget - rest : 0));
        write_text(&search, &choice, text);
        at.stage_memory = text;
        SIM_TRY(plan_whole(graph, &at, context, false, out));
        total = plan_memory_info(out).total;
        if (total <= options->budget)
            goto out;
        plan_destroy(out);
        if (choice.bytes + rest > options->budget) { /* nothing leaner was found */
            status = over_budget(options, keep.total, total);
            goto out;
        }
        rest = total - choice.bytes;
    } while (true);
out:
    out->options.stage_memory = NULL; /* was the caller's, or ours */
    return status;
}

SimStatus plan_any(const NetGraph *graph, const NetPlanOptions *options,
                   const SimContext *context, Plan *out)
{
    if (options->memory == NET_MEMORY_AUTO && options->training)
        return plan_fastest(graph, options, context, out);
    return plan_whole(graph, options, context, false, out);
}
