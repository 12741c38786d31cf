/* cli/checkpoint.c: a trained net, and all that training needs to go on, in one file.
 *
 *     /experiment                text: all settings
 *     /classes                   text: one a line
 *     /split                     text: what the data were, for "are these the same?"
 *     /input                     [5] f64: height, width, channels, classes, constant
 *     /net/<parameter>           values, in the shape of the parameter's row
 *     /optimiser/<slot>/<parameter>
 *     /progress                  [5] f64: epoch, batch, best accuracy, best epoch, steps
 *     /sums                      [7] f64: CliSums of the epoch under way
 *     /history                   [epochs, 9] f64: CliPlotEpoch of each epoch done
 *     /sha256                    text: of names and values of all of the above
 *
 * Text is kept as bytes: what HDF5 calls strings has no check sums (sim/store.h).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoint_internal.h"
#include "sim/hash.h"

enum { NAME_SIZE = 256 };
enum { EPOCH, BATCH, BEST_ACCURACY, BEST_EPOCH, STEPS, N_PROGRESS };
enum { HEIGHT, WIDTH, CHANNELS, CLASSES, CONSTANT, N_INPUT };
enum {
    N_SUMS = sizeof(CliSums) / sizeof(double),
    N_ACTIVITY = sizeof(CliActivity) / sizeof(double),
    N_HISTORY = sizeof(CliPlotEpoch) / sizeof(double)
};

/* --- text and check sum --------------------------------------------------------------
 */

static SimStatus write_text(SimStore *store, const char *name, const char *text)
{
    const size_t dims[1] = {strlen(text)};
    return sim_store_write(store, name, SIM_U8, 1, dims, text);
}

static SimStatus read_text(SimStore *store, const char *name, char **out)
{
    enum { LONGEST = 1 << 24 };
    SimStoreInfo info;
    SimStatus status = sim_store_info(store, name, &info);
    if (status != SIM_OK)
        return status;
    if (info.type != SIM_U8 || info.count > LONGEST)
        return sim_fail(SIM_ERR_FORMAT, "\"%s\" is not a text", name);
    char *const text = calloc(info.count + 1, 1);
    if (!text)
        return sim_fail(SIM_ERR_MEMORY, "no memory for \"%s\"", name);
    status = sim_store_read(store, name, SIM_U8, info.count, text);
    if (status == SIM_OK)
        *out = text;
    else
        free(text);
    return status;
}

typedef struct Digest {
    SimStore *store;
    SimHash hash;
} Digest;

static SimStatus add_array(void *argument, const char *name)
{
    Digest *const digest = argument;
    SimStoreInfo info;
    if (strcmp(name, "sha256") == 0)
        return SIM_OK;
    SimStatus status = sim_store_info(digest->store, name, &info);
    if (status != SIM_OK)
        return status;
    const size_t bytes = info.count * sim_type_bytes(info.type);
    void *const values = malloc(bytes + 1);
    if (!values)
        return sim_fail(SIM_ERR_MEMORY, "no memory to check \"%s\"", name);
    status = sim_store_read(digest->store, name, info.type, info.count, values);
    if (status == SIM_OK) {
        sim_hash_add(&digest->hash, name, strlen(name) + 1);
        sim_hash_add(&digest->hash, values, bytes);
    }
    free(values);
    return status;
}

static SimStatus digest_of(SimStore *store, char text[SIM_HASH_TEXT])
{
    Digest digest = {.store = store};
    sim_hash_init(SIM_SHA256, &digest.hash);
    const SimStatus status = sim_store_visit(store, "", add_array, &digest);
    if (status == SIM_OK)
        sim_hash_text(&digest.hash, text);
    return status;
}

SimStatus cli_checkpoint_verify(SimStore *store, const char *path)
{
    SimStatus status = SIM_OK;
    char *written = NULL, now[SIM_HASH_TEXT];
    if (!sim_store_has(store, "sha256"))
        return sim_fail(SIM_ERR_FORMAT,
                        "%s: this is no checkpoint of \"apical train\", or a damaged one",
                        path);
    SIM_TRY(read_text(store, "sha256", &written));
    SIM_TRY(digest_of(store, now));
    if (strcmp(written, now) != 0)
        status = sim_fail(SIM_ERR_FORMAT,
                          "%s: the file is damaged: its contents do not have the check "
                          "sum they were saved with",
                          path);
out:
    free(written);
    return status;
}

/* --- reading -------------------------------------------------------------------------
 */

