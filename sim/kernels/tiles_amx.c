/* sim/kernels/tiles_amx.c: convolutions and their gradient of the input on tile units
 * (AMX). A tile product adds 16x32 times 32x16 bfloat16 numbers to 16x16 f32 sums; here
 * the 16 rows are neighbouring pixels of a few images, the 32 are channels of x. */
#include "sim/kernels/tiles_amx.inc"

/* --- weights -----------------------------------------------------------------------
 */

static void tiles_pairs(size_t stride, size_t pieces, const float *w, size_t k, size_t c,
                        uint16_t *const *y)
{
    const __mmask16 lanes[2] = {first_lanes(k), k > SIDE ? first_lanes(k - SIDE) : 0};
    for (size_t piece = 0; piece < pieces; piece++)
        for (size_t i = 0; i < BLOCK; i += 2)
            for (size_t half = 0; half < 2; half++) {
                const float *from = w + i * stride + half * SIDE;
                const __m512 a = _mm512_maskz_loadu_ps(i < c ? lanes[half] : 0, from);
                const __m512 b =
                    _mm512_maskz_loadu_ps(i + 1 < c ? lanes[half] : 0, from + stride);
                _mm512_storeu_si512(
                    y[piece] + i * BLOCK + 2 * SIDE * half,
                    pair(piece_of(a, (int)piece), piece_of(b, (int)piece)));
            }
}

static void tiles_turned(size_t stride, size_t pieces, const float *w, size_t k, size_t c,
                         uint16_t *const *y)
{
    const __mmask16 lanes[2] = {first_lanes(c), c > SIDE ? first_lanes(c - SIDE) : 0};
    for (size_t piece = 0; piece < pieces; piece++)
        for (size_t first = 0; first < BLOCK; first += SIDE) {
            __m512i rows[SIDE];
            for (size_t i = 0; i < SIDE; i++) {
                const float *from = w + (first + i) * stride;
                const bool there = first + i < k;
                rows[i] = pieces_of(
                    _mm512_maskz_loadu_ps(there ? lanes[0] : 0, from),
                    _mm512_maskz_loadu_ps(there ? lanes[1] : 0, from + SIDE), (int)piece);
            }
            transpose_words(rows);
            for (size_t i = 0; i < SIDE; i++)
                _mm512_storeu_si512(y[piece] + i * 2 * BLOCK + 2 * first, rows[i]);
        }
}

/* --- x ---------------------------------------------------------------------------------
 */

static void lay_spikes(const SimLay *l, const uint64_t *x, uint16_t *y)
{
    enum { ONE = 0x3f80 };
    const __m512i one = _mm512_set1_epi16(ONE);
    for (size_t p = 0; p < l->pixels; p++, y += l->pixel)
        for (size_t i = 0; i * BLOCK < l->c; i++) {
            const uint64_t word = x ? x[p * l->skip + i / 2] : 0;
            _mm512_store_si512(
                y + i * l->block,
                _mm512_maskz_mov_epi16((__mmask32)(word >> i % 2 * BLOCK), one));
        }
}

static void lay_bf16(const SimLay *l, const uint16_t *x, uint16_t *y)
{
    for (size_t p = 0; p < l->pixels; p++, y += l->pixel)
        for (size_t i = 0; i * BLOCK < l->c; i++)
            _mm512_store_si512(
                y + i * l->block,
                _mm512_maskz_loadu_epi16(x ? first_words(l->c - i * BLOCK) : 0,
                                         x + p * l->skip + i * BLOCK));
}

static void lay_piece(const SimLay *l, int piece, const float *x, uint16_t *y)
{
    for (size_t p = 0; p < l->pixels; p++, y += l->pixel)
        for (size_t i = 0; i * BLOCK < l->c; i++) {
            const size_t n = x ? l->c - i * BLOCK : 0;
            const float *const from = x + p * l->skip + i * BLOCK;
            const __m512 low = _mm512_maskz_loadu_ps(first_lanes(n), from);
            const __m512 high =
                _mm512_maskz_loadu_ps(n > SIDE ? first_lanes(n - SIDE) : 0, from + SIDE);
            _mm512_store_si512(y + i * l->block, pieces_of(low, high, piece));
        }
}

/* --- products --------------------------------------------------------------------------
 */

/* What becomes of the sums of a block. */
typedef struct Results {
    const SimStackRows *r;
    __mmask32 all;
    __mmask16 lanes[2];
    __m512 bias[2];
} Results;

