/* nets/layers.h: the layers there are and the options each takes.
 *
 * A struct here is what net_graph_add copies; its rows (names, ranges, help) live in the
 * layer's file. Shapes: x [T,N,H,W,C] -> y. */
#pragma once

#include "nets/layer.h"
#include "neurons/neuron.h"
#include "sim/kernels.h"

/* y[k] = sum over taps and channels of x * weight (+ bias). Parameters "weight"
 * [KH,KW,C/groups,K] and "bias" [K]. Takes dense or spikes as they come. */
typedef struct NetConv {
    int64_t channels; /* K */
    int64_t kernel, stride, padding, groups;
    bool bias;
    int init;    /* xavier_uniform, kaiming_normal, kaiming_uniform */
    double gain; /* times the textbook bound: 2 in S-ResNet; sqrt(1/3) in kaiming_uniform
                    is what PyTorch does by default */
    int64_t
        apart; /* above 1: of so many neighbouring outputs each input reaches one, drawn
                  at random, as the branches of a dendrite; the other weights are 0 */
} NetConv;

/* y [T,N,1,1,K] from all of x at once. Parameters "weight" [H,W,C,K], which read in
 * order is the matrix from x flattened as H,W,C, and "bias" [K]. */
typedef struct NetLinear {
    int64_t channels; /* K */
    bool bias;
    int init;
    double gain;
    int64_t apart; /* see NetConv */
} NetLinear;

typedef enum NetNormSharing {
    NET_NORM_SHARED,  /* one set of statistics over T, N, H, W (tdBN, SpikingJelly) */
    NET_NORM_PER_STEP /* T sets (BNTT); T is frozen with the parameters */
} NetNormSharing;

/* Batch normalisation over the channel axis; a constant wire is one image to shared
 * statistics and becomes T steps where they are per step. Parameters "gamma", "beta" and
 * buffers "mean", "variance" (running, unbiased as in PyTorch), each [C] or [T,C]. */
typedef struct NetNorm {
    int sharing;     /* NetNormSharing */
    double momentum; /* of the running statistics: new = (1 - m) old + m batch */
    double epsilon;
    double gamma; /* initial; tdBN (Zheng 2021): alpha * threshold */
    double beta;  /* initial */
} NetNorm;

/* The neurons of a layer: dense currents in, what the soma gives out. A dendrite with B
 * branches takes C*B channels. Trained parameters by their name in the soma's table. */
typedef struct NetNeuron {
    NeuronSpec spec;
} NetNeuron;

typedef struct NetPool {
    int64_t kernel, stride, padding; /* stride 0: kernel */
    bool count_padding;              /* average: padded zeros count in the divisor */
} NetPool;

typedef struct NetAdaptivePool {
    int64_t height,
        width; /* of the output; cells as in PyTorch; 1, 1 is the global pool */
} NetAdaptivePool;

typedef enum NetJoinKind {
    NET_JOIN_ADD, /* a + b */
    NET_JOIN_AND, /* a * b */
    NET_JOIN_IAND /* b * (1 - a): a is the residual branch, b the skip (SEW-ResNet) */
} NetJoinKind;

/* Two inputs of one shape; each dense or spikes. ADD gives dense; AND and IAND of spikes
 * give spikes. */
typedef struct NetJoin {
    int kind; /* NetJoinKind */
} NetJoin;

/* Inverted dropout; the mask is drawn once per sequence and kept over T when `over_time`,
 * or when the wire is the same at every step. */
typedef struct NetDropout {
    double rate;
    bool over_time;
} NetDropout;

/* Mean over groups of `group` adjacent channels: C -> C / group ("boosting", voting). */
typedef struct NetVote {
    int64_t group;
} NetVote;

/* The layers of reversible blocks. A sum of floats that are multiples of 2^-bits is
 * exact, and so undone to the bit by a difference, while it stays within 2^(24 - bits):
 * 128 for the 17 bits of a residual stream. Beyond, and where `exact` is false, an
 * inverse is off by the rounding of the sum. */
