/* Whole networks against vectors computed in double precision by the published reference
 * implementations: output, loss, every gradient, batch-norm statistics, evaluation. Each
 * file of APICAL_GOLDEN but those of capsules says in its `config` which network it is.
 */
#include <cJSON.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/loss.h"
#include "nets/model.h"
#include "nets/net.h"
#include "sim/store.h"
#include "tests/support.h"

enum { MAX_FILES = 64, PATH = 512 };
static const double tolerance =
    1e-4; /* norm of the difference over norm of the reference */

typedef struct File {
    char path[PATH];
} File;

ParameterizedTestParameters(golden, network)
{
    static File files[MAX_FILES];
    size_t n = 0;
    struct dirent **entries = NULL;
    const char *folder = test_golden_folder();
    const int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const size_t length = strlen(name);
        if (n < MAX_FILES && length > 3 && strcmp(name + length - 3, ".h5") == 0 &&
            strcmp(name, "neurons.h5") != 0 && strcmp(name, "frames.h5") != 0 &&
            !strstr(name, "capsnet"))
            snprintf(files[n++].path, PATH, "%s/%s", folder, name);
    }
    if (n == 0)
        snprintf(files[n++].path, PATH, "none");
    return cr_make_param_array(File, files, n);
}

/* --- the network of a config
 * -------------------------------------------------------------- */

typedef struct Golden {
    SimStore *store;
    cJSON *config;
    const char *model;
    size_t steps, batch, h, w, c, classes;
    bool constant;
    NetGraph graph;
    NetParams params;
} Golden;

static double number(const Golden *g, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(g->config, key);
    cr_assert(cJSON_IsNumber(item), "config has no number \"%s\"", key);
    return item->valuedouble;
}

static void set(const NetModel *model, void *options, const char *key, const char *format,
                double value)
{
    char text[64];
    snprintf(text, sizeof text, format, value);
    cr_assert_eq(sim_option_set(model->options, options, key, text), SIM_OK, "%s",
                 sim_message());
}

/* "w->w", "w->2w stride 2", "2w->2w+4 stride 2, average pool": widths, strides,
 * shortcuts. */
static void stages_of(const Golden *g, char *out, size_t size)
{
    const int width = (int)number(g, "width");
    const cJSON *blocks = cJSON_GetObjectItem(g->config, "blocks"), *block = NULL;
    size_t used = 0;
    cJSON_ArrayForEach(block, blocks)
    {
        const char *to = strstr(block->valuestring, "->");
        cr_assert_not_null(to, "block \"%s\"", block->valuestring);
        int times = 1, plus = 0;
        if (sscanf(to, "->%dw", &times) != 1)
            times = 1;
        const char *sign = strchr(to, '+');
        if (sign && sign < to + 6)
            sscanf(sign, "+%d", &plus);
        used += (size_t)snprintf(out + used, size - used, "%s%dx1%s%s", used ? "," : "",
                                 times * width + plus, strstr(to, "stride 2") ? "/2" : "",
                                 strstr(to, "average") ? "a" : "");
    }
}

