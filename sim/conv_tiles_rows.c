/* sim/conv_tiles_rows.c: forward, and the gradient of the input, on tile units, spread
 * over the team.
 *
 * The sum of an output goes over blocks of channels, in each over its taps, however
 * images and time are cut.
 *
 * The rows of tiles are a few neighbouring pixels of a few images (or of bands of their
 * rows, conv_stack.c), laid out image by image, so that the next tap begins a pixel
 * later:
 *
 *     x    A0 B0 C0 D0 A1 B1 C1 D1 A2 B2 C2 D2 ..     4 images, columns 0, 1, 2
 *         |_________________|                         4 images x 2 pixels through tap 0
 *                     |_________________|             and through tap 1
 *
 * All taps so find x in the first cache. With strides forward the columns between lie in
 * planes of their own; the other way round every stride-th output sees the same taps.
 *
 * In bytes (spikes, small whole numbers) such a pixel is 64 channels; or there is one
 * image, whose rows are what the tiles take, where they fill them: the numbers of the
 * next pixels lie right behind.
 *
 * A task is a block of outputs of a few rows of a stack. Each thread lays out the rows of
 * x that its tasks see, in a ring that its own cache holds:
 *
 *     x    0 1 2 3 4 5 6 7 ..          rows of y    0 1 | 2 3 | 4 5 | ..
 *         |_______|
 *             |_______|     the next rows take the place of those that nobody sees
 *
 * Nobody waits for another thread, and what the next task sees already lies there. */
#include "sim/conv_tiles_internal.h"

enum { LAY_PIXELS = 8 /* of x at a time, image by image */ };

/* Input that output `o`, counted from the first, sees through tap k, counted from the
 * first it may see; false where the tap has no part in it. */
static bool sees(const SimConvShape *s, bool forward, size_t o, size_t k, size_t *out)
{
    const size_t st = s->stride, first = sim_tile_reach(s, forward);
    *out = forward ? o * st + k : (o + s->pad + first * st - k) / st;
    return forward || (o + s->pad + first * st - k) % st == 0;
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
    bool accumulate;
} Work;

/* --- x ---------------------------------------------------------------------------------
 */

/* `n` pixels of a row of x, from pixel `from`; not `there`: zeros. */
static void lay_pixels(const Work *w, size_t piece, bool there, size_t from, size_t n,
                       uint16_t *to)
{
    const SimConvShape *s = &w->conv->shape;
    const SimKernels *kernels = &w->conv->context->kernels;
    const size_t c = w->t->c;
    const size_t skip = w->t->forward ? s->stride : 1;
    const SimLay lay = {.pixels = n,
                        .c = c,
                        .skip = skip * (w->x.form == SIM_SPIKES ? sim_words(c) : c),
                        .block = w->ring * w->t->row,
                        .pixel = w->t->pixel_numbers};
    switch (w->x.form) {
    case SIM_SPIKES:
        kernels->lay_spikes(&lay, there ? w->x.bits + from * sim_words(c) : NULL, to);
        break;
    case SIM_DENSE:
        kernels->lay_piece(&lay, (int)piece, there ? w->x.f32 + from * c : NULL, to);
        break;
    case SIM_BF16: /* one piece is all there is */
        kernels->lay_bf16(&lay, there && piece == 0 ? w->x.bf16 + from * c : NULL, to);
        break;
    }
}

typedef struct Row {           /* of x, of all images of a stack */
    size_t from[SIM_STACK], n; /* pixels where it begins in x */
    bool there[SIM_STACK];
    size_t thread, at; /* numbers in the ring */
} Row;

static void lay_plane(const Work *w, const Row *row, size_t plane)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    const size_t skip = t->forward ? s->stride : 1, left = sim_tile_reach(s, t->forward);
    const size_t all = t->plane;
    const size_t first = left > plane ? blocks(left - plane, skip) : 0;
    const size_t x = first * skip + plane - left;
    const size_t last = smaller(all, first + (x < t->x_w ? blocks(t->x_w - x, skip) : 0));
    for (size_t p = 0, n; p < all; p += n) {
        const bool inside = p >= first && p < last;
        n = inside ? smaller(LAY_PIXELS, last - p) : (p < first ? first : all) - p;
        for (size_t i = 0; i < row->n; i++)
            for (size_t piece = 0; piece < t->x_pieces; piece++)
                lay_pixels(w, piece, inside && row->there[i],
                           row->from[i] + x + (p - first) * skip, n,
                           w->room->x[piece] + row->thread * w->room->x_numbers +
                               row->at + (plane * all + p) * t->pixel_numbers +
                               i * SIM_TILE_BLOCK);
    }
}

