/* neurons/neuron.h: what one unit does with its input.
 *
 * A neuron is a dendrite and a soma. The dendrite maps the branch inputs of a unit to one
 * current; the soma turns the current into output over time. Both are tables of named
 * parameters and states plus a few hooks that never allocate. One model is one file
 * ending in one const descriptor, listed once in neurons/meson.build.
 *
 * The six choices that make "LIF" ambiguous between libraries are fields of NeuronSpec:
 * decay and input gain (parameters of the soma), > or >=, reset hard/soft/none, reset now
 * or at the next step, reset seen by the gradient or not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/context.h"
#include "sim/status.h"
#include "sim/tensor.h"

typedef struct NeuronSoma NeuronSoma;
typedef struct NeuronDendrite NeuronDendrite;
typedef struct NeuronSurrogate NeuronSurrogate;
typedef struct NeuronPointwise NeuronPointwise; /* neurons/pointwise_internal.h */
typedef struct NeuronFamily NeuronFamily;       /* neurons/family_internal.h */

typedef struct NeuronParam {
    const char *name;          /* with its unit: "tau" is in steps unless it says _ms */
    double initial, low, high; /* inclusive */
    bool trained;              /* a parameter of the net, learned; else a fixed number */
    const char *help;
} NeuronParam;

typedef enum NeuronReset {
    NEURON_RESET_HARD,
    NEURON_RESET_SOFT,
    NEURON_RESET_NONE
} NeuronReset;
typedef enum NeuronSharing {
    NEURON_PER_LAYER,
    NEURON_PER_CHANNEL,
    NEURON_PER_NET
} NeuronSharing;
typedef enum NeuronEnsemble {             /* how several functions make one dendrite */
                              NEURON_SUM, /* branches with a function each, added */
                              NEURON_DUPLICATE, /* all of the same branches; units side by
                                                   side */
                              NEURON_PARTITION  /* each has its share of units and inputs
                                                 */
} NeuronEnsemble;
typedef enum NeuronLearn { /* which parameters of the dendrite are learned */
                           NEURON_LEARN_DEFAULT, /* as its table says */
                           NEURON_LEARN_NONE,
                           NEURON_LEARN_ALL
} NeuronLearn;

enum {
    NEURON_MAX_PARAMS = 16,
    NEURON_MAX_STATES = 4,
    NEURON_MAX_BRANCHES = 8,
    NEURON_MAX_MEMBERS = 8,
    NEURON_LAYER_WORD = 96
};

/* The description of a neuron: plain data, copied freely. */
typedef struct NeuronSpec {
    const NeuronDendrite *dendrite;
    const NeuronSoma *soma;
    const NeuronSurrogate *surrogate;
    double surrogate_alpha; /* sharpness, the paper's symbol in surrogates.c */
    double surrogate_scale; /* factor on the derivative; 1 is the textbook form */
    NeuronReset reset;
    bool reset_next_step;  /* false: in the step of the spike */
    bool strict;           /* fires when v > threshold; false: v >= threshold */
    bool detach_reset;     /* the reset's spike is a constant for the gradient */
    NeuronSharing sharing; /* of trained parameters */
    NeuronLearn learn;
    bool
        memory; /* branches remember, neurons/memory.h; their parameter starts between: */
    double memory_low, memory_high;
    bool random_wiring; /* each input of a layer reaches one branch of every unit */
    double soma_values[NEURON_MAX_PARAMS]; /* rows of soma->params; trained: initial */
    double dendrite_values[NEURON_MAX_PARAMS]; /* rows of neuron_spec_params */
    /* Dendrites of several functions; n_members 0: `dendrite` is the only one. */
    NeuronEnsemble ensemble;
    size_t n_members;
    const NeuronDendrite *members[NEURON_MAX_MEMBERS];
    char param_names[NEURON_MAX_PARAMS][16];
    /* A function that looks at more than one unit stands before the neuron as a layer of
     * the net ("dynamic_relu:kind=c"; neurons/layer_words.c), the dendrite is identity.
     */
    char layer[NEURON_LAYER_WORD]; /* "": none */
} NeuronSpec;

/* What a backward in runs of steps, from the last run to the first, carries from one to
 * the next. */
typedef struct NeuronCarry {
    const float *states[NEURON_MAX_STATES]; /* [step] where this run starts */
    float *later[SIM_LATER]; /* [step] soma->n_later gradients and such from the run
                                after; left for the one before */
    double *sums;            /* [soma->carry_sums()] of the runs so far */
    bool last,
        first; /* of the sequence: `last` comes first, and finds zeros in `later` */
} NeuronCarry;

