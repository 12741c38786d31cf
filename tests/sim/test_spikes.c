/* Every level of the spike kernels against the reference, to the bit, and nothing written
 * past the end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "sim/kernels.h"
#include "sim/tensor.h"
#include "tests/support.h"

enum { GUARD = 32, BOTH = SIM_CPU_AVX2 | SIM_CPU_AVX512 };

/* A copy of `from` ending in a guard; owned by the caller. */
static float *guarded(const float *from, size_t n)
{
    float *copy = malloc((n + GUARD) * sizeof *copy);
    cr_assert(copy);
    if (from)
        memcpy(copy, from, n * sizeof *copy);
    else
        memset(copy, 0x5a, n * sizeof *copy);
    for (size_t i = n; i < n + GUARD; i++)
        copy[i] = -77.0f;
    return copy;
}

static void same(const float *a, const float *b, size_t n, const char *what)
{
    cr_assert_arr_eq(a, b, (n + GUARD) * sizeof *a, "%s, or memory past the end, differs",
                     what);
}

/* --- packing --------------------------------------------------------------------------
 */

typedef struct Packing {
    unsigned cpu;
    size_t pixels, c;
} Packing;

ParameterizedTestParameters(spikes, packing)
{
    static const size_t channels[] = {1, 2, 7, 16, 20, 63, 64, 65, 130, 256};
    enum { N = sizeof channels / sizeof *channels };
    static Packing cases[2 * N];
    for (size_t i = 0; i < N; i++) {
        cases[2 * i] = (Packing){SIM_CPU_AVX2, 5, channels[i]};
        cases[2 * i + 1] = (Packing){BOTH, 5, channels[i]};
    }
    return cr_make_param_array(Packing, cases, 2 * N);
}

ParameterizedTest(Packing *p, spikes, packing)
{
    test_need_cpu(p->cpu);
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    sim_kernels_init(&simd, p->cpu);
    const size_t n = p->pixels * p->c, words = p->pixels * sim_words(p->c);
    float *x = guarded(NULL, n), *y[2] = {guarded(NULL, n), guarded(NULL, n)};
    uint64_t *bits[2] = {calloc(words + 2, 8), calloc(words + 2, 8)};
    cr_assert(bits[0] && bits[1]);
    bits[0][words] = bits[1][words] = 0x123;
    test_fill(x, n, 3);
    for (size_t i = 0; i < n; i += 2)
        x[i] = 0.0f;
    x[0] = NAN;
    if (n > 3)
        x[2] = -0.0f;

    ref.spikes_pack(p->pixels, p->c, x, bits[0]);
    simd.spikes_pack(p->pixels, p->c, x, bits[1]);
    cr_assert_arr_eq(bits[0], bits[1], (words + 2) * 8, "packed bits differ");
    for (size_t i = 0; i < n; i++)
        cr_assert(
            (bits[0][i / p->c * sim_words(p->c) + i % p->c / 64] >> (i % p->c % 64) &
             1) == (x[i] != 0.0f));
    size_t ones = 0;
    for (size_t i = 0; i < n; i++)
        ones += x[i] != 0.0f;
    cr_assert(ref.spikes_count(words, bits[0]) == ones);
    cr_assert(simd.spikes_count(words, bits[0]) == ones);

    ref.spikes_unpack(p->pixels, p->c, bits[0], y[0]);
    simd.spikes_unpack(p->pixels, p->c, bits[0], y[1]);
    same(y[0], y[1], n, "unpacking");
    for (size_t i = 0; i < n; i++)
        cr_assert(y[0][i] == (float)(x[i] != 0.0f));

    memcpy(y[0], x, n * sizeof *x);
    memcpy(y[1], x, n * sizeof *x);
    ref.spikes_add(p->pixels, p->c, bits[0], y[0]);
    simd.spikes_add(p->pixels, p->c, bits[0], y[1]);
    same(y[0], y[1], n, "adding");
    for (size_t i = 1; i < n; i++)
        cr_assert(y[0][i] == x[i] + (float)(x[i] != 0.0f));
    for (size_t i = 0; i < 2; i++)
        free(y[i]), free(bits[i]);
    free(x);
}

/* --- convolution ----------------------------------------------------------------------
 */

typedef struct Case {
    unsigned cpu;
    SimConvShape shape;
    double density;
} Case;

#define SHAPE(H, W, C, K, KH, KW, S, P, G)                                               \
    {                                                                                    \
        .n = 2, .h = H, .w = W, .c = C, .k = K, .kh = KH, .kw = KW, .stride = S,         \
        .pad = P, .groups = G, .oh = (H + 2 * P - KH) / S + 1,                           \
        .ow = (W + 2 * P - KW) / S + 1                                                   \
    }

