/* nets/models/capsules_internal.h: what the capsule networks share.
 *
 *     conv 1 -> relu -> conv 2, stride 2 -> primary capsules        [H W C / pose
 * capsules]
 *         -> caps1 -> blocks of two capsule layers                  [capsules x pose]
 *         -> caps2 -> lengths                                       output 0, [classes]
 *                  -> mask -> decoder -> squared error to the image output 1, a cost
 *
 * They differ in how a block joins its layers to what came before. */
#pragma once

#include "nets/models/parts_internal.h"

typedef enum NetCapsuleSees {
    NET_SEES_STEPS, /* capsules at every step, on the spikes of that step */
    NET_SEES_RATES, /* at every step, on the rates so far */
    NET_SEES_IMAGE  /* once, on the rates of the whole sequence */
} NetCapsuleSees;

typedef struct NetCapsuleNet {
    int64_t channels, kernel, primary_pose;
    int grouping;
    int64_t capsules, pose,
        blocks; /* capsules 0: primary capsules vote for the classes */
    int64_t class_pose;
    int routing;
    int64_t iterations;
    int gradient, sharpness;
    bool pooled;
    double deviation;
    int sees; /* NetCapsuleSees */
    char decoder[64];
    double reconstruction; /* weight; 0: no decoder */
    int mask;              /* NetMaskBy */
    /* MoCapsNet */
    double gamma;
    int chain; /* NetCapsuleChain */
    bool outer_skip, exact;
    int64_t grid_bits;
} NetCapsuleNet;

typedef enum NetCapsuleChain { NET_CHAIN_WHOLE, NET_CHAIN_PER_BLOCK } NetCapsuleChain;

extern const char *const net_groupings[],
    *const net_routings[], *const net_routing_gradients[],
                               *const net_sharpnesses[], *const net_mask_by[],
                                                             *const net_capsule_sees[];

/* clang-format off */
#define NET_CAPSULE_ROWS(hidden, n_blocks, through, masked) \
    {"channels", SIM_OPTION_INT, offsetof(NetCapsuleNet, channels), .initial = 256, .low = 1, .high = 8192, .help = "of both convolutions"}, \
    {"kernel", SIM_OPTION_INT, offsetof(NetCapsuleNet, kernel), .initial = 9, .low = 1, .high = 64, .help = "side of both kernels"}, \
    {"primary_pose", SIM_OPTION_INT, offsetof(NetCapsuleNet, primary_pose), .initial = 8, .low = 1, .high = NET_MAX_POSE, .help = "numbers of a primary capsule"}, \
    {"grouping", SIM_OPTION_CHOICE, offsetof(NetCapsuleNet, grouping), .choices = net_groupings, .help = "which numbers make a primary capsule: adjacent channels, or (as in the code of MoCapsNet) a plain view"}, \
    {"capsules", SIM_OPTION_INT, offsetof(NetCapsuleNet, capsules), .initial = hidden, .low = 0, .high = 4096, .help = "of each hidden layer; 0: none, primary capsules vote for the classes"}, \
    {"pose", SIM_OPTION_INT, offsetof(NetCapsuleNet, pose), .initial = 8, .low = 1, .high = NET_MAX_POSE, .help = "numbers of a hidden capsule"}, \
    {"blocks", SIM_OPTION_INT, offsetof(NetCapsuleNet, blocks), .initial = n_blocks, .low = 0, .high = 4096, .help = "of two hidden layers each"}, \
    {"class_pose", SIM_OPTION_INT, offsetof(NetCapsuleNet, class_pose), .initial = 16, .low = 1, .high = NET_MAX_POSE, .help = "numbers of a class capsule"}, \
    {"routing", SIM_OPTION_CHOICE, offsetof(NetCapsuleNet, routing), .choices = net_routings, .help = "by agreement (rba), or scaled distance (sda)"}, \
    {"iterations", SIM_OPTION_INT, offsetof(NetCapsuleNet, iterations), .initial = 3, .low = 1, .high = 16, .help = "of routing"}, \
    {"gradient", SIM_OPTION_CHOICE, offsetof(NetCapsuleNet, gradient), .initial = through, .choices = net_routing_gradients, .help = "iterations that gradients pass through"}, \
    {"sharpness", SIM_OPTION_CHOICE, offsetof(NetCapsuleNet, sharpness), .choices = net_sharpnesses, .help = "sda: the formula, or what the code of MoCapsNet does"}, \
    {"pooled", SIM_OPTION_BOOL, offsetof(NetCapsuleNet, pooled), .help = "sda: mean distances of the whole batch while training"}, \
    {"deviation", SIM_OPTION_FLOAT, offsetof(NetCapsuleNet, deviation), .initial = 0.0, .low = 0.0, .high = 100.0, .help = "of the initial weights of capsules; 0: by the number of votes, so that lengths neither vanish nor saturate"}, \
    {"sees", SIM_OPTION_CHOICE, offsetof(NetCapsuleNet, sees), .choices = net_capsule_sees, .help = "with a spiking neuron: capsules at every step on its spikes, on the rates so far, or once on the rates of all steps"}, \
    {"decoder", SIM_OPTION_TEXT, offsetof(NetCapsuleNet, decoder), .size = sizeof ((NetCapsuleNet *)0)->decoder, .initial_text = "512,1024", .help = "units of the decoder's hidden layers"}, \
    {"reconstruction", SIM_OPTION_FLOAT, offsetof(NetCapsuleNet, reconstruction), .initial = 5e-4, .low = 0.0, .high = 1e6, .help = "weight of the squared error of the image; 0: no decoder"}, \
    {"mask", SIM_OPTION_CHOICE, offsetof(NetCapsuleNet, mask), .initial = masked, .choices = net_mask_by, .help = "the decoder sees the capsule of the label or of the prediction while training"}
/* clang-format on */

void net_capsules_neuron(const void *options, NeuronSpec *spec);
void net_capsules_widen(void *options, double factor);

/* What comes out of the blocks, given what goes in. */
typedef int NetCapsuleBlocks(const NetCapsuleNet *o, NetGraph *graph, int x);

/* A hidden layer; the name is a printf format. */
int net_capsules_layer(const NetCapsuleNet *o, NetGraph *graph, int x, const char *name,
                       ...) __attribute__((format(printf, 4, 5)));

SimStatus net_capsules_build(const NetCapsuleNet *o, const NetModelInput *input,
                             const NeuronSpec *spec, NetCapsuleBlocks *blocks,
                             NetGraph *graph);
