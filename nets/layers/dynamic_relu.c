/* nets/layers/dynamic_relu.c: the larger of two lines that an image chooses for itself
 * (Chen et al., Dynamic ReLU, arXiv:2003.10027).
 *
 *     pool = mean of x over the pixels;  h = max(0, W1 pool + b1);  d = 2 s(W2 h + b2) -
 * 1 a1 = 1 + d0, a2 = d1, b1 = d2 / 2, b2 = d3 / 2;  y = p max(a1 x + b1, a2 x + b2)
 *
 * Kind a: four numbers an image; b: four for each channel of it; c: those of b, and a
 * weight p for each pixel, p = min(HW/3 softmax(z / tau), 1) over the pixels, z = w x
 * (else p = 1; a bias of z would cancel). Kind c and its attention: second hand. Every
 * time step of every image is one image here. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nets/layers/function_internal.h"
#include "sim/arena.h"

enum { KIND_A, KIND_B, KIND_C };
enum { LINES = 4 }; /* a1, a2, b1, b2 */
enum { W1, B1, W2, B2, WZ };

static const char *const kinds[] = {"a", "b", "c", NULL};

/* clang-format off */
static const SimOption options[] = {
    {"kind", SIM_OPTION_CHOICE, offsetof(NetDynamicRelu, kind), .initial = KIND_B, .choices = kinds, .help = "a: one pair of lines an image; b: one for each of its channels; c: and a weight for each pixel"},
    {"reduction", SIM_OPTION_INT, offsetof(NetDynamicRelu, reduction), .initial = 4, .low = 1, .high = 1024, .help = "channels for one hidden unit"},
    {"tau", SIM_OPTION_FLOAT, offsetof(NetDynamicRelu, tau), .initial = 10, .low = 1e-3, .high = 1e6, .help = "of kind c: temperature of the attention"},
    {0},
};
/* clang-format on */

typedef struct Sizes {
    size_t images, pixels, c; /* pixels of an image */
    size_t hidden, out;       /* out: LINES, or LINES for each channel */
} Sizes;

/* scratch, [images, ...]: pool [C], hidden, d [out], lines [LINES, C]; of kind c softmax
 * and p [pixels], weighted gradients [pixels, C]; then gradients of lines in double. */
typedef struct Work {
    const NetLayerRun *run;
    const NetDynamicRelu *options;
    Sizes n;
    float *pool, *hidden, *d, *lines, *softmax, *p, *weighted;
    double *d_lines;
    size_t bytes;
} Work;

static Sizes sizes_of(const NetDynamicRelu *o, SimShape x)
{
    Sizes n = {.images = x.t * x.n, .pixels = x.h * x.w, .c = x.c};
    n.hidden = x.c / (size_t)o->reduction ? x.c / (size_t)o->reduction : 1;
    n.out = LINES * (o->kind == KIND_A ? 1 : x.c);
    return n;
}

static Work lay_out(const NetDynamicRelu *o, SimShape x, void *scratch)
{
    Work work = {.options = o, .n = sizes_of(o, x)};
    const Sizes n = work.n;
    const bool c = o->kind == KIND_C;
    const size_t counts[] = {n.c,
                             n.hidden,
                             n.out,
                             LINES * n.c,
                             c ? n.pixels : 0,
                             c ? n.pixels : 0,
                             c ? n.pixels * n.c : 0};
    float **const parts[] = {&work.pool,    &work.hidden, &work.d,       &work.lines,
                             &work.softmax, &work.p,      &work.weighted};
    unsigned char *const at = scratch;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (at)
            *parts[i] = (float *)(void *)(at + work.bytes);
        work.bytes += sim_align_up(n.images * counts[i] * sizeof(float));
    }
    if (at)
        work.d_lines = (double *)(void *)(at + work.bytes);
    work.bytes += n.images * LINES * n.c * sizeof(double);
    return work;
}

/* --- forward
 * ---------------------------------------------------------------------------- */

static void attend(const Work *work, size_t image)
{
    const Sizes n = work->n;
    const NetLayerRun *run = work->run;
    const float *x = run->x[0].f32 + image * n.pixels * n.c, *w = run->params[WZ];
    float *soft = work->softmax + image * n.pixels, top = -INFINITY;
    for (size_t i = 0; i < n.pixels; i++) {
        float z = 0.0f;
        for (size_t k = 0; k < n.c; k++)
            z += w[k] * x[i * n.c + k];
        soft[i] = z / (float)work->options->tau;
        top = fmaxf(top, soft[i]);
    }
    double sum = 0.0;
    for (size_t i = 0; i < n.pixels; i++)
        sum += (double)(soft[i] = expf(soft[i] - top));
    for (size_t i = 0; i < n.pixels; i++) {
        soft[i] = (float)((double)soft[i] / sum);
        work->p[image * n.pixels + i] = fminf((float)n.pixels / 3.0f * soft[i], 1.0f);
    }
}

