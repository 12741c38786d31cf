/* cli/capsules.c: "apical capsules": what class capsules have learned, as pictures: what
 * the decoder makes of images, and what each number of a pose does to them; and how many
 * images of a batch a layer can no longer tell apart. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/files.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "nets/layers.h"
#include "sim/file.h"
#include "viz/capsules.h"
#include "viz/png.h"

enum { SWEEP = 11, ZOOM = 2, GAP = 2, MOST_IMAGES = 64 };
static const double reach = 0.25; /* how far a number of a pose is moved, both ways */

typedef struct Arguments {
    const char *run, *out;
    int images, sample;
    CliSettings settings;
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 'o':
        arguments->out = text;
        return 0;
    case 'n':
        arguments->images = atoi(text);
        if (arguments->images < 1 || arguments->images > MOST_IMAGES)
            argp_error(state, "--images wants 1 to %d, got \"%s\"", MOST_IMAGES, text);
        return 0;
    case 'i':
        arguments->sample = atoi(text);
        if (arguments->sample < 0 || arguments->sample >= MOST_IMAGES)
            argp_error(state, "--sweep wants 0 to %d, got \"%s\"", MOST_IMAGES - 1, text);
        return 0;
    case 's':
        cli_settings_add(&arguments->settings, text, state);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->run)
            argp_error(state, "one run at a time");
        arguments->run = text;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->run)
            argp_error(state, "which run? a run folder or a checkpoint");
        if (arguments->sample >= arguments->images)
            arguments->images = arguments->sample + 1;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"out", 'o', "FOLDER", 0, "where pictures go (.)", 0},
    {"images", 'n', "N", 0, "of the test part to show (16)", 0},
    {"sweep", 'i', "N", 0, "the image whose pose is changed (0: the first)", 0},
    CLI_SETTINGS_OPTION,
    {0},
};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "RUN|CHECKPOINT",
    .doc =
        "Draws reconstructions.png, images of the test part over what the decoder makes "
        "of them, and poses.png, the same image decoded with one number of its pose "
        "changed: a row per number, from -0.25 to 0.25. Prints for every capsule layer "
        "how "
        "long poses are, how far they differ between images, and what conflicts: images "
        "that it gives equal values, and the entropy of their labels.",
};

/* --- pictures --------------------------------------------------------------------------
 */

typedef struct Sheet { /* tiles of one size */
    VizSurface surface;
    size_t h, w, c; /* of an image */
} Sheet;

static SimStatus sheet_create(size_t rows, size_t columns, size_t h, size_t w, size_t c,
                              Sheet *out)
{
    *out = (Sheet){.h = h, .w = w, .c = c};
    out->surface.w = columns * (ZOOM * w + GAP) + GAP;
    out->surface.h = rows * (ZOOM * h + GAP) + GAP;
    const size_t n = out->surface.w * out->surface.h;
    out->surface.pixels = malloc(n * sizeof *out->surface.pixels);
    if (!out->surface.pixels)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a picture of %zux%zu",
                        out->surface.w, out->surface.h);
    for (size_t i = 0; i < n; i++)
        out->surface.pixels[i] = 0xff808080u;
    return SIM_OK;
}

static VizColour level(float value)
{
    return (VizColour)lrintf(255.0f *
                             (value > 0.0f ? value < 1.0f ? value : 1.0f : 0.0f));
}

static void put(Sheet *sheet, size_t row, size_t column, const float *image)
{
    for (size_t y = 0; y < ZOOM * sheet->h; y++)
        for (size_t x = 0; x < ZOOM * sheet->w; x++) {
            const float *p = image + (y / ZOOM * sheet->w + x / ZOOM) * sheet->c;
            /* Gray, two polarities of events as red and green, or red, green, blue. */
            const VizColour r = level(p[0]), g = level(p[sheet->c > 1 ? 1 : 0]),
                            b = sheet->c == 2 ? 0 : level(p[sheet->c > 2 ? 2 : 0]);
            sheet->surface
                .pixels[(GAP + row * (ZOOM * sheet->h + GAP) + y) * sheet->surface.w +
                        GAP + column * (ZOOM * sheet->w + GAP) + x] =
                0xff000000u | r << 16 | g << 8 | b;
        }
}

