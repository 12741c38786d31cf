/* nets/models/revsresnet.c: reversible spiking ResNet (Zhang and Zhang, AAAI 2024). Every
 * block gives its input back from its output, so that a stage of any depth trains in the
 * memory of its ends.
 *
 *     halves     y1 = x1 + f(x2)   y2 = x2 + g(y1)        x1, x2: halves of the channels
 *     momentum   v' = gamma v + (1 - gamma) f(x)   x' = x + v'
 *     f, g       SN, conv 3x3, norm, SN, conv 3x3, norm
 *     between    SN, average-pool 3 stride 2, conv 1x1, norm
 *
 * Events: conv 3x3 stride 2, norm, average-pool 3 stride 2 before; images: conv 3x3 and
 * norm, once for all steps. */
#include <math.h>
#include <stddef.h>

#include "nets/models/parts_internal.h"

typedef struct Options {
    char stages[128];
    int block;
    double gamma;
    bool exact;
    int64_t stem_stride;
} Options;

enum { HALVES, MOMENTUM };
static const char *const blocks[] = {"halves", "momentum", NULL};

/* clang-format off */
static const SimOption options[] = {
    {"stages", SIM_OPTION_TEXT, offsetof(Options, stages), .size = sizeof ((Options *)0)->stages, .initial_text = "32x1,64x2/2,96x2/2", .help = "WIDTHxBLOCKS[/STRIDE], separated by commas; WIDTH counts both halves"},
    {"block", SIM_OPTION_CHOICE, offsetof(Options, block), .choices = blocks, .help = "halves that are added to each other in turn, or one chain with momentum"},
    {"gamma", SIM_OPTION_FLOAT, offsetof(Options, gamma), .initial = 0.9, .low = 0.0, .high = 1.0, .help = "of block momentum: how much of the velocity stays, more than 0"},
    {"exact", SIM_OPTION_BOOL, offsetof(Options, exact), .initial = 1, .help = "sums on a grid: what comes back is equal to the bit; false: plain floats, which drift"},
    {"stem_stride", SIM_OPTION_INT, offsetof(Options, stem_stride), .initial = 0, .low = 0, .high = 4, .help = "stride of the first convolution, from 2 on with a pool behind; 0: 2 for events, 1 for images"},
    {0},
};
/* clang-format on */

static void neuron(const void *given, NeuronSpec *spec)
{
    (void)given;
    *spec = neuron_spec_default();
    neuron_spec_set(spec, "tau", "1.5");
    neuron_spec_set(spec, "surrogate", "sigmoid"); /* alpha 4: SpikingJelly's own */
}

static void widen(void *given, double factor)
{
    Options *const o = given;
    net_part_widen_evenly(o->stages, sizeof o->stages, factor);
}

/* Kaiming's normal distribution after the outputs, as in the authors' code. */
static int conv(const NetParts *parts, int x, size_t from, size_t to, size_t kernel,
                size_t stride, const char *name)
{
    NetParts here = *parts;
    here.conv.gain = sqrt((double)from / (double)net_part_inputs(&parts->neuron, to));
    return net_part_conv(&here, x, to, kernel, stride, "%s.conv", name);
}

static int branch(const NetParts *parts, int x, size_t width, size_t number,
                  const char *name)
{
    for (int i = 1; i <= 2; i++) {
        x = net_part_spike(parts, x, "block%zu.%s.spike%d", number, name, i);
        x = net_part_conv(parts, x, width, 3, 1, "block%zu.%s.conv%d", number, name, i);
        x = net_part_norm(parts, x, "block%zu.%s.norm%d", number, name, i);
    }
    return x;
}

static int couple(const NetParts *parts, const Options *o, int x, int f, size_t number,
                  const char *name)
{
    const NetCouple sum = {o->exact, NET_GRID_BITS};
    return net_graph_add(parts->graph, &net_layer_couple, &sum, 2, (int[]){x, f},
                         "block%zu.%s", number, name);
}

static int add_halves(const NetParts *parts, const Options *o, int x, size_t stage,
                      size_t width, size_t n_blocks, size_t *number)
{
    NetGraph *graph = parts->graph;
    const NetHalf first = {false}, second = {true};
    int a = net_graph_add(graph, &net_layer_half, &first, 1, &x, "stage%zu.first", stage);
    int b =
        net_graph_add(graph, &net_layer_half, &second, 1, &x, "stage%zu.second", stage);
    for (size_t i = 0; i < n_blocks; i++, ++*number) {
        const int f = branch(parts, b, width / 2, *number, "f");
        a = couple(parts, o, a, f, *number, "first");
        const int g = branch(parts, a, width / 2, *number, "g");
        b = couple(parts, o, b, g, *number, "second");
    }
    return net_graph_add(graph, &net_layer_concat, NULL, 2, (int[]){a, b},
                         "stage%zu.halves", stage);
}

