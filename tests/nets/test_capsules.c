/* Routing against its definition in double precision, and what capsule layers and nets
 * refuse. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/loss.h"
#include "nets/model.h"
#include "tests/nets/layer_harness.h"
#include "tests/support.h"

enum { MOST_I = 6, MOST_J = 4, MOST_P = 5, MOST_N = 19, MOST_R = 4 };

/* --- the definition ------------------------------------------------------------------
 */

/* One image. Constants of the gradient come from `fixed` where it is given, else go
 * there: the sharpness of SDA, and the last coefficients where gradients pass only
 * through the last iteration. */
typedef struct Fixed {
    double t[MOST_R], c[MOST_J][MOST_I];
} Fixed;

typedef struct Sizes {
    size_t i, j, d, p;
} Sizes;

static double norm(const double *x, size_t n)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++)
        sum += x[k] * x[k];
    return sqrt(sum);
}

static void softmax(size_t n, const double *b, double *c)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++)
        sum += c[k] = exp(b[k]);
    for (size_t k = 0; k < n; k++)
        c[k] /= sum;
}

static void route(const NetCapsules *o, Sizes z, const double *w, const double *bias,
                  const double *u, bool fix, Fixed *fixed, double *y)
{
    static double vote[MOST_J][MOST_I][MOST_P], v[MOST_J][MOST_P];
    double b[MOST_I][MOST_J] = {0}, c[MOST_I][MOST_J];
    for (size_t j = 0; j < z.j; j++)
        for (size_t i = 0; i < z.i; i++) {
            memset(vote[j][i], 0, sizeof vote[j][i]);
            for (size_t d = 0; d < z.d; d++)
                for (size_t p = 0; p < z.p; p++)
                    vote[j][i][p] +=
                        w[((i * z.j + j) * z.d + d) * z.p + p] * u[i * z.d + d];
            const double most = norm(u + i * z.d, z.d), is = norm(vote[j][i], z.p);
            for (size_t p = 0; p < z.p && o->routing == NET_ROUTING_SDA; p++)
                vote[j][i][p] *= is > most ? most / is : 1.0;
        }
    for (size_t r = 0; r < (size_t)o->iterations; r++) {
        const bool last = r + 1 == (size_t)o->iterations;
        for (size_t i = 0; i < z.i; i++)
            softmax(z.j, b[i], c[i]);
        for (size_t i = 0; i < z.i && last && o->gradient == NET_GRADIENT_LAST; i++)
            for (size_t j = 0; j < z.j; j++) {
                if (fix)
                    fixed->c[j][i] = c[i][j];
                c[i][j] = fixed->c[j][i];
            }
        double mean = 0.0;
        for (size_t j = 0; j < z.j; j++) {
            double s[MOST_P];
            for (size_t p = 0; p < z.p; p++)
                s[p] = o->bias ? bias[j * z.p + p] : 0.0;
            for (size_t i = 0; i < z.i; i++)
                for (size_t p = 0; p < z.p; p++)
                    s[p] += c[i][j] * vote[j][i][p];
            const double n = norm(s, z.p);
            for (size_t p = 0; p < z.p; p++)
                v[j][p] = n / (1.0 + n * n) * s[p];
            for (size_t i = 0; i < z.i; i++) {
                double off[MOST_P], dot = 0.0;
                for (size_t p = 0; p < z.p; p++) {
                    off[p] = v[j][p] - vote[j][i][p];
                    dot += v[j][p] * vote[j][i][p];
                }
                if (o->routing == NET_ROUTING_RBA)
                    b[i][j] += dot;
                else
                    b[i][j] = norm(off, z.p);
                mean += b[i][j] / (double)(z.i * z.j);
            }
        }
        const double near = log(0.9 * ((double)z.j - 1.0)), far = log(1.0 - 0.9);
        if (fix)
            fixed->t[r] = o->sharpness == NET_SHARPNESS_FORMULA
                              ? (near - far) / (-mean / 2.0)
                              : near - far / (-mean / 2.0);
        for (size_t i = 0; i < z.i && o->routing == NET_ROUTING_SDA; i++)
            for (size_t j = 0; j < z.j; j++)
                b[i][j] *= fixed->t[r];
    }
    for (size_t j = 0; j < z.j; j++)
        memcpy(y + j * z.p, v[j], z.p * sizeof *y);
}

