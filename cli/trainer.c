/* cli/trainer.c: see trainer.h. */
#include "cli/trainer.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/evaluate.h"
#include "cli/report.h"

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    (void)number;
    stop_signal = 1;
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
} Trainer;

static const CliTrainOptions *options_of(const Trainer *t)
{
    return &t->session->experiment.train;
}

/* --- files ----------------------------------------------------------------------------
 */

static SimStatus path_in(const Trainer *t, const char *name, char *out, size_t size)
{
    if ((size_t)snprintf(out, size, "%s/%s", t->folder, name) >= size)
        return sim_fail(SIM_ERR_VALUE, "%s: the path is too long", t->folder);
    return SIM_OK;
}

static SimStatus save(Trainer *t, const char *name)
{
    char path[1024];
    SimStatus status = path_in(t, name, path, sizeof path);
    if (status == SIM_OK)
        status = cli_checkpoint_save(path, t->session, t->optimiser, &t->state);
    t->saved_s = cli_seconds();
    return status;
}

static SimStatus write_experiment(const Trainer *t)
{
    char path[1024], *text = NULL;
    SimStatus status = path_in(t, "experiment.yaml", path, sizeof path);
    if (status == SIM_OK)
        status = cli_experiment_text(&t->session->experiment, &text);
    FILE *to = status == SIM_OK ? fopen(path, "w") : NULL;
    if (status == SIM_OK && (!to || fputs(text, to) < 0))
        status = sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    if (to && fclose(to) != 0 && status == SIM_OK)
        status = sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    free(text);
    return status;
}

static void put_number(FILE *to, const char *name, double value)
{
    if (isfinite(value))
        fprintf(to, ", \"%s\": %.9g", name, value);
}

/* The whole log is written anew from what the checkpoint also holds, so that a resumed
 * run has no line of an epoch that never counted. */
static SimStatus write_log(const Trainer *t)
{
    char path[1024], temporary[1100];
    SimStatus status = path_in(t, "log.jsonl", path, sizeof path);
    if (status != SIM_OK)
        return status;
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    FILE *to = fopen(temporary, "w");
    if (!to)
        return sim_fail(SIM_ERR_IO, "%s: %s", temporary, strerror(errno));
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
        fprintf(to, "}\n");
    }
    const bool good = !ferror(to);
    if (fclose(to) != 0 || !good || rename(temporary, path) != 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    return SIM_OK;
}

/* --- when numbers stop being numbers
 * ------------------------------------------------------ */