static SimStatus read_input(SimStore *store, NetModelInput *input)
{
    enum { LARGEST = 1 << 20 };
    double numbers[N_INPUT];
    const SimStatus status = sim_store_read(store, "input", SIM_F64, N_INPUT, numbers);
    if (status != SIM_OK)
        return status;
    for (size_t i = 0; i < CONSTANT; i++)
        if (!(numbers[i] >= 1.0 && numbers[i] <= LARGEST &&
              numbers[i] == floor(numbers[i])))
            return sim_fail(SIM_ERR_FORMAT,
                            "input is %g x %g x %g and %g classes: wanted whole numbers",
                            numbers[HEIGHT], numbers[WIDTH], numbers[CHANNELS],
                            numbers[CLASSES]);
    input->h = (size_t)numbers[HEIGHT];
    input->w = (size_t)numbers[WIDTH];
    input->c = (size_t)numbers[CHANNELS];
    input->classes = (size_t)numbers[CLASSES];
    input->constant = numbers[CONSTANT] != 0.0;
    return SIM_OK;
}

static SimStatus split_classes(const char *lines, size_t n, char ***out)
{
    char **const classes = calloc(n + 1, sizeof *classes);
    if (!classes)
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu class names", n);
    size_t found = 0;
    for (const char *at = lines; found < n; found++) {
        const size_t length = strcspn(at, "\n");
        classes[found] = strndup(at, length);
        if (!classes[found])
            break;
        at += length;
        if (*at == '\0') {
            found++;
            break;
        }
        at++;
    }
    if (found == n && n > 0) {
        *out = classes;
        return SIM_OK;
    }
    for (size_t i = 0; i < found; i++)
        free(classes[i]);
    free(classes);
    return sim_fail(SIM_ERR_FORMAT, "%zu class names are there, wanted were %zu", found,
                    n);
}

SimStatus cli_checkpoint_describe(SimStore *store, const char *const *settings,
                                  size_t n_settings, CliSession *session)
{
    SimStatus status = SIM_OK;
    char *text = NULL, *classes = NULL;
    NetModelInput *const input = &session->input;
    SIM_TRY(read_text(store, "experiment", &text));
    SIM_TRY(cli_experiment_parse(session->source, text, settings, n_settings,
                                 &session->experiment));
    SIM_TRY(read_input(store, input));
    input->steps = (size_t)session->experiment.data.steps;
    SIM_TRY(read_text(store, "split", &session->trained_on));
    SIM_TRY(read_text(store, "classes", &classes));
    SIM_TRY(split_classes(classes, input->classes, &session->classes));
out:
    if (status != SIM_OK)
        sim_fail_within(status, "%s", session->source);
    free(text);
    free(classes);
    return status;
}

SimStatus cli_checkpoint_calibration(SimStore *store, const char *path,
                                     SimCalibration *calibration)
{
    char *text = NULL;
    if (!sim_store_has(store, "kernels"))
        return SIM_OK;
    SimStatus status = read_text(store, "kernels", &text);
    if (status == SIM_OK)
        status = sim_calibration_parse(calibration, text, true);
    if (status != SIM_OK)
        sim_fail_within(status, "%s", path);
    free(text);
    return status;
}

/* The densities by which forward was chosen; a file without them leaves zeros. */
static SimStatus read_densities(SimStore *store, const char *path, NetParams *params)
{
    SimStoreInfo info;
    if (!sim_store_has(store, "density"))
        return SIM_OK;
    const SimStatus status = sim_store_info(store, "density", &info);
    if (status != SIM_OK)
        return status;
    if (info.count != params->n_nodes)
        return sim_fail(SIM_ERR_FORMAT, "%s: densities of %zu nodes, this net has %zu",
                        path, info.count, params->n_nodes);
    return sim_store_read(store, "density", SIM_F32, params->n_nodes, params->density);
}

SimStatus cli_checkpoint_load(SimStore *store, const char *path, NetParams *params)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    SIM_TRY(read_densities(store, path, params));
    for (size_t i = 0; i < params->n_rows; i++) {
        const NetParam *const param = &params->rows[i];
        SimStoreInfo info;
        snprintf(name, sizeof name, "net/%s", param->name);
        SIM_TRY(sim_store_info(store, name, &info));
        bool same = info.n_dims == param->row.n_dims;
        for (size_t d = 0; same && d < info.n_dims; d++)
            same = info.dims[d] == param->row.dims[d];
        if (!same) {
            status = sim_fail(SIM_ERR_SHAPE,
                              "%s: %s has another shape than this net wants: the steps "
                              "of a net with batch norm per step, its width and depth "
                              "are fixed once it is trained",
                              path, name);
            goto out;
        }
        SIM_TRY(sim_store_read(store, name, SIM_F32, param->count,
                               net_params_write(params, i)));
    }
