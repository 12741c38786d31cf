/* Loops over channels and numbers: every level gives the bits of the reference, writes
 * nothing past the end, and the sums are those of the formula. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "sim/kernels.h"
#include "sim/tensor.h"
#include "tests/support.h"

enum { MAX = 3000, GUARD = 32, SIZE = MAX + GUARD };

typedef struct Case {
    unsigned cpu;
    size_t pixels, c;
} Case;

#define SIZES(cpu)                                                                       \
    {cpu, 0, 5}, {cpu, 1, 1}, {cpu, 3, 7}, {cpu, 5, 16}, {cpu, 7, 64}, {cpu, 3, 65},     \
        {cpu, 2, 200}, {cpu, 13, 130},                                                   \
    {                                                                                    \
        cpu, 1, 2999                                                                     \
    }
static Case cases[] = {SIZES(SIM_CPU_AVX2), SIZES(SIM_CPU_AVX2 | SIM_CPU_AVX512),
                       SIZES(SIM_CPU_AVX2 | SIM_CPU_AVX512 | SIM_CPU_AMX)};

enum { N_RUNS = 32 }; /* of kernels, each on its own data */

typedef struct Data {
    float x[SIZE], y[SIZE], a[SIZE], b[SIZE], k[SIZE], v[SIZE];
    double sums[2 * SIZE];
} Data;

static SimNumbers f32(float *x)
{
    return (SimNumbers){.at = x};
}

static SimNumbers numbers(float *x, bool bf16)
{
    if (bf16)
        test_fill_bf16(x, MAX, 7);
    return (SimNumbers){x, bf16};
}

/* Every kernel, its results from the start and the guard behind them. */
static void run_all(const SimKernels *kernels, const Case *c, Data out[N_RUNS])
{
    const size_t n = c->pixels * c->c;
    for (size_t i = 0; i < N_RUNS; i++) {
        Data *d = &out[i];
        test_fill(d->x, SIZE, 1);
        test_fill(d->y, SIZE, 2);
        test_fill(d->a, SIZE, 3);
        test_fill(d->b, SIZE, 4);
        test_fill(d->k, SIZE, 5);
        for (size_t j = 0; j < SIZE; j++)
            d->v[j] = fabsf(d->k[j]);
        memset(d->sums, 0, sizeof d->sums);
    }
    Data *d = out;
    kernels->channel_sums(c->pixels, c->c, f32(d->x + 1), d->a + 1, d->sums);
    d++;
    kernels->channel_sums_back(c->pixels, c->c, f32(d->x + 1), f32(d->y + 1), d->a + 1,
                               d->sums);
    d++;
    kernels->channel_affine(c->pixels, c->c, f32(d->x + 1), d->a + 1, d->b + 1,
                            f32(d->y + 1));
    d++;
    for (int accumulate = 0; accumulate < 2; accumulate++, d++)
        kernels->channel_affine_back(c->pixels, c->c, f32(d->x + 1), f32(d->a + 1),
                                     d->b + 1, d->k + 1, d->v + 1, accumulate,
                                     f32(d->y + 1));
    kernels->channel_affine_back(c->pixels, c->c, f32(d->x + 1), f32(d->y + 1), d->b + 1,
                                 d->k + 1, d->v + 1, false, f32(d->y + 1));
    for (int form = 0; form < 8; form++, d++) { /* of dy, of dx, added to */
        const SimNumbers dy = numbers(d->a + 1, form & 1),
                         dx = numbers(d->y + 1, form & 2);
        kernels->channel_affine_back(c->pixels, c->c, f32(d->x + 1), dy, d->b + 1,
                                     d->k + 1, d->v + 1, form & 4, dx);
        kernels->channel_sums_back(c->pixels, c->c, f32(d->x + 1), dx, d->a + 1, d->sums);
    }
    kernels->channel_sums(c->pixels, c->c, numbers(d->x + 1, true), d->a + 1, d->sums);
    d++;
    for (int form = 0; form < 8; form++, d++) { /* of x, of z, of y */
        const SimNumbers x = numbers(d->x + 1, form & 1), z = numbers(d->k + 1, form & 2),
                         y = numbers(d->y + 1, form & 4);
        kernels->channel_affine(c->pixels, c->c, x, d->a + 1, d->b + 1, y);
        kernels->channel_affine_add(c->pixels, c->c, x, d->a + 1, d->b + 1, y, y);
        kernels->channel_affine_add(c->pixels, c->c, x, d->a + 1, d->b + 1, z, y);
        kernels->sum(n, x, y, y);
        kernels->sum(n, y, z, y);
    }
    kernels->channel_affine_back(c->pixels, c->c, numbers(d->x + 1, true), f32(d->a + 1),
                                 d->b + 1, d->k + 1, d->v + 1, true, f32(d->y + 1));
    kernels->channel_sums_back(c->pixels, c->c, numbers(d->x + 1, true), f32(d->a + 1),
                               d->b + 1, d->sums);
    d++;
    for (int form = 0; form < 4; form++, d++) {
        const SimNumbers from = numbers(d->a + 1, form & 1),
                         to = numbers(d->y + 1, form & 2);
        kernels->hand_on(n, from, false, to);
        kernels->hand_on(n, from, true, to);
    }
    kernels->add(n, d->x + 1, d->y + 1);
    d->sums[0] = kernels->sum_squares(n, d->x + 1);
    d++;
    SimSgd sgd = {.lr = 0.1f, .factor = 0.7f, .decay = 0.01f, .momentum = 0.9f};
    kernels->sgd_step(&sgd, n, d->x + 1, d->y + 1, NULL);
    kernels->sgd_step(&sgd, n, d->x + 1, d->a + 1, d->b + 1);
    d++;
    sgd.nesterov = true;
    kernels->sgd_step(&sgd, n, d->x + 1, d->y + 1, d->b + 1);
    d++;
    for (int decoupled = 0; decoupled < 2; decoupled++, d++) {
        const SimAdam adam = {.lr = 0.1f,
                              .factor = 0.7f,
                              .decay = 0.01f,
                              .epsilon = 1e-8f,
                              .beta1 = 0.9f,
                              .beta2 = 0.999f,
                              .rest1 = 0.1f,
                              .rest2 = 0.001f,
                              .correct1 = 10.0f,
                              .correct2 = 1000.0f,
                              .decoupled = decoupled};
        kernels->adam_step(&adam, n, d->x + 1, d->y + 1, d->b + 1, d->v + 1);
    }
}

