/* nets/layers/momentum.c: the velocity of a momentum residual chain (Sander, Ablin,
 * Blondel, Peyre, ICML 2021), undone to the bit (after Maclaurin, Duvenaud, Adams 2015):
 *
 *     y = gamma v + (1 - gamma) f        v = (y - (1 - gamma) f) / gamma
 *
 * On a grid, v = V 2^-bits, and gamma = n / d: V = d q + r becomes W = n q + s, where d
 * values of r have to fit into n of s. What does not fit is carried from value to value
 * in an integer Q, a digit in base d taken in and one in base n given out:
 *
 *     Q <- d Q + r      s = Q mod n      Q <- Q div n        and back in reverse order
 *
 * Q grows by log2(d / n) bits a value (0.152 at 9/10, 1 at 1/2), no more than what is
 * lost, and a 64-bit word of it is saved per run of values, as many as surely fit. s is
 * any of n values: y is off by up to n grid steps, with a mean of about zero. Runs lie
 * LANES beside each other in memory, so that their divisions overlap.
 *
 * Inference has nothing to undo and rounds each value by itself: what it gives does not
 * depend on the window or on the other samples. */
#include <stddef.h>

#include "nets/layers.h"
#include "nets/layers/grid_internal.h"
#include "nets/layers/rows_internal.h"

/* clang-format off */
static const SimOption options[] = {
    {"gamma", SIM_OPTION_FLOAT, offsetof(NetMomentum, gamma), .initial = 0.9, .low = 0.0, .high = 1.0, .help = "how much of the velocity stays, more than 0"},
    {"exact", SIM_OPTION_BOOL, offsetof(NetMomentum, exact), .initial = 1, .help = "keep the velocity on the grid and save what is lost: the inverse is exact"},
    {"bits", SIM_OPTION_INT, offsetof(NetMomentum, bits), .initial = NET_VELOCITY_BITS, .low = 1, .high = 23, .help = "the grid is 2^-bits, its range 2^(24 - bits)"},
    {0},
};
/* clang-format on */

enum { F, V };
enum { LANES = 8, MAX_DENOMINATOR = 256 };

typedef struct Fraction {
    uint32_t n, d;
    size_t run; /* values whose Q surely fits into 64 bits */
} Fraction;

/* The nearest to gamma below 1 with a denominator up to MAX_DENOMINATOR, in lowest
 * terms: the first that is nearest. */
static Fraction fraction_of(double gamma)
{
    Fraction best = {1, 1, SIZE_MAX};
    if (gamma >= 1.0)
        return best;
    double nearest = (double)INFINITY;
    for (uint32_t d = 2; d <= MAX_DENOMINATOR; d++) {
        uint32_t n = (uint32_t)(gamma * d + 0.5);
        n = n < 1 ? 1 : n >= d ? d - 1 : n;
        const double off = fabs((double)n / d - gamma);
        if (off < nearest - 1e-12) {
            nearest = off;
            best = (Fraction){n, d, 0};
        }
    }
    uint64_t most = 0; /* of Q after `run` values */
    for (; most <= (UINT64_MAX - (best.d - 1)) / best.d; best.run++)
        most = (most * best.d + best.d - 1) / best.n;
    return best;
}

static size_t stripes_of(const Fraction *fraction, size_t count)
{
    const size_t stripe = LANES * fraction->run;
    return (count + stripe - 1) / stripe;
}

