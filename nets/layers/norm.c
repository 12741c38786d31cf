/* nets/layers/norm.c: batch normalisation over the channel axis.
 *
 *     y = gamma (x - mean) / sqrt(variance + epsilon) + beta
 *     dx = gamma / sqrt(variance + epsilon) (dy - mean(dy) - xhat mean(dy xhat))
 *
 * One set of statistics over T, N, H, W (tdBN, SpikingJelly), or one per step (BNTT: Kim
 * and Panda 2021). The running variance is the unbiased one, as in PyTorch. A wire that
 * is the same at every step is one image to the shared statistics (the published nets
 * normalise it once and repeat the result), and T sets over the same image per step. Sums
 * run over fixed blocks of pixels and are combined in their order, in double. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"
#include "sim/arena.h"

static const char *const sharings[] = {"shared", "per_step", NULL};
/* clang-format off */
static const SimOption options[] = {
    {"sharing", SIM_OPTION_CHOICE, offsetof(NetNorm, sharing), .choices = sharings,
     .help = "one set of statistics, or one per time step"},
    {"momentum", SIM_OPTION_FLOAT, offsetof(NetNorm, momentum), .initial = 0.1,
     .low = 0.0, .high = 1.0, .help = "weight of the batch in the running statistics"},
    {"epsilon", SIM_OPTION_FLOAT, offsetof(NetNorm, epsilon), .initial = 1e-5,
     .low = 1e-12, .high = 1.0, .help = "added to the variance"},
    {"gamma", SIM_OPTION_FLOAT, offsetof(NetNorm, gamma), .initial = 1.0, .low = -1e3,
     .high = 1e3, .help = "initial scale"},
    {"beta", SIM_OPTION_FLOAT, offsetof(NetNorm, beta), .initial = 0.0, .low = -1e3,
     .high = 1e3, .help = "initial shift"},
    {0},
};
/* clang-format on */

enum { GAMMA, BETA, MEAN, VARIANCE, N_PARAMS };

/* A set is the pixels that share statistics: all of a window, or those of one step. */
typedef struct Sets {
    const NetLayerRun *run;
    const SimKernels *kernels;
    size_t n_sets, pixels, c, block, blocks; /* pixels and blocks of one set */
    bool per_step, x_constant;
    /* Saved for all steps, here of the sets at hand, [n_sets, c]: the mean, what rounding
     * it to a float lost (far from zero that is more than the gradients can bear), and
     * 1/sqrt(var + eps); totals [n_sets, 2, c] of what backward sums. */
    float *mean, *rest, *scale;
    double *totals;
    double *sums;     /* scratch: [n_sets, blocks, 2, c] */
    float *a, *b, *k; /* scratch: coefficients [n_sets, c] */
} Sets;

static size_t floats_up(size_t n)
{
    return sim_align_up(n * sizeof(float)) / sizeof(float);
}

static size_t n_sets(const NetNorm *o, size_t steps)
{
    return o->sharing == NET_NORM_PER_STEP ? steps : 1;
}

