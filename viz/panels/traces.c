/* viz/panels/traces.c: the membranes of the neurons picked, before the reset.
 *
 * A spike is a stroke from the threshold up, so that it is seen although the membrane is
 * reset in the same step. Below each membrane the currents of its dendritic branches. */
#include <math.h>
#include <stdlib.h>

#include "viz/panel.h"
#include "viz/steps.h"

enum { HIT_ROW = 100, HIT_REMOVE = 200 };

typedef struct State {
    double *x, *y; /* owned, [capacity] */
    size_t capacity;
} State;

typedef struct Row { /* one neuron picked */
    VizPick pick;
    size_t index; /* among the picks: its colour */
    const VizLayer *layer;
    bool known; /* a membrane is there in at least one step */
    double low, high;
    size_t n_branches;
    double branch_low, branch_high;
} Row;

/* --- reading steps ------------------------------------------------------------------ */

/* Where a step keeps a neuron picked; -1: it was made for other picks. */
static int place_of(const VizStep *step, VizPick pick)
{
    for (size_t i = 0; i < step->wants.n_picks; i++)
        if (step->wants.picks[i].layer == pick.layer &&
            step->wants.picks[i].neuron == pick.neuron)
            return (int)i;
    return -1;
}

typedef struct Sample {
    bool fired, known; /* known: the membrane is */
    double v;
    size_t n_branches;
    const float *branches;
} Sample;

static bool sample_at(const VizView *view, VizPick pick, size_t k, Sample *out)
{
    const VizStep *const step = viz_view_step(view, k);
    if (!step)
        return false;
    const int place = place_of(step, pick);
    *out = (Sample){.fired = viz_step_fired(step, view->sides[0].subject,
                                            (size_t)pick.layer, pick.neuron),
                    .v = (double)NAN};
    if (place >= 0) {
        out->v = (double)step->picked[place];
        out->fired = out->fired || step->fired[place];
        out->n_branches = step->n_branches[place];
        out->branches = step->branches[place];
    }
    out->known = !isnan(out->v);
    return true;
}

