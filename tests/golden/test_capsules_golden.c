/* Capsule networks against vectors computed in double precision by the authors' own
 * model: lengths, loss, reconstruction and every gradient. */
#include <cJSON.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/loss.h"
#include "nets/model.h"
#include "nets/net.h"
#include "sim/store.h"
#include "tests/support.h"

/* Norm of the difference over norm of the reference. */
static const double tolerance = 1e-4;

typedef struct File {
    char name[32];
    NetMemory memory;
    int exact; /* mocapsnet: poses and velocities on a grid */
} File;

static File files[] = {{"rescapsnet_rba.h5", NET_MEMORY_KEEP, 0},
                       {"rescapsnet_sda.h5", NET_MEMORY_KEEP, 0},
                       {"rescapsnet_rba.h5", NET_MEMORY_RECOMPUTE, 0},
                       {"rescapsnet_sda.h5", NET_MEMORY_RECOMPUTE, 0},
                       {"mocapsnet_rba.h5", NET_MEMORY_KEEP, 0},
                       {"mocapsnet_g05.h5", NET_MEMORY_KEEP, 0},
                       {"mocapsnet_rba.h5", NET_MEMORY_RECOMPUTE, 0},
                       {"mocapsnet_rba.h5", NET_MEMORY_KEEP, 1},
                       {"mocapsnet_g05.h5", NET_MEMORY_KEEP, 1},
                       {"mocapsnet_rba.h5", NET_MEMORY_REVERSE, 0},
                       {"mocapsnet_g05.h5", NET_MEMORY_REVERSE, 0},
                       {"mocapsnet_rba.h5", NET_MEMORY_REVERSE, 1},
                       {"mocapsnet_g05.h5", NET_MEMORY_REVERSE, 1}};

ParameterizedTestParameters(golden, capsules)
{
    return cr_make_param_array(File, files, sizeof files / sizeof *files);
}

typedef struct Golden {
    SimStore *store;
    cJSON *config;
    size_t batch, c, h, w, classes;
    NetGraph graph;
    NetParams params;
} Golden;

static double number(const Golden *g, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(g->config, key);
    cr_assert(cJSON_IsNumber(item), "config has no number \"%s\"", key);
    return item->valuedouble;
}

static double *read_all(const Golden *g, const char *group, const char *name, size_t n)
{
    char full[200];
    double *data = calloc(n, sizeof *data);
    snprintf(full, sizeof full, "%s%s", group, name);
    cr_assert_eq(sim_store_read(g->store, full, SIM_F64, n, data), SIM_OK, "%s",
                 sim_message());
    return data;
}

static void set(const NetModel *model, void *options, const char *key, const char *value)
{
    cr_assert_eq(sim_option_set(model->options, options, key, value), SIM_OK, "%s",
                 sim_message());
}

static void build(Golden *g, const File *file, const SimContext *context)
{
    static const char *const numbers[][2] = {
        {"channels", "channels"},        {"kernel", "kernel"},
        {"primary_pose", "primary_dim"}, {"pose", "primary_dim"},
        {"capsules", "capsules"},        {"blocks", "blocks"},
        {"class_pose", "out_dim"},       {"iterations", "routing_iterations"}};
    const NetModel *model =
        net_model_find(cJSON_GetObjectItem(g->config, "model")->valuestring);
    cr_assert_not_null(model);
    void *options = calloc(1, model->options_size);
    char text[64];
    NeuronSpec spec;
    sim_options_init(model->options, options);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(text, sizeof text, "%.0f", number(g, numbers[i][1]));
        set(model, options, numbers[i][0], text);
    }
    const char *routing = cJSON_GetObjectItem(g->config, "routing")->valuestring;
    set(model, options, "routing", strcmp(routing, "SDA") == 0 ? "sda" : "rba");
    set(model, options, "decoder", "24,32");
    set(model, options, "grouping", "view");
    set(model, options, "sharpness", "code");
    set(model, options, "pooled", "true");
    if (strcmp(model->name, "mocapsnet") == 0) {
        snprintf(text, sizeof text, "%.17g", number(g, "gamma"));
        set(model, options, "gamma", text);
        set(model, options, "chain", "per_block");
        set(model, options, "outer_skip", "true");
        set(model, options, "exact", file->exact ? "true" : "false");
        set(model, options, "grid_bits", "22");
    }
    model->neuron(options, &spec);
    const NetModelInput input = {g->h, g->w, g->c, g->classes, 1, true};
    cr_assert_eq(model->build(options, &input, &spec, &g->graph), SIM_OK, "%s",
                 sim_message());
    cr_assert_eq(net_params_create(&g->graph, 1, 1, context, &g->params), SIM_OK, "%s",
                 sim_message());
    free(options);
}

