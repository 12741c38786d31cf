/* The neuron layer: somas and a dendrite of two branches inside the contract of layers.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/nets/layer_harness.h"
#include "tests/support.h"

/* --- a dendrite for this test: current = a x0 + tanh(x1), a learned -------------------
 */

static float gain_of(const NeuronBranches *run, size_t unit)
{
    return run
        ->params[0][run->spec->sharing == NEURON_PER_CHANNEL ? unit % run->channels : 0];
}

static void forward(const NeuronBranches *run)
{
    const float *x = run->x;
    for (size_t i = 0; i < run->pixels * run->channels; i++)
        run->current[i] = gain_of(run, i) * x[2 * i] + tanhf(x[2 * i + 1]);
}

static void backward(const NeuronBranches *run)
{
    const float *x = run->x;
    for (size_t i = 0; i < run->pixels * run->channels; i++) {
        const float t = tanhf(x[2 * i + 1]), d_i = run->d_current[i];
        const float d[2] = {d_i * gain_of(run, i), d_i * (1.0f - t * t)};
        run->d_params[0]
                     [run->spec->sharing == NEURON_PER_CHANNEL ? i % run->channels : 0] +=
            (double)d_i * (double)x[2 * i];
        for (size_t b = 0; run->d_x && b < 2; b++)
            run->d_x[2 * i + b] = run->accumulate ? run->d_x[2 * i + b] + d[b] : d[b];
    }
}

static const NeuronParam params[] = {{"a", 0.8, -10.0, 10.0, true, "gain of branch 0"}};
static const NeuronDendrite two_branches = {.name = "two_branches",
                                            .summary = "for this test",
                                            .source = "this test",
                                            .params = params,
                                            .n_params = 1,
                                            .n_branches = 2,
                                            .forward = forward,
                                            .backward = backward};

static NetNeuron neuron(const char *soma, NeuronSharing sharing)
{
    NetNeuron options = {.spec = neuron_spec_default()};
    cr_assert_eq(neuron_spec_set(&options.spec, "soma", soma), SIM_OK);
    options.spec.sharing = sharing;
    return options;
}

static NetNeuron joined(const char *soma, NeuronSharing sharing)
{
    NetNeuron options = neuron(soma, sharing);
    options.spec.dendrite = &two_branches;
    options.spec.dendrite_values[0] = 0.8;
    return options;
}

static HarnessSetup setup_of(const NetNeuron *options, SimShape in)
{
    return (HarnessSetup){.layer = &net_layer_neuron,
                          .options = options,
                          .in = {in},
                          .n_inputs = 1,
                          .steps = in.t,
                          .training = true};
}

/* --- the plan --------------------------------------------------------------------------
 */

Test(neuron_layer, plan)
{
    NetNeuron options = joined("plif", NEURON_PER_CHANNEL);
    const HarnessSetup setup = setup_of(&options, (SimShape){4, 2, 3, 3, 20});
    Harness h;
    cr_assert_eq(harness_plan(&setup, &h), SIM_OK, "%s", sim_message());
    cr_expect_eq(h.plan.out.c, 10);
    cr_expect_eq(h.plan.out_form, SIM_SPIKES);
    cr_expect_not(h.plan.gives_active, "atan never ends");
    cr_expect_eq(h.plan.n_params, 2);
    cr_expect_str_eq(h.plan.params[0].name, "w");
    cr_expect_float_eq(h.plan.params[0].init_value, 0.0, 0.0);
    cr_expect_eq(h.plan.params[0].dims[0], 10);
    cr_expect_str_eq(h.plan.params[1].name, "a");
    cr_expect_eq(h.plan.state_floats[0], 2 * 3 * 3 * 10);
    cr_expect_eq(h.plan.backward_needs, (unsigned)NET_NEEDS_INPUT);

    options = neuron("lif", NEURON_PER_LAYER);
    cr_assert_eq(neuron_spec_set(&options.spec, "surrogate", "triangle"), SIM_OK);
    cr_assert_eq(harness_plan(&setup, &h), SIM_OK, "%s", sim_message());
    cr_expect(h.plan.gives_active);
    cr_expect_eq(h.plan.n_params, 0);
    options = neuron("li", NEURON_PER_LAYER);
    cr_assert_eq(harness_plan(&setup, &h), SIM_OK, "%s", sim_message());
    cr_expect_eq(h.plan.out_form, SIM_DENSE);
    cr_expect_not(h.plan.gives_active);
}

Test(neuron_layer, refuses)
{
    NetNeuron options = joined("lif", NEURON_PER_LAYER);
    HarnessSetup setup = setup_of(&options, (SimShape){4, 2, 3, 3, 7});
    Harness h;
    cr_expect_eq(harness_plan(&setup, &h), SIM_ERR_SHAPE);
    cr_expect(strstr(sim_message(), "7 channels"), "%s", sim_message());

    options = neuron("lif", NEURON_PER_LAYER);
    setup = setup_of(&options, (SimShape){1, 2, 3, 3, 8});
    setup.steps = 4;
    cr_expect_eq(harness_plan(&setup, &h), SIM_ERR_SHAPE);
    cr_expect(strstr(sim_message(), "repeat"), "%s", sim_message());

    options.spec.soma_values[2] = -1.0; /* threshold of lif */
    setup = setup_of(&options, (SimShape){4, 2, 3, 3, 8});
    cr_expect_eq(harness_plan(&setup, &h), SIM_ERR_VALUE);
}