static void widen(double *low, double *high, double value)
{
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

static Row row_of(const VizView *view, size_t index)
{
    const VizPick pick = view->choice->picks[index];
    Row row = {.pick = pick,
               .index = index,
               .layer = &view->sides[0].subject->layers[pick.layer]};
    const double threshold = (double)row.layer->threshold;
    row.high = isnan(threshold) ? 1 : threshold;
    for (size_t k = view->first; k < view->end; k++) {
        Sample sample;
        if (!sample_at(view, pick, k, &sample))
            continue;
        if (sample.known)
            widen(&row.low, &row.high, sample.v);
        row.known = row.known || sample.known;
        row.n_branches =
            sample.n_branches > row.n_branches ? sample.n_branches : row.n_branches;
        for (size_t b = 0; b < sample.n_branches; b++)
            widen(&row.branch_low, &row.branch_high, (double)sample.branches[b]);
    }
    const double room = 0.12 * (row.high - row.low);
    row.high += 2.5 * room; /* for the strokes of the spikes */
    row.low -= row.low < 0 ? room : 0;
    const double step = viz_round_step(row.high - row.low, 8);
    row.high = ceil(row.high / step) * step;
    row.low = floor(row.low / step) * step;
    const double margin = 0.1 * (row.branch_high - row.branch_low);
    row.branch_low -= margin;
    row.branch_high += margin > 0 ? margin : 1;
    return row;
}

/* --- drawing ------------------------------------------------------------------------ */

static bool reserve(State *state, size_t n)
{
    if (n <= state->capacity)
        return true;
    free(state->x);
    free(state->y);
    state->x = malloc(n * sizeof *state->x);
    state->y = malloc(n * sizeof *state->y);
    state->capacity = state->x && state->y ? n : 0;
    return state->capacity > 0;
}

static void draw_membrane(State *state, const VizView *view, VizDraw *draw,
                          const VizPlot *plot, const VizAxis *axis, const Row *row)
{
    const VizTheme *const theme = view->theme;
    const VizSubject *const subject = view->sides[0].subject;
    const VizColour colour = theme->series[row->index];
    const double threshold = (double)row->layer->threshold;
    const double foot = isnan(threshold) ? plot->y0 : threshold;
    size_t n = 0;
    if (!isnan(threshold)) { /* dashes */
        const float y = viz_plot_point(plot, plot->x0, threshold).y;
        for (float x = plot->area.x; x < plot->area.x + plot->area.w; x += 9)
            viz_line(draw, x, y, fminf(x + 5, plot->area.x + plot->area.w), y, 1,
                     theme->dim);
    }
    const VizRect former = viz_draw_clip(draw, plot->area);
    for (size_t k = view->first; k < view->end; k++) {
        Sample sample;
        const bool there = sample_at(view, row->pick, k, &sample);
        state->x[n] = viz_axis_middle(axis, subject, k);
        state->y[n++] = there ? sample.v : (double)NAN;
        if (!there || !sample.fired)
            continue;
        const VizPoint from = viz_plot_point(plot, state->x[n - 1], foot);
        viz_line(draw, from.x, from.y, from.x, plot->area.y + 3, 2.5f, colour);
    }
    viz_draw_unclip(draw, former);
    viz_plot_line(draw, plot, n, state->x, state->y, 1.5f, colour);
    if (n > 1 && plot->area.w / (float)n > 14) /* each step can be told apart */
        for (size_t i = 0; i < n; i++) {
            if (isnan(state->y[i]))
                continue;
            const VizPoint at = viz_plot_point(plot, state->x[i], state->y[i]);
            viz_disc(draw, at.x, at.y, 2.5f, colour);
        }
    viz_plot_cursor(draw, theme, plot, axis->now);
}

static void draw_branches(State *state, const VizView *view, VizDraw *draw,
                          const VizPlot *plot, const VizAxis *axis, const Row *row)
{
    const VizSubject *const subject = view->sides[0].subject;
    for (size_t b = 0; b < row->n_branches; b++) {
        size_t n = 0;
        for (size_t k = view->first; k < view->end; k++) {
            Sample sample;
            const bool there = sample_at(view, row->pick, k, &sample);
            state->x[n] = viz_axis_middle(axis, subject, k);
            state->y[n++] =
                there && b < sample.n_branches ? (double)sample.branches[b] : (double)NAN;
        }
        viz_plot_line(draw, plot, n, state->x, state->y, 1.5f,
                      view->theme->series[b % VIZ_SERIES]);
    }
    viz_plot_cursor(draw, view->theme, plot, axis->now);
}

/* "branch 1", "branch 2", ... in their colours, from the right. */
static void branch_names(const VizView *view, VizDraw *draw, VizRect line, const Row *row)
{
    char name[32];
    for (size_t b = row->n_branches; b-- > 0;) {
        snprintf(name, sizeof name, row->n_branches == 1 ? "input current" : "branch %zu",
                 b + 1);
        const float width = viz_text_width(draw, VIZ_FONT_SMALL, name) + 22;
        if (line.w < width + 120)
            return;
        const VizRect at = viz_cut_right(&line, width);
        viz_line(draw, at.x, at.y + at.h / 2, at.x + 12, at.y + at.h / 2, 2,
                 view->theme->series[b % VIZ_SERIES]);
        viz_text(draw, VIZ_FONT_SMALL, at.x + 16, at.y, VIZ_LEFT, view->theme->dim, "%s",
                 name);
    }
}

static void draw_head(const VizView *view, VizDraw *draw, VizRect line, const Row *row)
{
    char name[128], value[32] = "";
    Sample now;
    viz_pick_print(view->sides[0].subject, row->pick, name, sizeof name);
    if (sample_at(view, row->pick, view->now, &now) && now.known)
        viz_number(now.v, value, sizeof value);
    const VizRect remove = viz_cut_right(&line, 16);
    viz_text(draw, VIZ_FONT_SMALL, remove.x + 8, remove.y, VIZ_CENTRE, view->theme->dim,
             "×");
    viz_hit(draw, remove, HIT_REMOVE + (int)row->index, "let %s go", name);
    viz_round_rect(draw, (VizRect){line.x, line.y + line.h / 2 - 4, 8, 8}, 2,
                   view->theme->series[row->index]);
    viz_cut_left(&line, 14);
    if (row->n_branches)
        branch_names(view, draw, line, row);
    const float room =
        row->n_branches
            ? fmaxf(line.w - 22 * (float)row->n_branches - 60 * (float)row->n_branches,
                    110)
            : line.w;
    viz_text_within(draw, VIZ_FONT_SMALL, line.x, line.y, fminf(room, line.w), VIZ_LEFT,
                    view->theme->text, *value ? "%s: %s" : "%s%s", name, value);
}

/* The axes of all rows begin at the same place: the widest labels decide. */
static float axis_left(const VizDraw *draw, const VizView *view, VizRect outer,
                       const VizAxis *axis, double low, double high, const char *label)
{
    VizDraw scratch = {0};
    viz_draw_begin(&scratch, draw->fonts, outer);
    const VizPlot plot = viz_plot_begin(&scratch, view->theme, outer, axis->x0, axis->x1,
                                        NULL, low, high, label, false);
    viz_draw_destroy(&scratch);
    return plot.area.x - outer.x;
}

static VizPlot plot_at(VizDraw *draw, const VizView *view, VizRect outer, float left,
                       const VizAxis *axis, const char *x_label, double low, double high,
                       const char *y_label)
{
    const float own = axis_left(draw, view, outer, axis, low, high, y_label);
    viz_cut_left(&outer, fmaxf(left - own, 0));
    return viz_plot_begin(draw, view->theme, outer, axis->x0, axis->x1, x_label, low,
                          high, y_label, false);
}

static const char *membrane_label(const Row *row, float height)
{
    if (!row->known)
        return NULL; /* strokes only: no scale */
    if (height < 70 || row->layer->threshold != 1)
        return height < 70 ? "" : "v";
    return height < 110 ? "v / θ" : "v / threshold";
}

static void draw_row(State *state, const VizView *view, VizDraw *draw, VizRect area,
                     const Row *row, const VizAxis *axis, float left, bool last)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const char *const x_label = last ? axis->label : NULL;
    viz_hit(draw, area, HIT_ROW + (int)row->index, NULL);
    draw_head(view, draw, viz_cut_top(&area, line), row);
    if (!row->known) {
        viz_text_within(draw, VIZ_FONT_SMALL, area.x + 14, area.y, area.w - 14, VIZ_LEFT,
                        view->theme->dim, "%s",
                        row->layer->is_neuron
                            ? "its membrane is not known here; spikes only"
                            : "not a neuron: it has no membrane; spikes only");
        viz_cut_top(&area, line);
    }
    if (area.h < 24)
        return;
    const bool branches = row->n_branches > 0 && area.h > 110;
    VizRect lower = {0};
    if (branches)
        lower = viz_cut_bottom(&area, area.h * 0.42f);
    const VizPlot plot = plot_at(draw, view, area, left, axis, branches ? NULL : x_label,
                                 row->low, row->high, membrane_label(row, area.h));
    draw_membrane(state, view, draw, &plot, axis, row);
    if (branches) {
        const VizPlot below =
            plot_at(draw, view, lower, left, axis, x_label, row->branch_low,
                    row->branch_high, lower.h < 70 ? "" : "current");
        draw_branches(state, view, draw, &below, axis, row);
    }
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    const VizSubject *const subject = view->sides[0].subject;
    if (!subject) {
        viz_nothing(draw, view->theme, area, "No net and no recording is open.");
        return;
    }
    const size_t n = view->choice->n_picks;
    if (n == 0) {
        viz_nothing(draw, view->theme, area,
                    "Click a neuron in the feature maps or the raster: its membrane is "
                    "drawn here.");
        return;
    }
    if (view->end <= view->first || !reserve(state, view->end - view->first))
        return;
    const VizAxis axis = viz_axis(view);
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    area = viz_inset(area, 8);
    const float foot = 2 * line; /* the last row also has the axis of time */
    size_t shown = (size_t)fmaxf((area.h - foot) / (3.2f * line + 8), 1);
    shown = shown < n ? shown : n;
    const float height = (area.h - foot) / (float)shown;
    Row rows[VIZ_PICKS];
    float left = 0;
    for (size_t i = 0; i < shown; i++) {
        rows[i] = row_of(view, n - shown + i);
        const float tall = height - line - 6;
        left = fmaxf(left, axis_left(draw, view, (VizRect){area.x, area.y, area.w, tall},
                                     &axis, rows[i].low, rows[i].high,
                                     membrane_label(&rows[i], tall)));
        if (rows[i].n_branches && tall > 110)
            left = fmaxf(left,
                         axis_left(draw, view,
                                   (VizRect){area.x, area.y, area.w, 0.42f * tall}, &axis,
                                   rows[i].branch_low, rows[i].branch_high, "current"));
    }
    for (size_t i = 0; i < shown; i++) {
        VizRect at = viz_cut_top(&area, height + (i + 1 == shown ? foot : 0));
        viz_cut_bottom(&at, 6);
        draw_row(state, view, draw, at, &rows[i], &axis, left, i + 1 == shown);
    }
}

