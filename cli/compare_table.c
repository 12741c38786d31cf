/* cli/compare_table.c: results of runs to means, tests and tables. */
#include "cli/compare_table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "cli/human.h"
#include "cli/terminal.h"
#include "sim/file.h"

/* --- numbers ------------------------------------------------------------------------ */

static const CliResult *result_of(const CliCompareTable *table, size_t variant, size_t k)
{
    return &table->results[variant * (size_t)table->compare->options.seeds + k];
}

double cli_compare_accuracy(const CliCompareTable *table, size_t variant, size_t k)
{
    const CliResult *const r = result_of(table, variant, k);
    return table->compare->options.measure == CLI_MEASURE_BEST ? r->best_test_accuracy
                                                               : r->test_accuracy;
}

/* The mean of one field over finished runs that have it; `buffer` [seeds]. */
static CliMean mean_field(const CliCompareTable *table, size_t variant, size_t offset,
                          double *buffer)
{
    size_t n = 0;
    for (size_t k = 0; k < (size_t)table->compare->options.seeds; k++) {
        double value;
        memcpy(&value, (const char *)result_of(table, variant, k) + offset, sizeof value);
        if (isfinite(value))
            buffer[n++] = value;
    }
    return cli_mean(buffer, n, CLI_COMPARE_LEVEL);
}

static void fill_row(CliCompareTable *table, size_t variant, double *x, double *y)
{
    const CliCompare *const compare = table->compare;
    const CliCompareVariant *const v = &compare->variants[variant];
    CliCompareRow *const row = &table->rows[variant];
    const size_t seeds = (size_t)compare->options.seeds;
    size_t pairs = 0;
    double best = -1.0;
    *row = (CliCompareRow){.corrected = (double)NAN};
    for (size_t k = 0; k < seeds; k++) {
        const double accuracy = cli_compare_accuracy(table, variant, k);
        if (!isfinite(accuracy))
            continue;
        x[row->runs++] = accuracy;
        row->perfect += accuracy == 1.0;
        if (accuracy > best) {
            best = accuracy;
            row->best = k;
        }
    }
    row->accuracy = cli_mean(x, row->runs, CLI_COMPARE_LEVEL);
    for (size_t k = 0; k < seeds; k++) {
        const double one = cli_compare_accuracy(table, variant, k);
        const double other = cli_compare_accuracy(table, v->baseline, k);
        if (isfinite(one) && isfinite(other)) {
            x[pairs] = one;
            y[pairs++] = other;
        }
    }
    row->paired = cli_paired(x, y, pairs, CLI_COMPARE_LEVEL);
    row->macs = mean_field(table, variant, offsetof(CliResult, macs), x);
    row->synops = mean_field(table, variant, offsetof(CliResult, synops), x);
    row->firing = mean_field(table, variant, offsetof(CliResult, firing_rate), x);
    row->memory = mean_field(table, variant, offsetof(CliResult, memory_bytes), x);
    row->cpu = mean_field(table, variant, offsetof(CliResult, cpu_s_per_epoch), x);
}

static void correct_group(CliCompareTable *table, size_t group, double *p)
{
    const size_t size = cli_compare_group_size(table->compare), from = group * size;
    for (size_t i = 1; i < size; i++)
        p[i - 1] = table->rows[from + i].paired.p;
    cli_holm(p, size - 1);
    for (size_t i = 1; i < size; i++)
        table->rows[from + i].corrected = p[i - 1];
}

SimStatus cli_compare_table(const CliCompare *compare, const char *folder,
                            CliCompareTable *out)
{
    SimStatus status = SIM_OK;
    const size_t runs = cli_compare_runs(compare), seeds = (size_t)compare->options.seeds;
    CliCompareTable table = {.compare = compare, .folder = folder};
    double *const numbers = calloc(2 * seeds + compare->n_variants, sizeof *numbers);
    table.rows = calloc(compare->n_variants, sizeof *table.rows);
    table.results = calloc(runs, sizeof *table.results);
    if (!numbers || !table.rows || !table.results) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for a table of %zu runs", runs);
        goto out;
    }
    for (size_t i = 0; i < runs; i++) {
        char path[CLI_PATH_SIZE];
        const CliResult none = {.epochs = (double)NAN,
                                .test_accuracy = (double)NAN,
                                .best_test_accuracy = (double)NAN,
                                .macs = (double)NAN,
                                .synops = (double)NAN,
                                .firing_rate = (double)NAN,
                                .memory_bytes = (double)NAN,
                                .cpu_s_per_epoch = (double)NAN};
        SIM_TRY(cli_compare_run_path(compare, folder, i / seeds, i % seeds, path));
        if (cli_result_read(path, &table.results[i]) == SIM_OK)
            table.finished++;
        else
            table.results[i] = none;
    }
    for (size_t v = 0; v < compare->n_variants; v++)
        fill_row(&table, v, numbers, numbers + seeds);
    for (size_t g = 0; g < compare->n_groups; g++)
        correct_group(&table, g, numbers + 2 * seeds);
    *out = table;
    table = (CliCompareTable){0};
