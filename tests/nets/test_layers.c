/* Every layer alone: what the contract of nets/layer.h promises, checked the same way for
 * each row of a table. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/nets/layer_harness.h"
#include "tests/support.h"

enum { T = 3, CONSTANT = 1, MAX_CASES = 128 };

typedef struct Case {
    const char *name;
    const NetLayer *layer;
    const void *options;
    SimShape in; /* n, h, w, c; t is 0 for a sequence, 1 for a constant wire */
    SimForm form[2];
    size_t n_inputs;
    bool smooth; /* central differences mean something and forms may be exchanged */
} Case;

static const NetConv conv3 = {
    .channels = 6, .kernel = 3, .stride = 1, .padding = 1, .groups = 1, .gain = 1.0};
static const NetConv conv_grouped = {.channels = 6,
                                     .kernel = 3,
                                     .stride = 2,
                                     .padding = 1,
                                     .groups = 2,
                                     .bias = true,
                                     .gain = 1.0};
static const NetLinear linear = {.channels = 7, .bias = true, .gain = 1.0};
static const NetNorm shared = {
    .sharing = NET_NORM_SHARED, .momentum = 0.1, .epsilon = 1e-5, .gamma = 1.0};
static const NetNorm per_step = {.sharing = NET_NORM_PER_STEP,
                                 .momentum = 0.1,
                                 .epsilon = 1e-4,
                                 .gamma = 0.5,
                                 .beta = 0.2};
static const NetPool pool2 = {.kernel = 2, .count_padding = true};
static const NetPool pool3 = {
    .kernel = 3, .stride = 2, .padding = 1, .count_padding = true};
static const NetPool pool3_inside = {.kernel = 3, .stride = 2, .padding = 1};
static const NetAdaptivePool global = {1, 1}, cells = {2, 3};
static const NetJoin add = {NET_JOIN_ADD}, both = {NET_JOIN_AND}, iand = {NET_JOIN_IAND};
static const NetDropout drop_over = {0.4, true}, drop = {0.3, false};
static const NetVote vote = {3};
static const NetGrid grid = {16};
static const NetCouple couple = {true, 16}, couple_plain = {false, 16};
static const NetMomentum nine_tenths = {0.9, true, 22}, half_gamma = {0.5, true, 22},
                         all_of_it = {1.0, true, 22}, plain = {0.9, false, 22};
static const NetHalf first_half = {false}, second_half = {true};

static const NetActivation relu = {NET_ACTIVATION_RELU},
                           sigmoid = {NET_ACTIVATION_SIGMOID},
                           tangent = {NET_ACTIVATION_TANH};
static const NetRate running = {true};
static const NetPrimaryCapsules by_channels = {4, NET_GROUPING_CHANNELS},
                                by_view = {8, NET_GROUPING_VIEW};
static const NetCapsules rba = {.capsules = 3,
                                .pose = 5,
                                .pose_in = 4,
                                .iterations = 3,
                                .gradient = NET_GRADIENT_ALL,
                                .deviation = 0.1};
static const NetCapsules rba_last = {
    .capsules = 7, .pose = 8, .pose_in = 6, .iterations = 2, .bias = true};
static const NetCapsules sda = {.capsules = 4,
                                .pose = 6,
                                .pose_in = 4,
                                .routing = NET_ROUTING_SDA,
                                .iterations = 3,
                                .bias = true};
static const NetCapsules sda_all = {.capsules = 4,
                                    .pose = 3,
                                    .pose_in = 12,
                                    .routing = NET_ROUTING_SDA,
                                    .iterations = 3,
                                    .gradient = NET_GRADIENT_ALL,
                                    .pooled = true};
static const NetCapsuleLength length = {4};
static const NetCapsuleMask mask = {4, NET_MASK_PREDICTION};
static const NetSquaredError error = {0.7};

static const NetGroupRational rational = {.groups = 4};
static const NetPwlu aligned = {0, 0}, waits = {2, 1};
static const NetDynamicRelu dynamic_a = {0, 4, 10.0}, dynamic_b = {1, 4, 10.0},
                            dynamic_c = {2, 4, 10.0};

#define SHAPE                                                                            \
    {                                                                                    \
        0, 2, 5, 6, 12                                                                   \
    }
