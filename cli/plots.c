/* cli/plots.c: the pictures of a run, as numbers and gnuplot programs. */
#include "cli/plots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/picture.h"

static const char *const colours[] = {CLI_BLUE, CLI_RED,    CLI_GREEN, CLI_ORANGE,
                                      CLI_SKY,  CLI_PURPLE, CLI_GREY};
enum { N_COLOURS = sizeof colours / sizeof *colours };

/* "set COMMAND 'text' REST" */
static void set_text(CliPicture *picture, const char *command, const char *text,
                     const char *rest)
{
    fprintf(picture->program, "set %s ", command);
    cli_picture_quote(picture, text);
    fprintf(picture->program, " %s\n", rest);
}

/* A column of text may hold neither tabs nor line ends, nor quotes gnuplot would eat. */
static void put_text(FILE *data, const char *text)
{
    for (; *text; text++)
        fputc(*text == '\t' || *text == '\n' || *text == '"' ? ' ' : *text, data);
}

static void put_number(FILE *data, double value)
{
    if (isfinite(value))
        fprintf(data, "\t%.8g", value);
    else
        fputs("\tnan", data);
}

/* --- training ----------------------------------------------------------------------- */

enum { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS };
static const char *const part_names[PARTS] = {"training", "validation", "test"};
static const char *const part_colours[PARTS] = {CLI_GREY, CLI_ORANGE, CLI_BLUE};

static double part_value(const CliPlotEpoch *epoch, int part, bool accuracy)
{
    switch (part) {
    case PART_TRAIN:
        return accuracy ? epoch->train_accuracy : epoch->train_loss;
    case PART_VALIDATION:
        return accuracy ? epoch->validation_accuracy : epoch->validation_loss;
    default:
        return accuracy ? epoch->test_accuracy : epoch->test_loss;
    }
}

/* The epoch of the highest value; n when the part was never looked at. */
static size_t best_epoch(const CliPlotEpoch *epochs, size_t n, int part)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        const double value = part_value(&epochs[i], part, true);
        if (isfinite(value) &&
            (best == n || value > part_value(&epochs[best], part, true)))
            best = i;
    }
    return best;
}

/* One curve per part that has numbers; columns of the table start at `first`. */
static void plot_parts(CliPicture *picture, const CliPlotEpoch *epochs, size_t n,
                       bool accuracy)
{
    const int first = accuracy ? 5 : 2;
    const char *separator = "plot ";
    for (int part = 0; part < PARTS; part++) {
        bool any = false;
        for (size_t i = 0; i < n && !any; i++)
            any = isfinite(part_value(&epochs[i], part, accuracy));
        if (!any)
            continue;
        fprintf(picture->program,
                "%sdata using 1:($%d%s) with %s linewidth 2 pointtype 7 pointsize 0.5 "
                "linecolor '%s' title '%s'",
                separator, first + part, accuracy ? "*100" : "",
                n > 40 ? "lines" : "linespoints", part_colours[part], part_names[part]);
        separator = ", \\\n    ";
    }
    fputc('\n', picture->program);
}

