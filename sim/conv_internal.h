/* sim/conv_internal.h: the parts of a planned convolution, shared by conv.c (which path),
 * conv_spikes.c and conv_fixed.c (the spike kernels), conv_dense.c (the dense library)
 * and conv_tiles_*.c (tile units), all spread over the team. */
#pragma once

#include <string.h>

#include "sim/arena.h"
#include "sim/calibration.h"
#include "sim/conv.h"
#include "sim/conv_fourier.h"
#include "sim/dense.h"

/* Numbers [n] of a dense or bf16 tensor from number `first`, as f32. */
static inline void numbers_of(const SimKernels *kernels, const SimTensor *x, size_t first,
                              size_t n, float *to)
{
    if (x->form == SIM_BF16)
        kernels->bf16_widen(n, x->bf16 + first, to);
    else
        memcpy(to, x->f32 + first, n * sizeof *to);
}

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* How many blocks of `size` hold n. */
static inline size_t blocks(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

/* Outputs whose tap `k` of a kernel falls inside: first..last of n_out. */
static inline size_t sim_conv_inside(size_t k, size_t pad, size_t stride, size_t n_in,
                                     size_t n_out, size_t *first)
{
    *first = k < pad ? blocks(pad - k, stride) : 0;
    if (n_in + pad <= k || *first >= n_out)
        return *first;
    const size_t last = (n_in - 1 + pad - k) / stride + 1;
    return smaller(last, n_out);
}

typedef struct SimConvDense { /* one of the two calls through the dense library */
    size_t chunk;             /* steps that `many` takes */
    SimDense *step, *many;    /* for one step, for `chunk` steps; NULL: not planned */
} SimConvDense;

typedef struct SimConvTileWeights { /* gradient of the weights on tile units */
    size_t threads;                 /* at most, that run it */
    size_t parts, c_cut;            /* of all rows; blocks of channels of x in a task */
    size_t rows;                    /* of dy, laid out at a time; 0: not planned */
    size_t x_pieces, dy_pieces[3];
} SimConvTileWeights;

typedef struct SimConvTileRows { /* forward or gradient of the input on tile units */
    bool forward, is_flat;
    size_t threads;        /* at most, that run it */
    size_t x_h, x_w, c;    /* pixels and channels that are summed */
    size_t c_blocks;       /* blocks of channels */
    size_t y_h, y_w, k;    /* of the result */
    size_t kw;             /* columns of the kernel */
    size_t step;           /* pixels of y after which the same taps come again */
    size_t rows;           /* of y in a task; 0: not planned */
    size_t images, pixels; /* of a block of SIM_STACK rows */
    /* A row of x: columns that outputs side by side see through a tap are neighbours in
     * one of its planes of so many pixels. */
    size_t planes, plane, row; /* numbers of it for all images, of a block of channels */
    size_t line;               /* numbers of x that all outputs see of it */
    size_t pixel_numbers;      /* of x from a pixel of an image to the next */
    size_t x_pieces, w_pieces[3];
    bool bytes;         /* instead of pieces: bytes of x, digits of the weights */
    bool plain;         /* bytes of one image at a time, as they come */
    size_t tap_numbers; /* of weights of a tap, of a block of x and one of y, in bytes
                           half a block: each of 16 bits */
} SimConvTileRows;

/* Images, or bands of their rows, side by side (conv_stack.c). */
typedef struct SimConvBands {
    size_t slots; /* of a stack */
    size_t images, image_rows;
    size_t n, rows; /* of an image; rows of one, a multiple of the step */
} SimConvBands;

/* For so many rows of results each; bands begin at multiples of `step`. */
SimConvBands sim_conv_bands(size_t slots, size_t images, size_t rows, size_t step);
size_t sim_conv_stacks(const SimConvBands *bands);
/* Image and first row of a slot of all stacks; false where there is no image. */
bool sim_conv_slot(const SimConvBands *bands, size_t slot, size_t *image, size_t *row);

typedef struct SimConvFixed { /* forward from spikes with weights of 16 bits */
    size_t width;             /* outputs of a block of weights; 0: not planned */
    size_t blocks;            /* of a group */
    size_t block_numbers;     /* of 16 bits */
    bool four;                /* any four rows sum to 16 bits */
} SimConvFixed;

enum { SIM_CONV_TILE_TAPS = 49 };

struct SimConv {
    SimConvShape shape;
    SimForm form;
    size_t max_steps;
    const SimContext *context;
    SimBreakEven break_even;
    bool is_whole;   /* the input fits into one bfloat16 piece */
    bool use_spikes; /* forward, when the form is spikes */
    bool is_of_few;  /* conv_few.c takes forward and the gradient of the weights */
    bool has_outer;  /* dense gradient of the weights in f32 */
    bool may_gather; /* gradient of the weights from lists of spikes */
    SimConvDense dense[SIM_DENSE_CALLS];
    SimConvTileRows tile_forward, tile_input;
    SimConvTileWeights tile_weights;
    SimConvFixed fixed;
    void *held; /* owned: weights in the order of dense forward, or as `fixed`; or NULL */
    size_t held_bytes;
    bool is_held, is_held_fixed;
    uint64_t held_version;
    SimFourier *fourier; /* takes all dense calls; NULL: not planned */
    /* Where a kernel knows no bf16: the front of scratch, for so many steps of outputs or
     * of gradients at a time. Steps 0: not planned. */
    size_t forward_steps, strip_steps, strip_bytes;
    size_t scratch_bytes;
};

enum { SIM_CONV_BIAS_TASKS = 32 };

typedef struct SimTileRowsThread SimTileRowsThread;

typedef struct SimTileRowsRoom {
    uint16_t *w[3];
    float *scale; /* of digits in w[0] */
    /* Of every thread so many: */
    size_t x_numbers, n_taps, n_blocks, line_bytes;
    uint16_t *x[3];
    unsigned char *line; /* a row of an image of x with its border: f32 where channels are
                            few, or bytes */
    SimStackTap *taps;
    SimStackBlock *blocks;
    SimTileRowsThread *threads;
} SimTileRowsRoom;

typedef struct SimTileWeightsRoom {
    float *sums; /* [parts, units] */
    /* Of every thread so many: */
    size_t x_numbers, dy_numbers, n_rows;
    uint16_t *x[3], *dy[3]; /* both factors as the tiles take them */
    SimStackRow *rows;
} SimTileWeightsRoom;

typedef struct SimConvGather { /* gradient of the weights from lists of spikes */
    /* Rows of x go through in subs whose part of one block of SIM_ROW output channels
     * fits into the first cache; lists and borders of a batch are made at once. */
    size_t sub, subs;     /* rows, in a batch */
    size_t batch;         /* images */
    size_t rows, columns; /* of dy with its border */
    size_t top, left;     /* border before */
    size_t classes;       /* stride^2: input pixels that see the same taps */
    size_t capacity;      /* entries of all lists of a sub and word */
    size_t k_blocks;      /* SIM_ROW output channels each, over all groups */
    uint32_t *lists;      /* [subs, words, capacity] */
    uint32_t *starts;     /* [subs, words, classes * 64 + 1] of the lists, and the end */
    float *dy;            /* [k_blocks, batch, rows, columns, SIM_ROW] */
    float *sums;          /* [k_blocks, c / groups, taps, SIM_ROW] */
} SimConvGather;

void sim_conv_gather_layout(const SimConv *conv, SimArena *arena, SimConvGather *out);

typedef struct SimConvOuter { /* dense gradient of the weights in f32 */
    size_t images;            /* at a time */
    size_t k_blocks;          /* SIM_ROW output channels each, over all groups */
    float *x;                 /* [images, h, w, c], unpacked; else not used */
    float *dy;                /* [k_blocks, images, oh, ow, SIM_ROW] */
    float *sums;              /* [k_blocks, taps, c / groups, SIM_ROW] */
} SimConvOuter;

void sim_conv_outer_layout(const SimConv *conv, SimArena *arena, SimConvOuter *out);
void sim_conv_outer_weights(const SimConv *conv, size_t nt, const SimTensor *x,
                            const SimTensor *dy, float *d_weights, const SimConvOuter *o);

/* Through the spike kernels; the same promises as in conv.h. */
void sim_conv_spikes_forward(const SimConv *conv, size_t nt, const uint64_t *bits,
                             const float *weights, const float *bias, float *y);
void sim_conv_spikes_rows(const SimConv *conv, const uint64_t *bits, const float *weights,
                          const float *bias, size_t first, size_t last, float *y);
void sim_conv_spikes_input(const SimConv *conv, size_t nt, const uint64_t *active,
                           const float *dy, const float *weights, bool accumulate,
                           float *dx);
void sim_conv_spikes_weights(const SimConv *conv, size_t nt, const uint64_t *bits,
                             double density, const SimTensor *dy, float *d_weights,
                             SimConvGather *gather);

/* The same with weights of 16 bits, once these are made; the same promises. Plans nothing
 * where spikes go another way, or sums might leave 32 bits. */
bool sim_conv_takes_fixed(const SimConvShape *shape, const SimContext *context);
void sim_conv_fixed_plan(SimConv *conv);
size_t sim_conv_fixed_bytes(const SimConv *conv); /* that the weights take */
void sim_conv_fixed_make(const SimConv *conv, const float *weights, void *to);
void sim_conv_fixed_forward(const SimConv *conv, size_t nt, const uint64_t *bits,
                            const void *made, const float *bias, SimNumbers y);
void sim_conv_fixed_rows(const SimConv *conv, const uint64_t *bits, const void *made,
                         const float *bias, size_t first, size_t last, float *y);

/* Few channels, mostly 0; forward and rows promise the same as in conv.h. */
bool sim_conv_is_of_few(const SimConvShape *shape, SimForm form);
void sim_conv_few_forward(const SimConv *conv, size_t nt, const float *x,
                          const float *weights, const float *bias, SimNumbers y);
void sim_conv_few_rows(const SimConv *conv, const float *x, const float *weights,
                       const float *bias, size_t first, size_t last, float *y);
float *sim_conv_few_layout(const SimConv *conv, SimArena *arena);
void sim_conv_few_weights(const SimConv *conv, size_t nt, const float *x, SimNumbers dy,
                          float *d_weights, float *sums);

/* Whether dense products of that shape are made of some pieces (sim/kernels.h). */
bool sim_conv_has_pieces(const SimConvShape *shape, const SimContext *context);
/* Whether they are in f32, too: forward and to the input, of all 24 bits. `one`: of what
 * is summed, one piece is all there is. */
bool sim_conv_has_all_pieces(const SimConvShape *shape, const SimContext *context,
                             bool one);
/* Of these: so few channels that those of a row of the kernel are one block. To tiles
 * such a kernel is one column wide. Without gradient of the input. */
bool sim_conv_is_flat(const SimConvShape *shape);

/* Through the dense library, in f32. */
SimStatus sim_conv_dense_plan(SimConv *conv, SimDenseCall call);
void sim_conv_dense_release(SimConv *conv);
size_t sim_conv_dense_scratch(const SimConv *conv, SimDenseCall call);
size_t sim_conv_dense_held_bytes(const SimConv *conv); /* 0: taken as they come */
void sim_conv_dense_hold(SimConv *conv, const float *weights);
void sim_conv_dense_forward(const SimConv *conv, size_t nt, const SimTensor *x,
                            const float *weights, const float *bias, float *y,
                            SimArena *arena);
void sim_conv_dense_input(const SimConv *conv, size_t nt, const float *dy,
                          const float *weights, bool accumulate, float *dx,
                          SimArena *arena);

/* Plans nothing where tiles do not fit or the context asks for f32. */
void sim_conv_tile_weights_plan(SimConv *conv);
void sim_conv_tile_weights_layout(const SimConv *conv, SimArena *arena,
                                  SimTileWeightsRoom *out);
void sim_conv_tile_weights(const SimConv *conv, size_t nt, const SimTensor *x,
                           const SimTensor *dy, float *d_weights,
                           const SimTileWeightsRoom *room);

void sim_conv_tile_rows_plan(const SimConv *conv, bool forward, SimConvTileRows *out);
void sim_conv_tile_rows_layout(const SimConvShape *s, const SimConvTileRows *t,
                               SimArena *arena, SimTileRowsRoom *out);
size_t sim_conv_tile_rows_held_bytes(const SimConv *conv);
void sim_conv_tile_rows_hold(SimConv *conv, const float *weights);
void sim_conv_tile_rows_forward(const SimConv *conv, size_t nt, const SimTensor *x,
                                const float *weights, const float *bias,
                                const SimTensor *y, SimArena *arena);
void sim_conv_tile_rows_input(const SimConv *conv, size_t nt, const SimTensor *dy,
                              const float *weights, bool accumulate, const SimTensor *dx,
                              SimArena *arena);