ParameterizedTestParameters(spikes, convolution)
{
    static Case cases[64];
    static const SimConvShape shapes[] = {
        SHAPE(5, 4, 64, 64, 3, 3, 1, 1, 1),   SHAPE(6, 6, 100, 90, 3, 3, 1, 1, 1),
        SHAPE(7, 6, 70, 33, 3, 3, 2, 1, 1),   SHAPE(5, 5, 12, 24, 3, 3, 1, 1, 4),
        SHAPE(1, 1, 130, 10, 1, 1, 1, 0, 1),  SHAPE(6, 5, 9, 17, 5, 3, 1, 1, 1),
        SHAPE(8, 8, 96, 160, 1, 1, 2, 0, 2),  SHAPE(9, 9, 5, 131, 9, 9, 1, 4, 1),
        SHAPE(6, 6, 200, 200, 3, 3, 3, 0, 2), SHAPE(24, 24, 3, 7, 23, 23, 1, 2, 1),
        SHAPE(40, 21, 64, 32, 3, 3, 1, 1, 1),
    };
    enum { N = sizeof shapes / sizeof *shapes };
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        for (unsigned cpu = SIM_CPU_AVX2; cpu <= BOTH; cpu += 2)
            for (int dense = 0; dense < 2; dense++)
                cases[n++] = (Case){cpu, shapes[i], dense ? 1.0 : 0.15};
    return cr_make_param_array(Case, cases, n);
}

ParameterizedTest(Case *c, spikes, convolution)
{
    test_need_cpu(c->cpu);
    SimKernels table[2];
    sim_kernels_init(&table[0], 0);
    sim_kernels_init(&table[1], c->cpu);
    const SimConvShape s = c->shape;
    const size_t c_group = s.c / s.groups, k_group = s.k / s.groups;
    const size_t nx = s.n * s.h * s.w * s.c, ny = s.n * s.oh * s.ow * s.k;
    const size_t nw = s.kh * s.kw * c_group * s.k;
    uint64_t *bits = malloc(s.n * s.h * s.w * sim_words(s.c) * sizeof *bits);
    float *weights = guarded(NULL, nw), *from = guarded(NULL, ny > nx ? ny : nx);
    cr_assert(bits);
    test_fill_bits(bits, s.n * s.h * s.w, s.c, c->density, 7);
    test_fill(weights, nw, 8);
    test_fill(from, ny > nx ? ny : nx, 9);

    /* All but the first row and tap, the last channels of the last group. */
    const size_t g = s.groups - 1, skip = c_group > 3 ? 3 : 0;
    float *y[2] = {guarded(from, ny), guarded(from, ny)};
    float *dx[2] = {guarded(from, nx), guarded(from, nx)};
    const size_t taps = s.kh * s.kw, first = g * c_group + skip > (s.c - 1) / 64 * 64
                                                 ? g * c_group + skip
                                                 : (s.c - 1) / 64 * 64;
    SimRows rows = {.at = weights + (first - g * c_group) * s.k + g * k_group,
                    .tap = c_group * s.k,
                    .row = s.k};
    for (size_t i = 0; i < 2; i++) {
        rows.start = s.k % 2 ? from : NULL; /* of either kind */
        for (size_t tap = taps > 1; tap < taps; tap += SIM_TAPS, rows.start = NULL)
            table[i].conv_spikes_forward(&s, 1, s.n * s.oh, tap,
                                         tap + SIM_TAPS < taps ? tap + SIM_TAPS : taps,
                                         g * k_group, s.k, first, s.c, bits, &rows, y[i]);
        table[i].conv_spikes_input(&s, 1, s.n * s.h, g * c_group + skip, s.c, bits, from,
                                   weights, dx[i]);
    }
    same(y[0], y[1], ny, "forward");
    same(dx[0], dx[1], nx, "gradient of the input");
    for (size_t i = 0; i < 2; i++)
        free(y[i]), free(dx[i]);
    free(bits), free(weights), free(from);
}

/* --- lists ----------------------------------------------------------------------------
 */

typedef struct Listing {
    unsigned cpu;
    double density;
    size_t rows, columns; /* of taps */
} Listing;

ParameterizedTestParameters(spikes, listing)
{
    static Listing cases[40];
    static const size_t taps[][2] = {{1, 1}, {1, 2}, {2, 1}, {2, 2},  {3, 1}, {2, 3},
                                     {3, 3}, {5, 5}, {7, 7}, {1, 11}, {4, 2}, {4, 13}};
    static const double densities[] = {0.0, 0.05, 0.3, 1.0};
    size_t n = 0;
    for (size_t i = 0; i < sizeof taps / sizeof *taps; i++)
        for (unsigned cpu = SIM_CPU_AVX2; cpu <= BOTH; cpu += 2)
            cases[n++] = (Listing){cpu, densities[i % 4], taps[i][0], taps[i][1]};
    return cr_make_param_array(Listing, cases, n);
}

