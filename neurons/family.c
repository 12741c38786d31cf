/* neurons/family.c: a window of an integrate-and-fire layer, cut into blocks of pixels
 * whose membranes stay in the first-level cache while time passes over them. */
#include "neurons/family_internal.h"

#include <assert.h>
#include <string.h>

enum { BLOCK_FLOATS = 2048 }; /* membranes of one task at a time */

typedef struct Work {
    const NeuronRun *run;
    const NeuronFamily *family;
    SimLif lif;
    size_t pixels, block, n_blocks; /* of one step */
    float *tables;                  /* decay, gain, leak [3, c] */
    float *per_thread; /* backward: potentials [nt, block, c], carry [block, c] */
    size_t per_thread_floats;
    double *sums; /* backward: d_decay, d_gain [n_blocks, 2, c] */
} Work;

static size_t padded(size_t n, size_t size)
{
    return sim_align_up(n * size) / size;
}

static size_t block_pixels(size_t c)
{
    return c >= BLOCK_FLOATS ? 1 : BLOCK_FLOATS / c;
}

static bool is_trained(const NeuronSpec *spec)
{
    for (size_t i = 0; i < spec->soma->n_params; i++)
        if (spec->soma->params[i].trained)
            return true;
    return false;
}

/* | decay | gain | leak | sums per block | per thread: potentials, carry | */
static Work make_work(const NeuronRun *run, const NeuronFamily *family)
{
    const SimShape s = run->shape;
    Work work = {.run = run,
                 .family = family,
                 .pixels = sim_shape_pixels(s),
                 .block = block_pixels(s.c),
                 .tables = run->scratch};
    work.n_blocks = (work.pixels + work.block - 1) / work.block;
    work.sums = (double *)(void *)(work.tables + 3 * padded(s.c, sizeof(float)));
    work.per_thread =
        (float *)(void *)(work.sums + padded(work.n_blocks * 2 * s.c, sizeof(double)));
    work.per_thread_floats = padded((run->nt + 1) * work.block * s.c, sizeof(float));
    return work;
}

size_t neuron_family_scratch(const NeuronRun *run)
{
    const SimShape s = run->shape;
    const size_t block = block_pixels(s.c),
                 n_blocks = (sim_shape_pixels(s) + block - 1) / block;
    return 3 * padded(s.c, sizeof(float)) * sizeof(float) +
           padded(n_blocks * 2 * s.c, sizeof(double)) * sizeof(double) +
           (size_t)run->context->team.n_threads *
               padded((run->nt + 1) * block * s.c, sizeof(float)) * sizeof(float);
}

static void fill_lif(Work *work)
{
    const NeuronRun *run = work->run;
    const NeuronSpec *spec = run->spec;
    const size_t c = run->shape.c, stride = padded(c, sizeof(float));
    for (size_t i = 0; i < c; i++) {
        const NeuronCoefficients k = work->family->coefficients(spec, run->params, i);
        work->tables[i] = k.decay;
        work->tables[stride + i] = k.gain;
        work->tables[2 * stride + i] = k.leak;
    }
    work->lif =
        (SimLif){.decay = work->tables,
                 .gain = work->tables + stride,
                 .leak = work->tables + 2 * stride,
                 .threshold = (float)work->family->threshold,
                 .v_reset = (float)work->family->v_reset,
                 .reset = work->family->spikes ? (SimReset)spec->reset : SIM_RESET_NONE,
                 .next_step = spec->reset_next_step,
                 .strict = spec->strict,
                 .detach = spec->detach_reset,
                 .surrogate = spec->surrogate->kind,
                 .alpha = (float)spec->surrogate_alpha,
                 .scale = work->family->spikes ? (float)spec->surrogate_scale : 0.0f};
}