static int add_momentum(const NetParts *parts, const Options *o, int x, size_t width,
                        size_t n_blocks, size_t *number)
{
    const NetMomentum momentum = {o->gamma, o->exact, NET_VELOCITY_BITS};
    int v = -1;
    for (size_t i = 0; i < n_blocks; i++, ++*number) {
        const int f = branch(parts, x, width, *number, "f");
        v = net_graph_add(parts->graph, &net_layer_momentum, &momentum, i == 0 ? 1 : 2,
                          (int[]){f, v}, "block%zu.velocity", *number);
        x = couple(parts, o, x, v, *number, "sum");
    }
    return x;
}

static int add_stage(const NetParts *parts, const Options *o, int x, size_t stage,
                     const NetStage *s, size_t from_width, size_t *number)
{
    NetGraph *graph = parts->graph;
    char name[32];
    if (stage > 1) {
        x = net_part_spike(parts, x, "stage%zu.spike", stage);
        if (s->stride > 1) {
            const NetPool pool = {.kernel = 3,
                                  .stride = (int64_t)s->stride,
                                  .padding = 1,
                                  .count_padding = true};
            x = net_graph_add(graph, &net_layer_average_pool, &pool, 1, &x,
                              "stage%zu.pool", stage);
        }
        snprintf(name, sizeof name, "stage%zu", stage);
        x = conv(parts, x, from_width, s->width, 1, 1, name);
        x = net_part_norm(parts, x, "stage%zu.norm", stage);
    }
    if (o->exact)
        x = net_graph_add(graph, &net_layer_grid, NULL, 1, &x, "stage%zu.grid", stage);
    return o->block == HALVES
               ? add_halves(parts, o, x, stage, s->width, s->blocks, number)
               : add_momentum(parts, o, x, s->width, s->blocks, number);
}

static SimStatus check(const Options *o, const NetStage *stages, size_t n)
{
    if (o->block == MOMENTUM && !(o->gamma > 0.0))
        return sim_fail(SIM_ERR_VALUE,
                        "gamma: wanted more than 0 and at most 1, got %g: going back "
                        "divides by it",
                        o->gamma);
    if (n == 0)
        return sim_fail(SIM_ERR_VALUE, "stages: wanted at least one, as in \"32x2\"");
    if (stages[0].stride != 1)
        return sim_fail(SIM_ERR_VALUE,
                        "stages: the first one has no stride, stem_stride stands for it");
    for (size_t s = 0; s < n; s++)
        if (o->block == HALVES && stages[s].width % 2)
            return sim_fail(SIM_ERR_SHAPE,
                            "stages: %zu channels cannot be halved for the reversible "
                            "blocks of stage %zu: use an even number",
                            stages[s].width, s + 1);
    return SIM_OK;
}

static SimStatus build(const void *given, const NetModelInput *input,
                       const NeuronSpec *spec, NetGraph *graph)
{
    const Options *o = given;
    SimStatus status = SIM_OK;
    const NetParts parts = {.graph = graph,
                            .conv = {.init = 1, .gain = 1.0}, /* Kaiming normal */
                            .norm = {.momentum = 0.1, .epsilon = 1e-5, .gamma = 1.0},
                            .neuron = *spec};
    NetStage stages[NET_MAX_STAGES];
    size_t n_stages = 0, number = 1;
    if (*o->stages)
        SIM_TRY(net_part_stages(o->stages, 0, 0, stages, &n_stages));
    SIM_TRY(check(o, stages, n_stages));
    for (size_t s = 0; s < n_stages && o->block == HALVES; s++)
        stages[s].width = 2 * net_part_units(spec, stages[s].width / 2);
    const size_t stride = o->stem_stride    ? (size_t)o->stem_stride
                          : input->constant ? 1
                                            : 2;
    int x = net_part_input(&parts, input);
    x = conv(&parts, x, input->c, stages[0].width, 3, stride, "stem");
    x = net_part_norm(&parts, x, "stem.norm");
    if (stride > 1) {
        const NetPool pool = {
            .kernel = 3, .stride = 2, .padding = 1, .count_padding = true};
        x = net_graph_add(graph, &net_layer_average_pool, &pool, 1, &x, "stem.pool");
    }
    if (input->constant)
        x = net_graph_add(graph, &net_layer_repeat, NULL, 1, &x, "stem.repeat");
    for (size_t s = 0; s < n_stages; s++) {
        graph->stage = (int)s + 1;
        x = add_stage(&parts, o, x, s + 1, &stages[s], s ? stages[s - 1].width : 0,
                      &number);
    }
    graph->stage = (int)n_stages + 1;
    x = net_part_spike(&parts, x, "head.spike");
    const NetLinear linear = {.bias = true, .init = 2, .gain = sqrt(1.0 / 6.0)};
    net_part_head(&parts, x, input->classes, 1, &linear);
    status = net_graph_status(graph);
out:
    return status;
}

const NetModel net_model_revsresnet = {
    .name = "revsresnet",
    .summary = "reversible spiking ResNet: any depth in the memory of its ends",
    .source = "Zhang and Zhang, Memory-Efficient Reversible Spiking Neural Networks, "
              "AAAI 2024",
    .options = options,
    .options_size = sizeof(Options),
    .neuron = neuron,
    .widen = widen,
    .build = build,
};
