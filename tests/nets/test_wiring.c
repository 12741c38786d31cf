/* Inputs dealt out among the branches of a dendrite: who is wired, and that gradients and
 * optimisers leave the others at 0. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/model.h"
#include "nets/optimiser.h"
#include "tests/nets/net_fixture.h"
#include "tests/support.h"

enum { SIDE = 6, CHANNELS = 5, BRANCHES = 4, UNITS = 8, T = 3, BATCH = 2 };

/* A convolution and a linear layer, each before a dendrite of four branches. */
static void make(Fixture *fixture, uint64_t seed)
{
    const NetConv conv = {.channels = UNITS * BRANCHES,
                          .kernel = 3,
                          .padding = 1,
                          .stride = 1,
                          .groups = 1,
                          .gain = 2,
                          .apart = BRANCHES};
    const NetLinear linear = {
        .channels = UNITS * BRANCHES, .bias = true, .gain = 2, .apart = BRANCHES};
    NetNeuron neuron = {neuron_spec_default()};
    NetGraph *const graph = &fixture->graph;
    fixture_good(
        neuron_spec_set(&neuron.spec, "dendrite", "identity+identity+identity+identity"));
    fixture_good(neuron_spec_set(&neuron.spec, "memory", "branches"));
    fixture_good(neuron_spec_set(&neuron.spec, "soma", "none"));
    int at = net_graph_input(graph, "in", SIDE, SIDE, CHANNELS, false);
    at = net_graph_add(graph, &net_layer_conv, &conv, 1, &at, "conv");
    at = net_graph_add(graph, &net_layer_neuron, &neuron, 1, &at, "neuron1");
    at = net_graph_add(graph, &net_layer_linear, &linear, 1, &at, "linear");
    at = net_graph_add(graph, &net_layer_neuron, &neuron, 1, &at, "neuron2");
    net_graph_output(graph, at);
    fixture_good(sim_context_create(2, NULL, &fixture->context));
    fixture_good(net_params_create(graph, T, seed, &fixture->context, &fixture->params));
}

static const char *const weights[] = {"conv.weight", "linear.weight"};

Test(wiring, every_input_reaches_one_branch_and_every_branch_its_share)
{
    Fixture a = {0}, b = {0};
    make(&a, 1);
    make(&b, 1);
    for (int i = 0; i < 2; i++) {
        const NetParam *w = net_params_find(&a.params, weights[i]);
        const size_t outputs = UNITS * BRANCHES, inputs = w->count / outputs;
        size_t alike = 0;
        cr_expect_arr_eq(w->values, net_params_find(&b.params, weights[i])->values,
                         w->count * sizeof(float));
        for (size_t unit = 0; unit < UNITS; unit++) {
            size_t share[BRANCHES] = {0};
            for (size_t in = 0; in < inputs; in++) {
                size_t wired = 0;
                for (size_t k = 0; k < BRANCHES; k++) {
                    const bool here =
                        w->values[in * outputs + unit * BRANCHES + k] != 0.0f;
                    wired += here;
                    share[k] += here;
                    alike += here && w->values[in * outputs + k] != 0.0f;
                }
                cr_assert_eq(wired, 1u, "%s: input %zu of unit %zu", weights[i], in,
                             unit);
            }
            for (size_t k = 0; k < BRANCHES; k++)
                cr_expect(share[k] >= inputs / BRANCHES &&
                          share[k] <= (inputs + BRANCHES - 1) / BRANCHES);
        }
        cr_expect_lt(alike, inputs * UNITS / 2, "units are wired alike");
        cr_expect_eq(net_param_numbers(w), w->count / BRANCHES);
    }
    fixture_close(&a);
    fixture_close(&b);
}

static double loss_of(Net *net, const float *direction, size_t n)
{
    double loss = 0.0;
    net_reset(net);
    fixture_fill_input(net);
    net_forward(net, T, NULL, 1);
    const SimTensor y = net_output(net, 0);
    for (size_t i = 0; i < n; i++)
        loss += (double)y.f32[i] * (double)direction[i];
    return loss;
}

/* Along a random direction of what is wired, and 0 for the rest. */
Test(wiring, gradients_are_differences_of_what_is_wired)
{
    Fixture f = {0};
    make(&f, 3);
    Net *net = NULL;
    const NetPlanOptions options = {
        .batch = BATCH, .steps = T, .window = T, .training = true};
    fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
    const size_t n = T * BATCH * UNITS;
    float *const direction = malloc(n * sizeof *direction);
    test_fill(direction, n, 7);
    loss_of(net, direction, n);
    memcpy(net_output_gradient(net, 0), direction, n * sizeof *direction);
    net_zero_gradients(net);
    net_backward(net);
    for (int i = 0; i < 2; i++) {
        const NetParam *const w = net_params_find(&f.params, weights[i]);
        const size_t row = (size_t)(w - f.params.rows);
        const float *const gradient = net_gradient(net, row);
        float *const start = malloc(w->count * sizeof *start);
        float *const u = malloc(w->count * sizeof *u);
        const double step = 1e-3;
        double slope = 0.0, loss[2];
        memcpy(start, w->values, w->count * sizeof *start);
        test_fill(u, w->count, 11);
        for (size_t k = 0; k < w->count; k++) {
            if (start[k] == 0.0f)
                cr_assert_eq(gradient[k], 0.0f, "%s %zu", weights[i], k);
            u[k] = start[k] == 0.0f ? 0.0f : u[k];
            slope += (double)gradient[k] * (double)u[k];
        }
        for (int side = 0; side < 2; side++) {
            float *const values = net_params_write(&f.params, row);
            for (size_t k = 0; k < w->count; k++)
                values[k] =
                    (float)((double)start[k] + (side ? step : -step) * (double)u[k]);
            loss[side] = loss_of(net, direction, n);
        }
        memcpy(net_params_write(&f.params, row), start, w->count * sizeof *start);
        const double difference = (loss[1] - loss[0]) / (2.0 * step);
        cr_expect_gt(fabs(slope), 1e-4);
        cr_expect_float_eq(difference, slope, 1e-2 * fabs(slope),
                           "%s: %g, differences %g", weights[i], slope, difference);
        free(start);
        free(u);
    }
    free(direction);
    net_destroy(net);
    fixture_close(&f);
}

Test(wiring, a_dendrite_of_one_branch_cannot_be_wired_at_random)
{
    NeuronSpec spec = neuron_spec_default();
    fixture_good(neuron_spec_set(&spec, "wiring", "random"));
    cr_expect_eq(neuron_spec_check(&spec), SIM_ERR_VALUE);
    cr_expect_not_null(strstr(sim_message(), "branches"), "%s", sim_message());
    fixture_good(neuron_spec_set(&spec, "dendrite", "maxout2"));
    fixture_good(neuron_spec_check(&spec));
    cr_expect_eq(neuron_spec_branches(&spec), 2u);
    fixture_good(neuron_spec_set(&spec, "dendrite", "relu+ada+maxout2"));
    cr_expect_eq(neuron_spec_branches(&spec), 4u);
    fixture_good(neuron_spec_set(&spec, "dendrite", "d:and_ail/or_ail"));
    cr_expect_eq(neuron_spec_branches(&spec), 2u);
}
