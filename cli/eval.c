/* cli/eval.c: "apical eval": how good a trained net is, where it fires, what it costs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/evaluate.h"
#include "cli/files.h"
#include "cli/human.h"
#include "cli/netinfo.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "sim/file.h"

/* Energy of one 32-bit floating-point operation in 45 nm (Horowitz, ISSCC 2014): a
 * multiplication 3.7 pJ, an addition 0.9 pJ; a multiply-add is both. */
static const double mac_pj = 4.6, add_pj = 0.9;

static const char *const parts[] = {"train", "validation", "test", NULL};
static const char *const whiches[] = {"best", "last", NULL};

typedef struct Arguments {
    const char *run, *out;
    int part, which;
    CliSettings settings;
} Arguments;

static int choice(struct argp_state *state, const char *option,
                  const char *const *choices, const char *text)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], text) == 0)
            return i;
    argp_error(state, "--%s wants one of %s, %s%s%s, not \"%s\"", option, choices[0],
               choices[1], choices[2] ? ", " : "", choices[2] ? choices[2] : "", text);
    return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 's':
        cli_settings_add(&arguments->settings, text, state);
        return 0;
    case 'p':
        arguments->part = choice(state, "split", parts, text);
        return 0;
    case 'w':
        arguments->which = choice(state, "which", whiches, text);
        return 0;
    case 'o':
        arguments->out = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->run)
            argp_error(state, "one run at a time: what is \"%s\"?", text);
        arguments->run = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"split", 'p', "PART", 0, "train, validation or test (test)", 0},
    {"which", 'w', "WHICH", 0, "best or last checkpoint of a run (best)", 0},
    CLI_SETTINGS_OPTION,
    {"out", 'o', "DIR", 0, "where the report goes (RUN/eval-PART)", 0},
    {0},
};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "RUN",
    .doc = "Runs a part of the data through a trained net: accuracy, confusion matrix, "
           "firing "
           "rates of each layer, operations and an estimate of energy. Writes report.md, "
           "summary.json, confusion.csv and plots.",
};

/* --- what is told and written
 * ------------------------------------------------------------- */

typedef struct Result {
    const CliSession *session;
    const CliEvaluation *evaluation;
    const char *part;
    CliNetCost cost;
    double rate; /* mean over spiking layers, weighted by neurons; NAN: there are none */
    double spiking_pj, dense_pj;
} Result;

static void print_confusion(FILE *to, const Result *r)
{
    const size_t n = r->evaluation->classes;
    enum { MOST = 20 };
    if (n > MOST) {
        fprintf(to, "%zu classes: see confusion.csv\n", n);
        return;
    }
    fprintf(to, "%-14s", "true \\ answer");
    for (size_t k = 0; k < n; k++)
        fprintf(to, " %6.6s", r->session->classes[k]);
    fprintf(to, "   recall\n");
    for (size_t i = 0; i < n; i++) {
        const uint64_t *row = r->evaluation->confusion + i * n;
        uint64_t all = 0;
        for (size_t k = 0; k < n; k++)
            all += row[k];
        fprintf(to, "%-14.14s", r->session->classes[i]);
        for (size_t k = 0; k < n; k++)
            fprintf(to, row[k] ? " %6llu" : "      .", (unsigned long long)row[k]);
        fprintf(to, "   %5.1f%%\n", all ? 100.0 * (double)row[i] / (double)all : 0.0);
    }
}

static void print_layers(FILE *to, const Result *r)
{
    if (isfinite(r->rate))
        fprintf(to, "\n%-28s %8s %16s\n", "spiking layer", "rate", "silent channels");
    for (size_t i = 0; i < r->session->graph.n_nodes; i++)
        if (isfinite(r->evaluation->rates[i]))
            fprintf(to, "%-28s %7.2f%% %15.1f%%\n", r->session->graph.nodes[i].name,
                    100.0 * r->evaluation->rates[i], 100.0 * r->evaluation->silent[i]);
}

