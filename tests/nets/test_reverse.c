/* Reversible chains: what goes in comes back to the bit, gradients are those of a net
 * that keeps everything, and memory does not grow with the number of blocks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "nets/layers.h"
#include "nets/layers/grid_internal.h"
#include "nets/model.h"
#include "tests/nets/layer_harness.h"
#include "tests/nets/net_fixture.h"
#include "tests/support.h"

/* --- layers: a hundred blocks there and back -------------------------------------------
 */

enum { N_BLOCKS = 100, T = 2, N = 2, H = 5, W = 4, C = 7, COUNT = T * N * H * W * C };
static const SimShape shape = {T, N, H, W, C};

/* What a block adds: something steep of its neighbours, another for every block. */
static void inner(size_t block, const float *x, float *f)
{
    for (size_t i = 0; i < COUNT; i++)
        f[i] = tanhf(3.0f * x[(i + block) % COUNT] - 2.0f * x[(7 * i + 1) % COUNT] +
                     0.01f * (float)block);
}

static void start(float *x, uint64_t seed)
{
    test_fill(x, COUNT, seed);
    for (size_t i = 0; i < COUNT; i++)
        x[i] = net_grid_round(net_grid_magic(NET_GRID_BITS), 2.0f * x[i]);
}

static Harness *open_layer(const NetLayer *layer, const void *options, size_t n_inputs)
{
    const HarnessSetup setup = {.layer = layer,
                                .options = options,
                                .in = {shape, shape},
                                .n_inputs = n_inputs,
                                .steps = T,
                                .training = true,
                                .reversed = true,
                                .threads = 2};
    Harness *h = malloc(sizeof *h);
    harness_open(&setup, h);
    return h;
}

static void close_layer(Harness *h)
{
    harness_close(h);
    free(h);
}

/* y = layer(a, b), or with a NULL its first input back from y and b. */
static void run(Harness *h, const float *a, const float *b, float *y)
{
    memcpy(h->x[0], a, sizeof(float) * COUNT);
    if (b)
        memcpy(h->x[1], b, sizeof(float) * COUNT);
    harness_forward(h);
    memcpy(y, h->y, sizeof(float) * COUNT);
}

static void run_back(Harness *h, size_t input, bool over, const float *y,
                     const float *other, float *x)
{
    memcpy(h->out.f32, y, sizeof(float) * COUNT);
    memcpy(h->packed[1 - input].f32, other, sizeof(float) * COUNT);
    harness_invert(h, input, over);
    memcpy(x, h->x[input], sizeof(float) * COUNT);
}

