/* bench/kernels.c: convolution from packed spikes beside the dense one on the same data,
 * and both beside what the machine could do at best. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "sim/arena.h"
#include "sim/conv.h"
#include "sim/rng.h"

static const BenchColumn columns[] = {
    {"kernel", "kernel", BENCH_TEXT},
    {"shape", "height x w x c -> k", BENCH_TEXT},
    {"density", "density", BENCH_SHARE},
    {"spikes_s", "spikes", BENCH_SECONDS},
    {"dense_s", "dense", BENCH_SECONDS},
    {"gain", "gain", BENCH_FIGURE},
    {"spikes_gflops", "dense-equivalent GFLOP/s", BENCH_FIGURE},
    {"of_peak", "of f32 peak", BENCH_SHARE},
    {"dense_of_peak", "dense of its peak", BENCH_SHARE},
    {NULL, NULL, BENCH_TEXT}};

static const size_t shapes[][2] = {{48, 64}, {24, 128}, {12, 256}, {6, 512}}; /* h, c */
static const double densities[] = {0.01, 0.03, 0.1, 0.2, 0.3, 0.5};
enum {
    IMAGES = 4,
    STEPS = 8,
    N_SHAPES = sizeof shapes / sizeof *shapes,
    N_DENSITIES = sizeof densities / sizeof *densities
};

typedef enum Kernel { FORWARD, BACKWARD_INPUT, BACKWARD_WEIGHTS, N_KERNELS } Kernel;
static const char *const kernel_names[N_KERNELS] = {"forward", "to input", "to weights"};

typedef struct Subject {
    SimConv *spikes, *dense;
    SimConv *conv; /* the one being timed */
    SimTensor x;
    uint64_t *active; /* NULL while the dense kernel is timed */
    float *weights, *d_weights, *y;
    SimTensor dy, dx; /* dy is y */
    void *scratch;
    SimArena memory;
} Subject;

static void forward(void *of)
{
    Subject *const s = of;
    sim_conv_forward(s->conv, STEPS, &s->x, s->weights, NULL, &(SimTensor){.f32 = s->y},
                     s->scratch);
}

static void backward_input(void *of)
{
    Subject *const s = of;
    sim_conv_backward_input(s->conv, STEPS, &s->dy, s->weights, s->active, false, &s->dx,
                            s->scratch);
}

static void backward_weights(void *of)
{
    Subject *const s = of;
    sim_conv_backward_weights(s->conv, STEPS, &s->x, &s->dy, s->d_weights, NULL,
                              s->scratch);
}

static void (*const calls[N_KERNELS])(void *) = {forward, backward_input,
                                                 backward_weights};

static void lay_out(Subject *s, const SimConvShape *shape)
{
    const SimShape in = {STEPS, shape->n, shape->h, shape->w, shape->c};
    const SimShape out = {STEPS, shape->n, shape->oh, shape->ow, shape->k};
    const size_t weights = shape->kh * shape->kw * shape->c / shape->groups * shape->k;
    const size_t a = sim_conv_scratch_bytes(s->spikes),
                 b = sim_conv_scratch_bytes(s->dense);
    s->x = (SimTensor){.form = SIM_SPIKES, .shape = in};
    s->x.data = sim_arena_take(&s->memory, sim_tensor_bytes(SIM_SPIKES, in));
    s->weights = sim_arena_take(&s->memory, weights * sizeof(float));
    s->d_weights = sim_arena_take(&s->memory, weights * sizeof(float));
    s->y = sim_arena_take(&s->memory, sim_tensor_bytes(SIM_DENSE, out));
    s->dy = (SimTensor){.form = SIM_DENSE, .shape = out, .f32 = s->y};
    s->dx = (SimTensor){.form = SIM_DENSE, .shape = in};
    s->dx.data = sim_arena_take(&s->memory, sim_tensor_bytes(SIM_DENSE, in));
    s->scratch = sim_arena_take(&s->memory, a > b ? a : b);
}

