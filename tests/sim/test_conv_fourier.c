/* Convolution by frequency against the textbook sum in double precision, and its kernel:
 * every level gives the bits of the reference. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/arena.h"
#include "sim/conv.h"
#include "sim/conv_fourier.h"
#include "tests/support.h"

static SimConvShape shapes[] = {
    {.n = 2, .h = 10, .w = 10, .c = 3, .k = 4, .kh = 3, .kw = 3, .stride = 1},
    {.n = 3, .h = 20, .w = 19, .c = 2, .k = 5, .kh = 9, .kw = 9, .stride = 2},
    {.n = 1, .h = 9, .w = 12, .c = 70, .k = 17, .kh = 5, .kw = 4, .stride = 2},
    {.n = 2, .h = 13, .w = 7, .c = 4, .k = 3, .kh = 7, .kw = 7, .stride = 3},
    {.n = 2, .h = 6, .w = 6, .c = 3, .k = 3, .kh = 1, .kw = 1, .stride = 2},
    {.n = 2, .h = 5, .w = 5, .c = 3, .k = 3, .kh = 5, .kw = 5, .stride = 1},
};

ParameterizedTestParameters(fourier, against_double)
{
    return cr_make_param_array(SimConvShape, shapes, sizeof shapes / sizeof *shapes);
}

static float *take(size_t n, uint64_t seed)
{
    float *x = malloc(n * sizeof *x);
    cr_assert_not_null(x);
    test_fill(x, n, seed);
    return x;
}

static double *copy(const float *x, size_t n)
{
    double *y = malloc(n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = (double)x[i];
    return y;
}

static double distance(const double *want, const float *got, size_t n)
{
    double difference = 0.0, norm = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += pow(want[i] - (double)got[i], 2.0);
        norm += want[i] * want[i];
    }
    return sqrt(difference / norm);
}

ParameterizedTest(const SimConvShape *shape, fourier, against_double)
{
    SimConvShape s = *shape;
    s.groups = 1;
    cr_assert_eq(sim_conv_shape(&s), SIM_OK);
    const size_t nx = s.n * s.h * s.w * s.c, nw = s.kh * s.kw * s.c * s.k,
                 ny = s.n * s.oh * s.ow * s.k;
    float *x = take(nx, 1), *w = take(nw, 2), *dy = take(ny, 3);
    float *y = take(ny, 4), *dx = take(nx, 5), *dw = take(nw, 6);
    double *want_y = copy(y, ny), *want_dx = copy(dx, nx), *want_dw = copy(dw, nw);
    for (size_t i = 0; i < ny; i++)
        for (size_t tap = 0; tap < s.kh * s.kw; tap++)
            for (size_t c = 0; c < s.c; c++) {
                const size_t k = i % s.k, ox = i / s.k % s.ow, oy = i / s.k / s.ow % s.oh;
                const size_t n = i / s.k / s.ow / s.oh;
                const size_t iy = oy * s.stride + tap / s.kw,
                             ix = ox * s.stride + tap % s.kw;
                const size_t xi = ((n * s.h + iy) * s.w + ix) * s.c + c;
                const size_t wi = (tap * s.c + c) * s.k + k;
                want_y[i] += (double)x[xi] * (double)w[wi];
                want_dx[xi] += (double)dy[i] * (double)w[wi];
                want_dw[wi] += (double)dy[i] * (double)x[xi];
            }
    float *first = NULL;
    for (int threads = 1; threads <= 3; threads += 2) {
        SimContext context;
        SimFourier *fourier = NULL;
        SimArena arena;
        cr_assert_eq(sim_context_create(threads, NULL, &context), SIM_OK);
        cr_assert_eq(sim_fourier_create(&s, &context, &fourier), SIM_OK, "%s",
                     sim_message());
        cr_assert_eq(sim_arena_create(&arena, sim_fourier_scratch_bytes(fourier)),
                     SIM_OK);
        memset(arena.base, 0xff, arena.size);
        if (threads == 1) {
            sim_fourier_forward(fourier, x, w, y, arena.base);
            cr_expect_lt(distance(want_y, y, ny), 2e-6, "forward");
            sim_fourier_input(fourier, dy, w, dx, arena.base);
            cr_expect_lt(distance(want_dx, dx, nx), 2e-6, "input gradient");
        }
        float *weights = take(nw, 6);
        sim_fourier_weights(fourier, x, dy, weights, arena.base);
        cr_expect_lt(distance(want_dw, weights, nw), 2e-6, "weight gradient");
        free(first);
        first = weights;
        sim_arena_destroy(&arena);
        sim_fourier_destroy(fourier);
    }
    free(first), free(x), free(w), free(dy), free(y), free(dx), free(dw);
    free(want_y), free(want_dx), free(want_dw);
}

/* A convolution takes this way by itself where it is worth it, in steps and with a bias.
 */
