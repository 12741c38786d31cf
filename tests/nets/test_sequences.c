/* From one sequence to the next: states are at rest again, and weights that kernels hold
 * in their own order are those of the parameters as they are now. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "nets/model.h"
#include "nets/optimiser.h"
#include "tests/nets/net_fixture.h"
#include "tests/support.h"

enum { SIDE = 8, STEPS = 3, BATCH = 2, CLASSES = 3 };

static void open_net(SimPrecision precision, SimSpikePath path, Fixture *f)
{
    memset(f, 0, sizeof *f);
    fixture_good(sim_context_create(2, NULL, &f->context));
    if (sim_context_set_precision(&f->context, precision) != SIM_OK)
        cr_skip_test("%s", sim_message());
    f->context.spike_path = path;
    const NetModel *const model = net_model_find("msresnet");
    void *const options = calloc(1, model->options_size);
    NeuronSpec spec;
    sim_options_init(model->options, options);
    model->neuron(options, &spec);
    fixture_good(sim_option_set(model->options, options, "stages", "40x2,16x2/2"));
    fixture_good(sim_option_set(model->options, options, "stem_kernel", "3"));
    fixture_good(sim_option_set(model->options, options, "second_gamma", "1"));
    fixture_good(model->build(options,
                              &(NetModelInput){SIDE, SIDE, 2, CLASSES, STEPS, false},
                              &spec, &f->graph));
    fixture_good(net_params_create(&f->graph, STEPS, 5, &f->context, &f->params));
    free(options);
}

static NetPlanOptions evaluation(size_t window, NetMemory memory)
{
    return (NetPlanOptions){
        .batch = BATCH, .steps = STEPS, .window = window, .memory = memory};
}

/* Outputs of a sequence, owned. */
static float *run(Net *net, size_t window, size_t *n)
{
    const size_t step = sim_shape_step(net_output(net, 0).shape);
    const size_t x_step = sim_shape_step(net_input(net, 0).shape);
    float *const all = calloc(STEPS * step, sizeof *all), *const x = calloc(
                                                              STEPS * x_step, sizeof *x);
    test_fill(x, STEPS * x_step, 3);
    net_reset(net);
    for (size_t t = 0; t < STEPS; t += window) {
        memcpy(net_input(net, 0).f32, x + t * x_step, window * x_step * sizeof *x);
        net_forward(net, window, NULL, 0);
        memcpy(all + t * step, net_output(net, 0).f32, window * step * sizeof *x);
    }
    free(x);
    *n = STEPS * step;
    return all;
}

/* Outputs [n] without any input, from the states as they are. */
static float *run_silent(Net *net, size_t n)
{
    const SimTensor x = net_input(net, 0);
    memset(x.f32, 0, sim_shape_count(x.shape) * sizeof(float));
    net_forward(net, STEPS, NULL, 0);
    float *const all = calloc(n, sizeof *all);
    memcpy(all, net_output(net, 0).f32, n * sizeof *all);
    return all;
}

/* Outputs of a sequence by a net that is new. */
static float *run_new(Fixture *f, const NetPlanOptions *options)
{
    Net *net = NULL;
    size_t n;
    fixture_good(net_create(&f->graph, &f->params, options, &f->context, &net));
    float *const all = run(net, options->window, &n);
    net_destroy(net);
    return all;
}

static void check_like_new(Fixture *f, Net *net, const NetPlanOptions *options,
                           float **before, const char *what)
{
    size_t n;
    float *const now = run(net, options->window, &n), *const want = run_new(f, options);
    cr_assert_arr_eq(now, want, n * sizeof *now, "%s: not as a new net", what);
    cr_assert(!*before || memcmp(now, *before, n * sizeof *now) != 0,
              "%s changed nothing", what);
    free(want);
    free(*before);
    *before = now;
}

static void train(Fixture *f)
{
    NetOptimiserOptions options;
    NetOptimiser *optimiser = NULL;
    Net *net = NULL;
    const NetPlanOptions plan = {.batch = BATCH, .steps = STEPS, .training = true};
    sim_options_init(net_optimiser_options, &options);
    fixture_good(net_create(&f->graph, &f->params, &plan, &f->context, &net));
    fixture_good(net_optimiser_create(&options, &f->params, &f->context, &optimiser));
    fixture_fill_input(net);
    net_forward(net, STEPS, NULL, 0);
    test_fill(net_output_gradient(net, 0), sim_shape_count(net_output(net, 0).shape), 9);
    net_zero_gradients(net);
    net_backward(net);
    net_optimiser_step(optimiser, net, 0.5);
    net_optimiser_destroy(optimiser);
    net_destroy(net);
}

/* Nets over parameters that change follow them, however these change, whichever kernel
 * holds what, whether it holds anything. */
