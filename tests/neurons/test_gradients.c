/* Gradients by central differences. The spike is replaced by one that has the value of
 * the true one and the slope of the surrogate where the potential is: S + f(x) - f(x0), f
 * the smooth function, x0 the undisturbed distance to the threshold. A detached reset
 * sees S. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/neurons/neuron_harness.h"
#include "tests/support.h"

enum { STEPS = 8, CHANNELS = 6, PIXELS = 4, NEURONS = CHANNELS * PIXELS };

typedef struct Trial { /* one neuron in double precision */
    const NeuronSpec *spec;
    double x[STEPS], d_y[STEPS], d_v[STEPS];
    double trained[2];   /* w of PLIF; c1 and c2 of two compartments */
    double x0[STEPS];    /* distances to the threshold, noted by the first run */
    double spike[STEPS]; /* and the spikes */
    bool noted;
} Trial;

static double spike_of(Trial *trial, size_t t, double distance)
{
    const NeuronSpec *spec = trial->spec;
    const bool strict = spec->strict || strcmp(spec->soma->name, "alif") == 0;
    if (!trial->noted) {
        trial->x0[t] = distance;
        trial->spike[t] = strict ? distance > 0.0 : distance >= 0.0;
    }
    return trial->spike[t] +
           spec->surrogate_scale *
               (spec->surrogate->smooth(distance, spec->surrogate_alpha) -
                spec->surrogate->smooth(trial->x0[t], spec->surrogate_alpha));
}

static double value(const NeuronSpec *spec, const char *name, double otherwise)
{
    for (size_t i = 0; i < spec->soma->n_params; i++)
        if (strcmp(spec->soma->params[i].name, name) == 0)
            return spec->soma_values[i];
    return otherwise;
}

static double alif_loss(Trial *trial)
{
    const NeuronSpec *spec = trial->spec;
    const double alpha = value(spec, "alpha", 0), rho = value(spec, "rho", 0);
    double v = 0.0, b = 0.0, s = 0.0, loss = 0.0;
    for (size_t t = 0; t < STEPS; t++) {
        b = rho * b + (1.0 - rho) * s;
        const double threshold = value(spec, "b0", 0) + value(spec, "beta", 0) * b;
        const double reset = t == 0 ? 0.0 : spec->detach_reset ? trial->spike[t - 1] : s;
        v = alpha * v + (1.0 - alpha) * trial->x[t] - threshold * reset;
        s = spike_of(trial, t, v - threshold);
        loss += trial->d_y[t] * s + trial->d_v[t] * v;
    }
    trial->noted = true;
    return loss;
}

static double two_compartments_loss(Trial *trial)
{
    const NeuronSpec *spec = trial->spec;
    const double a = 1.0 / (1.0 + exp(-trial->trained[0])),
                 b = 1.0 / (1.0 + exp(-trial->trained[1]));
    const double threshold = value(spec, "threshold", 0), gamma = value(spec, "gamma", 0);
    double v1 = 0.0, v2 = 0.0, loss = 0.0;
    for (size_t t = 0; t < STEPS; t++) {
        v1 = v1 - a * v2 + trial->x[t];
        v2 = v2 + b * v1;
        const double s = spike_of(trial, t, v2 - threshold);
        const double reset = spec->detach_reset ? trial->spike[t] : s;
        v1 -= gamma * reset;
        v2 -= threshold * reset;
        loss += trial->d_y[t] * s + trial->d_v[t] * v2;
    }
    trial->noted = true;
    return loss;
}

