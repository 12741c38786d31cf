/* cli/activations_plot.c: see activations_plot.h. */
#include "cli/activations_plot.h"

#include <math.h>

#include "cli/picture.h"

static const char *const colours[] = {CLI_BLUE, CLI_RED,    CLI_GREEN, CLI_ORANGE,
                                      CLI_SKY,  CLI_PURPLE, CLI_GREY,  "#22303c"};
enum {
    N_COLOURS = sizeof colours / sizeof *colours,
    POINTS = 321, /* of a curve */
    SIDE = 61,    /* of a map */
    PANEL_W = 210,
    PANEL_H = 165
};

/* What a panel shows of the range of values: all of it, unless it runs away. */
typedef struct Span {
    double low, high;
} Span;

static void widen(Span *span, double value)
{
    if (isfinite(value)) {
        span->low = fmin(span->low, value);
        span->high = fmax(span->high, value);
    }
}

static Span cut(Span span)
{
    const double most = 6.0;
    if (!(span.low <= span.high))
        return (Span){-1.0, 1.0};
    Span shown = {fmax(span.low, -most), fmin(span.high, most)};
    const double room = 0.07 * (shown.high - shown.low) + 1e-3;
    shown.low -= room;
    shown.high += room;
    return shown;
}

/* x, f, f' */
static Span put_curve(const CliActivation *a, double low, double high, FILE *data)
{
    Span span = {(double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < POINTS; i++) {
        const double x = low + (high - low) * i / (POINTS - 1);
        double y, slope;
        neuron_activation_reference(a->function, &x, a->params, &y, &slope, NULL);
        fprintf(data, "%.6g\t%.6g\t%.6g\n", x, y, slope);
        widen(&span, y);
        widen(&span, slope);
    }
    return span;
}

/* x, y, f, df/dx, df/dy; inputs behind the second are 0. */
static Span put_map(const CliActivation *a, double low, double high, FILE *data)
{
    Span span = {(double)INFINITY, -(double)INFINITY};
    double x[NEURON_MAX_PARAMS] = {0}, slopes[NEURON_MAX_PARAMS], value;
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++) {
            x[0] = low + (high - low) * k / (SIDE - 1);
            x[1] = low + (high - low) * i / (SIDE - 1);
            neuron_activation_reference(a->function, x, a->params, &value, slopes, NULL);
            fprintf(data, "%.4g\t%.4g\t%.5g\t%.5g\t%.5g\n", x[0], x[1], value, slopes[0],
                    slopes[1]);
            widen(&span, value);
        }
    return span;
}

static void put_title(CliPicture *picture, const char *name, const char *what)
{
    char text[160];
    snprintf(text, sizeof text, "%s%s", name, what);
    fputs("set title ", picture->program);
    cli_picture_quote(picture, text);
    fputs(" offset 0,-0.6\n", picture->program);
}

static void plot_curve(CliPicture *picture, const CliActivation *a, size_t index,
                       Span span)
{
    put_title(picture, a->name, "");
    fprintf(
        picture->program,
        "set yrange [%.5g:%.5g]\nplot 0 with lines linewidth 0.7 linecolor '#b9c3cb', "
        "data index %zu using 1:3 with lines linewidth 1.5 dashtype 2 linecolor '" CLI_RED
        "', data index %zu using 1:2 with lines linewidth 2 linecolor '" CLI_BLUE "'\n",
        span.low, span.high, index, index);
}

static void plot_map(CliPicture *picture, const CliActivation *a, size_t index, Span span,
                     double low, double high)
{
    static const char *const parts[] = {"", ", df/dx", ", df/dy"};
    const double most = fmax(fabs(span.low), fabs(span.high));
    for (int part = 0; part < 3; part++) {
        put_title(picture, a->name, parts[part]);
        fprintf(picture->program,
                "set yrange [%g:%g]\nset cbrange [%.4g:%.4g]\n"
                "plot data index %zu using 1:2:%d with image\n",
                low, high, part == 0 ? -most : -1.2, part == 0 ? most : 1.2, index,
                3 + part);
    }
}

