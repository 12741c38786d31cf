/* examples/step_by_step.c: the online simulator: one net, one step at a time, looking
 * inside.
 *
 * An S-ResNet sees a spot of events that moves along a diagonal; after each step its
 * spikes are counted and the membrane of one neuron is printed. It is untrained, or has
 * the weights of a checkpoint of a net like it:
 *
 *     apical train examples/dvs_fashion.yaml --set model.filters=8 --set data.steps=12 --out run
 *     build/examples/step_by_step run/best.h5 */
#include <stdio.h>
#include <stdlib.h>

#include "nets/model.h"
#include "nets/net.h"
#include "sim/store.h"

enum { SIDE = 32, STEPS = 12, CLASSES = 10 };
enum { NEURON = (8 * 16 + 8) * 8 + 3 }; /* pixel (8, 8), channel 3 of 16x16x8 */

static void show_events(SimTensor x, int step)
{
    for (size_t i = 0; i < sim_shape_count(x.shape); i++)
        x.f32[i] = 0.0f;
    for (int y = 0; y < 6; y++)
        for (int k = 0; k < 6; k++)
            x.f32[2 * ((2 * step + y) % SIDE * SIDE + (2 * step + k) % SIDE) + 1] = 2.0f;
}

/* All parameters lie in a checkpoint as net/<name>, in their own shapes. */
static SimStatus load(const char *checkpoint, NetParams *params)
{
    SimStatus status = SIM_OK;
    SimStore *store = NULL;
    SIM_TRY(sim_store_open(checkpoint, &store));
    for (size_t i = 0; i < params->n_rows; i++) {
        char name[4 + sizeof params->rows[i].name];
        snprintf(name, sizeof name, "net/%s", params->rows[i].name);
        SIM_TRY(sim_store_read(store, name, SIM_F32, params->rows[i].count,
                               net_params_write(params, i)));
    }
out:
    sim_store_close(store);
    return status;
}

int main(int argc, char **argv)
{
    SimContext context;
    NetGraph graph = {0};
    NetParams params = {0};
    Net *net = NULL;
    int result = 1;
    const NetModel *model = net_model_find("sresnet");
    const NetModelInput input = {SIDE, SIDE, 2, CLASSES, STEPS, false};
    const NetPlanOptions plan = {.batch = 1, .steps = STEPS, .window = 1};
    NeuronSpec neuron;
    void *options = calloc(1, model->options_size);
    if (!options)
        return 1;
    sim_options_init(model->options, options);
    model->neuron(options, &neuron);
    if (sim_option_set(model->options, options, "n", "1") != SIM_OK ||
        sim_option_set(model->options, options, "filters", "8") != SIM_OK ||
        sim_context_create(0, NULL, &context) != SIM_OK ||
        model->build(options, &input, &neuron, &graph) != SIM_OK ||
        net_params_create(&graph, STEPS, 1, &context, &params) != SIM_OK ||
        (argc > 1 && load(argv[1], &params) != SIM_OK) ||
        net_create(&graph, &params, &plan, &context, &net) != SIM_OK) {
        fprintf(stderr, "step_by_step: %s\n", sim_message());
        goto out;
    }
    const size_t watched = (size_t)net_graph_find(&graph, "spike0");
    const NetStateView *states;
    net_states(net, watched, &states);
    net_reset(net);
    printf("step   spikes   %s of neuron 1091 in spike0\n", states[0].name);
    for (int t = 0; t < STEPS; t++) {
        double spikes = 0.0;
        show_events(net_input(net, 0), t);
        net_reset_counts(net);
        net_forward(net, 1, NULL, 0);
        for (size_t i = 0; i < graph.n_nodes; i++)
            spikes += net_activity(net, i).spikes;
        printf("%4d   %6.0f   %+.3f\n", t + 1, spikes, (double)states[0].values[NEURON]);
    }
    result = 0;
out:
    net_destroy(net);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
    free(options);
    return result;
}