SimStatus cli_plot_training(const char *folder, const char *title,
                            const CliPlotEpoch *epochs, size_t n, bool *drawn)
{
    CliPicture picture;
    const SimStatus status = cli_picture_open(folder, "training", 960, 400, &picture);
    if (status != SIM_OK)
        return status;

    FILE *const gp = picture.program;
    fputs("# epoch\ttrain_loss\tvalidation_loss\ttest_loss\ttrain_accuracy\t"
          "validation_accuracy\ttest_accuracy\tlearning_rate\tfiring_rate\n",
          picture.data);
    for (size_t i = 0; i < n; i++) {
        fprintf(picture.data, "%.8g", epochs[i].epoch);
        for (int column = 0; column < 2 * PARTS; column++)
            put_number(picture.data,
                       part_value(&epochs[i], column % PARTS, column >= PARTS));
        put_number(picture.data, epochs[i].lr);
        put_number(picture.data, epochs[i].rate);
        fputc('\n', picture.data);
    }

    fputs("set multiplot layout 1,2 title ", gp);
    cli_picture_quote(&picture, title);
    fputs(" font ',12' margins 0.075,0.975,0.15,0.86 spacing 0.09,0\n"
          "set xlabel 'epoch'\n",
          gp);
    const double first = n > 0 ? epochs[0].epoch : 0,
                 last = n > 0 ? epochs[n - 1].epoch : 1;
    const double margin = fmax((last - first) * 0.03, 0.3);
    fprintf(gp, "set xrange [%g:%g]\n", fmin(first, last) - margin, last + margin);
    if (last - first < 9)
        fputs("set xtics 1\n", gp);
    fputs("set yrange [0:*]\nset ylabel 'loss'\nset key top right\n", gp);
    plot_parts(&picture, epochs, n, false);

    fputs("set yrange [0:100]\nset ylabel 'accuracy (%)'\nset key bottom right\n", gp);
    /* Chosen on the validation part where there is one; what it then gives on the test.
     */
    const int judge = best_epoch(epochs, n, PART_VALIDATION) < n ? PART_VALIDATION
                      : best_epoch(epochs, n, PART_TEST) < n     ? PART_TEST
                                                                 : PART_TRAIN;
    const size_t best = best_epoch(epochs, n, judge);
    const int shown = judge == PART_VALIDATION && best < n &&
                              isfinite(part_value(&epochs[best], PART_TEST, true))
                          ? PART_TEST
                          : judge;
    if (best < n) {
        const double value = 100 * part_value(&epochs[best], shown, true);
        const bool right = epochs[best].epoch > (first + last) / 2;
        fprintf(gp,
                "set label 1 '%.1f %% (epoch %g)' at %g,%g %s offset 0,%s textcolor "
                "'%s' point pointtype 6 pointsize 1.2 linewidth 1.5 linecolor '%s'\n",
                value, epochs[best].epoch, epochs[best].epoch, value,
                right ? "right" : "left",
                shown == PART_TRAIN && value < 85 ? "1.1" : "-1.3", part_colours[shown],
                part_colours[shown]);
    }
    plot_parts(&picture, epochs, n, true);
    fputs("unset multiplot\n", gp);
    return cli_picture_draw(&picture, drawn);
}

/* --- firing rates ------------------------------------------------------------------- */

SimStatus cli_plot_rates(const char *folder, const char *title,
                         const CliPlotLayer *layers, size_t n, bool *drawn)
{
    CliPicture picture;
    const int height = 130 + 22 * (int)n;
    if (n == 0)
        return SIM_OK;
    const SimStatus status = cli_picture_open(folder, "rates", 760, height, &picture);
    if (status != SIM_OK)
        return status;

    size_t longest = 4;
    fputs("# layer\tfiring_rate\tsilent_channels\talways_firing_channels\n",
          picture.data);
    for (size_t i = 0; i < n; i++) {
        put_text(picture.data, layers[i].name);
        put_number(picture.data, layers[i].rate);
        put_number(picture.data, layers[i].silent);
        put_number(picture.data, layers[i].saturated);
        fputc('\n', picture.data);
        const size_t length = strlen(layers[i].name);
        longest = length > longest ? length : longest;
    }

    FILE *const gp = picture.program;
    set_text(&picture, "title", title, "font ',12'");
    fprintf(
        gp,
        "set lmargin %zu\n"
        "set rmargin 16\n"
        "set yrange [%g:-0.6] noextend\n"
        "set xrange [0:*]\n"
        "set offsets 0,graph 0.12,0,0\n"
        "set xlabel 'firing rate (%% of neuron-steps)'\n"
        "set grid xtics noytics\n"
        "set border 1\n"
        "set ytics scale 0\n"
        "set label 1 'silent channels' at graph 1.02, screen 0.999 offset 0,-2.6 left "
        "textcolor '" CLI_GREY "'\n"
        "unset key\n"
        "set style fill solid 0.9 noborder\n"
        "text(silent) = sprintf('%%.0f %%%%', 100 * silent)\n"
        "plot data using (100*$2/2):0:(100*$2/2):(0.36):ytic(1) with boxxyerror "
        "linecolor '" CLI_BLUE "', \\\n"
        "    data using (100*$2):0:(sprintf('%%.1f', 100*$2)) with labels left offset "
        "0.6,0, \\\n"
        "    data using (0):0:(text($3)) with labels left offset graph 1.02,0 "
        "textcolor '" CLI_GREY "'\n",
        longest + 2, (double)n - 0.4);
    return cli_picture_draw(&picture, drawn);
}

