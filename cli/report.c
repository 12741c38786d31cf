/* cli/report.c: see report.h. */
#include "cli/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/human.h"
#include "cli/netinfo.h"
#include "cli/terminal.h"
#include "sim/file.h"
#include "sim/hash.h"

/* --- before ------------------------------------------------------------------------ */

static void print_memory(CliSession *s, const Net *net)
{
    const size_t chosen = net_memory_info(net).total;
    const NetMemory asked = s->experiment.train.memory;
    size_t keep = 0;
    bool told = false;
    CliHuman bytes;
    printf("memory     ");
    for (NetMemory m = NET_MEMORY_KEEP; m <= NET_MEMORY_REVERSE; m++) {
        NetPlanOptions options = cli_training_plan(&s->experiment.train, s->input.steps);
        NetMemoryInfo info;
        options.memory = m;
        options.stage_memory = NULL;
        if (net_measure(&s->graph, &s->params, &options, &s->context, &info) != SIM_OK)
            continue; /* a policy that this net cannot take */
        if (m != NET_MEMORY_KEEP && info.total == keep)
            continue; /* or that saves nothing here */
        keep = m == NET_MEMORY_KEEP ? info.total : keep;
        const bool is_chosen =
            info.total == chosen && !told && (asked == m || asked == NET_MEMORY_AUTO);
        printf("%s%s %s%s", m ? ", " : "", net_memory_names[m],
               cli_human_bytes(bytes, (double)info.total), is_chosen ? " (chosen)" : "");
        told |= is_chosen;
    }
    if (!told) /* a mix of policies */
        printf(", %s %s (chosen)", net_memory_names[asked],
               cli_human_bytes(bytes, (double)chosen));
    printf(", without parameters\n");
}

static void print_params(const NeuronParam *params, size_t n, const double *values)
{
    for (size_t i = 0; i < n; i++)
        printf(", %s %g", params[i].name, values[i]);
}

static void print_neuron(const NeuronSpec *neuron)
{
    printf("neuron     ");
    if (!neuron->dendrite->passes) {
        char text[256];
        NeuronParam params[NEURON_MAX_PARAMS];
        neuron_spec_dendrite_text(neuron, text, sizeof text);
        printf("%s", text);
        print_params(params, neuron_spec_params(neuron, params), neuron->dendrite_values);
        printf("; ");
    }
    if (neuron->soma->output != SIM_SPIKES) {
        printf("soma %s", neuron->soma->name);
        print_params(neuron->soma->params, neuron->soma->n_params, neuron->soma_values);
        printf("\n");
        return;
    }
    printf("%s", neuron->soma->name);
    print_params(neuron->soma->params, neuron->soma->n_params, neuron->soma_values);
    printf("; surrogate %s %g x %g\n", neuron->surrogate->name, neuron->surrogate_alpha,
           neuron->surrogate_scale);
}

static void print_training(const CliSession *s)
{
    const CliExperiment *const e = &s->experiment;
    char optimiser[64] = "", schedule[64] = "";
    const SimOption *const kind = sim_option_find(net_optimiser_options, "optimiser");
    const SimOption *const course = sim_option_find(net_optimiser_options, "schedule");
    if (kind)
        sim_option_print(kind, &e->optimiser, optimiser, sizeof optimiser);
    if (course)
        sim_option_print(course, &e->optimiser, schedule, sizeof schedule);
    printf(
        "training   %s, %s, learning rate %g %s, %lld epoch%s of %zu batches of %lld\n",
        net_losses[e->loss.kind]->name, optimiser, e->optimiser.lr, schedule,
        (long long)e->train.epochs, e->train.epochs == 1 ? "" : "s",
        s->set.n_part[DATA_TRAIN] / (size_t)e->train.batch, (long long)e->train.batch);
}

/* By what kernels are chosen; the checkpoints hold the figures. */
static void print_kernels(const CliSession *s)
{
    const SimCalibrationRow *rows;
    const size_t n = sim_calibration_rows(s->calibration, &rows);
    size_t used = 0, measured = 0;
    for (size_t i = 0; i < n; i++) {
        used += rows[i].used;
        measured += rows[i].used && rows[i].measured;
    }
    if (used)
        printf("kernels    from spikes or dense by %zu measured and %zu built-in "
               "break-even densities%s\n",
               measured, used - measured,
               measured ? "" : " (\"apical bench calibrate\" measures)");
}

