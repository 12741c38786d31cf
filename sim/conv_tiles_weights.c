/* sim/conv_tiles_weights.c: the gradient of the weights on tile units, spread over the
 * team.
 *
 * Both factors are laid out for the tiles (sim/kernels.h), as many images at a time as
 * the cache holds, then every task sums its block of the weights over all their pixels.
 * Work is cut by output alone: the team changes no bit. */
#include "sim/conv_internal.h"

enum {
    FEW_BYTES = 3 << 20,  /* of both factors at a time, per thread's cache */
    MANY_BYTES = 12 << 20 /* at most, so that large weights are not added too often */
};

/* Pieces of x, and how many of dy each of them meets. */
static void choose_pieces(SimConvTileWeights *t, SimPrecision precision, bool is_spikes)
{
    const bool split = precision == SIM_PRECISION_SPLIT;
    t->x_pieces = split && !is_spikes ? 2 : 1;
    t->dy_pieces[0] = split ? 2 : 1;
    t->dy_pieces[1] = 1;
}

static size_t image_bytes(const SimConv *conv, size_t size)
{
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    return sizeof(uint16_t) * size *
           (t->x_pieces * s->stride * s->stride * s->c +
            t->dy_pieces[0] * blocks(s->k, SIM_TILE_BLOCK) * SIM_TILE_BLOCK);
}

SimTileImage sim_conv_tile_grid(const SimConvShape *s)
{
    const size_t st = s->stride;
    SimTileImage grid = {
        .h = s->h, .w = s->w, .kh = s->kh, .kw = s->kw, .stride = st, .pad = s->pad};
    size_t rows;
    if (st == 1) { /* the border after a row is the one before the next */
        grid.pitch = s->w + s->pad;
        rows = s->h + s->pad;
    } else {
        grid.pitch = larger(s->ow + (s->kw - 1) / st, (s->w - 1 + s->pad) / st + 1);
        rows = larger(s->oh + (s->kh - 1) / st, (s->h - 1 + s->pad) / st + 1);
    }
    grid.size = rows * grid.pitch;
    return grid;
}

void sim_conv_tile_weights_plan(SimConv *conv)
{
    const SimConvShape *s = &conv->shape;
    SimConvTileWeights *t = &conv->tile_weights;
    if (!sim_conv_has_pieces(s, conv->context))
        return;
    choose_pieces(t, conv->context->precision, conv->form == SIM_SPIKES);
    const size_t st = s->stride;
    t->image = sim_conv_tile_grid(s);
    t->image.size += t->image.size & 1; /* pixels go in pairs */

    const size_t each = image_bytes(conv, t->image.size);
    size_t wanted = 4 * sizeof(float) * s->kh * s->kw * s->c * s->k;
    wanted = wanted < FEW_BYTES ? FEW_BYTES : wanted > MANY_BYTES ? MANY_BYTES : wanted;
    t->images = larger(1, wanted / each);
    if (t->images > conv->max_steps * s->n)
        t->images = conv->max_steps * s->n;

    const size_t slack =
        (s->kh - 1) / st * t->image.pitch + (s->kw - 1) / st + SIM_TILE_PIXELS;
    t->image.phase = t->images * t->image.size + slack;
    /* An odd number of cache lines, so that channels do not meet in the cache. */
    size_t lines = blocks(st * st * t->image.phase, SIM_TILE_PIXELS);
    lines += !(lines & 1);
    t->image.row = lines * SIM_TILE_PIXELS;
    t->pixels = blocks(t->images * t->image.size, SIM_TILE_PIXELS) * SIM_TILE_PIXELS;
}

void sim_conv_tile_weights_layout(const SimConv *conv, SimArena *arena,
                                  SimTileWeightsRoom *out)
{
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    const size_t c = blocks(s->c, SIM_TILE_BLOCK) * SIM_TILE_BLOCK;
    const size_t k = blocks(s->k, SIM_TILE_BLOCK) * SIM_TILE_BLOCK;
    *out = (SimTileWeightsRoom){0};
    for (size_t i = 0; i < t->x_pieces; i++)
        out->x[i] = sim_arena_take(arena, c * t->image.row * sizeof(uint16_t));
    for (size_t i = 0; i < t->dy_pieces[0]; i++)
        out->dy[i] = sim_arena_take(arena, k * t->pixels * sizeof(uint16_t));
}

