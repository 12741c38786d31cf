/* nets/layers/routing.c: routing forward; see routing_internal.h. */
#include "nets/layers/routing_internal.h"

#include <math.h>
#include <string.h>

enum { BLOCK_ARRAYS = 4 }; /* [pairs] that a forward task works with */

static Routing shape_of(const NetCapsules *o, SimShape in, size_t images)
{
    Routing q = {.o = o,
                 .shape = {(size_t)o->capsules, (size_t)o->pose_in, (size_t)o->pose},
                 .inputs = in.h * in.w * in.c / (size_t)o->pose_in,
                 .iterations = (size_t)o->iterations,
                 .images = images,
                 .step = in.n,
                 .groups = (images + LANES - 1) / LANES};
    q.parts = q.inputs < MOST_PARTS ? q.inputs : MOST_PARTS;
    q.part = (q.inputs + q.parts - 1) / q.parts;
    q.parts = (q.inputs + q.part - 1) / q.part;
    q.poses = q.shape.outputs * q.shape.pose_out * LANES;
    q.pairs = q.shape.outputs * LANES;
    q.n_terms = o->gradient == NET_GRADIENT_ALL ? 2 * q.iterations - 1 : 1;
    return q;
}

static size_t saved_floats(const Routing *q)
{
    return q->iterations * q->groups * (q->poses + LANES);
}

static void lay_saved(Routing *q, float *at)
{
    q->s = at;
    q->t = at + q->iterations * q->groups * q->poses;
}

/* `arena` may have no memory: then it measures. */
static void lay_out(Routing *q, const SimContext *context, bool backward, SimArena *arena)
{
    const size_t group = q->groups * q->poses, threads = (size_t)context->team.n_threads;
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    q->u = sim_arena_take(arena, q->groups * q->inputs * q->shape.pose_in * LANES *
                                     sizeof(float));
    float *const own = sim_arena_take(arena, saved_floats(q) * sizeof(float));
    if (own)
        lay_saved(q, own);
    q->v = sim_arena_take(arena, q->iterations * group * sizeof(float));
    q->partial = sim_arena_take(arena, q->parts * group * sizeof(float));
    q->spread = sim_arena_take(arena, q->parts * q->groups * LANES * sizeof(float));
    q->block = BLOCK_ARRAYS * q->pairs;
    if (backward) {
        const size_t rows = q->iterations * q->images * q->shape.outputs *
                            q->shape.pose_out * sizeof(float);
        q->ds = sim_arena_take(arena, q->iterations * group * sizeof(float));
        q->dv = sim_arena_take(arena, group * sizeof(float));
        q->spread_pairs =
            sim_arena_take(arena, q->parts * q->groups * q->pairs * sizeof(float));
        q->ds_rows = sim_arena_take(arena, rows);
        q->v_rows = sim_arena_take(arena, rows);
        q->block = (q->n_terms + 6) * q->pairs +
                   (q->n_terms + sda) * q->groups * q->pairs +
                   q->shape.outputs * q->shape.pose_in * q->shape.pose_in +
                   (q->shape.pose_in + 2) * LANES;
    }
    q->blocks = sim_arena_take(arena, threads * q->block * sizeof(float));
}

static Routing planned(const NetLayerPlan *plan)
{
    return shape_of(plan->options, plan->in[0],
                    (plan->in[0].t == 1 ? 1 : plan->window) * plan->in[0].n);
}

/* Poses of a few output capsules beside many inputs cost next to nothing to keep; in a
 * chain of equal layers they would be most of what is kept. */
size_t net_routing_saved_bytes(const NetLayerPlan *plan)
{
    const Routing q = planned(plan);
    return q.inputs * q.shape.pose_in > 4 * q.iterations * q.poses / LANES
               ? saved_floats(&q) * sizeof(float)
               : 0;
}

size_t net_routing_scratch_bytes(const NetLayerPlan *plan)
{
    Routing q = planned(plan);
    SimArena arena = {0};
    lay_out(&q, plan->context, plan->training, &arena);
    return arena.used;
}

