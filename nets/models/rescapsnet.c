/* nets/models/rescapsnet.c: capsule layers with identity skips (Gugglberger, Peer,
 * Rodriguez-Sanchez 2021): x = x + f1(x); x = x + f2(x) in every block. */
#include <stddef.h>

#include "nets/models/capsules_internal.h"

/* clang-format off */
static const SimOption options[] = {
    NET_CAPSULE_ROWS(32, 1, NET_GRADIENT_LAST, NET_MASK_PREDICTION),
    {0},
};
/* clang-format on */

static int chain(const NetCapsuleNet *o, NetGraph *graph, int x)
{
    const NetJoin add = {NET_JOIN_ADD};
    for (int64_t b = 1; b <= o->blocks; b++)
        for (int layer = 1; layer <= 2; layer++) {
            const int f =
                net_capsules_layer(o, graph, x, "block%lld.caps%d", (long long)b, layer);
            x = net_graph_add(graph, &net_layer_join, &add, 2, (int[]){f, x},
                              "block%lld.add%d", (long long)b, layer);
        }
    return x;
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    return net_capsules_build(given, input, spec, chain, graph);
}

const NetModel net_model_rescapsnet = {
    .name = "rescapsnet",
    .summary = "capsule layers with identity skips",
    .source = "Gugglberger, Peer, Rodriguez-Sanchez, ICANN 2021",
    .options = options,
    .options_size = sizeof(NetCapsuleNet),
    .neuron = net_capsules_neuron,
    .widen = net_capsules_widen,
    .build = build,
};