enum { NET_GRID_BITS = 17, NET_VELOCITY_BITS = 20 };

/* y = x rounded to multiples of 2^-bits: how a wire enters a chain of reversible blocks.
 * The gradient passes as if nothing were rounded. */
typedef struct NetGrid {
    int64_t bits;
} NetGrid;

/* Additive coupling (Gomez et al. 2017): inputs x, f; y = x + f, f rounded to the grid, x
 * already on it. Gives x back from y and f. */
typedef struct NetCouple {
    bool exact;
    int64_t bits;
} NetCouple;

/* The velocity of a momentum residual chain (Sander et al. 2021): inputs f and the
 * velocity before it (none: 0); y = gamma v + (1 - gamma) f. Gives v back from y and f.
 * When exact, gamma is the nearest fraction with a denominator up to 256 (0.9 is 9/10), v
 * lies on the grid, and what the multiplication loses is saved: log2(1 / gamma) bits a
 * value and a little (momentum.c). The chain goes on with couple(x, y). */
typedef struct NetMomentum {
    double gamma; /* in (0, 1] */
    bool exact;
    int64_t bits;
} NetMomentum;

/* The first or second half of the channels. */
typedef struct NetHalf {
    bool second;
} NetHalf;

/* A function of every value. For the plain parts of a net; units that compute are
 * NetNeuron. */
typedef enum NetActivationKind {
    NET_ACTIVATION_RELU,
    NET_ACTIVATION_SIGMOID,
    NET_ACTIVATION_TANH
} NetActivationKind;
typedef struct NetActivation {
    int kind; /* NetActivationKind */
} NetActivation;

/* Mean over time: [1,N,H,W,C], or [T,N,H,W,C] of the steps so far. */
typedef struct NetRate {
    bool running;
} NetRate;

/* Capsules (Sabour, Frosst, Hinton 2017): a wire of them has C = capsules * pose, the
 * numbers of a pose adjacent. */
enum { NET_MAX_POSE = SIM_CAPSULE_POSE };

typedef enum NetGrouping { NET_GROUPING_CHANNELS, NET_GROUPING_VIEW } NetGrouping;

/* Poses of an image, squashed: [T,N,1,1,H*W*C] (primary_capsules.c). */
typedef struct NetPrimaryCapsules {
    int64_t pose;
    int grouping; /* NetGrouping */
} NetPrimaryCapsules;

typedef enum NetRouting {
    NET_ROUTING_RBA, /* by agreement (Sabour et al. 2017) */
    NET_ROUTING_SDA  /* scaled-distance agreement (Peer et al. 2018) */
} NetRouting;

typedef enum NetRoutingGradient {
    NET_GRADIENT_LAST, /* the coefficients of the last iteration are constants */
    NET_GRADIENT_ALL   /* through every iteration */
} NetRoutingGradient;

typedef enum NetSharpness {
    NET_SHARPNESS_FORMULA, /* t = (log(p (J - 1)) - log(1 - p)) / (d_p - d_o) */
    NET_SHARPNESS_CODE     /* as the code of MoCapsNet: a bracket is missing */
} NetSharpness;

/* Every input capsule votes for every output capsule, which listens to those that agree:
 * x [T,N,H,W,C], C of I capsules with poses of D, read as H,W,C; y [T,N,1,1,J*P].
 * Parameters "weight" [I,J,D,P] and "bias" [J,P]. Formulas in routing_internal.h. */
typedef struct NetCapsules {
    int64_t capsules, pose; /* J, P */
    int64_t pose_in;        /* D */
    int routing;            /* NetRouting */
    int64_t iterations;     /* R >= 1 */
    int gradient;           /* NetRoutingGradient */
    int sharpness;          /* SDA: NetSharpness */
    bool pooled; /* SDA, training: the mean distance d_o is that of the whole batch (as
                    published) instead of each image's own */
    bool bias;   /* added to the sum of votes */
    double bias_start;
    double deviation; /* of the initial weights, normal; 0: J / sqrt(2 I P) */
} NetCapsules;