/* --- confusion ---------------------------------------------------------------------- */

SimStatus cli_plot_confusion(const char *folder, const char *title,
                             const char *const *classes, size_t n, const uint64_t *counts,
                             bool *drawn)
{
    CliPicture picture;
    const int side = n <= 12 ? 560 : n <= 40 ? 760 : 960;
    const SimStatus status =
        cli_picture_open(folder, "confusion", side + 70, side, &picture);
    if (status != SIM_OK)
        return status;

    size_t longest = 1;
    fputs("# answer\ttrue\tcount\tshare_of_true\tanswer_name\ttrue_name\n", picture.data);
    for (size_t row = 0; row < n; row++) {
        uint64_t sum = 0;
        for (size_t column = 0; column < n; column++)
            sum += counts[row * n + column];
        for (size_t column = 0; column < n; column++) {
            const uint64_t count = counts[row * n + column];
            fprintf(picture.data, "%zu\t%zu\t%llu\t%.6g\t", column, row,
                    (unsigned long long)count, sum ? (double)count / (double)sum : 0.0);
            put_text(picture.data, classes[column]);
            fputc('\t', picture.data);
            put_text(picture.data, classes[row]);
            fputc('\n', picture.data);
        }
        const size_t length = strlen(classes[row]);
        longest = length > longest ? length : longest;
    }

    FILE *const gp = picture.program;
    set_text(&picture, "title", title, "font ',12'");
    fprintf(gp,
            "set lmargin %zu\n"
            "set rmargin 12\n"
            "set bmargin %zu\n"
            "set xrange [-0.5:%g]\n"
            "set yrange [%g:-0.5]\n"
            "set border 0\n"
            "unset grid\n"
            "unset key\n"
            "set tics scale 0\n"
            "set xtics %s\n"
            "set xlabel 'answer'\n"
            "set ylabel 'true class'\n"
            "set cblabel '%% of the true class'\n"
            "set cbrange [0:100]\n"
            "set cbtics scale 0.4\n"
            "set palette defined (0 '#f7fafc', 12 '#d3e4f0', 40 '#7db3d8', 70 '#2b7bb5', "
            "100 '#08335e')\n"
            "plot data using 1:2:(100*$4):xtic(5):ytic(6) with image pixels%s",
            longest + 7, longest <= 3 ? 4 : longest * 3 / 5 + 3, (double)n - 0.5,
            (double)n - 0.5, longest <= 3 ? "norotate" : "rotate by 45 right",
            n <= 20 ? ", \\\n" : "\n");
    if (n <= 20) /* more would not be readable */
        fprintf(gp,
                "    data using 1:($4 <= 0.5 && $3 > 0 ? $2 : 1/0):(sprintf('%%d', $3)) "
                "with labels textcolor '#22303c' font ',%d', \\\n"
                "    data using 1:($4 > 0.5 ? $2 : 1/0):(sprintf('%%d', $3)) with labels "
                "textcolor '#ffffff' font ',%d'\n",
                n <= 12 ? 9 : 7, n <= 12 ? 9 : 7);
    return cli_picture_draw(&picture, drawn);
}

