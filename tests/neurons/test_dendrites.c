/* Dendrites inside nets: gradients of every one, dense and convolutional, with no soma
 * and with LIF, against central differences of a plain forward pass in double precision;
 * and the dendrites of several functions. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/model.h"
#include "nets/net.h"
#include "neurons/activation.h"
#include "tests/support.h"

enum { STEPS = 3, BATCH = 2, UNITS = 6, MOST = 4096 };

static const char *const ensembles[] = {
    "relu+ada",
    "or_ail+and_ail+xnor_ail",
    "ada+leaky_ada+identity",
    "tanh+and_il",
    "d:maxout2/minout2",
    "d:and_il/or_il",
    "d:or_nil/xnor_nil",
    "d:and_ail/or_ail/xnor_ail",
    "d:and_nail/or_nail/xnor_nail",
    "p:maxout2/minout2",
    "p:or_il/xnor_il",
    "p:and_ail/or_ail/xnor_ail",
    "p:and_nail/or_nail/xnor_nail",
    "d:prelu/swish",
    "p:prelu/ada",
};
enum { N_ENSEMBLES = sizeof ensembles / sizeof *ensembles };

static void good(SimStatus status)
{
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
}

/* --- the same forward pass in double precision ---------------------------------------
 */

typedef struct Trial {
    const NeuronSpec *spec;
    size_t side, in, kernel, inputs; /* inputs: channels of the dendrites of a pixel */
    size_t n_x, n_w, n_y, n_params;
    double x[MOST], weight[MOST], d_y[MOST];
    double params[NEURON_MAX_PARAMS][UNITS]; /* per channel */
    double memory[NEURON_MAX_BRANCHES * UNITS];
    double distance[MOST], spike[MOST]; /* of the first run */
    bool noted;
} Trial;

static double current_of(const Trial *t, size_t image, size_t py, size_t px, size_t k)
{
    const ptrdiff_t pad = (ptrdiff_t)(t->kernel / 2), side = (ptrdiff_t)t->side;
    double sum = 0.0;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)t->kernel; i++)
        for (ptrdiff_t j = 0; j < (ptrdiff_t)t->kernel; j++) {
            const ptrdiff_t y = (ptrdiff_t)py + i - pad, x = (ptrdiff_t)px + j - pad;
            if (y < 0 || x < 0 || y >= side || x >= side)
                continue;
            for (size_t c = 0; c < t->in; c++)
                sum +=
                    t->x[((image * t->side + (size_t)y) * t->side + (size_t)x) * t->in +
                         c] *
                    t->weight[(((size_t)i * t->kernel + (size_t)j) * t->in + c) *
                                  t->inputs +
                              k];
        }
    return sum;
}

/* What the dendrite of every unit of a pixel makes of the currents. */
static void join(const Trial *t, const double *currents, double *joined)
{
    NeuronMember members[NEURON_MAX_MEMBERS];
    const size_t n = neuron_spec_members(t->spec, UNITS, members);
    memset(joined, 0, UNITS * sizeof *joined);
    for (size_t m = 0; m < n; m++)
        for (size_t u = 0; u < members[m].units; u++) {
            const size_t unit = members[m].y_first + u;
            double params[NEURON_MAX_PARAMS + 1], value;
            for (size_t k = 0; k < members[m].function->n_params; k++)
                params[k] = t->params[members[m].first_param + k][unit];
            neuron_activation_reference(members[m].function,
                                        currents + members[m].x_first +
                                            u * members[m].x_unit,
                                        params, &value, NULL, NULL);
            joined[unit] += value;
        }
}

/* Sum of d_y y. With LIF (decay 1/2, gain 1/2, threshold 1, hard reset to 0, detached)
 * the spike is its true value plus what the smooth function of the surrogate adds. */
