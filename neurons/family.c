/* neurons/family.c: a window of an integrate-and-fire layer, cut into blocks of pixels.
 */
#include "neurons/family_internal.h"

#include <string.h>

enum { BLOCK_FLOATS = 2048 }; /* membranes of one task */

typedef struct Work {
    const NeuronRun *run;
    const NeuronFamily *family;
    SimLif lif;
    float rest;
    size_t pixels, block, n_blocks;          /* of one step */
    float *decay, *gain;                     /* [c] */
    float *per_thread;                       /* backward: what the kernel needs */
    size_t per_thread_floats, kernel_floats; /* the gradients of a block come behind */
    double *sums; /* backward: d_decay, d_gain [n_blocks, 2, c]; NULL: nothing trained */
    double *affine_sums; /* backward: for SimAffine.sums [n_blocks, 2, c] */
    size_t bytes;        /* of scratch, all of it */
} Work;

static bool is_trained(const NeuronSpec *spec)
{
    for (size_t i = 0; i < spec->soma->n_params; i++)
        if (spec->soma->params[i].trained)
            return true;
    return false;
}

/* scratch: | decay | gain | sums per block, if trained | affine sums | per thread | */
static Work lay_out(const NeuronRun *run)
{
    const SimShape s = run->shape;
    Work work = {.run = run,
                 .pixels = sim_shape_pixels(s),
                 .block = s.c >= BLOCK_FLOATS ? 1 : BLOCK_FLOATS / s.c};
    work.n_blocks = (work.pixels + work.block - 1) / work.block;
    work.kernel_floats =
        sim_align_up(sim_lif_scratch(run->nt) * sizeof(float)) / sizeof(float);
    work.per_thread_floats = work.kernel_floats;
    if (run->context->precision == SIM_PRECISION_BF16)
        work.per_thread_floats += run->nt * work.block * s.c;
    const size_t row = sim_align_up(s.c * sizeof(float));
    const size_t sums = is_trained(run->spec)
                            ? sim_align_up(work.n_blocks * 2 * s.c * sizeof(double))
                            : 0;
    const size_t affine_sums = sim_align_up(work.n_blocks * 2 * s.c * sizeof(double));
    unsigned char *at = run->scratch;
    if (at) {
        work.decay = (float *)(void *)at;
        work.gain = (float *)(void *)(at + row);
        work.sums = sums ? (double *)(void *)(at + 2 * row) : NULL;
        work.affine_sums = (double *)(void *)(at + 2 * row + sums);
        work.per_thread = (float *)(void *)(at + 2 * row + sums + affine_sums);
    }
    if (run->carry) /* these outlive the call */
        work.affine_sums = run->carry->sums;
    work.bytes =
        2 * row + sums + affine_sums +
        (size_t)run->context->team.n_threads * work.per_thread_floats * sizeof(float);
    return work;
}

size_t neuron_family_scratch(const NeuronRun *run)
{
    return lay_out(run).bytes;
}

/* What is trained is summed pixel by pixel, all steps of each: no runs for that. */
size_t neuron_family_carry_sums(const NeuronRun *run)
{
    return is_trained(run->spec) ? 0 : lay_out(run).n_blocks * 2 * run->shape.c;
}

static Work make_work(const NeuronRun *run, const NeuronFamily *family)
{
    Work work = lay_out(run);
    const NeuronSpec *spec = run->spec;
    for (size_t i = 0; i < run->shape.c; i++) {
        const NeuronCoefficients k = family->coefficients(spec, run->params, i);
        work.decay[i] = k.decay;
        work.gain[i] = k.gain;
    }
    work.family = family;
    work.rest = (float)family->v_reset;
    work.lif = (SimLif){.decay = work.decay,
                        .gain = work.gain,
                        .affine = run->affine,
                        .threshold = (float)(family->threshold - family->v_reset),
                        .reset = family->spikes ? (SimReset)spec->reset : SIM_RESET_NONE,
                        .next_step = spec->reset_next_step,
                        .strict = spec->strict,
                        .detach = spec->detach_reset,
                        .surrogate = spec->surrogate->kind,
                        .alpha = (float)spec->surrogate_alpha,
                        .scale = family->spikes ? (float)spec->surrogate_scale : 0.0f};
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
    const bool spikes = work->family->spikes && run->y.data;
    const size_t c = run->shape.c, words = sim_words(c);
    size_t first;
    const size_t n = block_of(work, index, &first), at = first * c;
    float *potential = run->potential ? run->potential + at : NULL;
    float *h = spikes || !run->y.data ? potential : run->y.f32 + at;
    run->context->kernels.lif_forward(&work->lif, run->nt, work->pixels, n, c,
                                      run->x + at, run->states[0] + at, h,
                                      spikes ? run->y.bits + first * words : NULL,
                                      run->active ? run->active + first * words : NULL);
    for (size_t t = 0; potential && t < run->nt; t++) {
        const size_t step = t * work->pixels * c;
        for (size_t i = step; i < step + n * c; i++)
            potential[i] = h[i] + work->rest;
    }
}

