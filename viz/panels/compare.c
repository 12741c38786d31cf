/* viz/panels/compare.c: two nets on the same input, step by step side by side.
 *
 * Answers and scores over time, the firing rate of each layer to the left and right of
 * its name, and where the chosen layer fires in both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/answers.h"
#include "viz/panel.h"
#include "viz/steps.h"

enum { HIT_PAIR = 100, PAIRS = 512 };

typedef struct Pair { /* the same layer in both nets; -1: only in the other */
    int layer[VIZ_SIDES];
} Pair;

typedef struct State {
    VizAnswers answers[VIZ_SIDES];
    Pair pairs[PAIRS]; /* as drawn last */
    size_t n_pairs;
    size_t scroll;
} State;

/* --- which layers belong together --------------------------------------------------- */

static size_t n_spiking(const VizSubject *subject)
{
    size_t n = 0;
    for (size_t i = 0; i < subject->n_layers; i++)
        n += subject->layers[i].spiking;
    return n;
}

static int nth_spiking(const VizSubject *subject, size_t n)
{
    for (size_t i = 0; i < subject->n_layers; i++)
        if (subject->layers[i].spiking && n-- == 0)
            return (int)i;
    return -1;
}

/* By name; nets that share no name but have as many spiking layers, by order. */
static void find_pairs(State *state, const VizView *view)
{
    const VizSubject *const a = view->sides[0].subject, *const b = view->sides[1].subject;
    size_t named = 0;
    state->n_pairs = 0;
    for (size_t i = 0; i < a->n_layers && state->n_pairs < PAIRS; i++) {
        if (!a->layers[i].spiking)
            continue;
        const int other = viz_subject_find(b, a->layers[i].name);
        const bool fits = other >= 0 && b->layers[other].spiking;
        state->pairs[state->n_pairs++] = (Pair){{(int)i, fits ? other : -1}};
        named += fits;
    }
    if (named == 0 && n_spiking(a) == n_spiking(b)) {
        for (size_t i = 0; i < state->n_pairs; i++)
            state->pairs[i].layer[1] = nth_spiking(b, i);
        return;
    }
    for (size_t i = 0; i < b->n_layers && state->n_pairs < PAIRS; i++)
        if (b->layers[i].spiking) {
            const int other = viz_subject_find(a, b->layers[i].name);
            if (other < 0 || !a->layers[other].spiking)
                state->pairs[state->n_pairs++] = (Pair){{-1, (int)i}};
        }
}

static const char *pair_name(const Pair *pair, const VizView *view)
{
    const int side = pair->layer[0] < 0;
    return view->sides[side].subject->layers[pair->layer[side]].name;
}

static double pair_rate(const Pair *pair, const VizView *view, int side)
{
    return pair->layer[side] < 0
               ? (double)NAN
               : 100 * viz_mean_rate(&view->sides[side], (size_t)pair->layer[side],
                                     view->first, view->now + 1);
}

static VizColour colour_of(const VizView *view, int side)
{
    return view->theme->series[side];
}

/* --- drawing ------------------------------------------------------------------------ */

static void spikes_so_far(const VizView *view, int side, double *spikes, size_t *steps)
{
    const VizSide *const of = &view->sides[side];
    *spikes = 0;
    *steps = 0;
    for (size_t k = view->first; k <= view->now && of->feed; k++) {
        const VizStep *const step = viz_feed_step(of->feed, k);
        for (size_t i = 0; step && i < of->subject->n_layers; i++)
            *spikes += of->subject->layers[i].spiking ? step->n_spikes[i] : 0;
        *steps += step != NULL;
    }
}

static void draw_head(const State *state, const VizView *view, VizDraw *draw,
                      VizRect area, int side)
{
    const VizTheme *const theme = view->theme;
    const VizSubject *const subject = view->sides[side].subject;
    const VizAnswers *const answers = &state->answers[side];
    const float small = viz_line_height(draw, VIZ_FONT_SMALL);
    const float big = viz_line_height(draw, VIZ_FONT_TITLE);
    size_t now, steps;
    double spikes;
    char number[32];
    viz_round_rect(draw, (VizRect){area.x, area.y + 3, 10, 10}, 2, colour_of(view, side));
    viz_text_within(draw, VIZ_FONT_NORMAL, area.x + 16, area.y, area.w - 16, VIZ_LEFT,
                    theme->text, "%s", subject->title);
    viz_cut_top(&area, viz_line_height(draw, VIZ_FONT_NORMAL) + 2);
    if (answers->subject == subject && viz_answers_last(answers, view->now, &now)) {
        const bool judged = viz_answers_judged(answers);
        const bool right = viz_answers_right(answers, now);
        viz_text_within(draw, VIZ_FONT_TITLE, area.x, area.y, area.w, VIZ_LEFT,
                        !judged ? theme->text
                        : right ? theme->good
                                : theme->bad,
                        "%s%s", subject->classes[answers->best[now]],
                        !judged ? ""
                        : right ? ""
                                : " (wrong)");
        spikes_so_far(view, side, &spikes, &steps);
        viz_text_within(draw, VIZ_FONT_SMALL, area.x, area.y + big, area.w, VIZ_LEFT,
                        theme->dim, "since step %zu; %s spikes in %zu steps",
                        viz_answers_since(answers, now) + 1,
                        viz_number(spikes, number, sizeof number), steps);
    } else {
        viz_text_within(draw, VIZ_FONT_SMALL, area.x, area.y + small, area.w, VIZ_LEFT,
                        theme->dim, "no scores (yet)");
    }
}