static SimStatus write_sheet(const char *folder, const char *name, const Sheet *sheet)
{
    char path[CLI_PATH_SIZE];
    SimStatus status = SIM_OK;
    SIM_TRY(cli_path_join(folder, name, path));
    SIM_TRY(viz_png_write(path, &sheet->surface));
    printf("%s\n", path);
out:
    return status;
}

/* --- the net on some images
 * -------------------------------------------------------------- */

typedef struct Seen {
    CliSession *session;
    Net *net;
    size_t n;         /* images at hand */
    int mask, image;  /* nodes: the capsule mask, and the reconstruction, */
    int poses;        /* and what the mask reads; without a decoder -1 */
    float *inputs;    /* owned, [n,h,w,c]: the mean over time */
    uint32_t *labels; /* owned, [n] */
} Seen;

static int node_before(const NetGraph *graph, const NetLayer *layer, size_t input)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].layer == layer)
            return graph->nodes[i].inputs[input];
    return -1;
}

static SimStatus find_nodes(Seen *seen)
{
    const NetGraph *const graph = &seen->session->graph;
    seen->image = node_before(graph, &net_layer_squared_error, 0);
    seen->poses = node_before(graph, &net_layer_capsule_mask, 0);
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].layer == &net_layer_capsule_mask)
            seen->mask = (int)i;
    if (node_before(graph, &net_layer_capsules, 0) < 0)
        return sim_fail(SIM_ERR_VALUE,
                        "%s has no capsules: train capsnet, rescapsnet or mocapsnet",
                        seen->session->source);
    return SIM_OK;
}

static SimStatus run_net(Seen *seen, size_t images)
{
    SimStatus status = SIM_OK;
    CliSession *const s = seen->session;
    DataLoader *loader = NULL;
    DataBatch batch;
    unsigned char *const watch = malloc(s->graph.n_nodes);
    if (!watch)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the nodes to watch");
    memset(watch, NET_WATCH_OUTPUT, s->graph.n_nodes);
    const NetPlanOptions plan = {
        .batch = images, .steps = s->input.steps, .watch = watch};
    SIM_TRY(net_create(&s->graph, &s->params, &plan, &s->context, &seen->net));
    SIM_TRY(data_loader_create(&s->set, DATA_TEST, images, false, false, 0, &loader));
    data_loader_start(loader, 0, 0);
    SIM_TRY(data_loader_next(loader, &batch));
    const SimTensor in = net_input(seen->net, 0);
    const size_t pixels = in.shape.h * in.shape.w * in.shape.c;
    seen->n = batch.n;
    seen->inputs = calloc(images * pixels, sizeof *seen->inputs);
    seen->labels = calloc(images, sizeof *seen->labels);
    if (!seen->inputs || !seen->labels) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu images", images);
        goto out;
    }
    memset(in.f32, 0, sim_shape_count(in.shape) * sizeof(float));
    memcpy(seen->labels, batch.labels, batch.n * sizeof *batch.labels);
    for (size_t t = 0; t < in.shape.t; t++)
        for (size_t i = 0; i < batch.n * pixels; i++) {
            const float x = batch.x[t * batch.n * pixels + i];
            in.f32[t * images * pixels + i] = x;
            seen->inputs[i] += x / (float)in.shape.t;
        }
    net_reset(seen->net);
    net_forward(seen->net, s->input.steps, NULL, 0);
out:
    free(watch);
    data_loader_destroy(loader);
    return status;
}

