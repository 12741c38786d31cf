/* nets/layers/routing_back.c: routing backward; see routing_internal.h.
 *
 * With d the gradient of what it stands before, iterations r from 0:
 *
 *     ds[r] = squash'(s[r]) dv[r];     d vote = sum over r of c[r] ds[r]       + ...
 *
 * Where the coefficients are constants that is all, for the last r. Through all of them,
 * in every r > 0, with q[r] = c (vote . ds - sum over k of c[k] vote[k] . ds[k]) the
 * gradient of the logit:
 *
 *     RBA   d vote += q V[r];  dV[r] = sum over i of q vote;  dv[k] = sum of dV[r], r > k
 *     SDA   h = q t / distance (t is a constant):
 *           d vote += h (vote - V[r]);  dV[r] = sum over i of h (V[r] - vote);
 *           dv[r-1] = dV[r]
 *
 * A vote shortened to |u| points its gradient g across itself and passes the rest to |u|:
 * with e = vote / |vote| as it was, k = |u| / |vote|:
 *
 *     d vote = k (g - (e . g) e),   du += (e . g) u / |u|
 */
#include "nets/layers/routing_internal.h"

#include <math.h>
#include <string.h>

/* What one task works with. */
typedef struct Block {
    float *dots; /* [n_terms,pairs] of the vote with each x */
    float *c, *squares, *scale, *far, *logit, *own; /* [pairs] each */
    float *a;                                       /* [n_terms,groups,pairs] */
    float *own_all;                                 /* [groups,pairs] SDA */
    float *moment;                                  /* [J,D,D] SDA */
    float *du, *lengths;                            /* [D,LANES], [LANES] */
} Block;

static Block block_of(const Routing *q, size_t thread)
{
    const size_t p = q->pairs;
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    float *at = q->blocks + thread * q->block;
    Block b = {.dots = at};
    at += q->n_terms * p;
    float **const each[] = {&b.c, &b.squares, &b.scale, &b.far, &b.logit, &b.own};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++, at += p)
        *each[i] = at;
    b.a = at;
    at += q->n_terms * q->groups * p;
    b.own_all = at;
    at += sda ? q->groups * p : 0;
    b.moment = at;
    at += q->shape.outputs * q->shape.pose_in * q->shape.pose_in;
    b.du = at;
    b.lengths = at + q->shape.pose_in * LANES;
    return b;
}

/* Term k is ds[first + k] up to the last iteration, then V[1], V[2], ... */
static size_t first_iteration(const Routing *q)
{
    return q->o->gradient == NET_GRADIENT_ALL ? 0 : q->iterations - 1;
}

static const float *term_at(const Routing *q, size_t k, size_t g)
{
    const size_t sums = q->iterations - first_iteration(q);
    return k < sums ? net_routing_at(q->ds, first_iteration(q) + k, g, q)
                    : net_routing_at(q->v, k - sums + 1, g, q);
}

void net_routing_squash_back(const Routing *q, size_t r, size_t g, const float *dv)
{
    const size_t pose = q->shape.pose_out;
    const float *const s = net_routing_at(q->s, r, g, q);
    float *const ds = net_routing_at(q->ds, r, g, q);
    for (size_t j = 0; j < q->shape.outputs; j++)
        for (size_t n = 0; n < LANES; n++) {
            const size_t at = j * pose * LANES + n;
            net_squash_back(pose, LANES, s + at, dv + at, ds + at);
        }
}

/* logit [pairs] = gradient of the logits of iteration r, from c and the dots of the votes
 * with ds[r]. SDA: divided by the distance and times t, which makes it h. */