static size_t set_pixels(const NetNorm *o, SimShape out, size_t steps)
{
    return sim_shape_pixels(out) *
           (o->sharing == NET_NORM_PER_STEP || out.t == 1 ? 1 : steps);
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetNorm *o = plan->options;
    const bool per_step = o->sharing == NET_NORM_PER_STEP;
    static const char *const names[N_PARAMS] = {"gamma", "beta", "mean", "variance"};
    const double initial[N_PARAMS] = {o->gamma, o->beta, 0.0, 1.0};
    plan->in_form[0] = SIM_DENSE;
    plan->out = plan->in[0];
    if (per_step)
        plan->out.t = plan->steps;
    plan->out_form = SIM_DENSE;
    const size_t c = plan->out.c, pixels = set_pixels(o, plan->out, plan->steps);
    if (plan->training && pixels < 2)
        return sim_fail(SIM_ERR_SHAPE,
                        "batch statistics of a single value: use a larger batch");
    for (size_t i = 0; i < N_PARAMS; i++)
        plan->params[i] =
            (NetParamRow){.name = names[i],
                          .role = i < MEAN ? NET_PARAM_TRAINED : NET_PARAM_BUFFER,
                          .n_dims = per_step ? 2 : 1,
                          .dims = {per_step ? plan->steps : c, c},
                          .init = NET_INIT_CONSTANT,
                          .init_value = initial[i]};
    plan->n_params = N_PARAMS;
    plan->whole_sequence = !per_step && plan->out.t > 1;
    plan->backward_needs = NET_NEEDS_INPUT;
    plan->gradient_in_place = true; /* sums first; then number by number */
    plan->by_step = plan->in[0].t == plan->out.t;
    plan->by_rows = plan->by_step;
    const size_t sets = n_sets(o, plan->window);
    const size_t blocks = (pixels + net_task_pixels(c) - 1) / net_task_pixels(c);
    if (plan->training)
        plan->saved_bytes = 3 * floats_up(sets * c) * sizeof(float) +
                            sim_align_up(sets * 2 * c * sizeof(double));
    plan->scratch_bytes = 3 * floats_up(sets * c) * sizeof(float);
    if (plan->training)
        plan->scratch_bytes += sim_align_up(sets * blocks * 2 * c * sizeof(double));
    plan->takes_bf16 = plan->by_step && plan->context->precision == SIM_PRECISION_BF16;
    plan->gives_bf16 = plan->adds_bf16 = plan->takes_bf16;
    plan->reads_bf16 = 1;
    plan->writes_bf16 = plan->takes_bf16 && !plan->training;
    return SIM_OK;
}

static Sets make_sets(const NetLayerRun *run)
{
    const NetNorm *o = run->options;
    const SimShape out = run->y.shape;
    Sets s = {.run = run,
              .kernels = &run->context->kernels,
              .c = out.c,
              .per_step = o->sharing == NET_NORM_PER_STEP,
              .x_constant = run->x[0].shape.t == 1 && out.t > 1};
    s.n_sets = n_sets(o, run->nt);
    s.pixels = sim_shape_pixels(out) * (s.per_step ? 1 : out.t);
    s.block = net_task_pixels(s.c);
    s.blocks = (s.pixels + s.block - 1) / s.block;
    if (run->saved) {
        const size_t all = floats_up(n_sets(o, run->steps) * s.c);
        const size_t first = s.per_step ? run->t0 * s.c : 0;
        float *const saved = run->saved;
        s.mean = saved + first;
        s.rest = s.mean + all;
        s.scale = s.rest + all;
        s.totals = (double *)(void *)(saved + 3 * all) + 2 * first;
    }
    const size_t row = floats_up(s.n_sets * s.c);
    s.a = run->scratch;
    s.b = s.a + row;
    s.k = s.b + row;
    s.sums = (double *)(void *)(s.k + row);
    return s;
}

static SimNumbers x_of(const Sets *s, size_t set, size_t pixel)
{
    const SimTensor *x = &s->run->x[0];
    return sim_numbers_at(x->data, x->form,
                          ((s->x_constant ? 0 : set * s->pixels) + pixel) * s->c);
}

static size_t cut(const Sets *s, size_t index, size_t *set, size_t *first)
{
    *set = index / s->blocks;
    *first = index % s->blocks * s->block;
    return *first + s->block < s->pixels ? s->block : s->pixels - *first;
}

/* Sums of x - shift and its square; the shift is the first pixel, near the mean. */
static void sum_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Sets *s = argument;
    size_t set, first;
    const size_t n = cut(s, index, &set, &first);
    s->kernels->channel_sums(n, s->c, x_of(s, set, first), s->mean + set * s->c,
                             s->sums + index * 2 * s->c);
}

static double mean_of(const Sets *s, size_t at)
{
    return (double)s->mean[at] + (double)s->rest[at];
}

/* The sums of all blocks to the totals of the runs before. */
static void add_totals(const Sets *s, size_t set, size_t channel, bool is_first)
{
    double *const total = &s->totals[set * 2 * s->c + channel], sum[2] = {0.0, 0.0};
    for (size_t b = 0; b < s->blocks; b++) {
        const double *sums = s->sums + (set * s->blocks + b) * 2 * s->c;
        sum[0] += sums[channel];
        sum[1] += sums[s->c + channel];
    }
    total[0] = is_first ? sum[0] : total[0] + sum[0];
    total[s->c] = is_first ? sum[1] : total[s->c] + sum[1];
}

