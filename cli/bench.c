/* cli/bench.c: "apical bench": measures this machine, kernels, layers and whole nets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "cli/bench_plots.h"
#include "cli/command.h"
#include "cli/human.h"
#include "sim/file.h"
#include "sim/option.h"

typedef struct Arguments {
    const BenchSuite *suite;
    const char *json, *plots; /* NULL: not wanted */
    int threads, precision;   /* SimPrecision, -1: of the environment */
    BenchOptions options;
} Arguments;

/* --- printing -------------------------------------------------------------------------
 */

static const char *cell_text(const BenchColumn *column, const BenchCell *cell,
                             CliHuman text)
{
    if (column->kind == BENCH_TEXT)
        return cell->text;
    if (!isfinite(cell->number))
        return "";
    switch (column->kind) {
    case BENCH_COUNT:
        return cli_human_digits(text, (uint64_t)cell->number);
    case BENCH_BYTES:
        return cli_human_bytes(text, cell->number);
    case BENCH_SECONDS:
        if (cell->number >= 1)
            snprintf(text, CLI_HUMAN_SIZE, "%.2f s", cell->number);
        else if (cell->number < 1e-6)
            snprintf(text, CLI_HUMAN_SIZE, "%.2f ns", 1e9 * cell->number);
        else
            snprintf(text, CLI_HUMAN_SIZE, "%.*f ms", cell->number < 0.01 ? 3 : 1,
                     1e3 * cell->number);
        return text;
    case BENCH_ERROR:
        snprintf(text, CLI_HUMAN_SIZE, cell->number == 0 ? "0" : "%.1e", cell->number);
        return text;
    case BENCH_SHARE:
        snprintf(text, CLI_HUMAN_SIZE, "%.1f %%", 100 * cell->number);
        return text;
    default:
        snprintf(text, CLI_HUMAN_SIZE, "%.*f", cell->number < 10 ? 2 : 0, cell->number);
        return text;
    }
}

static void print_table(const BenchTable *table)
{
    CliHuman text;
    for (size_t row = 0; row <= table->n_rows; row++) /* the titles first */
        for (size_t i = 0; i < table->n_columns; i++) {
            const BenchColumn *const column = &table->columns[i];
            int width = (int)strlen(column->title);
            for (size_t r = 0; r < table->n_rows; r++) {
                const int length = (int)strlen(
                    cell_text(column, &table->cells[r * table->n_columns + i], text));
                width = length > width ? length : width;
            }
            printf("%*s%s", column->kind == BENCH_TEXT ? -width : width,
                   row == 0
                       ? column->title
                       : cell_text(column,
                                   &table->cells[(row - 1) * table->n_columns + i], text),
                   i + 1 < table->n_columns ? "  " : "\n");
        }
}

static void print_json(FILE *out, const BenchSuite *suite, const BenchMachine *machine,
                       const SimContext *context, const BenchTable *table)
{
    fprintf(out,
            "{\"suite\": \"%s\", \"cpu\": \"%s\", \"isa\": \"%s\", "
            "\"precision\": \"%s\", \"threads\": %d, "
            "\"flops\": %.4g, \"bandwidth\": %.4g, \"rows\": [",
            suite->name, machine->cpu, sim_context_isa(context),
            sim_precisions[context->precision], machine->threads, machine->flops,
            machine->bandwidth);
    for (size_t row = 0; row < table->n_rows; row++) {
        fprintf(out, "%s\n  {", row ? "," : "");
        for (size_t i = 0; i < table->n_columns; i++) {
            const BenchCell *const cell = &table->cells[row * table->n_columns + i];
            fprintf(out, "%s\"%s\": ", i ? ", " : "", table->columns[i].key);
            if (table->columns[i].kind == BENCH_TEXT)
                fprintf(out, "\"%s\"", cell->text);
            else if (isfinite(cell->number))
                fprintf(out, "%.6g", cell->number);
            else
                fputs("null", out);
        }
        fputc('}', out);
    }
    fputs("]}\n", out);
}

