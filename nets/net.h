/* nets/net.h: a network planned and run.
 *
 * NetParams holds the numbers that are learned; a Net is one plan over them. Several nets
 * may share one NetParams: a training net, one that evaluates at another batch size, one
 * that simulates step by step.
 *
 * The plan is a list of instructions (forward, forward again, backward, each on one node)
 * and a list of buffers with the first and last instruction that touches them. A memory
 * policy only writes another list; buffers that are never alive together share memory. */
#pragma once

#include "nets/graph.h"
#include "sim/arena.h"

/* --- parameters --------------------------------------------------------------------- */

typedef struct NetParam {
    char name[2 * NET_NAME_SIZE]; /* "block3.conv2.weight" */
    NetParamRow row;
    int node;
    size_t count;
    const float *values; /* [count], borrowed from NetParams; see net_params_write */
    size_t same; /* the row whose values these are: its own, or an earlier one's */
} NetParam;

/* Those that can be other than 0: all, unless the row keeps some apart. */
size_t net_param_numbers(const NetParam *param);

typedef struct NetParams {
    NetParam *rows; /* owned */
    size_t n_rows;
    size_t n_trained; /* numbers with role NET_PARAM_TRAINED, without those kept at 0 */
    size_t n_nodes;   /* of the graph */
    /* Share of ones in what enters each node, a running mean over training steps, 0
     * before the first. The kernels of forward are chosen by it alone, so that a net
     * evaluates to the same bits whatever it is given; kept in checkpoints. */
    float *density;   /* owned, [n_nodes] */
    uint64_t seed;    /* of the initial values, and of dropout in nets over them */
    SimArena values;  /* owned */
    uint64_t version; /* of the values: how often they were asked for to be written */
} NetParams;

/* Shapes come from the graph for sequences of `steps`; values from the seed. */
SimStatus net_params_create(const NetGraph *graph, size_t steps, uint64_t seed,
                            const SimContext *context, NetParams *out);
void net_params_destroy(NetParams *params); /* accepts a zeroed one */
/* The values of a row, or all as they lie one behind the other, to be written before a
 * net over them runs again. The only way: nets hold weights in the order of their
 * kernels, and put them in order anew when they were asked for here. */
float *net_params_write(NetParams *params, size_t row);
float *net_params_write_all(NetParams *params);
NetParam *net_params_find(NetParams *params, const char *name); /* or NULL */

/* --- planning ----------------------------------------------------------------------- */

enum { /* watch flags of a node: what stays readable after a window */
       NET_WATCH_OUTPUT = 1,
       NET_WATCH_POTENTIAL = 2 /* neurons: the membrane before reset */
};

typedef struct NetPlanOptions {
    size_t batch, steps; /* N, T */
    size_t window;       /* most steps of one call; 0: T. A training plan needs T */
    bool training;
    bool input_gradient; /* keep the gradient of the input wires too */
    NetMemory memory; /* without training: whether kernels hold weights in their own order
                         from sequence to sequence (keep) */
    size_t budget;    /* bytes, for NET_MEMORY_AUTO */
    const char *stage_memory; /* "1=reverse,2-4=keep": policies of single stages, the
                                 others as `memory`; or NULL */
    bool whole_layers; /* without training, too: no layers together strip by strip, so
                          that each writes its output and can be timed by itself */
    const unsigned char *watch; /* [n_nodes] NET_WATCH_* or NULL */
} NetPlanOptions;

typedef struct Net Net;

/* The graph, the parameters and the context must outlive the net. Errors name the node.
 */
SimStatus net_create(const NetGraph *graph, NetParams *params,
                     const NetPlanOptions *options, const SimContext *context, Net **out);
void net_destroy(Net *net); /* accepts NULL */

/* --- running ------------------------------------------------------------------------ */

/* Where the caller puts the input of the next window: [nt (or 1),N,H,W,C], dense. */
SimTensor net_input(Net *net, size_t index);

void net_reset(Net *net); /* states to rest: the next window is the first of a sequence */

/* The next window starts at `step` of a sequence: the caller has put back the states (see
 * net_states) that were there before that step. What does not change over time is
 * computed in step 0, so that must have run in this net. */
void net_seek(Net *net, size_t step);