typedef struct Case {
    NetCapsules o;
    size_t n, inputs;
    float scale; /* of weights: large ones make votes that SDA shortens */
} Case;

static Case cases[] = {
    {{.capsules = 3, .pose = 5, .pose_in = 4, .iterations = 1}, 2, 6, 1.0f},
    {{.capsules = 3, .pose = 5, .pose_in = 4, .iterations = 3}, 19, 6, 1.0f},
    {{.capsules = 4,
      .pose = 4,
      .pose_in = 3,
      .iterations = 4,
      .gradient = NET_GRADIENT_ALL,
      .bias = true},
     3,
     5,
     1.5f},
    {{.capsules = 4,
      .pose = 5,
      .pose_in = 4,
      .routing = NET_ROUTING_SDA,
      .iterations = 3,
      .bias = true},
     17,
     6,
     1.0f},
    {{.capsules = 3,
      .pose = 4,
      .pose_in = 4,
      .routing = NET_ROUTING_SDA,
      .iterations = 3,
      .gradient = NET_GRADIENT_ALL,
      .sharpness = NET_SHARPNESS_CODE,
      .bias = true},
     2,
     6,
     0.7f},
    {{.capsules = 3,
      .pose = 4,
      .pose_in = 4,
      .routing = NET_ROUTING_SDA,
      .iterations = 2,
      .gradient = NET_GRADIENT_ALL},
     2,
     6,
     2.0f},
};

