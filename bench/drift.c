/* bench/drift.c: how far from its input a chain of blocks comes back, on the grid and in
 * plain floats, and what the way back costs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "nets/layers.h"
#include "sim/rng.h"

static const BenchColumn columns[] = {{"block", "block", BENCH_TEXT},
                                      {"gamma", "gamma", BENCH_FIGURE},
                                      {"numbers", "numbers", BENCH_TEXT},
                                      {"blocks", "blocks", BENCH_COUNT},
                                      {"worst", "off by at most", BENCH_ERROR},
                                      {"bits", "bits saved a value", BENCH_FIGURE},
                                      {"forward_s", "a value forward", BENCH_SECONDS},
                                      {"invert_s", "and back", BENCH_SECONDS},
                                      {NULL, NULL, BENCH_TEXT}};

enum { MOST_BLOCKS = 128, COUNT = 1 << 16 };

/* One layer on memory of its own; in[1] of a layer may be missing. */
typedef struct Step {
    NetLayerPlan plan;
    void *saved; /* owned */
} Step;

typedef struct Chain {
    const SimContext *context;
    NetMomentum momentum;
    NetCouple couple;
    bool has_velocity;
    Step velocity[MOST_BLOCKS], sum;
    float *start, *x, *v, *f; /* owned, [COUNT] */
    double forward_s[MOST_BLOCKS], invert_s[MOST_BLOCKS];
} Chain;

static const SimShape shape = {1, 1, 1, COUNT / 64, 64};

static SimStatus plan_step(const Chain *chain, const NetLayer *layer, const void *options,
                           size_t n_inputs, Step *step)
{
    step->plan = (NetLayerPlan){.options = options,
                                .context = chain->context,
                                .n_inputs = n_inputs,
                                .in = {shape, shape},
                                .steps = 1,
                                .window = 1,
                                .training = true,
                                .reversed = true};
    const SimStatus status = layer->plan(&step->plan);
    if (status != SIM_OK)
        return status;
    step->saved = calloc(1, step->plan.saved_bytes + 1);
    return step->saved ? SIM_OK : sim_fail(SIM_ERR_MEMORY, "no memory for a chain");
}

static NetLayerRun run_of(const Chain *chain, const Step *step, float *a, float *b,
                          float *y)
{
    return (NetLayerRun){
        .options = step->plan.options,
        .context = chain->context,
        .nt = 1,
        .training = true,
        .n_inputs = step->plan.n_inputs,
        .x = {{.form = SIM_DENSE, .shape = shape, .data = a},
              {.form = SIM_DENSE, .shape = shape, .data = b}},
        .y = {.form = SIM_DENSE, .shape = shape, .data = y},
        .saved = step->plan.saved_bytes ? step->saved : NULL,
    };
}

/* What a block adds: steep, and another for every block and value. */
static void inner(const Chain *chain, size_t block)
{
    const SimRng rng = {.seed = 7, .purpose = SIM_RNG_TEST, .stream = (uint32_t)block};
    const float w = 4.0f * sim_rng_uniform(rng, 0) - 2.0f,
                c = sim_rng_uniform(rng, 1) - 0.5f;
    for (size_t i = 0; i < COUNT; i++)
        chain->f[i] = tanhf(w * chain->x[i] + c);
}

static void forward(Chain *chain, size_t block)
{
    inner(chain, block);
    const double start = bench_seconds();
    float *added = chain->f;
    if (chain->has_velocity) {
        const NetLayerRun run =
            run_of(chain, &chain->velocity[block], chain->f, chain->v, chain->v);
        net_layer_momentum.forward(&run);
        added = chain->v;
    }
    const NetLayerRun run = run_of(chain, &chain->sum, chain->x, added, chain->x);
    net_layer_couple.forward(&run);
    chain->forward_s[block] = bench_seconds() - start;
}

/* Without momentum the value a block adds to is not what it reads: v stands for the other
 * half of the channels, the two take turns. */
static void turn(Chain *chain)
{
    float *const other = chain->v;
    chain->v = chain->x;
    chain->x = other;
}

static void forward_halves(Chain *chain, size_t block)
{
    inner(chain, block); /* of x, added to the other half */
    turn(chain);
    const double start = bench_seconds();
    const NetLayerRun run = run_of(chain, &chain->sum, chain->x, chain->f, chain->x);
    net_layer_couple.forward(&run);
    chain->forward_s[block] = bench_seconds() - start;
}

static void back_halves(Chain *chain, size_t block)
{
    turn(chain);
    inner(chain, block);
    turn(chain);
    const double start = bench_seconds();
    const NetLayerRun run = run_of(chain, &chain->sum, chain->x, chain->f, chain->x);
    net_layer_couple.invert(&run, 0);
    chain->invert_s[block] = bench_seconds() - start;
    turn(chain);
}

