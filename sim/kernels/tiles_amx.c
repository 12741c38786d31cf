/* sim/kernels/tiles_amx.c: the gradient of convolution weights on tile units (AMX).
 *
 * A tile product adds 16x32 times 32x16 bfloat16 numbers to 16x16 f32 sums. Here the 32
 * are pixels: x lies with the pixels of a channel in a row, so that a tap of the kernel
 * is a shift along that row; dy lies in pairs of pixels, as the unit wants its second
 * factor. */
#include "sim/kernels/kernels_internal.h"

#include <immintrin.h>
#include <string.h>

enum {
    SIDE = SIM_TILE_SIDE,     /* channels of a tile */
    BLOCK = SIM_TILE_BLOCK,   /* channels of a block: two tiles */
    PIXELS = SIM_TILE_PIXELS, /* of one product */
    RUN = 256,                /* pixels that stay in the first cache while taps pass by */
    ONE = 0x3f80              /* 1.0 */
};

/* --- x: the pixels of a channel in a row ----------------------------------------------
 */

/* 64 words of 64 bits, rows to columns. */
static void transpose_bits(uint64_t word[64])
{
    uint64_t mask = 0x00000000ffffffff;
    for (unsigned j = 32; j; j >>= 1, mask ^= mask << j)
        for (unsigned k = 0; k < 64; k = (k + j + 1) & ~j) {
            const uint64_t swap = (word[k] >> j ^ word[k + j]) & mask;
            word[k] ^= swap << j;
            word[k + j] ^= swap;
        }
}

/* `n` pixels of one channel from bits, behind each other. */
static void spread(uint64_t bits, size_t n, uint16_t *y)
{
    const __m512i one = _mm512_set1_epi16(ONE);
    for (size_t i = 0; i < n; i += 32, bits >>= 32) {
        const __mmask32 there =
            n - i >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << (n - i)) - 1;
        _mm512_mask_storeu_epi16(y + i, there,
                                 _mm512_maskz_mov_epi16((__mmask32)bits, one));
    }
}

static void clear(size_t n, uint16_t *y)
{
    spread(0, n, y);
}

/* The pixels of an input row that lie in phase `rx`. */
typedef struct Segment {
    size_t first, n; /* input column of the first; pixels */
    size_t at;       /* of the first in the row of the phase */
} Segment;

static Segment segment(const SimTileImage *im, size_t rx)
{
    const size_t s = im->stride;
    size_t px = rx; /* column with the border */
    while (px < im->pad)
        px += s;
    Segment g = {.first = px - im->pad, .n = 0, .at = px / s};
    if (g.first < im->w)
        g.n = (im->w - g.first + s - 1) / s;
    return g;
}

static size_t phases(size_t stride, size_t kernel)
{
    return stride < kernel ? stride : kernel;
}

/* The rows above and below the image are zero. */
static void clear_rows(const SimTileImage *im, uint16_t *y)
{
    const size_t s = im->stride, bottom = im->h + im->pad;
    for (size_t ry = 0; ry < phases(s, im->kh); ry++)
        for (size_t rx = 0; rx < phases(s, im->kw); rx++) {
            uint16_t *const phase = y + (ry * s + rx) * im->phase;
            size_t py = ry;
            while (py < im->pad)
                py += s;
            const size_t rows = py < bottom ? (bottom - py + s - 1) / s : 0;
            clear(py / s * im->pitch, phase);
            clear(im->size - (py / s + rows) * im->pitch,
                  phase + (py / s + rows) * im->pitch);
        }
}

/* The row of phase (iy, rx) and whether any tap looks at it. */
static uint16_t *row_of(const SimTileImage *im, size_t iy, size_t rx, uint16_t *y)
{
    const size_t py = iy + im->pad, s = im->stride;
    return py % s < im->kh ? y + (py % s * s + rx) * im->phase + py / s * im->pitch
                           : NULL;
}

/* Every stride-th bit. */
static uint64_t every(uint64_t word, size_t stride)
{
    if (stride == 1)
        return word;
    if (stride == 2)
        return _pext_u64(word, 0x5555555555555555);
    uint64_t packed = 0;
    for (size_t i = 0; i * stride < 64; i++)
        packed |= (word >> i * stride & 1) << i;
    return packed;
}

