/* tests/nets/net_fixture.c: see net_fixture.h. */
#include "tests/nets/net_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "nets/model.h"
#include "tests/support.h"

void fixture_good(SimStatus status)
{
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
}

void fixture_close(Fixture *f)
{
    net_params_destroy(&f->params);
    net_graph_destroy(&f->graph);
}

void fixture_fill_input(Net *net)
{
    const SimTensor x = net_input(net, 0);
    test_fill(x.f32, sim_shape_count(x.shape), 3);
    for (size_t i = 0; i < sim_shape_count(x.shape); i++)
        x.f32[i] = x.f32[i] > 0.5f ? 2.0f : 0.0f;
}

float *fixture_train(Fixture *f, const NetPlanOptions *options, size_t *n)
{
    Net *net = NULL;
    const size_t start_bytes = f->params.values.size;
    void *start = malloc(start_bytes); /* forward moves the running statistics */
    const size_t density_bytes = f->graph.n_nodes * sizeof(float);
    float *density = malloc(density_bytes); /* and what kernels are chosen by */
    memcpy(start, f->params.values.base, start_bytes);
    memcpy(density, f->params.density, density_bytes);
    fixture_good(net_create(&f->graph, &f->params, options, &f->context, &net));
    fixture_fill_input(net);
    net_forward(net, options->steps, NULL, 1);
    const SimTensor y = net_output(net, 0);
    const size_t n_y = sim_shape_count(y.shape);
    *n = n_y + f->params.n_trained;
    float *all = malloc(*n * sizeof *all);
    memcpy(all, y.f32, n_y * sizeof *all);
    for (size_t i = 0; i < f->graph.n_outputs; i++)
        test_fill(net_output_gradient(net, i), sim_shape_count(net_output(net, i).shape),
                  9 + i);
    net_zero_gradients(net);
    net_backward(net);
    float *at = all + n_y;
    for (size_t i = 0; i < f->params.n_rows; i++)
        if (net_gradient(net, i)) {
            memcpy(at, net_gradient(net, i), f->params.rows[i].count * sizeof *at);
            at += f->params.rows[i].count;
        }
    cr_assert_eq((size_t)(at - all), *n);
    net_destroy(net);
    memcpy(net_params_write_all(&f->params), start, start_bytes);
    memcpy(f->params.density, density, density_bytes);
    free(start);
    free(density);
    return all;
}

/* --- small networks --------------------------------------------------------------------
 */

const FixtureSmall fixture_smalls[FIXTURE_SMALLS] = {
    {"msresnet", "stages", "8x2,16x2/2", "stem_kernel", "3"},
    {"sresnet", "n", "2", "filters", "6"},
    {"sresnet", "norm_per_step", "false", "filters", "6"},
    {"sewresnet", "stages", "8x2,16x1/2", "connect", "add"},
    {"sewresnet", "stages", "8x2,16x1/2", "connect", "iand"},
    {"revsresnet", "stages", "8x2,12x1/2", "stem_stride", "1"},
    {"revsresnet", "stages", "8x3", "block", "momentum"},
};

size_t fixture_all_smalls[FIXTURE_SMALLS] = {0, 1, 2, 3, 4, 5, 6};

void fixture_open_sized(const FixtureSmall *small, const char *soma,
                        const char *surrogate, size_t side, Fixture *f)
{
    memset(f, 0, sizeof *f);
    fixture_good(sim_context_create(2, NULL, &f->context));
    const NetModel *model = net_model_find(small->model);
    cr_assert_not_null(model);
    void *options = calloc(1, model->options_size);
    NeuronSpec spec;
    sim_options_init(model->options, options);
    model->neuron(options, &spec);
    if (soma)
        fixture_good(neuron_spec_set(&spec, "soma", soma));
    fixture_good(neuron_spec_set(&spec, "surrogate", surrogate));
    fixture_good(sim_option_set(model->options, options, small->key, small->value));
    fixture_good(sim_option_set(model->options, options, small->key2, small->value2));
    if (strcmp(small->model, "revsresnet") == 0) /* else little fires */
        fixture_good(neuron_spec_set(&spec, "threshold", "0.25"));
    if (strcmp(small->model, "msresnet") == 0) /* else the branches add nothing */
        fixture_good(sim_option_set(model->options, options, "second_gamma", "1"));
    fixture_good(model->build(
        options, &(NetModelInput){side, side, 2, FIXTURE_CLASSES, FIXTURE_STEPS, false},
        &spec, &f->graph));
    fixture_good(net_params_create(&f->graph, FIXTURE_STEPS, 5, &f->context, &f->params));
    free(options);
}

void fixture_open_small(const FixtureSmall *small, const char *surrogate, Fixture *f)
{
    fixture_open_sized(small, NULL, surrogate, FIXTURE_SIDE, f);
}

NetPlanOptions fixture_training(NetMemory memory)
{
    return (NetPlanOptions){.batch = FIXTURE_BATCH,
                            .steps = FIXTURE_STEPS,
                            .training = true,
                            .memory = memory};
}

double fixture_distance(const float *a, const float *b, size_t first, size_t n)
{
    double error = 0.0, size = 0.0;
    for (size_t i = first; i < n; i++) {
        const double d = (double)b[i] - (double)a[i];
        error += d * d;
        size += (double)a[i] * (double)a[i];
    }
    return sqrt(error / size);
}
