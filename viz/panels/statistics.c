/* viz/panels/statistics.c: how the layers fire, in numbers.
 *
 * A row for each spiking layer; for the chosen one, how the rates of its neurons and the
 * intervals between their spikes are spread over the steps shown, up to the cursor. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/steps.h"

enum {
    BINS = 40,
    HIT_LAYER = 1000,
    MOST_WORK = 1 << 23, /* neuron-steps of the chosen layer, looked at in a frame */
    MOST_WORDS = 1 << 21 /* packed words of all layers */
};

typedef struct Row { /* one layer over the steps shown */
    int layer;
    size_t neurons;
    double now, mean;      /* share of neurons that fire */
    double silent, always; /* share of neurons that never, or in every step, fired */
} Row;

typedef struct Spread {                 /* of the chosen layer */
    float rates[BINS], intervals[BINS]; /* share of neurons, of intervals */
    size_t n_rate_bins, n_interval_bins;
    size_t n_intervals;
    double mean_rate, cv; /* cv: of intervals, mean of neurons; NAN */
    double mean_interval; /* steps */
    size_t steps, from;
} Spread;

typedef struct State {
    Row *rows; /* owned, [capacity] */
    size_t n_rows, capacity, scroll;
    Spread spread;
    uint64_t *any, *all; /* owned, [words]: OR and AND of steps */
    size_t words;
    uint32_t *last, *count; /* owned, [neurons]: step after the last spike; spikes */
    double *sum, *squares;  /* owned, [neurons]: of intervals */
    size_t neurons;
} State;

/* --- layers
 * ----------------------------------------------------------------------------- */

/* Of the steps shown up to the cursor the latest, as many as a frame has time for. */
static size_t first_of(const VizView *view, size_t most)
{
    most = most < 16 ? 16 : most;
    return view->now + 1 > view->first + most ? view->now + 1 - most : view->first;
}

static bool reserve_words(State *state, size_t words)
{
    if (words <= state->words)
        return true;
    free(state->any);
    free(state->all);
    state->any = malloc(words * sizeof *state->any);
    state->all = malloc(words * sizeof *state->all);
    state->words = state->any && state->all ? words : 0;
    return state->words > 0;
}

static Row row_of(State *state, const VizView *view, size_t layer, size_t from)
{
    const VizLayer *const at = &view->sides[0].subject->layers[layer];
    const size_t words = at->h * at->w * sim_words(at->c);
    Row row = {.layer = (int)layer,
               .neurons = at->h * at->w * at->c,
               .silent = (double)NAN,
               .always = (double)NAN};
    row.now = viz_mean_rate(&view->sides[0], layer, view->now, view->now + 1);
    row.mean = viz_mean_rate(&view->sides[0], layer, from, view->now + 1);
    if (!reserve_words(state, words) || words == 0)
        return row;
    size_t steps = 0;
    for (size_t k = from; k <= view->now; k++) {
        const VizStep *const step = viz_view_step(view, k);
        const uint64_t *const bits = step ? step->spikes[layer] : NULL;
        for (size_t i = 0; bits && i < words; i++) {
            state->any[i] = steps ? state->any[i] | bits[i] : bits[i];
            state->all[i] = steps ? state->all[i] & bits[i] : bits[i];
        }
        steps += bits != NULL;
    }
    if (steps == 0)
        return row;
    size_t any = 0, all = 0;
    for (size_t i = 0; i < words; i++) {
        any += (size_t)__builtin_popcountll(state->any[i]);
        all += (size_t)__builtin_popcountll(state->all[i]);
    }
    row.silent = 1 - (double)any / (double)row.neurons;
    row.always = (double)all / (double)row.neurons;
    return row;
}

