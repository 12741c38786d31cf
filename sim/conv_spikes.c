/* sim/conv_spikes.c: the spike kernels spread over the team, in blocks that stay in the
 * cache. Work is cut by output alone, so neither the team nor the cut changes a bit. */
#include "sim/conv_internal.h"

#include <string.h>

enum {
    K_BLOCK = 512,                /* output channels of a forward task, at most, */
    WRITTEN_BYTES = 3 << 17,      /* and of what it writes, or */
    PASSING_BYTES = 5 << 18,      /* where it sees more weights than that */
    FEW_PIXELS = 64,              /* of output for each thread */
    INPUT_WEIGHT_BYTES = 1 << 20, /* the same for the gradient of the input */
    FIRST_BYTES = 40 * 1024,      /* of dy that stay in cache while channels pass by, */
    SECOND_BYTES = 384 * 1024,    /* where lists would else be */
    LIST = 64,                    /* spikes short */
    BATCH_BYTES = 3 << 20,        /* lists and dy with its border at once */
    TASKS = 2,                    /* of a thread */
};

/* Rows of a task so that every thread gets TASKS of them, over `others` blocks of
 * channels. Neighbouring rows read the same pixels: a task has some of them. */
static size_t rows_per_task(const SimConv *conv, size_t n_rows, size_t others)
{
    const size_t tasks = TASKS * (size_t)conv->context->team.n_threads;
    return larger(1, blocks(n_rows * others, tasks));
}

/* --- forward -------------------------------------------------------------------------
 *
 * Whole rows of weights: slices of long ones share few sets of a cache, and every slice
 * would write the list of spikes anew. Weights of many channels fill the second cache by
 * themselves and pass by once per task, so that tasks are large. */

typedef struct Forward {
    const SimConv *conv;
    const uint64_t *bits;
    const float *weights, *bias;
    float *y;
    size_t n_rows, rows, row_tasks; /* all, of a task, tasks per block of channels */
    size_t k_block;
} Forward;

/* Up to 64 input channels that lie in one word; c: the first one. */
static size_t word_end(size_t c, size_t last)
{
    return smaller((c / 64 + 1) * 64, last);
}

/* Rows of output and channels k..k_last of one group; y: where row `first` begins. */
static void forward_rows(const Forward *f, size_t first, size_t last, size_t k,
                         size_t k_last, float *y)
{
    const SimConvShape *s = &f->conv->shape;
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    const size_t c_first = k / k_group * c_group, taps = s->kh * s->kw;
    static const float zeros[K_BLOCK];
    for (size_t c = c_first, next; c < c_first + c_group; c = next) {
        next = word_end(c, c_first + c_group);
        SimRows weights = {.at = f->weights + (c - c_first) * s->k + k,
                           .tap = c_group * s->k,
                           .row = s->k};
        if (c == c_first)
            weights.start = f->bias ? f->bias + k : zeros;
        for (size_t tap = 0; tap < taps; tap += SIM_TAPS, weights.start = NULL)
            f->conv->context->kernels.conv_spikes_forward(
                s, first, last, tap, smaller(tap + SIM_TAPS, taps), k, k_last, c, next,
                f->bits, &weights, y - first * s->ow * s->k);
    }
}

static void forward_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Forward *f = argument;
    const SimConvShape *s = &f->conv->shape;
    const size_t k_group = s->k / s->groups, k_blocks = blocks(k_group, f->k_block);
    const size_t first = index % f->row_tasks * f->rows;
    const size_t last = smaller(first + f->rows, f->n_rows);
    const size_t block = index / f->row_tasks, in_group = block % k_blocks * f->k_block;
    const size_t k = block / k_blocks * k_group + in_group;
    forward_rows(f, first, last, k, k + smaller(f->k_block, k_group - in_group),
                 f->y + first * s->ow * s->k);
}

void sim_conv_spikes_rows(const SimConv *conv, const uint64_t *bits, const float *weights,
                          const float *bias, size_t first, size_t last, float *y)
{
    const size_t k_group = conv->shape.k / conv->shape.groups;
    const Forward f = {.conv = conv, .bits = bits, .weights = weights, .bias = bias};
    for (size_t group = 0; group < conv->shape.groups; group++)
        for (size_t k = 0; k < k_group; k += K_BLOCK)
            forward_rows(&f, first, last, group * k_group + k,
                         group * k_group + smaller(k + K_BLOCK, k_group), y);
}