static void back(Chain *chain, size_t block)
{
    const double start = bench_seconds();
    NetLayerRun run = run_of(chain, &chain->sum, chain->x, chain->v, chain->x);
    net_layer_couple.invert(&run, 0);
    chain->invert_s[block] = bench_seconds() - start;
    inner(chain, block);
    const double middle = bench_seconds();
    run = run_of(chain, &chain->velocity[block], chain->f, chain->v, chain->v);
    net_layer_momentum.invert(&run, 1);
    chain->invert_s[block] += bench_seconds() - middle;
}

static void start(Chain *chain)
{
    const SimRng rng = {.seed = 3, .purpose = SIM_RNG_TEST};
    const float grid = ldexpf(1.0f, NET_GRID_BITS);
    for (size_t i = 0; i < COUNT; i++)
        chain->start[i] = rintf((2.0f * sim_rng_uniform(rng, i) - 1.0f) * grid) / grid;
    memcpy(chain->x, chain->start, COUNT * sizeof *chain->x);
    memset(chain->v, 0, COUNT * sizeof *chain->v);
}

static SimStatus open_chain(Chain *chain)
{
    SimStatus status = SIM_OK;
    float **const arrays[] = {&chain->start, &chain->x, &chain->v, &chain->f};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i] = malloc(COUNT * sizeof(float));
        if (!*arrays[i])
            return sim_fail(SIM_ERR_MEMORY, "no memory for a chain");
    }
    SIM_TRY(plan_step(chain, &net_layer_couple, &chain->couple, 2, &chain->sum));
    for (size_t b = 0; b < MOST_BLOCKS && chain->has_velocity; b++)
        SIM_TRY(plan_step(chain, &net_layer_momentum, &chain->momentum, 2,
                          &chain->velocity[b]));
out:
    return status;
}

static void close_chain(Chain *chain)
{
    free(chain->start);
    free(chain->x);
    free(chain->v);
    free(chain->f);
    free(chain->sum.saved);
    for (size_t b = 0; b < MOST_BLOCKS; b++)
        free(chain->velocity[b].saved);
}

static SimStatus there_and_back(Chain *chain, size_t blocks, BenchTable *table)
{
    start(chain);
    for (size_t b = 0; b < blocks; b++)
        (chain->has_velocity ? forward : forward_halves)(chain, b);
    for (size_t b = blocks; b-- > 0;)
        (chain->has_velocity ? back : back_halves)(chain, b);
    double worst = 0.0;
    for (size_t i = 0; i < COUNT; i++) {
        const double off = fabs((double)chain->x[i] - (double)chain->start[i]);
        worst = off <= worst ? worst : off; /* an infinity minus itself, too */
    }
    const double bits = chain->has_velocity
                            ? 8.0 * (double)chain->velocity[0].plan.saved_bytes / COUNT
                            : 0.0;
    return bench_row(table, chain->has_velocity ? "momentum" : "halves",
                     chain->has_velocity ? chain->momentum.gamma : (double)NAN,
                     chain->couple.exact ? "grid" : "plain floats", (double)blocks, worst,
                     bits, bench_median(chain->forward_s, blocks) / COUNT,
                     bench_median(chain->invert_s, blocks) / COUNT);
}

static SimStatus run(const BenchOptions *options, const SimContext *context,
                     BenchTable *table)
{
    static const double gammas[] = {0.0, 0.99, 0.9, 0.5}; /* 0: halves */
    enum { N_GAMMAS = sizeof gammas / sizeof *gammas };
    SimStatus status = SIM_OK;
    Chain *chain = NULL;
    for (size_t g = 0; g < N_GAMMAS; g++)
        for (int exact = 1; exact >= 0; exact--) {
            chain = calloc(1, sizeof *chain);
            if (!chain)
                return sim_fail(SIM_ERR_MEMORY, "no memory for a chain");
            *chain = (Chain){.context = context,
                             .momentum = {gammas[g], exact, NET_VELOCITY_BITS},
                             .couple = {exact, NET_GRID_BITS},
                             .has_velocity = gammas[g] > 0.0};
            SIM_TRY(open_chain(chain));
            for (size_t blocks = 2; blocks <= (options->quick ? 8 : MOST_BLOCKS);
                 blocks *= 4)
                SIM_TRY(there_and_back(chain, blocks, table));
            close_chain(chain);
            free(chain);
            chain = NULL;
        }
out:
    if (chain)
        close_chain(chain);
    free(chain);
    return status;
}

const BenchSuite bench_suite_drift = {
    .name = "drift",
    .summary = "reversible chains there and back: what is lost, what it costs",
    .columns = columns,
    .run = run,
};