void neuron_family_forward(const NeuronRun *run, const NeuronFamily *family)
{
    Work work = make_work(run, family);
    sim_team_run(&run->context->team, work.n_blocks, forward_block, &work);
}

/* Gradients of a block side by side as f32, and back to where they belong. */
static void fetch(const Work *work, size_t at, size_t n, float *room)
{
    const NeuronRun *run = work->run;
    const uint16_t *narrow = (const uint16_t *)(const void *)run->d_y;
    for (size_t t = 0; t < run->nt; t++) {
        const size_t first = t * work->pixels * run->shape.c + at;
        if (run->d_y_form == SIM_BF16)
            run->context->kernels.bf16_widen(n, narrow + first, room + t * n);
        else
            memcpy(room + t * n, run->d_y + first, n * sizeof *room);
    }
}

static void hand_over(const Work *work, size_t at, size_t n, const float *room)
{
    const NeuronRun *run = work->run;
    const SimKernels *kernels = &run->context->kernels;
    uint16_t *narrow = (uint16_t *)(void *)run->d_x;
    for (size_t t = 0; t < run->nt; t++) {
        const size_t first = t * work->pixels * run->shape.c + at;
        if (run->d_x_form == SIM_BF16)
            kernels->bf16_piece(1, n, n, 0, room + t * n, narrow + first);
        else if (run->accumulate)
            kernels->add(n, room + t * n, run->d_x + first);
        else
            memcpy(run->d_x + first, room + t * n, n * sizeof *room);
    }
}

static void backward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const NeuronCarry *carry = run->carry;
    const size_t c = run->shape.c;
    size_t first;
    const size_t n = block_of(work, index, &first), at = first * c;
    double *d_decay = work->sums ? work->sums + index * 2 * c : NULL;
    double *sums = run->affine.sums ? work->affine_sums + index * 2 * c : NULL;
    if (!carry || carry->last) {
        if (d_decay)
            memset(d_decay, 0, 2 * c * sizeof *d_decay);
        if (sums)
            memset(sums, 0, 2 * c * sizeof *sums);
        if (carry)
            memset(carry->later + at, 0, n * c * sizeof *carry->later);
    }
    float *const scratch = work->per_thread + thread * work->per_thread_floats;
    float *const room = scratch + work->kernel_floats;
    const bool narrow = run->d_y_form == SIM_BF16 || run->d_x_form == SIM_BF16;
    if (narrow)
        fetch(work, at, n * c, room);
    const float *const d_y = narrow ? room : run->d_y + at;
    float *const d_x = !run->d_x ? NULL : narrow ? room : run->d_x + at;
    const size_t stride = narrow ? n : work->pixels;
    /* Without a threshold the output is the potential: its gradient is one of v. */
    const float *d_v = !work->family->spikes ? d_y : run->d_v ? run->d_v + at : NULL;
    run->context->kernels.lif_backward(
        &work->lif, run->nt, work->pixels, n, c, run->x + at,
        carry && !carry->first ? carry->state + at : NULL, stride, d_y, d_v,
        run->accumulate && !narrow, d_x, carry ? carry->later + at : NULL, d_decay,
        d_decay ? d_decay + c : NULL, scratch);
    for (size_t t = run->nt; sums && t-- > 0;)
        run->context->kernels.channel_sums_back(n, c, run->x + t * work->pixels * c + at,
                                                d_x + t * stride * c, run->affine.mean,
                                                sums);
    if (narrow && d_x)
        hand_over(work, at, n * c, room);
}

void neuron_family_backward(const NeuronRun *run, const NeuronFamily *family)
{
    Work work = make_work(run, family);
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
        family->d_trained(run->spec, run->params, i, d_decay, d_gain, run->d_params);
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
