/* cli/compare_boundaries.c: what every neuron makes of the plane, in one picture.
 *
 * A panel is the best run of a variant: the score of class 1 less that of class 0 at
 * every point, squeezed to -1..1, and test points on top. Panels stand in rows of one
 * variant and all problems; many variants are wrapped into blocks side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/compare_table.h"
#include "cli/evaluate.h"
#include "cli/files.h"
#include "cli/picture.h"

enum { MOST_POINTS = 60, GAP = 3, HEAD = 1 };

typedef struct Layout {
    size_t side, problems, kinds;    /* side: of a panel in points */
    size_t blocks, rows;             /* blocks side by side, rows of each */
    size_t names, block_width, step; /* in points: room for names; from panel to panel */
    size_t width, height;
} Layout;

static Layout lay_out(const CliCompare *compare)
{
    Layout l = {.side = (size_t)compare->options.panel,
                .problems = compare->n_groups,
                .kinds = cli_compare_group_size(compare)};
    size_t longest = 4;
    for (size_t i = 0; i < l.kinds; i++) {
        const size_t length = strlen(compare->variants[i].name);
        longest = length > longest ? length : longest;
    }
    l.step = l.side + GAP;
    l.names = l.side * (longest + 1) * 13 / 100 + GAP; /* letters are about 0.12 panels */
    l.block_width = l.names + l.problems * l.step;
    /* About as wide as high. */
    l.blocks = 1;
    while (l.blocks < l.kinds &&
           l.blocks * l.block_width * l.blocks * 5 < l.kinds * l.step * 7)
        l.blocks++;
    l.rows = (l.kinds + l.blocks - 1) / l.blocks;
    l.width = l.blocks * l.block_width + GAP;
    l.height = l.rows * l.step + GAP;
    return l;
}

/* The lower left corner of a panel; rows are counted from the top, y upwards. */
static void place(const Layout *l, size_t kind, size_t problem, size_t *x, size_t *y)
{
    *x = kind / l->rows * l->block_width + l->names + problem * l->step;
    *y = l->height - (kind % l->rows + 1) * l->step;
}

/* The square around all points of a problem, and a margin. */
typedef struct View {
    double x0, y0, size;
} View;