out:
    return status;
}

/* Where a run stands: whole numbers within reason, or the file is none of ours. */
static SimStatus check_progress(const char *path, const double *numbers)
{
    static const double most = 9007199254740992.0;
    for (size_t i = 0; i < N_PROGRESS; i++)
        if (i != BEST_ACCURACY &&
            !(numbers[i] >= 0.0 && numbers[i] <= most && numbers[i] == floor(numbers[i])))
            return sim_fail(SIM_ERR_FORMAT, "%s: progress holds %g: wanted a count", path,
                            numbers[i]);
    return SIM_OK;
}

static SimStatus read_slots(SimStore *store, const CliSession *session,
                            NetOptimiser *optimiser)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    for (size_t slot = 0; slot < net_optimiser_slots(optimiser); slot++)
        for (size_t i = 0; i < session->params.n_rows; i++) {
            const NetParam *const param = &session->params.rows[i];
            float *const values = net_optimiser_slot(optimiser, slot, i);
            if (!values)
                continue;
            snprintf(name, sizeof name, "optimiser/%s/%s",
                     net_optimiser_slot_name(optimiser, slot), param->name);
            SIM_TRY(sim_store_read(store, name, SIM_F32, param->count, values));
        }
out:
    return status;
}

/* A matrix of counted rows, into memory that the caller frees. */
static SimStatus read_table(SimStore *store, const char *path, const char *name,
                            size_t rows, size_t columns, void **out)
{
    SimStoreInfo info;
    SimStatus status = sim_store_info(store, name, &info);
    if (status != SIM_OK)
        return status;
    if (info.count % columns != 0 || info.count / columns != rows)
        return sim_fail(SIM_ERR_FORMAT, "%s: %s holds %zu numbers, wanted %zu x %zu",
                        path, name, info.count, rows, columns);
    double *const table = calloc(rows * columns + 1, sizeof *table);
    if (!table)
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu x %zu numbers of %s", rows,
                        columns, name);
    status = sim_store_read(store, name, SIM_F64, info.count, table);
    if (status == SIM_OK)
        *out = table;
    else
        free(table);
    return status;
}

SimStatus cli_checkpoint_resume(const char *path, CliSession *session,
                                NetOptimiser *optimiser, CliProgressState *progress)
{
    SimStatus status = SIM_OK;
    SimStore *store = NULL;
    double numbers[N_PROGRESS];
    CliSums sums;
    void *activity = NULL, *history = NULL, *rates = NULL, *kernels = NULL;
    const size_t nodes = session->graph.n_nodes;
    SIM_TRY(sim_store_open(path, &store));
    SIM_TRY(cli_checkpoint_verify(store, path));
    SIM_TRY(cli_checkpoint_load(store, path, &session->params));
    SIM_TRY(sim_store_read(store, "progress", SIM_F64, N_PROGRESS, numbers));
    SIM_TRY(check_progress(path, numbers));
    const size_t epochs = (size_t)numbers[EPOCH];
    SIM_TRY(read_slots(store, session, optimiser));
    SIM_TRY(sim_store_read(store, "sums", SIM_F64, N_SUMS, &sums));
    SIM_TRY(read_table(store, path, "activity", nodes, N_ACTIVITY, &activity));
    SIM_TRY(read_table(store, path, "history", epochs, N_HISTORY, &history));
    SIM_TRY(read_table(store, path, "rates", epochs, nodes, &rates));
    SIM_TRY(read_table(store, path, "forward_kernels", epochs, nodes, &kernels));
    net_optimiser_set_steps(optimiser, (uint64_t)numbers[STEPS]);
    *progress = (CliProgressState){.epoch = epochs,
                                   .batch = (uint64_t)numbers[BATCH],
                                   .best_accuracy = numbers[BEST_ACCURACY],
                                   .best_epoch = (uint64_t)numbers[BEST_EPOCH],
                                   .sums = sums,
                                   .activity = activity,
                                   .history = history,
                                   .rates = rates,
                                   .kernels = kernels};
    activity = history = rates = kernels = NULL;
out:
    free(activity);
    free(history);
    free(rates);
    free(kernels);
    sim_store_close(store);
    return status;
}

/* --- writing -------------------------------------------------------------------------
 */

