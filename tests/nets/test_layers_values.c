/* What single layers compute, against formulas in double precision and by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/nets/layer_harness.h"
#include "tests/support.h"

/* --- norm ----------------------------------------------------------------------------
 */

enum { T = 4, N = 3, H = 5, W = 4, C = 7, PIXELS = N * H * W };
enum { GAMMA, BETA, MEAN, VARIANCE };

static const SimShape shape = {T, N, H, W, C};

/* Index of pixel p (of a set) and channel c; a set is one step or all of them. */
static size_t at(size_t set, size_t set_pixels, size_t p, size_t c)
{
    return (set * set_pixels + p) * C + c;
}

static void close_to(const char *what, double got, double wanted)
{
    cr_expect(fabs(got - wanted) <= 3e-6 * (1.0 + fabs(wanted)), "%s is %.9g, not %.9g",
              what, got, wanted);
}

static void check_norm(const NetNorm *o, size_t sets, double offset)
{
    const HarnessSetup setup = {.layer = &net_layer_norm,
                                .options = o,
                                .in = {shape},
                                .n_inputs = 1,
                                .steps = T,
                                .training = true};
    Harness h;
    harness_open(&setup, &h);
    harness_fill(&h, 3);
    for (size_t i = 0; i < h.n_x[0]; i++)
        h.x[0][i] += (float)offset;
    test_fill(h.params[MEAN], sets * C, 91);
    test_fill(h.params[VARIANCE], sets * C, 92);
    float before[2][T * C];
    memcpy(before[0], h.params[MEAN], sets * C * sizeof(float));
    memcpy(before[1], h.params[VARIANCE], sets * C * sizeof(float));
    harness_forward(&h);
    harness_backward(&h);
    const size_t n = T * PIXELS / sets;
    for (size_t s = 0; s < sets; s++)
        for (size_t c = 0; c < C; c++) {
            double mean = 0.0, variance = 0.0, d_sum = 0.0, d_product = 0.0;
            for (size_t p = 0; p < n; p++)
                mean += (double)h.x[0][at(s, n, p, c)] / (double)n;
            for (size_t p = 0; p < n; p++)
                variance += pow((double)h.x[0][at(s, n, p, c)] - mean, 2.0) / (double)n;
            const double scale = 1.0 / sqrt(variance + o->epsilon);
            const double gamma = (double)h.params[GAMMA][s * C + c];
            const double beta = (double)h.params[BETA][s * C + c];
            for (size_t p = 0; p < n; p++) {
                const double hat = ((double)h.x[0][at(s, n, p, c)] - mean) * scale;
                const double dy = (double)h.dy[at(s, n, p, c)];
                d_sum += dy;
                d_product += dy * hat;
            }
            /* A large offset costs digits of x itself, not of the formula. */
            const double lost = 1.0 + fabs(offset);
            for (size_t p = 0; p < n; p++) {
                const size_t i = at(s, n, p, c);
                const double hat = ((double)h.x[0][i] - mean) * scale;
                close_to("y", (double)h.y[i] / lost, (gamma * hat + beta) / lost);
                close_to("dx", (double)h.dx[0][i] / lost,
                         gamma * scale *
                             ((double)h.dy[i] - d_sum / (double)n -
                              hat * d_product / (double)n) /
                             lost);
            }
            close_to("d gamma", (double)h.d_params[GAMMA][s * C + c], d_product);
            close_to("d beta", (double)h.d_params[BETA][s * C + c], d_sum);
            close_to("running mean", (double)h.params[MEAN][s * C + c],
                     (1.0 - o->momentum) * (double)before[0][s * C + c] +
                         o->momentum * mean);
            close_to("running variance", (double)h.params[VARIANCE][s * C + c],
                     (1.0 - o->momentum) * (double)before[1][s * C + c] +
                         o->momentum * variance * (double)n / (double)(n - 1));
        }
    harness_close(&h);
}

Test(norm, shared_statistics)
{
    const NetNorm o = {.sharing = NET_NORM_SHARED, .momentum = 0.1, .epsilon = 1e-5};
    check_norm(&o, 1, 0.0);
    check_norm(&o, 1, 50.0);
}

Test(norm, statistics_per_step)
{
    const NetNorm o = {.sharing = NET_NORM_PER_STEP, .momentum = 0.3, .epsilon = 1e-4};
    check_norm(&o, T, 0.0);
}

