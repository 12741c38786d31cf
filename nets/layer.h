/* nets/layer.h: the contract of a layer.
 *
 * A layer is one file in nets/layers/ that ends in one const NetLayer, listed once in
 * nets/meson.build. `plan` may fail and is the only hook that does; the others run on
 * memory that the planner laid out and return void.
 *
 * Every hook sees a window of nt steps starting at step t0. State (membranes, running
 * sums) is carried from window to window; the result never depends on how a sequence is
 * cut. A training plan has one window, the whole sequence. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/context.h"
#include "sim/option.h"
#include "sim/rng.h"
#include "sim/status.h"
#include "sim/tensor.h"

enum {
    NET_MAX_INPUTS = 4,
    NET_MAX_PARAMS = 20, /* of one layer */
    NET_MAX_STATES = 8,
    NET_MAX_DIMS = 6
};

typedef enum NetInit {                          /* how a parameter starts */
                       NET_INIT_CONSTANT,       /* init_value */
                       NET_INIT_XAVIER_UNIFORM, /* bound = init_value * sqrt(6 / (fan_in +
                                                   fan_out)) */
                       NET_INIT_KAIMING_NORMAL, /* std = init_value * sqrt(2 / fan_in) */
                       NET_INIT_KAIMING_UNIFORM, /* bound = init_value * sqrt(6 / fan_in)
                                                  */
                       NET_INIT_UNIFORM,         /* bound = init_value */
                       NET_INIT_NORMAL,          /* std = init_value */
                       NET_INIT_BETWEEN          /* uniform, init_value to init_end */
} NetInit;

typedef enum NetRole {
    NET_PARAM_TRAINED, /* has a gradient, the optimiser moves it */
    NET_PARAM_BUFFER   /* moved by forward (running statistics); saved, never optimised */
} NetRole;

/* One row per parameter: optimiser, checkpoint, counter and interchange need no code of
 * their own per layer. */
typedef struct NetParamRow {
    const char *name; /* within the layer: "weight" */
    NetRole role;
    size_t n_dims, dims[NET_MAX_DIMS];
    NetInit init;
    double init_value, init_end, fan_in, fan_out;
    size_t apart; /* above 1: of so many neighbours on the last axis each input has a
                     weight to one, drawn at random; the others are and stay 0 */
    bool decay;   /* weight decay applies */
    bool shared;  /* one for all layers of the net that have it: name, size and start */
} NetParamRow;

enum { /* what backward reads, besides its parameters and `saved` */
       NET_NEEDS_INPUT = 1,
       NET_NEEDS_OUTPUT = 2
};

typedef struct NetLayerPlan {
    /* Given. Shapes carry t = steps of the whole sequence (1: constant over time). */
    const void *options;
    const SimContext *context;
    const char *name; /* of the node, for messages */
    size_t n_inputs;
    SimShape in[NET_MAX_INPUTS];
    SimForm in_form[NET_MAX_INPUTS]; /* as produced; change it to ask for a conversion */
    size_t in_most[NET_MAX_INPUTS];  /* whole numbers from 0 to that; 0: any numbers */
    bool
        in_active[NET_MAX_INPUTS]; /* that wire carries the bits of active neuron-steps */
    size_t steps, window;          /* T, and the most steps one call brings */
    bool training;
    bool shapes_only; /* asked for shapes and parameters: prepare nothing */
    bool reversed;    /* `invert` will be asked: save what it needs beside y */
    bool may_hold;    /* weights may be held in the order of a kernel, see held_bytes */
    bool needs_d_input[NET_MAX_INPUTS]; /* false: nobody wants that gradient */

    /* Filled in by the hook. */
    SimShape out;
    SimForm out_form;
    size_t out_most;     /* like in_most; spikes: the planner says 1 */
    bool gives_active;   /* training: forward writes `active` beside y */
    bool whole_sequence; /* training statistics need all T steps in one window */
    size_t n_params;
    NetParamRow *params; /* given: room for NET_MAX_PARAMS */
    size_t n_states;
    bool forgets; /* in training forward of the whole sequence leaves states alone */
    size_t state_floats[NET_MAX_STATES]; /* zero at the start of a sequence */
    const char *state_names[NET_MAX_STATES];
    size_t saved_bytes;      /* private, forward to backward (statistics, masks) */
    bool saved_again;        /* forward writes `saved` anew when it runs again; else what
                                it wrote the first time stays */
    size_t scratch_bytes;    /* one hook at a time */
    unsigned backward_needs; /* NET_NEEDS_* */
    bool takes_affine[NET_MAX_INPUTS]; /* reads scale x + shift where the run says so */
    bool passes_gradient[NET_MAX_INPUTS]; /* that input gets dy as it is: the planner may
                                             let dx be dy, then nothing is to be done */
    bool writes_bf16;    /* y may be SIM_BF16 where all who read it know that */
    unsigned reads_bf16; /* bit i: and so may x[i] */
    /* Gradients may be SIM_BF16: dy; bit i: dx[i] written, added to. */
    bool takes_bf16;
    unsigned gives_bf16, adds_bf16;
    unsigned gradient_in_place; /* bit i: backward may write dx[i] over dy */
    unsigned output_in_place;   /* bit i: forward may write y over x[i], read as it is */
    bool by_step; /* forward again and backward may be asked for any run of steps: each
                     only looks at its own steps and at `saved` as forward left it */
    /* Backward may also be asked for run by run from the last to the first, on what
     * `retrace` noted before; memory for that: once, and for each run beside the first.
     * 0: not for this layer. */
    size_t carry_bytes, mark_bytes;
    /* Without training, forward may be asked for some rows of an image at one step, with
     * inputs, output and states of that shape: all pixels are alike. `plan` then tells
     * the scratch of such a shape, too, and prepares nothing. */
    bool by_rows;
    bool begins_rows;      /* `begin_rows` is worth asking */
    unsigned invertible;   /* bit i: `invert` gives input i back */
    unsigned invert_reads; /* bit i: and reads input i to give another */
    double macs;           /* multiply-adds of one step, N images, done densely */
    bool is_synaptic;      /* its operations count as SynOps when the input is spikes */
    /* What plan made for forward; given to `destroy`. Nodes of equal options, inputs and
     * needs share one, so it holds nothing that tells them apart, unless it says so. */
    void *prepared;
    bool keeps_prepared;
    size_t held_bytes; /* that it has allocated, beside scratch */
} NetLayerPlan;

