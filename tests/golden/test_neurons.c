/* Neurons against SpikingJelly in double precision: every group of neurons.h5. Spikes are
 * the same; a potential within rounding of the threshold would be listed, not excused. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/neuron.h"
#include "sim/store.h"
#include "tests/neurons/neuron_harness.h"
#include "tests/support.h"

enum { MAX_NAME = 128 };
#define TOLERANCE 2e-6 /* norm of the difference over norm of the reference */

typedef struct Names {
    char (*rows)[MAX_NAME]; /* groups, in the order of the file */
    size_t n;
} Names;

static SimStatus note_group(void *argument, const char *name)
{
    Names *names = argument;
    const char *slash = strchr(name, '/');
    if (!slash || strcmp(slash, "/x") != 0)
        return SIM_OK;
    names->rows = realloc(names->rows, (names->n + 1) * sizeof *names->rows);
    cr_assert(names->rows);
    snprintf(names->rows[names->n++], MAX_NAME, "%.*s", (int)(slash - name), name);
    return SIM_OK;
}

static double number(SimStore *store, const char *group, const char *attribute)
{
    double value = 0.0;
    cr_assert_eq(sim_store_read_number(store, group, attribute, &value), SIM_OK, "%s",
                 sim_message());
    return value;
}

static char *text(SimStore *store, const char *group, const char *attribute)
{
    char *value = NULL;
    cr_assert_eq(sim_store_read_text(store, group, attribute, &value), SIM_OK, "%s",
                 sim_message());
    return value;
}

static double *array(SimStore *store, const char *group, const char *name, size_t n)
{
    char path[2 * MAX_NAME];
    snprintf(path, sizeof path, "%s/%s", group, name);
    double *data = malloc(n * sizeof *data);
    cr_assert_eq(sim_store_read(store, path, SIM_F64, n, data), SIM_OK, "%s",
                 sim_message());
    return data;
}

static void set(NeuronSpec *spec, const char *key, const char *format, double value)
{
    char words[40];
    snprintf(words, sizeof words, format, value);
    cr_assert_eq(neuron_spec_set(spec, key, words), SIM_OK, "%s", sim_message());
}

static NeuronSpec spec_of(SimStore *store, const char *group)
{
    NeuronSpec spec = neuron_spec_default();
    char *kind = text(store, group, "kind"), *reset = text(store, group, "reset"),
         *surrogate = text(store, group, "surrogate");
    const bool hard = strcmp(reset, "hard") == 0;
    const bool decay_input = number(store, group, "decay_input") != 0.0;
    set(&spec, "soma", kind, 0.0);
    if (strcmp(kind, "if") != 0)
        set(&spec, "tau", "%.17g", number(store, group, "tau"));
    if (strcmp(kind, "lif") == 0 && !decay_input)
        set(&spec, "gain", "1", 0.0);
    if (strcmp(kind, "plif") == 0)
        set(&spec, "decay_input", decay_input ? "1" : "0", 0.0);
    set(&spec, "threshold", "%.17g", number(store, group, "v_threshold"));
    set(&spec, "reset", hard ? "hard" : "soft", 0.0);
    if (hard)
        set(&spec, "v_reset", "%.17g", number(store, group, "v_reset"));
    spec.detach_reset = number(store, group, "detach_reset") != 0.0;
    set(&spec, "surrogate", surrogate, 0.0);
    set(&spec, "surrogate_alpha", "%.17g", number(store, group, "surrogate_alpha"));
    cr_assert_eq(neuron_spec_check(&spec), SIM_OK, "%s", sim_message());
    free(kind);
    free(reset);
    free(surrogate);
    return spec;
}

static double distance(const float *ours, const double *theirs, size_t n)
{
    double error = 0.0, size = 0.0;
    for (size_t i = 0; i < n; i++) {
        error += pow((double)ours[i] - theirs[i], 2.0);
        size += pow(theirs[i], 2.0);
    }
    return sqrt(error / size);
}