/* A row of one image, of which `n` numbers from its first are in the line. */
static void fill_line(const Work *w, size_t from, size_t n, unsigned char *line)
{
    const SimKernels *kernels = &w->conv->context->kernels;
    const size_t c = w->conv->shape.c;
    if (w->x.form == SIM_SPIKES) {
        const uint64_t *const bits = w->x.bits + from * sim_words(c);
        if (w->t->bytes)
            kernels->bytes_of_spikes(n / c, c, bits, line);
        else
            kernels->spikes_unpack(n / c, c, bits, (float *)(void *)line);
    } else if (w->t->bytes) {
        kernels->bytes_of_whole(n, w->x.f32 + from * c, line);
    } else {
        numbers_of(kernels, &w->x, from * c, n, (float *)(void *)line);
    }
}

/* For each output the numbers that it sees of the row, side by side where it is flat. */
static void lay_line(const Work *w, const Row *row)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    const SimKernels *kernels = &w->conv->context->kernels;
    const size_t size = t->bytes ? 1 : sizeof(float), left = s->pad * s->c;
    const size_t inside = smaller(t->x_w * s->c, t->line - smaller(t->line, left));
    const size_t unit = t->bytes ? sizeof(uint16_t) : 1; /* of places laid out */
    const SimLay lay = {.pixels = t->plane,
                        .c = t->c,
                        .skip = s->stride * s->c,
                        .block = w->ring * t->row * unit,
                        .pixel = t->pixel_numbers * unit};
    uint16_t *const first = w->room->x[0] + row->thread * w->room->x_numbers + row->at;
    unsigned char *const line = t->plain
                                    ? (unsigned char *)first
                                    : w->room->line + row->thread * w->room->line_bytes;
    memset(line, 0, t->line * size);
    for (size_t i = 0; i < row->n; i++) {
        if (row->there[i])
            fill_line(w, row->from[i], inside, line + left * size);
        for (size_t p = 0; p < (t->plain ? 0 : t->planes); p++)
            for (size_t piece = 0; piece < t->x_pieces; piece++) {
                uint16_t *const to = w->room->x[piece] +
                                     row->thread * w->room->x_numbers + row->at +
                                     p * t->plane * t->pixel_numbers + i * SIM_TILE_BLOCK;
                const unsigned char *const from =
                    row->there[i] ? line + p * s->c * size : NULL;
                if (t->bytes)
                    kernels->lay_bytes(&lay, from, (uint8_t *)to);
                else
                    kernels->lay_piece(&lay, (int)piece,
                                       (const float *)(const void *)from, to);
            }
    }
}

/* Row `row` of x of a stack, counted from the first that its bands may see. Outside are
 * zeros, what is no image is never looked at. */
static void lay_row(const Work *w, size_t stack, size_t row, size_t thread)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    Row r = {.thread = thread, .at = row % w->ring * w->t->row};
    for (size_t image, first;
         r.n < t->images &&
         sim_conv_slot(&w->bands, stack * t->images + r.n, &image, &first);
         r.n++) {
        /* Above the image: very large. */
        const size_t x_row = (t->forward ? first * s->stride : first / s->stride) + row -
                             sim_tile_reach(s, t->forward);
        r.there[r.n] = x_row < t->x_h;
        r.from[r.n] = (image * t->x_h + x_row) * t->x_w;
    }
    const bool in_line = t->is_flat || t->bytes;
    if (in_line)
        lay_line(w, &r);
    for (size_t plane = 0; plane < t->planes && !in_line; plane++)
        lay_plane(w, &r, plane);
}

/* --- products --------------------------------------------------------------------------
 */

/* Whether a row of x that bands see is outside in every image, or between those that are
 * seen. */
static bool is_unseen(const Work *w, size_t row)
{
    const SimConvShape *s = &w->conv->shape;
    return (w->bands.n == 1 && row - sim_tile_reach(s, w->t->forward) >= w->t->x_h) ||
           (w->t->forward && row % s->stride >= s->kh);
}

/* Taps along one axis, of each those outputs that see it: every `step`-th from `phase`.
 */
typedef struct Axis {
    size_t n;
    SimStackTap taps[SIM_CONV_TILE_TAPS];
    size_t phase[SIM_CONV_TILE_TAPS];
} Axis;

