/* sim/conv_tiles_plan.c: sizes of what runs on tile units forward and to the input. */
#include "sim/conv_tiles_internal.h"

#include <math.h>

enum {
    RING_BYTES = 5 << 18, /* of x that a thread keeps laid out */
    NARROW = 16,          /* channels below which tiles stay too empty, */
    WIDE = 32,            /* or do not pay where all 24 bits meet */
    MOST_BYTES = INT32_MAX / (128 * SIM_CONV_MOST_WHOLE) /* products of bytes in a sum */
};

bool sim_conv_is_flat(const SimConvShape *s)
{
    return s->c < NARROW && s->c * s->kw <= SIM_TILE_BLOCK;
}

static bool fits_tiles(const SimConvShape *s, const SimContext *context)
{
    return (context->cpu & SIM_CPU_AMX) && s->groups == 1 && s->k >= NARROW &&
           s->kh == s->kw && s->kh * s->kw <= SIM_CONV_TILE_TAPS;
}

bool sim_conv_has_pieces(const SimConvShape *s, const SimContext *context)
{
    return sim_precision_has_pieces(context->precision) && fits_tiles(s, context) &&
           (s->c >= NARROW || sim_conv_is_flat(s));
}

/* Which pieces meet: forward all that f32 would see; the gradients, of which training
 * needs the direction, to 16 bits unless they are to be f32. Small whole numbers are one
 * piece. */
static void choose_pieces(SimConvTileRows *t, SimPrecision precision, bool forward,
                          bool one_piece)
{
    static const size_t whole[] = {3, 2, 1}, half[] = {2, 1, 0}, one[] = {1, 0, 0};
    const size_t *const meets = precision == SIM_PRECISION_BF16                ? one
                                : precision == SIM_PRECISION_SPLIT && !forward ? half
                                                                               : whole;
    memcpy(t->w_pieces, meets, sizeof t->w_pieces);
    t->x_pieces = one_piece ? 1 : meets[0];
}

size_t sim_tile_reach(const SimConvShape *s, bool forward)
{
    return forward ? s->pad : blocks(s->kh - 1 - s->pad, s->stride);
}

size_t sim_tile_seen_rows(const SimConvShape *s, bool forward, size_t rows)
{
    return forward ? (rows - 1) * s->stride + s->kh
                   : (rows - 1 + s->pad) / s->stride + sim_tile_reach(s, forward) + 1;
}

size_t sim_tile_ring_rows(const SimConvShape *s, const SimConvTileRows *t, bool whole,
                          size_t rows)
{
    const size_t seen = sim_tile_seen_rows(s, t->forward, rows);
    return whole ? smaller(seen, t->x_h) : seen; /* rows outside are not laid */
}

/* The most of them, whatever bands the images are cut into. */
static size_t most_ring_rows(const SimConvShape *s, const SimConvTileRows *t)
{
    const size_t half = blocks(blocks(t->y_h, 2), t->step) * t->step;
    return larger(sim_tile_ring_rows(s, t, true, t->rows),
                  sim_tile_ring_rows(s, t, false, smaller(t->rows, half)));
}

static size_t ring_numbers(const SimConvShape *s, const SimConvTileRows *t)
{
    return t->plain ? most_ring_rows(s, t) * t->row + SIM_TILE_BLOCK /* looked at */
                    : t->c_blocks * most_ring_rows(s, t) * t->row;
}

static bool is_too_much(const SimConvShape *s, const SimConvTileRows *t)
{
    return ring_numbers(s, t) * t->x_pieces * sizeof(uint16_t) > RING_BYTES ||
           (!t->plain &&
            blocks(t->y_h, t->rows) * blocks(t->k, SIM_TILE_BLOCK) < SIM_TILE_TASKS);
}

/* Few images, so that the first cache holds all pixels that a block sees, but without
 * pixels past the end of a row. */