out:
    cli_compare_table_destroy(&table);
    free(numbers);
    return status;
}

void cli_compare_table_destroy(CliCompareTable *table)
{
    free(table->rows);
    free(table->results);
    *table = (CliCompareTable){0};
}

/* --- a grid of texts ---------------------------------------------------------------- */

enum { CELL = 96, MAX_COLUMNS = 16 };

typedef struct Grid {
    char (*cells)[CELL]; /* owned, [n_rows, n_columns]; the first row is the head */
    size_t n_rows, n_columns;
    size_t row, column; /* of the next cell */
} Grid;

static bool grid_create(Grid *grid, size_t rows, size_t columns)
{
    *grid = (Grid){.n_rows = rows, .n_columns = columns};
    grid->cells = calloc(rows * columns, sizeof *grid->cells);
    return grid->cells != NULL;
}

__attribute__((format(printf, 2, 3))) static void put(Grid *grid, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(grid->cells[grid->row * grid->n_columns + grid->column], CELL, format,
              arguments);
    va_end(arguments);
    if (++grid->column == grid->n_columns) {
        grid->column = 0;
        grid->row++;
    }
}

static void put_spaces(FILE *out, size_t n)
{
    fprintf(out, "%*s", (int)n, "");
}

/* The first column to the left, numbers to the right; `marks`: as Markdown. */
static void grid_print(const Grid *grid, FILE *out, bool marks)
{
    for (size_t r = 0; r < grid->n_rows; r++) {
        for (size_t c = 0; c < grid->n_columns; c++) {
            size_t widest = 0;
            for (size_t i = 0; i < grid->n_rows; i++) {
                const size_t w = cli_terminal_width(grid->cells[i * grid->n_columns + c]);
                widest = w > widest ? w : widest;
            }
            const char *const text = grid->cells[r * grid->n_columns + c];
            const size_t room = widest - cli_terminal_width(text);
            const bool last = c + 1 == grid->n_columns;
            fputs(marks ? c ? " | " : "| " : c ? "  " : "", out);
            if (c > 0)
                put_spaces(out, room);
            fputs(text, out);
            if (c == 0)
                put_spaces(out, room);
            if (last)
                fputs(marks ? " |\n" : "\n", out);
        }
        if (r == 0 && marks) {
            for (size_t c = 0; c < grid->n_columns; c++)
                fputs(c ? " ---: |" : "| --- |", out);
            fputc('\n', out);
        }
    }
}

/* --- a group as a table ------------------------------------------------------------- */

typedef enum Column {
    COLUMN_NAME,
    COLUMN_ACCURACY,
    COLUMN_PERFECT,
    COLUMN_DIFFERENCE,
    COLUMN_P,
    COLUMN_HOLM,
    COLUMN_PARAMETERS,
    COLUMN_MACS,
    COLUMN_SYNOPS,
    COLUMN_FIRING,
    COLUMN_MEMORY,
    COLUMN_TIME,
    COLUMN_RUNS,
    N_COLUMNS
} Column;

static bool is_shown(const CliCompareTable *table, Column column)
{
    const CliCompare *const compare = table->compare;
    bool spikes = false, missing = false;
    for (size_t v = 0; v < compare->n_variants; v++) {
        spikes |= table->rows[v].synops.mean > 0.0 || table->rows[v].firing.mean > 0.0;
        missing |= table->rows[v].runs < (size_t)compare->options.seeds;
    }
    switch (column) {
    case COLUMN_PERFECT:
        return compare->is_plane;
    case COLUMN_P:
        return compare->options.seeds > 1;
    case COLUMN_HOLM:
        return compare->options.seeds > 1 && cli_compare_group_size(compare) > 2;
    case COLUMN_SYNOPS:
    case COLUMN_FIRING:
        return spikes;
    case COLUMN_RUNS:
        return missing;
    default:
        return true;
    }
}

