/* sim/conv_tiles_rows.c: forward, and the gradient of the input, on tile units, spread
 * over the team.
 *
 * The gradient of the input is a convolution, too: of dy, with the weights turned round.
 * Both are here: "x" is what is summed over, "y" the result. A tile holds the same pixel
 * of SIM_STACK images (sim/kernels.h), or of bands of rows of fewer images
 * (conv_stack.c); every pixel of y has its own list of the taps that lie inside. The sum
 * of an output goes over blocks of channels and their taps in one order, however images
 * and time are cut.
 *
 * A task is a block of outputs of a few rows of a stack. Each thread lays out the rows of
 * x that its tasks see, in a ring that its own cache holds:
 *
 *     x    0 1 2 3 4 5 6 7 ..          rows of y    0 1 | 2 3 | 4 5 | ..
 *         |_______|
 *             |_______|     the next rows take the place of those that nobody sees
 *
 * Nobody waits for another thread, and what the next task sees already lies there. */
#include "sim/conv_internal.h"

#include <stdlib.h>

enum {
    RING_BYTES = 5 << 18,  /* of x that a thread keeps laid out */
    CHUNK_STEPS = 9,       /* blocks of weights that the first cache holds */
    STRIP_PIXELS = 48,     /* whose sums the second cache holds, while chunks pass by */
    TASKS = 8,             /* at least, where there are rows enough */
    NARROW = 16,           /* channels below which tiles stay too empty */
    CACHE_BYTES = 4 << 20, /* results beyond are written around it */
    LAY_PIXELS = 8,        /* of x at a time, image by image */
    WEIGHTS = SIM_TILE_BLOCK * SIM_TILE_BLOCK /* of a tap of a block of c and of k */
};

bool sim_conv_has_pieces(const SimConvShape *s, const SimContext *context)
{
    return sim_precision_has_pieces(context->precision) && s->groups == 1 &&
           s->c >= NARROW && s->k >= NARROW && s->kh == s->kw &&
           s->kh * s->kw <= SIM_CONV_TILE_TAPS;
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

/* Rows of x in the ring while so many rows of y are made. */
static size_t ring_rows(const SimConvShape *s, const SimConvTileRows *t, bool whole,
                        size_t rows)
{
    const size_t seen = seen_rows(s, t->forward, rows);
    return whole ? smaller(seen, t->x_h) : seen; /* rows outside are not laid */
}

/* The most of them, whatever bands the images are cut into. */
static size_t most_ring_rows(const SimConvShape *s, const SimConvTileRows *t)
{
    const size_t half = blocks(blocks(t->y_h, 2), t->step) * t->step;
    return larger(ring_rows(s, t, true, t->rows),
                  ring_rows(s, t, false, smaller(t->rows, half)));
}

/* Odd, so that the pixels around one fall into different sets of the first cache. */
static size_t row_numbers(const SimConvTileRows *t)
{
    return (t->x_w | 1) * SIM_STACK_PIXEL;
}

static size_t ring_numbers(const SimConvShape *s, const SimConvTileRows *t)
{
    return t->c_blocks * most_ring_rows(s, t) * row_numbers(t);
}

static bool is_too_much(const SimConvShape *s, const SimConvTileRows *t)
{
    return ring_numbers(s, t) * t->x_pieces * sizeof(uint16_t) > RING_BYTES ||
           blocks(t->y_h, t->rows) * blocks(t->k, SIM_TILE_BLOCK) < TASKS;
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
                           .threads = (size_t)conv->context->team.n_threads,
                           .x_h = x[0],
                           .x_w = x[1],
                           .c = x[2],
                           .c_blocks = blocks(x[2], SIM_TILE_BLOCK),
                           .chunk = larger(1, CHUNK_STEPS / (s->kh * s->kw)),
                           .y_h = y[0],
                           .y_w = y[1],
                           .k = y[2],
                           .step = forward ? 1 : s->stride};
    choose_pieces(t, conv->context->precision, forward,
                  forward && conv->form == SIM_SPIKES);
    t->rows = blocks(t->y_h, t->step) * t->step;
    while (t->rows > t->step && is_too_much(s, t))
        t->rows -= t->step;
}

static void weights_layout(const SimConvTileRows *t, size_t taps, SimArena *arena,
                           SimTileRowsRoom *out)
{
    const size_t numbers = blocks(t->k, SIM_TILE_BLOCK) * t->c_blocks * taps * WEIGHTS;
    for (size_t i = 0; i < t->w_pieces[0]; i++)
        out->w[i] = sim_arena_take(arena, numbers * sizeof(uint16_t));
}