/* "block2.caps1.weight" is their blocks.1.functions.0.0.W, and so on. */
static void reference_name(const Golden *g, const NetParam *param, char *out, size_t size)
{
    const bool mo =
        strcmp(cJSON_GetObjectItem(g->config, "model")->valuestring, "mocapsnet") == 0;
    const bool weight = strcmp(param->row.name, "weight") == 0;
    char node[96];
    unsigned block, layer;
    snprintf(node, sizeof node, "%s", param->name);
    *strrchr(node, '.') = '\0';
    if (sscanf(node, "block%u.caps%u", &block, &layer) == 2)
        snprintf(out, size, "blocks.%u.functions.%s%u.0.%s", block - 1,
                 mo ? "0.network." : "", layer - 1, weight ? "W" : "bias");
    else if (strncmp(node, "caps", 4) == 0)
        snprintf(out, size, "%s.%s", node, weight ? "W" : "bias");
    else if (sscanf(node, "decoder.linear%u", &layer) == 1)
        snprintf(out, size, "decoder.%u.%s", 2 * (layer - 1), param->row.name);
    else
        snprintf(out, size, "%s.%s", node, param->row.name);
}

/* Where number i of our image [H,W,C] lies in theirs, [C,H,W]. */
static size_t their_pixel(const Golden *g, size_t i)
{
    return i % g->c * g->h * g->w + i / g->c;
}

/* Their array for one of our parameters, in our layout. */
static double *read_param(const Golden *g, const char *group, const NetParam *param)
{
    char name[128];
    reference_name(g, param, name, sizeof name);
    const size_t *d = param->row.dims, n = param->count;
    double *theirs = read_all(g, group, name, n), *out = calloc(n, sizeof *out);
    const bool weight = strcmp(param->row.name, "weight") == 0;
    const bool image = strcmp(param->name, "decoder.linear3.weight") == 0 ||
                       strcmp(param->name, "decoder.linear3.bias") == 0;
    for (size_t i = 0; i < n; i++) {
        if (weight && strstr(param->name, "caps")) { /* [I,J,D,P] of [J,I,P,D] */
            const size_t p = i % d[3], k = i / d[3] % d[2], j = i / d[3] / d[2] % d[1];
            out[i] = theirs[((j * d[0] + i / d[3] / d[2] / d[1]) * d[3] + p) * d[2] + k];
        } else if (weight) { /* [kh,kw,I,O] of [O,I,kh,kw] */
            const size_t taps = d[0] * d[1], o = i % d[3];
            out[i] =
                theirs[((image ? their_pixel(g, o) : o) * d[2] + i / d[3] % d[2]) * taps +
                       i / d[3] / d[2]];
        } else {
            out[i] = theirs[image ? their_pixel(g, i) : i];
        }
    }
    free(theirs);
    return out;
}

static double compare(const char *what, size_t n, const double *want, double factor,
                      const float *got)
{
    double difference = 0.0, norm = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += pow(want[i] - factor * (double)got[i], 2.0);
        norm += want[i] * want[i];
    }
    const double distance = sqrt(difference) / (norm > 0.0 ? sqrt(norm) : 1.0);
    cr_expect_leq(distance, tolerance, "%s: %.3g from the reference", what, distance);
    return distance;
}