/* A constant wire normalised per step is the same as the image given T times. */
Test(norm, constant_wire_per_step)
{
    const NetNorm o = {.sharing = NET_NORM_PER_STEP, .momentum = 0.1, .epsilon = 1e-4};
    HarnessSetup setup = {.layer = &net_layer_norm,
                          .options = &o,
                          .in = {{1, N, H, W, C}},
                          .n_inputs = 1,
                          .steps = T,
                          .training = true};
    Harness once, repeated;
    harness_open(&setup, &once);
    setup.in[0].t = T;
    harness_open(&setup, &repeated);
    harness_fill(&once, 3);
    harness_fill(&repeated, 3);
    for (size_t t = 0; t < T; t++)
        memcpy(repeated.x[0] + t * PIXELS * C, once.x[0], PIXELS * C * sizeof(float));
    harness_forward(&once);
    harness_forward(&repeated);
    harness_backward(&once);
    harness_backward(&repeated);
    cr_expect_arr_eq(once.y, repeated.y, once.n_y * sizeof(float));
    for (size_t i = 0; i < once.plan.n_params; i++)
        cr_expect_arr_eq(once.params[i], repeated.params[i],
                         once.n_params[i] * sizeof(float));
    for (size_t i = 0; i < PIXELS * C; i++) {
        double sum = 0.0;
        for (size_t t = 0; t < T; t++)
            sum += (double)repeated.dx[0][t * PIXELS * C + i];
        close_to("dx", (double)once.dx[0][i], sum);
    }
    harness_close(&once);
    harness_close(&repeated);
}

Test(norm, inference_uses_the_running_statistics)
{
    const NetNorm o = {.momentum = 0.1, .epsilon = 1e-3};
    const HarnessSetup setup = {.layer = &net_layer_norm,
                                .options = &o,
                                .in = {shape},
                                .n_inputs = 1,
                                .steps = T};
    Harness h;
    harness_open(&setup, &h);
    harness_fill(&h, 3);
    for (size_t c = 0; c < C; c++) {
        h.params[MEAN][c] = 0.1f * (float)c;
        h.params[VARIANCE][c] = 0.5f + (float)c;
    }
    harness_forward(&h);
    for (size_t i = 0; i < h.n_y; i++) {
        const size_t c = i % C;
        close_to("y", (double)h.y[i],
                 (double)h.params[GAMMA][c] * ((double)h.x[0][i] - 0.1 * (double)c) /
                         sqrt(0.5 + (double)c + 1e-3) +
                     (double)h.params[BETA][c]);
    }
    harness_close(&h);
}

/* --- pools and joins by hand ---------------------------------------------------------
 */

static void run_small(Harness *h, const NetLayer *layer, const void *options, SimShape in,
                      SimForm form, size_t n_inputs, const float *const *x)
{
    HarnessSetup setup = {.layer = layer,
                          .options = options,
                          .n_inputs = n_inputs,
                          .steps = in.t,
                          .training = true};
    for (size_t i = 0; i < n_inputs; i++) {
        setup.in[i] = in;
        setup.form[i] = form;
    }
    harness_open(&setup, h);
    for (size_t i = 0; i < n_inputs; i++)
        memcpy(h->x[i], x[i], h->n_x[i] * sizeof(float));
    harness_forward(h);
    for (size_t i = 0; i < h->n_y; i++)
        h->dy[i] = (float)(i + 1);
    harness_backward(h);
}

static void expect_floats(const char *what, const float *got, const float *wanted,
                          size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_expect_float_eq(got[i], wanted[i], 1e-6f, "%s[%zu] is %g, not %g", what, i,
                           (double)got[i], (double)wanted[i]);
}

Test(pool, average_with_and_without_the_padding)
{
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const float *const in[] = {x};
    NetPool o = {.kernel = 3, .stride = 2, .padding = 1, .count_padding = true};
    Harness h;
    run_small(&h, &net_layer_average_pool, &o, (SimShape){1, 1, 3, 3, 1}, SIM_DENSE, 1,
              in);
    expect_floats("y", h.y, (const float[]){12 / 9.f, 16 / 9.f, 24 / 9.f, 28 / 9.f}, 4);
    const float ninth = 1.0f / 9.0f;
    expect_floats("dx", h.dx[0],
                  (const float[]){1 * ninth, 3 * ninth, 2 * ninth, 4 * ninth, 10 * ninth,
                                  6 * ninth, 3 * ninth, 7 * ninth, 4 * ninth},
                  9);
    harness_close(&h);
    o.count_padding = false;
    run_small(&h, &net_layer_average_pool, &o, (SimShape){1, 1, 3, 3, 1}, SIM_DENSE, 1,
              in);
    expect_floats("y", h.y, (const float[]){3, 4, 6, 7}, 4);
    harness_close(&h);
}