/* --- raster ------------------------------------------------------------------------- */

enum { BAND = 100, BAND_GAP = 14 }; /* heights on the axis of the raster */

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The different neurons of a layer, in order; *out is owned by the caller. */
static SimStatus fired_neurons(const CliPlotSpikes *layer, uint64_t **out, size_t *n)
{
    uint64_t *const all = malloc((layer->n ? layer->n : 1) * sizeof *all);
    if (!all)
        return sim_fail(SIM_ERR_MEMORY, "raster: no memory for %zu spikes", layer->n);
    if (layer->n)
        memcpy(all, layer->neuron, layer->n * sizeof *all);
    qsort(all, layer->n, sizeof *all, by_number);
    *n = 0;
    for (size_t i = 0; i < layer->n; i++)
        if (*n == 0 || all[*n - 1] != all[i])
            all[(*n)++] = all[i];
    *out = all;
    return SIM_OK;
}

/* Rows of one band: at most CLI_PLOT_NEURONS of those that fired, evenly apart. */
static SimStatus put_band(FILE *data, const CliPlotSpikes *layer, double top,
                          double step_width, const char *colour)
{
    uint64_t *fired = NULL;
    size_t n = 0;
    const SimStatus status = fired_neurons(layer, &fired, &n);
    if (status != SIM_OK)
        return status;
    const size_t shown = n < CLI_PLOT_NEURONS ? n : CLI_PLOT_NEURONS;
    const double row = (double)BAND / (double)(shown > 16 ? shown : 16);
    const double first = top + (BAND - row * (double)shown) / 2;
    for (size_t i = 0; i < layer->n; i++) {
        const uint64_t *const at =
            bsearch(&layer->neuron[i], fired, n, sizeof *fired, by_number);
        const size_t place = (size_t)(at - fired);
        /* The row of this neuron, if it is the first that falls on a row. */
        const size_t line = shown < n ? place * shown / n : place;
        if (shown < n && (line * n + shown - 1) / shown != place)
            continue;
        fprintf(data, "%.8g\t%.6g\t%.6g\t%s\t%llu\t%s\n",
                ((double)layer->step[i] + 0.08) * step_width,
                first + ((double)line + 0.5) * row, 0.84 * step_width, layer->name,
                (unsigned long long)layer->neuron[i], colour);
    }
    free(fired);
    return SIM_OK;
}