static void tiles_from_spikes(const SimTileImage *im, size_t words, const uint64_t *bits,
                              size_t c, uint16_t *y)
{
    uint64_t block[64];
    const size_t s = im->stride, at_once = im->w < 64 ? 64 / im->w : 1;
    for (size_t i = 0; i < c; i++)
        clear_rows(im, y + i * im->row);
    for (size_t iy = 0; iy < im->h; iy += at_once)
        for (size_t ix = 0; ix < im->w; ix += 64) {
            const size_t rows = im->h - iy < at_once ? im->h - iy : at_once;
            const size_t wide = im->w - ix < 64 ? im->w - ix : 64, n = rows * wide;
            for (size_t i = 0; i < n; i++)
                block[i] = bits[(iy * im->w + ix + i) * words];
            memset(block + n, 0, (64 - n) * sizeof *block);
            transpose_bits(block);
            for (size_t row = 0; row < rows; row++)
                for (size_t rx = 0; rx < phases(s, im->kw); rx++) {
                    uint16_t *to = row_of(im, iy + row, rx, y);
                    const Segment g = segment(im, rx);
                    /* Of the segment, the pixels before ix and the first from there. */
                    const size_t before = g.first < ix ? (ix - g.first + s - 1) / s : 0;
                    const size_t from = g.first + before * s - ix;
                    if (!to)
                        continue;
                    const size_t there = from < wide ? (wide - from + s - 1) / s : 0;
                    const size_t after =
                        ix + wide == im->w ? im->pitch - g.at - before - there : 0;
                    const unsigned shift = (unsigned)(row * wide + from);
                    const uint64_t mask =
                        there < 64 ? (UINT64_C(1) << there) - 1 : ~UINT64_C(0);
                    for (size_t i = 0; i < c; i++, to += im->row) {
                        if (ix == 0)
                            clear(g.at, to);
                        spread(there ? every(block[i] >> shift, s) & mask : 0,
                               there + after, to + g.at + before);
                    }
                }
        }
}

/* Rows to columns: 16 x 16 words. */
static void transpose_words(uint32_t from[16][16], uint32_t to[16][16])
{
    const __m512i lanes = _mm512_mullo_epi32(
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        _mm512_set1_epi32(16));
    for (int i = 0; i < 16; i++)
        _mm512_store_si512(to[i], _mm512_i32gather_epi32(lanes, &from[0][i], 4));
}

/* The nearest bfloat16 of 16 numbers, as the high halves. */
static __m512i rounded(__m512 x)
{
    const __m512i u = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    const __m512i up =
        _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    const __m512i all = _mm512_mask_or_epi32(up, nan, u, _mm512_set1_epi32(0x400000));
    return _mm512_and_si512(all, _mm512_set1_epi32((int)0xffff0000));
}

static __m512 widened(__m256i x)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/* What a piece leaves over for the next. */
static __m512 rest(__m512 x, __m512i piece)
{
    return _mm512_sub_ps(x, _mm512_castsi512_ps(piece));
}

/* Pieces of a first and a second pixel side by side. */
static __m512i pair(__m512i first, __m512i second)
{
    return _mm512_or_si512(_mm512_srli_epi32(first, 16), second);
}

