/* sim/conv_tiles_rows.c: forward, and the gradient of the input, on tile units, spread
 * over the team.
 *
 * The gradient of the input is a convolution, too: of dy, with the weights turned round
 * and the borders that complete them. As many images at a time as the cache holds are
 * laid out on a grid with a border, then every task multiplies a range of it. The sum of
 * an output goes over taps and channels in one order, however images and time are cut. */
#include "sim/conv_internal.h"

#include <string.h>

enum {
    TURN_BYTES = 2 << 20, /* of x laid out at a time */
    NARROW = 16,          /* channels below which tiles stay too empty */
    CACHE_BYTES = 4 << 20,
    TASK_PIXELS = 256, /* of the grid */
    TASKS = 16         /* wanted at least */
};

bool sim_conv_has_pieces(const SimConvShape *s, const SimContext *context)
{
    return context->precision != SIM_PRECISION_F32 && s->groups == 1 && s->c >= NARROW &&
           s->k >= NARROW && s->kh == s->kw && s->kh * s->kw <= SIM_CONV_TILE_TAPS;
}

/* Which pieces meet: forward all that f32 would see; the gradients, of which training
 * needs the direction, to 16 bits. A spike is one piece. */
static void choose_pieces(SimConvTileRows *t, SimPrecision precision, bool forward,
                          bool is_spikes)
{
    static const size_t whole[] = {3, 2, 1}, half[] = {2, 1, 0}, one[] = {1, 0, 0};
    const bool split = precision == SIM_PRECISION_SPLIT;
    const size_t *const meets = !split ? one : forward ? whole : half;
    memcpy(t->w_pieces, meets, sizeof t->w_pieces);
    t->x_pieces = is_spikes ? 1 : meets[0];
}

/* Gradient of the input: pixel iy of x, with the border iy + pad = stride q + phase,
 * meets tap phase + stride j and row q - j of dy. Rows q are counted from the first that
 * lies in the image. */
static size_t first_row(const SimConvShape *s)
{
    return s->pad / s->stride;
}

/* All but phase. */
static SimTileImage grid_of(const SimConvShape *s)
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

void sim_conv_tile_rows_plan(const SimConv *conv, bool forward, SimConvTileRows *t)
{
    const SimConvShape *s = &conv->shape;
    *t = (SimConvTileRows){0};
    if (!sim_conv_has_pieces(s, conv->context))
        return; /* the dense library's */
    choose_pieces(t, conv->context->precision, forward,
                  forward && conv->form == SIM_SPIKES);
    const size_t st = s->stride, reach = (s->kh - 1) / st;
    t->forward = forward;
    t->grid = (SimTileImage){.kh = s->kh, .kw = s->kw};
    SimTileImage *const g = &t->grid;
    if (forward) {
        t->c = s->c, t->k = s->k;
        *g = grid_of(s);
    } else {
        t->c = s->k, t->k = s->c;
        *g = (SimTileImage){.h = s->oh,
                            .w = s->ow,
                            .kh = 1,
                            .kw = 1,
                            .stride = 1,
                            .pad = reach - first_row(s)};
        g->pitch = s->ow + g->pad;
        g->size = (s->oh + g->pad) * g->pitch;
        if (st > 1) {
            const size_t down = (s->h - 1 + s->pad) / st + 1 - first_row(s) + reach;
            const size_t right = (s->w - 1 + s->pad) / st + 1 - first_row(s) + reach;
            g->pitch = larger(g->pitch, right);
            g->size = larger(s->oh + g->pad, down) * g->pitch;
        }
    }
    t->x_row = blocks(t->c, SIM_TILE_BLOCK) * SIM_TILE_BLOCK;
    const size_t each =
        g->stride * g->stride * g->size * t->x_row * t->x_pieces * sizeof(uint16_t);
    t->images = larger(1, TURN_BYTES / each);
    if (t->images > conv->max_steps * s->n)
        t->images = conv->max_steps * s->n;
    g->phase = blocks(t->images * g->size, SIM_TILE_PIXELS) * SIM_TILE_PIXELS +
               reach * (g->pitch + 1);
}