static SimStatus plan(NetLayerPlan *plan)
{
    const NetMomentum *o = plan->options;
    if (!(o->gamma > 0.0 && o->gamma <= 1.0))
        return sim_fail(
            SIM_ERR_VALUE,
            "gamma wants more than 0 and at most 1, got %g: going back divides "
            "by it",
            o->gamma);
    const Fraction fraction = fraction_of(o->gamma);
    if (o->exact && fabs((double)fraction.n / fraction.d - o->gamma) > 2e-3)
        return sim_fail(SIM_ERR_VALUE,
                        "gamma %g is far from any fraction with a denominator up to %d, "
                        "which exact momentum needs: use %g, or exact: false",
                        o->gamma, MAX_DENOMINATOR, (double)fraction.n / fraction.d);
    plan->out = plan->in[F];
    for (size_t i = 0; i < plan->n_inputs; i++) {
        plan->in_form[i] = SIM_DENSE;
        if (!sim_shape_equal(plan->in[i], plan->out))
            return sim_fail(
                SIM_ERR_SHAPE,
                "a chain with momentum keeps its shape: the velocity is %zux%zux%zu over "
                "%zu steps, the branch gives %zux%zux%zu over %zu: change shapes between "
                "two chains",
                plan->in[V].h, plan->in[V].w, plan->in[V].c, plan->in[V].t, plan->out.h,
                plan->out.w, plan->out.c, plan->out.t);
    }
    plan->out_form = SIM_DENSE;
    plan->gradient_in_place = 1u << (plan->n_inputs - 1);
    plan->invertible = 1u << V;
    plan->invert_reads = 1u << F;
    if (plan->n_inputs <= V)
        return SIM_OK; /* the velocity before is 0, nobody asks for it */
    if (o->exact && plan->training && plan->reversed && fraction.n < fraction.d)
        plan->saved_bytes = stripes_of(&fraction, (plan->out.t == 1 ? 1 : plan->window) *
                                                      sim_shape_step(plan->out)) *
                            LANES * sizeof(uint64_t);
    return SIM_OK;
}

/* --- values ---------------------------------------------------------------------------
 */

typedef struct Chain {
    const NetLayerRun *run;
    Fraction fraction;
    float magic, grid, scale; /* of v: 2^-bits and its inverse */
    float stays, comes;       /* gamma, 1 - gamma */
    size_t count, stripe, task_stripes;
} Chain;

static Chain chain_of(const NetLayerRun *run)
{
    const NetMomentum *o = run->options;
    Chain chain = {.run = run,
                   .fraction = fraction_of(o->gamma),
                   .magic = net_grid_magic(o->bits),
                   .grid = ldexpf(1.0f, -(int)o->bits),
                   .scale = ldexpf(1.0f, (int)o->bits),
                   .count = sim_shape_count(run->y.shape)};
    const double gamma =
        o->exact ? (double)chain.fraction.n / chain.fraction.d : o->gamma;
    chain.stays = (float)gamma;
    chain.comes = (float)(1.0 - gamma);
    if (chain.fraction.n == chain.fraction.d)
        chain.fraction.run = NET_TASK_FLOATS / LANES;
    chain.stripe = LANES * chain.fraction.run;
    chain.task_stripes =
        chain.stripe < NET_TASK_FLOATS ? NET_TASK_FLOATS / chain.stripe : 1;
    return chain;
}

/* What f adds to the velocity, on the grid when exact. */
static float share(const Chain *chain, bool exact, float f)
{
    return exact ? net_grid_round(chain->magic, chain->comes * f) : chain->comes * f;
}

/* In grid steps; far outside the range, where nothing is exact, still a number. */
static int32_t steps_of(const Chain *chain, float v)
{
    const float limit = 1 << 30, x = rintf(v * chain->scale);
    return (int32_t)(x > -limit ? x < limit ? x : limit : -limit);
}

/* x = by * (what is returned) + rest, 0 <= rest < by. */
static int32_t split(int32_t x, uint32_t by, uint32_t *rest)
{
    int32_t whole = x / (int32_t)by;
    const int32_t left = x - whole * (int32_t)by;
    whole -= left < 0;
    *rest = (uint32_t)(x - whole * (int32_t)by);
    return whole;
}

static float value_of(const Chain *chain, int32_t whole, uint32_t by, uint32_t rest)
{
    return (float)((int64_t)whole * by + rest) * chain->grid;
}

static void forward_stripe(const Chain *chain, size_t stripe)
{
    const NetLayerRun *run = chain->run;
    const uint32_t n = chain->fraction.n, d = chain->fraction.d;
    const size_t first = stripe * chain->stripe;
    const size_t end =
        first + chain->stripe < chain->count ? first + chain->stripe : chain->count;
    uint64_t q[LANES] = {0};
    for (size_t i = first; i < end; i++) {
        uint64_t *const at = &q[(i - first) % LANES];
        uint32_t rest;
        const int32_t whole = split(steps_of(chain, run->x[V].f32[i]), d, &rest);
        uint32_t kept = (rest * n + d / 2) / d;
        if (run->training) {
            *at = *at * d + rest;
            kept = (uint32_t)(*at % n);
            *at /= n;
        }
        run->y.f32[i] =
            value_of(chain, whole, n, kept) + share(chain, true, run->x[F].f32[i]);
    }
    for (size_t lane = 0; lane < LANES && run->saved; lane++)
        ((uint64_t *)run->saved)[stripe * LANES + lane] = q[lane];
}

