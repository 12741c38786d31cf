/* cli/compare.c: "apical compare": same everything, one thing varied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/compare_run.h"
#include "cli/compare_table.h"
#include "cli/files.h"
#include "cli/settings.h"

enum { OPTION_SEEDS = 256, OPTION_MATCH, OPTION_JOBS, OPTION_PLAN, OPTION_PROBE };

typedef struct Arguments {
    CliStart start;
    bool plan;
    int probe; /* threads */
    CliSettings settings, vary;
    char own[3][64]; /* --seeds and its like as settings */
    size_t n_own;
} Arguments;

/* "--seeds 5" is "--set compare.seeds=5". */
static void add_own(Arguments *arguments, const char *key, const char *value,
                    struct argp_state *state)
{
    if (arguments->n_own == sizeof arguments->own / sizeof *arguments->own)
        argp_error(state, "%s is given twice", key);
    char *const text = arguments->own[arguments->n_own++];
    snprintf(text, sizeof arguments->own[0], "compare.%s=%.40s", key, value);
    cli_settings_add(&arguments->settings, text, state);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 's':
        cli_settings_add(&arguments->settings, text, state);
        return 0;
    case 'v':
        cli_settings_add(&arguments->vary, text, state);
        return 0;
    case OPTION_SEEDS:
        add_own(arguments, "seeds", text, state);
        return 0;
    case OPTION_MATCH:
        add_own(arguments, "match", text, state);
        return 0;
    case OPTION_JOBS:
        add_own(arguments, "jobs", text, state);
        return 0;
    case OPTION_PLAN:
        arguments->plan = true;
        return 0;
    case OPTION_PROBE:
        arguments->probe = atoi(text);
        if (arguments->probe < 1)
            argp_error(state, "--probe wants a number of threads");
        return 0;
    case ARGP_KEY_END:
        if (arguments->start.resume &&
            (arguments->start.out || arguments->settings.n || arguments->vary.n))
            argp_error(state,
                       "a resumed comparison stays as it is: leave the others away");
        break;
    default:
        break;
    }
    return cli_start_parse(&arguments->start, "FOLDER", key, text, state);
}

static const struct argp_option options[] = {
    {"vary", 'v', "KEY=A,B,C", 0,
     "what is compared: neuron, model, data or section.key; the first value is the "
     "baseline. Given again, every combination",
     0},
    {"seeds", OPTION_SEEDS, "N", 0, "trainings of each, from train.seed on (3)", 0},
    {"match", OPTION_MATCH, "none|params|ops", 0,
     "change widths until all have as many parameters, or operations, as the baseline",
     0},
    {"jobs", OPTION_JOBS, "N", 0, "trainings at once (measured: the fastest)", 0},
    {"plan", OPTION_PLAN, NULL, 0, "say what would run and what would not be equal", 0},
    CLI_SETTINGS_OPTION,
    {"out", 'o', "DIR", 0, "folder of all runs (runs/compare-NAME, numbered)", 0},
    {"resume", 'r', "DIR", 0, "go on with a comparison that was interrupted", 0},
    {"probe", OPTION_PROBE, "THREADS", OPTION_HIDDEN, "", 0},
    {0},
};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "EXPERIMENT.yaml --vary KEY=A,B,C\n--resume DIR",
    .doc = "Trains the same net on the same data with one thing varied, several times "
           "each, and says whether it makes a difference: a table with confidence "
           "intervals and paired tests, learning curves, accuracy against cost. The "
           "same command, or --resume, goes on where it was interrupted.",
};

/* --- folders ------------------------------------------------------------------------ */

/* Whether a folder holds this very comparison: then it goes on there. */
static bool is_same(const CliCompare *compare, const char *folder)
{
    char path[CLI_PATH_SIZE], *text = NULL;
    const bool same = cli_path_join(folder, "compare.yaml", path) == SIM_OK &&
                      cli_file_text(path, 1 << 20, &text) == SIM_OK &&
                      strcmp(text, compare->text) == 0;
    free(text);
    return same;
}

/* runs/compare-NAME, runs/compare-NAME-2, ...: the first that is not there, or is this.
 */
static void default_folder(const CliCompare *compare, const char *experiment, char *out,
                           size_t size)
{
    struct stat info;
    const char *name = strrchr(experiment, '/');
    name = name ? name + 1 : experiment;
    const int length = (int)strcspn(name, ".");
    snprintf(out, size, "runs/compare-%.*s", length, name);
    for (int i = 2; stat(out, &info) == 0 && !is_same(compare, out); i++)
        snprintf(out, size, "runs/compare-%.*s-%d", length, name, i);
}

/* --- what is told ------------------------------------------------------------------- */

