/* nets/models/mlp.c: fully connected layers with one kind of unit.
 *
 * The default is the small net of PyNADA (Georgescu et al. 2020): 784-100-10. With one
 * unit it is a single neuron and a threshold: what one neuron can tell apart. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "nets/models/parts_internal.h"

typedef struct Options {
    char hidden[128];
    bool norm;
    double dropout;
} Options;

/* clang-format off */
static const SimOption options[] = {
    {"hidden", SIM_OPTION_TEXT, offsetof(Options, hidden), .size = sizeof ((Options *)0)->hidden, .initial_text = "100", .help = "units of each hidden layer, separated by commas"},
    {"norm", SIM_OPTION_BOOL, offsetof(Options, norm), .help = "batch normalisation before each hidden layer's units"},
    {"dropout", SIM_OPTION_FLOAT, offsetof(Options, dropout), .initial = 0.0, .low = 0.0, .high = 0.95, .help = "share dropped after each hidden layer"},
    {0},
};
/* clang-format on */

static void neuron(const void *given, NeuronSpec *spec)
{
    (void)given;
    net_part_classical(spec);
}

static void widen(void *given, double factor)
{
    Options *const o = given;
    net_part_widen(o->hidden, sizeof o->hidden, factor);
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    const Options *o = given;
    const NetParts parts = {.graph = graph,
                            .norm = {.momentum = 0.1, .epsilon = 1e-5, .gamma = 1.0},
                            .neuron = *spec};
    /* As PyTorch starts a linear layer. */
    NetLinear linear = {.bias = true, .init = 2, .gain = sqrt(1.0 / 6.0)};
    size_t layers = 0;
    int x = net_part_input(&parts, input);
    for (const char *at = o->hidden; *at;) {
        char *end = NULL;
        const unsigned long units = strtoul(at, &end, 10);
        if (end == at || units == 0 || units > 65536 || (*end != '\0' && *end != ','))
            return sim_fail(SIM_ERR_VALUE,
                            "hidden: wanted units of each layer, separated by commas, as "
                            "in \"100,10\", got \"%s\"",
                            o->hidden);
        at = end + (*end == ',');
        layers++;
        linear.channels = (int64_t)net_part_inputs(spec, units);
        linear.apart = net_part_apart(spec);
        x = net_graph_add(graph, &net_layer_linear, &linear, 1, &x, "linear%zu", layers);
        if (layers == 1 && input->constant && spec->soma->n_states)
            x = net_graph_add(graph, &net_layer_repeat, NULL, 1, &x, "repeat");
        if (o->norm)
            x = net_part_norm(&parts, x, "norm%zu", layers);
        x = net_part_spike(&parts, x, "neuron%zu", layers);
        if (o->dropout > 0.0) {
            const NetDropout dropout = {.rate = o->dropout, .over_time = true};
            x = net_graph_add(graph, &net_layer_dropout, &dropout, 1, &x, "drop%zu",
                              layers);
        }
    }
    linear.channels = (int64_t)input->classes;
    linear.apart = 0;
    x = net_graph_add(graph, &net_layer_linear, &linear, 1, &x, "fc");
    net_graph_output(graph, x);
    return net_graph_status(graph);
}

const NetModel net_model_mlp = {
    .name = "mlp",
    .summary = "fully connected layers; with one unit, a single neuron",
    .source = "Georgescu et al., arXiv:2003.03229, 2020 (784-100-10)",
    .options = options,
    .options_size = sizeof(Options),
    .neuron = neuron,
    .widen = widen,
    .build = build,
};