static double loss_of(Trial *t)
{
    const bool fires = t->spec->soma->output == SIM_SPIKES;
    const size_t pixels = BATCH * t->side * t->side;
    static double v[MOST], held[MOST];
    double loss = 0.0, currents[NEURON_MAX_BRANCHES * UNITS], joined[UNITS];
    memset(v, 0, sizeof v);
    memset(held, 0, sizeof held);
    for (size_t step = 0; step < STEPS; step++)
        for (size_t p = 0; p < pixels; p++) {
            const size_t image = step * BATCH + p / (t->side * t->side);
            const size_t at = p % (t->side * t->side);
            for (size_t k = 0; k < t->inputs; k++)
                currents[k] = current_of(t, image, at / t->side, at % t->side, k);
            for (size_t k = 0; t->spec->memory && k < t->inputs; k++) {
                const double keeps = 1.0 / (1.0 + exp(-t->memory[k]));
                double *branch = &held[p * t->inputs + k];
                currents[k] = *branch = keeps * *branch + (1.0 - keeps) * currents[k];
            }
            join(t, currents, joined);
            for (size_t u = 0; u < UNITS; u++) {
                const size_t i = (step * pixels + p) * UNITS + u;
                if (!fires) {
                    loss += t->d_y[i] * joined[u];
                    continue;
                }
                double *membrane = &v[p * UNITS + u];
                const double h = 0.5 * *membrane + 0.5 * joined[u], over = h - 1.0;
                if (!t->noted) {
                    t->distance[i] = over;
                    t->spike[i] = over >= 0.0;
                }
                const NeuronSurrogate *f = t->spec->surrogate;
                loss +=
                    t->d_y[i] * (t->spike[i] + f->smooth(over, t->spec->surrogate_alpha) -
                                 f->smooth(t->distance[i], t->spec->surrogate_alpha));
                *membrane = h * (1.0 - t->spike[i]);
            }
        }
    t->noted = true;
    return loss;
}

/* --- differences
 * ------------------------------------------------------------------------
 */

typedef struct Moved {
    double *values;
    const float *gradient;
    size_t n;
    const char *name;
    double low, high; /* where values may not go; equal: anywhere */
} Moved;

static void check(Trial *t, const Moved *moved, const char *dendrite, const char *where)
{
    static float direction[MOST];
    static double start[MOST];
    const double h = 1e-7;
    double came = 0.0, size = 0.0, loss[2];
    test_fill(direction, moved->n, 77);
    memcpy(start, moved->values, moved->n * sizeof *start);
    for (size_t i = 0; i < moved->n; i++) {
        if (moved->low < moved->high &&
            (start[i] <= moved->low || start[i] >= moved->high))
            direction[i] = 0.0f;
        came += (double)moved->gradient[i] * (double)direction[i];
        size += fabs((double)moved->gradient[i] * (double)direction[i]);
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < moved->n; i++)
            moved->values[i] = start[i] + (side ? h : -h) * (double)direction[i];
        loss[side] = loss_of(t);
    }
    memcpy(moved->values, start, moved->n * sizeof *start);
    const double want = (loss[1] - loss[0]) / (2.0 * h);
    cr_expect(fabs(came - want) <= 1e-5 * size + 2e-5 * fabs(want) + 1e-5,
              "%s, %s, gradient of %s: wanted %.9g, got %.9g", dendrite, where,
              moved->name, want, came);
}

static float off_start(const NeuronParam *row, size_t unit)
{
    const double step = 0.04 * (double)(unit + 1) / UNITS, high = row->initial + step;
    return (float)(row->initial > row->low && high < row->high ? step : 0.0);
}

