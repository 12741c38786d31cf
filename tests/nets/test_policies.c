/* What must not change a result: the policy of memory, how loops over time are cut,
 * layers folded into their reader, windows, strips, threads; and how far other precisions
 * may. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "nets/layers.h"
#include "nets/plan_internal.h"
#include "tests/nets/net_fixture.h"
#include "tests/support.h"

enum { MAX_NODES = 256 };

ParameterizedTestParameters(plan, policies)
{
    return cr_make_param_array(size_t, fixture_all_smalls, FIXTURE_SMALLS);
}

ParameterizedTest(const size_t *index, plan, policies)
{
    const FixtureSmall *small = &fixture_smalls[*index];
    static const char *const surrogates[] = {"triangle", "atan"};
    for (size_t s = 0; s < 2; s++) {
        Fixture f;
        size_t n;
        fixture_open_small(small, surrogates[s], &f);
        const NetPlanOptions keep = fixture_training(NET_MEMORY_KEEP),
                             recompute = fixture_training(NET_MEMORY_RECOMPUTE);
        float *a = fixture_train(&f, &keep, &n), *b = fixture_train(&f, &recompute, &n);
        double size = 0.0;
        for (size_t i = 0; i < n - f.params.n_trained; i++)
            size += fabs((double)a[i]);
        cr_assert_gt(size, 0.0);
        cr_assert_eq(memcmp(a, b, n * sizeof *a), 0, "%s", small->model);
        free(a);
        free(b);
        fixture_close(&f);
    }
}

/* Tensors so large that loops take more than one run, the last one shorter. */
Test(plan, policies_in_runs)
{
    static const struct {
        FixtureSmall net;
        const char *soma;
    } large[] = {
        {{"msresnet", "stages", "64x1,80x1/2", "second_gamma", "1"}, NULL},
        {{"msresnet", "stages", "64x1", "second_gamma", "1"}, "plif"},
        {{"msresnet", "stages", "64x1", "second_gamma", "1"}, "alif"},
        {{"sresnet", "n", "1", "filters", "64"}, NULL},
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        Fixture f;
        Plan plan = {0};
        size_t n, in_runs = 0, retraced = 0, follow = 0;
        fixture_open_sized(&large[i].net, large[i].soma, "triangle", 48, &f);
        NetPlanOptions keep = fixture_training(NET_MEMORY_KEEP),
                       recompute = fixture_training(NET_MEMORY_RECOMPUTE);
        keep.batch = recompute.batch = 3;
        fixture_good(plan_nodes(&f.graph, &recompute, &f.context, true, &plan));
        fixture_good(plan_program(&plan));
        for (size_t k = 0; k < plan.n_loops; k++)
            in_runs += plan.loops[k].steps < FIXTURE_STEPS;
        for (size_t k = 0; k < plan.n_instructions; k++)
            retraced += plan.program[k].op == PLAN_RETRACE;
        for (size_t k = 0; k < plan.n_buffers; k++)
            follow += plan.buffers[k].follows != PLAN_NONE;
        cr_expect(i > 0 || follow > 0, "no wire follows up on another");
        cr_expect_gt(in_runs, 4, "only %zu loops have runs", in_runs);
        cr_expect(large[i].net.model[0] == 's' || retraced > 1,
                  "%zu neurons go back by windows", retraced);
        plan_destroy(&plan);
        float *a = fixture_train(&f, &keep, &n), *b = fixture_train(&f, &recompute, &n);
        cr_expect_eq(memcmp(a, b, n * sizeof *a), 0, "%s", large[i].net.model);
        free(a);
        free(b);
        fixture_close(&f);
    }
}

/* Where products are sums of bfloat16 ones, how a sequence is cut in runs shows in the
 * last bits of gradients, but not in the outputs; see docs/memory.md. */
