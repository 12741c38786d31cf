/* sim/conv_tiles_weights.c: the gradient of the weights on tile units, spread over the
 * team.
 *
 * The unit sums over 32 numbers at a time: here the same pixel of SIM_STACK images, side
 * by side (sim/kernels.h, conv_stack.c).
 *
 * All rows of dy of all stacks, one after the other, are cut into parts, whose number
 * depends on the sizes alone. A part is a sum in one order, and those of all parts are
 * added in theirs. Where weights are too many for several parts the channels of x are
 * cut, too. Each thread lays out for itself what its cache holds: some rows of its
 * channels of x, and one block of channels of dy after the other. */
#include "sim/conv_internal.h"

enum {
    CACHE_BYTES = 3 << 19,   /* of both factors laid out */
    PART_BYTES = 3 << 19,    /* of sums of all parts */
    PARTS = 8,               /* at most, */
    PART_ROWS = 3,           /* at least */
    PIXEL = SIM_STACK_PIXEL, /* numbers of a block of channels of a pixel */
    CUT = 2,                 /* blocks of channels of x, or a multiple: a word */
    TILE = SIM_TILE_SIDE * SIM_TILE_SIDE,
    SUMS = SIM_STACK_TAPS * 2 * TILE /* of a unit */
};

/* Pieces of x, and how many of dy each of them meets. */
static void choose_pieces(SimConvTileWeights *t, SimPrecision precision, bool one_piece)
{
    const size_t most = precision == SIM_PRECISION_BF16    ? 1
                        : precision == SIM_PRECISION_SPLIT ? 2
                                                           : 3;
    t->x_pieces = one_piece ? 1 : most;
    for (size_t i = 0; i < t->x_pieces; i++)
        t->dy_pieces[i] = most - i;
}

/* Rows of x that so many rows of dy see. */
static size_t seen_rows(const SimConvShape *s, size_t rows)
{
    return (rows - 1) * s->stride + s->kh;
}

static size_t c_blocks(const SimConvShape *s)
{
    return blocks(s->c, SIM_TILE_BLOCK);
}

static size_t k_blocks(const SimConvShape *s)
{
    return blocks(s->k, SIM_TILE_BLOCK);
}

/* Of the kernel and channels of x, as tiles see them: where it is flat the pixels beside
 * each other in x are further channels of the first. */
static size_t columns(const SimConvShape *s)
{
    return sim_conv_is_flat(s) ? 1 : s->kw;
}

static size_t channels(const SimConvShape *s)
{
    return sim_conv_is_flat(s) ? s->kw * s->c : s->c;
}

/* Taps of a row of the kernel go through the unit together. */
static size_t tap_groups(const SimConvShape *s)
{
    return blocks(columns(s), SIM_STACK_TAPS);
}

/* A unit is some taps of a block of channels in and half a block out. */
static size_t count_units(const SimConvShape *s)
{
    return c_blocks(s) * k_blocks(s) * 2 * s->kh * tap_groups(s);
}

static size_t pixel_numbers(const SimConvShape *s)
{
    return sim_conv_is_flat(s) ? s->c * SIM_STACK : PIXEL;
}

/* Odd, so that pixels below each other fall into different sets of the first cache; where
 * it is flat with a border, and with what a tile looks at behind it. */
static size_t row_numbers(const SimConvShape *s)
{
    return sim_conv_is_flat(s) ? (s->w + 2 * s->pad) * pixel_numbers(s) + PIXEL
                               : (s->w | 1) * PIXEL;
}

/* Rows of x in the ring while so many of dy are summed; rows outside are not laid. */
static size_t ring_rows(const SimConvShape *s, bool whole, size_t rows)
{
    const size_t seen = seen_rows(s, rows);
    return whole ? smaller(seen, s->h) : seen;
}

/* The most of them, whatever bands the images are cut into. */
static size_t x_numbers(const SimConv *conv, size_t rows) /* of one piece */
{
    const SimConvShape *s = &conv->shape;
    const size_t most = larger(ring_rows(s, true, rows),
                               ring_rows(s, false, smaller(rows, blocks(s->oh, 2))));
    return conv->tile_weights.c_cut * most * row_numbers(s);
}