/* The last step of a watched wire. */
static const float *last_of(const Seen *seen, int node, size_t *row)
{
    const SimTensor wire = net_wire(seen->net, (size_t)node);
    *row = wire.shape.h * wire.shape.w * wire.shape.c;
    return wire.f32 + (wire.shape.t - 1) * sim_shape_step(wire.shape);
}

static SimStatus draw_reconstructions(const Seen *seen, const char *folder)
{
    SimStatus status = SIM_OK;
    const NetModelInput in = seen->session->input;
    size_t row;
    Sheet sheet = {0};
    const float *const made = last_of(seen, seen->image, &row);
    SIM_TRY(sheet_create(2, seen->n, in.h, in.w, in.c, &sheet));
    for (size_t i = 0; i < seen->n; i++) {
        put(&sheet, 0, i, seen->inputs + i * row);
        put(&sheet, 1, i, made + i * row);
    }
    SIM_TRY(write_sheet(folder, "reconstructions.png", &sheet));
out:
    free(sheet.surface.pixels);
    return status;
}

static SimStatus draw_poses(const Seen *seen, size_t sample, const char *folder)
{
    SimStatus status = SIM_OK;
    CliSession *const s = seen->session;
    const NetCapsuleMask *const o = s->graph.nodes[seen->mask].options;
    const size_t pose = (size_t)o->pose;
    size_t row, first = 0, n;
    const float *const kept = last_of(seen, seen->mask, &row) + sample * row;
    VizLayer layer = {.node = seen->poses, .h = 1, .w = 1, .c = row};
    const VizSubject subject = {
        .layers = &layer, .n_layers = 1, .graph = &s->graph, .params = &s->params};
    VizDecoder *decoder = NULL;
    Sheet sheet = {0};
    float *const moved = malloc(row * sizeof *moved);
    if (!moved)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a pose");
    for (size_t i = 0; i < row; i++)
        if (kept[i] != 0.0f) {
            first = i / pose * pose;
            break;
        }
    SIM_TRY(viz_decoder_create(&subject, &decoder));
    SIM_TRY(sheet_create(pose, SWEEP, s->input.h, s->input.w, s->input.c, &sheet));
    for (size_t d = 0; d < pose; d++)
        for (size_t k = 0; k < SWEEP; k++) {
            memcpy(moved, kept, row * sizeof *moved);
            moved[first + d] +=
                (float)(reach * (2.0 * (double)k / (double)(SWEEP - 1) - 1.0));
            put(&sheet, d, k, viz_decoder_run(decoder, moved, &n));
        }
    SIM_TRY(write_sheet(folder, "poses.png", &sheet));
out:
    viz_decoder_destroy(decoder);
    free(sheet.surface.pixels);
    free(moved);
    return status;
}

/* --- conflicting bundles
 * ------------------------------------------------------------------
 *
 * Images whose values in a layer are equal (within 1e-5 of the second, and 1e-8) are one
 * bundle for what follows; where their labels differ, nothing behind can tell them apart
 * (Peer, Stabinger, Rodriguez-Sanchez 2020, as the MoCapsNet code measures it). */

static bool is_close(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-8f + 1e-5f * fabsf(b[i])))
            return false;
    return true;
}

/* Bundles of the first n rows; *entropy of their labels, weighted by size, in nats. */
static size_t count_bundles(const Seen *seen, const float *rows, size_t row,
                            double *entropy)
{
    size_t of[MOST_IMAGES], bundles = 0;
    *entropy = 0.0;
    for (size_t i = 0; i < seen->n; i++) {
        of[i] = i;
        for (size_t k = 0; k < i && of[i] == i; k++)
            if (of[k] == k && is_close(rows + k * row, rows + i * row, row))
                of[i] = k;
        bundles += of[i] == i;
    }
    for (size_t i = 0; i < seen->n; i++) {
        double same = 0.0, all = 0.0;
        for (size_t k = 0; k < seen->n; k++) {
            all += of[k] == of[i];
            same += of[k] == of[i] && seen->labels[k] == seen->labels[i];
        }
        *entropy -= log(same / all) / (double)seen->n;
    }
    return bundles;
}