typedef struct NetLayerRun {
    const void *options;
    void *prepared;
    const SimContext *context;
    size_t nt, t0;    /* this window: steps t0 .. t0 + nt - 1 */
    size_t steps;     /* of the whole sequence */
    size_t whole_run; /* nt of a window that is not cut short by the end */
    bool training;
    bool again; /* forward is repeated for backward: leave buffers (running
                   statistics) alone and reuse what `saved` holds */
    size_t n_inputs;
    SimTensor x[NET_MAX_INPUTS];      /* shape.t = nt, or 1 when constant over time; as
                                         the plan asked, or SIM_BF16 where it reads that */
    SimAffine affine[NET_MAX_INPUTS]; /* the input is scale x + shift; scale NULL: x */
    const uint64_t *x_active[NET_MAX_INPUTS]; /* packed like x, or NULL */
    SimTensor y;                              /* SIM_BF16 only if it writes that */
    uint64_t *active; /* packed like y; NULL unless the plan gives it */
    float *potential; /* [nt, step] or NULL; somas write the membrane before reset */
    float *const *params;
    uint64_t version; /* of params: as long as it is the same they are, too */
    float *const *states;
    void *saved, *scratch;  /* 64-byte aligned */
    void *carry;            /* likewise; NULL where backward sees the whole sequence */
    const uint32_t *labels; /* [N], or NULL when not known */
    atomic_bool *inexact; /* `invert` sets it where values lie outside the range in which
                             it is exact; or NULL */
    float density; /* share of ones that input 0 had so far in training; 0: not known */
    SimRng rng;    /* purpose set by the layer; epoch = training step, stream = node */

    /* Backward. */
    const float *dy;                          /* [nt, y step] */
    SimForm dy_form, dx_form[NET_MAX_INPUTS]; /* SIM_BF16: that lies there, not floats */
    float *dx[NET_MAX_INPUTS];                /* of scale x + shift; NULL: not wanted */
    bool accumulate[NET_MAX_INPUTS];          /* dx += instead of = */
    float *const *d_params;                   /* +=; NULL entries for buffers */
} NetLayerRun;

typedef struct NetLayer {
    const char *name, *summary;
    size_t min_inputs, max_inputs;
    const SimOption
        *options;        /* rows of the option struct, ended by a NULL name; or NULL */
    size_t options_size; /* bytes of the option struct */
    SimStatus (*plan)(NetLayerPlan *plan);
    void (*forward)(const NetLayerRun *run);
    /* Before forward, in training: statistics of x that stay in `saved`, taken run of
     * steps by run of steps from the first to the last. NULL: not needed. */
    void (*measure)(const NetLayerRun *run);
    void (*backward)(const NetLayerRun *run); /* NULL: nothing flows back */
    /* First half of a backward that wants sums over dy and x before it can give a
     * gradient; they stay in `saved`. Sees the whole sequence where the plan asked for
     * `whole_sequence`, run by run from the first to the last if it goes by step, else
     * the same run of steps as backward. NULL: not needed. A layer that reads an affine
     * input and computes its gradient writes the sums that lend asks for, then gather is
     * not called. */
    void (*gather)(const NetLayerRun *run);
    /* Before a backward run by run: notes in `carry` the states where the next run of
     * steps starts; for all runs but the last, from the first on. NULL: with carry_bytes
     * 0. */
    void (*retrace)(const NetLayerRun *run);
    /* Writes x[input] from y, `saved` and the inputs it reads; asked only for inputs that
     * the plan calls invertible, in training. x[input] may lie on y when the two have the
     * same shape. NULL: no input comes back. */
    void (*invert)(const NetLayerRun *run, size_t input);
    /* Without training, forward once more in parts for layers that go by rows: whether it
     * can this time (else `forward` is called); then rows `first` up to `last` of step t0
     * + t, all images below each other, to y on the calling thread. NULL: it never can.
     */
    bool (*begin_rows)(const NetLayerRun *run);
    void (*forward_rows)(const NetLayerRun *run, size_t t, size_t first, size_t last,
                         float *y);
    /* Whether forward takes packed spikes of that density (0: not known) by the kernels
     * made for them, not by dense ones. NULL: there is no choice. */
    bool (*uses_spikes)(void *prepared, float density);
    void (*destroy)(void *prepared); /* NULL: plan prepares nothing */
    /* A layer that only scales and shifts the channels of one input may lend scale and
     * shift to the one layer that reads it, instead of `forward`: y.data is NULL, its
     * output never exists. The loan lies in scratch and ends with the reader's hook.
     * NULL: it has no such form. */
    SimAffine (*lend)(const NetLayerRun *run);
} NetLayer;

extern const NetLayer *const net_layers[];        /* ends with NULL */
const NetLayer *net_layer_find(const char *name); /* or NULL */
