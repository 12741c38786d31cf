/* nets/models/sresnet.c: S-ResNet (Vicente-Sola et al., Neuromorphic Computing and
 * Engineering 2022): 6n + 2 weighted layers, spikes added over the skip after firing, one
 * batch norm per time step, membrane decay 0.8744, read-out by the mean voltage.
 *
 *     conv i -> norm -> neuron -> s;   i odd: a = s;   i even: a = skip = s + skip
 *     first even layer of stages 2 and 3: skip = norm(conv 1x1 stride 2 (skip)), no
 * neuron
 */
#include <math.h>
#include <stddef.h>

#include "nets/models/parts_internal.h"

typedef struct Options {
    int64_t n, filters, stem_stride;
    bool boosting, norm_per_step;
} Options;

/* clang-format off */
static const SimOption options[] = {
    {"n", SIM_OPTION_INT, offsetof(Options, n), .initial = 6, .low = 1, .high = 200, .help = "pairs of convolutions in each of the three stages (6: 38 layers)"},
    {"filters", SIM_OPTION_INT, offsetof(Options, filters), .initial = 32, .low = 1, .high = 1024, .help = "channels of the first stage"},
    {"stem_stride", SIM_OPTION_INT, offsetof(Options, stem_stride), .initial = 0, .low = 0, .high = 4, .help = "stride of the first convolution; 0: 2 for events, 1 for images"},
    {"boosting", SIM_OPTION_BOOL, offsetof(Options, boosting), .help = "ten units vote for each class"},
    {"norm_per_step", SIM_OPTION_BOOL, offsetof(Options, norm_per_step), .initial = 1, .help = "one batch norm per time step (BNTT); false: one for all"},
    {0},
};
/* clang-format on */

static void neuron(const void *given, NeuronSpec *spec)
{
    (void)given;
    *spec = neuron_spec_default();
    neuron_spec_set(spec, "decay", "0.8744");
    neuron_spec_set(spec, "gain", "1");
    neuron_spec_set(spec, "reset", "soft");
    neuron_spec_set(spec, "fires", "above");
    neuron_spec_set(spec, "surrogate", "triangle");
    neuron_spec_set(spec, "surrogate_scale", "0.3");
}

static void widen(void *given, double factor)
{
    Options *const o = given;
    net_part_widen_number(&o->filters, factor);
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    const Options *o = given;
    const NetParts parts = {
        .graph = graph,
        .conv = {.init = 0, .gain = 2.0}, /* Xavier uniform, gain 2 */
        .norm = {.sharing = o->norm_per_step ? NET_NORM_PER_STEP : NET_NORM_SHARED,
                 .momentum = 0.1,
                 .epsilon = 1e-4,
                 .gamma = 1.0},
        .neuron = *spec};
    const size_t n = (size_t)o->n;
    const size_t stem = o->stem_stride ? (size_t)o->stem_stride : input->constant ? 1 : 2;
    int a = net_part_input(&parts, input), skip = -1;
    for (size_t i = 0; i <= 6 * n; i++) {
        const size_t stage = i == 0 ? 0 : (i - 1) / (2 * n);
        const bool first = stage > 0 && i == 2 * n * stage + 1;
        const size_t channels = (size_t)o->filters << stage;
        graph->stage = i == 0 ? 0 : (int)stage + 1;
        int s = net_part_conv(&parts, a, channels, 3,
                              i == 0  ? stem
                              : first ? 2
                                      : 1,
                              "conv%zu", i);
        if (i == 0 && input->constant && !o->norm_per_step)
            s = net_graph_add(graph, &net_layer_repeat, NULL, 1, &s, "repeat");
        s = net_part_norm(&parts, s, "norm%zu", i);
        s = net_part_spike(&parts, s, "spike%zu", i);
        if (i > 0 && i % 2 == 0) {
            if (stage > 0 && i == 2 * n * stage + 2) {
                NetParts no_neuron = parts;
                no_neuron.neuron = neuron_spec_default();
                skip = net_part_conv(&no_neuron, skip, net_part_units(spec, channels), 1,
                                     2, "skip%zu.conv", stage);
                skip = net_part_norm(&parts, skip, "skip%zu.norm", stage);
            }
            const NetJoin add = {NET_JOIN_ADD};
            s = net_graph_add(graph, &net_layer_join, &add, 2, (int[]){s, skip}, "add%zu",
                              i);
        }
        if (i % 2 == 0)
            skip = s;
        a = s;
    }
    graph->stage = 4;
    const NetLinear linear = {.init = 0, .gain = 2.0};
    net_part_head(&parts, a, input->classes, o->boosting ? 10 : 1, &linear);
    return net_graph_status(graph);
}

const NetModel net_model_sresnet = {
    .name = "sresnet",
    .summary = "S-ResNet: spikes added over the skip, one norm per step",
    .source = "Vicente-Sola et al., Neuromorphic Computing and Engineering 2(4), 2022",
    .options = options,
    .options_size = sizeof(Options),
    .neuron = neuron,
    .widen = widen,
    .build = build,
};
