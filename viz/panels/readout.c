/* viz/panels/readout.c: what the net answers, and since when.
 *
 * The answer after step t is the class with the largest mean score over steps 0 .. t, as
 * in training. Settled is the first step after which it never changes again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/steps.h"

typedef struct State {
    const VizSubject *subject; /* what the sums belong to */
    char input[256];
    size_t n_steps, n_classes;
    size_t n_sums;  /* steps 0 .. n_sums - 1 are in `means` without a gap */
    float *means;   /* owned, [n_steps, n_classes]: after each step */
    uint32_t *best; /* owned, [n_steps] */
} State;

enum { LINES = 6 }; /* the leading classes have colours of their own */

/* --- means so far ---------------------------------------------------------------------
 */

static void forget(State *state)
{
    free(state->means);
    free(state->best);
    *state = (State){0};
}

static bool begin(State *state, const VizSubject *subject)
{
    if (state->means && state->subject == subject &&
        strcmp(state->input, subject->input) == 0 && state->n_steps == subject->n_steps)
        return true;
    forget(state);
    state->means = calloc(subject->n_steps * subject->n_classes + 1, sizeof(float));
    state->best = calloc(subject->n_steps + 1, sizeof *state->best);
    if (!state->means || !state->best)
        return false;
    state->subject = subject;
    snprintf(state->input, sizeof state->input, "%s", subject->input);
    state->n_steps = subject->n_steps;
    state->n_classes = subject->n_classes;
    return true;
}

/* Scores of steps seen are kept: the steps themselves leave the ring. */
static void follow(State *state, const VizView *view)
{
    const size_t n = state->n_classes;
    while (state->n_sums < state->n_steps) {
        const size_t k = state->n_sums;
        const VizStep *const step = viz_view_step(view, k);
        if (!step || !step->scores)
            return;
        size_t best = 0;
        for (size_t c = 0; c < n; c++) {
            const double before = k ? (double)state->means[(k - 1) * n + c] : 0;
            const double mean =
                before + ((double)step->scores[c] - before) / (double)(k + 1);
            state->means[k * n + c] = (float)mean;
            best = state->means[k * n + c] > state->means[k * n + best] ? c : best;
        }
        state->best[k] = (uint32_t)best;
        state->n_sums++;
    }
}

/* The last step whose mean is known, up to the cursor; false: none. */
static bool last_known(const State *state, const VizView *view, size_t *out)
{
    if (state->n_sums == 0)
        return false;
    *out = view->now < state->n_sums ? view->now : state->n_sums - 1;
    return true;
}

static size_t settled_at(const State *state, size_t last)
{
    size_t at = last;
    while (at > 0 && state->best[at - 1] == state->best[last])
        at--;
    return at;
}

/* The classes with the largest means after a step, best first. */
static size_t leaders(const State *state, size_t step, size_t most, size_t *out)
{
    const float *const means = state->means + step * state->n_classes;
    size_t n = 0;
    for (size_t c = 0; c < state->n_classes; c++) {
        size_t at = n;
        while (at > 0 && means[c] > means[out[at - 1]])
            at--;
        if (at >= most)
            continue;
        n += n < most;
        memmove(out + at + 1, out + at, (n - 1 - at) * sizeof *out);
        out[at] = c;
    }
    return n;
}

/* --- drawing --------------------------------------------------------------------------
 */

static void draw_answer(const State *state, const VizView *view, VizDraw *draw,
                        VizRect head, size_t now)
{
    const VizTheme *const theme = view->theme;
    const VizSubject *const subject = state->subject;
    const size_t best = state->best[now], since = settled_at(state, now);
    const bool known = subject->label >= 0 && (size_t)subject->label < state->n_classes;
    const bool right = known && best == (size_t)subject->label;
    const float line = viz_line_height(draw, VIZ_FONT_TITLE);
    char when[96];
    viz_text_within(draw, VIZ_FONT_TITLE, head.x, head.y, head.w, VIZ_LEFT,
                    !known  ? theme->text
                    : right ? theme->good
                            : theme->bad,
                    "%s", subject->classes[best]);
    if (subject->timed && since < subject->n_steps)
        snprintf(when, sizeof when, "the answer since step %zu of %zu (%.4g ms)",
                 since + 1, subject->n_steps,
                 1e-3 * (double)subject->edges_us[since + 1]);
    else
        snprintf(when, sizeof when, "the answer since step %zu of %zu", since + 1,
                 subject->n_steps);
    viz_text_within(draw, VIZ_FONT_SMALL, head.x, head.y + line, head.w, VIZ_LEFT,
                    theme->dim, "%s%s%s%s", when,
                    !known  ? ""
                    : right ? "; right"
                            : "; wrong: it is ",
                    known && !right ? subject->classes[subject->label] : "",
                    now < view->now ? "; later steps are not there yet" : "");
}

typedef struct Curve {
    size_t class;
    VizColour colour;
    float label_y;
} Curve;

/* Labels at the right, one line apart, in the order of their curves. */
static void place_labels(Curve *curves, size_t n, const VizPlot *plot, float line)
{
    const float top = plot->area.y, bottom = plot->area.y + plot->area.h - line;
    for (size_t i = 0; i < n; i++) {
        const float lowest = i ? curves[i - 1].label_y + line : top;
        curves[i].label_y = fmaxf(curves[i].label_y - line / 2, lowest);
    }
    float most = bottom;
    for (size_t i = n; i-- > 0; most = curves[i].label_y - line)
        curves[i].label_y = fminf(curves[i].label_y, most);
}

