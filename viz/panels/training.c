/* viz/panels/training.c: runs while they train: loss, accuracy, rates, weights that move.
 *
 * One run: a colour for each part of the data. Several: a colour for each run, bold for
 * the test part, thin for training. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/plot.h"
#include "viz/runlog.h"
#include "viz/steps.h"

enum { BINS = 64, PARTS = 3, TRAIN = 0, VALIDATION = 1, TEST = 2 };
static const char *const part_names[PARTS] = {"training", "validation", "test"};

typedef struct State {
    VizRunlog *logs[VIZ_RUNS]; /* owned; NULL: could not be opened */
    char folders[VIZ_RUNS][1024];
    char error[512];
    size_t n;
    size_t scroll; /* rows of weights above the first shown */
} State;

/* --- runs --------------------------------------------------------------------------- */

static void forget(State *state)
{
    for (size_t i = 0; i < state->n; i++)
        viz_runlog_destroy(state->logs[i]);
    *state = (State){0};
}

static void follow(State *state, const VizView *view)
{
    bool same = state->n == view->n_runs;
    for (size_t i = 0; same && i < state->n; i++)
        same = strcmp(state->folders[i], view->runs[i]) == 0;
    if (!same) {
        forget(state);
        for (; state->n < view->n_runs && state->n < VIZ_RUNS; state->n++) {
            const size_t i = state->n;
            snprintf(state->folders[i], sizeof state->folders[i], "%s", view->runs[i]);
            if (viz_runlog_create(view->runs[i], &state->logs[i]) != SIM_OK)
                snprintf(state->error, sizeof state->error, "%s", sim_message());
        }
    }
    for (size_t i = 0; i < state->n; i++)
        if (state->logs[i])
            viz_runlog_poll(state->logs[i], view->wall_s, view->headless);
}

static double loss_of(const VizEpoch *epoch, int part)
{
    return part == TRAIN        ? epoch->train_loss
           : part == VALIDATION ? epoch->validation_loss
                                : epoch->test_loss;
}

static double accuracy_of(const VizEpoch *epoch, int part)
{
    return 100 * (part == TRAIN        ? epoch->train_accuracy
                  : part == VALIDATION ? epoch->validation_accuracy
                                       : epoch->test_accuracy);
}

static double rate_of(const VizEpoch *epoch, int part)
{
    return part == TRAIN ? 100 * epoch->firing_rate : (double)NAN;
}

typedef double Value(const VizEpoch *epoch, int part);

static const VizEpoch *epochs_of(const State *state, size_t run, size_t *n)
{
    *n = 0;
    return state->logs[run] ? viz_runlog_epochs(state->logs[run], n) : NULL;
}

static double last_epoch(const State *state)
{
    double last = 1;
    for (size_t run = 0; run < state->n; run++) {
        size_t n;
        const VizEpoch *const epochs = epochs_of(state, run, &n);
        if (n)
            last = fmax(last, epochs[n - 1].epoch);
    }
    return last;
}

static bool has_part(const State *state, int part)
{
    for (size_t run = 0; run < state->n; run++) {
        size_t n;
        const VizEpoch *const epochs = epochs_of(state, run, &n);
        for (size_t i = 0; i < n; i++)
            if (!isnan(loss_of(&epochs[i], part)))
                return true;
    }
    return false;
}

static VizColour colour_of(const State *state, const VizView *view, size_t run, int part)
{
    const VizColour colour = view->theme->series[state->n > 1 ? run : (size_t)part];
    return state->n > 1 && part == TRAIN ? viz_colour_fade(colour, 0.55f) : colour;
}

static float width_of(const State *state, int part)
{
    return state->n > 1 ? (part == TRAIN ? 1.2f : part == TEST ? 2.5f : 1.5f) : 2;
}

/* --- curves
 * ----------------------------------------------------------------------------- */

