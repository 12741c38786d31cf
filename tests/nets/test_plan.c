/* Plans: memory laid out without overlap and grown with steps as promised, gradients
 * handed on without a trace, and every allocation failed once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "nets/layers.h"
#include "nets/model.h"
#include "nets/plan_internal.h"
#include "tests/failing_malloc.h"
#include "tests/nets/net_fixture.h"
#include "tests/support.h"

/* --- the layout ------------------------------------------------------------------------
 */

/* One that another follows up on takes less once it has been read. */
static size_t bytes_from(const PlanBuffer *buffer, const PlanBuffer *other)
{
    const size_t from = buffer->first > other->first ? buffer->first : other->first;
    return buffer->rest && from > buffer->followed ? buffer->rest : buffer->bytes;
}

static void check_layout(const Plan *plan)
{
    for (size_t a = 0; a < plan->n_buffers; a++) {
        const PlanBuffer *p = &plan->buffers[a];
        cr_assert_leq(p->first, p->last);
        cr_assert_leq(p->offset + p->bytes, plan->activation_bytes);
        cr_assert_eq(p->offset % SIM_ALIGN, 0);
        if (p->follows != PLAN_NONE) {
            const PlanBuffer *before = &plan->buffers[p->follows];
            cr_assert(p->offset == before->offset && p->bytes <= before->bytes &&
                          p->bytes == before->rest && before->head > 0 &&
                          before->first <= p->first && p->first <= before->followed &&
                          p->last <= before->last,
                      "buffer %zu does not lie where %d does", a, p->follows);
        }
        for (size_t b = a + 1; b < plan->n_buffers; b++) {
            const PlanBuffer *q = &plan->buffers[b];
            if (p->last < q->first || q->last < p->first || p->follows == (int)b ||
                q->follows == (int)a)
                continue;
            cr_assert(p->offset + bytes_from(p, q) <= q->offset ||
                          q->offset + bytes_from(q, p) <= p->offset,
                      "buffers %zu and %zu are alive together and overlap", a, b);
        }
    }
    for (size_t i = 0; i < plan->n_instructions; i++) {
        const PlanInstruction *at = &plan->program[i];
        const int named[] = {at->y,     at->dy,    at->x[0],  at->x[1],
                             at->x[2],  at->x[3],  at->dx[0], at->dx[1],
                             at->dx[2], at->dx[3], at->saved, at->scratch};
        for (size_t k = 0; k < sizeof named / sizeof *named; k++) {
            if (named[k] == PLAN_NONE)
                continue;
            const PlanBuffer *buffer = &plan->buffers[named[k]];
            cr_assert(buffer->first <= i && i <= buffer->last,
                      "instruction %zu names a buffer that is not alive", i);
        }
        for (size_t k = 0; k < NET_MAX_INPUTS; k++)
            cr_assert(at->x[k] == PLAN_NONE || at->x[k] != at->y ||
                      at->op == PLAN_BACKWARD ||
                      (plan->nodes[at->node].plan.output_in_place >> k & 1));
    }
}

ParameterizedTestParameters(plan, layout)
{
    return cr_make_param_array(size_t, fixture_all_smalls, FIXTURE_SMALLS);
}

ParameterizedTest(const size_t *index, plan, layout)
{
    const FixtureSmall *small = &fixture_smalls[*index];
    static const NetMemory policies[] = {NET_MEMORY_KEEP, NET_MEMORY_RECOMPUTE};
    Fixture f;
    fixture_open_small(small, "triangle", &f);
    size_t bytes[2];
    for (size_t m = 0; m < 2; m++) {
        const NetPlanOptions options = fixture_training(policies[m]);
        Plan plan = {0};
        fixture_good(plan_nodes(&f.graph, &options, &f.context, false, &plan));
        fixture_good(plan_program(&plan));
        check_layout(&plan);
        bytes[m] = plan.activation_bytes;
        plan_destroy(&plan);
    }
    cr_assert_lt(bytes[1], bytes[0], "recompute takes more than keep");
    fixture_close(&f);
}

