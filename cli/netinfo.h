/* cli/netinfo.h: a net as a table: layers, shapes, operations, memory. */
#pragma once

#include <stdio.h>

#include "nets/net.h"

typedef struct CliNetInfo {
    const NetGraph *graph;
    NetParams *params;
    const SimContext *context;
    NetPlanOptions training; /* batch, steps and memory as the experiment asks for */
    double rate;             /* spikes per neuron and step, where none was measured */
    const double *rates;     /* [n_nodes] measured, NAN where not; or NULL */
} CliNetInfo;

/* What one image costs over all steps. */
typedef struct CliNetCost {
    double macs;   /* multiply-adds of synaptic layers fed with values */
    double synops; /* additions that spikes cause in those fed with spikes */
    double dense;  /* multiply-adds if everything were done densely */
} CliNetCost;

/* `rates` [n_nodes] of the wires leaving each node, NAN where unknown: then `rate`; NULL:
 * `rate` everywhere. */
CliNetCost cli_net_cost(const Net *net, const NetGraph *graph, size_t steps,
                        const double *rates, double rate);

/* Prints layers, operations and the memory of each policy. Plans, but runs nothing. */
SimStatus cli_netinfo_print(FILE *out, const CliNetInfo *info);
