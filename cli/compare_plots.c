/* cli/compare_plots.c: learning curves, and accuracy against cost. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/compare_table.h"
#include "cli/files.h"
#include "cli/picture.h"

static const char *const colours[] = {CLI_GREY,   CLI_BLUE, CLI_RED,   CLI_GREEN,
                                      CLI_ORANGE, CLI_SKY,  CLI_PURPLE};
enum { N_COLOURS = sizeof colours / sizeof *colours, MOST_SHOWN = 12, MOST_GROUPS = 8 };

/* Which variants of a group a picture shows: the baseline and the best others, in the
 * order of the table. */
typedef struct Shown {
    size_t variants[MOST_SHOWN];
    size_t n;
    bool all;
} Shown;

static bool is_among_best(const CliCompareTable *table, size_t variant, size_t from,
                          size_t size)
{
    size_t better = 0;
    const double mean = table->rows[variant].accuracy.mean;
    for (size_t i = from + 1; i < from + size; i++)
        if (i != variant) {
            const double other = table->rows[i].accuracy.mean;
            better += other > mean || (other == mean && i < variant);
        }
    return better < MOST_SHOWN - 1;
}

static Shown choose_shown(const CliCompareTable *table, size_t group)
{
    const size_t size = cli_compare_group_size(table->compare), from = group * size;
    Shown shown = {.all = size <= MOST_SHOWN};
    for (size_t i = from; i < from + size && shown.n < MOST_SHOWN; i++)
        if (table->rows[i].runs > 0 &&
            (shown.all || i == from || is_among_best(table, i, from, size)))
            shown.variants[shown.n++] = i;
    return shown;
}

static SimStatus open_picture(const CliCompareTable *table, const char *what,
                              size_t group, int width, int height, CliPicture *out)
{
    char folder[CLI_PATH_SIZE], name[64];
    const SimStatus status = cli_path_join(table->folder, "plots", folder);
    if (status != SIM_OK)
        return status;
    if (group == 0)
        snprintf(name, sizeof name, "%s", what);
    else
        snprintf(name, sizeof name, "%s-%zu", what, group + 1);
    return cli_picture_open(folder, name, width, height, out);
}

/* "neuron of mlp: data.path builtin:xor, the best" behind a command of gnuplot. */
static void put_title(const CliCompareTable *table, CliPicture *picture, size_t group,
                      bool all, const char *command)
{
    char text[400];
    const CliCompare *const compare = table->compare;
    const char *const name = compare->group_names[group];
    const CliExperiment *const e =
        &compare->variants[group * cli_compare_group_size(compare)].experiment;
    const char *const slash = strrchr(e->data.path, '/');
    const char *const set = slash && slash[1] ? slash + 1 : e->data.path;
    snprintf(text, sizeof text, "%s of %s: %.200s%s", compare->factors[0].key,
             e->model->name, *name ? name : set, all ? "" : ", the best");
    fprintf(picture->program, "%s ", command);
    cli_picture_quote(picture, text);
}

/* --- curves ------------------------------------------------------------------------- */

typedef struct Curve {
    double *sum, *least, *most; /* owned, [epochs] */
    size_t *n;                  /* owned, [epochs]: runs that were tested then */
    size_t epochs;
} Curve;

static void curve_free(Curve *curve)
{
    free(curve->sum);
    free(curve->least);
    free(curve->most);
    free(curve->n);
    *curve = (Curve){0};
}

/* Adds the test accuracies in the log of one run. */
static void add_run(Curve *curve, const char *path)
{
    char file[CLI_PATH_SIZE], line[1024];
    if (cli_path_join(path, "log.jsonl", file) != SIM_OK)
        return;
    FILE *const from = fopen(file, "r");
    while (from && fgets(line, sizeof line, from)) {
        static const char key[] = "\"test_accuracy\": ";
        const char *const at = strstr(line, key);
        double epoch = 0.0;
        if (!at || sscanf(line, "{\"epoch\": %lf", &epoch) != 1 || epoch < 1.0 ||
            epoch > (double)curve->epochs)
            continue;
        const double value = strtod(at + sizeof key - 1, NULL);
        const size_t i = (size_t)epoch - 1;
        curve->least[i] = curve->n[i] ? fmin(curve->least[i], value) : value;
        curve->most[i] = curve->n[i] ? fmax(curve->most[i], value) : value;
        curve->sum[i] += value;
        curve->n[i]++;
    }
    if (from)
        fclose(from);
}

