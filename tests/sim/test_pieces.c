/* Numbers taken apart into bfloat16 pieces: what the pieces add up to, and every level
 * against the reference. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "sim/kernels.h"
#include "sim/rng.h"
#include "sim/tensor.h"

enum { ROWS = 3, C = 77, STRIDE = 90, PIECES = 3 };

static double value(uint16_t piece)
{
    const uint32_t u = (uint32_t)piece << 16;
    float x;
    memcpy(&x, &u, sizeof x);
    return (double)x;
}

static void fill(float *x)
{
    const SimRng rng = {.seed = 8, .purpose = SIM_RNG_TEST};
    for (size_t i = 0; i < ROWS * C; i++)
        x[i] = ldexpf(sim_rng_normal(rng, i), (int)(i % 60) - 30);
    x[0] = 0.0f;
    x[1] = -0.0f;
    x[2] = 1.0f + 0x1p-8f; /* halfway: to the even one */
    x[3] = 1.0f + 3 * 0x1p-8f;
}

Test(pieces, add_up_to_the_number)
{
    SimKernels ref;
    sim_kernels_init(&ref, 0);
    float x[ROWS * C];
    uint16_t y[PIECES][ROWS * STRIDE];
    fill(x);
    for (int piece = 0; piece < PIECES; piece++)
        ref.bf16_piece(ROWS, C, STRIDE, piece, x, y[piece]);
    cr_expect_eq(value(y[0][2]), 1.0);
    cr_expect_eq(value(y[0][3]), 1.0 + 0x1p-6);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < C; i++) {
            const double want = (double)x[row * C + i];
            double sum = 0.0;
            static const double bound[PIECES] = {0x1p-8, 0x1p-16, 0x1p-24};
            for (int piece = 0; piece < PIECES; piece++) {
                sum += value(y[piece][row * STRIDE + i]);
                cr_expect_leq(fabs(sum - want), bound[piece] * fabs(want),
                              "%d pieces of %g give %g", piece + 1, want, sum);
            }
        }
}

Test(pieces, what_is_no_number_stays_so)
{
    SimKernels ref;
    sim_kernels_init(&ref, 0);
    const float x[] = {NAN, INFINITY, -INFINITY};
    uint16_t y[3];
    ref.bf16_piece(1, 3, 3, 0, x, y);
    cr_expect(isnan(value(y[0])));
    cr_expect_eq(value(y[1]), (double)INFINITY);
    cr_expect_eq(value(y[2]), -(double)INFINITY);
}

Test(pieces, levels_agree)
{
    static const unsigned levels[] = {SIM_CPU_AVX2, SIM_CPU_AVX2 | SIM_CPU_AVX512};
    static const size_t widths[] = {1, 31, 32, 33, 64, 65, C};
    float x[ROWS * C];
    uint16_t want[ROWS * STRIDE], got[ROWS * STRIDE];
    SimKernels ref, simd;
    sim_kernels_init(&ref, 0);
    fill(x);
    for (size_t level = 0; level < 2; level++) {
        if ((sim_cpu_detect() & levels[level]) != levels[level])
            continue;
        sim_kernels_init(&simd, levels[level]);
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            const size_t c = widths[w];
            for (int piece = 0; piece < PIECES; piece++) {
                memset(want, 0x5a, sizeof want);
                memset(got, 0x5a, sizeof got);
                ref.bf16_piece(ROWS, c, STRIDE, piece, x, want);
                simd.bf16_piece(ROWS, c, STRIDE, piece, x, got);
                cr_assert_arr_eq(want, got, sizeof want, "piece %d of %zu", piece, c);
            }
            float wide[2][STRIDE] = {{0}};
            ref.bf16_widen(c, want, wide[0]);
            simd.bf16_widen(c, want, wide[1]);
            cr_assert_arr_eq(wide[0], wide[1], sizeof wide[0]);
            for (size_t i = 0; i < c; i++)
                cr_assert_eq((double)wide[0][i], value(want[i]));
        }
    }
}