static void draw_curves(const State *state, const VizView *view, VizDraw *draw,
                        VizRect area, const char *label, Value *value, bool percent)
{
    double low = percent ? 0 : (double)INFINITY, high = percent ? 0 : (double)-INFINITY;
    size_t most = 1;
    for (size_t run = 0; run < state->n; run++) {
        size_t n;
        const VizEpoch *const epochs = epochs_of(state, run, &n);
        most = n > most ? n : most;
        for (size_t i = 0; i < n; i++)
            for (int part = 0; part < PARTS; part++) {
                const double v = value(&epochs[i], part);
                low = isfinite(v) ? fmin(low, v) : low;
                high = isfinite(v) ? fmax(high, v) : high;
            }
    }
    if (!(high >= low))
        low = 0, high = 1;
    if (low > 0 && low < 0.5 * high)
        low = 0;
    const double step = viz_round_step(high - low > 0 ? high - low : 1, 5);
    low = floor(low / step) * step, high = ceil(high / step + 1e-9) * step;
    if (percent && high > 100)
        high = 100;
    const VizPlot plot =
        viz_plot_begin(draw, view->theme, area, 0, fmax(last_epoch(state), 10),
                       area.h > 110 ? "epoch" : NULL, low, high, label, false);
    double *const x = malloc(2 * most * sizeof *x);
    if (!x)
        return;
    for (size_t run = 0; run < state->n; run++)
        for (int part = 0; part < PARTS; part++) {
            size_t n, used = 0;
            const VizEpoch *const epochs = epochs_of(state, run, &n);
            for (size_t i = 0; i < n; i++) {
                const double v = value(&epochs[i], part);
                if (isnan(v))
                    continue; /* looked at every few epochs: joined by a line */
                x[used] = epochs[i].epoch;
                x[most + used++] = v;
            }
            viz_plot_line(draw, &plot, used, x, x + most, width_of(state, part),
                          colour_of(state, view, run, part));
        }
    free(x);
}

/* "training - validation - test" or the names of the runs, in their colours. */
static void draw_legend(const State *state, const VizView *view, VizDraw *draw,
                        VizRect line)
{
    const size_t n = state->n > 1 ? state->n : PARTS;
    for (size_t i = 0; i < n; i++) {
        if (state->n == 1 && !has_part(state, (int)i))
            continue;
        char text[320];
        size_t rows = 0;
        const VizEpoch *const epochs = epochs_of(state, state->n > 1 ? i : 0, &rows);
        const int part = state->n > 1 ? TEST : (int)i;
        double last = (double)NAN;
        for (size_t k = 0; k < rows; k++)
            last = isnan(accuracy_of(&epochs[k], part)) ? last
                                                        : accuracy_of(&epochs[k], part);
        const char *const name = state->n == 1    ? part_names[i]
                                 : state->logs[i] ? viz_runlog_name(state->logs[i])
                                                  : state->folders[i];
        if (isnan(last))
            snprintf(text, sizeof text, "%s", name);
        else
            snprintf(text, sizeof text, "%s: %.1f %% right", name, last);
        const float width =
            fminf(viz_text_width(draw, VIZ_FONT_SMALL, text) + 36, line.w);
        VizRect at = viz_cut_left(&line, width);
        const VizColour colour = colour_of(state, view, state->n > 1 ? i : 0, part);
        if (at.w < 60)
            return;
        viz_line(draw, at.x, at.y + at.h / 2, at.x + 14, at.y + at.h / 2, 2.5f, colour);
        viz_text_within(draw, VIZ_FONT_SMALL, at.x + 18, at.y, at.w - 18, VIZ_LEFT,
                        view->theme->text, "%s", text);
    }
    if (state->n > 1)
        viz_text_within(draw, VIZ_FONT_SMALL, line.x, line.y, line.w, VIZ_LEFT,
                        view->theme->dim, "bold: test, thin: training");
}

/* --- rates of layers
 * -------------------------------------------------------------------- */

static VizRect draw_title(const VizView *view, VizDraw *draw, VizRect area,
                          const char *text)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect head = viz_cut_top(&area, line + 4);
    viz_text_within(draw, VIZ_FONT_SMALL, head.x, head.y, head.w, VIZ_LEFT,
                    view->theme->text, "%s", text);
    return area;
}

/* Whether anything fires: nets of values alone have no rates to show. */
static bool fires(const State *state)
{
    for (size_t run = 0; run < state->n; run++) {
        size_t n;
        const VizEpoch *const epochs = epochs_of(state, run, &n);
        for (size_t i = 0; i < n; i++)
            if (epochs[i].firing_rate > 0)
                return true;
    }
    return false;
}