static void put_mean(Grid *grid, CliMean mean, double scale, bool sign)
{
    if (!isfinite(mean.mean))
        put(grid, "-");
    else if (isfinite(mean.half))
        put(grid, sign ? "%+.2f ± %.2f" : "%.2f ± %.2f", scale * mean.mean,
            scale * mean.half);
    else
        put(grid, sign ? "%+.2f" : "%.2f", scale * mean.mean);
}

static void put_p(Grid *grid, double p)
{
    if (!isfinite(p))
        put(grid, "-");
    else if (p < 0.0001)
        put(grid, "< 0.0001");
    else
        put(grid, "%.4f", p);
}

static void put_count(Grid *grid, CliMean mean)
{
    CliHuman text;
    put(grid, "%s", isfinite(mean.mean) ? cli_human_count(text, mean.mean) : "-");
}

static void put_cell(const CliCompareTable *table, Grid *grid, size_t variant,
                     Column column)
{
    const CliCompareVariant *const v = &table->compare->variants[variant];
    const CliCompareRow *const row = &table->rows[variant];
    const bool baseline = v->baseline == variant;
    CliHuman text;
    switch (column) {
    case COLUMN_NAME:
        put(grid, "%s", v->name);
        break;
    case COLUMN_ACCURACY:
        put_mean(grid, row->accuracy, 100.0, false);
        break;
    case COLUMN_PERFECT:
        put(grid, "%zu/%zu", row->perfect, row->runs);
        break;
    case COLUMN_DIFFERENCE:
        if (baseline)
            put(grid, "baseline");
        else
            put_mean(grid, row->paired.difference, 100.0, true);
        break;
    case COLUMN_P:
        put_p(grid, baseline ? (double)NAN : row->paired.p);
        break;
    case COLUMN_HOLM:
        put_p(grid, baseline ? (double)NAN : row->corrected);
        break;
    case COLUMN_PARAMETERS:
        put(grid, "%s", cli_human_digits(text, (uint64_t)v->parameters));
        break;
    case COLUMN_MACS:
        put_count(grid, row->macs);
        break;
    case COLUMN_SYNOPS:
        put_count(grid, row->synops);
        break;
    case COLUMN_FIRING:
        put(grid, isfinite(row->firing.mean) ? "%.3f" : "-", row->firing.mean);
        break;
    case COLUMN_MEMORY:
        put(grid, "%s", cli_human_bytes(text, v->memory));
        break;
    case COLUMN_TIME:
        put(grid, "%s",
            isfinite(row->cpu.mean) ? cli_human_seconds(text, row->cpu.mean) : "-");
        break;
    default:
        put(grid, "%zu", row->runs);
    }
}

/* What the first column is called: the key that is compared. */
static const char *subject(const CliCompare *compare)
{
    return compare->factors[0].key;
}

static SimStatus print_group(const CliCompareTable *table, size_t group, FILE *out,
                             bool marks)
{
    static const char *const heads[N_COLUMNS] = {[COLUMN_ACCURACY] = "accuracy %",
                                                 [COLUMN_PERFECT] = "at 100 %",
                                                 [COLUMN_DIFFERENCE] = "difference",
                                                 [COLUMN_P] = "p",
                                                 [COLUMN_HOLM] = "p (Holm)",
                                                 [COLUMN_PARAMETERS] = "parameters",
                                                 [COLUMN_MACS] = "MACs",
                                                 [COLUMN_SYNOPS] = "SynOps",
                                                 [COLUMN_FIRING] = "firing",
                                                 [COLUMN_MEMORY] = "memory",
                                                 [COLUMN_TIME] = "CPU/epoch",
                                                 [COLUMN_RUNS] = "runs"};
    const size_t size = cli_compare_group_size(table->compare);
    Grid grid;
    size_t shown = 0;
    for (int c = 0; c < N_COLUMNS; c++)
        shown += is_shown(table, (Column)c);
    if (!grid_create(&grid, size + 1, shown))
        return sim_fail(SIM_ERR_MEMORY, "no memory for a table");
    for (int c = 0; c < N_COLUMNS; c++)
        if (is_shown(table, (Column)c))
            put(&grid, "%s", heads[c] ? heads[c] : subject(table->compare));
    for (size_t i = 0; i < size; i++)
        for (int c = 0; c < N_COLUMNS; c++)
            if (is_shown(table, (Column)c))
                put_cell(table, &grid, group * size + i, (Column)c);
    grid_print(&grid, out, marks);
    free(grid.cells);
    return SIM_OK;
}

/* --- all groups in one table -------------------------------------------------------- */

