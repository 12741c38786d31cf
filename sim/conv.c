/* sim/conv.c: which kernel takes a convolution. */
#include "sim/conv_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double typical_density = 0.1; /* where none is known */

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

static double *bias_layout(const SimConv *conv, SimArena *arena)
{
    return sim_arena_take(arena, SIM_CONV_BIAS_TASKS * conv->shape.k * sizeof(double));
}

static size_t dense_held_bytes(const SimConv *conv)
{
    return conv->tile_forward.rows ? sim_conv_tile_rows_held_bytes(conv)
                                   : sim_conv_dense_held_bytes(conv);
}

/* Whether weights of 16 bits are made where they are held, not in scratch. */
static bool holds_fixed(const SimConv *conv)
{
    return conv->fixed.width && conv->held_bytes >= sim_conv_fixed_bytes(conv);
}

static SimStatus plan_held(SimConv *conv, unsigned calls)
{
    const bool any = calls & SIM_CONV_HOLD_ANY;
    if (!any && !(calls & SIM_CONV_HOLD))
        return SIM_OK;
    const size_t dense = any || !conv->use_spikes ? dense_held_bytes(conv) : 0;
    conv->held_bytes = larger(dense, sim_conv_fixed_bytes(conv)); /* these are small */
    if (conv->held_bytes)
        conv->held = aligned_alloc(SIM_ALIGN, conv->held_bytes);
    return !conv->held_bytes || conv->held
               ? SIM_OK
               : sim_fail(SIM_ERR_MEMORY, "no memory for the weights once more");
}

/* Scratch holds one call at a time: the largest counts. */
static size_t measure(const SimConv *conv, unsigned calls)
{
    size_t most = 0;
    for (int call = 0; call < SIM_DENSE_CALLS; call++) {
        const size_t bytes = sim_conv_dense_scratch(conv, (SimDenseCall)call);
        if (bytes > most)
            most = bytes;
    }
    if (conv->fourier)
        most = sim_fourier_scratch_bytes(conv->fourier);
    SimArena arenas[8] = {0};
    if (calls & SIM_CONV_BACKWARD_WEIGHTS)
        bias_layout(conv, &arenas[0]);
    if ((calls & SIM_CONV_BACKWARD_WEIGHTS) && conv->is_of_few)
        sim_conv_few_layout(conv, &arenas[7]);
    if (conv->may_gather) {
        SimConvGather gather;
        sim_conv_gather_layout(conv, &arenas[1], &gather);
    }
    if (conv->tile_weights.rows) {
        SimTileWeightsRoom room;
        sim_conv_tile_weights_layout(conv, &arenas[2], &room);
    }
    if (conv->has_outer) {
        SimConvOuter outer;
        sim_conv_outer_layout(conv, &arenas[3], &outer);
    }
    const SimConvTileRows *const rows[] = {&conv->tile_forward, &conv->tile_input};
    for (size_t i = 0; i < 2; i++)
        if (rows[i]->rows) {
            SimTileRowsRoom room;
            sim_conv_tile_rows_layout(&conv->shape, rows[i], &arenas[4 + i], &room);
        }
    if (!holds_fixed(conv))
        sim_arena_take(&arenas[6], sim_conv_fixed_bytes(conv));
    for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++)
        if (arenas[i].used > most)
            most = arenas[i].used;
    return most;
}

enum {
    STRIP_BYTES = 1 << 20,        /* of f32 gradients at a time */
    FORWARD_STRIP_BYTES = 5 << 19 /* of f32 outputs */
};

/* Gradients as f32, for kernels that know no bf16. */
typedef struct Strip {
    float *dy, *dx;
} Strip;

static Strip strip_layout(const SimConv *conv, SimArena *arena)
{
    const SimConvShape *s = &conv->shape;
    const size_t y = s->n * s->oh * s->ow * s->k, x = s->n * s->h * s->w * s->c;
    Strip strip;
    strip.dy = sim_arena_take(arena, conv->strip_steps * y * sizeof(float));
    strip.dx = sim_arena_take(arena, conv->strip_steps * x * sizeof(float));
    return strip;
}

