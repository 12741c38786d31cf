/* nets/layers/join.c: a residual branch a meets the skip b (Fang et al. 2021).
 *
 *     add  a + b        and  a b        iand  b (1 - a)
 */
#include <stddef.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"
#include "sim/arena.h"

static const char *const kinds[] = {"add", "and", "iand", NULL};
/* clang-format off */
static const SimOption options[] = {
    {"kind", SIM_OPTION_CHOICE, offsetof(NetJoin, kind), .choices = kinds,
     .help = "how the two inputs meet"},
    {0},
};
/* clang-format on */

enum { A, B };

static int kind_of(const NetLayerRun *run)
{
    return ((const NetJoin *)run->options)->kind;
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetJoin *o = plan->options;
    const SimShape a = plan->in[A], b = plan->in[B];
    if (a.n != b.n || a.h != b.h || a.w != b.w || a.c != b.c || a.t != b.t)
        return sim_fail(
            SIM_ERR_SHAPE,
            "cannot join %zux%zux%zu over %zu steps with %zux%zux%zu over %zu%s", a.h,
            a.w, a.c, a.t, b.h, b.w, b.c, b.t,
            a.t != b.t ? ": put a repeat layer after the constant one"
                       : ": bring one to the shape of the other with a convolution");
    const bool spikes = plan->in_form[A] == SIM_SPIKES && plan->in_form[B] == SIM_SPIKES;
    plan->out = a;
    plan->by_step = true;
    plan->by_rows = true;
    plan->out_form = o->kind != NET_JOIN_ADD && spikes ? SIM_SPIKES : SIM_DENSE;
    if (o->kind == NET_JOIN_ADD && plan->in_most[A] && plan->in_most[B])
        plan->out_most = plan->in_most[A] + plan->in_most[B];
    for (size_t i = A; i <= B; i++)
        plan->takes_affine[i] = plan->passes_gradient[i] = o->kind == NET_JOIN_ADD;
    plan->takes_bf16 =
        o->kind == NET_JOIN_ADD && plan->context->precision == SIM_PRECISION_BF16;
    if (o->kind == NET_JOIN_ADD)
        plan->reads_bf16 = 1u << A | 1u << B;
    if (plan->takes_bf16)
        plan->gives_bf16 = plan->adds_bf16 = 1u << A | 1u << B;
    plan->writes_bf16 = plan->takes_bf16 && !plan->training &&
                        plan->in_form[A] != SIM_SPIKES && plan->in_form[B] != SIM_SPIKES;
    for (size_t i = A; i <= B && o->kind == NET_JOIN_ADD; i++)
        plan->output_in_place |= (unsigned)(plan->in_form[i] == SIM_DENSE) << i;
    if (o->kind != NET_JOIN_ADD) {
        if (!spikes)
            plan->in_form[A] = plan->in_form[B] = SIM_DENSE;
        plan->backward_needs = NET_NEEDS_INPUT;
    }
    return SIM_OK;
}

static SimNumbers numbers_of(const SimTensor *x, size_t first_pixel)
{
    return sim_numbers_at(x->data, x->form, first_pixel * x->shape.c);
}

/* y = input, or y = z + input, where z.at is not NULL; of n pixels of step t. Where there
 * are spikes y is f32. */
static void put(const NetLayerRun *run, size_t input, size_t t, size_t first, size_t n,
                SimNumbers z)
{
    const size_t c = run->y.shape.c;
    const SimKernels *kernels = &run->context->kernels;
    const SimTensor *x = &run->x[input];
    const SimAffine affine = run->affine[input];
    const SimNumbers y = numbers_of(&run->y, first);
    if (x->form == SIM_SPIKES) {
        const uint64_t *bits = x->bits + first * sim_words(c);
        if (z.at && z.at != y.at)
            kernels->hand_on(n * c, z, false, y);
        if (z.at)
            kernels->spikes_add(n, c, bits, y.at);
        else
            kernels->spikes_unpack(n, c, bits, y.at);
        return;
    }
    const SimNumbers from = numbers_of(x, first);
    const float *scale = affine.scale ? affine.scale + t * affine.step : NULL;
    const float *shift = affine.scale ? affine.shift + t * affine.step : NULL;
    if (affine.scale && z.at)
        kernels->channel_affine_add(n, c, from, scale, shift, z, y);
    else if (affine.scale)
        kernels->channel_affine(n, c, from, scale, shift, y);
    else if (z.at)
        kernels->sum(n * c, from, z, y);
    else
        kernels->hand_on(n * c, from, false, y);
}

