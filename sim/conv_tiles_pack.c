/* sim/conv_tiles_pack.c: weights as tile units take them. */
#include "sim/conv_tiles_internal.h"

#include <float.h>
#include <math.h>

typedef struct Pack {
    const SimConv *conv;
    const SimConvTileRows *t;
    const SimTileRowsRoom *room;
    const float *weights;
    size_t taps, k_blocks;
} Pack;

/* Some rows of the weights of one tap, whole: forward a block of c, else of k. */
static void pieces_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Pack *p = argument;
    const SimConvTileRows *t = p->t;
    const SimKernels *kernels = &p->conv->context->kernels;
    const size_t tap = index % p->taps, n = t->forward ? p->k_blocks : t->c_blocks;
    const float *const from = p->weights + tap * t->c * t->k;
    for (size_t i = 0; i < n; i++) {
        const size_t c_block = t->forward ? index / p->taps : i;
        const size_t k_block = t->forward ? i : index / p->taps;
        const size_t c = c_block * SIM_TILE_BLOCK, k = k_block * SIM_TILE_BLOCK;
        const size_t n_c = smaller(t->c - c, SIM_TILE_BLOCK);
        const size_t n_k = smaller(t->k - k, SIM_TILE_BLOCK);
        const size_t at =
            ((k_block * t->c_blocks + c_block) * p->taps + tap) * t->tap_numbers;
        uint16_t *to[3] = {NULL, NULL, NULL};
        for (size_t piece = 0; piece < t->w_pieces[0]; piece++)
            to[piece] = p->room->w[piece] + at;
        if (t->forward)
            kernels->tiles_pairs(t->k, t->w_pieces[0], from + c * t->k + k, n_k, n_c, to);
        else
            kernels->tiles_turned(t->c, t->w_pieces[0], from + k * t->c + c, n_k, n_c,
                                  to);
    }
}

/* A power of two: only the digits round. */
static void choose_scale(float largest, float *factor, float *scale)
{
    enum { BITS = 23, MOST = 127 * 65536 + 127 * 256 + 127 };
    *factor = 0.0f;
    *scale = isfinite(largest) ? 0.0f : NAN;
    if (!isfinite(largest) || largest < FLT_MIN * (1 << BITS))
        return;
    int exponent;
    frexpf(largest, &exponent);
    if (ldexpf(largest, BITS - exponent) > MOST)
        exponent++;
    *factor = ldexpf(1.0f, BITS - exponent);
    *scale = ldexpf(1.0f, exponent - BITS);
}

/* All weights of SIM_TILE_SIDE outputs. */
static void digits_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Pack *p = argument;
    const SimConvTileRows *t = p->t;
    const SimKernels *kernels = &p->conv->context->kernels;
    const size_t k = index * SIM_TILE_SIDE, n_k = smaller(t->k - k, SIM_TILE_SIDE);
    uint32_t largest[SIM_TILE_SIDE] = {0};
    float factor[SIM_TILE_SIDE];
    kernels->fixed_largest(p->taps * t->c, t->k, n_k, p->weights + k, largest);
    for (size_t i = 0; i < n_k; i++) {
        float far;
        memcpy(&far, &largest[i], sizeof far);
        choose_scale(far, &factor[i], &p->room->scale[k + i]);
    }
    int8_t *to =
        (int8_t *)(p->room->w[0] + index * t->c_blocks * p->taps * t->tap_numbers);
    for (size_t c = 0; c < t->c; c += SIM_BYTE_BLOCK)
        for (size_t tap = 0; tap < p->taps; tap++, to += SIM_BYTE_WEIGHTS)
            kernels->tiles_bytes(t->k, p->weights + (tap * t->c + c) * t->k + k, n_k,
                                 smaller(t->c - c, SIM_BYTE_BLOCK), factor, to);
}

void sim_conv_tile_pack(const SimConv *conv, const SimConvTileRows *t,
                        const float *weights, const SimTileRowsRoom *room)
{
    Pack p = {.conv = conv,
              .t = t,
              .room = room,
              .weights = weights,
              .taps = conv->shape.kh * t->kw,
              .k_blocks = blocks(t->k, SIM_TILE_BLOCK)};
    const size_t rows = t->forward ? t->c_blocks : p.k_blocks;
    if (t->bytes)
        sim_team_run(&conv->context->team, blocks(t->k, SIM_TILE_SIDE), digits_task, &p);
    else
        sim_team_run(&conv->context->team, p.taps * rows, pieces_task, &p);
}

void sim_conv_tile_rows_hold(SimConv *conv, const float *weights)
{
    SimTileRowsRoom room = {0};
    sim_conv_tile_held(conv, &room);
    sim_conv_tile_pack(conv, &conv->tile_forward, weights, &room);
}