static size_t output_numbers(const SimConvShape *s) /* of a step */
{
    return s->n * s->oh * s->ow * s->k;
}

static void plan_forward_strip(SimConv *conv, unsigned calls)
{
    const size_t bytes = output_numbers(&conv->shape) * sizeof(float);
    const bool spikes = conv->form == SIM_SPIKES && conv->break_even.forward > 0.0;
    if (!(calls & SIM_CONV_FORWARD) || conv->is_of_few ||
        (conv->tile_forward.rows && (!spikes || conv->fixed.width)))
        return;
    conv->forward_steps =
        smaller(conv->max_steps, larger(1, FORWARD_STRIP_BYTES / bytes));
    conv->strip_bytes =
        larger(conv->strip_bytes, sim_align_up(conv->forward_steps * bytes));
}

static void plan_strip(SimConv *conv, unsigned calls)
{
    const SimConvShape *s = &conv->shape;
    const bool input = (calls & SIM_CONV_BACKWARD_INPUT) &&
                       (!conv->tile_input.rows || conv->break_even.input > 0.0);
    if (!input && !conv->fourier)
        return;
    const size_t step = s->n * (s->oh * s->ow * s->k + s->h * s->w * s->c);
    conv->strip_steps =
        smaller(conv->max_steps, larger(1, STRIP_BYTES / (step * sizeof(float))));
    SimArena arena = {0};
    strip_layout(conv, &arena);
    conv->strip_bytes = arena.used;
}

SimStatus sim_conv_create(const SimConvShape *shape, SimForm form, size_t max_steps,
                          unsigned calls, const SimContext *context, SimConv **out)
{
    SimStatus status = SIM_OK;
    const SimConvShape *s = shape;
    const bool is_spikes = form == SIM_SPIKES;
    const unsigned given = calls;
    SimConv *conv = calloc(1, sizeof *conv);
    if (!conv)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a convolution");
    *conv = (SimConv){
        .shape = *shape, .form = form, .max_steps = max_steps, .context = context};
    if (context->spike_path == SIM_SPIKES_AUTO)
        SIM_TRY(
            sim_calibration_find(context->calibration, s, context, &conv->break_even));
    if (context->spike_path == SIM_SPIKES_ALWAYS)
        conv->break_even =
            (SimBreakEven){(double)INFINITY, (double)INFINITY, (double)INFINITY};
    conv->is_whole = is_spikes || (calls & SIM_CONV_WHOLE);
    conv->use_spikes = is_spikes && typical_density < conv->break_even.forward;
    conv->may_gather = is_spikes && (calls & SIM_CONV_BACKWARD_WEIGHTS) &&
                       conv->break_even.weights > 0.0;
    if (!is_spikes && !sim_conv_has_pieces(s, context) && sim_fourier_pays(s)) {
        SIM_TRY(sim_fourier_create(s, context, &conv->fourier));
        calls &= SIM_CONV_BACKWARD_WEIGHTS; /* what is left is the bias */
    }
    conv->is_of_few = !conv->fourier && sim_conv_is_of_few(s, form);
    const bool always = (is_spikes && context->spike_path == SIM_SPIKES_ALWAYS) ||
                        conv->fourier || conv->is_of_few;
    if ((calls & SIM_CONV_FORWARD) && !always) {
        sim_conv_tile_rows_plan(conv, true, &conv->tile_forward);
        if (!conv->tile_forward.rows)
            SIM_TRY(sim_conv_dense_plan(conv, SIM_DENSE_FORWARD));
    }
    if (calls & SIM_CONV_FORWARD)
        sim_conv_fixed_plan(conv);
    SIM_TRY(plan_held(conv, calls));
    if (calls & SIM_CONV_BACKWARD_INPUT) {
        sim_conv_tile_rows_plan(conv, false, &conv->tile_input);
        if (!conv->tile_input.rows)
            SIM_TRY(sim_conv_dense_plan(conv, SIM_DENSE_BACKWARD_INPUT));
    }
    if ((calls & SIM_CONV_BACKWARD_WEIGHTS) && !always) {
        sim_conv_tile_weights_plan(conv);
        conv->has_outer = !conv->tile_weights.rows;
    }
    if (given & SIM_CONV_BF16) {
        plan_strip(conv, calls);
        plan_forward_strip(conv, given);
    }
    conv->scratch_bytes = conv->strip_bytes + measure(conv, calls);
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
    sim_conv_dense_release(conv);
    free(conv->held);
    sim_fourier_destroy(conv->fourier);
    free(conv);
}