static SimStatus write_description(SimStore *store, const CliSession *session)
{
    SimStatus status = SIM_OK;
    char *text = NULL, *lines = NULL, *kernels = NULL, split[CLI_SPLIT_SIZE];
    size_t size = 1;
    const NetModelInput *const input = &session->input;
    const size_t dims[1] = {N_INPUT}, nodes[1] = {session->params.n_nodes};
    const double numbers[N_INPUT] = {[HEIGHT] = (double)input->h,
                                     [WIDTH] = (double)input->w,
                                     [CHANNELS] = (double)input->c,
                                     [CLASSES] = (double)input->classes,
                                     [CONSTANT] = input->constant};
    for (size_t i = 0; i < input->classes; i++)
        size += strlen(session->classes[i]) + 1;
    lines = calloc(size, 1);
    if (!lines)
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu class names", input->classes);
    char *end = lines;
    for (size_t i = 0; i < input->classes; i++)
        end += sprintf(end, "%s%s", i ? "\n" : "", session->classes[i]);
    SIM_TRY(cli_experiment_text(&session->experiment, &text));
    cli_session_split(session, split, sizeof split);
    SIM_TRY(write_text(store, "experiment", text));
    SIM_TRY(write_text(store, "classes", lines));
    SIM_TRY(sim_calibration_text(session->calibration, true, &kernels));
    SIM_TRY(write_text(store, "kernels", kernels));
    SIM_TRY(
        sim_store_write(store, "density", SIM_F32, 1, nodes, session->params.density));
    SIM_TRY(write_text(store, "split", split));
    SIM_TRY(sim_store_write(store, "input", SIM_F64, 1, dims, numbers));
out:
    free(text);
    free(lines);
    free(kernels);
    return status;
}

static SimStatus write_progress(SimStore *store, const CliSession *session,
                                NetOptimiser *optimiser, const CliProgressState *progress)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    const size_t dims[1] = {N_PROGRESS}, sums_dims[1] = {N_SUMS};
    const size_t nodes = session->graph.n_nodes;
    const size_t activity_dims[2] = {nodes, N_ACTIVITY};
    const size_t history_dims[2] = {progress->epoch, N_HISTORY};
    const size_t layers_dims[2] = {progress->epoch, nodes};
    const double numbers[N_PROGRESS] = {[EPOCH] = (double)progress->epoch,
                                        [BATCH] = (double)progress->batch,
                                        [BEST_ACCURACY] = progress->best_accuracy,
                                        [BEST_EPOCH] = (double)progress->best_epoch,
                                        [STEPS] = (double)net_optimiser_steps(optimiser)};
    SIM_TRY(sim_store_write(store, "progress", SIM_F64, 1, dims, numbers));
    SIM_TRY(sim_store_write(store, "sums", SIM_F64, 1, sums_dims, &progress->sums));
    SIM_TRY(sim_store_write(store, "activity", SIM_F64, 2, activity_dims,
                            progress->activity));
    SIM_TRY(
        sim_store_write(store, "history", SIM_F64, 2, history_dims, progress->history));
    SIM_TRY(sim_store_write(store, "rates", SIM_F64, 2, layers_dims, progress->rates));
    SIM_TRY(sim_store_write(store, "forward_kernels", SIM_F64, 2, layers_dims,
                            progress->kernels));
    for (size_t slot = 0; slot < net_optimiser_slots(optimiser); slot++)
        for (size_t i = 0; i < session->params.n_rows; i++) {
            const NetParam *const param = &session->params.rows[i];
            const float *const values = net_optimiser_slot(optimiser, slot, i);
            if (!values)
                continue;
            snprintf(name, sizeof name, "optimiser/%s/%s",
                     net_optimiser_slot_name(optimiser, slot), param->name);
            SIM_TRY(sim_store_write(store, name, SIM_F32, param->row.n_dims,
                                    param->row.dims, values));
        }
out:
    return status;
}

SimStatus cli_checkpoint_save(const char *path, const CliSession *session,
                              NetOptimiser *optimiser, const CliProgressState *progress)
{
    SimStatus status = SIM_OK;
    SimStore *store = NULL;
    char name[NAME_SIZE], digest[SIM_HASH_TEXT];
    SIM_TRY(sim_store_create(path, &store));
    SIM_TRY(write_description(store, session));
    for (size_t i = 0; i < session->params.n_rows; i++) {
        const NetParam *const param = &session->params.rows[i];
        snprintf(name, sizeof name, "net/%s", param->name);
        SIM_TRY(sim_store_write(store, name, SIM_F32, param->row.n_dims, param->row.dims,
                                param->values));
    }
    if (optimiser && progress)
        SIM_TRY(write_progress(store, session, optimiser, progress));
    SIM_TRY(digest_of(store, digest));
    SIM_TRY(write_text(store, "sha256", digest));
    SIM_TRY(sim_store_commit(store));
out:
    sim_store_close(store);
    return status;
}