/* --- memory and time steps -------------------------------------------------------------
 *
 * At the tightest moment of recompute there are two dense tensors of the whole sequence:
 * the gradient that goes round a block and the one inside it. All else that grows with T
 * is bits, and the windows, with its root. */

static double bytes_at(const char *model_name, const char *key, const char *value,
                       size_t steps, double *bound)
{
    const NetModel *model = net_model_find(model_name);
    void *options = calloc(1, model->options_size);
    SimContext context;
    NeuronSpec spec;
    NetGraph graph = {0};
    Plan plan = {0};
    double bits = 0.0, currents = 0.0;
    fixture_good(sim_context_create(1, NULL, &context));
    sim_options_init(model->options, options);
    model->neuron(options, &spec);
    fixture_good(neuron_spec_set(&spec, "surrogate", "triangle"));
    fixture_good(sim_option_set(model->options, options, key, value));
    fixture_good(model->build(options, &(NetModelInput){48, 48, 2, 10, steps, false},
                              &spec, &graph));
    const NetPlanOptions lean = {
        .batch = 4, .steps = steps, .training = true, .memory = NET_MEMORY_RECOMPUTE};
    fixture_good(plan_nodes(&graph, &lean, &context, true, &plan));
    fixture_good(plan_program(&plan));
    for (size_t k = 0; k < plan.n_nodes; k++) {
        const NetLayerPlan *p = &plan.nodes[k].plan;
        if (p->out_form == SIM_SPIKES)
            bits +=
                (double)sim_step_bytes(SIM_SPIKES, p->out) * (p->gives_active ? 2 : 1);
        currents = fmax(currents, (double)sim_step_bytes(SIM_DENSE, p->out));
    }
    *bound = bits + 2.5 * currents;
    const double bytes = (double)plan.activation_bytes;
    plan_destroy(&plan);
    net_graph_destroy(&graph);
    free(options);
    return bytes;
}

Test(plan, growth_with_steps)
{
    static const char *const nets[][3] = {{"msresnet", "depth", "18"},
                                          {"sresnet", "n", "6"},
                                          {"sresnet", "norm_per_step", "false"}};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        double bound;
        const double few = bytes_at(nets[i][0], nets[i][1], nets[i][2], 64, &bound),
                     many = bytes_at(nets[i][0], nets[i][1], nets[i][2], 256, &bound);
        cr_expect_leq((many - few) / 192.0, bound,
                      "%s %s: %.3g bytes more a step, bits and two layers' currents "
                      "are %.3g",
                      nets[i][0], nets[i][1], (many - few) / 192.0, bound);
        cr_expect_gt(many, few);
    }
}

/* --- gradients handed on
 * ----------------------------------------------------------------
 *
 * Graphs of joins, norms, convolutions and pools at random, wires read many times over,
 * against differences along a random direction of the input. */

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void random_graph(uint64_t seed, NetGraph *graph)
{
    enum { N = 14, C = 3 };
    static const NetJoin add = {NET_JOIN_ADD}, and = {NET_JOIN_AND};
    static const NetConv conv = {.channels = C,
                                 .kernel = 3,
                                 .stride = 1,
                                 .padding = 1,
                                 .groups = 1,
                                 .init = 1,
                                 .gain = 1.0};
    static const NetNorm norm = {.momentum = 0.1, .epsilon = 1e-2, .gamma = 1.0};
    int nodes[N + 2], n = 0;
    uint64_t state = seed;
    nodes[n++] = net_graph_input(graph, "in", 4, 4, C, false);
    for (int i = 0; i < N; i++) {
        const int recent = n > 4 ? n - 4 : 0;
        const int a = nodes[recent + (int)(next(&state) % (uint64_t)(n - recent))],
                  b = nodes[recent + (int)(next(&state) % (uint64_t)(n - recent))];
        const uint64_t kind = next(&state) % 8;
        if (kind < 4)
            nodes[n++] =
                net_graph_add(graph, &net_layer_join, &add, 2, (int[]){a, b}, "n%d", i);
        else if (kind < 5)
            nodes[n++] =
                net_graph_add(graph, &net_layer_join, &and, 2, (int[]){a, b}, "n%d", i);
        else if (kind < 6)
            nodes[n++] = net_graph_add(graph, &net_layer_conv, &conv, 1, &a, "n%d", i);
        else
            nodes[n++] = net_graph_add(graph, &net_layer_norm, &norm, 1, &a, "n%d", i);
    }
    int last = net_graph_add(graph, &net_layer_norm, &norm, 1, &nodes[n - 1], "last");
    net_graph_output(graph, last);
    if (seed % 2)
        net_graph_output(graph, nodes[n / 2]);
}