size_t sim_conv_scratch_bytes(const SimConv *conv)
{
    return conv->scratch_bytes;
}

size_t sim_conv_held_bytes(const SimConv *conv)
{
    return conv->held_bytes;
}

void sim_conv_choose(SimConv *conv, double density)
{
    const double likely = density > 0.0 ? density : typical_density;
    conv->use_spikes = conv->form == SIM_SPIKES && likely < conv->break_even.forward;
}

bool sim_conv_uses_spikes(const SimConv *conv)
{
    return conv->use_spikes;
}

/* A call may follow the density of what it is given where its result is not promised to
 * be the same however time is cut. */
static double density_of(const SimConv *conv, size_t nt, const uint64_t *bits)
{
    const SimConvShape *s = &conv->shape;
    const size_t pixels = nt * s->n * s->h * s->w;
    return (double)conv->context->kernels.spikes_count(pixels * sim_words(s->c), bits) /
           (double)(pixels * s->c);
}

/* --- the three calls ------------------------------------------------------------------
 */

static SimArena arena_over(const SimConv *conv, void *scratch)
{
    return (SimArena){.base = (unsigned char *)scratch + conv->strip_bytes,
                      .size = conv->scratch_bytes - conv->strip_bytes};
}

typedef struct Turn { /* of numbers into the other form */
    const SimConv *conv;
    size_t n;
    uint16_t *bf16;
    float *f32;
    bool widen;
} Turn;

enum { TURN_NUMBERS = 1 << 14 /* of a task */ };

static void turn_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Turn *turn = argument;
    const SimKernels *kernels = &turn->conv->context->kernels;
    const size_t first = index * TURN_NUMBERS, n = smaller(TURN_NUMBERS, turn->n - first);
    if (turn->widen)
        kernels->bf16_widen(n, turn->bf16 + first, turn->f32 + first);
    else
        kernels->bf16_piece(1, n, n, 0, turn->f32 + first, turn->bf16 + first);
}

static void widen(const SimConv *conv, size_t n, uint16_t *from, float *to)
{
    sim_team_run(&conv->context->team, blocks(n, TURN_NUMBERS), turn_task,
                 &(Turn){.conv = conv, .n = n, .bf16 = from, .f32 = to, .widen = true});
}

static void narrow(const SimConv *conv, size_t n, float *from, uint16_t *to)
{
    sim_team_run(&conv->context->team, blocks(n, TURN_NUMBERS), turn_task,
                 &(Turn){.conv = conv, .n = n, .bf16 = to, .f32 = from});
}

void sim_conv_hold(SimConv *conv, const float *weights, uint64_t version)
{
    bool *const is_held = conv->use_spikes ? &conv->is_held_fixed : &conv->is_held;
    if (*is_held && conv->held_version == version)
        return;
    conv->is_held = conv->is_held_fixed = false;
    conv->held_version = version;
    if (conv->use_spikes) {
        if (!holds_fixed(conv))
            return;
        sim_conv_fixed_make(conv, weights, conv->held);
    } else {
        const size_t bytes = dense_held_bytes(conv);
        if (!bytes || bytes > conv->held_bytes)
            return;
        if (conv->tile_forward.rows)
            sim_conv_tile_rows_hold(conv, weights);
        else
            sim_conv_dense_hold(conv, weights);
    }
    *is_held = true;
}

