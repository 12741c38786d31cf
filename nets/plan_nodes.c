/* nets/plan_nodes.c: every layer asked for its shapes and needs, forms made to fit. */
#include "nets/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "nets/layers.h"
#include "sim/list.h"

static PlanNode *append_node(Plan *plan)
{
    if (!sim_list_reserve(&plan->nodes, &plan->nodes_capacity, plan->n_nodes + 1,
                          sizeof *plan->nodes))
        return NULL;
    PlanNode *node = &plan->nodes[plan->n_nodes++];
    *node = (PlanNode){.strip = PLAN_NONE,
                       .graph_node = PLAN_NONE,
                       .heads = {PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE},
                       .inverter = PLAN_NONE,
                       .saved = PLAN_NONE,
                       .active = PLAN_NONE,
                       .potential = PLAN_NONE,
                       .carry = PLAN_NONE,
                       .wire = PLAN_NONE,
                       .gradient = PLAN_NONE,
                       .output_gradient = PLAN_NONE};
    return node;
}

static void describe_inputs(const Plan *plan, PlanNode *node)
{
    NetLayerPlan *p = &node->plan;
    for (size_t i = 0; i < p->n_inputs; i++) {
        const PlanNode *from = &plan->nodes[node->inputs[i]];
        p->in[i] = from->plan.out;
        p->in_form[i] = from->plan.out_form;
        p->in_most[i] = from->plan.out_most;
        p->in_active[i] = from->plan.gives_active;
        p->needs_d_input[i] = plan->options.training && from->needs_gradient;
    }
}

/* Frees what its layer made for it. */
static void release(PlanNode *node)
{
    if (node->layer && node->layer->destroy && node->plan.prepared &&
        !node->shares_prepared)
        node->layer->destroy(node->plan.prepared);
    free(node->plan.params);
    node->plan.prepared = NULL;
    node->plan.params = NULL;
}

static SimStatus ask_layer(const Plan *plan, PlanNode *node, bool shapes_only)
{
    const size_t n_inputs = node->plan.n_inputs;
    NetParamRow rows[NET_MAX_PARAMS] = {{0}};
    node->plan = (NetLayerPlan){.options = node->options,
                                .context = plan->context,
                                .name = node->name,
                                .n_inputs = n_inputs,
                                .steps = plan->options.steps,
                                .window = plan->options.window,
                                .training = plan->options.training,
                                .may_hold = !plan->options.training &&
                                            (plan->options.window < plan->options.steps ||
                                             plan->options.memory == NET_MEMORY_KEEP),
                                .reversed = node->policy == NET_MEMORY_REVERSE,
                                .shapes_only = shapes_only,
                                .params = rows};
    describe_inputs(plan, node);
    const SimStatus status = node->layer->plan(&node->plan);
    node->plan.params = NULL;
    if (status != SIM_OK)
        return sim_fail_within(status, "%s", node->name);
    if (node->plan.out_form == SIM_SPIKES)
        node->plan.out_most = 1;
    if (node->plan.n_params == 0)
        return SIM_OK;
    node->plan.params = malloc(node->plan.n_params * sizeof *rows);
    if (!node->plan.params) {
        release(node);
        return sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
    }
    memcpy(node->plan.params, rows, node->plan.n_params * sizeof *rows);
    return SIM_OK;
}

/* The planned node that gives wire `from` in the other form; made once per wire. */
static SimStatus convert(Plan *plan, int from, SimForm form, bool shapes_only, int *out)
{
    const NetLayer *layer = form == SIM_DENSE ? &net_layer_unpack : &net_layer_pack;
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i].layer == layer && plan->nodes[i].inputs[0] == from) {
            *out = (int)i;
            return SIM_OK;
        }
    PlanNode *node = append_node(plan);
    if (!node)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
    *out = (int)plan->n_nodes - 1;
    node->layer = layer;
    node->name = plan->nodes[from].name;
    node->inputs[0] = from;
    node->plan.n_inputs = 1;
    node->stage = plan->nodes[from].stage;
    node->policy = plan->nodes[from].policy;
    node->needs_gradient = plan->nodes[from].needs_gradient;
    node->constant = plan->nodes[from].constant;
    return ask_layer(plan, node, shapes_only);
}

static bool are_alike(const PlanNode *a, const PlanNode *b)
{
    const NetLayerPlan *p = &a->plan, *q = &b->plan;
    if (a->layer != b->layer || p->n_inputs != q->n_inputs ||
        memcmp(a->options, b->options, a->layer->options_size) != 0)
        return false;
    for (size_t i = 0; i < p->n_inputs; i++)
        if (!sim_shape_equal(p->in[i], q->in[i]) || p->in_form[i] != q->in_form[i] ||
            p->in_most[i] != q->in_most[i] || p->in_active[i] != q->in_active[i] ||
            p->needs_d_input[i] != q->needs_d_input[i])
            return false;
    return true;
}

/* Deep nets repeat themselves, and what kernels prepare is not small. */
static void share_prepared(const Plan *plan, PlanNode *node)
{
    const bool may_share = node->plan.prepared && !node->plan.keeps_prepared;
    for (size_t k = 0; k < plan->n_nodes && may_share; k++) {
        const PlanNode *other = &plan->nodes[k];
        if (!other->plan.prepared || !are_alike(other, node))
            continue;
        node->layer->destroy(node->plan.prepared);
        node->plan.prepared = other->plan.prepared;
        node->shares_prepared = true;
        return;
    }
}

static SimStatus plan_input(const Plan *plan, const NetNode *described, PlanNode *node)
{
    SimShape shape = described->in_shape;
    node->constant = shape.t == 1;
    shape.t = node->constant ? 1 : plan->options.steps;
    shape.n = plan->options.batch;
    node->plan.out = shape;
    node->plan.out_form = SIM_DENSE;
    node->needs_gradient = plan->options.training && plan->options.input_gradient;
    return SIM_OK;
}