/* Mean length of poses, and how far they lie from the mean of all images in relation to
 * it: 0 where every image gives the same. */
static double mean_length(const Seen *seen, const float *rows, size_t row, size_t pose,
                          double *spread)
{
    double length = 0.0, off = 0.0;
    for (size_t at = 0; at < row; at += pose) {
        double mean[NET_MAX_POSE] = {0};
        for (size_t i = 0; i < seen->n; i++)
            for (size_t p = 0; p < pose; p++)
                mean[p] += (double)rows[i * row + at + p] / (double)seen->n;
        for (size_t i = 0; i < seen->n; i++) {
            double square = 0.0, distance = 0.0;
            for (size_t p = 0; p < pose; p++) {
                const double x = (double)rows[i * row + at + p];
                square += x * x;
                distance += (x - mean[p]) * (x - mean[p]);
            }
            length += sqrt(square);
            off += sqrt(distance);
        }
    }
    *spread = length > 0.0 ? off / length : 0.0;
    return length / (double)(seen->n * (row / pose));
}

static size_t pose_of(const NetNode *node)
{
    if (node->layer == &net_layer_capsules)
        return (size_t)((const NetCapsules *)node->options)->pose;
    if (node->layer == &net_layer_primary_capsules)
        return (size_t)((const NetPrimaryCapsules *)node->options)->pose;
    return 0;
}

static void print_layers(const Seen *seen)
{
    const NetGraph *const graph = &seen->session->graph;
    printf("\n%-24s %8s %8s %8s  %s\n", "capsule layer", "length", "spread", "bundles",
           "entropy of labels, nats");
    for (size_t i = 0; i < graph->n_nodes; i++) {
        size_t row;
        double entropy, spread;
        const size_t pose = pose_of(&graph->nodes[i]);
        if (pose == 0)
            continue;
        const float *const rows = last_of(seen, (int)i, &row);
        const double length = mean_length(seen, rows, row, pose, &spread);
        const size_t bundles = count_bundles(seen, rows, row, &entropy);
        printf("%-24s %8.3g %8.3g %5zu/%zu  %.3f\n", graph->nodes[i].name, length, spread,
               bundles, seen->n, entropy);
    }
}

static int run(int argc, char **argv)
{
    Arguments arguments = {.out = ".", .images = 16};
    SimStatus status = SIM_OK;
    CliSession session = {0};
    Seen seen = {.session = &session};
    cli_parse(&argp, argc, argv, &arguments);
    SIM_TRY(cli_session_open(arguments.run, arguments.settings.rows, arguments.settings.n,
                             CLI_NEED_DATA, cli_warn, argv[0], &session));
    SIM_TRY(find_nodes(&seen));
    SIM_TRY(run_net(&seen, (size_t)arguments.images));
    if ((size_t)arguments.sample >= seen.n) {
        status = sim_fail(SIM_ERR_VALUE, "the test part has %zu images, --sweep wants %d",
                          seen.n, arguments.sample);
        goto out;
    }
    if (seen.image >= 0 && seen.poses >= 0) {
        SIM_TRY(sim_folder_make(arguments.out));
        SIM_TRY(draw_reconstructions(&seen, arguments.out));
        SIM_TRY(draw_poses(&seen, (size_t)arguments.sample, arguments.out));
    } else {
        puts("no decoder, so no pictures: model.reconstruction above 0 trains one");
    }
    print_layers(&seen);
out:
    net_destroy(seen.net);
    free(seen.inputs);
    free(seen.labels);
    cli_session_close(&session);
    return status == SIM_OK ? CLI_OK : cli_failed("apical capsules");
}

const CliCommand cli_command_capsules = {
    .name = "capsules",
    .arguments = "RUN",
    .summary = "reconstructions, what each number of a pose does, conflicting bundles",
    .run = run,
};