#define WIDE                                                                             \
    {                                                                                    \
        0, 2, 4, 4, 70                                                                   \
    }
#define D SIM_DENSE
#define S SIM_SPIKES
static const Case cases[] = {
    {"conv", &net_layer_conv, &conv3, SHAPE, {D}, 1, true},
    {"conv spikes", &net_layer_conv, &conv3, WIDE, {S}, 1, true},
    {"conv constant", &net_layer_conv, &conv3, {1, 2, 5, 6, 12}, {D}, 1, true},
    {"conv grouped", &net_layer_conv, &conv_grouped, SHAPE, {D}, 1, true},
    {"conv grouped spikes", &net_layer_conv, &conv_grouped, SHAPE, {S}, 1, true},
    {"linear", &net_layer_linear, &linear, SHAPE, {D}, 1, true},
    {"linear spikes", &net_layer_linear, &linear, {0, 3, 1, 1, 100}, {S}, 1, true},
    {"norm", &net_layer_norm, &shared, SHAPE, {D}, 1, true},
    {"norm wide", &net_layer_norm, &shared, {0, 2, 3, 3, 130}, {D}, 1, true},
    {"norm many", &net_layer_norm, &shared, {0, 3, 40, 40, 8}, {D}, 1, true},
    {"norm constant", &net_layer_norm, &shared, {1, 2, 5, 6, 12}, {D}, 1, true},
    {"norm per step", &net_layer_norm, &per_step, SHAPE, {D}, 1, true},
    {"norm per step, constant",
     &net_layer_norm,
     &per_step,
     {1, 3, 40, 40, 8},
     {D},
     1,
     true},
    {"average", &net_layer_average_pool, &pool2, SHAPE, {D}, 1, true},
    {"average padded", &net_layer_average_pool, &pool3, SHAPE, {D}, 1, true},
    {"average inside", &net_layer_average_pool, &pool3_inside, SHAPE, {D}, 1, true},
    {"average spikes", &net_layer_average_pool, &pool3, WIDE, {S}, 1, true},
    {"average constant", &net_layer_average_pool, &pool2, {1, 2, 5, 6, 12}, {D}, 1, true},
    {"max", &net_layer_max_pool, &pool2, SHAPE, {D}, 1, true},
    {"max padded", &net_layer_max_pool, &pool3, SHAPE, {D}, 1, true},
    {"max spikes", &net_layer_max_pool, &pool3, WIDE, {S}, 1, false},
    {"global", &net_layer_adaptive_pool, &global, SHAPE, {D}, 1, true},
    {"cells", &net_layer_adaptive_pool, &cells, SHAPE, {D}, 1, true},
    {"cells spikes", &net_layer_adaptive_pool, &cells, WIDE, {S}, 1, true},
    {"add", &net_layer_join, &add, SHAPE, {D, D}, 2, true},
    {"add spikes to dense", &net_layer_join, &add, WIDE, {D, S}, 2, true},
    {"add dense to spikes", &net_layer_join, &add, WIDE, {S, D}, 2, true},
    {"add spikes", &net_layer_join, &add, WIDE, {S, S}, 2, true},
    {"and", &net_layer_join, &both, SHAPE, {D, D}, 2, true},
    {"and spikes", &net_layer_join, &both, WIDE, {S, S}, 2, false},
    {"and mixed", &net_layer_join, &both, WIDE, {S, D}, 2, true},
    {"iand", &net_layer_join, &iand, SHAPE, {D, D}, 2, true},
    {"iand spikes", &net_layer_join, &iand, WIDE, {S, S}, 2, false},
    {"flatten", &net_layer_flatten, NULL, SHAPE, {D}, 1, true},
    {"flatten spikes", &net_layer_flatten, NULL, WIDE, {S}, 1, true},
    {"dropout over time", &net_layer_dropout, &drop_over, SHAPE, {D}, 1, true},
    {"dropout", &net_layer_dropout, &drop, WIDE, {S}, 1, true},
    {"vote", &net_layer_vote, &vote, SHAPE, {D}, 1, true},
    {"repeat", &net_layer_repeat, NULL, {1, 2, 5, 6, 12}, {D}, 1, true},
    {"grid", &net_layer_grid, &grid, SHAPE, {D}, 1, true},
    {"couple", &net_layer_couple, &couple, SHAPE, {D, D}, 2, true},
    {"couple spikes", &net_layer_couple, &couple, WIDE, {S, S}, 2, true},
    {"couple plain", &net_layer_couple, &couple_plain, SHAPE, {D, D}, 2, true},
    {"momentum from rest", &net_layer_momentum, &nine_tenths, SHAPE, {D}, 1, true},
    {"momentum", &net_layer_momentum, &nine_tenths, SHAPE, {D, D}, 2, true},
    {"momentum wide",
     &net_layer_momentum,
     &nine_tenths,
     {0, 3, 20, 20, 21},
     {D, D},
     2,
     true},
    {"momentum 1/2", &net_layer_momentum, &half_gamma, SHAPE, {D, D}, 2, true},
    {"momentum 1", &net_layer_momentum, &all_of_it, SHAPE, {D, D}, 2, true},
    {"momentum plain", &net_layer_momentum, &plain, SHAPE, {D, D}, 2, true},
    {"first half", &net_layer_half, &first_half, SHAPE, {D}, 1, true},
    {"second half", &net_layer_half, &second_half, WIDE, {S}, 1, true},
    {"concat", &net_layer_concat, NULL, SHAPE, {D, D}, 2, true},
    {"concat spikes", &net_layer_concat, NULL, WIDE, {D, S}, 2, true},
    {"relu", &net_layer_activation, &relu, SHAPE, {D}, 1, false},
    {"sigmoid", &net_layer_activation, &sigmoid, SHAPE, {D}, 1, true},
    {"tanh", &net_layer_activation, &tangent, SHAPE, {D}, 1, true},
    {"running rate", &net_layer_rate, &running, WIDE, {S}, 1, true},
    {"primary", &net_layer_primary_capsules, &by_channels, SHAPE, {D}, 1, true},
    {"primary view", &net_layer_primary_capsules, &by_view, SHAPE, {D}, 1, true},
    {"capsules", &net_layer_capsules, &rba, SHAPE, {D}, 1, true},
    {"capsules many", &net_layer_capsules, &rba, {0, 11, 1, 1, 8}, {D}, 1, true},
    {"capsules constant",
     &net_layer_capsules,
     &rba_last,
     {1, 2, 5, 6, 12},
     {D},
     1,
     false},
    {"capsules sda", &net_layer_capsules, &sda, SHAPE, {D}, 1, false},
    {"capsules sda, all", &net_layer_capsules, &sda_all, SHAPE, {D}, 1, false},
    {"length", &net_layer_capsule_length, &length, SHAPE, {D}, 1, true},
    {"mask", &net_layer_capsule_mask, &mask, {0, 5, 1, 1, 12}, {D}, 1, true},
    {"error", &net_layer_squared_error, &error, SHAPE, {D, D}, 2, true},
    {"group rational", &net_layer_group_rational, &rational, SHAPE, {D}, 1, false},
    {"pwlu", &net_layer_pwlu_aligned, &aligned, SHAPE, {D}, 1, false},
    {"pwlu by channel", &net_layer_pwlu_aligned, &waits, SHAPE, {D}, 1, false},
    {"dynamic relu a", &net_layer_dynamic_relu, &dynamic_a, SHAPE, {D}, 1, false},
    {"dynamic relu b", &net_layer_dynamic_relu, &dynamic_b, SHAPE, {D}, 1, false},
    {"dynamic relu c", &net_layer_dynamic_relu, &dynamic_c, SHAPE, {D}, 1, false},
    {"mean relu", &net_layer_mean_relu, NULL, SHAPE, {D}, 1, false},
    {"graph relu", &net_layer_graph_relu, NULL, SHAPE, {D}, 1, false},
    {"unpack", &net_layer_unpack, NULL, WIDE, {S}, 1, false},
    {"pack", &net_layer_pack, NULL, WIDE, {D}, 1, false},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static HarnessSetup setup_of(const Case *c, bool training)
{
    HarnessSetup setup = {.layer = c->layer,
                          .options = c->options,
                          .n_inputs = c->n_inputs,
                          .steps = T,
                          .training = training};
    for (size_t i = 0; i < c->n_inputs; i++) {
        setup.in[i] = c->in;
        setup.in[i].t = c->in.t ? c->in.t : T;
        setup.form[i] = c->form[i];
    }
    return setup;
}

/* Packing reads zeros and ones; spread values keep maxima apart from each other. */
static void fill(const Case *c, Harness *h)
{
    harness_fill(h, 40);
    for (size_t i = 0; c->layer == &net_layer_pack && i < h->n_x[0]; i++)
        h->x[0][i] = h->x[0][i] > 0.2f ? 1.0f : 0.0f;
    for (size_t i = 0; c->layer == &net_layer_max_pool && c->smooth && i < h->n_x[0]; i++)
        h->x[0][i] = (float)((i * 7919) % 10007) / 500.0f;
}

static int indices[MAX_CASES];

static struct criterion_test_params all_cases(void)
{
    cr_assert_leq((int)N_CASES, (int)MAX_CASES);
    for (int i = 0; i < N_CASES; i++)
        indices[i] = i;
    return cr_make_param_array(int, indices, N_CASES);
}

static double loss_at(Harness *h)
{
    harness_forward(h);
    return harness_dot(h->y, h->dy, h->n_y);
}

/* Moves `values` along a random direction and compares the slope of sum(dy y) with the
 * gradient. Spikes do not move by a little: they are checked dense, where a layer takes
 * both. */
static void check_direction(Harness *h, const char *name, const char *what, float *values,
                            const float *gradient, size_t n, double step)
{
    float *before = malloc(n * sizeof *before), *u = malloc(n * sizeof *u);
    memcpy(before, values, n * sizeof *before);
    test_fill(u, n, 77);
    for (size_t i = 0; i < n; i++)
        values[i] = before[i] + (float)step * u[i];
    const double up = loss_at(h);
    for (size_t i = 0; i < n; i++)
        values[i] = before[i] - (float)step * u[i];
    const double down = loss_at(h);
    memcpy(values, before, n * sizeof *before);
    const double slope = (up - down) / (2.0 * step),
                 expected = harness_dot(gradient, u, n);
    const double size = sqrt(harness_dot(gradient, gradient, n) * harness_dot(u, u, n));
    cr_expect(fabs(slope - expected) <=
                  2e-3 * size / sqrt((double)n) + 1e-4 * fabs(expected),
              "%s: d %s along a direction is %.9g, differences say %.9g", name, what,
              expected, slope);
    free(before);
    free(u);
}

ParameterizedTestParameters(layers, gradients)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, gradients)
{
    const Case *c = &cases[*index];
    if (!c->smooth)
        cr_skip_test("%s: a step has no slope", c->name);
    HarnessSetup setup = setup_of(c, true);
    setup.form[0] = setup.form[1] = SIM_DENSE;
    Harness h;
    harness_open(&setup, &h);
    fill(c, &h);
    harness_forward(&h);
    for (size_t i = 0; i < h.n_y; i++)
        cr_assert(isfinite(h.y[i]), "%s: output %zu is not written", c->name, i);
    harness_backward(&h);
    for (size_t i = 0; i < c->n_inputs; i++) {
        for (size_t k = 0; k < h.n_x[i]; k++)
            cr_assert(isfinite(h.dx[i][k]), "%s: gradient %zu is not written", c->name,
                      k);
        check_direction(&h, c->name, "input", h.x[i], h.dx[i], h.n_x[i], 1.0 / 128);
    }
    for (size_t i = 0; i < h.plan.n_params; i++)
        if (h.d_params[i])
            check_direction(&h, c->name, h.plan.params[i].name, h.params[i],
                            h.d_params[i], h.n_params[i], 1.0 / 64);
    harness_close(&h);
}

