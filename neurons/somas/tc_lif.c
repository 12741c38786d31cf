/* neurons/somas/tc_lif.c: a dendritic and a somatic compartment that drive each other.
 *
 *     u[t] = v1[t-1] - sigmoid(c1) v2[t-1] + x[t];   h[t] = v2[t-1] + sigmoid(c2) u[t]
 *     s[t] = [h[t] >= threshold]
 *     v1[t] = u[t] - gamma s[t];                     v2[t] = h[t] - threshold s[t]
 *
 * v1 is the dendrite, v2 the soma. Nothing leaks: the two turn around each other, and
 * that is the memory. The reset is its own, whatever `reset` and `reset_time` say. */
#include <math.h>
#include <string.h>

#include "neurons/family_internal.h"

enum { C1, C2, THRESHOLD, GAMMA, N_PARAMS };
static const NeuronParam params[N_PARAMS] = {
    [C1] = {"c1", 0.0, -20.0, 20.0, true, "sigmoid(c1): what the soma takes off"},
    [C2] = {"c2", 0.0, -20.0, 20.0, true, "sigmoid(c2): what the dendrite gives"},
    [THRESHOLD] = {"threshold", 1.0, 1e-6, 1e6, false,
                   "potential of the soma at which it fires"},
    [GAMMA] = {"gamma", 0.5, 0.0, 1e6, false, "taken off the dendrite by a spike"},
};

enum { V, DENDRITE, N_STATES };
static const char *const states[N_STATES] = {[V] = "v", [DENDRITE] = "dendrite"};

enum { BLOCK_FLOATS = 1024 }; /* neurons of one task */
enum { PER_STEP = 2, ROWS = 4 };

typedef struct Work {
    const NeuronRun *run;
    float threshold, gamma;
    size_t pixels, block, n_blocks; /* of one step */
    float *a, *b;                   /* sigmoid(c1), sigmoid(c2) [c] */
    double *sums;                   /* d_a, d_b [n_blocks, 2, c] */
    float *per_thread;              /* u, h [nt, block]; rows [ROWS, block] */
    size_t per_thread_floats, bytes;
} Work;

static Work lay_out(const NeuronRun *run)
{
    const size_t c = run->shape.c;
    Work work = {.run = run,
                 .threshold = (float)run->spec->soma_values[THRESHOLD],
                 .gamma = (float)run->spec->soma_values[GAMMA],
                 .pixels = sim_shape_pixels(run->shape),
                 .block = c >= BLOCK_FLOATS ? 1 : BLOCK_FLOATS / c};
    work.n_blocks = (work.pixels + work.block - 1) / work.block;
    work.per_thread_floats =
        sim_align_up((PER_STEP * run->nt + ROWS) * work.block * c * sizeof(float)) /
        sizeof(float);
    const size_t row = sim_align_up(c * sizeof(float));
    const size_t sums = sim_align_up(work.n_blocks * 2 * c * sizeof(double));
    unsigned char *at = run->scratch;
    if (at) {
        work.a = (float *)(void *)at;
        work.b = (float *)(void *)(at + row);
        work.sums = (double *)(void *)(at + 2 * row);
        work.per_thread = (float *)(void *)(at + 2 * row + sums);
    }
    work.bytes =
        2 * row + sums +
        (size_t)run->context->team.n_threads * work.per_thread_floats * sizeof(float);
    return work;
}

static size_t scratch_bytes(const NeuronRun *run)
{
    return lay_out(run).bytes;
}

static double share(const NeuronRun *run, size_t param, size_t channel)
{
    const float c = run->params[param][neuron_trained_index(run->spec, channel)];
    return 1.0 / (1.0 + exp(-(double)c));
}

static Work make_work(const NeuronRun *run)
{
    Work work = lay_out(run);
    for (size_t i = 0; i < run->shape.c; i++) {
        work.a[i] = (float)share(run, C1, i);
        work.b[i] = (float)share(run, C2, i);
    }
    return work;
}

static size_t block_of(const Work *work, size_t index, size_t *first)
{
    *first = index * work->block;
    return *first + work->block < work->pixels ? work->block : work->pixels - *first;
}

static bool fires(const Work *work, float h)
{
    return work->run->spec->strict ? h > work->threshold : h >= work->threshold;
}

/* One pixel: v1, v2 to the potentials before the reset. */
static void charge(const Work *work, const float *restrict x, float *restrict v1,
                   float *restrict v2)
{
    const size_t c = work->run->shape.c;
    for (size_t i = 0; i < c; i++) {
        v1[i] = (v1[i] - work->a[i] * v2[i]) + x[i];
        v2[i] = v2[i] + work->b[i] * v1[i];
    }
}

static void settle(const Work *work, float *restrict v1, float *restrict v2)
{
    const size_t c = work->run->shape.c;
    for (size_t i = 0; i < c; i++) {
        const float s = fires(work, v2[i]) ? 1.0f : 0.0f;
        v1[i] -= work->gamma * s;
        v2[i] -= work->threshold * s;
    }
}

static void set_bit(uint64_t *words, size_t i, bool on)
{
    words[i / 64] |= (uint64_t)on << (i % 64);
}

