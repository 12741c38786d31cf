/* Convolution of few channels from values that are mostly 0: the kernels of every level
 * against the reference, to the bit, and what sim/conv_few.c promises of the results. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/arena.h"
#include "sim/conv.h"
#include "sim/conv_internal.h"
#include "tests/support.h"

enum { AVX512 = SIM_CPU_AVX2 | SIM_CPU_AVX512, GUARD = 32, NT = 3 };
static const unsigned levels[] = {SIM_CPU_AVX2, AVX512};
enum { N_LEVELS = sizeof levels / sizeof *levels };

#define SHAPE(N, H, W, C, K, KH, KW, S, P)                                               \
    {                                                                                    \
        .n = N, .h = H, .w = W, .c = C, .k = K, .kh = KH, .kw = KW, .stride = S,         \
        .pad = P, .groups = 1                                                            \
    }
static const SimConvShape shapes[] = {
    SHAPE(2, 9, 12, 2, 64, 3, 3, 1, 1), SHAPE(1, 11, 13, 3, 40, 5, 5, 2, 2),
    SHAPE(2, 5, 5, 1, 7, 3, 3, 1, 0),   SHAPE(1, 17, 15, 2, 64, 7, 7, 2, 3),
    SHAPE(2, 3, 3, 8, 33, 3, 3, 1, 2),  SHAPE(1, 6, 40, 4, 100, 1, 4, 3, 0),
    SHAPE(3, 1, 1, 5, 128, 1, 1, 1, 0), SHAPE(1, 12, 2, 2, 16, 3, 2, 1, 1)};
static const double densities[] = {0.0, 0.03, 0.3, 1.0};
enum {
    N_SHAPES = sizeof shapes / sizeof *shapes,
    N_DENSITIES = sizeof densities / sizeof *densities
};

typedef struct Data {
    SimConvShape s;
    size_t nx, nw, ny; /* of a step */
    float *x, *w, *start, *dy;
} Data;

static Data open_data(SimConvShape shape, double density)
{
    Data d = {.s = shape};
    cr_assert_eq(sim_conv_shape(&d.s), SIM_OK, "%s", sim_message());
    cr_assert(sim_conv_is_of_few(&d.s, SIM_DENSE));
    d.nx = d.s.n * d.s.h * d.s.w * d.s.c;
    d.nw = d.s.kh * d.s.kw * d.s.c * d.s.k;
    d.ny = d.s.n * d.s.oh * d.s.ow * d.s.k;
    d.x = malloc(NT * d.nx * sizeof *d.x), d.w = malloc(d.nw * sizeof *d.w);
    d.start = malloc(d.s.k * sizeof *d.start), d.dy = malloc(NT * d.ny * sizeof *d.dy);
    cr_assert(d.x && d.w && d.start && d.dy);
    uint64_t *const there = malloc(NT * d.nx * sizeof *there);
    cr_assert(there);
    test_fill_bits(there, NT * d.nx, 1, density, 9);
    test_fill(d.x, NT * d.nx, 1);
    for (size_t i = 0; i < NT * d.nx; i++)
        d.x[i] = there[i] ? d.x[i] : 0.0f;
    test_fill(d.w, d.nw, 2);
    test_fill(d.start, d.s.k, 3);
    test_fill_bf16(d.dy, NT * d.ny, 4); /* enough numbers in either form */
    free(there);
    return d;
}

static void close_data(Data *d)
{
    free(d->x), free(d->w), free(d->start), free(d->dy);
}

ParameterizedTestParameters(conv_few, kernels)
{
    static size_t cases[N_SHAPES * N_DENSITIES];
    for (size_t i = 0; i < N_SHAPES * N_DENSITIES; i++)
        cases[i] = i;
    return cr_make_param_array(size_t, cases, N_SHAPES * N_DENSITIES);
}

ParameterizedTest(const size_t *index, conv_few, kernels)
{
    Data d = open_data(shapes[*index % N_SHAPES], densities[*index / N_SHAPES]);
    const size_t rows = d.s.n * d.s.oh, n = larger(d.ny, d.nw) + GUARD;
    float *const want = calloc(n, sizeof *want), *got = aligned_alloc(64, (n + 16) * 4);
    cr_assert(want && got);
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    for (size_t l = 0; l < N_LEVELS; l++) {
        if ((sim_cpu_detect() & levels[l]) != levels[l])
            continue;
        sim_kernels_init(&simd, levels[l]);
        for (int form = 0; form < 8; form++) { /* bf16, start, around the cache */
            const bool bf16 = form & 1;
            const float *const start = form & 2 ? d.start : NULL;
            memset(want, 0x11, n * sizeof *want);
            memset(got, 0x11, n * sizeof *got);
            ref.conv_few_forward(&d.s, 0, rows, d.x, d.w, start, (SimNumbers){want, bf16},
                                 false);
            for (size_t row = 0; row < rows; row++)
                simd.conv_few_forward(&d.s, row, row + 1, d.x, d.w, start,
                                      (SimNumbers){got, bf16}, form & 4);
            cr_assert_arr_eq(want, got, n * sizeof *want, "level %u, form %d", levels[l],
                             form);
            test_fill(want, d.nw, 7);
            test_fill(got, d.nw, 7);
            ref.conv_few_weights(&d.s, 0, rows, d.x, (SimNumbers){d.dy, bf16}, want);
            for (size_t half = 0; half < 2; half++)
                simd.conv_few_weights(&d.s, half ? rows / 2 : 0, half ? rows : rows / 2,
                                      d.x, (SimNumbers){d.dy, bf16}, got);
            cr_assert_arr_eq(want, got, d.nw * sizeof *want, "weights, level %u, bf16 %d",
                             levels[l], bf16);
        }
    }
    free(want), free(got);
    close_data(&d);
}