static double distance(const float *a, const float *b, size_t n)
{
    double sum = 0.0, norm = 1e-30;
    for (size_t i = 0; i < n; i++) {
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(sum / norm);
}

/* The same values, spikes or dense: the same output and gradients. */
ParameterizedTestParameters(layers, forms)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, forms)
{
    const Case *c = &cases[*index];
    if (c->form[0] != SIM_SPIKES && c->form[1] != SIM_SPIKES)
        cr_skip_test("%s: no spikes", c->name);
    if (c->layer == &net_layer_unpack)
        cr_skip_test("takes spikes only");
    HarnessSetup setup = setup_of(c, true);
    Harness spikes, dense;
    harness_open(&setup, &spikes);
    setup.form[0] = setup.form[1] = SIM_DENSE;
    harness_open(&setup, &dense);
    fill(c, &spikes);
    fill(c, &dense);
    for (size_t i = 0; i < c->n_inputs; i++)
        memcpy(dense.x[i], spikes.x[i], dense.n_x[i] * sizeof(float));
    Harness *const runs[] = {&spikes, &dense};
    for (size_t r = 0; r < 2; r++) {
        harness_forward(runs[r]);
        harness_backward(runs[r]);
    }
    cr_expect_leq(distance(spikes.y, dense.y, dense.n_y), 1e-6, "%s: output", c->name);
    for (size_t i = 0; i < c->n_inputs; i++)
        cr_expect_leq(distance(spikes.dx[i], dense.dx[i], dense.n_x[i]), 1e-6,
                      "%s: gradient of input %zu", c->name, i);
    for (size_t i = 0; i < dense.plan.n_params; i++)
        if (dense.d_params[i])
            cr_expect_leq(
                distance(spikes.d_params[i], dense.d_params[i], dense.n_params[i]), 1e-6,
                "%s: gradient of %s", c->name, dense.plan.params[i].name);
    harness_close(&spikes);
    harness_close(&dense);
}