static void build(Golden *g, const SimContext *context)
{
    const bool s_resnet = strncmp(g->model, "sresnet", 7) == 0;
    const NetModel *model = net_model_find(s_resnet ? "sresnet" : g->model);
    if (!model)
        cr_skip_test("%s: this build has no such architecture", g->model);
    void *options = calloc(1, model->options_size);
    sim_options_init(model->options, options);
    NeuronSpec spec;
    model->neuron(options, &spec);
    if (s_resnet) {
        char leak[40];
        set(model, options, "n", "%.0f", number(g, "n"));
        set(model, options, "filters", "%.0f", number(g, "filters"));
        cr_assert_eq(
            sim_option_set(model->options, options, "boosting",
                           cJSON_IsTrue(cJSON_GetObjectItem(g->config, "boosting"))
                               ? "true"
                               : "false"),
            SIM_OK);
        snprintf(leak, sizeof leak, "%.17g", number(g, "leak"));
        cr_assert_eq(neuron_spec_set(&spec, "decay", leak), SIM_OK);
    } else if (strcmp(g->model, "revsresnet") == 0) {
        const cJSON *planes = cJSON_GetObjectItem(g->config, "planes"),
                    *layers = cJSON_GetObjectItem(g->config, "layers");
        char stages[128] = ""; /* its "atan alpha 2" is not what the arrays were made
                                  with: the code left SpikingJelly's sigmoid in place */
        for (int s = 0; s < cJSON_GetArraySize(planes); s++)
            snprintf(stages + strlen(stages), sizeof stages - strlen(stages), "%s%dx%d%s",
                     s ? "," : "", 2 * cJSON_GetArrayItem(planes, s)->valueint,
                     cJSON_GetArrayItem(layers, s)->valueint, s ? "/2" : "");
        cr_assert_eq(sim_option_set(model->options, options, "stages", stages), SIM_OK);
    } else {
        char stages[128] = "";
        stages_of(g, stages, sizeof stages);
        cr_assert_eq(sim_option_set(model->options, options, "stages", stages), SIM_OK);
        const cJSON *connect = cJSON_GetObjectItem(g->config, "connect");
        if (connect) {
            char word[8] = "";
            for (size_t i = 0; connect->valuestring[i] && i < 7; i++)
                word[i] = (char)(connect->valuestring[i] | 0x20);
            cr_assert_eq(sim_option_set(model->options, options, "connect", word),
                         SIM_OK);
        }
        const cJSON *neuron = cJSON_GetObjectItem(g->config, "neuron");
        if (neuron && strncmp(neuron->valuestring, "PLIF", 4) == 0)
            cr_assert_eq(neuron_spec_set(&spec, "soma", "plif"), SIM_OK);
    }
    const NetModelInput input = {g->h, g->w, g->c, g->classes, g->steps, g->constant};
    cr_assert_eq(model->build(options, &input, &spec, &g->graph), SIM_OK, "%s",
                 sim_message());
    cr_assert_eq(net_params_create(&g->graph, g->steps, 1, context, &g->params), SIM_OK,
                 "%s", sim_message());
    free(options);
}

/* --- names and layouts
 * ---------------------------------------------------------------------- */

/* What the reference calls a parameter. `step` is -1 unless there is one per time step.
 */
static void reference_name(const Golden *g, const NetParam *param, int step, char *out)
{
    static const char *const fields[][2] = {{"gamma", "weight"},
                                            {"beta", "bias"},
                                            {"mean", "running_mean"},
                                            {"variance", "running_var"},
                                            {"weight", "weight"},
                                            {"bias", "bias"},
                                            {"w", "w"}};
    char node[96], base[96] = "";
    snprintf(node, sizeof node, "%s", param->name);
    *strrchr(node, '.') = '\0';
    const char *field = NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i][0], param->row.name) == 0)
            field = fields[i][1];
    unsigned number_in = 0, inner = 0;
    char rest[64] = "";
    if (strcmp(node, "fc") == 0) {
        snprintf(base, sizeof base, "fc");
    } else if (strncmp(g->model, "sresnet", 7) == 0) {
        if (sscanf(node, "skip%u.%60s", &number_in, rest) == 2)
            snprintf(base, sizeof base,
                     strcmp(rest, "conv") == 0 ? "conv_resize_%u" : "resize_bn_%u",
                     number_in);
        else if (sscanf(node, "conv%u", &number_in) == 1)
            snprintf(base, sizeof base, number_in ? "conv_list.%u" : "conv1", number_in);
        else if (sscanf(node, "norm%u", &number_in) == 1)
            snprintf(base, sizeof base, number_in ? "bntt_list.%u" : "bntt1", number_in);
        if (step >= 0)
            snprintf(base + strlen(base), sizeof base - strlen(base), ".%d", step);
    } else if (strcmp(g->model, "sewresnet") == 0) {
        static const char *const skip[][2] = {{"skip.conv", "downsample.0"},
                                              {"skip.norm", "downsample.1"},
                                              {"skip.spike", "downsample_sn"}};
        if (strcmp(node, "stem.conv") == 0)
            snprintf(base, sizeof base, "conv1");
        else if (strcmp(node, "stem.norm") == 0)
            snprintf(base, sizeof base, "bn1");
        else if (strcmp(node, "stem.spike") == 0)
            snprintf(base, sizeof base, "sn1");
        else if (sscanf(node, "block%u.%60s", &number_in, rest) == 2) {
            snprintf(base, sizeof base, "block%u.%s", number_in, rest);
            for (size_t i = 0; i < 3; i++)
                if (strcmp(rest, skip[i][0]) == 0)
                    snprintf(base, sizeof base, "block%u.%s", number_in, skip[i][1]);
            if (sscanf(rest, "norm%u", &inner) == 1)
                snprintf(base, sizeof base, "block%u.bn%u", number_in, inner);
            else if (sscanf(rest, "spike%u", &inner) == 1)
                snprintf(base, sizeof base, "block%u.sn%u", number_in, inner);
        }
    } else if (strcmp(g->model, "revsresnet") == 0) {
        char half = '\0';
        if (sscanf(node, "block%u.%c.%60s", &number_in, &half, rest) == 3) {
            unsigned stage = 1;
            for (const cJSON *n = cJSON_GetObjectItem(g->config, "layers")->child;
                 n && number_in > (unsigned)n->valueint; n = n->next, stage++)
                number_in -= (unsigned)n->valueint;
            cr_assert(sscanf(rest, "conv%u", &inner) == 1 ||
                      sscanf(rest, "norm%u", &inner) == 1);
            snprintf(base, sizeof base, "layer%u.reversible_blocks.%u.%c_block.conv%u.%d",
                     stage, number_in - 1, half, inner, strncmp(rest, "norm", 4) == 0);
        } else if (sscanf(node, "stage%u.%60s", &number_in, rest) == 2) {
            snprintf(base, sizeof base, "ds%u.1.%d", number_in - 1,
                     strcmp(rest, "norm") == 0 ? 2 : 1);
        } else {
            snprintf(base, sizeof base,
                     strcmp(node, "stem.conv") == 0 ? "conv1.0" : "bn1.0");
        }
    } else { /* msresnet */
        if (strcmp(node, "stem.conv") == 0)
            snprintf(base, sizeof base, "conv1.0");
        else if (strcmp(node, "stem.norm") == 0)
            snprintf(base, sizeof base, "conv1.1.bn");
        else if (sscanf(node, "block%u.%60s", &number_in, rest) == 2) {
            char pooled[64];
            snprintf(pooled, sizeof pooled, "block%u.skip.pool", number_in);
            const unsigned after = net_graph_find(&g->graph, pooled) >= 0;
            if (strcmp(rest, "skip.conv") == 0)
                snprintf(base, sizeof base, "block%u.shortcut.%u", number_in, after);
            else if (strcmp(rest, "skip.norm") == 0)
                snprintf(base, sizeof base, "block%u.shortcut.%u.bn", number_in,
                         after + 1);
            else if (sscanf(rest, "conv%u", &inner) == 1)
                snprintf(base, sizeof base, "block%u.residual_function.%u", number_in,
                         3 * inner - 2);
            else if (sscanf(rest, "norm%u", &inner) == 1)
                snprintf(base, sizeof base, "block%u.residual_function.%u.bn", number_in,
                         3 * inner - 1);
        }
    }
    cr_assert(*base && field, "no name in the reference for %s", param->name);
    sprintf(out, "%s.%s", base, field);
}

