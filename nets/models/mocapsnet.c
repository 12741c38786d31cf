/* nets/models/mocapsnet.c: MoCapsNet (Gugglberger, Peer, Rodriguez-Sanchez, TMLR 2022):
 * capsule layers as one chain with momentum, which runs backwards:
 *
 *     v = gamma v + (1 - gamma) f(x);  x = x + v        v = 0 where a chain starts
 *
 * `chain: whole` is one chain through all layers. `chain: per_block` with `outer_skip` is
 * what the published code does: each block of two layers is a chain of its own, and what
 * comes out is added to what went in once more, so that poses double in every block and
 * nothing but the two layers inside can be undone. */
#include <stddef.h>

#include "nets/models/capsules_internal.h"

static const char *const chains[] = {"whole", "per_block", NULL};

/* clang-format off */
static const SimOption options[] = {
    NET_CAPSULE_ROWS(32, 1, NET_GRADIENT_LAST, NET_MASK_PREDICTION),
    {"gamma", SIM_OPTION_FLOAT, offsetof(NetCapsuleNet, gamma), .initial = 0.9, .low = 0.0, .high = 1.0, .help = "how much of the velocity stays, more than 0"},
    {"chain", SIM_OPTION_CHOICE, offsetof(NetCapsuleNet, chain), .choices = chains, .help = "one chain with momentum through all layers, or one in every block"},
    {"outer_skip", SIM_OPTION_BOOL, offsetof(NetCapsuleNet, outer_skip), .help = "add to what leaves a chain what entered it"},
    {"exact", SIM_OPTION_BOOL, offsetof(NetCapsuleNet, exact), .initial = 1, .help = "poses and velocities on a grid, undone to the bit; false: floating point"},
    {"grid_bits", SIM_OPTION_INT, offsetof(NetCapsuleNet, grid_bits), .initial = 20, .low = 1, .high = 23, .help = "exact: the grid is 2^-bits, its range 2^(24 - bits)"},
    {0},
};
/* clang-format on */

/* Layers first to last - 1 of 2 per block, as one chain. */
static int momentum(const NetCapsuleNet *o, NetGraph *graph, int x, int64_t first,
                    int64_t last)
{
    const NetMomentum momentum = {o->gamma, o->exact, o->grid_bits};
    const NetCouple couple = {o->exact, o->grid_bits};
    const NetJoin add = {NET_JOIN_ADD};
    const int start = x;
    int v = -1;
    for (int64_t layer = first; layer < last; layer++) {
        const long long b = (long long)(layer / 2 + 1);
        const int k = (int)(layer % 2 + 1);
        const int f = net_capsules_layer(o, graph, x, "block%lld.caps%d", b, k);
        v = net_graph_add(graph, &net_layer_momentum, &momentum, v < 0 ? 1 : 2,
                          (int[]){f, v < 0 ? f : v}, "block%lld.velocity%d", b, k);
        x = net_graph_add(graph, &net_layer_couple, &couple, 2, (int[]){x, v},
                          "block%lld.add%d", b, k);
    }
    if (o->outer_skip && last > first)
        x = net_graph_add(graph, &net_layer_join, &add, 2, (int[]){x, start},
                          "block%lld.skip", (long long)((last + 1) / 2));
    return x;
}

static int chain(const NetCapsuleNet *o, NetGraph *graph, int x)
{
    if (o->exact && o->blocks > 0) {
        const NetGrid grid = {o->grid_bits};
        x = net_graph_add(graph, &net_layer_grid, &grid, 1, &x, "grid");
    }
    if (o->chain == NET_CHAIN_WHOLE)
        return momentum(o, graph, x, 0, 2 * o->blocks);
    for (int64_t b = 0; b < o->blocks; b++)
        x = momentum(o, graph, x, 2 * b, 2 * b + 2);
    return x;
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    return net_capsules_build(given, input, spec, chain, graph);
}

const NetModel net_model_mocapsnet = {
    .name = "mocapsnet",
    .summary = "MoCapsNet: capsule layers in a chain with momentum, reversible",
    .source = "Gugglberger, Peer, Rodriguez-Sanchez, TMLR 2022",
    .options = options,
    .options_size = sizeof(NetCapsuleNet),
    .neuron = net_capsules_neuron,
    .widen = net_capsules_widen,
    .build = build,
};