typedef struct Work {
    const SimConv *conv;
    const SimTileWeightsRoom *room;
    size_t images, pixels; /* of this turn */
    const uint64_t *bits;
    const float *x;
    const SimTensor *dy;
    size_t dy_first; /* number of dy, of this turn */
    float *d_weights;
    size_t x_tasks; /* then those of dy */
} Work;

static void lay_x(const Work *w, size_t index)
{
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const SimKernels *kernels = &conv->context->kernels;
    const size_t width = w->bits ? 64 : SIM_TILE_SIDE, cuts = blocks(s->c, width);
    const size_t image = index / cuts, first = index % cuts * width;
    const size_t c = s->c - first < width ? s->c - first : width;
    const size_t pixel = image * s->h * s->w, words = sim_words(s->c);
    SimTileImage im = conv->tile_weights.image;
    const size_t at = first * im.row + image * im.size;
    if (image + 1 == w->images) /* the last clears what taps see behind it */
        im.size = im.phase - image * im.size;
    for (size_t i = 0; i < conv->tile_weights.x_pieces; i++)
        if (w->bits)
            kernels->tiles_from_spikes(&im, words, w->bits + pixel * words + first / 64,
                                       c, w->room->x[i] + at);
        else
            kernels->tiles_from_dense(&im, s->c, (int)i, w->x + pixel * s->c + first, c,
                                      w->room->x[i] + at);
}

static void lay_dy(const Work *w, size_t index)
{
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const SimTileImage *im = &conv->tile_weights.image;
    const size_t image = index % w->images, block = index / w->images;
    const size_t k = block * SIM_TILE_BLOCK;
    const size_t size = image + 1 == w->images ? w->pixels - image * im->size : im->size;
    const size_t at =
        (block * conv->tile_weights.pixels + image * im->size) * SIM_TILE_BLOCK;
    uint16_t *to[2] = {NULL, NULL};
    for (size_t i = 0; i < conv->tile_weights.dy_pieces[0]; i++)
        to[i] = w->room->dy[i] + at;
    const SimKernels *kernels = &conv->context->kernels;
    const size_t from = w->dy_first + image * s->oh * s->ow * s->k + k;
    const size_t n_k = smaller(s->k - k, SIM_TILE_BLOCK);
    if (w->dy->form == SIM_BF16) {
        kernels->tiles_pairs_bf16(s->oh, s->ow, im->pitch, size, s->k, w->dy->bf16 + from,
                                  n_k, to[0]);
        if (to[1])
            memset(to[1], 0, size * SIM_TILE_BLOCK * sizeof *to[1]);
    } else {
        kernels->tiles_pairs(s->oh, s->ow, im->pitch, size, s->k,
                             conv->tile_weights.dy_pieces[0], w->dy->f32 + from, n_k, to);
    }
}

static void lay_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    if (index < w->x_tasks)
        lay_x(w, index);
    else
        lay_dy(w, index - w->x_tasks);
}

/* Sums in their tiles into [taps, C, K]. */
static void add_block(const SimTileWeights *block, const float *sums, size_t c_all,
                      size_t k_all, float *d_weights)
{
    enum { TILE = SIM_TILE_SIDE * SIM_TILE_SIDE };
    for (size_t tap = 0; tap < block->taps; tap++)
        for (size_t c = 0; c < block->c; c++)
            for (size_t k = 0; k < block->k; k += SIM_TILE_SIDE) {
                const size_t tile = (tap * 2 + c / SIM_TILE_SIDE) * 2 + k / SIM_TILE_SIDE;
                const size_t n =
                    block->k - k < SIM_TILE_SIDE ? block->k - k : SIM_TILE_SIDE;
                const float *from =
                    sums + tile * TILE + c % SIM_TILE_SIDE * SIM_TILE_SIDE;
                float *to = d_weights + (tap * c_all + c) * k_all + k;
                for (size_t i = 0; i < n; i++)
                    to[i] += from[i];
            }
}