static void choose_lines(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const Sizes n = work->n;
    const NetLayerRun *run = work->run;
    const float *x = run->x[0].f32 + image * n.pixels * n.c;
    float *pool = work->pool + image * n.c, *hidden = work->hidden + image * n.hidden;
    float *d = work->d + image * n.out, *lines = work->lines + image * LINES * n.c;
    memset(pool, 0, n.c * sizeof *pool);
    for (size_t i = 0; i < n.pixels; i++)
        for (size_t k = 0; k < n.c; k++)
            pool[k] += x[i * n.c + k];
    for (size_t k = 0; k < n.c; k++)
        pool[k] /= (float)n.pixels;
    memcpy(hidden, run->params[B1], n.hidden * sizeof *hidden);
    for (size_t k = 0; k < n.c; k++)
        for (size_t h = 0; h < n.hidden; h++)
            hidden[h] += pool[k] * run->params[W1][k * n.hidden + h];
    memcpy(d, run->params[B2], n.out * sizeof *d);
    for (size_t h = 0; h < n.hidden; h++) {
        hidden[h] = fmaxf(hidden[h], 0.0f);
        for (size_t j = 0; j < n.out; j++)
            d[j] += hidden[h] * run->params[W2][h * n.out + j];
    }
    for (size_t j = 0; j < n.out; j++)
        d[j] = tanhf(0.5f * d[j]); /* 2 s(d) - 1 */
    for (size_t k = 0; k < n.c; k++) {
        const float *own = d + (n.out == LINES ? 0 : k * LINES);
        lines[k] = 1.0f + own[0];
        lines[n.c + k] = own[1];
        lines[2 * n.c + k] = 0.5f * own[2];
        lines[3 * n.c + k] = 0.5f * own[3];
    }
    if (work->options->kind == KIND_C)
        attend(work, image);
}

static Work make_work(const NetLayerRun *run)
{
    Work work = lay_out(run->options, run->x[0].shape, run->scratch);
    work.run = run;
    return work;
}

static NetFunction function_of(const Work *work)
{
    const NetLayerRun *run = work->run;
    const Sizes n = work->n;
    return (NetFunction){.context = run->context,
                         .function = neuron_dendrite_find("max_affine2"),
                         .n_blocks = n.images,
                         .block = n.pixels,
                         .pixels = n.images * n.pixels,
                         .channels = n.c,
                         .x = run->x[0].f32,
                         .params = work->lines,
                         .params_step = LINES * n.c,
                         .d_params = work->d_lines};
}

static void forward(const NetLayerRun *run)
{
    Work work = make_work(run);
    const Sizes n = work.n;
    sim_team_run(&run->context->team, n.images, choose_lines, &work);
    NetFunction f = function_of(&work);
    f.y = run->y.f32;
    net_function_forward(&f);
    if (work.options->kind == KIND_C)
        for (size_t i = 0; i < n.images * n.pixels; i++)
            for (size_t k = 0; k < n.c; k++)
                run->y.f32[i * n.c + k] *= work.p[i];
}

/* --- backward
 * --------------------------------------------------------------------------- */

/* The gradient of p, which takes its place, from y without its weights; that gradient's
 * place is then taken by dy p. */
static void weigh(void *argument, size_t image, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const Sizes n = work->n;
    const float *dy = work->run->dy + image * n.pixels * n.c;
    float *p = work->p + image * n.pixels,
          *weighted = work->weighted + image * n.pixels * n.c;
    for (size_t i = 0; i < n.pixels; i++) {
        double d_p = 0.0;
        for (size_t k = i * n.c; k < (i + 1) * n.c; k++) {
            d_p += (double)dy[k] * (double)weighted[k];
            weighted[k] = dy[k] * p[i];
        }
        p[i] = p[i] < 1.0f ? (float)d_p : 0.0f; /* at the limit a constant */
    }
}

/* Through softmax and z. */
static void attend_back(const Work *work, size_t image)
{
    const Sizes n = work->n;
    const NetLayerRun *run = work->run;
    const size_t first = image * n.pixels;
    const float *soft = work->softmax + first, *d_p = work->p + first;
    const double gain = (double)n.pixels / 3.0;
    double mean = 0.0;
    for (size_t i = 0; i < n.pixels; i++)
        mean += gain * (double)d_p[i] * (double)soft[i];
    for (size_t i = 0; i < n.pixels; i++) {
        const float d_z = (float)((double)soft[i] * (gain * (double)d_p[i] - mean) /
                                  work->options->tau);
        const float *x = run->x[0].f32 + (first + i) * n.c;
        float *dx = run->dx[0] ? run->dx[0] + (first + i) * n.c : NULL;
        for (size_t k = 0; k < n.c; k++) {
            run->d_params[WZ][k] += d_z * x[k];
            if (dx)
                dx[k] += d_z * run->params[WZ][k];
        }
    }
}

