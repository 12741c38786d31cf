/* nets/plan_internal.h: a planned network: nodes, a program, and memory laid out.
 *
 * The program is a list of instructions, each on one node with the buffers it touches. A
 * buffer lives from the first to the last instruction that names it; buffers that never
 * live together share memory:
 *
 *     offset
 *       |  +-----------+        +-------------------+
 *       |  | conv0.y   |        | d conv0.y         |
 *       |  +-----------+--------+---+---------------+
 *       |  | conv0.spikes (kept)    |
 *       |  +------------------------+
 *       +---------------------------------------------> instruction
 *          START  FORWARD ...   LOSS   ... BACKWARD  END
 *
 * Some instructions run in a loop over time, a few steps in each run; buffers between
 * them hold one run only. START and END stand for the caller filling in inputs and
 * looking at results, LOSS for the caller filling in the gradients of the outputs. */
#pragma once

#include "nets/net.h"

typedef enum PlanOp {
    PLAN_START,
    PLAN_MEASURE, /* statistics before forward, in training */
    PLAN_FORWARD,
    PLAN_LOSS,
    PLAN_AGAIN,   /* forward once more, for a backward that reads what was not kept */
    PLAN_INVERT,  /* an input back from the output, for the same */
    PLAN_RETRACE, /* states where runs of steps begin, for a backward run by run */
    PLAN_GATHER,  /* first half of a backward in two */
    PLAN_BACKWARD,
    PLAN_END
} PlanOp;

enum { PLAN_NONE = -1 };

typedef struct PlanBuffer {
    size_t bytes;
    size_t first, last; /* instructions; both included */
    size_t offset; /* in the arena of activations; `head` bytes are left free there */
    size_t head;   /* for the first run of the one that follows up on it, */
    int follows;   /* which lies where this one does (plan_emit.c); or PLAN_NONE */
    size_t followed, rest; /* after instruction `followed` only `rest` bytes are left */
    size_t owners;         /* nodes whose gradient this is and who have not read it yet */
    int loop;     /* it holds the steps of one run of that, not all; or PLAN_NONE */
    bool scratch; /* of the instruction, nothing is kept in it */
} PlanBuffer;

/* Instructions that run over and over, for a few steps of the sequence at a time: what
 * passes between them never exists for the whole sequence. Loops nest: an inner one cuts
 * the run of the outer one in smaller runs. */
typedef struct PlanLoop {
    int outer;          /* or PLAN_NONE */
    size_t first, last; /* instructions; both included */
    size_t steps;       /* of one run */
    bool back;          /* from the last run to the first */
    bool but_last;      /* the last run is left out */
    size_t at;          /* first step of the run at hand */
} PlanLoop;

/* Nodes whose forward goes together through a few rows of one step at a time, so that
 * what passes between them stays in the cache (plan_strips.c). */
enum { PLAN_MAX_STRIP = 6 };
typedef struct PlanStrip {
    int nodes[PLAN_MAX_STRIP];   /* each reads the one before */
    bool hidden[PLAN_MAX_STRIP]; /* nobody else does: its wire is never written */
    size_t n;
    size_t first;      /* instruction; the others follow */
    size_t rows;       /* of a strip */
    size_t room_bytes; /* of a thread: hidden wires, and scratch behind them */
    int room;          /* buffer, for all threads */
} PlanStrip;

typedef struct PlanNode {
    const NetLayer *layer; /* NULL: an input */
    const char *name;
    const void *options;
    int strip;      /* it goes in, or PLAN_NONE */
    int graph_node; /* PLAN_NONE for a conversion the planner put in */
    int stage;
    NetMemory policy; /* of its stage */
    NetLayerPlan plan;
    bool shares_prepared;       /* with an earlier node, which destroys it */
    int inputs[NET_MAX_INPUTS]; /* planned nodes */
    int heads[NET_MAX_INPUTS];  /* the node folded into this one there, or PLAN_NONE */
    bool folded;                /* into its only reader: its wire never exists */
    bool measured;              /* its statistics are taken as its input is made */
    bool gathered;              /* its reader does what its own gather would */
    bool done;                  /* its backward is in the program */
    bool constant;              /* the same at every step: run once per sequence */
    bool rounded;               /* its f32 output is rounded to bfloat16 */
    SimForm gradient_form;      /* of its output */
    bool needs_gradient;        /* of its output: something trained lies before it */
    bool reached;               /* a gradient arrives at its output */
    bool wanted;                /* somebody reads its output after the forward pass: */
    bool keep;                  /* it stays, */
    bool again;                 /* is computed again, */
    int inverter;               /* or is given back by this reader (else PLAN_NONE) */
    size_t inverted_input;      /* of that reader */
    bool stays;                 /* the end of a chain of reversible readers */
    size_t first_param;         /* row in NetParams */
    float *params[NET_MAX_PARAMS], *d_params[NET_MAX_PARAMS];
    float *states[NET_MAX_STATES];
    NetStateView state_views[NET_MAX_STATES];
    int saved, active, potential, carry;   /* buffers or PLAN_NONE, and */
    int wire, gradient;                    /* these, as of the latest instruction */
    int output_gradient;                   /* of an output: what the caller fills in */
    _Atomic uint64_t *seen_any, *seen_all; /* [words] of spiking nodes: or, and over all
                                              pixels */
    atomic_size_t ones;                    /* in this window so far */
    double spikes, neuron_steps;
    float density;       /* of ones, in the latest window */
    atomic_bool inexact; /* what it gave back was not what went in */
    NetTimes times;
} PlanNode;