static double loss_of(Trial *trial)
{
    const NeuronSpec *spec = trial->spec;
    if (strcmp(spec->soma->name, "tc_lif") == 0)
        return two_compartments_loss(trial);
    if (strcmp(spec->soma->name, "alif") == 0)
        return alif_loss(trial);
    double decay = value(spec, "decay", 1.0), gain = value(spec, "gain", 1.0);
    if (strcmp(spec->soma->name, "plif") == 0) {
        const double k = 1.0 / (1.0 + exp(-trial->trained[0]));
        decay = 1.0 - k;
        gain = value(spec, "decay_input", 0) != 0.0 ? k : 1.0;
    }
    const double threshold = value(spec, "threshold", 0),
                 rest = value(spec, "v_reset", 0);
    const bool hard = spec->reset == NEURON_RESET_HARD,
               soft = spec->reset == NEURON_RESET_SOFT, next = spec->reset_next_step;
    double v = rest, s = 0.0, loss = 0.0; /* s: what the reset sees of the step before */
    for (size_t t = 0; t < STEPS; t++) {
        double u = v;
        if (next && hard)
            u = v * (1.0 - s) + rest * s;
        double h = rest + decay * (u - rest) + gain * trial->x[t];
        if (next && soft)
            h -= threshold * s;
        const double y = spike_of(trial, t, h - threshold);
        s = spec->detach_reset ? trial->spike[t] : y;
        v = h;
        if (!next && hard)
            v = h * (1.0 - s) + rest * s;
        else if (!next && soft)
            v = h - threshold * s;
        loss += trial->d_y[t] * y + trial->d_v[t] * v;
    }
    trial->noted = true;
    return loss;
}

static double slope(Trial *trial, double *at)
{
    const double step = 1e-6, middle = *at;
    *at = middle + step;
    const double above = loss_of(trial);
    *at = middle - step;
    const double below = loss_of(trial);
    *at = middle;
    return (above - below) / (2.0 * step);
}

static void check(const NeuronSpec *spec, const char *what)
{
    NeuronHarness h;
    neuron_harness_open(spec, (SimShape){STEPS, 2, 1, 2, CHANNELS}, 1, NULL, &h);
    test_fill(h.x, h.count, 21);
    test_fill(h.d_y, h.count, 22);
    test_fill(h.d_v, h.count, 23);
    for (size_t i = 0; i < h.count; i++) {
        h.x[i] = 2.0f * h.x[i] + 0.6f;
        h.d_x[i] = 0.25f; /* added to */
    }
    h.run.accumulate = true;
    h.run.d_v = h.d_v;
    for (size_t i = 0; i < h.n_trained; i++)
        for (size_t k = 0; k < h.n_params[i]; k++)
            h.params[i][k] = 0.3f - 0.2f * (float)k;
    neuron_harness_forward(&h, STEPS);
    neuron_harness_backward(&h);
    double error = 0.0, size = 0.0, d_w[2][CHANNELS] = {{0}};
    size_t spikes = 0;
    for (size_t i = 0; i < NEURONS; i++) {
        Trial trial = {.spec = spec};
        for (size_t q = 0; q < h.n_trained; q++)
            trial.trained[q] = (double)h.params[q][h.n_params[q] > 1 ? i % CHANNELS : 0];
        for (size_t t = 0; t < STEPS; t++) {
            trial.x[t] = (double)h.x[t * NEURONS + i];
            trial.d_y[t] = (double)h.d_y[t * NEURONS + i];
            trial.d_v[t] = (double)h.d_v[t * NEURONS + i];
        }
        loss_of(&trial);
        for (size_t t = 0; t < STEPS; t++) {
            cr_assert_float_eq((double)h.y[t * NEURONS + i], trial.spike[t], 0.0,
                               "%s: the test's data lie on the threshold", what);
            spikes += trial.spike[t] != 0.0;
            const double want = slope(&trial, &trial.x[t]);
            const double came = (double)h.d_x[t * NEURONS + i] - 0.25;
            error += (came - want) * (came - want);
            size += want * want;
        }
        for (size_t q = 0; q < h.n_trained; q++)
            d_w[q][h.n_params[q] > 1 ? i % CHANNELS : 0] +=
                slope(&trial, &trial.trained[q]);
    }
    cr_assert(spikes > NEURONS && spikes < NEURONS * STEPS, "%s: %zu spikes", what,
              spikes);
    cr_expect_lt(sqrt(error / size), 2e-6, "%s: d_x differs by %g", what,
                 sqrt(error / size));
    for (size_t q = 0; q < h.n_trained; q++)
        for (size_t k = 0; k < h.n_params[q]; k++)
            cr_expect_float_eq((double)h.d_params[q][k], d_w[q][k],
                               1e-5 * (1.0 + fabs(d_w[q][k])),
                               "%s: trained %zu, channel %zu: %g, wanted %g", what, q, k,
                               (double)h.d_params[q][k], d_w[q][k]);
    neuron_harness_close(&h);
}