static __mmask16 first_lanes(size_t n)
{
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

static void tiles_from_dense(const SimTileImage *im, size_t stride_c, int piece,
                             const float *x, size_t c, uint16_t *y)
{
    _Alignas(64) uint32_t in[16][16], out[16][16];
    const size_t s = im->stride;
    const __mmask16 lanes = first_lanes(c);
    for (size_t i = 0; i < c; i++)
        clear_rows(im, y + i * im->row);
    for (size_t iy = 0; iy < im->h; iy++)
        for (size_t rx = 0; rx < phases(s, im->kw); rx++) {
            uint16_t *const to = row_of(im, iy, rx, y);
            const Segment g = segment(im, rx);
            const float *from = x + (iy * im->w + g.first) * stride_c;
            if (!to)
                continue;
            for (size_t i = 0; i < g.n; i += PIXELS) {
                const size_t n = g.n - i < PIXELS ? g.n - i : PIXELS;
                for (size_t j = 0; j < PIXELS; j += 2) {
                    __m512i piece_of[2];
                    for (size_t l = 0; l < 2; l++) {
                        __m512 v = _mm512_maskz_loadu_ps(
                            j + l < n ? lanes : 0, from + (i + j + l) * s * stride_c);
                        piece_of[l] = rounded(v);
                        for (int before = 0; before < piece; before++) {
                            v = rest(v, piece_of[l]);
                            piece_of[l] = rounded(v);
                        }
                    }
                    _mm512_store_si512(in[j / 2], pair(piece_of[0], piece_of[1]));
                }
                transpose_words(in, out);
                const __mmask32 there =
                    n == PIXELS ? ~(__mmask32)0 : ((__mmask32)1 << n) - 1;
                for (size_t ci = 0; ci < c; ci++)
                    _mm512_mask_storeu_epi16(to + ci * im->row + g.at + i, there,
                                             _mm512_load_si512(out[ci]));
            }
            for (size_t ci = 0; ci < c; ci++) {
                clear(g.at, to + ci * im->row);
                clear(im->pitch - g.at - g.n, to + ci * im->row + g.at + g.n);
            }
        }
}

static void tiles_transpose(size_t rows, size_t columns, const float *x, float *y)
{
    _Alignas(64) uint32_t in[16][16], out[16][16];
    for (size_t r = 0; r < rows; r += 16)
        for (size_t c = 0; c < columns; c += 16) {
            for (size_t i = 0; i < 16; i++)
                _mm512_store_ps(in[i], _mm512_maskz_loadu_ps(
                                           r + i < rows ? first_lanes(columns - c) : 0,
                                           x + (r + i) * columns + c));
            transpose_words(in, out);
            for (size_t i = 0; i < 16 && c + i < columns; i++)
                _mm512_mask_storeu_ps(y + (c + i) * rows + r, first_lanes(rows - r),
                                      _mm512_load_ps(out[i]));
        }
}

/* --- pairs of rows ---------------------------------------------------------------
 */

static void tiles_pairs(size_t oh, size_t ow, size_t pitch, size_t size, size_t stride_k,
                        size_t pieces, const float *dy, size_t k, uint16_t *const *y)
{
    const __mmask16 lanes[2] = {first_lanes(k), k > SIDE ? first_lanes(k - SIDE) : 0};
    size_t oy = 0, ox = 0;
    for (size_t p = 0; p < size; p += 2) {
        __m512 v[2][2];
        for (size_t j = 0; j < 2; j++) {
            const bool there = oy < oh && ox < ow;
            const float *from = dy + (oy * ow + ox) * stride_k;
            if (there)
                _mm_prefetch((const char *)(from + 16 * stride_k), _MM_HINT_T0);
            v[0][j] = _mm512_maskz_loadu_ps(there ? lanes[0] : 0, from);
            v[1][j] = _mm512_maskz_loadu_ps(there ? lanes[1] : 0, from + SIDE);
            if (++ox == pitch)
                ox = 0, oy++;
        }
        for (size_t half = 0; half < 2; half++)
            for (size_t i = 0; i < pieces; i++) {
                const __m512i a = rounded(v[half][0]), b = rounded(v[half][1]);
                _mm512_storeu_si512(y[i] + p * BLOCK + 2 * SIDE * half, pair(a, b));
                v[half][0] = rest(v[half][0], a);
                v[half][1] = rest(v[half][1], b);
            }
    }
}

/* Channels of two pixels side by side. */
static void side_by_side(__m512i first, __m512i second, uint16_t *y)
{
    const __m512i low =
        _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39,
                         7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(SIDE));
    _mm512_storeu_si512(y, _mm512_permutex2var_epi16(first, low, second));
    _mm512_storeu_si512(y + 2 * SIDE, _mm512_permutex2var_epi16(first, high, second));
}