/* All of these add, one step at a time: the same bits however time is cut. */
static void fourier_forward(const SimConv *conv, size_t nt, const float *x,
                            const float *weights, const float *bias, float *y,
                            void *scratch)
{
    const SimConvShape *s = &conv->shape;
    const size_t x_step = s->n * s->h * s->w * s->c, pixels = s->n * s->oh * s->ow;
    for (size_t t = 0; t < nt; t++, x += x_step, y += pixels * s->k) {
        if (bias)
            for (size_t p = 0; p < pixels; p++)
                memcpy(y + p * s->k, bias, s->k * sizeof *y);
        else
            memset(y, 0, pixels * s->k * sizeof *y);
        sim_fourier_forward(conv->fourier, x, weights, y, scratch);
    }
}

static void fourier_input(const SimConv *conv, size_t nt, const float *dy,
                          const float *weights, bool accumulate, float *dx, void *scratch)
{
    const SimConvShape *s = &conv->shape;
    const size_t x_step = s->n * s->h * s->w * s->c, y_step = s->n * s->oh * s->ow * s->k;
    if (!accumulate)
        memset(dx, 0, nt * x_step * sizeof *dx);
    for (size_t t = 0; t < nt; t++)
        sim_fourier_input(conv->fourier, dy + t * y_step, weights, dx + t * x_step,
                          scratch);
}

static void fourier_weights(const SimConv *conv, size_t nt, const float *x,
                            const SimTensor *dy, float *d_weights, void *scratch)
{
    const SimConvShape *s = &conv->shape;
    const size_t x_step = s->n * s->h * s->w * s->c, y_step = s->n * s->oh * s->ow * s->k;
    SimArena front = {.base = scratch, .size = conv->strip_bytes};
    for (size_t t = 0; t < nt; t++) {
        const float *step = dy->f32 + t * y_step;
        if (dy->form == SIM_BF16) {
            front.used = 0;
            float *const room = strip_layout(conv, &front).dy;
            widen(conv, y_step, dy->bf16 + t * y_step, room);
            step = room;
        }
        sim_fourier_weights(conv->fourier, x + t * x_step, step, d_weights,
                            arena_over(conv, scratch).base);
    }
}

/* Weights of 16 bits. */
static const void *made_at(const SimConv *conv, const void *scratch)
{
    return holds_fixed(conv) ? conv->held
                             : (const unsigned char *)scratch + conv->strip_bytes;
}

static void make_fixed(SimConv *conv, const float *weights, void *scratch)
{
    if (conv->is_held_fixed)
        return;
    conv->is_held = conv->is_held && !holds_fixed(conv);
    sim_conv_fixed_make(conv, weights, (void *)(size_t)made_at(conv, scratch));
}

static void forward_in_f32(SimConv *conv, size_t nt, const SimTensor *x,
                           const float *weights, const float *bias, float *y,
                           void *scratch)
{
    SimArena arena = arena_over(conv, scratch);
    if (conv->fourier) {
        fourier_forward(conv, nt, x->f32, weights, bias, y, arena.base);
    } else if (conv->use_spikes) {
        sim_conv_spikes_forward(conv, nt, x->bits, weights, bias, y);
    } else {
        sim_conv_dense_forward(conv, nt, x, weights, bias, y, &arena);
    }
}