static SimContext context; /* a convolution keeps where it is */

/* What output `out` sees through a row of weights. */
static double value_at(const Data *d, size_t out, size_t row)
{
    const SimConvShape *s = &d->s;
    const size_t pixel = out % (s->oh * s->ow), image = out / (s->oh * s->ow);
    const size_t tap = row / s->c;
    const size_t iy = pixel / s->ow * s->stride + tap / s->kw - s->pad;
    const size_t ix = pixel % s->ow * s->stride + tap % s->kw - s->pad;
    if (iy >= s->h || ix >= s->w)
        return 0.0;
    return (double)d->x[((image * s->h + iy) * s->w + ix) * s->c + row % s->c];
}

/* Results near those in double precision, the same bits for any number of threads, step
 * by step, and row by row. */
Test(conv_few, planned)
{
    cr_assert_eq(sim_context_create(2, NULL, &context), SIM_OK, "%s", sim_message());
    for (size_t i = 0; i < N_SHAPES; i++) {
        Data d = open_data(shapes[i], 0.2);
        const SimConvShape *s = &d.s;
        SimConv *conv;
        SimArena arena;
        cr_assert_eq(sim_conv_create(s, SIM_DENSE, NT,
                                     SIM_CONV_FORWARD | SIM_CONV_BACKWARD_WEIGHTS,
                                     &context, &conv),
                     SIM_OK, "%s", sim_message());
        cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);
        float *y[2], *d_weights[2];
        for (size_t j = 0; j < 2; j++) {
            y[j] = calloc(NT * d.ny, sizeof **y);
            d_weights[j] = calloc(d.nw, sizeof **d_weights);
            cr_assert(y[j] && d_weights[j]);
        }
        test_fill(d.dy, NT * d.ny, 4);
        const SimTensor x = {.f32 = d.x}, dy = {.f32 = d.dy}, out = {.f32 = y[0]};
        sim_conv_forward(conv, NT, &x, d.w, d.start, &out, arena.base);
        sim_conv_backward_weights(conv, NT, &x, &dy, d_weights[0], NULL, arena.base);
        const size_t rows = s->kh * s->kw * s->c, outputs = NT * s->n * s->oh * s->ow;
        for (size_t k = 0; k < s->k; k++)
            for (size_t o = 0; o < outputs; o++) {
                double sum = (double)d.start[k];
                for (size_t r = 0; r < rows; r++)
                    sum += value_at(&d, o, r) * (double)d.w[r * s->k + k];
                cr_assert_float_eq((double)y[0][o * s->k + k], sum, 2e-5, "%zu", i);
            }
        for (size_t r = 0; r < rows; r++)
            for (size_t k = 0; k < s->k; k++) {
                double sum = 0.0;
                for (size_t o = 0; o < outputs; o++)
                    sum += value_at(&d, o, r) * (double)d.dy[o * s->k + k];
                cr_assert_float_eq((double)d_weights[0][r * s->k + k], sum, 2e-4, "%zu",
                                   i);
            }
        for (int threads = 1; threads <= 3; threads++) {
            context.team = sim_team_create(threads);
            for (size_t t = 0; t < NT; t++)
                sim_conv_forward(conv, 1, &(SimTensor){.f32 = d.x + t * d.nx}, d.w,
                                 d.start, &(SimTensor){.f32 = y[1] + t * d.ny},
                                 arena.base);
            cr_assert_arr_eq(y[0], y[1], NT * d.ny * sizeof **y, "%zu", i);
            memset(d_weights[1], 0, d.nw * sizeof **d_weights);
            sim_conv_backward_weights(conv, NT, &x, &dy, d_weights[1], NULL, arena.base);
            cr_assert_arr_eq(d_weights[0], d_weights[1], d.nw * sizeof **d_weights, "%zu",
                             i);
        }
        cr_assert(sim_conv_begin_rows(conv, d.w, arena.base));
        memset(y[1], 0, d.ny * sizeof **y);
        for (size_t row = 0; row < s->n * s->oh; row++)
            sim_conv_forward_rows(conv, &x, d.w, d.start, arena.base, row, row + 1,
                                  y[1] + row * s->ow * s->k);
        cr_assert_arr_eq(y[0], y[1], d.ny * sizeof **y, "%zu: row by row", i);
        for (size_t j = 0; j < 2; j++)
            free(y[j]), free(d_weights[j]);
        sim_arena_destroy(&arena);
        sim_conv_destroy(conv);
        close_data(&d);
    }
}
