/* sim/conv_tiles_pack.c: weights as tile units take them. */
#include "sim/conv_tiles_internal.h"

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
            ((k_block * t->c_blocks + c_block) * p->taps + tap) * SIM_TILE_WEIGHTS;
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
    sim_team_run(&conv->context->team, p.taps * rows, pieces_task, &p);
}

void sim_conv_tile_rows_hold(SimConv *conv, const float *weights)
{
    SimTileRowsRoom room = {0};
    sim_conv_tile_held(conv, &room);
    sim_conv_tile_pack(conv, &conv->tile_forward, weights, &room);
}
