/* neurons/family.c: a window of an integrate-and-fire layer, cut into blocks of pixels.
 */
#include "neurons/family_internal.h"

#include <string.h>

const char *const neuron_family_states[1] = {"v"};

enum { BLOCK_FLOATS = 2048 }; /* membranes of one task */

typedef struct Work {
    const NeuronRun *run;
    NeuronFamily family;
    SimLif lif;
    float rest;
    size_t pixels, block, n_blocks; /* of one step */
    float *decay, *gain;            /* [c] */
    unsigned char *per_thread; /* backward: what the kernel needs; if trained, d_decay and
                                  d_gain of a block by step [nt, 2, c] behind that */
    size_t kernel_bytes, thread_bytes;
    double *affine_sums; /* backward: for SimAffine.sums [n_blocks, 2, c] */
    double *sums; /* backward: d_decay, d_gain [n_blocks, 2, c]; NULL: nothing trained */
    size_t bytes; /* of scratch, all of it */
} Work;

static bool is_trained(const NeuronSpec *spec)
{
    for (size_t i = 0; i < spec->soma->n_params; i++)
        if (spec->soma->params[i].trained)
            return true;
    return false;
}

static size_t sums_of_blocks(const Work *work)
{
    return work->n_blocks * 2 * work->run->shape.c;
}

/* scratch: | decay | gain | affine sums per block | sums, if trained | per thread | */
static Work lay_out(const NeuronRun *run)
{
    const SimShape s = run->shape;
    Work work = {.run = run,
                 .pixels = sim_shape_pixels(s),
                 .block = s.c >= BLOCK_FLOATS ? 1 : BLOCK_FLOATS / s.c};
    work.n_blocks = (work.pixels + work.block - 1) / work.block;
    const bool trained = is_trained(run->spec);
    work.kernel_bytes = sim_align_up(sim_lif_scratch(run->nt) * sizeof(float));
    work.thread_bytes = work.kernel_bytes;
    if (trained)
        work.thread_bytes += sim_align_up(run->nt * 2 * s.c * sizeof(double));
    const size_t row = sim_align_up(s.c * sizeof(float));
    const size_t sums = sim_align_up(sums_of_blocks(&work) * sizeof(double));
    unsigned char *at = run->scratch;
    if (at) {
        work.decay = (float *)(void *)at;
        work.gain = (float *)(void *)(at + row);
        work.affine_sums = (double *)(void *)(at + 2 * row);
        work.sums = trained ? (double *)(void *)(at + 2 * row + sums) : NULL;
        work.per_thread = at + 2 * row + (trained ? 2 : 1) * sums;
    }
    if (run->carry) { /* these outlive the call */
        work.affine_sums = run->carry->sums;
        work.sums = trained ? run->carry->sums + sums_of_blocks(&work) : NULL;
    }
    work.bytes = 2 * row + (trained ? 2 : 1) * sums +
                 (size_t)run->context->team.n_threads * work.thread_bytes;
    return work;
}

size_t neuron_family_scratch(const NeuronRun *run)
{
    return lay_out(run).bytes;
}

size_t neuron_family_carry_sums(const NeuronRun *run)
{
    const Work work = lay_out(run);
    return sums_of_blocks(&work) * (is_trained(run->spec) ? 2 : 1);
}

static Work make_work(const NeuronRun *run)
{
    Work work = lay_out(run);
    const NeuronSpec *spec = run->spec;
    const NeuronFamily family = spec->soma->family(spec);
    for (size_t i = 0; i < run->shape.c; i++) {
        const NeuronCoefficients k = family.coefficients(spec, run->params, i);
        work.decay[i] = k.decay;
        work.gain[i] = k.gain;
    }
    work.family = family;
    work.rest = (float)family.v_reset;
    work.lif = (SimLif){.decay = work.decay,
                        .gain = work.gain,
                        .affine = run->affine,
                        .threshold = (float)(family.threshold - family.v_reset),
                        .reset = family.spikes ? (SimReset)spec->reset : SIM_RESET_NONE,
                        .next_step = spec->reset_next_step,
                        .strict = spec->strict,
                        .at_rest = !run->states,
                        .detach = spec->detach_reset,
                        .surrogate = spec->surrogate->kind,
                        .alpha = (float)spec->surrogate_alpha,
                        .scale = family.spikes ? (float)spec->surrogate_scale : 0.0f};
    return work;
}

/* The pixels of a block: `first` and how many. */
static size_t block_of(const Work *work, size_t index, size_t *first)
{
    *first = index * work->block;
    return *first + work->block < work->pixels ? work->block : work->pixels - *first;
}

static void forward_block(void *argument, size_t index, size_t thread)
{
    (void)thread;
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const bool spikes = work->family.spikes && run->y.data;
    const size_t c = run->shape.c, words = sim_words(c);
    size_t first;
    const size_t n = block_of(work, index, &first), at = first * c;
    float *potential = run->potential ? run->potential + at : NULL;
    float *h = spikes || !run->y.data ? potential : run->y.f32 + at;
    run->context->kernels.lif_forward(&work->lif, run->nt, work->pixels, n, c,
                                      neuron_currents_at(run, at),
                                      run->states ? run->states[0] + at : NULL, h,
                                      spikes ? run->y.bits + first * words : NULL,
                                      run->active ? run->active + first * words : NULL);
    for (size_t t = 0; potential && t < run->nt; t++) {
        const size_t step = t * work->pixels * c;
        for (size_t i = step; i < step + n * c; i++)
            potential[i] = h[i] + work->rest;
    }
}