void sim_conv_tile_rows_layout(const SimConvTileRows *t, size_t taps, SimArena *arena,
                               SimTileRowsRoom *out)
{
    const size_t k = blocks(t->k, SIM_TILE_BLOCK) * SIM_TILE_BLOCK;
    const size_t st = t->grid.stride;
    *out = (SimTileRowsRoom){0};
    for (size_t i = 0; i < t->x_pieces; i++)
        out->x[i] =
            sim_arena_take(arena, st * st * t->grid.phase * t->x_row * sizeof(uint16_t));
    for (size_t i = 0; i < t->w_pieces[0]; i++)
        out->w[i] = sim_arena_take(arena, taps * t->x_row * k * sizeof(uint16_t));
    if (!t->forward)
        out->turned = sim_arena_take(arena, taps * t->c * t->k * sizeof(float));
}

typedef struct Work {
    const SimConv *conv;
    const SimConvTileRows *t;
    const SimTileRowsRoom *room;
    size_t taps, phases;                /* phases of the result's pixels */
    size_t images, pixels, task_pixels; /* of this turn, of a task */
    SimTensor x;                        /* of this turn */
    const float *weights, *bias;
    SimTensor y;
    bool accumulate, past_cache;
} Work;

/* --- weights ---------------------------------------------------------------------------
 */

static void turn_task(void *argument, size_t tap, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const size_t n = w->t->c * w->t->k;
    w->conv->context->kernels.tiles_transpose(w->t->k, w->t->c, w->weights + tap * n,
                                              w->room->turned + tap * n);
}

static void pack_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvTileRows *t = w->t;
    const float *weights = w->room->turned ? w->room->turned : w->weights;
    const size_t taps = w->taps, c_blocks = t->x_row / SIM_TILE_BLOCK;
    const size_t k = index / taps * SIM_TILE_BLOCK, tap = index % taps;
    const size_t n_k = t->k - k < SIM_TILE_BLOCK ? t->k - k : SIM_TILE_BLOCK;
    for (size_t block = 0; block < c_blocks; block++) {
        const size_t c = block * SIM_TILE_BLOCK;
        const size_t n_c = t->c - c < SIM_TILE_BLOCK ? t->c - c : SIM_TILE_BLOCK;
        const size_t at = ((k / SIM_TILE_BLOCK * taps + tap) * c_blocks + block) *
                          SIM_TILE_BLOCK * SIM_TILE_BLOCK;
        uint16_t *to[3] = {NULL, NULL, NULL};
        for (size_t i = 0; i < t->w_pieces[0]; i++)
            to[i] = w->room->w[i] + at;
        w->conv->context->kernels.tiles_pairs(
            1, n_c, SIM_TILE_BLOCK, SIM_TILE_BLOCK, t->k, t->w_pieces[0],
            weights + (tap * t->c + c) * t->k + k, n_k, to);
    }
}

/* --- x ---------------------------------------------------------------------------------
 */

/* `n` pixels, `step` pixels apart, of one row of x from pixel `from`. */
static void lay_pixels(const Work *w, size_t piece, size_t from, size_t step, size_t n,
                       uint16_t *to)
{
    const SimKernels *kernels = &w->conv->context->kernels;
    const size_t c = w->t->c, row = w->t->x_row, words = sim_words(c);
    const size_t at_once = step == 1 ? n : 1;
    for (size_t i = 0; i < n; i += at_once, from += step, to += at_once * row)
        switch (w->x.form) {
        case SIM_SPIKES:
            kernels->bf16_unpack(at_once, c, row, w->x.bits + from * words, to);
            break;
        case SIM_DENSE:
            kernels->bf16_piece(at_once, c, row, (int)piece, w->x.f32 + from * c, to);
            break;
        case SIM_BF16: /* one piece is all there is */
            for (size_t p = 0; p < at_once; p++)
                if (piece == 0)
                    memcpy(to + p * row, w->x.bf16 + (from + p) * c, c * sizeof *to);
                else
                    memset(to + p * row, 0, c * sizeof *to);
            break;
        }
}

/* Channels past the last are zero: weights there are, too, but no NaN may meet them. */
static void clear_tails(const SimConvTileRows *t, size_t n, uint16_t *to)
{
    const size_t tail = t->x_row - t->c;
    for (size_t i = 0; tail && i < n; i++)
        memset(to + i * t->x_row + t->c, 0, tail * sizeof *to);
}