SimStatus cli_plot_raster(const char *folder, const char *title, size_t steps,
                          double step_ms, const CliPlotInput *input,
                          const CliPlotSpikes *layers, size_t n, bool *drawn)
{
    CliPicture picture;
    const int band = n > 24 ? 26 : n > 12 ? 38 : 52;
    const int height = 230 + band * (int)n;
    SimStatus status = cli_picture_open(folder, "raster", 960, height, &picture);
    if (status != SIM_OK)
        return status;

    const double width = step_ms > 0 ? step_ms : 1, end = width * (double)steps;
    fputs("# input: middle_of_step\ton\toff\n", picture.data);
    for (size_t t = 0; t < steps; t++)
        fprintf(picture.data, "%.8g\t%.8g\t%.8g\n", ((double)t + 0.5) * width,
                input->on[t], input->off ? -input->off[t] : 0.0);
    fputs("\n\n# spikes: time\trow\tlength\tlayer\tneuron\tcolour\n", picture.data);
    for (size_t i = 0; i < n && status == SIM_OK; i++)
        status = put_band(picture.data, &layers[i], (double)i * (BAND + BAND_GAP), width,
                          i % 2 ? CLI_GREEN : CLI_BLUE);
    fputs("\n\n# layers: middle_of_band\tname\trate\tfired\tneurons\n", picture.data);
    size_t longest = 8;
    for (size_t i = 0; i < n; i++) {
        fprintf(picture.data, "%g\t", (double)i * (BAND + BAND_GAP) + BAND / 2);
        put_text(picture.data, layers[i].name);
        fprintf(picture.data, "\t%.6g\t%zu\t%zu\n", layers[i].rate, layers[i].fired,
                layers[i].neurons);
        const size_t length = strlen(layers[i].name);
        longest = length > longest ? length : longest;
    }

    FILE *const gp = picture.program;
    const double bottom = 60.0 / height, split = 1 - 125.0 / height,
                 input_top = 1 - 44.0 / height;
    const double left = (30.0 + 7.2 * (double)longest) / 960;
    fputs("set multiplot title ", gp);
    cli_picture_quote(&picture, title);
    fprintf(gp,
            " font ',12'\n"
            "set lmargin at screen %.4f\n"
            "set rmargin at screen 0.81\n"
            "set xrange [0:%.8g]\n"
            "set tmargin at screen %.4f\n"
            "set bmargin at screen %.4f\n"
            "set border 1 linecolor '#aab4bc'\n"
            "set format x ''\n"
            "unset ytics\n"
            "set label 1 'input' at graph -0.012,0.5 right textcolor '#22303c'\n"
            "set key at screen 0.995,%.4f right width -2\n"
            "set style fill solid 0.9 noborder\n"
            "set boxwidth %.8g\n",
            left, end, input_top, split, input_top, 0.84 * width);
    if (input->off)
        fputs("plot data index 0 using 1:2 with boxes linecolor '" CLI_RED
              "' title 'ON events', \\\n"
              "    data index 0 using 1:3 with boxes linecolor '" CLI_SKY
              "' title 'OFF events'\n",
              gp);
    else
        fputs("plot data index 0 using 1:2 with boxes linecolor '" CLI_GREY
              "' title 'pixel sum'\n",
              gp);
    fprintf(gp,
            "unset label 1\n"
            "unset key\n"
            "set tmargin at screen %.4f\n"
            "set bmargin at screen %.4f\n"
            "set format x '%%g'\n"
            "set xlabel '%s'\n"
            "set yrange [%g:%g]\n"
            "set label 2 'rate' at graph 1.075, graph 1 offset 0,0.9 right textcolor "
            "'" CLI_GREY "'\n"
            "set label 3 'neurons fired' at graph 1.235, graph 1 offset 0,0.9 right "
            "textcolor "
            "'" CLI_GREY "'\n"
            "short(n, unit) = sprintf(n < 10 ? '%%.1f%%s' : '%%.0f%%s', n, unit)\n"
            "count(n) = n < 1e3 ? sprintf('%%d', n) : n < 1e6 ? short(n / 1e3, 'k') : "
            "short(n / 1e6, 'M')\n"
            "rgb(text) = int(text[2:*] eq '' ? 0 : real('0x'.text[2:*]))\n",
            split - 26.0 / height, bottom, step_ms > 0 ? "time (ms)" : "step",
            (double)n * (BAND + BAND_GAP), (double)-BAND_GAP);
    if (steps <= 20 && !(step_ms > 0))
        fputs("set xtics 1\n", gp);
    fprintf(gp,
            "plot data index 1 using 1:2:3:(0):(rgb(strcol(6))) with vectors nohead "
            "linewidth %s linecolor rgb variable, \\\n"
            "    data index 2 using (0):1:2 with labels right offset -1.2,0 textcolor "
            "'#22303c', \\\n"
            "    data index 2 using (%.8g):1:(sprintf('%%.1f %%%%', 100*$3)) with labels "
            "right offset graph 0.075,0 textcolor '" CLI_GREY "', \\\n"
            "    data index 2 using (%.8g):1:(sprintf('%%s of %%s', count($4), "
            "count($5))) with labels right offset graph 0.235,0 textcolor '" CLI_GREY
            "'\n"
            "unset multiplot\n",
            band > 40 ? "1.1" : "0.8", end, end);
    if (status != SIM_OK) { /* the files are closed and left as they are */
        fclose(picture.data);
        fclose(picture.program);
        return status;
    }
    return cli_picture_draw(&picture, drawn);
}

