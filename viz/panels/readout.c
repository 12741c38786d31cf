/* viz/panels/readout.c: what the net answers, and since when. */
#include <math.h>
#include <stdlib.h>

#include "viz/answers.h"
#include "viz/panel.h"
#include "viz/steps.h"

enum { LINES = 6 }; /* the leading classes have colours of their own */

typedef struct State {
    VizAnswers answers;
    size_t slots[LINES]; /* class + 1 that has series colour k; 0: none */
} State;

/* --- drawing ------------------------------------------------------------------------ */

static void draw_answer(const VizAnswers *answers, const VizView *view, VizDraw *draw,
                        VizRect head, size_t now)
{
    const VizTheme *const theme = view->theme;
    const VizSubject *const subject = answers->subject;
    const char *const answer = subject->classes[answers->best[now]];
    const size_t since = viz_answers_since(answers, now);
    const bool judged = viz_answers_judged(answers);
    const bool right = viz_answers_right(answers, now);
    const float line = viz_line_height(draw, VIZ_FONT_TITLE);
    const float width =
        fminf(viz_text_width(draw, VIZ_FONT_TITLE, answer), 0.7f * head.w);
    char when[48] = "";
    viz_text_within(draw, VIZ_FONT_TITLE, head.x, head.y, width, VIZ_LEFT,
                    !judged ? theme->text
                    : right ? theme->good
                            : theme->bad,
                    "%s", answer);
    if (judged)
        viz_text_within(draw, VIZ_FONT_NORMAL, head.x + width + 10, head.y + 4,
                        head.w - width - 10, VIZ_LEFT, right ? theme->good : theme->bad,
                        right ? "right" : "wrong, it is %s",
                        subject->classes[subject->label]);
    if (subject->timed && since < subject->n_steps)
        snprintf(when, sizeof when, " (%.4g ms)",
                 1e-3 * (double)subject->edges_us[since + 1]);
    viz_text_within(draw, VIZ_FONT_SMALL, head.x, head.y + line, head.w, VIZ_LEFT,
                    theme->dim, "the answer since step %zu of %zu%s%s", since + 1,
                    subject->n_steps, when,
                    now < view->now ? "; later steps are not there yet" : "");
}

typedef struct Curve {
    size_t class;
    VizColour colour;
    float label_y;
} Curve;

/* A class keeps its colour while it is among the leaders. */
static void give_colours(size_t slots[LINES], size_t n, const size_t *leaders,
                         size_t *colours)
{
    bool taken[LINES] = {false};
    for (size_t i = 0; i < n; i++) {
        colours[i] = LINES;
        for (size_t k = 0; k < LINES; k++)
            if (slots[k] == leaders[i] + 1) {
                colours[i] = k;
                taken[k] = true;
            }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < LINES && colours[i] == LINES; k++)
            if (!taken[k]) {
                taken[k] = true;
                slots[k] = leaders[i] + 1;
                colours[i] = k;
            }
}

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