static void print_cost(FILE *to, const Result *r)
{
    CliHuman a, b, c;
    fprintf(to, "a sample costs %s additions by spikes (SynOps) and %s multiply-adds;\n",
            cli_human_count(a, r->cost.synops), cli_human_count(b, r->cost.macs));
    fprintf(to,
            "energy %.3f mJ = SynOps x %.1f pJ + multiply-adds x %.1f pJ (45 nm, "
            "Horowitz 2014);\n",
            1e-9 * r->spiking_pj, add_pj, mac_pj);
    fprintf(to,
            "done densely %s multiply-adds, %.3f mJ. Memory traffic is not counted.\n",
            cli_human_count(c, r->cost.dense), 1e-9 * r->dense_pj);
}

static void print_headline(FILE *to, const Result *r)
{
    CliHuman seconds;
    fprintf(to, "%s part: %.2f%% right (%zu of %zu), loss %.4f", r->part,
            100.0 * cli_accuracy(r->evaluation), r->evaluation->right,
            r->evaluation->seen, r->evaluation->loss);
    if (isfinite(r->rate))
        fprintf(to, ", firing rate %.2f%%", 100.0 * r->rate);
    fprintf(to, ", %s (%.0f/s)\n", cli_human_seconds(seconds, r->evaluation->seconds),
            (double)r->evaluation->seen / r->evaluation->seconds);
}

static void write_report(FILE *to, const Result *r)
{
    const CliSession *s = r->session;
    fprintf(to, "# %s on %s\n\n- checkpoint: %s\n- split: %s, test list sha256 %s\n",
            s->experiment.model->name, s->experiment.data.path, s->source,
            s->set.split_name, s->set.test_hash);
    fprintf(to, "- machine: %d threads, %s\n\n", s->context.team.n_threads,
            sim_context_isa(&s->context));
    print_headline(to, r);
    fprintf(to, "\n```\n");
    print_confusion(to, r);
    print_layers(to, r);
    fprintf(to, "\n");
    print_cost(to, r);
    fprintf(to, "```\n\nAll settings:\n\n```yaml\n");
    char *text = NULL;
    if (cli_experiment_text(&s->experiment, &text) == SIM_OK)
        fputs(text, to);
    free(text);
    fprintf(to, "```\n");
}

static void write_json(FILE *to, const Result *r)
{
    char rate[32] = "null";
    if (isfinite(r->rate))
        snprintf(rate, sizeof rate, "%.9g", r->rate);
    fprintf(
        to,
        "{\"part\": \"%s\", \"samples\": %zu, \"accuracy\": %.9g, \"loss\": %.9g, "
        "\"firing_rate\": %s, \"synops\": %.9g, \"macs\": %.9g, \"dense_macs\": %.9g, "
        "\"energy_mj\": %.9g, \"dense_energy_mj\": %.9g, \"seconds\": %.6g, "
        "\"test_list\": "
        "\"%s\"}\n",
        r->part, r->evaluation->seen, cli_accuracy(r->evaluation), r->evaluation->loss,
        rate, r->cost.synops, r->cost.macs, r->cost.dense, 1e-9 * r->spiking_pj,
        1e-9 * r->dense_pj, r->evaluation->seconds, r->session->set.test_hash);
}

static void write_csv(FILE *to, const Result *r)
{
    const size_t n = r->evaluation->classes;
    fprintf(to, "true");
    for (size_t k = 0; k < n; k++)
        fprintf(to, ",%s", r->session->classes[k]);
    for (size_t i = 0; i < n; i++) {
        fprintf(to, "\n%s", r->session->classes[i]);
        for (size_t k = 0; k < n; k++)
            fprintf(to, ",%llu", (unsigned long long)r->evaluation->confusion[i * n + k]);
    }
    fprintf(to, "\n");
}

static SimStatus write_file(const char *folder, const char *name,
                            void (*writer)(FILE *to, const Result *result),
                            const Result *result)
{
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE];
    SimFile to;
    SIM_TRY(cli_path_join(folder, name, path));
    SIM_TRY(sim_file_create(path, &to));
    writer(to.stream, result);
    status = sim_file_finish(&to);