static void draw_curves(const State *state, const VizView *view, VizDraw *draw,
                        VizRect area, size_t now)
{
    const VizTheme *const theme = view->theme;
    const VizSubject *const subject = state->subject;
    const VizAxis axis = viz_axis(view);
    const size_t n = state->n_classes;
    const size_t first = view->first < state->n_sums ? view->first : state->n_sums - 1;
    const size_t end = view->end < state->n_sums ? view->end : state->n_sums;
    size_t order[LINES];
    const size_t n_lines = leaders(state, now, LINES, order);
    double low = 0, high = 0;
    for (size_t i = first * n; i < end * n; i++) {
        low = fmin(low, (double)state->means[i]);
        high = fmax(high, (double)state->means[i]);
    }
    const double step = viz_round_step(high - low, 6);
    low = floor(low / step) * step, high = ceil(high / step) * step;
    const float small = viz_line_height(draw, VIZ_FONT_SMALL);
    float names = 0;
    for (size_t i = 0; i < n_lines; i++)
        names = fmaxf(names,
                      viz_text_width(draw, VIZ_FONT_SMALL, subject->classes[order[i]]));
    names = fminf(names + 44, area.w * 0.35f);
    VizRect right = area.w > 220 ? viz_cut_right(&area, names) : (VizRect){0};
    const VizPlot plot =
        viz_plot_begin(draw, theme, area, axis.x0, axis.x1, axis.label, low, high,
                       area.h < 90 ? "" : "mean score so far", false);
    double *const x = malloc(2 * (end - first + 1) * sizeof *x);
    if (!x)
        return;
    double *const y = x + (end - first + 1);
    for (size_t c = n + n_lines; c-- > 0;) { /* the best last, on top */
        const bool leads = c < n_lines;
        const size_t class = leads ? order[c] : c - n_lines;
        for (size_t k = first; k < end; k++) {
            x[k - first] = viz_axis_middle(&axis, subject, k);
            y[k - first] = (double)state->means[k * n + class];
        }
        viz_plot_line(draw, &plot, end - first, x, y, leads ? 2.0f : 1.0f,
                      leads ? theme->series[c % VIZ_SERIES] : theme->pressed);
    }
    free(x);
    viz_plot_cursor(draw, theme, &plot, axis.now);
    if (right.w <= 0)
        return;
    Curve curves[LINES];
    const size_t fits = (size_t)fmaxf(plot.area.h / small, 0);
    const size_t n_labels = n_lines < fits ? n_lines : fits;
    for (size_t i = 0; i < n_labels; i++) {
        const double mean = (double)state->means[now * n + order[i]];
        curves[i] = (Curve){order[i], theme->series[i % VIZ_SERIES],
                            viz_plot_point(&plot, axis.x0, mean).y};
    }
    place_labels(curves, n_labels, &plot, small);
    char number[32];
    for (size_t i = 0; i < n_labels; i++) {
        viz_number((double)state->means[now * n + order[i]], number, sizeof number);
        viz_text_within(draw, VIZ_FONT_SMALL, right.x, curves[i].label_y, right.w,
                        VIZ_LEFT, curves[i].colour, "%s %s", number,
                        subject->classes[order[i]]);
    }
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    const VizSubject *const subject = view->sides[0].subject;
    size_t now;
    if (!subject || subject->n_classes == 0 || subject->n_steps == 0) {
        viz_nothing(draw, view->theme, area,
                    subject ? "This recording has no class scores."
                            : "No net and no recording is open.");
        return;
    }
    if (!begin(state, subject))
        return;
    follow(state, view);
    if (!last_known(state, view, &now)) {
        viz_nothing(draw, view->theme, area,
                    "No score yet: the mean runs from the first step on.");
        return;
    }
    area = viz_inset(area, 8);
    const float head =
        viz_line_height(draw, VIZ_FONT_TITLE) + viz_line_height(draw, VIZ_FONT_SMALL) + 6;
    draw_answer(state, view, draw, viz_cut_top(&area, head), now);
    if (area.h > 40 && area.w > 60)
        draw_curves(state, view, draw, area, now);
}

static void caption(void *opaque, const VizView *view, char *text, size_t size)
{
    const State *const state = opaque;
    size_t now;
    *text = '\0';
    if (state->subject && state->subject == view->sides[0].subject &&
        last_known(state, view, &now))
        snprintf(text, size, "%s", state->subject->classes[state->best[now]]);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    const VizSubject *const subject = view->sides[0].subject;
    if (!subject || subject->n_classes == 0 || !begin(state, subject))
        return sim_fail(SIM_ERR_VALUE, "readout: there are no class scores to write");
    follow(state, view);
    fputs("step,answer", out);
    for (size_t c = 0; c < state->n_classes; c++)
        fprintf(out, ",mean_score_%s", subject->classes[c]);
    fputc('\n', out);
    for (size_t k = 0; k < state->n_sums; k++) {
        fprintf(out, "%zu,%s", k, subject->classes[state->best[k]]);
        for (size_t c = 0; c < state->n_classes; c++)
            fprintf(out, ",%.9g", (double)state->means[k * state->n_classes + c]);
        fputc('\n', out);
    }
    return SIM_OK;
}

static void destroy(void *state)
{
    forget(state);
}

const VizPanel viz_panel_readout = {
    .name = "readout",
    .title = "Readout",
    .summary = "class scores over time, the answer and since when it holds",
    .state_bytes = sizeof(State),
    .draw = draw,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