static void check_follows(SimPrecision precision, SimSpikePath path)
{
    Fixture f;
    open_net(precision, path, &f);
    for (size_t window = 1; window <= STEPS; window += STEPS - 1)
        for (NetMemory memory = NET_MEMORY_KEEP; memory <= NET_MEMORY_RECOMPUTE;
             memory++) {
            const NetPlanOptions options = evaluation(window, memory);
            float *before = NULL;
            Net *net = NULL;
            fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
            check_like_new(&f, net, &options, &before, "nothing");
            for (size_t row = 0; row < f.params.n_rows; row++) {
                if (strcmp(f.params.rows[row].row.name, "weight") != 0)
                    continue;
                const size_t count = f.params.rows[row].count;
                float *const values = net_params_write(&f.params, row);
                for (size_t i = 0; i < count; i++)
                    values[i] *= i % 2 ? 1.5f : -1.25f;
            }
            check_like_new(&f, net, &options, &before, "other weights");
            float *const all = net_params_write_all(&f.params);
            for (size_t i = 0; i < f.params.values.size / sizeof *all; i++)
                all[i] *= 1.125f;
            check_like_new(&f, net, &options, &before, "other values");
            train(&f);
            check_like_new(&f, net, &options, &before, "a training step");
            for (size_t i = 0; i < f.graph.n_nodes; i++)
                f.params.density[i] = 0.9f; /* dense kernels, where there is a choice */
            free(before);
            before = NULL;
            check_like_new(&f, net, &options, &before, "another density");
            for (size_t i = 0; i < f.graph.n_nodes; i++)
                f.params.density[i] = 0.0f;
            train(&f);
            check_like_new(&f, net, &options, &before, "two more things");
            free(before);
            net_destroy(net);
        }
    fixture_close(&f);
}

Test(sequences, weights_held_follow_the_parameters_f32)
{
    check_follows(SIM_PRECISION_F32, SIM_SPIKES_AUTO);
}

Test(sequences, weights_held_follow_the_parameters_dense)
{
    check_follows(SIM_PRECISION_F32, SIM_SPIKES_NEVER);
}

Test(sequences, weights_held_follow_the_parameters_fixed)
{
    check_follows(SIM_PRECISION_FIXED, SIM_SPIKES_AUTO);
    check_follows(SIM_PRECISION_FIXED, SIM_SPIKES_ALWAYS);
}

Test(sequences, weights_held_follow_the_parameters_bf16)
{
    check_follows(SIM_PRECISION_BF16, SIM_SPIKES_AUTO);
}

Test(sequences, held_weights_are_planned)
{
    Fixture f;
    NetMemoryInfo keep, lean, short_window;
    open_net(SIM_PRECISION_FIXED, SIM_SPIKES_ALWAYS, &f);
    const NetPlanOptions options[] = {evaluation(STEPS, NET_MEMORY_KEEP),
                                      evaluation(STEPS, NET_MEMORY_RECOMPUTE),
                                      evaluation(1, NET_MEMORY_RECOMPUTE)};
    size_t weights = 0; /* behind spikes, as 16 bits; the stem holds f32 */
    for (size_t row = 0; row < f.params.n_rows; row++)
        if (strstr(f.params.rows[row].name, "conv"))
            weights += 2 * f.params.rows[row].count;
    fixture_good(net_measure(&f.graph, &f.params, &options[0], &f.context, &keep));
    fixture_good(net_measure(&f.graph, &f.params, &options[1], &f.context, &lean));
    fixture_good(
        net_measure(&f.graph, &f.params, &options[2], &f.context, &short_window));
    cr_expect_gt(keep.total + (64 << 10), lean.total + weights, "%zu %zu %zu", keep.total,
                 lean.total, weights);
    cr_expect_gt(short_window.scratch, weights);
    fixture_close(&f);
}

/* Whoever looks at states sees them at rest after a reset, and may write them. */
Test(sequences, states_rest)
{
    Fixture f;
    open_net(SIM_PRECISION_F32, SIM_SPIKES_ALWAYS, &f);
    for (int looks = 0; looks < 2; looks++)
        for (int apart = 0; apart < 2; apart++) {
            NetPlanOptions options = evaluation(STEPS, NET_MEMORY_KEEP);
            Net *net = NULL;
            size_t n, states = 0, moved = 0;
            options.whole_layers = apart;
            fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
            float *const first = run(net, STEPS, &n);
            float *const second = run(net, STEPS, &n);
            cr_assert_arr_eq(first, second, n * sizeof *first);
            free(second);
            for (int reset = 0; reset < 2 && looks; reset++) {
                if (reset)
                    net_reset(net);
                for (size_t node = 0; node < f.graph.n_nodes; node++) {
                    const NetStateView *views;
                    const size_t n_views = net_states(net, node, &views);
                    for (size_t v = 0; v < n_views; v++)
                        for (size_t i = 0; i < views[v].count; i++) {
                            states += reset;
                            moved += !reset && views[v].values[i] != 0.0f;
                            cr_assert(!reset || views[v].values[i] == 0.0f);
                            if (reset)
                                views[v].values[i] = 50.0f;
                        }
                }
            }
            if (looks) {
                cr_assert_gt(moved, states / 4);
                float *const charged = run_silent(net, n);
                net_reset(net);
                float *const rested = run_silent(net, n);
                cr_assert_arr_neq(charged, rested, n * sizeof *charged,
                                  "states that were written are not looked at");
                free(charged);
                free(rested);
            }
            free(first);
            net_destroy(net);
        }
    fixture_close(&f);
}