static void draw_rates(const State *state, const VizView *view, VizDraw *draw,
                       VizRect area)
{
    const VizTheme *const theme = view->theme;
    size_t n_epochs = 0, n_layers = 0;
    const char *const *names = NULL;
    const double *epochs = NULL;
    const float *const rates =
        state->logs[0]
            ? viz_runlog_rates(state->logs[0], &n_epochs, &n_layers, &names, &epochs)
            : NULL;
    if (!rates || n_epochs == 0 || n_layers == 0) {
        draw_curves(state, view, draw, draw_title(view, draw, area, "firing rate"),
                    "% of steps", rate_of, true);
        return;
    }
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    VizRect title = area;
    area = draw_title(view, draw, area, "firing rate of each layer");
    float most = 0, widest = 0;
    for (size_t i = 0; i < n_epochs * n_layers; i++)
        most = rates[i] > most ? rates[i] : most;
    const double high = viz_round_up(100 * (double)most);
    title.h = line + 4;
    viz_cut_left(&title, 180);
    if (title.w > 120)
        viz_legend(draw, theme, viz_cut_right(&title, fminf(title.w, 220)), theme->heat,
                   0, high, "% of steps");
    for (size_t i = 0; i < n_layers; i++)
        widest = fmaxf(widest, viz_text_width(draw, VIZ_FONT_SMALL, names[i]));
    widest = fminf(widest, 0.3f * area.w);
    const VizRect labels = viz_cut_left(&area, widest + 8);
    VizRect foot = viz_cut_bottom(&area, area.h > 60 ? line + 4 : 0);
    uint8_t *const indices = malloc(n_epochs * n_layers);
    for (size_t i = 0; indices && i < n_epochs * n_layers; i++)
        indices[i % n_layers * n_epochs + i / n_layers] =
            viz_table_index(100 * rates[i], 0, (float)high);
    if (indices)
        viz_image(draw, area, n_epochs, n_layers, indices, theme->heat);
    free(indices);
    const float row = area.h / (float)n_layers;
    const size_t every = (size_t)ceilf(line / fmaxf(row, 0.1f));
    for (size_t i = 0; i < n_layers; i++) {
        const VizRect at = {area.x, area.y + row * (float)i, area.w, row};
        if (i % every == 0 && at.y + row / 2 + line / 2 <= area.y + area.h + 1)
            viz_text_within(draw, VIZ_FONT_SMALL, labels.x, at.y + row / 2 - line / 2,
                            widest, VIZ_LEFT, theme->dim, "%s", names[i]);
        viz_hit(draw, at, -1, "%s: %.2f %% of steps in epoch %.0f", names[i],
                100 * (double)rates[(n_epochs - 1) * n_layers + i], epochs[n_epochs - 1]);
    }
    if (foot.h > 0) {
        viz_text(draw, VIZ_FONT_SMALL, foot.x, foot.y + 3, VIZ_LEFT, theme->dim,
                 "epoch %.0f", epochs[0]);
        if (foot.w > 160)
            viz_text(draw, VIZ_FONT_SMALL, foot.x + foot.w, foot.y + 3, VIZ_RIGHT,
                     theme->dim, "%.0f", epochs[n_epochs - 1]);
    }
}

/* --- weights
 * ---------------------------------------------------------------------------- */

static void histogram(const VizWeight *weight, double reach, float share[BINS])
{
    memset(share, 0, BINS * sizeof *share);
    for (size_t i = 0; i < weight->n; i++) {
        const double at = ((double)weight->samples[i] / reach + 1) / 2 * BINS;
        const size_t bin = at < 0 ? 0 : at >= BINS ? BINS - 1 : (size_t)at;
        share[bin] += 1 / (float)weight->n;
    }
}

/* Three times the root mean square: all weights but a few in the tails. */
static double reach_of(const VizWeight *weight)
{
    double squares = 0;
    for (size_t i = 0; i < weight->n; i++)
        squares += (double)weight->samples[i] * (double)weight->samples[i];
    const double reach = 3 * sqrt(squares / fmax((double)weight->n, 1));
    return viz_round_up(reach > 0 ? reach : 1);
}

static const VizWeight *same_weight(const VizWeights *weights, const char *name)
{
    for (size_t i = 0; i < weights->n_rows; i++)
        if (strcmp(weights->rows[i].name, name) == 0)
            return &weights->rows[i];
    return NULL;
}

