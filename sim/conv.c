/* sim/conv.c: which kernel takes a convolution, and the dense ones over the team. */
#include "sim/conv_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 8 << 20, /* of input that one dense backward call takes */
    NARROW = 8,            /* input channels of a group below which dense always wins */
};

/* Densities above which the dense kernels win: measured on AVX-512 with 64 to 512
 * channels, where the spike kernels still lead by 1.2 to 2 at 25 %. The portable
 * reference loses much earlier. */
static const double break_even_forward = 0.3, break_even_input = 0.3,
                    break_even_weights = 0.35, break_even_reference = 0.02;

SimStatus sim_conv_shape(SimConvShape *s)
{
    if (!s->n || !s->h || !s->w || !s->c || !s->k || !s->kh || !s->kw || !s->stride ||
        !s->groups)
        return sim_fail(SIM_ERR_SHAPE,
                        "a convolution from %zux%zux%zu to %zu channels, kernel "
                        "%zux%zu, stride %zu, %zu groups has a size of zero",
                        s->h, s->w, s->c, s->k, s->kh, s->kw, s->stride, s->groups);
    if (s->c % s->groups || s->k % s->groups)
        return sim_fail(SIM_ERR_SHAPE,
                        "%zu groups do not divide %zu input and %zu output channels",
                        s->groups, s->c, s->k);
    if (s->pad >= s->kh || s->pad >= s->kw)
        return sim_fail(SIM_ERR_SHAPE,
                        "padding %zu is not smaller than the kernel %zux%zu", s->pad,
                        s->kh, s->kw);
    if (s->h + 2 * s->pad < s->kh || s->w + 2 * s->pad < s->kw)
        return sim_fail(
            SIM_ERR_SHAPE,
            "a %zux%zu kernel does not fit into %zux%zu pixels with padding %zu: "
            "use a larger input or fewer down-samplings",
            s->kh, s->kw, s->h, s->w, s->pad);
    s->oh = (s->h + 2 * s->pad - s->kh) / s->stride + 1;
    s->ow = (s->w + 2 * s->pad - s->kw) / s->stride + 1;
    return SIM_OK;
}

/* --- planning -------------------------------------------------------------------------
 */

static size_t x_step(const SimConvShape *s)
{
    return s->n * s->h * s->w * s->c;
}

static size_t y_step(const SimConvShape *s)
{
    return s->n * s->oh * s->ow * s->k;
}

static size_t bits_step(const SimConvShape *s)
{
    return s->n * s->h * s->w * sim_words(s->c);
}

static size_t weight_count(const SimConvShape *s)
{
    return s->kh * s->kw * (s->c / s->groups) * s->k;
}

/* Scratch of a call through the dense library, whose primitives may be NULL. */
static SimConvDense dense_layout(const SimConv *conv, const SimDense *step,
                                 const SimDense *many, size_t gradient, size_t unpacked,
                                 SimArena *arena)
{
    size_t packed = 0, own = 0;
    const SimDense *const all[] = {step, many};
    for (size_t i = 0; i < 2; i++) {
        if (!all[i])
            continue;
        if (sim_dense_packed_bytes(all[i]) > packed)
            packed = sim_dense_packed_bytes(all[i]);
        if (sim_dense_scratch_bytes(all[i]) > own)
            own = sim_dense_scratch_bytes(all[i]);
    }
    SimConvDense dense = {.packed = sim_arena_take(arena, packed)};
    dense.own = sim_arena_take(arena, own);
    dense.gradient = sim_arena_take(arena, gradient * sizeof(float));
    if (conv->form == SIM_SPIKES)
        dense.unpacked = sim_arena_take(arena, unpacked * sizeof(float));
    return dense;
}

static SimConvDense forward_layout(const SimConv *conv, SimArena *arena)
{
    return dense_layout(conv, conv->forward, NULL, 0, x_step(&conv->shape), arena);
}

static SimConvDense input_layout(const SimConv *conv, SimArena *arena)
{
    return dense_layout(conv, conv->input_step, conv->input_many,
                        conv->chunk * x_step(&conv->shape), 0, arena);
}

static SimConvDense weights_layout(const SimConv *conv, SimArena *arena)
{
    return dense_layout(conv, conv->weights_step, conv->weights_many,
                        weight_count(&conv->shape), conv->chunk * x_step(&conv->shape),
                        arena);
}

static double *bias_layout(const SimConv *conv, SimArena *arena)
{
    return sim_arena_take(arena, SIM_CONV_BIAS_TASKS * conv->shape.k * sizeof(double));
}