/* The sum of all outputs, each number times its own weight. */
static double weighted(Net *net, size_t n_outputs)
{
    double sum = 0.0;
    for (size_t i = 0; i < n_outputs; i++) {
        const SimTensor y = net_output(net, i);
        float *weights = net_output_gradient(net, i);
        test_fill(weights, sim_shape_count(y.shape), 50 + i);
        for (size_t k = 0; k < sim_shape_count(y.shape); k++)
            sum += (double)y.f32[k] * (double)weights[k];
    }
    return sum;
}

Test(plan, gradients_of_any_graph)
{
    enum { T = 2, SIZE = T * FIXTURE_BATCH * 4 * 4 * 3 };
    static float x[SIZE], direction[SIZE];
    static const NetMemory policies[] = {NET_MEMORY_KEEP, NET_MEMORY_RECOMPUTE};
    test_fill(x, SIZE, 1);
    test_fill(direction, SIZE, 2);
    size_t handed_on = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        Fixture f = {0};
        fixture_good(sim_context_create(1, NULL, &f.context));
        random_graph(seed, &f.graph);
        fixture_good(net_params_create(&f.graph, T, seed, &f.context, &f.params));
        for (size_t m = 0; m < 2; m++) {
            const NetPlanOptions options = {.batch = FIXTURE_BATCH,
                                            .steps = T,
                                            .training = true,
                                            .input_gradient = true,
                                            .memory = policies[m]};
            Net *net = NULL;
            Plan plan = {0};
            fixture_good(plan_nodes(&f.graph, &options, &f.context, false, &plan));
            fixture_good(plan_program(&plan));
            check_layout(&plan);
            for (size_t i = 0; i < plan.n_instructions; i++)
                for (size_t k = 0; k < 2; k++)
                    handed_on += plan.program[i].dy != PLAN_NONE &&
                                 plan.program[i].dx[k] == plan.program[i].dy;
            plan_destroy(&plan);
            fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
            const float step = 2e-3f;
            double values[2], along = 0.0;
            for (int side = 0; side < 2; side++) {
                for (size_t i = 0; i < SIZE; i++)
                    net_input(net, 0).f32[i] =
                        x[i] + (side ? step : -step) * direction[i];
                net_forward(net, T, NULL, 0);
                values[side] = weighted(net, f.graph.n_outputs);
            }
            memcpy(net_input(net, 0).f32, x, sizeof x);
            net_forward(net, T, NULL, 0);
            weighted(net, f.graph.n_outputs);
            net_zero_gradients(net);
            net_backward(net);
            const float *d_x = net_input_gradient(net, 0);
            double size = 0.0;
            for (size_t i = 0; d_x && i < SIZE; i++) {
                along += (double)d_x[i] * (double)direction[i];
                size += fabs((double)d_x[i] * (double)direction[i]);
            }
            const double slope = (values[1] - values[0]) / (2.0 * (double)step);
            cr_assert_leq(fabs(slope - along),
                          2e-2 * fmax(size / 10.0, fabs(slope)) + 1e-3,
                          "graph %d, policy %zu: %g by differences, %g by backward",
                          (int)seed, m, slope, along);
            net_destroy(net);
        }
        fixture_close(&f);
    }
    cr_assert_gt(handed_on, 200, "gradients are handed on %zu times", handed_on);
}