/* --- scores ------------------------------------------------------------------------- */

SimStatus cli_plot_scores(const char *folder, const char *title, size_t steps,
                          double step_ms, const char *const *classes, size_t n,
                          const float *scores, int label, bool *drawn)
{
    CliPicture picture;
    const SimStatus status = cli_picture_open(folder, "scores", 860, 400, &picture);
    if (status != SIM_OK)
        return status;

    const double width = step_ms > 0 ? step_ms : 1;
    fputs("# time", picture.data);
    for (size_t k = 0; k < n; k++) {
        fputc('\t', picture.data);
        put_text(picture.data, classes[k]);
    }
    fputc('\n', picture.data);
    for (size_t t = 0; t < steps; t++) {
        fprintf(picture.data, "%.8g", (double)(t + 1) * width);
        for (size_t k = 0; k < n; k++)
            put_number(picture.data, (double)scores[t * n + k]);
        fputc('\n', picture.data);
    }

    size_t longest = 10;
    for (size_t k = 0; k < n; k++) {
        const size_t length = strlen(classes[k]) + ((int)k == label ? 7 : 0);
        longest = length > longest ? length : longest;
    }

    /* The three that end highest and the true class in colour, the rest in grey. */
    size_t *const order = malloc((n ? n : 1) * sizeof *order);
    if (!order) {
        fclose(picture.data);
        fclose(picture.program);
        return sim_fail(SIM_ERR_MEMORY, "scores: no memory for %zu classes", n);
    }
    const float *const last = scores + (steps ? steps - 1 : 0) * n;
    for (size_t k = 0; k < n; k++) {
        size_t at = k;
        for (; at > 0 && last[order[at - 1]] < last[k]; at--)
            order[at] = order[at - 1];
        order[at] = k;
    }

    FILE *const gp = picture.program;
    set_text(&picture, "title", title, "font ',12'");
    fprintf(gp,
            "set rmargin %zu\n"
            "set key at graph 1.03, graph 1 left top reverse Left\n"
            "set xrange [%g:%g]\n"
            "set xlabel '%s'\n"
            "set ylabel 'mean class score so far'\n",
            longest + 7, steps > 1 ? width : 0.0, width * (double)(steps > 1 ? steps : 2),
            step_ms > 0 ? "time (ms)" : "step");
    if (steps <= 20 && !(step_ms > 0))
        fputs("set xtics 1\n", gp);
    fputs("plot ", gp);
    for (size_t rank = n; rank-- > 0;) { /* grey first, the winner on top */
        const size_t k = order[rank];
        if (rank < 3 || (int)k == label)
            continue;
        fprintf(gp,
                "data using 1:%zu with lines linewidth 1 linecolor '#c3ccd3' notitle, ",
                k + 2);
    }
    const char *separator = "";
    for (size_t rank = 0; rank < n; rank++) {
        const size_t k = order[rank];
        if (rank >= 3 && (int)k != label)
            continue;
        fprintf(
            gp,
            "%s\\\n    data using 1:%zu with lines linewidth %s%s linecolor '%s' title ",
            separator, k + 2, rank == 0 ? "3" : "1.8",
            (int)k == label && rank > 0 ? " dashtype 2" : "",
            colours[rank < 3 ? rank : 3]);
        char text[160];
        snprintf(text, sizeof text, "%s%s", classes[k], (int)k == label ? " (true)" : "");
        cli_picture_quote(&picture, text);
        separator = ", ";
    }
    if (n > 3)
        fprintf(gp, ", \\\n    NaN with lines linewidth 1 linecolor '#c3ccd3' title 'the "
                    "others'");
    fputc('\n', gp);
    free(order);
    return cli_picture_draw(&picture, drawn);
}