Test(fourier, chosen_for_large_kernels)
{
    enum { T = 2, N = 32, C = 32, SIDE = 9, KERNEL = 5, OUT = 5 };
    SimConvShape s = {.n = N,
                      .h = SIDE,
                      .w = SIDE,
                      .c = C,
                      .k = C,
                      .kh = KERNEL,
                      .kw = KERNEL,
                      .stride = 1,
                      .groups = 1};
    cr_assert_eq(sim_conv_shape(&s), SIM_OK);
    cr_assert(sim_fourier_pays(&s));
    SimConvShape few = s, padded = s, small = s;
    few.n = 4, padded.pad = 1, small.kh = small.kw = 1;
    cr_assert_eq(sim_conv_shape(&padded), SIM_OK);
    cr_assert_eq(sim_conv_shape(&small), SIM_OK);
    cr_expect_not(sim_fourier_pays(&few));
    cr_expect_not(sim_fourier_pays(&padded));
    cr_expect_not(sim_fourier_pays(&small));
    const size_t nx = T * N * SIDE * SIDE * C, ny = T * N * OUT * OUT * C,
                 nw = KERNEL * KERNEL * C * C;
    float *x = take(nx, 1), *w = take(nw, 2), *bias = take(C, 3), *y = take(ny, 4);
    SimContext context;
    SimConv *conv = NULL;
    SimArena arena;
    cr_assert_eq(sim_context_create(0, NULL, &context), SIM_OK);
    cr_assert_eq(sim_context_set_precision(&context, SIM_PRECISION_F32), SIM_OK);
    cr_assert_eq(sim_conv_create(&s, SIM_DENSE, T, SIM_CONV_FORWARD, &context, &conv),
                 SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);
    const SimTensor in = {SIM_DENSE, {T, N, SIDE, SIDE, C}, .f32 = x};
    sim_conv_forward(conv, T, &in, w, bias, &(SimTensor){.f32 = y}, arena.base);
    for (size_t i = 0; i < ny; i += 977) {
        const size_t k = i % C, ox = i / C % OUT, oy = i / C / OUT % OUT,
                     n = i / C / OUT / OUT;
        double want = (double)bias[k];
        for (size_t tap = 0; tap < KERNEL * KERNEL; tap++)
            for (size_t c = 0; c < C; c++)
                want +=
                    (double)
                        x[((n * SIDE + oy + tap / KERNEL) * SIDE + ox + tap % KERNEL) *
                              C +
                          c] *
                    (double)w[(tap * C + c) * C + k];
        cr_expect_float_eq((double)y[i], want, 1e-4, "output %zu", i);
    }
    sim_arena_destroy(&arena);
    sim_conv_destroy(conv);
    free(x), free(w), free(bias), free(y);
}