static double *read_all(SimStore *store, const char *name, size_t count)
{
    double *data = calloc(count ? count : 1, sizeof *data);
    cr_assert_eq(sim_store_read(store, name, SIM_F64, count, data), SIM_OK, "%s",
                 sim_message());
    return data;
}

/* The reference's array for one of our parameters, in our layout. */
static double *read_param(const Golden *g, const char *group, const NetParam *param)
{
    char name[160], full[200];
    const NetParamRow *row = &param->row;
    double *out = calloc(param->count, sizeof *out);
    if (row->n_dims == 2) { /* one per time step */
        for (size_t t = 0; t < row->dims[0]; t++) {
            reference_name(g, param, (int)t, name);
            snprintf(full, sizeof full, "%s/%s", group, name);
            double *part = read_all(g->store, full, row->dims[1]);
            memcpy(out + t * row->dims[1], part, row->dims[1] * sizeof *out);
            free(part);
        }
        return out;
    }
    reference_name(g, param, -1, name);
    snprintf(full, sizeof full, "%s/%s", group, name);
    double *theirs = read_all(g->store, full, param->count);
    if (row->n_dims != 4) {
        memcpy(out, theirs, param->count * sizeof *out);
    } else { /* [O,I,kh,kw] -> [kh,kw,I,O] */
        const size_t taps = row->dims[0] * row->dims[1], in = row->dims[2],
                     outs = row->dims[3];
        for (size_t o = 0; o < outs; o++)
            for (size_t i = 0; i < in; i++)
                for (size_t t = 0; t < taps; t++)
                    out[(t * in + i) * outs + o] = theirs[(o * in + i) * taps + t];
    }
    free(theirs);
    return out;
}

/* Index of our input [T,N,H,W,C] in theirs, [N,T,C,H,W] or [N,C,H,W]. */
static size_t their_input(const Golden *g, size_t i)
{
    const size_t c = i % g->c, x = i / g->c % g->w, y = i / g->c / g->w % g->h;
    const size_t n = i / g->c / g->w / g->h % g->batch,
                 t = i / g->c / g->w / g->h / g->batch;
    return (((n * (g->constant ? 1 : g->steps) + t) * g->c + c) * g->h + y) * g->w + x;
}

