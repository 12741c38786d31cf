/* viz/panels/raster.c: spikes of a layer over time, its rate above, histograms beside.
 *
 * Rows are neurons in the order of their channels. Where there are more neurons than
 * rows, a row stands for several of them and shows how many fired; zooming in brings
 * single ones. Columns are counted once and kept. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/steps.h"

enum { HIT_RASTER = 1, COLUMNS = 4096, MAX_ROWS = 2048, RATE_BINS = 24, ISI_BINS = 24 };

typedef struct Column {
    size_t step;        /* + 1; 0: empty */
    const void *spikes; /* of the step it was made of */
    uint16_t *counts;   /* [rows], in one block with the others */
} Column;

/* What each neuron did in steps [from, to) of a layer. */
typedef struct Tally {
    const VizSubject *subject;
    int layer;
    size_t from, to, n, room;
    uint32_t *spikes; /* [n] owned */
    uint32_t *last;   /* [n] owned; step + 1 of the latest spike */
    double isi[ISI_BINS], isi_sum, isi_squares, isi_n;
} Tally;

typedef struct State {
    float zoom; /* 1 or less: all neurons */
    double top; /* first neuron shown, while zoomed */
    const VizSubject *subject;
    int layer;
    size_t n, rows, first, each; /* rows of `each` neurons from `first` on */
    Column columns[COLUMNS];
    uint16_t *counts; /* owned */
    size_t counts_room;
    uint8_t *pixels; /* owned */
    size_t pixels_room;
    Tally tally;
    VizAxis axis;
    VizPlot plot;
} State;

static bool available(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    for (size_t i = 0; subject && i < subject->n_layers; i++)
        if (subject->layers[i].spiking)
            return true;
    return false;
}

/* --- neurons in the order of their channels -------------------------------------------
 */

static size_t place_of(const VizLayer *layer, size_t pixel, size_t channel)
{
    return channel * layer->h * layer->w + pixel;
}

static size_t neuron_at(const VizLayer *layer, size_t place)
{
    const size_t pixels = layer->h * layer->w;
    return place % pixels * layer->c + place / pixels;
}

typedef void Visit(void *argument, size_t place);

static void visit_spikes(const VizLayer *layer, const uint64_t *bits, Visit *visit,
                         void *argument)
{
    const size_t words = sim_words(layer->c);
    for (size_t pixel = 0; pixel < layer->h * layer->w; pixel++)
        for (size_t word = 0; word < words; word++)
            for (uint64_t left = *bits++; left; left &= left - 1)
                visit(argument,
                      place_of(layer, pixel,
                               word * SIM_WORD_BITS + (unsigned)__builtin_ctzll(left)));
}

/* --- columns --------------------------------------------------------------------------
 */

typedef struct Filling {
    const State *s;
    uint16_t *counts;
} Filling;

static void count_spike(void *argument, size_t place)
{
    const Filling *const filling = argument;
    const State *const s = filling->s;
    if (place < s->first)
        return;
    const size_t row = (place - s->first) / s->each;
    if (row < s->rows && filling->counts[row] < UINT16_MAX)
        filling->counts[row]++;
}

static const uint16_t *column_of(State *s, const VizStep *step)
{
    const VizLayer *const layer = &s->subject->layers[s->layer];
    const uint64_t *const spikes = step->spikes[s->layer];
    Column *const column = &s->columns[step->step % COLUMNS];
    uint16_t *const counts = s->counts + step->step % COLUMNS * s->rows;
    if (!spikes)
        return NULL;
    if (column->step == step->step + 1 && column->spikes == spikes)
        return counts;
    memset(counts, 0, s->rows * sizeof *counts);
    Filling filling = {s, counts};
    visit_spikes(layer, spikes, count_spike, &filling);
    *column = (Column){step->step + 1, spikes, counts};
    return counts;
}