/* From the gradients of the lines to those of the two layers that chose them, and to the
 * pixels that were pooled. */
static void choose_back(const Work *work, size_t image)
{
    const Sizes n = work->n;
    const NetLayerRun *run = work->run;
    const double *d_lines = work->d_lines + image * LINES * n.c;
    const float *pool = work->pool + image * n.c;
    float *hidden = work->hidden + image * n.hidden, *d = work->d + image * n.out;
    for (size_t j = 0; j < n.out; j++) {
        const size_t line = j % LINES;
        double sum = 0.0;
        if (n.out == LINES)
            for (size_t k = 0; k < n.c; k++)
                sum += d_lines[line * n.c + k];
        else
            sum = d_lines[line * n.c + j / LINES];
        d[j] = (float)((line < 2 ? 1.0 : 0.5) * sum) * 0.5f * (1.0f - d[j] * d[j]);
        run->d_params[B2][j] += d[j];
    }
    for (size_t h = 0; h < n.hidden; h++) {
        float sum = 0.0f;
        for (size_t j = 0; j < n.out; j++) {
            run->d_params[W2][h * n.out + j] += hidden[h] * d[j];
            sum += run->params[W2][h * n.out + j] * d[j];
        }
        hidden[h] = hidden[h] > 0.0f ? sum : 0.0f; /* its gradient from here on */
        run->d_params[B1][h] += hidden[h];
    }
    for (size_t k = 0; k < n.c; k++) {
        float d_pool = 0.0f;
        for (size_t h = 0; h < n.hidden; h++) {
            run->d_params[W1][k * n.hidden + h] += pool[k] * hidden[h];
            d_pool += run->params[W1][k * n.hidden + h] * hidden[h];
        }
        d_pool /= (float)n.pixels;
        for (size_t i = 0; run->dx[0] && i < n.pixels; i++)
            run->dx[0][(image * n.pixels + i) * n.c + k] += d_pool;
    }
}

static void backward(const NetLayerRun *run)
{
    Work work = make_work(run);
    const Sizes n = work.n;
    const bool attends = work.options->kind == KIND_C;
    sim_team_run(&run->context->team, n.images, choose_lines, &work);
    NetFunction f = function_of(&work);
    f.d_y = run->dy;
    f.accumulate = run->accumulate[0];
    f.d_x = run->dx[0];
    if (attends) {
        NetFunction plain = function_of(&work);
        plain.y = work.weighted;
        net_function_forward(&plain);
        sim_team_run(&run->context->team, n.images, weigh, &work);
        f.d_y = work.weighted;
    }
    net_function_backward(&f);
    for (size_t image = 0; image < n.images; image++) {
        choose_back(&work, image);
        if (attends)
            attend_back(&work, image);
    }
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetDynamicRelu *o = plan->options;
    plan->in_form[0] = plan->out_form = SIM_DENSE;
    plan->out = plan->in[0];
    plan->backward_needs = NET_NEEDS_INPUT;
    const Sizes n = sizes_of(o, plan->in[0]);
    const NetParamRow rows[] = {
        [W1] = {.name = "squeeze.weight",
                .n_dims = 2,
                .dims = {n.c, n.hidden},
                .init = NET_INIT_KAIMING_UNIFORM,
                .init_value = sqrt(1.0 / 6.0),
                .fan_in = (double)n.c,
                .decay = true},
        [B1] = {.name = "squeeze.bias", .n_dims = 1, .dims = {n.hidden}},
        [W2] = {.name = "lines.weight",
                .n_dims = 2,
                .dims = {n.hidden, n.out},
                .init = NET_INIT_KAIMING_UNIFORM,
                .init_value = sqrt(1.0 / 6.0),
                .fan_in = (double)n.hidden,
                .decay = true},
        [B2] = {.name = "lines.bias", .n_dims = 1, .dims = {n.out}},
        [WZ] = {.name = "attention.weight",
                .n_dims = 1,
                .dims = {n.c},
                .init = NET_INIT_KAIMING_UNIFORM,
                .init_value = sqrt(1.0 / 6.0),
                .fan_in = (double)n.c,
                .decay = true}};
    plan->n_params = o->kind == KIND_C ? 5 : 4;
    memcpy(plan->params, rows, plan->n_params * sizeof *rows);
    SimShape window = plan->out;
    if (window.t > plan->window)
        window.t = plan->window;
    plan->scratch_bytes = lay_out(o, window, NULL).bytes;
    return SIM_OK;
}

const NetLayer net_layer_dynamic_relu = {
    .name = "dynamic_relu",
    .summary = "the larger of two lines that each image chooses (DY-ReLU)",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetDynamicRelu),
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