/* --- comparing
 * ---------------------------------------------------------------------------------- */

typedef struct Worst {
    double distance;
    char name[160];
    size_t arrays;
} Worst;

static void compare(Worst *worst, const char *what, const char *name, size_t n,
                    const double *want, const float *got)
{
    double difference = 0.0, norm = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += (want[i] - (double)got[i]) * (want[i] - (double)got[i]);
        norm += want[i] * want[i];
    }
    const double distance = sqrt(difference) / (norm > 0.0 ? sqrt(norm) : 1.0);
    worst->arrays++;
    if (!(distance <= worst->distance)) {
        worst->distance = distance;
        snprintf(worst->name, sizeof worst->name, "%s %s", what, name);
    }
    cr_expect_leq(distance, tolerance, "%s %s: %.3g from the reference", what, name,
                  distance);
}

static void mean_scores(const Golden *g, SimTensor scores, float *mean)
{
    const size_t step = g->batch * g->classes;
    for (size_t i = 0; i < step; i++) {
        double sum = 0.0;
        for (size_t t = 0; t < scores.shape.t; t++)
            sum += (double)scores.f32[t * step + i];
        mean[i] = (float)(sum / (double)scores.shape.t);
    }
}

/* The authors' norms inside reversible blocks see each batch twice, forward and when the
 * block is computed again, and move their running statistics both times; ours once. */
static void move_statistics_again(Golden *g)
{
    const double keep = 0.9;
    for (size_t i = 0; i < g->params.n_rows; i++) {
        const NetParam *param = &g->params.rows[i];
        if (param->row.role != NET_PARAM_BUFFER || strncmp(param->name, "block", 5) != 0)
            continue;
        double *before = read_param(g, "buffer_before", param);
        float *const to = net_params_write(&g->params, i);
        for (size_t k = 0; k < param->count; k++)
            to[k] = (float)((1.0 + keep) * (double)to[k] - keep * before[k]);
        free(before);
    }
}

static void open_golden(Golden *g, const char *path)
{
    char *text = NULL;
    SimStoreInfo info;
    cr_assert_eq(sim_store_open(path, &g->store), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_store_read_text(g->store, "", "config", &text), SIM_OK, "%s",
                 sim_message());
    g->config = cJSON_Parse(text);
    free(text);
    g->model = cJSON_GetObjectItem(g->config, "model")->valuestring;
    if (strncmp(g->model, "sresnet", 7) != 0 && strcmp(g->model, "sewresnet") != 0 &&
        strcmp(g->model, "msresnet") != 0 && strcmp(g->model, "revsresnet") != 0)
        cr_skip_test("%s: this build has no such architecture", g->model);
    g->steps = (size_t)number(g, "steps");
    g->classes = (size_t)number(g, "classes");
    cr_assert_eq(sim_store_info(g->store, "input", &info), SIM_OK);
    g->constant = info.n_dims == 4;
    const size_t *dims = info.dims + info.n_dims - 3;
    g->batch = info.dims[0], g->c = dims[0], g->h = dims[1], g->w = dims[2];
}

