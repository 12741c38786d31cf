/* sim/kernels.h: the table of hot loops.
 *
 * Reference first, then each instruction-set level replaces what it does better. Kernels
 * are leaves: no allocation, no threads, no errors, any n, unaligned input unless said
 * otherwise. Every variant agrees with the reference to the bit, except where the comment
 * names a tolerance. `restrict` pointers do not overlap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/conv_shape.h"

enum {
    SIM_CPU_AVX2 = 1,
    SIM_CPU_AVX512 = 2,
    SIM_CPU_AMX = 4, /* tiles of bfloat16 numbers and of bytes */
    SIM_CPU_VNNI = 8 /* AVX-512 that sums 16-bit products and compresses bytes */
};
enum { SIM_ROW = 32 }; /* floats of a row that rows_gather adds */

/* Weights for conv_spikes_forward: at [tap, channel from c_first, k from k_first], with
 * `tap` and `row` floats from one to the next. */
typedef struct SimRows {
    const float *at;
    size_t tap, row;
    const float *start; /* [k], what sums begin with; NULL: what y holds */
} SimRows;
enum { SIM_TAPS = 25 };

/* Weights for conv_fixed_forward, of some outputs of one group: a row of `width` whole
 * numbers for each [tap, channel of the group], then one of zeros. A multiple of 32
 * outputs, at most SIM_FIXED_WIDTH; of every 32, output j is followed by output 16 + j.
 */
typedef struct SimFixed {
    const int16_t *at;
    size_t width;
    const float *scale; /* [width], what a whole number stands for */
    const float *start; /* [k], or NULL: zeros */
    bool four;          /* any four rows sum to 16 bits */
} SimFixed;
enum {
    SIM_FIXED_WIDTH = 256,
    SIM_FIXED_WORDS = 512 /* of spikes, that one output sees at most */
};

enum {                       /* of conv_few_forward at most: */
       SIM_FEW_ROWS = 256,   /* taps times channels, */
       SIM_FEW_COLUMNS = 64, /* (columns of the kernel + 3 strides) times channels, */
       SIM_FEW_OUTPUTS = 512 /* outputs */
};

typedef struct SimOuter { /* pixels for sums of products, in numbers from one to the next
                           */
    size_t rows, columns, x_row, x_step, dy_row, dy_step;
} SimOuter;

/* The integrate-and-fire family, potentials measured from rest:
 *
 *     now        h = decay v + gain x;  s = [h > threshold];  v = reset(h, s)
 *     next step  u = reset(v, [v > threshold]);
 *                h = decay u + gain x;  s = [h > threshold];  v = h
 *
 * A hard reset goes to rest. A soft one takes the threshold off: at the next step not
 * from u but from h, after the decay. */
typedef enum SimReset { SIM_RESET_HARD, SIM_RESET_SOFT, SIM_RESET_NONE } SimReset;
typedef enum SimSurrogate { /* the slope of the step at x = h - threshold, a = alpha */
                            SIM_SURROGATE_ATAN,         /* (a/2) / (1 + (pi a x / 2)^2) */
                            SIM_SURROGATE_SIGMOID,      /* a s(ax) (1 - s(ax)) */
                            SIM_SURROGATE_FAST_SIGMOID, /* 1 / (a |x| + 1)^2 */
                            SIM_SURROGATE_TRIANGLE,     /* max(0, a - a^2 |x|) */
                            SIM_SURROGATE_RECTANGLE,    /* a where |x| < 1 / (2a) */
                            SIM_SURROGATE_GAUSSIAN,     /* a / sqrt(pi) exp(-a^2 x^2) */
                            SIM_SURROGATE_EXPONENTIAL,  /* a/2 exp(-a |x|) */
                            SIM_SURROGATE_LEAKY_RECTANGLE, /* a where |x| < 1 / (2a), else
                                                              0.01 */
                            SIM_SURROGATE_CIRCLE,          /* (1 + a^2 x^2)^(-3/2) */
                            SIM_SURROGATE_MULTI_GAUSSIAN,  /* a/2 (1.15 N(ax) - 0.025
                                                              (N((ax
                                                              - 1) / 6) + N((ax + 1) / 6)))
                                                            */
                            SIM_N_SURROGATES
} SimSurrogate;