Test(pool, maximum_goes_back_to_the_first)
{
    const float x[8] = {1, 3, 3, 2, -5, -INFINITY, -5, -7};
    const float *const in[] = {x};
    const NetPool o = {.kernel = 2};
    Harness h;
    run_small(&h, &net_layer_max_pool, &o, (SimShape){1, 1, 2, 4, 1}, SIM_DENSE, 1, in);
    expect_floats("y", h.y, (const float[]){3, 3}, 2);
    expect_floats("dx", h.dx[0], (const float[]){0, 1, 2, 0, 0, 0, 0, 0}, 8);
    harness_close(&h);
    const float nothing[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    const float *const in_nothing[] = {nothing};
    run_small(&h, &net_layer_max_pool, &o, (SimShape){1, 1, 2, 2, 1}, SIM_DENSE, 1,
              in_nothing);
    cr_expect(isinf(h.y[0]) && h.y[0] < 0.0f);
    harness_close(&h);
    const float not_one[4] = {1.0f, NAN, 2.0f, 3.0f};
    const float *const in_not_one[] = {not_one};
    run_small(&h, &net_layer_max_pool, &o, (SimShape){1, 1, 2, 2, 1}, SIM_DENSE, 1,
              in_not_one);
    cr_expect(isnan(h.y[0]), "not hidden by larger numbers");
    harness_close(&h);
}

Test(pool, any_spike)
{
    const float x[8] = {0, 1, 0, 0, 0, 1, 0, 0};
    const float *const in[] = {x};
    const NetPool o = {.kernel = 2};
    Harness h;
    run_small(&h, &net_layer_max_pool, &o, (SimShape){1, 1, 2, 4, 1}, SIM_SPIKES, 1, in);
    cr_expect_eq(h.plan.out_form, SIM_SPIKES);
    expect_floats("y", h.y, (const float[]){1, 0}, 2);
    expect_floats("dx", h.dx[0], (const float[]){0, 1, 2, 0, 0, 0, 0, 0}, 8);
    harness_close(&h);
}

/* Pixels begin anywhere in a word, also where their channels take two or three. */
Test(flatten, spikes_end_to_end)
{
    static const size_t channels[] = {1, 3, 63, 64, 65, 70, 130, 192};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        const SimShape in = {2, 2, 3, 2, channels[i]};
        const size_t n = sim_shape_count(in);
        float *const x = malloc(n * sizeof *x);
        cr_assert_not_null(x);
        for (size_t k = 0; k < n; k++)
            x[k] = (float)((k * k / 7 + k) % 3 == 0);
        const float *const all[] = {x};
        Harness h;
        run_small(&h, &net_layer_flatten, NULL, in, SIM_SPIKES, 1, all);
        cr_assert_eq(h.plan.out_form, SIM_SPIKES);
        cr_assert_eq(h.n_y, n);
        expect_floats("y", h.y, x, n);
        expect_floats("dx", h.dx[0], h.dy, n);
        harness_close(&h);
        free(x);
    }
}

Test(pool, cells_overlap_as_in_pytorch)
{
    const float x[5] = {1, 2, 3, 4, 5}; /* five to three: [0,2) [1,4) [3,5) */
    const float *const in[] = {x};
    const NetAdaptivePool o = {1, 3};
    Harness h;
    run_small(&h, &net_layer_adaptive_pool, &o, (SimShape){1, 1, 1, 5, 1}, SIM_DENSE, 1,
              in);
    expect_floats("y", h.y, (const float[]){1.5f, 3.0f, 4.5f}, 3);
    expect_floats("dx", h.dx[0],
                  (const float[]){0.5f, 0.5f + 2 / 3.f, 2 / 3.f, 2 / 3.f + 1.5f, 1.5f},
                  5);
    harness_close(&h);
}

Test(join, truth_tables)
{
    const float a[4] = {0, 0, 1, 1}, b[4] = {0, 1, 0, 1};
    const float *const in[] = {a, b};
    static const float wanted[3][4] = {{0, 1, 1, 2}, {0, 0, 0, 1}, {0, 1, 0, 0}};
    static const float d_a[3][4] = {{1, 2, 3, 4}, {0, 2, 0, 4}, {0, -2, 0, -4}};
    static const float d_b[3][4] = {{1, 2, 3, 4}, {0, 0, 3, 4}, {1, 2, 0, 0}};
    for (int kind = NET_JOIN_ADD; kind <= NET_JOIN_IAND; kind++)
        for (int form = SIM_DENSE; form <= SIM_SPIKES; form++) {
            const NetJoin o = {kind};
            Harness h;
            run_small(&h, &net_layer_join, &o, (SimShape){1, 1, 1, 1, 4}, (SimForm)form,
                      2, in);
            cr_expect_eq(h.plan.out_form, form == SIM_SPIKES && kind != NET_JOIN_ADD
                                              ? SIM_SPIKES
                                              : SIM_DENSE);
            expect_floats("y", h.y, wanted[kind], 4);
            expect_floats("d a", h.dx[0], d_a[kind], 4);
            expect_floats("d b", h.dx[1], d_b[kind], 4);
            harness_close(&h);
        }
}

