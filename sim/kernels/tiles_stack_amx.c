/* sim/kernels/tiles_stack_amx.c: the gradient of convolution weights on tile units (AMX).
 *
 * A tile product adds 16x32 times 32x16 bfloat16 numbers to 16x16 f32 sums. Here the 32
 * are images, of which one pixel each lies side by side: whatever tap of the kernel meets
 * whatever pixel, tiles begin where cache lines do. A channel of x is a row of 32 images,
 * dy lies in pairs of images, as the unit wants its second factor. */
#include "sim/kernels/tiles_amx.inc"

#include <string.h>

enum { ROW = SIM_STACK /* images of a channel */, ONE = 0x3f80 /* 1.0 */ };

/* --- laying out ------------------------------------------------------------------------
 */

/* The 64 bits of 32 images, image by image, to the 32 bits of 64 channels: bytes change
 * places first, then every bit of a byte is one mask. */
static void stack_word(const __m512i rows[4], size_t c, size_t block, uint16_t *y)
{
    const __m512i bytes = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    const __m512i words =
        _mm512_set_epi16(31, 23, 15, 7, 30, 22, 14, 6, 29, 21, 13, 5, 28, 20, 12, 4, 27,
                         19, 11, 3, 26, 18, 10, 2, 25, 17, 9, 1, 24, 16, 8, 0);
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    const __m512i high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    const __m512i low2 = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i high2 = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const __m512i one = _mm512_set1_epi16(ONE);
    __m512i t[4];
    for (int i = 0; i < 4; i++) /* byte b of 8 images in the b-th 64 bits */
        t[i] = _mm512_permutexvar_epi16(words, _mm512_shuffle_epi8(rows[i], bytes));
    const __m512i front[2] = {_mm512_permutex2var_epi64(t[0], low, t[1]),
                              _mm512_permutex2var_epi64(t[0], high, t[1])};
    const __m512i back[2] = {_mm512_permutex2var_epi64(t[2], low, t[3]),
                             _mm512_permutex2var_epi64(t[2], high, t[3])};
    for (int i = 0; i < 4; i++) { /* bytes 2 i and 2 i + 1 of all images */
        __m512i v =
            _mm512_permutex2var_epi64(front[i / 2], i % 2 ? high2 : low2, back[i / 2]);
        for (size_t bit = 8; bit-- > 0; v = _mm512_add_epi8(v, v)) {
            const uint64_t mask = _mm512_movepi8_mask(v);
            const size_t channel = (size_t)i * 16 + bit;
            uint16_t *const to = y + channel / BLOCK * block + channel % BLOCK * ROW;
            if (channel < c)
                _mm512_store_si512(to, _mm512_maskz_mov_epi16((__mmask32)mask, one));
            if (channel + 8 < c)
                _mm512_store_si512(to + 8 * ROW,
                                   _mm512_maskz_mov_epi16((__mmask32)(mask >> 32), one));
        }
    }
}

static void stack_spikes(const uint64_t *const from[SIM_STACK], size_t pixels,
                         size_t words, size_t c, size_t block, size_t pixel, uint16_t *y)
{
    const __m512i step = _mm512_set1_epi64((long long)(words * sizeof(uint64_t)));
    __m512i at[4];
    __mmask8 there[4];
    for (int i = 0; i < 4; i++) {
        at[i] = _mm512_loadu_si512(from + 8 * i);
        there[i] = _mm512_test_epi64_mask(at[i], at[i]);
    }
    for (size_t p = 0; p < pixels; p++, y += pixel) {
        __m512i rows[4];
        for (int i = 0; i < 4; i++) {
            rows[i] = _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), there[i], at[i],
                                                  NULL, 1);
            at[i] = _mm512_add_epi64(at[i], step);
        }
        stack_word(rows, c, block, y);
    }
}

static void stack_dense(const float *const from[SIM_STACK], size_t pixels,
                        size_t stride_c, int piece, size_t c, size_t pixel, uint16_t *y)
{
    for (size_t p = 0; p < pixels; p++, y += pixel)
        for (size_t first = 0; first < c; first += SIDE) {
            const __mmask16 lanes = first_lanes(c - first);
            __m512i rows[SIDE];
            for (size_t i = 0; i < SIDE; i++) {
                __m512i two[2];
                for (size_t j = 0; j < 2; j++) {
                    const float *const image = from[2 * i + j];
                    const __mmask16 there = image ? lanes : 0;
                    two[j] = piece_of(
                        _mm512_maskz_loadu_ps(there, image + p * stride_c + first),
                        piece);
                }
                rows[i] = pair(two[0], two[1]);
            }
            transpose_words(rows);
            for (size_t i = 0; i < SIDE; i++)
                _mm512_store_si512(y + (first + i) * ROW, rows[i]);
        }
}