static void tiles_pairs_bf16(size_t oh, size_t ow, size_t pitch, size_t size,
                             size_t stride_k, const uint16_t *dy, size_t k, uint16_t *y)
{
    const __mmask32 lanes = k >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << k) - 1;
    size_t oy = 0, ox = 0;
    for (size_t p = 0; p < size; p += 2) {
        __m512i v[2];
        for (size_t j = 0; j < 2; j++) {
            const bool there = oy < oh && ox < ow;
            v[j] = _mm512_maskz_loadu_epi16(there ? lanes : 0,
                                            dy + (oy * ow + ox) * stride_k);
            if (++ox == pitch)
                ox = 0, oy++;
        }
        side_by_side(v[0], v[1], y + p * BLOCK);
    }
}

/* --- products --------------------------------------------------------------------------
 */

/* Tiles 0 to 3: sums; 4, 5: x; 6, 7: dy. All are full; what lies beyond the channels
 * gives sums that nobody reads. */
static void configure(void)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.bytes[i] = 64;
        config.rows[i] = 16;
    }
    _tile_loadconfig(&config);
}

static void tap_run(const SimTileWeights *w, size_t tap, size_t begin, size_t end,
                    float *sums)
{
    const size_t x_bytes = w->x_row * sizeof(uint16_t), dy_bytes = 2 * BLOCK * 2;
    const bool two_c = w->c > SIDE, two_k = w->k > SIDE;
    _tile_loadd(0, sums, 64);
    _tile_loadd(1, sums + 256, 64);
    _tile_loadd(2, sums + 512, 64);
    _tile_loadd(3, sums + 768, 64);
    for (size_t p = begin; p < end; p += PIXELS)
        for (size_t i = 0; i < w->x_pieces; i++) {
            const uint16_t *x = w->x[i] + p + w->shift[tap];
            _tile_loadd(4, x, x_bytes);
            if (two_c)
                _tile_loadd(5, x + SIDE * w->x_row, x_bytes);
            for (size_t j = 0; j < w->dy_pieces[i]; j++) {
                const uint16_t *dy = w->dy[j] + p * BLOCK;
                _tile_loadd(6, dy, dy_bytes);
                _tile_dpbf16ps(0, 4, 6);
                if (two_c)
                    _tile_dpbf16ps(2, 5, 6);
                if (two_k) {
                    _tile_loadd(7, dy + 2 * SIDE, dy_bytes);
                    _tile_dpbf16ps(1, 4, 7);
                    if (two_c)
                        _tile_dpbf16ps(3, 5, 7);
                }
            }
        }
    _tile_stored(0, sums, 64);
    _tile_stored(1, sums + 256, 64);
    _tile_stored(2, sums + 512, 64);
    _tile_stored(3, sums + 768, 64);
}

static void tiles_weights(const SimTileWeights *w, float *sums)
{
    enum { SUMS = BLOCK * BLOCK };
    memset(sums, 0, w->taps * SUMS * sizeof *sums);
    configure();
    for (size_t p = 0; p < w->pixels; p += RUN)
        for (size_t tap = 0; tap < w->taps; tap++)
            tap_run(w, tap, p, w->pixels - p < RUN ? w->pixels : p + RUN,
                    sums + tap * SUMS);
    _tile_release();
}

/* 32 pixels from `p` of the grid times a block of outputs. */
static void rows_block(const SimTileRows *r, size_t p, float sums[BLOCK * BLOCK])
{
    const size_t x_bytes = r->x_row * sizeof(uint16_t), w_bytes = 2 * BLOCK * 2;
    enum { WEIGHTS = BLOCK * BLOCK, Y_BYTES = BLOCK * sizeof(float) };
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t tap = 0; tap < r->taps; tap++)
        for (size_t block = 0; block < r->blocks; block++) {
            const size_t from = (p + r->shift[tap]) * r->x_row + block * BLOCK;
            const size_t at = (r->tap[tap] * r->blocks + block) * WEIGHTS;
            for (size_t i = 0; i < r->x_pieces; i++) {
                _tile_loadd(4, r->x[i] + from, x_bytes);
                _tile_loadd(5, r->x[i] + from + SIDE * r->x_row, x_bytes);
                for (size_t j = 0; j < r->w_pieces[i]; j++) {
                    _tile_loadd(6, r->w[j] + at, w_bytes);
                    _tile_loadd(7, r->w[j] + at + 2 * SIDE, w_bytes);
                    _tile_dpbf16ps(0, 4, 6);
                    _tile_dpbf16ps(1, 4, 7);
                    _tile_dpbf16ps(2, 5, 6);
                    _tile_dpbf16ps(3, 5, 7);
                }
            }
        }
    _tile_stored(0, sums, Y_BYTES);
    _tile_stored(1, sums + SIDE, Y_BYTES);
    _tile_stored(2, sums + SIDE * BLOCK, Y_BYTES);
    _tile_stored(3, sums + SIDE * BLOCK + SIDE, Y_BYTES);
}

