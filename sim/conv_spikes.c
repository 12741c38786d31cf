/* sim/conv_spikes.c: the spike kernels spread over the team, in blocks that stay in the
 * cache. Work is cut by output alone, so neither the team nor the cut changes a bit. */
#include "sim/conv_internal.h"

#include <string.h>

enum {
    K_BLOCK = 128,                /* output channels of a forward task */
    PACK_PIXELS = 256,            /* of output from which packing weights pays */
    INPUT_WEIGHT_BYTES = 1 << 20, /* the same for the gradient of the input */
    SUB_BYTES = 384 * 1024,       /* of dy that stay in cache while channels pass by */
    BATCH_BYTES = 16 << 20,       /* lists and dy with its border at once */
    TASKS = 16,                   /* wanted at least, where there is work for them */
    C_BLOCK = 32                  /* input channels of a weights task */
};

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
    float *packed; /* or NULL */
    float *y;
    size_t n_rows, rows, row_tasks; /* all, of a task, tasks per block of channels */
    size_t k_block;
} Forward;

typedef struct Block { /* of output channels within a group */
    size_t k, k_last;
    size_t c, c_last; /* input channels of the group */
    size_t packed;    /* where its weights begin, in floats */
} Block;

static Block block_at(const Forward *f, size_t index)
{
    const SimConvShape *s = &f->conv->shape;
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    const size_t k_blocks = blocks(k_group, f->k_block), group = index / k_blocks;
    const size_t k_in_group = index % k_blocks * f->k_block;
    const size_t k = group * k_group + k_in_group;
    return (Block){.k = k,
                   .k_last = k + smaller(f->k_block, k_group - k_in_group),
                   .c = group * c_group,
                   .c_last = (group + 1) * c_group,
                   .packed = k * c_group * s->kh * s->kw};
}

/* Up to 64 input channels that lie in one word; c: the first one. */
static size_t word_end(size_t c, size_t last)
{
    return smaller((c / 64 + 1) * 64, last);
}

/* Of a block and the channels c..next, packed: [taps, next - c, k]. */
static SimRows rows_of(const Forward *f, const Block *b, size_t c, size_t next)
{
    const SimConvShape *s = &f->conv->shape;
    const size_t width = b->k_last - b->k, c_group = s->c / s->groups;
    if (f->packed)
        return (SimRows){.at = f->packed + b->packed + (c - b->c) * s->kh * s->kw * width,
                         .tap = (next - c) * width,
                         .row = width};
    return (SimRows){
        .at = f->weights + (c - b->c) * s->k + b->k, .tap = c_group * s->k, .row = s->k};
}

/* One tap of one block of output channels. */
static void pack_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Forward *f = argument;
    const SimConvShape *s = &f->conv->shape;
    const size_t taps = s->kh * s->kw, tap = index % taps, c_group = s->c / s->groups;
    const Block b = block_at(f, index / taps);
    const float *from = f->weights + tap * c_group * s->k + b.k;
    for (size_t c = b.c, next; c < b.c_last; c = next) {
        next = word_end(c, b.c_last);
        const SimRows to = rows_of(f, &b, c, next);
        for (size_t i = c; i < next; i++)
            memcpy((float *)(size_t)to.at + tap * to.tap + (i - c) * to.row,
                   from + (i - b.c) * s->k, to.row * sizeof *from);
    }
}

static void forward_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Forward *f = argument;
    const SimConvShape *s = &f->conv->shape;
    const size_t first = index % f->row_tasks * f->rows;
    const size_t last = smaller(first + f->rows, f->n_rows), taps = s->kh * s->kw;
    const Block b = block_at(f, index / f->row_tasks);
    for (size_t p = first * s->ow; p < last * s->ow; p++)
        if (f->bias)
            memcpy(f->y + p * s->k + b.k, f->bias + b.k, (b.k_last - b.k) * sizeof *f->y);
        else
            memset(f->y + p * s->k + b.k, 0, (b.k_last - b.k) * sizeof *f->y);
    for (size_t c = b.c, next; c < b.c_last; c = next) {
        next = word_end(c, b.c_last);
        const SimRows weights = rows_of(f, &b, c, next);
        for (size_t tap = 0; tap < taps; tap += SIM_TAPS)
            f->conv->context->kernels.conv_spikes_forward(
                s, first, last, tap, smaller(tap + SIM_TAPS, taps), b.k, b.k_last, c,
                next, f->bits, &weights, f->y);
    }
}

float *sim_conv_packed_layout(const SimConv *conv, SimArena *arena)
{
    const SimConvShape *s = &conv->shape;
    return sim_arena_take(arena,
                          s->k / s->groups > K_BLOCK
                              ? s->kh * s->kw * s->c / s->groups * s->k * sizeof(float)
                              : 0);
}

void sim_conv_spikes_forward(const SimConv *conv, size_t nt, const uint64_t *bits,
                             const float *weights, const float *bias, float *y,
                             float *packed)
{
    const SimConvShape *s = &conv->shape;
    const size_t k_group = s->k / s->groups;
    Forward f = {.conv = conv,
                 .bits = bits,
                 .weights = weights,
                 .bias = bias,
                 .y = y,
                 .n_rows = nt * s->n * s->oh,
                 .k_block = smaller(K_BLOCK, k_group)};
    const size_t k_tasks = s->groups * blocks(k_group, f.k_block);
    f.rows = rows_per_task(f.n_rows, k_tasks);
    f.row_tasks = blocks(f.n_rows, f.rows);
    /* Slices of long rows share few sets of a cache: side by side they fit. */
    if (k_group > K_BLOCK && f.n_rows * s->ow >= PACK_PIXELS) {
        f.packed = packed;
        sim_team_run(&conv->context->team, k_tasks * s->kh * s->kw, pack_task, &f);
    }
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
