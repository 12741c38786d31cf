/* cli/session.c: an experiment brought to life. */
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/checkpoint_internal.h"
#include "cli/files.h"

enum { PATH_SIZE = 1024, GUESSED_CLASSES = 10 };

/* --- which file --------------------------------------------------------------------- */

static SimStatus choose_file(const char *model, char *path)
{
    static const char *const names[] = {"best.h5", "last.h5"};
    if ((size_t)snprintf(path, PATH_SIZE, "%s", model) >= PATH_SIZE - 16)
        return sim_fail(SIM_ERR_VALUE, "%s: a path this long is not supported", model);
    if (!cli_is_folder(model))
        return SIM_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, PATH_SIZE, "%.1000s/%s", model, names[i]);
        if (access(path, R_OK) == 0)
            return SIM_OK;
    }
    return sim_fail(SIM_ERR_IO,
                    "%s: neither best.h5 nor last.h5 is in this folder: wanted a run of "
                    "\"apical train\", a checkpoint or an experiment",
                    model);
}

/* --- input and classes -------------------------------------------------------------- */

static SimStatus copy_classes(char *const *names, size_t n, char ***out)
{
    char **const classes = calloc(n + 1, sizeof *classes);
    if (!classes)
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu class names", n);
    for (size_t i = 0; i < n; i++) {
        char number[32];
        snprintf(number, sizeof number, "class %zu", i);
        classes[i] = strdup(names ? names[i] : number);
        if (!classes[i]) {
            for (size_t j = 0; j < i; j++)
                free(classes[j]);
            free(classes);
            return sim_fail(SIM_ERR_MEMORY, "no memory for %zu class names", n);
        }
    }
    *out = classes;
    return SIM_OK;
}

static SimStatus input_from_set(CliSession *session)
{
    const DataSet *const set = &session->set;
    session->input = (NetModelInput){.h = set->h,
                                     .w = set->w,
                                     .c = set->c,
                                     .classes = set->n_classes,
                                     .steps = (size_t)session->experiment.data.steps,
                                     .constant = set->kind == DATA_IMAGES};
    return copy_classes(set->classes, set->n_classes, &session->classes);
}

/* The data of an experiment need not be there to look at its net: frames of events as the
 * experiment wants them. */
static SimStatus input_guessed(CliSession *session,
                               void (*warn)(void *argument, const char *sentence),
                               void *argument)
{
    const DataOptions *const data = &session->experiment.data;
    char sentence[1024];
    if (data->size == 0)
        return SIM_ERR_IO; /* with the message of the set that could not be opened */
    snprintf(sentence, sizeof sentence, "%.700s; taking %d classes and frames of %d x %d",
             sim_message(), GUESSED_CLASSES, (int)data->size, (int)data->size);
    if (warn)
        warn(argument, sentence);
    session->input = (NetModelInput){.h = (size_t)data->size,
                                     .w = (size_t)data->size,
                                     .c = 2,
                                     .classes = GUESSED_CLASSES,
                                     .steps = (size_t)data->steps};
    return copy_classes(NULL, GUESSED_CLASSES, &session->classes);
}

static SimStatus check_input(const CliSession *session)
{
    const NetModelInput *const net = &session->input;
    const DataSet *const set = &session->set;
    if (net->h != set->h || net->w != set->w || net->c != set->c ||
        net->classes != set->n_classes)
        return sim_fail(SIM_ERR_SHAPE,
                        "%s: wants inputs of %zu x %zu x %zu and %zu classes, %s has "
                        "%zu x %zu x %zu and %zu",
                        session->source, net->h, net->w, net->c, net->classes,
                        session->experiment.data.path, set->h, set->w, set->c,
                        set->n_classes);
    return SIM_OK;
}

/* --- opening ------------------------------------------------------------------------ */

/* What a run went by it goes by for good; a new one takes what was measured here. */
static SimStatus open_calibration(CliSession *session, SimStore *store,
                                  void (*warn)(void *argument, const char *sentence),
                                  void *argument)
{
    SimStatus status = sim_calibration_create(&session->context, &session->calibration);
    if (status != SIM_OK)
        return status;
    session->context.calibration = session->calibration;
    if (store)
        return cli_checkpoint_calibration(store, session->source, session->calibration);
    if (sim_calibration_load(session->calibration) != SIM_OK && warn) {
        char sentence[1024];
        snprintf(
            sentence, sizeof sentence,
            "%.800s; going by built-in figures. \"apical bench calibrate\" makes the "
            "file anew",
            sim_message());
        warn(argument, sentence);
    }
    return SIM_OK;
}