static void show_progress(void *argument, const BenchTable *table)
{
    const BenchSuite *const suite = argument;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s: %zu measured ", suite->name, table->n_rows);
}

/* --- one suite ------------------------------------------------------------------------
 */

static SimStatus write_json(const char *path, const BenchSuite *suite,
                            const BenchMachine *machine, const SimContext *context,
                            const BenchTable *table)
{
    SimFile to;
    const SimStatus status = sim_file_create(path, &to);
    if (status != SIM_OK)
        return status;
    print_json(to.stream, suite, machine, context, table);
    return sim_file_finish(&to);
}

static SimStatus draw(const BenchSuite *suite, bool blocks, const char *folder,
                      const BenchTable *table)
{
    static const struct {
        const char *suite;
        bool blocks;
        const char *picture;
        SimStatus (*draw)(const char *, const BenchTable *, bool *);
    } pictures[] = {{"kernels", false, "density", cli_plot_density},
                    {"memory", false, "memory", cli_plot_memory},
                    {"memory", true, "blocks", cli_plot_blocks}};
    SimStatus status = SIM_OK;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        bool drawn = false;
        if (strcmp(pictures[i].suite, suite->name) != 0 || pictures[i].blocks != blocks)
            continue;
        SIM_TRY(pictures[i].draw(folder, table, &drawn));
        fprintf(stderr, "%s/%s.%s written\n", folder, pictures[i].picture,
                drawn ? "png and .svg" : "gp and .tsv (no gnuplot here to draw them)");
    }
out:
    return status;
}

static SimStatus measure(const BenchSuite *suite, const Arguments *arguments,
                         const SimContext *context, const BenchMachine *machine)
{
    SimStatus status = SIM_OK;
    BenchTable table;
    const bool only_json = arguments->json && strcmp(arguments->json, "-") == 0;
    bench_table_init(&table, suite->columns);
    table.row_done = show_progress;
    table.argument = (void *)(uintptr_t)suite;
    SIM_TRY(suite->run(&arguments->options, context, &table));
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (only_json) {
        print_json(stdout, suite, machine, context, &table);
    } else {
        printf("\n%s: %s\n\n", suite->name, suite->summary);
        print_table(&table);
        if (table.note[0])
            printf("\n%s\n", table.note);
    }
    if (arguments->json && !only_json)
        SIM_TRY(write_json(arguments->json, suite, machine, context, &table));
    if (arguments->plots)
        SIM_TRY(draw(suite, arguments->options.blocks, arguments->plots, &table));
out:
    bench_table_destroy(&table);
    return status;
}

/* --- the command ----------------------------------------------------------------------
 */

static const BenchSuite *find_suite(const char *name, struct argp_state *state)
{
    const char *names[16] = {NULL};
    for (size_t i = 0; bench_suites[i] && i < 15; i++) {
        if (strcmp(bench_suites[i]->name, name) == 0)
            return bench_suites[i];
        names[i] = bench_suites[i]->name;
    }
    sim_unknown(name, names, NULL, "nothing to measure is called");
    argp_error(state, "%s", sim_message());
    return NULL;
}