void sim_conv_spikes_forward(const SimConv *conv, size_t nt, const uint64_t *bits,
                             const float *weights, const float *bias, float *y)
{
    const SimConvShape *s = &conv->shape;
    const size_t k_group = s->k / s->groups;
    const size_t threads = (size_t)conv->context->team.n_threads;
    Forward f = {.conv = conv,
                 .bits = bits,
                 .weights = weights,
                 .bias = bias,
                 .y = y,
                 .n_rows = nt * s->n * s->oh,
                 .k_block = smaller(K_BLOCK, k_group)};
    /* With few pixels the weights are most of the work: every thread has its own. */
    if (f.n_rows * s->ow < FEW_PIXELS * threads)
        f.k_block = smaller(f.k_block, larger(64, blocks(k_group, threads)));
    const size_t k_tasks = s->groups * blocks(k_group, f.k_block);
    const size_t row_bytes = s->ow * f.k_block * sizeof *y;
    const size_t weight_bytes =
        s->kh * s->kw * s->c / s->groups * f.k_block * sizeof *weights;
    const size_t most = weight_bytes > PASSING_BYTES ? PASSING_BYTES : WRITTEN_BYTES;
    const size_t turns = blocks(f.n_rows * row_bytes * k_tasks, most * threads);
    f.rows = blocks(f.n_rows, blocks(turns * threads, k_tasks));
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
    in.rows = rows_per_task(conv, in.n_rows, c_tasks);
    in.row_tasks = blocks(in.n_rows, in.rows);
    sim_team_run(&conv->context->team, c_tasks * in.row_tasks, input_task, &in);
}

/* --- gradient of the weights ----------------------------------------------------------
 */

/* As many rows as leave dy in the first cache, but enough for lists worth the name; then
 * in the second. The sums do not depend on it. */
static void choose_sub(const SimConv *conv, size_t n_rows, double density,
                       SimConvGather *g)
{
    const SimConvShape *s = &conv->shape;
    const size_t row_bytes = g->columns * SIM_ROW * sizeof(float);
    const size_t border = g->top + 1, few = FIRST_BYTES / row_bytes;
    const size_t many = larger(SECOND_BYTES / row_bytes, 2 * border);
    const double of_row = density * (double)blocks(s->w, s->stride);
    size_t rows = few > 2 * border ? few - border : border;
    if (of_row * (double)rows < LIST)
        rows = of_row > 0.0 ? (size_t)(LIST / of_row) + 1 : many;
    g->sub = smaller(smaller(rows, many) * s->stride, n_rows);
    g->subs = blocks(n_rows, g->sub);
    g->capacity = g->sub * s->w * 64;
}

void sim_conv_gather_layout(const SimConv *conv, SimArena *arena, SimConvGather *out)
{
    const SimConvShape *s = &conv->shape;
    SimConvGather g = {.top = (s->kh - 1) / s->stride,
                       .left = (s->kw - 1) / s->stride,
                       .classes = s->stride * s->stride};
    g.rows = (s->h - 1 + s->pad) / s->stride + 1 + g.top;
    g.columns = (s->w - 1 + s->pad) / s->stride + 1 + g.left;
    g.k_blocks = s->groups * blocks(s->k / s->groups, SIM_ROW);
    const size_t row_bytes = g.columns * SIM_ROW * sizeof(float);
    const size_t images = conv->max_steps * s->n;
    const size_t row_list = sim_words(s->c) * 64 * s->w * sizeof(uint32_t);
    const size_t image_bytes = g.k_blocks * g.rows * row_bytes + s->h * row_list;
    g.batch = smaller(larger(1, BATCH_BYTES / image_bytes), images);
    choose_sub(conv, g.batch * s->h, 1.0, &g); /* the most, */
    const size_t most = g.subs;
    choose_sub(conv, g.batch * s->h, 0.0, &g); /* the longest */
    g.lists = sim_arena_take(arena, (g.batch * s->h + g.sub) * row_list);
    g.starts = sim_arena_take(arena, most * sim_words(s->c) * (g.classes * 64 + 1) *
                                         sizeof(uint32_t));
    g.dy = sim_arena_take(arena, g.k_blocks * g.batch * g.rows * row_bytes);
    g.sums = sim_arena_take(arena, g.k_blocks * (s->c / s->groups) * s->kh * s->kw *
                                       SIM_ROW * sizeof(float));
    *out = g;
}

