/* sim/conv_tiles_weights.c: the gradient of the weights on tile units, spread over the
 * team.
 *
 * The unit sums over 32 numbers at a time: here the same pixel of SIM_STACK images, side
 * by side (sim/kernels.h, conv_stack.c).
 *
 * As many rows and stacks as the cache holds are laid out at a time, then every task sums
 * some blocks of weights over all of them. A weight is one sum in one order, whoever
 * computes it. */
#include "sim/conv_internal.h"

enum {
    TURN_BYTES = 3 << 20, /* of both factors at a time, */
    BAND_BYTES = 1 << 19, /* of one block of channels of them while taps pass by */
    TASKS = 4,            /* of a thread */
    BLOCK_NUMBERS = SIM_TILE_BLOCK * SIM_STACK, /* of a pixel */
    SUMS = SIM_TILE_BLOCK * SIM_TILE_BLOCK      /* of a unit */
};

/* Pieces of x, and how many of dy each of them meets. */
static void choose_pieces(SimConvTileWeights *t, SimPrecision precision, bool is_spikes)
{
    const bool split = precision == SIM_PRECISION_SPLIT;
    t->x_pieces = split && !is_spikes ? 2 : 1;
    t->dy_pieces[0] = split ? 2 : 1;
    t->dy_pieces[1] = 1;
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

static size_t x_numbers(const SimConvShape *s, size_t rows) /* of one piece */
{
    return c_blocks(s) * seen_rows(s, rows) * s->w * BLOCK_NUMBERS;
}

static size_t dy_numbers(const SimConvShape *s, size_t rows)
{
    return k_blocks(s) * rows * s->ow * BLOCK_NUMBERS;
}

/* A unit is a tap of a block of channels in and out. */
static size_t count_units(const SimConvShape *s)
{
    return c_blocks(s) * k_blocks(s) * s->kh * s->kw;
}

static size_t turn_bytes(const SimConv *conv, size_t rows)
{
    const SimConvTileWeights *t = &conv->tile_weights;
    return (t->x_pieces * x_numbers(&conv->shape, rows) +
            t->dy_pieces[0] * dy_numbers(&conv->shape, rows)) *
           sizeof(uint16_t);
}

void sim_conv_tile_weights_plan(SimConv *conv)
{
    const SimConvShape *s = &conv->shape;
    SimConvTileWeights *t = &conv->tile_weights;
    if (!sim_conv_has_pieces(s, conv->context))
        return;
    choose_pieces(t, conv->context->precision, conv->form == SIM_SPIKES);
    t->rows = s->oh;
    while (t->rows > 1 && turn_bytes(conv, t->rows) > TURN_BYTES)
        t->rows--;
    t->stacks = 1;
    if (t->rows == s->oh)
        t->stacks = smaller(larger(1, TURN_BYTES / turn_bytes(conv, t->rows)),
                            blocks(conv->max_steps * s->n, SIM_STACK));
}

void sim_conv_tile_weights_layout(const SimConv *conv, SimArena *arena,
                                  SimTileWeightsRoom *out)
{
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    *out = (SimTileWeightsRoom){0};
    for (size_t i = 0; i < t->x_pieces; i++)
        out->x[i] =
            sim_arena_take(arena, t->stacks * x_numbers(s, t->rows) * sizeof(uint16_t));
    for (size_t i = 0; i < t->dy_pieces[0]; i++)
        out->dy[i] =
            sim_arena_take(arena, t->stacks * dy_numbers(s, t->rows) * sizeof(uint16_t));
    out->sums = sim_arena_take(arena, count_units(s) * SUMS * sizeof(float));
}

typedef struct Work {
    const SimConv *conv;
    const SimTileWeightsRoom *room;
    const SimTensor *x, *dy;
    float *d_weights;
    SimConvBands bands;
    SimConvTurn turn;
    size_t x_rows;          /* of x, that the rows of the turn see */
    size_t x_tasks;         /* then those of dy */
    size_t per_task;        /* units */
    bool is_first, is_last; /* turn */
} Work;

/* --- laying out ------------------------------------------------------------------------
 */

/* Row of dy of one slot, or row of x that it sees; false where there is none. */
static bool find_row(const Work *w, size_t slot, size_t row, bool of_x, size_t *out)
{
    const SimConvShape *s = &w->conv->shape;
    size_t image, first;
    const bool there =
        sim_conv_slot(&w->bands, w->turn.first_stack * SIM_STACK + slot, &image, &first);
    first += w->turn.first_row;
    /* Above the image: very large. */
    const size_t at = of_x ? first * s->stride + row - s->pad : first + row;
    const size_t rows = of_x ? s->h : s->oh;
    *out = image * rows + at;
    return there && at < rows;
}

static void lay_x(const Work *w, size_t index)
{
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const SimKernels *kernels = &conv->context->kernels;
    const bool is_spikes = conv->form == SIM_SPIKES;
    const size_t width = is_spikes ? SIM_WORD_BITS : SIM_TILE_BLOCK;
    const size_t cuts = blocks(s->c, width), words = sim_words(s->c);
    const size_t first = index % cuts * width, row = index / cuts % w->x_rows;
    const size_t stack = index / cuts / w->x_rows, row_numbers = s->w * BLOCK_NUMBERS;
    const size_t block = w->turn.stacks * w->x_rows * row_numbers;
    const size_t at =
        first / SIM_TILE_BLOCK * block + (stack * w->x_rows + row) * row_numbers;
    const uint64_t *bits[SIM_STACK] = {0};
    const float *numbers[SIM_STACK] = {0};
    for (size_t i = 0; i < SIM_STACK; i++) {
        size_t from;
        if (!find_row(w, stack * SIM_STACK + i, row, true, &from))
            continue;
        if (is_spikes)
            bits[i] = w->x->bits + from * s->w * words + first / SIM_WORD_BITS;
        else
            numbers[i] = w->x->f32 + from * s->w * s->c + first;
    }
    const size_t c = smaller(s->c - first, width);
    if (is_spikes)
        kernels->stack_spikes(bits, s->w, words, c, block, w->room->x[0] + at);
    else
        for (size_t i = 0; i < conv->tile_weights.x_pieces; i++)
            kernels->stack_dense(numbers, s->w, s->c, (int)i, c, w->room->x[i] + at);
}

static void lay_dy(const Work *w, size_t index)
{
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const size_t block = index % k_blocks(s), k = block * SIM_TILE_BLOCK;
    const size_t row = index / k_blocks(s) % w->turn.rows;
    const size_t stack = index / k_blocks(s) / w->turn.rows;
    const size_t at =
        ((block * w->turn.stacks + stack) * w->turn.rows + row) * s->ow * BLOCK_NUMBERS;
    const bool is_bf16 = w->dy->form == SIM_BF16;
    const void *from[SIM_STACK] = {0};
    for (size_t i = 0; i < SIM_STACK; i++) {
        size_t image_row;
        if (!find_row(w, stack * SIM_STACK + i, row, false, &image_row))
            continue;
        const size_t number = image_row * s->ow * s->k + k;
        from[i] =
            is_bf16 ? (void *)(w->dy->bf16 + number) : (void *)(w->dy->f32 + number);
    }
    uint16_t *to[2] = {NULL, NULL};
    for (size_t i = 0; i < conv->tile_weights.dy_pieces[0]; i++)
        to[i] = w->room->dy[i] + at;
    conv->context->kernels.stack_pairs(from, is_bf16, s->ow, s->k,
                                       conv->tile_weights.dy_pieces[0],
                                       smaller(s->k - k, SIM_TILE_BLOCK), to);
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

/* --- sums ------------------------------------------------------------------------------
 */

typedef struct Unit {
    size_t c, k, tap; /* blocks */
} Unit;

static Unit unit_at(const SimConvShape *s, size_t index)
{
    const size_t taps = s->kh * s->kw;
    return (Unit){.c = index / taps / k_blocks(s),
                  .k = index / taps % k_blocks(s),
                  .tap = index % taps};
}

/* A unit over rows `row` to `end` of this turn. */
static void sum_unit(const Work *w, size_t index, size_t row, size_t end, float *sums)
{
    const SimConv *conv = w->conv;
    const SimConvShape *s = &conv->shape;
    const SimConvTileWeights *t = &conv->tile_weights;
    const Unit u = unit_at(s, index);
    const size_t ky = u.tap / s->kw, kx = u.tap % s->kw;
    size_t x0, y0;
    const size_t x1 = sim_conv_inside(kx, s->pad, s->stride, s->w, s->ow, &x0);
    const size_t y1 = sim_conv_inside(ky, s->pad, s->stride, s->h, s->oh, &y0);
    if (w->bands.n == 1) { /* what all images lack */
        row = larger(row, y0 > w->turn.first_row ? y0 - w->turn.first_row : 0);
        end = smaller(end, y1 > w->turn.first_row ? y1 - w->turn.first_row : 0);
    }
    if (x1 <= x0 || end <= row)
        return;
    const size_t x_row = s->w * BLOCK_NUMBERS, dy_row = s->ow * BLOCK_NUMBERS;
    const SimStackSums o = {
        .steps = {w->turn.stacks, end - row, x1 - x0},
        .x = {w->x_rows * x_row, s->stride * x_row, s->stride * BLOCK_NUMBERS},
        .dy = {w->turn.rows * dy_row, dy_row, BLOCK_NUMBERS},
        .c = smaller(s->c - u.c * SIM_TILE_BLOCK, SIM_TILE_BLOCK),
        .k = smaller(s->k - u.k * SIM_TILE_BLOCK, SIM_TILE_BLOCK)};
    const size_t x = (u.c * w->turn.stacks * w->x_rows + row * s->stride + ky) * x_row +
                     (x0 * s->stride + kx - s->pad) * BLOCK_NUMBERS;
    const size_t dy =
        (u.k * w->turn.stacks * w->turn.rows + row) * dy_row + x0 * BLOCK_NUMBERS;
    for (size_t i = 0; i < t->x_pieces; i++)
        for (size_t j = 0; j < t->dy_pieces[i]; j++)
            conv->context->kernels.stack_sums(&o, w->room->x[i] + x, w->room->dy[j] + dy,
                                              sums);
}

/* Sums in their tiles into [taps, C, K]. */
static void add_unit(const Work *w, size_t index, const float *sums)
{
    enum { SIDE = SIM_TILE_SIDE };
    const SimConvShape *s = &w->conv->shape;
    const Unit u = unit_at(s, index);
    const size_t c_first = u.c * SIM_TILE_BLOCK, k_first = u.k * SIM_TILE_BLOCK;
    const size_t n_c = smaller(s->c - c_first, SIM_TILE_BLOCK);
    const size_t n_k = smaller(s->k - k_first, SIM_TILE_BLOCK);
    for (size_t c = 0; c < n_c; c++)
        for (size_t k = 0; k < n_k; k += SIDE) {
            const float *from =
                sums + (c / SIDE * 2 + k / SIDE) * SIDE * SIDE + c % SIDE * SIDE;
            float *to = w->d_weights + (u.tap * s->c + c_first + c) * s->k + k_first + k;
            for (size_t i = 0; i < smaller(n_k - k, SIDE); i++)
                to[i] += from[i];
        }
}

/* Bands of rows stay in the cache while the units of the task pass by; where all is one
 * band and the only one, sums need no room of their own. */
static void sum_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvShape *s = &w->conv->shape;
    _Alignas(SIM_ALIGN) float own[SUMS];
    const size_t first = index * w->per_task;
    const size_t last = smaller(first + w->per_task, count_units(s));
    const size_t row_bytes =
        w->turn.stacks * (s->stride * s->w + s->ow) * BLOCK_NUMBERS * sizeof(uint16_t);
    const size_t band = larger(1, BAND_BYTES / row_bytes);
    const bool once = w->is_first && w->is_last && band >= w->turn.rows;
    for (size_t row = 0; row < w->turn.rows; row += band)
        for (size_t unit = first; unit < last; unit++) {
            float *const sums = once ? own : w->room->sums + unit * SUMS;
            if (w->is_first && row == 0)
                memset(sums, 0, SUMS * sizeof *sums);
            sum_unit(w, unit, row, smaller(row + band, w->turn.rows), sums);
            if (w->is_last && row + band >= w->turn.rows)
                add_unit(w, unit, sums);
        }
}

void sim_conv_tile_weights(const SimConv *conv, size_t nt, const SimTensor *x,
                           const SimTensor *dy, float *d_weights,
                           const SimTileWeightsRoom *room)
{
    const SimConvShape *s = &conv->shape;
    const SimTeam *team = &conv->context->team;
    const SimConvTileWeights *t = &conv->tile_weights;
    const size_t width = conv->form == SIM_SPIKES ? SIM_WORD_BITS : SIM_TILE_BLOCK;
    Work w = {.conv = conv,
              .room = room,
              .x = x,
              .dy = dy,
              .d_weights = d_weights,
              .bands = sim_conv_bands(nt * s->n, s->oh, 1),
              .is_first = true};
    w.per_task = blocks(count_units(s), TASKS * (size_t)team->n_threads);
    w.turn = sim_conv_first_turn(&w.bands, t->rows, t->stacks, 1);
    for (SimConvTurn next = w.turn; !w.is_last; w.turn = next, w.is_first = false) {
        w.is_last = !sim_conv_next_turn(&w.bands, &next);
        w.x_rows = seen_rows(s, w.turn.rows);
        w.x_tasks = w.turn.stacks * w.x_rows * blocks(s->c, width);
        sim_team_run(team, w.x_tasks + w.turn.stacks * w.turn.rows * k_blocks(s),
                     lay_task, &w);
        sim_team_run(team, blocks(count_units(s), w.per_task), sum_task, &w);
    }
}
