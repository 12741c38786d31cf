/* Forward from spikes with weights of 16 bits: the kernels of every level against the
 * reference, to the bit, and what sim/conv_fixed.c promises of the results. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/arena.h"
#include "sim/conv.h"
#include "sim/rng.h"
#include "tests/support.h"

enum { AVX512 = SIM_CPU_AVX2 | SIM_CPU_AVX512, GUARD = 32, MOST_ROWS = 5, MOST_K = 70 };
static const unsigned levels[] = {SIM_CPU_AVX2, AVX512, AVX512 | SIM_CPU_VNNI};
enum { N_LEVELS = sizeof levels / sizeof *levels };

static bool has(unsigned cpu)
{
    return (sim_cpu_detect() & cpu) == cpu;
}

static float noise(size_t i)
{
    return sim_rng_normal((SimRng){.seed = 11, .purpose = SIM_RNG_TEST}, i);
}

/* --- kernels -------------------------------------------------------------------------
 */

Test(conv_fixed, weights_are_rounded_alike)
{
    static float w[MOST_ROWS * 80];
    for (size_t i = 0; i < sizeof w / sizeof *w; i++)
        w[i] = noise(i);
    w[3] = 0.0f, w[80 + 4] = NAN, w[160 + 5] = -INFINITY, w[240 + 6] = -0.0f;
    w[7] = FLT_MAX, w[8] = 1e-42f, w[9] = 2.5f, w[10] = -3.5f;
    for (size_t l = 0; l < N_LEVELS; l++) {
        if (!has(levels[l]))
            continue;
        SimKernels ref, simd;
        sim_kernels_init(&ref, 0);
        sim_kernels_init(&simd, levels[l]);
        for (size_t k = 1; k <= MOST_K; k++) {
            uint32_t most[2][MOST_K + GUARD];
            int16_t rows[2][MOST_ROWS * 128 + GUARD];
            float factor[MOST_K];
            memset(most, 0, sizeof most);
            memset(rows, 0x5a, sizeof rows);
            ref.fixed_largest(MOST_ROWS, 80, k, w, most[0]);
            simd.fixed_largest(MOST_ROWS, 80, k, w, most[1]);
            cr_assert_arr_eq(most[0], most[1], sizeof *most, "%u, %zu", levels[l], k);
            for (size_t i = 0; i < k; i++)
                factor[i] = i >= 4 && i <= 8 ? 0.0f : i == 9 || i == 10 ? 1.0f : 7000.0f;
            ref.fixed_rows(MOST_ROWS, 80, k, w, factor, 128, rows[0]);
            simd.fixed_rows(MOST_ROWS, 80, k, w, factor, 128, rows[1]);
            cr_assert_arr_eq(rows[0], rows[1], sizeof *rows, "%u, %zu", levels[l], k);
            if (k > 10) { /* ties to even; of 32, output j before output 16 + j */
                cr_assert_eq(rows[0][18], 2);
                cr_assert_eq(rows[0][20], -4);
                cr_assert_eq(rows[0][8], 0, "factor 0");
            }
        }
    }
}

typedef struct Case {
    SimConvShape shape; /* without oh, ow */
    double density;
    bool four, start;
} Case;

#define SHAPE(N, H, W, C, K, KH, KW, S, P, G)                                            \
    {                                                                                    \
        .n = N, .h = H, .w = W, .c = C, .k = K, .kh = KH, .kw = KW, .stride = S,         \
        .pad = P, .groups = G                                                            \
    }

static const SimConvShape shapes[] = {
    SHAPE(2, 6, 7, 5, 1, 3, 3, 1, 1, 1),    SHAPE(1, 9, 40, 64, 64, 3, 3, 1, 1, 1),
    SHAPE(2, 7, 6, 65, 33, 3, 3, 2, 1, 1),  SHAPE(1, 5, 5, 130, 200, 3, 3, 1, 1, 1),
    SHAPE(1, 6, 6, 96, 39, 3, 3, 1, 1, 3),  SHAPE(2, 5, 4, 120, 60, 3, 3, 1, 0, 4),
    SHAPE(1, 9, 9, 20, 97, 5, 5, 1, 2, 1),  SHAPE(2, 8, 8, 70, 16, 1, 1, 2, 0, 1),
    SHAPE(3, 1, 1, 700, 10, 1, 1, 1, 0, 1), SHAPE(1, 12, 11, 33, 129, 7, 7, 2, 3, 1),
    SHAPE(1, 7, 8, 16, 24, 2, 4, 3, 1, 2),  SHAPE(1, 4, 4, 400, 256, 3, 3, 1, 1, 1),
};
static const double densities[] = {0.0, 0.04, 0.3, 1.0};
enum {
    N_SHAPES = sizeof shapes / sizeof *shapes,
    N_DENSITIES = sizeof densities / sizeof *densities
};

