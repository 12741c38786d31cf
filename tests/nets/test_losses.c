/* Losses against PyTorch 1.13 (double precision) and against their own differences. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/loss.h"
#include "tests/support.h"

enum { T = 2, N = 2, K = 3, COUNT = T * N * K };

static const float scores[COUNT] = {1.0f, -0.5f, 0.25f,  0.0f, 2.0f,  -1.0f,
                                    0.5f, 0.5f,  -0.75f, 1.5f, -1.0f, 0.25f};
static const uint32_t labels[N] = {2, 0};

static const NetLoss *find(const char *name)
{
    for (const NetLoss *const *at = net_losses; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    cr_assert_fail("no loss is called %s", name);
    return NULL;
}

static void check(const char *name, NetLossOptions options, double value,
                  const double *gradient)
{
    float d[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        d[i] = NAN;
    NetLossRun run = {.options = &options,
                      .steps = T,
                      .n = N,
                      .classes = K,
                      .scores = scores,
                      .labels = labels,
                      .d_scores = d};
    cr_expect_float_eq(find(name)->apply(&run), value, 1e-9, "%s", name);
    for (size_t i = 0; i < COUNT; i++)
        cr_expect_float_eq((double)d[i], gradient[i], 3e-8, "%s: gradient %zu", name, i);
    run.d_scores = NULL;
    cr_expect_float_eq(find(name)->apply(&run), value, 1e-9, "%s: value only", name);
}

Test(losses, cross_entropy)
{
    const double d[COUNT] = {0.135851403,  0.064171659,  -0.200023062, -0.131147822,
                             0.092562169,  0.038585653,  0.135851403,  0.064171659,
                             -0.200023062, -0.131147822, 0.092562169,  0.038585653};
    check("cross_entropy", (NetLossOptions){0}, 1.176739827086, d);
    const double smooth[COUNT] = {0.127518070,  0.055838326,  -0.183356395, -0.114481155,
                                  0.084228836,  0.030252319,  0.127518070,  0.055838326,
                                  -0.183356395, -0.114481155, 0.084228836,  0.030252319};
    check("cross_entropy", (NetLossOptions){.label_smoothing = 0.1}, 1.178823160419,
          smooth);
}

Test(losses, mse_rate)
{
    const double d[COUNT] = {0.125,        0.0,          -0.208333333, -0.041666667,
                             0.083333333,  -0.0625,      0.125,        0.0,
                             -0.208333333, -0.041666667, 0.083333333,  -0.0625};
    check("mse_rate", (NetLossOptions){0}, 0.4296875, d);
}

Test(losses, tet)
{
    const double d[COUNT] = {0.140076945,  0.018755391,  -0.177582336, -0.218711973,
                             0.208734583,  -0.006689276, 0.099703660,  0.099703660,
                             -0.222323987, -0.059797040, -0.002421940, 0.043468980};
    check("tet", (NetLossOptions){.tet_lambda = 0.05, .tet_target = 1.0}, 1.458288493166,
          d);
    const double smooth[COUNT] = {0.124243612,  0.002922058,  -0.145915670, -0.187045307,
                                  0.192901249,  -0.022522609, 0.083870327,  0.083870327,
                                  -0.190657320, -0.028130373, -0.018255274, 0.027635647};
    check("tet",
          (NetLossOptions){.label_smoothing = 0.2, .tet_lambda = 0.05, .tet_target = 1.0},
          1.462246826499, smooth);
}

Test(losses, margin)
{
    const double d[COUNT] = {0.162500000,  0.000000000,  -0.575000000, -0.075000000,
                             0.100000000,  0.000000000,  0.162500000,  0.000000000,
                             -0.575000000, -0.075000000, 0.100000000,  0.000000000};
    check("margin",
          (NetLossOptions){.margin_high = 0.9, .margin_low = 0.1, .margin_others = 0.5},
          0.818125000000, d);
}

/* Every loss of the list: finite for large scores, its gradient the slope of its value.
 */
Test(losses, gradients)
{
    enum { STEPS = 4, IMAGES = 5, CLASSES = 7, MANY = STEPS * IMAGES * CLASSES };
    static const uint32_t some[IMAGES] = {6, 0, 3, 3, 1};
    NetLossOptions options;
    sim_options_init(net_loss_options, &options);
    options.label_smoothing = 0.1;
    float x[MANY], u[MANY], at[MANY], d[MANY];
    test_fill(x, MANY, 1);
    test_fill(u, MANY, 2);
    size_t n = 0;
    for (const NetLoss *const *loss = net_losses; *loss; loss++, n++) {
        cr_assert((*loss)->name && (*loss)->formula && (*loss)->source && (*loss)->apply);
        NetLossRun run = {&options, STEPS, IMAGES, CLASSES, x, some, d};
        (*loss)->apply(&run);
        double expected = 0.0, value[2];
        for (size_t i = 0; i < MANY; i++)
            expected += (double)d[i] * (double)u[i];
        run.d_scores = NULL;
        run.scores = at;
        const double step = 1e-3;
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < MANY; i++)
                at[i] = x[i] + (side ? -1.0f : 1.0f) * (float)step * u[i];
            value[side] = (*loss)->apply(&run);
        }
        cr_expect_float_eq((value[0] - value[1]) / (2.0 * step), expected, 2e-5,
                           "%s: %.9g", (*loss)->name, expected);
        for (size_t i = 0; i < MANY; i++)
            at[i] = 1e4f * x[i];
        run.d_scores = d;
        cr_expect(isfinite((*loss)->apply(&run)), "%s of large scores", (*loss)->name);
        for (size_t i = 0; i < MANY; i++)
            cr_expect(isfinite(d[i]), "%s of large scores", (*loss)->name);
    }
    cr_assert_geq(n, 4);
}

Test(losses, prediction)
{
    uint32_t predictions[N];
    cr_assert_eq(net_predict(T, N, K, scores, labels, predictions), 1);
    cr_expect_eq(predictions[0], 0);
    cr_expect_eq(predictions[1], 0, "0.75 against 0.5: the mean over time decides");
    cr_assert_eq(net_predict(T, N, K, scores, NULL, predictions), 0);
    const float tie[] = {0.0f, 1.0f, 1.0f};
    net_predict(1, 1, 3, tie, NULL, predictions);
    cr_expect_eq(predictions[0], 1, "the first of equals");
}
