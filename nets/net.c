/* nets/net.c: a planned network made and looked at. */
#include "nets/net_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- making ---------------------------------------------------------------------------
 */

/* Of a row of nodes up to `last`. */
static float *gradient_of(const Plan *plan, size_t last, size_t row)
{
    size_t k = 0;
    while (k < last && row >= plan->nodes[k].first_param + plan->nodes[k].plan.n_params)
        k++;
    return plan->nodes[k].d_params[row - plan->nodes[k].first_param];
}

static SimStatus bind_params(Net *net)
{
    Plan *plan = &net->plan;
    size_t row = 0;
    for (size_t k = 0; k < plan->n_nodes; k++) {
        PlanNode *node = &plan->nodes[k];
        node->first_param = row;
        for (size_t p = 0; p < node->plan.n_params; p++, row++) {
            if (row >= net->params->n_rows)
                return sim_fail(SIM_ERR_SHAPE,
                                "%s: its parameters belong to another network",
                                node->name);
            const NetParam *param = &net->params->rows[row];
            size_t count = 1;
            for (size_t d = 0; d < node->plan.params[p].n_dims; d++)
                count *= node->plan.params[p].dims[d];
            if (param->count != count || param->node != node->graph_node ||
                strcmp(param->row.name, node->plan.params[p].name) != 0)
                return sim_fail(
                    SIM_ERR_SHAPE,
                    "%s.%s wants %zu numbers, the parameters given have %zu as %s: "
                    "they were made for another network or number of steps",
                    node->name, node->plan.params[p].name, count, param->count,
                    param->name);
            node->params[p] = net_params_write(net->params, row); /* running statistics */
            if (!plan->options.training || param->row.role != NET_PARAM_TRAINED)
                continue;
            node->d_params[p] = param->same == row ? sim_arena_take(&net->gradients,
                                                                    count * sizeof(float))
                                                   : gradient_of(plan, k, param->same);
        }
    }
    return SIM_OK;
}

/* In training a node sees the whole sequence in one call: nothing is carried, and all
 * nodes may use the same memory. */
static void bind_states(Net *net)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++) {
        PlanNode *node = &net->plan.nodes[k];
        if (net->plan.options.training)
            net->states.used = 0;
        for (size_t i = 0; i < node->plan.n_states; i++) {
            const size_t count = node->plan.state_floats[i];
            node->states[i] = sim_arena_take(&net->states, count * sizeof(float));
            node->state_views[i] =
                (NetStateView){node->plan.state_names[i], node->states[i], count};
        }
        if (node->plan.out_form == SIM_SPIKES) {
            const size_t bytes = sim_words(node->plan.out.c) * sizeof(uint64_t);
            node->seen_any = sim_arena_take(&net->seen, bytes);
            node->seen_all = sim_arena_take(&net->seen, bytes);
        }
    }
}

static size_t seen_bytes(const Plan *plan)
{
    size_t bytes = 0;
    for (size_t k = 0; k < plan->n_nodes; k++)
        if (plan->nodes[k].plan.out_form == SIM_SPIKES)
            bytes +=
                2 * sim_align_up(sim_words(plan->nodes[k].plan.out.c) * sizeof(uint64_t));
    return bytes;
}

SimStatus net_measure(const NetGraph *graph, NetParams *params,
                      const NetPlanOptions *options, const SimContext *context,
                      NetMemoryInfo *out)
{
    (void)params;
    Plan plan = {0};
    const SimStatus status = plan_any(graph, options, context, &plan);
    if (status == SIM_OK)
        *out = plan_memory_info(&plan);
    plan_destroy(&plan);
    return status;
}

SimStatus net_create(const NetGraph *graph, NetParams *params,
                     const NetPlanOptions *options, const SimContext *context, Net **out)
{
    SimStatus status = SIM_OK;
    Net *net = calloc(1, sizeof *net);
    if (!net)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a network");
    net->params = params;
    SIM_TRY(plan_any(graph, options, context, &net->plan));
    SIM_TRY(sim_arena_create(&net->activations, net->plan.activation_bytes));
    SIM_TRY(sim_arena_create(&net->states, net->plan.state_floats * sizeof(float)));
    SIM_TRY(sim_arena_create(&net->gradients, net->plan.gradient_floats * sizeof(float)));
    SIM_TRY(sim_arena_create(&net->seen, seen_bytes(&net->plan)));
    SIM_TRY(bind_params(net));
    bind_states(net);
    net->plan.options.watch = NULL; /* what the caller's need not outlive this call */
    net->plan.options.stage_memory = NULL;
    net_reset_counts(net);
    *out = net;
    net = NULL;
out:
    net_destroy(net);
    return status;
}

void net_destroy(Net *net)
{
    if (!net)
        return;
    plan_destroy(&net->plan);
    sim_arena_destroy(&net->activations);
    sim_arena_destroy(&net->states);
    sim_arena_destroy(&net->gradients);
    sim_arena_destroy(&net->seen);
    free(net);
}

/* --- looking --------------------------------------------------------------------------
 */

static const PlanInstruction *forward_of(const Net *net, int node)
{
    for (size_t i = 0; i < net->plan.n_instructions; i++)
        if (net->plan.program[i].op == PLAN_FORWARD && net->plan.program[i].node == node)
            return &net->plan.program[i];
    return NULL;
}

static SimTensor wire_of(const Net *net, int node)
{
    const PlanInstruction *at = forward_of(net, node); /* NULL: folded away */
    return net_tensor_at(net, &net->plan.nodes[node], at ? at->y : PLAN_NONE);
}