static void list_columns(const Work *w, Axis *out)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    const size_t skip = t->forward ? s->stride : 1, plane = w->t->plane;
    out->n = 0;
    for (size_t phase = 0; phase < smaller(t->step, t->y_w); phase++)
        for (size_t k = 0; k < t->kw; k++) {
            size_t at;
            if (!sees(s, t->forward, phase, k, &at))
                continue;
            const size_t column =
                t->plain ? at * s->c / 2
                         : (at % skip * plane + at / skip) * t->pixel_numbers;
            out->phase[out->n] = phase;
            out->taps[out->n++] =
                (SimStackTap){.x = (uint32_t)column, .w = (uint32_t)(k * t->tap_numbers)};
        }
}

static void list_row(const Work *w, size_t row, Axis *out)
{
    const SimConvShape *s = &w->conv->shape;
    out->n = 0;
    for (size_t k = 0; k < s->kh; k++) {
        size_t at;
        if (sees(s, w->t->forward, row, k, &at) && !is_unseen(w, at))
            out->taps[out->n++] =
                (SimStackTap){.x = (uint32_t)(at % w->ring * w->t->row),
                              .w = (uint32_t)(k * w->t->kw * w->t->tap_numbers)};
    }
}

/* What the pixels of a row see that follow `phase` in steps; returns how many. */
static uint32_t list_taps(const Axis *down, const Axis *along, size_t phase,
                          SimStackTap *out)
{
    uint32_t n = 0;
    for (size_t i = 0; i < down->n; i++)
        for (size_t j = 0; j < along->n; j++)
            if (along->phase[j] == phase)
                out[n++] = (SimStackTap){.x = down->taps[i].x + along->taps[j].x,
                                         .w = down->taps[i].w + along->taps[j].w};
    return n;
}

/* Blocks of rows `first` to `last` of y of a stack; returns how many. */
static size_t list_blocks(const Work *w, size_t stack, size_t first, size_t last,
                          size_t thread)
{
    const SimConvTileRows *t = w->t;
    SimStackTap *const taps = w->room->taps + thread * w->room->n_taps;
    SimStackBlock *const list = w->room->blocks + thread * w->room->n_blocks;
    size_t rows[SIM_STACK] = {0}; /* of each image */
    for (size_t i = 0, image, above; i < t->images; i++)
        if (sim_conv_slot(&w->bands, stack * t->images + i, &image, &above))
            rows[i] = t->y_h - smaller(t->y_h, above);
    Axis down, along;
    list_columns(w, &along);
    uint32_t count = 0;
    size_t n = 0;
    for (size_t row = first; row < last; row++) {
        uint32_t wanted = 0;
        for (size_t i = 0; i < SIM_STACK; i++)
            wanted |= (uint32_t)(row < rows[i % t->images]) << i;
        list_row(w, row, &down);
        for (size_t phase = 0; phase < smaller(t->step, t->y_w); phase++) {
            const uint32_t begin = count;
            count += list_taps(&down, &along, phase, taps + count);
            if (count == begin && w->accumulate)
                continue; /* nothing to add */
            size_t there = blocks(t->y_w - phase, t->step) * t->images; /* rows */
            for (size_t i = 0; there > 0; i++) {
                const size_t here = smaller(there, SIM_STACK);
                list[n++] = (SimStackBlock){
                    .x = (uint32_t)(i * t->pixels * t->pixel_numbers),
                    .y = (uint32_t)((row - first) * t->y_w + phase +
                                    i * t->pixels * t->step),
                    .first = begin,
                    .last = count,
                    .wanted = wanted & (~(uint32_t)0 >> (SIM_STACK - here))};
                there -= here;
            }
        }
    }
    return n;
}

/* Lays out and lists what rows `first` to `last` of y see, as far as the task before has
 * not done so. */