static SimStatus find_view(CliSession *s, View *out)
{
    SimStatus status = SIM_OK;
    double low[2] = {(double)INFINITY, (double)INFINITY};
    double high[2] = {-(double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < s->set.n_samples; i++) {
        float xy[2];
        SIM_TRY(data_set_sample(&s->set, i, xy));
        for (int d = 0; d < 2; d++) {
            low[d] = fmin(low[d], (double)xy[d]);
            high[d] = fmax(high[d], (double)xy[d]);
        }
    }
    const double size = 1.2 * fmax(high[0] - low[0], high[1] - low[1]);
    *out = (View){0.5 * (low[0] + high[0] - size), 0.5 * (low[1] + high[1] - size), size};
out:
    return status;
}

/* Scores at every point of the panel into the picture [height, width]. */
static SimStatus fill_panel(CliSession *s, const View *view, const Layout *l, size_t x0,
                            size_t y0, float *picture)
{
    SimStatus status = SIM_OK;
    Net *net = NULL;
    const size_t n = l->side * l->side;
    SIM_TRY(cli_evaluator_create(s, n, &net));
    const SimTensor input = net_input(net, 0);
    for (size_t t = 0; t < input.shape.t; t++)
        for (size_t i = 0; i < n; i++) {
            float *const xy = input.f32 + 2 * (t * n + i);
            const double step = view->size / (double)l->side;
            xy[0] = (float)(view->x0 + ((double)(i % l->side) + 0.5) * step);
            xy[1] = (float)(view->y0 + ((double)(i / l->side) + 0.5) * step);
        }
    net_reset(net);
    net_forward(net, s->input.steps, NULL, 0);
    const SimTensor scores = net_output(net, 0);
    for (size_t i = 0; i < n; i++) {
        double difference = 0.0;
        for (size_t t = 0; t < scores.shape.t; t++) {
            const float *const at = scores.f32 + 2 * (t * n + i);
            difference += (double)at[1] - (double)at[0];
        }
        difference /= (double)scores.shape.t;
        picture[(y0 + i / l->side) * l->width + x0 + i % l->side] =
            (float)tanh(0.5 * difference);
    }
out:
    net_destroy(net);
    return status;
}

/* A point is drawn where its panel is: x, y, class. */
static SimStatus put_points(CliSession *s, const View *view, const Layout *l, size_t x0,
                            size_t y0, FILE *to)
{
    SimStatus status = SIM_OK;
    size_t shown = 0;
    for (size_t i = 0; i < s->set.n_samples && shown < MOST_POINTS; i++) {
        float xy[2];
        if (s->set.samples[i].part != DATA_TEST)
            continue;
        SIM_TRY(data_set_sample(&s->set, i, xy));
        fprintf(
            to, "%.4g\t%.4g\t%u\n",
            (double)x0 + ((double)xy[0] - view->x0) / view->size * (double)l->side - 0.5,
            (double)y0 + ((double)xy[1] - view->y0) / view->size * (double)l->side - 0.5,
            s->set.samples[i].label);
        shown++;
    }
out:
    return status;
}

static SimStatus draw_panel(const CliCompareTable *table, const Layout *l, size_t variant,
                            float *picture, FILE *points)
{
    SimStatus status = SIM_OK;
    CliSession session = {0};
    View view;
    char folder[CLI_PATH_SIZE], file[CLI_PATH_SIZE];
    size_t x, y;
    const CliCompareRow *const row = &table->rows[variant];
    if (row->runs == 0)
        return SIM_OK;
    SIM_TRY(
        cli_compare_run_path(table->compare, table->folder, variant, row->best, folder));
    SIM_TRY(cli_path_join(folder,
                          table->compare->options.measure == CLI_MEASURE_BEST ? "best.h5"
                                                                              : "last.h5",
                          file));
    SIM_TRY(cli_session_open(file, NULL, 0, CLI_NEED_DATA, NULL, NULL, &session));
    SIM_TRY(data_set_prepare(&session.set, 1, NULL, NULL));
    place(l, variant % l->kinds, table->compare->variants[variant].group, &x, &y);
    SIM_TRY(find_view(&session, &view));
    SIM_TRY(fill_panel(&session, &view, l, x, y, picture));
    SIM_TRY(put_points(&session, &view, l, x, y, points));
out:
    cli_session_close(&session);
    return status;
}

/* Names beside the rows, problems above the blocks. */
static void put_labels(const CliCompare *compare, const Layout *l, CliPicture *picture)
{
    FILE *const gp = picture->program;
    for (size_t k = 0; k < l->kinds; k++) {
        size_t x, y;
        place(l, k, 0, &x, &y);
        fputs("set label ", gp);
        cli_picture_quote(picture, compare->variants[k].name);
        fprintf(gp, " at %zu,%zu right textcolor '#22303c'\n", x - GAP, y + l->side / 2);
    }
    for (size_t b = 0; b < l->blocks; b++)
        for (size_t g = 0; g < l->problems; g++) {
            const char *name = strrchr(compare->group_names[g], ' ');
            name = name ? name + 1 : compare->group_names[g];
            const char *const colon = strrchr(name, ':');
            size_t x, y;
            place(l, b * l->rows, g, &x, &y);
            fputs("set label ", gp);
            cli_picture_quote(picture, colon ? colon + 1 : name);
            fprintf(gp, " at %zu,%zu center textcolor '#22303c'\n", x + l->side / 2,
                    l->height + GAP + 4 * HEAD);
        }
}

static SimStatus put_picture(const Layout *l, const float *picture, FILE *data)
{
    for (size_t y = 0; y < l->height; y++)
        for (size_t x = 0; x < l->width; x++) {
            const float value = picture[y * l->width + x];
            const char end = x + 1 == l->width ? '\n' : '\t';
            if (isfinite(value))
                fprintf(data, "%.2f%c", (double)value, end);
            else
                fprintf(data, "nan%c", end);
        }
    return ferror(data) ? sim_fail(SIM_ERR_IO, "boundaries.tsv: cannot be written")
                        : SIM_OK;
}

SimStatus cli_compare_boundaries(const CliCompareTable *table, bool *drawn)
{
    SimStatus status = SIM_OK;
    const CliCompare *const compare = table->compare;
    const Layout l = lay_out(compare);
    const double scale = 64.0 / (double)l.side; /* a panel is 64 points wide */
    CliPicture picture;
    char folder[CLI_PATH_SIZE], *points = NULL;
    size_t size = 0;
    float *const values = malloc(l.width * l.height * sizeof *values);
    FILE *const stream = open_memstream(&points, &size);
    if (!values || !stream) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for a picture of boundaries");
        goto out;
    }
    for (size_t i = 0; i < l.width * l.height; i++)
        values[i] = NAN;
    for (size_t i = 0; i < compare->n_variants; i++)
        SIM_TRY(draw_panel(table, &l, i, values, stream));
    SIM_TRY(cli_path_join(table->folder, "plots", folder));
    SIM_TRY(cli_picture_open(folder, "boundaries", (int)(scale * (double)l.width) + 10,
                             (int)(scale * (double)l.height) + 40, &picture));
    fputs("# first block: tanh of half the difference of the scores, a row of the "
          "picture a "
          "line; second: points (x, y, class)\n",
          picture.data);
    status = put_picture(&l, values, picture.data);
    fflush(stream);
    fputs("\n\n", picture.data);
    fputs(points ? points : "", picture.data);
    put_labels(compare, &l, &picture);
    fprintf(picture.program,
            "unset border\nunset tics\nunset colorbox\nunset key\nunset grid\n"
            "set lmargin screen 0\nset rmargin screen 1\nset bmargin screen 0\n"
            "set tmargin screen %.4f\n"
            "set xrange [0:%zu]\nset yrange [0:%zu]\nset cbrange [-1:1]\n"
            "set palette defined (-1 '#56b4e9', -0.02 '#e4f1f9', 0 '#ffffff', 0.02 "
            "'#fbeadb', 1 '#e8924a')\n"
            "plot data index 0 matrix with image, \\\n"
            "    data index 1 using 1:($3 == 0 ? $2 : NaN) with points pointtype 7 "
            "pointsize 0.16 linecolor '#00486f', \\\n"
            "    data index 1 using 1:($3 == 1 ? $2 : NaN) with points pointtype 7 "
            "pointsize 0.16 linecolor '#8a3a00'\n",
            1.0 - 24.0 / (scale * (double)l.height + 40.0), l.width, l.height);
    const SimStatus ended = cli_picture_draw(&picture, drawn);
    status = status == SIM_OK ? ended : status;
out:
    if (stream)
        fclose(stream);
    free(points);
    free(values);
    return status;
}