static void logit_gradient(const Routing *q, size_t r, size_t g, const Block *b,
                           const float *dots)
{
    float mean[LANES] = {0};
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    for (size_t k = 0; k < q->pairs; k++)
        mean[k % LANES] += b->c[k] * dots[k] * (sda ? b->scale[k] : 1.0f);
    for (size_t k = 0; k < q->pairs; k++)
        b->logit[k] = b->c[k] * (dots[k] * (sda ? b->scale[k] : 1.0f) - mean[k % LANES]);
    if (!sda)
        return;
    const float *const t = q->t + (r * q->groups + g) * LANES;
    for (size_t k = 0; k < q->pairs; k++)
        b->logit[k] = b->far[k] > 0.0f ? b->logit[k] * t[k % LANES] / b->far[k] : 0.0f;
}

/* --- the gradient of V, iteration by iteration ----------------------------------------
 */

static void pull_task(void *argument, size_t index, size_t thread)
{
    const Routing *q = argument;
    const Block b = block_of(q, thread);
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    size_t end;
    const size_t first = net_routing_part(q, index, &end);
    for (size_t g = 0; g < q->groups; g++) {
        float *const sum = net_routing_at(q->partial, index, g, q);
        float *const pairs = q->spread_pairs + (index * q->groups + g) * q->pairs;
        const float *const ds = net_routing_at(q->ds, q->r, g, q);
        memset(sum, 0, q->poses * sizeof *sum);
        memset(pairs, 0, q->pairs * sizeof *pairs);
        for (size_t i = first; i < end; i++) {
            const float *const w = net_routing_weights(q, i), *const u =
                                                                  net_routing_input(q, i,
                                                                                    g);
            if (sda)
                net_routing_shorten(q, w, u, b.lengths, b.squares, b.scale);
            net_routing_coefficients(q, q->r, g, w, u, b.scale, b.far, b.c);
            q->kernels->capsules_agree(&q->shape, w, u, 1, &ds, &b.dots, NULL);
            logit_gradient(q, q->r, g, &b, b.dots);
            for (size_t k = 0; k < q->pairs && sda; k++) {
                pairs[k] += b.logit[k];
                b.logit[k] *= -b.scale[k];
            }
            q->kernels->capsules_gather(&q->shape, w, u, b.logit, sum);
        }
    }
}

/* dv of iteration r - 1 from the dV of iteration r. */
static void pull_finish_task(void *argument, size_t g, size_t thread)
{
    (void)thread;
    const Routing *q = argument;
    float *const dv = net_routing_at(q->dv, 0, g, q);
    const float *const v = net_routing_at(q->v, q->r, g, q);
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    if (sda || q->r + 1 == q->iterations)
        memset(dv, 0, q->poses * sizeof *dv);
    for (size_t part = 0; part < q->parts; part++) {
        const float *const pairs = q->spread_pairs + (part * q->groups + g) * q->pairs;
        q->kernels->add(q->poses, net_routing_at(q->partial, part, g, q), dv);
        for (size_t k = 0; k < q->poses && sda; k++)
            dv[k] += pairs[k / LANES / q->shape.pose_out * LANES + k % LANES] * v[k];
    }
    net_routing_squash_back(q, q->r - 1, g, dv);
}

/* --- the gradient of votes -----------------------------------------------------------
 */

/* SDA: from gradients of shortened votes to gradients of votes, for one input capsule. */
static void through_shortening(const Routing *q, size_t g, const Block *b, const float *u)
{
    const size_t p = q->pairs;
    float along[LANES] = {0};
    for (size_t k = 0; k < p; k++) {
        float dot = 0.0f; /* of the vote and the terms of its gradient */
        for (size_t m = 0; m < q->n_terms; m++)
            dot += b->a[(m * q->groups + g) * p + k] * b->dots[m * p + k];
        const bool shortened = b->scale[k] < 1.0f;
        if (!shortened) {
            b->own_all[g * p + k] = b->own[k];
            continue;
        }
        const float length = sqrtf(b->squares[k]);
        along[k % LANES] += (dot + b->own[k] * b->squares[k]) / length;
        b->own_all[g * p + k] = -b->scale[k] * dot / b->squares[k];
        for (size_t m = 0; m < q->n_terms; m++)
            b->a[(m * q->groups + g) * p + k] *= b->scale[k];
    }
    for (size_t n = 0; n < LANES; n++) {
        const float length = sqrtf(b->lengths[n]);
        along[n] = length > 0.0f ? along[n] / length : 0.0f;
    }
    for (size_t d = 0; d < q->shape.pose_in; d++)
        for (size_t n = 0; n < LANES; n++)
            b->du[d * LANES + n] += along[n] * u[d * LANES + n];
}

