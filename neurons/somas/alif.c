/* neurons/somas/alif.c: leaky integrate and fire with an adaptive threshold.
 *
 *     b[t] = rho b[t-1] + (1 - rho) s[t-1];   B[t] = b0 + beta b[t]
 *     v[t] = alpha v[t-1] + (1 - alpha) x[t] - B[t] s[t-1];   s[t] = [v[t] > B[t]]
 *
 * The reset is soft, one step late and by the threshold of the moment; the gradient
 * through its spike follows detach_reset, the one through the threshold always flows. */
#include <string.h>

#include "neurons/neuron.h"
#include "sim/arena.h"

enum { ALPHA, RHO, B0, BETA, N_PARAMS };
static const NeuronParam params[N_PARAMS] = {
    [ALPHA] = {"alpha", 0.95, 0.0, 1.0, false,
               "share of the potential left after a step"},
    [RHO] = {"rho", 0.99, 0.0, 1.0, false, "share of the adaptation left after a step"},
    [B0] = {"b0", 0.01, 1e-6, 1e6, false, "threshold at rest"},
    [BETA] = {"beta", 1.8, 0.0, 1e6, false, "rise of the threshold with the adaptation"},
};

enum { V, B, N_STATES };
static const char *const states[N_STATES] = {[V] = "v", [B] = "b"};

enum { BLOCK_PIXEL_FLOATS = 1024 };

typedef struct Coefficients {
    float alpha, rho, b0, beta;
} Coefficients;

typedef struct Work {
    const NeuronRun *run;
    Coefficients k;
    size_t pixels, block, n_blocks, floats_per_thread;
    float *per_thread;
} Work;

static size_t block_pixels(size_t c)
{
    return c >= BLOCK_PIXEL_FLOATS ? 1 : BLOCK_PIXEL_FLOATS / c;
}

/* Per thread: v and b of every step, and four rows for the step at hand. */
static size_t floats_per_thread(const NeuronRun *run)
{
    const size_t block = block_pixels(run->shape.c) * run->shape.c;
    return sim_align_up((2 * run->nt + 4) * block * sizeof(float)) / sizeof(float);
}

static size_t scratch_bytes(const NeuronRun *run)
{
    return (size_t)run->context->team.n_threads * floats_per_thread(run) * sizeof(float);
}

static Work make_work(const NeuronRun *run)
{
    const double *values = run->spec->soma_values;
    Work work = {.run = run,
                 .k = {(float)values[ALPHA], (float)values[RHO], (float)values[B0],
                       (float)values[BETA]},
                 .pixels = sim_shape_pixels(run->shape),
                 .block = block_pixels(run->shape.c),
                 .floats_per_thread = floats_per_thread(run),
                 .per_thread = run->scratch};
    work.n_blocks = (work.pixels + work.block - 1) / work.block;
    return work;
}

/* v, b in place; over[i] = v - B after the step. */
static void step(Coefficients k, size_t n, const float *restrict x, float *restrict v,
                 float *restrict b, float *restrict over)
{
    for (size_t i = 0; i < n; i++) {
        const float fired = v[i] - (k.b0 + k.beta * b[i]) > 0.0f ? 1.0f : 0.0f;
        b[i] = k.rho * b[i] + (1.0f - k.rho) * fired;
        const float threshold = k.b0 + k.beta * b[i];
        v[i] = (k.alpha * v[i] + (1.0f - k.alpha) * x[i]) - threshold * fired;
        over[i] = v[i] - threshold;
    }
}

static void forward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const SimKernels *kernels = &run->context->kernels;
    const size_t c = run->shape.c, words = sim_words(c), first = index * work->block;
    const size_t pixels =
        first + work->block < work->pixels ? work->block : work->pixels - first;
    float *over = work->per_thread + thread * work->floats_per_thread;
    float *slope = over + work->block * c;
    for (size_t t = 0; t < run->nt; t++) {
        const size_t at = t * work->pixels + first;
        float *v = run->states[V] + first * c;
        step(work->k, pixels * c, run->x + at * c, v, run->states[B] + first * c, over);
        kernels->threshold_pack(pixels, c, over, 0.0f, true, run->y.bits + at * words);
        if (run->potential)
            memcpy(run->potential + at * c, v, pixels * c * sizeof *v);
        if (run->active) {
            kernels->surrogate_slope(
                run->spec->surrogate->kind, (float)run->spec->surrogate_alpha,
                (float)run->spec->surrogate_scale, pixels * c, over, slope);
            kernels->threshold_pack(pixels, c, slope, 0.0f, true,
                                    run->active + at * words);
        }
    }
}