typedef struct Worst {
    double v, grad_x, grad_w;
    size_t flipped;
} Worst;

static void compare_group(SimStore *store, const char *group, Worst *worst)
{
    char path[2 * MAX_NAME];
    SimStoreInfo info;
    snprintf(path, sizeof path, "%s/x", group);
    cr_assert_eq(sim_store_info(store, path, &info), SIM_OK, "%s", sim_message());
    const size_t steps = info.dims[0], n = info.dims[1], count = info.count;
    const NeuronSpec spec = spec_of(store, group);
    double *x = array(store, group, "x", count),
           *spikes = array(store, group, "spikes", count),
           *v = array(store, group, "v", count),
           *grad_x = array(store, group, "grad_x", count),
           *weight = array(store, group, "weight", count),
           *weight_v = array(store, group, "weight_v", count);

    /* Two images of half the neurons: C is what the steps are not. */
    NeuronHarness h;
    neuron_harness_open(&spec, (SimShape){steps, 2, 1, 1, n / 2}, 1, NULL, &h);
    h.run.d_v = h.d_v;
    for (size_t i = 0; i < count; i++) {
        h.x[i] = (float)x[i];
        h.d_y[i] = (float)weight[i];
        h.d_v[i] = 0.1f * (float)weight_v[i];
    }
    neuron_harness_forward(&h, 1);
    for (size_t i = 0; i < count; i++)
        if ((double)h.y[i] != spikes[i]) {
            cr_log_error(
                "%s: step %zu, neuron %zu: spike flipped, %.3g from the threshold", group,
                i / n, i % n,
                (double)h.potential[i] - number(store, group, "v_threshold"));
            worst->flipped++;
        }
    const double v_error = distance(h.v_after, v, count);
    neuron_harness_backward(&h);
    const double x_error = distance(h.d_x, grad_x, count);
    cr_expect_lt(v_error, TOLERANCE, "%s: v differs by %g", group, v_error);
    cr_expect_lt(x_error, TOLERANCE, "%s: grad_x differs by %g", group, x_error);
    worst->v = fmax(worst->v, v_error);
    worst->grad_x = fmax(worst->grad_x, x_error);
    snprintf(path, sizeof path, "%s/w", group);
    cr_assert_eq(sim_store_has(store, path), spec.soma->params[0].trained);
    if (sim_store_has(store, path)) {
        double *w = array(store, group, "w", 1),
               *grad_w = array(store, group, "grad_w", 1);
        cr_expect_float_eq(h.params[0][0], w[0], 1e-6, "%s: w is another", group);
        const double w_error = distance(h.d_params[0], grad_w, 1);
        cr_expect_lt(w_error, 10 * TOLERANCE, "%s: grad_w differs by %g", group, w_error);
        worst->grad_w = fmax(worst->grad_w, w_error);
        free(w);
        free(grad_w);
    }
    neuron_harness_close(&h);
    double *const arrays[] = {x, spikes, v, grad_x, weight, weight_v};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free(arrays[i]);
}

Test(neurons, spikingjelly)
{
    char *path = test_golden_path("neurons.h5");
    SimStore *store = NULL;
    cr_assert_eq(sim_store_open(path, &store), SIM_OK, "%s", sim_message());
    Names names = {0};
    cr_assert_eq(sim_store_visit(store, "", note_group, &names), SIM_OK, "%s",
                 sim_message());
    cr_assert_gt(names.n, 0);
    Worst worst = {0};
    for (size_t i = 0; i < names.n; i++)
        compare_group(store, names.rows[i], &worst);
    cr_log_info("%zu groups: v %.1e, grad_x %.1e, grad_w %.1e, %zu spikes flipped",
                names.n, worst.v, worst.grad_x, worst.grad_w, worst.flipped);
    cr_expect_eq(worst.flipped, 0);
    free(names.rows);
    sim_store_close(store);
    free(path);
}
