/* nets/plan_strips.c: layers that go together through a few rows of the image at a time.
 *
 * Without training a norm, a join and neurons treat each pixel by itself. Behind a layer
 * of synapses that can be computed row by row they go with it through strips of one step,
 * from step to step: currents stay in the cache, and only what others read is written.
 * Behind one that cannot they go without it.
 *
 *     conv -> [norm] -> neuron             currents hidden, spikes written
 *     conv -> [norm] -> join -> neuron     the residual stream is written, too
 *     norm -> neuron                       behind a dense convolution
 *
 * All go when the last one has its turn; what else they read is there by then. */
#include "nets/plan_emit_internal.h"
#include "nets/strips_internal.h"

#include "sim/list.h"

enum {
    STRIP_BYTES = 1 << 17, /* of currents: they share the second cache with states */
    WEIGHT_BYTES = 5 << 18 /* and with all weights, which every strip goes through */
};

static int last_of(const PlanStrip *strip)
{
    return strip->nodes[strip->n - 1];
}

static bool is_in(const PlanStrip *strip, int number)
{
    for (size_t i = 0; i < strip->n; i++)
        if (strip->nodes[i] == number)
            return true;
    return false;
}

static bool reads(const Plan *plan, const PlanNode *node, int number)
{
    for (size_t i = 0; node->layer && !node->folded && i < node->plan.n_inputs; i++)
        if (plan_source(plan, node, i) == number)
            return true;
    return false;
}

static bool has_pixels_of(const PlanNode *node, SimShape s)
{
    const SimShape own = node->plan.out;
    return own.n == s.n && own.h == s.h && own.w == s.w;
}

/* As the kernels read them. */
static size_t weight_bytes(const Plan *plan, const PlanNode *node)
{
    const bool are_short = sim_precision_has_short_weights(plan->context->precision);
    return plan_weight_bytes(node) / (are_short ? 2 : 1);
}

static bool goes_by_rows(const Plan *plan, const PlanNode *node)
{
    if (!node->layer || !node->plan.by_rows || node->constant || node->strip != PLAN_NONE)
        return false;
    for (size_t i = 0; i < node->plan.n_inputs; i++)
        if (!has_pixels_of(&plan->nodes[plan_source(plan, node, i)], node->plan.out))
            return false;
    return true;
}

/* Dense kernels go through a whole step. */
static bool can_begin(const Plan *plan, const PlanNode *node)
{
    if (!node->layer || !node->layer->begin_rows)
        return goes_by_rows(plan, node) && !node->folded;
    return node->plan.begins_rows && !node->constant &&
           node->strip == PLAN_NONE && node->heads[0] == PLAN_NONE &&
           weight_bytes(plan, node) <= WEIGHT_BYTES;
}

/* The node that goes on where the strip ends so far, or PLAN_NONE. Nobody on the way to
 * it may read what then comes later. */
static int next_of(const Plan *plan, const PlanStrip *strip)
{
    for (int k = strip->nodes[0] + 1; k < (int)plan->n_nodes; k++) {
        const PlanNode *node = &plan->nodes[k];
        if (is_in(strip, k))
            continue;
        if (k > last_of(strip) && reads(plan, node, last_of(strip)) &&
            goes_by_rows(plan, node))
            return k;
        for (size_t i = 0; i < strip->n; i++)
            if (reads(plan, node, strip->nodes[i]))
                return PLAN_NONE;
    }
    return PLAN_NONE;
}

static bool is_hidden(const Plan *plan, int number, int reader)
{
    const PlanNode *node = &plan->nodes[number];
    if (plan_is_looked_at(plan, number) || node->plan.out_form == SIM_SPIKES)
        return false;
    for (int k = number + 1; k < (int)plan->n_nodes; k++)
        if (k != reader && reads(plan, &plan->nodes[k], number))
            return false;
    return true;
}

/* Rows of a strip, about the same for all, and tasks for every thread. */
static size_t rows_of(const Plan *plan, SimShape out)
{
    const size_t rows = out.n * out.h, row_bytes = out.w * out.c * sizeof(float);
    const size_t most = STRIP_BYTES / row_bytes ? STRIP_BYTES / row_bytes : 1;
    const size_t threads = (size_t)plan->context->team.n_threads;
    const size_t strips = ((rows + most - 1) / most + threads - 1) / threads * threads;
    return (rows + strips - 1) / strips;
}

