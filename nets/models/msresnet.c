/* nets/models/msresnet.c: MS-ResNet (Hu et al.): the identity joins the membrane input,
 * so every convolution reads plain spikes and the residual stream is real.
 *
 *     y = x + norm(conv(SN(norm(conv(SN(x))))))
 *     shortcut: conv 1x1 with the stride, norm; or average-pool first (104 layers)
 *
 * Norms over time and batch; the first of a branch starts at the threshold, the second at
 * 0.
 */
#include <math.h>
#include <stddef.h>

#include "nets/models/parts_internal.h"

typedef struct Options {
    int64_t depth, width, stem_kernel, stem_stride;
    char stages[128];
    double first_gamma, second_gamma;
} Options;

/* clang-format off */
static const SimOption options[] = {
    {"depth", SIM_OPTION_INT, offsetof(Options, depth), .initial = 18, .low = 18, .high = 34, .help = "18 or 34, when stages is empty"},
    {"width", SIM_OPTION_INT, offsetof(Options, width), .initial = 64, .low = 1, .high = 1024, .help = "channels of the stem and the first stage"},
    {"stages", SIM_OPTION_TEXT, offsetof(Options, stages), .size = sizeof ((Options *)0)->stages, .help = "WIDTHxBLOCKS[/STRIDE][a], a: the shortcut pools before it projects"},
    {"stem_kernel", SIM_OPTION_INT, offsetof(Options, stem_kernel), .initial = 3, .low = 1, .high = 11, .help = "side of the first kernel (7 for ImageNet)"},
    {"stem_stride", SIM_OPTION_INT, offsetof(Options, stem_stride), .initial = 1, .low = 1, .high = 4, .help = "stride of the first convolution (2 for ImageNet)"},
    {"first_gamma", SIM_OPTION_FLOAT, offsetof(Options, first_gamma), .initial = 0.5, .low = 0.0, .high = 100.0, .help = "initial scale of the first norm of a branch"},
    {"second_gamma", SIM_OPTION_FLOAT, offsetof(Options, second_gamma), .initial = 0.0, .low = 0.0, .high = 100.0, .help = "initial scale of the second norm of a branch"},
    {0},
};
/* clang-format on */

static void neuron(const void *given, NeuronSpec *spec)
{
    (void)given;
    *spec = neuron_spec_default();
    neuron_spec_set(spec, "decay", "0.25");
    neuron_spec_set(spec, "gain", "1");
    neuron_spec_set(spec, "threshold", "0.5");
    neuron_spec_set(spec, "fires", "above");
    neuron_spec_set(spec, "surrogate", "rectangle");
}

typedef struct Block {
    const NetParts *parts;
    const Options *options;
    size_t number, from_width, width, stride;
    bool average_shortcut;
} Block;

static int add_block(const Block *b, int x)
{
    NetParts parts = *b->parts;
    int skip = x, at;
    at = net_part_spike(&parts, x, "block%zu.spike1", b->number);
    at = net_part_conv(&parts, at, b->width, 3, b->stride, "block%zu.conv1", b->number);
    parts.norm.gamma = b->options->first_gamma;
    at = net_part_norm(&parts, at, "block%zu.norm1", b->number);
    at = net_part_spike(&parts, at, "block%zu.spike2", b->number);
    at = net_part_conv(&parts, at, b->width, 3, 1, "block%zu.conv2", b->number);
    parts.norm.gamma = b->options->second_gamma;
    at = net_part_norm(&parts, at, "block%zu.norm2", b->number);
    if (b->stride != 1 || b->from_width != b->width) {
        size_t stride = b->stride;
        if (b->average_shortcut) {
            const NetPool pool = {.kernel = (int64_t)stride, .count_padding = true};
            skip = net_graph_add(parts.graph, &net_layer_average_pool, &pool, 1, &skip,
                                 "block%zu.skip.pool", b->number);
            stride = 1;
        }
        skip = net_part_conv(&parts, skip, b->width, 1, stride, "block%zu.skip.conv",
                             b->number);
        parts.norm.gamma = 1.0;
        skip = net_part_norm(&parts, skip, "block%zu.skip.norm", b->number);
    }
    const NetJoin join = {NET_JOIN_ADD};
    return net_graph_add(parts.graph, &net_layer_join, &join, 2, (int[]){at, skip},
                         "block%zu.add", b->number);
}

static void widen(void *given, double factor)
{
    Options *const o = given;
    net_part_widen_number(&o->width, factor);
    net_part_widen(o->stages, sizeof o->stages, factor);
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    const Options *o = given;
    const NetParts parts = {.graph = graph,
                            .conv = {.init = 1, .gain = 1.0}, /* Kaiming normal */
                            .norm = {.momentum = 0.1, .epsilon = 1e-5, .gamma = 1.0},
                            .neuron = *spec};
    NetStage stages[NET_MAX_STAGES];
    size_t n_stages, number = 1;
    const SimStatus status =
        net_part_stages(o->stages, o->depth, o->width, stages, &n_stages);
    if (status != SIM_OK)
        return status;
    size_t width = *o->stages ? stages[0].width : (size_t)o->width;
    int x = net_part_input(&parts, input);
    x = net_part_conv(&parts, x, width, (size_t)o->stem_kernel, (size_t)o->stem_stride,
                      "stem.conv");
    if (input->constant)
        x = net_graph_add(graph, &net_layer_repeat, NULL, 1, &x, "stem.repeat");
    x = net_part_norm(&parts, x, "stem.norm");
    for (size_t s = 0; s < n_stages; s++) {
        graph->stage = (int)s + 1;
        for (size_t b = 0; b < stages[s].blocks; b++, number++) {
            x = add_block(&(Block){&parts, o, number, width, stages[s].width,
                                   b == 0 ? stages[s].stride : 1,
                                   stages[s].average_shortcut},
                          x);
            width = stages[s].width;
        }
    }
    graph->stage = (int)n_stages + 1;
    x = net_part_spike(&parts, x, "head.spike");
    const NetLinear linear = {.bias = true, .init = 2, .gain = sqrt(1.0 / 6.0)};
    net_part_head(&parts, x, input->classes, 1, &linear);
    return net_graph_status(graph);
}

const NetModel net_model_msresnet = {
    .name = "msresnet",
    .summary = "MS-ResNet: binary input to every convolution, real residual stream",
    .source =
        "Hu et al., Advancing Spiking Neural Networks towards Deep Residual Learning",
    .options = options,
    .options_size = sizeof(Options),
    .neuron = neuron,
    .widen = widen,
    .build = build,
};