/* Gradients are added where the plan says so, and parameters' always. */
ParameterizedTestParameters(layers, accumulate)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, accumulate)
{
    const Case *c = &cases[*index];
    const HarnessSetup setup = setup_of(c, true);
    Harness once, twice;
    harness_open(&setup, &once);
    harness_open(&setup, &twice);
    fill(c, &once);
    fill(c, &twice);
    harness_forward(&once);
    harness_forward(&twice);
    harness_backward(&once);
    harness_backward(&twice);
    twice.accumulate = true;
    harness_backward(&twice);
    for (size_t i = 0; i < c->n_inputs; i++) {
        for (size_t k = 0; k < once.n_x[i]; k++)
            once.dx[i][k] *= 2.0f;
        cr_expect_leq(distance(twice.dx[i], once.dx[i], once.n_x[i]), 2e-6,
                      "%s: gradient of input %zu", c->name, i);
    }
    for (size_t i = 0; i < once.plan.n_params; i++) {
        for (size_t k = 0; once.d_params[i] && k < once.n_params[i]; k++)
            once.d_params[i][k] *= 2.0f;
        if (once.d_params[i])
            cr_expect_leq(distance(twice.d_params[i], once.d_params[i], once.n_params[i]),
                          2e-6, "%s: gradient of %s", c->name, once.plan.params[i].name);
    }
    harness_close(&once);
    harness_close(&twice);
}

