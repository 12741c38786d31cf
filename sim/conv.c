/* sim/conv.c: see conv.h. */
#include "sim/conv.h"

#include <stdlib.h>
#include <string.h>

#include "sim/arena.h"
#include "sim/dense.h"

enum {
    C_BLOCK = 64,  /* input channels whose weights stay in cache while pixels pass by */
    K_BLOCK = 128, /* output channels of a task */
    ROWS_PER_TASK = 16
};

struct SimConv {
    SimConvShape shape;
    SimForm form;
    size_t max_steps;
    const SimContext *context;
    bool use_spikes;                  /* forward, when the form is spikes */
    SimDense *forward;                /* one step */
    SimDense *input_step, *input_all; /* backward: one step, max_steps */
    SimDense *weights_step, *weights_all;
    size_t packed_bytes, dense_bytes, unpacked_bytes, gradient_bytes; /* of scratch */
};

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

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static SimStatus add_dense(SimConv *conv, size_t steps, SimDenseCall call, SimDense **out)
{
    SimStatus status = SIM_OK;
    SIM_TRY(sim_dense_create(&conv->shape, steps * conv->shape.n, call, false, out));
    conv->packed_bytes = larger(conv->packed_bytes, sim_dense_packed_bytes(*out));
    conv->dense_bytes = larger(conv->dense_bytes, sim_dense_scratch_bytes(*out));
out:
    return status;
}

SimStatus sim_conv_create(const SimConvShape *shape, SimForm form, size_t max_steps,
                          unsigned calls, const SimContext *context, SimConv **out)
{
    SimStatus status = SIM_OK;
    SimConv *conv = calloc(1, sizeof *conv);
    if (!conv)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a convolution");
    *conv = (SimConv){
        .shape = *shape, .form = form, .max_steps = max_steps, .context = context};
    const SimConvShape *s = &conv->shape;
    const size_t x_bytes = s->n * s->h * s->w * s->c * sizeof(float);
    const size_t w_bytes = s->kh * s->kw * s->c / s->groups * s->k * sizeof(float);
    conv->use_spikes = form == SIM_SPIKES && context->spike_path != SIM_SPIKES_NEVER;
    const bool maybe_dense =
        !(form == SIM_SPIKES && context->spike_path == SIM_SPIKES_ALWAYS);
    if ((calls & SIM_CONV_FORWARD) && maybe_dense)
        SIM_TRY(add_dense(conv, 1, SIM_DENSE_FORWARD, &conv->forward));
    if (calls & SIM_CONV_BACKWARD_INPUT) {
        SIM_TRY(add_dense(conv, 1, SIM_DENSE_BACKWARD_INPUT, &conv->input_step));
        if (max_steps > 1)
            SIM_TRY(
                add_dense(conv, max_steps, SIM_DENSE_BACKWARD_INPUT, &conv->input_all));
        conv->gradient_bytes = sim_align_up(max_steps * x_bytes);
    }
    if (calls & SIM_CONV_BACKWARD_WEIGHTS) {
        SIM_TRY(add_dense(conv, 1, SIM_DENSE_BACKWARD_WEIGHTS, &conv->weights_step));
        if (max_steps > 1)
            SIM_TRY(add_dense(conv, max_steps, SIM_DENSE_BACKWARD_WEIGHTS,
                              &conv->weights_all));
        conv->gradient_bytes = larger(conv->gradient_bytes, sim_align_up(w_bytes));
    }
    if (form == SIM_SPIKES)
        conv->unpacked_bytes =
            sim_align_up((calls & SIM_CONV_BACKWARD_WEIGHTS ? max_steps : 1) * x_bytes);
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
    sim_dense_destroy(conv->input_all);
    sim_dense_destroy(conv->weights_step);
    sim_dense_destroy(conv->weights_all);
    free(conv);
}

/* scratch:  | packed weights | dense kernel's own | unpacked spikes | gradient to be
 * added | */
size_t sim_conv_scratch_bytes(const SimConv *conv)
{
    return conv->packed_bytes + conv->dense_bytes + conv->unpacked_bytes +
           conv->gradient_bytes;
}

static unsigned char *dense_scratch(const SimConv *conv, void *scratch)
{
    return (unsigned char *)scratch + conv->packed_bytes;
}

static float *unpacked_scratch(const SimConv *conv, void *scratch)
{
    return (float *)(void *)(dense_scratch(conv, scratch) + conv->dense_bytes);
}