ParameterizedTest(Listing *l, spikes, listing)
{
    enum { N = 301, STRIDE = 3, FIRST = 60, PITCH = 14, ROWS = N + FIRST };
    test_need_cpu(l->cpu);
    SimKernels table[2];
    sim_kernels_init(&table[0], 0);
    sim_kernels_init(&table[1], l->cpu);
    uint64_t *bits = calloc(N * STRIDE, sizeof *bits);
    uint32_t counts[2][64] = {{0}}, next[2][64], *lists[2];
    cr_assert(bits);
    test_fill_bits(bits, N * STRIDE, 64, l->density, 5);
    for (size_t i = 0; i < 2; i++) {
        table[i].spikes_tally(N, bits, STRIDE, counts[i]);
        uint32_t total = 0;
        for (size_t b = 0; b < 64; b++) {
            next[i][b] = total;
            total += counts[i][b];
        }
        lists[i] = calloc(64 * N, sizeof *lists[i]);
        cr_assert(lists[i]);
        table[i].spikes_list(N, bits, STRIDE, FIRST, next[i], lists[i]);
    }
    cr_assert_arr_eq(counts[0], counts[1], sizeof counts[0]);
    cr_assert_arr_eq(next[0], next[1], sizeof next[0]);
    cr_assert_arr_eq(lists[0], lists[1], 64 * N * sizeof *lists[0]);
    for (size_t b = 0; b < 64; b++)
        for (uint32_t i = next[0][b] - counts[0][b]; i < next[0][b]; i++)
            cr_assert(bits[(lists[0][i] - FIRST) * STRIDE] >> b & 1);
    size_t ones = 0;
    for (size_t i = 0; i < N; i++)
        ones += table[0].spikes_count(1, &bits[i * STRIDE]);
    cr_assert(next[0][63] == ones);

    const size_t taps = l->rows * l->columns, start = next[0][11] - counts[0][11];
    float *rows = guarded(NULL, ROWS * SIM_ROW), *from = guarded(NULL, taps * SIM_ROW);
    test_fill(rows, ROWS * SIM_ROW, 6);
    test_fill(from, taps * SIM_ROW, 7);
    float *sum[2] = {guarded(from, taps * SIM_ROW), guarded(from, taps * SIM_ROW)};
    const size_t pitch = (l->rows - 1) * PITCH + l->columns <= FIRST ? PITCH : 8;
    for (size_t i = 0; i < 2; i++)
        table[i].rows_gather(counts[0][11], lists[0] + start, l->rows, l->columns, pitch,
                             rows, sum[i]);
    same(sum[0], sum[1], taps * SIM_ROW, "gathered sums");
    for (size_t i = 0; i < 2; i++)
        free(lists[i]), free(sum[i]);
    free(bits), free(rows), free(from);
}

/* --- outer products -------------------------------------------------------------------
 */

ParameterizedTestParameters(spikes, outer)
{
    static Listing cases[12]; /* rows and columns of pixels */
    size_t n = 0;
    for (size_t size = 0; size < 6; size++)
        for (unsigned cpu = SIM_CPU_AVX2; cpu <= BOTH; cpu += 2)
            cases[n++] = (Listing){cpu, 0.0, size, 1 + size * size % 7};
    return cr_make_param_array(Listing, cases, n);
}

ParameterizedTest(Listing *l, spikes, outer)
{
    enum { C = 29, X_STEP = 31, DY_STEP = SIM_ROW + 3 };
    test_need_cpu(l->cpu);
    SimKernels table[2];
    sim_kernels_init(&table[0], 0);
    sim_kernels_init(&table[1], l->cpu);
    const SimOuter o = {.rows = l->rows,
                        .columns = l->columns,
                        .x_step = X_STEP,
                        .x_row = X_STEP * (l->columns + 2),
                        .dy_step = DY_STEP,
                        .dy_row = DY_STEP * (l->columns + 1)};
    const size_t nx = (l->rows + 1) * o.x_row, ny = (l->rows + 1) * o.dy_row;
    float *x = guarded(NULL, nx), *dy = guarded(NULL, ny);
    float *from = guarded(NULL, C * SIM_ROW);
    test_fill(x, nx, 1);
    test_fill(dy, ny, 2);
    test_fill(from, C * SIM_ROW, 3);
    float *sum[2] = {guarded(from, C * SIM_ROW), guarded(from, C * SIM_ROW)};
    for (size_t i = 0; i < 2; i++)
        table[i].outer_sums(&o, C, x, dy, sum[i]);
    same(sum[0], sum[1], C * SIM_ROW, "outer products");
    for (size_t k = 0; k < SIM_ROW; k++) { /* one channel against its formula */
        double want = (double)from[k];
        for (size_t p = 0; p < l->rows * l->columns; p++)
            want += (double)x[p / l->columns * o.x_row + p % l->columns * X_STEP] *
                    (double)dy[p / l->columns * o.dy_row + p % l->columns * DY_STEP + k];
        cr_assert_float_eq(sum[0][k], want, 1e-4);
    }
    free(x), free(dy), free(from), free(sum[0]), free(sum[1]);
}