typedef struct Weights {
    const SimConv *conv;
    const SimConvGather *g;
    const uint64_t *bits;
    const SimTensor *dy;
    float *d_weights;
    size_t first, n_images; /* of this batch */
    size_t list_tasks;      /* of this batch; the others copy */
    size_t c_block;         /* of a gather task */
    bool is_first, is_last; /* batch */
} Weights;

/* The runs of pixels of a sub that are of one class, by increasing place: what `visit`
 * does with each adds up in `to`, [classes, 64]. */
typedef void Visit(const Weights *w, size_t n, const uint64_t *bits, size_t stride,
                   size_t place, uint32_t *to);

static void visit_word(const Weights *w, size_t sub, size_t word, uint32_t *to,
                       Visit *visit)
{
    const SimConvGather *g = w->g;
    const SimConvShape *s = &w->conv->shape;
    const size_t words = sim_words(s->c);
    const size_t last = smaller((sub + 1) * g->sub, w->n_images * s->h);
    for (size_t row = sub * g->sub; row < last; row++) {
        const size_t iy = row % s->h + s->pad;
        const size_t place_row =
            (row / s->h * g->rows + iy / s->stride + g->top) * g->columns + g->left;
        for (size_t x0 = 0; x0 < smaller(s->stride, s->w); x0++) {
            const size_t class = iy % s->stride * s->stride + (x0 + s->pad) % s->stride;
            const size_t pixel = (w->first * s->h + row) * s->w + x0;
            visit(w, blocks(s->w - x0, s->stride), w->bits + pixel * words + word,
                  s->stride * words, place_row + (x0 + s->pad) / s->stride,
                  to + class * 64);
        }
    }
}

static void count_run(const Weights *w, size_t n, const uint64_t *bits, size_t stride,
                      size_t place, uint32_t *counts)
{
    (void)place;
    w->conv->context->kernels.spikes_tally(n, bits, stride, counts);
}

static void list_run(const Weights *w, size_t n, const uint64_t *bits, size_t stride,
                     size_t place, uint32_t *next)
{
    w->conv->context->kernels.spikes_list(n, bits, stride, (uint32_t)place, next,
                                          w->g->lists);
}

/* The lists of one word of channels over one sub, side by side. */
static void list_word(const Weights *w, size_t sub, size_t word)
{
    const SimConvGather *g = w->g;
    const size_t words = sim_words(w->conv->shape.c), at = sub * words + word;
    uint32_t *starts = g->starts + at * (g->classes * 64 + 1), *next = starts + 1;
    memset(starts, 0, (g->classes * 64 + 1) * sizeof *starts);
    visit_word(w, sub, word, next, count_run);
    uint32_t total = (uint32_t)(at * g->capacity);
    *starts = total;
    for (size_t i = 0; i < g->classes * 64; i++) { /* next: where a list begins */
        const uint32_t count = next[i];
        next[i] = total;
        total += count;
    }
    visit_word(w, sub, word, next, list_run); /* next: where it ends */
}

/* One block of output channels of dy with a border of zeros, of one image. */
static void copy_block(const Weights *w, size_t image, size_t block)
{
    const SimConvGather *g = w->g;
    const SimConvShape *s = &w->conv->shape;
    const size_t k_group = s->k / s->groups, per_group = g->k_blocks / s->groups;
    const size_t k_in_group = block % per_group * SIM_ROW;
    const size_t k = block / per_group * k_group + k_in_group;
    const size_t width = smaller(SIM_ROW, k_group - k_in_group);
    const size_t image_floats = g->rows * g->columns * SIM_ROW;
    float *to = g->dy + (block * g->batch + image) * image_floats;
    const bool is_bf16 = w->dy->form == SIM_BF16;
    size_t from = (w->first + image) * s->oh * s->ow * s->k + k;
    for (size_t row = 0; row < g->rows; row++) {
        const size_t oy = row - g->top; /* above the image: very large */
        const size_t first = oy < s->oh ? g->left : g->columns;
        const size_t last = oy < s->oh ? g->left + s->ow : g->columns;
        memset(to, 0, first * SIM_ROW * sizeof *to);
        to += first * SIM_ROW;
        for (size_t x = first; x < last; x++, to += SIM_ROW, from += s->k)
            if (width == SIM_ROW && !is_bf16) {
                memcpy(to, w->dy->f32 + from, SIM_ROW * sizeof *to); /* inlined */
            } else {
                numbers_of(&w->conv->context->kernels, w->dy, from, width, to);
                memset(to + width, 0, (SIM_ROW - width) * sizeof *to);
            }
        memset(to, 0, (g->columns - last) * SIM_ROW * sizeof *to);
        to += (g->columns - last) * SIM_ROW;
    }
}

