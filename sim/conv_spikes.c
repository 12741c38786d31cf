/* sim/conv_spikes.c: the spike kernels spread over the team, in blocks that stay in the
 * cache. Work is cut by output alone, so neither the team nor the cut changes a bit. */
#include "sim/conv_internal.h"

#include <string.h>

enum {
    K_BLOCK = 128,                /* output channels of a forward task */
    WEIGHT_BYTES = 320 * 1024,    /* weights that stay in cache while pixels pass by */
    TAP_BYTES = 32 * 1024,        /* the same with many spikes: the first cache */
    STRIP_BYTES = 64 * 1024,      /* of y that pass by then */
    INPUT_WEIGHT_BYTES = 1 << 20, /* the same for the gradient of the input */
    SUB_BYTES = 384 * 1024,       /* of dy that stay in cache while channels pass by */
    BATCH_BYTES = 16 << 20,       /* lists and dy with its border at once */
    TASKS = 16,                   /* wanted at least, where there is work for them */
    C_BLOCK = 32                  /* input channels of a weights task */
};

static const double dense_enough = 0.12; /* of the input, for taps one by one */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t blocks(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

/* Rows of a task so that there are TASKS of them over `others` blocks of channels. */
static size_t rows_per_task(size_t n_rows, size_t others)
{
    return larger(1, n_rows * others / TASKS);
}

/* --- forward -------------------------------------------------------------------------
 */

typedef struct Forward {
    const SimConv *conv;
    const uint64_t *bits;
    const float *weights, *bias;
    float *y;
    size_t n_rows, rows, row_tasks; /* all, of a task, tasks per block of channels */
    size_t k_block, c_block, tap_block, strip; /* strip: rows */
} Forward;

static void forward_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Forward *f = argument;
    const SimConvShape *s = &f->conv->shape;
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    const size_t k_blocks = blocks(k_group, f->k_block);
    const size_t first = index % f->row_tasks * f->rows;
    const size_t last = smaller(first + f->rows, f->n_rows);
    const size_t group = index / f->row_tasks / k_blocks;
    const size_t k_in_group = index / f->row_tasks % k_blocks * f->k_block;
    const size_t k = group * k_group + k_in_group;
    const size_t k_last = k + smaller(f->k_block, k_group - k_in_group);
    for (size_t p = first * s->ow; p < last * s->ow; p++)
        if (f->bias)
            memcpy(f->y + p * s->k + k, f->bias + k, (k_last - k) * sizeof *f->y);
        else
            memset(f->y + p * s->k + k, 0, (k_last - k) * sizeof *f->y);
    const size_t taps = s->kh * s->kw;
    for (size_t c = 0; c < c_group; c += f->c_block)
        for (size_t strip = first; strip < last; strip += f->strip)
            for (size_t tap = 0; tap < taps; tap += f->tap_block)
                f->conv->context->kernels.conv_spikes_forward(
                    s, strip, smaller(strip + f->strip, last), tap,
                    smaller(tap + f->tap_block, taps), k, k_last, group * c_group + c,
                    group * c_group + smaller(c + f->c_block, c_group), f->bits,
                    f->weights, f->y);
}

void sim_conv_spikes_forward(const SimConv *conv, size_t nt, const uint64_t *bits,
                             const float *weights, const float *bias, float *y)
{
    const SimConvShape *s = &conv->shape;
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    Forward f = {.conv = conv,
                 .bits = bits,
                 .weights = weights,
                 .bias = bias,
                 .y = y,
                 .n_rows = nt * s->n * s->oh,
                 .k_block = smaller(K_BLOCK, k_group)};
    /* The block of input channels decides the order of additions, so it is a function of
     * the shape alone. */
    const size_t channel_bytes = s->kh * s->kw * f.k_block * sizeof(float);
    f.c_block = larger(64, WEIGHT_BYTES / channel_bytes / 64 * 64);
    f.c_block = smaller(f.c_block, c_group);
    /* With many spikes it pays to take a strip of pixels through one tap after the other,
     * whose weights then stay in the first cache; the order of additions is the same. */
    f.tap_block = s->kh * s->kw;
    f.strip = f.n_rows;
    const size_t ones = conv->context->kernels.spikes_count(
        nt * s->n * s->h * s->w * sim_words(s->c), bits);
    if ((double)ones > dense_enough * (double)(nt * s->n * s->h * s->w * s->c)) {
        const size_t tap_bytes = f.c_block * f.k_block * sizeof(float);
        f.tap_block = smaller(larger(1, TAP_BYTES / tap_bytes), f.tap_block);
        f.strip = larger(1, STRIP_BYTES / (s->ow * f.k_block * sizeof(float)));
    }
    const size_t k_tasks = s->groups * blocks(k_group, f.k_block);
    f.rows = rows_per_task(f.n_rows, k_tasks);
    f.row_tasks = blocks(f.n_rows, f.rows);
    sim_team_run(&conv->context->team, k_tasks * f.row_tasks, forward_task, &f);
}

