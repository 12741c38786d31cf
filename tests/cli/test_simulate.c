/* A recording simulated step by step: window of one step, everything counted. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/netinfo.h"
#include "cli/simulate.h"
#include "nets/layers.h"
#include "tests/support.h"

enum { STEPS = 5, SIDE = 8, CLASSES = 3 };

typedef struct Fixture {
    SimContext context;
    NetGraph graph;
    NetParams params;
    float frames[STEPS * SIDE * SIDE * 2];
} Fixture;

static Fixture f;

static void build(void)
{
    cr_assert_eq(sim_context_create(1, "ref", &f.context), SIM_OK, "%s", sim_message());
    NetConv conv;
    sim_options_init(net_layer_conv.options, &conv);
    conv.channels = 6, conv.kernel = 3, conv.padding = 1;
    NetLinear linear;
    sim_options_init(net_layer_linear.options, &linear);
    linear.channels = CLASSES;
    NetNeuron neuron = {neuron_spec_default()};
    cr_assert_eq(neuron_spec_set(&neuron.spec, "threshold", "0.25"), SIM_OK, "%s",
                 sim_message());
    int node = net_graph_input(&f.graph, "input", SIDE, SIDE, 2, false);
    node = net_graph_add(&f.graph, &net_layer_conv, &conv, 1, &node, "conv1");
    node = net_graph_add(&f.graph, &net_layer_neuron, &neuron, 1, &node, "neuron1");
    node = net_graph_add(&f.graph, &net_layer_conv, &conv, 1, &node, "conv2");
    node = net_graph_add(&f.graph, &net_layer_neuron, &neuron, 1, &node, "neuron2");
    node = net_graph_add(&f.graph, &net_layer_flatten, NULL, 1, &node, "flatten");
    node = net_graph_add(&f.graph, &net_layer_linear, &linear, 1, &node, "readout");
    net_graph_output(&f.graph, node);
    cr_assert_eq(net_graph_status(&f.graph), SIM_OK, "%s", sim_message());
    cr_assert_eq(net_params_create(&f.graph, STEPS, 1, &f.context, &f.params), SIM_OK,
                 "%s", sim_message());
    test_fill(f.frames, sizeof f.frames / sizeof *f.frames, 3);
}

static void drop(void)
{
    net_params_destroy(&f.params);
    net_graph_destroy(&f.graph);
}

TestSuite(simulate, .init = build, .fini = drop);

static CliSimulation simulation(void)
{
    return (CliSimulation){.graph = &f.graph,
                           .params = &f.params,
                           .context = &f.context,
                           .steps = STEPS,
                           .frames = f.frames,
                           .keep_spikes = true};
}

Test(simulate, scores_equal_one_window_to_the_bit)
{
    const CliSimulation what = simulation();
    CliSimulated done;
    cr_assert_eq(cli_simulate(&what, &done), SIM_OK, "%s", sim_message());
    Net *net = NULL;
    const NetPlanOptions options = {.batch = 1, .steps = STEPS};
    cr_assert_eq(net_create(&f.graph, &f.params, &options, &f.context, &net), SIM_OK,
                 "%s", sim_message());
    memcpy(net_input(net, 0).f32, f.frames, sizeof f.frames);
    net_reset(net);
    net_forward(net, STEPS, NULL, 0);
    cr_assert_eq(done.classes, CLASSES);
    cr_assert_eq(
        memcmp(net_output(net, 0).f32, done.scores, STEPS * CLASSES * sizeof(float)), 0);
    net_destroy(net);
    cli_simulated_destroy(&done);
}

Test(simulate, spikes_add_up)
{
    const CliSimulation what = simulation();
    CliSimulated done;
    cr_assert_eq(cli_simulate(&what, &done), SIM_OK, "%s", sim_message());
    cr_assert_eq(done.n_layers, 2);
    uint64_t by_layer = 0, by_step = 0;
    for (size_t i = 0; i < done.n_layers; i++) {
        by_layer += done.layers[i].spikes;
        cr_expect_eq(done.layers[i].n, done.layers[i].spikes);
        cr_expect_eq(done.layers[i].neurons, SIDE * SIDE * 6);
        cr_expect_leq(done.layers[i].fired, done.layers[i].neurons);
    }
    for (size_t t = 0; t < STEPS; t++)
        by_step += done.spikes_per_step[t];
    cr_expect_gt(by_layer, 0);
    cr_expect_eq(by_layer, by_step);
    /* Only the first convolution is fed with values. */
    const double pixels = SIDE * SIDE;
    cr_expect_float_eq(done.macs, STEPS * pixels * 9.0 * 2 * 6, 0.5);
    const double expected =
        (double)done.layers[0].spikes * 9 * 6 + (double)done.layers[1].spikes * CLASSES;
    cr_expect_float_eq(done.synops, expected, expected * 1e-9);
    cli_simulated_destroy(&done);
}

Test(simulate, the_leader_is_of_the_mean_so_far)
{
    float scores[] = {0.f, 1.f, 0.f, 3.f, 0.f, 0.f}, mean[3];
    const CliSimulated done = {.steps = 2, .classes = 3, .scores = scores};
    cr_assert_eq(cli_simulated_leader(&done, 0, mean), 1);
    cr_assert_eq(cli_simulated_leader(&done, 1, mean), 0);
    cr_assert_float_eq(mean[0], 1.5f, 1e-6);
}

Test(simulate, the_table_names_layers_and_what_it_assumed)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const out = open_memstream(&text, &size);
    const CliNetInfo info = {.graph = &f.graph,
                             .params = &f.params,
                             .context = &f.context,
                             .training = {.steps = STEPS, .batch = 2, .training = true},
                             .rate = 0.1};
    cr_assert_eq(cli_netinfo_print(out, &info), SIM_OK, "%s", sim_message());
    fclose(out);
    for (size_t i = 0; i < f.graph.n_nodes; i++)
        cr_expect_not_null(strstr(text, f.graph.nodes[i].name));
    cr_expect_not_null(strstr(text, "training, keep"));
    cr_expect_not_null(strstr(text, "10 % of neuron-steps"));
    if (getenv("APICAL_SHOW"))
        fputs(text, stderr);
    free(text);
}
