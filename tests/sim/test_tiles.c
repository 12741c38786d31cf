/* What tile units are given: one image of a stack, laid out block by block; and the
 * products of bytes, which are exact. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernels.h"
#include "sim/rng.h"
#include "sim/tensor.h"

enum { PIXELS = 5, SKIP = 2, MOST = 100, BLOCKS = 4, UNTOUCHED = 0x5a5a };
enum { PIXEL = 3 * SIM_TILE_BLOCK, ALL = (PIXELS - 1) * SKIP + 1 /* pixels of x */ };

typedef struct Laid {
    SimLay lay;
    uint16_t *y;
} Laid;

static Laid room(size_t c)
{
    const size_t block = (PIXELS + 1) * PIXEL, n = BLOCKS * block;
    Laid laid = {
        .lay = {
            .pixels = PIXELS, .c = c, .skip = SKIP * c, .block = block, .pixel = PIXEL}};
    laid.y = aligned_alloc(64, n * sizeof *laid.y);
    cr_assert(laid.y);
    memset(laid.y, 0x5a, n * sizeof *laid.y);
    return laid;
}

/* `want` [ALL, c] or NULL: zeros; zeros past c, and nothing else is touched. */
static void check(Laid laid, const uint16_t *want, const char *what)
{
    const SimLay *const l = &laid.lay;
    for (size_t i = 0; i < BLOCKS * l->block; i++) {
        const size_t p = i % l->block / PIXEL, in = i % PIXEL;
        const size_t c = i / l->block * SIM_TILE_BLOCK + in;
        const bool is_ours =
            p < PIXELS && in < SIM_TILE_BLOCK && i / l->block * SIM_TILE_BLOCK < l->c;
        const uint16_t value =
            is_ours && want && c < l->c ? want[p * SKIP * l->c + c] : 0;
        cr_assert_eq(laid.y[i], is_ours ? value : UNTOUCHED,
                     "%s, %zu channels: pixel %zu, block %zu, number %zu", what, l->c, p,
                     i / l->block, in);
    }
    free(laid.y);
}

Test(tiles, an_image_of_a_stack)
{
    static const size_t widths[] = {5, 16, 17, 32, 40, 64, 70, 100};
    SimKernels kernels, ref;
    sim_kernels_init(&ref, 0);
    sim_kernels_init(&kernels, sim_cpu_detect());
    if (!kernels.lay_spikes)
        cr_skip_test("no tile units");
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const size_t c = widths[w], words = sim_words(c);
        float x[ALL * MOST];
        uint16_t want[ALL * MOST];
        uint64_t bits[ALL * 2] = {0};
        for (size_t i = 0; i < ALL * c; i++)
            x[i] = ((float)i - 77.0f) * 1.2345678f;
        for (int piece = 0; piece < 3; piece++) {
            const Laid laid = room(c);
            ref.bf16_piece(ALL, c, c, piece, x, want);
            kernels.lay_piece(&laid.lay, piece, x, laid.y);
            check(laid, want, "a piece");
        }
        Laid laid = room(c);
        kernels.lay_bf16(&laid.lay, want, laid.y);
        check(laid, want, "bfloat16");
        for (size_t i = 0; i < ALL * c; i++) {
            const bool fires = i * i % 7 < 3;
            want[i] = fires ? 0x3f80 : 0;
            bits[i / c * words + i % c / 64] |= (uint64_t)fires << (i % c % 64);
        }
        laid = room(c);
        laid.lay.skip = SKIP * words;
        kernels.lay_spikes(&laid.lay, bits, laid.y);
        check(laid, want, "spikes");

        laid = room(c);
        kernels.lay_spikes(&laid.lay, NULL, laid.y);
        check(laid, NULL, "no spikes");
        laid = room(c);
        kernels.lay_bf16(&laid.lay, NULL, laid.y);
        check(laid, NULL, "no bfloat16");
        laid = room(c);
        kernels.lay_piece(&laid.lay, 1, NULL, laid.y);
        check(laid, NULL, "no piece");
    }
}

static uint32_t noise(uint32_t stream, size_t i, uint32_t below)
{
    const SimRng rng = {.seed = 11, .purpose = SIM_RNG_TEST, .stream = stream};
    return (uint32_t)(sim_rng_uniform(rng, i) * (float)below);
}

static bool with_tiles(SimKernels *kernels)
{
    sim_kernels_init(kernels, sim_cpu_detect());
    return kernels->stack_bytes != NULL;
}