/* --- gradient of the input ------------------------------------------------------------
 */

typedef struct Input {
    const SimConv *conv;
    const uint64_t *active;
    const float *dy, *weights;
    bool accumulate;
    float *dx;
    size_t n_rows, rows, row_tasks, c_block;
} Input;

static void input_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Input *in = argument;
    const SimConvShape *s = &in->conv->shape;
    const size_t c_group = s->c / s->groups, c_blocks = blocks(c_group, in->c_block);
    const size_t first = index % in->row_tasks * in->rows;
    const size_t last = smaller(first + in->rows, in->n_rows);
    const size_t c_in_group = index / in->row_tasks % c_blocks * in->c_block;
    const size_t c = index / in->row_tasks / c_blocks * c_group + c_in_group;
    const size_t c_last = c + smaller(in->c_block, c_group - c_in_group);
    if (!in->accumulate)
        for (size_t p = first * s->w; p < last * s->w; p++)
            memset(in->dx + p * s->c + c, 0, (c_last - c) * sizeof *in->dx);
    in->conv->context->kernels.conv_spikes_input(s, first, last, c, c_last, in->active,
                                                 in->dy, in->weights, in->dx);
}

void sim_conv_spikes_input(const SimConv *conv, size_t nt, const uint64_t *active,
                           const float *dy, const float *weights, bool accumulate,
                           float *dx)
{
    const SimConvShape *s = &conv->shape;
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    const size_t channel_bytes = s->kh * s->kw * k_group * sizeof(float);
    Input in = {.conv = conv,
                .active = active,
                .dy = dy,
                .weights = weights,
                .accumulate = accumulate,
                .dx = dx,
                .n_rows = nt * s->n * s->h,
                .c_block = smaller(
                    larger(64, INPUT_WEIGHT_BYTES / channel_bytes / 64 * 64), c_group)};
    const size_t c_tasks = s->groups * blocks(c_group, in.c_block);
    in.rows = rows_per_task(in.n_rows, c_tasks);
    in.row_tasks = blocks(in.n_rows, in.rows);
    sim_team_run(&conv->context->team, c_tasks * in.row_tasks, input_task, &in);
}

/* --- gradient of the weights ----------------------------------------------------------
 */

void sim_conv_gather_layout(const SimConv *conv, SimArena *arena, SimConvGather *out)
{
    const SimConvShape *s = &conv->shape;
    SimConvGather g = {.top = (s->kh - 1) / s->stride,
                       .left = (s->kw - 1) / s->stride,
                       .classes = s->stride * s->stride};
    g.rows = (s->h - 1 + s->pad) / s->stride + 1 + g.top;
    g.columns = (s->w - 1 + s->pad) / s->stride + 1 + g.left;
    g.k_blocks = s->groups * blocks(s->k / s->groups, SIM_ROW);
    const size_t images = conv->max_steps * s->n;
    const size_t block_bytes = g.rows * g.columns * SIM_ROW * sizeof(float);
    g.sub = smaller(larger(1, SUB_BYTES / block_bytes), images);
    g.capacity = g.sub * blocks(s->h, s->stride) * blocks(s->w, s->stride);
    const size_t list_entries = g.classes * s->c * g.capacity;
    const size_t sub_bytes =
        list_entries * sizeof(uint32_t) + g.k_blocks * g.sub * block_bytes;
    g.batch = smaller(larger(1, BATCH_BYTES / sub_bytes), blocks(images, g.sub));
    g.lists = sim_arena_take(arena, g.batch * list_entries * sizeof(uint32_t));
    g.counts = sim_arena_take(arena, g.batch * g.classes * s->c * sizeof(uint32_t));
    g.dy = sim_arena_take(arena, g.k_blocks * g.batch * g.sub * block_bytes);
    g.sums = sim_arena_take(arena, g.k_blocks * (s->c / s->groups) * s->kh * s->kw *
                                       SIM_ROW * sizeof(float));
    *out = g;
}