static SimStatus plan_layer(Plan *plan, const NetNode *described, int number,
                            bool shapes_only)
{
    SimStatus status = SIM_OK;
    PlanNode node = plan->nodes[number];
    bool all_constant = true;
    node.plan.n_inputs = described->n_inputs;
    for (size_t i = 0; i < described->n_inputs; i++) {
        node.inputs[i] = plan->of_graph[described->inputs[i]];
        all_constant = all_constant && plan->nodes[node.inputs[i]].constant;
    }
    SIM_TRY(ask_layer(plan, &node, shapes_only));

    /* Where the layer asked for another form, a conversion goes in before it; nodes are
     * kept in the order they run, so this node moves behind its conversions. */
    bool converted = false;
    for (size_t i = 0; i < node.plan.n_inputs; i++) {
        const PlanNode *from = &plan->nodes[node.inputs[i]];
        if (node.plan.in_form[i] == from->plan.out_form)
            continue;
        const SimForm wanted = node.plan.in_form[i];
        if (!converted)
            plan->n_nodes--; /* give the place at the end to the conversion */
        converted = true;
        status = convert(plan, node.inputs[i], wanted, shapes_only, &node.inputs[i]);
        if (status != SIM_OK) {
            release(&node);
            goto out;
        }
        node.plan.in_active[i] = false;
    }
    if (converted) {
        if (!append_node(plan)) {
            release(&node);
            status = sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
            goto out;
        }
        number = (int)plan->n_nodes - 1;
        plan->of_graph[node.graph_node] = number;
    }

    share_prepared(plan, &node);
    node.constant = all_constant && node.plan.out.t == 1;
    for (size_t i = 0; i < node.plan.n_inputs; i++)
        node.needs_gradient =
            node.needs_gradient || plan->nodes[node.inputs[i]].needs_gradient;
    for (size_t i = 0; i < node.plan.n_params; i++)
        node.needs_gradient =
            node.needs_gradient || node.plan.params[i].role == NET_PARAM_TRAINED;
    if (plan->options.training && node.plan.whole_sequence &&
        plan->options.window < plan->options.steps)
        status =
            sim_fail(SIM_ERR_SHAPE,
                     "%s: its training statistics pool all %zu steps, a window of %zu "
                     "does not hold them: leave the window unset",
                     node.name, plan->options.steps, plan->options.window);
    plan->nodes[number] = node; /* from here plan_destroy frees what it prepared */
out:
    return status;
}

static SimStatus check_options(const NetPlanOptions *options)
{
    enum { MOST = 1 << 20 };
    if (options->batch == 0 || options->batch > MOST)
        return sim_fail(SIM_ERR_VALUE, "a batch of %zu: use 1 to %d", options->batch,
                        MOST);
    if (options->steps == 0 || options->steps > MOST)
        return sim_fail(SIM_ERR_VALUE, "%zu time steps: use 1 to %d", options->steps,
                        MOST);
    if (options->window > options->steps)
        return sim_fail(SIM_ERR_VALUE,
                        "a window of %zu steps is longer than the %zu of a sequence",
                        options->window, options->steps);
    if (options->training && options->window && options->window != options->steps)
        return sim_fail(
            SIM_ERR_VALUE,
            "training needs the whole sequence in one window: %zu steps, got %zu",
            options->steps, options->window);
    return SIM_OK;
}

SimStatus plan_nodes(const NetGraph *graph, const NetPlanOptions *options,
                     const SimContext *context, bool shapes_only, Plan *out)
{
    SimStatus status = SIM_OK;
    Plan plan = {
        .graph = graph, .context = context, .options = *options, .loop = PLAN_NONE};
    if (graph->status != SIM_OK)
        return graph->status;
    SIM_TRY(check_options(options));
    if (graph->n_nodes == 0 || graph->n_outputs == 0) {
        status = sim_fail(SIM_ERR_SHAPE, "the network has no %s",
                          graph->n_nodes ? "output" : "layers");
        goto out;
    }
    SIM_TRY(plan_read_policies(options, &plan.policies));
    if (!plan.options.window)
        plan.options.window = options->steps;
    plan.of_graph = calloc(graph->n_nodes, sizeof *plan.of_graph);
    if (!plan.of_graph) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
        goto out;
    }
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const NetNode *described = &graph->nodes[i];
        PlanNode *node = append_node(&plan);
        if (!node) {
            status = sim_fail(SIM_ERR_MEMORY, "no memory for the plan");
            goto out;
        }
        plan.of_graph[i] = (int)plan.n_nodes - 1;
        node->layer = described->layer;
        node->name = described->name;
        node->options = described->options;
        node->graph_node = (int)i;
        node->stage = described->stage;
        node->policy = plan_policy(&plan, described->stage);
        SIM_TRY(described->layer
                    ? plan_layer(&plan, described, plan.of_graph[i], shapes_only)
                    : plan_input(&plan, described, node));
    }
    plan.nodes = plan_trim(plan.nodes, plan.n_nodes, sizeof *plan.nodes);
    plan.nodes_capacity = plan.n_nodes;
    *out = plan;
    plan = (Plan){0};
out:
    plan_destroy(&plan);
    return status;
}

void *plan_trim(void *array, size_t n, size_t size)
{
    void *const less = n ? realloc(array, n * size) : NULL;
    return less ? less : array;
}

void plan_destroy(Plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        release(&plan->nodes[i]);
    free(plan->nodes);
    free(plan->of_graph);
    free(plan->program);
    free(plan->buffers);
    free(plan->loops);
    free(plan->strips);
    memset(plan, 0, sizeof *plan);
}
