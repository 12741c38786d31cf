/* sim/conv_outer.c: the dense gradient of the weights in f32, spread over the team.
 *
 * The dense library sums over images thread by thread, so that its bits depend on how
 * many there are. Here every weight is one sum over pixels in order, whoever computes it.
 * As many steps go through at a time as the second cache holds; dy is laid out in blocks
 * of SIM_ROW output channels. */
#include "sim/conv_internal.h"

#include <string.h>

enum {
    CACHE_BYTES = 1 << 20, /* of x and dy at a time, */
    BAND_BYTES = 12 << 10, /* of one block of dy in the first cache */
    PARTS = 8,             /* of an image that is laid out */
    TASKS = 1              /* of a thread */
};

void sim_conv_outer_layout(const SimConv *conv, SimArena *arena, SimConvOuter *out)
{
    const SimConvShape *s = &conv->shape;
    const size_t c_group = s->c / s->groups;
    SimConvOuter o = {.k_blocks = s->groups * blocks(s->k / s->groups, SIM_ROW)};
    const size_t x = s->h * s->w * s->c * sizeof(float);
    const size_t dy = o.k_blocks * s->oh * s->ow * SIM_ROW * sizeof(float);
    o.images = smaller(conv->max_steps * s->n, 1 + CACHE_BYTES / (x + dy));
    o.x = sim_arena_take(arena, conv->form == SIM_SPIKES ? o.images * x : 0);
    o.dy = sim_arena_take(arena, o.images * dy);
    o.sums = sim_arena_take(arena, o.k_blocks * s->kh * s->kw * c_group * SIM_ROW *
                                       sizeof(float));
    *out = o;
}

typedef struct Work {
    const SimConv *conv;
    const SimConvOuter *o;
    const uint64_t *bits;
    const float *x;
    const SimTensor *dy;
    float *d_weights;
    size_t first, n_images; /* of this turn */
    size_t units, per_task; /* a unit: a block of output channels, a tap */
    bool is_first, is_last;
} Work;

/* The output channels of a block and the first input channel of its group. */
static size_t block_width(const SimConvShape *s, size_t block, size_t *k, size_t *c)
{
    const size_t k_group = s->k / s->groups, per_group = blocks(k_group, SIM_ROW);
    const size_t in_group = block % per_group * SIM_ROW;
    *k = block / per_group * k_group + in_group;
    *c = block / per_group * (s->c / s->groups);
    return smaller(SIM_ROW, k_group - in_group);
}

/* One part of an image. */
static void prepare_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvShape *s = &w->conv->shape;
    const size_t image = index / PARTS, part = index % PARTS;
    const size_t in = s->h * s->w, in_first = in * part / PARTS;
    const size_t out = s->oh * s->ow, first = out * part / PARTS;
    const size_t n_in = in * (part + 1) / PARTS - in_first;
    const size_t n_out = out * (part + 1) / PARTS - first;
    if (w->bits)
        w->conv->context->kernels.spikes_unpack(
            n_in, s->c, w->bits + ((w->first + image) * in + in_first) * sim_words(s->c),
            w->o->x + (image * in + in_first) * s->c);
    for (size_t block = 0; block < w->o->k_blocks; block++) {
        size_t k, c;
        const size_t width = block_width(s, block, &k, &c);
        size_t from = ((w->first + image) * out + first) * s->k + k;
        float *to = w->o->dy + ((block * w->o->images + image) * out + first) * SIM_ROW;
        for (size_t p = 0; p < n_out; p++, from += s->k, to += SIM_ROW)
            if (width == SIM_ROW && w->dy->form == SIM_DENSE) {
                memcpy(to, w->dy->f32 + from, SIM_ROW * sizeof *to); /* inlined */
            } else {
                numbers_of(&w->conv->context->kernels, w->dy, from, width, to);
                memset(to + width, 0, (SIM_ROW - width) * sizeof *to);
            }
    }
}