static float *gradient_scratch(const SimConv *conv, void *scratch)
{
    return (float *)(void *)(dense_scratch(conv, scratch) + conv->dense_bytes +
                             conv->unpacked_bytes);
}

static const void *packed(const SimConv *conv, SimDense *dense, const float *weights,
                          void *scratch)
{
    (void)conv;
    if (!sim_dense_packed_bytes(dense))
        return weights;
    sim_dense_pack(dense, weights, scratch);
    return scratch;
}

/* --- loops over rows, shared by the team
 * ------------------------------------------------ */

typedef struct Rows {
    const SimConv *conv;
    size_t n_rows, row_floats; /* of y or x */
    size_t k_blocks;
    const uint64_t *bits;
    const float *from, *weights, *bias;
    float *to;
} Rows;

static size_t task_count(size_t n_rows)
{
    return (n_rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
}

static size_t last_row(const Rows *rows, size_t first)
{
    return first + ROWS_PER_TASK < rows->n_rows ? first + ROWS_PER_TASK : rows->n_rows;
}

static void fill_with_bias(float *y, size_t pixels, size_t k, const float *bias)
{
    if (!bias) {
        memset(y, 0, pixels * k * sizeof *y);
        return;
    }
    for (size_t p = 0; p < pixels; p++)
        memcpy(y + p * k, bias, k * sizeof *y);
}

static void spike_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *rows = argument;
    const SimConvShape *s = &rows->conv->shape;
    const SimKernels *kernels = &rows->conv->context->kernels;
    const size_t first = index * ROWS_PER_TASK, last = last_row(rows, first);
    const size_t c_group = s->c / s->groups, k_group = s->k / s->groups;
    fill_with_bias(rows->to + first * s->ow * s->k, (last - first) * s->ow, s->k,
                   rows->bias);
    for (size_t g = 0; g < s->groups; g++)
        for (size_t k = 0; k < k_group; k += K_BLOCK)
            for (size_t c = 0; c < c_group; c += C_BLOCK)
                kernels->conv_spikes_forward(
                    s, first, last, g * k_group + k,
                    g * k_group + (k + K_BLOCK < k_group ? k + K_BLOCK : k_group),
                    g * c_group + c,
                    g * c_group + (c + C_BLOCK < c_group ? c + C_BLOCK : c_group),
                    rows->bits, rows->weights, rows->to);
}

static void unpack_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *rows = argument;
    const SimConvShape *s = &rows->conv->shape;
    const size_t first = index * ROWS_PER_TASK, last = last_row(rows, first);
    rows->conv->context->kernels.spikes_unpack(
        (last - first) * s->w, s->c, rows->bits + first * s->w * sim_words(s->c),
        rows->to + first * s->w * s->c);
}

static void add_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *rows = argument;
    const size_t first = index * ROWS_PER_TASK * rows->row_floats;
    const size_t last = last_row(rows, index * ROWS_PER_TASK) * rows->row_floats;
    for (size_t i = first; i < last; i++)
        rows->to[i] += rows->from[i];
}

static void bias_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Rows *rows = argument;
    const size_t k = rows->conv->shape.k;
    float *at = rows->to + index * ROWS_PER_TASK * rows->row_floats;
    float *end = rows->to + last_row(rows, index * ROWS_PER_TASK) * rows->row_floats;
    for (; at < end; at += k)
        for (size_t i = 0; i < k; i++)
            at[i] += rows->bias[i];
}

static void run_rows(const SimConv *conv, Rows *rows, SimTask *task)
{
    rows->conv = conv;
    sim_team_run(&conv->context->team, task_count(rows->n_rows), task, rows);
}

static void unpack(const SimConv *conv, size_t steps, const uint64_t *bits, float *to)
{
    run_rows(
        conv,
        &(Rows){.n_rows = steps * conv->shape.n * conv->shape.h, .bits = bits, .to = to},
        unpack_rows);
}

/* --- the three calls
 * ---------------------------------------------------------------------- */

void sim_conv_choose(SimConv *conv, double density)
{
    /* Break-even of the spike kernel against the dense one: reference kernels are slow,
     * so without vectors the dense library takes over early. */
    const double break_even = conv->context->cpu ? 0.25 : 0.02;
    if (conv->form == SIM_SPIKES && conv->context->spike_path == SIM_SPIKES_AUTO)
        conv->use_spikes = density < break_even;
}

bool sim_conv_uses_spikes(const SimConv *conv)
{
    return conv->use_spikes;
}