/* Runs the next nt <= window steps. `labels` [N] may be NULL; `step` is the number of the
 * training step (keys random numbers). */
void net_forward(Net *net, size_t nt, const uint32_t *labels, uint64_t step);

/* After a training forward and with the gradients of the outputs filled in. Adds to the
 * parameter gradients. */
void net_backward(Net *net);

void net_zero_gradients(Net *net);

/* --- looking: const views, valid until the next call that runs the net ----------------
 */

size_t net_n_outputs(const Net *net);
SimTensor net_output(const Net *net, size_t index); /* [nt or 1,N,H,W,C] */
float *net_output_gradient(Net *net, size_t index); /* same shape, to be filled in */
const float *net_input_gradient(const Net *net, size_t index); /* or NULL */
float *net_gradient(Net *net, size_t param_row); /* [count]; NULL for buffers and
                                                    rows that are an earlier one */

SimTensor net_wire(const Net *net, size_t node);         /* data NULL unless watched */
const float *net_potential(const Net *net, size_t node); /* or NULL unless watched */

typedef struct NetStateView {
    const char *name;
    float *values;
    size_t count;
} NetStateView;
/* Of no meaning in a training net, where all nodes use the same memory. */
size_t net_states(Net *net, size_t node, const NetStateView **out);

/* Firing counted as it runs, since the last net_reset_counts; zero for dense wires. */
typedef struct NetActivity {
    bool spiking;
    double spikes;            /* ones that left the node */
    double neuron_steps;      /* neurons times steps seen */
    size_t silent, saturated; /* channels that never / always fired */
    size_t channels;
} NetActivity;
NetActivity net_activity(const Net *net, size_t node);
void net_reset_counts(Net *net);

/* By which kernels forward takes the spikes that enter a node, until the densities are
 * followed again. */
typedef enum NetKernel {
    NET_KERNEL_NONE, /* no spikes enter, or there is no choice */
    NET_KERNEL_SPIKES,
    NET_KERNEL_DENSE
} NetKernel;
NetKernel net_kernel(const Net *net, size_t node);

/* Whether a reversible layer that rounds to a grid has, in any backward pass so far, met
 * values beyond the range of that grid: what it gave back was off by a rounding. */
bool net_inexact(const Net *net, size_t node);

/* Wall-clock seconds spent in each node, conversions that the planner put in counted with
 * the node they come from. Nothing is timed until net_time_nodes. */
typedef struct NetTimes {
    double forward, again, backward; /* again: computed once more for backward */
} NetTimes;
void net_time_nodes(Net *net, bool on); /* and starts from zero */
NetTimes net_times(const Net *net, size_t node);

/* --- the plan as a table --------------------------------------------------------------
 */

typedef enum NetWireSource { /* where backward finds the output of a node */
                             NET_WIRE_UNREAD, /* it does not read it */
                             NET_WIRE_KEPT,
                             NET_WIRE_AGAIN,     /* computed again from the inputs */
                             NET_WIRE_GIVEN_BACK /* by a reversible reader */
} NetWireSource;

typedef struct NetNodeInfo {
    const char *name, *layer;
    SimShape out;
    SimForm out_form;
    size_t parameters; /* trained numbers */
    double macs;       /* of one image and one step, dense */
    bool is_synaptic;
    SimForm in_form;
    NetMemory memory; /* of its stage */
    NetWireSource source;
    size_t kept_bytes; /* forward to backward: wires and saved */
    size_t state_bytes;
} NetNodeInfo;
NetNodeInfo net_node_info(const Net *net, size_t node);

typedef struct NetMemoryInfo {
    size_t activations; /* the most that wires, gradients and saved take at once */
    size_t scratch;     /* what kernels add to that, weights that they hold in their own
                           order, and gaps between buffers */
    size_t states, gradients;
    size_t total; /* all of the above */
    size_t saved; /* of activations, if all lived at once */
} NetMemoryInfo;
NetMemoryInfo net_memory_info(const Net *net);

/* What a plan would take, without taking it. */
SimStatus net_measure(const NetGraph *graph, NetParams *params,
                      const NetPlanOptions *options, const SimContext *context,
                      NetMemoryInfo *out);