/* The score of one class in both nets: the label, else what the first answers. */
static void draw_scores(const State *state, const VizView *view, VizDraw *draw,
                        VizRect area)
{
    const VizAxis axis = viz_axis(view);
    size_t now = 0;
    if (!viz_answers_last(&state->answers[0], view->now, &now))
        return;
    const VizSubject *const subject = state->answers[0].subject;
    const bool judged = viz_answers_judged(&state->answers[0]);
    const size_t class = judged ? (size_t)subject->label : state->answers[0].best[now];
    double low = 0, high = 0;
    size_t most = 0;
    for (int side = 0; side < VIZ_SIDES; side++) {
        const VizAnswers *const answers = &state->answers[side];
        if (class >= answers->n_classes)
            continue;
        most = answers->n > most ? answers->n : most;
        for (size_t k = view->first; k < view->end && k < answers->n; k++) {
            low = fmin(low, (double)answers->means[k * answers->n_classes + class]);
            high = fmax(high, (double)answers->means[k * answers->n_classes + class]);
        }
    }
    const double step = viz_round_step(high - low, 5);
    low = floor(low / step) * step, high = ceil(high / step) * step;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect title = viz_cut_top(&area, line + 2);
    viz_text_within(draw, VIZ_FONT_SMALL, title.x, title.y, title.w, VIZ_LEFT,
                    view->theme->text, "mean score so far of %s%s",
                    subject->classes[class], judged ? ", the label" : "");
    const VizPlot plot =
        viz_plot_begin(draw, view->theme, area, axis.x0, axis.x1,
                       area.h > 80 ? axis.label : NULL, low, high, "", false);
    double *const x = malloc(2 * (most + 1) * sizeof *x);
    for (int side = VIZ_SIDES - 1; x && side >= 0; side--) {
        const VizAnswers *const answers = &state->answers[side];
        size_t n = 0;
        for (size_t k = view->first;
             class < answers->n_classes && k < view->end && k < answers->n; k++) {
            x[n] = viz_axis_middle(&axis, answers->subject, k);
            x[most + 1 + n++] = (double)answers->means[k * answers->n_classes + class];
        }
        viz_plot_line(draw, &plot, n, x, x + most + 1, 2, colour_of(view, side));
    }
    free(x);
    viz_plot_cursor(draw, view->theme, &plot, axis.now);
}

static void draw_pair(const State *state, const VizView *view, VizDraw *draw, VizRect row,
                      size_t index, double most, float name_w)
{
    const VizTheme *const theme = view->theme;
    const Pair *const pair = &state->pairs[index];
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const float y = row.y + (row.h - line) / 2, half = (row.w - name_w) / 2;
    const float gap = fmaxf(3, 0.14f * row.h);
    const float room = fmaxf(half - 52, 4); /* the number stands at the end of its bar */
    const bool chosen = pair->layer[0] >= 0 && pair->layer[0] == view->choice->layer;
    const double rates[VIZ_SIDES] = {pair_rate(pair, view, 0), pair_rate(pair, view, 1)};
    if (chosen)
        viz_round_rect(draw, row, 3, theme->raised);
    viz_text_within(draw, VIZ_FONT_SMALL, row.x + row.w / 2, y, name_w - 8, VIZ_CENTRE,
                    chosen ? theme->accent : theme->text, "%s", pair_name(pair, view));
    for (int side = 0; side < VIZ_SIDES; side++) {
        if (!isfinite(rates[side]))
            continue;
        const float length = room * (float)(rates[side] / most);
        const float x = side == 0 ? row.x + half - length : row.x + half + name_w;
        viz_rect(draw, (VizRect){x, row.y + gap, length, row.h - 2 * gap},
                 colour_of(view, side));
        viz_text(draw, VIZ_FONT_SMALL, side == 0 ? x - 5 : x + length + 5, y,
                 side == 0 ? VIZ_RIGHT : VIZ_LEFT, theme->dim, "%.1f %%", rates[side]);
    }
    viz_hit(draw, row, HIT_PAIR + (int)index,
            "%s: %.2f %% against %.2f %% of neurons and steps fire",
            pair_name(pair, view), rates[0], rates[1]);
}

