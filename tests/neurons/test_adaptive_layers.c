/* Layers whose function adapts: group rational, PWLU, dynamic and mean ReLU, against
 * worked examples and differences. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/nets/layer_harness.h"
#include "tests/support.h"

static HarnessSetup setup_of(const NetLayer *layer, const void *options, SimShape in)
{
    return (HarnessSetup){.layer = layer,
                          .options = options,
                          .in = {in},
                          .n_inputs = 1,
                          .steps = in.t,
                          .training = true};
}

static void copy(float *to, const float *from, size_t n)
{
    memcpy(to, from, n * sizeof *to);
}

static void equal(const char *what, const float *came, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_expect_float_eq((double)came[i], want[i], 2e-6, "%s %zu: %.9g, wanted %.9g",
                           what, i, (double)came[i], want[i]);
}

/* Two channels, two pixels, one hidden unit. */
Test(adaptive_layers, dynamic_relu_by_hand)
{
    const NetDynamicRelu options = {.kind = 1, .reduction = 2, .tau = 10.0};
    const HarnessSetup setup =
        setup_of(&net_layer_dynamic_relu, &options, (SimShape){1, 1, 1, 2, 2});
    Harness h;
    harness_open(&setup, &h);
    copy(h.x[0], (float[]){1.0f, 0.5f, -2.0f, 1.5f}, 4);
    copy(h.params[0], (float[]){0.5f, -0.25f}, 2);
    h.params[1][0] = 0.1f;
    copy(h.params[2], (float[]){0.8f, -0.6f, 0.4f, 0.2f, -0.9f, 0.3f, 0.7f, -0.1f}, 8);
    copy(h.params[3], (float[]){0.0f, 0.1f, -0.2f, 0.3f, 0.05f, -0.15f, 0.25f, -0.35f},
         8);
    harness_forward(&h);
    equal("y", h.y,
          (double[]){0.950166002687522, 0.5746738973700084, -0.02547423310410102,
                     1.599668690338429},
          4);
    harness_close(&h);
}

static void differences(const NetLayer *layer, const void *options, const char *name)
{
    const HarnessSetup setup = setup_of(layer, options, (SimShape){2, 2, 3, 3, 8});
    Harness h;
    harness_open(&setup, &h);
    harness_fill(&h, 21);
    for (size_t i = 0; i < h.plan.n_params; i++)
        for (size_t k = 0; h.d_params[i] && k < h.n_params[i]; k++)
            h.params[i][k] *= 0.5f;
    harness_forward(&h);
    harness_backward(&h);
    for (size_t p = 0; p <= h.plan.n_params; p++) {
        const bool input = p == h.plan.n_params;
        float *values = input ? h.x[0] : h.params[p];
        const float *gradient = input ? h.dx[0] : h.d_params[p];
        const size_t n = input ? h.n_x[0] : h.n_params[p];
        if (!gradient)
            continue;
        static float start[1024], u[1024];
        cr_assert_leq(n, 1024);
        const double step = 3e-4; /* few values cross a joint */
        double loss[2];
        copy(start, values, n);
        test_fill(u, n, 5);
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < n; i++)
                values[i] = start[i] + (float)(side ? step : -step) * u[i];
            harness_forward(&h);
            loss[side] = harness_dot(h.y, h.dy, h.n_y);
        }
        copy(values, start, n);
        const double want = (loss[1] - loss[0]) / (2.0 * step);
        const double came = harness_dot(gradient, u, n);
        const double size =
            sqrt(harness_dot(gradient, gradient, n) * harness_dot(u, u, n) / (double)n);
        cr_expect(size > 0.0 && fabs(came - want) <= 0.01 * size + 0.01 * fabs(want),
                  "%s: %s: %g, wanted %g", name, input ? "x" : h.plan.params[p].name,
                  came, want);
    }
    harness_close(&h);
}

Test(adaptive_layers, differences)
{
    for (int kind = 0; kind < 3; kind++) {
        const NetDynamicRelu options = {.kind = kind, .reduction = 2, .tau = 2.0};
        const char *const names[] = {"dynamic a", "dynamic b", "dynamic c"};
        differences(&net_layer_dynamic_relu, &options, names[kind]);
    }
    const NetGroupRational rational = {.groups = 4, .start = 1};
    differences(&net_layer_group_rational, &rational, "group rational");
    differences(&net_layer_mean_relu, NULL, "mean relu");
    differences(&net_layer_graph_relu, NULL, "graph relu");
}

/* Three nodes of a path, one channel, the coefficients set through the last bias; what
 * the adjacency does is seen through the scores. */