static SimStatus print_groups(const CliCompareTable *table, FILE *out, bool marks)
{
    const CliCompare *const compare = table->compare;
    const size_t size = cli_compare_group_size(compare);
    Grid grid;
    if (!grid_create(&grid, size + 1, compare->n_groups + 1))
        return sim_fail(SIM_ERR_MEMORY, "no memory for a table");
    put(&grid, "%s", subject(compare));
    for (size_t g = 0; g < compare->n_groups; g++) {
        const char *const name = compare->group_names[g];
        const char *const value = strchr(name, ' ');
        put(&grid, "%s", value && !strstr(name, ", ") ? value + 1 : name);
    }
    for (size_t i = 0; i < size; i++) {
        put(&grid, "%s", compare->variants[i].name);
        for (size_t g = 0; g < compare->n_groups; g++) {
            const CliCompareRow *const row = &table->rows[g * size + i];
            if (compare->is_plane && row->runs > 0)
                put(&grid, "%.1f (%zu/%zu)", 100.0 * row->accuracy.mean, row->perfect,
                    row->runs);
            else
                put_mean(&grid, row->accuracy, 100.0, false);
        }
    }
    grid_print(&grid, out, marks);
    free(grid.cells);
    return SIM_OK;
}

/* --- words -------------------------------------------------------------------------- */

static void print_meaning(const CliCompareTable *table, FILE *out)
{
    const CliCompare *const compare = table->compare;
    const long long first = (long long)compare->variants[0].experiment.train.seed;
    const long long seeds = (long long)compare->options.seeds;
    fprintf(out, "Accuracy: of the test part, %s, mean over ",
            compare->options.measure == CLI_MEASURE_BEST
                ? compare->has_validation ? "at the epoch best in validation"
                                          : "at the epoch best on that part itself"
                : "after the last epoch");
    if (seeds == 1)
        fprintf(out, "one seed (%lld): no interval and no test can be given.\n", first);
    else if (cli_statistics_whole())
        fprintf(out,
                "seeds %lld to %lld ± half of its %g %% confidence interval\n(Student's "
                "t). Difference and p: paired by seed, against the first row, t test, "
                "two-sided;\n(Holm): corrected for all rows of a table.\n",
                first, first + seeds - 1, 100.0 * CLI_COMPARE_LEVEL);
    else
        fprintf(out,
                "seeds %lld to %lld. No intervals and tests: this build is without the\n"
                "GNU Scientific Library (libgsl-dev).\n",
                first, first + seeds - 1);
    fputs(
        "MACs and SynOps: of the synapses, for one sample. Memory: of the training plan. "
        "CPU: of all\nthreads, tests and checkpoints included.\n",
        out);
    if (compare->is_plane && compare->n_groups > 1)
        fputs("In brackets: how many seeds got every test point right.\n", out);
}

static void print_warnings(const CliCompareTable *table, FILE *out)
{
    enum { MOST = 12 };
    const CliCompare *const compare = table->compare;
    const size_t n = compare->n_warnings;
    for (size_t i = 0; i < n && (i < MOST || n == MOST + 1); i++)
        fprintf(out, "not equal: %s\n", compare->warnings[i]);
    if (n > MOST + 1)
        fprintf(out, "not equal: %zu more in report.md\n", n - MOST);
}

void cli_compare_print(const CliCompareTable *table, FILE *out)
{
    const CliCompare *const compare = table->compare;
    fputc('\n', out);
    const SimStatus status = compare->n_groups == 1 ? print_group(table, 0, out, false)
                                                    : print_groups(table, out, false);
    if (status != SIM_OK)
        fprintf(out, "%s\n", sim_message());
    fputc('\n', out);
    print_meaning(table, out);
    print_warnings(table, out);
}

/* --- files -------------------------------------------------------------------------- */

static SimStatus write_report(const CliCompareTable *table, FILE *to)
{
    SimStatus status = SIM_OK;
    const CliCompare *const compare = table->compare;
    const CliExperiment *const e = &compare->variants[0].experiment;
    fprintf(to, "# %s of %s on %s\n\n", subject(compare), e->model->name, e->data.path);
    fprintf(to,
            "%zu of %zu runs finished: %zu variants, %lld seeds, %lld epochs of batches "
            "of %lld.\n\n",
            table->finished, cli_compare_runs(compare), compare->n_variants,
            (long long)compare->options.seeds, (long long)e->train.epochs,
            (long long)e->train.batch);
    if (compare->n_groups > 1) {
        SIM_TRY(print_groups(table, to, true));
        fputc('\n', to);
    }
    for (size_t g = 0; g < compare->n_groups; g++) {
        if (compare->n_groups > 1)
            fprintf(to, "## %s\n\n", compare->group_names[g]);
        SIM_TRY(print_group(table, g, to, true));
        fputc('\n', to);
    }
    print_meaning(table, to);
    if (compare->n_warnings > 0)
        fputs("\nNot equal:\n\n", to);
    for (size_t i = 0; i < compare->n_warnings; i++)
        fprintf(to, "- %s\n", compare->warnings[i]);
out:
    return status;
}