/* A window of nt steps of one layer of neurons. Shapes: step = [N,H,W,C]. */
typedef struct NeuronRun {
    const NeuronSpec *spec;
    const SimContext *context;
    size_t nt;
    SimShape shape;       /* t = nt */
    const float *x;       /* [nt, step] currents; */
    SimForm x_form;       /* SIM_BF16: that lies there, not floats */
    SimAffine affine;     /* where the soma takes it: the currents are scale x + shift */
    SimTensor y;          /* spikes or dense, as soma->output says; no data: forward only
                             moves the states */
    uint64_t *active;     /* packed, or NULL: forward sets the bit of every neuron-step
                             whose surrogate derivative is not zero */
    float *potential;     /* [nt, step] before the reset, or NULL: for looking */
    float *const *states; /* [n_states][step], carried from window to window; zero is
                             rest, so "v" counts from v_reset. NULL where the soma knows
                             that: from rest, and not kept */
    const float *const
        *params; /* trained ones of the soma in order, [1] or [C] by sharing */

    /* Backward only. The window is the whole sequence, unless `carry` is given: membranes
     * are computed again from x in registers, so nothing but x is kept. */
    const NeuronCarry *carry;
    const float *d_y;           /* [nt, step]; */
    SimForm d_y_form, d_x_form; /* SIM_BF16: that lies there, not floats */
    const float *d_v; /* [nt, step] gradient of the potential after reset, or NULL */
    float *d_x;       /* [nt, step], of scale x + shift where there is a scale; or NULL:
                         only d_params are wanted. Never NULL or accumulated where
                         affine.sums is asked for */
    bool accumulate;  /* d_x += instead of = */
    float *const *d_params; /* += */
    void *scratch;          /* scratch_bytes(), 64-byte aligned */
} NeuronRun;

struct NeuronSoma {
    const char *name, *summary, *source; /* source: the paper of the equation */
    const NeuronParam *params;
    size_t n_params;
    const char *const *states; /* names with units, "v" first */
    size_t n_states;
    SimForm output;    /* SIM_SPIKES, or SIM_DENSE for a value */
    bool takes_affine; /* currents may come as NeuronRun.affine says */
    bool in_place;     /* backward may write d_x over d_y */
    bool takes_bf16;   /* currents and gradients as SIM_BF16 */
    bool forgets;      /* forward needs no states for a whole sequence */
    bool passes;       /* the output is the current itself */
    size_t (*scratch_bytes)(const NeuronRun *run); /* NULL: none */
    size_t n_later; /* of NeuronCarry.later; 0: backward only takes whole sequences */
    size_t (*carry_sums)(const NeuronRun *run); /* doubles there; NULL: none */
    /* Of integrate-and-fire somas, whose other hooks are shared; else NULL. */
    NeuronFamily (*family)(const NeuronSpec *spec);
    void (*forward)(const NeuronRun *run);
    void (*backward)(const NeuronRun *run); /* NULL: this soma cannot be trained */
    /* One neuron over nt steps in double precision, the equations word for word. All
     * [nt]; outputs may be NULL. Used by tests and by the documentation. */
    void (*reference)(const NeuronSpec *spec, size_t nt, const double *x, double *y,
                      double *v_before_reset, double *v_after_reset);
};

/* A window of branch inputs to join, whole pixels. Unit u of a pixel has its B branches
 * side by side at x[u * B], so the layer before simply has C * B outputs. */
typedef struct NeuronBranches {
    const NeuronSpec *spec;
    const SimContext *context;
    size_t pixels, channels;    /* channels: units of a pixel */
    const float *x;             /* [pixels, neuron_spec_inputs(channels)] */
    const float *const *params; /* trained ones in order, [1] or [C] by sharing */
    float *current;             /* [pixels, channels] */

    /* Backward only. */
    const float *d_current;
    bool accumulate;         /* d_x += instead of = */
    float *d_x;              /* like x, or NULL: only d_params are wanted */
    double *const *d_params; /* += */
} NeuronBranches;

/* A function applied to some units of every pixel; ensembles have several. */
typedef struct NeuronMember {
    const NeuronDendrite *function;
    size_t x_first, x_unit; /* floats to its first branch, and from unit to unit */
    size_t y_first, units;
    size_t first_param, first_trained; /* of the neuron's table; of what it learns */
    bool adds;                         /* to the current that others made */
    bool d_x_adds;                     /* others gave a gradient to the same inputs */
} NeuronMember;

/* Joins the branches of every unit to one current: a function of the branches
 * (`pointwise`, a file of neurons/dendrites), or hooks. */
struct NeuronDendrite {
    const char *name, *summary, *source;
    const char *formula;   /* of x (branches x, y, ...) and the parameters by name */
    const char *certainty; /* of the formula: "standard", "code" (the authors'), "text"
                              (the paper's), "second hand" or "memory"; what differs
                              from that follows a semicolon */
    const NeuronParam *params;
    size_t n_params;
    size_t n_branches;
    NeuronSharing sharing; /* a new spec takes it over */
    const NeuronPointwise *pointwise;
    bool passes; /* the current is the input itself */
    void (*forward)(const NeuronBranches *run);
    void (*backward)(const NeuronBranches *run);
};