static SimStatus read_curve(const CliCompareTable *table, size_t variant, Curve *out)
{
    SimStatus status = SIM_OK;
    const CliCompare *const compare = table->compare;
    const size_t epochs = (size_t)compare->variants[variant].experiment.train.epochs;
    Curve curve = {.epochs = epochs};
    curve.sum = calloc(epochs, sizeof *curve.sum);
    curve.least = calloc(epochs, sizeof *curve.least);
    curve.most = calloc(epochs, sizeof *curve.most);
    curve.n = calloc(epochs, sizeof *curve.n);
    if (!curve.sum || !curve.least || !curve.most || !curve.n) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for curves");
        goto out;
    }
    for (size_t k = 0; k < (size_t)compare->options.seeds; k++) {
        char path[CLI_PATH_SIZE];
        SIM_TRY(cli_compare_run_path(compare, table->folder, variant, k, path));
        add_run(&curve, path);
    }
    *out = curve;
    curve = (Curve){0};
out:
    curve_free(&curve);
    return status;
}

static SimStatus put_curves(const CliCompareTable *table, const Shown *shown, FILE *data)
{
    SimStatus status = SIM_OK;
    fputs("# epoch\tmean_test_accuracy\tlowest_seed\thighest_seed\tseeds\n", data);
    for (size_t i = 0; i < shown->n; i++) {
        Curve curve = {0};
        SIM_TRY(read_curve(table, shown->variants[i], &curve));
        fprintf(data, "%s# %s\n", i ? "\n\n" : "",
                table->compare->variants[shown->variants[i]].name);
        for (size_t e = 0; e < curve.epochs; e++)
            if (curve.n[e])
                fprintf(data, "%zu\t%.8g\t%.8g\t%.8g\t%zu\n", e + 1,
                        curve.sum[e] / (double)curve.n[e], curve.least[e], curve.most[e],
                        curve.n[e]);
        curve_free(&curve);
    }
out:
    return status;
}

static SimStatus draw_curves(const CliCompareTable *table, size_t group, bool *drawn)
{
    CliPicture picture;
    const Shown shown = choose_shown(table, group);
    SimStatus status = open_picture(table, "curves", group, 860, 460, &picture);
    if (status != SIM_OK)
        return status;
    status = put_curves(table, &shown, picture.data);
    FILE *const gp = picture.program;
    put_title(table, &picture, group, shown.all, "set title");
    fputs("\nset xlabel 'epoch'\nset ylabel 'test accuracy (%), lowest to highest seed'\n"
          "set key outside right top Left reverse\n"
          "set style fill transparent solid 0.13 noborder\n",
          gp);
    if (table->compare->variants[0].experiment.train.epochs <= 12)
        fputs("set xtics 1\n", gp);
    for (size_t i = 0; i < shown.n; i++)
        fprintf(gp,
                "%sdata index %zu using 1:(100*$3):(100*$4) with filledcurves notitle "
                "linecolor '%s'",
                i ? ", \\\n    " : "plot ", i, colours[i % N_COLOURS]);
    for (size_t i = 0; i < shown.n; i++) {
        /* Each narrower than those before: curves that lie on each other are all seen. */
        const double width = 1.8 + 2.7 * (double)(shown.n - 1 - i) / (double)shown.n;
        fprintf(gp,
                ", \\\n    data index %zu using 1:(100*$2) with linespoints linewidth "
                "%.2g pointtype 7 pointsize 0.4 dashtype %zu linecolor '%s' title ",
                i, width, 1 + i / N_COLOURS, colours[i % N_COLOURS]);
        cli_picture_quote(&picture, table->compare->variants[shown.variants[i]].name);
    }
    fputc('\n', gp);
    const SimStatus ended = cli_picture_draw(&picture, drawn);
    return status == SIM_OK ? ended : status;
}

/* --- accuracy against cost ---------------------------------------------------------- */

/* An axis of costs: where it begins and ends, and whether it is logarithmic. */
typedef struct Axis {
    double low, high;
    bool is_log;
} Axis;

/* With room at both ends; logarithmic where the values lie far apart. */
static Axis make_axis(double least, double most)
{
    if (most > 8.0 * least && least > 0.0)
        return (Axis){least / 1.6, most * 1.6, true};
    const double room = most > least ? 0.12 * (most - least) : 0.1 * most + 1e-9;
    return (Axis){least - room, most + room, false};
}

/* 1, 2 or 5 times a power of ten, for about four marks. */
static double mark_step(double range)
{
    const double power = pow(10.0, floor(log10(range / 4.0))), rest = range / 4.0 / power;
    return power * (rest < 1.5 ? 1.0 : rest < 3.5 ? 2.0 : rest < 7.5 ? 5.0 : 10.0);
}