static void put_csv(FILE *to, double value)
{
    fputc(',', to);
    if (isfinite(value))
        fprintf(to, "%.10g", value);
}

static void put_csv_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

static SimStatus write_table(const CliCompareTable *table, FILE *to)
{
    const CliCompare *const compare = table->compare;
    fputs("group,variant,runs,accuracy,deviation,half_interval,difference,"
          "difference_half_interval,t,p,p_holm,parameters,width_factor,macs,synops,"
          "firing_rate,memory_bytes,cpu_s_per_epoch\n",
          to);
    for (size_t i = 0; i < compare->n_variants; i++) {
        const CliCompareVariant *const v = &compare->variants[i];
        const CliCompareRow *const row = &table->rows[i];
        const bool other = i != v->baseline;
        put_csv_text(to, compare->group_names[v->group]);
        fputc(',', to);
        put_csv_text(to, v->name);
        put_csv(to, (double)row->runs);
        put_csv(to, row->accuracy.mean);
        put_csv(to, row->accuracy.deviation);
        put_csv(to, row->accuracy.half);
        put_csv(to, other ? row->paired.difference.mean : (double)NAN);
        put_csv(to, other ? row->paired.difference.half : (double)NAN);
        put_csv(to, other ? row->paired.t : (double)NAN);
        put_csv(to, other ? row->paired.p : (double)NAN);
        put_csv(to, other ? row->corrected : (double)NAN);
        put_csv(to, v->parameters);
        put_csv(to, v->factor);
        put_csv(to, row->macs.mean);
        put_csv(to, row->synops.mean);
        put_csv(to, row->firing.mean);
        put_csv(to, v->memory);
        put_csv(to, row->cpu.mean);
        fputc('\n', to);
    }
    return SIM_OK;
}

static SimStatus write_runs(const CliCompareTable *table, FILE *to)
{
    const CliCompare *const compare = table->compare;
    fputs("group,variant,seed,test_accuracy,best_epoch,best_test_accuracy,test_loss,"
          "train_loss,macs,synops,firing_rate,cpu_s_per_epoch,weights_sha256,folder\n",
          to);
    for (size_t i = 0; i < compare->n_variants; i++)
        for (size_t k = 0; k < (size_t)compare->options.seeds; k++) {
            const CliCompareVariant *const v = &compare->variants[i];
            const CliResult *const r = result_of(table, i, k);
            if (!isfinite(r->epochs))
                continue;
            put_csv_text(to, compare->group_names[v->group]);
            fputc(',', to);
            put_csv_text(to, v->name);
            put_csv(to, (double)v->experiment.train.seed + (double)k);
            put_csv(to, r->test_accuracy);
            put_csv(to, r->best_epoch);
            put_csv(to, r->best_test_accuracy);
            put_csv(to, r->test_loss);
            put_csv(to, r->train_loss);
            put_csv(to, r->macs);
            put_csv(to, r->synops);
            put_csv(to, r->firing_rate);
            put_csv(to, r->cpu_s_per_epoch);
            fprintf(to, ",%s,%s/seed%lld\n", r->weights, v->folder,
                    (long long)v->experiment.train.seed + (long long)k);
        }
    return SIM_OK;
}

static SimStatus write_file(const CliCompareTable *table, const char *name,
                            SimStatus (*write)(const CliCompareTable *table, FILE *to))
{
    char path[CLI_PATH_SIZE];
    SimFile to = {0};
    SimStatus status = SIM_OK;
    SIM_TRY(cli_path_join(table->folder, name, path));
    SIM_TRY(sim_file_create(path, &to));
    SIM_TRY(write(table, to.stream));
    status = sim_file_commit(&to);
out:
    sim_file_destroy(&to);
    return status;
}

SimStatus cli_compare_write(const CliCompareTable *table)
{
    SimStatus status = SIM_OK;
    SIM_TRY(write_file(table, "report.md", write_report));
    SIM_TRY(write_file(table, "table.csv", write_table));
    SIM_TRY(write_file(table, "runs.csv", write_runs));
out:
    return status;
}
