/* nets/net_internal.h: a plan with its memory, and where it runs. */
#pragma once

#include "nets/plan_internal.h"

struct Net {
    Plan plan;
    NetParams *params;
    SimArena activations, states, gradients, seen;
    size_t t0;             /* of the next window */
    size_t nt;             /* of the latest window, */
    size_t run, run_steps; /* of the run of a loop at hand: its first step, how many, */
    size_t whole_run;      /* and how many a run has that is not cut short */
    uint64_t step;
    bool timed;       /* see net_time_nodes */
    bool resting;     /* the states are to be put to rest when they are used next */
    bool looked_into; /* somebody may look at the states, or write them, at any time */
    const uint32_t *labels;
};

/* Where a buffer of the plan lies; NULL of PLAN_NONE. Borrowed from the net. */
void *net_buffer(const Net *net, int buffer);
/* What a node writes into that buffer in the run of steps at hand. */
SimTensor net_tensor_at(const Net *net, const PlanNode *node, int buffer);
/* The rest that net_reset has asked for, without waiting for the next use. */
void net_rest_now(Net *net);