/* Scratch holds one call at a time: the largest counts. */
static size_t measure(const SimConv *conv, unsigned calls)
{
    SimArena arenas[5] = {0};
    size_t most = 0;
    if (conv->forward)
        forward_layout(conv, &arenas[0]);
    if (conv->input_step)
        input_layout(conv, &arenas[1]);
    if (conv->weights_step)
        weights_layout(conv, &arenas[2]);
    if (calls & SIM_CONV_BACKWARD_WEIGHTS)
        bias_layout(conv, &arenas[3]);
    if (conv->may_gather) {
        SimConvGather gather;
        sim_conv_gather_layout(conv, &arenas[4], &gather);
    }
    for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++)
        if (arenas[i].used > most)
            most = arenas[i].used;
    return most;
}

static SimStatus add_dense(const SimConv *conv, SimDenseCall call, SimDense **step,
                           SimDense **many)
{
    SimStatus status = SIM_OK;
    SIM_TRY(sim_dense_create(&conv->shape, conv->shape.n, call, false, step));
    if (many && conv->chunk > 1)
        SIM_TRY(sim_dense_create(&conv->shape, conv->chunk * conv->shape.n, call, false,
                                 many));
out:
    return status;
}

SimStatus sim_conv_create(const SimConvShape *shape, SimForm form, size_t max_steps,
                          unsigned calls, const SimContext *context, SimConv **out)
{
    SimStatus status = SIM_OK;
    const SimConvShape *s = shape;
    const bool is_spikes = form == SIM_SPIKES;
    SimConv *conv = calloc(1, sizeof *conv);
    if (!conv)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a convolution");
    *conv = (SimConv){
        .shape = *shape, .form = form, .max_steps = max_steps, .context = context};
    conv->chunk = CHUNK_BYTES / (x_step(s) * sizeof(float));
    if (conv->chunk > max_steps)
        conv->chunk = max_steps;
    if (conv->chunk < 1)
        conv->chunk = 1;
    conv->use_spikes =
        is_spikes &&
        (context->spike_path == SIM_SPIKES_ALWAYS ||
         (context->spike_path == SIM_SPIKES_AUTO && s->c / s->groups >= NARROW));
    conv->may_gather = (calls & SIM_CONV_BACKWARD_WEIGHTS) && conv->use_spikes;
    const bool always = is_spikes && context->spike_path == SIM_SPIKES_ALWAYS;
    if ((calls & SIM_CONV_FORWARD) && !always)
        SIM_TRY(add_dense(conv, SIM_DENSE_FORWARD, &conv->forward, NULL));
    if (calls & SIM_CONV_BACKWARD_INPUT)
        SIM_TRY(add_dense(conv, SIM_DENSE_BACKWARD_INPUT, &conv->input_step,
                          &conv->input_many));
    if ((calls & SIM_CONV_BACKWARD_WEIGHTS) && !always)
        SIM_TRY(add_dense(conv, SIM_DENSE_BACKWARD_WEIGHTS, &conv->weights_step,
                          &conv->weights_many));
    conv->scratch_bytes = measure(conv, calls);
    *out = conv;
    conv = NULL;
out:
    sim_conv_destroy(conv);
    return status;
}

void sim_conv_destroy(SimConv *conv)
{
    if (!conv)
        return;
    sim_dense_destroy(conv->forward);
    sim_dense_destroy(conv->input_step);
    sim_dense_destroy(conv->input_many);
    sim_dense_destroy(conv->weights_step);
    sim_dense_destroy(conv->weights_many);
    free(conv);
}

size_t sim_conv_scratch_bytes(const SimConv *conv)
{
    return conv->scratch_bytes;
}

void sim_conv_choose(SimConv *conv, double density)
{
    const double limit = conv->context->cpu ? break_even_forward : break_even_reference;
    if (conv->form == SIM_SPIKES && conv->context->spike_path == SIM_SPIKES_AUTO &&
        conv->shape.c / conv->shape.groups >= NARROW)
        conv->use_spikes = density < limit;
}

bool sim_conv_uses_spikes(const SimConv *conv)
{
    return conv->use_spikes;
}

/* A call may follow the density of what it is given where its result is not promised to
 * be the same however time is cut. */
