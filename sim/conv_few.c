/* sim/conv_few.c: convolution of few channels from values that are mostly 0, spread over
 * the team: the first layer behind event frames. It costs what is not 0, and the results,
 * which a strip of layers never writes to memory; where nothing is 0, as in images, about
 * half as much again as a dense kernel, and half of one for the gradient of the weights.
 * Products are f32 whatever the precision. */
#include "sim/conv_internal.h"

enum {
    FEW = 8,                 /* channels */
    WEIGHT_BYTES = 32 << 10, /* that leave room in the first cache */
    CACHE_BYTES = 4 << 20,   /* of results, beyond which they are written around it */
    TASK_ROWS = 16,
    PARTS = 16 /* of the sums of the gradient */
};

bool sim_conv_is_of_few(const SimConvShape *s, SimForm form)
{
    const size_t rows = s->kh * s->kw * s->c;
    return form == SIM_DENSE && s->groups == 1 && s->c <= FEW && rows <= SIM_FEW_ROWS &&
           (s->kw + 3 * s->stride) * s->c <= SIM_FEW_COLUMNS && s->k <= SIM_FEW_OUTPUTS &&
           rows * s->k * sizeof(float) <= WEIGHT_BYTES;
}

typedef struct Work {
    const SimConv *conv;
    size_t n_rows;
    const float *x, *weights, *bias;
    SimNumbers y, dy;
    bool around_cache;
    float *sums; /* [PARTS, weights] */
} Work;

static void forward_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const size_t first = index * TASK_ROWS;
    w->conv->context->kernels.conv_few_forward(
        &w->conv->shape, first, smaller(first + TASK_ROWS, w->n_rows), w->x, w->weights,
        w->bias, w->y, w->around_cache);
}

void sim_conv_few_forward(const SimConv *conv, size_t nt, const float *x,
                          const float *weights, const float *bias, SimNumbers y)
{
    const SimConvShape *s = &conv->shape;
    Work w = {.conv = conv,
              .n_rows = nt * s->n * s->oh,
              .x = x,
              .weights = weights,
              .bias = bias,
              .y = y};
    w.around_cache = w.n_rows * s->ow * s->k * sizeof(float) > CACHE_BYTES;
    sim_team_run(&conv->context->team, blocks(w.n_rows, TASK_ROWS), forward_task, &w);
}

void sim_conv_few_rows(const SimConv *conv, const float *x, const float *weights,
                       const float *bias, size_t first, size_t last, float *y)
{
    const SimConvShape *s = &conv->shape;
    conv->context->kernels.conv_few_forward(
        s, first, last, x, weights, bias,
        (SimNumbers){.at = y - first * s->ow * s->k, .bf16 = false}, false);
}

static size_t weight_count(const SimConvShape *s)
{
    return s->kh * s->kw * s->c * s->k;
}

float *sim_conv_few_layout(const SimConv *conv, SimArena *arena)
{
    return sim_arena_take(arena, PARTS * weight_count(&conv->shape) * sizeof(float));
}

static void weights_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvShape *s = &w->conv->shape;
    float *const sums = w->sums + index * weight_count(s);
    memset(sums, 0, weight_count(s) * sizeof *sums);
    w->conv->context->kernels.conv_few_weights(
        s, w->n_rows * index / PARTS, w->n_rows * (index + 1) / PARTS, w->x, w->dy, sums);
}

void sim_conv_few_weights(const SimConv *conv, size_t nt, const float *x, SimNumbers dy,
                          float *d_weights, float *sums)
{
    const SimConvShape *s = &conv->shape;
    const size_t n = weight_count(s);
    Work w = {.conv = conv, .n_rows = nt * s->n * s->oh, .x = x, .dy = dy, .sums = sums};
    sim_team_run(&conv->context->team, PARTS, weights_task, &w);
    for (size_t part = 0; part < PARTS; part++)
        conv->context->kernels.add(n, sums + part * n, d_weights);
}