static void forward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const size_t c = run->shape.c, words = sim_words(c), first = index * work->block;
    const size_t n =
        first + work->block < work->pixels ? work->block : work->pixels - first;
    float *v = run->states[0] + first * c;
    for (size_t t = 0; t < run->nt; t++) {
        const size_t at = t * work->pixels + first;
        float *h = work->family->spikes
                       ? (run->potential ? run->potential + at * c : NULL)
                       : run->y.f32 + at * c;
        run->context->kernels.lif_step(
            &work->lif, n, c, run->x + at * c, v, h,
            work->family->spikes ? run->y.bits + at * words : NULL,
            run->active && work->family->spikes ? run->active + at * words : NULL);
        if (!work->family->spikes && run->potential)
            memcpy(run->potential + at * c, h, n * c * sizeof *h);
    }
}

void neuron_family_forward(const NeuronRun *run, const NeuronFamily *family)
{
    Work work = make_work(run, family);
    fill_lif(&work);
    sim_team_run(&run->context->team, work.n_blocks, forward_block, &work);
}

/* Membranes again from x, then time back over them. */
static void backward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const SimKernels *kernels = &run->context->kernels;
    const size_t c = run->shape.c, first = index * work->block;
    const size_t n =
        first + work->block < work->pixels ? work->block : work->pixels - first;
    float *h = work->per_thread + thread * work->per_thread_floats;
    float *carry = h + run->nt * work->block * c;
    memset(carry, 0, n * c * sizeof *carry);
    for (size_t t = 0; t < run->nt; t++) /* carry serves as the membrane on the way up */
        kernels->lif_step(&work->lif, n, c, run->x + (t * work->pixels + first) * c,
                          carry, h + t * work->block * c, NULL, NULL);
    memset(carry, 0, n * c * sizeof *carry);
    double *d_decay = NULL, *d_gain = NULL;
    if (work->family->d_trained) {
        d_decay = work->sums + index * 2 * c;
        d_gain = d_decay + c;
        memset(d_decay, 0, 2 * c * sizeof *d_decay);
    }
    for (size_t t = run->nt; t-- > 0;) {
        const size_t at = (t * work->pixels + first) * c;
        const float *h_t = h + t * work->block * c;
        /* Without a threshold the output is the potential: its gradient is one of v. */
        kernels->lif_step_back(&work->lif, n, c, run->x + at, h_t,
                               t ? h_t - work->block * c : NULL, run->d_y + at,
                               work->family->spikes ? (run->d_v ? run->d_v + at : NULL)
                                                    : run->d_y + at,
                               carry, run->accumulate, run->d_x + at, d_decay, d_gain);
    }
}

void neuron_family_backward(const NeuronRun *run, const NeuronFamily *family)
{
    Work work = make_work(run, family);
    fill_lif(&work);
    sim_team_run(&run->context->team, work.n_blocks, backward_block, &work);
    if (!family->d_trained || !is_trained(run->spec))
        return;
    const size_t c = run->shape.c;
    for (size_t i = 0; i < c; i++) {
        double d_decay = 0.0, d_gain = 0.0;
        for (size_t b = 0; b < work.n_blocks; b++) {
            d_decay += work.sums[b * 2 * c + i];
            d_gain += work.sums[b * 2 * c + c + i];
        }
        family->d_trained(run->spec, run->params, i, d_decay, d_gain, run->d_params);
    }
}

void neuron_family_reference(const NeuronSpec *spec, double decay, double gain,
                             double leak, double threshold, double v_reset, size_t nt,
                             const double *x, double *y, double *v_before,
                             double *v_after)
{
    double v = 0.0, s = 0.0;
    for (size_t t = 0; t < nt; t++) {
        double u = v, off = 0.0;
        if (spec->reset_next_step && s > 0.0) {
            if (spec->reset == NEURON_RESET_HARD)
                u = v_reset;
            else if (spec->reset == NEURON_RESET_SOFT)
                off = threshold;
        }
        const double h = decay * u + gain * x[t] + leak - off;
        s = spec->strict ? h > threshold : h >= threshold;
        v = h;
        if (!spec->reset_next_step && s > 0.0)
            v = spec->reset == NEURON_RESET_HARD   ? v_reset
                : spec->reset == NEURON_RESET_SOFT ? h - threshold
                                                   : h;
        if (y)
            y[t] = s;
        if (v_before)
            v_before[t] = h;
        if (v_after)
            v_after[t] = v;
    }
}