Routing net_routing_open(const NetLayerRun *run, bool backward)
{
    const SimShape in = run->x[0].shape;
    Routing q = shape_of(run->options, in, in.t * in.n);
    SimArena arena = {.base = run->scratch, .size = SIZE_MAX};
    lay_out(&q, run->context, backward, &arena);
    if (run->saved)
        lay_saved(&q, run->saved);
    q.run = run;
    q.kernels = &run->context->kernels;
    return q;
}

/* --- pieces --------------------------------------------------------------------------
 */

void net_routing_shorten(const Routing *q, const float *w, const float *u, float *lengths,
                         float *squares, float *scale)
{
    q->kernels->capsules_agree(&q->shape, w, u, 0, NULL, NULL, squares);
    for (size_t n = 0; n < LANES; n++)
        lengths[n] = net_pose_square(q->shape.pose_in, LANES, u + n);
    for (size_t j = 0; j < q->shape.outputs; j++)
        for (size_t n = 0; n < LANES; n++) {
            const float square = squares[j * LANES + n];
            scale[j * LANES + n] =
                square > lengths[n] ? sqrtf(lengths[n] / square) : 1.0f;
        }
}

void net_routing_coefficients(const Routing *q, size_t r, size_t g, const float *w,
                              const float *u, const float *scale, float *distances,
                              float *c)
{
    if (r == 0) {
        const float even = 1.0f / (float)q->shape.outputs;
        for (size_t k = 0; k < q->pairs; k++)
            c[k] = even;
        return;
    }
    const float *const v = net_routing_at(q->v, r, g, q);
    if (q->o->routing == NET_ROUTING_RBA) {
        q->kernels->capsules_agree(&q->shape, w, u, 1, &v, &c, NULL);
    } else {
        const float *const t = q->t + (r * q->groups + g) * LANES;
        float *const to = distances ? distances : c;
        q->kernels->capsules_distance(&q->shape, w, u, scale, v, to);
        for (size_t k = 0; k < q->pairs; k++)
            c[k] = t[k % LANES] * to[k];
    }
    q->kernels->capsules_softmax(q->shape.outputs, c);
}

/* --- tasks ---------------------------------------------------------------------------
 */

static void pack_task(void *argument, size_t g, size_t thread)
{
    (void)thread;
    const Routing *q = argument;
    const size_t values = q->inputs * q->shape.pose_in;
    const float *x = q->run->x[0].f32 + g * LANES * values;
    float *u = q->u + g * values * LANES;
    const size_t images = q->images - g * LANES < LANES ? q->images - g * LANES : LANES;
    if (images < LANES)
        memset(u, 0, values * LANES * sizeof *u);
    enum { TILE = 64 }; /* values of 16 images: the first-level cache */
    for (size_t first = 0; first < values; first += TILE) {
        const size_t end = first + TILE < values ? first + TILE : values;
        for (size_t n = 0; n < images; n++)
            for (size_t k = first; k < end; k++)
                u[k * LANES + n] = x[n * values + k];
    }
}

static void distance_task(void *argument, size_t index, size_t thread)
{
    const Routing *q = argument;
    float *const squares = q->blocks + thread * q->block, *const scale =
                                                              squares + q->pairs;
    float *const far = scale + q->pairs, lengths[LANES];
    size_t end;
    const size_t first = net_routing_part(q, index, &end);
    for (size_t g = 0; g < q->groups; g++) {
        float *const sum = q->spread + (index * q->groups + g) * LANES;
        memset(sum, 0, LANES * sizeof *sum);
        for (size_t i = first; i < end; i++) {
            const float *const w = net_routing_weights(q, i), *const u =
                                                                  net_routing_input(q, i,
                                                                                    g);
            net_routing_shorten(q, w, u, lengths, squares, scale);
            q->kernels->capsules_distance(&q->shape, w, u, scale,
                                          net_routing_at(q->v, q->r, g, q), far);
            for (size_t k = 0; k < q->pairs; k++)
                sum[k % LANES] += far[k];
        }
    }
}

static double sharpness(const NetCapsules *o, double mean)
{
    static const double p = 0.9, guard = 1e-12;
    const double near = log(p * ((double)o->capsules - 1.0)), far = log(1.0 - p);
    const double off = mean / 2.0 - mean + guard; /* from half the mean to the mean */
    return o->sharpness == NET_SHARPNESS_FORMULA ? (near - far) / off : near - far / off;
}