static void find_rows(State *state, const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    if (subject->n_layers > state->capacity) {
        free(state->rows);
        state->rows = malloc(subject->n_layers * sizeof *state->rows);
        state->capacity = state->rows ? subject->n_layers : 0;
    }
    state->n_rows = 0;
    size_t words = 1;
    for (size_t i = 0; i < subject->n_layers; i++)
        if (subject->layers[i].spiking)
            words += subject->layers[i].h * subject->layers[i].w *
                     sim_words(subject->layers[i].c);
    const size_t from = first_of(view, MOST_WORDS / words);
    for (size_t i = 0; i < subject->n_layers && i < state->capacity; i++)
        if (subject->layers[i].spiking)
            state->rows[state->n_rows++] = row_of(state, view, i, from);
}

/* --- the chosen layer
 * ------------------------------------------------------------------- */

static bool reserve_neurons(State *state, size_t n)
{
    if (n > state->neurons) {
        free(state->last);
        free(state->count);
        free(state->sum);
        free(state->squares);
        state->last = malloc(n * sizeof *state->last);
        state->count = malloc(n * sizeof *state->count);
        state->sum = malloc(n * sizeof *state->sum);
        state->squares = malloc(n * sizeof *state->squares);
        state->neurons =
            state->last && state->count && state->sum && state->squares ? n : 0;
    }
    if (state->neurons < n || n == 0)
        return false;
    memset(state->last, 0, n * sizeof *state->last);
    memset(state->count, 0, n * sizeof *state->count);
    memset(state->sum, 0, n * sizeof *state->sum);
    memset(state->squares, 0, n * sizeof *state->squares);
    return true;
}

static const VizLayer *chosen(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    const int layer = view->choice->layer;
    return subject && layer >= 0 && (size_t)layer < subject->n_layers &&
                   subject->layers[layer].spiking
               ? &subject->layers[layer]
               : NULL;
}

static void take_spike(State *state, size_t neuron, size_t step)
{
    Spread *const spread = &state->spread;
    if (state->last[neuron]) {
        const size_t interval = step + 1 - state->last[neuron];
        const size_t bins = spread->n_interval_bins;
        const size_t bin = interval - 1 < bins ? interval - 1 : bins - 1;
        spread->intervals[bin]++;
        spread->n_intervals++;
        state->sum[neuron] += (double)interval;
        state->squares[neuron] += (double)interval * (double)interval;
    }
    state->last[neuron] = (uint32_t)(step + 1);
    state->count[neuron]++;
}

static void take_step(State *state, const VizLayer *layer, const uint64_t *bits,
                      size_t step)
{
    for (size_t pixel = 0; pixel < layer->h * layer->w; pixel++)
        for (size_t word = 0; word < sim_words(layer->c); word++)
            for (uint64_t left = *bits++; left; left &= left - 1)
                take_spike(state,
                           pixel * layer->c + word * SIM_WORD_BITS +
                               (unsigned)__builtin_ctzll(left),
                           step);
}

static bool find_spread(State *state, const VizView *view)
{
    const VizLayer *const layer = chosen(view);
    Spread *const spread = &state->spread;
    *spread = (Spread){.cv = (double)NAN};
    const size_t n = layer ? layer->h * layer->w * layer->c : 0;
    if (!layer || !reserve_neurons(state, n))
        return false;
    spread->from = first_of(view, MOST_WORK / n);
    /* Few steps allow few rates and intervals: a bin for each. */
    const size_t span = view->now + 1 - spread->from;
    spread->n_rate_bins = span + 1 < BINS ? span + 1 : BINS;
    spread->n_interval_bins = span < BINS ? span : BINS;
    for (size_t k = spread->from; k <= view->now; k++) {
        const VizStep *const step = viz_view_step(view, k);
        if (!step || !step->spikes[view->choice->layer])
            continue;
        take_step(state, layer, step->spikes[view->choice->layer], k);
        spread->steps++;
    }
    if (spread->steps == 0)
        return false;
    double spikes = 0, cvs = 0, sum = 0;
    size_t n_cvs = 0;
    for (size_t i = 0; i < n; i++) {
        const double share = (double)state->count[i] / (double)spread->steps;
        spread->rates[(size_t)(share * (double)(spread->n_rate_bins - 1) + 0.5)] +=
            1 / (float)n;
        spikes += state->count[i];
        sum += state->sum[i];
        if (state->count[i] < 3) /* two intervals at least */
            continue;
        const double m = (double)(state->count[i] - 1), mean = state->sum[i] / m;
        cvs += sqrt(fmax(state->squares[i] / m - mean * mean, 0)) / mean;
        n_cvs++;
    }
    spread->mean_rate = spikes / (double)n / (double)spread->steps;
    spread->cv = cvs / (double)n_cvs; /* 0 / 0: NAN */
    spread->mean_interval = sum / (double)spread->n_intervals;
    for (size_t i = 0; i < BINS && spread->n_intervals; i++)
        spread->intervals[i] /= (float)spread->n_intervals;
    return true;
}