/* Pixels that share their statistics, of all steps. */
static double pooled(const Sets *s)
{
    const SimShape out = s->run->y.shape;
    const bool once = s->per_step || out.t < s->run->nt; /* the same at every step */
    return (double)sim_shape_pixels(out) * (double)(once ? 1 : s->run->steps);
}

/* Mean and scale of one channel, the running ones moved, from the totals of x - shift. */
static void settle(const Sets *s, size_t set, size_t i, double shift)
{
    const NetLayerRun *run = s->run;
    const NetNorm *o = run->options;
    const size_t at = set * s->c + i;
    const double n = pooled(s), off = s->totals[set * 2 * s->c + i] / n;
    const double square = s->totals[(set * 2 + 1) * s->c + i] / n;
    const double variance = fmax(0.0, square - off * off), mean = off + shift;
    s->mean[at] = (float)mean;
    s->rest[at] = (float)(mean - (double)s->mean[at]);
    s->scale[at] = (float)(1.0 / sqrt(variance + o->epsilon));
    const size_t row = s->per_step ? (run->t0 + set) * s->c + i : i;
    float *running_mean = run->params[MEAN] + row, *running = run->params[VARIANCE] + row;
    const double m = o->momentum, unbiased = variance * n / (n - 1.0);
    *running_mean = (float)((1.0 - m) * (double)*running_mean + m * mean);
    *running = (float)((1.0 - m) * (double)*running + m * unbiased);
}

/* Until the last run of steps the place of the mean holds the shift. */
static void measure(const NetLayerRun *run)
{
    Sets s = make_sets(run);
    const bool is_first = s.per_step || run->t0 == 0;
    const bool is_last = s.per_step || run->t0 + run->nt >= run->steps;
    for (size_t set = 0; is_first && set < s.n_sets; set++)
        s.kernels->hand_on(s.c, x_of(&s, set, 0), false,
                           (SimNumbers){s.mean + set * s.c, false});
    sim_team_run(&run->context->team, s.n_sets * s.blocks, sum_block, &s);
    for (size_t set = 0; set < s.n_sets; set++)
        for (size_t i = 0; i < s.c; i++) {
            add_totals(&s, set, i, is_first);
            if (is_last)
                settle(&s, set, i, (double)s.mean[set * s.c + i]);
        }
}

/* y = a x + b with a, b per set and channel. */
static void apply_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Sets *s = argument;
    size_t set, first;
    const size_t n = cut(s, index, &set, &first), c = s->c;
    const SimTensor *y = &s->run->y;
    s->kernels->channel_affine(
        n, c, x_of(s, set, first), s->a + set * c, s->b + set * c,
        sim_numbers_at(y->data, y->form, (set * s->pixels + first) * c));
}

/* Scale and shift of this window into scratch. */
static Sets coefficients(const NetLayerRun *run)
{
    const NetNorm *o = run->options;
    Sets s = make_sets(run);
    for (size_t set = 0; set < s.n_sets; set++)
        for (size_t i = 0; i < s.c; i++) {
            const size_t at = set * s.c + i;
            const size_t row = s.per_step ? (run->t0 + set) * s.c + i : i;
            const double scale =
                run->training
                    ? (double)s.scale[at]
                    : 1.0 / sqrt((double)run->params[VARIANCE][row] + o->epsilon);
            const double mean =
                run->training ? mean_of(&s, at) : (double)run->params[MEAN][row];
            s.a[at] = (float)((double)run->params[GAMMA][row] * scale);
            s.b[at] = (float)((double)run->params[BETA][row] -
                              (double)run->params[GAMMA][row] * scale * mean);
        }
    return s;
}

static SimAffine lend(const NetLayerRun *run)
{
    const Sets s = coefficients(run);
    return (SimAffine){.scale = s.a,
                       .shift = s.b,
                       .step = s.per_step ? s.c : 0,
                       .mean = s.mean,
                       .sums = s.per_step ? NULL : s.totals};
}

