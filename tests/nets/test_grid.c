/* The grid of reversible blocks: what it rounds to, the range in which sums are undone to
 * the bit, and what is told beyond. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "nets/layers/grid_internal.h"
#include "tests/nets/layer_harness.h"
#include "tests/nets/net_fixture.h"
#include "tests/support.h"

enum { BITS = 17, COUNT = 4096 };
static const SimShape shape = {1, 8, 1, 1, COUNT / 8};
static const float limit = 1 << (24 - BITS);

static bool on_grid(float x)
{
    const double steps = (double)x * (1 << BITS);
    return steps == rint(steps);
}

Test(grid, rounds_both_signs_to_the_nearest)
{
    const float magic = net_grid_magic(BITS), step = ldexpf(1.0f, -BITS);
    const SimRng rng = {.seed = 1, .purpose = SIM_RNG_TEST};
    for (uint64_t i = 0; i < 1 << 16; i++) {
        const float x = 0.9997f * limit * (2.0f * sim_rng_uniform(rng, i) - 1.0f);
        const float y = net_grid_round(magic, x);
        const float off = fabsf(y - x);
        cr_assert(on_grid(y), "%.9g became %.9g", (double)x, (double)y);
        cr_assert_leq(off, fabsf(x) < limit / 2 ? step / 2 : step, "%.9g became %.9g",
                      (double)x, (double)y);
        cr_assert_eq(net_grid_round(magic, -x), -y);
    }
    cr_assert_eq(net_grid_round(magic, 0.0f), 0.0f);
}

/* Whether input `kept`, of values up to `reach`, is given back. */
static bool comes_back(const NetLayer *layer, const void *options, size_t kept,
                       float reach, bool *told)
{
    Harness *h = malloc(sizeof *h);
    float *before = malloc(COUNT * sizeof *before);
    harness_open(&(HarnessSetup){.layer = layer,
                                 .options = options,
                                 .in = {shape, shape},
                                 .n_inputs = 2,
                                 .steps = 1,
                                 .training = true,
                                 .reversed = true},
                 h);
    test_fill(h->x[0], COUNT, 3);
    test_fill(h->x[1], COUNT, 4);
    const size_t added = 1 - kept;
    for (size_t i = 0; i < COUNT; i++) {
        h->x[kept][i] = net_grid_round(net_grid_magic(BITS), reach * h->x[kept][i]);
        h->x[added][i] *= reach / 8.0f;
    }
    memcpy(before, h->x[kept], COUNT * sizeof *before);
    harness_forward(h);
    harness_invert(h, kept, false);
    const bool same = memcmp(before, h->x[kept], COUNT * sizeof *before) == 0;
    *told = atomic_load(&h->inexact);
    harness_close(h);
    free(before);
    free(h);
    return same;
}

Test(grid, tells_where_nothing_comes_back)
{
    const NetCouple couple = {true, BITS};
    const NetMomentum momentum = {0.9, true, BITS};
    const struct {
        const NetLayer *layer;
        const void *options;
        size_t kept;
    } cases[] = {{&net_layer_couple, &couple, 0}, {&net_layer_momentum, &momentum, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].layer->name;
        bool told;
        cr_expect(comes_back(cases[i].layer, cases[i].options, cases[i].kept,
                             0.85f * limit, &told),
                  "%s within the range", name);
        cr_expect_not(told, "%s within the range", name);
        cr_expect_not(comes_back(cases[i].layer, cases[i].options, cases[i].kept,
                                 8.0f * limit, &told),
                      "%s beyond the range: this test is blind", name);
        cr_expect(told, "%s beyond the range", name);
    }
}

/* Sums and all velocities but the first have two inputs and are undone under `reverse`
 * only. */
Test(grid, net_names_the_node)
{
    Fixture f = {0};
    const NetConv conv = {
        .channels = 4, .kernel = 1, .stride = 1, .groups = 1, .init = 1, .gain = 1.0};
    const NetCouple couple = {true, BITS};
    const NetMomentum momentum = {0.9, true, BITS};
    NetGraph *g = &f.graph;
    fixture_good(sim_context_create(2, NULL, &f.context));
    int x = net_graph_input(g, "in", 4, 4, 2, false);
    x = net_graph_add(g, &net_layer_conv, &conv, 1, &x, "stem");
    x = net_graph_add(g, &net_layer_grid, NULL, 1, &x, "grid");
    for (int b = 0, v = -1; b < 3; b++) {
        const int branch = net_graph_add(g, &net_layer_conv, &conv, 1, &x, "conv%d", b);
        v = net_graph_add(g, &net_layer_momentum, &momentum, b == 0 ? 1 : 2,
                          (int[]){branch, v}, "velocity%d", b);
        x = net_graph_add(g, &net_layer_couple, &couple, 2, (int[]){x, v}, "sum%d", b);
    }
    net_graph_output(g, x);
    fixture_good(net_params_create(g, 1, 5, &f.context, &f.params));
    for (int far = 0; far < 2; far++)
        for (int reverse = 0; reverse < 2; reverse++) {
            Net *net = NULL;
            const NetPlanOptions options = {.batch = 2,
                                            .steps = 1,
                                            .training = true,
                                            .memory = reverse ? NET_MEMORY_REVERSE
                                                              : NET_MEMORY_KEEP};
            fixture_good(net_create(g, &f.params, &options, &f.context, &net));
            fixture_fill_input(net);
            for (size_t i = 0; far && i < sim_shape_count(net_input(net, 0).shape); i++)
                net_input(net, 0).f32[i] *= 1e3f;
            net_forward(net, 1, NULL, 0);
            test_fill(net_output_gradient(net, 0),
                      sim_shape_count(net_output(net, 0).shape), 2);
            net_zero_gradients(net);
            net_backward(net);
            for (size_t k = 0; k < g->n_nodes; k++)
                cr_expect_eq(net_inexact(net, k),
                             far && reverse && g->nodes[k].n_inputs == 2, "%s, %s, %s",
                             g->nodes[k].name, far ? "far" : "near",
                             reverse ? "reverse" : "keep");
            net_destroy(net);
        }
    fixture_close(&f);
}