static size_t dy_numbers(const SimConvShape *s, size_t rows)
{
    return rows * s->ow * PIXEL;
}

static size_t laid_bytes(const SimConv *conv, size_t rows)
{
    const SimConvTileWeights *t = &conv->tile_weights;
    return (t->x_pieces * x_numbers(conv, rows) +
            t->dy_pieces[0] * dy_numbers(&conv->shape, rows)) *
           sizeof(uint16_t);
}

/* Blocks of channels of x in a task: as many tasks as threads where parts are fewer. */
static size_t c_cut(const SimConvShape *s, size_t threads, size_t parts)
{
    const size_t cuts = smaller(blocks(threads, parts), blocks(c_blocks(s), CUT));
    return blocks(c_blocks(s), CUT * cuts) * CUT;
}

void sim_conv_tile_weights_plan(SimConv *conv)
{
    const SimConvShape *s = &conv->shape;
    SimConvTileWeights *t = &conv->tile_weights;
    const bool all = conv->is_whole && sim_conv_has_all_pieces(s, conv->context, true);
    if (!all && !sim_conv_has_pieces(s, conv->context))
        return;
    choose_pieces(t, conv->context->precision, conv->is_whole);
    t->threads = (size_t)conv->context->team.n_threads;
    const size_t sums = count_units(s) * SUMS * sizeof(float);
    t->parts = smaller(larger(PART_BYTES / sums, 1), smaller(PARTS, s->oh));
    t->c_cut = c_cut(s, t->threads, t->parts);
    t->rows = s->oh;
    while (t->rows > 1 && laid_bytes(conv, t->rows) > CACHE_BYTES)
        t->rows--;
}

void sim_conv_tile_weights_layout(const SimConv *conv, SimArena *arena,
                                  SimTileWeightsRoom *out)
{
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    *out = (SimTileWeightsRoom){.x_numbers = x_numbers(conv, t->rows),
                                .dy_numbers = dy_numbers(s, t->rows),
                                .n_rows = s->kh * t->rows};
    for (size_t i = 0; i < t->x_pieces; i++)
        out->x[i] = sim_arena_take(arena, t->threads * out->x_numbers * sizeof(uint16_t));
    for (size_t i = 0; i < t->dy_pieces[0]; i++)
        out->dy[i] =
            sim_arena_take(arena, t->threads * out->dy_numbers * sizeof(uint16_t));
    out->rows = sim_arena_take(arena, t->threads * out->n_rows * sizeof *out->rows);
    out->sums = sim_arena_take(arena, t->parts * count_units(s) * SUMS * sizeof(float));
}

typedef struct Work {
    const SimConv *conv;
    const SimTileWeightsRoom *room;
    const SimTensor *x, *dy;
    float *d_weights;
    SimConvBands bands;
    size_t all_rows, parts; /* of dy, of all stacks */
    size_t cuts, c_cut;     /* of the channels of x, blocks in each */
    size_t ring;            /* rows of x in it */
} Work;

typedef struct Task { /* what a thread is at */
    const Work *w;
    size_t thread, part;
    size_t c_first, c_last;            /* blocks */
    size_t stack, row, end;            /* of dy, now laid out */
    size_t n_rows[SIM_CONV_TILE_TAPS]; /* that see each row of the kernel */
    bool is_first, is_last;            /* rows of the part */
} Task;

static SimStackRow *rows_of(const Task *task, size_t ky)
{
    const SimTileWeightsRoom *room = task->w->room;
    return room->rows + task->thread * room->n_rows +
           ky * task->w->conv->tile_weights.rows;
}

/* --- laying out ------------------------------------------------------------------------
 */