static void check_net(const NeuronSpec *spec, bool conv, const char *name)
{
    const size_t side = conv ? 3 : 1, in = conv ? 2 : 5;
    const size_t inputs = neuron_spec_inputs(spec, UNITS);
    cr_assert_eq(neuron_spec_units(spec, inputs), UNITS, "%s", name);
    NetGraph graph = {0};
    int at = net_graph_input(&graph, "x", side, side, in, false);
    if (conv) {
        const NetConv options = {.channels = (int64_t)inputs,
                                 .kernel = 3,
                                 .stride = 1,
                                 .padding = 1,
                                 .groups = 1,
                                 .gain = 1.0};
        at = net_graph_add(&graph, &net_layer_conv, &options, 1, &at, "conv");
    } else {
        const NetLinear options = {.channels = (int64_t)inputs, .gain = 1.0};
        at = net_graph_add(&graph, &net_layer_linear, &options, 1, &at, "linear");
    }
    at = net_graph_add(&graph, &net_layer_neuron, &(NetNeuron){*spec}, 1, &at, "neuron");
    net_graph_output(&graph, at);
    good(net_graph_status(&graph));
    SimContext context;
    NetParams params;
    Net *net = NULL;
    good(sim_context_create(1, NULL, &context));
    good(net_params_create(&graph, STEPS, 3, &context, &params));
    good(net_create(
        &graph, &params,
        &(NetPlanOptions){
            .batch = BATCH, .steps = STEPS, .training = true, .input_gradient = true},
        &context, &net));

    Trial *t = calloc(1, sizeof *t);
    cr_assert(t);
    *t = (Trial){.spec = spec,
                 .side = side,
                 .in = in,
                 .kernel = conv ? 3 : 1,
                 .inputs = inputs,
                 .n_x = STEPS * BATCH * side * side * in,
                 .n_y = STEPS * BATCH * side * side * UNITS};
    NeuronParam rows[NEURON_MAX_PARAMS];
    t->n_params = neuron_spec_params(spec, rows);
    const size_t memory_row = 1 + t->n_params;
    cr_assert_eq(params.n_rows, memory_row + (spec->memory ? 1 : 0), "%s", name);
    for (size_t k = 0; spec->memory && k < inputs; k++) {
        t->memory[k] = (double)params.rows[memory_row].values[k];
        cr_assert(t->memory[k] >= spec->memory_low && t->memory[k] <= spec->memory_high);
    }
    t->n_w = params.rows[0].count;
    cr_assert(t->n_x <= MOST && t->n_w <= MOST && t->n_y <= MOST);
    const SimTensor x = net_input(net, 0);
    test_fill(x.f32, t->n_x, 11);
    test_fill(net_params_write(&params, 0), t->n_w, 12);
    for (size_t i = 0; i < t->n_x; i++)
        t->x[i] = (double)(x.f32[i] *= 2.0f);
    for (size_t i = 0; i < t->n_w; i++)
        t->weight[i] = (double)params.rows[0].values[i];
    for (size_t k = 0; k < t->n_params; k++)
        for (size_t u = 0; u < UNITS; u++)
            /* Off the start, where some functions have a joint at every x below 0. */
            t->params[k][u] =
                (double)(net_params_write(&params, 1 + k)[u] += off_start(&rows[k], u));
    net_reset(net);
    net_forward(net, STEPS, NULL, 1);
    float *d_y = net_output_gradient(net, 0);
    test_fill(d_y, t->n_y, 13);
    for (size_t i = 0; i < t->n_y; i++)
        t->d_y[i] = (double)d_y[i];
    net_zero_gradients(net);
    net_backward(net);

    char where[64];
    snprintf(where, sizeof where, "%s, soma %s", conv ? "conv" : "linear",
             spec->soma->name);
    loss_of(t);
    check(t, &(Moved){t->x, net_input_gradient(net, 0), t->n_x, "x", 0, 0}, name, where);
    check(t, &(Moved){t->weight, net_gradient(net, 0), t->n_w, "the weights", 0, 0}, name,
          where);
    for (size_t k = 0; k < t->n_params; k++)
        check(t,
              &(Moved){t->params[k], net_gradient(net, 1 + k), UNITS, rows[k].name,
                       rows[k].low, rows[k].high},
              name, where);
    if (spec->memory)
        check(t,
              &(Moved){t->memory, net_gradient(net, memory_row), inputs, "memory", 0, 0},
              name, where);
    free(t);
    net_destroy(net);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
}

static void check_dendrite(const char *name, bool memory)
{
    static const char *const somas[] = {"none", "lif"};
    for (size_t i = 0; i < 4; i++) {
        NeuronSpec spec = neuron_spec_default();
        spec.memory = memory;
        spec.memory_low = -1.0;
        spec.memory_high = 1.0;
        good(neuron_spec_set(&spec, "soma", somas[i / 2]));
        good(neuron_spec_set(&spec, "dendrite", name));
        spec.sharing = NEURON_PER_CHANNEL;
        spec.learn = NEURON_LEARN_ALL;
        check_net(&spec, i % 2, name);
    }
}

Test(dendrites, gradients_of_every_function)
{
    for (const NeuronDendrite *const *row = neuron_dendrites; *row; row++)
        check_dendrite((*row)->name, false);
}

Test(dendrites, gradients_of_ensembles)
{
    for (size_t i = 0; i < N_ENSEMBLES; i++)
        check_dendrite(ensembles[i], false);
}