static SimStatus draw_panels(const char *folder, const CliActivation *functions, size_t n,
                             double low, double high, bool *drawn)
{
    CliPicture picture;
    size_t panels = 0, columns = 1;
    for (size_t i = 0; i < n; i++)
        panels += functions[i].function->n_branches == 1 ? 1 : 3;
    while (columns * columns * 4 < panels * 5 && columns < 12)
        columns++;
    columns = columns < 3 && panels >= 3 ? 3 : columns;
    const size_t rows = (panels + columns - 1) / columns;
    const int height = (int)rows * PANEL_H + 30;
    const SimStatus status =
        cli_picture_open(folder, "activations", (int)columns * PANEL_W, height, &picture);
    if (status != SIM_OK)
        return status;
    FILE *const gp = picture.program;
    fputs("# one block a function: x, f, df/dx; or x, y, f, df/dx, df/dy\n",
          picture.data);
    fprintf(
        gp,
        "set multiplot layout %zu,%zu title 'f (line or map) and its derivatives "
        "(broken line, maps)' font ',11'\n"
        "unset key\nunset colorbox\nset tics font ',8' scale 0.5\n"
        "set xtics 2\nset xrange [%g:%g]\nset lmargin 4\nset rmargin 1\nset bmargin 1.6\n"
        "set tmargin 1.8\n"
        "set palette defined (-1 '%s', 0 '#ffffff', 1 '%s')\n",
        rows, columns, low, high, CLI_BLUE, CLI_RED);
    if (high - low > 12.0)
        fputs("set xtics autofreq\n", gp);
    for (size_t i = 0; i < n; i++) {
        const CliActivation *const a = &functions[i];
        fprintf(picture.data, "%s# %s\n", i ? "\n\n" : "", a->name);
        if (a->function->n_branches == 1)
            plot_curve(&picture, a, i, cut(put_curve(a, low, high, picture.data)));
        else
            plot_map(&picture, a, i, cut(put_map(a, low, high, picture.data)), low, high);
    }
    fputs("unset multiplot\n", gp);
    return cli_picture_draw(&picture, drawn);
}

static SimStatus draw_together(const char *folder, const CliActivation *functions,
                               size_t n, double low, double high, bool *drawn)
{
    static const char *const titles[] = {"f", "derivative"};
    CliPicture picture;
    Span span = {(double)INFINITY, -(double)INFINITY};
    const SimStatus status =
        cli_picture_open(folder, "activations-together", 960, 420, &picture);
    if (status != SIM_OK)
        return status;
    fputs("# one block a function: x, f, df/dx\n", picture.data);
    size_t index = 0;
    for (size_t i = 0; i < n; i++)
        if (functions[i].function->n_branches == 1) {
            fprintf(picture.data, "%s# %s\n", index++ ? "\n\n" : "", functions[i].name);
            const Span one = put_curve(&functions[i], low, high, picture.data);
            widen(&span, one.low);
            widen(&span, one.high);
        }
    span = cut(span);
    fprintf(picture.program,
            "set multiplot layout 1,2 margins 0.045,0.83,0.13,0.9 spacing 0.06,0\nset "
            "xrange [%g:%g]\nset yrange [%.5g:%.5g]\n"
            "set xlabel 'x'\nset key off\n",
            low, high, span.low, span.high);
    for (int part = 0; part < 2; part++) {
        fprintf(picture.program, "set title '%s'\n", titles[part]);
        if (part == 1)
            fputs("set key at screen 0.84,0.9 left top Left reverse\n", picture.program);
        index = 0;
        for (size_t i = 0; i < n; i++) {
            if (functions[i].function->n_branches != 1)
                continue;
            fprintf(picture.program,
                    "%sdata index %zu using 1:%d with lines linewidth 2 linecolor '%s' "
                    "title ",
                    index ? ", \\\n    " : "plot ", index, 2 + part,
                    colours[index % N_COLOURS]);
            cli_picture_quote(&picture, functions[i].name);
            index++;
        }
        fputc('\n', picture.program);
    }
    fputs("unset multiplot\n", picture.program);
    return cli_picture_draw(&picture, drawn);
}

SimStatus cli_activations_plot(const char *folder, const CliActivation *functions,
                               size_t n, double low, double high, bool *drawn)
{
    size_t single = 0;
    for (size_t i = 0; i < n; i++)
        single += functions[i].function->n_branches == 1;
    const SimStatus status = draw_panels(folder, functions, n, low, high, drawn);
    if (status != SIM_OK || single < 2 || single > N_COLOURS)
        return status;
    return draw_together(folder, functions, n, low, high, drawn);
}