void sim_conv_forward(SimConv *conv, size_t nt, const SimTensor *x, const float *weights,
                      const float *bias, const SimTensor *y, void *scratch)
{
    const SimConvShape *s = &conv->shape;
    if (conv->is_of_few) {
        sim_conv_few_forward(conv, nt, x->f32, weights, bias,
                             sim_numbers_at(y->data, y->form, 0));
        return;
    }
    if (conv->tile_forward.rows && !conv->use_spikes && !conv->fourier) {
        SimArena arena = arena_over(conv, scratch);
        sim_conv_tile_rows_forward(conv, nt, x, weights, bias, y, &arena);
        return;
    }
    if (conv->use_spikes && conv->fixed.width && !conv->fourier) {
        make_fixed(conv, weights, scratch);
        sim_conv_fixed_forward(conv, nt, x->bits, made_at(conv, scratch), bias,
                               sim_numbers_at(y->data, y->form, 0));
        return;
    }
    if (y->form != SIM_BF16) {
        forward_in_f32(conv, nt, x, weights, bias, y->f32, scratch);
        return;
    }
    const size_t x_step = sim_step_bytes(x->form, (SimShape){1, s->n, s->h, s->w, s->c});
    for (size_t t = 0, steps; t < nt; t += steps) {
        steps = smaller(conv->forward_steps, nt - t);
        const SimTensor here = {.form = x->form,
                                .data = (unsigned char *)x->data + t * x_step};
        const size_t n = steps * output_numbers(s);
        forward_in_f32(conv, steps, &here, weights, bias, scratch, scratch);
        narrow(conv, n, scratch, y->bf16 + t * output_numbers(s));
    }
}

bool sim_conv_begin_rows(SimConv *conv, const float *weights, void *scratch)
{
    if (conv->is_of_few)
        return true;
    if (!conv->use_spikes || conv->fourier)
        return false;
    if (conv->fixed.width)
        make_fixed(conv, weights, scratch);
    return true;
}

void sim_conv_forward_rows(const SimConv *conv, const SimTensor *x, const float *weights,
                           const float *bias, const void *scratch, size_t first,
                           size_t last, float *y)
{
    if (conv->is_of_few)
        sim_conv_few_rows(conv, x->f32, weights, bias, first, last, y);
    else if (conv->fixed.width)
        sim_conv_fixed_rows(conv, x->bits, made_at(conv, scratch), bias, first, last, y);
    else
        sim_conv_spikes_rows(conv, x->bits, weights, bias, first, last, y);
}

static void input_in_f32(const SimConv *conv, size_t nt, const float *dy,
                         const float *weights, const uint64_t *active, bool spikes,
                         bool accumulate, float *dx, SimArena *arena)
{
    if (conv->fourier)
        fourier_input(conv, nt, dy, weights, accumulate, dx, arena->base);
    else if (spikes)
        sim_conv_spikes_input(conv, nt, active, dy, weights, accumulate, dx);
    else
        sim_conv_dense_input(conv, nt, dy, weights, accumulate, dx, arena);
}

/* The same where a gradient is bf16: f32 for a few steps, then back. */
static void input_in_strips(const SimConv *conv, size_t nt, const SimTensor *dy,
                            const float *weights, const uint64_t *active, bool spikes,
                            bool accumulate, const SimTensor *dx, void *scratch)
{
    const SimConvShape *s = &conv->shape;
    const size_t pixels = s->n * s->h * s->w, x_step = pixels * s->c;
    const size_t y_step = s->n * s->oh * s->ow * s->k;
    SimArena front = {.base = scratch, .size = conv->strip_bytes};
    const Strip strip = strip_layout(conv, &front);
    for (size_t t = 0, steps; t < nt; t += steps) {
        steps = smaller(conv->strip_steps, nt - t);
        SimArena arena = arena_over(conv, scratch);
        const float *from = dy->f32 + t * y_step;
        float *to = dx->f32 + t * x_step;
        if (dy->form == SIM_BF16) {
            widen(conv, steps * y_step, dy->bf16 + t * y_step, strip.dy);
            from = strip.dy;
        }
        if (dx->form == SIM_BF16) {
            to = strip.dx;
            if (accumulate)
                widen(conv, steps * x_step, dx->bf16 + t * x_step, to);
        }
        input_in_f32(conv, steps, from, weights,
                     active ? active + t * pixels * sim_words(s->c) : NULL, spikes,
                     accumulate, to, &arena);
        if (dx->form == SIM_BF16)
            narrow(conv, steps * x_step, to, dx->bf16 + t * x_step);
    }
}

