/* sim/conv_tiles_rows.c: forward, and the gradient of the input, on tile units, spread
 * over the team.
 *
 * The gradient of the input is a convolution, too: of dy, with the weights turned round.
 * Both are here: "x" is what is summed over, "y" the result. A tile holds the same pixel
 * of SIM_STACK images (sim/kernels.h), or of bands of rows of fewer images
 * (conv_stack.c); every pixel of y has its own list of the taps that lie inside. The sum
 * of an output goes over taps and channels in one order, however images and time are cut.
 */
#include "sim/conv_internal.h"

#include <stdlib.h>

enum {
    TURN_BYTES = 2 << 20,   /* of x laid out at a time */
    WEIGHT_BYTES = 1 << 19, /* of a task, in its cache while pixels pass by */
    NARROW = 16,            /* channels below which tiles stay too empty */
    CACHE_BYTES = 4 << 20,  /* results beyond are written around it */
    LIST_PIXELS = 16,       /* of y at a time */
    LAY_PIXELS = 8          /* of x at a time: so many share no set of the cache */
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

/* --- what an output sees -----------------------------------------------------------
 *
 * Along one axis: output o meets tap k at input o * stride + k - pad forward; the other
 * way round at (o + pad - k) / stride, where that goes without rest. Outputs that are a
 * multiple of the stride away from each other see inputs equally far apart: bands and
 * turns begin at such a multiple. */

/* Of the first output of a band or turn to the first input it may see. */
static size_t reach(const SimConvShape *s, bool forward)
{
    return forward ? s->pad : blocks(s->kh - 1 - s->pad, s->stride);
}

/* Input that output `o`, counted from the first, sees through tap k, counted from the
 * first it may see; false where the tap has no part in it. */
static bool sees(const SimConvShape *s, bool forward, size_t o, size_t k, size_t *out)
{
    const size_t st = s->stride, first = reach(s, forward);
    *out = forward ? o * st + k : (o + s->pad + first * st - k) / st;
    return forward || (o + s->pad + first * st - k) % st == 0;
}

/* Inputs that so many outputs see. */
static size_t seen_rows(const SimConvShape *s, bool forward, size_t rows)
{
    return forward ? (rows - 1) * s->stride + s->kh
                   : (rows - 1 + s->pad) / s->stride + reach(s, forward) + 1;
}

/* --- planning --------------------------------------------------------------------------
 */

static size_t turn_bytes(const SimConv *conv, const SimConvTileRows *t, size_t rows)
{
    return t->x_pieces * seen_rows(&conv->shape, t->forward, rows) * t->x_w * SIM_STACK *
           t->x_row * sizeof(uint16_t);
}

void sim_conv_tile_rows_plan(const SimConv *conv, bool forward, SimConvTileRows *t)
{
    const SimConvShape *s = &conv->shape;
    *t = (SimConvTileRows){0};
    if (!sim_conv_has_pieces(s, conv->context))
        return; /* the dense library's */
    const size_t in[] = {s->h, s->w, s->c}, out[] = {s->oh, s->ow, s->k};
    const size_t *const x = forward ? in : out, *const y = forward ? out : in;
    *t = (SimConvTileRows){.forward = forward,
                           .x_h = x[0],
                           .x_w = x[1],
                           .c = x[2],
                           .x_row = blocks(x[2], SIM_TILE_BLOCK) * SIM_TILE_BLOCK,
                           .y_h = y[0],
                           .y_w = y[1],
                           .k = y[2],
                           .step = forward ? 1 : s->stride};
    choose_pieces(t, conv->context->precision, forward,
                  forward && conv->form == SIM_SPIKES);
    t->rows = blocks(t->y_h, t->step) * t->step;
    while (t->rows > t->step && turn_bytes(conv, t, t->rows) > TURN_BYTES)
        t->rows -= t->step;
    t->stacks = 1;
    if (t->rows >= t->y_h)
        t->stacks = smaller(larger(1, TURN_BYTES / turn_bytes(conv, t, t->rows)),
                            blocks(conv->max_steps * s->n, SIM_STACK));
    t->turn_numbers =
        t->stacks * turn_bytes(conv, t, t->rows) / t->x_pieces / sizeof(uint16_t);
}

static void weights_layout(const SimConvTileRows *t, size_t taps, SimArena *arena,
                           SimTileRowsRoom *out)
{
    const size_t k = blocks(t->k, SIM_TILE_BLOCK) * SIM_TILE_BLOCK;
    for (size_t i = 0; i < t->w_pieces[0]; i++)
        out->w[i] = sim_arena_take(arena, taps * t->x_row * k * sizeof(uint16_t));
}

void sim_conv_tile_rows_layout(const SimConvTileRows *t, size_t taps, SimArena *arena,
                               SimTileRowsRoom *out)
{
    *out = (SimTileRowsRoom){0};
    for (size_t i = 0; i < t->x_pieces; i++)
        out->x[i] = sim_arena_take(arena, t->turn_numbers * sizeof(uint16_t));
    weights_layout(t, taps, arena, out);
}

typedef struct Work {
    const SimConv *conv;
    const SimConvTileRows *t;
    const SimTileRowsRoom *room;
    size_t taps, k_blocks, k_cut; /* blocks of outputs, of them those of a task */
    SimConvBands bands;
    SimConvTurn turn;
    size_t x_rows; /* of x, that the rows of the turn see */
    SimTensor x, y;
    const float *weights, *bias;
    bool accumulate, around_cache;
} Work;

/* --- weights ---------------------------------------------------------------------------
 */

/* Some rows of the weights of one tap, whole: forward a block of c, else of k. */
static void pack_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvTileRows *t = w->t;
    const SimKernels *kernels = &w->conv->context->kernels;
    const size_t c_blocks = t->x_row / SIM_TILE_BLOCK, tap = index % w->taps;
    const size_t n = t->forward ? w->k_blocks : c_blocks;
    const float *const from = w->weights + tap * t->c * t->k;
    for (size_t i = 0; i < n; i++) {
        const size_t c_block = t->forward ? index / w->taps : i;
        const size_t k_block = t->forward ? i : index / w->taps;
        const size_t c = c_block * SIM_TILE_BLOCK, k = k_block * SIM_TILE_BLOCK;
        const size_t n_c = smaller(t->c - c, SIM_TILE_BLOCK);
        const size_t n_k = smaller(t->k - k, SIM_TILE_BLOCK);
        const size_t at = ((k_block * w->taps + tap) * c_blocks + c_block) *
                          SIM_TILE_BLOCK * SIM_TILE_BLOCK;
        uint16_t *to[3] = {NULL, NULL, NULL};
        for (size_t piece = 0; piece < t->w_pieces[0]; piece++)
            to[piece] = w->room->w[piece] + at;
        if (t->forward)
            kernels->tiles_pairs(t->k, t->w_pieces[0], from + c * t->k + k, n_k, n_c, to);
        else
            kernels->tiles_turned(t->c, t->w_pieces[0], from + k * t->c + c, n_k, n_c,
                                  to);
    }
}