static void print_plan(const CliCompare *compare, const char *folder)
{
    for (size_t f = 0; f < compare->n_factors; f++) {
        const CliCompareFactor *const factor = &compare->factors[f];
        size_t column =
            (size_t)printf("%-10s %s:", f ? "for each" : "compared", factor->key);
        for (size_t i = 0; i < factor->n; i++) {
            const size_t width = strlen(factor->values[i]) + 2;
            if (column + width > 96)
                column = (size_t)printf("\n%11s", "") - 1;
            column +=
                (size_t)printf(" %s%s", factor->values[i], i + 1 < factor->n ? "," : "");
        }
        putchar('\n');
    }
    printf("runs       %zu: %zu variants, %lld seeds\n", cli_compare_runs(compare),
           compare->n_variants, (long long)compare->options.seeds);
    if (folder)
        printf("folder     %s\n", folder);
    fflush(stdout);
}

static SimStatus print_pictures(const CliCompareTable *table)
{
    SimStatus status = SIM_OK;
    bool drawn = false;
    SIM_TRY(cli_compare_draw(table, &drawn));
    if (table->compare->is_plane)
        SIM_TRY(cli_compare_boundaries(table, &drawn));
    printf("files      %s/{report.md, table.csv, runs.csv, plots/}%s\n", table->folder,
           drawn ? "" : " (install gnuplot-nox to have the plots drawn)");
out:
    return status;
}

static SimStatus show_table(const CliCompare *compare, const char *folder)
{
    SimStatus status = SIM_OK;
    CliCompareTable table = {0};
    SIM_TRY(cli_compare_table(compare, folder, &table));
    cli_compare_print(&table, stdout);
    SIM_TRY(cli_compare_write(&table));
    SIM_TRY(print_pictures(&table));
out:
    cli_compare_table_destroy(&table);
    return status;
}

/* What is finished is shown also when the rest was stopped. */
static SimStatus compare_all(const CliCompare *compare, const char *folder,
                             size_t *missing)
{
    SimStatus status = SIM_OK;
    char told[400] = "";
    int lock = -1;
    SIM_TRY(cli_compare_claim(compare, folder, &lock));
    status = cli_compare_run(compare, folder, missing);
    if (status != SIM_OK && status != SIM_ERR_STOPPED)
        goto out;
    const bool stopped = status == SIM_ERR_STOPPED;
    snprintf(told, sizeof told, "%s", stopped ? sim_message() : "");
    SIM_TRY(show_table(compare, folder));
    if (stopped)
        status = sim_fail(SIM_ERR_STOPPED, "%s", told);
out:
    cli_compare_release(lock);
    return status;
}

static int probe(const Arguments *arguments)
{
    double rate = 0.0;
    if (cli_compare_probe(arguments->start.experiment, arguments->probe, 0.4, &rate) !=
        SIM_OK)
        return cli_failed("apical compare --probe");
    printf("%.9g\n", rate);
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    Arguments arguments = {0};
    SimStatus status = SIM_OK;
    CliCompare compare = {0};
    char folder[CLI_PATH_SIZE], file[CLI_PATH_SIZE];
    size_t missing = 0;
    cli_parse(&argp, argc, argv, &arguments);
    if (arguments.probe)
        return probe(&arguments);
    snprintf(file, sizeof file, "%s",
             arguments.start.experiment ? arguments.start.experiment : "");
    if (arguments.start.resume)
        SIM_TRY(cli_path_join(arguments.start.resume, "compare.yaml", file));
    SIM_TRY(cli_compare_plan(file, arguments.settings.rows, arguments.settings.n,
                             arguments.vary.rows, arguments.vary.n, cli_warn, argv[0],
                             &compare));
    if (arguments.start.resume || arguments.start.out)
        snprintf(folder, sizeof folder, "%s",
                 arguments.start.resume ? arguments.start.resume : arguments.start.out);
    else
        default_folder(&compare, file, folder, sizeof folder);
    print_plan(&compare, arguments.plan ? NULL : folder);
    if (arguments.plan)
        for (size_t i = 0; i < compare.n_warnings; i++)
            printf("not equal  %s\n", compare.warnings[i]);
    else
        SIM_TRY(compare_all(&compare, folder, &missing));
out:
    cli_compare_destroy(&compare);
    if (status != SIM_OK)
        return cli_failed("apical compare");
    if (missing > 0) {
        fflush(stdout);
        fprintf(stderr,
                "apical compare: %zu runs failed and are missing in the table: see "
                "output.txt in their folders\n",
                missing);
    }
    return missing ? CLI_FAILED : CLI_OK;
}

const CliCommand cli_command_compare = {
    .name = "compare",
    .arguments = "EXPERIMENT.yaml --vary KEY=A,B | --resume DIR",
    .summary = "same net, data and seeds, one thing varied: a table and plots",
    .run = run,
};