/* Which neurons the rows stand for; a change forgets the columns. */
static bool arrange(State *s, const VizView *view, int layer, float height)
{
    const VizSubject *const subject = view->sides[0].subject;
    const VizLayer *const at = &subject->layers[layer];
    const size_t n = at->h * at->w * at->c;
    if (s->subject != subject || s->layer != layer) {
        s->zoom = 1;
        s->top = 0;
    }
    const double seen = fmax((double)n / fmax((double)s->zoom, 1), fmin((double)n, 4));
    size_t most = (size_t)fmaxf(height, 1);
    most = most > MAX_ROWS ? MAX_ROWS : most;
    size_t each = (size_t)ceil(seen / (double)most);
    each = each ? each : 1;
    size_t rows = (size_t)ceil(seen / (double)each);
    s->top = fmin(fmax(s->top, 0), (double)n - seen);
    size_t first = (size_t)s->top / each * each;
    if (first + rows * each > n + each - 1)
        rows = (n - first + each - 1) / each;
    if (s->subject == subject && s->layer == layer && s->n == n && s->rows == rows &&
        s->first == first && s->each == each)
        return true;
    s->subject = subject;
    s->layer = layer;
    s->n = n;
    s->rows = rows;
    s->first = first;
    s->each = each;
    memset(s->columns, 0, sizeof s->columns);
    if (rows * COLUMNS > s->counts_room) {
        free(s->counts);
        s->counts = malloc(rows * COLUMNS * sizeof *s->counts);
        s->counts_room = s->counts ? rows * COLUMNS : 0;
    }
    return s->counts_room > 0;
}

/* --- the tally ------------------------------------------------------------------------
 */

static void tally_spike(void *argument, size_t place)
{
    Tally *const t = argument;
    const uint32_t now = (uint32_t)t->to + 1;
    t->spikes[place]++;
    if (t->last[place]) {
        const double gap = (double)(now - t->last[place]);
        t->isi[gap < ISI_BINS ? (size_t)gap - 1 : ISI_BINS - 1] += 1;
        t->isi_sum += gap;
        t->isi_squares += gap * gap;
        t->isi_n += 1;
    }
    t->last[place] = now;
}

static bool start_tally(Tally *t, const State *s, size_t from)
{
    if (s->n > t->room) {
        free(t->spikes);
        free(t->last);
        t->spikes = malloc(s->n * sizeof *t->spikes);
        t->last = malloc(s->n * sizeof *t->last);
        t->room = t->spikes && t->last ? s->n : 0;
        if (!t->room)
            return false;
    }
    t->subject = s->subject;
    t->layer = s->layer;
    t->from = t->to = from;
    t->n = s->n;
    memset(t->spikes, 0, s->n * sizeof *t->spikes);
    memset(t->last, 0, s->n * sizeof *t->last);
    memset(t->isi, 0, sizeof t->isi);
    t->isi_sum = t->isi_squares = t->isi_n = 0;
    return true;
}

/* Steps from the start of the axis to the cursor; goes on where it was, if it can. */
static bool bring_tally(State *s, const VizView *view)
{
    Tally *const t = &s->tally;
    if ((t->subject != s->subject || t->layer != s->layer || t->from != view->first ||
         t->to > view->now + 1) &&
        !start_tally(t, s, view->first))
        return false;
    for (; t->to <= view->now; t->to++) {
        const VizStep *const step = viz_view_step(view, t->to);
        if (!step || !step->spikes[s->layer])
            break;
        visit_spikes(&s->subject->layers[s->layer], step->spikes[s->layer], tally_spike,
                     t);
    }
    return t->to > t->from;
}

/* --- pictures -------------------------------------------------------------------------
 */

static double rate_at(const State *s, const VizView *view, size_t k)
{
    const VizStep *const step = viz_view_step(view, k);
    return step && step->spikes[s->layer]
               ? 100.0 * step->n_spikes[s->layer] / (double)s->n
               : (double)NAN;
}

/* Where step k starts on the picture. */
static float x_of(const State *s, size_t k)
{
    const double at = s->axis.per_us > 0 && s->subject->edges_us
                          ? (double)s->subject->edges_us[k] * s->axis.per_us
                          : (double)k + 0.5;
    return viz_plot_point(&s->plot, at, 0).x;
}