static long whole(const char *text, long low, long high, const char *option,
                  struct argp_state *state)
{
    char *end;
    const long value = strtol(text, &end, 10);
    if (end == text || *end || value < low || value > high)
        argp_error(state, "--%s wants a number from %ld to %ld, not \"%s\"", option, low,
                   high, text);
    return value;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    BenchOptions *const options = &arguments->options;
    char *end;
    switch (key) {
    case 'n':
        options->net = text;
        return 0;
    case 'm':
        options->memory = text;
        return 0;
    case 'g':
        options->surrogate = text;
        return 0;
    case 'b':
        options->batch = (size_t)whole(text, 1, 65536, "batch", state);
        return 0;
    case 'T':
        options->steps = (size_t)whole(text, 1, 65536, "steps", state);
        return 0;
    case 't':
        arguments->threads = (int)whole(text, 1, 1024, "threads", state);
        return 0;
    case 'P':
        for (int i = 0; sim_precisions[i]; i++)
            if (strcmp(text, sim_precisions[i]) == 0) {
                arguments->precision = i;
                return 0;
            }
        argp_error(state, "--precision wants f32, fixed, split or bf16, not \"%s\"",
                   text);
        return 0;
    case 's':
        options->seconds = strtod(text, &end);
        if (*end || !(options->seconds >= 0 && options->seconds <= 3600))
            argp_error(state, "--seconds wants a number from 0 to 3600, not \"%s\"",
                       text);
        return 0;
    case 'B':
        options->blocks = true;
        return 0;
    case 'q':
        options->quick = true;
        return 0;
    case 'j':
        arguments->json = text;
        return 0;
    case 'p':
        arguments->plots = text;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->suite)
            argp_error(state, "wanted one name, not more");
        arguments->suite = find_suite(text, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->json && !arguments->suite)
            argp_error(state, "--json wants the name of one thing to measure");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run(int argc, char **argv)
{
    static const struct argp_option rows[] = {
        {"net", 'n', "NAME", 0, "sresnet, msresnet, sewresnet, revsresnet, mocapsnet", 0},
        {"memory", 'm', "POLICY", 0, "keep, recompute, reverse: one instead of all", 0},
        {"blocks", 'B', NULL, 0,
         "memory: against the number of reversible blocks, not of time steps", 0},
        {"surrogate", 'g', "NAME", 0, "of the neurons (triangle)", 0},
        {"batch", 'b', "N", 0, "samples at once", 0},
        {"steps", 'T', "N", 0, "time steps", 0},
        {"threads", 't', "N", 0, "instead of all", 0},
        {"precision", 'P', "NAME", 0, "of products: f32, fixed, split, bf16", 0},
        {"seconds", 's', "S", 0, "to spend on each figure (1)", 0},
        {"quick", 'q', NULL, 0, "fewer shapes and points", 0},
        {"json", 'j', "FILE", 0, "the figures as JSON; - prints nothing else", 0},
        {"plots", 'p', "FOLDER", 0, "draw kernels and memory there", 0},
        {0}};
    static const struct argp argp = {
        rows,
        parse,
        "[step|layers|memory|drift|kernels|calibrate]",
        "Measures on this machine: whole training and inference steps of published nets, "
        "their layers, memory against the number of steps or (--blocks) of reversible "
        "blocks, how exactly those go back (drift), and kernels against density. "
        "calibrate finds the densities at which spike kernels and dense ones break even, "
        "and keeps them for runs to come. "
        "Without a name everything is measured quickly.",
        NULL,
        NULL,
        NULL};
    Arguments arguments = {.precision = -1,
                           .options = {.surrogate = "triangle", .seconds = 1}};
    SimContext context;
    BenchMachine machine;
    cli_parse(&argp, argc, argv, &arguments);
    if (!arguments.suite)
        arguments.options.quick = true;
    if (sim_context_create(arguments.threads, NULL, &context) != SIM_OK ||
        (arguments.precision >= 0 &&
         sim_context_set_precision(&context, (SimPrecision)arguments.precision) !=
             SIM_OK) ||
        bench_machine(&context, &machine) != SIM_OK)
        return cli_failed(argv[0]);
    arguments.options.machine = &machine;
    if (!arguments.json || strcmp(arguments.json, "-") != 0)
        printf("%s, %d thread%s, %s, %s products: at best %.0f GFLOP/s (f32) and %.0f "
               "GB/s\n",
               machine.cpu, machine.threads, machine.threads == 1 ? "" : "s",
               sim_context_isa(&context), sim_precisions[context.precision],
               1e-9 * machine.flops, 1e-9 * machine.bandwidth);
    for (size_t i = 0; bench_suites[i]; i++)
        if ((!arguments.suite || bench_suites[i] == arguments.suite) &&
            measure(bench_suites[i], &arguments, &context, &machine) != SIM_OK)
            return cli_failed(argv[0]);
    return CLI_OK;
}

const CliCommand cli_command_bench = {
    .name = "bench",
    .arguments = "[step|layers|memory|drift|kernels|calibrate]",
    .summary = "time and memory of nets, layers and kernels on this machine",
    .run = run,
};