static void expect_same(const Case *c, const char *what, const float *a, const float *b,
                        size_t n)
{
    cr_expect(memcmp(a, b, n * sizeof *a) == 0, "%s: %s differs", c->name, what);
}

/* Nobody wants the gradient of the input: parameters get theirs all the same. */
ParameterizedTestParameters(layers, no_input_gradient)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, no_input_gradient)
{
    const Case *c = &cases[*index];
    const HarnessSetup setup = setup_of(c, true);
    Harness h, without;
    harness_open(&setup, &h);
    harness_open(&setup, &without);
    fill(c, &h);
    fill(c, &without);
    harness_forward(&h);
    harness_forward(&without);
    harness_backward(&h);
    float *kept[2] = {without.dx[0], without.dx[1]};
    without.dx[0] = without.dx[1] = NULL;
    harness_backward(&without);
    without.dx[0] = kept[0], without.dx[1] = kept[1];
    for (size_t i = 0; i < h.plan.n_params; i++)
        if (h.d_params[i])
            expect_same(c, h.plan.params[i].name, h.d_params[i], without.d_params[i],
                        h.n_params[i]);
    harness_close(&h);
    harness_close(&without);
}

static bool dense_product(const Case *c)
{
    return c->layer == &net_layer_conv || c->layer == &net_layer_linear;
}

/* One, two and three threads: the same bits, but for the gradient of weights, whose sum
 * over images the dense library shares out among its threads. */