ParameterizedTestParameters(elementwise, levels)
{
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(const Case *c, elementwise, levels)
{
    test_need_cpu(c->cpu);
    static Data reference[N_RUNS], other[N_RUNS];
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    sim_kernels_init(&simd, c->cpu);
    run_all(&ref, c, reference);
    run_all(&simd, c, other);
    for (size_t i = 0; i < N_RUNS; i++)
        cr_expect_arr_eq(&reference[i], &other[i], sizeof other[i],
                         "kernel %zu of [%zu,%zu]", i, c->pixels, c->c);
}

Test(elementwise, sums)
{
    enum { PIXELS = 20, C = 70 };
    static float x[PIXELS * C], dy[PIXELS * C], shift[C];
    static double sums[2 * C];
    test_fill(x, PIXELS * C, 1);
    test_fill(dy, PIXELS * C, 2);
    test_fill(shift, C, 3);
    SimKernels kernels;
    sim_kernels_init(&kernels, 0);
    for (int back = 0; back < 2; back++) {
        for (size_t c = 0; back && c < 2 * C; c++)
            sums[c] = 1.0; /* what was there before is added to */
        if (back)
            kernels.channel_sums_back(PIXELS, C, f32(x), f32(dy), shift, sums);
        else
            kernels.channel_sums(PIXELS, C, f32(x), shift, sums);
        for (size_t c = 0; c < C; c++) {
            double first = back, second = back;
            for (size_t p = 0; p < PIXELS; p++) {
                const double d = (double)x[p * C + c] - (double)shift[c];
                const double g = back ? (double)dy[p * C + c] : d;
                first += g;
                second += g * d;
            }
            cr_expect_float_eq(sums[c], first, 1e-5);
            cr_expect_float_eq(sums[C + c], second, 1e-5);
        }
    }
    double square = 0.0;
    for (size_t i = 0; i < PIXELS * C; i++)
        square += (double)x[i] * (double)x[i];
    cr_expect_float_eq(kernels.sum_squares(PIXELS * C, x), square, 1e-9);
}

/* bfloat16 numbers are computed as the f32 ones they stand for, and rounded once. */
Test(elementwise, bfloat16)
{
    enum { PIXELS = 3, C = 300, N = PIXELS * C };
    static float x[N], dy[N], want[N], made[N], a[C], b[C], k[C];
    static uint16_t dy16[N], dx16[N];
    double sums[2][2 * C] = {{0}};
    test_fill(x, N, 1);
    test_fill(a, C, 2);
    test_fill(b, C, 3);
    test_fill(k, C, 4);
    SimKernels kernels;
    sim_kernels_init(&kernels, 0);
    for (int accumulate = 0; accumulate < 2; accumulate++) {
        test_fill_bf16(dy16, N, 5);
        test_fill_bf16(dx16, N, 6);
        for (size_t i = 0; i < N; i++) {
            dy[i] = sim_bf16_value(dy16[i]);
            want[i] = sim_bf16_value(dx16[i]);
        }
        const SimNumbers from = {dy16, true}, to = {dx16, true};
        kernels.channel_affine_back(PIXELS, C, f32(x), f32(dy), a, b, k, accumulate,
                                    f32(want));
        kernels.channel_affine_back(PIXELS, C, f32(x), from, a, b, k, accumulate, to);
        for (size_t i = 0; i < N; i++) {
            cr_assert_eq(dx16[i], sim_bf16_of(want[i]), "%zu", i);
            want[i] = sim_bf16_value(dx16[i]);
        }
        kernels.hand_on(N, from, accumulate, to);
        for (size_t i = 0; i < N; i++)
            cr_assert_eq(dx16[i], sim_bf16_of(accumulate ? want[i] + dy[i] : dy[i]),
                         "%zu", i);
        kernels.channel_sums_back(PIXELS, C, from, from, a, sums[0]);
        kernels.channel_sums_back(PIXELS, C, f32(dy), f32(dy), a, sums[1]);
        cr_assert_arr_eq(sums[0], sums[1], sizeof sums[0]);
        kernels.channel_sums(PIXELS, C, from, a, sums[0]);
        kernels.channel_sums(PIXELS, C, f32(dy), a, sums[1]);
        cr_assert_arr_eq(sums[0], sums[1], sizeof sums[0]);
        kernels.channel_affine(PIXELS, C, from, a, b, f32(made));
        kernels.channel_affine(PIXELS, C, f32(dy), a, b, f32(want));
        cr_assert_arr_eq(made, want, sizeof made);
        kernels.channel_affine_add(PIXELS, C, f32(x), a, b, from, f32(made));
        kernels.channel_affine_add(PIXELS, C, f32(x), a, b, f32(dy), f32(want));
        cr_assert_arr_eq(made, want, sizeof made);
        kernels.channel_affine_add(PIXELS, C, f32(x), a, b, from, to);
        for (size_t i = 0; i < N; i++)
            cr_assert_eq(dx16[i], sim_bf16_of(want[i]), "%zu", i);
        kernels.sum(N, f32(x), from, to);
        for (size_t i = 0; i < N; i++)
            cr_assert_eq(dx16[i], sim_bf16_of(x[i] + dy[i]), "%zu", i);
    }
}

/* What is no usual number is rounded alike by all levels. */
Test(elementwise, rounding)
{
    static const unsigned levels[] = {0, SIM_CPU_AVX2, SIM_CPU_AVX2 | SIM_CPU_AVX512,
                                      SIM_CPU_AVX2 | SIM_CPU_AVX512 | SIM_CPU_AMX};
    static float x[] = {NAN,
                        -NAN,
                        INFINITY,
                        -INFINITY,
                        FLT_MAX,
                        -FLT_MAX,
                        0.0f,
                        -0.0f,
                        FLT_MIN,
                        -FLT_MIN,
                        1e-42f,
                        -1e-42f,
                        0x1.fffffcp-127f,
                        -0x1.fffffcp-127f,
                        1.0f + 0x1p-8f,
                        1.0f + 3 * 0x1p-8f,
                        0x1.00fffep0f,
                        0x1.010002p0f,
                        3.0e38f,
                        -1e-38f};
    enum { N = sizeof x / sizeof *x };
    cr_expect_eq(sim_bf16_of(1e-42f), 0);
    cr_expect_eq(sim_bf16_of(-1e-42f), 0x8000);
    cr_expect_eq(sim_bf16_of(FLT_MIN), 0x0080);
    for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
        if ((sim_cpu_detect() & levels[level]) != levels[level])
            continue;
        SimKernels kernels;
        sim_kernels_init(&kernels, levels[level]);
        uint16_t y[N];
        kernels.hand_on(N, f32(x), false, (SimNumbers){y, true});
        for (size_t i = 0; i < N; i++)
            cr_expect_eq(y[i], sim_bf16_of(x[i]), "level %zu: %a becomes %#x", level,
                         (double)x[i], (unsigned)y[i]);
    }
}

/* Where a gradient stays 0 the moments end at 0, not at numbers too small to be normal,
 * which the processor handles a hundred times slower. */
Test(elementwise, moments_that_fade_are_none)
{
    enum { N = 3, STEPS = 200000 };
    const SimAdam adam = {.lr = 1e-3f,
                          .factor = 1.0f,
                          .epsilon = 1e-8f,
                          .beta1 = 0.9f,
                          .beta2 = 0.999f,
                          .rest1 = 0.1f,
                          .rest2 = 0.001f,
                          .correct1 = 1.0f,
                          .correct2 = 1.0f};
    static const float g[N] = {0.0f};
    float w[N] = {1.0f, -1.0f, 0.5f}, m[N] = {1e-2f, -1e-5f, 1e-20f};
    float v[N] = {1e-4f, 1e-12f, 0.0f};
    SimKernels kernels;
    sim_kernels_init(&kernels, 0);
    for (int i = 0; i < STEPS; i++)
        kernels.adam_step(&adam, N, g, w, m, v);
    for (size_t i = 0; i < N; i++)
        cr_expect(m[i] == 0.0f && v[i] == 0.0f && isfinite(w[i]), "%zu: %g %g", i,
                  (double)m[i], (double)v[i]);
}
