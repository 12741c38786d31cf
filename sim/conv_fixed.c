/* sim/conv_fixed.c: forward from packed spikes with weights of 16 bits, spread over the
 * team.
 *
 *     q[.,k] = round(w[.,k] / scale[k]),   scale[k] = max |w[.,k]| / limit
 *     y[k]   = scale[k] * (sum of the rows q of all spikes) + start[k]
 *
 * A weight is off by at most half a scale: 1.5e-5 of the largest of its channel with
 * limit 32767. Where weights may keep 8 bits (bf16) the limit is 8191, 6.1e-5: four rows
 * then sum to 16 bits, which takes half the instructions. The sum itself is exact, so
 * that neither the team nor the cut nor the order changes a bit; only the result is
 * rounded. A channel whose largest weight is below 1e-33 counts as zeros; one with a
 * weight that is not finite gives NaN.
 *
 * Rows are copied block by block of outputs: a block stays in the second cache while all
 * images pass by, and its rows share all sets of it. */
#include "sim/conv_internal.h"

#include <float.h>
#include <math.h>

enum {
    BLOCK_BYTES = 5 << 18, /* of weights that stay in the second cache */
    NARROWEST = 64,        /* outputs that make a list worth while, but with */
    FEW_PIXELS = 64,       /* of output for each thread every thread has its own, */
    STEP = 32,             /* at least so many; the weights of one task */
    FEWEST_PIXELS = 32,    /* of a step, for which weights are worth making */
    LIMIT = 32767,
    LIMIT_OF_FOUR = 8191
};
_Static_assert(64 * SIM_FIXED_WORDS <= INT32_MAX / LIMIT, "a sum leaves 32 bits");

/* --- planning ------------------------------------------------------------------------
 */

static size_t width_of(size_t k_group, size_t n_blocks)
{
    return blocks(blocks(k_group, n_blocks), STEP) * STEP;
}

bool sim_conv_takes_fixed(const SimConvShape *s, const SimContext *context)
{
    const size_t c_group = s->c / s->groups, taps = s->kh * s->kw;
    return sim_precision_has_short_weights(context->precision) &&
           s->n * s->oh * s->ow >= FEWEST_PIXELS &&
           taps * (blocks(c_group, 64) + 1) <= SIM_FIXED_WORDS;
}

void sim_conv_fixed_plan(SimConv *conv)
{
    const SimConvShape *s = &conv->shape;
    const size_t threads = (size_t)conv->context->team.n_threads;
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    const size_t rows = s->kh * s->kw * c_group;
    if (conv->form != SIM_SPIKES || conv->break_even.forward <= 0.0 ||
        !sim_conv_takes_fixed(s, conv->context))
        return; /* f32 rows */
    const bool few = conv->max_steps * s->n * s->oh * s->ow < FEW_PIXELS * threads;
    size_t n = few ? smaller(threads, blocks(k_group, STEP)) : 1;
    while (width_of(k_group, n) > SIM_FIXED_WIDTH ||
           (width_of(k_group, n) > NARROWEST &&
            rows * width_of(k_group, n) * sizeof(int16_t) > BLOCK_BYTES))
        n++;
    conv->fixed = (SimConvFixed){.width = width_of(k_group, n),
                                 .four = conv->context->precision == SIM_PRECISION_BF16};
    conv->fixed.blocks = blocks(k_group, conv->fixed.width);
    conv->fixed.block_numbers = (rows + 1) * conv->fixed.width;
}

typedef struct Room {
    int16_t *rows; /* [groups * blocks, block_numbers] */
    float *scale;  /* [groups * blocks, width] */
} Room;

static Room layout(const SimConv *conv, SimArena *arena)
{
    const size_t n = conv->shape.groups * conv->fixed.blocks;
    Room room;
    room.rows = sim_arena_take(arena, n * conv->fixed.block_numbers * sizeof(int16_t));
    room.scale = sim_arena_take(arena, n * conv->fixed.width * sizeof(float));
    return room;
}

size_t sim_conv_fixed_bytes(const SimConv *conv)
{
    SimArena arena = {0};
    if (conv->fixed.width)
        layout(conv, &arena);
    return arena.used;
}

static Room room_at(const SimConv *conv, const void *memory)
{
    SimArena arena = {.base = (unsigned char *)(size_t)memory,
                      .size = sim_conv_fixed_bytes(conv)};
    return layout(conv, &arena);
}

/* --- weights -------------------------------------------------------------------------
 */

typedef struct Making {
    const SimConv *conv;
    const float *weights;
    Room room;
} Making;