static void draw_rate(const State *s, const VizView *view, VizDraw *draw, VizRect area)
{
    const VizTheme *const theme = view->theme;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    double most = 0;
    char text[32];
    for (size_t k = view->first; k < view->end; k++) {
        const double rate = rate_at(s, view, k);
        most = rate > most ? rate : most;
    }
    most = most > 0 ? viz_round_up(most) : 1;
    /* Exactly above the raster, whose labels are wider or narrower. */
    const VizRect room = {s->plot.area.x, area.y, s->plot.area.w + 8, area.h};
    const VizPlot plot = viz_plot_begin(draw, theme, room, s->axis.x0, s->axis.x1, NULL,
                                        0, most, NULL, false);
    viz_text(draw, VIZ_FONT_SMALL, room.x - 5, plot.area.y - line / 2, VIZ_RIGHT,
             theme->dim, "%s %%", viz_number(most, text, sizeof text));
    viz_text(draw, VIZ_FONT_SMALL, room.x - 5, plot.area.y + plot.area.h - line / 2,
             VIZ_RIGHT, theme->dim, "0");
    if (plot.area.h > 60)
        viz_text_up(draw, VIZ_FONT_SMALL, area.x, plot.area.y + plot.area.h / 2,
                    VIZ_CENTRE, theme->dim, "fire");
    for (size_t k = view->first; k < view->end; k++) {
        const double rate = rate_at(s, view, k);
        if (isnan(rate))
            continue;
        const float x = x_of(s, k), w = x_of(s, k + 1) - x;
        const float y = viz_plot_point(&plot, s->axis.x0, rate).y;
        const VizColour colour =
            k > view->now ? viz_colour_mix(theme->panel, theme->series[0], 0.35f)
                          : theme->series[0];
        viz_rect(draw,
                 (VizRect){x, y, fmaxf(w - (w > 4), 0.5f), plot.area.y + plot.area.h - y},
                 colour);
        viz_hit(draw, (VizRect){x, plot.area.y, w, plot.area.h}, 0,
                "step %zu: %.3g %% of %zu neurons fire", k + 1, rate, s->n);
    }
    viz_plot_cursor(draw, theme, &plot, s->axis.now);
}

static bool make_pixels(State *s, size_t n)
{
    if (n > s->pixels_room) {
        free(s->pixels);
        s->pixels = malloc(n);
        s->pixels_room = s->pixels ? n : 0;
    }
    return n > 0 && n <= s->pixels_room;
}

/* Single neurons that are few enough for it are ticks with space between. */
static void draw_ticks(State *s, const VizView *view, VizDraw *draw, const VizPlot *plot)
{
    enum { BATCH = 1024 };
    VizPoint batch[2][BATCH];
    size_t n[2] = {0, 0};
    const float row_h = plot->area.h / (float)s->rows;
    const float column_w = plot->area.w / (float)(view->end - view->first);
    const float w = fmaxf(fminf(column_w * 0.7f, 4), 1), h = fmaxf(row_h * 0.75f, 1);
    const VizColour colours[2] = {
        view->theme->text, viz_colour_mix(view->theme->panel, view->theme->text, 0.3f)};
    for (size_t k = view->first; k < view->end; k++) {
        const VizStep *const step = viz_view_step(view, k);
        const uint16_t *const counts = step ? column_of(s, step) : NULL;
        const int later = k > view->now;
        for (size_t row = 0; counts && row < s->rows; row++) {
            if (!counts[row])
                continue;
            batch[later][n[later]++] =
                (VizPoint){(x_of(s, k) + x_of(s, k + 1) - w) / 2,
                           plot->area.y + row_h * ((float)row + 0.5f) - h / 2};
            if (n[later] == BATCH) {
                viz_marks(draw, BATCH, batch[later], w, h, colours[later]);
                n[later] = 0;
            }
        }
    }
    for (int later = 0; later < 2; later++)
        viz_marks(draw, n[later], batch[later], w, h, colours[later]);
}

static void draw_density(State *s, const VizView *view, VizDraw *draw,
                         const VizPlot *plot)
{
    if (!make_pixels(s, s->rows))
        return;
    uint16_t most = 1;
    for (size_t k = view->first; k < view->end; k++) {
        const VizStep *const step = viz_view_step(view, k);
        const uint16_t *const counts = step ? column_of(s, step) : NULL;
        for (size_t row = 0; counts && row < s->rows; row++)
            most = counts[row] > most ? counts[row] : most;
    }
    for (size_t k = view->first; k < view->end; k++) {
        const VizStep *const step = viz_view_step(view, k);
        const uint16_t *const counts = step ? column_of(s, step) : NULL;
        const float light = k > view->now ? 80.0f : 255.0f;
        for (size_t row = 0; counts && row < s->rows; row++)
            s->pixels[row] =
                counts[row] /* one spike can be seen among many neurons */
                    ? (uint8_t)(light *
                                (0.3f + 0.7f * sqrtf((float)counts[row] / (float)most)))
                    : 0;
        const float x = x_of(s, k);
        if (counts)
            viz_image(draw, (VizRect){x, plot->area.y, x_of(s, k + 1) - x, plot->area.h},
                      1, s->rows, s->pixels, view->theme->ink);
    }
}