/* What one thread has laid out and listed. */
struct SimTileRowsThread {
    bool is_used;
    size_t stack, first_row;    /* of y */
    size_t laid_first, laid_to; /* rows of x */
};

void sim_conv_tile_rows_layout(const SimConvShape *s, const SimConvTileRows *t,
                               SimArena *arena, SimTileRowsRoom *out)
{
    const size_t pixels = t->rows * t->y_w, taps = s->kh * s->kw;
    *out = (SimTileRowsRoom){
        .x_numbers = sim_align_up(ring_numbers(s, t) * sizeof(uint16_t)) / 2,
        .start_numbers = sim_align_up((pixels + 1) * sizeof(uint32_t)) / 4,
        .n_taps = sim_align_up(pixels * taps * sizeof(SimStackTap)) / sizeof(SimStackTap),
        .sums_numbers = t->c_blocks > t->chunk
                            ? smaller(pixels, STRIP_PIXELS) * SIM_STACK * SIM_TILE_BLOCK
                            : 0};
    for (size_t i = 0; i < t->x_pieces; i++)
        out->x[i] = sim_arena_take(arena, t->threads * out->x_numbers * sizeof(uint16_t));
    out->sums = sim_arena_take(arena, t->threads * out->sums_numbers * sizeof(float));
    out->starts = sim_arena_take(arena, t->threads * out->start_numbers * 4);
    out->taps = sim_arena_take(arena, t->threads * out->n_taps * sizeof(SimStackTap));
    out->column_starts = sim_arena_take(arena, (t->y_w + 1) * sizeof(uint32_t));
    out->columns = sim_arena_take(arena, t->y_w * s->kw * sizeof(SimStackTap));
    out->threads = sim_arena_take(arena, t->threads * sizeof *out->threads);
    weights_layout(t, taps, arena, out);
}

typedef struct Work {
    const SimConv *conv;
    const SimConvTileRows *t;
    const SimTileRowsRoom *room;
    size_t taps, k_blocks; /* blocks of outputs */
    SimConvBands bands;
    size_t rows, turns, ring; /* of y in a turn; rows of x in the ring */
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
    const size_t tap = index % w->taps, n = t->forward ? w->k_blocks : t->c_blocks;
    const float *const from = w->weights + tap * t->c * t->k;
    for (size_t i = 0; i < n; i++) {
        const size_t c_block = t->forward ? index / w->taps : i;
        const size_t k_block = t->forward ? i : index / w->taps;
        const size_t c = c_block * SIM_TILE_BLOCK, k = k_block * SIM_TILE_BLOCK;
        const size_t n_c = smaller(t->c - c, SIM_TILE_BLOCK);
        const size_t n_k = smaller(t->k - k, SIM_TILE_BLOCK);
        const size_t at = ((k_block * t->c_blocks + c_block) * w->taps + tap) * WEIGHTS;
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
    const size_t rows = w->t->forward ? w->t->c_blocks : w->k_blocks;
    sim_team_run(&w->conv->context->team, w->taps * rows, pack_task, (void *)(size_t)w);
}

/* --- x ---------------------------------------------------------------------------------
 */

/* `n` pixels of a row of x, from pixel `from`; not `there`: zeros. */
static void lay_pixels(const Work *w, size_t piece, bool there, size_t from, size_t n,
                       uint16_t *to)
{
    const SimKernels *kernels = &w->conv->context->kernels;
    const size_t c = w->t->c, block = w->ring * row_numbers(w->t);
    switch (w->x.form) {
    case SIM_SPIKES:
        kernels->lay_spikes(n, c, block, there ? w->x.bits + from * sim_words(c) : NULL,
                            to);
        break;
    case SIM_DENSE:
        kernels->lay_piece(n, c, block, (int)piece, there ? w->x.f32 + from * c : NULL,
                           to);
        break;
    case SIM_BF16: /* one piece is all there is */
        kernels->lay_bf16(n, c, block, there && piece == 0 ? w->x.bf16 + from * c : NULL,
                          to);
        break;
    }
}

/* Row `row` of x of a stack, counted from the first that its bands may see. Rows outside
 * are zero, what is no image is never looked at. */
static void lay_row(const Work *w, size_t stack, size_t row, size_t thread)
{
    const SimConvTileRows *t = w->t;
    const size_t stride = w->conv->shape.stride;
    const size_t at = thread * w->room->x_numbers + row % w->ring * row_numbers(t);
    size_t from[SIM_STACK], n = 0; /* pixels where the row begins in x */
    bool there[SIM_STACK];
    for (size_t image, first;
         n < SIM_STACK && sim_conv_slot(&w->bands, stack * SIM_STACK + n, &image, &first);
         n++) {
        /* Above the image: very large. */
        const size_t x_row = (t->forward ? first * stride : first / stride) + row -
                             reach(&w->conv->shape, t->forward);
        there[n] = x_row < t->x_h;
        from[n] = (image * t->x_h + x_row) * t->x_w;
    }
    for (size_t p = 0; p < t->x_w; p += LAY_PIXELS)
        for (size_t i = 0; i < n; i++)
            for (size_t piece = 0; piece < t->x_pieces; piece++)
                lay_pixels(
                    w, piece, there[i], from[i] + p, smaller(LAY_PIXELS, t->x_w - p),
                    w->room->x[piece] + at + p * SIM_STACK_PIXEL + i * SIM_TILE_BLOCK);
}

/* --- products --------------------------------------------------------------------------
 */

/* Whether a row of x that bands see is outside in every image. */
static bool is_outside(const Work *w, size_t row)
{
    return w->bands.n == 1 && row - reach(&w->conv->shape, w->t->forward) >= w->t->x_h;
}

/* What output `o` of one axis sees: through which part of the kernel, and where in the
 * ring it lies. Inputs outside are not listed. */
static uint32_t list_axis(const Work *w, bool is_row, size_t o, SimStackTap *out)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    uint32_t n = 0;
    for (size_t k = 0; k < s->kw; k++) {
        size_t at;
        if (!sees(s, t->forward, o, k, &at))
            continue;
        const size_t x = at - reach(s, t->forward); /* left of the image: very large */
        if (is_row ? is_outside(w, at) : x >= t->x_w)
            continue;
        out[n++] = (SimStackTap){
            .x = (uint32_t)(is_row ? at % w->ring * row_numbers(t) : x * SIM_STACK_PIXEL),
            .w = (uint32_t)(k * WEIGHTS * (is_row ? s->kw : 1))};
    }
    return n;
}

