/* nets/models/capsnet.c: CapsNet (Sabour, Frosst, Hinton, NeurIPS 2017): primary capsules
 * vote for class capsules. With `capsules` and `blocks` it is the deep plain net that
 * ResCapsNet and MoCapsNet are compared with: x = f1(x); x = f2(x). */
#include <stddef.h>

#include "nets/models/capsules_internal.h"

/* clang-format off */
static const SimOption options[] = {
    NET_CAPSULE_ROWS(0, 0, NET_GRADIENT_ALL, NET_MASK_LABEL),
    {0},
};
/* clang-format on */

static int chain(const NetCapsuleNet *o, NetGraph *graph, int x)
{
    for (int64_t b = 1; b <= o->blocks; b++)
        for (int layer = 1; layer <= 2; layer++)
            x = net_capsules_layer(o, graph, x, "block%lld.caps%d", (long long)b, layer);
    return x;
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    return net_capsules_build(given, input, spec, chain, graph);
}

const NetModel net_model_capsnet = {
    .name = "capsnet",
    .summary = "CapsNet: primary capsules vote for class capsules",
    .source = "Sabour, Frosst, Hinton, NeurIPS 2017",
    .options = options,
    .options_size = sizeof(NetCapsuleNet),
    .neuron = net_capsules_neuron,
    .widen = net_capsules_widen,
    .build = build,
};
