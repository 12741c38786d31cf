/* What tile units are given: one image of a stack, laid out block by block. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernels.h"
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