/* A picked neuron has a mark in its colour at the left. */
static void draw_picks(const State *s, const VizView *view, VizDraw *draw)
{
    const VizLayer *const layer = &s->subject->layers[s->layer];
    for (size_t i = 0; i < view->choice->n_picks; i++) {
        const VizPick pick = view->choice->picks[i];
        if (pick.layer != s->layer)
            continue;
        const size_t place =
            place_of(layer, pick.neuron / layer->c, pick.neuron % layer->c);
        const double row = ((double)place - (double)s->first) / (double)s->each + 0.5;
        if (row < 0 || row > (double)s->rows)
            continue;
        const float y = s->plot.area.y + s->plot.area.h * (float)(row / (double)s->rows);
        const float x = s->plot.area.x;
        viz_triangle(draw, (VizPoint){x - 8, y - 4}, (VizPoint){x - 8, y + 4},
                     (VizPoint){x, y}, view->theme->series[i % VIZ_SERIES]);
    }
}

static void tell_spike(const State *s, const VizView *view, VizDraw *draw)
{
    const VizRect area = s->plot.area;
    viz_hit(draw, area, HIT_RASTER, NULL);
    if (!view->mouse_here || !viz_inside(area, view->mouse.x, view->mouse.y))
        return;
    const VizLayer *const layer = &s->subject->layers[s->layer];
    const size_t row = (size_t)((view->mouse.y - area.y) / area.h * (float)s->rows);
    size_t k = view->first;
    while (k + 1 < view->end && x_of(s, k + 1) <= view->mouse.x)
        k++;
    const size_t place = s->first + row * s->each;
    const VizStep *const step = viz_view_step(view, k);
    if (place >= s->n)
        return;
    const size_t neuron = neuron_at(layer, place);
    char name[128];
    viz_pick_print(s->subject, (VizPick){s->layer, neuron}, name, sizeof name);
    if (s->each > 1)
        viz_hit(draw, area, HIT_RASTER, "%s and the %zu after it\nstep %zu", name,
                s->each - 1, k + 1);
    else
        viz_hit(draw, area, HIT_RASTER, "%s\nstep %zu: %s\nclick to trace it", name,
                k + 1,
                !step ? "not computed yet"
                : viz_step_fired(step, s->subject, (size_t)s->layer, neuron) ? "fires"
                                                                             : "silent");
}

static void draw_raster(State *s, const VizView *view, VizDraw *draw)
{
    const VizRect former = viz_draw_clip(draw, s->plot.area);
    const float row_h = s->plot.area.h / (float)s->rows;
    if (s->each == 1 && row_h >= 2)
        draw_ticks(s, view, draw, &s->plot);
    else
        draw_density(s, view, draw, &s->plot);
    viz_draw_unclip(draw, former);
    viz_plot_cursor(draw, view->theme, &s->plot, s->axis.now);
    draw_picks(s, view, draw);
    tell_spike(s, view, draw);
}

/* --- histograms -----------------------------------------------------------------------
 */

static void draw_bars(const VizView *view, VizDraw *draw, VizRect area,
                      const char *x_label, double x1, size_t n, const double *counts,
                      const char *what)
{
    double most = 1;
    for (size_t i = 0; i < n; i++)
        most = counts[i] > most ? counts[i] : most;
    const VizPlot plot = viz_plot_begin(draw, view->theme, area, 0, x1, x_label, 0.8,
                                        most * 1.3, "", most > 50);
    for (size_t i = 0; i < n; i++) {
        if (counts[i] <= 0)
            continue;
        const double step = x1 / (double)n;
        const VizPoint a = viz_plot_point(&plot, step * (double)i, counts[i]);
        const VizPoint b = viz_plot_point(&plot, step * (double)(i + 1), plot.y0);
        viz_rect(draw, (VizRect){a.x, a.y, fmaxf(b.x - a.x - 1, 1), b.y - a.y},
                 view->theme->series[0]);
        viz_hit(draw, (VizRect){a.x, plot.area.y, b.x - a.x, plot.area.h}, 0, what,
                step * (double)i, step * (double)(i + 1), counts[i]);
    }
}