/* Row of dy of one slot, or row of x that it sees; false where there is none. */
static bool find_row(const Task *task, size_t slot, size_t row, bool of_x, size_t *out)
{
    const SimConvShape *s = &task->w->conv->shape;
    size_t image, first;
    const bool there =
        sim_conv_slot(&task->w->bands, task->stack * SIM_STACK + slot, &image, &first);
    /* Above the image: very large. */
    const size_t at = of_x ? first * s->stride + row - s->pad : first + row;
    const size_t rows = of_x ? s->h : s->oh;
    *out = image * rows + at;
    return there && at < rows;
}

/* Whether a row of x that bands see is outside in every image. */
static bool is_outside(const Work *w, size_t row)
{
    return w->bands.n == 1 && row - w->conv->shape.pad >= w->conv->shape.h;
}

static void lay_x(const Task *task, size_t row)
{
    const Work *w = task->w;
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const SimKernels *kernels = &conv->context->kernels;
    const bool is_spikes = conv->form == SIM_SPIKES;
    const size_t width = is_spikes ? SIM_WORD_BITS : SIM_TILE_BLOCK;
    const size_t words = sim_words(s->c), block = w->ring * row_numbers(s);
    const size_t last = smaller(s->c, task->c_last * SIM_TILE_BLOCK);
    size_t from[SIM_STACK];
    bool there[SIM_STACK];
    for (size_t i = 0; i < SIM_STACK; i++)
        there[i] = find_row(task, i, row, true, &from[i]);
    for (size_t c = task->c_first * SIM_TILE_BLOCK; c < last; c += width) {
        const size_t at = task->thread * w->room->x_numbers +
                          (c / SIM_TILE_BLOCK - task->c_first) * block +
                          row % w->ring * row_numbers(s);
        const uint64_t *bits[SIM_STACK] = {0};
        const float *numbers[SIM_STACK] = {0};
        for (size_t i = 0; i < SIM_STACK; i++)
            if (there[i] && is_spikes)
                bits[i] = w->x->bits + from[i] * s->w * words + c / SIM_WORD_BITS;
            else if (there[i])
                numbers[i] = w->x->f32 + from[i] * s->w * s->c + c;
        const size_t n = smaller(s->c - c, width), pixel = pixel_numbers(s);
        for (size_t i = 0; i < conv->tile_weights.x_pieces; i++) {
            uint16_t *to = w->room->x[i] + at;
            if (sim_conv_is_flat(s)) {
                memset(to, 0, row_numbers(s) * sizeof *to);
                to += s->pad * pixel;
            }
            if (is_spikes)
                kernels->stack_spikes(bits, s->w, words, n, block, pixel, to);
            else
                kernels->stack_dense(numbers, s->w, s->c, (int)i, n, pixel, to);
        }
    }
}

/* One block of channels of the rows. */
static void lay_dy(const Task *task, size_t block)
{
    const Work *w = task->w;
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const size_t k = block * SIM_TILE_BLOCK;
    const bool is_bf16 = w->dy->form == SIM_BF16;
    for (size_t row = task->row; row < task->end; row++) {
        const void *from[SIM_STACK] = {0};
        for (size_t i = 0; i < SIM_STACK; i++) {
            size_t image_row;
            if (!find_row(task, i, row, false, &image_row))
                continue;
            const size_t number = image_row * s->ow * s->k + k;
            from[i] =
                is_bf16 ? (void *)(w->dy->bf16 + number) : (void *)(w->dy->f32 + number);
        }
        uint16_t *to[3] = {NULL, NULL, NULL};
        for (size_t i = 0; i < conv->tile_weights.dy_pieces[0]; i++)
            to[i] = w->room->dy[i] + task->thread * w->room->dy_numbers +
                    (row - task->row) * s->ow * PIXEL;
        conv->context->kernels.stack_pairs(from, is_bf16, s->ow, s->k,
                                           conv->tile_weights.dy_pieces[0],
                                           smaller(s->k - k, SIM_TILE_BLOCK), to);
    }
}