/* f32 or bfloat16 (sim/tensor.h). */
typedef struct SimNumbers {
    void *at;
    bool bf16;
} SimNumbers;

/* x read as scale x + shift, channel by channel; scale NULL: as it is. Where `sums` is
 * not NULL, whoever computes the gradient g of that also writes the sums over all pixels
 * of g and of g (x - mean) there. */
typedef struct SimAffine {
    const float *scale, *shift; /* [c], or [nt, c] */
    size_t step;                /* floats from one time step to the next: 0 or c */
    const float *mean;          /* [c] */
    double *sums;               /* [2, c] */
} SimAffine;

/* What comes to a backward pass of neurons and what it leaves; gradients like x. */
enum { SIM_LATER = 3 };
typedef struct SimNeuronBack {
    SimNumbers d_y;  /* of the spikes */
    SimNumbers d_v;  /* of v after the reset, or NULL */
    SimNumbers d_x;  /* of the currents after lif->affine, or NULL; may be d_y */
    bool accumulate; /* d_x += instead of =, rounded once */
    /* [pixels, c] what the steps after these leave for them, then what these leave for
     * the ones before: one of lif, three of alif; NULL: the sequence ends here. */
    float *later[SIM_LATER];
    double
        *d_trained; /* of lif: of decay and gain step by step, [nt, 2, c] +=; or NULL */
} SimNeuronBack;

typedef struct SimLif {
    const float *decay, *gain; /* [c] */
    SimAffine affine;          /* of the currents */
    float threshold;           /* above rest */
    SimReset reset;
    bool next_step, strict, detach;
    bool at_rest; /* forward starts there, not at v */
    SimSurrogate surrogate;
    float alpha, scale;
} SimLif;

/* One step of an optimiser on numbers w with gradients g:
 *
 *     sgd    d = factor g + decay w;  m = momentum m + d;
 *            w -= lr m, or with Nesterov w -= lr (d + momentum m)
 *     adam   d = factor g + decay w (decoupled: w -= lr decay w instead);
 *            m = beta1 m + rest1 d;  v = beta2 v + rest2 d^2;
 *            w -= lr (correct1 m) / (sqrt(correct2 v) + epsilon) */
typedef struct SimSgd {
    float lr, factor, decay, momentum;
    bool nesterov;
} SimSgd;

typedef struct SimAdam {
    float lr, factor, decay, epsilon;
    float beta1, beta2, rest1, rest2; /* rest = 1 - beta, rounded once */
    float correct1, correct2;         /* 1 / (1 - beta^step) */
    bool decoupled;
} SimAdam;

/* Adaptive neurons (Yin 2021); on the right s and b of the step before:
 *
 *     b = rho b + (1 - rho) s;  B = b0 + beta b
 *     v = alpha v + (1 - alpha) x - B s;  s = [v > B] */
typedef struct SimAlif {
    float alpha, rho, b0, beta;
    bool detach; /* the s of - B s is a constant for the gradient */
    SimSurrogate surrogate;
    float slope_alpha, slope_scale;
} SimAlif;

/* A layer of capsules sees 16 images side by side: `[..,16]` is one number of each, and a
 * group of images starts a new array. One input capsule i brings its pose u [D,16] and
 * its weights w [J,D,P]; its vote for output j is vote[p] = sum over d of w[j,d,p] u[d].
 */
enum { SIM_CAPSULE_IMAGES = 16, SIM_CAPSULE_POSE = 64 /* the longest P */ };
typedef struct SimCapsules {
    size_t outputs, pose_in, pose_out; /* J, D, P */
} SimCapsules;

