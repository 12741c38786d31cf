/* cli/trainer.c: see trainer.h. */
#include "cli/trainer.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/diagnose.h"
#include "cli/evaluate.h"
#include "cli/files.h"
#include "cli/netinfo.h"
#include "cli/rates.h"
#include "cli/report.h"
#include "cli/result.h"
#include "sim/file.h"

enum { SAME_ORDER_MS = 500 };

static const double SAVE_PAUSE_S = 1.0; /* between checkpoints of whole epochs */

static volatile sig_atomic_t stop_signal;
static struct timespec stop_time; /* of the first; the handler's own */

/* The first order stops the training in good order, a second one the program, as it
 * always does. Wrappers such as timeout send theirs to the program and to its process
 * group: two that come together are one. */
static void on_signal(int number)
{
    static const char told[] = "\nstopping after this batch (again: at once)\n";
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (stop_signal) {
        const long long ms = (now.tv_sec - stop_time.tv_sec) * 1000LL +
                             (now.tv_nsec - stop_time.tv_nsec) / 1000000;
        if (ms < SAME_ORDER_MS)
            return;
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    stop_time = now;
    stop_signal = 1;
    if (write(STDERR_FILENO, told, sizeof told - 1) < 0)
        return; /* nobody to tell */
}

typedef struct Trainer {
    CliSession *session;
    const char *folder;
    Net *net, *evaluator;
    NetOptimiser *optimiser;
    DataLoader *loader;
    CliProgressState state;
    CliEvaluation last; /* of the latest evaluation of the test part */
    CliReport report;
    double saved_s, started_s;
    uint32_t *answers; /* owned, [batch] */
    bool told_inexact;
} Trainer;

static const CliTrainOptions *options_of(const Trainer *t)
{
    return &t->session->experiment.train;
}

/* --- files ----------------------------------------------------------------------------
 */

static SimStatus save(Trainer *t, const char *name)
{
    char path[CLI_PATH_SIZE];
    SimStatus status = cli_path_join(t->folder, name, path);
    if (status == SIM_OK)
        status = cli_checkpoint_save(path, t->session, t->optimiser, &t->state);
    t->saved_s = cli_seconds();
    return status;
}

static SimStatus write_experiment(const Trainer *t)
{
    char path[CLI_PATH_SIZE], *text = NULL;
    SimFile to;
    SimStatus status = SIM_OK;
    SIM_TRY(cli_path_join(t->folder, "experiment.yaml", path));
    SIM_TRY(cli_experiment_text(&t->session->experiment, &text));
    SIM_TRY(sim_file_create(path, &to));
    fputs(text, to.stream);
    status = sim_file_commit(&to);
out:
    free(text);
    return status;
}

static void put_number(FILE *to, const char *name, double value)
{
    if (isfinite(value))
        fprintf(to, ", \"%s\": %.9g", name, value);
}

/* The layers whose spikes go through dense kernels, where any layer has the choice. */
static void put_dense(FILE *to, const NetGraph *graph, const double *kernels)
{
    size_t choices = 0, dense = 0;
    for (size_t i = 0; i < graph->n_nodes; i++)
        choices += kernels[i] != NET_KERNEL_NONE;
    if (choices == 0)
        return;
    fputs(", \"dense_kernels\": [", to);
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (kernels[i] == NET_KERNEL_DENSE)
            fprintf(to, "%s\"%s\"", dense++ ? ", " : "", graph->nodes[i].name);
    fputs("]", to);
}

/* The whole log is written anew from what the checkpoint also holds, so that a resumed
 * run has no line of an epoch that never counted, and lacks none. */
static SimStatus write_log(const Trainer *t)
{
    char path[CLI_PATH_SIZE];
    SimFile file;
    SimStatus status = SIM_OK;
    SIM_TRY(cli_path_join(t->folder, "log.jsonl", path));
    SIM_TRY(sim_file_create(path, &file));
    FILE *const to = file.stream;
    for (size_t i = 0; i < t->state.epoch; i++) {
        const CliPlotEpoch *e = &t->state.history[i];
        fprintf(to, "{\"epoch\": %.0f", e->epoch);
        put_number(to, "lr", e->lr);
        put_number(to, "train_loss", e->train_loss);
        put_number(to, "train_accuracy", e->train_accuracy);
        put_number(to, "validation_loss", e->validation_loss);
        put_number(to, "validation_accuracy", e->validation_accuracy);
        put_number(to, "test_loss", e->test_loss);
        put_number(to, "test_accuracy", e->test_accuracy);
        put_number(to, "firing_rate", e->rate);
        put_dense(to, &t->session->graph,
                  t->state.kernels + i * t->session->graph.n_nodes);
        fprintf(to, "}\n");
    }
    SIM_TRY(sim_file_commit(&file));
    status =
        cli_rates_write(t->folder, &t->session->graph, t->state.epoch, t->state.rates);
out:
    return status;
}

/* What a killed run was writing when it died. */
static void remove_leftovers(const Trainer *t)
{
    struct dirent **names;
    const int n = cli_scan(t->folder, &names);
    for (int i = 0; i < n; i++) {
        char path[CLI_PATH_SIZE];
        const char *const end = strrchr(names[i]->d_name, '.');
        if (end && strcmp(end, ".tmp") == 0 &&
            cli_path_join(t->folder, names[i]->d_name, path) == SIM_OK)
            remove(path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

/* --- when numbers stop being numbers --------------------------------------------------
 */

static SimStatus not_finite(Trainer *t, const char *where)
{
    const SimStatus saved = save(t, "nan.h5");
    return sim_fail(SIM_ERR_NUMERIC,
                    "epoch %llu, batch %llu: %s is not finite: try a smaller "
                    "train.lr, or train.clip=1%s%s%s",
                    (unsigned long long)t->state.epoch + 1,
                    (unsigned long long)t->state.batch + 1, where,
                    saved == SIM_OK ? "; the state is in " : "",
                    saved == SIM_OK ? t->folder : "", saved == SIM_OK ? "/nan.h5" : "");
}

/* --- one step, one epoch ----------------------------------------------------------- */

static void add_activity(Trainer *t)
{
    CliSums *sums = &t->state.sums;
    sums->silent = sums->channels = 0.0;
    for (size_t i = 0; i < t->session->graph.n_nodes; i++) {
        const NetActivity activity = net_activity(t->net, i);
        if (!activity.spiking)
            continue;
        t->state.activity[i].spikes += activity.spikes;
        t->state.activity[i].neuron_steps += activity.neuron_steps;
        sums->spikes += activity.spikes;
        sums->neuron_steps += activity.neuron_steps;
        sums->silent += (double)activity.silent;
        sums->channels += (double)activity.channels;
    }
    net_reset_counts(t->net);
}

/* Once a run: gradients are then those of values off by a rounding. */
static void tell_inexact(Trainer *t)
{
    const NetGraph *const graph = &t->session->graph;
    for (size_t i = 0; i < graph->n_nodes && !t->told_inexact; i++)
        if (net_inexact(t->net, i)) {
            t->told_inexact = true;
            cli_report_warning(&t->report,
                               "values at %s lie beyond the range in which reversible "
                               "blocks are undone to the bit: gradients are off by a "
                               "rounding (train.memory=recompute undoes nothing)",
                               graph->nodes[i].name);
        }
}

static SimStatus train_batch(Trainer *t, const DataBatch *batch, double lr)
{
    CliSession *s = t->session;
    const SimTensor input = net_input(t->net, 0);
    memcpy(input.f32, batch->x, sim_shape_count(input.shape) * sizeof *batch->x);
    net_forward(t->net, s->input.steps, batch->labels, net_optimiser_steps(t->optimiser));
    const SimTensor scores = net_output(t->net, 0);
    const double loss =
        net_loss(&s->experiment.loss, t->net, batch->n, batch->labels, true);
    const double right = (double)net_predict(scores.shape.t, batch->n, s->input.classes,
                                             scores.f32, batch->labels, t->answers);
    /* Spikes hide a NaN (it is not above threshold): gradients are looked at, too. */
    net_zero_gradients(t->net);
    net_backward(t->net);
    tell_inexact(t);
    const uint64_t step = net_optimiser_steps(t->optimiser);
    if (!isfinite(loss) || !isfinite(net_optimiser_step(t->optimiser, t->net, lr))) {
        char where[CLI_DIAGNOSIS_SIZE];
        cli_diagnose_step(s, t->net, batch->x, batch->labels, step, where);
        return not_finite(t, where);
    }
    t->state.sums.right += right;
    t->state.sums.loss += loss * (double)batch->n;
    t->state.sums.seen += (double)batch->n;
    add_activity(t);
    return SIM_OK;
}

/* Training part of the epoch the state points at, from the batch it points at. */
static SimStatus train_epoch(Trainer *t)
{
    SimStatus status = SIM_OK;
    const CliTrainOptions *o = options_of(t);
    const size_t batches = data_loader_batches(t->loader);
    data_loader_start(t->loader, t->state.epoch, (size_t)t->state.batch);
    cli_report_epoch(&t->report, t->state.epoch, t->state.batch, batches,
                     data_loader_waited_s(t->loader));
    while (t->state.batch < batches) {
        DataBatch batch;
        SIM_TRY(data_loader_next(t->loader, &batch));
        if (batch.n == 0)
            break;
        const double epoch =
            (double)t->state.epoch + (double)t->state.batch / (double)batches;
        const double lr =
            net_schedule_lr(&t->session->experiment.optimiser, epoch, (size_t)o->epochs);
        SIM_TRY(train_batch(t, &batch, lr));
        t->state.batch++;
        cli_report_batch(&t->report, &t->state, lr, data_loader_waited_s(t->loader));
        if (stop_signal)
            return SIM_OK;
        if (o->checkpoint_minutes > 0.0 &&
            cli_seconds() - t->saved_s > 60.0 * o->checkpoint_minutes)
            SIM_TRY(save(t, "last.h5"));
    }
out:
    return status;
}

static SimStatus evaluate_into(Trainer *t, DataPart part, double *loss, double *accuracy)
{
    CliEvaluation evaluation = {0};
    const SimStatus status = cli_evaluate(
        t->session, t->evaluator, part, (const volatile int *)&stop_signal, &evaluation);
    if (status != SIM_OK)
        return status;
    *loss = evaluation.loss;
    *accuracy = cli_accuracy(&evaluation);
    if (part == DATA_TEST) {
        cli_evaluation_destroy(&t->last);
        t->last = evaluation;
    } else {
        cli_evaluation_destroy(&evaluation);
    }
    return SIM_OK;
}

/* Room for one epoch more, and what is known of it. */
static SimStatus add_to_history(Trainer *t, const CliPlotEpoch *row)
{
    CliProgressState *const state = &t->state;
    const size_t done = state->epoch + 1, nodes = t->session->graph.n_nodes;
    CliPlotEpoch *const history = realloc(state->history, done * sizeof *history);
    if (history)
        state->history = history;
    double *const rates = realloc(state->rates, done * nodes * sizeof *rates);
    if (rates)
        state->rates = rates;
    double *const kernels = realloc(state->kernels, done * nodes * sizeof *kernels);
    if (kernels)
        state->kernels = kernels;
    if (!history || !rates || !kernels)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the history");
    history[done - 1] = *row;
    for (size_t i = 0; i < nodes; i++) {
        const CliActivity *const of = &state->activity[i];
        rates[(done - 1) * nodes + i] =
            of->neuron_steps > 0.0 ? of->spikes / of->neuron_steps : (double)NAN;
        kernels[(done - 1) * nodes + i] = (double)net_kernel(t->net, i);
    }
    return SIM_OK;
}

/* A layer without a spike in a whole epoch lets nothing through. */
static void warn_of_silence(Trainer *t)
{
    const NetGraph *const graph = &t->session->graph;
    const double *const rates = t->state.rates + (t->state.epoch - 1) * graph->n_nodes;
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (rates[i] == 0.0)
            cli_report_warning(
                &t->report,
                "layer %s did not fire in this epoch: lower its threshold, "
                "or let more in",
                graph->nodes[i].name);
}

static SimStatus finish_epoch(Trainer *t)
{
    SimStatus status = SIM_OK;
    const CliTrainOptions *o = options_of(t);
    const CliSums *sums = &t->state.sums;
    const bool has_validation = t->session->set.n_part[DATA_VALIDATION] > 0;
    CliPlotEpoch row = {
        .epoch = (double)t->state.epoch + 1.0,
        .train_loss = sums->loss / sums->seen,
        .train_accuracy = sums->right / sums->seen,
        .validation_loss = (double)NAN,
        .validation_accuracy = (double)NAN,
        .test_loss = (double)NAN,
        .test_accuracy = (double)NAN,
        .lr = net_schedule_lr(&t->session->experiment.optimiser, (double)t->state.epoch,
                              (size_t)o->epochs),
        .rate = sums->neuron_steps > 0.0 ? sums->spikes / sums->neuron_steps : 0.0};
    const uint64_t done = t->state.epoch + 1;
    char where[CLI_DIAGNOSIS_SIZE];
    if (cli_diagnose_params(t->session, where))
        return not_finite(t, where);
    const double begun_s = cli_seconds();
    if (done % (uint64_t)o->eval_every == 0 || done == (uint64_t)o->epochs) {
        if (has_validation)
            SIM_TRY(evaluate_into(t, DATA_VALIDATION, &row.validation_loss,
                                  &row.validation_accuracy));
        if (t->session->set.n_part[DATA_TEST] > 0)
            SIM_TRY(evaluate_into(t, DATA_TEST, &row.test_loss, &row.test_accuracy));
    }
    const double judged = has_validation ? row.validation_accuracy : row.test_accuracy;
    const bool best =
        isfinite(judged) && (t->state.best_epoch == 0 || judged > t->state.best_accuracy);
    SIM_TRY(add_to_history(t, &row));
    if (best) {
        t->state.best_accuracy = judged;
        t->state.best_epoch = done;
    }
    t->state.epoch = done;
    t->state.batch = 0;
    t->state.sums = (CliSums){0};
    memset(t->state.activity, 0, t->session->graph.n_nodes * sizeof *t->state.activity);
    const double saved_s = t->saved_s;
    if (best)
        SIM_TRY(save(t, "best.h5"));
    t->saved_s = saved_s; /* of last.h5 */
    /* Epochs of milliseconds are cheaper to do again than to write down. */
    if (done == (uint64_t)o->epochs || cli_seconds() - t->saved_s > SAVE_PAUSE_S) {
        SIM_TRY(save(t, "last.h5"));
        SIM_TRY(write_log(t));
    }
    cli_report_epoch_done(&t->report, &row, best, cli_seconds() - begun_s);
    warn_of_silence(t);
out:
    return status;
}

/* --- the whole --------------------------------------------------------------------- */

static SimStatus open_trainer(Trainer *t, bool resume)
{
    SimStatus status = SIM_OK;
    CliSession *s = t->session;
    const CliTrainOptions *o = options_of(t);
    const size_t batch = (size_t)o->batch;
    if (s->set.n_part[DATA_TRAIN] < batch)
        return sim_fail(
            SIM_ERR_VALUE,
            "the training part has %zu samples, a batch wants %zu: use a smaller "
            "train.batch",
            s->set.n_part[DATA_TRAIN], batch);
    const NetPlanOptions plan = cli_training_plan(o, s->input.steps);
    t->answers = calloc(batch, sizeof *t->answers);
    if (!t->answers)
        return sim_fail(SIM_ERR_MEMORY, "no memory for answers");
    SIM_TRY(net_optimiser_create(&s->experiment.optimiser, &s->params, &s->context,
                                 &t->optimiser));
    SIM_TRY(net_create(&s->graph, &s->params, &plan, &s->context, &t->net));
    SIM_TRY(cli_evaluator_create(s, o->eval_batch ? (size_t)o->eval_batch : batch,
                                 &t->evaluator));
    SIM_TRY(data_loader_create(&s->set, DATA_TRAIN, batch, true, true, (uint64_t)o->seed,
                               &t->loader));
    if (resume) {
        char path[CLI_PATH_SIZE];
        SIM_TRY(cli_path_join(t->folder, "last.h5", path));
        SIM_TRY(cli_checkpoint_resume(path, s, t->optimiser, &t->state));
        if (t->state.batch > data_loader_batches(t->loader))
            status = sim_fail(SIM_ERR_VALUE,
                              "%s stands at batch %llu of an epoch that has %zu: leave "
                              "train.batch and the data as they were",
                              path, (unsigned long long)t->state.batch,
                              data_loader_batches(t->loader));
    } else {
        t->state.activity = calloc(s->graph.n_nodes, sizeof *t->state.activity);
        if (!t->state.activity)
            status =
                sim_fail(SIM_ERR_MEMORY, "no memory for %zu counters", s->graph.n_nodes);
    }
out:
    return status;
}

static void close_trainer(Trainer *t)
{
    data_loader_destroy(t->loader);
    net_optimiser_destroy(t->optimiser);
    net_destroy(t->net);
    net_destroy(t->evaluator);
    cli_evaluation_destroy(&t->last);
    free(t->state.activity);
    free(t->state.history);
    free(t->state.rates);
    free(t->state.kernels);
    free(t->answers);
}

static SimStatus loop(Trainer *t)
{
    SimStatus status = SIM_OK;
    const uint64_t epochs = (uint64_t)options_of(t)->epochs;
    while (t->state.epoch < epochs) {
        SIM_TRY(train_epoch(t));
        if (!stop_signal) {
            status = finish_epoch(t);
            if (status != SIM_ERR_STOPPED && status != SIM_OK)
                goto out;
        }
        if (stop_signal) {
            SIM_TRY(save(t, "last.h5"));
            SIM_TRY(write_log(t));
            status =
                sim_fail(SIM_ERR_STOPPED,
                         "stopped at epoch %llu, batch %llu; all is saved: go on with "
                         "apical train --resume %s",
                         (unsigned long long)t->state.epoch + 1,
                         (unsigned long long)t->state.batch, t->folder);
            goto out;
        }
    }
out:
    return status;
}

/* Going on with other data would neither be the same training nor, where test samples
 * have become training samples, an honest test. */
static SimStatus check_same_data(const CliSession *session)
{
    char now[CLI_SPLIT_SIZE];
    if (strcmp(cli_session_split(session, now, sizeof now), session->trained_on) == 0)
        return SIM_OK;
    return sim_fail(SIM_ERR_VALUE,
                    "%s: these are not the data the run began with (%s), but %s: bring "
                    "them back, or start a new run",
                    session->experiment.data.path, session->trained_on, now);
}

/* --- what is left for programs ----------------------------------------------------- */

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           1e-6 * (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

/* Epochs done, with the share of the one under way. */
static double progress_of(const Trainer *t)
{
    return (double)t->state.epoch +
           (double)t->state.batch / (double)data_loader_batches(t->loader);
}

static SimStatus write_result(const Trainer *t, double epochs_before, double cpu_before)
{
    const CliSession *const s = t->session;
    const CliPlotEpoch *const last = &t->state.history[t->state.epoch - 1];
    const double epochs = progress_of(t) - epochs_before;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    CliResult result = {
        .epochs = (double)t->state.epoch,
        .best_epoch = (double)NAN,
        .has_validation = s->set.n_part[DATA_VALIDATION] > 0,
        .train_loss = last->train_loss,
        .train_accuracy = last->train_accuracy,
        .test_loss = last->test_loss,
        .test_accuracy = last->test_accuracy,
        .best_validation_accuracy = (double)NAN,
        .best_test_accuracy = (double)NAN,
        .parameters = (double)s->params.n_trained,
        .firing_rate = last->rate,
        .memory_bytes = (double)(net_memory_info(t->net).total + s->params.values.size),
        .resident_bytes = 1024.0 * (double)usage.ru_maxrss,
        .cpu_s_per_epoch =
            epochs > 0.0 ? (cpu_seconds(&usage) - cpu_before) / epochs : (double)NAN,
        .seconds = cli_seconds() - t->started_s};
    if (t->state.best_epoch) {
        const CliPlotEpoch *const best = &t->state.history[t->state.best_epoch - 1];
        result.best_epoch = best->epoch;
        result.best_validation_accuracy = best->validation_accuracy;
        result.best_test_accuracy = best->test_accuracy;
    }
    const CliNetCost cost = cli_net_cost(t->net, &s->graph, s->input.steps,
                                         t->last.seen ? t->last.rates : NULL, last->rate);
    result.macs = cost.macs;
    result.synops = cost.synops;
    result.dense = cost.dense;
    cli_report_weights(s, result.weights);
    return cli_result_write(t->folder, &result);
}

SimStatus cli_train(CliSession *session, const char *folder, bool resume)
{
    SimStatus status = SIM_OK;
    Trainer t = {.session = session,
                 .folder = folder,
                 .saved_s = cli_seconds(),
                 .started_s = cli_seconds()};
    struct sigaction catch = {.sa_handler = on_signal};
    struct sigaction before[2];
    struct rusage usage;
    stop_signal = 0;
    sigemptyset(&catch.sa_mask);
    sigaction(SIGINT, &catch, &before[0]);
    sigaction(SIGTERM, &catch, &before[1]);
    if (resume)
        SIM_TRY(check_same_data(session));
    SIM_TRY(open_trainer(&t, resume));
    cli_report_start(&t.report, session, t.net, folder);
    remove_leftovers(&t);
    SIM_TRY(write_experiment(&t));
    SIM_TRY(write_log(&t));
    if (resume)
        cli_report_resumed(&t.report, &t.state);
    else
        SIM_TRY(save(&t, "last.h5")); /* from here on a killed run can go on */
    getrusage(RUSAGE_SELF, &usage);
    const double cpu_before = cpu_seconds(&usage), epochs_before = progress_of(&t);
    SIM_TRY(loop(&t));
    if (t.last.seen == 0 && session->set.n_part[DATA_TEST] > 0) {
        double loss, accuracy; /* resumed after the last epoch */
        SIM_TRY(evaluate_into(&t, DATA_TEST, &loss, &accuracy));
    }
    SIM_TRY(write_result(&t, epochs_before, cpu_before));
    SIM_TRY(cli_report_end(&t.report, session, t.net, &t.state, &t.last,
                           cli_seconds() - t.started_s));
out:
    cli_report_clear(&t.report);
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    close_trainer(&t);
    return status;
}
