/* cli/report.c: see report.h. */
#include "cli/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/human.h"
#include "cli/netinfo.h"
#include "sim/hash.h"

/* --- before ------------------------------------------------------------------------ */

static void print_memory(CliSession *s)
{
    static const struct {
        const char *name;
        NetMemory memory;
    } policies[] = {{"keep", NET_MEMORY_KEEP}, {"recompute", NET_MEMORY_RECOMPUTE}};
    CliHuman bytes;
    printf("memory     ");
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        const NetPlanOptions options = {.batch = (size_t)s->experiment.train.batch,
                                        .steps = s->input.steps,
                                        .training = true,
                                        .memory = policies[i].memory};
        NetMemoryInfo info;
        const bool chosen = (NetMemory)s->experiment.train.memory == policies[i].memory;
        if (net_measure(&s->graph, &s->params, &options, &s->context, &info) == SIM_OK)
            printf("%s%s %s%s", i ? ", " : "", policies[i].name,
                   cli_human_bytes(bytes, (double)info.total), chosen ? " (chosen)" : "");
    }
    printf("; parameters %s\n",
           cli_human_bytes(bytes, (double)s->params.n_trained * sizeof(float)));
}

SimStatus cli_report_start(CliReport *report, CliSession *s, const char *folder)
{
    const CliExperiment *e = &s->experiment;
    CliHuman count, digits;
    *report = (CliReport){.folder = folder,
                          .is_terminal = isatty(STDOUT_FILENO) != 0,
                          .epochs = (uint64_t)e->train.epochs,
                          .batch_size = (size_t)e->train.batch};
    printf("model      %s, %s parameters, %zu nodes\n", e->model->name,
           cli_human_digits(digits, s->params.n_trained), s->graph.n_nodes);
    printf("neuron     %s, surrogate %s %g x %g\n", e->neuron.soma->name,
           e->neuron.surrogate->name, e->neuron.surrogate_alpha,
           e->neuron.surrogate_scale);
    printf("data       %s: %zu samples, %zu classes, %zux%zux%zu, %zu %s\n", e->data.path,
           s->set.n_samples, s->input.classes, s->input.c, s->input.h, s->input.w,
           s->input.steps, s->input.constant ? "steps of the same image" : "frames");
    printf("split      %s: %zu train", s->set.split_name, s->set.n_part[DATA_TRAIN]);
    if (s->set.n_part[DATA_VALIDATION])
        printf(", %zu validation", s->set.n_part[DATA_VALIDATION]);
    printf(", %zu test (list %.12s)\n", s->set.n_part[DATA_TEST], s->set.test_hash);
    printf("training   %s, learning rate %g, %lld epochs of %zu batches of %lld\n",
           net_losses[e->loss.kind]->name, e->optimiser.lr, (long long)e->train.epochs,
           s->set.n_part[DATA_TRAIN] / (size_t)e->train.batch, (long long)e->train.batch);
    print_memory(s);
    printf("machine    %d threads, %s, seed %lld\n", s->context.team.n_threads,
           sim_context_isa(&s->context), (long long)e->train.seed);
    printf("run        %s (all settings in experiment.yaml)\n\n", folder);
    (void)count;
    fflush(stdout);
    return SIM_OK;
}

void cli_report_resumed(CliReport *report, const CliProgressState *state)
{
    (void)report;
    printf("going on at epoch %llu, batch %llu\n", (unsigned long long)state->epoch + 1,
           (unsigned long long)state->batch + 1);
}

/* --- while ------------------------------------------------------------------------- */

void cli_report_clear(CliReport *report)
{
    if (report->is_terminal && report->drawn) {
        printf("\r\033[K");
        fflush(stdout);
    }
    report->drawn = false;
}