/* A plain input is read where it lies; the other one is added to it. */
static void add_rows(const NetLayerRun *run, size_t t, size_t first, size_t n)
{
    for (size_t i = A; i <= B; i++)
        if (run->x[i].form != SIM_SPIKES && !run->affine[i].scale) {
            put(run, i == A ? B : A, t, first, n, numbers_of(&run->x[i], first));
            return;
        }
    put(run, A, t, first, n, (SimNumbers){0});
    put(run, B, t, first, n, numbers_of(&run->y, first));
}

/* A task may reach over a step, whose scale and shift are its own. */
static void add_steps(const NetLayerRun *run, size_t first, size_t n)
{
    const size_t pixels = sim_shape_pixels(run->y.shape);
    const bool steps = run->affine[A].step || run->affine[B].step;
    for (size_t done = 0, part; done < n; done += part) {
        const size_t at = first + done, left = pixels - at % pixels;
        part = steps && left < n - done ? left : n - done;
        add_rows(run, at / pixels, at, part);
    }
}

static void forward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first), c = rows->c;
    const int kind = kind_of(run);
    if (kind == NET_JOIN_ADD) {
        add_steps(run, first, n);
        return;
    }
    if (run->y.form == SIM_SPIKES) {
        const size_t words = sim_words(c);
        const uint64_t *a = run->x[A].bits + first * words,
                       *b = run->x[B].bits + first * words;
        uint64_t *y = run->y.bits + first * words;
        for (size_t i = 0; i < n * words; i++)
            y[i] = b[i] & (kind == NET_JOIN_AND ? a[i] : ~a[i]);
        return;
    }
    const float *a = run->x[A].f32 + first * c, *b = run->x[B].f32 + first * c;
    float *y = run->y.f32 + first * c;
    for (size_t i = 0; i < n * c; i++)
        y[i] = b[i] * (kind == NET_JOIN_AND ? a[i] : 1.0f - a[i]);
}

static void forward(const NetLayerRun *run)
{
    net_rows_run(run, run->y.shape, forward_rows);
}

static float value(const SimTensor *x, size_t pixel, size_t channel)
{
    const size_t c = x->shape.c;
    if (x->form == SIM_DENSE)
        return x->f32[pixel * c + channel];
    return (float)(x->bits[pixel * sim_words(c) + channel / SIM_WORD_BITS] >>
                       (channel % SIM_WORD_BITS) &
                   1);
}

static void backward_rows(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const NetRows *rows = argument;
    const NetLayerRun *run = rows->run;
    size_t first;
    const size_t n = net_rows_cut(rows, index, &first), c = rows->c;
    const int kind = kind_of(run);
    for (size_t input = A; input <= B; input++) {
        if (!run->dx[input])
            continue;
        if (kind == NET_JOIN_ADD) {
            net_hand_on(run, input, first * c, n * c);
            continue;
        }
        const float *dy = run->dy + first * c;
        float *dx = run->dx[input] + first * c;
        const bool add = run->accumulate[input];
        const SimTensor *other = &run->x[input == A ? B : A];
        for (size_t p = 0; p < n; p++)
            for (size_t i = 0; i < c; i++) {
                float factor = value(other, first + p, i);
                if (kind == NET_JOIN_IAND)
                    factor = input == A ? -factor : 1.0f - factor;
                const float d = dy[p * c + i] * factor;
                dx[p * c + i] = add ? dx[p * c + i] + d : d;
            }
    }
}

static void backward(const NetLayerRun *run)
{
    if (kind_of(run) == NET_JOIN_ADD && net_is_handed_on(run, A) &&
        net_is_handed_on(run, B))
        return;
    net_rows_run(run, run->y.shape, backward_rows);
}

const NetLayer net_layer_join = {
    .name = "join",
    .summary = "residual branch and skip: add, and, iand",
    .min_inputs = 2,
    .max_inputs = 2,
    .options = options,
    .options_size = sizeof(NetJoin),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