Test(tiles, bytes_of_spikes_and_whole_numbers)
{
    static const size_t widths[] = {1, 16, 33, 64, 70, 128};
    SimKernels kernels;
    if (!with_tiles(&kernels))
        cr_skip_test("no tile units");
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        enum { MOST_NUMBERS = PIXELS * 128 };
        const size_t c = widths[w], n = PIXELS * c;
        float x[MOST_NUMBERS];
        uint64_t bits[PIXELS * 2] = {0};
        uint8_t y[MOST_NUMBERS + 1], z[MOST_NUMBERS + 1];
        y[n] = z[n] = 0x5a;
        for (size_t i = 0; i < n; i++) {
            const bool fires = noise(1, i, 3) == 0;
            bits[i / c * sim_words(c) + i % c / 64] |= (uint64_t)fires << (i % c % 64);
            x[i] = (float)noise(2, i, 256);
        }
        kernels.bytes_of_spikes(PIXELS, c, bits, y);
        kernels.bytes_of_whole(n, x, z);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(y[i], noise(1, i, 3) == 0, "%zu channels: spike %zu", c, i);
            cr_assert_eq(z[i], noise(2, i, 256), "%zu channels: number %zu", c, i);
        }
        cr_assert(y[n] == 0x5a && z[n] == 0x5a, "written past the end");
    }
}

Test(tiles, bytes_of_an_image_of_a_stack)
{
    static const size_t widths[] = {5, 48, 64, 100, 130};
    enum { STEP = 4 * SIM_BYTE_BLOCK, BLOCK = (PIXELS + 1) * STEP, ROOM = 3 * BLOCK };
    SimKernels kernels;
    if (!with_tiles(&kernels))
        cr_skip_test("no tile units");
    for (size_t w = 0; w < 2 * (sizeof widths / sizeof *widths); w++) {
        const size_t c = widths[w / 2];
        const bool there = w % 2;
        _Alignas(64) uint8_t y[ROOM];
        uint8_t x[ALL * 130];
        memset(y, 0x5a, sizeof y);
        for (size_t i = 0; i < sizeof x; i++)
            x[i] = (uint8_t)(1 + i % 255);
        const SimLay lay = {
            .pixels = PIXELS, .c = c, .skip = SKIP * c, .block = BLOCK, .pixel = STEP};
        kernels.lay_bytes(&lay, there ? x : NULL, y);
        for (size_t i = 0; i < ROOM; i++) {
            const size_t block = i / BLOCK, p = i % BLOCK / STEP, in = i % STEP;
            const size_t channel = block * SIM_BYTE_BLOCK + in;
            const bool ours =
                p < PIXELS && in < SIM_BYTE_BLOCK && block * SIM_BYTE_BLOCK < c;
            const uint8_t want = !ours                  ? 0x5a
                                 : there && channel < c ? x[p * SKIP * c + channel]
                                                        : 0;
            cr_assert_eq(y[i], want, "%zu channels: byte %zu", c, i);
        }
    }
}

/* Place of a weight in a digit. */
static size_t place(size_t c, size_t k)
{
    return c / 4 * SIM_BYTE_BLOCK + k * 4 + c % 4;
}

Test(tiles, digits_make_up_the_weights)
{
    enum { C = SIM_BYTE_BLOCK, K = SIM_TILE_SIDE, STRIDE = K + 3, LARGEST = 8355711 };
    enum { DIGIT = C * K };
    static const size_t widths[][2] = {{C, K}, {C, 5}, {7, K}, {1, 1}, {63, 15}};
    SimKernels kernels;
    if (!with_tiles(&kernels))
        cr_skip_test("no tile units");
    float w[C * STRIDE], factor[K];
    for (size_t i = 0; i < C * STRIDE; i++)
        w[i] = (float)noise(3, i, 1 << 24) / (float)(1 << 23) - 1.0f;
    for (size_t k = 0; k < K; k++)
        factor[k] = (float)LARGEST;
    factor[4] = 0.0f;
    w[0] = -1.0f, w[1] = 1.0f, w[2] = 0.5f / (float)LARGEST, w[4] = NAN,
    w[STRIDE + 4] = INFINITY;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const size_t n_c = widths[i][0], n_k = widths[i][1];
        int8_t y[SIM_BYTE_WEIGHTS];
        memset(y, 0x5a, sizeof y);
        kernels.tiles_bytes(STRIDE, w, n_k, n_c, factor, y);
        for (size_t c = 0; c < C; c++)
            for (size_t k = 0; k < K; k++) {
                const bool there = c < n_c && k < n_k && factor[k] != 0.0f;
                const long want = there ? lrintf(w[c * STRIDE + k] * factor[k]) : 0;
                const int8_t *const q = y + place(c, k);
                cr_assert_eq(65536 * q[0] + 256 * q[DIGIT] + q[2 * DIGIT], want,
                             "%zu x %zu: weight %zu, %zu: %d %d %d, not %ld", n_c, n_k, c,
                             k, q[0], q[DIGIT], q[2 * DIGIT], want);
            }
    }
}