void cli_report_epoch(CliReport *report, uint64_t epoch, uint64_t batch, size_t batches,
                      double waited_s)
{
    report->epoch = epoch;
    report->first_batch = (size_t)batch;
    report->batches = batches;
    report->waited_s = waited_s;
    report->epoch_started_s = cli_seconds();
    report->line_s = report->epoch_started_s;
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    if (stream && fscanf(stream, "%*d %ld", &pages) != 1)
        pages = 0;
    if (stream)
        fclose(stream);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void draw_bar(double share)
{
    enum { WIDTH = 12 };
    const int full = (int)(share * WIDTH);
    for (int i = 0; i < WIDTH; i++)
        fputs(i < full ? "━" : "╌", stdout);
}

void cli_report_batch(CliReport *report, const CliProgressState *state, double lr,
                      double waited_s)
{
    enum { PROBE = 3 };
    const double now = cli_seconds(), spent = now - report->epoch_started_s;
    const size_t done = (size_t)state->batch - report->first_batch;
    const double per_batch = spent / (double)done;
    CliHuman eta, bytes;
    if (!report->has_estimate && (done == PROBE || state->batch == report->batches)) {
        cli_report_clear(report);
        printf("an epoch takes about %s\n",
               cli_human_seconds(eta, per_batch * (double)report->batches));
        report->has_estimate = true;
    }
    const double wait = report->is_terminal ? 0.2 : 10.0;
    if (now - report->line_s < wait)
        return;
    report->line_s = now;
    const double left = per_batch * ((double)(report->batches - state->batch) +
                                     (double)(report->epochs - report->epoch - 1) *
                                         (double)report->batches);
    const CliSums *sums = &state->sums;
    if (report->is_terminal)
        printf("\r\033[K");
    printf("epoch %3llu/%llu ", (unsigned long long)report->epoch + 1,
           (unsigned long long)report->epochs);
    if (report->is_terminal)
        draw_bar((double)state->batch / (double)report->batches);
    printf(" %zu/%zu  eta %s  lr %.1e  loss %.3f  acc %4.1f  fire %.3f  dead %.1f%%  "
           "%.0f/s  "
           "data %.0f%%  mem %s%s",
           (size_t)state->batch, report->batches, cli_human_seconds(eta, left), lr,
           sums->loss / sums->seen, 100.0 * sums->right / sums->seen,
           sums->neuron_steps > 0.0 ? sums->spikes / sums->neuron_steps : 0.0,
           sums->channels > 0.0 ? 100.0 * sums->silent / sums->channels : 0.0,
           (double)report->batch_size / per_batch,
           100.0 * (waited_s - report->waited_s) / spent,
           cli_human_bytes(bytes, resident_bytes()), report->is_terminal ? "" : "\n");
    report->drawn = report->is_terminal;
    fflush(stdout);
}

void cli_report_warning(CliReport *report, const char *format, ...)
{
    va_list arguments;
    cli_report_clear(report);
    fflush(stdout);
    fputs("warning: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void cli_report_epoch_done(CliReport *report, const CliPlotEpoch *row, bool best)
{
    CliHuman seconds;
    cli_report_clear(report);
    printf("epoch %3.0f/%llu  train loss %.3f acc %5.1f", row->epoch,
           (unsigned long long)report->epochs, row->train_loss,
           100.0 * row->train_accuracy);
    if (isfinite(row->validation_accuracy))
        printf("   validation loss %.3f acc %5.1f", row->validation_loss,
               100.0 * row->validation_accuracy);
    if (isfinite(row->test_accuracy))
        printf("   test loss %.3f acc %5.1f", row->test_loss, 100.0 * row->test_accuracy);
    printf("   fire %.3f   %s%s\n", row->rate,
           cli_human_seconds(seconds, cli_seconds() - report->epoch_started_s),
           best ? "   best" : "");
    fflush(stdout);
}

/* --- after ------------------------------------------------------------------------- */

static void print_weights_hash(const CliSession *s)
{
    SimHash hash;
    char text[SIM_HASH_TEXT];
    sim_hash_init(&hash);
    for (size_t i = 0; i < s->params.n_rows; i++)
        sim_hash_add(&hash, s->params.rows[i].values,
                     s->params.rows[i].count * sizeof(float));
    sim_hash_text(&hash, text);
    printf("weights    sha256 %s\n", text);
}

static void print_classes(const CliSession *s, const CliEvaluation *test)
{
    printf("per class ");
    for (size_t k = 0; k < test->classes; k++) {
        uint64_t all = 0;
        for (size_t j = 0; j < test->classes; j++)
            all += test->confusion[k * test->classes + j];
        if (all)
            printf(" %s %.0f%%%s", s->classes[k],
                   100.0 * (double)test->confusion[k * test->classes + k] / (double)all,
                   k + 1 < test->classes ? "," : "");
    }
    printf("\n");
}

static SimStatus draw_plots(CliReport *report, CliSession *s,
                            const CliProgressState *state, const CliEvaluation *test)
{
    SimStatus status = SIM_OK;
    char folder[1024];
    bool drawn = false;
    CliPlotLayer *layers = calloc(s->graph.n_nodes + 1, sizeof *layers);
    size_t n = 0;
    if (!layers)
        return sim_fail(SIM_ERR_MEMORY, "no memory for plots");
    snprintf(folder, sizeof folder, "%s/plots", report->folder);
    mkdir(folder,
          0777); /* a folder that is there already is fine; a failure shows below */
    SIM_TRY(cli_plot_training(folder, s->experiment.model->name, state->history,
                              state->epoch, &drawn));
    if (test->seen) {
        for (size_t i = 0; i < s->graph.n_nodes; i++)
            if (isfinite(test->rates[i]))
                layers[n++] = (CliPlotLayer){.name = s->graph.nodes[i].name,
                                             .rate = test->rates[i]};
        SIM_TRY(cli_plot_rates(folder, "test part", layers, n, &drawn));
        SIM_TRY(cli_plot_confusion(folder, "test part", (const char *const *)s->classes,
                                   test->classes, test->confusion, &drawn));
    }
    printf("plots      %s%s\n", folder,
           drawn ? "" : " (data and .gp files only: install gnuplot-nox to draw them)");
out:
    free(layers);
    return status;
}

SimStatus cli_report_end(CliReport *report, CliSession *s, const Net *net,
                         const CliProgressState *state, const CliEvaluation *test,
                         double seconds)
{
    struct rusage usage;
    CliHuman first, second;
    const CliPlotEpoch *last = &state->history[state->epoch - 1];
    const bool has_validation = s->set.n_part[DATA_VALIDATION] > 0;
    getrusage(RUSAGE_SELF, &usage);
    printf("\n           epoch   %s   test\n", has_validation ? "validation" : "");
    if (state->best_epoch) {
        const CliPlotEpoch *best = &state->history[state->best_epoch - 1];
        printf("best       %5.0f", best->epoch);
        if (has_validation)
            printf("   %9.2f%%", 100.0 * best->validation_accuracy);
        printf("   %5.2f%%   (chosen on the %s part)\n", 100.0 * best->test_accuracy,
               has_validation ? "validation" : "test");
    }
    printf("last       %5.0f", last->epoch);
    if (has_validation)
        printf("   %9.2f%%", 100.0 * last->validation_accuracy);
    printf("   %5.2f%%\n\n", 100.0 * last->test_accuracy);
    if (test->seen) {
        print_classes(s, test);
        const CliNetCost cost =
            cli_net_cost(net, &s->graph, s->input.steps, test->rates, 0.0);
        printf("cost       %s SynOps and %s multiply-adds a sample (all dense: %s)\n",
               cli_human_count((CliHuman){0}, cost.synops),
               cli_human_count(first, cost.macs), cli_human_count(second, cost.dense));
    }
    printf("firing     %.3f spikes per neuron and step in training\n", last->rate);
    printf("time       %s, peak memory %s\n", cli_human_seconds(first, seconds),
           cli_human_bytes(second, 1024.0 * (double)usage.ru_maxrss));
    print_weights_hash(s);
    const SimStatus status = draw_plots(report, s, state, test);
    printf("files      %s/{best.h5, last.h5, log.jsonl, experiment.yaml}\n",
           report->folder);
    return status;
}