/* An image on the grid, with all its borders; the last also what lies behind it. */
static void lay_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvTileRows *t = w->t;
    const SimTileImage *g = &t->grid;
    const size_t image = index % w->images, piece = index / w->images;
    const size_t st = g->stride, begin = image * g->size;
    const size_t end = image + 1 == w->images ? g->phase : begin + g->size;
    for (size_t ry = 0; ry < st; ry++)
        for (size_t rx = 0; rx < st; rx++) {
            if (ry >= g->kh || rx >= g->kw)
                continue;
            uint16_t *const phase =
                w->room->x[piece] + (ry * st + rx) * g->phase * t->x_row;
            size_t at = begin; /* up to here all is written */
            size_t px = rx;
            while (px < g->pad)
                px += st;
            for (size_t py = ry; py < g->h + g->pad; py += st) {
                if (py < g->pad || px - g->pad >= g->w)
                    continue;
                const size_t first = begin + py / st * g->pitch + px / st;
                const size_t n = (g->w - (px - g->pad) + st - 1) / st;
                memset(phase + at * t->x_row, 0, (first - at) * t->x_row * sizeof *phase);
                lay_pixels(w, piece, (image * g->h + py - g->pad) * g->w + px - g->pad,
                           st, n, phase + first * t->x_row);
                clear_tails(t, n, phase + first * t->x_row);
                at = first + n;
            }
            memset(phase + at * t->x_row, 0, (end - at) * t->x_row * sizeof *phase);
        }
}

/* --- products --------------------------------------------------------------------------
 */

/* Forward: the pixels of y. A tap is a shift, with a stride in a phase of x. */
static void aim_forward(const Work *w, size_t *shift, SimTileRows *rows)
{
    const SimConvShape *s = &w->conv->shape;
    const SimTileImage *g = &w->t->grid;
    for (size_t tap = 0; tap < w->taps; tap++) {
        const size_t ky = tap / s->kw, kx = tap % s->kw, st = s->stride;
        shift[tap] = (ky % st * st + kx % st) * g->phase + ky / st * g->pitch + kx / st;
        rows->tap[tap] = tap;
    }
    rows->taps = w->taps;
    rows->rows = s->oh;
    rows->columns = s->ow;
    rows->y_image = s->oh * s->ow;
    rows->y_down = s->ow;
    rows->y_right = 1;
}

/* Gradient of the input: the pixels of x in one phase, and the taps that meet them. */
static void aim_input(const Work *w, size_t phase, size_t *shift, SimTileRows *rows)
{
    const SimConvShape *s = &w->conv->shape;
    const size_t st = s->stride, reach = (s->kh - 1) / st, skip = first_row(s);
    const size_t ry = phase / st, rx = phase % st;
    for (size_t ky = ry; ky < s->kh; ky += st)
        for (size_t kx = rx; kx < s->kw; kx += st) {
            rows->tap[rows->taps] = ky * s->kw + kx;
            shift[rows->taps++] = (reach - ky / st) * w->t->grid.pitch + reach - kx / st;
        }
    rows->first_row = (s->pad + st - 1 - ry) / st - skip;
    rows->first_column = (s->pad + st - 1 - rx) / st - skip;
    rows->rows = (s->h + s->pad + st - 1 - ry) / st - skip;
    rows->columns = (s->w + s->pad + st - 1 - rx) / st - skip;
    rows->y_image = s->h * s->w;
    rows->y_down = st * s->w;
    rows->y_right = st;
    rows->y_first = ((rows->first_row + skip) * st + ry - s->pad) * s->w +
                    (rows->first_column + skip) * st + rx - s->pad;
}

