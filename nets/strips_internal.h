/* nets/strips_internal.h: forward of several layers together, strip by strip. */
#pragma once

#include "nets/plan_internal.h"

typedef struct NetStripNode {
    PlanNode *node;
    NetLayerRun run; /* of the whole window */
    size_t input;    /* where it reads the node before */
    bool hidden;     /* its output is of a strip only */
} NetStripNode;

typedef struct NetStrips {
    NetStripNode nodes[PLAN_MAX_STRIP];
    size_t n, rows;
    bool rest;           /* states start at rest */
    unsigned char *room; /* [n_threads, room_bytes] */
    size_t room_bytes;
} NetStrips;

/* Of some rows of an output that is of a strip only. */
static inline size_t net_strip_bytes(SimForm form, SimShape whole, size_t rows)
{
    return sim_align_up(sim_step_bytes(form, (SimShape){1, 1, rows, whole.w, whole.c}));
}

/* False where the first layer cannot go by rows this time: then nothing was done. */
bool net_strips_run(const NetStrips *strips);