static size_t tap_groups(const SimConvShape *s)
{
    return blocks(s->kh * s->kw, SIM_TILE_TAPS);
}

static void sum_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    _Alignas(SIM_ALIGN) float sums[SIM_TILE_TAPS * SIM_TILE_BLOCK * SIM_TILE_BLOCK];
    const size_t k_blocks = blocks(s->k, SIM_TILE_BLOCK), groups = tap_groups(s);
    const size_t tap = index % groups * SIM_TILE_TAPS;
    const size_t k = index / groups % k_blocks * SIM_TILE_BLOCK;
    const size_t c = index / groups / k_blocks * SIM_TILE_BLOCK;
    size_t shift[SIM_TILE_TAPS];
    SimTileWeights block = {.c = s->c - c < SIM_TILE_BLOCK ? s->c - c : SIM_TILE_BLOCK,
                            .k = s->k - k < SIM_TILE_BLOCK ? s->k - k : SIM_TILE_BLOCK,
                            .pixels = w->pixels,
                            .shift = shift,
                            .x_row = t->image.row,
                            .x_pieces = t->x_pieces,
                            .dy_pieces = {t->dy_pieces[0], t->dy_pieces[1]}};
    for (; block.taps < SIM_TILE_TAPS && tap + block.taps < s->kh * s->kw; block.taps++) {
        const size_t ky = (tap + block.taps) / s->kw, kx = (tap + block.taps) % s->kw;
        const size_t st = s->stride;
        shift[block.taps] = (ky % st * st + kx % st) * t->image.phase +
                            ky / st * t->image.pitch + kx / st;
    }
    for (size_t i = 0; i < t->x_pieces; i++)
        block.x[i] = w->room->x[i] + c * t->image.row;
    for (size_t i = 0; i < t->dy_pieces[0]; i++)
        block.dy[i] = w->room->dy[i] + k * t->pixels;
    conv->context->kernels.tiles_weights(&block, sums);
    add_block(&block, sums, s->c, s->k, w->d_weights + (tap * s->c + c) * s->k + k);
}

void sim_conv_tile_weights(const SimConv *conv, size_t nt, const SimTensor *x,
                           const SimTensor *dy, float *d_weights,
                           const SimTileWeightsRoom *room)
{
    const SimConvShape *s = &conv->shape;
    const SimTeam *team = &conv->context->team;
    const bool is_spikes = conv->form == SIM_SPIKES;
    const size_t all = nt * s->n, x_cuts = blocks(s->c, is_spikes ? 64 : SIM_TILE_SIDE);
    const size_t c_blocks = blocks(s->c, SIM_TILE_BLOCK);
    const size_t k_blocks = blocks(s->k, SIM_TILE_BLOCK);
    for (size_t first = 0; first < all; first += conv->tile_weights.images) {
        const size_t images = all - first < conv->tile_weights.images
                                  ? all - first
                                  : conv->tile_weights.images;
        Work w = {.conv = conv,
                  .room = room,
                  .images = images,
                  .pixels =
                      blocks(images * conv->tile_weights.image.size, SIM_TILE_PIXELS) *
                      SIM_TILE_PIXELS,
                  .dy = dy,
                  .dy_first = first * s->oh * s->ow * s->k,
                  .d_weights = d_weights,
                  .x_tasks = images * x_cuts};
        if (is_spikes)
            w.bits = x->bits + first * s->h * s->w * sim_words(s->c);
        else
            w.x = x->f32 + first * s->h * s->w * s->c;
        sim_team_run(team, w.x_tasks + images * k_blocks, lay_task, &w);
        sim_team_run(team, c_blocks * k_blocks * tap_groups(s), sum_task, &w);
    }
}