Test(vote, mean_of_neighbours)
{
    const float x[6] = {1, 2, 3, 4, 5, 9};
    const float *const in[] = {x};
    const NetVote o = {3};
    Harness h;
    run_small(&h, &net_layer_vote, &o, (SimShape){1, 1, 1, 1, 6}, SIM_DENSE, 1, in);
    expect_floats("y", h.y, (const float[]){2, 6}, 2);
    expect_floats("dx", h.dx[0],
                  (const float[]){1 / 3.f, 1 / 3.f, 1 / 3.f, 2 / 3.f, 2 / 3.f, 2 / 3.f},
                  6);
    harness_close(&h);
}

/* --- dropout -------------------------------------------------------------------------
 */

static void open_dropout(Harness *h, const NetDropout *o, bool training, uint32_t step)
{
    const HarnessSetup setup = {.layer = &net_layer_dropout,
                                .options = o,
                                .in = {{3, 10, 8, 8, 16}},
                                .n_inputs = 1,
                                .steps = 3,
                                .training = training};
    harness_open(&setup, h);
    h->step = step;
    for (size_t i = 0; i < h->n_x[0]; i++)
        h->x[0][i] = h->dy[i] = 1.0f;
    harness_forward(h);
}

Test(dropout, masks)
{
    const NetDropout over = {0.3, true}, each = {0.3, false};
    Harness h, other;
    open_dropout(&h, &over, true, 5);
    harness_backward(&h);
    cr_expect_arr_eq(h.y, h.dx[0], h.n_y * sizeof(float), "one mask, both ways");
    const size_t n = h.n_y / 3;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        kept += h.y[i] != 0.0f;
        cr_assert(h.y[i] == 0.0f || h.y[i] == (float)(1.0 / 0.7));
    }
    const double sigma = sqrt(0.3 * 0.7 * (double)n);
    cr_expect_float_eq((double)kept, 0.7 * (double)n, 4.0 * sigma);
    cr_expect_arr_eq(h.y, h.y + n, n * sizeof(float), "kept over time");
    open_dropout(&other, &over, true, 6);
    cr_expect_arr_neq(h.y, other.y, n * sizeof(float), "another training step");
    harness_close(&other);
    open_dropout(&other, &each, true, 5);
    cr_expect_arr_neq(other.y, other.y + n, n * sizeof(float), "one mask a step");
    harness_close(&other);
    open_dropout(&other, &over, false, 5);
    cr_expect_arr_eq(other.y, other.x[0], n * sizeof(float), "nothing in inference");
    harness_close(&other);
    harness_close(&h);
}

/* --- what does not fit is told -------------------------------------------------------
 */

static void expect_refused(const NetLayer *layer, const void *options, SimShape a,
                           SimShape b, size_t n_inputs, bool training, const char *word)
{
    const HarnessSetup setup = {.layer = layer,
                                .options = options,
                                .in = {a, b},
                                .n_inputs = n_inputs,
                                .steps = 4,
                                .training = training};
    Harness h;
    cr_expect_neq(harness_plan(&setup, &h), SIM_OK, "%s", layer->name);
    cr_expect(strstr(sim_message(), word), "%s: \"%s\" does not say \"%s\"", layer->name,
              sim_message(), word);
}

Test(layers, refusals)
{
    const SimShape in = {4, 2, 4, 4, 6}, none = {0};
    const NetConv conv = {
        .channels = 6, .kernel = 3, .stride = 1, .groups = 4, .gain = 1};
    expect_refused(&net_layer_conv, &conv, in, none, 1, true, "groups");
    const NetConv large = {
        .channels = 6, .kernel = 7, .stride = 1, .groups = 1, .gain = 1};
    expect_refused(&net_layer_conv, &large, in, none, 1, true, "larger input");
    const NetNorm norm = {.momentum = 0.1, .epsilon = 1e-5};
    expect_refused(&net_layer_norm, &norm, (SimShape){1, 1, 1, 1, 6}, none, 1, true,
                   "batch");
    const NetPool wide = {.kernel = 5}, padded = {.kernel = 3, .padding = 2};
    expect_refused(&net_layer_max_pool, &wide, in, none, 1, true, "4x4");
    expect_refused(&net_layer_average_pool, &padded, in, none, 1, true, "padding");
    const NetAdaptivePool up = {5, 4};
    expect_refused(&net_layer_adaptive_pool, &up, in, none, 1, true, "5x4");
    const NetJoin join = {NET_JOIN_ADD};
    expect_refused(&net_layer_join, &join, in, (SimShape){4, 2, 4, 4, 7}, 2, true,
                   "4x4x7");
    expect_refused(&net_layer_join, &join, in, (SimShape){1, 2, 4, 4, 6}, 2, true,
                   "repeat");
    const NetVote vote = {4};
    expect_refused(&net_layer_vote, &vote, in, none, 1, true, "groups of 4");
    expect_refused(&net_layer_unpack, NULL, in, none, 1, true, "dense");
}