ParameterizedTestParameters(capsules, definition)
{
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

/* sum of dy y of one image, and its slope along coordinate k of `at`. */
static double slope(const Case *c, Sizes z, double *w, double *bias, double *u,
                    const float *dy, Fixed *fixed, double *at)
{
    double y[2][MOST_J * MOST_P], value[2] = {0.0, 0.0};
    const double before = *at, step = 1e-6;
    for (int side = 0; side < 2; side++) {
        *at = before + (side ? -step : step);
        route(&c->o, z, w, bias, u, false, fixed, y[side]);
        for (size_t k = 0; k < z.j * z.p; k++)
            value[side] += (double)dy[k] * y[side][k];
    }
    *at = before;
    return (value[0] - value[1]) / (2.0 * step);
}

ParameterizedTest(const Case *c, capsules, definition)
{
    const Sizes z = {c->inputs, (size_t)c->o.capsules, (size_t)c->o.pose_in,
                     (size_t)c->o.pose};
    const HarnessSetup setup = {.layer = &net_layer_capsules,
                                .options = &c->o,
                                .in = {{1, c->n, 1, 1, z.i * z.d}},
                                .n_inputs = 1,
                                .steps = 1,
                                .training = true};
    Harness h;
    harness_open(&setup, &h);
    harness_fill(&h, 3);
    for (size_t k = 0; k < h.n_params[0]; k++)
        h.params[0][k] *= c->scale;
    harness_forward(&h);
    harness_backward(&h);
    const size_t n_w = h.n_params[0], n_bias = z.j * z.p;
    double *w = calloc(n_w, sizeof *w), *dw = calloc(n_w, sizeof *dw);
    double bias[MOST_J * MOST_P] = {0}, d_bias[MOST_J * MOST_P] = {0};
    for (size_t k = 0; k < n_w; k++)
        w[k] = (double)h.params[0][k];
    for (size_t k = 0; k < n_bias && c->o.bias; k++)
        bias[k] = (double)h.params[1][k];
    for (size_t n = 0; n < c->n; n++) {
        double u[MOST_I * 4], y[MOST_J * MOST_P];
        Fixed fixed;
        for (size_t k = 0; k < z.i * z.d; k++)
            u[k] = (double)h.x[0][n * z.i * z.d + k];
        route(&c->o, z, w, bias, u, true, &fixed, y);
        const float *dy = h.dy + n * n_bias;
        for (size_t k = 0; k < n_bias; k++)
            cr_expect_float_eq((double)h.y[n * n_bias + k], y[k], 2e-6, "image %zu", n);
        for (size_t k = 0; k < z.i * z.d; k++)
            cr_expect_float_eq((double)h.dx[0][n * z.i * z.d + k],
                               slope(c, z, w, bias, u, dy, &fixed, &u[k]), 2e-5,
                               "image %zu, d u[%zu] = %g", n, k,
                               (double)h.dx[0][n * z.i * z.d + k]);
        for (size_t k = 0; k < n_w; k++)
            dw[k] += slope(c, z, w, bias, u, dy, &fixed, &w[k]);
        for (size_t k = 0; k < n_bias && c->o.bias; k++)
            d_bias[k] += slope(c, z, w, bias, u, dy, &fixed, &bias[k]);
    }
    for (size_t k = 0; k < n_w; k++)
        cr_expect_float_eq((double)h.d_params[0][k], dw[k], 5e-5, "d w[%zu]", k);
    for (size_t k = 0; k < n_bias && c->o.bias; k++)
        cr_expect_float_eq((double)h.d_params[1][k], d_bias[k], 5e-5, "d bias[%zu]", k);
    free(w);
    free(dw);
    harness_close(&h);
}

/* Squash of (3, 4), as one capsule with the identity as weights. */
Test(capsules, squash)
{
    const NetCapsules o = {.capsules = 1, .pose = 2, .pose_in = 2, .iterations = 1};
    const HarnessSetup setup = {.layer = &net_layer_capsules,
                                .options = &o,
                                .in = {{1, 1, 1, 1, 2}},
                                .n_inputs = 1,
                                .steps = 1};
    Harness h;
    harness_open(&setup, &h);
    h.x[0][0] = 3.0f, h.x[0][1] = 4.0f;
    h.params[0][0] = h.params[0][3] = 1.0f;
    harness_forward(&h);
    cr_expect_float_eq((double)h.y[0], 0.5769230769, 1e-6);
    cr_expect_float_eq((double)h.y[1], 0.7692307692, 1e-6);
    harness_close(&h);
}

/* Pooled distances join the images of a step while training, never in inference. */
Test(capsules, pooling)
{
    NetCapsules o = {.capsules = 3,
                     .pose = 4,
                     .pose_in = 2,
                     .routing = NET_ROUTING_SDA,
                     .iterations = 3,
                     .pooled = true};
    float y[2][2 * 12];
    for (int run = 0; run < 4; run++) {
        const bool training = run < 2;
        const HarnessSetup setup = {.layer = &net_layer_capsules,
                                    .options = &o,
                                    .in = {{1, 2, 1, 1, 10}},
                                    .n_inputs = 1,
                                    .steps = 1,
                                    .training = training};
        Harness h;
        harness_open(&setup, &h);
        harness_fill(&h, 5);
        if (run % 2) /* another neighbour */
            test_fill(h.x[0] + 10, 10, 99);
        harness_forward(&h);
        memcpy(y[run % 2], h.y, sizeof y[0]);
        harness_close(&h);
        if (run % 2)
            cr_expect_eq(memcmp(y[0], y[1], 12 * sizeof(float)) == 0, !training);
    }
}

Test(capsules, masks)
{
    const NetCapsuleMask o = {2, NET_MASK_LABEL};
    const HarnessSetup setup = {.layer = &net_layer_capsule_mask,
                                .options = &o,
                                .in = {{1, 1, 1, 1, 6}},
                                .n_inputs = 1,
                                .steps = 1,
                                .training = true};
    Harness h;
    harness_open(&setup, &h);
    const float x[] = {0.1f, 0.2f, -0.6f, 0.1f, 0.3f, 0.3f};
    memcpy(h.x[0], x, sizeof x);
    harness_forward(&h); /* no label is known: the longest */
    const float longest[] = {0.0f, 0.0f, -0.6f, 0.1f, 0.0f, 0.0f};
    cr_expect_arr_eq(h.y, longest, sizeof longest);
    const uint32_t label = 2;
    NetLayerRun run = {.options = &o,
                       .context = &h.context,
                       .training = true,
                       .nt = 1,
                       .n_inputs = 1,
                       .x = {h.packed[0]},
                       .y = h.out,
                       .labels = &label};
    net_layer_capsule_mask.forward(&run);
    const float labelled[] = {0.0f, 0.0f, 0.0f, 0.0f, 0.3f, 0.3f};
    cr_expect_arr_eq(h.out.f32, labelled, sizeof labelled);
    harness_close(&h);
}

Test(capsules, rate_of_a_sequence)
{
    const NetRate o = {false};
    HarnessSetup setup = {.layer = &net_layer_rate,
                          .options = &o,
                          .in = {{3, 2, 1, 1, 2}},
                          .n_inputs = 1,
                          .steps = 3,
                          .training = true};
    Harness h;
    harness_open(&setup, &h);
    harness_fill(&h, 8);
    harness_forward(&h);
    harness_backward(&h);
    for (size_t k = 0; k < 4; k++) {
        cr_expect_float_eq(h.y[k], (h.x[0][k] + h.x[0][4 + k] + h.x[0][8 + k]) / 3.0f,
                           1e-6f);
        for (size_t t = 0; t < 3; t++)
            cr_expect_float_eq(h.dx[0][4 * t + k], h.dy[k] / 3.0f, 1e-7f);
    }
    harness_close(&h);
    setup.window = 2;
    setup.training = false;
    cr_expect_neq(harness_plan(&setup, &h), SIM_OK);
    cr_expect(strstr(sim_message(), "windows of 2"), "%s", sim_message());
}

/* --- costs -----------------------------------------------------------------------------
 */

static void make(const char *name, const char *const *settings,
                 const NetModelInput *input, NetGraph *graph, SimStatus want)
{
    const NetModel *model = net_model_find(name);
    void *options = calloc(1, model->options_size);
    NeuronSpec spec;
    sim_options_init(model->options, options);
    model->neuron(options, &spec);
    for (; *settings; settings += 2) {
        if (strncmp(settings[0], "neuron.", 7) == 0)
            cr_assert_eq(neuron_spec_set(&spec, settings[0] + 7, settings[1]), SIM_OK,
                         "%s", sim_message());
        else
            cr_assert_eq(
                sim_option_set(model->options, options, settings[0], settings[1]), SIM_OK,
                "%s", sim_message());
    }
    const SimStatus status = model->build(options, input, &spec, graph);
    cr_expect_eq(status, want, "%s", sim_message());
    free(options);
}

/* The loss of a net is that of its scores plus its costs, and its gradient the slope. */
Test(capsules, loss_with_costs)
{
    static const char *const settings[] = {
        "channels",   "8",        "kernel",  "3",     "primary_pose",
        "4",          "capsules", "4",       "pose",  "4",
        "class_pose", "6",        "decoder", "9",     "reconstruction",
        "0.01",       "gradient", "all",     "mask",  "label",
        "deviation",  "1",        "chain",   "whole", "exact",
        "false",      NULL};
    const NetModelInput input = {9, 8, 2, 3, 1, true};
    const uint32_t labels[] = {2, 0, 1};
    NetGraph graph = {0};
    NetParams params = {0};
    SimContext context;
    Net *net = NULL;
    NetLossOptions loss;
    sim_options_init(net_loss_options, &loss);
    cr_assert_eq(sim_option_set(net_loss_options, &loss, "loss", "margin"), SIM_OK);
    cr_assert_eq(sim_context_create(1, NULL, &context), SIM_OK);
    make("mocapsnet", settings, &input, &graph, SIM_OK);
    cr_assert_eq(net_params_create(&graph, 1, 4, &context, &params), SIM_OK, "%s",
                 sim_message());
    const NetPlanOptions plan = {.batch = 3, .steps = 1, .training = true};
    cr_assert_eq(net_create(&graph, &params, &plan, &context, &net), SIM_OK, "%s",
                 sim_message());
    cr_assert_eq(net_n_outputs(net), 2);
    for (size_t i = 0; i < params.n_rows; i++) /* away from where a rectifier bends */
        if (strcmp(params.rows[i].row.name, "bias") == 0)
            test_fill(net_params_write(&params, i), params.rows[i].count, 60 + i);
    float x[3 * 9 * 8 * 2];
    test_fill(x, sizeof x / sizeof *x, 2);
    memcpy(net_input(net, 0).f32, x, sizeof x);
    net_forward(net, 1, labels, 0);
    net_loss(&loss, net, 3, labels, true);
    net_zero_gradients(net);
    net_backward(net);
    for (size_t i = 0; i < params.n_rows; i++) {
        const NetParam *param = &params.rows[i];
        double value[2], expected = 0.0, size = 0.0;
        float *u = malloc(param->count * sizeof *u),
              *before = malloc(param->count * sizeof *u);
        const float *gradient = net_gradient(net, i);
        test_fill(u, param->count, 30 + i);
        memcpy(before, param->values, param->count * sizeof *u);
        for (size_t k = 0; k < param->count; k++) {
            expected += (double)gradient[k] * (double)u[k];
            size += (double)gradient[k] * (double)gradient[k];
        }
        for (int side = 0; side < 2; side++) {
            float *const values = net_params_write(&params, i);
            for (size_t k = 0; k < param->count; k++)
                values[k] = before[k] + (side ? -2e-3f : 2e-3f) * u[k];
            memcpy(net_input(net, 0).f32, x, sizeof x);
            net_forward(net, 1, labels, 0);
            value[side] = net_loss(&loss, net, 3, labels, false);
        }
        memcpy(net_params_write(&params, i), before, param->count * sizeof *u);
        cr_expect_float_eq((value[0] - value[1]) / 4e-3, expected,
                           2e-5 + 0.02 * sqrt(size), "%s", param->name);
        free(u);
        free(before);
    }
    net_destroy(net);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
}

/* Weights as they start: sums of votes 0.7 times as long as the capsules that vote, for
 * any number of these, so that squashed lengths neither vanish nor all look the same. */
Test(capsules, lengths_at_the_start)
{
    static const Sizes sizes[] = {{2048, 32, 8, 8}, {512, 32, 8, 8},   {32, 32, 8, 8},
                                  {32, 10, 8, 16},  {1152, 10, 8, 16}, {20, 3, 4, 5}};
    enum { IMAGES = 24 };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const Sizes z = sizes[k];
        const NetCapsules o = {.capsules = (int64_t)z.j,
                               .pose = (int64_t)z.p,
                               .pose_in = (int64_t)z.d,
                               .iterations = 1};
        const HarnessSetup setup = {.layer = &net_layer_capsules,
                                    .options = &o,
                                    .in = {{1, IMAGES, 1, 1, z.i * z.d}},
                                    .n_inputs = 1,
                                    .steps = 1};
        Harness h;
        harness_open(&setup, &h);
        test_fill(h.x[0], h.n_x[0], 5);
        for (size_t i = 0; i < h.n_params[0]; i++)
            h.params[0][i] = (float)h.plan.params[0].init_value *
                             sim_rng_normal((SimRng){.purpose = SIM_RNG_TEST}, i);
        double u = 0.0, s = 0.0; /* mean squares of lengths */
        for (size_t i = 0; i < h.n_x[0]; i += z.d) {
            double x[8];
            for (size_t d = 0; d < z.d; d++)
                x[d] = (double)h.x[0][i + d];
            u += pow(norm(x, z.d), 2.0) / (double)(IMAGES * z.i);
        }
        harness_forward(&h);
        for (size_t j = 0; j < h.n_y; j += z.p) {
            double v[16];
            for (size_t p = 0; p < z.p; p++)
                v[p] = (double)h.y[j + p];
            const double length = norm(v, z.p); /* n^2 / (1 + n^2) */
            s += length / (1.0 - length) / (double)(IMAGES * z.j);
        }
        cr_expect_float_eq(sqrt(s / u), sqrt(0.5), 0.12, "%zu to %zu capsules: %.3f", z.i,
                           z.j, sqrt(s / u));
        harness_close(&h);
    }
}

