/* nets/graph.h: a network described, before anything is planned.
 *
 * Nodes in the order they are computed; node numbers are handed out by the add functions.
 * A builder need not check each call: the first failure is kept in the graph and returned
 * by net_graph_status (and by planning), later calls do nothing. */
#pragma once

#include "nets/layer.h"

enum { NET_NAME_SIZE = 48 };

typedef enum NetMemory {                       /* what a segment keeps for backward */
                         NET_MEMORY_KEEP,      /* all that backward reads */
                         NET_MEMORY_RECOMPUTE, /* packed spikes and segment inputs; the
                                                  rest again */
                         NET_MEMORY_REVERSE,   /* nothing: reversible blocks rebuild their
                                                  input */
                         NET_MEMORY_AUTO       /* the fastest that fits the budget */
} NetMemory;

extern const char *const net_memory_names[]; /* ends with NULL */

typedef struct NetNode {
    char name[NET_NAME_SIZE]; /* unique: "block3.conv2" */
    const NetLayer *layer;    /* NULL for an input node */
    void *options;            /* owned by the graph; layer->options_size bytes */
    size_t n_inputs;
    int inputs[NET_MAX_INPUTS];
    SimShape in_shape; /* input nodes: t = 1 for a constant image, else 0 (all T);
                          n = 0 (the batch comes with the plan) */
    int stage;         /* for per-stage policies and pictures */
} NetNode;

typedef struct NetGraph {
    NetNode *nodes; /* owned */
    size_t n_nodes, capacity;
    int *outputs; /* owned; nodes whose wires leave the net: the class scores, then costs
                     that the loss adds up (nets/loss.h) */
    size_t n_outputs;
    int stage; /* given to nodes added from now on */
    SimStatus status;
} NetGraph;

/* The graph starts zeroed: NetGraph graph = {0}. */
void net_graph_destroy(NetGraph *graph);

/* Events or frames [T,N,h,w,c] (constant false) or an image [1,N,h,w,c] seen at each
 * step. */
int net_graph_input(NetGraph *graph, const char *name, size_t h, size_t w, size_t c,
                    bool constant);

/* `options` is copied; NULL takes the layer's defaults. The name is a printf format. */
int net_graph_add(NetGraph *graph, const NetLayer *layer, const void *options,
                  size_t n_inputs, const int *inputs, const char *name, ...)
    __attribute__((format(printf, 6, 7)));

void net_graph_output(NetGraph *graph, int node);
int net_graph_find(const NetGraph *graph, const char *name); /* or -1 */
SimStatus net_graph_status(const NetGraph *graph);
