/* examples/classify.c: the library in one page: describe a spiking net, plan it, train
 * it.
 *
 * The task is made in memory: a bar of events moves left or right over 16x16 pixels, and
 * the net is to say which. */
#include <stdio.h>
#include <stdlib.h>

#include "nets/layers.h"
#include "nets/loss.h"
#include "nets/net.h"
#include "nets/optimiser.h"

enum { SIDE = 16, STEPS = 8, BATCH = 16, CLASSES = 2, TRAINING_STEPS = 60 };

static int failed(void)
{
    fprintf(stderr, "classify: %s\n", sim_message());
    return 1;
}

/* ON events where the bar arrives, OFF events where it leaves: x [T,N,H,W,2]. */
static void fill_batch(uint64_t number, float *x, uint32_t *labels)
{
    const SimRng rng = {.seed = 7, .purpose = SIM_RNG_TEST};
    for (size_t i = 0; i < (size_t)STEPS * BATCH * SIDE * SIDE * 2; i++)
        x[i] = 0.0f;
    for (size_t n = 0; n < BATCH; n++) {
        const uint64_t draw = 2 * (number * BATCH + n);
        labels[n] = (uint32_t)sim_rng_below(rng, draw, CLASSES);
        const int start = (int)sim_rng_below(rng, draw + 1, SIDE);
        const int speed = labels[n] ? 1 : SIDE - 1; /* right, or left around the edge */
        for (int t = 0; t < STEPS; t++)
            for (int y = 0; y < SIDE; y++) {
                const size_t row = (((size_t)t * BATCH + n) * SIDE + (size_t)y) * SIDE;
                x[2 * (row + (size_t)((start + t * speed) % SIDE)) + 1] = 1.0f;
                x[2 * (row + (size_t)((start + (t + SIDE - 1) * speed) % SIDE))] = 1.0f;
            }
    }
}

/* conv 5x5 - norm - LIF - global average - linear: class scores at every step. */
static void describe(NetGraph *graph)
{
    const NetConv conv = {
        .channels = 16, .kernel = 5, .stride = 2, .padding = 2, .groups = 1, .gain = 1.0};
    const NetNorm norm = {.momentum = 0.1, .epsilon = 1e-5, .gamma = 1.0};
    const NetNeuron neuron = {neuron_spec_default()};
    const NetAdaptivePool pool = {1, 1};
    const NetLinear linear = {.channels = CLASSES, .bias = true, .gain = 1.0};
    int at = net_graph_input(graph, "events", SIDE, SIDE, 2, false);
    at = net_graph_add(graph, &net_layer_conv, &conv, 1, &at, "conv");
    at = net_graph_add(graph, &net_layer_norm, &norm, 1, &at, "norm");
    at = net_graph_add(graph, &net_layer_neuron, &neuron, 1, &at, "spike");
    at = net_graph_add(graph, &net_layer_adaptive_pool, &pool, 1, &at, "pool");
    at = net_graph_add(graph, &net_layer_linear, &linear, 1, &at, "scores");
    net_graph_output(graph, at);
}

int main(void)
{
    SimContext context;
    NetGraph graph = {0};
    NetParams params = {0};
    Net *net = NULL;
    NetOptimiser *optimiser = NULL;
    NetOptimiserOptions options;
    NetLossOptions loss_options;
    uint32_t labels[BATCH], answers[BATCH];
    const NetPlanOptions plan = {.batch = BATCH, .steps = STEPS, .training = true};
    size_t right = 0, seen = 0;
    int result = 1;

    describe(&graph);
    sim_options_init(net_optimiser_options, &options);
    sim_options_init(net_loss_options, &loss_options);
    if (sim_option_set(net_optimiser_options, &options, "lr", "0.1") != SIM_OK ||
        sim_context_create(0, NULL, &context) != SIM_OK ||
        net_params_create(&graph, STEPS, 1, &context, &params) != SIM_OK ||
        net_create(&graph, &params, &plan, &context, &net) != SIM_OK ||
        net_optimiser_create(&options, &params, &context, &optimiser) != SIM_OK) {
        result = failed();
        goto out;
    }
    printf("%zu parameters, %.1f kB of activations\n", params.n_trained,
           1e-3 * (double)net_memory_info(net).activations);
    for (uint64_t step = 0; step < TRAINING_STEPS; step++) {
        fill_batch(step, net_input(net, 0).f32, labels);
        net_forward(net, STEPS, labels, step);
        const SimTensor scores = net_output(net, 0);
        const NetLossRun loss = {.options = &loss_options,
                                 .steps = STEPS,
                                 .n = BATCH,
                                 .classes = CLASSES,
                                 .scores = scores.f32,
                                 .labels = labels,
                                 .d_scores = net_output_gradient(net, 0)};
        const double value = net_losses[loss_options.kind]->apply(&loss);
        right += net_predict(STEPS, BATCH, CLASSES, scores.f32, labels, answers);
        seen += BATCH;
        net_zero_gradients(net);
        net_backward(net);
        net_optimiser_step(optimiser, net, options.lr);
        if (step % 10 == 9) {
            printf("step %2d   loss %.3f   right %5.1f%%\n", (int)step + 1, value,
                   100.0 * (double)right / (double)seen);
            right = seen = 0;
        }
    }
    result = 0;
out:
    net_optimiser_destroy(optimiser);
    net_destroy(net);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
    return result;
}
