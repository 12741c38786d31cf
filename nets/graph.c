/* nets/graph.c: see graph.h. */
#include "nets/graph.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/list.h"

void net_graph_destroy(NetGraph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        free(graph->nodes[i].options);
    free(graph->nodes);
    free(graph->outputs);
    memset(graph, 0, sizeof *graph);
}

int net_graph_find(const NetGraph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (strcmp(graph->nodes[i].name, name) == 0)
            return (int)i;
    return -1;
}

SimStatus net_graph_status(const NetGraph *graph)
{
    return graph->status;
}

/* The number of the new node, or -1 with the failure kept in the graph. */
static int append(NetGraph *graph, const NetNode *node)
{
    if (net_graph_find(graph, node->name) >= 0) {
        graph->status = sim_fail(SIM_ERR_VALUE, "two nodes are named \"%s\"", node->name);
        return -1;
    }
    if (!sim_list_reserve(&graph->nodes, &graph->capacity, graph->n_nodes + 1,
                          sizeof *graph->nodes)) {
        graph->status =
            sim_fail(SIM_ERR_MEMORY, "no memory for %zu nodes", graph->n_nodes + 1);
        return -1;
    }
    graph->nodes[graph->n_nodes] = *node;
    graph->nodes[graph->n_nodes].stage = graph->stage;
    return (int)graph->n_nodes++;
}

int net_graph_input(NetGraph *graph, const char *name, size_t h, size_t w, size_t c,
                    bool constant)
{
    if (graph->status != SIM_OK)
        return -1;
    if (h == 0 || w == 0 || c == 0) {
        graph->status = sim_fail(SIM_ERR_SHAPE, "%s: an input of %zux%zux%zu is empty",
                                 name, h, w, c);
        return -1;
    }
    NetNode node = {.in_shape = {.t = constant ? 1 : 0, .h = h, .w = w, .c = c}};
    snprintf(node.name, sizeof node.name, "%s", name);
    return append(graph, &node);
}

int net_graph_add(NetGraph *graph, const NetLayer *layer, const void *options,
                  size_t n_inputs, const int *inputs, const char *name, ...)
{
    if (graph->status != SIM_OK)
        return -1;
    NetNode node = {.layer = layer, .n_inputs = n_inputs};
    va_list args;
    va_start(args, name);
    const int length = vsnprintf(node.name, sizeof node.name, name, args);
    va_end(args);
    if (length >= NET_NAME_SIZE) {
        graph->status =
            sim_fail(SIM_ERR_VALUE, "the node name \"%s...\" is too long", node.name);
        return -1;
    }
    if (n_inputs < layer->min_inputs || n_inputs > layer->max_inputs) {
        graph->status =
            sim_fail(SIM_ERR_SHAPE, "%s: %s takes %zu to %zu inputs, got %zu", node.name,
                     layer->name, layer->min_inputs, layer->max_inputs, n_inputs);
        return -1;
    }
    for (size_t i = 0; i < n_inputs; i++) {
        if (inputs[i] < 0 || (size_t)inputs[i] >= graph->n_nodes) {
            graph->status =
                sim_fail(SIM_ERR_VALUE, "%s: input %zu is not a node", node.name, i);
            return -1;
        }
        node.inputs[i] = inputs[i];
    }
    if (layer->options_size) {
        node.options = malloc(layer->options_size);
        if (!node.options) {
            graph->status = sim_fail(SIM_ERR_MEMORY, "no memory for node %s", node.name);
            return -1;
        }
        if (options) {
            memcpy(node.options, options, layer->options_size);
        } else {
            memset(node.options, 0, layer->options_size);
            if (layer->options)
                sim_options_init(layer->options, node.options);
        }
    }
    const int number = append(graph, &node);
    if (number < 0)
        free(node.options);
    return number;
}

void net_graph_output(NetGraph *graph, int node)
{
    if (graph->status != SIM_OK)
        return;
    if (node < 0 || (size_t)node >= graph->n_nodes) {
        graph->status = sim_fail(SIM_ERR_VALUE, "output %d is not a node", node);
        return;
    }
    int *outputs = realloc(graph->outputs, (graph->n_outputs + 1) * sizeof *outputs);
    if (!outputs) {
        graph->status = sim_fail(SIM_ERR_MEMORY, "no memory for the list of outputs");
        return;
    }
    graph->outputs = outputs;
    graph->outputs[graph->n_outputs++] = node;
}
