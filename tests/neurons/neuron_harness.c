/* See neuron_harness.h. */
#include "tests/neurons/neuron_harness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/arena.h"

enum { GUARD = 16 };

static float *floats(size_t n, float value)
{
    float *data = aligned_alloc(64, sim_align_up((n + GUARD) * sizeof *data));
    cr_assert(data);
    for (size_t i = 0; i < n + GUARD; i++)
        data[i] = value;
    return data;
}

void neuron_harness_open(const NeuronSpec *spec, SimShape shape, int threads,
                         const char *isa, NeuronHarness *out)
{
    NeuronHarness *h = out;
    *h = (NeuronHarness){.spec = *spec};
    cr_assert_eq(neuron_spec_check(spec), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_context_create(threads, isa, &h->context), SIM_OK, "%s",
                 sim_message());
    const NeuronSoma *soma = spec->soma;
    const size_t step = sim_shape_step(shape);
    const size_t words = shape.t * sim_shape_pixels(shape) * sim_words(shape.c);
    h->count = sim_shape_count(shape);
    float **const arrays[] = {&h->x,   &h->y,   &h->potential, &h->d_y,
                              &h->d_v, &h->d_x, &h->v_after};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = floats(h->count, NAN);
    h->bits = malloc(words * sizeof *h->bits);
    h->active = malloc(words * sizeof *h->active);
    cr_assert(h->bits && h->active);
    for (size_t i = 0; i < soma->n_states; i++)
        h->states[i] = floats(step, 0.0f);
    for (size_t i = 0; i < soma->n_params; i++) {
        if (strcmp(soma->params[i].name, "v_reset") == 0)
            h->rest = (float)spec->soma_values[i];
        if (soma->params[i].trained) {
            const size_t n = spec->sharing == NEURON_PER_CHANNEL ? shape.c : 1;
            h->n_params[h->n_trained] = n;
            h->params[h->n_trained] = floats(n, (float)spec->soma_values[i]);
            h->d_params[h->n_trained++] = floats(n, 0.0f);
        }
    }
    h->run = (NeuronRun){.spec = &h->spec,
                         .context = &h->context,
                         .nt = shape.t,
                         .shape = shape,
                         .x = h->x,
                         .states = h->states,
                         .params = (const float *const *)h->params,
                         .d_y = h->d_y,
                         .d_x = h->d_x,
                         .d_params = h->d_params};
    const size_t bytes = soma->scratch_bytes ? soma->scratch_bytes(&h->run) : 0;
    h->scratch = aligned_alloc(64, sim_align_up(bytes + 1));
    cr_assert(h->scratch);
    memset(h->scratch, 0xff, bytes); /* NaN: nothing may be read before it is written */
    h->run.scratch = h->scratch;
}

void neuron_harness_close(NeuronHarness *h)
{
    void *const blocks[] = {h->x,   h->y,       h->potential, h->d_y,    h->d_v,
                            h->d_x, h->v_after, h->bits,      h->active, h->scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    for (size_t i = 0; i < NEURON_MAX_STATES; i++)
        free(h->states[i]);
    for (size_t i = 0; i < h->n_trained; i++) {
        free(h->params[i]);
        free(h->d_params[i]);
    }
}

void neuron_harness_forward(NeuronHarness *h, size_t window)
{
    const NeuronSoma *soma = h->spec.soma;
    const SimShape shape = h->run.shape;
    const size_t step = sim_shape_step(shape), pixels = sim_shape_pixels(shape);
    const size_t words = pixels * sim_words(shape.c);
    for (size_t i = 0; i < soma->n_states; i++)
        memset(h->states[i], 0, step * sizeof(float));
    for (size_t t = 0; t < shape.t; t += window) {
        NeuronRun run = h->run;
        run.nt = t + window < shape.t ? window : shape.t - t;
        run.shape.t = run.nt;
        run.x = h->x + t * step;
        run.potential = h->potential + t * step;
        run.y = (SimTensor){.form = soma->output, .shape = run.shape};
        if (soma->output == SIM_SPIKES) {
            run.y.bits = h->bits + t * words;
            run.active = h->active + t * words;
        } else {
            run.y.f32 = h->y + t * step;
        }
        soma->forward(&run);
        for (size_t i = 0; window == 1 && i < step && soma->n_states; i++)
            h->v_after[t * step + i] = h->states[0][i] + h->rest;
    }
    if (soma->output == SIM_SPIKES)
        h->context.kernels.spikes_unpack(shape.t * pixels, shape.c, h->bits, h->y);
}

void neuron_harness_backward(NeuronHarness *h)
{
    h->spec.soma->backward(&h->run);
}