static void make_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Making *m = argument;
    const SimConvShape *s = &m->conv->shape;
    const SimConvFixed *f = &m->conv->fixed;
    const SimKernels *kernels = &m->conv->context->kernels;
    const size_t k_group = s->k / s->groups, rows = s->kh * s->kw * (s->c / s->groups);
    const size_t per_block = f->width / STEP, block = index / per_block;
    const size_t column = index % per_block * STEP;
    const size_t k_in_group = block % f->blocks * f->width + column;
    int16_t *const to = m->room.rows + block * f->block_numbers + column;
    float *const scale = m->room.scale + block * f->width + column;
    memset(to + rows * f->width, 0, STEP * sizeof *to); /* the row of zeros */
    if (k_in_group >= k_group)
        return;
    const size_t n = smaller(STEP, k_group - k_in_group);
    const float *const from = m->weights + block / f->blocks * k_group + k_in_group;
    const float limit = f->four ? LIMIT_OF_FOUR : LIMIT;
    uint32_t largest[STEP] = {0};
    float factor[STEP] = {0};
    kernels->fixed_largest(rows, s->k, n, from, largest);
    for (size_t k = 0; k < n; k++) {
        float far;
        memcpy(&far, &largest[k], sizeof far);
        const bool is_some = isfinite(far) && far >= FLT_MIN * limit;
        factor[k] = is_some ? limit / far : 0.0f;
        scale[k] = is_some ? far / limit : isfinite(far) ? 0.0f : NAN;
    }
    kernels->fixed_rows(rows, s->k, n, from, factor, f->width, to);
}

void sim_conv_fixed_make(const SimConv *conv, const float *weights, void *memory)
{
    const SimConvFixed *f = &conv->fixed;
    Making m = {.conv = conv, .weights = weights, .room = room_at(conv, memory)};
    sim_team_run(&conv->context->team, conv->shape.groups * f->blocks * (f->width / STEP),
                 make_task, &m);
}

/* --- forward -------------------------------------------------------------------------
 */

typedef struct Forward {
    const SimConv *conv;
    const uint64_t *bits;
    Room room;
    const float *bias;
    SimNumbers y;                   /* from row 0 on */
    size_t n_rows, rows, row_tasks; /* all, of a task, tasks per block */
} Forward;

/* Rows of one block of outputs. */
static void forward_block(const Forward *f, size_t block, size_t first, size_t last)
{
    const SimConvShape *s = &f->conv->shape;
    const SimConvFixed *fixed = &f->conv->fixed;
    const size_t k_group = s->k / s->groups;
    const size_t k_in_group = block % fixed->blocks * fixed->width;
    const size_t k = block / fixed->blocks * k_group + k_in_group;
    const SimFixed weights = {.at = f->room.rows + block * fixed->block_numbers,
                              .width = fixed->width,
                              .scale = f->room.scale + block * fixed->width,
                              .start = f->bias ? f->bias + k : NULL,
                              .four = fixed->four};
    f->conv->context->kernels.conv_fixed_forward(
        s, first, last, k, k + smaller(fixed->width, k_group - k_in_group), f->bits,
        &weights, f->y);
}

static void forward_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Forward *f = argument;
    const size_t first = index % f->row_tasks * f->rows;
    forward_block(f, index / f->row_tasks, first, smaller(first + f->rows, f->n_rows));
}

void sim_conv_fixed_forward(const SimConv *conv, size_t nt, const uint64_t *bits,
                            const void *made, const float *bias, SimNumbers y)
{
    const SimConvShape *s = &conv->shape;
    const size_t threads = (size_t)conv->context->team.n_threads;
    const size_t n_blocks = s->groups * conv->fixed.blocks;
    Forward f = {.conv = conv,
                 .bits = bits,
                 .room = room_at(conv, made),
                 .bias = bias,
                 .y = y,
                 .n_rows = nt * s->n * s->oh};
    f.rows = blocks(f.n_rows, n_blocks % threads ? threads : 1);
    f.row_tasks = blocks(f.n_rows, f.rows);
    sim_team_run(&conv->context->team, n_blocks * f.row_tasks, forward_task, &f);
}

void sim_conv_fixed_rows(const SimConv *conv, const uint64_t *bits, const void *made,
                         const float *bias, size_t first, size_t last, float *y)
{
    const Forward f = {.conv = conv,
                       .bits = bits,
                       .room = room_at(conv, made),
                       .bias = bias,
                       .y = {.at = y - first * conv->shape.ow * conv->shape.k}};
    for (size_t block = 0; block < conv->shape.groups * conv->fixed.blocks; block++)
        forward_block(&f, block, first, last);
}
