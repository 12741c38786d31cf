/* cli/bench_plots.c: measured tables as pictures. */
#include "cli/bench_plots.h"

#include <math.h>
#include <string.h>

#include "cli/picture.h"

static const char *const colours[] = {CLI_BLUE,   CLI_RED, CLI_GREEN,
                                      CLI_ORANGE, CLI_SKY, CLI_PURPLE};
enum { N_COLOURS = sizeof colours / sizeof *colours, MAX_CURVES = 24 };

/* Rows of one curve share the text of these columns. */
typedef struct Curves {
    const BenchTable *table;
    const char *group[2];
    size_t first[MAX_CURVES]; /* a row of each */
    size_t n;
} Curves;

static bool same_curve(const Curves *curves, size_t a, size_t b)
{
    for (int i = 0; i < 2; i++)
        if (curves->group[i] &&
            strcmp(bench_cell(curves->table, a, curves->group[i]).text,
                   bench_cell(curves->table, b, curves->group[i]).text) != 0)
            return false;
    return true;
}

/* Writes each curve as a block of "x y" lines with two empty lines between. */
static Curves put_curves(FILE *data, const BenchTable *table, const char *group,
                         const char *subgroup, const char *x, const char *const *y,
                         size_t n_y)
{
    Curves curves = {.table = table, .group = {group, subgroup}};
    for (size_t row = 0; row < table->n_rows; row++) {
        bool known = false;
        for (size_t i = 0; i < curves.n && !known; i++)
            known = same_curve(&curves, curves.first[i], row);
        if (!known && curves.n < MAX_CURVES)
            curves.first[curves.n++] = row;
    }
    for (size_t i = 0; i < curves.n; i++) {
        fprintf(data, "%s# %s%s%s\n", i ? "\n\n" : "",
                bench_cell(table, curves.first[i], group).text, subgroup ? "\t" : "",
                subgroup ? bench_cell(table, curves.first[i], subgroup).text : "");
        for (size_t row = 0; row < table->n_rows; row++) {
            if (!same_curve(&curves, curves.first[i], row))
                continue;
            fprintf(data, "%.8g", bench_cell(table, row, x).number);
            for (size_t k = 0; k < n_y; k++)
                fprintf(data, "\t%.8g", bench_cell(table, row, y[k]).number);
            fputc('\n', data);
        }
    }
    return curves;
}

SimStatus cli_plot_density(const char *folder, const BenchTable *table, bool *drawn)
{
    static const char *const y[] = {"spikes_s", "dense_s"};
    static const char *const kernels[] = {"forward", "to input", "to weights"};
    enum { N_KERNELS = sizeof kernels / sizeof *kernels };
    CliPicture picture;
    const SimStatus status = cli_picture_open(folder, "density", 1080, 420, &picture);
    if (status != SIM_OK)
        return status;
    FILE *const gp = picture.program;
    const Curves curves =
        put_curves(picture.data, table, "kernel", "shape", "density", y, 2);
    fputs("set multiplot layout 1,3 title '3x3 convolution from packed spikes beside the "
          "dense one'\n"
          "set logscale xy\nset format x '%g %%'\nset format y '%g'\n"
          "set xrange [0.8:60]\nset yrange [0.02:2]\nset xlabel 'neuron-steps that are "
          "one'\n"
          "set ytics (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)\nset xtics (1, 3, 10, 20, 50)\n"
          "set key bottom right\n",
          gp);
    for (int k = 0; k < N_KERNELS; k++) {
        fprintf(
            gp,
            "set title '%s'\nset ylabel '%s'\nplot 1 with lines linewidth 1.5 dashtype 2 "
            "linecolor '" CLI_GREY "' title 'dense'",
            kernels[k], k == 0 ? "time, dense kernel = 1" : "");
        int colour = 0;
        for (size_t i = 0; i < curves.n; i++) {
            if (strcmp(bench_cell(table, curves.first[i], "kernel").text, kernels[k]) !=
                0)
                continue;
            fprintf(gp,
                    ", \\\n    data index %zu using ($1*100):($2/$3) with linespoints "
                    "linewidth 2 pointtype 7 pointsize 0.6 linecolor '%s' title '%s'",
                    i, colours[colour++ % N_COLOURS],
                    bench_cell(table, curves.first[i], "shape").text);
        }
        fputc('\n', gp);
    }
    fputs("unset multiplot\n", gp);
    return cli_picture_draw(&picture, drawn);
}