static bool is_sparse(const SimConv *conv, size_t nt, const uint64_t *bits, double limit)
{
    if (conv->context->spike_path != SIM_SPIKES_AUTO)
        return conv->context->spike_path == SIM_SPIKES_ALWAYS;
    const size_t ones =
        conv->context->kernels.spikes_count(nt * bits_step(&conv->shape), bits);
    return (double)ones < (conv->context->cpu ? limit : break_even_reference) *
                              (double)(nt * x_step(&conv->shape));
}

/* --- loops shared by the team ---------------------------------------------------------
 */

typedef struct Rows {
    const SimConv *conv;
    size_t n_rows, row_floats, rows; /* all, floats in one, of a task */
    const uint64_t *bits;
    const float *from, *bias;
    float *to;
} Rows;

static void unpack_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *r = argument;
    const size_t first = index * r->rows, c = r->row_floats;
    const size_t n = r->n_rows - first < r->rows ? r->n_rows - first : r->rows;
    r->conv->context->kernels.spikes_unpack(n, c, r->bits + first * sim_words(c),
                                            r->to + first * c);
}

static void add_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *r = argument;
    const size_t first = index * r->rows;
    const size_t last = first + r->rows < r->n_rows ? first + r->rows : r->n_rows;
    for (size_t i = first * r->row_floats; i < last * r->row_floats; i++)
        r->to[i] += r->from[i];
}

static void bias_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *r = argument;
    const size_t first = index * r->rows, k = r->row_floats;
    const size_t last = first + r->rows < r->n_rows ? first + r->rows : r->n_rows;
    for (size_t row = first; row < last; row++)
        for (size_t i = 0; i < k; i++)
            r->to[row * k + i] += r->bias[i];
}

/* Runs `task` over rows of `row_floats`, some ten thousand floats at a time. */
static void run_rows(const SimConv *conv, Rows rows, SimTask *task)
{
    enum { TASK_FLOATS = 1 << 14 };
    rows.conv = conv;
    rows.rows = TASK_FLOATS / rows.row_floats ? TASK_FLOATS / rows.row_floats : 1;
    sim_team_run(&conv->context->team, (rows.n_rows + rows.rows - 1) / rows.rows, task,
                 &rows);
}

static void unpack(const SimConv *conv, size_t steps, const uint64_t *bits, float *to)
{
    const SimConvShape *s = &conv->shape;
    run_rows(conv,
             (Rows){.n_rows = steps * s->n * s->h * s->w,
                    .row_floats = s->c,
                    .bits = bits,
                    .to = to},
             unpack_rows);
}

static const void *packed(SimDense *dense, const float *weights, const SimConvDense *at)
{
    if (!sim_dense_packed_bytes(dense))
        return weights;
    sim_dense_pack(dense, weights, at->packed);
    return at->packed;
}

/* --- the three calls ------------------------------------------------------------------
 */

static void forward_dense(SimConv *conv, size_t nt, const SimTensor *x,
                          const float *weights, const float *bias, float *y,
                          SimArena *arena)
{
    const SimConvShape *s = &conv->shape;
    const SimConvDense at = forward_layout(conv, arena);
    const void *in_order = packed(conv->forward, weights, &at);
    for (size_t t = 0; t < nt; t++) {
        if (conv->form == SIM_SPIKES)
            unpack(conv, 1, x->bits + t * bits_step(s), at.unpacked);
        sim_dense_run(conv->forward,
                      conv->form == SIM_SPIKES ? at.unpacked : x->f32 + t * x_step(s),
                      in_order, NULL, y + t * y_step(s), at.own);
    }
    if (bias)
        run_rows(conv,
                 (Rows){.n_rows = nt * s->n * s->oh * s->ow,
                        .row_floats = s->k,
                        .bias = bias,
                        .to = y},
                 bias_rows);
}

static SimArena arena_over(const SimConv *conv, void *scratch)
{
    return (SimArena){.base = scratch, .size = conv->scratch_bytes};
}

void sim_conv_forward(SimConv *conv, size_t nt, const SimTensor *x, const float *weights,
                      const float *bias, float *y, void *scratch)
{
    SimArena arena = arena_over(conv, scratch);
    if (conv->use_spikes)
        sim_conv_spikes_forward(conv, nt, x->bits, weights, bias, y);
    else
        forward_dense(conv, nt, x, weights, bias, y, &arena);
}