static void backward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const Coefficients k = work->k;
    const size_t c = run->shape.c, first = index * work->block, size = work->block * c;
    const size_t n =
        (first + work->block < work->pixels ? work->block : work->pixels - first) * c;
    float *v = work->per_thread + thread * work->floats_per_thread; /* [nt, block, c] */
    float *b = v + run->nt * size;
    float *over = b + run->nt * size, *slope = over + size;
    float *g_v = slope + size, *g_b = g_v + size; /* sent back by the step after */
    memset(g_v, 0, size * sizeof *g_v);
    memset(g_b, 0, size * sizeof *g_b);
    for (size_t t = 0; t < run->nt; t++) {
        if (t == 0) {
            memset(v, 0, n * sizeof *v);
            memset(b, 0, n * sizeof *b);
        } else {
            memcpy(v + t * size, v + (t - 1) * size, n * sizeof *v);
            memcpy(b + t * size, b + (t - 1) * size, n * sizeof *b);
        }
        step(k, n, run->x + (t * work->pixels + first) * c, v + t * size, b + t * size,
             over);
    }
    for (size_t t = run->nt; t-- > 0;) {
        const size_t at = (t * work->pixels + first) * c;
        const float *v_t = v + t * size, *b_t = b + t * size;
        for (size_t i = 0; i < n; i++)
            over[i] = v_t[i] - (k.b0 + k.beta * b_t[i]);
        run->context->kernels.surrogate_slope(
            run->spec->surrogate->kind, (float)run->spec->surrogate_alpha,
            (float)run->spec->surrogate_scale, n, over, slope);
        for (size_t i = 0; i < n; i++) {
            /* Step t + 1 read s[t] in b (rate 1 - rho) and in the reset. */
            float d_s = run->d_y[at + i];
            if (t + 1 < run->nt) {
                const float threshold = k.b0 + k.beta * b_t[size + i];
                d_s += (1.0f - k.rho) * g_b[i];
                if (!run->spec->detach_reset)
                    d_s -= threshold * g_v[i];
            }
            const float from_v = run->d_v ? run->d_v[at + i] : 0.0f;
            const float d_v = (k.alpha * g_v[i] + d_s * slope[i]) + from_v;
            const bool before = t > 0 && v_t[i - size] > k.b0 + k.beta * b_t[i - size];
            const float d_threshold = -d_s * slope[i] - (before ? d_v : 0.0f);
            g_b[i] = k.rho * g_b[i] + k.beta * d_threshold;
            g_v[i] = d_v;
            const float d_x = (1.0f - k.alpha) * d_v;
            if (run->d_x)
                run->d_x[at + i] = run->accumulate ? run->d_x[at + i] + d_x : d_x;
        }
    }
}

static void forward(const NeuronRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, work.n_blocks, forward_block, &work);
}

static void backward(const NeuronRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, work.n_blocks, backward_block, &work);
}

static void reference(const NeuronSpec *spec, size_t nt, const double *x, double *y,
                      double *v_before, double *v_after)
{
    const double alpha = spec->soma_values[ALPHA], rho = spec->soma_values[RHO];
    double v = 0.0, b = 0.0, s = 0.0;
    for (size_t t = 0; t < nt; t++) {
        b = rho * b + (1.0 - rho) * s;
        const double threshold = spec->soma_values[B0] + spec->soma_values[BETA] * b;
        v = alpha * v + (1.0 - alpha) * x[t] - threshold * s;
        s = v > threshold;
        if (y)
            y[t] = s;
        if (v_before)
            v_before[t] = v;
        if (v_after)
            v_after[t] = v;
    }
}

const NeuronSoma neuron_soma_alif = {
    .name = "alif",
    .summary = "leaky integrate and fire, adaptive threshold",
    .source = "Yin et al., Nature Machine Intelligence 2021",
    .params = params,
    .n_params = N_PARAMS,
    .states = states,
    .n_states = N_STATES,
    .output = SIM_SPIKES,
    .scratch_bytes = scratch_bytes,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};