static void pack(const Work *w)
{
    const size_t rows = w->t->forward ? w->t->x_row / SIM_TILE_BLOCK : w->k_blocks;
    sim_team_run(&w->conv->context->team, w->taps * rows, pack_task, (void *)(size_t)w);
}

/* --- x ---------------------------------------------------------------------------------
 */

/* `n` pixels of a row of x, from pixel `from`; `step` numbers apart. */
static void lay_pixels(const Work *w, size_t piece, size_t from, size_t n, size_t step,
                       uint16_t *to)
{
    const SimKernels *kernels = &w->conv->context->kernels;
    const size_t c = w->t->c, tail = w->t->x_row - c;
    switch (w->x.form) {
    case SIM_SPIKES:
        kernels->bf16_unpack(n, c, step, w->x.bits + from * sim_words(c), to);
        break;
    case SIM_DENSE:
        kernels->bf16_piece(n, c, step, (int)piece, w->x.f32 + from * c, to);
        break;
    case SIM_BF16: /* one piece is all there is */
        for (size_t p = 0; p < n; p++)
            if (piece == 0)
                memcpy(to + p * step, w->x.bf16 + (from + p) * c, c * sizeof *to);
            else
                memset(to + p * step, 0, c * sizeof *to);
        break;
    }
    /* Weights past the last channel are zero, but no NaN may meet them. */
    for (size_t p = 0; tail && p < n; p++)
        memset(to + p * step + c, 0, tail * sizeof *to);
}