static void put_axis(FILE *gp, Axis axis)
{
    fprintf(gp, "%s logscale x\nset xrange [%.6g:%.6g]\n", axis.is_log ? "set" : "unset",
            axis.low, axis.high);
    if (axis.is_log) {
        fputs("set xtics autofreq\nset format x '%.0s%c'\n", gp);
        return;
    }
    const double step = mark_step(axis.high - axis.low);
    const double unit = pow(1000.0, floor(log10(axis.high) / 3.0));
    const double share = step / unit;
    fprintf(gp, "set xtics %.6g\nset format x '%%.%ds%%c'\n", step,
            share >= 1.0   ? 0
            : share >= 0.1 ? 1
                           : 2);
}

/* Points of equal cost stand side by side, a little apart. */
static double aside(const Shown *shown, size_t i)
{
    return 0.012 * ((double)i - 0.5 * ((double)shown->n - 1.0));
}

static void plot_points(const CliCompareTable *table, CliPicture *picture,
                        const Shown *shown, int column, Axis axis, bool titles)
{
    for (size_t i = 0; i < shown->n; i++) {
        const double by = axis.is_log ? pow(axis.high / axis.low, aside(shown, i)) : 1.0;
        const double more = axis.is_log ? 0.0 : aside(shown, i) * (axis.high - axis.low);
        fprintf(picture->program,
                "%sdata every ::%zu::%zu using ($%d*%.6g+%.6g):(100*$3):(100*$4) with "
                "yerrorbars linewidth 1.5 pointtype %d pointsize 0.9 linecolor '%s' ",
                i ? ", \\\n    " : "plot ", i, i, column, by, more, i < N_COLOURS ? 7 : 5,
                colours[i % N_COLOURS]);
        if (titles) {
            fputs("title ", picture->program);
            cli_picture_quote(picture, table->compare->variants[shown->variants[i]].name);
        } else {
            fputs("notitle", picture->program);
        }
    }
    fputc('\n', picture->program);
}

static SimStatus draw_cost(const CliCompareTable *table, size_t group, bool *drawn)
{
    CliPicture picture;
    const Shown shown = choose_shown(table, group);
    double least[2] = {(double)INFINITY, (double)INFINITY}, most[2] = {0.0, 0.0};
    const SimStatus status = open_picture(table, "cost", group, 980, 430, &picture);
    if (status != SIM_OK)
        return status;
    fputs("# operations_of_a_sample\tparameters\taccuracy\thalf_interval\tvariant\n",
          picture.data);
    for (size_t i = 0; i < shown.n; i++) {
        const CliCompareRow *const row = &table->rows[shown.variants[i]];
        const CliCompareVariant *const v = &table->compare->variants[shown.variants[i]];
        const double costs[2] = {row->macs.mean + row->synops.mean, v->parameters};
        for (int c = 0; c < 2; c++) {
            least[c] = fmin(least[c], costs[c]);
            most[c] = fmax(most[c], costs[c]);
        }
        fprintf(picture.data, "%.8g\t%.8g\t%.8g\t%.8g\t%s\n", costs[0], costs[1],
                row->accuracy.mean,
                isfinite(row->accuracy.half) ? row->accuracy.half : 0.0, v->name);
    }
    FILE *const gp = picture.program;
    put_title(table, &picture, group, shown.all, "set multiplot layout 1,2 title");
    fputs(" font ',12' margins 0.09,0.79,0.15,0.9 spacing 0.06,0\n"
          "set ylabel 'test accuracy (%), 95 % interval' offset 0.7,0\n"
          "set xlabel 'MACs and SynOps of a sample'\nset key off\n"
          "set yrange [-1<*:*<101]\n", /* an interval may go beyond what there is */
          gp);
    const Axis operations = make_axis(least[0], most[0]);
    const Axis parameters = make_axis(least[1], most[1]);
    put_axis(gp, operations);
    plot_points(table, &picture, &shown, 1, operations, false);
    fputs("set ylabel ''\nset xlabel 'parameters'\n"
          "set key at screen 0.8,0.9 left top Left reverse\n",
          gp);
    put_axis(gp, parameters);
    plot_points(table, &picture, &shown, 2, parameters, true);
    fputs("unset multiplot\n", gp);
    return cli_picture_draw(&picture, drawn);
}

SimStatus cli_compare_draw(const CliCompareTable *table, bool *drawn)
{
    SimStatus status = SIM_OK;
    *drawn = false;
    for (size_t g = 0; g < table->compare->n_groups && g < MOST_GROUPS; g++) {
        if (choose_shown(table, g).n == 0)
            continue;
        SIM_TRY(draw_curves(table, g, drawn));
        SIM_TRY(draw_cost(table, g, drawn));
    }
out:
    return status;
}