static void choose_images(SimConvTileRows *t)
{
    double best = HUGE_VAL;
    for (size_t images = 4; images <= SIM_STACK; images *= 2) {
        const size_t pixels = SIM_STACK / images, n = blocks(t->y_w, t->step);
        const double slower = images > 16 ? 1.25 : images > 8 ? 1.06 : 1.0; /* measured */
        const double cost = slower * (double)(blocks(n, pixels) * pixels);
        if (cost < best) {
            best = cost;
            t->images = images;
            t->pixels = pixels;
        }
    }
}

/* Spikes and small whole numbers meet three digits of the weights in half the time that
 * they meet three pieces, where blocks of twice the channels are half as many.
 *
 * A tile takes neighbouring pixels of one image as they come, where these fill it; the
 * channels that an output sees of a row of the kernel then lie side by side. Else they
 * are laid out so where they are one block, or tap by tap. */
static void choose_bytes(const SimConv *conv, SimConvTileRows *t)
{
    enum { EVEN = 16 /* channels: few rows of a tile are parts of two lines */ };
    const SimConvShape *s = &conv->shape;
    const size_t row = s->kw * s->c, by_tap = s->kw * blocks(s->c, SIM_BYTE_BLOCK);
    if (!conv->is_whole || conv->form == SIM_BF16 ||
        conv->context->precision == SIM_PRECISION_BF16 || s->kh * row > MOST_BYTES)
        return;
    const bool plain = s->c % EVEN == 0 && blocks(s->ow, SIM_STACK) * SIM_STACK <=
                                               blocks(s->ow, t->pixels) * t->pixels;
    const bool is_flat =
        blocks(row, SIM_BYTE_BLOCK) < (plain ? by_tap : smaller(by_tap, 2));
    if (s->c <= SIM_TILE_BLOCK && !is_flat)
        return;
    t->bytes = true;
    t->is_flat = is_flat;
    t->plain = plain;
    t->images = plain ? 1 : t->images;
    t->pixels = SIM_STACK / t->images;
}

/* What a row of x takes laid out. */
static void choose_row(const SimConvShape *s, SimConvTileRows *t)
{
    const size_t most = blocks(blocks(t->y_w, t->step), t->pixels) * t->pixels;
    const size_t more =
        t->forward ? (t->kw - 1) / s->stride
                   : (s->stride - 1 + s->pad) / s->stride + sim_tile_reach(s, false);
    t->planes = t->forward ? smaller(s->stride, t->kw) : 1;
    t->plane = most + more;
    t->line =
        ((t->plane - 1) * s->stride + (t->is_flat || t->plain ? s->kw : t->planes)) *
        s->c;
    t->pixel_numbers = t->plain ? s->stride * s->c / 2 : t->images * SIM_TILE_BLOCK;
    t->row =
        t->plain ? sim_align_up(t->line) / 2 : t->planes * t->plane * t->pixel_numbers;
}

/* Three pieces are all 24 bits of an f32. Spikes and small whole numbers meet them in
 * three tile products; other numbers in six, which pay where there are channels enough.
 * One step decides for all, however many a call brings: tiles have to be half full. */
bool sim_conv_has_all_pieces(const SimConvShape *s, const SimContext *context, bool one)
{
    SimConvTileRows t = {.y_w = s->ow, .step = 1};
    choose_images(&t);
    const SimConvBands bands = sim_conv_bands(t.images, s->n, s->oh, 1);
    const size_t pixels = sim_conv_stacks(&bands) * t.images * bands.rows *
                          blocks(s->ow, t.pixels) * t.pixels;
    return !sim_precision_has_pieces(context->precision) && fits_tiles(s, context) &&
           s->c >= NARROW && (one || (s->c >= WIDE && s->k >= WIDE)) &&
           2 * s->n * s->oh * s->ow >= pixels;
}