Test(plan, policies_in_runs_of_other_precisions)
{
    static const FixtureSmall net = {"msresnet", "stages", "64x1", "second_gamma", "1"};
    static const struct {
        SimPrecision precision;
        size_t batch;
        double most;
    } cases[] = {{SIM_PRECISION_SPLIT, 3, 1e-5}, {SIM_PRECISION_BF16, 12, 2e-3}};
    for (size_t i = 0; i < 2; i++) {
        Fixture f;
        Plan plan = {0};
        size_t n, in_runs = 0;
        fixture_open_sized(&net, NULL, "triangle", 48, &f);
        if (sim_context_set_precision(&f.context, cases[i].precision) != SIM_OK)
            cr_skip_test("no tile units");
        NetPlanOptions keep = fixture_training(NET_MEMORY_KEEP),
                       recompute = fixture_training(NET_MEMORY_RECOMPUTE);
        keep.batch = recompute.batch = cases[i].batch;
        fixture_good(plan_nodes(&f.graph, &recompute, &f.context, true, &plan));
        fixture_good(plan_program(&plan));
        for (size_t k = 0; k < plan.n_loops; k++)
            in_runs += plan.loops[k].steps < FIXTURE_STEPS;
        cr_expect_gt(in_runs, 4, "only %zu loops have runs", in_runs);
        plan_destroy(&plan);
        float *a = fixture_train(&f, &keep, &n), *b = fixture_train(&f, &recompute, &n);
        const size_t outputs = n - f.params.n_trained;
        const double off = fixture_distance(a, b, outputs, n);
        cr_expect_eq(memcmp(a, b, outputs * sizeof *a), 0, "outputs differ");
        cr_expect_lt(off, cases[i].most, "%s: off by %g",
                     sim_precisions[cases[i].precision], off);
        free(a);
        free(b);
        fixture_close(&f);
    }
}

/* Where products are bfloat16, gradients that one layer hands another are too, and
 * policies still agree to the bit. What differs from f32 is spikes that bfloat16 weights
 * flip. */
Test(plan, gradients_in_bfloat16)
{
    static const FixtureSmall net = {"msresnet", "stages", "64x1,80x1/2", "second_gamma",
                                     "1"};
    Fixture f;
    size_t n;
    float *gradients[3];
    fixture_open_sized(&net, NULL, "triangle", 16, &f);
    NetPlanOptions options[] = {fixture_training(NET_MEMORY_KEEP),
                                fixture_training(NET_MEMORY_KEEP),
                                fixture_training(NET_MEMORY_RECOMPUTE)};
    for (size_t i = 0; i < 3; i++) {
        Plan plan = {0};
        if (i && sim_context_set_precision(&f.context, SIM_PRECISION_BF16) != SIM_OK)
            cr_skip_test("no tile units");
        fixture_good(plan_nodes(&f.graph, &options[i], &f.context, false, &plan));
        fixture_good(plan_program(&plan));
        size_t narrow = 0, sums = 0;
        for (size_t k = 0; k < plan.n_nodes; k++)
            if (plan.nodes[k].layer == &net_layer_join)
                sums += plan.nodes[k].gradient_form == SIM_BF16;
            else
                narrow += plan.nodes[k].gradient_form == SIM_BF16;
        if (i)
            cr_expect(narrow > 4 && sums > 1, "%zu gradients and %zu sums are bfloat16",
                      narrow, sums);
        else
            cr_expect_eq(narrow + sums, 0);
        plan_destroy(&plan);
        gradients[i] = fixture_train(&f, &options[i], &n);
    }
    const double off =
        fixture_distance(gradients[0], gradients[1], n - f.params.n_trained, n);
    cr_expect_lt(off, 0.4, "off by %g of their size", off);
    cr_expect_eq(memcmp(gradients[1], gradients[2], n * sizeof **gradients), 0);
    for (size_t i = 0; i < 3; i++)
        free(gradients[i]);
    fixture_close(&f);
}

/* A watched norm is not folded into its reader. */
static size_t watch_norms(const NetGraph *graph, unsigned char *watch)
{
    size_t n = 0;
    memset(watch, 0, graph->n_nodes);
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].layer == &net_layer_norm) {
            watch[i] = NET_WATCH_OUTPUT;
            n++;
        }
    return n;
}

ParameterizedTestParameters(plan, folding)
{
    return cr_make_param_array(size_t, fixture_all_smalls, FIXTURE_SMALLS);
}