Test(gradients, every_soma_reset_and_surrogate)
{
    static const char *const somas[] = {"if", "lif", "plif", "alif", "tc_lif"};
    for (size_t k = 0; k < sizeof somas / sizeof *somas; k++)
        for (const NeuronSurrogate *const *row = neuron_surrogates; *row; row++)
            for (int choice = 0; choice < 3 * 2 * 2 * 2; choice++) {
                NeuronSpec spec = neuron_spec_default();
                neuron_spec_set_soma(&spec, neuron_soma_find(somas[k]));
                spec.surrogate = *row;
                spec.surrogate_alpha = 1.3;
                spec.surrogate_scale = 0.8;
                spec.reset = (NeuronReset)(choice % 3);
                spec.reset_next_step = choice / 3 % 2;
                spec.detach_reset = choice / 6 % 2;
                spec.strict = spec.detach_reset;
                spec.sharing = choice / 12 ? NEURON_PER_CHANNEL : NEURON_PER_LAYER;
                if (strcmp(somas[k], "alif") == 0) {
                    cr_assert_eq(neuron_spec_set(&spec, "alpha", "0.6"), SIM_OK);
                    cr_assert_eq(neuron_spec_set(&spec, "rho", "0.7"), SIM_OK);
                    cr_assert_eq(neuron_spec_set(&spec, "b0", "0.2"), SIM_OK);
                } else {
                    cr_assert_eq(neuron_spec_set(&spec, "threshold", "0.7"), SIM_OK);
                    if (spec.reset == NEURON_RESET_HARD &&
                        strcmp(somas[k], "tc_lif") != 0)
                        cr_assert_eq(neuron_spec_set(&spec, "v_reset", "-0.2"), SIM_OK);
                }
                if (strcmp(somas[k], "plif") == 0 && choice % 2)
                    cr_assert_eq(neuron_spec_set(&spec, "decay_input", "0"), SIM_OK);
                char what[96];
                snprintf(what, sizeof what, "%s, %s, reset %d, next %d, detach %d",
                         somas[k], (*row)->name, spec.reset, spec.reset_next_step,
                         spec.detach_reset);
                check(&spec, what);
            }
}

/* Dense somas: linear, so a difference of any size is exact. */
Test(gradients, readouts)
{
    static const char *const somas[] = {"li", "none"};
    for (size_t k = 0; k < 2; k++) {
        NeuronSpec spec = neuron_spec_default();
        neuron_spec_set_soma(&spec, neuron_soma_find(somas[k]));
        NeuronHarness h;
        neuron_harness_open(&spec, (SimShape){STEPS, 1, 1, 1, NEURONS}, 1, NULL, &h);
        test_fill(h.x, h.count, 31);
        test_fill(h.d_y, h.count, 32);
        neuron_harness_forward(&h, STEPS);
        neuron_harness_backward(&h);
        double y_dot = 0.0, x_dot = 0.0;
        for (size_t i = 0; i < h.count; i++) {
            y_dot += (double)h.y[i] * (double)h.d_y[i];
            x_dot += (double)h.x[i] * (double)h.d_x[i];
        }
        cr_expect_float_eq(y_dot, x_dot, 1e-5 * fabs(y_dot), "%s: %g, %g", somas[k],
                           y_dot, x_dot);
        neuron_harness_close(&h);
    }
}

/* A layer may train its own parameters though nobody wants the gradient of its input. */
Test(gradients, without_input_gradient)
{
    NeuronSpec spec = neuron_spec_default();
    cr_assert_eq(neuron_spec_set(&spec, "soma", "plif"), SIM_OK);
    NeuronHarness h;
    neuron_harness_open(&spec, (SimShape){STEPS, 2, 3, 3, 70}, 1, NULL, &h);
    test_fill(h.x, h.count, 41);
    test_fill(h.d_y, h.count, 42);
    neuron_harness_backward(&h);
    const float with = h.d_params[0][0];
    h.d_params[0][0] = 0.0f;
    h.run.d_x = NULL;
    neuron_harness_backward(&h);
    cr_expect(with != 0.0f && h.d_params[0][0] == with, "%g, %g", (double)with,
              (double)h.d_params[0][0]);
    neuron_harness_close(&h);
}