typedef struct PlanInstruction {
    PlanOp op;
    int node;
    int x[NET_MAX_INPUTS], y;
    int dx[NET_MAX_INPUTS], dy;
    int saved, active, carry, x_active[NET_MAX_INPUTS];
    int scratch;
    bool accumulate[NET_MAX_INPUTS];
    size_t inverted; /* input that an INVERT writes */
} PlanInstruction;

enum { PLAN_MAX_STAGES = 64 }; /* that may have a policy of their own */

typedef struct PlanPolicies {
    NetMemory stages[PLAN_MAX_STAGES];
    bool asked[PLAN_MAX_STAGES]; /* by name; the others are as all */
} PlanPolicies;

typedef struct Plan {
    NetPlanOptions options;
    const NetGraph *graph;
    const SimContext *context;
    PlanPolicies policies;
    PlanNode *nodes;
    size_t n_nodes, nodes_capacity;
    int *of_graph; /* [graph nodes] planned node */
    PlanInstruction *program;
    size_t n_instructions, program_capacity;
    PlanBuffer *buffers;
    size_t n_buffers, buffers_capacity;
    PlanLoop *loops;
    size_t n_loops, loops_capacity;
    PlanStrip *strips;
    size_t n_strips, strips_capacity;
    int loop;                /* that is being laid out, the innermost; or PLAN_NONE */
    size_t activation_bytes; /* of the arena that holds all buffers */
    size_t wire_bytes;       /* the most that lives at once, without scratch */
    size_t state_floats, gradient_floats, saved_bytes;
} Plan;

/* Nodes only: shapes, forms, parameters. `shapes_only` prepares no kernels. */
SimStatus plan_nodes(const NetGraph *graph, const NetPlanOptions *options,
                     const SimContext *context, bool shapes_only, Plan *out);
/* What the nodes of a stage do (plan_policy.c). */
SimStatus plan_read_policies(const NetPlanOptions *options, PlanPolicies *out);
NetMemory plan_policy(const Plan *plan, int stage);
NetMemoryInfo plan_memory_info(const Plan *plan);
/* A whole plan, under the policy asked for or the fastest that fits the budget. */
SimStatus plan_any(const NetGraph *graph, const NetPlanOptions *options,
                   const SimContext *context, Plan *out);
/* Where backward finds each wire it reads: kept, computed again or given back. */
SimStatus plan_choose_memory(Plan *plan);
static inline bool plan_has_backward(const PlanNode *node)
{
    return node->layer && node->layer->backward && node->reached;
}
/* To give `input` back a reversible layer also reads input `other`. */
static inline bool plan_invert_reads(const PlanNode *reader, size_t input, size_t other)
{
    return other != input && (reader->plan.invert_reads >> other & 1);
}
/* Computing it again also brings back what its backward reads beside wires. */
static inline bool plan_forgets(const PlanNode *node)
{
    return node->plan.gives_active || (node->plan.saved_again && node->plan.saved_bytes);
}
size_t plan_readers(const Plan *plan, int number);
/* Which nodes are folded into their reader (plan_share.c). */
void plan_fold(Plan *plan);
bool plan_is_looked_at(const Plan *plan, int number); /* an output, or watched */
/* The node whose wire is read at this input, behind what is folded there. */
int plan_source(const Plan *plan, const PlanNode *node, size_t input);
/* Which wires and gradients are bfloat16, after plan_fold (plan_share.c). */
void plan_wire_forms(Plan *plan);
void plan_gradient_forms(Plan *plan);
/* While backward is laid out: the gradient of that input may be the buffer of dy. */
bool plan_hands_on(const Plan *plan, int number, size_t input);
/* Which nodes go together by strips, after plan_fold; then their instructions, when the
 * last of them has its turn (plan_strips.c). */
SimStatus plan_find_strips(Plan *plan);
SimStatus plan_emit_strip(Plan *plan, int number);
/* Program and layout, after plan_nodes. */
SimStatus plan_program(Plan *plan);
/* What spikes a node has written, for net_activity (activity.c): some pixels, from any
 * thread; all pixels, by the team; the end of a window of so many pixels. */
void plan_see(PlanNode *node, const SimKernels *kernels, size_t pixels,
              const uint64_t *bits);
void plan_see_all(PlanNode *node, const SimContext *context, size_t pixels,
                  const uint64_t *bits);
void plan_count(PlanNode *node, size_t pixels);
void plan_reset_counts(PlanNode *node);
NetActivity plan_activity(const PlanNode *node);
/* Gives back what an array has grown beyond its n elements. */
void *plan_trim(void *array, size_t n, size_t size);
void plan_destroy(Plan *plan); /* accepts a zeroed one */