/* --- what does not fit is told ---------------------------------------------------------
 */

static void expect_layer_refused(const NetLayer *layer, const void *options, SimShape in,
                                 size_t n_inputs, const char *word)
{
    const HarnessSetup setup = {.layer = layer,
                                .options = options,
                                .in = {in, {1, 2, 1, 1, 7}},
                                .n_inputs = n_inputs,
                                .steps = 1,
                                .training = true};
    Harness h;
    cr_expect_neq(harness_plan(&setup, &h), SIM_OK, "%s", layer->name);
    cr_expect(strstr(sim_message(), word), "%s: \"%s\" does not say \"%s\"", layer->name,
              sim_message(), word);
}

Test(capsules, refusals)
{
    const SimShape in = {1, 2, 3, 3, 10};
    const NetPrimaryCapsules channels = {4, NET_GROUPING_CHANNELS},
                             view = {8, NET_GROUPING_VIEW};
    expect_layer_refused(&net_layer_primary_capsules, &channels, in, 1, "10 channels");
    expect_layer_refused(&net_layer_primary_capsules, &view, in, 1, "90 values");
    NetCapsules capsules = {.capsules = 3, .pose = 4, .pose_in = 8, .iterations = 1};
    expect_layer_refused(&net_layer_capsules, &capsules, in, 1, "pose_in");
    capsules =
        (NetCapsules){.capsules = 1, .pose = 4, .pose_in = 5, .routing = NET_ROUTING_SDA};
    expect_layer_refused(&net_layer_capsules, &capsules, in, 1, "at least 2");
    const NetCapsuleLength length = {4};
    expect_layer_refused(&net_layer_capsule_length, &length, in, 1, "10 channels");
    const NetCapsuleMask mask = {5, NET_MASK_LABEL};
    expect_layer_refused(&net_layer_capsule_mask, &mask, in, 1, "class capsules");
    const NetSquaredError error = {1.0};
    expect_layer_refused(&net_layer_squared_error, &error, in, 2, "same number");
}