static const char *const bytes[] = {"plan_bytes", "activation_bytes", "kept_bytes"};

/* Lines for what was planned, each narrower than those before, which it may cover; points
 * for what was taken, if it was: a curve that is only worked out is dashed. */
static void plot_bytes(FILE *gp, const Curves *curves, size_t i, int colour, bool first)
{
    const char *const name = bench_cell(curves->table, curves->first[i], "memory").text;
    const bool taken =
        isfinite(bench_cell(curves->table, curves->first[i], bytes[1]).number);
    fprintf(gp,
            "%sdata index %zu using 1:($2/1e6) with lines linewidth %g %s linecolor '%s' "
            "title '%s%s'",
            first ? "" : ", \\\n    ", i, fmax(3.8 - 0.9 * colour, 1),
            taken ? "" : "dashtype 2", colours[colour % N_COLOURS], name,
            taken ? "" : ", worked out");
    if (taken)
        fprintf(gp,
                ", \\\n    data index %zu using 1:($3/1e6) with points pointtype 7 "
                "pointsize 0.8 linecolor '%s' notitle",
                i, colours[colour % N_COLOURS]);
}

SimStatus cli_plot_blocks(const char *folder, const BenchTable *table, bool *drawn)
{
    enum { MAX_NETS = 4 };
    const char *nets[MAX_NETS];
    size_t n_nets = 0;
    CliPicture picture;
    for (size_t row = 0; row < table->n_rows; row++) {
        const BenchCell cell = bench_cell(table, row, "net");
        bool known = n_nets == MAX_NETS;
        for (size_t i = 0; i < n_nets; i++)
            known = known || strcmp(nets[i], cell.text) == 0;
        if (!known)
            nets[n_nets++] = table->cells[row * table->n_columns].text;
    }
    const SimStatus status =
        cli_picture_open(folder, "blocks", 80 + 500 * (int)n_nets, 760, &picture);
    if (status != SIM_OK)
        return status;
    FILE *const gp = picture.program;
    const Curves curves =
        put_curves(picture.data, table, "net", "memory", "blocks", bytes, 3);
    fprintf(gp,
            "set multiplot layout 2,%zu title 'Memory of training as nets grow deeper'\n"
            "set key top left opaque\nset xlabel 'reversible blocks'\nset ylabel 'MB'\n"
            "set xrange [0:*]\nset yrange [0:*]\n",
            n_nets);
    for (size_t panel = 0; panel < 2 * n_nets; panel++) {
        const char *const net = nets[panel % n_nets];
        const bool peak = panel < n_nets;
        int colour = 0;
        fprintf(gp, "set title '%s, %s'\nplot ", net,
                peak ? "at the peak: planned (lines), taken (points)"
                     : "kept between the passes");
        for (size_t i = 0; i < curves.n; i++) {
            if (strcmp(bench_cell(table, curves.first[i], "net").text, net) != 0)
                continue;
            if (peak)
                plot_bytes(gp, &curves, i, colour, colour == 0);
            else
                fprintf(gp,
                        "%sdata index %zu using 1:($4/1e6) with linespoints linewidth 2 "
                        "pointtype 7 pointsize 0.6 linecolor '%s' title '%s'",
                        colour ? ", \\\n    " : "", i, colours[colour % N_COLOURS],
                        bench_cell(table, curves.first[i], "memory").text);
            colour++;
        }
        fputc('\n', gp);
    }
    fputs("unset multiplot\n", gp);
    return cli_picture_draw(&picture, drawn);
}

SimStatus cli_plot_memory(const char *folder, const BenchTable *table, bool *drawn)
{
    CliPicture picture;
    const SimStatus status = cli_picture_open(folder, "memory", 720, 420, &picture);
    if (status != SIM_OK)
        return status;
    FILE *const gp = picture.program;
    const Curves curves =
        put_curves(picture.data, table, "memory", NULL, "steps", bytes, 2);
    fputs("set title 'Memory of training as sequences grow: planned (lines) and taken "
          "(points)'\nset key top left\n"
          "set xlabel 'time steps'\nset ylabel 'MB'\nset xrange [0:*]\nset yrange [0:*]\n"
          "plot ",
          gp);
    for (size_t i = 0; i < curves.n; i++)
        plot_bytes(gp, &curves, i, (int)i, i == 0);
    fputc('\n', gp);
    return cli_picture_draw(&picture, drawn);
}
