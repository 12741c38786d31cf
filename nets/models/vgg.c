/* nets/models/vgg.c: a plain stack of convolutions for CIFAR10-DVS.
 *
 * The default is the VGGSNN of TET (Deng et al., ICLR 2022):
 * 64C3-128C3-AP2-256C3-256C3-AP2- 512C3-512C3-AP2-512C3-512C3-AP2-FC. With max-pooling,
 * dropout and voters it is the family of Fang et al., ICCV 2021. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "nets/models/parts_internal.h"

typedef struct Options {
    char layers[192];
    bool max_pool;
    double dropout;
    int64_t hidden, voters;
} Options;

/* clang-format off */
static const SimOption options[] = {
    {"layers", SIM_OPTION_TEXT, offsetof(Options, layers), .size = sizeof ((Options *)0)->layers, .initial_text = "64,128,P,256,256,P,512,512,P,512,512,P", .help = "channels of 3x3 convolutions and P for pooling, separated by commas"},
    {"max_pool", SIM_OPTION_BOOL, offsetof(Options, max_pool), .help = "P takes the largest (of spikes: any); false: the average"},
    {"dropout", SIM_OPTION_FLOAT, offsetof(Options, dropout), .initial = 0.0, .low = 0.0, .high = 0.95, .help = "share dropped before linear layers"},
    {"hidden", SIM_OPTION_INT, offsetof(Options, hidden), .initial = 0, .low = 0, .high = 65536, .help = "units of a spiking layer before the read-out; 0: none"},
    {"voters", SIM_OPTION_INT, offsetof(Options, voters), .initial = 1, .low = 1, .high = 100, .help = "units that vote for each class"},
    {0},
};
/* clang-format on */

static void neuron(const void *given, NeuronSpec *spec)
{
    (void)given;
    *spec = neuron_spec_default(); /* TET: V = 0.5 V + x, triangle */
    neuron_spec_set(spec, "decay", "0.5");
    neuron_spec_set(spec, "gain", "1");
    neuron_spec_set(spec, "fires", "above");
    neuron_spec_set(spec, "surrogate", "triangle");
}

static int add_pool(const NetParts *parts, const Options *o, int from, size_t number)
{
    const NetPool pool = {.kernel = 2, .count_padding = true};
    return net_graph_add(parts->graph,
                         o->max_pool ? &net_layer_max_pool : &net_layer_average_pool,
                         &pool, 1, &from, "pool%zu", number);
}

static int add_dropout(const NetParts *parts, const Options *o, int from,
                       const char *name)
{
    const NetDropout dropout = {.rate = o->dropout, .over_time = true};
    return o->dropout == 0.0 ? from
                             : net_graph_add(parts->graph, &net_layer_dropout, &dropout,
                                             1, &from, "%s", name);
}

static void widen(void *given, double factor)
{
    Options *const o = given;
    net_part_widen(o->layers, sizeof o->layers, factor);
    if (o->hidden)
        net_part_widen_number(&o->hidden, factor);
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    const Options *o = given;
    const NetParts parts = {.graph = graph,
                            .conv = {.init = 1, .gain = 1.0}, /* Kaiming normal */
                            .norm = {.momentum = 0.1, .epsilon = 1e-5, .gamma = 1.0},
                            .neuron = *spec};
    size_t convs = 0, pools = 0;
    int x = net_part_input(&parts, input);
    for (const char *at = o->layers; *at;) {
        if (*at == 'P') {
            x = add_pool(&parts, o, x, ++pools);
            at++;
        } else {
            char *end = NULL;
            const unsigned long channels = strtoul(at, &end, 10);
            if (end == at || channels == 0 || channels > 8192)
                return sim_fail(
                    SIM_ERR_VALUE,
                    "layers: wanted channels and P, separated by commas, got \"%s\"",
                    o->layers);
            convs++;
            graph->stage = (int)pools + 1;
            x = net_part_conv(&parts, x, channels, 3, 1, "conv%zu", convs);
            if (convs == 1 && input->constant)
                x = net_graph_add(graph, &net_layer_repeat, NULL, 1, &x, "repeat");
            x = net_part_norm(&parts, x, "norm%zu", convs);
            x = net_part_spike(&parts, x, "spike%zu", convs);
            at = end;
        }
        if (*at != '\0' && *at != ',')
            return sim_fail(SIM_ERR_VALUE, "layers: a comma is missing before \"%s\"",
                            at);
        at += *at == ',';
    }
    if (convs == 0)
        return sim_fail(SIM_ERR_VALUE,
                        "layers: a network needs at least one convolution");
    const double bound = sqrt(1.0 / 6.0);
    if (o->hidden) {
        const NetLinear hidden = {.channels =
                                      (int64_t)net_part_inputs(spec, (size_t)o->hidden),
                                  .init = 1,
                                  .gain = 1.0,
                                  .apart = net_part_apart(spec)};
        x = add_dropout(&parts, o, x, "drop1");
        x = net_graph_add(graph, &net_layer_linear, &hidden, 1, &x, "hidden");
        x = net_part_spike(&parts, x, "hidden.spike");
    }
    x = add_dropout(&parts, o, x, "drop");
    const NetLinear linear = {.channels = (int64_t)input->classes * o->voters,
                              .bias = true,
                              .init = 2,
                              .gain = bound};
    x = net_graph_add(graph, &net_layer_linear, &linear, 1, &x, "fc");
    if (o->voters > 1) {
        const NetVote vote = {o->voters};
        x = net_graph_add(graph, &net_layer_vote, &vote, 1, &x, "vote");
    }
    net_graph_output(graph, x);
    return net_graph_status(graph);
}

const NetModel net_model_vgg = {
    .name = "vgg",
    .summary = "a plain stack of 3x3 convolutions",
    .source = "Deng et al., ICLR 2022 (VGGSNN); Fang et al., ICCV 2021",
    .options = options,
    .options_size = sizeof(Options),
    .neuron = neuron,
    .widen = widen,
    .build = build,
};