/* The largest difference; 0 only for equal bits. */
static double difference(const float *a, const float *b)
{
    double most = 0.0;
    for (size_t i = 0; i < COUNT; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    if (most == 0.0 && memcmp(a, b, sizeof(float) * COUNT) != 0)
        return (double)INFINITY;
    return most;
}

static double couple_there_and_back(bool exact, bool over)
{
    static float x[2][COUNT], y[2][COUNT], f[COUNT];
    const NetCouple options = {exact, NET_GRID_BITS};
    Harness *h = open_layer(&net_layer_couple, &options, 2);
    for (size_t half = 0; half < 2; half++) {
        start(x[half], 3 + half);
        memcpy(y[half], x[half], sizeof y[half]);
    }
    for (size_t block = 0; block < N_BLOCKS; block++)
        for (size_t half = 0; half < 2; half++) {
            inner(2 * block + half, y[1 - half], f);
            run(h, y[half], f, y[half]);
        }
    cr_assert_gt(difference(x[0], y[0]), 1.0, "nothing was added");
    for (size_t block = N_BLOCKS; block-- > 0;)
        for (size_t half = 2; half-- > 0;) {
            inner(2 * block + half, y[1 - half], f);
            run_back(h, 0, over, y[half], f, y[half]);
        }
    close_layer(h);
    return fmax(difference(x[0], y[0]), difference(x[1], y[1]));
}

Test(reverse, couple_comes_back_to_the_bit)
{
    cr_expect_eq(couple_there_and_back(true, false), 0.0);
    cr_expect_eq(couple_there_and_back(true, true), 0.0);
}

/* Plain floats lose the rounding of each sum, and no more while what is added is as steep
 * as this only for a few blocks. */
Test(reverse, plain_couple_drifts)
{
    const double drift = couple_there_and_back(false, false);
    cr_expect_gt(drift, 0.0, "100 blocks of plain floats without a rounding?");
}

static double momentum_there_and_back(double gamma, bool exact, bool over)
{
    static float x0[COUNT], x[COUNT], v[COUNT], f[COUNT];
    const NetCouple sum = {exact, NET_GRID_BITS};
    const NetMomentum options = {gamma, exact, NET_VELOCITY_BITS};
    Harness *add = open_layer(&net_layer_couple, &sum, 2), *velocity[N_BLOCKS];
    start(x0, 5);
    memcpy(x, x0, sizeof x);
    for (size_t block = 0; block < N_BLOCKS; block++) {
        velocity[block] = open_layer(&net_layer_momentum, &options, block == 0 ? 1 : 2);
        inner(block, x, f);
        run(velocity[block], f, block == 0 ? NULL : v, v);
        run(add, x, v, x);
    }
    if (gamma < 1.0) /* else the velocity stays at rest */
        cr_assert_gt(difference(x0, x), 0.5, "nothing was added");
    for (size_t block = N_BLOCKS; block-- > 0;) {
        run_back(add, 0, over, x, v, x);
        inner(block, x, f);
        if (block > 0)
            run_back(velocity[block], 1, over, v, f, v);
        close_layer(velocity[block]);
    }
    close_layer(add);
    return difference(x0, x);
}

Test(reverse, momentum_comes_back_to_the_bit)
{
    static const double gammas[] = {0.9, 0.5, 0.99, 1.0 / 3.0, 0.1, 1.0};
    for (size_t i = 0; i < sizeof gammas / sizeof *gammas; i++) {
        cr_expect_eq(momentum_there_and_back(gammas[i], true, false), 0.0, "gamma %g",
                     gammas[i]);
        cr_expect_eq(momentum_there_and_back(gammas[i], true, true), 0.0, "gamma %g",
                     gammas[i]);
    }
}

Test(reverse, plain_momentum_is_lost)
{
    cr_expect_gt(momentum_there_and_back(0.5, false, false), 1e-3,
                 "dividing by 0.5 a hundred times in plain floats");
}

/* The remainder bits that are saved are little more than what is lost. */
Test(reverse, momentum_saves_few_bits)
{
    static const double gammas[] = {0.99, 0.9, 0.5, 0.25};
    for (size_t i = 0; i < sizeof gammas / sizeof *gammas; i++) {
        const NetMomentum options = {gammas[i], true, NET_VELOCITY_BITS};
        const SimShape big = {1, 64, 1, 1, 4096};
        const HarnessSetup setup = {.layer = &net_layer_momentum,
                                    .options = &options,
                                    .in = {big, big},
                                    .n_inputs = 2,
                                    .steps = 1,
                                    .training = true,
                                    .reversed = true};
        Harness h;
        fixture_good(harness_plan(&setup, &h));
        const double bits =
            8.0 * (double)h.plan.saved_bytes / (double)sim_shape_count(big);
        cr_expect_leq(bits, 1.2 * log2(1.0 / gammas[i]) + 0.01, "gamma %g: %.3f bits",
                      gammas[i], bits);
    }
}

/* --- nets: the gradients of keep -------------------------------------------------------
 */

enum { SIDE = 6, STEPS = 3, BATCH = 2, WIDTH = 6, WIDE = 32 };

typedef enum Chain { COUPLED, MOMENTUM, DENSE_MOMENTUM } Chain;

static int add_inner(NetGraph *graph, Chain chain, int x, size_t width, int block,
                     const char *name)
{
    static const NetNorm norm = {.momentum = 0.1, .epsilon = 1e-5, .gamma = 1.0};
    const NetConv conv = {.channels = (int64_t)width,
                          .kernel = 3,
                          .stride = 1,
                          .padding = 1,
                          .groups = 1,
                          .init = 1,
                          .gain = 1.0};
    NetNeuron neuron = {neuron_spec_default()};
    if (chain == DENSE_MOMENTUM) {
        fixture_good(neuron_spec_set(&neuron.spec, "soma", "none"));
        fixture_good(neuron_spec_set(&neuron.spec, "dendrite", "relu"));
    } else { /* a surrogate that is zero far from the threshold: active bits travel */
        fixture_good(neuron_spec_set(&neuron.spec, "surrogate", "triangle"));
        fixture_good(neuron_spec_set(&neuron.spec, "threshold", "0.5"));
    }
    x = net_graph_add(graph, &net_layer_neuron, &neuron, 1, &x, "%s%d.neuron", name,
                      block);
    x = net_graph_add(graph, &net_layer_conv, &conv, 1, &x, "%s%d.conv", name, block);
    return net_graph_add(graph, &net_layer_norm, &norm, 1, &x, "%s%d.norm", name, block);
}

/* Stem in stage 0, the chain in stage 1, head in stage 2. */
static void open_chain(Chain chain, double gamma, int n_blocks, size_t side, size_t width,
                       Fixture *f)
{
    memset(f, 0, sizeof *f);
    fixture_good(sim_context_create(2, NULL, &f->context));
    NetGraph *g = &f->graph;
    const NetConv conv = {.channels = (int64_t)width,
                          .kernel = 1,
                          .stride = 1,
                          .groups = 1,
                          .init = 1,
                          .gain = 1.0};
    const NetCouple couple = {true, NET_GRID_BITS};
    const NetMomentum momentum = {gamma, true, NET_VELOCITY_BITS};
    const NetHalf first = {false}, second = {true};
    const NetLinear linear = {.channels = 3, .init = 1, .gain = 1.0};
    int x = net_graph_input(g, "in", side, side, 2, false);
    x = net_graph_add(g, &net_layer_conv, &conv, 1, &x, "stem");
    g->stage = 1;
    x = net_graph_add(g, &net_layer_grid, NULL, 1, &x, "grid");
    if (chain == COUPLED) {
        int half[2] = {net_graph_add(g, &net_layer_half, &first, 1, &x, "first"),
                       net_graph_add(g, &net_layer_half, &second, 1, &x, "second")};
        for (int b = 0; b < n_blocks; b++)
            for (int i = 0; i < 2; i++) {
                const int inner_out =
                    add_inner(g, chain, half[1 - i], width / 2, b, i == 0 ? "f" : "g");
                half[i] = net_graph_add(g, &net_layer_couple, &couple, 2,
                                        (int[]){half[i], inner_out}, "sum%d.%d", b, i);
            }
        x = net_graph_add(g, &net_layer_concat, NULL, 2, half, "halves");
    } else {
        int v = -1;
        for (int b = 0; b < n_blocks; b++) {
            const int inner_out = add_inner(g, chain, x, width, b, "f");
            v = net_graph_add(g, &net_layer_momentum, &momentum, b == 0 ? 1 : 2,
                              (int[]){inner_out, v}, "velocity%d", b);
            x = net_graph_add(g, &net_layer_couple, &couple, 2, (int[]){x, v}, "sum%d",
                              b);
        }
    }
    g->stage = 2;
    x = add_inner(g, COUPLED, x, width, 0, "head");
    x = net_graph_add(g, &net_layer_linear, &linear, 1, &x, "fc");
    net_graph_output(g, x);
    fixture_good(net_params_create(g, STEPS, 5, &f->context, &f->params));
}

static const struct {
    Chain chain;
    double gamma;
} chains[] = {{COUPLED, 1.0},        {MOMENTUM, 0.9},       {MOMENTUM, 0.5},
              {DENSE_MOMENTUM, 0.9}, {DENSE_MOMENTUM, 0.5}, {DENSE_MOMENTUM, 1.0}};
enum { N_CHAINS = sizeof chains / sizeof *chains };
static size_t all_chains[] = {0, 1, 2, 3, 4, 5};

ParameterizedTestParameters(reverse, gradients_of_keep)
{
    return cr_make_param_array(size_t, all_chains, N_CHAINS);
}

ParameterizedTest(const size_t *index, reverse, gradients_of_keep)
{
    enum { DEEP = 6 };
    Fixture f;
    size_t n;
    open_chain(chains[*index].chain, chains[*index].gamma, DEEP, SIDE, WIDTH, &f);
    NetPlanOptions options = {.batch = BATCH, .steps = STEPS, .training = true};
    float *keep = fixture_train(&f, &options, &n);
    double size = 0.0; /* of the gradients of the first block */
    for (size_t i = n - f.params.n_trained; i < n; i++)
        size += fabs((double)keep[i]);
    cr_assert(isfinite(size) && size > 0.0);

    static const struct {
        const char *what;
        NetMemory memory;
        const char *stages;
    } plans[] = {
        {"recompute", NET_MEMORY_RECOMPUTE, NULL},
        {"reverse", NET_MEMORY_REVERSE, NULL},
        {"reverse in the chain", NET_MEMORY_KEEP, "1=reverse"},
        {"another policy in each stage", NET_MEMORY_KEEP, "0=recompute,1=reverse,2=keep"},
        {"recompute in the chain", NET_MEMORY_KEEP, "1-1=recompute"}};
    for (size_t p = 0; p < sizeof plans / sizeof *plans; p++) {
        options.memory = plans[p].memory;
        options.stage_memory = plans[p].stages;
        float *lean = fixture_train(&f, &options, &n);
        cr_expect_eq(memcmp(keep, lean, n * sizeof *keep), 0, "%s", plans[p].what);
        free(lean);
    }
    free(keep);
    fixture_close(&f);
}

/* Capsules of a still image, whose wires are the same at every step. */
Test(reverse, capsules_of_an_image)
{
    static const char *const settings[][2] = {
        {"channels", "16"}, {"kernel", "3"},   {"primary_pose", "4"}, {"capsules", "6"},
        {"pose", "4"},      {"decoder", "12"}, {"blocks", "4"}};
    const NetModel *model = net_model_find("mocapsnet");
    cr_assert_not_null(model);
    Fixture f = {0};
    NeuronSpec spec;
    size_t n, given_back = 0;
    void *options = calloc(1, model->options_size);
    fixture_good(sim_context_create(2, NULL, &f.context));
    sim_options_init(model->options, options);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        fixture_good(
            sim_option_set(model->options, options, settings[i][0], settings[i][1]));
    model->neuron(options, &spec);
    fixture_good(
        model->build(options, &(NetModelInput){12, 12, 1, 3, 1, true}, &spec, &f.graph));
    fixture_good(net_params_create(&f.graph, 1, 5, &f.context, &f.params));
    NetPlanOptions plan = {.batch = 3, .steps = 1, .training = true};
    float *keep = fixture_train(&f, &plan, &n);
    plan.memory = NET_MEMORY_REVERSE;
    float *reverse = fixture_train(&f, &plan, &n);
    cr_expect_eq(memcmp(keep, reverse, n * sizeof *keep), 0);
    Net *net = NULL;
    fixture_good(net_create(&f.graph, &f.params, &plan, &f.context, &net));
    for (size_t i = 0; i < f.graph.n_nodes; i++)
        given_back += net_node_info(net, i).source == NET_WIRE_GIVEN_BACK;
    cr_expect_geq(given_back, 12, "only %zu wires are given back", given_back);
    net_destroy(net);
    free(keep);
    free(reverse);
    free(options);
    fixture_close(&f);
}

/* --- memory ----------------------------------------------------------------------------
 */

/* Of training, without what learning itself takes. */
static double needs(Fixture *f, NetMemory memory)
{
    NetMemoryInfo info;
    const NetPlanOptions options = {
        .batch = 16, .steps = STEPS, .training = true, .memory = memory};
    fixture_good(net_measure(&f->graph, &f->params, &options, &f->context, &info));
    return (double)(info.total - info.gradients);
}

ParameterizedTestParameters(reverse, memory_of_depth)
{
    return cr_make_param_array(size_t, all_chains, N_CHAINS);
}

ParameterizedTest(const size_t *index, reverse, memory_of_depth)
{
    static const int depths[] = {1, 2, 4, 16, 64};
    enum { N_DEPTHS = sizeof depths / sizeof *depths };
    double keep[N_DEPTHS], reverse[N_DEPTHS];
    for (size_t i = 0; i < N_DEPTHS; i++) {
        Fixture f;
        open_chain(chains[*index].chain, chains[*index].gamma, depths[i], 2 * SIDE, WIDE,
                   &f);
        keep[i] = needs(&f, NET_MEMORY_KEEP);
        reverse[i] = needs(&f, NET_MEMORY_REVERSE);
        fixture_close(&f);
    }
    for (size_t i = 2; i < N_DEPTHS; i++) {
        const double blocks = depths[i] - depths[i - 1];
        const double slope = (keep[i] - keep[i - 1]) / blocks;
        cr_assert_gt(slope, 0.0);
        /* The bits that momentum loses at 0.5 are one in 32 of a wire. */
        const double share = chains[*index].gamma < 0.9 ? 0.02 : 0.01;
        cr_expect_leq((reverse[i] - reverse[i - 1]) / blocks, share * slope,
                      "%d blocks: %g more a block, keep %g", depths[i],
                      (reverse[i] - reverse[i - 1]) / blocks, slope);
    }
    if (chains[*index].gamma >= 0.9)
        cr_expect_leq(reverse[4], 1.1 * reverse[1], "64 blocks take %g, 2 take %g",
                      reverse[4], reverse[1]);
}

/* Any budget between the leanest plan and keep: it is held, and never wasted by choosing
 * what is both slower and larger; the gradients stay. */
Test(reverse, auto_holds_the_budget)
{
    enum { BLOCKS = 6, N_BUDGETS = 4 };
    Fixture f;
    NetMemoryInfo keep, lean, chosen;
    size_t n, before = SIZE_MAX, kinds = 0;
    open_chain(MOMENTUM, 0.9, BLOCKS, SIDE, WIDTH, &f);
    NetPlanOptions options = {.batch = BATCH, .steps = STEPS, .training = true};
    fixture_good(net_measure(&f.graph, &f.params, &options, &f.context, &keep));
    float *wanted = fixture_train(&f, &options, &n);
    options.memory = NET_MEMORY_REVERSE;
    fixture_good(net_measure(&f.graph, &f.params, &options, &f.context, &lean));
    cr_assert_lt(lean.total, keep.total);
    options.memory = NET_MEMORY_AUTO;
    for (size_t i = 0; i <= N_BUDGETS; i++) {
        options.budget = keep.total - (keep.total - lean.total) * i / N_BUDGETS;
        fixture_good(net_measure(&f.graph, &f.params, &options, &f.context, &chosen));
        cr_expect_leq(chosen.total, options.budget, "budget %zu", i);
        kinds += chosen.total != before;
        before = chosen.total;
        float *got = fixture_train(&f, &options, &n);
        cr_expect_eq(memcmp(wanted, got, n * sizeof *got), 0, "budget %zu", i);
        free(got);
    }
    cr_expect_geq(kinds, 3, "only %zu plans for all budgets", kinds);

    options.stage_memory = "1=recompute"; /* what is asked for stays */
    options.budget = keep.total - (keep.total - lean.total) / 4;
    Net *net = NULL;
    fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
    for (size_t i = 0; i < f.graph.n_nodes; i++) {
        const NetNodeInfo info = net_node_info(net, i);
        if (f.graph.nodes[i].stage == 1)
            cr_expect(info.source != NET_WIRE_GIVEN_BACK, "%s", info.name);
    }
    net_destroy(net);
    free(wanted);
    fixture_close(&f);
}

/* Which wires of a chain stay: its end, whatever lies before. */
Test(reverse, only_the_end_stays)
{
    Fixture f;
    Net *net = NULL;
    size_t kept = 0, given_back = 0;
    open_chain(COUPLED, 1.0, 5, SIDE, WIDTH, &f);
    const NetPlanOptions options = {
        .batch = BATCH, .steps = STEPS, .training = true, .memory = NET_MEMORY_REVERSE};
    fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
    for (size_t i = 0; i < f.graph.n_nodes; i++) {
        const NetNodeInfo info = net_node_info(net, i);
        const bool inside = f.graph.nodes[i].stage == 1;
        kept += inside && info.source == NET_WIRE_KEPT;
        given_back += inside && info.source == NET_WIRE_GIVEN_BACK;
        cr_expect(info.memory == NET_MEMORY_REVERSE);
    }
    cr_expect_eq(kept, 1, "%zu wires stay, wanted the end of the chain", kept);
    /* both halves of five blocks, and the second half that enters the first */
    cr_expect_eq(given_back, 11, "%zu wires are given back", given_back);
    net_destroy(net);
    fixture_close(&f);
}

/* --- what cannot be --------------------------------------------------------------------
 */

static void expect_sentence(SimStatus status, const char *a, const char *b)
{
    cr_assert_neq(status, SIM_OK);
    cr_expect_not_null(strstr(sim_message(), a), "\"%s\" in \"%s\"", a, sim_message());
    cr_expect_not_null(strstr(sim_message(), b), "\"%s\" in \"%s\"", b, sim_message());
}

static SimStatus plan_layer(const NetLayer *layer, const void *options, SimShape a,
                            SimShape b)
{
    Harness h;
    const HarnessSetup setup = {.layer = layer,
                                .options = options,
                                .in = {a, b},
                                .n_inputs = layer->max_inputs > 1 ? 2 : 1,
                                .steps = T,
                                .training = true};
    return harness_plan(&setup, &h);
}

Test(reverse, bad_settings_get_a_sentence)
{
    const SimShape odd = {T, 1, 4, 4, 33}, even = {T, 1, 4, 4, 32},
                   small = {T, 1, 2, 2, 32};
    const NetMomentum momenta[] = {{0.0, true, 20}, {-0.5, true, 20}, {1.5, false, 20}};
    for (size_t i = 0; i < 3; i++)
        expect_sentence(plan_layer(&net_layer_momentum, &momenta[i], even, even), "gamma",
                        "at most 1");
    const NetHalf half = {false};
    expect_sentence(plan_layer(&net_layer_half, &half, odd, odd), "33", "even");
    const NetCouple couple = {true, NET_GRID_BITS};
    expect_sentence(plan_layer(&net_layer_couple, &couple, even, small),
                    "keeps the shape", "2x2x32");
    const NetMomentum good = {0.9, true, 20};
    expect_sentence(plan_layer(&net_layer_momentum, &good, small, even),
                    "keeps its shape", "4x4x32");
}

Test(reverse, reverse_wants_something_to_reverse)
{
    Fixture f;
    Net *net = NULL;
    open_chain(COUPLED, 1.0, 2, SIDE, WIDTH, &f);
    NetPlanOptions options = {
        .batch = BATCH, .steps = STEPS, .training = true, .stage_memory = "2=reverse"};
    expect_sentence(net_create(&f.graph, &f.params, &options, &f.context, &net),
                    "stage 2", "no reversible blocks");
    static const char *const texts[] = {
        "1",      "1=",       "reverse",       "1=reverse,", "x=keep",
        "1=auto", "2-1=keep", "1=keep;2=keep", "64=keep",    "1=keepers"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        options.stage_memory = texts[i];
        expect_sentence(net_create(&f.graph, &f.params, &options, &f.context, &net),
                        "STAGE=POLICY", texts[i]);
    }
    fixture_close(&f);

    memset(&f, 0, sizeof f);
    fixture_good(sim_context_create(1, NULL, &f.context));
    const NetLinear linear = {.channels = 3, .init = 1, .gain = 1.0};
    int x = net_graph_input(&f.graph, "in", 1, 1, 4, false);
    x = net_graph_add(&f.graph, &net_layer_linear, &linear, 1, &x, "fc");
    net_graph_output(&f.graph, x);
    fixture_good(net_params_create(&f.graph, STEPS, 5, &f.context, &f.params));
    options = (NetPlanOptions){
        .batch = BATCH, .steps = STEPS, .training = true, .memory = NET_MEMORY_REVERSE};
    expect_sentence(net_create(&f.graph, &f.params, &options, &f.context, &net),
                    "reversible blocks", "recompute");
    fixture_close(&f);
}

Test(reverse, model_refuses_what_it_cannot_build)
{
    static const struct {
        const char *key, *value, *key2, *value2, *a, *b;
    } cases[] = {{"stages", "33x1", "stem_stride", "1", "33", "even"},
                 {"gamma", "0", "block", "momentum", "gamma", "more than 0"},
                 {"stages", "32x1/2", "stem_stride", "1", "stages", "stem_stride"},
                 {"stages", "", "stem_stride", "1", "stages", "at least one"},
                 {"stages", "32", "stem_stride", "1", "stages", "WIDTHxBLOCKS"}};
    const NetModel *model = net_model_find("revsresnet");
    cr_assert_not_null(model);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        NetGraph graph = {0};
        NeuronSpec spec;
        void *options = calloc(1, model->options_size);
        sim_options_init(model->options, options);
        model->neuron(options, &spec);
        fixture_good(
            sim_option_set(model->options, options, cases[i].key, cases[i].value));
        fixture_good(
            sim_option_set(model->options, options, cases[i].key2, cases[i].value2));
        expect_sentence(model->build(options, &(NetModelInput){16, 16, 2, 10, 4, false},
                                     &spec, &graph),
                        cases[i].a, cases[i].b);
        net_graph_destroy(&graph);
        free(options);
    }
}