/* --- memory that is not there ---------------------------------------------------------
 */

Test(plan, every_allocation_fails_once)
{
    Fixture f;
    fixture_open_small(&fixture_smalls[0], "triangle", &f);
    const NetPlanOptions options = fixture_training(NET_MEMORY_AUTO);
    long k = 0;
    for (;; k++) {
        Net *net = NULL;
        test_allocations_left = k;
        const SimStatus status =
            net_create(&f.graph, &f.params, &options, &f.context, &net);
        const bool all = test_allocations_left > 0;
        test_allocations_left = -1;
        if (status == SIM_OK) {
            net_destroy(net);
            if (all)
                break;
            continue;
        }
        cr_assert_eq(status, SIM_ERR_MEMORY, "allocation %ld: %s", k, sim_message());
        cr_assert_null(net);
        cr_assert_lt(k, 2000);
    }
    cr_assert_gt(k, 20, "only %ld allocations: is the wrapping in place?", k);
    fixture_close(&f);
}

Test(plan, budget)
{
    Fixture f;
    NetMemoryInfo keep, recompute, chosen;
    fixture_open_small(&fixture_smalls[0], "triangle", &f);
    NetPlanOptions options = fixture_training(NET_MEMORY_KEEP);
    fixture_good(net_measure(&f.graph, &f.params, &options, &f.context, &keep));
    options.memory = NET_MEMORY_RECOMPUTE;
    fixture_good(net_measure(&f.graph, &f.params, &options, &f.context, &recompute));
    cr_assert_lt(recompute.total, keep.total);
    options.memory = NET_MEMORY_AUTO;
    const size_t budgets[] = {0, keep.total, keep.total - 1, recompute.total};
    for (size_t i = 0; i < 4; i++) {
        options.budget = budgets[i];
        fixture_good(net_measure(&f.graph, &f.params, &options, &f.context, &chosen));
        if (i < 2)
            cr_assert_eq(chosen.total, keep.total, "budget %zu", i);
        else /* a mix that fits, as near to keep as it can */
            cr_assert(chosen.total <= budgets[i] && chosen.total >= recompute.total,
                      "budget %zu: %zu of %zu", i, chosen.total, budgets[i]);
    }
    options.budget = recompute.total - 1;
    cr_assert_eq(net_measure(&f.graph, &f.params, &options, &f.context, &chosen),
                 SIM_ERR_MEMORY);
    cr_assert_not_null(strstr(sim_message(), "budget"), "%s", sim_message());
    fixture_close(&f);
}

Test(plan, kernels_follow_the_densities)
{
    static const struct {
        float density;
        NetKernel kernel;
    } cases[] = {{0.02f, NET_KERNEL_SPIKES},
                 {0.98f, NET_KERNEL_DENSE},
                 {0.02f, NET_KERNEL_SPIKES}};
    Fixture f;
    Net *net = NULL;
    fixture_open_small(&fixture_smalls[0], "triangle", &f);
    f.context.spike_path = SIM_SPIKES_AUTO;
    const NetPlanOptions options = fixture_training(NET_MEMORY_KEEP);
    fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
    size_t choices = 0;
    for (size_t i = 0; i < 3; i++)
        for (size_t node = 0; node < f.graph.n_nodes; node++) {
            const NetNodeInfo info = net_node_info(net, node);
            f.params.density[node] = cases[i].density;
            const bool chooses = info.is_synaptic && info.in_form == SIM_SPIKES;
            choices += chooses;
            cr_expect_eq(net_kernel(net, node),
                         chooses ? cases[i].kernel : NET_KERNEL_NONE, "%s at %g",
                         info.name, (double)cases[i].density);
        }
    cr_expect_gt(choices, 0);
    net_destroy(net);
    fixture_close(&f);
}