out:
    return status;
}

static SimStatus write_all(const char *folder, const Result *r)
{
    SimStatus status = SIM_OK;
    bool drawn = false;
    SIM_TRY(sim_folder_make(folder));
    SIM_TRY(write_file(folder, "report.md", write_report, r));
    SIM_TRY(write_file(folder, "summary.json", write_json, r));
    SIM_TRY(write_file(folder, "confusion.csv", write_csv, r));
    SIM_TRY(cli_evaluation_draw(r->session, r->evaluation, folder, r->part, &drawn));
    printf("\nreport     %s/{report.md, summary.json, confusion.csv, *.png}\n", folder);
out:
    return status;
}

static double mean_rate(const CliSession *s, const Net *net, const CliEvaluation *e)
{
    double spikes = 0.0, neurons = 0.0;
    for (size_t i = 0; i < s->graph.n_nodes; i++)
        if (isfinite(e->rates[i])) {
            const double n = (double)sim_shape_step(net_node_info(net, i).out);
            spikes += n * e->rates[i];
            neurons += n;
        }
    return neurons > 0.0 ? spikes / neurons : (double)NAN;
}

static int run(int argc, char **argv)
{
    Arguments arguments = {.part = DATA_TEST};
    SimStatus status = SIM_OK;
    CliSession session = {0};
    CliEvaluation evaluation = {0};
    CliProgress progress;
    Net *net = NULL;
    char model[1100], folder[1100];
    cli_parse(&argp, argc, argv, &arguments);
    const bool of_run = cli_is_folder(arguments.run);
    if (of_run)
        snprintf(model, sizeof model, "%s/%s.h5", arguments.run,
                 whiches[arguments.which]);
    else
        snprintf(model, sizeof model, "%s", arguments.run);
    if (arguments.out)
        snprintf(folder, sizeof folder, "%s", arguments.out);
    else
        snprintf(folder, sizeof folder, "%s%seval-%s", of_run ? arguments.run : "",
                 of_run ? "/" : "", parts[arguments.part]);
    SIM_TRY(cli_session_open(model, arguments.settings.rows, arguments.settings.n,
                             CLI_NEED_DATA, cli_warn, argv[0], &session));
    cli_progress_start(&progress, "samples");
    SIM_TRY(data_set_prepare(&session.set, session.context.team.n_threads,
                             cli_progress_step, &progress));
    cli_progress_end(&progress);
    const CliTrainOptions *train = &session.experiment.train;
    SIM_TRY(cli_evaluator_create(
        &session, (size_t)(train->eval_batch ? train->eval_batch : train->batch), &net));
    SIM_TRY(cli_evaluate(&session, net, (DataPart)arguments.part, NULL, &evaluation));
    Result result = {.session = &session,
                     .evaluation = &evaluation,
                     .part = parts[arguments.part],
                     .cost = cli_net_cost(net, &session.graph, session.input.steps,
                                          evaluation.rates, 0.0),
                     .rate = mean_rate(&session, net, &evaluation)};
    result.spiking_pj = result.cost.synops * add_pj + result.cost.macs * mac_pj;
    result.dense_pj = result.cost.dense * mac_pj;
    printf("%s%s\n", session.source, session.trained ? "" : " (not trained)");
    print_headline(stdout, &result);
    printf("\n");
    print_confusion(stdout, &result);
    print_layers(stdout, &result);
    printf("\n");
    print_cost(stdout, &result);
    SIM_TRY(write_all(folder, &result));
out:
    net_destroy(net);
    cli_evaluation_destroy(&evaluation);
    cli_session_close(&session);
    return status == SIM_OK ? CLI_OK : cli_failed("apical eval");
}

const CliCommand cli_command_eval = {
    .name = "eval",
    .arguments = "RUN",
    .summary = "accuracy, confusions, firing rates, operations, energy",
    .run = run,
};