static void draw_histograms(State *s, const VizView *view, VizDraw *draw, VizRect area)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const bool both = area.h > 9 * line;
    VizRect upper = viz_cut_top(&area, both ? floorf(area.h / 2) : area.h), lower = area;
    if (!bring_tally(s, view))
        return;
    const Tally *const t = &s->tally;
    const double steps = (double)(t->to - t->from);
    double rates[RATE_BINS] = {0};
    const size_t n_rates = t->to - t->from < RATE_BINS ? t->to - t->from + 1 : RATE_BINS;
    const size_t n_gaps = t->to - t->from < ISI_BINS ? t->to - t->from : ISI_BINS;
    for (size_t i = 0; i < t->n; i++) {
        const double share = (double)t->spikes[i] / steps;
        const size_t bin = (size_t)(share * (double)n_rates);
        rates[bin < n_rates ? bin : n_rates - 1] += 1;
    }
    VizRect title = viz_cut_top(&upper, line + 4);
    viz_text_within(draw, VIZ_FONT_SMALL, title.x, title.y, title.w, VIZ_LEFT,
                    view->theme->text, "neurons by rate");
    draw_bars(view, draw, upper, "fire in % of steps", 100, n_rates, rates,
              "%.0f to %.0f %% of steps: %.0f neurons");
    if (!both)
        return;
    title = viz_cut_top(&lower, line + 4);
    const double mean = t->isi_n > 0 ? t->isi_sum / t->isi_n : 0;
    const double variance = t->isi_n > 1 ? t->isi_squares / t->isi_n - mean * mean : 0;
    if (t->isi_n > 0)
        viz_text_within(draw, VIZ_FONT_SMALL, title.x, title.y, title.w, VIZ_LEFT,
                        view->theme->text, "intervals, CV %.2f",
                        sqrt(fmax(variance, 0)) / mean);
    else
        viz_text_within(draw, VIZ_FONT_SMALL, title.x, title.y, title.w, VIZ_LEFT,
                        view->theme->text, "intervals: none yet");
    draw_bars(view, draw, lower, "steps between", (double)n_gaps, n_gaps, t->isi,
              "above %.0f up to %.0f steps: %.0f times");
}

/* --- the panel ------------------------------------------------------------------------
 */

static int layer_of(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    const int chosen = view->choice->layer;
    if (chosen >= 0 && subject->layers[chosen].spiking)
        return chosen;
    for (int i = chosen; i >= 0; i--) /* the neurons before what was chosen */
        if (subject->layers[i].spiking)
            return i;
    for (size_t i = 0; i < subject->n_layers; i++)
        if (subject->layers[i].spiking)
            return (int)i;
    return -1;
}

static void draw(void *state, const VizView *view, VizDraw *to, VizRect area)
{
    State *const s = state;
    const int layer = layer_of(view);
    if (layer < 0 || view->end <= view->first) {
        viz_nothing(to, view->theme, area, "No layer of this net fires.");
        return;
    }
    const VizLayer *const at = &view->sides[0].subject->layers[layer];
    if (!at->has_spikes) {
        viz_nothing(to, view->theme, area, "The spikes of %s were not recorded.",
                    at->name);
        return;
    }
    area = viz_inset(area, 8);
    VizRect beside = {0}, above = {0};
    if (area.w > 380)
        beside = viz_cut_right(&area, fminf(fmaxf(area.w * 0.27f, 130), 260));
    if (area.h > 170)
        above = viz_cut_top(&area, fminf(fmaxf(area.h * 0.22f, 56), 120));
    const VizRect room = area;
    const bool dense = at->h * at->w > 1;
    s->axis = viz_axis(view);
    if (!arrange(s, view, layer, room.h - 40)) {
        viz_nothing(to, view->theme, room, "No memory for the raster.");
        return;
    }
    /* Rows downwards: the axis counts neurons, or channels where they are many. */
    const double per = dense ? (double)(at->h * at->w) : 1;
    const double y_top = (double)s->first / per;
    const double y_end = (double)(s->first + s->rows * s->each) / per;
    s->plot = viz_plot_begin(to, view->theme, room, s->axis.x0, s->axis.x1, s->axis.label,
                             y_end, y_top, dense ? "channel" : "neuron", false);
    draw_raster(s, view, to);
    if (above.h > 0)
        draw_rate(s, view, to, above);
    if (beside.w > 0) {
        viz_cut_left(&beside, 10);
        draw_histograms(s, view, to, beside);
    }
}