/* Sums of spikes over skips are small whole numbers, up to where a convolution comes in
 * between. */
Test(plan, whole_numbers)
{
    /* Read by convolutions, in their order; the first of a stage and its skip read alike.
     */
    static const size_t want[] = {0, 1, 1, 2, 1, 3, 1, 3, 0, 1};
    static const FixtureSmall net = {"sresnet", "n", "2", "filters", "6"};
    Fixture f;
    Plan plan = {0};
    size_t n = 0;
    fixture_open_small(&net, "triangle", &f);
    const NetPlanOptions options = fixture_training(NET_MEMORY_KEEP);
    fixture_good(plan_nodes(&f.graph, &options, &f.context, true, &plan));
    for (size_t k = 0; k < plan.n_nodes; k++)
        if (plan.nodes[k].layer == &net_layer_conv && n < sizeof want / sizeof *want) {
            cr_expect_eq(plan.nodes[k].plan.in_most[0], want[n], "%s reads up to %zu",
                         plan.nodes[k].name, plan.nodes[k].plan.in_most[0]);
            n++;
        }
    cr_expect_eq(n, sizeof want / sizeof *want);
    plan_destroy(&plan);
    fixture_close(&f);
}

/* A word gives every model a layer before each of its neurons, with a gradient. */
Test(words, every_model_takes_functions_that_are_layers)
{
    static const char *const words[] = {"dynamic_relu:kind=c", "group_rational:groups=1",
                                        "pwlu_aligned:align_after=3", "mean_relu"};
    for (size_t m = 0; net_models[m]; m++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            Fixture f = {0};
            NeuronSpec spec;
            void *const options = calloc(1, net_models[m]->options_size);
            size_t layers = 0, neurons = 0;
            sim_options_init(net_models[m]->options, options);
            if (net_models[m]->widen)
                net_models[m]->widen(options, 0.1);
            net_models[m]->neuron(options, &spec);
            fixture_good(neuron_spec_set(&spec, "dendrite", words[i]));
            fixture_good(net_models[m]->build(
                options, &(NetModelInput){32, 32, 1, 3, 2, false}, &spec, &f.graph));
            fixture_good(sim_context_create(1, NULL, &f.context));
            if (i == m % 4) /* planned, too */
                fixture_good(net_params_create(&f.graph, 2, 1, &f.context, &f.params));
            for (size_t n = 0; n < f.graph.n_nodes; n++) {
                const NetLayer *const layer = f.graph.nodes[n].layer;
                neurons += layer == &net_layer_neuron;
                layers +=
                    layer && strncmp(words[i], layer->name, strlen(layer->name)) == 0;
            }
            cr_expect_gt(layers, 0u, "%s with %s", net_models[m]->name, words[i]);
            cr_expect_leq(layers, neurons);
            free(options);
            fixture_close(&f);
        }
}

Test(words, options_that_a_layer_does_not_have)
{
    static const char *const words[] = {"dynamic_relu:kind=z", "dynamic_relu:c",
                                        "mean_relu:kind=a", "pwlu_aligned:after=3"};
    const NetModel *const model = net_model_find("mlp");
    void *const options = calloc(1, model->options_size);
    sim_options_init(model->options, options);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        Fixture f = {0};
        NeuronSpec spec = neuron_spec_default();
        fixture_good(neuron_spec_set(&spec, "dendrite", words[i]));
        cr_expect_eq(
            model->build(options, &(NetModelInput){8, 8, 1, 3, 1, true}, &spec, &f.graph),
            SIM_ERR_VALUE);
        cr_expect(strstr(sim_message(), "kind") || strstr(sim_message(), "after") ||
                      strstr(sim_message(), "key=value"),
                  "%s", sim_message());
        fixture_close(&f);
    }
    free(options);
}