void neuron_family_forward(const NeuronRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, work.n_blocks, forward_block, &work);
}

SimNeuronBack neuron_back_at(const NeuronRun *run, bool spikes, size_t at,
                             double *d_trained)
{
    SimNeuronBack back = {.d_y = sim_numbers_at(run->d_y, run->d_y_form, at),
                          .d_x = sim_numbers_at(run->d_x, run->d_x_form, at),
                          .accumulate = run->accumulate,
                          .d_trained = d_trained};
    back.d_v = spikes ? sim_numbers_at(run->d_v, SIM_DENSE, at) : back.d_y;
    for (size_t k = 0; run->carry && k < run->spec->soma->n_later; k++)
        back.later[k] = run->carry->later[k] + at;
    return back;
}

const float *neuron_state_at(const NeuronRun *run, size_t index, size_t at)
{
    return run->carry && !run->carry->first ? run->carry->states[index] + at : NULL;
}

/* Sums go pixel by pixel for each step, and then through the steps from the last to the
 * first: the same wherever a sequence is cut. */
static void backward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const NeuronCarry *carry = run->carry;
    const SimKernels *kernels = &run->context->kernels;
    const size_t c = run->shape.c, step = work->pixels * c;
    size_t first;
    const size_t n = block_of(work, index, &first), at = first * c;
    double *trained = work->sums ? work->sums + index * 2 * c : NULL;
    double *sums = run->affine.sums ? work->affine_sums + index * 2 * c : NULL;
    if (!carry || carry->last) {
        if (trained)
            memset(trained, 0, 2 * c * sizeof *trained);
        if (sums)
            memset(sums, 0, 2 * c * sizeof *sums);
    }
    unsigned char *const scratch = work->per_thread + thread * work->thread_bytes;
    double *const by_step =
        trained ? (double *)(void *)(scratch + work->kernel_bytes) : NULL;
    if (by_step)
        memset(by_step, 0, run->nt * 2 * c * sizeof *by_step);
    const SimNeuronBack back = neuron_back_at(run, work->family.spikes, at, by_step);
    kernels->lif_backward(&work->lif, run->nt, work->pixels, n, c,
                          neuron_currents_at(run, at), neuron_state_at(run, 0, at), &back,
                          (float *)(void *)scratch);
    for (size_t t = run->nt; t-- > 0;) {
        for (size_t i = 0; trained && i < 2 * c; i++)
            trained[i] += by_step[t * 2 * c + i];
        if (sums)
            kernels->channel_sums_back(
                n, c, neuron_currents_at(run, t * step + at),
                sim_numbers_at(run->d_x, run->d_x_form, t * step + at), run->affine.mean,
                sums);
    }
}

void neuron_family_backward(const NeuronRun *run)
{
    Work work = make_work(run);
    sim_team_run(&run->context->team, work.n_blocks, backward_block, &work);
    if (run->carry && !run->carry->first)
        return;
    for (size_t i = 0; run->affine.sums && i < 2 * run->shape.c; i++) {
        run->affine.sums[i] = 0.0;
        for (size_t b = 0; b < work.n_blocks; b++)
            run->affine.sums[i] += work.affine_sums[b * 2 * run->shape.c + i];
    }
    for (size_t i = 0; work.sums && i < run->shape.c; i++) {
        double d_decay = 0.0, d_gain = 0.0;
        for (size_t b = 0; b < work.n_blocks; b++) {
            const double *sums = work.sums + b * 2 * run->shape.c;
            d_decay += sums[i];
            d_gain += sums[run->shape.c + i];
        }
        work.family.d_trained(run->spec, run->params, i, d_decay, d_gain, run->d_params);
    }
}

void neuron_family_reference(const NeuronSpec *spec, double decay, double gain,
                             double threshold, double v_reset, size_t nt, const double *x,
                             double *y, double *v_before, double *v_after)
{
    double v = v_reset;
    bool spiked = false;
    for (size_t t = 0; t < nt; t++) {
        const bool late = spec->reset_next_step && spiked;
        if (late && spec->reset == NEURON_RESET_HARD)
            v = v_reset;
        double h = v_reset + decay * (v - v_reset) + gain * x[t];
        if (late && spec->reset == NEURON_RESET_SOFT)
            h -= threshold;
        spiked = spec->strict ? h > threshold : h >= threshold;
        v = h;
        if (!spec->reset_next_step && spiked && spec->reset == NEURON_RESET_HARD)
            v = v_reset;
        if (!spec->reset_next_step && spiked && spec->reset == NEURON_RESET_SOFT)
            v = h - threshold;
        if (y)
            y[t] = spiked;
        if (v_before)
            v_before[t] = h;
        if (v_after)
            v_after[t] = v;
    }
}
