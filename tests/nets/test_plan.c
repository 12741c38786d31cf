/* Plans: memory laid out without overlap, every policy the same gradients, layers folded
 * into their reader and gradients handed on without a trace, and every allocation failed
 * once (the linker sends malloc, calloc and realloc of this program here). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "nets/layers.h"
#include "nets/model.h"
#include "nets/plan_internal.h"
#include "tests/nets/net_fixture.h"
#include "tests/support.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long left = -1; /* allocations that still succeed; -1: all do */

static bool fails(void)
{
    if (left < 0)
        return false;
    return left == 0 ? true : (left--, false);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

/* --- small networks --------------------------------------------------------------------
 */

enum { SIDE = 8, STEPS = 3, BATCH = 2, CLASSES = 3, MAX_NODES = 256 };

typedef struct Small {
    const char *model, *key, *value; /* one option of the model, and what else */
    const char *key2, *value2;
} Small;

static const Small smalls[] = {
    {"msresnet", "stages", "8x2,16x2/2", "stem_kernel", "3"},
    {"sresnet", "n", "2", "filters", "6"},
    {"sresnet", "norm_per_step", "false", "filters", "6"},
    {"sewresnet", "stages", "8x2,16x1/2", "connect", "add"},
    {"sewresnet", "stages", "8x2,16x1/2", "connect", "iand"},
    {"revsresnet", "stages", "8x2,12x1/2", "stem_stride", "1"},
    {"revsresnet", "stages", "8x3", "block", "momentum"},
};

enum { N_SMALLS = sizeof smalls / sizeof *smalls };
static size_t all_smalls[N_SMALLS] = {0, 1, 2, 3, 4, 5, 6}; /* pointers do not travel */

/* `soma` NULL: as the model has it. */
static void open_sized(const Small *small, const char *soma, const char *surrogate,
                       size_t side, Fixture *f)
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
    fixture_good(model->build(options,
                              &(NetModelInput){side, side, 2, CLASSES, STEPS, false},
                              &spec, &f->graph));
    fixture_good(net_params_create(&f->graph, STEPS, 5, &f->context, &f->params));
    free(options);
}

static void open_small(const Small *small, const char *surrogate, Fixture *f)
{
    open_sized(small, NULL, surrogate, SIDE, f);
}

static NetPlanOptions training(NetMemory memory)
{
    return (NetPlanOptions){
        .batch = BATCH, .steps = STEPS, .training = true, .memory = memory};
}

ParameterizedTestParameters(plan, policies)
{
    return cr_make_param_array(size_t, all_smalls, N_SMALLS);
}

