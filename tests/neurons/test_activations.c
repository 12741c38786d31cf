/* Functions of the branches: against the table of exact values in APICAL_ACTIVATIONS, the
 * levels against each other, and inside a layer.
 *
 * Columns of the table: function,params,x,y,f,df_dx,df_dy,df_dparams,kink. A kink marks a
 * derivative that is a choice; there our choice is the same. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/activation.h"
#include "tests/nets/layer_harness.h"
#include "tests/support.h"

enum { MOST = 32, LINE = 4096 };

typedef struct Row {
    char function[64];
    size_t n_params, n_slopes;
    char names[MOST][24], slope_names[MOST][24];
    double params[MOST], slopes[MOST];
    double x[2], f, d_x[2];
    size_t n_x;
    bool kink;
} Row;

/* "a=1;b=2" */
static size_t pairs(char *text, char names[MOST][24], double *values)
{
    size_t n = 0;
    for (char *at = text; *at && n < MOST;) {
        char *equals = strchr(at, '=');
        cr_assert(equals, "%s", text);
        *equals = '\0';
        if (names)
            snprintf(names[n], sizeof names[n], "%s", at);
        values[n++] = strtod(equals + 1, &at);
        at += *at == ';';
    }
    return n;
}

static Row parse(char *line)
{
    Row row = {0};
    char *fields[9] = {0};
    for (size_t i = 0; i < 9; i++) {
        fields[i] = strsep(&line, ",\r\n");
        cr_assert(fields[i]);
    }
    snprintf(row.function, sizeof row.function, "%s", fields[0]);
    row.n_params = pairs(fields[1], row.names, row.params);
    row.n_slopes = pairs(fields[7], row.slope_names, row.slopes);
    row.n_x = *fields[3] ? 2 : 1;
    row.x[0] = strtod(fields[2], NULL);
    row.x[1] = strtod(fields[3], NULL);
    row.f = strtod(fields[4], NULL);
    row.d_x[0] = strtod(fields[5], NULL);
    row.d_x[1] = strtod(fields[6], NULL);
    row.kink = *fields[8] == '1';
    return row;
}