typedef struct NetCapsuleLength { /* |pose|: [T,N,1,1,J*P] -> [T,N,1,1,J] */
    int64_t pose;
} NetCapsuleLength;

typedef enum NetMaskBy { NET_MASK_LABEL, NET_MASK_PREDICTION } NetMaskBy;
typedef struct NetCapsuleMask { /* one pose stays, the others become zero */
    int64_t pose;
    int by; /* NetMaskBy */
} NetCapsuleMask;

/* Inputs a and b of as many values: y [T,N,1,1,1] = weight * |a - b|^2, a cost for an
 * output of the net (nets/loss.h). */
typedef struct NetSquaredError {
    double weight;
} NetSquaredError;

/* Rational functions, one numerator for the layer and a denominator for each group of
 * channels. Parameters "a0" ... "a5" [1], "b1" ... "b4" [groups]. */
typedef struct NetGroupRational {
    int64_t groups;
    int start; /* swish, gelu, identity, leaky_relu */
} NetGroupRational;

/* Piecewise linear on eight cells that are laid over the input after some training steps.
 * Parameters as the dendrite `pwlu` has them, [1] or [C]; buffers "mean", "deviation" of
 * the input and "steps" seen. */
typedef struct NetPwlu {
    int64_t align_after;
    int sharing; /* layer, channel */
} NetPwlu;

/* The larger of two lines that each image chooses. Parameters "squeeze.weight" [C, C /
 * R], "squeeze.bias", "lines.weight" [C / R, 4 or 4 C] (a1, a2, b1, b2 of a channel side
 * by side), "lines.bias", and "attention.weight" [C] of kind c. */
typedef struct NetDynamicRelu {
    int kind; /* a, b, c */
    int64_t reduction;
    double tau;
} NetDynamicRelu;

extern const NetLayer net_layer_conv;
extern const NetLayer net_layer_linear;
extern const NetLayer net_layer_norm;
extern const NetLayer net_layer_neuron;
extern const NetLayer net_layer_average_pool;  /* NetPool */
extern const NetLayer net_layer_max_pool;      /* NetPool; of spikes: OR, gives spikes */
extern const NetLayer net_layer_adaptive_pool; /* NetAdaptivePool, average */
extern const NetLayer net_layer_join;
extern const NetLayer net_layer_flatten; /* no options; [T,N,1,1,H*W*C], order H,W,C */
extern const NetLayer net_layer_dropout;
extern const NetLayer net_layer_vote;
extern const NetLayer net_layer_repeat; /* no options; constant wire -> T steps */
extern const NetLayer net_layer_grid;
extern const NetLayer net_layer_couple;
extern const NetLayer net_layer_momentum;
extern const NetLayer net_layer_half;
extern const NetLayer net_layer_concat; /* no options; channels one after the other; gives
                                           each input back */
extern const NetLayer net_layer_activation;
extern const NetLayer net_layer_rate;
extern const NetLayer net_layer_primary_capsules;
extern const NetLayer net_layer_capsules;
extern const NetLayer net_layer_capsule_length;
extern const NetLayer net_layer_capsule_mask;
extern const NetLayer net_layer_squared_error;
extern const NetLayer net_layer_group_rational;
extern const NetLayer net_layer_pwlu_aligned;
extern const NetLayer net_layer_dynamic_relu;
extern const NetLayer net_layer_mean_relu; /* no options */
/* No options; the pixels of x are nodes, a second input [1 or T,N,1,nodes,nodes] is their
 * normalised adjacency, a constant for gradients. */
extern const NetLayer net_layer_graph_relu;
/* The planner puts these where a layer wants another form than the wire has. */
extern const NetLayer net_layer_unpack; /* spikes -> dense */
extern const NetLayer net_layer_pack;   /* dense 0/1 values -> spikes */
