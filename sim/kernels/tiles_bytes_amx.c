/* sim/kernels/tiles_bytes_amx.c: forward convolution from spikes and small whole numbers
 * on tile units. A tile product of bytes adds 16x64 times 64x16 numbers to 16x16 exact
 * sums in the time of one of bfloat16 with half as many; three digits of the weights meet
 * the numbers in three of them.
 *
 * Three sums for each of two tiles of pixels leave two registers for the factors, which
 * take turns:
 *
 *     weights   0  0  1  1  2  2        16 outputs at a time, whose weights a small
 *     pixels    a  b  b  a  a  b        convolution leaves in the first cache */
#include "sim/kernels/tiles_amx.inc"

enum { BYTES = SIM_BYTE_BLOCK, DIGITS = SIM_BYTE_DIGITS, TILE = SIDE * BYTES };

static inline __mmask64 first_bytes(size_t n)
{
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

/* --- both factors ----------------------------------------------------------------------
 */

/* With 128 added to each digit these are the bytes of a number. */
static void tiles_bytes(size_t stride, const float *w, size_t k, size_t c,
                        const float *factor, int8_t *y)
{
    const __mmask16 lanes = first_lanes(k);
    const __m512 f = _mm512_maskz_loadu_ps(lanes, factor);
    const __mmask16 used = _mm512_cmp_ps_mask(f, _mm512_setzero_ps(), _CMP_NEQ_OQ);
    const __m512i byte = _mm512_set1_epi32(0xff), middle = _mm512_set1_epi32(0x808080);
    for (size_t i = 0; i < BYTES; i += 4, y += BYTES) {
        __m512i q[4];
        for (size_t j = 0; j < 4; j++) {
            const __m512 x =
                _mm512_maskz_loadu_ps(i + j < c ? lanes : 0, w + (i + j) * stride);
            q[j] = _mm512_add_epi32(middle,
                                    _mm512_maskz_cvtps_epi32(used, _mm512_mul_ps(x, f)));
        }
        for (unsigned digit = 0; digit < DIGITS; digit++) {
            const unsigned shift = 8 * (DIGITS - 1 - digit);
            __m512i all = _mm512_setzero_si512();
            for (unsigned j = 0; j < 4; j++)
                all = _mm512_or_si512(
                    all,
                    _mm512_slli_epi32(
                        _mm512_and_si512(_mm512_srli_epi32(q[j], shift), byte), 8 * j));
            _mm512_storeu_si512(y + digit * TILE,
                                _mm512_xor_si512(all, _mm512_set1_epi8((char)0x80)));
        }
    }
}

static void bytes_of_spikes(size_t pixels, size_t c, const uint64_t *x, uint8_t *y)
{
    const __m512i one = _mm512_set1_epi8(1);
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < c; i += BYTES, x++)
            _mm512_mask_storeu_epi8(y + p * c + i, first_bytes(c - i),
                                    _mm512_maskz_mov_epi8(*x, one));
}

static void bytes_of_whole(size_t n, const float *x, uint8_t *y)
{
    for (size_t i = 0; i < n; i += SIDE) {
        const __mmask16 lanes = first_lanes(n - i);
        _mm512_mask_cvtepi32_storeu_epi8(
            y + i, lanes, _mm512_cvtps_epi32(_mm512_maskz_loadu_ps(lanes, x + i)));
    }
}

static void lay_bytes(const SimLay *l, const uint8_t *x, uint8_t *y)
{
    for (size_t p = 0; p < l->pixels; p++, y += l->pixel)
        for (size_t i = 0; i * BYTES < l->c; i++)
            _mm512_store_si512(
                y + i * l->block,
                _mm512_maskz_loadu_epi8(x ? first_bytes(l->c - i * BYTES) : 0,
                                        x + p * l->skip + i * BYTES));
}

/* --- products --------------------------------------------------------------------------
 */

enum { SUMS = STACK * SIDE /* of a digit */ };

typedef struct Results { /* of half a block of outputs */
    const SimStackRows *r;
    size_t first; /* output */
    __mmask16 lanes;
    __m512 scale, bias;
} Results;