/* The sums of rows `i` to `end` of a block. */
static inline __attribute__((always_inline)) void write(const Results *o,
                                                        const float *sums,
                                                        const SimStackBlock *block,
                                                        size_t i, size_t end)
{
    const SimStackRows *const r = o->r;
    const size_t skip = block->y * r->y_step;
    for (; i < end; i++) {
        if (!(block->wanted >> i & 1))
            continue;
        __m512 low = _mm512_load_ps(sums + i * BLOCK);
        __m512 high = _mm512_load_ps(sums + i * BLOCK + SIDE);
        if (r->y_bf16) {
            uint16_t *const to = (uint16_t *)r->y[i] + skip;
            if (r->accumulate) {
                const __m512i old = _mm512_maskz_loadu_epi16(o->all, to);
                low = _mm512_add_ps(low, widened(_mm512_castsi512_si256(old)));
                high = _mm512_add_ps(high, widened(_mm512_extracti64x4_epi64(old, 1)));
            } else {
                low = _mm512_add_ps(low, o->bias[0]);
                high = _mm512_add_ps(high, o->bias[1]);
            }
            _mm512_mask_storeu_epi16(to, o->all, nearest(low, high));
            continue;
        }
        float *const to = (float *)r->y[i] + skip;
        if (r->accumulate) {
            low = _mm512_add_ps(low, _mm512_maskz_loadu_ps(o->lanes[0], to));
            high = _mm512_add_ps(high, _mm512_maskz_loadu_ps(o->lanes[1], to + SIDE));
        } else {
            low = _mm512_add_ps(low, o->bias[0]);
            high = _mm512_add_ps(high, o->bias[1]);
        }
        _mm512_mask_storeu_ps(to, o->lanes[0], low);
        _mm512_mask_storeu_ps(to + SIDE, o->lanes[1], high);
    }
}

static inline void store_sums(float *sums)
{
    enum { BYTES = BLOCK * sizeof *sums };
    _tile_stored(0, sums, BYTES);
    _tile_stored(1, sums + SIDE, BYTES);
    _tile_stored(2, sums + SIDE * BLOCK, BYTES);
    _tile_stored(3, sums + SIDE * BLOCK + SIDE, BYTES);
}

/* One block of c through one tap. */
static inline void add_products(const SimStackRows *r, size_t from, size_t at)
{
    enum { X_BYTES = BLOCK * 2, W_BYTES = 2 * BLOCK * 2 };
    for (size_t i = 0; i < r->x_pieces; i++) {
        _tile_loadd(4, r->x[i] + from, X_BYTES);
        _tile_loadd(5, r->x[i] + from + SIDE * BLOCK, X_BYTES);
        for (size_t j = 0; j < r->w_pieces[i]; j++) {
            _tile_loadd(6, r->w[j] + at, W_BYTES);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(2, 5, 6);
            if (r->k > SIDE) {
                _tile_loadd(7, r->w[j] + at + 2 * SIDE, W_BYTES);
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
    }
}

/* Tile units and the others work side by side only where their instructions alternate:
 * the sums of a block are written while those of the next are made. */
static void stack_rows(const SimStackRows *r)
{
    _Alignas(64) float done[2][STACK * BLOCK];
    Results o = {.r = r, .all = first_words(r->k)};
    for (size_t half = 0; half < 2; half++) {
        o.lanes[half] = r->k > half * SIDE ? first_lanes(r->k - half * SIDE) : 0;
        o.bias[half] = r->bias
                           ? _mm512_maskz_loadu_ps(o.lanes[half], r->bias + half * SIDE)
                           : _mm512_setzero_ps();
    }
    configure();
    for (size_t b = 0; b < r->n_todo; b++) {
        const SimStackBlock *const block = r->todo + b;
        const float *const before = done[(b + 1) % 2];
        const size_t steps = (block->last - block->first) * r->blocks;
        const SimStackBlock *const last = b ? block - 1 : block;
        const size_t share = steps ? (STACK + steps - 1) / steps : STACK;
        size_t written = b ? 0 : STACK;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (size_t i = 0; i < r->blocks; i++)
            for (size_t e = block->first; e < block->last; e++) {
                add_products(r, block->x + r->taps[e].x + i * r->x_block,
                             r->taps[e].w + i * r->w_block);
                const size_t end = written + share < STACK ? written + share : STACK;
                write(&o, before, last, written, end);
                written = end;
            }
        write(&o, before, last, written, STACK);
        store_sums(done[b % 2]);
    }
    if (r->n_todo)
        write(&o, done[(r->n_todo - 1) % 2], r->todo + r->n_todo - 1, 0, STACK);
    _tile_release();
}

void sim_kernels_init_amx(SimKernels *kernels)
{
    kernels->tiles_pairs = tiles_pairs;
    kernels->tiles_turned = tiles_turned;
    kernels->lay_spikes = lay_spikes;
    kernels->lay_bf16 = lay_bf16;
    kernels->lay_piece = lay_piece;
    kernels->stack_rows = stack_rows;
    sim_elementwise_init_amx(kernels);
    sim_neuron_init_amx(kernels);
    sim_tiles_bytes_init_amx(kernels);
    sim_tiles_stack_init_amx(kernels);
}