void cli_report_start(CliReport *report, CliSession *s, const Net *net,
                      const char *folder)
{
    const CliExperiment *e = &s->experiment;
    CliHuman digits;
    *report = (CliReport){.folder = folder,
                          .is_terminal = cli_is_terminal(stdout),
                          .has_validation = s->set.n_part[DATA_VALIDATION] > 0,
                          .epochs = (uint64_t)e->train.epochs,
                          .batch_size = (size_t)e->train.batch};
    printf("model      %s, %s parameters, %zu nodes\n", e->model->name,
           cli_human_digits(digits, s->params.n_trained), s->graph.n_nodes);
    print_neuron(&e->neuron);
    printf("data       %s: %zu samples, %zu classes, %zux%zux%zu, %zu %s\n", e->data.path,
           s->set.n_samples, s->input.classes, s->input.c, s->input.h, s->input.w,
           s->input.steps, s->input.constant ? "steps of the same image" : "frames");
    printf("split      %s: %zu train", s->set.split_name, s->set.n_part[DATA_TRAIN]);
    if (report->has_validation)
        printf(", %zu validation", s->set.n_part[DATA_VALIDATION]);
    printf(", %zu test (list sha256 %.12s)\n", s->set.n_part[DATA_TEST],
           s->set.test_hash);
    print_training(s);
    print_memory(s, net);
    printf("machine    %d threads, %s, %s products, seed %lld\n",
           s->context.team.n_threads, sim_context_isa(&s->context),
           sim_precisions[s->context.precision], (long long)e->train.seed);
    print_kernels(s);
    printf("run        %s (all settings in experiment.yaml)\n\n", folder);
    fflush(stdout);
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

/* Short enough for a column: "68M", "1.9G". */
static const char *short_bytes(CliHuman buffer, double bytes)
{
    static const double giga = 1073741824.0;
    if (bytes < giga)
        snprintf(buffer, CLI_HUMAN_SIZE, "%.0fM", bytes / 1048576.0);
    else
        snprintf(buffer, CLI_HUMAN_SIZE, "%.1fG", bytes / giga);
    return buffer;
}

static const char *short_time(CliHuman buffer, double seconds)
{
    const long s = (long)ceil(seconds);
    if (s < 60)
        snprintf(buffer, CLI_HUMAN_SIZE, "%lds", s);
    else if (s < 3600)
        snprintf(buffer, CLI_HUMAN_SIZE, "%ldm%02lds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(buffer, CLI_HUMAN_SIZE, "%ldh%02ldm", s / 3600, s % 3600 / 60);
    else
        snprintf(buffer, CLI_HUMAN_SIZE, "%ldd%02ldh", s / 86400, s % 86400 / 3600);
    return buffer;
}

/* "1.0e-3": printf would write e-03. */
static const char *short_rate(CliHuman buffer, double lr)
{
    snprintf(buffer, CLI_HUMAN_SIZE, "%.1e", lr);
    char *const e = strchr(buffer, 'e');
    if (e) {
        const int power = atoi(e + 1);
        snprintf(e, CLI_HUMAN_SIZE - (size_t)(e - buffer), "e%d", power);
    }
    return buffer;
}

/* The cells of the line in the order of the screen. Where the terminal is narrow those of
 * the highest rank go first. */
enum { N_CELLS = 12, CELL_SIZE = 64 };
typedef struct Line {
    char cells[N_CELLS][CELL_SIZE];
    int ranks[N_CELLS];
    size_t n;
} Line;

__attribute__((format(printf, 3, 4))) static void cell(Line *line, int rank,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->cells[line->n], CELL_SIZE, format, arguments);
    va_end(arguments);
    line->ranks[line->n++] = rank;
}

static size_t line_width(const Line *line)
{
    size_t width = 0;
    for (size_t i = 0; i < line->n; i++)
        width += cli_terminal_width(line->cells[i]) + (i ? 2 : 0);
    return width;
}

static void drop_cell(Line *line)
{
    size_t worst = 0;
    for (size_t i = 0; i < line->n; i++)
        if (line->ranks[i] > line->ranks[worst])
            worst = i;
    line->n--;
    for (size_t i = worst; i < line->n; i++) {
        memcpy(line->cells[i], line->cells[i + 1], CELL_SIZE);
        line->ranks[i] = line->ranks[i + 1];
    }
}

static void print_line(CliReport *report, Line *line)
{
    while (report->is_terminal && line->n > 1 &&
           line_width(line) >= cli_terminal_columns(stdout))
        drop_cell(line);
    fputs(report->is_terminal ? "\r" : "", stdout);
    for (size_t i = 0; i < line->n; i++)
        printf("%s%s", i ? "  " : "", line->cells[i]);
    fputs(report->is_terminal ? "\033[K" : "\n", stdout);
    report->drawn = report->is_terminal;
    fflush(stdout);
}

static int digits_of(uint64_t number)
{
    return snprintf(NULL, 0, "%llu", (unsigned long long)number);
}

void cli_report_batch(CliReport *report, const CliProgressState *state, double lr,
                      double waited_s)
{
    enum { PROBE = 3 };
    const double now = cli_seconds(), spent = now - report->epoch_started_s;
    const size_t done = (size_t)state->batch - report->first_batch;
    const double per_batch = spent / (double)done;
    const double batches = (double)report->batches;
    if (!report->has_estimate && (done == PROBE || state->batch == report->batches)) {
        CliHuman epoch, all;
        cli_report_clear(report);
        printf("an epoch takes about %s, all of them %s\n",
               cli_human_seconds(epoch, per_batch * batches),
               cli_human_seconds(all, per_batch * batches * (double)report->epochs));
        report->has_estimate = true;
    }
    if (now - report->line_s < (report->is_terminal ? 0.2 : 10.0))
        return;
    report->line_s = now;
    const CliSums *sums = &state->sums;
    const double epochs_left = (double)(report->epochs - report->epoch - 1);
    const double left =
        per_batch * (batches - (double)state->batch + epochs_left * batches) +
        report->test_s * (epochs_left + 1.0);
    const int wide = digits_of(report->epochs), deep = digits_of(report->batches);
    CliHuman eta, bytes, rate;
    char bar[CELL_SIZE];
    Line line = {.n = 0};
    cell(&line, 0, "epoch %*llu/%llu", wide, (unsigned long long)report->epoch + 1,
         (unsigned long long)report->epochs);
    if (report->is_terminal)
        cell(&line, 7, "%s",
             cli_terminal_bar(bar, sizeof bar, (double)state->batch / batches, 12));
    cell(&line, 2, "%s%*zu/%zu", report->is_terminal ? "" : "batch ", deep,
         (size_t)state->batch, report->batches);
    cell(&line, 1, "eta %-6s", short_time(eta, left));
    cell(&line, 9, "lr %s", short_rate(rate, lr));
    cell(&line, 0, "loss %.3f", sums->loss / sums->seen);
    cell(&line, 0, "acc %4.1f", 100.0 * sums->right / sums->seen);
    cell(&line, 3, "fire %.3f",
         sums->neuron_steps > 0.0 ? sums->spikes / sums->neuron_steps : 0.0);
    cell(&line, 5, "dead %.1f%%",
         sums->channels > 0.0 ? 100.0 * sums->silent / sums->channels : 0.0);
    cell(&line, 4, "%.*f/s", per_batch * 10.0 > (double)report->batch_size ? 1 : 0,
         (double)report->batch_size / per_batch);
    cell(&line, 6, "data %.0f%%", 100.0 * (waited_s - report->waited_s) / spent);
    cell(&line, 8, "mem %s", short_bytes(bytes, resident_bytes()));
    print_line(report, &line);
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

/* A part that was not looked at after this epoch leaves its place empty. */
static void print_part(double loss, double accuracy)
{
    if (isfinite(accuracy))
        printf("  %7.3f %5.1f", loss, 100.0 * accuracy);
    else
        printf("  %7s %5s", "-", "-");
}

static void print_header(CliReport *report)
{
    const char *const part = "  %13s", *const columns = "  %7s %5s";
    printf("%8s", "");
    printf(part, "train");
    if (report->has_validation)
        printf(part, "validation");
    printf(part, "test");
    printf("\n%8s", "epoch");
    for (int i = 0; i < 2 + report->has_validation; i++)
        printf(columns, "loss", "acc %");
    printf("  %5s  %7s\n", "fire", "time");
    report->has_header = true;
}

void cli_report_epoch_done(CliReport *report, const CliPlotEpoch *row, bool best,
                           double test_s)
{
    CliHuman seconds;
    char epoch[48];
    report->test_s = test_s;
    cli_report_clear(report);
    if (!report->has_header)
        print_header(report);
    snprintf(epoch, sizeof epoch, "%.0f/%llu", row->epoch,
             (unsigned long long)report->epochs);
    printf("%8s", epoch);
    print_part(row->train_loss, row->train_accuracy);
    if (report->has_validation)
        print_part(row->validation_loss, row->validation_accuracy);
    print_part(row->test_loss, row->test_accuracy);
    printf("  %.3f  %7s%s\n", row->rate,
           cli_human_seconds(seconds, cli_seconds() - report->epoch_started_s),
           best ? "  best" : "");
    fflush(stdout);
}

/* --- after ------------------------------------------------------------------------- */

void cli_report_weights(const CliSession *s, char text[SIM_HASH_TEXT])
{
    SimHash hash;
    sim_hash_init(SIM_SHA256, &hash);
    for (size_t i = 0; i < s->params.n_rows; i++)
        sim_hash_add(&hash, s->params.rows[i].values,
                     s->params.rows[i].count * sizeof(float));
    sim_hash_text(&hash, text);
}

/* Wrapped, and left to the table of "apical eval" where there are too many. */
static void print_classes(const CliSession *s, const CliEvaluation *test)
{
    enum { MOST = 30, WIDEST = 90 };
    size_t column = 9;
    if (test->classes > MOST)
        return;
    printf("per class");
    for (size_t k = 0; k < test->classes; k++) {
        uint64_t all = 0;
        char text[DATA_NAME_SIZE + 16];
        for (size_t j = 0; j < test->classes; j++)
            all += test->confusion[k * test->classes + j];
        if (!all)
            continue;
        snprintf(text, sizeof text, " %s %.0f%%", s->classes[k],
                 100.0 * (double)test->confusion[k * test->classes + k] / (double)all);
        const size_t width = cli_terminal_width(text) + 1;
        if (column + width > WIDEST) {
            printf("\n%9s", "");
            column = 9;
        }
        printf(" %s", text);
        column += width;
    }
    printf("\n");
}

static SimStatus draw_plots(CliReport *report, CliSession *s,
                            const CliProgressState *state, const CliEvaluation *test)
{
    SimStatus status = SIM_OK;
    char folder[1024];
    bool drawn = false;
    snprintf(folder, sizeof folder, "%s/plots", report->folder);
    SIM_TRY(sim_folder_make(folder));
    SIM_TRY(cli_plot_training(folder, s->experiment.model->name, state->history,
                              state->epoch, &drawn));
    if (test->seen)
        SIM_TRY(cli_evaluation_draw(s, test, folder, "test part", &drawn));
    printf("plots      %s%s\n", folder,
           drawn ? "" : " (data and .gp files only: install gnuplot-nox to draw them)");
out:
    return status;
}

static bool spikes(const CliSession *s)
{
    return s->experiment.neuron.soma->output == SIM_SPIKES;
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
    printf("\n           epoch%s     test\n", has_validation ? "   validation" : "");
    if (state->best_epoch) {
        const CliPlotEpoch *best = &state->history[state->best_epoch - 1];
        printf("best       %5.0f", best->epoch);
        if (has_validation)
            printf("   %9.2f%%", 100.0 * best->validation_accuracy);
        printf("  %6.2f%%   chosen on the %s part\n", 100.0 * best->test_accuracy,
               has_validation ? "validation" : "test");
    }
    printf("last       %5.0f", last->epoch);
    if (has_validation)
        printf("   %9.2f%%", 100.0 * last->validation_accuracy);
    printf("  %6.2f%%\n\n", 100.0 * last->test_accuracy);
    if (test->seen) {
        print_classes(s, test);
        const CliNetCost cost =
            cli_net_cost(net, &s->graph, s->input.steps, test->rates, 0.0);
        printf("cost       %s SynOps and %s multiply-adds a sample (all dense: %s)\n",
               cli_human_count((CliHuman){0}, cost.synops),
               cli_human_count(first, cost.macs), cli_human_count(second, cost.dense));
    }
    if (spikes(s))
        printf("firing     %.3f spikes per neuron and step in training\n", last->rate);
    printf("time       %s, peak memory %s\n", cli_human_seconds(first, seconds),
           cli_human_bytes(second, 1024.0 * (double)usage.ru_maxrss));
    char hash[SIM_HASH_TEXT];
    cli_report_weights(s, hash);
    printf("weights    sha256 %s\n", hash);
    const SimStatus status =
        s->experiment.train.plots ? draw_plots(report, s, state, test) : SIM_OK;
    printf("files      %s/{best.h5, last.h5, log.jsonl, result.json, experiment.yaml}\n",
           report->folder);
    return status;
}