static void forward_pixel(const Work *work, size_t pixel, float *over, float *slope)
{
    const NeuronRun *run = work->run;
    const NeuronSpec *spec = run->spec;
    const size_t c = run->shape.c, words = sim_words(c);
    float *v1 = run->states[DENDRITE] + pixel * c, *v2 = run->states[V] + pixel * c;
    for (size_t t = 0; t < run->nt; t++) {
        const size_t at = t * work->pixels + pixel;
        uint64_t *spikes = run->y.bits + at * words;
        uint64_t *active = run->active ? run->active + at * words : NULL;
        charge(work, run->x + at * c, v1, v2);
        if (run->potential)
            memcpy(run->potential + at * c, v2, c * sizeof *v2);
        memset(spikes, 0, words * sizeof *spikes);
        for (size_t i = 0; i < c; i++)
            set_bit(spikes, i, fires(work, v2[i]));
        if (active) {
            memset(active, 0, words * sizeof *active);
            for (size_t i = 0; i < c; i++)
                over[i] = v2[i] - work->threshold;
            run->context->kernels.surrogate_slope(
                spec->surrogate->kind, (float)spec->surrogate_alpha,
                (float)spec->surrogate_scale, c, over, slope);
            for (size_t i = 0; i < c; i++)
                set_bit(active, i, slope[i] > 0.0f);
        }
        settle(work, v1, v2);
    }
}

static void forward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    float *over = work->per_thread + thread * work->per_thread_floats;
    size_t first;
    const size_t n = block_of(work, index, &first);
    for (size_t p = first; p < first + n; p++)
        forward_pixel(work, p, over, over + work->run->shape.c);
}

/* Rows of a block: gradients of v1 and v2 after the reset, distance to the threshold and
 * slope of the surrogate there. u and h come from a second pass forward. */
static void backward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const NeuronSpec *spec = run->spec;
    const size_t c = run->shape.c;
    size_t first;
    const size_t n = block_of(work, index, &first) * c, step = work->pixels * c;
    const bool detach = spec->detach_reset;
    float *u = work->per_thread + thread * work->per_thread_floats, *h = u + run->nt * n;
    float *g1 = h + run->nt * n, *g2 = g1 + n, *over = g2 + n, *slope = over + n;
    double *d_a = work->sums + index * 2 * c, *d_b = d_a + c;
    memset(d_a, 0, 2 * c * sizeof *d_a);
    memset(g1, 0, 2 * n * sizeof *g1); /* first as v1, v2 */
    for (size_t t = 0; t < run->nt; t++) {
        for (size_t i = 0; i < n; i += c)
            charge(work, run->x + t * step + first * c + i, g1 + i, g2 + i);
        memcpy(u + t * n, g1, n * sizeof *u);
        memcpy(h + t * n, g2, n * sizeof *h);
        for (size_t i = 0; i < n; i += c)
            settle(work, g1 + i, g2 + i);
    }
    memset(g1, 0, 2 * n * sizeof *g1);
    for (size_t t = run->nt; t-- > 0;) {
        const size_t at = t * step + first * c;
        for (size_t i = 0; i < n; i++)
            over[i] = h[t * n + i] - work->threshold;
        run->context->kernels.surrogate_slope(
            spec->surrogate->kind, (float)spec->surrogate_alpha,
            (float)spec->surrogate_scale, n, over, slope);
        for (size_t i = 0, k = 0; i < n; i++, k = k + 1 < c ? k + 1 : 0) {
            const float g_v = run->d_v ? g2[i] + run->d_v[at + i] : g2[i];
            const float by_reset =
                detach ? 0.0f : work->gamma * g1[i] + work->threshold * g_v;
            const float d_h = (run->d_y[at + i] - by_reset) * slope[i] + g_v;
            const float d_u = g1[i] + work->b[k] * d_h;
            float before = 0.0f; /* v2 of the step before */
            if (t > 0) {
                before = h[(t - 1) * n + i];
                before -= fires(work, before) ? work->threshold : 0.0f;
            }
            d_a[k] -= (double)before * (double)d_u;
            d_b[k] += (double)u[t * n + i] * (double)d_h;
            g1[i] = d_u;
            g2[i] = d_h - work->a[k] * d_u;
            if (run->d_x)
                run->d_x[at + i] = run->accumulate ? run->d_x[at + i] + d_u : d_u;
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
    const size_t c = run->shape.c;
    sim_team_run(&run->context->team, work.n_blocks, backward_block, &work);
    for (size_t param = 0; param < 2; param++)
        for (size_t i = 0; i < c; i++) {
            const double a = share(run, param, i);
            double sum = 0.0;
            for (size_t block = 0; block < work.n_blocks; block++)
                sum += work.sums[(block * 2 + param) * c + i];
            run->d_params[param][neuron_trained_index(run->spec, i)] +=
                (float)(sum * a * (1.0 - a));
        }
}

static void reference(const NeuronSpec *spec, size_t nt, const double *x, double *y,
                      double *v_before, double *v_after)
{
    const double *k = spec->soma_values, threshold = k[THRESHOLD];
    const double a = 1.0 / (1.0 + exp(-k[C1])), b = 1.0 / (1.0 + exp(-k[C2]));
    double v1 = 0.0, v2 = 0.0;
    for (size_t t = 0; t < nt; t++) {
        v1 = v1 - a * v2 + x[t];
        v2 = v2 + b * v1;
        if (v_before)
            v_before[t] = v2;
        const double s = spec->strict ? v2 > threshold : v2 >= threshold;
        v1 -= k[GAMMA] * s;
        v2 -= threshold * s;
        if (y)
            y[t] = s;
        if (v_after)
            v_after[t] = v2;
    }
}

const NeuronSoma neuron_soma_tc_lif = {
    .name = "tc_lif",
    .summary = "two compartments, dendrite and soma",
    .source = "Zhang et al., AAAI 2024",
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