/* Three blocks of results of two blocks of channels through a few taps. */
Test(tiles, products_of_bytes_are_exact)
{
    enum { BLOCKS_C = 2, TAPS = 3, TODO = 3, IMAGES = 4, PITCH = 40, ROW = 48 };
    enum { X = 80 * SIM_BYTE_BLOCK, HALF = BLOCKS_C * TAPS * SIM_BYTE_WEIGHTS };
    enum { Y = 2 * SIM_STACK * PITCH, DIGIT = SIM_BYTE_BLOCK * SIM_TILE_SIDE };
    static const size_t widths[] = {32, 16, 21, 3};
    static const SimStackTap taps[TAPS] = {
        {0, 0},
        {IMAGES * SIM_BYTE_BLOCK / 2, SIM_BYTE_WEIGHTS / 2},
        {ROW * SIM_BYTE_BLOCK / 2, SIM_BYTE_WEIGHTS}};
    static const SimStackBlock todo[TODO] = {
        {.x = 0, .y = 0, .first = 0, .last = 3, .wanted = 0xffffffff},
        {.x = 0, .y = 1, .first = 1, .last = 1, .wanted = 0x8000ffff},
        {.x = SIM_BYTE_BLOCK / 2, .y = 0, .first = 1, .last = 3, .wanted = 0x00f00000}};
    SimKernels kernels;
    if (!with_tiles(&kernels))
        cr_skip_test("no tile units");
    uint8_t *const x = aligned_alloc(64, BLOCKS_C * X);
    int8_t *const w = aligned_alloc(64, 2 * HALF);
    float *const y = aligned_alloc(64, Y * sizeof *y), *const want =
                                                           malloc(Y * sizeof *want);
    uint16_t *const narrow = malloc(Y * sizeof *narrow);
    cr_assert(x && w && y && want && narrow);
    float scale[SIM_TILE_BLOCK], bias[SIM_TILE_BLOCK];
    for (size_t i = 0; i < BLOCKS_C * X; i++)
        x[i] = (uint8_t)noise(4, i, 256);
    for (size_t i = 0; i < 2 * HALF; i++)
        w[i] = (int8_t)((int)noise(5, i, 256) - 128);
    for (size_t k = 0; k < SIM_TILE_BLOCK; k++)
        scale[k] = 1e-7f * (float)(k + 1), bias[k] = (float)k - 9.25f;
    scale[2] = NAN;
    for (size_t n = 0; n < 3 * (sizeof widths / sizeof *widths); n++) {
        SimStackRows r = {.todo = todo,
                          .n_todo = TODO,
                          .taps = taps,
                          .blocks = BLOCKS_C,
                          .x_block = X / 2,
                          .w_block = TAPS * SIM_BYTE_WEIGHTS / 2,
                          .x_row = SIM_BYTE_BLOCK,
                          .x = {(uint16_t *)x},
                          .w = {(uint16_t *)w, (uint16_t *)(w + HALF)},
                          .scale = scale,
                          .k = widths[n / 3],
                          .y_step = SIM_STACK * PITCH,
                          .bias = n % 3 ? bias : NULL,
                          .y_bf16 = n % 3 == 2};
        for (size_t i = 0; i < Y; i++)
            y[i] = want[i] = 7.0f, narrow[i] = 7;
        for (size_t i = 0; i < SIM_STACK; i++)
            r.y[i] = r.y_bf16 ? (void *)(narrow + i * PITCH) : (void *)(y + i * PITCH);
        for (size_t b = 0; b < TODO; b++)
            for (size_t i = 0; i < SIM_STACK; i++)
                for (size_t k = 0; k < r.k && (todo[b].wanted >> i & 1); k++) {
                    int32_t sums[SIM_BYTE_DIGITS] = {0};
                    for (size_t t = todo[b].first; t < todo[b].last; t++)
                        for (size_t c = 0; c < BLOCKS_C * SIM_BYTE_BLOCK; c++) {
                            const size_t block = c / SIM_BYTE_BLOCK,
                                         in = c % SIM_BYTE_BLOCK;
                            const uint8_t number =
                                x[block * X + 2 * (todo[b].x + taps[t].x) +
                                  i * SIM_BYTE_BLOCK + in];
                            const int8_t *const digits =
                                w + k / SIM_TILE_SIDE * HALF +
                                (block * TAPS + t) * SIM_BYTE_WEIGHTS +
                                place(in, k % SIM_TILE_SIDE);
                            for (size_t d = 0; d < SIM_BYTE_DIGITS; d++)
                                sums[d] += number * digits[d * DIGIT];
                        }
                    const float all = fmaf(fmaf((float)sums[0], 256.0f, (float)sums[1]),
                                           256.0f, (float)sums[2]);
                    want[todo[b].y * r.y_step + i * PITCH + k] =
                        fmaf(all, scale[k], r.bias ? bias[k] : 0.0f);
                }
        kernels.stack_bytes(&r);
        for (size_t i = 0; i < Y; i++) {
            const bool untouched = want[i] == 7.0f;
            if (r.y_bf16)
                cr_assert_eq(narrow[i], untouched ? 7 : sim_bf16_of(want[i]),
                             "%zu outputs: bfloat16 number %zu", r.k, i);
            else
                cr_assert_arr_eq(&y[i], &want[i], sizeof *y,
                                 "%zu outputs: %zu: %g, not %g", r.k, i, (double)y[i],
                                 (double)want[i]);
        }
    }
    free(x), free(w), free(y), free(want), free(narrow);
}