ParameterizedTestParameters(conv_fixed, forward)
{
    static Case cases[N_SHAPES * N_DENSITIES * 2];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cases[i] = (Case){.shape = shapes[i % N_SHAPES],
                          .density = densities[i / N_SHAPES % N_DENSITIES],
                          .four = i / N_SHAPES / N_DENSITIES,
                          .start = i % 2};
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

/* Every group by itself, in one block of outputs, and in two calls of other rows; as
 * bfloat16, too. */
ParameterizedTest(Case *c, conv_fixed, forward)
{
    SimConvShape s = c->shape;
    SimKernels ref, simd;
    cr_assert_eq(sim_conv_shape(&s), SIM_OK, "%s", sim_message());
    const size_t c_group = s.c / s.groups, k_group = s.k / s.groups;
    const size_t width = (k_group + 31) / 32 * 32, rows = s.kh * s.kw * c_group;
    const size_t n_rows = s.n * s.oh, ny = n_rows * s.ow * s.k;
    int16_t *const w = malloc((rows + 1) * width * sizeof *w);
    float *const scale = malloc(2 * width * sizeof *scale), *const start = scale + width;
    uint64_t *const bits = malloc(s.n * s.h * s.w * sim_words(s.c) * sizeof *bits);
    float *const want = calloc(ny + GUARD, sizeof *want);
    float *const got = calloc(ny + GUARD, sizeof *got);
    uint16_t *const want16 = calloc(ny + GUARD, sizeof *want16);
    cr_assert(w && scale && bits && want && got && want16);
    test_fill_bits(bits, s.n * s.h * s.w, s.c, c->density, 3);
    const int limit = c->four ? 8191 : 32767;
    for (size_t i = 0; i < rows * width; i++) /* the ends of the range as well */
        w[i] = (int16_t)(i % 17 == 0   ? limit
                         : i % 19 == 0 ? -limit
                                       : (int)(i * 7919 % (2 * (size_t)limit)) - limit);
    memset(w + rows * width, 0, width * sizeof *w);
    for (size_t k = 0; k < width; k++)
        scale[k] = fabsf(noise(k)), start[k] = noise(1000 + k);
    const SimFixed weights = {.at = w,
                              .width = width,
                              .scale = scale,
                              .start = c->start ? start : NULL,
                              .four = c->four};
    sim_kernels_init(&ref, 0);
    for (size_t g = 0; g < s.groups; g++)
        ref.conv_fixed_forward(&s, 0, n_rows, g * k_group, (g + 1) * k_group, bits,
                               &weights, (SimNumbers){want, false});
    for (size_t i = 0; i < ny + GUARD; i++)
        want16[i] = sim_bf16_of(want[i]);
    for (size_t l = 0; l < 2 * (N_LEVELS + 1); l++) {
        const unsigned level = l / 2 < N_LEVELS ? levels[l / 2] : 0; /* the reference */
        const bool bf16 = l % 2;
        if (!has(level))
            continue;
        sim_kernels_init(&simd, level);
        memset(got, 0, (ny + GUARD) * sizeof *got);
        for (size_t g = 0; g < s.groups; g++)
            for (size_t half = 0; half < 2; half++)
                simd.conv_fixed_forward(
                    &s, half ? n_rows / 2 : 0, half ? n_rows : n_rows / 2, g * k_group,
                    (g + 1) * k_group, bits, &weights, (SimNumbers){got, bf16});
        cr_assert(memcmp(bf16 ? (void *)want16 : want, got,
                         (ny + GUARD) * (bf16 ? sizeof *want16 : sizeof *want)) == 0,
                  "level %u, %zu to %zu channels, density %g, bf16 %d", level, s.c, s.k,
                  c->density, bf16);
    }
    free(w), free(scale), free(bits), free(want), free(got), free(want16);
}

/* --- planned convolutions --------------------------------------------------------------
 */

enum { NT = 3 };

typedef struct Subject {
    SimConvShape s;
    SimConv *conv;
    SimArena arena;
    uint64_t *bits;
    float *w, *bias, *y;
    size_t nw, ny, step_words;
} Subject;

static SimContext context; /* a convolution keeps where it is */

static Subject begin_with(SimSpikePath path, SimConvShape shape, SimPrecision precision,
                          unsigned calls)
{
    Subject t = {.s = shape};
    cr_assert_eq(sim_conv_shape(&t.s), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_context_create(2, NULL, &context), SIM_OK, "%s", sim_message());
    context.spike_path = path;
    context.precision = precision; /* bf16 needs tile units for dense kernels only */
    cr_assert_eq(sim_conv_create(&t.s, SIM_SPIKES, NT, SIM_CONV_FORWARD | calls, &context,
                                 &t.conv),
                 SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_arena_create(&t.arena, sim_conv_scratch_bytes(t.conv)), SIM_OK);
    if (t.arena.size)
        memset(t.arena.base, 0xff, t.arena.size);
    t.step_words = t.s.n * t.s.h * t.s.w * sim_words(t.s.c);
    t.nw = t.s.kh * t.s.kw * t.s.c / t.s.groups * t.s.k;
    t.ny = NT * t.s.n * t.s.oh * t.s.ow * t.s.k;
    t.bits = malloc(NT * t.step_words * sizeof *t.bits);
    t.w = malloc(t.nw * sizeof *t.w), t.bias = malloc(t.s.k * sizeof *t.bias);
    t.y = calloc(t.ny, sizeof *t.y);
    cr_assert(t.bits && t.w && t.bias && t.y);
    test_fill_bits(t.bits, NT * t.s.n * t.s.h * t.s.w, t.s.c, 0.2, 4);
    for (size_t i = 0; i < t.nw; i++)
        t.w[i] = noise(i);
    for (size_t i = 0; i < t.s.k; i++)
        t.bias[i] = noise(i + 1);
    return t;
}

static Subject begin(SimConvShape shape, SimPrecision precision, unsigned calls)
{
    return begin_with(SIM_SPIKES_ALWAYS, shape, precision, calls);
}

/* Holds weights for whichever kernel is chosen. */
static Subject begin_held(void)
{
    return begin_with(SIM_SPIKES_AUTO,
                      (SimConvShape)SHAPE(1, 6, 6, 32, 32, 3, 3, 1, 1, 1),
                      SIM_PRECISION_FIXED, SIM_CONV_HOLD_ANY);
}

static void end(Subject *t)
{
    sim_conv_destroy(t->conv);
    sim_arena_destroy(&t->arena);
    free(t->bits), free(t->w), free(t->bias), free(t->y);
}

static SimTensor steps_from(const Subject *t, size_t step, size_t n)
{
    return (SimTensor){.form = SIM_SPIKES,
                       .shape = {n, t->s.n, t->s.h, t->s.w, t->s.c},
                       .bits = t->bits + step * t->step_words};
}

static void forward(Subject *t, float *y)
{
    const SimTensor x = steps_from(t, 0, NT);
    sim_conv_forward(t->conv, NT, &x, t->w, t->bias, &(SimTensor){.f32 = y},
                     t->arena.base);
}

/* An output is off by half a scale for each of its spikes at most. */
Test(conv_fixed, error_is_bounded)
{
    static const SimPrecision precisions[] = {SIM_PRECISION_FIXED, SIM_PRECISION_BF16};
    for (size_t p = 0; p < 2; p++) {
        Subject t =
            begin((SimConvShape)SHAPE(2, 6, 6, 70, 300, 3, 3, 1, 1, 1), precisions[p], 0);
        const double limit = p ? 8191.0 : 32767.0;
        bool is_rounded = false;
        forward(&t, t.y);
        for (size_t i = 0; i < t.ny; i++) {
            const size_t k = i % t.s.k, x = i / t.s.k % t.s.ow;
            const size_t row = i / t.s.k / t.s.ow;
            double want = (double)t.bias[k], most = 0.0, spikes = 0.0;
            for (size_t j = k; j < t.nw; j += t.s.k)
                most = fmax(most, fabs((double)t.w[j]));
            for (size_t tap = 0; tap < 9; tap++) {
                const size_t iy = row % t.s.oh + tap / 3 - 1, ix = x + tap % 3 - 1;
                if (iy >= t.s.h || ix >= t.s.w)
                    continue;
                const size_t pixel = (row / t.s.oh * t.s.h + iy) * t.s.w + ix;
                for (size_t c = 0; c < t.s.c; c++)
                    if (t.bits[pixel * 2 + c / 64] >> c % 64 & 1) {
                        want += (double)t.w[(tap * t.s.c + c) * t.s.k + k];
                        spikes++;
                    }
            }
            const double error = fabs((double)t.y[i] - want);
            cr_assert_leq(error,
                          0.5001 * spikes * most / limit + 3e-7 * fabs(want) + 1e-6,
                          "%zu", i);
            is_rounded |= error > 0.05 * most / limit && error > 1e-5;
        }
        cr_assert(is_rounded, "these are no weights of 16 bits");
        end(&t);
    }
}

/* Held weights, rows one by one, step by step, any team: the same bits. */
Test(conv_fixed, same_bits_however_it_is_cut)
{
    static const SimConvShape cases[] = {
        SHAPE(2, 9, 8, 100, 300, 3, 3, 1, 1, 1), SHAPE(3, 8, 8, 32, 48, 3, 3, 2, 1, 2),
        SHAPE(40, 1, 1, 300, 70, 1, 1, 1, 0, 1), SHAPE(2, 5, 5, 600, 520, 3, 3, 1, 1, 1)};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const bool hold = i % 2;
        Subject t = begin(cases[i / 2], SIM_PRECISION_FIXED, hold ? SIM_CONV_HOLD : 0);
        const size_t rows = t.s.n * t.s.oh, row = t.s.ow * t.s.k;
        float *const again = calloc(t.ny, sizeof *again);
        cr_assert(again);
        forward(&t, t.y);
        if (hold)
            sim_conv_hold(t.conv, t.w, 1);
        for (int threads = 1; threads <= 3; threads++) {
            context.team = sim_team_create(threads);
            memset(again, 0, t.ny * sizeof *again);
            for (size_t step = 0; step < NT; step++) {
                const SimTensor x = steps_from(&t, step, 1);
                sim_conv_forward(t.conv, 1, &x, hold ? NULL : t.w, t.bias,
                                 &(SimTensor){.f32 = again + step * rows * row},
                                 t.arena.base);
            }
            cr_assert_arr_eq(t.y, again, t.ny * sizeof *again, "%zu: step by step", i);
        }
        memset(again, 0, t.ny * sizeof *again);
        cr_assert(sim_conv_begin_rows(t.conv, t.w, t.arena.base));
        for (size_t at = 0; at < NT * rows; at++) {
            const SimTensor x = steps_from(&t, at / rows, 1);
            sim_conv_forward_rows(t.conv, &x, NULL, t.bias, t.arena.base, at % rows,
                                  at % rows + 1, again + at * row);
        }
        cr_assert_arr_eq(t.y, again, t.ny * sizeof *again, "%zu: row by row", i);
        free(again);
        end(&t);
    }
}