typedef struct Weights {
    const SimConv *conv;
    const SimConvGather *g;
    const uint64_t *bits;
    const float *dy;
    float *d_weights;
    size_t n_images;        /* in the call */
    size_t first;           /* image of this batch */
    size_t n_subs;          /* in this batch */
    size_t c_block;         /* of a gather task */
    bool is_first, is_last; /* batch */
} Weights;

/* The lists of one word of channels over one sub. */
static void list_word(const Weights *w, size_t sub, size_t word)
{
    const SimConvGather *g = w->g;
    const SimConvShape *s = &w->conv->shape;
    const size_t words = sim_words(s->c), first = w->first + sub * g->sub;
    const size_t n = smaller(g->sub, w->n_images - first);
    uint32_t *counts = g->counts + sub * g->classes * s->c + word * 64;
    for (size_t class = 0; class < g->classes; class ++)
        memset(counts + class * s->c, 0, smaller(64, s->c - word * 64) * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        for (size_t iy = 0; iy < s->h; iy++)
            for (size_t x0 = 0; x0 < smaller(s->stride, s->w); x0++) {
                const size_t class =
                    (iy + s->pad) % s->stride * s->stride + (x0 + s->pad) % s->stride;
                const size_t pixel = ((first + i) * s->h + iy) * s->w + x0;
                const size_t list =
                    ((sub * g->classes + class) * s->c + word * 64) * g->capacity;
                const size_t place =
                    (i * g->rows + (iy + s->pad) / s->stride + g->top) * g->columns +
                    (x0 + s->pad) / s->stride + g->left;
                w->conv->context->kernels.spikes_list(
                    blocks(s->w - x0, s->stride), w->bits + pixel * words + word,
                    s->stride * words, (uint32_t)place, g->capacity, g->lists + list,
                    counts + class * s->c);
            }
}

/* One block of output channels of dy with a border of zeros, over one sub. */
static void copy_block(const Weights *w, size_t sub, size_t block)
{
    const SimConvGather *g = w->g;
    const SimConvShape *s = &w->conv->shape;
    const size_t k_group = s->k / s->groups, per_group = g->k_blocks / s->groups;
    const size_t k_in_group = block % per_group * SIM_ROW;
    const size_t k = block / per_group * k_group + k_in_group;
    const size_t width = smaller(SIM_ROW, k_group - k_in_group);
    const size_t n = smaller(g->sub, w->n_images - w->first - sub * g->sub);
    const size_t image_floats = g->rows * g->columns * SIM_ROW;
    for (size_t i = 0; i < n; i++) {
        const size_t image = sub * g->sub + i;
        float *to = g->dy + (block * g->batch * g->sub + image) * image_floats;
        const float *from = w->dy + (w->first + image) * s->oh * s->ow * s->k + k;
        memset(to, 0, image_floats * sizeof *to);
        for (size_t oy = 0; oy < s->oh; oy++)
            for (size_t ox = 0; ox < s->ow; ox++)
                memcpy(to + ((oy + g->top) * g->columns + ox + g->left) * SIM_ROW,
                       from + (oy * s->ow + ox) * s->k, width * sizeof *to);
    }
}

static void prepare_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Weights *w = argument;
    const size_t words = sim_words(w->conv->shape.c), k_blocks = w->g->k_blocks;
    const size_t sub = index / larger(words, k_blocks);
    const size_t part = index % larger(words, k_blocks);
    if (part < words)
        list_word(w, sub, part);
    if (part < k_blocks)
        copy_block(w, sub, part);
}