Test(capsules, models_refuse)
{
    const NetModelInput input = {28, 28, 1, 10, 1, true};
    static const char *const odd[] = {"channels", "100", NULL},
                             *const none[] = {"capsules", "0", NULL},
                             *const words[] = {"decoder", "512;3", NULL};
    const struct {
        const char *model, *const *settings, *word;
    } wrong[] = {{"capsnet", odd, "do not divide"},
                 {"mocapsnet", none, "without hidden capsules"},
                 {"rescapsnet", words, "512,1024"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        NetGraph graph = {0};
        make(wrong[i].model, wrong[i].settings, &input, &graph, SIM_ERR_VALUE);
        cr_expect(strstr(sim_message(), wrong[i].word), "%s", sim_message());
        net_graph_destroy(&graph);
    }
}

/* Reference sizes: the parameters that the publications count. */
Test(capsules, sizes)
{
    static const char *const none[] = {NULL}, *const ten[] = {"blocks", "10", NULL};
    const struct {
        const char *model, *const *settings;
        NetModelInput input;
        size_t parameters;
    } nets[] = {{"capsnet", none, {28, 28, 1, 10, 1, true}, 8215728 - 160},
                {"mocapsnet", none, {28, 28, 1, 10, 1, true}, 9272336},
                {"mocapsnet", ten, {28, 28, 1, 10, 1, true}, 10451984},
                {"rescapsnet", none, {32, 32, 3, 10, 1, true}, 13494016}};
    SimContext context;
    cr_assert_eq(sim_context_create(1, NULL, &context), SIM_OK);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        NetGraph graph = {0};
        NetParams params = {0};
        make(nets[i].model, nets[i].settings, &nets[i].input, &graph, SIM_OK);
        cr_assert_eq(net_params_create(&graph, 1, 1, &context, &params), SIM_OK, "%s",
                     sim_message());
        cr_expect_eq(params.n_trained, nets[i].parameters, "%s: %zu parameters",
                     nets[i].model, params.n_trained);
        net_params_destroy(&params);
        net_graph_destroy(&graph);
    }
}

