/* tests/nets/net_fixture.c: see net_fixture.h. */
#include "tests/nets/net_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

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