/* One term of the gradient of a vote, image by image: a x. */
typedef struct SimCapsuleTerm {
    const float *a; /* [groups,J,16] */
    const float *x; /* pose of image n and output j at n * image + j * output */
    size_t image, output;
} SimCapsuleTerm;

/* Floats: what backward keeps of one block of channels at every step. */
static inline size_t sim_lif_scratch(size_t nt)
{
    return 2 * 64 * nt;
}
static inline size_t sim_alif_scratch(size_t nt)
{
    return 3 * 64 * nt;
}

/* Two tiles have SIM_STACK rows: the same pixel of so many images, or neighbouring pixels
 * of fewer. */
enum { SIM_TILE_SIDE = 16, SIM_TILE_BLOCK = 32, SIM_STACK = 32 };

/* One image of a stack as the first factor: y [blocks of c][pixels][SIM_TILE_BLOCK],
 * zeros past c. */
typedef struct SimLay {
    size_t pixels, c;
    size_t skip;         /* numbers, or words, of x from one to the next */
    size_t block, pixel; /* numbers of y from one to the next */
} SimLay;

typedef struct SimStackTap { /* in numbers: of x and of w where it begins */
    uint32_t x, w;
} SimStackTap;

typedef struct SimStackBlock { /* SIM_STACK rows of results */
    uint32_t x;                /* numbers to the first row of x that taps begin at */
    uint32_t y;                /* pixels from the first block */
    uint32_t first, last;      /* of the taps that it sees */
    uint32_t wanted;           /* a bit for each row */
} SimStackBlock;

/* Weights as fixed-point numbers of three digits, for spikes and whole numbers up to 255:
 * w = scale (65536 a + 256 b + c), digits from -128 to 127. */
enum {
    SIM_BYTE_BLOCK = 64, /* channels of a tile of bytes */
    SIM_BYTE_DIGITS = 3,
    SIM_BYTE_WEIGHTS = SIM_BYTE_DIGITS * SIM_TILE_SIDE * SIM_BYTE_BLOCK /* of a tap of a
                                                          block, for SIM_TILE_SIDE k */
};

/* k <= SIM_TILE_BLOCK outputs of a convolution for each row of some blocks. A row of x is
 * SIM_TILE_BLOCK numbers, the next one follows. Sums go over blocks of channels, in each
 * over the taps. */
typedef struct SimStackRows {
    const SimStackBlock *todo;
    size_t n_todo;
    const SimStackTap *taps;      /* of the first block of channels */
    size_t blocks;                /* of SIM_TILE_BLOCK input channels */
    size_t x_block, w_block;      /* numbers from one to the next */
    size_t x_row;                 /* stack_bytes: bytes from one row of x to the next */
    size_t x_pieces, w_pieces[3]; /* piece i of x meets the first w_pieces[i] of w */
    const uint16_t *x[3];
    const uint16_t *w[3]; /* of a tap and block [SIM_TILE_BLOCK / 2, SIM_TILE_BLOCK, 2] */
    const float *scale;   /* stack_bytes: [k] */
    size_t k;
    void *y[SIM_STACK]; /* rows of the first block; NULL: of none wanted */
    size_t y_step;      /* numbers from one pixel to the next */
    const float *bias;  /* [k] or NULL */
    bool y_bf16;        /* y is bfloat16, else f32 */
    bool accumulate;    /* y += instead, without bias */
} SimStackRows;

/* For the gradient of the weights: numbers of a block of channels of a pixel of SIM_STACK
 * images. */
enum { SIM_STACK_PIXEL = SIM_STACK * SIM_TILE_BLOCK };

enum { SIM_STACK_TAPS = 3 /* that stack_sums takes together */ };

typedef struct SimStackRow { /* in numbers: where a row of x and one of dy begin */
    uint32_t x, dy;
} SimStackRow;

/* Rows of x and dy that meet through some taps side by side: tap i, at the columns of dy
 * from first[i] to last[i], meets x at x_first + column * x_step + i * SIM_STACK_PIXEL.
 */