static void stack_pairs(const void *const from[SIM_STACK], bool is_bf16, size_t pixels,
                        size_t stride_k, size_t pieces, size_t k, uint16_t *const *y)
{
    const __mmask16 lanes[2] = {first_lanes(k), k > SIDE ? first_lanes(k - SIDE) : 0};
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < STACK / 2; i++) {
            const size_t at = (p * STACK + 2 * i) * BLOCK, skip = p * stride_k;
            const void *const first = from[2 * i], *const second = from[2 * i + 1];
            if (is_bf16) {
                const __mmask32 all = first_words(k);
                side_by_side(_mm512_maskz_loadu_epi16(first ? all : 0,
                                                      (const uint16_t *)first + skip),
                             _mm512_maskz_loadu_epi16(second ? all : 0,
                                                      (const uint16_t *)second + skip),
                             y[0] + at);
                for (size_t j = 1; j < pieces; j++) /* one is all there is */
                    memset(y[j] + at, 0, 2 * BLOCK * sizeof **y);
                continue;
            }
            for (size_t half = 0; half < 2; half++) {
                const size_t off = skip + half * SIDE;
                __m512 a = _mm512_maskz_loadu_ps(first ? lanes[half] : 0,
                                                 (const float *)first + off);
                __m512 b = _mm512_maskz_loadu_ps(second ? lanes[half] : 0,
                                                 (const float *)second + off);
                for (size_t j = 0; j < pieces; j++) {
                    const __m512i top_a = rounded(a), top_b = rounded(b);
                    _mm512_store_si512(y[j] + at + 2 * SIDE * half, pair(top_a, top_b));
                    a = rest(a, top_a);
                    b = rest(b, top_b);
                }
            }
        }
}

/* --- products --------------------------------------------------------------------------
 */

/* Six sums: of two tiles of x, and of as many taps as there are in most kernels. One
 * tile of dy meets all of them, and of x two tiles a column are new, which lie in the
 * second cache; the other four have just been there. */
static void stack_sums(const SimStackSums *o, const uint16_t *x, const uint16_t *dy,
                       float *sums)
{
    enum { TILE = SIDE * SIDE, HALF_X = SIDE * ROW, BYTES = SIDE * sizeof *sums };
    const size_t x_bytes = ROW * sizeof *x, dy_bytes = 2 * BLOCK * sizeof *dy;
    const bool two = o->c > SIDE;
    configure();
    _tile_loadd(0, sums, BYTES);
    _tile_loadd(1, sums + TILE, BYTES);
    _tile_loadd(2, sums + 2 * TILE, BYTES);
    _tile_loadd(3, sums + 3 * TILE, BYTES);
    _tile_loadd(4, sums + 4 * TILE, BYTES);
    _tile_loadd(5, sums + 5 * TILE, BYTES);
    for (size_t row = 0; row < o->n_rows; row++) {
        const uint16_t *b = dy + o->rows[row].dy;
        ptrdiff_t at = (ptrdiff_t)o->rows[row].x + o->x_first;
        for (size_t i = 0; i < o->columns;
             i++, b += SIM_STACK_PIXEL, at += (ptrdiff_t)o->x_step) {
            _tile_loadd(7, b, dy_bytes);
#define MEET(tap, low, high)                                                             \
    if (tap < o->taps && i >= o->first[tap] && i < o->last[tap]) {                       \
        const uint16_t *const a = x + at + tap * SIM_STACK_PIXEL;                        \
        _tile_loadd(6, a, x_bytes);                                                      \
        _tile_dpbf16ps(low, 6, 7);                                                       \
        if (two) {                                                                       \
            _tile_loadd(6, a + HALF_X, x_bytes);                                         \
            _tile_dpbf16ps(high, 6, 7);                                                  \
        }                                                                                \
    }
            MEET(0, 0, 1)
            MEET(1, 2, 3)
            MEET(2, 4, 5)
#undef MEET
        }
    }
    _tile_stored(0, sums, BYTES);
    _tile_stored(1, sums + TILE, BYTES);
    _tile_stored(2, sums + 2 * TILE, BYTES);
    _tile_stored(3, sums + 3 * TILE, BYTES);
    _tile_stored(4, sums + 4 * TILE, BYTES);
    _tile_stored(5, sums + 5 * TILE, BYTES);
    _tile_release();
}

void sim_tiles_stack_init_amx(SimKernels *kernels)
{
    kernels->stack_spikes = stack_spikes;
    kernels->stack_dense = stack_dense;
    kernels->stack_pairs = stack_pairs;
    kernels->stack_sums = stack_sums;
}