/* One tap and block over some rows of the output of one image. */
static void sum_unit(const Work *w, size_t unit, size_t image, size_t row, size_t end)
{
    const SimConvShape *s = &w->conv->shape;
    const size_t taps = s->kh * s->kw, c_group = s->c / s->groups;
    const size_t block = unit / taps, ky = unit % taps / s->kw, kx = unit % taps % s->kw;
    size_t k, c, y0, x0;
    block_width(s, block, &k, &c);
    const size_t y1 =
        smaller(sim_conv_inside(ky, s->pad, s->stride, s->h, s->oh, &y0), end);
    const size_t x1 = sim_conv_inside(kx, s->pad, s->stride, s->w, s->ow, &x0);
    y0 = y0 > row ? y0 : row;
    if (y1 <= y0 || x1 <= x0)
        return;
    const SimOuter o = {.rows = y1 - y0,
                        .columns = x1 - x0,
                        .x_row = s->stride * s->w * s->c,
                        .x_step = s->stride * s->c,
                        .dy_row = s->ow * SIM_ROW,
                        .dy_step = SIM_ROW};
    const float *x = w->bits ? w->o->x : w->x + w->first * s->h * s->w * s->c;
    x += ((image * s->h + y0 * s->stride + ky - s->pad) * s->w + x0 * s->stride + kx -
          s->pad) *
             s->c +
         c;
    const float *dy =
        w->o->dy + (((block * w->o->images + image) * s->oh + y0) * s->ow + x0) * SIM_ROW;
    w->conv->context->kernels.outer_sums(&o, c_group, x, dy,
                                         w->o->sums + unit * c_group * SIM_ROW);
}

static void add_unit(const Work *w, size_t unit)
{
    const SimConvShape *s = &w->conv->shape;
    const size_t taps = s->kh * s->kw, c_group = s->c / s->groups;
    const float *sums = w->o->sums + unit * c_group * SIM_ROW;
    size_t k, c;
    const size_t width = block_width(s, unit / taps, &k, &c);
    for (size_t i = 0; i < c_group; i++, sums += SIM_ROW)
        for (size_t j = 0; j < width; j++)
            w->d_weights[(unit % taps * c_group + i) * s->k + k + j] += sums[j];
}

/* Bands of rows stay in the first cache while the units of the task pass by. */
static void sum_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *w = argument;
    const SimConvShape *s = &w->conv->shape;
    const size_t first = index * w->per_task;
    const size_t last = smaller(first + w->per_task, w->units);
    const size_t unit_floats = s->c / s->groups * SIM_ROW;
    const size_t band = 1 + BAND_BYTES / (s->ow * SIM_ROW * sizeof(float));
    if (w->is_first)
        memset(w->o->sums + first * unit_floats, 0,
               (last - first) * unit_floats * sizeof(float));
    for (size_t image = 0; image < w->n_images; image++)
        for (size_t row = 0; row < s->oh; row += band)
            for (size_t unit = first; unit < last; unit++)
                sum_unit(w, unit, image, row, row + band);
    for (size_t unit = first; w->is_last && unit < last; unit++)
        add_unit(w, unit);
}

void sim_conv_outer_weights(const SimConv *conv, size_t nt, const SimTensor *x,
                            const SimTensor *dy, float *d_weights, const SimConvOuter *o)
{
    const SimConvShape *s = &conv->shape;
    const SimTeam *team = &conv->context->team;
    const size_t images = nt * s->n;
    Work w = {.conv = conv, .o = o, .dy = dy, .d_weights = d_weights};
    w.bits = conv->form == SIM_SPIKES ? x->bits : NULL;
    w.x = conv->form == SIM_SPIKES ? NULL : x->f32;
    w.units = o->k_blocks * s->kh * s->kw;
    w.per_task = blocks(w.units, TASKS * (size_t)team->n_threads);
    for (; w.first < images; w.first += w.n_images) {
        w.n_images = smaller(o->images, images - w.first);
        w.is_first = w.first == 0;
        w.is_last = w.first + w.n_images == images;
        sim_team_run(team, w.n_images * PARTS, prepare_task, &w);
        sim_team_run(team, blocks(w.units, w.per_task), sum_task, &w);
    }
}