static void open_golden(Golden *g, const char *name)
{
    char *path = test_golden_path(name), *text = NULL;
    SimStoreInfo info;
    cr_assert_eq(sim_store_open(path, &g->store), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_store_read_text(g->store, "", "config", &text), SIM_OK, "%s",
                 sim_message());
    g->config = cJSON_Parse(text);
    free(text);
    free(path);
    cr_assert_eq(sim_store_info(g->store, "input", &info), SIM_OK);
    g->batch = info.dims[0], g->c = info.dims[1], g->h = info.dims[2],
    g->w = info.dims[3];
    g->classes = (size_t)number(g, "classes");
}

ParameterizedTest(const File *file, golden, capsules)
{
    Golden g = {0};
    SimContext context;
    Net *net = NULL;
    cr_assert_eq(sim_context_create(0, NULL, &context), SIM_OK, "%s", sim_message());
    open_golden(&g, file->name);
    build(&g, file, &context);
    for (size_t i = 0; i < g.params.n_rows; i++) {
        const NetParam *param = &g.params.rows[i];
        double *values = read_param(&g, "param/", param);
        float *const to = net_params_write(&g.params, i);
        for (size_t k = 0; k < param->count; k++)
            to[k] = (float)values[k];
        free(values);
    }
    unsigned char *watch = calloc(g.graph.n_nodes, 1);
    const int decoder = net_graph_find(&g.graph, "decoder");
    watch[decoder] = NET_WATCH_OUTPUT;
    const NetPlanOptions options = {.batch = g.batch,
                                    .steps = 1,
                                    .training = true,
                                    .memory = file->memory,
                                    .watch = watch};
    cr_assert_eq(net_create(&g.graph, &g.params, &options, &context, &net), SIM_OK, "%s",
                 sim_message());
    const size_t pixels = g.h * g.w * g.c;
    double *input = read_all(&g, "", "input", g.batch * pixels);
    double *label_numbers = read_all(&g, "", "label", g.batch);
    uint32_t *labels = calloc(g.batch, sizeof *labels);
    for (size_t i = 0; i < g.batch; i++)
        labels[i] = (uint32_t)label_numbers[i];
    for (size_t i = 0; i < g.batch * pixels; i++)
        net_input(net, 0).f32[i] =
            (float)input[i / pixels * pixels + their_pixel(&g, i % pixels)];
    net_forward(net, 1, labels, 0);

    double *output = read_all(&g, "", "output", g.batch * g.classes);
    double worst =
        compare("lengths", g.batch * g.classes, output, 1.0, net_output(net, 0).f32);
    double *theirs = read_all(&g, "", "reconstruction", g.batch * pixels);
    double *image = calloc(g.batch * pixels, sizeof *image);
    for (size_t i = 0; i < g.batch * pixels; i++)
        image[i] = theirs[i / pixels * pixels + their_pixel(&g, i % pixels)];
    worst = fmax(worst, compare("reconstruction", g.batch * pixels, image, 1.0,
                                net_wire(net, (size_t)decoder).f32));
    NetLossOptions loss_options;
    sim_options_init(net_loss_options, &loss_options);
    cr_assert_eq(sim_option_set(net_loss_options, &loss_options, "loss", "margin"),
                 SIM_OK);
    /* Theirs is summed over the batch, ours is the mean. */
    const double n = (double)g.batch;
    const float loss = (float)net_loss(&loss_options, net, g.batch, labels, true);
    double *want_loss = read_all(&g, "", "loss", 1);
    worst = fmax(worst, compare("loss", 1, want_loss, n, &loss));
    net_zero_gradients(net);
    net_backward(net);
    for (size_t i = 0; i < g.params.n_rows; i++) {
        const NetParam *param = &g.params.rows[i];
        double *want = read_param(&g, "grad/", param);
        worst = fmax(worst,
                     compare(param->name, param->count, want, n, net_gradient(net, i)));
        free(want);
    }
    fprintf(stderr, "%s: %zu arrays, farthest %.2g\n", file->name, g.params.n_rows + 3,
            worst);
    free(want_loss), free(image), free(theirs), free(output), free(labels);
    free(label_numbers), free(input), free(watch);
    net_destroy(net);
    net_params_destroy(&g.params);
    net_graph_destroy(&g.graph);
    cJSON_Delete(g.config);
    sim_store_close(g.store);
}