/* Kernels too large for tile units go the same way whatever precision was asked for. */
Test(fourier, chosen_at_any_precision)
{
    enum { N = 32, C = 32, SIDE = 20, KERNEL = 9, OUT = 6, COUNT = N * OUT * OUT * C };
    SimConvShape s = {.n = N,
                      .h = SIDE,
                      .w = SIDE,
                      .c = C,
                      .k = C,
                      .kh = KERNEL,
                      .kw = KERNEL,
                      .stride = 2,
                      .groups = 1};
    test_need_cpu(SIM_CPU_AMX);
    cr_assert_eq(sim_conv_shape(&s), SIM_OK);
    cr_assert(sim_fourier_pays(&s));
    float *const x = take(N * SIDE * SIDE * C, 1),
                 *const w = take(KERNEL * KERNEL * C * C, 2), *y[SIM_PRECISION_BF16 + 1];
    for (SimPrecision p = SIM_PRECISION_F32; p <= SIM_PRECISION_BF16; p++) {
        SimContext context;
        SimConv *conv = NULL;
        SimArena arena;
        y[p] = take(COUNT, 3);
        cr_assert_eq(sim_context_create(1, NULL, &context), SIM_OK);
        cr_assert_eq(sim_context_set_precision(&context, p), SIM_OK);
        cr_assert_eq(sim_conv_create(&s, SIM_DENSE, 1, SIM_CONV_FORWARD, &context, &conv),
                     SIM_OK, "%s", sim_message());
        cr_assert_eq(sim_arena_create(&arena, sim_conv_scratch_bytes(conv)), SIM_OK);
        const SimTensor in = {SIM_DENSE, {1, N, SIDE, SIDE, C}, .f32 = x};
        sim_conv_forward(conv, 1, &in, w, NULL, &(SimTensor){.f32 = y[p]}, arena.base);
        cr_expect_arr_eq(y[p], y[SIM_PRECISION_F32], COUNT * sizeof **y, "%s",
                         sim_precisions[p]);
        sim_arena_destroy(&arena);
        sim_conv_destroy(conv);
    }
    for (SimPrecision p = SIM_PRECISION_F32; p <= SIM_PRECISION_BF16; p++)
        free(y[p]);
    free(x), free(w);
}

static unsigned levels[] = {SIM_CPU_AVX2, SIM_CPU_AVX2 | SIM_CPU_AVX512};

ParameterizedTestParameters(fourier, mix_levels)
{
    return cr_make_param_array(unsigned, levels, 2);
}

ParameterizedTest(const unsigned *cpu, fourier, mix_levels)
{
    enum { ROWS = 9, IN = 7, C = 53, PITCH = 60 };
    test_need_cpu(*cpu);
    SimKernels kernels[2];
    sim_kernels_init(&kernels[0], 0);
    sim_kernels_init(&kernels[1], *cpu);
    float m[ROWS * IN], x[IN * PITCH], y[2][ROWS * PITCH];
    test_fill(m, ROWS * IN, 1);
    test_fill(x, IN * PITCH, 2);
    for (size_t rows = 1; rows <= ROWS; rows++)
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            for (size_t k = 0; k < 2; k++) {
                test_fill(y[k], ROWS * PITCH, 3);
                kernels[k].mix(rows, IN, m, IN, C, x, PITCH, accumulate, y[k], PITCH);
            }
            cr_expect_arr_eq(y[0], y[1], sizeof y[0], "%zu rows", rows);
            float before[ROWS * PITCH];
            test_fill(before, ROWS * PITCH, 3);
            for (size_t i = 0; i < ROWS * PITCH; i++) {
                double want = (double)before[i];
                if (i / PITCH < rows && i % PITCH < C) {
                    want = accumulate ? want : 0.0;
                    for (size_t k = 0; k < IN; k++)
                        want += (double)m[i / PITCH * IN + k] *
                                (double)x[k * PITCH + i % PITCH];
                }
                cr_expect_float_eq((double)y[0][i], want, 2e-6);
            }
        }
}