/* --- drawing ------------------------------------------------------------------------ */

enum { NEURONS, NOW, MEAN, SILENT, ALWAYS, COLUMNS };
static const char *const column_names[COLUMNS] = {"neurons", "now %", "mean %",
                                                  "silent %", "always %"};

static void cell(const Row *row, int column, char *text, size_t size)
{
    const double value = column == NOW      ? row->now
                         : column == MEAN   ? row->mean
                         : column == SILENT ? row->silent
                                            : row->always;
    if (column == NEURONS)
        viz_number((double)row->neurons, text, size);
    else if (isfinite(value))
        snprintf(text, size, "%.1f", 100 * value);
    else
        snprintf(text, size, "–");
}

static void draw_table(State *state, const VizView *view, VizDraw *draw, VizRect area)
{
    const VizTheme *const theme = view->theme;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL), height = line + 5;
    const float column = 62;
    int columns = (int)((area.w - 80) / column);
    columns = columns < 0 ? 0 : columns > COLUMNS ? COLUMNS : columns;
    const float name_w = area.w - column * (float)columns;
    char text[32];
    const VizRect head = viz_cut_top(&area, height);
    for (int c = 0; c < columns; c++)
        viz_text(draw, VIZ_FONT_SMALL, head.x + name_w + column * (float)(c + 1) - 4,
                 head.y, VIZ_RIGHT, theme->dim, "%s", column_names[c]);
    viz_text_within(draw, VIZ_FONT_SMALL, head.x + 4, head.y, name_w - 8, VIZ_LEFT,
                    theme->dim, "layer");
    double most = 0;
    for (size_t i = 0; i < state->n_rows; i++)
        most = isfinite(state->rows[i].mean) ? fmax(most, state->rows[i].mean) : most;
    const size_t fit = (size_t)(area.h / height);
    const size_t shown = state->n_rows < fit ? state->n_rows : fit;
    const size_t below = state->n_rows - shown;
    state->scroll = state->scroll < below ? state->scroll : below;
    for (size_t i = 0; i < shown; i++) {
        const Row *const row = &state->rows[state->scroll + i];
        const char *const name = view->sides[0].subject->layers[row->layer].name;
        const VizRect at = viz_cut_top(&area, height);
        const bool is_chosen = row->layer == view->choice->layer;
        if (is_chosen)
            viz_round_rect(draw, at, 3, theme->raised);
        if (isfinite(row->mean) && most > 0) /* the mean as a bar below the name */
            viz_rect(draw,
                     (VizRect){at.x + 4, at.y + height - 3,
                               (name_w - 12) * (float)(row->mean / most), 2},
                     theme->series[0]);
        viz_text_within(draw, VIZ_FONT_SMALL, at.x + 4, at.y + 1, name_w - 8, VIZ_LEFT,
                        is_chosen ? theme->accent : theme->text, "%s", name);
        for (int c = 0; c < columns; c++) {
            cell(row, c, text, sizeof text);
            const bool odd =
                (c == SILENT && row->silent > 0.5) || (c == ALWAYS && row->always > 0.1);
            viz_text(draw, VIZ_FONT_SMALL, at.x + name_w + column * (float)(c + 1) - 4,
                     at.y + 1, VIZ_RIGHT, odd ? theme->bad : theme->text, "%s", text);
        }
        viz_hit(draw, at, HIT_LAYER + row->layer, "%s: %.2f %% of %zu neurons fire now",
                name, 100 * row->now, row->neurons);
    }
}

