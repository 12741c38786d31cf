/* neurons/family_internal.h: what the integrate-and-fire somas share.
 *
 * Each is the same step with other coefficients; a soma only says how its parameters make
 * decay and gain, and how the gradients of those go back to what is trained. State 0 is
 * the potential above v_reset: zeroed memory is a layer at rest, and neither leak nor
 * reset needs a constant of its own. */
#pragma once

#include "neurons/neuron.h"
#include "sim/arena.h"

typedef struct NeuronCoefficients {
    float decay, gain;
} NeuronCoefficients;

struct NeuronFamily {
    double threshold, v_reset;
    /* Of one channel; `trained` points at its trained values in the order of the table.
     */
    NeuronCoefficients (*coefficients)(const NeuronSpec *spec, const float *const *params,
                                       size_t channel);
    /* d_params[..] += from the summed gradients of decay and gain; NULL: nothing trained.
     */
    void (*d_trained)(const NeuronSpec *spec, const float *const *params, size_t channel,
                      double d_decay, double d_gain, float *const *d_params);
    bool spikes; /* false: the potential itself leaves, without threshold */
};

void neuron_family_forward(const NeuronRun *run);
void neuron_family_backward(const NeuronRun *run);
size_t neuron_family_scratch(const NeuronRun *run);
size_t neuron_family_carry_sums(const NeuronRun *run);

/* What the descriptors of these somas have in common. */
extern const char *const neuron_family_states[1];
#define NEURON_FAMILY                                                                    \
    .states = neuron_family_states, .n_states = 1, .takes_affine = true,                 \
    .in_place = true, .takes_bf16 = true, .forgets = true,                               \
    .scratch_bytes = neuron_family_scratch, .n_later = 1,                                \
    .carry_sums = neuron_family_carry_sums, .forward = neuron_family_forward,            \
    .backward = neuron_family_backward

/* What a kernel is given of pixels from number `at` of a step on. `spikes` false: the
 * output is the potential, and its gradient one of v. */
SimNeuronBack neuron_back_at(const NeuronRun *run, bool spikes, size_t at,
                             double *d_trained);
/* The currents from number `at` on. */
static inline SimNumbers neuron_currents_at(const NeuronRun *run, size_t at)
{
    return sim_numbers_at(run->x, run->x_form, at);
}

/* State `index` there, at the start of the run; NULL: at rest. */
const float *neuron_state_at(const NeuronRun *run, size_t index, size_t at);

/* The step in double precision, for NeuronSoma.reference. */
void neuron_family_reference(const NeuronSpec *spec, double decay, double gain,
                             double threshold, double v_reset, size_t nt, const double *x,
                             double *y, double *v_before, double *v_after);

/* A trained value: one per layer or one per channel. */
static inline size_t neuron_trained_index(const NeuronSpec *spec, size_t channel)
{
    return spec->sharing == NEURON_PER_CHANNEL ? channel : 0;
}