static void list_columns(const Work *w)
{
    const SimTileRowsRoom *room = w->room;
    uint32_t count = 0;
    for (size_t p = 0; p < w->t->y_w; p++) {
        room->column_starts[p] = count;
        count += list_axis(w, false, p, room->columns + count);
    }
    room->column_starts[w->t->y_w] = count;
}

/* The taps of all pixels of rows `first` to `last` of y. */
static void list_taps(const Work *w, size_t first, size_t last, size_t thread)
{
    const SimTileRowsRoom *room = w->room;
    uint32_t *start = room->starts + thread * room->start_numbers;
    SimStackTap *const taps = room->taps + thread * room->n_taps;
    SimStackTap down[SIM_CONV_TILE_TAPS];
    uint32_t count = 0;
    for (size_t row = first; row < last; row++) {
        const uint32_t n = list_axis(w, true, row, down);
        for (size_t p = 0; p < w->t->y_w; p++) {
            *start++ = count;
            for (uint32_t i = 0; i < n; i++)
                for (uint32_t j = room->column_starts[p]; j < room->column_starts[p + 1];
                     j++)
                    taps[count++] = (SimStackTap){.x = down[i].x + room->columns[j].x,
                                                  .w = down[i].w + room->columns[j].w};
        }
    }
    *start = count;
}

/* Lays out and lists what rows `first` to `last` of y see, as far as the task before has
 * not done so. */
static void prepare(const Work *w, size_t stack, size_t first, size_t last, size_t thread)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    SimTileRowsThread *const has = w->room->threads + thread;
    const size_t from = t->forward ? first * s->stride : first / s->stride;
    const size_t to = from + seen_rows(s, t->forward, last - first);
    if (!has->is_used || has->first_row != first)
        list_taps(w, first, last, thread);
    if (!has->is_used || has->stack != stack || from < has->laid_first ||
        from > has->laid_to)
        has->laid_first = has->laid_to = from;
    for (size_t row = has->laid_to; row < to; row++)
        if (!is_outside(w, row))
            lay_row(w, stack, row, thread);
    *has = (SimTileRowsThread){.is_used = true,
                               .stack = stack,
                               .first_row = first,
                               .laid_first = from,
                               .laid_to = larger(to, has->laid_to)};
}