void sim_conv_tile_rows_plan(const SimConv *conv, bool forward, SimConvTileRows *t)
{
    const SimConvShape *s = &conv->shape;
    *t = (SimConvTileRows){0};
    const bool one_piece = forward && conv->is_whole;
    if (!sim_conv_has_pieces(s, conv->context) &&
        !sim_conv_has_all_pieces(s, conv->context, one_piece))
        return; /* the dense library's */
    if (sim_conv_is_flat(s) && !forward)
        return;
    const size_t in[] = {s->h, s->w, s->c}, out[] = {s->oh, s->ow, s->k};
    const size_t *const x = forward ? in : out, *const y = forward ? out : in;
    *t = (SimConvTileRows){.forward = forward,
                           .is_flat = sim_conv_is_flat(s),
                           .threads = (size_t)conv->context->team.n_threads,
                           .x_h = x[0],
                           .x_w = x[1],
                           .y_h = y[0],
                           .y_w = y[1],
                           .k = y[2],
                           .step = forward ? 1 : s->stride};
    choose_pieces(t, conv->context->precision, forward, one_piece);
    choose_images(t);
    if (forward)
        choose_bytes(conv, t);
    t->c = t->is_flat ? s->kw * x[2] : x[2];
    t->kw = t->is_flat ? 1 : s->kw;
    t->c_blocks = blocks(t->c, t->bytes ? SIM_BYTE_BLOCK : SIM_TILE_BLOCK);
    t->tap_numbers = t->bytes ? SIM_BYTE_WEIGHTS / 2 : SIM_TILE_BLOCK * SIM_TILE_BLOCK;
    choose_row(s, t);
    t->rows = blocks(t->y_h, t->step) * t->step;
    while (t->rows > t->step && is_too_much(s, t))
        t->rows -= t->step;
}

static void weights_layout(const SimConvTileRows *t, size_t taps, SimArena *arena,
                           SimTileRowsRoom *out)
{
    const size_t k_blocks = blocks(t->k, t->bytes ? SIM_TILE_SIDE : SIM_TILE_BLOCK);
    const size_t bytes =
        k_blocks * t->c_blocks * taps * t->tap_numbers * sizeof(uint16_t);
    for (size_t i = 0; i < (t->bytes ? 1 : t->w_pieces[0]); i++)
        out->w[i] = sim_arena_take(arena, bytes);
    if (t->bytes)
        out->scale = sim_arena_take(arena, t->k * sizeof(float));
}

/* What is not laid out from x itself. */
static size_t line_bytes(const SimConvTileRows *t)
{
    return t->plain ? 0 : t->bytes ? t->line : t->is_flat ? t->line * sizeof(float) : 0;
}

void sim_conv_tile_rows_layout(const SimConvShape *s, const SimConvTileRows *t,
                               SimArena *arena, SimTileRowsRoom *out)
{
    const size_t kinds = t->rows * t->step; /* of outputs that see the same */
    const size_t taps = blocks(s->kh, t->step) * blocks(s->kw, t->step);
    *out = (SimTileRowsRoom){
        .line_bytes = sim_align_up(line_bytes(t)),
        .x_numbers = sim_align_up(ring_numbers(s, t) * sizeof(uint16_t)) / 2,
        .n_taps = kinds * taps,
        .n_blocks = kinds * blocks(blocks(t->y_w, t->step), t->pixels)};
    for (size_t i = 0; i < t->x_pieces; i++)
        out->x[i] = sim_arena_take(arena, t->threads * out->x_numbers * sizeof(uint16_t));
    out->line = sim_arena_take(arena, t->threads * out->line_bytes);
    out->taps = sim_arena_take(arena, t->threads * out->n_taps * sizeof *out->taps);
    out->blocks = sim_arena_take(arena, t->threads * out->n_blocks * sizeof *out->blocks);
    out->threads = sim_arena_take(arena, t->threads * sizeof *out->threads);
    weights_layout(t, s->kh * t->kw, arena, out);
}

size_t sim_conv_tile_held(const SimConv *conv, SimTileRowsRoom *out)
{
    SimArena arena = {.base = conv->held, .size = SIZE_MAX};
    weights_layout(&conv->tile_forward, conv->shape.kh * conv->tile_forward.kw, &arena,
                   out);
    return arena.used;
}

size_t sim_conv_tile_rows_held_bytes(const SimConv *conv)
{
    SimTileRowsRoom room;
    return sim_conv_tile_held(conv, &room);
}