static void draw_curves(State *state, const VizView *view, VizDraw *draw, VizRect area,
                        size_t now)
{
    const VizAnswers *const answers = &state->answers;
    const VizTheme *const theme = view->theme;
    const VizSubject *const subject = answers->subject;
    const VizAxis axis = viz_axis(view);
    const size_t n = answers->n_classes;
    const size_t first = view->first < answers->n ? view->first : answers->n - 1;
    const size_t end = view->end < answers->n ? view->end : answers->n;
    size_t order[LINES], colours[LINES];
    const size_t n_lines = viz_answers_leaders(answers, now, LINES, order);
    give_colours(state->slots, n_lines, order, colours);
    double low = 0, high = 0;
    for (size_t i = first * n; i < end * n; i++) {
        low = fmin(low, (double)answers->means[i]);
        high = fmax(high, (double)answers->means[i]);
    }
    const double step = viz_round_step(high - low, 6);
    low = floor(low / step) * step, high = ceil(high / step) * step;
    const float small = viz_line_height(draw, VIZ_FONT_SMALL);
    float names = 0;
    for (size_t i = 0; i < n_lines; i++)
        names = fmaxf(names,
                      viz_text_width(draw, VIZ_FONT_SMALL, subject->classes[order[i]]));
    names += viz_text_width(draw, VIZ_FONT_SMALL, ": -0.0000") + 8;
    names = fminf(names, area.w * 0.35f);
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
            y[k - first] = (double)answers->means[k * n + class];
        }
        viz_plot_line(draw, &plot, end - first, x, y, leads ? 2.0f : 1.0f,
                      leads ? theme->series[colours[c]] : theme->pressed);
    }
    free(x);
    viz_plot_cursor(draw, theme, &plot, axis.now);
    if (right.w <= 0)
        return;
    Curve curves[LINES];
    const size_t fits = (size_t)fmaxf(plot.area.h / small, 0);
    const size_t n_labels = n_lines < fits ? n_lines : fits;
    for (size_t i = 0; i < n_labels; i++) {
        const double mean = (double)answers->means[now * n + order[i]];
        curves[i] = (Curve){order[i], theme->series[colours[i]],
                            viz_plot_point(&plot, axis.x0, mean).y};
    }
    place_labels(curves, n_labels, &plot, small);
    char number[32];
    for (size_t i = 0; i < n_labels; i++) {
        viz_number((double)answers->means[now * n + order[i]], number, sizeof number);
        viz_text_within(draw, VIZ_FONT_SMALL, right.x, curves[i].label_y, right.w,
                        VIZ_LEFT, curves[i].colour, "%s: %s", subject->classes[order[i]],
                        number);
    }
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    const VizSubject *const subject = view->sides[0].subject;
    size_t now;
    if (!viz_answers_follow(&state->answers, &view->sides[0])) {
        viz_nothing(draw, view->theme, area,
                    subject ? "This recording has no class scores."
                            : "No net and no recording is open.");
        return;
    }
    if (!viz_answers_last(&state->answers, view->now, &now)) {
        viz_nothing(draw, view->theme, area,
                    "No score yet: the mean runs from the first step on.");
        return;
    }
    area = viz_inset(area, 8);
    const float head =
        viz_line_height(draw, VIZ_FONT_TITLE) + viz_line_height(draw, VIZ_FONT_SMALL) + 6;
    draw_answer(&state->answers, view, draw, viz_cut_top(&area, head), now);
    if (area.h > 40 && area.w > 60)
        draw_curves(state, view, draw, area, now);
}

static void caption(void *opaque, const VizView *view, char *text, size_t size)
{
    const VizAnswers *const answers = &((State *)opaque)->answers;
    size_t now;
    *text = '\0';
    if (answers->subject && answers->subject == view->sides[0].subject &&
        viz_answers_last(answers, view->now, &now))
        snprintf(text, size, "%s", answers->subject->classes[answers->best[now]]);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    VizAnswers *const answers = &((State *)opaque)->answers;
    if (!viz_answers_follow(answers, &view->sides[0]))
        return sim_fail(SIM_ERR_VALUE, "readout: there are no class scores to write");
    char **const classes = answers->subject->classes;
    fputs("step,answer", out);
    for (size_t c = 0; c < answers->n_classes; c++)
        fprintf(out, ",mean_score_%s", classes[c]);
    fputc('\n', out);
    for (size_t k = 0; k < answers->n; k++) {
        fprintf(out, "%zu,%s", k, classes[answers->best[k]]);
        for (size_t c = 0; c < answers->n_classes; c++)
            fprintf(out, ",%.9g", (double)answers->means[k * answers->n_classes + c]);
        fputc('\n', out);
    }
    return SIM_OK;
}

static void destroy(void *state)
{
    viz_answers_destroy(&((State *)state)->answers);
}

static bool available(const VizView *view)
{
    return view->sides[0].subject && view->sides[0].subject->n_classes > 0;
}

const VizPanel viz_panel_readout = {
    .name = "readout",
    .title = "Readout",
    .summary = "class scores over time, the answer and since when it holds",
    .place = VIZ_PLACE_ANSWER,
    .state_bytes = sizeof(State),
    .available = available,
    .draw = draw,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