/* 32 sums to bfloat16. */
static void write_bf16(const float *sums, __mmask32 lanes, bool accumulate, bool stream,
                       uint16_t *to)
{
    __m512 low = _mm512_load_ps(sums), high = _mm512_load_ps(sums + SIDE);
    if (accumulate) {
        const __m512i old = _mm512_maskz_loadu_epi16(lanes, to);
        low = _mm512_add_ps(low, widened(_mm512_castsi512_si256(old)));
        high = _mm512_add_ps(high, widened(_mm512_extracti64x4_epi64(old, 1)));
    }
    const __m512i odd =
        _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33,
                         31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    const __m512i v = _mm512_permutex2var_epi16(rounded(low), odd, rounded(high));
    if (stream)
        _mm512_stream_si512((void *)to, v);
    else
        _mm512_mask_storeu_epi16(to, lanes, v);
}

static void tiles_rows(const SimTileRows *r, size_t first, size_t n, void *y)
{
    _Alignas(64) float sums[BLOCK * BLOCK];
    const __mmask16 lanes[2] = {first_lanes(r->k),
                                r->k > SIDE ? first_lanes(r->k - SIDE) : 0};
    __m512 bias[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (size_t half = 0; r->bias && half < 2; half++)
        bias[half] = _mm512_maskz_loadu_ps(lanes[half], r->bias + half * SIDE);
    size_t image = first / r->size, in_image = first % r->size;
    size_t row = in_image / r->pitch, column = in_image % r->pitch;
    const bool stream = r->past_cache && !r->accumulate && r->k == BLOCK &&
                        (uintptr_t)y % 64 == 0 && r->y_row % BLOCK == 0;
    const __mmask32 all = r->k >= BLOCK ? ~(__mmask32)0 : ((__mmask32)1 << r->k) - 1;
    configure();
    for (size_t p = first; p < first + n; p += BLOCK) {
        rows_block(r, p, sums);
        for (size_t i = 0; i < BLOCK && p + i < first + n; i++) {
            if (row >= r->first_row && row < r->rows && column >= r->first_column &&
                column < r->columns) {
                const size_t at =
                    (image * r->y_image + r->y_first + (row - r->first_row) * r->y_down +
                     (column - r->first_column) * r->y_right) *
                    r->y_row;
                if (r->y_bf16)
                    write_bf16(sums + i * BLOCK, all, r->accumulate, stream,
                               (uint16_t *)y + at);
                float *const to = (float *)y + at;
                for (size_t half = 0; !r->y_bf16 && half < 2; half++) {
                    __m512 v = _mm512_load_ps(sums + i * BLOCK + half * SIDE);
                    const __m512 add =
                        r->accumulate
                            ? _mm512_maskz_loadu_ps(lanes[half], to + half * SIDE)
                            : bias[half];
                    v = _mm512_add_ps(v, add);
                    if (stream)
                        _mm512_stream_ps(to + half * SIDE, v);
                    else
                        _mm512_mask_storeu_ps(to + half * SIDE, lanes[half], v);
                }
            }
            if (++column == r->pitch)
                column = 0, row++;
            if (++in_image == r->size)
                in_image = column = row = 0, image++;
        }
    }
    _mm_sfence(); /* written around the cache, yet seen by the next task */
    _tile_release();
}

void sim_kernels_init_amx(SimKernels *kernels)
{
    kernels->tiles_from_spikes = tiles_from_spikes;
    kernels->tiles_from_dense = tiles_from_dense;
    kernels->tiles_pairs = tiles_pairs;
    kernels->tiles_pairs_bf16 = tiles_pairs_bf16;
    kernels->tiles_weights = tiles_weights;
    kernels->tiles_rows = tiles_rows;
    kernels->tiles_transpose = tiles_transpose;
}
