/* neurons/somas/alif.c: leaky integrate and fire with an adaptive threshold.
 *
 *     b[t] = rho b[t-1] + (1 - rho) s[t-1];   B[t] = b0 + beta b[t]
 *     v[t] = alpha v[t-1] + (1 - alpha) x[t] - B[t] s[t-1];   s[t] = [v[t] > B[t]]
 *
 * The reset is soft, one step late and by the threshold of the moment; the gradient
 * through its spike follows detach_reset, the one through the threshold always flows. */
#include "neurons/family_internal.h"

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

enum { BLOCK_FLOATS = 2048 }; /* membranes of one task */

typedef struct Work {
    const NeuronRun *run;
    SimAlif alif;
    size_t pixels, block, n_blocks; /* of one step */
} Work;

static size_t floats_per_thread(const NeuronRun *run)
{
    return sim_align_up(sim_alif_scratch(run->nt) * sizeof(float)) / sizeof(float);
}

static size_t scratch_bytes(const NeuronRun *run)
{
    return (size_t)run->context->team.n_threads * floats_per_thread(run) * sizeof(float);
}

static Work make_work(const NeuronRun *run)
{
    const NeuronSpec *spec = run->spec;
    const size_t c = run->shape.c;
    Work work = {.run = run,
                 .alif = {.alpha = (float)spec->soma_values[ALPHA],
                          .rho = (float)spec->soma_values[RHO],
                          .b0 = (float)spec->soma_values[B0],
                          .beta = (float)spec->soma_values[BETA],
                          .detach = spec->detach_reset,
                          .surrogate = spec->surrogate->kind,
                          .slope_alpha = (float)spec->surrogate_alpha,
                          .slope_scale = (float)spec->surrogate_scale},
                 .pixels = sim_shape_pixels(run->shape),
                 .block = c >= BLOCK_FLOATS ? 1 : BLOCK_FLOATS / c};
    work.n_blocks = (work.pixels + work.block - 1) / work.block;
    return work;
}

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
    const size_t c = run->shape.c, words = sim_words(c);
    size_t first;
    const size_t n = block_of(work, index, &first), at = first * c;
    run->context->kernels.alif_forward(&work->alif, run->nt, work->pixels, n, c,
                                       neuron_currents_at(run, at), run->states[V] + at,
                                       run->states[B] + at,
                                       run->potential ? run->potential + at : NULL,
                                       run->y.data ? run->y.bits + first * words : NULL,
                                       run->active ? run->active + first * words : NULL);
}

static void backward_block(void *argument, size_t index, size_t thread)
{
    const Work *work = argument;
    const NeuronRun *run = work->run;
    const size_t c = run->shape.c;
    size_t first;
    const size_t n = block_of(work, index, &first), at = first * c;
    const SimNeuronBack back = neuron_back_at(run, true, at, NULL);
    run->context->kernels.alif_backward(
        &work->alif, run->nt, work->pixels, n, c, neuron_currents_at(run, at),
        neuron_state_at(run, V, at), neuron_state_at(run, B, at), &back,
        (float *)run->scratch + thread * floats_per_thread(run));
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
    .in_place = true,
    .takes_bf16 = true,
    .n_later = SIM_LATER,
    .scratch_bytes = scratch_bytes,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};