/* One row of x of a stack; rows outside are zero, what is no image is never looked at. */
static void lay_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvTileRows *t = w->t;
    const size_t row = index % w->x_rows, stack = index / w->x_rows % w->turn.stacks;
    const size_t piece = index / w->x_rows / w->turn.stacks;
    const size_t pixel = SIM_STACK * t->x_row;
    uint16_t *const to = w->room->x[piece] + (stack * w->x_rows + row) * t->x_w * pixel;
    for (size_t p = 0; p < t->x_w; p += LAY_PIXELS)
        for (size_t i = 0; i < SIM_STACK; i++) {
            const size_t n = smaller(LAY_PIXELS, t->x_w - p);
            uint16_t *const at = to + p * pixel + i * t->x_row;
            size_t image, first;
            if (!sim_conv_slot(&w->bands, &w->turn, stack * SIM_STACK + i, &image,
                               &first))
                continue;
            /* Above the image: very large. */
            const size_t x_row = (t->forward ? first * w->conv->shape.stride
                                             : first / w->conv->shape.stride) +
                                 row - reach(&w->conv->shape, t->forward);
            if (x_row < t->x_h)
                lay_pixels(w, piece, (image * t->x_h + x_row) * t->x_w + p, n, pixel, at);
            else
                for (size_t j = 0; j < n; j++)
                    memset(at + j * pixel, 0, t->x_row * sizeof *at);
        }
}

/* --- products --------------------------------------------------------------------------
 */

typedef struct List { /* taps of some pixels of a row */
    uint32_t start[LIST_PIXELS + 1];
    size_t shift[LIST_PIXELS * SIM_CONV_TILE_TAPS], tap[LIST_PIXELS * SIM_CONV_TILE_TAPS];
} List;

/* Whether the row of x that output row `row` of the turn sees through tap ky is outside
 * in every image. */
static bool is_outside(const Work *w, size_t x_row)
{
    const SimConvShape *s = &w->conv->shape;
    const size_t first =
        w->t->forward ? w->turn.first_row * s->stride : w->turn.first_row / s->stride;
    return w->bands.n == 1 && first + x_row - reach(s, w->t->forward) >= w->t->x_h;
}

static void list_taps(const Work *w, size_t stack, size_t row, size_t first, size_t n,
                      List *list)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    uint32_t count = 0;
    for (size_t p = 0; p < n; p++) {
        list->start[p] = count;
        for (size_t tap = 0; tap < w->taps; tap++) {
            size_t y, x;
            if (!sees(s, t->forward, row, tap / s->kw, &y) || is_outside(w, y) ||
                !sees(s, t->forward, first + p, tap % s->kw, &x))
                continue;
            x -= reach(s, t->forward);
            if (x >= t->x_w) /* left of the image: very large */
                continue;
            list->shift[count] =
                ((stack * w->x_rows + y) * t->x_w + x) * SIM_STACK * t->x_row;
            list->tap[count++] = tap;
        }
    }
    list->start[n] = count;
}

/* Some blocks of outputs of one row of y of a stack. */
static void rows_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvTileRows *t = w->t;
    const size_t row = index % w->turn.rows,
                 stack = index / w->turn.rows % w->turn.stacks;
    const size_t first = index / w->turn.rows / w->turn.stacks * w->k_cut;
    const size_t last = smaller(first + w->k_cut, w->k_blocks);
    const bool is_bf16 = w->y.form == SIM_BF16;
    List list;
    SimStackRows rows = {.start = list.start,
                         .shift = list.shift,
                         .tap = list.tap,
                         .blocks = t->x_row / SIM_TILE_BLOCK,
                         .x_pieces = t->x_pieces,
                         .x_row = t->x_row,
                         .y_step = t->k,
                         .y_bf16 = is_bf16,
                         .accumulate = w->accumulate,
                         .around_cache = w->around_cache};
    size_t at[SIM_STACK]; /* where the row begins in y, in numbers */
    bool there[SIM_STACK];
    for (size_t i = 0; i < SIM_STACK; i++) {
        size_t image, first_row;
        there[i] = sim_conv_slot(&w->bands, &w->turn, stack * SIM_STACK + i, &image,
                                 &first_row) &&
                   first_row + row < t->y_h;
        at[i] = there[i] ? (image * t->y_h + first_row + row) * t->y_w * t->k : 0;
    }
    memcpy(rows.w_pieces, t->w_pieces, sizeof rows.w_pieces);
    for (size_t i = 0; i < t->x_pieces; i++)
        rows.x[i] = w->room->x[i];
    for (size_t p = 0; p < t->y_w; p += LIST_PIXELS) {
        rows.pixels = smaller(LIST_PIXELS, t->y_w - p);
        list_taps(w, stack, row, p, rows.pixels, &list);
        for (size_t block = first; block < last; block++) {
            const size_t k = block * SIM_TILE_BLOCK;
            rows.k = smaller(t->k - k, SIM_TILE_BLOCK);
            rows.bias = w->bias ? w->bias + k : NULL;
            for (size_t i = 0; i < t->w_pieces[0]; i++)
                rows.w[i] = w->room->w[i] + k * w->taps * t->x_row;
            for (size_t i = 0; i < SIM_STACK; i++) {
                const size_t number = at[i] + p * t->k + k;
                rows.y[i] = !there[i] ? NULL
                            : is_bf16 ? (void *)(w->y.bf16 + number)
                                      : (void *)(w->y.f32 + number);
            }
            w->conv->context->kernels.stack_rows(&rows);
        }
    }
}