static void draw_layers(State *state, const VizView *view, VizDraw *draw, VizRect area)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect title = viz_cut_top(&area, line + 6);
    viz_text_within(draw, VIZ_FONT_SMALL, title.x, title.y, title.w, VIZ_LEFT,
                    view->theme->text,
                    "firing rate of each layer, mean of the steps so "
                    "far");
    double most = 0;
    float name_w = 0;
    for (size_t i = 0; i < state->n_pairs; i++) {
        for (int side = 0; side < VIZ_SIDES; side++)
            most = fmax(most, pair_rate(&state->pairs[i], view, side));
        name_w = fmaxf(name_w, viz_text_width(draw, VIZ_FONT_SMALL,
                                              pair_name(&state->pairs[i], view)));
    }
    if (state->n_pairs == 0 || area.w < 150) {
        viz_nothing(draw, view->theme, area, "No spiking layers.");
        return;
    }
    name_w = fminf(name_w + 16, 0.34f * area.w);
    enum { TALLEST = 80 };
    const float least = line + 5;
    const size_t fit = (size_t)fmaxf(area.h / least, 1);
    const size_t shown = state->n_pairs < fit ? state->n_pairs : fit;
    const size_t below = state->n_pairs - shown;
    state->scroll = state->scroll < below ? state->scroll : below;
    const float height = fminf(area.h / (float)shown, TALLEST);
    for (size_t i = 0; i < shown && area.h >= least; i++)
        draw_pair(state, view, draw, viz_cut_top(&area, height), state->scroll + i,
                  most > 0 ? most : 1, name_w);
}

/* --- where the chosen layer fires
 * ------------------------------------------------------- */

/* Share of steps in which each pixel fires, mean of its channels, in percent. */
static float *pixel_rates(const VizView *view, int side, int row)
{
    const VizLayer *const layer = &view->sides[side].subject->layers[row];
    const size_t pixels = layer->h * layer->w;
    uint32_t *const counts = calloc(pixels * layer->c, sizeof *counts);
    float *const rates = calloc(pixels, sizeof *rates);
    if (counts && rates) {
        const size_t steps = viz_count_neurons(&view->sides[side], (size_t)row,
                                               view->first, view->now + 1, counts);
        for (size_t i = 0; steps && i < pixels * layer->c; i++)
            rates[i / layer->c] += 100 * (float)counts[i] / (float)(steps * layer->c);
    }
    free(counts);
    return rates;
}

static void draw_map(const VizView *view, VizDraw *draw, VizRect area, int side,
                     const VizLayer *layer, const float *rates, double most)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect title = viz_cut_top(&area, line + 4);
    viz_round_rect(draw, (VizRect){title.x, title.y + 3, 8, 8}, 2, colour_of(view, side));
    viz_text_within(draw, VIZ_FONT_SMALL, title.x + 14, title.y, title.w - 14, VIZ_LEFT,
                    view->theme->dim, "%s, mean of %zu channels", layer->name, layer->c);
    const size_t pixels = layer->h * layer->w;
    uint8_t *const indices = malloc(pixels + 1);
    if (!indices)
        return;
    viz_table_indices(pixels, rates, 0, (float)most, indices);
    viz_image(draw, viz_fit(area, (float)layer->w, (float)layer->h), layer->w, layer->h,
              indices, view->theme->heat);
    free(indices);
}

static void draw_maps(const State *state, const VizView *view, VizDraw *draw,
                      VizRect area)
{
    const Pair *pair = NULL;
    for (size_t i = 0; i < state->n_pairs; i++)
        if (state->pairs[i].layer[0] >= 0 &&
            state->pairs[i].layer[0] == view->choice->layer)
            pair = &state->pairs[i];
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    if (!pair) {
        viz_nothing(draw, view->theme, area,
                    "Click a layer to see where it fires in both.");
        return;
    }
    float *rates[VIZ_SIDES] = {NULL, NULL};
    const VizLayer *layers[VIZ_SIDES] = {NULL, NULL};
    double most = 0;
    for (int side = 0; side < VIZ_SIDES; side++) {
        if (pair->layer[side] < 0)
            continue;
        layers[side] = &view->sides[side].subject->layers[pair->layer[side]];
        rates[side] = pixel_rates(view, side, pair->layer[side]);
        for (size_t i = 0; rates[side] && i < layers[side]->h * layers[side]->w; i++)
            most = fmax(most, (double)rates[side][i]);
    }
    most = viz_round_up(most);
    const VizRect legend = viz_cut_bottom(&area, line + 6);
    if (legend.w > 140)
        viz_legend(draw, view->theme,
                   (VizRect){legend.x, legend.y + 4, fminf(legend.w, 260), line},
                   view->theme->heat, 0, most, "% of steps");
    const VizRect left = viz_cut_left(&area, area.w / 2 - 6);
    viz_cut_left(&area, 12);
    for (int side = 0; side < VIZ_SIDES; side++)
        if (rates[side])
            draw_map(view, draw, side == 0 ? left : area, side, layers[side], rates[side],
                     most);
    free(rates[0]);
    free(rates[1]);
}