static void prepare_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Weights *w = argument;
    const size_t words = sim_words(w->conv->shape.c), k_blocks = w->g->k_blocks;
    if (index < w->list_tasks)
        list_word(w, index / words, index % words);
    else
        copy_block(w, (index - w->list_tasks) / k_blocks,
                   (index - w->list_tasks) % k_blocks);
}

typedef struct Seen { /* taps of a class of input pixels: every stride-th */
    size_t rows, columns;
} Seen;

static Seen seen_by(const SimConvShape *s, size_t class)
{
    const size_t y = class / s->stride, x = class % s->stride;
    return (Seen){y < s->kh ? blocks(s->kh - y, s->stride) : 0,
                  x < s->kw ? blocks(s->kw - x, s->stride) : 0};
}

/* Some channels (of all) and one block of output channels over one sub; `sums` of a
 * channel holds the taps class by class. */
static void gather_channels(const Weights *w, size_t sub, size_t c_first, size_t c_last,
                            size_t block, float *sums)
{
    const SimConvGather *g = w->g;
    const SimConvShape *s = &w->conv->shape;
    const float *dy = g->dy + block * g->batch * g->rows * g->columns * SIM_ROW;
    for (size_t class = 0; class < g->classes; class ++) {
        const Seen seen = seen_by(s, class);
        for (size_t c = c_first; c < c_last; c++) {
            const uint32_t *start =
                g->starts + (sub * sim_words(s->c) + c / 64) * (g->classes * 64 + 1) +
                class * 64 + c % 64;
            if (start[1] > start[0])
                w->conv->context->kernels.rows_gather(
                    start[1] - start[0], g->lists + start[0], seen.rows, seen.columns,
                    g->columns, dy, sums + (c - c_first) * s->kh * s->kw * SIM_ROW);
        }
        sums += seen.rows * seen.columns * SIM_ROW;
    }
}

/* One channel's sums to its weights: taps class by class, as they were gathered. */
static void add_sums(const SimConvShape *s, size_t classes, const float *sums,
                     size_t width, size_t tap_floats, float *d_weights)
{
    for (size_t class = 0; class < classes; class ++) {
        const Seen seen = seen_by(s, class);
        for (size_t row = 0; row < seen.rows; row++)
            for (size_t column = 0; column < seen.columns; column++) {
                const size_t ky = class / s->stride + row * s->stride;
                const size_t kx = class % s->stride + column * s->stride;
                float *to = d_weights + (ky * s->kw + kx) * tap_floats;
                for (size_t k = 0; k < width; k++)
                    to[k] += sums[k];
                sums += SIM_ROW;
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
    for (size_t sub = 0; sub * g->sub < w->n_images * s->h; sub++)
        gather_channels(w, sub, group * c_group + first, group * c_group + last, block,
                        sums_first);
    for (size_t c = first; w->is_last && c < last; c++)
        add_sums(s, g->classes, sums_first + (c - first) * taps * SIM_ROW, width,
                 c_group * s->k, w->d_weights + c * s->k + group * k_group + k_in_group);
}

void sim_conv_spikes_weights(const SimConv *conv, size_t nt, const uint64_t *bits,
                             double density, const SimTensor *dy, float *d_weights,
                             SimConvGather *gather)
{
    const SimConvShape *s = &conv->shape;
    const SimTeam *team = &conv->context->team;
    const size_t c_group = s->c / s->groups, images = nt * s->n;
    Weights w = {
        .conv = conv, .g = gather, .bits = bits, .dy = dy, .d_weights = d_weights};
    choose_sub(conv, gather->batch * s->h, density, gather);
    /* Every task goes through all of dy: no more of them than keep the team busy. */
    const size_t tasks = (size_t)team->n_threads * TASKS;
    w.c_block = smaller(blocks(c_group * gather->k_blocks, tasks), c_group);
    for (; w.first < images; w.first += gather->batch) {
        w.n_images = smaller(gather->batch, images - w.first);
        w.is_first = w.first == 0;
        w.is_last = w.first + w.n_images == images;
        w.list_tasks = blocks(w.n_images * s->h, gather->sub) * sim_words(s->c);
        sim_team_run(team, w.list_tasks + w.n_images * gather->k_blocks, prepare_task,
                     &w);
        sim_team_run(team, gather->k_blocks * blocks(c_group, w.c_block), gather_task,
                     &w);
    }
}