static void forward(const NetLayerRun *run)
{
    Sets s = coefficients(run);
    sim_team_run(&run->context->team, s.n_sets * s.blocks, apply_block, &s);
}

static SimNumbers dy_of(const Sets *s, size_t pixel)
{
    return sim_numbers_at(s->run->dy, s->run->dy_form, pixel * s->c);
}

/* Sums of dy and dy (x - mean). */
static void d_sum_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Sets *s = argument;
    size_t set, first;
    const size_t n = cut(s, index, &set, &first);
    double *sums = s->sums + index * 2 * s->c;
    memset(sums, 0, 2 * s->c * sizeof *sums);
    s->kernels->channel_sums_back(n, s->c, x_of(s, set, first),
                                  dy_of(s, set * s->pixels + first), s->mean + set * s->c,
                                  sums);
}

static void gather(const NetLayerRun *run)
{
    Sets s = make_sets(run);
    const bool is_first = s.per_step || run->t0 == 0;
    sim_team_run(&run->context->team, s.n_sets * s.blocks, d_sum_block, &s);
    for (size_t set = 0; set < s.n_sets; set++)
        for (size_t i = 0; i < s.c; i++)
            add_totals(&s, set, i, is_first);
}

/* dx = a dy + b + k x. */
static void d_apply_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Sets *s = argument;
    const NetLayerRun *run = s->run;
    size_t set, first;
    const size_t n = cut(s, index, &set, &first), c = s->c;
    const size_t at = set * s->pixels + first;
    s->kernels->channel_affine_back(n, c, x_of(s, set, first), dy_of(s, at),
                                    s->a + set * c, s->b + set * c, s->k + set * c,
                                    run->accumulate[0],
                                    sim_numbers_at(run->dx[0], run->dx_form[0], at * c));
}

/* The same where all steps read one image: a task adds them up in their order. */
static void d_apply_constant(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Sets *s = argument;
    const NetLayerRun *run = s->run;
    size_t set, first;
    const size_t n = cut(s, index, &set, &first), c = s->c;
    for (set = 0; set < s->n_sets; set++)
        s->kernels->channel_affine_back(
            n, c, x_of(s, set, first), dy_of(s, set * s->pixels + first), s->a + set * c,
            s->b + set * c, s->k + set * c, run->accumulate[0] || set > 0,
            sim_numbers_at(run->dx[0], run->dx_form[0], first * c));
}

static void backward(const NetLayerRun *run)
{
    Sets s = make_sets(run);
    const bool first_run = s.per_step || run->t0 == 0; /* of these sets */
    const double n = pooled(&s);
    for (size_t set = 0; set < s.n_sets; set++)
        for (size_t i = 0; i < s.c; i++) {
            const size_t at = set * s.c + i;
            const size_t row = s.per_step ? (run->t0 + set) * s.c + i : i;
            const double scale = (double)s.scale[at], mean = mean_of(&s, at);
            const double sum = s.totals[set * 2 * s.c + i];
            const double product =
                s.totals[(set * 2 + 1) * s.c + i] - (double)s.rest[at] * sum;
            const double gamma = (double)run->params[GAMMA][row];
            if (first_run) {
                run->d_params[GAMMA][row] += (float)(product * scale);
                run->d_params[BETA][row] += (float)sum;
            }
            const double k = -gamma * scale * scale * scale * product / n;
            s.a[at] = (float)(gamma * scale);
            s.k[at] = (float)k;
            s.b[at] = (float)(-gamma * scale * sum / n - k * mean);
        }
    if (!run->dx[0])
        return;
    if (s.x_constant)
        sim_team_run(&run->context->team, s.blocks, d_apply_constant, &s);
    else
        sim_team_run(&run->context->team, s.n_sets * s.blocks, d_apply_block, &s);
}

const NetLayer net_layer_norm = {
    .name = "norm",
    .summary = "batch normalisation, shared over time or per step",
    .min_inputs = 1,
    .max_inputs = 1,
    .options = options,
    .options_size = sizeof(NetNorm),
    .plan = plan,
    .forward = forward,
    .measure = measure,
    .backward = backward,
    .gather = gather,
    .lend = lend,
};