/* Branches with time constants of their own: alone, added (dendritic LIF), joined. */
Test(dendrites, gradients_with_memory)
{
    static const char *const names[] = {"identity", "identity+identity+identity",
                                        "ada+leaky_ada", "and_il", "d:or_ail/xnor_ail"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_dendrite(names[i], true);
}

/* The memory of branches is carried from window to window. */
Test(dendrites, memory_in_windows)
{
    enum { T = 6, INPUTS = 8, PIXELS = 3, C = INPUTS / 2, ROW = PIXELS * C };
    static float x[T * PIXELS * INPUTS], whole[T * ROW], cut[T * ROW];
    NetGraph graph = {0};
    NetParams params;
    SimContext context;
    NeuronSpec spec = neuron_spec_default();
    good(neuron_spec_set(&spec, "dendrite", "identity+relu"));
    good(neuron_spec_set(&spec, "memory", "branches"));
    good(neuron_spec_set(&spec, "memory_low", "-2"));
    int at = net_graph_input(&graph, "x", 1, PIXELS, INPUTS, false);
    at = net_graph_add(&graph, &net_layer_neuron, &(NetNeuron){spec}, 1, &at, "neuron");
    net_graph_output(&graph, at);
    good(sim_context_create(1, NULL, &context));
    good(net_params_create(&graph, T, 3, &context, &params));
    test_fill(x, T * PIXELS * INPUTS, 17);
    double spikes = 0.0;
    for (size_t window = 1; window <= T; window++) {
        Net *net = NULL;
        float *to = window == 1 ? whole : cut;
        good(net_create(&graph, &params,
                        &(NetPlanOptions){.batch = 1, .steps = T, .window = window},
                        &context, &net));
        net_reset(net);
        for (size_t t = 0; t < T; t += window) {
            const size_t nt = T - t < window ? T - t : window;
            for (size_t i = 0; i < nt * PIXELS * INPUTS; i++)
                net_input(net, 0).f32[i] = 4.0f * x[t * PIXELS * INPUTS + i] + 2.0f;
            net_forward(net, nt, NULL, 1);
            const SimTensor y = net_output(net, 0);
            for (size_t i = 0; i < nt * ROW; i++)
                to[t * ROW + i] =
                    y.form == SIM_DENSE
                        ? y.f32[i]
                        : (float)(y.bits[i / C * sim_words(C)] >> (i % C) & 1);
        }
        if (window > 1)
            cr_expect_eq(memcmp(whole, cut, sizeof whole), 0, "window %zu", window);
        net_destroy(net);
    }
    for (size_t i = 0; i < T * ROW; i++)
        spikes += (double)whole[i];
    cr_expect(spikes > 0.0 && spikes < T * ROW, "%g spikes", spikes);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
}

/* --- dendrites of several functions
 * -----------------------------------------------------
 */

static void run_layer(const char *dendrite, size_t inputs, const float *x, size_t units,
                      const float *want)
{
    NeuronSpec spec = neuron_spec_default();
    SimContext context;
    float y[16];
    good(sim_context_create(1, NULL, &context));
    good(neuron_spec_set(&spec, "soma", "none"));
    good(neuron_spec_set(&spec, "dendrite", dendrite));
    good(neuron_spec_set(&spec, "learn", "none"));
    cr_assert_eq(neuron_spec_units(&spec, inputs), units, "%s", dendrite);
    cr_assert_eq(neuron_spec_inputs(&spec, units), inputs, "%s", dendrite);
    neuron_join_forward(spec.dendrite)(&(NeuronBranches){.spec = &spec,
                                                         .context = &context,
                                                         .pixels = 1,
                                                         .channels = units,
                                                         .x = x,
                                                         .current = y});
    for (size_t i = 0; i < units; i++)
        cr_expect_float_eq((double)y[i], (double)want[i], 1e-6, "%s, unit %zu: %g",
                           dendrite, i, (double)y[i]);
}

/* The examples of the reference, and a sum of branches. */
Test(dendrites, ensembles_by_hand)
{
    run_layer("d:and_ail/or_ail/xnor_ail", 4, (float[]){1.0f, -2.0f, -0.5f, -0.25f}, 6,
              (float[]){-2.0f, -0.75f, 1.0f, -0.25f, -1.0f, 0.25f});
    run_layer("p:and_ail/or_ail/xnor_ail", 6,
              (float[]){1.0f, -2.0f, -0.5f, -0.25f, 3.0f, 0.5f}, 3,
              (float[]){-2.0f, -0.25f, 0.5f});
    run_layer("relu+identity+minout2", 8,
              (float[]){-1.0f, 2.0f, 3.0f, 5.0f, 4.0f, -1.0f, 2.0f, 0.5f}, 2,
              (float[]){0.0f + 2.0f + 3.0f, 4.0f - 1.0f + 0.5f});
}

Test(dendrites, words)
{
    NeuronSpec spec = neuron_spec_default();
    char text[128];
    for (size_t i = 0; i < N_ENSEMBLES; i++) {
        good(neuron_spec_set(&spec, "dendrite", ensembles[i]));
        neuron_spec_dendrite_text(&spec, text, sizeof text);
        cr_expect_str_eq(text, ensembles[i]);
    }
    good(neuron_spec_set(&spec, "dendrite", "ada+leaky_ada"));
    good(neuron_spec_set(&spec, "alpha_2", "0.25"));
    NeuronParam params[NEURON_MAX_PARAMS];
    cr_assert_eq(neuron_spec_params(&spec, params), 5);
    static const char *const names[] = {"alpha", "c", "alpha_2", "c_2", "leak"};
    for (size_t i = 0; i < 5; i++)
        cr_expect_str_eq(params[i].name, names[i]);
    cr_expect_float_eq(spec.dendrite_values[0], 1.0, 0.0);
    cr_expect_float_eq(spec.dendrite_values[2], 0.25, 0.0);
    const NeuronSpec copy = spec;
    neuron_spec_params(&copy, params);
    cr_expect_eq(params[2].name, copy.param_names[2], "names are those of the copy");

    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"relu+adda", "\"ada\""},
        {"d:and_ail/relu", "equally many inputs"},
        {"relu+", "unknown dendrite"},
        {"fourier5+lslu_cascade", "at most 16 parameters"},
        {"relu+relu+relu+relu+relu+relu+relu+relu+relu", "at most 8"},
        {"and_l", "\"and_il\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const NeuronSpec before = spec;
        cr_expect_neq(neuron_spec_set(&spec, "dendrite", wrong[i].text), SIM_OK);
        cr_expect(strstr(sim_message(), wrong[i].says), "%s: %s", wrong[i].text,
                  sim_message());
        cr_expect_eq(memcmp(&before, &spec, sizeof spec), 0, "%s", wrong[i].text);
    }
}