/* The distribution now, filled; the one before, as a line. */
static void draw_weight(const VizView *view, VizDraw *draw, VizRect row,
                        const VizWeight *now, const VizWeight *before, float name_w)
{
    const VizTheme *const theme = view->theme;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const double reach = reach_of(now);
    float share[BINS], former[BINS], most = 1e-6f;
    VizPoint corners[BINS], outline[2 * BINS];
    const float text_y = row.y + (row.h - line) / 2;
    viz_text_within(draw, VIZ_FONT_SMALL, row.x, text_y, name_w - 8, VIZ_LEFT, theme->dim,
                    "%s", strncmp(now->name, "net/", 4) == 0 ? now->name + 4 : now->name);
    const VizRect whole = row;
    viz_cut_left(&row, name_w);
    VizRect number = viz_cut_right(&row, row.w > 260 ? 118 : 62);
    if (number.w > 100)
        viz_text(draw, VIZ_FONT_SMALL, number.x + 8, text_y, VIZ_LEFT, theme->dim, "±%g",
                 reach);
    const double change = before ? viz_weight_change(before, now) : (double)NAN;
    if (isfinite(change))
        viz_text(draw, VIZ_FONT_SMALL, number.x + number.w, text_y, VIZ_RIGHT,
                 theme->text, change < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * change);
    viz_hit(draw, whole, -1, "%s: %zu weights, drawn from -%.3g to %.3g", now->name,
            now->count, reach, reach);
    row = viz_inset(row, 1);
    histogram(now, reach, share);
    if (before)
        histogram(before, reach, former);
    for (size_t i = 0; i < BINS; i++) {
        most = fmaxf(most, share[i]);
        most = before ? fmaxf(most, former[i]) : most;
    }
    const float bin = row.w / BINS;
    viz_rect(draw, (VizRect){row.x, row.y + row.h - 1, row.w, 1}, theme->faint);
    for (size_t i = 0; i < BINS; i++) {
        const float height = row.h * share[i] / most;
        corners[0] = (VizPoint){row.x + bin * (float)i, row.y + row.h - height};
        viz_rect(draw, (VizRect){corners[0].x, corners[0].y, bin, height},
                 viz_colour_fade(theme->accent, 0.65f));
        if (before) {
            const float y = row.y + row.h * (1 - former[i] / most);
            outline[2 * i] = (VizPoint){row.x + bin * (float)i, y};
            outline[2 * i + 1] = (VizPoint){row.x + bin * (float)(i + 1), y};
        }
    }
    if (before)
        viz_polyline(draw, 2 * BINS, outline, 1, theme->text);
}

static void draw_weights(State *state, const VizView *view, VizDraw *draw, VizRect area)
{
    const VizTheme *const theme = view->theme;
    const VizRunlog *const log = state->logs[0];
    const VizWeights *const now = log ? viz_runlog_weights(log) : NULL;
    const VizWeights *const before = log ? viz_runlog_weights_before(log) : NULL;
    char title[160];
    if (!now || now->n_rows == 0) {
        area = draw_title(view, draw, area, "weights");
        viz_nothing(draw, theme, area, "%s",
                    log && viz_runlog_error(log) ? viz_runlog_error(log)
                                                 : "No checkpoint is written yet.");
        return;
    }
    if (before->n_rows)
        snprintf(
            title, sizeof title,
            "weights after epoch %.0f; line: after epoch %.0f; right: range, and how "
            "far they moved",
            now->epoch, before->epoch);
    else
        snprintf(title, sizeof title, "weights after epoch %.0f; right: range",
                 now->epoch);
    area = draw_title(view, draw, area, title);
    const float least = viz_line_height(draw, VIZ_FONT_SMALL) + 4;
    const size_t fit = (size_t)fmaxf(area.h / least, 1);
    const size_t shown = now->n_rows < fit ? now->n_rows : fit;
    const size_t most = now->n_rows - shown;
    state->scroll = state->scroll < most ? state->scroll : most;
    const float height = fminf(area.h / (float)shown, 46);
    float name_w = 0;
    for (size_t i = 0; i < now->n_rows; i++)
        name_w = fmaxf(name_w, viz_text_width(draw, VIZ_FONT_SMALL, now->rows[i].name));
    name_w = fminf(name_w, 0.34f * area.w);
    if (area.w < 120 || area.h < least)
        return;
    for (size_t i = 0; i < shown; i++) {
        const VizWeight *const weight = &now->rows[state->scroll + i];
        VizRect row = viz_cut_top(&area, height);
        viz_cut_bottom(&row, 3);
        draw_weight(view, draw, row, weight, same_weight(before, weight->name), name_w);
    }
}