ParameterizedTestParameters(layers, threads)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, threads)
{
    const Case *c = &cases[*index];
    HarnessSetup setup = setup_of(c, true);
    Harness one, many;
    harness_open(&setup, &one);
    fill(c, &one);
    harness_forward(&one);
    harness_backward(&one);
    for (int n = 2; n <= 3; n++) {
        setup.threads = n;
        harness_open(&setup, &many);
        fill(c, &many);
        harness_forward(&many);
        harness_backward(&many);
        expect_same(c, "output", one.y, many.y, one.n_y);
        for (size_t i = 0; i < c->n_inputs; i++)
            expect_same(c, "gradient of an input", one.dx[i], many.dx[i], one.n_x[i]);
        for (size_t i = 0; i < one.plan.n_params; i++) {
            expect_same(c, one.plan.params[i].name, one.params[i], many.params[i],
                        one.n_params[i]);
            if (one.d_params[i] && dense_product(c))
                cr_expect_leq(
                    distance(many.d_params[i], one.d_params[i], one.n_params[i]), 1e-6,
                    "%s: gradient of a parameter", c->name);
            else if (one.d_params[i])
                expect_same(c, "gradient of a parameter", one.d_params[i],
                            many.d_params[i], one.n_params[i]);
        }
        harness_close(&many);
    }
    harness_close(&one);
}

/* Any cut of a sequence into windows: the same bits in inference. */
ParameterizedTestParameters(layers, windows)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, windows)
{
    const Case *c = &cases[*index];
    HarnessSetup setup = setup_of(c, false);
    Harness whole, cut;
    harness_open(&setup, &whole);
    fill(c, &whole);
    harness_forward(&whole);
    for (size_t window = 1; window < T; window++) {
        setup.window = window;
        harness_open(&setup, &cut);
        fill(c, &cut);
        harness_forward(&cut);
        expect_same(c, "output", whole.y, cut.y, whole.n_y);
        harness_close(&cut);
    }
    harness_close(&whole);
}

/* Forward once more before backward: the same output, and no parameter moves. */
ParameterizedTestParameters(layers, again)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, again)
{
    const Case *c = &cases[*index];
    const HarnessSetup setup = setup_of(c, true);
    Harness h;
    harness_open(&setup, &h);
    fill(c, &h);
    harness_forward(&h);
    float *y = malloc(h.n_y * sizeof *y), *params[NET_MAX_PARAMS];
    memcpy(y, h.y, h.n_y * sizeof *y);
    for (size_t i = 0; i < h.plan.n_params; i++) {
        params[i] = malloc(h.n_params[i] * sizeof(float));
        memcpy(params[i], h.params[i], h.n_params[i] * sizeof(float));
    }
    harness_again(&h);
    expect_same(c, "output", y, h.y, h.n_y);
    for (size_t i = 0; i < h.plan.n_params; i++) {
        expect_same(c, h.plan.params[i].name, params[i], h.params[i], h.n_params[i]);
        free(params[i]);
    }
    free(y);
    harness_close(&h);
}

/* Where a layer says that it goes by steps, so it does. */
ParameterizedTestParameters(layers, by_step)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, by_step)
{
    const Case *c = &cases[*index];
    const HarnessSetup setup = setup_of(c, true);
    Harness whole, parts;
    harness_open(&setup, &whole);
    if (!whole.plan.by_step || whole.plan.out.t == 1) {
        harness_close(&whole);
        cr_skip_test("%s: goes by sequences", c->name);
    }
    harness_open(&setup, &parts);
    fill(c, &whole);
    fill(c, &parts);
    harness_forward(&whole);
    harness_forward(&parts);
    harness_again_by(&parts, 2);
    expect_same(c, "output", whole.y, parts.y, whole.n_y);
    harness_backward(&whole);
    harness_backward_by(&parts, 2);
    const double off = dense_product(c) ? 1e-6 : 0.0;
    for (size_t i = 0; i < c->n_inputs; i++)
        cr_expect_leq(distance(parts.dx[i], whole.dx[i], whole.n_x[i]), off,
                      "%s: gradient of input %zu", c->name, i);
    for (size_t i = 0; i < whole.plan.n_params; i++)
        if (whole.d_params[i])
            cr_expect_leq(
                distance(parts.d_params[i], whole.d_params[i], whole.n_params[i]), off,
                "%s: gradient of %s", c->name, whole.plan.params[i].name);
    harness_close(&whole);
    harness_close(&parts);
}