Test(adaptive_layers, graph_relu_by_hand)
{
    enum { W1, B1, W2, V1, C1, V2, C2 };
    HarnessSetup setup = setup_of(&net_layer_graph_relu, NULL, (SimShape){1, 1, 1, 3, 1});
    setup.n_inputs = 2;
    setup.in[1] = (SimShape){1, 1, 1, 3, 3};
    Harness h;
    harness_open(&setup, &h);
    copy(h.x[0], (float[]){1.0f, -2.0f, 0.5f}, 3);
    copy(h.x[1], (float[]){0.5f, 0.5f, 0.0f, 0.5f, 0.0f, 0.5f, 0.0f, 0.5f, 0.5f}, 9);
    for (size_t i = 0; i < h.plan.n_params; i++)
        memset(h.params[i], 0, h.n_params[i] * sizeof(float));
    h.params[W1][0] = 1.0f;
    h.params[B1][0] = 2.0f;
    h.params[W2][0] = 1.5f;
    static const double lines[4] = {0.9, -0.4, 0.1, 0.3};
    for (size_t i = 0; i < 4; i++)
        h.params[C2][i] = (float)atanh(lines[i]);
    harness_forward(&h);
    /* 0.9 A x + 0.1 x, then scores 1.5 relu(. + 2), softmax, the larger line. */
    static const double x[3] = {1.0, -2.0, 0.5}, spread[3] = {-0.35, 0.475, -0.625};
    double g[3], sum = 0.0, want[3];
    for (size_t i = 0; i < 3; i++)
        sum += g[i] = exp(1.5 * fmax(0.0, spread[i] + 2.0));
    for (size_t i = 0; i < 3; i++)
        want[i] =
            g[i] / sum * fmax(lines[0] * x[i] + lines[2], lines[1] * x[i] + lines[3]);
    equal("y", h.y, want, 3);
    harness_close(&h);
}

/* Four channels in two groups: numerator and denominator of the reference's example. */
Test(adaptive_layers, group_rational_by_hand)
{
    const NetGroupRational options = {.groups = 2};
    const HarnessSetup setup =
        setup_of(&net_layer_group_rational, &options, (SimShape){1, 1, 1, 1, 4});
    static const float a[6] = {-0.00153969f, 0.51692871f,  0.44075827f,
                               0.0972553f,   -0.00884418f, -0.00378675f};
    static const float b[4][2] = {{-0.14171056f, 0.1f},
                                  {-0.06481231f, 0.2f},
                                  {-0.0444695f, -0.05f},
                                  {0.01283776f, 0.02f}};
    Harness h;
    harness_open(&setup, &h);
    copy(h.x[0], (float[]){0.5f, -1.0f, 2.0f, -0.25f}, 4);
    for (size_t i = 0; i < 6; i++)
        h.params[i][0] = a[i];
    for (size_t j = 0; j < 4; j++)
        copy(h.params[6 + j], b[j], 2);
    harness_forward(&h);
    equal("y", h.y,
          (double[]){0.34625327306359627, -0.1424422916709542, 1.2171729154411766,
                     -0.10090431289030169},
          4);
    harness_close(&h);
}

/* max(0, x) for two steps, then the cells over what was seen. */
Test(adaptive_layers, pwlu_aligns)
{
    enum { N = 4, CELLS = 8, MEAN = 13, DEVIATION, SEEN };
    const NetPwlu options = {.align_after = 2};
    const HarnessSetup setup =
        setup_of(&net_layer_pwlu_aligned, &options, (SimShape){1, N, 1, 1, 1});
    static const float batches[2][2] = {{0.4f, 1.5f}, {0.1f, 1.2f}}; /* mean, deviation */
    Harness h;
    harness_open(&setup, &h);
    for (size_t i = 0; i < N; i++)
        h.dy[i] = 1.0f;
    for (size_t step = 0; step < 2; step++) {
        for (size_t i = 0; i < N; i++)
            h.x[0][i] = batches[step][0] + (i % 2 ? 1.0f : -1.0f) * batches[step][1];
        harness_forward(&h);
        harness_backward(&h);
        for (size_t i = 0; i < N; i++)
            cr_expect_eq(h.y[i], fmaxf(h.x[0][i], 0.0f));
        for (size_t k = 0; k < MEAN; k++)
            cr_expect_eq(h.d_params[k][0], 0.0f, "%s is frozen", h.plan.params[k].name);
    }
    equal("mean", h.params[MEAN], &(double){0.046}, 1);
    equal("deviation", h.params[DEVIATION], &(double){1.065}, 1);
    equal("BL", h.params[0], &(double){-3.149}, 1);
    equal("BR", h.params[1], &(double){3.241}, 1);
    cr_expect_eq(h.params[SEEN][0], 2.0f);
    for (size_t j = 0; j <= CELLS; j++)
        equal("Y", h.params[4 + j],
              &(double){fmax(0.0, -3.149 + 6.39 * (double)j / CELLS)}, 1);
    harness_forward(&h);
    harness_backward(&h);
    double sum = 0.0;
    for (size_t k = 0; k < MEAN; k++)
        sum += fabs((double)h.d_params[k][0]);
    cr_expect_gt(sum, 0.5, "now it learns");
    cr_expect_eq(h.params[SEEN][0], 2.0f, "and no longer counts");
    harness_close(&h);
}

Test(adaptive_layers, mean_relu_by_hand)
{
    const HarnessSetup setup =
        setup_of(&net_layer_mean_relu, NULL, (SimShape){2, 2, 1, 1, 2});
    Harness h;
    harness_open(&setup, &h);
    copy(h.x[0], (float[]){1.0f, 2.0f, 3.0f, 6.0f, -1.0f, -1.0f, -1.0f, 3.0f}, 8);
    copy(h.dy, (float[]){1.0f, 1.0f, 1.0f, 3.0f, 1.0f, 1.0f, 1.0f, 2.0f}, 8);
    harness_forward(&h);
    harness_backward(&h);
    equal("y", h.y, (double[]){0, 0, 0, 3, 0, 0, 0, 3}, 8);
    equal("dx", h.dx[0], (double[]){-0.75, -0.75, -0.75, 2.25, -0.5, -0.5, -0.5, 1.5}, 8);
    harness_close(&h);
}