/* --- the whole
 * -------------------------------------------------------------------------- */

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    size_t rows = 0;
    follow(state, view);
    for (size_t run = 0; run < state->n; run++) {
        size_t n;
        epochs_of(state, run, &n);
        rows += n;
    }
    if (state->n == 0 || rows == 0) {
        viz_nothing(draw, view->theme, area, "%s",
                    state->n == 0   ? "No run folder is open: apical view RUN."
                    : *state->error ? state->error
                                    : "The run has not finished its first epoch yet.");
        return;
    }
    area = viz_inset(area, 8);
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    if (area.w < 80 || area.h < line)
        return;
    draw_legend(state, view, draw, viz_cut_top(&area, line + 6));
    if (area.h < 40)
        return;
    const bool lower = area.h > 300;
    VizRect upper = area;
    if (lower) {
        upper = viz_cut_top(&area, 0.5f * area.h);
        viz_cut_top(&area, 10);
    }
    const bool two = area.w > 360;
    const VizRect left = two ? viz_cut_left(&upper, upper.w / 2 - 6) : upper;
    draw_curves(state, view, draw, left, "loss", loss_of, false);
    if (two) {
        viz_cut_left(&upper, 12);
        draw_curves(state, view, draw, upper, "accuracy (%)", accuracy_of, true);
    }
    if (!lower)
        return;
    if (two && fires(state)) {
        const VizRect rates = viz_cut_left(&area, area.w * 0.42f - 6);
        viz_cut_left(&area, 12);
        draw_rates(state, view, draw, rates);
    }
    draw_weights(state, view, draw, area);
}

static bool input(void *opaque, VizView *view, const VizInput *input, VizRect area)
{
    State *const state = opaque;
    (void)view;
    (void)area;
    if (input->kind != VIZ_WHEEL)
        return false;
    const float to = (float)state->scroll - 3 * input->dy;
    state->scroll = to > 0 ? (size_t)to : 0;
    return true;
}

static void caption(void *opaque, const VizView *view, char *text, size_t size)
{
    State *const state = opaque;
    size_t n = 0;
    (void)view;
    *text = '\0';
    const VizEpoch *const epochs = state->n ? epochs_of(state, 0, &n) : NULL;
    if (n)
        snprintf(text, size, "%s: epoch %.0f, loss %.3g", viz_runlog_name(state->logs[0]),
                 epochs[n - 1].epoch, epochs[n - 1].train_loss);
}

static void put(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, ",%.9g", value);
    else
        fputc(',', out);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    follow(state, view);
    if (state->n == 0)
        return sim_fail(SIM_ERR_VALUE, "training: no run folder is open");
    fputs("run,epoch,train_loss,validation_loss,test_loss,train_accuracy,"
          "validation_accuracy,test_accuracy,firing_rate\n",
          out);
    for (size_t run = 0; run < state->n; run++) {
        size_t n;
        const VizEpoch *const epochs = epochs_of(state, run, &n);
        for (size_t i = 0; i < n; i++) {
            fprintf(out, "%s,%.0f", viz_runlog_name(state->logs[run]), epochs[i].epoch);
            put(out, epochs[i].train_loss);
            put(out, epochs[i].validation_loss);
            put(out, epochs[i].test_loss);
            put(out, epochs[i].train_accuracy);
            put(out, epochs[i].validation_accuracy);
            put(out, epochs[i].test_accuracy);
            put(out, epochs[i].firing_rate);
            fputc('\n', out);
        }
    }
    return SIM_OK;
}

static void destroy(void *state)
{
    forget(state);
}

static bool available(const VizView *view)
{
    return view->n_runs > 0;
}

static const VizPanelKey keys[] = {
    {"wheel", "more weights"},
    {NULL, NULL},
};

const VizPanel viz_panel_training = {
    .name = "training",
    .title = "Training",
    .summary = "runs while they train: loss, accuracy, rates, weights",
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