void sim_conv_backward_input(SimConv *conv, size_t nt, const float *dy,
                             const float *weights, const uint64_t *active,
                             bool accumulate, float *dx, void *scratch)
{
    const SimConvShape *s = &conv->shape;
    if (active && is_sparse(conv, nt, active, break_even_input)) {
        sim_conv_spikes_input(conv, nt, active, dy, weights, accumulate, dx);
        return;
    }
    SimArena arena = arena_over(conv, scratch);
    const SimConvDense at = input_layout(conv, &arena);
    const SimDense *ready = NULL;
    const void *in_order = NULL;
    for (size_t t = 0, steps; t < nt; t += steps) {
        const bool many = conv->input_many && nt - t >= conv->chunk;
        SimDense *dense = many ? conv->input_many : conv->input_step;
        float *to = accumulate ? at.gradient : dx + t * x_step(s);
        steps = many ? conv->chunk : 1;
        if (dense != ready)
            in_order = packed(dense, weights, &at);
        ready = dense;
        sim_dense_run(dense, dy + t * y_step(s), in_order, NULL, to, at.own);
        if (accumulate)
            run_rows(conv,
                     (Rows){.n_rows = steps * s->n * s->h * s->w,
                            .row_floats = s->c,
                            .from = to,
                            .to = dx + t * x_step(s)},
                     add_rows);
    }
}

typedef struct BiasSums {
    size_t pixels, k;
    const float *dy;
    double *sums; /* [SIM_CONV_BIAS_TASKS, k] */
} BiasSums;

static void bias_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const BiasSums *b = argument;
    const size_t first = b->pixels * index / SIM_CONV_BIAS_TASKS;
    const size_t last = b->pixels * (index + 1) / SIM_CONV_BIAS_TASKS;
    double *sums = b->sums + index * b->k;
    memset(sums, 0, b->k * sizeof *sums);
    for (size_t p = first; p < last; p++)
        for (size_t i = 0; i < b->k; i++)
            sums[i] += (double)b->dy[p * b->k + i];
}

static void add_bias_gradient(const SimConv *conv, size_t pixels, const float *dy,
                              float *d_bias, double *sums)
{
    const size_t k = conv->shape.k;
    sim_team_run(&conv->context->team, SIM_CONV_BIAS_TASKS, bias_task,
                 &(BiasSums){.pixels = pixels, .k = k, .dy = dy, .sums = sums});
    for (size_t task = 1; task < SIM_CONV_BIAS_TASKS; task++)
        for (size_t i = 0; i < k; i++)
            sums[i] += sums[task * k + i];
    for (size_t i = 0; i < k; i++)
        d_bias[i] += (float)sums[i];
}

static void weights_dense(SimConv *conv, size_t nt, const SimTensor *x, const float *dy,
                          float *d_weights, SimArena *arena)
{
    const SimConvShape *s = &conv->shape;
    const SimConvDense at = weights_layout(conv, arena);
    for (size_t t = 0, steps; t < nt; t += steps) {
        const bool many = conv->weights_many && nt - t >= conv->chunk;
        steps = many ? conv->chunk : 1;
        if (conv->form == SIM_SPIKES)
            unpack(conv, steps, x->bits + t * bits_step(s), at.unpacked);
        sim_dense_run(many ? conv->weights_many : conv->weights_step,
                      conv->form == SIM_SPIKES ? at.unpacked : x->f32 + t * x_step(s),
                      dy + t * y_step(s), NULL, at.gradient, at.own);
        run_rows(conv,
                 (Rows){.n_rows = weight_count(s) / s->k,
                        .row_floats = s->k,
                        .from = at.gradient,
                        .to = d_weights},
                 add_rows);
    }
}

void sim_conv_backward_weights(SimConv *conv, size_t nt, const SimTensor *x,
                               const float *dy, float *d_weights, float *d_bias,
                               void *scratch)
{
    const SimConvShape *s = &conv->shape;
    SimArena arena = arena_over(conv, scratch);
    if (conv->may_gather && is_sparse(conv, nt, x->bits, break_even_weights)) {
        SimConvGather gather;
        sim_conv_gather_layout(conv, &arena, &gather);
        sim_conv_spikes_weights(conv, nt, x->bits, dy, d_weights, &gather);
    } else
        weights_dense(conv, nt, x, dy, d_weights, &arena);
    if (d_bias) {
        arena.used = 0;
        add_bias_gradient(conv, nt * s->n * s->oh * s->ow, dy, d_bias,
                          bias_layout(conv, &arena));
    }
}

double sim_conv_macs(const SimConvShape *s)
{
    return (double)s->n * (double)(s->oh * s->ow) * (double)s->k *
           (double)(s->kh * s->kw) * (double)(s->c / s->groups);
}
