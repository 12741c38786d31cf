/* nets/models/sewresnet.c: SEW-ResNet (Fang et al., NeurIPS 2021): the residual branch
 * ends in a neuron and its spikes meet those of the skip element by element.
 *
 *     o = SN(norm(conv(SN(norm(conv(x))))));   y = g(o, x), g = add, and or iand
 *     down-sampling: x through conv 1x1, norm and a neuron
 */
#include <math.h>
#include <stddef.h>

#include "nets/models/parts_internal.h"

typedef struct Options {
    int64_t depth, width, stem_kernel, stem_stride;
    bool stem_pool;
    int connect;
    char stages[128];
    bool zero_last;
} Options;

static const char *const connections[] = {"add", "and", "iand", NULL};

/* clang-format off */
static const SimOption options[] = {
    {"depth", SIM_OPTION_INT, offsetof(Options, depth), .initial = 18, .low = 18, .high = 34, .help = "18 or 34, when stages is empty"},
    {"width", SIM_OPTION_INT, offsetof(Options, width), .initial = 64, .low = 1, .high = 1024, .help = "channels of the stem and the first stage"},
    {"stages", SIM_OPTION_TEXT, offsetof(Options, stages), .size = sizeof ((Options *)0)->stages, .help = "WIDTHxBLOCKS[/STRIDE], separated by commas"},
    {"connect", SIM_OPTION_CHOICE, offsetof(Options, connect), .choices = connections, .help = "how branch and skip meet"},
    {"stem_kernel", SIM_OPTION_INT, offsetof(Options, stem_kernel), .initial = 3, .low = 1, .high = 11, .help = "side of the first kernel (7 for ImageNet)"},
    {"stem_stride", SIM_OPTION_INT, offsetof(Options, stem_stride), .initial = 1, .low = 1, .high = 4, .help = "stride of the first convolution (2 for ImageNet)"},
    {"stem_pool", SIM_OPTION_BOOL, offsetof(Options, stem_pool), .help = "max-pool 3 stride 2 after the stem (ImageNet)"},
    {"zero_last", SIM_OPTION_BOOL, offsetof(Options, zero_last), .help = "blocks start as the identity (last gamma of a branch 0)"},
    {0},
};
/* clang-format on */

static void neuron(const void *given, NeuronSpec *spec)
{
    (void)given;
    *spec = neuron_spec_default();
}

typedef struct Block {
    const NetParts *parts;
    const Options *options;
    size_t number, from_width, width, stride;
} Block;

static int add_block(const Block *b, int x)
{
    const NetParts *parts = b->parts;
    int skip = x, at;
    at = net_part_conv(parts, x, b->width, 3, b->stride, "block%zu.conv1", b->number);
    at = net_part_norm(parts, at, "block%zu.norm1", b->number);
    at = net_part_spike(parts, at, "block%zu.spike1", b->number);
    at = net_part_conv(parts, at, b->width, 3, 1, "block%zu.conv2", b->number);
    NetParts last = *parts;
    if (b->options->zero_last) { /* o = 0 for add and iand, o = 1 for and */
        last.norm.gamma = 0.0;
        last.norm.beta = b->options->connect == NET_JOIN_AND ? 1.0 : 0.0;
    }
    at = net_part_norm(&last, at, "block%zu.norm2", b->number);
    at = net_part_spike(parts, at, "block%zu.spike2", b->number);
    if (b->stride != 1 || b->from_width != b->width) {
        skip = net_part_conv(parts, skip, b->width, 1, b->stride, "block%zu.skip.conv",
                             b->number);
        skip = net_part_norm(parts, skip, "block%zu.skip.norm", b->number);
        skip = net_part_spike(parts, skip, "block%zu.skip.spike", b->number);
    }
    const NetJoin join = {b->options->connect};
    return net_graph_add(parts->graph, &net_layer_join, &join, 2, (int[]){at, skip},
                         "block%zu.join", b->number);
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
    x = net_part_spike(&parts, x, "stem.spike");
    if (o->stem_pool) {
        const NetPool pool = {.kernel = 3, .stride = 2, .padding = 1};
        x = net_graph_add(graph, &net_layer_max_pool, &pool, 1, &x, "stem.pool");
    }
    for (size_t s = 0; s < n_stages; s++) {
        graph->stage = (int)s + 1;
        for (size_t b = 0; b < stages[s].blocks; b++, number++) {
            x = add_block(&(Block){&parts, o, number, width, stages[s].width,
                                   b == 0 ? stages[s].stride : 1},
                          x);
            width = stages[s].width;
        }
    }
    graph->stage = (int)n_stages + 1;
    const NetLinear linear = {.bias = true, .init = 2, .gain = sqrt(1.0 / 6.0)};
    net_part_head(&parts, x, input->classes, 1, &linear);
    return net_graph_status(graph);
}

const NetModel net_model_sewresnet = {
    .name = "sewresnet",
    .summary = "SEW-ResNet: spikes of branch and skip meet by add, and or iand",
    .source = "Fang et al., NeurIPS 2021",
    .options = options,
    .options_size = sizeof(Options),
    .neuron = neuron,
    .widen = widen,
    .build = build,
};