/* The factors a of all terms for one input capsule and group; du is added to for what
 * goes to |u|. */
static void find_terms(const Routing *q, size_t i, size_t g, const Block *b)
{
    const float *const w = net_routing_weights(q, i), *const u =
                                                          net_routing_input(q, i, g);
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    const bool all = q->o->gradient == NET_GRADIENT_ALL;
    const size_t first = first_iteration(q), sums = q->iterations - first, p = q->pairs;
    const float *x[MOST_TERMS];
    float *dots[MOST_TERMS];
    for (size_t k = 0; k < q->n_terms; k++) {
        x[k] = term_at(q, k, g);
        dots[k] = b->dots + k * p;
    }
    if (sda)
        net_routing_shorten(q, w, u, b->lengths, b->squares, b->scale);
    if (sda || all)
        q->kernels->capsules_agree(&q->shape, w, u, q->n_terms, x, dots, NULL);
    if (sda)
        memset(b->own, 0, p * sizeof *b->own);
    for (size_t r = first; r < q->iterations; r++) {
        net_routing_coefficients(q, r, g, w, u, b->scale, b->far, b->c);
        memcpy(b->a + ((r - first) * q->groups + g) * p, b->c, p * sizeof *b->c);
        if (!all || r == 0)
            continue;
        float *const a = b->a + ((sums + r - 1) * q->groups + g) * p;
        logit_gradient(q, r, g, b, dots[r - first]);
        for (size_t k = 0; k < p; k++) {
            a[k] = sda ? -b->logit[k] : b->logit[k];
            if (sda)
                b->own[k] += b->logit[k] * b->scale[k];
        }
    }
    if (sda)
        through_shortening(q, g, b, u);
}

static void put_dx(const Routing *q, size_t i, size_t g, const float *du)
{
    const size_t values = q->inputs * q->shape.pose_in, d = q->shape.pose_in;
    for (size_t n = 0; n < LANES && g * LANES + n < q->images; n++) {
        float *dx = q->run->dx[0] + (g * LANES + n) * values + i * d;
        for (size_t k = 0; k < d; k++)
            dx[k] = q->run->accumulate[0] ? dx[k] + du[k * LANES + n] : du[k * LANES + n];
    }
}

static void add_weights(const Routing *q, size_t i, const Block *b)
{
    const SimCapsules s = q->shape;
    const size_t row = s.outputs * s.pose_out, values = q->inputs * s.pose_in;
    const float *const u = q->run->x[0].f32 + i * s.pose_in;
    float *const dw = q->run->d_params[0] + i * s.outputs * s.pose_in * s.pose_out;
    const size_t first = first_iteration(q), sums = q->iterations - first;
    SimCapsuleTerm terms[MOST_TERMS];
    for (size_t k = 0; k < q->n_terms; k++)
        terms[k] =
            (SimCapsuleTerm){.a = b->a + k * q->groups * q->pairs,
                             .x = k < sums ? q->ds_rows + (first + k) * q->images * row
                                           : q->v_rows + (k - sums + 1) * q->images * row,
                             .image = row,
                             .output = s.pose_out};
    q->kernels->capsules_weights(&s, q->images, q->n_terms, terms, u, values, dw);
    if (q->o->routing == NET_ROUTING_RBA)
        return;
    /* own vote u^T, summed over images, is W times the second moment of own u u^T. */
    const SimCapsules square = {s.outputs, s.pose_in, s.pose_in};
    const SimCapsuleTerm own = {b->own_all, u, values, 0};
    const float *const w = net_routing_weights(q, i);
    memset(b->moment, 0, s.outputs * s.pose_in * s.pose_in * sizeof *b->moment);
    q->kernels->capsules_weights(&square, q->images, 1, &own, u, values, b->moment);
    for (size_t j = 0; j < s.outputs; j++)
        for (size_t d = 0; d < s.pose_in; d++)
            for (size_t e = 0; e < s.pose_in; e++)
                for (size_t p = 0; p < s.pose_out; p++)
                    dw[(j * s.pose_in + d) * s.pose_out + p] +=
                        b->moment[(j * s.pose_in + d) * s.pose_in + e] *
                        w[(j * s.pose_in + e) * s.pose_out + p];
}

