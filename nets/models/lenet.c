/* nets/models/lenet.c: two convolutions and three fully connected layers (LeCun et al.
 * 1998), as PyNADA (Georgescu et al. 2020) compares neurons on it.
 *
 *     conv 5x5 -> neuron -> pool -> conv 5x5 -> neuron -> pool -> 120 -> 84 -> classes
 *
 * Images of 28 x 28 are padded to 32 x 32 by the first convolution. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "nets/models/parts_internal.h"

typedef enum Dense { DENSE_SAME, DENSE_RELU } Dense;

typedef struct Options {
    char channels[64], hidden[64];
    int64_t padding;
    bool max_pool;
    int dense;
} Options;

static const char *const dense_names[] = {"same", "relu", NULL};

/* clang-format off */
static const SimOption options[] = {
    {"channels", SIM_OPTION_TEXT, offsetof(Options, channels), .size = sizeof ((Options *)0)->channels, .initial_text = "6,16", .help = "channels of the two convolutions"},
    {"hidden", SIM_OPTION_TEXT, offsetof(Options, hidden), .size = sizeof ((Options *)0)->hidden, .initial_text = "120,84", .help = "units of the two fully connected layers"},
    {"padding", SIM_OPTION_INT, offsetof(Options, padding), .initial = 2, .low = 0, .high = 2, .help = "of the first convolution: 2 makes 32 x 32 of 28 x 28"},
    {"max_pool", SIM_OPTION_BOOL, offsetof(Options, max_pool), .initial = 1, .help = "pooling takes the largest; false: the average"},
    {"dense", SIM_OPTION_CHOICE, offsetof(Options, dense), .choices = dense_names, .help = "units of the fully connected layers: same as in the convolutions, or relu (as in the ADA nets of the paper)"},
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
    net_part_widen(o->channels, sizeof o->channels, factor);
    net_part_widen(o->hidden, sizeof o->hidden, factor);
}

static SimStatus two_numbers(const char *key, const char *text, size_t out[2])
{
    unsigned a, b;
    int used = 0;
    if (sscanf(text, "%5u,%5u%n", &a, &b, &used) != 2 || text[used] || !a || !b)
        return sim_fail(SIM_ERR_VALUE,
                        "%s: wanted two numbers, as in \"6,16\", got \"%s\"", key, text);
    out[0] = a;
    out[1] = b;
    return SIM_OK;
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    SimStatus status = SIM_OK;
    const Options *o = given;
    const double gain = sqrt(1.0 / 6.0); /* as PyTorch starts its layers */
    NetParts parts = {.graph = graph, .neuron = *spec};
    NetConv conv = {
        .kernel = 5, .stride = 1, .groups = 1, .bias = true, .init = 2, .gain = gain};
    NetLinear linear = {.bias = true, .init = 2, .gain = gain};
    const NetPool pool = {.kernel = 2};
    const NetLayer *const pooling =
        o->max_pool ? &net_layer_max_pool : &net_layer_average_pool;
    size_t channels[2], hidden[2];
    SIM_TRY(two_numbers("channels", o->channels, channels));
    SIM_TRY(two_numbers("hidden", o->hidden, hidden));
    int x = net_part_input(&parts, input);
    for (size_t i = 0; i < 2; i++) {
        graph->stage = (int)i + 1;
        conv.channels = (int64_t)net_part_inputs(spec, channels[i]);
        conv.apart = net_part_apart(spec);
        conv.padding = i == 0 ? o->padding : 0;
        x = net_graph_add(graph, &net_layer_conv, &conv, 1, &x, "conv%zu", i + 1);
        if (i == 0 && input->constant && spec->soma->n_states)
            x = net_graph_add(graph, &net_layer_repeat, NULL, 1, &x, "repeat");
        x = net_part_spike(&parts, x, "neuron%zu", i + 1);
        x = net_graph_add(graph, pooling, &pool, 1, &x, "pool%zu", i + 1);
    }
    if (o->dense == DENSE_RELU)
        SIM_TRY(neuron_spec_set(&parts.neuron, "dendrite", "relu"));
    for (size_t i = 0; i < 2; i++) {
        graph->stage = 3;
        linear.channels = (int64_t)net_part_inputs(&parts.neuron, hidden[i]);
        linear.apart = net_part_apart(&parts.neuron);
        x = net_graph_add(graph, &net_layer_linear, &linear, 1, &x, "linear%zu", i + 1);
        x = net_part_spike(&parts, x, "neuron%zu", i + 3);
    }
    linear.channels = (int64_t)input->classes;
    linear.apart = 0;
    x = net_graph_add(graph, &net_layer_linear, &linear, 1, &x, "fc");
    net_graph_output(graph, x);
    status = net_graph_status(graph);
out:
    return status;
}

const NetModel net_model_lenet = {
    .name = "lenet",
    .summary = "two convolutions, three fully connected layers",
    .source = "LeCun et al., Proceedings of the IEEE 86(11), 1998; Georgescu et al., "
              "arXiv:2003.03229, 2020",
    .options = options,
    .options_size = sizeof(Options),
    .neuron = neuron,
    .widen = widen,
    .build = build,
};