/* Where another kernel is chosen than that the weights are held for, it takes them as
 * they come. */
Test(conv_fixed, what_is_held_for_another_kernel_is_not_used)
{
    Subject t = begin_held();
    float *const want = calloc(t.ny, sizeof *want);
    cr_assert(want);
    for (int spikes = 0; spikes < 2; spikes++) {
        sim_conv_choose(t.conv, spikes ? 1e-6 : 1.0);
        sim_conv_hold(t.conv, t.w, 1);
        forward(&t, want);
        for (int other = 0; other < 2; other++) { /* and back, with other weights */
            sim_conv_choose(t.conv, spikes ^ !other ? 1e-6 : 1.0);
            if (!other)
                sim_conv_hold(t.conv, t.w, 1);
            forward(&t, t.y);
        }
        cr_assert_arr_eq(t.y, want, t.ny * sizeof *want);
    }
    free(want);
    end(&t);
}

/* Held weights are made anew for another version, or another kernel, only. */
Test(conv_fixed, held_until_another_version)
{
    Subject t = begin_held();
    float *const old = calloc(2 * t.ny, sizeof *old);
    cr_assert(old);
    for (int spikes = 0; spikes < 2; spikes++) {
        sim_conv_choose(t.conv, spikes ? 1e-6 : 1.0);
        forward(&t, old + (size_t)spikes * t.ny); /* not held */
    }
    for (int spikes = 0; spikes < 2; spikes++) {
        const float *const was = old + (size_t)spikes * t.ny;
        sim_conv_choose(t.conv, spikes ? 1e-6 : 1.0);
        sim_conv_hold(t.conv, t.w, 7);
        for (size_t i = 0; i < t.nw; i++)
            t.w[i] = -t.w[i];
        sim_conv_hold(t.conv, t.w, 7);
        forward(&t, t.y);
        cr_expect_arr_eq(t.y, was, t.ny * sizeof *was, "%d: made anew", spikes);
        sim_conv_hold(t.conv, t.w, 8);
        forward(&t, t.y);
        cr_expect_arr_neq(t.y, was, t.ny * sizeof *was, "%d: not made anew", spikes);
        for (size_t i = 0; i < t.nw; i++)
            t.w[i] = -t.w[i];
    }
    free(old);
    end(&t);
}