ParameterizedTest(const size_t *index, plan, folding)
{
    const FixtureSmall *small = &fixture_smalls[*index];
    static unsigned char watch[MAX_NODES];
    Fixture f;
    size_t n;
    fixture_open_small(small, "atan", &f);
    cr_assert_leq(f.graph.n_nodes, MAX_NODES);
    NetPlanOptions options = fixture_training(NET_MEMORY_KEEP);
    float *folded = fixture_train(&f, &options, &n);
    Plan plan = {0};
    fixture_good(plan_nodes(&f.graph, &options, &f.context, false, &plan));
    plan_fold(&plan);
    size_t n_folded = 0;
    for (size_t k = 0; k < plan.n_nodes; k++)
        n_folded += plan.nodes[k].folded;
    plan_destroy(&plan);
    cr_assert_geq(n_folded, 3, "only %zu norms are folded", n_folded);

    cr_assert_geq(watch_norms(&f.graph, watch), 3);
    options.watch = watch;
    float *apart = fixture_train(&f, &options, &n);
    const size_t n_y = n - f.params.n_trained;
    cr_assert_eq(memcmp(folded, apart, n_y * sizeof *folded), 0, "outputs differ");
    const double off = fixture_distance(apart, folded, n_y, n);
    cr_assert_leq(off, 1e-6, "gradients are off by %g", off);
    free(folded);
    free(apart);
    fixture_close(&f);
}

/* Without training: windows of any length, folded or not, layers whole or together by
 * strips, any number of threads, the same bits; where wires are bfloat16, too. */
static void same_in_any_window(const FixtureSmall *small, bool bf16)
{
    static unsigned char watch[MAX_NODES];
    Fixture f;
    fixture_open_small(small, "atan", &f);
    if (bf16 && sim_context_set_precision(&f.context, SIM_PRECISION_BF16) != SIM_OK) {
        fixture_close(&f); /* no tile units */
        return;
    }
    watch_norms(&f.graph, watch);
    f.context.spike_path = SIM_SPIKES_ALWAYS; /* what goes by rows */
    const bool has_strips =
        strcmp(small->model, "msresnet") == 0 || strcmp(small->model, "sresnet") == 0;
    float *first = NULL;
    for (size_t window = 1; window <= FIXTURE_STEPS; window++)
        for (int apart = 0; apart < 3; apart++) {
            const NetPlanOptions options = {.batch = FIXTURE_BATCH,
                                            .steps = FIXTURE_STEPS,
                                            .window = window,
                                            .whole_layers = apart == 2,
                                            .watch = apart == 1 ? watch : NULL};
            Net *net = NULL;
            f.context.team.n_threads = (int)window;
            Plan plan;
            fixture_good(plan_any(&f.graph, &options, &f.context, &plan));
            if (apart == 2)
                cr_assert_eq(plan.n_strips, 0);
            else if (has_strips)
                cr_assert_geq(plan.n_strips, 3);
            plan_destroy(&plan);
            fixture_good(net_create(&f.graph, &f.params, &options, &f.context, &net));
            const size_t step = sim_shape_step(net_output(net, 0).shape);
            float *all = calloc(FIXTURE_STEPS * step, sizeof *all), *events;
            SimTensor x = net_input(net, 0);
            const size_t x_step = sim_shape_step(x.shape);
            events = calloc(FIXTURE_STEPS * x_step, sizeof *events);
            test_fill(events, FIXTURE_STEPS * x_step, 3);
            net_reset(net);
            for (size_t t = 0, nt; t < FIXTURE_STEPS; t += nt) {
                nt = window < FIXTURE_STEPS - t ? window : FIXTURE_STEPS - t;
                memcpy(x.f32, events + t * x_step, nt * x_step * sizeof *events);
                net_forward(net, nt, NULL, 0);
                memcpy(all + t * step, net_output(net, 0).f32, nt * step * sizeof *all);
            }
            if (first)
                cr_assert_eq(memcmp(first, all, FIXTURE_STEPS * step * sizeof *all), 0,
                             "window %zu, apart %d, bf16 %d", window, apart, bf16);
            else
                first = all, all = NULL;
            free(all);
            free(events);
            net_destroy(net);
        }
    free(first);
    fixture_close(&f);
}

ParameterizedTestParameters(plan, windows)
{
    return cr_make_param_array(size_t, fixture_all_smalls, FIXTURE_SMALLS);
}

ParameterizedTest(const size_t *index, plan, windows)
{
    for (int bf16 = 0; bf16 < 2; bf16++)
        same_in_any_window(&fixture_smalls[*index], bf16);
}