/* t of every image from the distances that the parts have summed. */
static void sharpen(const Routing *q)
{
    float *const t = q->t + q->r * q->groups * LANES;
    const bool pooled = q->o->pooled && q->run->training;
    const double pairs = (double)q->inputs * (double)q->shape.outputs;
    for (size_t first = 0; first < q->images; first += q->step) {
        double all = 0.0;
        for (size_t n = first; n < first + q->step; n++) {
            double sum = 0.0;
            for (size_t part = 0; part < q->parts; part++)
                sum += (double)q->spread[part * q->groups * LANES + n];
            all += sum;
            t[n] = (float)sharpness(q->o, sum / pairs);
        }
        for (size_t n = first; n < first + q->step && pooled; n++)
            t[n] = (float)sharpness(q->o, all / (pairs * (double)q->step));
    }
    for (size_t n = q->images; n < q->groups * LANES; n++)
        t[n] = 0.0f;
}

static void gather_task(void *argument, size_t index, size_t thread)
{
    const Routing *q = argument;
    float *const c = q->blocks + thread * q->block, *const squares = c + q->pairs;
    float *const scale = squares + q->pairs, lengths[LANES];
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    size_t end;
    const size_t first = net_routing_part(q, index, &end);
    for (size_t g = 0; g < q->groups; g++) {
        float *const sum = net_routing_at(q->partial, index, g, q);
        memset(sum, 0, q->poses * sizeof *sum);
        for (size_t i = first; i < end; i++) {
            const float *const w = net_routing_weights(q, i), *const u =
                                                                  net_routing_input(q, i,
                                                                                    g);
            if (sda)
                net_routing_shorten(q, w, u, lengths, squares, scale);
            net_routing_coefficients(q, q->r, g, w, u, scale, NULL, c);
            for (size_t k = 0; k < q->pairs && sda; k++)
                c[k] *= scale[k];
            q->kernels->capsules_gather(&q->shape, w, u, c, sum);
        }
    }
}

/* V of the next iteration. */
static void look_back(const Routing *q, size_t r, size_t g)
{
    const float *const s = net_routing_at(q->s, r, g, q);
    float *const v = net_routing_at(q->v, r + 1, g, q);
    const size_t pose = q->shape.pose_out;
    for (size_t j = 0; j < q->shape.outputs; j++)
        for (size_t n = 0; n < LANES; n++)
            net_squash(pose, LANES, s + j * pose * LANES + n, v + j * pose * LANES + n);
    if (r > 0 && q->o->routing == NET_ROUTING_RBA)
        q->kernels->add(q->poses, net_routing_at(q->v, r, g, q), v);
}

static void finish_task(void *argument, size_t g, size_t thread)
{
    (void)thread;
    const Routing *q = argument;
    float *const s = net_routing_at(q->s, q->r, g, q);
    const float *const bias = q->o->bias ? q->run->params[1] : NULL;
    memcpy(s, net_routing_at(q->partial, 0, g, q), q->poses * sizeof *s);
    for (size_t part = 1; part < q->parts; part++)
        q->kernels->add(q->poses, net_routing_at(q->partial, part, g, q), s);
    for (size_t k = 0; k < q->poses && bias; k++)
        s[k] += bias[k / LANES];
    if (q->r + 1 < q->iterations)
        look_back(q, q->r, g);
}

static void recall_task(void *argument, size_t g, size_t thread)
{
    (void)thread;
    const Routing *q = argument;
    for (size_t r = 0; r + 1 < q->iterations; r++)
        look_back(q, r, g);
}

void net_routing_forward(Routing *q)
{
    const SimTeam *team = &q->run->context->team;
    sim_team_run(team, q->groups, pack_task, q);
    for (q->r = 0; q->r < q->iterations; q->r++) {
        if (q->r > 0 && q->o->routing == NET_ROUTING_SDA) {
            sim_team_run(team, q->parts, distance_task, q);
            sharpen(q);
        }
        sim_team_run(team, q->parts, gather_task, q);
        sim_team_run(team, q->groups, finish_task, q);
    }
}

void net_routing_recall(Routing *q)
{
    const SimTeam *team = &q->run->context->team;
    sim_team_run(team, q->groups, pack_task, q);
    sim_team_run(team, q->groups, recall_task, q);
}