static bool all_finite(const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* Runs the batch again with every wire watched and names the first that is not finite. */
static SimStatus explain_nan(Trainer *t, const float *x, const uint32_t *labels,
                             size_t batch)
{
    CliSession *s = t->session;
    SimStatus status = SIM_OK;
    Net *net = NULL;
    char where[160] = "the loss";
    unsigned char *watch = malloc(s->graph.n_nodes);
    if (!watch)
        return sim_fail(SIM_ERR_MEMORY, "no memory to look for the layer");
    memset(watch, NET_WATCH_OUTPUT, s->graph.n_nodes);
    const NetPlanOptions options = {.batch = (size_t)options_of(t)->batch,
                                    .steps = s->input.steps,
                                    .training = true,
                                    .watch = watch};
    for (size_t i = 0; i < s->params.n_rows; i++)
        if (!all_finite(s->params.rows[i].values, s->params.rows[i].count)) {
            snprintf(where, sizeof where, "the parameter %s", s->params.rows[i].name);
            goto told;
        }
    SIM_TRY(net_create(&s->graph, &s->params, &options, &s->context, &net));
    const SimTensor input = net_input(net, 0);
    memcpy(input.f32, x, sim_shape_count(input.shape) * sizeof *x);
    net_forward(net, s->input.steps, labels, net_optimiser_steps(t->optimiser));
    for (size_t i = 0; i < s->graph.n_nodes; i++) {
        const SimTensor wire = net_wire(net, i);
        if (wire.data && wire.form == SIM_DENSE &&
            !all_finite(wire.f32, sim_shape_count(wire.shape))) {
            snprintf(where, sizeof where, "the output of layer %s",
                     s->graph.nodes[i].name);
            break;
        }
    }
told:
    save(t, "nan.h5");
    status = sim_fail(
        SIM_ERR_NUMERIC,
        "loss became NaN at epoch %llu, batch %zu: %s is not finite; the state is "
        "in %s/nan.h5: try a smaller optimiser.lr, or optimiser.clip=1",
        (unsigned long long)t->state.epoch + 1, batch + 1, where, t->folder);
out:
    net_destroy(net);
    free(watch);
    return status;
}

/* --- one step, one epoch
 * -------------------------------------------------------------------- */

static void add_activity(Trainer *t)
{
    CliSums *sums = &t->state.sums;
    sums->silent = sums->channels = 0.0;
    for (size_t i = 0; i < t->session->graph.n_nodes; i++) {
        const NetActivity activity = net_activity(t->net, i);
        if (!activity.spiking)
            continue;
        sums->spikes += activity.spikes;
        sums->neuron_steps += activity.neuron_steps;
        sums->silent += (double)activity.silent;
        sums->channels += (double)activity.channels;
    }
    net_reset_counts(t->net);
}

static SimStatus train_batch(Trainer *t, const DataBatch *batch, double lr)
{
    CliSession *s = t->session;
    const SimTensor input = net_input(t->net, 0);
    memcpy(input.f32, batch->x, sim_shape_count(input.shape) * sizeof *batch->x);
    net_forward(t->net, s->input.steps, batch->labels, net_optimiser_steps(t->optimiser));
    const SimTensor scores = net_output(t->net, 0);
    const NetLossRun run = {.options = &s->experiment.loss,
                            .steps = scores.shape.t,
                            .n = batch->n,
                            .classes = s->input.classes,
                            .scores = scores.f32,
                            .labels = batch->labels,
                            .d_scores = net_output_gradient(t->net, 0)};
    const double loss = net_losses[s->experiment.loss.kind]->apply(&run);
    if (!isfinite(loss))
        return explain_nan(t, batch->x, batch->labels, (size_t)t->state.batch);
    uint32_t answers[65536];
    t->state.sums.right += (double)net_predict(scores.shape.t, batch->n, s->input.classes,
                                               scores.f32, batch->labels, answers);
    t->state.sums.loss += loss * (double)batch->n;
    t->state.sums.seen += (double)batch->n;
    net_zero_gradients(t->net);
    net_backward(t->net);
    net_optimiser_step(t->optimiser, t->net, lr);
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
    CliPlotEpoch *history = realloc(t->state.history, done * sizeof *history);
    if (!history) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for the history");
        goto out;
    }
    t->state.history = history;
    history[done - 1] = row;
    if (best) {
        t->state.best_accuracy = judged;
        t->state.best_epoch = done;
    }
    t->state.epoch = done;
    t->state.batch = 0;
    t->state.sums = (CliSums){0};
    if (best)
        SIM_TRY(save(t, "best.h5"));
    SIM_TRY(save(t, "last.h5"));
    SIM_TRY(write_log(t));
    cli_report_epoch_done(&t->report, &row, best);
out:
    return status;
}

/* --- the whole
 * -------------------------------------------------------------------------------- */

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
    const NetPlanOptions plan = {.batch = batch,
                                 .steps = s->input.steps,
                                 .training = true,
                                 .memory = (NetMemory)o->memory,
                                 .budget = (size_t)o->budget_mib << 20};
    SIM_TRY(net_optimiser_create(&s->experiment.optimiser, &s->params, &s->context,
                                 &t->optimiser));
    SIM_TRY(net_create(&s->graph, &s->params, &plan, &s->context, &t->net));
    SIM_TRY(cli_evaluator_create(s, o->eval_batch ? (size_t)o->eval_batch : batch,
                                 &t->evaluator));
    SIM_TRY(data_loader_create(&s->set, DATA_TRAIN, batch, true, true, (uint64_t)o->seed,
                               &t->loader));
    if (resume) {
        char path[1024];
        SIM_TRY(path_in(t, "last.h5", path, sizeof path));
        SIM_TRY(cli_checkpoint_resume(path, s, t->optimiser, &t->state));
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
    free(t->state.history);
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

SimStatus cli_train(CliSession *session, const char *folder, bool resume)
{
    SimStatus status = SIM_OK;
    Trainer t = {.session = session,
                 .folder = folder,
                 .saved_s = cli_seconds(),
                 .started_s = cli_seconds()};
    struct sigaction catch = {.sa_handler = on_signal}, before[2];
    stop_signal = 0;
    sigemptyset(&catch.sa_mask);
    sigaction(SIGINT, &catch, &before[0]);
    sigaction(SIGTERM, &catch, &before[1]);
    SIM_TRY(cli_report_start(&t.report, session, folder));
    SIM_TRY(open_trainer(&t, resume));
    SIM_TRY(write_experiment(&t));
    if (resume)
        cli_report_resumed(&t.report, &t.state);
    SIM_TRY(loop(&t));
    if (t.last.seen == 0 && session->set.n_part[DATA_TEST] > 0) {
        double loss, accuracy; /* resumed after the last epoch */
        SIM_TRY(evaluate_into(&t, DATA_TEST, &loss, &accuracy));
    }
    SIM_TRY(cli_report_end(&t.report, session, t.net, &t.state, &t.last,
                           cli_seconds() - t.started_s));
out:
    cli_report_clear(&t.report);
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    close_trainer(&t);
    return status;
}