typedef struct SimStackSums {
    const SimStackRow *rows;
    size_t n_rows, columns;
    ptrdiff_t x_first;
    size_t x_step, taps;
    size_t first[SIM_STACK_TAPS], last[SIM_STACK_TAPS];
    size_t c; /* channels of x, at most SIM_TILE_BLOCK */
} SimStackSums;

typedef struct SimKernels {
    /* --- packed spikes (sim/kernels/spikes_*.c) --------------------------------- */
    /* bits [pixels, words] from x [pixels, c]: a bit is x != 0. */
    void (*spikes_pack)(size_t pixels, size_t c, const float *restrict x,
                        uint64_t *restrict bits);
    /* y [pixels, c] = 0 or 1. */
    void (*spikes_unpack)(size_t pixels, size_t c, const uint64_t *restrict bits,
                          float *restrict y);
    /* y [pixels, c] += 0 or 1. */
    void (*spikes_add)(size_t pixels, size_t c, const uint64_t *restrict bits,
                       float *restrict y);
    size_t (*spikes_count)(size_t words, const uint64_t *bits);

    /* --- bfloat16 pieces of numbers (sim/kernels/pieces.inc) ----------------------- */
    /* A number is the sum of its pieces 0, 1, 2, each rounded to bfloat16 from what the
     * ones before leave over; 0 and 1 keep 16 bits of it, all three 24. y [rows] rows of
     * c, `stride` apart, from x [rows, c]. */
    void (*bf16_piece)(size_t rows, size_t c, size_t stride, int piece,
                       const float *restrict x, uint16_t *restrict y);
    /* y [n], the numbers that bfloat16 x stands for. */
    void (*bf16_widen)(size_t n, const uint16_t *restrict x, float *restrict y);

    /* --- convolutions on tile units; NULL without SIM_CPU_AMX ------------------------
     */
    /* Pieces of weights [c, stride] or, turned, [k, stride] as the second factor: so many
     * y [SIM_TILE_BLOCK / 2, SIM_TILE_BLOCK, 2], pairs of the c that are summed; zeros
     * past c, k <= SIM_TILE_BLOCK. */
    void (*tiles_pairs)(size_t stride, size_t pieces, const float *w, size_t k, size_t c,
                        uint16_t *const *y);
    void (*tiles_turned)(size_t stride, size_t pieces, const float *w, size_t k, size_t c,
                         uint16_t *const *y);
    /* x NULL: zeros. Spikes are one piece, 0 or 1. */
    void (*lay_spikes)(const SimLay *lay, const uint64_t *x, uint16_t *y);
    void (*lay_bf16)(const SimLay *lay, const uint16_t *x, uint16_t *y);
    void (*lay_piece)(const SimLay *lay, int piece, const float *x, uint16_t *y);
    void (*stack_rows)(const SimStackRows *r);

    /* Digits of weights [c, stride] times factor [k], which with a whole number to
     * 8355711 gives zeros where it is 0: y [SIM_BYTE_DIGITS, SIM_BYTE_BLOCK / 4,
     * SIM_TILE_SIDE, 4], zeros past c <= SIM_BYTE_BLOCK, k <= SIM_TILE_SIDE. */
    void (*tiles_bytes)(size_t stride, const float *w, size_t k, size_t c,
                        const float *factor, int8_t *y);
    void (*bytes_of_spikes)(size_t pixels, size_t c, const uint64_t *x, uint8_t *y);
    void (*bytes_of_whole)(size_t n, const float *x, uint8_t *y);
    /* In `lay` bytes for numbers, SIM_BYTE_BLOCK for a block. */
    void (*lay_bytes)(const SimLay *lay, const uint8_t *x, uint8_t *y);
    /* y = bias + scale times the exact sums, each digit's rounded to f32. A number of x
     * and w is two bytes; w[i] is SIM_TILE_SIDE outputs. Without accumulate. */
    void (*stack_bytes)(const SimStackRows *r);

    /* Gradient of the weights: the same pixels of SIM_STACK images, of which each begins
     * at `from` (NULL: zeros), side by side. x: c <= 64 channels of one word, y of each
     * SIM_TILE_BLOCK of them [pixels, `pixel` numbers apart][c, SIM_STACK], `block`
     * numbers apart; or c <= SIM_TILE_BLOCK numbers of stride_c, zeros up to a multiple
     * of SIM_TILE_SIDE, which the next pixel may write over. dy: k <= SIM_TILE_BLOCK
     * numbers of stride_k, so many y [pixels, SIM_STACK / 2, SIM_TILE_BLOCK, 2]. All y
     * aligned. */
    void (*stack_spikes)(const uint64_t *const from[SIM_STACK], size_t pixels,
                         size_t words, size_t c, size_t block, size_t pixel, uint16_t *y);
    void (*stack_dense)(const float *const from[SIM_STACK], size_t pixels,
                        size_t stride_c, int piece, size_t c, size_t pixel, uint16_t *y);
    void (*stack_pairs)(const void *const from[SIM_STACK], bool is_bf16, size_t pixels,
                        size_t stride_k, size_t pieces, size_t k, uint16_t *const *y);
    /* sums [taps, 2 tiles of c][SIM_TILE_SIDE, SIM_TILE_SIDE] += x dy over rows, columns
     * and images; half a block of dy. */
    void (*stack_sums)(const SimStackSums *o, const uint16_t *x, const uint16_t *dy,
                       float *sums);

    /* --- convolution from packed spikes (sim/kernels/conv_spikes*) ----------------- */
    /* Weights [kh, kw, c / groups, K]; bits [images, h, w, words]. A row of y counts
     * image * oh + oy, a row of x image * h + iy. Channel ranges lie in one group. */

    /* y [row_first..row_last, ow, k_first..k_last] = start, or +=, the weight rows of the
     * set bits of input channels c_first..c_last (of one word) through the taps ky * kw +
     * kx from tap_first to tap_last, SIM_TAPS at most; taps outside, channels inside,
     * both rising. */
    void (*conv_spikes_forward)(const SimConvShape *shape, size_t row_first,
                                size_t row_last, size_t tap_first, size_t tap_last,
                                size_t k_first, size_t k_last, size_t c_first,
                                size_t c_last, const uint64_t *bits,
                                const SimRows *weights, float *y);
    /* y [row_first..row_last, ow, k_first..k_last] = start + scale times the sum of the
     * weight rows of all set bits of the group, rounded to f32, then once more, and for
     * bfloat16 a third time. No sum may leave 32 bits. */
    void (*conv_fixed_forward)(const SimConvShape *shape, size_t row_first,
                               size_t row_last, size_t k_first, size_t k_last,
                               const uint64_t *bits, const SimFixed *weights,
                               SimNumbers y);
    /* x [images, h, w, c] of one group, mostly 0; weights [rows, k] with a row for each
     * tap and channel. y [row_first..row_last, ow, k] = start (NULL: 0), then x times its
     * row for each x that is not 0, taps and channels in order, rounded once each;
     * around the cache where y is not read soon. */
    void (*conv_few_forward)(const SimConvShape *shape, size_t row_first, size_t row_last,
                             const float *x, const float *weights, const float *start,
                             SimNumbers y, bool around_cache);
    /* sums [rows, k] += x dy likewise, output by output. */
    void (*conv_few_weights)(const SimConvShape *shape, size_t row_first, size_t row_last,
                             const float *x, SimNumbers dy, float *sums);
    /* largest [k] = the larger of itself and |w|, w [rows, stride], as the bits of f32.
     */
    void (*fixed_largest)(size_t rows, size_t stride, size_t k, const float *w,
                          uint32_t *largest);
    /* Rows as in SimFixed from w [rows, stride]: w times factor [k] to the nearest whole
     * number, zeros where the factor is 0 and past k up to a multiple of 32. */
    void (*fixed_rows)(size_t rows, size_t stride, size_t k, const float *w,
                       const float *factor, size_t width, int16_t *to);
    /* dx [row_first..row_last, w, c_first..c_last] += the gradient, at the bits set in
     * `active` only: dot products over taps outside, output channels inside, in 16
     * partial sums (channel mod 16) that are folded by halves. */
    void (*conv_spikes_input)(const SimConvShape *shape, size_t row_first,
                              size_t row_last, size_t c_first, size_t c_last,
                              const uint64_t *active, const float *dy,
                              const float *weights, float *dx);
    /* sum [c, SIM_ROW] = x[i] dy[k] + sum, rounded once, pixel by pixel in order; x [c],
     * dy [SIM_ROW] at each pixel. */
    void (*outer_sums)(const SimOuter *outer, size_t c, const float *x, const float *dy,
                       float *sum);
    /* counts[b] += the number of n pixels whose bit b is set; pixel i is the word
     * bits[i * stride]. */
    void (*spikes_tally)(size_t n, const uint64_t *bits, size_t stride, uint32_t *counts);
    /* The same pixels written down: bit b of pixel i as lists[next[b]++] = first + i. */
    void (*spikes_list)(size_t n, const uint64_t *bits, size_t stride, uint32_t first,
                        uint32_t *next, uint32_t *lists);
    /* sum [rows, columns, SIM_ROW] += the rows of SIM_ROW floats number
     * index[i] - (row * pitch + column), for i rising. */
    void (*rows_gather)(size_t n, const uint32_t *index, size_t rows, size_t columns,
                        size_t pitch, const float *from, float *sum);

    /* --- neurons (sim/kernels/neuron*) ---------------------------------------------- */
    /* nt steps of `pixels` pixels; a step lies `stride` pixels after the one before.
     * x (before lif->affine), h [nt, stride, c]; v [pixels, c] in place; spikes, active
     * [nt, stride, words]. h, spikes, active and, at rest, v may be NULL. `active` marks
     * a surrogate slope that is not zero. */
    void (*lif_forward)(const SimLif *lif, size_t nt, size_t stride, size_t pixels,
                        size_t c, SimNumbers x, float *v, float *h, uint64_t *spikes,
                        uint64_t *active);
    /* nt steps backward: potentials are computed again from x, starting at v [pixels, c]
     * as lif_forward carries it, or at rest where that is NULL; `scratch` holds
     * sim_lif_scratch(nt) floats. */
    void (*lif_backward)(const SimLif *lif, size_t nt, size_t stride, size_t pixels,
                         size_t c, SimNumbers x, const float *v,
                         const SimNeuronBack *back, float *scratch);
    /* The same for adaptive neurons; states v and b; `scratch` holds
     * sim_alif_scratch(nt) floats. */
    void (*alif_forward)(const SimAlif *alif, size_t nt, size_t stride, size_t pixels,
                         size_t c, SimNumbers x, float *v, float *b, float *h,
                         uint64_t *spikes, uint64_t *active);
    void (*alif_backward)(const SimAlif *alif, size_t nt, size_t stride, size_t pixels,
                          size_t c, SimNumbers x, const float *v, const float *b,
                          const SimNeuronBack *back, float *scratch);
    /* slope[i] = scale * derivative at x[i]. */
    void (*surrogate_slope)(SimSurrogate kind, float alpha, float scale, size_t n,
                            const float *x, float *slope);

    /* --- capsules (sim/kernels/capsules*): votes in registers, never in memory -------
     */
    /* dots[k] [J,16] = vote . x[k] with x[k] [J,P,16], for k < n; squares [J,16] =
     * |vote|^2 unless NULL. */
    void (*capsules_agree)(const SimCapsules *capsules, const float *w, const float *u,
                           size_t n, const float *const *x, float *const *dots,
                           float *squares);
    /* distance [J,16] = |v - scale vote|, v [J,P,16], scale [J,16]. */
    void (*capsules_distance)(const SimCapsules *capsules, const float *w, const float *u,
                              const float *scale, const float *v, float *distance);
    /* s [J,P,16] += a vote, a [J,16]. */
    void (*capsules_gather)(const SimCapsules *capsules, const float *w, const float *u,
                            const float *a, float *s);
    /* x [J,16] in place: softmax over the outputs of each image. */
    void (*capsules_softmax)(size_t outputs, float *x);
    /* du [D,16] += the weights times the gradient of the votes, which is
     * own vote + sum over k < n of a[k] x[k]; own, a[k] [J,16], own may be NULL. */
    void (*capsules_input)(const SimCapsules *capsules, const float *w, const float *u,
                           size_t n, const float *const *a, const float *const *x,
                           const float *own, float *du);
    /* dw [J,D,P] += sum over images, in order, of u x sum of n terms; u of image i at
     * i * u_image. */
    void (*capsules_weights)(const SimCapsules *capsules, size_t images, size_t n,
                             const SimCapsuleTerm *terms, const float *u, size_t u_image,
                             float *dw);

    /* --- small transforms (sim/kernels/fourier*) --------------------------------------
     */
    /* y [n_out,c] = (accumulate: y +) m [n_out,n_in] x [n_in,c]; rows of m, x and y begin
     * m_row, x_row and y_row floats apart. */
    void (*mix)(size_t n_out, size_t n_in, const float *m, size_t m_row, size_t c,
                const float *x, size_t x_row, bool accumulate, float *y, size_t y_row);

    /* --- channels and numbers by themselves (sim/kernels/elementwise*) -------------- */
    /* sums[0..c) = sum over pixels of x - shift, sums[c..2c) = of its square. A shift
     * near the mean keeps the difference of the two exact. Sixteen pixels at a time are
     * summed in floats, those in doubles. */
    void (*channel_sums)(size_t pixels, size_t c, SimNumbers x,
                         const float *restrict shift, double *restrict sums);
    /* sums[0..c) += sum over pixels of dy, sums[c..2c) += of dy (x - mean); likewise. */
    void (*channel_sums_back)(size_t pixels, size_t c, SimNumbers x, SimNumbers dy,
                              const float *restrict mean, double *restrict sums);
    /* y = a x + b with a, b [c], rounded once to what y is, as all below. */
    void (*channel_affine)(size_t pixels, size_t c, SimNumbers x, const float *restrict a,
                           const float *restrict b, SimNumbers y);
    /* y = z + (a x + b); y may be x or z in the same form. */
    void (*channel_affine_add)(size_t pixels, size_t c, SimNumbers x,
                               const float *restrict a, const float *restrict b,
                               SimNumbers z, SimNumbers y);
    /* dx = (accumulate: dx +) a dy + b + k x with a, b, k [c]; dx may be dy, in the same
     * form, or x. */
    void (*channel_affine_back)(size_t pixels, size_t c, SimNumbers x, SimNumbers dy,
                                const float *restrict a, const float *restrict b,
                                const float *restrict k, bool accumulate, SimNumbers dx);
    /* y = (accumulate: y +) x. */
    void (*hand_on)(size_t n, SimNumbers x, bool accumulate, SimNumbers y);
    void (*add)(size_t n, const float *restrict x, float *restrict y); /* y += x */
    /* y = x + z; y may be either in the same form. */
    void (*sum)(size_t n, SimNumbers x, SimNumbers z, SimNumbers y);
    double (*sum_squares)(size_t n, const float *x);
    void (*sgd_step)(const SimSgd *sgd, size_t n, const float *restrict g,
                     float *restrict w, float *restrict m); /* m NULL: no momentum */
    void (*adam_step)(const SimAdam *adam, size_t n, const float *restrict g,
                      float *restrict w, float *restrict m, float *restrict v);
} SimKernels;

/* The levels this CPU has; 0 on anything but x86-64. */
unsigned sim_cpu_detect(void);

/* Fills the table for the given levels (0: reference only). */
void sim_kernels_init(SimKernels *kernels, unsigned cpu);