static SimStatus open_set(CliSession *session, CliNeed need,
                          void (*warn)(void *argument, const char *sentence),
                          void *argument)
{
    SimStatus status = SIM_OK;
    if (session->trained && need == CLI_NEED_NET)
        return SIM_OK;
    status = data_set_open(&session->experiment.data, warn, argument, &session->set);
    session->has_set = status == SIM_OK;
    if (status == SIM_ERR_IO && access(session->experiment.data.path, F_OK) != 0)
        status = sim_fail(SIM_ERR_IO,
                          "%s: %s: wanted the data, --set data.path=FOLDER says where "
                          "they are",
                          session->experiment.data.path, strerror(errno));
    if (session->trained)
        return status == SIM_OK ? check_input(session) : status;
    if (status == SIM_OK)
        return input_from_set(session);
    return need == CLI_NEED_DATA ? status : input_guessed(session, warn, argument);
}

SimStatus cli_session_open(const char *model, const char *const *settings,
                           size_t n_settings, CliNeed need,
                           void (*warn)(void *argument, const char *sentence),
                           void *argument, CliSession *out)
{
    SimStatus status = SIM_OK;
    CliSession session = {0};
    SimStore *store = NULL;
    SIM_TRY(choose_file(model, session.source));
    if (sim_store_is(session.source)) {
        SIM_TRY(sim_store_open(session.source, &store));
        SIM_TRY(cli_checkpoint_verify(store, session.source));
        SIM_TRY(cli_checkpoint_describe(store, settings, n_settings, &session));
        session.trained = true;
    } else {
        SIM_TRY(cli_experiment_read(session.source, settings, n_settings,
                                    &session.experiment));
    }
    SIM_TRY(sim_context_create((int)session.experiment.train.threads, NULL,
                               &session.context));
    if (session.experiment.train.precision != SIM_PRECISION_F32)
        SIM_TRY(sim_context_set_precision(
            &session.context, (SimPrecision)session.experiment.train.precision));
    SIM_TRY(open_calibration(&session, store, warn, argument));
    SIM_TRY(open_set(&session, need, warn, argument));
    SIM_TRY(session.experiment.model->build(session.experiment.model_options,
                                            &session.input, &session.experiment.neuron,
                                            &session.graph));
    SIM_TRY(net_graph_status(&session.graph));
    SIM_TRY(net_params_create(&session.graph, session.input.steps,
                              (uint64_t)session.experiment.train.seed, &session.context,
                              &session.params));
    if (store)
        SIM_TRY(cli_checkpoint_load(store, session.source, &session.params));

    *out = session;
    session = (CliSession){0};
out:
    sim_store_close(store);
    cli_session_close(&session);
    return status;
}

const char *cli_session_split(const CliSession *session, char *buffer, size_t size)
{
    const DataSet *const set = &session->set;
    snprintf(buffer, size, "%s: %zu train, %zu validation, %zu test, list %s",
             set->split_name, set->n_part[DATA_TRAIN], set->n_part[DATA_VALIDATION],
             set->n_part[DATA_TEST], set->test_hash);
    return buffer;
}

void cli_session_close(CliSession *session)
{
    net_params_destroy(&session->params);
    net_graph_destroy(&session->graph);
    for (size_t i = 0; session->classes && i < session->input.classes; i++)
        free(session->classes[i]);
    free(session->classes);
    free(session->trained_on);
    data_set_close(&session->set);
    cli_experiment_destroy(&session->experiment);
    sim_calibration_destroy(session->calibration);
    *session = (CliSession){0};
}

/* --- planning ------------------------------------------------------------------- */

double cli_free_bytes(void)
{
    double kib = 0.0;
    char line[128];
    FILE *const from = fopen("/proc/meminfo", "r");
    while (from && fgets(line, sizeof line, from))
        if (sscanf(line, "MemAvailable: %lf", &kib) == 1)
            break;
    if (from)
        fclose(from);
    return 1024.0 * kib;
}

NetPlanOptions cli_training_plan(const CliTrainOptions *options, size_t steps)
{
    const bool own_budget =
        options->memory == NET_MEMORY_AUTO && options->budget_mib == 0;
    return (NetPlanOptions){.batch = (size_t)options->batch,
                            .steps = steps,
                            .training = true,
                            .memory = (NetMemory)options->memory,
                            .stage_memory = options->memory_stages,
                            .budget = own_budget ? (size_t)(0.5 * cli_free_bytes())
                                                 : (size_t)options->budget_mib << 20};
}