/* --- models
 * ----------------------------------------------------------------------------- */

/* Every model takes every kind of dendrite with every kind of soma: it plans, runs and
 * gives gradients that are numbers. */
Test(dendrites, every_model)
{
    static const char *const dendrites[] = {"ada",
                                            "pynada",
                                            "relu+ada",
                                            "d:and_ail/or_ail",
                                            "p:or_ail/xnor_ail",
                                            "d:and_nail/or_nail/xnor_nail"};
    static const char *const somas[] = {"none", "if", "lif", "plif", "alif"};
    SimContext context;
    good(sim_context_create(1, NULL, &context));
    size_t round = 0;
    for (const NetModel *const *model = net_models; *model; model++)
        for (size_t d = 0; d < sizeof dendrites / sizeof *dendrites; d++, round++) {
            void *options = calloc(1, (*model)->options_size + 1);
            NeuronSpec spec;
            NetGraph graph = {0};
            NetParams params;
            Net *net = NULL;
            const char *soma = somas[round % 5];
            sim_options_init((*model)->options, options);
            (*model)->neuron(options, &spec);
            if ((*model)->widen)
                (*model)->widen(options, 0.1);
            good(neuron_spec_set(&spec, "soma", soma));
            good(neuron_spec_set(&spec, "dendrite", dendrites[d]));
            const SimStatus status = (*model)->build(
                options, &(NetModelInput){32, 32, 2, 4, STEPS, false}, &spec, &graph);
            cr_assert_eq(status, SIM_OK, "%s with %s: %s", (*model)->name, dendrites[d],
                         sim_message());
            good(net_params_create(&graph, STEPS, 3, &context, &params));
            cr_assert_eq(net_create(&graph, &params,
                                    &(NetPlanOptions){
                                        .batch = 1, .steps = STEPS, .training = true},
                                    &context, &net),
                         SIM_OK, "%s with %s, %s: %s", (*model)->name, dendrites[d], soma,
                         sim_message());
            const SimTensor x = net_input(net, 0);
            test_fill(x.f32, sim_shape_count(x.shape), 3);
            net_reset(net);
            net_forward(net, STEPS, NULL, 1);
            for (size_t i = 0; i < net_n_outputs(net); i++)
                test_fill(net_output_gradient(net, i),
                          sim_shape_count(net_output(net, i).shape), 4 + i);
            net_zero_gradients(net);
            net_backward(net);
            double size = 0.0;
            for (size_t i = 0; i < params.n_rows; i++)
                for (size_t k = 0; net_gradient(net, i) && k < params.rows[i].count; k++)
                    size += fabs((double)net_gradient(net, i)[k]);
            cr_expect(isfinite(size) && size > 0.0,
                      "%s with %s, %s: gradients of size %g", (*model)->name,
                      dendrites[d], soma, size);
            net_destroy(net);
            net_params_destroy(&params);
            net_graph_destroy(&graph);
            free(options);
        }
}
