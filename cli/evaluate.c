/* cli/evaluate.c: see evaluate.h. */
#include "cli/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/plots.h"

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double cli_accuracy(const CliEvaluation *evaluation)
{
    return evaluation->seen ? (double)evaluation->right / (double)evaluation->seen : 0.0;
}

void cli_evaluation_destroy(CliEvaluation *evaluation)
{
    free(evaluation->confusion);
    free(evaluation->rates);
    free(evaluation->silent);
    free(evaluation->saturated);
    memset(evaluation, 0, sizeof *evaluation);
}

SimStatus cli_evaluator_create(CliSession *session, size_t batch, Net **out)
{
    const bool keep = session->experiment.train.memory == NET_MEMORY_KEEP;
    const NetPlanOptions options = {.batch = batch,
                                    .steps = session->input.steps,
                                    .memory =
                                        keep ? NET_MEMORY_KEEP : NET_MEMORY_RECOMPUTE};
    return net_create(&session->graph, &session->params, &options, &session->context,
                      out);
}

/* A batch that is not full is filled up with nothing; `n` samples count. */
static void run_batch(CliSession *session, Net *net, const DataBatch *batch,
                      CliEvaluation *sums)
{
    const SimTensor input = net_input(net, 0);
    const size_t sample = input.shape.h * input.shape.w * input.shape.c;
    const size_t room = input.shape.n;
    for (size_t t = 0; t < input.shape.t; t++) {
        memcpy(input.f32 + t * room * sample, batch->x + t * batch->n * sample,
               batch->n * sample * sizeof(float));
        memset(input.f32 + (t * room + batch->n) * sample, 0,
               (room - batch->n) * sample * sizeof(float));
    }
    net_reset(net);
    net_forward(net, session->input.steps, NULL, 0);
    const SimTensor scores = net_output(net, 0);
    const size_t classes = sums->classes;
    for (size_t i = 0; i < batch->n; i++) {
        double best = 0.0;
        size_t answer = 0;
        for (size_t k = 0; k < classes; k++) {
            double score = 0.0;
            for (size_t t = 0; t < scores.shape.t; t++)
                score += (double)scores.f32[(t * room + i) * classes + k];
            if (k == 0 || score > best) {
                best = score;
                answer = k;
            }
        }
        sums->confusion[batch->labels[i] * classes + answer]++;
        sums->right += answer == batch->labels[i];
    }
    sums->loss +=
        net_loss(&session->experiment.loss, net, batch->n, batch->labels, false) *
        (double)batch->n;
    sums->seen += batch->n;
}

static void measure_activity(const CliSession *session, const Net *net,
                             CliEvaluation *sums)
{
    for (size_t i = 0; i < session->graph.n_nodes; i++) {
        const NetActivity activity = net_activity(net, i);
        const double channels = (double)activity.channels;
        sums->rates[i] =
            activity.spiking ? activity.spikes / activity.neuron_steps : (double)NAN;
        sums->silent[i] = channels > 0.0 ? (double)activity.silent / channels : 0.0;
        sums->saturated[i] = channels > 0.0 ? (double)activity.saturated / channels : 0.0;
    }
}

SimStatus cli_evaluate(CliSession *session, Net *net, DataPart part,
                       const volatile int *stop, CliEvaluation *out)
{
    SimStatus status = SIM_OK;
    DataLoader *loader = NULL;
    const double start = cli_seconds();
    bool full = false, measured = false;
    CliEvaluation sums = {.classes = session->input.classes};
    sums.confusion = calloc(sums.classes * sums.classes, sizeof *sums.confusion);
    sums.rates = calloc(session->graph.n_nodes, sizeof *sums.rates);
    sums.silent = calloc(session->graph.n_nodes, sizeof *sums.silent);
    sums.saturated = calloc(session->graph.n_nodes, sizeof *sums.saturated);
    if (!sums.confusion || !sums.rates || !sums.silent || !sums.saturated) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for the confusion matrix");
        goto out;
    }
    SIM_TRY(data_loader_create(&session->set, part, net_input(net, 0).shape.n, false,
                               false, (uint64_t)session->experiment.train.seed, &loader));
    data_loader_start(loader, 0, 0);
    net_reset_counts(net);
    for (DataBatch batch;;) {
        SIM_TRY(data_loader_next(loader, &batch));
        if (batch.n == 0)
            break;
        if (sums.seen == 0 || batch.n == net_input(net, 0).shape.n)
            full = true;
        else if (full) { /* the empty places of a last batch must not thin the rates */
            measure_activity(session, net, &sums);
            full = false;
            measured = true;
        }
        run_batch(session, net, &batch, &sums);
        if (stop && *stop) {
            status = sim_fail(SIM_ERR_STOPPED, "stopped on request");
            goto out;
        }
    }
    if (sums.seen == 0) {
        status =
            sim_fail(SIM_ERR_VALUE, "there are no samples to evaluate: this part of the "
                                    "data is empty");
        goto out;
    }
    sums.loss /= (double)sums.seen;
    if (!measured)
        measure_activity(session, net, &sums);
    sums.seconds = cli_seconds() - start;
    *out = sums;
    sums = (CliEvaluation){0};
out:
    data_loader_destroy(loader);
    cli_evaluation_destroy(&sums);
    return status;
}

SimStatus cli_evaluation_draw(const CliSession *session, const CliEvaluation *evaluation,
                              const char *folder, const char *title, bool *drawn)
{
    SimStatus status = SIM_OK;
    const NetGraph *const graph = &session->graph;
    CliPlotLayer *const layers = calloc(graph->n_nodes + 1, sizeof *layers);
    size_t n = 0;
    if (!layers)
        return sim_fail(SIM_ERR_MEMORY, "no memory for plots");
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (isfinite(evaluation->rates[i]))
            layers[n++] = (CliPlotLayer){graph->nodes[i].name, evaluation->rates[i],
                                         evaluation->silent[i], evaluation->saturated[i]};
    SIM_TRY(cli_plot_rates(folder, title, layers, n, drawn));
    SIM_TRY(cli_plot_confusion(folder, title, (const char *const *)session->classes,
                               evaluation->classes, evaluation->confusion, drawn));
out:
    free(layers);
    return status;
}