/* Rows `i` to `end` of a block. */
static inline __attribute__((always_inline)) void write(const Results *o,
                                                        const int32_t *sums,
                                                        const SimStackBlock *block,
                                                        size_t i, size_t end)
{
    const SimStackRows *const r = o->r;
    const size_t skip = block->y * r->y_step + o->first;
    for (; i < end; i++) {
        if (!(block->wanted >> i & 1))
            continue;
        __m512 all = _mm512_cvtepi32_ps(_mm512_load_si512(sums + i * SIDE));
        for (size_t digit = 1; digit < DIGITS; digit++)
            all = _mm512_fmadd_ps(
                all, _mm512_set1_ps(256.0f),
                _mm512_cvtepi32_ps(_mm512_load_si512(sums + digit * SUMS + i * SIDE)));
        all = _mm512_fmadd_ps(all, o->scale, o->bias);
        if (r->y_bf16)
            _mm256_mask_storeu_epi16((uint16_t *)r->y[i] + skip, o->lanes,
                                     (__m256i)_mm512_cvtneps_pbh(all));
        else
            _mm512_mask_storeu_ps((float *)r->y[i] + skip, o->lanes, all);
    }
}

/* One block of c through one tap. */
static inline void add_products(const void *pixels, size_t row, const void *weights)
{
    const uint8_t *const a = pixels, *const b = a + SIDE * row, *const w = weights;
    _tile_loadd(6, a, row);
    _tile_loadd(7, w, BYTES);
    _tile_dpbusd(0, 6, 7);
    _tile_loadd(6, b, row);
    _tile_dpbusd(1, 6, 7);
    _tile_loadd(7, w + TILE, BYTES);
    _tile_dpbusd(3, 6, 7);
    _tile_loadd(6, a, row);
    _tile_dpbusd(2, 6, 7);
    _tile_loadd(7, w + 2 * TILE, BYTES);
    _tile_dpbusd(4, 6, 7);
    _tile_loadd(6, b, row);
    _tile_dpbusd(5, 6, 7);
}

static inline void zero_sums(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
}

static inline void store_sums(int32_t *sums)
{
    enum { STEP = SIDE * SIDE };
    _tile_stored(0, sums, BYTES);
    _tile_stored(1, sums + STEP, BYTES);
    _tile_stored(2, sums + 2 * STEP, BYTES);
    _tile_stored(3, sums + 3 * STEP, BYTES);
    _tile_stored(4, sums + 4 * STEP, BYTES);
    _tile_stored(5, sums + 5 * STEP, BYTES);
}

/* The sums of a block are written while those of the next are made. */
static void half_rows(const Results *o, const uint16_t *w)
{
    _Alignas(64) int32_t done[2][DIGITS * SUMS];
    const SimStackRows *const r = o->r;
    for (size_t b = 0; b < r->n_todo; b++) {
        const SimStackBlock *const block = r->todo + b;
        const int32_t *const before = done[(b + 1) % 2];
        const size_t steps = (block->last - block->first) * r->blocks;
        const SimStackBlock *const last = b ? block - 1 : block;
        const size_t share = steps ? (STACK + steps - 1) / steps : STACK;
        size_t written = b ? 0 : STACK;
        zero_sums();
        for (size_t i = 0; i < r->blocks; i++)
            for (size_t e = block->first; e < block->last; e++) {
                add_products(r->x[0] + block->x + r->taps[e].x + i * r->x_block, r->x_row,
                             w + r->taps[e].w + i * r->w_block);
                const size_t end = written + share < STACK ? written + share : STACK;
                write(o, before, last, written, end);
                written = end;
            }
        write(o, before, last, written, STACK);
        store_sums(done[b % 2]);
    }
    if (r->n_todo)
        write(o, done[(r->n_todo - 1) % 2], r->todo + r->n_todo - 1, 0, STACK);
}

static void stack_bytes(const SimStackRows *r)
{
    configure();
    for (size_t first = 0; first < r->k; first += SIDE) {
        Results o = {.r = r, .first = first, .lanes = first_lanes(r->k - first)};
        o.scale = _mm512_maskz_loadu_ps(o.lanes, r->scale + first);
        o.bias = r->bias ? _mm512_maskz_loadu_ps(o.lanes, r->bias + first)
                         : _mm512_setzero_ps();
        half_rows(&o, r->w[first / SIDE]);
    }
    _tile_release();
}

void sim_tiles_bytes_init_amx(SimKernels *kernels)
{
    kernels->tiles_bytes = tiles_bytes;
    kernels->bytes_of_spikes = bytes_of_spikes;
    kernels->bytes_of_whole = bytes_of_whole;
    kernels->lay_bytes = lay_bytes;
    kernels->stack_bytes = stack_bytes;
}