/* Rows of dy, and of x, that meet through each row of the kernel. */
static void list_rows(Task *task)
{
    const SimConvShape *s = &task->w->conv->shape;
    for (size_t ky = 0; ky < s->kh; ky++) {
        SimStackRow *const rows = rows_of(task, ky);
        task->n_rows[ky] = 0;
        for (size_t row = task->row; row < task->end; row++) {
            const size_t x = row * s->stride + ky;
            if (!is_outside(task->w, x))
                rows[task->n_rows[ky]++] =
                    (SimStackRow){.x = (uint32_t)(x % task->w->ring * row_numbers(s)),
                                  .dy = (uint32_t)((row - task->row) * s->ow * PIXEL)};
        }
    }
}

/* --- sums ------------------------------------------------------------------------------
 */

typedef struct Unit {
    size_t c, k;    /* block, half of one */
    size_t ky, tap; /* the first */
} Unit;

static size_t index_of(const SimConvShape *s, Unit u)
{
    return ((u.c * k_blocks(s) * 2 + u.k) * s->kh + u.ky) * tap_groups(s) +
           u.tap / SIM_STACK_TAPS;
}

/* A unit over the rows laid out. */
static void sum_unit(const Task *task, Unit u, float *sums)
{
    const Work *w = task->w;
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    SimStackSums o = {.rows = rows_of(task, u.ky),
                      .n_rows = task->n_rows[u.ky],
                      .columns = s->ow,
                      .x_first = ((ptrdiff_t)u.tap - (ptrdiff_t)s->pad) * PIXEL,
                      .x_step = s->stride * pixel_numbers(s),
                      .taps = smaller(columns(s) - u.tap, SIM_STACK_TAPS),
                      .c = smaller(channels(s) - u.c * SIM_TILE_BLOCK, SIM_TILE_BLOCK)};
    for (size_t i = 0; i < o.taps; i++)
        o.last[i] =
            sim_conv_inside(u.tap + i, s->pad, s->stride, s->w, s->ow, &o.first[i]);
    if (sim_conv_is_flat(s)) { /* with a border */
        o.x_first = 0;
        o.first[0] = 0;
        o.last[0] = s->ow;
    }
    const size_t x = task->thread * w->room->x_numbers +
                     (u.c - task->c_first) * w->ring * row_numbers(s);
    const size_t dy = task->thread * w->room->dy_numbers + u.k % 2 * 2 * SIM_TILE_SIDE;
    for (size_t i = 0; i < t->x_pieces; i++)
        for (size_t j = 0; j < t->dy_pieces[i]; j++)
            conv->context->kernels.stack_sums(&o, w->room->x[i] + x, w->room->dy[j] + dy,
                                              sums);
}

/* Sums in their tiles into [taps, C, K]. */
static void add_unit(const Work *w, Unit u, const float *sums)
{
    enum { SIDE = SIM_TILE_SIDE };
    const SimConvShape *s = &w->conv->shape;
    const size_t c_first = u.c * SIM_TILE_BLOCK, k = u.k * SIDE;
    const size_t n_c = smaller(channels(s) - c_first, SIM_TILE_BLOCK),
                 n_k = smaller(s->k - k, SIDE);
    for (size_t tap = u.tap; tap < smaller(columns(s), u.tap + SIM_STACK_TAPS); tap++)
        for (size_t c = 0; c < n_c; c++) {
            const float *const from = sums + (tap - u.tap) * 2 * TILE + c * SIDE;
            float *const to =
                w->d_weights + ((u.ky * s->kw + tap) * s->c + c_first + c) * s->k + k;
            for (size_t i = 0; i < n_k; i++)
                to[i] += from[i];
        }
}