static void fill(const Subject *s, const SimConvShape *shape, double density,
                 const SimKernels *kernels)
{
    const SimRng rng = {.seed = 1, .purpose = SIM_RNG_TEST};
    const size_t n = sim_shape_count(s->x.shape);
    const size_t weights = shape->kh * shape->kw * shape->c * shape->k;
    for (size_t i = 0; i < n; i++)
        s->dx.f32[i] = sim_rng_uniform(rng, i) < (float)density ? 1.0f : 0.0f;
    kernels->spikes_pack(n / shape->c, shape->c, s->dx.f32, s->x.bits);
    for (size_t i = 0; i < weights; i++)
        s->weights[i] = 1e-2f * sim_rng_normal(rng, n + i);
}

static SimStatus time_shape(size_t side, size_t channels, const BenchOptions *options,
                            const BenchMachine *machine, const SimContext *context,
                            BenchTable *table)
{
    SimStatus status = SIM_OK;
    const unsigned all = SIM_CONV_FORWARD | SIM_CONV_BACKWARD_INPUT |
                         SIM_CONV_BACKWARD_WEIGHTS | SIM_CONV_BF16;
    SimContext spikes = *context, dense = *context;
    SimConvShape shape = {.n = IMAGES,
                          .h = side,
                          .w = side,
                          .c = channels,
                          .k = channels,
                          .kh = 3,
                          .kw = 3,
                          .stride = 1,
                          .pad = 1,
                          .groups = 1};
    Subject s = {0};
    char name[48];
    spikes.spike_path = SIM_SPIKES_ALWAYS;
    dense.spike_path = SIM_SPIKES_NEVER;
    SIM_TRY(sim_conv_shape(&shape));
    SIM_TRY(sim_conv_create(&shape, SIM_SPIKES, STEPS, all, &spikes, &s.spikes));
    SIM_TRY(sim_conv_create(&shape, SIM_SPIKES, STEPS, all, &dense, &s.dense));
    lay_out(&s, &shape);
    SIM_TRY(sim_arena_create(&s.memory, s.memory.used));
    lay_out(&s, &shape);
    snprintf(name, sizeof name, "%zu x %zu x %zu -> %zu", side, side, channels, channels);
    const bool bf16 = sim_conv_wants_bf16(&shape, context);
    /* Of tile units that of one product, however many pieces a number is made of. */
    const double peak = machine->tile_flops > 0 ? machine->tile_flops : machine->flops;
    const double flops = 2.0 * sim_conv_macs(&shape) * STEPS;
    for (size_t d = 0; d < N_DENSITIES; d++) {
        if (options->quick && densities[d] != 0.1)
            continue;
        fill(&s, &shape, densities[d], &context->kernels);
        for (int k = 0; k < N_KERNELS; k++) {
            s.conv = s.spikes;
            s.dy.form = s.dx.form = SIM_DENSE;
            s.active = s.x.bits;
            const double sparse_s = bench_time(calls[k], &s, options->seconds / 10);
            s.conv = s.dense;
            s.dy.form = s.dx.form = bf16 ? SIM_BF16 : SIM_DENSE;
            s.active = NULL;
            const double dense_s = bench_time(calls[k], &s, options->seconds / 10);
            SIM_TRY(bench_row(table, kernel_names[k], name, densities[d], sparse_s,
                              dense_s, dense_s / sparse_s, 1e-9 * flops / sparse_s,
                              flops / sparse_s / machine->flops, flops / dense_s / peak));
        }
    }
out:
    sim_conv_destroy(s.spikes);
    sim_conv_destroy(s.dense);
    sim_arena_destroy(&s.memory);
    return status;
}

static SimStatus run(const BenchOptions *options, const SimContext *context,
                     BenchTable *table)
{
    SimStatus status = SIM_OK;
    for (size_t i = 0; i < (options->quick ? 1 : N_SHAPES); i++)
        SIM_TRY(time_shape(shapes[i][0], shapes[i][1], options, options->machine, context,
                           table));
out:
    return status;
}

const BenchSuite bench_suite_kernels = {
    .name = "kernels",
    .summary = "3x3 convolutions from spikes beside dense ones, by shape and density",
    .columns = columns,
    .run = run,
};