/* A block of outputs of some rows of y of a stack. */
static void rows_task(void *argument, size_t index, size_t thread)
{
    const Work *w = argument;
    const SimConvTileRows *t = w->t;
    const SimTileRowsRoom *room = w->room;
    const size_t block = index % w->k_blocks, stack = index / w->k_blocks / w->turns;
    const size_t first = index / w->k_blocks % w->turns * w->rows;
    const size_t last = smaller(first + w->rows, w->bands.rows);
    const size_t pixels = (last - first) * t->y_w, k = block * SIM_TILE_BLOCK;
    const bool is_bf16 = w->y.form == SIM_BF16;
    prepare(w, stack, first, last, thread);
    SimStackRows rows = {.taps = room->taps + thread * room->n_taps,
                         .blocks = t->c_blocks,
                         .chunk = t->chunk,
                         .x_block = w->ring * row_numbers(t),
                         .w_block = w->taps * WEIGHTS,
                         .x_pieces = t->x_pieces,
                         .sums = room->sums + thread * room->sums_numbers,
                         .k = smaller(t->k - k, SIM_TILE_BLOCK),
                         .y_step = t->k,
                         .bias = w->bias ? w->bias + k : NULL,
                         .y_bf16 = is_bf16,
                         .accumulate = w->accumulate,
                         .around_cache = w->around_cache};
    memcpy(rows.w_pieces, t->w_pieces, sizeof rows.w_pieces);
    for (size_t i = 0; i < t->x_pieces; i++)
        rows.x[i] = room->x[i] + thread * room->x_numbers;
    for (size_t i = 0; i < t->w_pieces[0]; i++)
        rows.w[i] = room->w[i] + block * t->c_blocks * rows.w_block;
    const size_t strips = blocks(pixels, STRIP_PIXELS), strip = blocks(pixels, strips);
    for (size_t p = 0; p < pixels; p += strip) {
        rows.pixels = smaller(strip, pixels - p);
        rows.start = room->starts + thread * room->start_numbers + p;
        for (size_t i = 0; i < SIM_STACK; i++) {
            size_t image, row;
            rows.y_pixels[i] = 0;
            if (!sim_conv_slot(&w->bands, stack * SIM_STACK + i, &image, &row) ||
                row + first >= t->y_h)
                continue;
            const size_t there = smaller(last - first, t->y_h - row - first) * t->y_w;
            const size_t number =
                ((image * t->y_h + row + first) * t->y_w + p) * t->k + k;
            rows.y_pixels[i] = there > p ? there - p : 0;
            rows.y[i] =
                is_bf16 ? (void *)(w->y.bf16 + number) : (void *)(w->y.f32 + number);
        }
        w->conv->context->kernels.stack_rows(&rows);
    }
}

static void run(size_t nt, Work *w)
{
    const SimConvTileRows *t = w->t;
    const SimConvShape *s = &w->conv->shape;
    const SimTeam team = {
        .n_threads = (int)smaller(t->threads, (size_t)w->conv->context->team.n_threads)};
    const SimShape y_shape = {.t = nt, .n = s->n, .h = t->y_h, .w = t->y_w, .c = t->k};
    w->around_cache = sim_tensor_bytes(w->y.form, y_shape) > CACHE_BYTES;
    w->bands = sim_conv_bands(nt * s->n, t->y_h, t->step);
    w->turns = blocks(w->bands.rows, t->rows); /* of about the same size */
    w->rows = blocks(w->bands.rows, w->turns * t->step) * t->step;
    w->ring = ring_rows(s, t, w->bands.n == 1, w->rows);
    for (size_t i = 0; i < t->threads; i++)
        w->room->threads[i].is_used = false;
    list_columns(w);
    if (!(t->forward && w->conv->is_held))
        pack(w);
    sim_team_run(&team, sim_conv_stacks(&w->bands) * w->turns * w->k_blocks, rows_task,
                 w);
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
                                const float *weights, const float *bias,
                                const SimTensor *y, SimArena *arena)
{
    SimTileRowsRoom room;
    sim_conv_tile_rows_layout(&conv->shape, &conv->tile_forward, arena, &room);
    if (conv->is_held)
        held_layout(conv, &room);
    Work w = work_of(conv, &conv->tile_forward, &room, weights);
    w.x = *x;
    w.y = *y;
    w.bias = bias;
    run(nt, &w);
}

void sim_conv_tile_rows_input(const SimConv *conv, size_t nt, const SimTensor *dy,
                              const float *weights, bool accumulate, const SimTensor *dx,
                              SimArena *arena)
{
    SimTileRowsRoom room;
    sim_conv_tile_rows_layout(&conv->shape, &conv->tile_input, arena, &room);
    Work w = work_of(conv, &conv->tile_input, &room, weights);
    w.x = *dy;
    w.y = *dx;
    w.accumulate = accumulate;
    run(nt, &w);
}