/* --- the rest ----------------------------------------------------------------------- */

static bool input(void *state, VizView *view, const VizInput *input, VizRect area)
{
    (void)state;
    (void)area;
    const size_t index = (size_t)(input->hit - HIT_REMOVE);
    if (input->kind == VIZ_PRESS && input->hit >= HIT_REMOVE &&
        index < view->choice->n_picks) {
        const VizPick pick = view->choice->picks[index];
        viz_view_pick(view, pick.layer, pick.neuron);
        return true;
    }
    const size_t row = (size_t)(input->hit - HIT_ROW);
    if (input->kind == VIZ_PRESS && input->hit >= HIT_ROW &&
        row < view->choice->n_picks) {
        viz_view_choose_layer(view, view->choice->picks[row].layer);
        return true;
    }
    if (input->kind == VIZ_KEY && input->key == VIZ_KEY_BACKSPACE) {
        view->choice->n_picks = 0;
        return true;
    }
    return false;
}

static void caption(void *state, const VizView *view, char *text, size_t size)
{
    const size_t n = view->choice->n_picks;
    (void)state;
    *text = '\0';
    if (n)
        snprintf(text, size, "%zu neuron%s, before the reset", n, n == 1 ? "" : "s");
}

static SimStatus csv(void *state, const VizView *view, FILE *out)
{
    const VizSubject *const subject = view->sides[0].subject;
    (void)state;
    if (!subject || view->choice->n_picks == 0)
        return sim_fail(SIM_ERR_VALUE, "traces: no neuron is picked");
    const VizAxis axis = viz_axis(view);
    fprintf(out, "step,%s,layer,neuron,v_before_reset,spike,branch_currents\n",
            axis.per_us == 0     ? "number"
            : axis.per_us < 1e-3 ? "time_s"
                                 : "time_ms");
    for (size_t i = 0; i < view->choice->n_picks; i++) {
        const VizPick pick = view->choice->picks[i];
        for (size_t k = view->first; k < view->end; k++) {
            Sample sample;
            if (!sample_at(view, pick, k, &sample))
                continue;
            fprintf(out, "%zu,%.6g,%s,%llu,", k, viz_axis_middle(&axis, subject, k),
                    subject->layers[pick.layer].name, (unsigned long long)pick.neuron);
            if (sample.known)
                fprintf(out, "%.9g", sample.v);
            fprintf(out, ",%d,", sample.fired);
            for (size_t b = 0; b < sample.n_branches; b++)
                fprintf(out, "%s%.9g", b ? " " : "", (double)sample.branches[b]);
            fputc('\n', out);
        }
    }
    return SIM_OK;
}

static void destroy(void *opaque)
{
    State *const state = opaque;
    free(state->x);
    free(state->y);
}

static bool available(const VizView *view)
{
    return view->sides[0].subject && view->sides[0].subject->n_layers > 0;
}

static const VizPanelKey keys[] = {
    {"click ×", "let a neuron go"},
    {"click a trace", "choose its layer"},
    {"Backspace", "let all neurons go"},
    {NULL, NULL},
};

const VizPanel viz_panel_traces = {
    .name = "traces",
    .title = "Traces",
    .summary = "membranes, spikes and branch currents of the neurons picked",
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
