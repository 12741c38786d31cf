/* sim/kernels/tiles_amx.c: convolutions and their gradient of the input on tile units
 * (AMX). A tile product adds 16x32 times 32x16 bfloat16 numbers to 16x16 f32 sums; here
 * the 16 rows are pixels, the 32 channels of x. */
#include "sim/kernels/tiles_amx.inc"

/* --- weights -----------------------------------------------------------------------
 */

static void tiles_transpose(size_t rows, size_t columns, const float *x, float *y)
{
    for (size_t r = 0; r < rows; r += SIDE)
        for (size_t c = 0; c < columns; c += SIDE) {
            __m512i words[SIDE];
            for (size_t i = 0; i < SIDE; i++)
                words[i] = _mm512_castps_si512(
                    _mm512_maskz_loadu_ps(r + i < rows ? first_lanes(columns - c) : 0,
                                          x + (r + i) * columns + c));
            transpose_words(words);
            for (size_t i = 0; i < SIDE && c + i < columns; i++)
                _mm512_mask_storeu_ps(y + (c + i) * rows + r, first_lanes(rows - r),
                                      _mm512_castsi512_ps(words[i]));
        }
}

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

/* --- products --------------------------------------------------------------------------
 */

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
    const __mmask32 all = first_words(r->k);
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
    kernels->tiles_pairs = tiles_pairs;
    kernels->tiles_rows = tiles_rows;
    kernels->tiles_transpose = tiles_transpose;
    sim_tiles_stack_init_amx(kernels);
}