/* Every level of instructions gives the bits of the reference, but for dense products. */
ParameterizedTestParameters(layers, levels)
{
    return all_cases();
}

ParameterizedTest(const int *index, layers, levels)
{
    const Case *c = &cases[*index];
    if (dense_product(c))
        cr_skip_test("%s: has a tolerance, see the tests of sim", c->name);
    static const char *const levels[] = {"avx2", "avx512"};
    HarnessSetup setup = setup_of(c, true);
    setup.isa = "ref";
    Harness reference, h;
    harness_open(&setup, &reference);
    fill(c, &reference);
    harness_forward(&reference);
    harness_backward(&reference);
    for (unsigned i = 0; i < 2; i++) {
        if (!(sim_cpu_detect() & (i ? SIM_CPU_AVX512 : SIM_CPU_AVX2)))
            continue;
        setup.isa = levels[i];
        harness_open(&setup, &h);
        fill(c, &h);
        harness_forward(&h);
        harness_backward(&h);
        expect_same(c, "output", reference.y, h.y, h.n_y);
        for (size_t k = 0; k < c->n_inputs; k++)
            expect_same(c, "gradient of an input", reference.dx[k], h.dx[k], h.n_x[k]);
        for (size_t k = 0; k < h.plan.n_params; k++) {
            expect_same(c, h.plan.params[k].name, reference.params[k], h.params[k],
                        h.n_params[k]);
            if (h.d_params[k])
                expect_same(c, "gradient of a parameter", reference.d_params[k],
                            h.d_params[k], h.n_params[k]);
        }
        harness_close(&h);
    }
    harness_close(&reference);
}

static void check_options(const NetLayer *layer)
{
    for (const SimOption *row = layer->options; row && row->name; row++) {
        cr_expect(row->help && *row->help, "%s.%s: no help", layer->name, row->name);
        cr_expect_lt(row->offset, layer->options_size, "%s.%s", layer->name, row->name);
        if (row->type == SIM_OPTION_INT || row->type == SIM_OPTION_FLOAT) {
            cr_expect_leq(row->low, row->initial, "%s.%s", layer->name, row->name);
            cr_expect_leq(row->initial, row->high, "%s.%s", layer->name, row->name);
        }
        if (row->type == SIM_OPTION_CHOICE)
            cr_expect_not_null(row->choices, "%s.%s", layer->name, row->name);
        unsigned char options[512] = {0}, again[512] = {0};
        char text[128];
        sim_options_init(layer->options, options);
        sim_options_init(layer->options, again);
        const char *printed = sim_option_print(row, options, text, sizeof text);
        cr_expect_eq(sim_option_set(layer->options, again, row->name, printed), SIM_OK,
                     "%s: %s", layer->name, sim_message());
        cr_expect_arr_eq(options, again, layer->options_size, "%s.%s does not read back",
                         layer->name, row->name);
    }
}

Test(layers, descriptors)
{
    size_t n = 0;
    for (const NetLayer *const *at = net_layers; *at; at++, n++) {
        const NetLayer *layer = *at;
        cr_assert(layer->name && *layer->name && layer->summary && *layer->summary);
        cr_expect_eq(net_layer_find(layer->name), layer, "%s is listed twice",
                     layer->name);
        cr_expect(layer->plan && layer->forward && layer->backward,
                  "%s: a hook is missing", layer->name);
        cr_expect(layer->min_inputs >= 1 && layer->min_inputs <= layer->max_inputs &&
                      layer->max_inputs <= NET_MAX_INPUTS,
                  "%s: inputs", layer->name);
        check_options(layer);
        bool tested = layer == &net_layer_neuron; /* has tests of its own */
        for (size_t i = 0; i < N_CASES; i++)
            tested = tested || cases[i].layer == layer;
        cr_expect(tested, "%s has no row in the table of cases", layer->name);
    }
    cr_assert_geq(n, 14);
    cr_expect_null(net_layer_find("no such layer"));
}