/* --- what runs -------------------------------------------------------------------------
 */

/* The layer with a dendrite is the layer without one on the joined currents. */
Test(neuron_layer, dendrite_joins_branches)
{
    enum { UNITS = 5 * 2 * 4 * 3 * 33 };
    static float current[UNITS];
    NetNeuron with = joined("lif", NEURON_PER_LAYER),
              without = neuron("lif", NEURON_PER_LAYER);
    const HarnessSetup a = setup_of(&with, (SimShape){5, 2, 4, 3, 66}),
                       b = setup_of(&without, (SimShape){5, 2, 4, 3, 33});
    Harness joins, plain;
    harness_open(&a, &joins);
    harness_open(&b, &plain);
    test_fill(joins.x[0], joins.n_x[0], 51);
    for (size_t i = 0; i < joins.n_x[0]; i++)
        joins.x[0][i] *= 2.0f;
    const float *const values[] = {joins.params[0]};
    forward(&(NeuronBranches){.spec = &with.spec,
                              .pixels = UNITS / 33,
                              .channels = 33,
                              .x = joins.x[0],
                              .params = values,
                              .current = current});
    memcpy(plain.x[0], current, sizeof current);
    test_fill(joins.dy, joins.n_y, 52);
    test_fill(plain.dy, plain.n_y, 52);
    harness_forward(&joins);
    harness_forward(&plain);
    cr_expect_eq(memcmp(joins.y, plain.y, UNITS * sizeof(float)), 0, "spikes differ");
    double rate = 0.0;
    for (size_t i = 0; i < UNITS; i++)
        rate += (double)plain.y[i] / UNITS;
    cr_assert(rate > 0.02 && rate < 0.9, "%g", rate);
    harness_backward(&joins);
    harness_backward(&plain);
    double d_a = 0.0;
    for (size_t i = 0; i < UNITS; i++) {
        const float d = plain.dx[0][i], t = tanhf(joins.x[0][2 * i + 1]);
        cr_assert_float_eq(joins.dx[0][2 * i], 0.8f * d, 0.0, "unit %zu", i);
        cr_assert_float_eq(joins.dx[0][2 * i + 1], d * (1.0f - t * t), 0.0, "unit %zu",
                           i);
        d_a += (double)d * (double)joins.x[0][2 * i];
    }
    cr_expect_float_eq((double)joins.d_params[0][0], d_a, 1e-4 * (1.0 + fabs(d_a)));
    harness_close(&joins);
    harness_close(&plain);
}

Test(neuron_layer, windows_threads_and_accumulation)
{
    for (int sharing = 0; sharing < 2; sharing++) {
        const NetNeuron options = joined("plif", (NeuronSharing)sharing);
        HarnessSetup setup = setup_of(&options, (SimShape){6, 3, 9, 8, 140});
        Harness first, other;
        harness_open(&setup, &first);
        harness_fill(&first, 61);
        harness_forward(&first);
        harness_backward(&first);
        const size_t bytes = first.n_y * sizeof(float);
        for (size_t variant = 1; variant <= 3; variant++) {
            setup.window = variant;
            setup.threads = (int)variant;
            setup.training = false;
            harness_open(&setup, &other);
            harness_fill(&other, 61);
            harness_forward(&other);
            cr_expect_eq(memcmp(first.y, other.y, bytes), 0, "window %zu", variant);
            harness_close(&other);
            setup.window = 0;
            setup.training = true;
            harness_open(&setup, &other);
            harness_fill(&other, 61);
            memset(other.dx[0], 0, other.n_x[0] * sizeof(float));
            other.accumulate = true;
            harness_forward(&other);
            harness_backward(&other);
            for (size_t i = 0; i < other.n_x[0]; i++)
                cr_assert(first.dx[0][i] == other.dx[0][i], "%zu threads", variant);
            for (size_t i = 0; i < 2; i++)
                cr_expect_eq(memcmp(first.d_params[i], other.d_params[i],
                                    first.n_params[i] * sizeof(float)),
                             0, "%zu threads, parameter %zu", variant, i);
            harness_close(&other);
        }
        harness_close(&first);
    }
}

/* The bits of active neuron-steps are those whose input gradient is not zero, where the
 * output alone has a gradient and neurons keep no memory. */
Test(neuron_layer, active_bits)
{
    NetNeuron options = neuron("lif", NEURON_PER_LAYER);
    const char *const keys[] = {"surrogate", "rectangle", "decay", "0", "gain", "1"};
    for (size_t i = 0; i < 6; i += 2)
        cr_assert_eq(neuron_spec_set(&options.spec, keys[i], keys[i + 1]), SIM_OK);
    const HarnessSetup setup = setup_of(&options, (SimShape){3, 2, 2, 2, 70});
    Harness h;
    harness_open(&setup, &h);
    harness_fill(&h, 71);
    for (size_t i = 0; i < h.n_y; i++) {
        h.x[0][i] = 2.0f * h.x[0][i];
        h.dy[i] = 1.0f;
    }
    harness_forward(&h);
    harness_backward(&h);
    size_t active = 0;
    for (size_t i = 0; i < h.n_y; i++) {
        const size_t pixel = i / 70, c = i % 70;
        const bool bit = h.active[pixel * 2 + c / 64] >> (c % 64) & 1;
        cr_assert_eq(bit, h.dx[0][i] != 0.0f, "neuron-step %zu", i);
        active += bit;
    }
    cr_expect(active > 0 && active < h.n_y);
    harness_close(&h);
}