/* One channel of each kind spoils no other, and none crashes or hangs. */
Test(conv_fixed, weights_that_are_not_finite)
{
    Subject t = begin((SimConvShape)SHAPE(2, 5, 5, 20, 40, 3, 3, 1, 1, 1),
                      SIM_PRECISION_FIXED, 0);
    float *const clean = calloc(t.ny, sizeof *clean);
    cr_assert(clean);
    forward(&t, clean);
    t.w[4 * t.s.k + 1] = NAN, t.w[7 * t.s.k + 2] = INFINITY;
    for (size_t i = 0; i < t.nw; i += t.s.k) {
        t.w[i + 3] = 0.0f;
        t.w[i + 4] = 1e-40f;
        t.w[i + 5] = 0x1p126f;
    }
    forward(&t, t.y);
    for (size_t i = 0; i < t.ny; i++)
        switch (i % t.s.k) {
        case 1:
        case 2:
            cr_assert(isnan(t.y[i]));
            break;
        case 3:
        case 4:
            cr_assert_eq(t.y[i], t.bias[i % t.s.k]);
            break;
        case 5:
            cr_assert(t.y[i] >= t.bias[5]);
            break;
        default:
            cr_assert_eq(t.y[i], clean[i]);
        }
    free(clean);
    end(&t);
}

/* f32 and split take the weights as they are, and so do a layer of so many inputs that a
 * sum could leave 32 bits, and one of few pixels. */
Test(conv_fixed, where_weights_stay_f32)
{
    static const SimPrecision precisions[] = {SIM_PRECISION_F32, SIM_PRECISION_SPLIT};
    for (size_t p = 0; p < 2; p++) {
        Subject t =
            begin((SimConvShape)SHAPE(2, 5, 5, 20, 40, 3, 3, 1, 1, 1), precisions[p], 0);
        cr_assert_eq(sim_conv_scratch_bytes(t.conv), 0u);
        end(&t);
    }
    Subject t = begin((SimConvShape)SHAPE(40, 1, 1, 70000, 2, 1, 1, 1, 0, 1),
                      SIM_PRECISION_FIXED, 0);
    cr_assert_eq(sim_conv_scratch_bytes(t.conv), 0u);
    end(&t);
    t = begin((SimConvShape)SHAPE(4, 1, 1, 300, 70, 1, 1, 1, 0, 1), SIM_PRECISION_FIXED,
              0);
    cr_assert_eq(sim_conv_scratch_bytes(t.conv), 0u);
    end(&t);
}