static bool sees(const SimConvShape *s, size_t class, size_t tap)
{
    return tap / s->kw % s->stride == class / s->stride &&
           tap % s->kw % s->stride == class % s->stride;
}

/* All taps of channel c (of all) and one block of output channels over one sub; `sums`
 * holds the taps class by class. */
static void gather_channel(const Weights *w, size_t sub, size_t c, size_t block,
                           float *sums)
{
    enum { MOST = 64 }; /* taps of one call */
    const SimConvGather *g = w->g;
    const SimConvShape *s = &w->conv->shape;
    const float *dy =
        g->dy + (block * g->batch + sub) * g->sub * g->rows * g->columns * SIM_ROW;
    for (size_t class = 0; class < g->classes; class ++) {
        const size_t list = (sub * g->classes + class) * s->c + c;
        for (size_t tap = 0; tap < s->kh * s->kw;) {
            int32_t offset[MOST];
            size_t n = 0;
            for (; tap < s->kh * s->kw && n < MOST; tap++)
                if (sees(s, class, tap))
                    offset[n++] = -(int32_t)(tap / s->kw / s->stride * g->columns +
                                             tap % s->kw / s->stride);
            if (n)
                w->conv->context->kernels.rows_gather(
                    g->counts[list], g->lists + list * g->capacity, n, offset, dy, sums);
            sums += n * SIM_ROW;
        }
    }
}

static void gather_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Weights *w = argument;
    const SimConvGather *g = w->g;
    const SimConvShape *s = &w->conv->shape;
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    const size_t taps = s->kh * s->kw, c_blocks = blocks(c_group, w->c_block);
    const size_t block = index / c_blocks, per_group = g->k_blocks / s->groups;
    const size_t group = block / per_group, k_in_group = block % per_group * SIM_ROW;
    const size_t width = smaller(SIM_ROW, k_group - k_in_group);
    const size_t first = index % c_blocks * w->c_block;
    const size_t last = smaller(first + w->c_block, c_group);
    float *const sums_first = g->sums + (block * c_group + first) * taps * SIM_ROW;
    if (w->is_first)
        memset(sums_first, 0, (last - first) * taps * SIM_ROW * sizeof *sums_first);
    for (size_t sub = 0; sub < w->n_subs; sub++)
        for (size_t c = first; c < last; c++)
            gather_channel(w, sub, group * c_group + c, block,
                           sums_first + (c - first) * taps * SIM_ROW);
    for (size_t c = first; c < last; c++) {
        const float *sums = sums_first + (c - first) * taps * SIM_ROW;
        for (size_t class = 0; w->is_last && class < g->classes; class ++)
            for (size_t tap = 0; tap < taps; tap++) {
                if (!sees(s, class, tap))
                    continue;
                float *to = w->d_weights + (tap * c_group + c) * s->k + group * k_group +
                            k_in_group;
                for (size_t k = 0; k < width; k++)
                    to[k] += sums[k];
                sums += SIM_ROW;
            }
    }
}

void sim_conv_spikes_weights(const SimConv *conv, size_t nt, const uint64_t *bits,
                             const float *dy, float *d_weights,
                             const SimConvGather *gather)
{
    const SimConvShape *s = &conv->shape;
    const size_t c_group = s->c / s->groups, per_batch = gather->batch * gather->sub;
    Weights w = {.conv = conv,
                 .g = gather,
                 .bits = bits,
                 .dy = dy,
                 .d_weights = d_weights,
                 .n_images = nt * s->n};
    w.c_block = smaller(larger(1, c_group * gather->k_blocks / TASKS), C_BLOCK);
    for (; w.first < w.n_images; w.first += per_batch) {
        const size_t left = w.n_images - w.first;
        w.n_subs = blocks(smaller(left, per_batch), gather->sub);
        w.is_first = w.first == 0;
        w.is_last = left <= per_batch;
        sim_team_run(&conv->context->team,
                     w.n_subs * larger(sim_words(s->c), gather->k_blocks), prepare_task,
                     &w);
        sim_team_run(&conv->context->team, gather->k_blocks * blocks(c_group, w.c_block),
                     gather_task, &w);
    }
}