SimTensor net_input(Net *net, size_t index)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        if (!net->plan.nodes[k].layer && index-- == 0) {
            SimTensor tensor = wire_of(net, (int)k);
            if (net->plan.nodes[k].plan.out.t != 1)
                tensor.shape.t = net->plan.options.window;
            return tensor;
        }
    return (SimTensor){0};
}

size_t net_n_outputs(const Net *net)
{
    return net->plan.graph->n_outputs;
}

SimTensor net_output(const Net *net, size_t index)
{
    return wire_of(net, net->plan.of_graph[net->plan.graph->outputs[index]]);
}

float *net_output_gradient(Net *net, size_t index)
{
    const PlanNode *node =
        &net->plan.nodes[net->plan.of_graph[net->plan.graph->outputs[index]]];
    return net_buffer(net, node->output_gradient);
}

const float *net_input_gradient(const Net *net, size_t index)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        if (!net->plan.nodes[k].layer && index-- == 0)
            return net_buffer(net, net->plan.nodes[k].gradient);
    return NULL;
}

float *net_gradient(Net *net, size_t param_row)
{
    if (param_row < net->params->n_rows && net->params->rows[param_row].same != param_row)
        return NULL;
    for (size_t k = 0; k < net->plan.n_nodes; k++) {
        const PlanNode *node = &net->plan.nodes[k];
        if (param_row >= node->first_param &&
            param_row < node->first_param + node->plan.n_params)
            return node->d_params[param_row - node->first_param];
    }
    return NULL;
}

SimTensor net_wire(const Net *net, size_t node)
{
    const int number = net->plan.of_graph[node];
    SimTensor tensor = wire_of(net, number);
    const PlanInstruction *at = forward_of(net, number);
    if (!at || net->plan.buffers[at->y].last != net->plan.n_instructions - 1)
        tensor.data = NULL;
    return tensor;
}

const float *net_potential(const Net *net, size_t node)
{
    return net_buffer(net, net->plan.nodes[net->plan.of_graph[node]].potential);
}

size_t net_states(Net *net, size_t node, const NetStateView **out)
{
    net_rest_now(net);
    net->looked_into = true;
    const PlanNode *planned = &net->plan.nodes[net->plan.of_graph[node]];
    *out = planned->state_views;
    return planned->plan.n_states;
}

NetActivity net_activity(const Net *net, size_t node)
{
    return plan_activity(&net->plan.nodes[net->plan.of_graph[node]]);
}

NetKernel net_kernel(const Net *net, size_t node)
{
    const PlanNode *of = &net->plan.nodes[net->plan.of_graph[node]];
    if (!of->layer || !of->layer->uses_spikes || of->plan.in_form[0] != SIM_SPIKES)
        return NET_KERNEL_NONE;
    return of->layer->uses_spikes(of->plan.prepared, net->params->density[node])
               ? NET_KERNEL_SPIKES
               : NET_KERNEL_DENSE;
}

bool net_inexact(const Net *net, size_t node)
{
    return atomic_load(&net->plan.nodes[net->plan.of_graph[node]].inexact);
}

void net_reset_counts(Net *net)
{
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        plan_reset_counts(&net->plan.nodes[k]);
}

NetNodeInfo net_node_info(const Net *net, size_t node)
{
    const int number = net->plan.of_graph[node];
    const PlanNode *planned = &net->plan.nodes[number];
    NetNodeInfo info = {.name = planned->name,
                        .layer = planned->layer ? planned->layer->name : "input",
                        .out = planned->plan.out,
                        .out_form = planned->plan.out_form,
                        .macs = planned->plan.macs / (double)net->plan.options.batch,
                        .is_synaptic = planned->plan.is_synaptic,
                        .in_form = planned->plan.in_form[0],
                        .memory = planned->policy,
                        .source = planned->inverter != PLAN_NONE ? NET_WIRE_GIVEN_BACK
                                  : planned->again               ? NET_WIRE_AGAIN
                                                                 : NET_WIRE_KEPT};
    if (!planned->wanted)
        info.source = NET_WIRE_UNREAD;
    for (size_t p = 0; p < planned->plan.n_params; p++)
        if (planned->plan.params[p].role == NET_PARAM_TRAINED &&
            net->params->rows[planned->first_param + p].same == planned->first_param + p)
            info.parameters +=
                net_param_numbers(&net->params->rows[planned->first_param + p]);
    for (size_t i = 0; i < planned->plan.n_states; i++)
        info.state_bytes += planned->plan.state_floats[i] * sizeof(float);
    if (net->plan.options.training && planned->keep)
        info.kept_bytes += net->plan.buffers[forward_of(net, number)->y].bytes;
    if (planned->saved != PLAN_NONE && !(planned->again && planned->plan.saved_again))
        info.kept_bytes += net->plan.buffers[planned->saved].bytes;
    if (planned->active != PLAN_NONE && !planned->again)
        info.kept_bytes += net->plan.buffers[planned->active].bytes;
    return info;
}

NetMemoryInfo net_memory_info(const Net *net)
{
    return plan_memory_info(&net->plan);
}

void net_time_nodes(Net *net, bool on)
{
    net->timed = on;
    for (size_t k = 0; k < net->plan.n_nodes; k++)
        net->plan.nodes[k].times = (NetTimes){0};
}

NetTimes net_times(const Net *net, size_t node)
{
    const int number = net->plan.of_graph[node];
    NetTimes sum = net->plan.nodes[number].times;
    for (size_t k = 0; k < net->plan.n_nodes; k++) {
        const PlanNode *from = &net->plan.nodes[k];
        if (from->graph_node != PLAN_NONE || from->inputs[0] != number)
            continue;
        sum.forward += from->times.forward;
        sum.again += from->times.again;
        sum.backward += from->times.backward;
    }
    return sum;
}
