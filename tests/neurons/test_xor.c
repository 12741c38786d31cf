/* One neuron and a threshold learn XOR where their function rises and falls again: ADA
 * does, a rectifier cannot. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/model.h"
#include "nets/net.h"
#include "nets/optimiser.h"
#include "tests/support.h"

enum { STEPS = 1000, SEEDS = 20 };

static void good(SimStatus status)
{
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
}

static void build(const char *dendrite, const char *alpha, NetGraph *graph)
{
    const NetModel *mlp = net_model_find("mlp");
    void *options = calloc(1, mlp->options_size);
    NeuronSpec spec;
    sim_options_init(mlp->options, options);
    mlp->neuron(options, &spec);
    good(sim_option_set(mlp->options, options, "hidden", "1"));
    /* Centres what enters the unit, which could be dead from the start else. */
    good(sim_option_set(mlp->options, options, "norm", "true"));
    good(neuron_spec_set(&spec, "dendrite", dendrite));
    if (alpha)
        good(neuron_spec_set(&spec, "alpha", alpha));
    good(mlp->build(options, &(NetModelInput){1, 1, 2, 2, 1, true}, &spec, graph));
    free(options);
}

/* How many of the four corners are told apart at the end. */
static int learn_xor(const char *dendrite, const char *alpha, uint64_t seed)
{
    NetGraph graph = {0};
    NetParams params;
    Net *net = NULL;
    NetOptimiser *optimiser = NULL;
    NetOptimiserOptions options;
    SimContext context;
    int right = 0;
    good(sim_context_create(1, NULL, &context));
    build(dendrite, alpha, &graph);
    good(net_params_create(&graph, 1, seed, &context, &params));
    good(net_create(&graph, &params,
                    &(NetPlanOptions){.batch = 4, .steps = 1, .training = true}, &context,
                    &net));
    sim_options_init(net_optimiser_options, &options);
    good(sim_option_set(net_optimiser_options, &options, "optimiser", "adam"));
    good(net_optimiser_create(&options, &params, &context, &optimiser));
    for (uint64_t step = 0; step < STEPS; step++) {
        const SimTensor x = net_input(net, 0);
        for (int i = 0; i < 4; i++) {
            x.f32[2 * i] = (float)(i & 1);
            x.f32[2 * i + 1] = (float)(i >> 1);
        }
        net_reset(net);
        net_forward(net, 1, NULL, step);
        const float *scores = net_output(net, 0).f32;
        float *d = net_output_gradient(net, 0);
        right = 0;
        for (int i = 0; i < 4; i++) {
            const float wants = (float)((i & 1) ^ (i >> 1));
            const float margin = scores[2 * i + 1] - scores[2 * i];
            right += (margin > 0.0f) == (wants > 0.0f);
            d[2 * i + 1] = (1.0f / (1.0f + expf(-margin)) - wants) / 4.0f;
            d[2 * i] = -d[2 * i + 1];
        }
        net_zero_gradients(net);
        net_backward(net);
        net_optimiser_step(optimiser, net, 0.05);
    }
    net_optimiser_destroy(optimiser);
    net_destroy(net);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
    return right;
}

static int solved(const char *dendrite, const char *alpha)
{
    int n = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        n += learn_xor(dendrite, alpha, seed) == 4;
    return n;
}

Test(xor, one_ada_neuron_learns_it)
{
    const int n = solved("ada", "5");
    cr_expect_geq(n, 18, "%d of %d seeds", n, SEEDS);
}

Test(xor, one_oscillating_neuron_learns_it)
{
    const int n = solved("squ", NULL);
    cr_expect_geq(n, 18, "%d of %d seeds", n, SEEDS);
}

Test(xor, one_rectifier_cannot)
{
    cr_expect_eq(solved("relu", NULL), 0);
}

/* alpha 3, weights 1, no bias: a threshold of 0.02 separates (Georgescu et al.). */
Test(xor, ada_by_hand)
{
    const NeuronDendrite *ada = neuron_dendrite_find("ada");
    cr_assert(ada && ada->pointwise);
    NeuronSpec spec = neuron_spec_default();
    SimContext context;
    const float sums[4] = {0.0f, 1.0f, 1.0f, 2.0f};
    const double want[4] = {0.0, 0.0497870683678639, 0.0497870683678639,
                            0.004957504353332717};
    float y[4];
    good(sim_context_create(1, NULL, &context));
    good(neuron_spec_set(&spec, "dendrite", "ada"));
    good(neuron_spec_set(&spec, "alpha", "3"));
    good(neuron_spec_set(&spec, "learn", "none"));
    neuron_join_forward(spec.dendrite)(&(NeuronBranches){.spec = &spec,
                                                         .context = &context,
                                                         .pixels = 4,
                                                         .channels = 1,
                                                         .x = sums,
                                                         .current = y});
    for (size_t i = 0; i < 4; i++)
        cr_expect_float_eq((double)y[i], want[i], 1e-7);
}