/* What the hook of a layer needs for a strip, and those folded into it. */
static SimStatus scratch_of(const Plan *plan, const PlanNode *node, size_t rows,
                            size_t *out)
{
    NetParamRow params[NET_MAX_PARAMS] = {{0}};
    NetLayerPlan p = {.options = node->options,
                      .context = plan->context,
                      .name = node->name,
                      .n_inputs = node->plan.n_inputs,
                      .steps = plan->options.steps,
                      .window = 1,
                      .params = params};
    for (size_t i = 0; i < p.n_inputs; i++) {
        p.in[i] = node->plan.in[i];
        p.in[i].n = 1;
        p.in[i].h = rows;
        p.in_form[i] = node->plan.in_form[i];
    }
    const SimStatus status = node->layer->plan(&p);
    *out = p.scratch_bytes;
    return status;
}

static SimStatus lay_out(const Plan *plan, PlanStrip *strip)
{
    SimStatus status = SIM_OK;
    size_t hidden = 0, scratch = 0;
    strip->rows = rows_of(plan, plan->nodes[strip->nodes[0]].plan.out);
    for (size_t i = 0; i < strip->n; i++) {
        const PlanNode *node = &plan->nodes[strip->nodes[i]];
        size_t bytes = 0;
        strip->hidden[i] =
            i + 1 < strip->n && is_hidden(plan, strip->nodes[i], strip->nodes[i + 1]);
        if (strip->hidden[i])
            hidden += net_strip_bytes(node->plan.out_form, node->plan.out, strip->rows);
        if (!node->layer->begin_rows)
            SIM_TRY(scratch_of(plan, node, strip->rows, &bytes));
        if (bytes > scratch)
            scratch = bytes;
    }
    strip->room_bytes = hidden + sim_align_up(scratch);
out:
    return status;
}

static SimStatus add(Plan *plan, const PlanStrip *strip)
{
    if (!sim_list_reserve(&plan->strips, &plan->strips_capacity, plan->n_strips + 1,
                          sizeof *plan->strips))
        return plan_no_memory();
    for (size_t i = 0; i < strip->n; i++)
        plan->nodes[strip->nodes[i]].strip = (int)plan->n_strips;
    plan->strips[plan->n_strips++] = *strip;
    return SIM_OK;
}

SimStatus plan_find_strips(Plan *plan)
{
    SimStatus status = SIM_OK;
    const NetPlanOptions *options = &plan->options;
    if (options->training || options->whole_layers)
        return SIM_OK;
    for (int k = 0; k < (int)plan->n_nodes; k++) {
        PlanStrip strip = {.nodes = {k}, .n = 1};
        if (!can_begin(plan, &plan->nodes[k]))
            continue;
        for (int next; strip.n < PLAN_MAX_STRIP; strip.nodes[strip.n++] = next)
            if ((next = next_of(plan, &strip)) == PLAN_NONE)
                break;
        if (strip.n == 1)
            continue;
        SIM_TRY(lay_out(plan, &strip));
        SIM_TRY(add(plan, &strip));
    }
out:
    return status;
}

SimStatus plan_emit_strip(Plan *plan, int number)
{
    SimStatus status = SIM_OK;
    PlanStrip *strip = &plan->strips[plan->nodes[number].strip];
    if (number != last_of(strip))
        return SIM_OK;
    strip->first = plan->n_instructions;
    for (size_t i = 0; i < strip->n; i++)
        SIM_TRY(plan_emit_forward(plan, strip->nodes[i], PLAN_FORWARD, PLAN_NONE));
    SIM_TRY(plan_add_buffer(
        plan, strip->room_bytes * (size_t)plan->context->team.n_threads, &strip->room));
    plan->buffers[strip->room].scratch = true;
    /* All that one of them touches is there for all. */
    for (size_t b = 0; b < plan->n_buffers; b++) {
        PlanBuffer *buffer = &plan->buffers[b];
        if (buffer->last < strip->first)
            continue;
        buffer->last = plan->n_instructions - 1;
        if (buffer->first > strip->first)
            buffer->first = strip->first;
    }
out:
    return status;
}