/* x = v - threshold, all derivatives of the step at x; formulas in surrogates.c. */
struct NeuronSurrogate {
    const char *name, *formula;
    double alpha;      /* the usual default */
    bool compact;      /* zero outside a window: backward may skip those neuron-steps */
    SimSurrogate kind; /* what the kernels compute */
    double (*slope)(double x, double alpha);  /* the formula, for tests and pictures */
    double (*smooth)(double x, double alpha); /* whose slope it is: for gradient checks */
};

/* The lists; each ends with NULL. */
extern const NeuronSoma *const neuron_somas[];
extern const NeuronDendrite *const neuron_dendrites[];
extern const NeuronSurrogate *const neuron_surrogates[];

const NeuronSoma *neuron_soma_find(const char *name);           /* or NULL */
const NeuronDendrite *neuron_dendrite_find(const char *name);   /* or NULL */
const NeuronSurrogate *neuron_surrogate_find(const char *name); /* or NULL */

/* Inputs of a layer of `units` units, 0 if it cannot have that many; and back. */
size_t neuron_spec_inputs(const NeuronSpec *spec, size_t units);
size_t neuron_spec_units(const NeuronSpec *spec, size_t inputs);

/* The functions of a dendrite and the units each gives; returns how many. */
size_t neuron_spec_members(const NeuronSpec *spec, size_t units,
                           NeuronMember members[NEURON_MAX_MEMBERS]);

/* Rows of all parameters of the dendrite, with their names in this spec (borrowed from
 * it); returns how many. */
size_t neuron_spec_params(const NeuronSpec *spec, NeuronParam params[NEURON_MAX_PARAMS]);

/* Whether the spec learns this parameter of its dendrite; and how many, of one function
 * and of all. */
bool neuron_param_learns(const NeuronSpec *spec, const NeuronParam *param);
size_t neuron_trained_params(const NeuronSpec *spec, const NeuronDendrite *function);
size_t neuron_spec_trained(const NeuronSpec *spec);

/* What joins the branches, NULL where nothing is to be done. */
typedef void NeuronJoin(const NeuronBranches *run);
NeuronJoin *neuron_join_forward(const NeuronDendrite *dendrite);
NeuronJoin *neuron_join_backward(const NeuronDendrite *dendrite);

/* LIF with tau 2, decayed input, threshold 1, >=, hard reset to 0, detached, atan 2. */
NeuronSpec neuron_spec_default(void);

/* Changes the dendrite and gives its parameters their initial values and sharing. */
void neuron_spec_set_dendrite(NeuronSpec *spec, const NeuronDendrite *dendrite);

/* The same from text: a name, "relu+ada" (branches added), "d:and_ail/or_ail" or
 * "p:and_ail/or_ail" (ensembles; neurons/ensemble.c); and back. */
SimStatus neuron_spec_parse_dendrite(NeuronSpec *spec, const char *text);
/* Names that neuron_spec_parse_dendrite takes and that are layers of nets
 * ("dynamic_relu", or with options, "dynamic_relu:kind=c:reduction=8"). */
extern const char *const neuron_layer_words[]; /* ends with NULL */
bool neuron_is_layer_word(const char *text);
/* Fails for a function of the catalogue that no word can give. */
SimStatus neuron_layer_word_check(const char *text);
void neuron_spec_dendrite_text(const NeuronSpec *spec, char *text, size_t size);

/* Changes the soma and gives its parameters their initial values. */
void neuron_spec_set_soma(NeuronSpec *spec, const NeuronSoma *soma);

/* Sets one key from text: soma, dendrite, surrogate, surrogate_alpha, surrogate_scale,
 * reset (hard|soft|none), reset_time (now|next), fires (above|at), detach_reset, sharing
 * (layer|channel|net), learn (default|none|all), memory (none|branches), memory_low,
 * memory_high, wiring (all|random), any parameter of the soma or dendrite;
 * and `tau`, which sets what it means for the soma (decay 1 - 1/tau and gain 1/tau; the
 * initial w of plif). A wrong key names the nearest. */
SimStatus neuron_spec_set(NeuronSpec *spec, const char *key, const char *value);

/* Branches of a unit: inputs side by side that one function joins. */
size_t neuron_spec_branches(const NeuronSpec *spec);

/* Calls `row` for every key with its value as text, in an order neuron_spec_set accepts.
 */
void neuron_spec_print(const NeuronSpec *spec,
                       void (*row)(void *argument, const char *key, const char *value),
                       void *argument);

SimStatus
neuron_spec_check(const NeuronSpec *spec); /* ranges, and what does not combine */