static void draw_histogram(const VizView *view, VizDraw *draw, VizRect area,
                           const char *title, size_t n, const float *share, double x0,
                           double x1, const char *label, const char *bin_text)
{
    const VizTheme *const theme = view->theme;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect head = viz_cut_top(&area, line + 2);
    viz_text_within(draw, VIZ_FONT_SMALL, head.x, head.y, head.w, VIZ_LEFT, theme->text,
                    "%s", title);
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, share[i]);
    const double high = viz_round_up(100 * (double)most);
    const VizPlot plot = viz_plot_begin(draw, theme, area, x0, x1, label, 0, high,
                                        area.h > 90 ? "share (%)" : "", false);
    const float width = plot.area.w / (float)n;
    for (size_t i = 0; i < n; i++) {
        const float height = plot.area.h * (float)(100 * (double)share[i] / high);
        const VizRect bar = {plot.area.x + width * (float)i + 0.5f,
                             plot.area.y + plot.area.h - height, fmaxf(width - 1, 1),
                             height};
        viz_rect(draw, bar, theme->series[0]);
        const double middle = x0 + (x1 - x0) * ((double)i + 0.5) / (double)n;
        viz_hit(draw, (VizRect){bar.x, plot.area.y, bar.w, plot.area.h}, -1,
                "%.3g %s: %.2f %%", middle, bin_text, 100 * (double)share[i]);
    }
}

/* Milliseconds of a step, 0 where steps have no (common) duration. */
static double step_ms(const VizSubject *subject)
{
    if (!subject->timed || subject->n_steps == 0)
        return 0;
    const double mean =
        1e-3 * (double)(subject->edges_us[subject->n_steps] - subject->edges_us[0]) /
        (double)subject->n_steps;
    for (size_t i = 0; i < subject->n_steps; i++) {
        const double ms =
            1e-3 * (double)(subject->edges_us[i + 1] - subject->edges_us[i]);
        if (fabs(ms - mean) > 0.01 * mean)
            return 0;
    }
    return mean;
}

static void draw_spread(const State *state, const VizView *view, VizDraw *draw,
                        VizRect area)
{
    const Spread *const spread = &state->spread;
    const VizLayer *const layer = chosen(view);
    const double ms = step_ms(view->sides[0].subject);
    char title[192], cv[48];
    VizRect below = area;
    const VizRect above = viz_cut_top(&below, 0.5f * area.h - 4);
    viz_cut_top(&below, 8);
    if (ms > 0)
        snprintf(title, sizeof title,
                 "rates of neurons of %s: mean %.1f %% of steps, %.3g "
                 "Hz",
                 layer->name, 100 * spread->mean_rate, 1e3 * spread->mean_rate / ms);
    else
        snprintf(title, sizeof title, "rates of neurons of %s: mean %.1f %% of steps",
                 layer->name, 100 * spread->mean_rate);
    /* Bins are centred: the first holds those that never fired. */
    const double half = 50.0 / fmax((double)spread->n_rate_bins - 1, 1);
    draw_histogram(view, draw, above, title, spread->n_rate_bins, spread->rates, -half,
                   100 + half, "% of steps", "% of steps");
    if (isfinite(spread->cv))
        snprintf(cv, sizeof cv, ", mean CV of a neuron %.2f", spread->cv);
    else
        *cv = '\0';
    const double unit = ms > 0 ? ms : 1;
    if (spread->n_intervals)
        snprintf(title, sizeof title, "intervals between spikes: mean %.3g %s%s",
                 spread->mean_interval * unit, ms > 0 ? "ms" : "steps", cv);
    else
        snprintf(title, sizeof title, "intervals between spikes: none yet");
    char label[64];
    snprintf(label, sizeof label, "interval (%s)%s", ms > 0 ? "ms" : "steps",
             spread->n_interval_bins == BINS ? "; the last bar: and longer" : "");
    draw_histogram(view, draw, below, title, spread->n_interval_bins, spread->intervals,
                   0.5 * unit, ((double)spread->n_interval_bins + 0.5) * unit, label,
                   ms > 0 ? "ms" : "steps");
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    const VizSubject *const subject = view->sides[0].subject;
    if (!subject) {
        viz_nothing(draw, view->theme, area, "No net and no recording is open.");
        return;
    }
    find_rows(state, view);
    if (state->n_rows == 0) {
        viz_nothing(draw, view->theme, area, "There are no spiking layers.");
        return;
    }
    const bool there = find_spread(state, view);
    area = viz_inset(area, 8);
    if (area.w < 80 || area.h < 40)
        return;
    if (area.w > 520) {
        const VizRect left = viz_cut_left(&area, fmaxf(0.42f * area.w, 300));
        viz_cut_left(&area, 16);
        draw_table(state, view, draw, left);
    } else {
        const float rows =
            (viz_line_height(draw, VIZ_FONT_SMALL) + 5) * (float)(state->n_rows + 1);
        draw_table(
            state, view, draw,
            viz_cut_top(&area, area.h > 260 ? fminf(rows, 0.45f * area.h) : area.h));
        viz_cut_top(&area, 10);
    }
    if (area.h < 120)
        return;
    if (there)
        draw_spread(state, view, draw, area);
    else
        viz_nothing(draw, view->theme, area,
                    chosen(view) ? "No step is there yet."
                                 : "Choose a spiking layer to see how it fires.");
}