static void rows_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvTileRows *t = w->t;
    const size_t ranges = blocks(w->pixels, w->task_pixels);
    const size_t k_blocks = blocks(t->k, SIM_TILE_BLOCK);
    const size_t first = index % ranges * w->task_pixels;
    const size_t k = index / ranges % k_blocks * SIM_TILE_BLOCK;
    const size_t phase = index / ranges / k_blocks;
    const size_t n =
        w->pixels - first < w->task_pixels ? w->pixels - first : w->task_pixels;
    size_t shift[SIM_CONV_TILE_TAPS], tap[SIM_CONV_TILE_TAPS];
    SimTileRows rows = {.shift = shift,
                        .tap = tap,
                        .blocks = t->x_row / SIM_TILE_BLOCK,
                        .k = t->k - k < SIM_TILE_BLOCK ? t->k - k : SIM_TILE_BLOCK,
                        .x_pieces = t->x_pieces,
                        .x_row = t->x_row,
                        .y_row = t->k,
                        .pitch = t->grid.pitch,
                        .size = t->grid.size,
                        .bias = w->bias ? w->bias + k : NULL,
                        .accumulate = w->accumulate,
                        .y_bf16 = w->y.form == SIM_BF16,
                        .past_cache = w->past_cache};
    if (t->forward)
        aim_forward(w, shift, &rows);
    else
        aim_input(w, phase, shift, &rows);
    memcpy(rows.w_pieces, t->w_pieces, sizeof rows.w_pieces);
    for (size_t i = 0; i < t->x_pieces; i++)
        rows.x[i] = w->room->x[i];
    for (size_t i = 0; i < t->w_pieces[0]; i++)
        rows.w[i] = w->room->w[i] + k * w->taps * t->x_row;
    void *const y = rows.y_bf16 ? (void *)(w->y.bf16 + k) : (void *)(w->y.f32 + k);
    w->conv->context->kernels.tiles_rows(&rows, first, n, y);
}

static void skip_images(SimTensor *x, size_t images, size_t pixels, size_t c)
{
    const SimShape shape = {.t = 1, .n = images, .h = pixels, .w = 1, .c = c};
    x->data = (unsigned char *)x->data + sim_tensor_bytes(x->form, shape);
}

static void run(const SimConv *conv, const SimConvTileRows *t, size_t nt, Work w)
{
    const SimConvShape *s = &conv->shape;
    const SimTeam *team = &conv->context->team;
    const size_t all = nt * s->n, k_blocks = blocks(t->k, SIM_TILE_BLOCK);
    w.conv = conv;
    w.t = t;
    w.taps = s->kh * s->kw;
    const size_t y_image = t->forward ? s->oh * s->ow : s->h * s->w;
    const SimShape y_shape = {.t = 1, .n = all, .h = y_image, .w = 1, .c = t->k};
    w.past_cache = sim_tensor_bytes(w.y.form, y_shape) > CACHE_BYTES;
    w.phases = t->forward ? 1 : s->stride * s->stride;
    if (w.room->turned)
        sim_team_run(team, w.taps, turn_task, &w);
    sim_team_run(team, w.taps * k_blocks, pack_task, &w);
    for (size_t first = 0; first < all; first += w.images) {
        w.images = all - first < t->images ? all - first : t->images;
        w.pixels = w.images * t->grid.size;
        w.task_pixels = TASK_PIXELS;
        while (w.task_pixels > SIM_TILE_PIXELS &&
               blocks(w.pixels, w.task_pixels) * k_blocks * w.phases < TASKS)
            w.task_pixels /= 2;
        sim_team_run(team, w.images * t->x_pieces, lay_task, &w);
        sim_team_run(team, blocks(w.pixels, w.task_pixels) * k_blocks * w.phases,
                     rows_task, &w);
        skip_images(&w.x, w.images, t->grid.h * t->grid.w, t->c);
        skip_images(&w.y, w.images, y_image, t->k);
    }
}

void sim_conv_tile_rows_forward(const SimConv *conv, size_t nt, const SimTensor *x,
                                const float *weights, const float *bias, float *y,
                                SimArena *arena)
{
    const SimConvTileRows *t = &conv->tile_forward;
    SimTileRowsRoom room;
    sim_conv_tile_rows_layout(t, conv->shape.kh * conv->shape.kw, arena, &room);
    run(conv, t, nt,
        (Work){.room = &room,
               .x = *x,
               .weights = weights,
               .bias = bias,
               .y = {.form = SIM_DENSE, .f32 = y}});
}

void sim_conv_tile_rows_input(const SimConv *conv, size_t nt, const SimTensor *dy,
                              const float *weights, bool accumulate, const SimTensor *dx,
                              SimArena *arena)
{
    const SimConvTileRows *t = &conv->tile_input;
    SimTileRowsRoom room;
    sim_conv_tile_rows_layout(t, conv->shape.kh * conv->shape.kw, arena, &room);
    run(conv, t, nt,
        (Work){.room = &room,
               .x = *dy,
               .weights = weights,
               .accumulate = accumulate,
               .y = *dx});
}