static void zoom(State *s, const VizInput *input)
{
    if (s->rows == 0)
        return;
    const double share = (double)((input->y - s->plot.area.y) / s->plot.area.h);
    const double seen = (double)(s->rows * s->each);
    const double at = s->top + share * seen;
    s->zoom = fmaxf(s->zoom, 1) * powf(1.3f, input->dy);
    s->zoom = fminf(fmaxf(s->zoom, 1), fmaxf((float)s->n / 4, 1));
    s->top = at - share * (double)s->n / (double)s->zoom;
}

static bool input(void *state, VizView *view, const VizInput *input, VizRect area)
{
    State *const s = state;
    const VizRect inside = s->plot.area;
    (void)area;
    switch (input->kind) {
    case VIZ_PRESS:
        if (input->hit == HIT_RASTER && s->each == 1 && s->rows > 0) {
            const size_t row =
                (size_t)((input->y - inside.y) / inside.h * (float)s->rows);
            const size_t place = s->first + row;
            if (place < s->n)
                viz_view_pick(view, s->layer,
                              neuron_at(&s->subject->layers[s->layer], place));
        }
        return true;
    case VIZ_DRAG:
        if (input->hit == HIT_RASTER && inside.h > 0)
            s->top -= (double)(input->dy / inside.h) * (double)(s->rows * s->each);
        return true;
    case VIZ_WHEEL:
        if (input->shift || input->control)
            viz_view_zoom_time(view, input->dy > 0 ? 0.8 : 1.25);
        else
            zoom(s, input);
        return true;
    case VIZ_KEY:
        if (input->key == '0')
            s->zoom = 1;
        return input->key == '0';
    case VIZ_RELEASE:
    case VIZ_MOVE:
        break;
    }
    return false;
}

static void caption(void *state, const VizView *view, char *text, size_t size)
{
    const State *const s = state;
    if (s->rows == 0 || s->layer < 0 || s->subject != view->sides[0].subject)
        return;
    const char *const name = s->subject->layers[s->layer].name;
    if (s->each > 1)
        snprintf(text, size, "%s, a row is %zu neurons", name, s->each);
    else
        snprintf(text, size, "%s, %zu of %zu neurons", name, s->rows, s->n);
}

/* A line for every spike in sight. */
static SimStatus csv(void *state, const VizView *view, FILE *out)
{
    const State *const s = state;
    (void)s;
    const int layer = layer_of(view);
    if (layer < 0)
        return sim_fail(SIM_ERR_VALUE, "no layer of this net fires: no data to write");
    const VizLayer *const at = &view->sides[0].subject->layers[layer];
    fprintf(out, "layer,step,start_us,y,x,channel\n");
    for (size_t k = view->first; k < view->end; k++) {
        const VizStep *const step = viz_view_step(view, k);
        const uint64_t *bits = step ? step->spikes[layer] : NULL;
        for (size_t pixel = 0; bits && pixel < at->h * at->w; pixel++)
            for (size_t word = 0; word < sim_words(at->c); word++)
                for (uint64_t left = *bits++; left; left &= left - 1)
                    fprintf(out, "%s,%zu,%lld,%zu,%zu,%zu\n", at->name, k + 1,
                            (long long)view->sides[0].subject->edges_us[k], pixel / at->w,
                            pixel % at->w,
                            word * SIM_WORD_BITS + (unsigned)__builtin_ctzll(left));
    }
    return SIM_OK;
}

static void destroy(void *state)
{
    State *const s = state;
    free(s->counts);
    free(s->pixels);
    free(s->tally.spikes);
    free(s->tally.last);
}

static const VizPanelKey keys[] = {
    {"wheel, drag", "fewer neurons, others"},
    {"shift wheel", "shorter, longer time axis"},
    {"0", "all neurons"},
    {"click", "trace a neuron (where rows are single ones)"},
    {NULL, NULL},
};

const VizPanel viz_panel_raster = {
    .name = "raster",
    .title = "Raster",
    .summary = "spikes of the chosen layer over time, its rate, rates and intervals",
    .place = VIZ_PLACE_TIME,
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