/* Names of the table that are another function of ours with the same parameters. */
static const char *ours(const char *name)
{
    static const char *const same[][2] = {{"kat_group_rational", "rational_a"},
                                          {"pwlu", "pwlu4"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (strcmp(name, same[i][0]) == 0)
            return same[i][1];
    return name;
}

static FILE *open_table(void)
{
    const char *path = getenv("APICAL_ACTIVATIONS");
    char beside[4096];
    if (!path) {
        snprintf(beside, sizeof beside, "%s/../shared/reference/activations_golden.csv",
                 test_source_root());
        path = beside;
    }
    FILE *file = fopen(path, "r");
    if (!file)
        cr_skip_test("no table of activations: set APICAL_ACTIVATIONS");
    return file;
}

typedef struct Tolerance {
    double relative, absolute;
} Tolerance;

static bool near(double came, double want, double scale, Tolerance t)
{
    if (came == want || (isnan(came) && isnan(want)))
        return true;
    return fabs(came - want) <= t.relative * fabs(want) + t.absolute * scale;
}

static size_t param_index(const NeuronDendrite *function, const char *name)
{
    size_t k = 0;
    while (k < function->n_params && strcmp(function->params[k].name, name) != 0)
        k++;
    cr_assert_lt(k, function->n_params, "%s has no parameter %s", function->name, name);
    return k;
}

/* Compares one row with what came. */
static void compare(const char *how, const Row *row, const NeuronDendrite *function,
                    double f, const double *d_x, const double *d_params, Tolerance t)
{
    double scale = fmax(1.0, fmax(fabs(row->x[0]), fabs(row->x[1])));
    cr_expect(near(f, row->f, scale, t), "%s %s(%g, %g): wanted %.17g, got %.17g", how,
              row->function, row->x[0], row->x[1], row->f, f);
    for (size_t b = 0; b < row->n_x; b++)
        cr_expect(near(d_x[b], row->d_x[b], scale, t),
                  "%s %s(%g, %g): slope %zu: wanted %.17g, got %.17g", how, row->function,
                  row->x[0], row->x[1], b, row->d_x[b], d_x[b]);
    for (size_t k = 0; k < row->n_slopes; k++) {
        const double came = d_params[param_index(function, row->slope_names[k])];
        cr_expect(near(came, row->slopes[k], scale, t),
                  "%s %s(%g, %g): slope of %s: wanted %.17g, got %.17g", how,
                  row->function, row->x[0], row->x[1], row->slope_names[k],
                  row->slopes[k], came);
    }
}

/* Polynomials of degree 3 to 5: their slopes grow like the square or more. */
static bool grows(const char *name)
{
    static const char *const names[] = {"ncu",        "z2cos",      "rational_a",
                                        "rational_b", "rational_c", "kat_group_rational"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Surrogates of libraries: which of ours, with the first parameter or its inverse (of
 * which times `alpha`) as alpha, and a scale. */
typedef struct Surrogate {
    const char *name, *ours;
    double alpha; /* times the parameter; 0: 1 whatever it is */
    bool inverse; /* of the parameter */
    double scale; /* times the parameter to the power of `power` */
    double power;
    bool strict;
} Surrogate;

/* clang-format off */
static const Surrogate surrogates[] = {
    {"surr_sj_sigmoid", "sigmoid", 1, false, 1, 0, false},
    {"surr_sj_atan", "atan", 1, false, 1, 0, false},
    {"surr_sj_softsign", "fast_sigmoid", 1, false, 0.5, 1, false},
    {"surr_sj_superspike", "fast_sigmoid", 0, false, 1, 1, false},
    {"surr_sj_piecewise_quadratic", "triangle", 1, false, 1, 0, false},
    {"surr_sj_piecewise_exp", "exponential", 1, false, 1, 0, false},
    {"surr_sj_erf", "gaussian", 1, false, 1, 0, false},
    {"surr_sj_piecewise_leaky_relu", "leaky_rectangle", 0.5, true, 1, 0, false},
    {"surr_sj_rect", "rectangle", 1, false, 1, 0, false},
    {"surr_snn_fast_sigmoid", "fast_sigmoid", 1, false, 1, 0, true},
    {"surr_snn_sigmoid", "sigmoid", 1, false, 1, 0, true},
    {"surr_snn_atan", "atan", 1, false, 1, 0, true},
    {"surr_norse_super", "fast_sigmoid", 1, false, 1, 0, true},
    {"surr_norse_triangle", "triangle", 0, false, 1, 1, true},
    {"surr_norse_tanh", "sigmoid", 2, false, 2, -1, true},
    {"surr_norse_circ", "circle", 1, true, 1, 0, true},
    {"surr_norse_erfc", "gaussian", 1, false, 2, -1, true},
    {"surr_multi_gaussian", "multi_gaussian", 1, true, 1, 0, false},
};
/* clang-format on */

static void compare_surrogate(const Row *row, const SimKernels *kernels)
{
    const Surrogate *s = surrogates;
    const Surrogate *const end = s + sizeof surrogates / sizeof *surrogates;
    while (s < end && strcmp(s->name, row->function) != 0)
        s++;
    cr_assert_lt(s, end, "%s is not one of ours", row->function);
    const NeuronSurrogate *ours = neuron_surrogate_find(s->ours);
    cr_assert(ours, "%s", s->ours);
    const double p = row->params[0];
    const double alpha = s->alpha == 0.0 ? 1.0 : s->alpha * (s->inverse ? 1.0 / p : p);
    const double scale = s->scale * pow(p, s->power);
    compare("double", row, NULL, s->strict ? row->x[0] > 0.0 : row->x[0] >= 0.0,
            (double[]){scale * ours->slope(row->x[0], alpha)}, NULL,
            (Tolerance){1e-12, 2e-15});
    if (fabs(row->x[0]) > 30.0)
        return;
    const float x = (float)row->x[0];
    float slope = NAN;
    kernels->surrogate_slope(ours->kind, (float)alpha, (float)scale, 1, &x, &slope);
    compare("float", row, NULL, row->f, (double[]){(double)slope}, NULL,
            (Tolerance){5e-6, 2e-6});
}

Test(activations, golden)
{
    FILE *file = open_table();
    char line[LINE], missing[LINE] = "";
    SimContext context;
    cr_assert_eq(sim_context_create(1, NULL, &context), SIM_OK);
    size_t rows = 0;
    cr_assert(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file)) {
        const Row row = parse(line);
        if (strncmp(row.function, "surr_", 5) == 0) {
            compare_surrogate(&row, &context.kernels);
            rows++;
            continue;
        }
        const NeuronDendrite *function = neuron_dendrite_find(ours(row.function));
        if (!function || !function->pointwise) {
            char name[80];
            snprintf(name, sizeof name, " %s,", row.function);
            if (!strstr(missing, name))
                snprintf(missing + strlen(missing), sizeof missing - strlen(missing),
                         "%s", name);
            continue;
        }
        rows++;
        cr_assert_eq(function->n_branches, row.n_x, "%s", row.function);
        double params[NEURON_MAX_PARAMS] = {0}, d_params[NEURON_MAX_PARAMS], f, d_x[2];
        for (size_t k = 0; k < function->n_params; k++)
            params[k] = function->params[k].initial;
        for (size_t k = 0; k < row.n_params; k++)
            params[param_index(function, row.names[k])] = row.params[k];
        neuron_activation_reference(function, row.x, params, &f, d_x, d_params);
        compare("double", &row, function, f, d_x, d_params, (Tolerance){1e-12, 2e-15});
        if (fabs(row.x[0]) > 30.0 || fabs(row.x[1]) > 30.0)
            continue;
        if (strcmp(row.function, "pwlu") == 0 && fabs(row.x[0]) < 1e-7)
            continue; /* in floats the same as the joint at 0 */
        const float x[2] = {(float)row.x[0], (float)row.x[1]};
        float y, slopes[2], by_params[NEURON_MAX_PARAMS];
        neuron_activation_fast(function, &context, 1, x, params, &y, slopes, by_params);
        for (size_t k = 0; k < function->n_params; k++)
            d_params[k] = (double)by_params[k];
        const double big = fmax(1.0, fmax(fabs(row.x[0]), fabs(row.x[1])));
        const Tolerance fast = {5e-6, grows(row.function) ? 2e-6 * big * big : 2e-6};
        compare("float", &row, function, (double)y,
                (double[]){(double)slopes[0], (double)slopes[1]}, d_params, fast);
    }
    fclose(file);
    cr_expect(!*missing, "functions of the table that are not ours:%s", missing);
    cr_expect(rows > 0);
}

/* Every level gives the bits of the reference, in any number and at any place. */
Test(activations, levels_agree)
{
    SimContext contexts[3];
    static const char *const levels[] = {"ref", "avx2", "avx512"};
    size_t n_levels = 0;
    for (size_t i = 0; i < 3; i++)
        n_levels += sim_context_create(1, levels[i], &contexts[n_levels]) == SIM_OK;
    enum { N = 700 };
    static float x[N * NEURON_MAX_BRANCHES], y[2][N], d_x[2][N * NEURON_MAX_BRANCHES],
        d_params[2][N * NEURON_MAX_PARAMS];
    test_fill(x, N * NEURON_MAX_BRANCHES, 5);
    for (size_t i = 0; i < N * NEURON_MAX_BRANCHES; i++)
        x[i] *= i % 3 ? 2.0f : 40.0f;
    for (size_t i = 0; i < N; i += 50)
        x[i] = 0.0f;
    for (const NeuronDendrite *const *row = neuron_dendrites; *row; row++) {
        if (!(*row)->pointwise)
            continue;
        double params[NEURON_MAX_PARAMS];
        for (size_t k = 0; k < (*row)->n_params; k++)
            params[k] = (*row)->params[k].initial;
        for (size_t level = 0; level < n_levels; level++) {
            const size_t to = level > 0;
            memset(y[to], 0, sizeof y[to]);
            memset(d_x[to], 0, sizeof d_x[to]);
            memset(d_params[to], 0, sizeof d_params[to]);
            neuron_activation_fast(*row, &contexts[level], N, x, params, y[to], d_x[to],
                                   d_params[to]);
            if (!to)
                continue;
            for (size_t i = 0; i < N; i++)
                cr_assert(memcmp(&y[0][i], &y[1][i], sizeof(float)) == 0 ||
                              (isnan(y[0][i]) && isnan(y[1][i])),
                          "%s of %g at %s: %g, %g", (*row)->name, (double)x[i],
                          levels[level], (double)y[0][i], (double)y[1][i]);
            for (size_t i = 0; i < N * (*row)->n_branches; i++)
                cr_assert(memcmp(&d_x[0][i], &d_x[1][i], sizeof(float)) == 0 ||
                              (isnan(d_x[0][i]) && isnan(d_x[1][i])),
                          "slope of %s at %s", (*row)->name, levels[level]);
            for (size_t i = 0; i < N * (*row)->n_params; i++)
                cr_assert(memcmp(&d_params[0][i], &d_params[1][i], sizeof(float)) == 0 ||
                              (isnan(d_params[0][i]) && isnan(d_params[1][i])),
                          "parameter slope of %s at %s", (*row)->name, levels[level]);
        }
    }
}

/* The layer gives what the function gives, unit by unit, and so do its gradients: any
 * number of channels, both sharings, with and without accumulation. */
Test(activations, layer_is_the_function)
{
    static const size_t widths[] = {1, 3, 33, 64, 128, 150, 300};
    SimContext context;
    cr_assert_eq(sim_context_create(1, NULL, &context), SIM_OK);
    for (const NeuronDendrite *const *row = neuron_dendrites; *row; row++)
        for (size_t w = 0; (*row)->pointwise && w < 2 * (sizeof widths / sizeof *widths);
             w++) {
            const size_t c = widths[w / 2], branches = (*row)->n_branches;
            const size_t k_max = (*row)->n_params;
            NetNeuron options = {.spec = neuron_spec_default()};
            cr_assert_eq(neuron_spec_set(&options.spec, "soma", "none"), SIM_OK);
            neuron_spec_set_dendrite(&options.spec, *row);
            options.spec.sharing = (NeuronSharing)(w % 2);
            options.spec.learn = NEURON_LEARN_ALL;
            const HarnessSetup setup = {.layer = &net_layer_neuron,
                                        .options = &options,
                                        .in = {{2, 2, 2, 1, c * branches}},
                                        .n_inputs = 1,
                                        .steps = 2,
                                        .training = true};
            Harness h;
            harness_open(&setup, &h);
            test_fill(h.x[0], h.n_x[0], 91);
            test_fill(h.dy, h.n_y, 92);
            for (size_t i = 0; i < h.n_x[0]; i++) {
                h.x[0][i] *= 2.0f;
                h.dx[0][i] = 0.5f;
            }
            h.accumulate = w / 2 % 2;
            harness_forward(&h);
            harness_backward(&h);
            double sums[NEURON_MAX_PARAMS] = {0}, sizes[NEURON_MAX_PARAMS] = {0};
            const size_t watched = c / 2; /* channel whose sums are compared */
            for (size_t i = 0; i < h.n_y; i++) {
                double params[NEURON_MAX_PARAMS];
                float y, d_x[NEURON_MAX_BRANCHES], d_params[NEURON_MAX_PARAMS];
                for (size_t k = 0; k < k_max; k++)
                    params[k] = (*row)->params[k].initial;
                neuron_activation_fast(*row, &context, 1, h.x[0] + i * branches, params,
                                       &y, d_x, d_params);
                cr_assert_eq(h.y[i], y, "%s, %zu channels, unit %zu", (*row)->name, c, i);
                for (size_t b = 0; b < branches; b++) {
                    const float d = h.dy[i] * d_x[b];
                    cr_assert_eq(h.dx[0][i * branches + b], h.accumulate ? 0.5f + d : d,
                                 "%s, %zu channels, unit %zu", (*row)->name, c, i);
                }
                if (w % 2 == NEURON_PER_LAYER || i % c == watched)
                    for (size_t k = 0; k < k_max; k++) {
                        sums[k] += (double)h.dy[i] * (double)d_params[k];
                        sizes[k] += fabs((double)h.dy[i] * (double)d_params[k]);
                    }
            }
            for (size_t k = 0; k < k_max; k++) {
                const NeuronParam *param = &(*row)->params[k];
                if (param->initial <= param->low || param->initial >= param->high)
                    continue; /* may not move */
                cr_expect_float_eq((double)h.d_params[k][w % 2 ? watched : 0], sums[k],
                                   1e-5 * sizes[k] + 1e-30, "%s, %zu channels, %s",
                                   (*row)->name, c, param->name);
            }
            harness_close(&h);
        }
}