/* All units of one block of dy. */
static void sum_block(const Task *task, size_t block)
{
    const Work *w = task->w;
    const SimConvShape *s = &w->conv->shape;
    _Alignas(SIM_ALIGN) float own[SUMS];
    const bool alone = w->parts == 1;
    const bool once = alone && task->is_first && task->is_last; /* needs no room */
    float *const part = w->room->sums + task->part * count_units(s) * SUMS;
    Unit u;
    for (u.c = task->c_first; u.c < task->c_last; u.c++)
        for (u.k = 2 * block; u.k * SIM_TILE_SIDE < s->k && u.k < 2 * block + 2; u.k++)
            for (u.ky = 0; u.ky < s->kh; u.ky++)
                for (u.tap = 0; u.tap < columns(s); u.tap += SIM_STACK_TAPS) {
                    float *const sums = once ? own : part + index_of(s, u) * SUMS;
                    if (task->is_first)
                        memset(sums, 0, SUMS * sizeof *sums);
                    sum_unit(task, u, sums);
                    if (alone && task->is_last)
                        add_unit(w, u, sums);
                }
}

static size_t part_first(const Work *w, size_t part)
{
    return w->all_rows * part / w->parts;
}

static void part_task(void *argument, size_t index, size_t thread)
{
    const Work *w = argument;
    const SimConvShape *s = &w->conv->shape;
    const SimConvTileWeights *t = &w->conv->tile_weights;
    const size_t part = index / w->cuts;
    const size_t first = part_first(w, part), last = part_first(w, part + 1);
    Task task = {.w = w, .thread = thread, .part = part};
    task.c_first = index % w->cuts * w->c_cut;
    task.c_last = smaller(task.c_first + w->c_cut, c_blocks(s));
    size_t laid = 0; /* rows of x of the stack */
    for (size_t at = first; at < last; at += task.end - task.row) {
        const size_t stack = at / w->bands.rows;
        if (at == first || stack != task.stack)
            laid = 0;
        task.stack = stack;
        task.row = at % w->bands.rows;
        task.end = smaller(task.row + smaller(t->rows, last - at), w->bands.rows);
        task.is_first = at == first;
        task.is_last = at + (task.end - task.row) == last;
        const size_t x_end = (task.end - 1) * s->stride + s->kh;
        for (laid = larger(laid, task.row * s->stride); laid < x_end; laid++)
            if (!is_outside(w, laid))
                lay_x(&task, laid);
        list_rows(&task);
        for (size_t block = 0; block < k_blocks(s); block++) {
            lay_dy(&task, block);
            sum_block(&task, block);
        }
    }
}

/* The parts of all units of a block of channels. */
static void add_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvShape *s = &w->conv->shape;
    Unit u = {.c = index / (2 * k_blocks(s)), .k = index % (2 * k_blocks(s))};
    if (u.k * SIM_TILE_SIDE >= s->k)
        return;
    for (u.ky = 0; u.ky < s->kh; u.ky++)
        for (u.tap = 0; u.tap < columns(s); u.tap += SIM_STACK_TAPS)
            for (size_t part = 0; part < w->parts; part++)
                add_unit(w, u,
                         w->room->sums + (part * count_units(s) + index_of(s, u)) * SUMS);
}

void sim_conv_tile_weights(const SimConv *conv, size_t nt, const SimTensor *x,
                           const SimTensor *dy, float *d_weights,
                           const SimTileWeightsRoom *room)
{
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    const SimTeam team = {
        .n_threads = (int)smaller(t->threads, (size_t)conv->context->team.n_threads)};
    Work w = {.conv = conv,
              .room = room,
              .x = x,
              .dy = dy,
              .d_weights = d_weights,
              .bands = sim_conv_bands(SIM_STACK, nt * s->n, s->oh, 1)};
    w.all_rows = sim_conv_stacks(&w.bands) * w.bands.rows;
    /* A thread more is worth a row that two lay out. */
    const size_t least = c_blocks(s) > CUT ? 1 : smaller(2, w.all_rows);
    w.parts = smaller(t->parts, larger(least, w.all_rows / PART_ROWS));
    w.c_cut = c_cut(s, t->threads, w.parts);
    w.cuts = blocks(c_blocks(s), w.c_cut);
    w.ring = ring_rows(s, w.bands.n == 1, smaller(t->rows, w.bands.rows));
    sim_team_run(&team, w.parts * w.cuts, part_task, &w);
    if (w.parts > 1)
        sim_team_run(&team, c_blocks(s) * k_blocks(s) * 2, add_task, &w);
}