void sim_conv_forward(SimConv *conv, size_t nt, const SimTensor *x, const float *weights,
                      const float *bias, float *y, void *scratch)
{
    const SimConvShape *s = &conv->shape;
    if (conv->use_spikes) {
        run_rows(conv,
                 &(Rows){.n_rows = nt * s->n * s->oh,
                         .bits = x->bits,
                         .weights = weights,
                         .bias = bias,
                         .to = y},
                 spike_rows);
        return;
    }
    const void *in_order = packed(conv, conv->forward, weights, scratch);
    for (size_t t = 0; t < nt; t++) {
        const float *step = x->f32 + t * s->n * s->h * s->w * s->c;
        if (conv->form == SIM_SPIKES) {
            float *plain = unpacked_scratch(conv, scratch);
            unpack(conv, 1, x->bits + t * s->n * s->h * s->w * sim_words(s->c), plain);
            step = plain;
        }
        sim_dense_run(conv->forward, step, in_order, NULL,
                      y + t * s->n * s->oh * s->ow * s->k, dense_scratch(conv, scratch));
    }
    if (bias)
        run_rows(conv,
                 &(Rows){.n_rows = nt * s->n * s->oh,
                         .row_floats = s->ow * s->k,
                         .bias = bias,
                         .to = y},
                 bias_rows);
}

void sim_conv_backward_input(SimConv *conv, size_t nt, const float *dy,
                             const float *weights, const uint64_t *active,
                             bool accumulate, float *dx, void *scratch)
{
    (void)active; /* a dense gradient holds what is needed and more */
    const SimConvShape *s = &conv->shape;
    const bool whole = conv->input_all && nt == conv->max_steps;
    SimDense *dense = whole ? conv->input_all : conv->input_step;
    const void *in_order = packed(conv, dense, weights, scratch);
    const size_t x_step = s->n * s->h * s->w * s->c, y_step = s->n * s->oh * s->ow * s->k;
    float *to = accumulate ? gradient_scratch(conv, scratch) : dx;
    for (size_t t = 0; t < (whole ? 1 : nt); t++)
        sim_dense_run(dense, dy + t * y_step, in_order, NULL, to + t * x_step,
                      dense_scratch(conv, scratch));
    if (accumulate)
        run_rows(conv,
                 &(Rows){.n_rows = nt * s->n * s->h,
                         .row_floats = s->w * s->c,
                         .from = to,
                         .to = dx},
                 add_rows);
}

static void add_bias_gradient(const SimConv *conv, size_t pixels, const float *dy,
                              float *d_bias)
{
    const size_t k = conv->shape.k;
    for (size_t i = 0; i < k; i++) { /* few numbers: one thread, in double */
        double sum = 0.0;
        for (size_t p = 0; p < pixels; p++)
            sum += (double)dy[p * k + i];
        d_bias[i] += (float)sum;
    }
}

void sim_conv_backward_weights(SimConv *conv, size_t nt, const SimTensor *x,
                               const float *dy, float *d_weights, float *d_bias,
                               void *scratch)
{
    const SimConvShape *s = &conv->shape;
    const bool whole = conv->weights_all && nt == conv->max_steps;
    SimDense *dense = whole ? conv->weights_all : conv->weights_step;
    const size_t x_step = s->n * s->h * s->w * s->c, y_step = s->n * s->oh * s->ow * s->k;
    const size_t count = s->kh * s->kw * s->c / s->groups * s->k;
    float *gradient = gradient_scratch(conv, scratch);
    const float *plain = x->f32;
    if (conv->form == SIM_SPIKES) {
        unpack(conv, nt, x->bits, unpacked_scratch(conv, scratch));
        plain = unpacked_scratch(conv, scratch);
    }
    for (size_t t = 0; t < (whole ? 1 : nt); t++) {
        sim_dense_run(dense, plain + t * x_step, dy + t * y_step, NULL, gradient,
                      dense_scratch(conv, scratch));
        run_rows(conv,
                 &(Rows){.n_rows = s->kh * s->kw,
                         .row_floats = count / (s->kh * s->kw),
                         .from = gradient,
                         .to = d_weights},
                 add_rows);
    }
    if (d_bias)
        add_bias_gradient(conv, nt * s->n * s->oh * s->ow, dy, d_bias);
}

double sim_conv_macs(const SimConvShape *s)
{
    return (double)s->n * (double)(s->oh * s->ow) * (double)s->k *
           (double)(s->kh * s->kw) * (double)(s->c / s->groups);
}