/* --- the rest ----------------------------------------------------------------------- */

static bool input(void *opaque, VizView *view, const VizInput *input, VizRect area)
{
    State *const state = opaque;
    (void)area;
    if (input->kind == VIZ_WHEEL) {
        const float to = (float)state->scroll - 3 * input->dy;
        state->scroll = to > 0 ? (size_t)to : 0;
        return true;
    }
    if (input->kind != VIZ_PRESS || input->hit < HIT_LAYER)
        return false;
    viz_view_choose_layer(view, input->hit - HIT_LAYER);
    return true;
}

static void caption(void *opaque, const VizView *view, char *text, size_t size)
{
    const State *const state = opaque;
    *text = '\0';
    if (view->sides[0].subject && state->spread.steps)
        snprintf(text, size, "steps %zu to %zu", state->spread.from + 1, view->now + 1);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    const VizSubject *const subject = view->sides[0].subject;
    if (!subject)
        return sim_fail(SIM_ERR_VALUE, "statistics: nothing is open");
    find_rows(state, view);
    fputs("layer,neurons,now_percent,mean_percent,silent_percent,always_percent\n", out);
    for (size_t i = 0; i < state->n_rows; i++) {
        const Row *const row = &state->rows[i];
        const double values[] = {row->now, row->mean, row->silent, row->always};
        fprintf(out, "%s,%zu", subject->layers[row->layer].name, row->neurons);
        for (size_t v = 0; v < 4; v++)
            if (isfinite(values[v]))
                fprintf(out, ",%.6g", 100 * values[v]);
            else
                fputc(',', out);
        fputc('\n', out);
    }
    return SIM_OK;
}

static void destroy(void *opaque)
{
    State *const state = opaque;
    free(state->rows);
    free(state->any);
    free(state->all);
    free(state->last);
    free(state->count);
    free(state->sum);
    free(state->squares);
}

static bool available(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    for (size_t i = 0; subject && i < subject->n_layers; i++)
        if (subject->layers[i].spiking)
            return true;
    return false;
}

static const VizPanelKey keys[] = {
    {"click", "choose a layer"},
    {"wheel", "more layers"},
    {NULL, NULL},
};

const VizPanel viz_panel_statistics = {
    .name = "statistics",
    .title = "Statistics",
    .summary = "how each layer fires; rates and intervals of the chosen one",
    .place = VIZ_PLACE_DETAIL,
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