static void run(size_t nt, Work *w)
{
    const SimConvTileRows *t = w->t;
    const SimConvShape *s = &w->conv->shape;
    const SimTeam *team = &w->conv->context->team;
    const SimShape y_shape = {.t = nt, .n = s->n, .h = t->y_h, .w = t->y_w, .c = t->k};
    const size_t block_bytes = w->taps * t->x_row * SIM_TILE_BLOCK * sizeof(uint16_t);
    w->around_cache = sim_tensor_bytes(w->y.form, y_shape) > CACHE_BYTES;
    w->k_cut = smaller(w->k_blocks, larger(1, WEIGHT_BYTES / block_bytes));
    w->bands = sim_conv_bands(nt * s->n, t->y_h, t->step);
    w->turn = sim_conv_first_turn(&w->bands, t->rows, t->stacks, t->step);
    if (!(t->forward && w->conv->is_held))
        pack(w);
    do {
        w->x_rows = seen_rows(s, t->forward, w->turn.rows);
        sim_team_run(team, w->x_rows * w->turn.stacks * t->x_pieces, lay_task, w);
        sim_team_run(team, w->turn.rows * w->turn.stacks * blocks(w->k_blocks, w->k_cut),
                     rows_task, w);
    } while (sim_conv_next_turn(&w->bands, &w->turn));
}

static Work work_of(const SimConv *conv, const SimConvTileRows *t,
                    const SimTileRowsRoom *room, const float *weights)
{
    return (Work){.conv = conv,
                  .t = t,
                  .room = room,
                  .taps = conv->shape.kh * conv->shape.kw,
                  .k_blocks = blocks(t->k, SIM_TILE_BLOCK),
                  .weights = weights};
}

static size_t held_layout(const SimConv *conv, SimTileRowsRoom *out)
{
    SimArena arena = {.base = conv->held, .size = SIZE_MAX};
    weights_layout(&conv->tile_forward, conv->shape.kh * conv->shape.kw, &arena, out);
    return arena.used;
}

SimStatus sim_conv_tile_rows_plan_hold(SimConv *conv)
{
    SimTileRowsRoom room;
    conv->held = aligned_alloc(SIM_ALIGN, held_layout(conv, &room));
    return conv->held ? SIM_OK
                      : sim_fail(SIM_ERR_MEMORY, "no memory for the weights once more");
}

void sim_conv_tile_rows_hold(SimConv *conv, const float *weights)
{
    SimTileRowsRoom room = {0};
    held_layout(conv, &room);
    const Work w = work_of(conv, &conv->tile_forward, &room, weights);
    pack(&w);
    conv->is_held = true;
}

void sim_conv_tile_rows_forward(const SimConv *conv, size_t nt, const SimTensor *x,
                                const float *weights, const float *bias, float *y,
                                SimArena *arena)
{
    SimTileRowsRoom room;
    sim_conv_tile_rows_layout(&conv->tile_forward, conv->shape.kh * conv->shape.kw, arena,
                              &room);
    if (conv->is_held)
        held_layout(conv, &room);
    Work w = work_of(conv, &conv->tile_forward, &room, weights);
    w.x = *x;
    w.y = (SimTensor){.form = SIM_DENSE, .f32 = y};
    w.bias = bias;
    run(nt, &w);
}

void sim_conv_tile_rows_input(const SimConv *conv, size_t nt, const SimTensor *dy,
                              const float *weights, bool accumulate, const SimTensor *dx,
                              SimArena *arena)
{
    SimTileRowsRoom room;
    sim_conv_tile_rows_layout(&conv->tile_input, conv->shape.kh * conv->shape.kw, arena,
                              &room);
    Work w = work_of(conv, &conv->tile_input, &room, weights);
    w.x = *dy;
    w.y = *dx;
    w.accumulate = accumulate;
    run(nt, &w);
}