static void prepare(const Work *w, size_t stack, size_t first, size_t last, size_t thread)
{
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileRows *t = w->t;
    SimTileRowsThread *const has = w->room->threads + thread;
    const size_t from = t->forward ? first * s->stride : first / s->stride;
    const size_t to = from + sim_tile_seen_rows(s, t->forward, last - first);
    size_t n = has->n_blocks;
    const bool is_full = w->bands.n == 1 && (stack + 1) * t->images <= w->bands.images;
    if (!has->is_used || has->first_row != first ||
        (has->stack != stack && !(is_full && has->is_full)))
        n = list_blocks(w, stack, first, last, thread);
    if (!has->is_used || has->stack != stack || from < has->laid_first ||
        from > has->laid_to)
        has->laid_first = has->laid_to = from;
    for (size_t row = has->laid_to; row < to; row++)
        if (!is_unseen(w, row))
            lay_row(w, stack, row, thread);
    *has = (SimTileRowsThread){.is_used = true,
                               .is_full = is_full,
                               .stack = stack,
                               .first_row = first,
                               .n_blocks = n,
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
    const size_t k = block * SIM_TILE_BLOCK;
    const bool is_bf16 = w->y.form == SIM_BF16;
    prepare(w, stack, first, last, thread);
    SimStackRows rows = {.todo = room->blocks + thread * room->n_blocks,
                         .n_todo = room->threads[thread].n_blocks,
                         .taps = room->taps + thread * room->n_taps,
                         .blocks = t->c_blocks,
                         .x_block = t->plain ? SIM_TILE_BLOCK : w->ring * t->row,
                         .x_row = t->plain ? 2 * t->pixel_numbers : SIM_BYTE_BLOCK,
                         .w_block = w->taps * t->tap_numbers,
                         .x_pieces = t->x_pieces,
                         .k = smaller(t->k - k, SIM_TILE_BLOCK),
                         .y_step = t->k,
                         .bias = w->bias ? w->bias + k : NULL,
                         .y_bf16 = is_bf16,
                         .accumulate = w->accumulate};
    memcpy(rows.w_pieces, t->w_pieces, sizeof rows.w_pieces);
    for (size_t i = 0; i < t->x_pieces; i++)
        rows.x[i] = room->x[i] + thread * room->x_numbers;
    const size_t all = t->c_blocks * rows.w_block;
    for (size_t i = 0; i < t->w_pieces[0] && !t->bytes; i++)
        rows.w[i] = room->w[i] + block * all;
    for (size_t i = 0; i < SIM_TILE_BLOCK / SIM_TILE_SIDE && t->bytes; i++)
        rows.w[i] = room->w[0] + (block * SIM_TILE_BLOCK / SIM_TILE_SIDE + i) * all;
    rows.scale = t->bytes ? room->scale + k : NULL;
    for (size_t i = 0; i < SIM_STACK; i++) {
        size_t image, row;
        if (!sim_conv_slot(&w->bands, stack * t->images + i % t->images, &image, &row))
            continue;
        const size_t number =
            ((image * t->y_h + row + first) * t->y_w + i / t->images * t->step) * t->k +
            k;
        rows.y[i] = is_bf16 ? (void *)(w->y.bf16 + number) : (void *)(w->y.f32 + number);
    }
    const SimKernels *const kernels = &w->conv->context->kernels;
    if (t->bytes)
        kernels->stack_bytes(&rows);
    else
        kernels->stack_rows(&rows);
}

static void run(size_t nt, Work *w)
{
    const SimConvTileRows *t = w->t;
    const SimConvShape *s = &w->conv->shape;
    const SimTeam team = {
        .n_threads = (int)smaller(t->threads, (size_t)w->conv->context->team.n_threads)};
    w->bands = sim_conv_bands(t->images, nt * s->n, t->y_h, t->step);
    const size_t stacks = sim_conv_stacks(&w->bands);
    const size_t all = stacks * w->k_blocks * w->bands.rows;
    const size_t rows =
        t->plain ? smaller(t->rows, larger(1, all / SIM_TILE_TASKS)) : t->rows;
    w->turns = blocks(w->bands.rows, rows); /* of about the same size */
    w->rows = blocks(w->bands.rows, w->turns * t->step) * t->step;
    w->ring = sim_tile_ring_rows(s, t, w->bands.n == 1, w->rows);
    for (size_t i = 0; i < t->threads; i++)
        w->room->threads[i].is_used = false;
    if (!(t->forward && w->conv->is_held))
        sim_conv_tile_pack(w->conv, t, w->weights, w->room);
    sim_team_run(&team, stacks * w->turns * w->k_blocks, rows_task, w);
}

static Work work_of(const SimConv *conv, const SimConvTileRows *t,
                    const SimTileRowsRoom *room, const float *weights)
{
    return (Work){.conv = conv,
                  .t = t,
                  .room = room,
                  .taps = conv->shape.kh * t->kw,
                  .k_blocks = blocks(t->k, SIM_TILE_BLOCK),
                  .weights = weights};
}

void sim_conv_tile_rows_forward(const SimConv *conv, size_t nt, const SimTensor *x,
                                const float *weights, const float *bias,
                                const SimTensor *y, SimArena *arena)
{
    SimTileRowsRoom room;
    sim_conv_tile_rows_layout(&conv->shape, &conv->tile_forward, arena, &room);
    if (conv->is_held)
        sim_conv_tile_held(conv, &room);
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