ParameterizedTest(const size_t *index, plan, policies)
{
    const Small *small = &smalls[*index];
    static const char *const surrogates[] = {"triangle", "atan"};
    for (size_t s = 0; s < 2; s++) {
        Fixture f;
        size_t n;
        open_small(small, surrogates[s], &f);
        const NetPlanOptions keep = training(NET_MEMORY_KEEP),
                             recompute = training(NET_MEMORY_RECOMPUTE);
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

/* How far gradients [first, n) are apart, as a share of the norm of the first ones. */
static double distance(const float *a, const float *b, size_t first, size_t n)
{
    double error = 0.0, size = 0.0;
    for (size_t i = first; i < n; i++) {
        const double d = (double)b[i] - (double)a[i];
        error += d * d;
        size += (double)a[i] * (double)a[i];
    }
    return sqrt(error / size);
}

/* Tensors so large that loops take more than one run, the last one shorter. */
Test(plan, policies_in_runs)
{
    static const struct {
        Small net;
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
        open_sized(&large[i].net, large[i].soma, "triangle", 48, &f);
        NetPlanOptions keep = training(NET_MEMORY_KEEP),
                       recompute = training(NET_MEMORY_RECOMPUTE);
        keep.batch = recompute.batch = 3;
        fixture_good(plan_nodes(&f.graph, &recompute, &f.context, true, &plan));
        fixture_good(plan_program(&plan));
        for (size_t k = 0; k < plan.n_loops; k++)
            in_runs += plan.loops[k].steps < STEPS;
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
    static const Small net = {"msresnet", "stages", "64x1", "second_gamma", "1"};
    static const struct {
        SimPrecision precision;
        size_t batch;
        double most;
    } cases[] = {{SIM_PRECISION_SPLIT, 3, 1e-5}, {SIM_PRECISION_BF16, 12, 2e-3}};
    for (size_t i = 0; i < 2; i++) {
        Fixture f;
        Plan plan = {0};
        size_t n, in_runs = 0;
        open_sized(&net, NULL, "triangle", 48, &f);
        if (sim_context_set_precision(&f.context, cases[i].precision) != SIM_OK)
            cr_skip_test("no tile units");
        NetPlanOptions keep = training(NET_MEMORY_KEEP),
                       recompute = training(NET_MEMORY_RECOMPUTE);
        keep.batch = recompute.batch = cases[i].batch;
        fixture_good(plan_nodes(&f.graph, &recompute, &f.context, true, &plan));
        fixture_good(plan_program(&plan));
        for (size_t k = 0; k < plan.n_loops; k++)
            in_runs += plan.loops[k].steps < STEPS;
        cr_expect_gt(in_runs, 4, "only %zu loops have runs", in_runs);
        plan_destroy(&plan);
        float *a = fixture_train(&f, &keep, &n), *b = fixture_train(&f, &recompute, &n);
        const size_t outputs = n - f.params.n_trained;
        const double off = distance(a, b, outputs, n);
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
    static const Small net = {"msresnet", "stages", "64x1,80x1/2", "second_gamma", "1"};
    Fixture f;
    size_t n;
    float *gradients[3];
    open_sized(&net, NULL, "triangle", 16, &f);
    NetPlanOptions options[] = {training(NET_MEMORY_KEEP), training(NET_MEMORY_KEEP),
                                training(NET_MEMORY_RECOMPUTE)};
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
    const double off = distance(gradients[0], gradients[1], n - f.params.n_trained, n);
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
    return cr_make_param_array(size_t, all_smalls, N_SMALLS);
}

ParameterizedTest(const size_t *index, plan, folding)
{
    const Small *small = &smalls[*index];
    static unsigned char watch[MAX_NODES];
    Fixture f;
    size_t n;
    open_small(small, "atan", &f);
    cr_assert_leq(f.graph.n_nodes, MAX_NODES);
    NetPlanOptions options = training(NET_MEMORY_KEEP);
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
    double off = 0.0, size = 0.0;
    for (size_t i = n_y; i < n; i++) {
        const double d = (double)folded[i] - (double)apart[i];
        off += d * d;
        size += (double)apart[i] * (double)apart[i];
    }
    cr_assert_leq(sqrt(off), 1e-6 * sqrt(size), "%g of %g", sqrt(off), sqrt(size));
    free(folded);
    free(apart);
    fixture_close(&f);
}

/* Without training: windows of any length, folded or not, layers whole or together by
 * strips, any number of threads, the same bits; where wires are bfloat16, too. */
static void same_in_any_window(const Small *small, bool bf16)
{
    static unsigned char watch[MAX_NODES];
    Fixture f;
    open_small(small, "atan", &f);
    if (bf16 && sim_context_set_precision(&f.context, SIM_PRECISION_BF16) != SIM_OK) {
        fixture_close(&f); /* no tile units */
        return;
    }
    watch_norms(&f.graph, watch);
    f.context.spike_path = SIM_SPIKES_ALWAYS; /* what goes by rows */
    const bool has_strips =
        strcmp(small->model, "msresnet") == 0 || strcmp(small->model, "sresnet") == 0;
    float *first = NULL;
    for (size_t window = 1; window <= STEPS; window++)
        for (int apart = 0; apart < 3; apart++) {
            const NetPlanOptions options = {.batch = BATCH,
                                            .steps = STEPS,
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
            float *all = calloc(STEPS * step, sizeof *all), *events;
            SimTensor x = net_input(net, 0);
            const size_t x_step = sim_shape_step(x.shape);
            events = calloc(STEPS * x_step, sizeof *events);
            test_fill(events, STEPS * x_step, 3);
            net_reset(net);
            for (size_t t = 0, nt; t < STEPS; t += nt) {
                nt = window < STEPS - t ? window : STEPS - t;
                memcpy(x.f32, events + t * x_step, nt * x_step * sizeof *events);
                net_forward(net, nt, NULL, 0);
                memcpy(all + t * step, net_output(net, 0).f32, nt * step * sizeof *all);
            }
            if (first)
                cr_assert_eq(memcmp(first, all, STEPS * step * sizeof *all), 0,
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
    return cr_make_param_array(size_t, all_smalls, N_SMALLS);
}

ParameterizedTest(const size_t *index, plan, windows)
{
    for (int bf16 = 0; bf16 < 2; bf16++)
        same_in_any_window(&smalls[*index], bf16);
}

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
    return cr_make_param_array(size_t, all_smalls, N_SMALLS);
}

ParameterizedTest(const size_t *index, plan, layout)
{
    const Small *small = &smalls[*index];
    static const NetMemory policies[] = {NET_MEMORY_KEEP, NET_MEMORY_RECOMPUTE};
    Fixture f;
    open_small(small, "triangle", &f);
    size_t bytes[2];
    for (size_t m = 0; m < 2; m++) {
        const NetPlanOptions options = training(policies[m]);
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
    enum { T = 2, SIZE = T * BATCH * 4 * 4 * 3 };
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
            const NetPlanOptions options = {.batch = BATCH,
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
    open_small(&smalls[0], "triangle", &f);
    const NetPlanOptions options = training(NET_MEMORY_AUTO);
    long k = 0;
    for (;; k++) {
        Net *net = NULL;
        left = k;
        const SimStatus status =
            net_create(&f.graph, &f.params, &options, &f.context, &net);
        const bool all = left > 0;
        left = -1;
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
    open_small(&smalls[0], "triangle", &f);
    NetPlanOptions options = training(NET_MEMORY_KEEP);
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
    open_small(&smalls[0], "triangle", &f);
    f.context.spike_path = SIM_SPIKES_AUTO;
    const NetPlanOptions options = training(NET_MEMORY_KEEP);
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
    static const Small net = {"sresnet", "n", "2", "filters", "6"};
    Fixture f;
    Plan plan = {0};
    size_t n = 0;
    open_small(&net, "triangle", &f);
    const NetPlanOptions options = training(NET_MEMORY_KEEP);
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
