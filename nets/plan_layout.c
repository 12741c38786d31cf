/* nets/plan_layout.c: where the buffers of a program lie. */
#include "nets/plan_emit_internal.h"

#include <stdlib.h>

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

static size_t bytes_at(const PlanBuffer *b, size_t instruction)
{
    return b->rest && instruction > b->followed ? b->rest : b->bytes;
}

/* What of two that live together overlaps if it lies within so many bytes. */
static void bytes_together(const PlanBuffer *a, const PlanBuffer *b, size_t *of_a,
                           size_t *of_b)
{
    const size_t from = a->first > b->first ? a->first : b->first;
    *of_a = bytes_at(a, from);
    *of_b = bytes_at(b, from);
}

/* Who follows up on another lives in it. */
static void join_followers(Plan *plan)
{
    for (size_t k = 0; k < plan->n_buffers; k++) {
        const PlanBuffer *buffer = &plan->buffers[k];
        if (buffer->follows == PLAN_NONE)
            continue;
        PlanBuffer *before = &plan->buffers[buffer->follows];
        before->followed = before->last;
        if (buffer->last > before->last)
            before->last = buffer->last;
    }
}

/* Each in its turn at the lowest offset where nothing that lives with it lies. `placed`
 * holds those that lie already by rising offset. Gives the bytes all take. */
static size_t place_all(Plan *plan, const Placed *order, int *placed)
{
    size_t bytes = 0;
    for (size_t k = 0; k < plan->n_buffers; k++) {
        PlanBuffer *buffer = &plan->buffers[order[k].buffer];
        size_t offset = 0, own, others;
        for (size_t j = 0; j < k && buffer->follows == PLAN_NONE; j++) {
            const PlanBuffer *other = &plan->buffers[placed[j]];
            if (other->follows != PLAN_NONE || !live_together(buffer, other))
                continue;
            bytes_together(buffer, other, &own, &others);
            if (offset + own > other->offset && offset < other->offset + others)
                offset = other->offset + others;
        }
        buffer->offset = offset;
        size_t at = k;
        for (; at > 0 && plan->buffers[placed[at - 1]].offset > offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = order[k].buffer;
        if (buffer->follows == PLAN_NONE && offset + buffer->bytes > bytes)
            bytes = offset + buffer->bytes;
    }
    for (size_t k = 0; k < plan->n_buffers; k++) {
        PlanBuffer *buffer = &plan->buffers[k];
        if (buffer->follows != PLAN_NONE)
            buffer->offset = plan->buffers[buffer->follows].offset;
    }
    return bytes;
}

/* In whichever order takes the least. */
static SimStatus place(Plan *plan)
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
    return there ? SIM_OK : plan_no_memory();
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
            if (!plan->buffers[b].scratch && plan->buffers[b].follows == PLAN_NONE &&
                plan->buffers[b].first <= i && i <= plan->buffers[b].last)
                bytes += bytes_at(&plan->buffers[b], i);
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

SimStatus plan_lay_out(Plan *plan)
{
    stretch(plan);
    join_followers(plan);
    const SimStatus status = place(plan);
    count_the_rest(plan);
    return status;
}