static void back_task(void *argument, size_t index, size_t thread)
{
    const Routing *q = argument;
    const Block b = block_of(q, thread);
    const bool sda = q->o->routing == NET_ROUTING_SDA;
    const size_t n_du = q->shape.pose_in * LANES;
    size_t end;
    for (size_t i = net_routing_part(q, index, &end); i < end; i++) {
        for (size_t g = 0; g < q->groups; g++) {
            const float *a[MOST_TERMS], *x[MOST_TERMS];
            memset(b.du, 0, n_du * sizeof *b.du);
            find_terms(q, i, g, &b);
            if (!q->run->dx[0])
                continue;
            for (size_t k = 0; k < q->n_terms; k++) {
                a[k] = b.a + (k * q->groups + g) * q->pairs;
                x[k] = term_at(q, k, g);
            }
            q->kernels->capsules_input(&q->shape, net_routing_weights(q, i),
                                       net_routing_input(q, i, g), q->n_terms, a, x,
                                       sda ? b.own_all + g * q->pairs : NULL, b.du);
            put_dx(q, i, g, b.du);
        }
        add_weights(q, i, &b);
    }
}

/* --- the whole -----------------------------------------------------------------------
 */

/* The other order of the same numbers: [groups,J P,LANES] from or to [images,J P]. */
static void rows_of(const Routing *q, const float *from, float *to)
{
    const size_t row = q->poses / LANES;
    for (size_t i = 0; i < q->images; i++)
        for (size_t k = 0; k < row; k++)
            to[i * row + k] = from[(i / LANES * row + k) * LANES + i % LANES];
}

static void start_task(void *argument, size_t g, size_t thread)
{
    (void)thread;
    const Routing *q = argument;
    const size_t row = q->poses / LANES;
    float *const dv = net_routing_at(q->dv, 0, g, q);
    memset(dv, 0, q->poses * sizeof *dv);
    for (size_t n = 0; n < LANES && g * LANES + n < q->images; n++)
        for (size_t k = 0; k < row; k++)
            dv[k * LANES + n] = q->run->dy[(g * LANES + n) * row + k];
    net_routing_squash_back(q, q->iterations - 1, g, dv);
}

void net_routing_backward(Routing *q)
{
    const SimTeam *team = &q->run->context->team;
    const size_t rows = q->images * (q->poses / LANES), group = q->groups * q->poses;
    sim_team_run(team, q->groups, start_task, q);
    if (q->o->gradient == NET_GRADIENT_ALL)
        for (q->r = q->iterations - 1; q->r > 0; q->r--) {
            sim_team_run(team, q->parts, pull_task, q);
            sim_team_run(team, q->groups, pull_finish_task, q);
        }
    for (size_t r = first_iteration(q); r < q->iterations; r++)
        rows_of(q, q->ds + r * group, q->ds_rows + r * rows);
    for (size_t r = 1; r < q->iterations && q->o->gradient == NET_GRADIENT_ALL; r++)
        rows_of(q, q->v + r * group, q->v_rows + r * rows);
    sim_team_run(team, q->parts, back_task, q);
    if (!q->o->bias)
        return;
    for (size_t r = first_iteration(q); r < q->iterations; r++)
        for (size_t k = 0; k < rows; k++)
            q->run->d_params[1][k % (q->poses / LANES)] += q->ds_rows[r * rows + k];
}