void sim_conv_backward_input(SimConv *conv, size_t nt, const SimTensor *dy,
                             const float *weights, const uint64_t *active,
                             bool accumulate, const SimTensor *dx, void *scratch)
{
    const double limit = active ? conv->break_even.input : 0.0;
    const bool spikes =
        limit > 1.0 || (limit > 0.0 && density_of(conv, nt, active) < limit);
    SimArena arena = arena_over(conv, scratch);
    if (conv->tile_input.rows && !spikes)
        sim_conv_tile_rows_input(conv, nt, dy, weights, accumulate, dx, &arena);
    else if (dy->form == SIM_BF16 || dx->form == SIM_BF16)
        input_in_strips(conv, nt, dy, weights, active, spikes, accumulate, dx, scratch);
    else
        input_in_f32(conv, nt, dy->f32, weights, active, spikes, accumulate, dx->f32,
                     &arena);
}

typedef struct BiasSums {
    size_t pixels, k;
    const SimTensor *dy;
    double *sums; /* [SIM_CONV_BIAS_TASKS, k] */
} BiasSums;

static float number_at(const SimTensor *x, size_t i)
{
    return x->form == SIM_BF16 ? sim_bf16_value(x->bf16[i]) : x->f32[i];
}

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
            sums[i] += (double)number_at(b->dy, p * b->k + i);
}

static void add_bias_gradient(const SimConv *conv, size_t pixels, const SimTensor *dy,
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

void sim_conv_backward_weights(SimConv *conv, size_t nt, const SimTensor *x,
                               const SimTensor *dy, float *d_weights, float *d_bias,
                               void *scratch)
{
    const SimConvShape *s = &conv->shape;
    SimArena arena = arena_over(conv, scratch);
    const double density = conv->may_gather ? density_of(conv, nt, x->bits) : 1.0;
    if (conv->fourier) {
        fourier_weights(conv, nt, x->f32, dy, d_weights, scratch);
    } else if (conv->is_of_few) {
        sim_conv_few_weights(conv, nt, x->f32, sim_numbers_at(dy->data, dy->form, 0),
                             d_weights, sim_conv_few_layout(conv, &arena));
    } else if (conv->may_gather && density < conv->break_even.weights) {
        SimConvGather gather;
        sim_conv_gather_layout(conv, &arena, &gather);
        sim_conv_spikes_weights(conv, nt, x->bits, density, dy, d_weights, &gather);
    } else if (conv->tile_weights.rows) {
        SimTileWeightsRoom room;
        sim_conv_tile_weights_layout(conv, &arena, &room);
        sim_conv_tile_weights(conv, nt, x, dy, d_weights, &room);
    } else {
        SimConvOuter outer;
        sim_conv_outer_layout(conv, &arena, &outer);
        sim_conv_outer_weights(conv, nt, x, dy, d_weights, &outer);
    }
    if (d_bias) {
        arena.used = 0;
        add_bias_gradient(conv, nt * s->n * s->oh * s->ow, dy, d_bias,
                          bias_layout(conv, &arena));
    }
}

bool sim_conv_wants_bf16(const SimConvShape *shape, const SimContext *context)
{
    return context->precision == SIM_PRECISION_BF16 &&
           sim_conv_has_pieces(shape, context);
}

bool sim_conv_goes_by_rows(const SimConvShape *shape, SimForm form)
{
    return form == SIM_SPIKES || sim_conv_is_of_few(shape, form);
}

bool sim_conv_reads_bf16(const SimConvShape *shape, const SimContext *context)
{
    return sim_conv_wants_bf16(shape, context) && !sim_conv_is_flat(shape) &&
           !sim_conv_is_of_few(shape, SIM_DENSE);
}

double sim_conv_macs(const SimConvShape *s)
{
    return (double)s->n * (double)(s->oh * s->ow) * (double)s->k *
           (double)(s->kh * s->kw) * (double)(s->c / s->groups);
}