/* --- the whole
 * -------------------------------------------------------------------------- */

static bool two(const VizView *view)
{
    return view->n_sides == VIZ_SIDES && view->sides[0].subject && view->sides[1].subject;
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    if (!two(view)) {
        viz_nothing(draw, view->theme, area,
                    "One net is open: name a second one with --compare.");
        return;
    }
    for (int side = 0; side < VIZ_SIDES; side++)
        viz_answers_follow(&state->answers[side], &view->sides[side]);
    find_pairs(state, view);
    area = viz_inset(area, 8);
    const float head_h = viz_line_height(draw, VIZ_FONT_NORMAL) +
                         viz_line_height(draw, VIZ_FONT_TITLE) +
                         viz_line_height(draw, VIZ_FONT_SMALL) + 8;
    VizRect head = viz_cut_top(&area, head_h);
    if (head.w > 60) {
        const VizRect left = viz_cut_left(&head, head.w / 2 - 6);
        viz_cut_left(&head, 12);
        draw_head(state, view, draw, left, 0);
        draw_head(state, view, draw, head, 1);
    }
    if (area.h < 50)
        return;
    if (area.w > 560) {
        const VizRect left = viz_cut_left(&area, 0.5f * area.w - 8);
        viz_cut_left(&area, 16);
        draw_layers(state, view, draw, left);
        if (area.h > 200) {
            draw_scores(state, view, draw, viz_cut_top(&area, 0.45f * area.h));
            viz_cut_top(&area, 10);
        }
        draw_maps(state, view, draw, area);
        return;
    }
    if (area.h > 240) {
        draw_scores(state, view, draw, viz_cut_top(&area, 0.4f * area.h));
        viz_cut_top(&area, 8);
    }
    draw_layers(state, view, draw, area);
}

static bool input(void *opaque, VizView *view, const VizInput *input, VizRect area)
{
    State *const state = opaque;
    (void)area;
    if (input->kind == VIZ_WHEEL) {
        const float to = (float)state->scroll - 3 * input->dy;
        state->scroll = to > 0 ? (size_t)to : 0;
        return true;
    }
    const size_t pair = (size_t)(input->hit - HIT_PAIR);
    if (input->kind != VIZ_PRESS || input->hit < HIT_PAIR || pair >= state->n_pairs)
        return false;
    viz_view_choose_layer(view, state->pairs[pair].layer[0]);
    return true;
}

static void caption(void *state, const VizView *view, char *text, size_t size)
{
    (void)state;
    *text = '\0';
    if (!two(view))
        return;
    if (strcmp(view->sides[0].subject->input, view->sides[1].subject->input) == 0)
        snprintf(text, size, "both see %s", view->sides[0].subject->input);
    else
        snprintf(text, size, "not the same input: %s and %s",
                 view->sides[0].subject->input, view->sides[1].subject->input);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    if (!two(view))
        return sim_fail(SIM_ERR_VALUE, "compare: only one net is open");
    find_pairs(state, view);
    fputs("layer,rate_a_percent_of_steps,rate_b_percent_of_steps\n", out);
    for (size_t i = 0; i < state->n_pairs; i++) {
        fputs(pair_name(&state->pairs[i], view), out);
        for (int side = 0; side < VIZ_SIDES; side++) {
            const double rate = pair_rate(&state->pairs[i], view, side);
            if (isfinite(rate))
                fprintf(out, ",%.9g", rate);
            else
                fputc(',', out);
        }
        fputc('\n', out);
    }
    return SIM_OK;
}

static void destroy(void *opaque)
{
    State *const state = opaque;
    for (int side = 0; side < VIZ_SIDES; side++)
        viz_answers_destroy(&state->answers[side]);
}

static bool available(const VizView *view)
{
    return view->n_sides == VIZ_SIDES;
}

static const VizPanelKey keys[] = {
    {"click", "choose a layer"},
    {"wheel", "more layers"},
    {NULL, NULL},
};

const VizPanel viz_panel_compare = {
    .name = "compare",
    .title = "Compare",
    .summary = "two nets on the same input, in step",
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