/* A spiking front: capsules at every step or once; the windows of a simulation give the
 * bits of the whole. */
Test(capsules, spiking_front)
{
    enum { T = 4, N = 2 };
    static const char *const ways[] = {"steps", "rates", "image"};
    const NetModelInput input = {10, 10, 2, 3, T, false};
    SimContext context;
    cr_assert_eq(sim_context_create(0, NULL, &context), SIM_OK);
    for (size_t way = 0; way < 3; way++) {
        const char *const settings[] = {
            "channels",  "8",       "kernel",      "3",   "primary_pose",    "4",
            "capsules",  "4",       "class_pose",  "6",   "decoder",         "9",
            "deviation", "0.3",     "neuron.soma", "lif", "neuron.dendrite", "identity",
            "sees",      ways[way], NULL};
        NetGraph graph = {0};
        NetParams params = {0};
        Net *net = NULL;
        float x[T * N * 200], scores[T * N * 3];
        test_fill(x, T * N * 200, 4);
        for (size_t k = 0; k < T * N * 200; k++)
            x[k] = x[k] > 0.3f ? 4.0f : 0.0f;
        make("mocapsnet", settings, &input, &graph, SIM_OK);
        cr_assert_eq(net_params_create(&graph, T, 4, &context, &params), SIM_OK, "%s",
                     sim_message());
        NetPlanOptions plan = {.batch = N, .steps = T};
        cr_assert_eq(net_create(&graph, &params, &plan, &context, &net), SIM_OK, "%s",
                     sim_message());
        memcpy(net_input(net, 0).f32, x, sizeof x);
        net_reset(net);
        net_forward(net, T, NULL, 0);
        const SimTensor y = net_output(net, 0);
        cr_expect_eq(y.shape.t, way == 2 ? 1 : T, "%s", ways[way]);
        cr_expect_gt(net_activity(net, (size_t)net_graph_find(&graph, "neuron")).spikes,
                     0.0);
        memcpy(scores, y.f32, sim_shape_count(y.shape) * sizeof *scores);
        net_destroy(net);
        plan.window = 1;
        if (way == 2) {
            cr_expect_neq(net_create(&graph, &params, &plan, &context, &net), SIM_OK);
            cr_expect(strstr(sim_message(), "rate: one mean"), "%s", sim_message());
        } else {
            cr_assert_eq(net_create(&graph, &params, &plan, &context, &net), SIM_OK, "%s",
                         sim_message());
            net_reset(net);
            for (size_t t = 0; t < T; t++) {
                memcpy(net_input(net, 0).f32, x + t * N * 200, N * 200 * sizeof *x);
                net_forward(net, 1, NULL, 0);
                cr_expect_arr_eq(net_output(net, 0).f32, scores + t * N * 3,
                                 N * 3 * sizeof *scores, "%s, step %zu", ways[way], t);
            }
            net_destroy(net);
        }
        net_params_destroy(&params);
        net_graph_destroy(&graph);
    }
}