static void invert_stripe(const Chain *chain, size_t stripe)
{
    const NetLayerRun *run = chain->run;
    const uint32_t n = chain->fraction.n, d = chain->fraction.d;
    const size_t first = stripe * chain->stripe;
    const size_t end =
        first + chain->stripe < chain->count ? first + chain->stripe : chain->count;
    uint64_t q[LANES] = {0};
    for (size_t lane = 0; lane < LANES && run->saved; lane++)
        q[lane] = ((const uint64_t *)run->saved)[stripe * LANES + lane];
    for (size_t i = end; i-- > first;) {
        uint64_t *const at = &q[(i - first) % LANES];
        uint32_t kept;
        const float before = run->y.f32[i] - share(chain, true, run->x[F].f32[i]);
        const int32_t whole = split(steps_of(chain, before), n, &kept);
        *at = *at * n + kept;
        run->x[V].f32[i] = value_of(chain, whole, d, (uint32_t)(*at % d));
        *at /= d;
    }
}

/* --- the hooks ------------------------------------------------------------------------
 */

static void run_tasks(const Chain *chain, SimTask *task)
{
    const size_t per = chain->stripe * chain->task_stripes;
    sim_team_run(&chain->run->context->team, (chain->count + per - 1) / per, task,
                 (void *)(size_t)chain);
}

static size_t cut(const Chain *chain, size_t index, size_t *first)
{
    const size_t per = chain->stripe * chain->task_stripes;
    *first = index * per;
    return *first + per < chain->count ? per : chain->count - *first;
}

static void forward_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Chain *chain = argument;
    const NetLayerRun *run = chain->run;
    const bool exact = ((const NetMomentum *)run->options)->exact;
    size_t first;
    const size_t n = cut(chain, index, &first);
    if (exact && run->n_inputs > V) {
        for (size_t s = 0; s * chain->stripe < n; s++)
            forward_stripe(chain, first / chain->stripe + s);
        return;
    }
    for (size_t i = first; i < first + n; i++) {
        const float added = share(chain, exact, run->x[F].f32[i]);
        run->y.f32[i] =
            run->n_inputs > V ? chain->stays * run->x[V].f32[i] + added : added;
    }
}

static void forward(const NetLayerRun *run)
{
    const Chain chain = chain_of(run);
    run_tasks(&chain, forward_task);
}

static void invert_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Chain *chain = argument;
    const NetLayerRun *run = chain->run;
    size_t first;
    const size_t n = cut(chain, index, &first);
    const NetMomentum *o = run->options;
    if (o->exact) {
        net_grid_check(run, o->bits, n, run->y.f32 + first);
        for (size_t s = 0; s * chain->stripe < n; s++)
            invert_stripe(chain, first / chain->stripe + s);
        return;
    }
    for (size_t i = first; i < first + n; i++)
        run->x[V].f32[i] =
            (run->y.f32[i] - share(chain, false, run->x[F].f32[i])) / chain->stays;
}

static void invert(const NetLayerRun *run, size_t input)
{
    (void)input; /* the velocity is the only one that comes back */
    const Chain chain = chain_of(run);
    run_tasks(&chain, invert_task);
}

/* Number by number, both inputs at once: one gradient may lie on dy. */
static void backward_task(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Chain *chain = argument;
    const NetLayerRun *run = chain->run;
    size_t first;
    const size_t n = cut(chain, index, &first);
    for (size_t i = first; i < first + n; i++) {
        const float dy = run->dy[i];
        if (run->dx[F])
            run->dx[F][i] = run->accumulate[F] ? run->dx[F][i] + chain->comes * dy
                                               : chain->comes * dy;
        if (run->dx[V])
            run->dx[V][i] = run->accumulate[V] ? run->dx[V][i] + chain->stays * dy
                                               : chain->stays * dy;
    }
}

static void backward(const NetLayerRun *run)
{
    const Chain chain = chain_of(run);
    run_tasks(&chain, backward_task);
}

const NetLayer net_layer_momentum = {
    .name = "momentum",
    .summary = "velocity of a momentum chain, given back to the bit",
    .min_inputs = 1,
    .max_inputs = 2,
    .options = options,
    .options_size = sizeof(NetMomentum),
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .invert = invert,
};