ParameterizedTest(File *file, golden, network)
{
    if (strcmp(file->path, "none") == 0)
        cr_skip_test("no golden vectors: set APICAL_GOLDEN to their folder");
    Golden g = {0};
    Worst worst = {0};
    SimContext context;
    Net *net = NULL;
    cr_assert_eq(sim_context_create(0, NULL, &context), SIM_OK, "%s", sim_message());
    open_golden(&g, file->path);
    build(&g, &context);
    for (size_t i = 0; i < g.params.n_rows; i++) {
        const NetParam *param = &g.params.rows[i];
        double *values = read_param(
            &g, param->row.role == NET_PARAM_TRAINED ? "param" : "buffer_before", param);
        float *const to = net_params_write(&g.params, i);
        for (size_t k = 0; k < param->count; k++)
            to[k] = (float)values[k];
        free(values);
    }

    NetPlanOptions options = {.batch = g.batch,
                              .steps = g.steps,
                              .training = true,
                              .input_gradient = true,
                              .memory = strcmp(g.model, "revsresnet") == 0
                                            ? NET_MEMORY_REVERSE
                                            : NET_MEMORY_KEEP};
    cr_assert_eq(net_create(&g.graph, &g.params, &options, &context, &net), SIM_OK, "%s",
                 sim_message());
    const size_t n_input = (g.constant ? 1 : g.steps) * g.batch * g.h * g.w * g.c;
    double *input = read_all(g.store, "input", n_input);
    double *label_numbers = read_all(g.store, "label", g.batch);
    uint32_t *labels = calloc(g.batch, sizeof *labels);
    for (size_t i = 0; i < g.batch; i++)
        labels[i] = (uint32_t)label_numbers[i];
    float *x = net_input(net, 0).f32;
    for (size_t i = 0; i < n_input; i++)
        x[i] = (float)input[their_input(&g, i)];

    net_forward(net, g.steps, labels, 0);
    const size_t n_scores = g.batch * g.classes;
    float *mean = calloc(n_scores, sizeof *mean);
    double *output = read_all(g.store, "output", n_scores);
    mean_scores(&g, net_output(net, 0), mean);
    compare(&worst, "output", "", n_scores, output, mean);
    NetLossOptions loss_options;
    sim_options_init(net_loss_options, &loss_options);
    const NetLossRun run = {.options = &loss_options,
                            .steps = g.steps,
                            .n = g.batch,
                            .classes = g.classes,
                            .scores = net_output(net, 0).f32,
                            .labels = labels,
                            .d_scores = net_output_gradient(net, 0)};
    const float loss = (float)net_losses[loss_options.kind]->apply(&run);
    double *want_loss = read_all(g.store, "loss", 1);
    compare(&worst, "loss", "", 1, want_loss, &loss);

    net_zero_gradients(net);
    net_backward(net);
    if (strcmp(g.model, "revsresnet") == 0)
        move_statistics_again(&g);
    for (size_t i = 0; i < g.params.n_rows; i++) {
        const NetParam *param = &g.params.rows[i];
        const bool trained = param->row.role == NET_PARAM_TRAINED;
        double *want = read_param(&g, trained ? "grad" : "buffer_after", param);
        compare(&worst, trained ? "gradient" : "statistics", param->name, param->count,
                want, trained ? net_gradient(net, i) : param->values);
        free(want);
    }
    if (sim_store_has(g.store, "grad_input")) {
        double *theirs = read_all(g.store, "grad_input", n_input);
        double *want = calloc(n_input, sizeof *want);
        for (size_t i = 0; i < n_input; i++)
            want[i] = theirs[their_input(&g, i)];
        compare(&worst, "gradient", "input", n_input, want, net_input_gradient(net, 0));
        free(theirs), free(want);
    }
    net_destroy(net);

    /* Evaluation, whole and step by step. */
    double *output_eval = read_all(g.store, "output_eval", n_scores);
    options.training = options.input_gradient = false;
    cr_assert_eq(net_create(&g.graph, &g.params, &options, &context, &net), SIM_OK, "%s",
                 sim_message());
    x = net_input(net, 0).f32;
    for (size_t i = 0; i < n_input; i++)
        x[i] = (float)input[their_input(&g, i)];
    net_reset(net);
    net_forward(net, g.steps, NULL, 0);
    mean_scores(&g, net_output(net, 0), mean);
    compare(&worst, "output_eval", "", n_scores, output_eval, mean);
    float *scores = malloc(g.steps * n_scores * sizeof *scores);
    memcpy(scores, net_output(net, 0).f32, g.steps * n_scores * sizeof *scores);
    net_destroy(net);
    for (options.window = 1; options.window < g.steps; options.window++) {
        cr_assert_eq(net_create(&g.graph, &g.params, &options, &context, &net), SIM_OK,
                     "%s", sim_message());
        for (size_t t = 0; t < g.steps; t += options.window) {
            const size_t nt = t + options.window < g.steps ? options.window : g.steps - t;
            const size_t step = g.batch * g.h * g.w * g.c;
            const size_t from = g.constant ? 0 : t * step,
                         n = g.constant ? step : nt * step;
            x = net_input(net, 0).f32;
            for (size_t i = 0; i < n; i++)
                x[i] = (float)input[their_input(&g, from + i)];
            net_forward(net, nt, NULL, 0);
            cr_expect_arr_eq(net_output(net, 0).f32, scores + t * n_scores,
                             nt * n_scores * sizeof *scores,
                             "window %zu, step %zu: other bits", options.window, t);
        }
        net_destroy(net);
    }
    fprintf(stderr, "%s: %zu arrays, farthest %.2g (%s)\n", strrchr(file->path, '/') + 1,
            worst.arrays, worst.distance, worst.name);

    free(scores), free(output_eval), free(want_loss), free(output), free(mean),
        free(labels);
    free(label_numbers), free(input);
    net_params_destroy(&g.params);
    net_graph_destroy(&g.graph);
    cJSON_Delete(g.config);
    sim_store_close(g.store);
}
