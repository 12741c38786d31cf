/* cli/checkpoint.c: a trained net, and all that training needs to go on, in one file.
 *
 *     /                          experiment (text), classes (one a line), input_height
 * ... /net/<parameter>           values, in the shape of the parameter's row
 *     /optimiser/<slot>/<parameter>
 *     /progress                  [4] f64: epoch, batch, best accuracy, best epoch
 *     /sums                      [7] f64: CliSums of the epoch under way
 *     /history                   [epochs, 9] f64: CliPlotEpoch of each epoch done
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/checkpoint_internal.h"

enum { NAME_SIZE = 256, N_PROGRESS = 4 };
enum {
    N_SUMS = sizeof(CliSums) / sizeof(double),
    N_HISTORY = sizeof(CliPlotEpoch) / sizeof(double)
};

static const char *const wrong =
    "was it written by \"apical train\"? A recording is no checkpoint";

/* --- reading ------------------------------------------------------------------------ */

static SimStatus read_size(SimStore *store, const char *name, size_t *out)
{
    double value = 0;
    const SimStatus status = sim_store_read_number(store, "", name, &value);
    if (status == SIM_OK &&
        !(value >= 1 && value <= 1e6 && value == (double)(size_t)value))
        return sim_fail(SIM_ERR_FORMAT, "%s is %g: wanted a whole number from 1 on", name,
                        value);
    *out = (size_t)value;
    return status;
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
    double constant = 0;
    NetModelInput *const input = &session->input;
    SIM_TRY(sim_store_read_text(store, "", "experiment", &text));
    SIM_TRY(cli_experiment_parse(session->source, text, settings, n_settings,
                                 &session->experiment));
    SIM_TRY(read_size(store, "input_height", &input->h));
    SIM_TRY(read_size(store, "input_width", &input->w));
    SIM_TRY(read_size(store, "input_channels", &input->c));
    SIM_TRY(read_size(store, "input_classes", &input->classes));
    SIM_TRY(sim_store_read_number(store, "", "input_constant", &constant));
    input->constant = constant != 0;
    input->steps = (size_t)session->experiment.data.steps;
    SIM_TRY(sim_store_read_text(store, "", "classes", &classes));
    SIM_TRY(split_classes(classes, input->classes, &session->classes));
out:
    if (status != SIM_OK)
        sim_fail_within(status, "%s (%s)", session->source, wrong);
    free(text);
    free(classes);
    return status;
}

SimStatus cli_checkpoint_load(SimStore *store, const char *path, NetParams *params)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    for (size_t i = 0; i < params->n_rows; i++) {
        NetParam *const param = &params->rows[i];
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
        SIM_TRY(sim_store_read(store, name, SIM_F32, param->count, param->values));
    }
out:
    return status;
}

SimStatus cli_checkpoint_resume(const char *path, CliSession *session,
                                NetOptimiser *optimiser, CliProgressState *progress)
{
    SimStatus status = SIM_OK;
    SimStore *store = NULL;
    char name[NAME_SIZE];
    double numbers[N_PROGRESS], steps = 0;
    CliSums sums;
    CliPlotEpoch *history = NULL;
    SIM_TRY(sim_store_open(path, &store));
    SIM_TRY(cli_checkpoint_load(store, path, &session->params));
    SIM_TRY(sim_store_read(store, "progress", SIM_F64, N_PROGRESS, numbers));
    SIM_TRY(sim_store_read_number(store, "progress", "optimiser_steps", &steps));
    for (size_t slot = 0; slot < net_optimiser_slots(optimiser); slot++)
        for (size_t i = 0; i < session->params.n_rows; i++) {
            float *const values = net_optimiser_slot(optimiser, slot, i);
            if (!values)
                continue;
            snprintf(name, sizeof name, "optimiser/%s/%s",
                     net_optimiser_slot_name(optimiser, slot),
                     session->params.rows[i].name);
            SIM_TRY(sim_store_read(store, name, SIM_F32, session->params.rows[i].count,
                                   values));
        }
    net_optimiser_set_steps(optimiser, (uint64_t)steps);
    SIM_TRY(sim_store_read(store, "sums", SIM_F64, N_SUMS, &sums));
    history = calloc((size_t)numbers[0] + 1, sizeof *history);
    if (!history) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %g epochs", numbers[0]);
        goto out;
    }
    SIM_TRY(sim_store_read(store, "history", SIM_F64, (size_t)numbers[0] * N_HISTORY,
                           history));
    *progress = (CliProgressState){.epoch = (uint64_t)numbers[0],
                                   .batch = (uint64_t)numbers[1],
                                   .best_accuracy = numbers[2],
                                   .best_epoch = (uint64_t)numbers[3],
                                   .sums = sums,
                                   .history = history};
    history = NULL;
out:
    free(history);
    sim_store_close(store);
    return status;
}

/* --- writing ------------------------------------------------------------------------ */

static SimStatus write_description(SimStore *store, const CliSession *session)
{
    SimStatus status = SIM_OK;
    char *text = NULL, *lines = NULL;
    size_t size = 1;
    const NetModelInput *const input = &session->input;
    for (size_t i = 0; i < input->classes; i++)
        size += strlen(session->classes[i]) + 1;
    lines = calloc(size, 1);
    if (!lines)
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu class names", input->classes);
    char *end = lines;
    for (size_t i = 0; i < input->classes; i++)
        end += sprintf(end, "%s%s", i ? "\n" : "", session->classes[i]);
    SIM_TRY(cli_experiment_text(&session->experiment, &text));
    SIM_TRY(sim_store_write_text(store, "", "experiment", text));
    SIM_TRY(sim_store_write_text(store, "", "classes", lines));
    SIM_TRY(sim_store_write_number(store, "", "input_height", (double)input->h));
    SIM_TRY(sim_store_write_number(store, "", "input_width", (double)input->w));
    SIM_TRY(sim_store_write_number(store, "", "input_channels", (double)input->c));
    SIM_TRY(sim_store_write_number(store, "", "input_classes", (double)input->classes));
    SIM_TRY(sim_store_write_number(store, "", "input_constant", input->constant));
out:
    free(text);
    free(lines);
    return status;
}

static SimStatus write_progress(SimStore *store, const CliSession *session,
                                NetOptimiser *optimiser, const CliProgressState *progress)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    const size_t dims[1] = {N_PROGRESS}, sums_dims[1] = {N_SUMS};
    const size_t history_dims[2] = {progress->epoch, N_HISTORY};
    const double numbers[N_PROGRESS] = {(double)progress->epoch, (double)progress->batch,
                                        progress->best_accuracy,
                                        (double)progress->best_epoch};
    SIM_TRY(sim_store_write(store, "progress", SIM_F64, 1, dims, numbers));
    SIM_TRY(sim_store_write(store, "sums", SIM_F64, 1, sums_dims, &progress->sums));
    SIM_TRY(
        sim_store_write(store, "history", SIM_F64, 2, history_dims, progress->history));
    SIM_TRY(sim_store_write_number(store, "progress", "optimiser_steps",
                                   (double)net_optimiser_steps(optimiser)));
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
    char name[NAME_SIZE];
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
    SIM_TRY(sim_store_commit(store));
out:
    sim_store_close(store);
    return status;
}
