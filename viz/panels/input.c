/* viz/panels/input.c: what goes into the net: frames, events, or an image. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/plot.h"

typedef enum Mode { MODE_FRAME, MODE_EVENTS, MODE_SURFACE, MODE_COUNTS, MODES } Mode;

static const char *const mode_names[MODES] = {"frame", "events", "surface", "counts"};

enum { HIT_MODE = 1, HIT_IMAGE = 100, MAX_EVENTS = 1 << 20, SURFACE_WINDOWS = 4 };

typedef struct State {
    int mode;                 /* chosen + 1; 0: by itself */
    float zoom;               /* 0: whole picture, 1 the same */
    float centre_x, centre_y; /* 0..1 of the picture */
    /* The picture of this frame. */
    size_t w, h, room;
    float *on, *off; /* [h,w] owned; what tooltips and CSV tell */
    VizColour *pixels;
    double most;
    size_t n_events;
    bool incomplete;
    VizRect image; /* where it was drawn, points */
} State;

static bool has_mode(const VizView *view, Mode mode)
{
    const VizSubject *const subject = view->sides[0].subject;
    return mode == MODE_FRAME ? subject && subject->input_h > 0 : view->events != NULL;
}

static Mode mode_of(const State *s, const VizView *view)
{
    if (s->mode > 0 && has_mode(view, (Mode)(s->mode - 1)))
        return (Mode)(s->mode - 1);
    return has_mode(view, MODE_EVENTS) ? MODE_EVENTS : MODE_FRAME;
}

static bool available(const VizView *view)
{
    return has_mode(view, MODE_FRAME) || has_mode(view, MODE_EVENTS);
}

static bool make_room(State *s, size_t w, size_t h)
{
    const size_t n = w * h;
    s->w = w;
    s->h = h;
    if (n > s->room) {
        free(s->on);
        free(s->off);
        free(s->pixels);
        s->on = malloc(n * sizeof *s->on);
        s->off = malloc(n * sizeof *s->off);
        s->pixels = malloc(n * sizeof *s->pixels);
        s->room = s->on && s->off && s->pixels ? n : 0;
    }
    return n > 0 && n <= s->room;
}

/* --- the picture ----------------------------------------------------------------------
 */

static VizColour ground(const VizTheme *theme)
{
    return theme->dark ? theme->background
                       : viz_colour_mix(theme->panel, theme->edge, 0.25f);
}

/* Light of two colours added over the ground: shares 0..1. */
static VizColour add_light(VizColour under, VizColour a, float share_a, VizColour b,
                           float share_b)
{
    VizColour sum = 0xff000000u;
    for (int shift = 0; shift < 24; shift += 8) {
        const float g = (float)(under >> shift & 0xff);
        float c = g + share_a * ((float)(a >> shift & 0xff) - g) +
                  share_b * ((float)(b >> shift & 0xff) - g);
        c = c < 0 ? 0 : c > 255 ? 255 : c;
        sum |= (VizColour)(c + 0.5f) << shift;
    }
    return sum;
}

/* A frame of two channels is OFF and ON; of one or three, an image. */
static bool draw_frame(State *s, const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    const VizStep *const step = viz_view_step(view, view->now);
    const size_t c = subject->input_c;
    if (!step || !step->input || !make_room(s, subject->input_w, subject->input_h))
        return false;
    const size_t n = s->w * s->h;
    float low = 0, high = 0;
    for (size_t i = 0; i < n * c; i++) {
        high = step->input[i] > high ? step->input[i] : high;
        low = step->input[i] < low ? step->input[i] : low;
    }
    s->most = (double)high;
    const float scale = high > low ? 1 / (high - low) : 0;
    const VizColour under = ground(view->theme);
    for (size_t i = 0; i < n; i++) {
        const float *const p = step->input + i * c;
        s->off[i] = c == 2 ? p[0] : 0;
        s->on[i] = c == 2 ? p[1] : p[0];
        if (c == 2) {
            const float on = sqrtf(fmaxf(p[1], 0) * scale);
            const float off = sqrtf(fmaxf(p[0], 0) * scale);
            s->pixels[i] = add_light(under, view->theme->on, on, view->theme->off, off);
        } else {
            VizColour rgb = 0xff;
            for (size_t k = 0; k < 3; k++) {
                const float value = (p[c >= 3 ? k : 0] - low) * scale;
                rgb = rgb << 8 | (VizColour)(255 * value + 0.5f);
            }
            s->pixels[i] = rgb;
        }
    }
    return true;
}

static void count_events(State *s, const DataEvent *events, size_t n)
{
    memset(s->on, 0, s->w * s->h * sizeof *s->on);
    memset(s->off, 0, s->w * s->h * sizeof *s->off);
    for (size_t i = 0; i < n; i++) {
        const DataEvent *const event = &events[i];
        if (event->x < s->w && event->y < s->h)
            (event->on ? s->on : s->off)[event->y * s->w + event->x] += 1;
    }
}

/* Freshness of the latest event of each pixel: exp(-(now - t) / tau). */
static void age_events(State *s, const DataEvent *events, size_t n, int64_t to_us,
                       double tau_us)
{
    memset(s->on, 0, s->w * s->h * sizeof *s->on);
    memset(s->off, 0, s->w * s->h * sizeof *s->off);
    for (size_t i = 0; i < n; i++) {
        const DataEvent *const event = &events[i];
        if (event->x >= s->w || event->y >= s->h)
            continue;
        const size_t at = event->y * s->w + event->x;
        const float fresh = expf((float)((double)(event->t_us - to_us) / tau_us));
        s->on[at] = event->on ? fresh : 0; /* the latest one wins */
        s->off[at] = event->on ? 0 : fresh;
    }
}

static void colour_events(State *s, const VizView *view, Mode mode)
{
    const VizTheme *const theme = view->theme;
    const VizColour under = ground(theme);
    const size_t n = s->w * s->h;
    /* A pixel's brightness by its number of events: one is well seen where that is usual,
     * many do not all look the same. */
    enum { SEEN = 64 };
    float seen[SEEN];
    double sum_of_seen = 0, n_seen = 0;
    for (size_t i = 0; i < n; i++) {
        sum_of_seen += (double)(s->on[i] + s->off[i]);
        n_seen += (s->on[i] > 0) + (s->off[i] > 0);
    }
    const float usual = n_seen > 0 ? fmaxf((float)(sum_of_seen / n_seen) / 2, 1) : 1;
    for (int k = 0; k < SEEN; k++)
        seen[k] = 1 - powf(0.42f, (float)k / usual);
    s->most = 0;
    for (size_t i = 0; i < n; i++) {
        const double sum = (double)(s->on[i] + s->off[i]);
        s->most = sum > s->most ? sum : s->most;
    }
    for (size_t i = 0; i < n; i++) {
        float on = s->on[i], off = s->off[i];
        if (on == 0 && off == 0 && mode != MODE_COUNTS) {
            s->pixels[i] = under;
            continue;
        }
        if (mode == MODE_COUNTS) {
            s->pixels[i] = theme->heat[viz_table_index(on + off, 0, (float)s->most)];
            continue;
        }
        if (mode == MODE_EVENTS) {
            on = seen[on < SEEN - 1 ? (int)on : SEEN - 1];
            off = seen[off < SEEN - 1 ? (int)off : SEEN - 1];
        }
        s->pixels[i] = add_light(under, theme->on, on, theme->off, off);
    }
}

static bool draw_events(State *s, const VizView *view, Mode mode)
{
    const VizEventsInfo info = viz_events_info(view->events);
    const DataEvent *events;
    int64_t from, to;
    bool complete;
    if (!make_room(s, info.width, info.height))
        return false;
    viz_view_window(view, &from, &to);
    const double tau_us = (double)(to - from);
    const int64_t start =
        mode == MODE_SURFACE ? from - (SURFACE_WINDOWS - 1) * (to - from) : from;
    const size_t n = viz_events_window(view->events, start, to, MAX_EVENTS,
                                       view->headless, &events, &complete);
    s->n_events = n;
    s->incomplete = !complete;
    if (mode == MODE_SURFACE)
        age_events(s, events, n, to, tau_us);
    else
        count_events(s, events, n);
    colour_events(s, view, mode);
    return true;
}

/* --- where it lies --------------------------------------------------------------------
 */

static VizRect place(const State *s, VizRect area)
{
    const VizRect fit = viz_fit(area, (float)s->w, (float)s->h);
    if (s->zoom <= 1)
        return fit;
    const float w = fit.w * s->zoom, h = fit.h * s->zoom;
    return (VizRect){area.x + area.w / 2 - w * s->centre_x,
                     area.y + area.h / 2 - h * s->centre_y, w, h};
}

static void tell_pixel(const State *s, const VizView *view, VizDraw *draw, Mode mode)
{
    const VizRect image = s->image;
    const int x = (int)((view->mouse.x - image.x) / image.w * (float)s->w);
    const int y = (int)((view->mouse.y - image.y) / image.h * (float)s->h);
    if (!view->mouse_here || !viz_inside(image, view->mouse.x, view->mouse.y) || x < 0 ||
        y < 0 || x >= (int)s->w || y >= (int)s->h)
        return;
    const size_t at = (size_t)y * s->w + (size_t)x;
    const double on = (double)s->on[at], off = (double)s->off[at];
    const VizSubject *const subject = view->sides[0].subject;
    if (mode == MODE_FRAME && subject->input_c != 2)
        viz_hit(draw, image, HIT_IMAGE, "x %d, y %d\nvalue %.3f", x, y, on);
    else if (mode == MODE_SURFACE)
        viz_hit(draw, image, HIT_IMAGE, "x %d, y %d\n%s, freshness %.2f", x, y,
                on > 0    ? "ON"
                : off > 0 ? "OFF"
                          : "nothing lately",
                fmax(on, off));
    else
        viz_hit(draw, image, HIT_IMAGE, "x %d, y %d\nON %.3g, OFF %.3g%s", x, y, on, off,
                mode == MODE_FRAME ? "" : " events");
}

/* --- around it ------------------------------------------------------------------------
 */

static void draw_modes(const State *s, const VizView *view, VizDraw *draw, VizRect row)
{
    const char *names[MODES];
    const Mode now = mode_of(s, view);
    size_t n = 0, chosen = 0;
    for (int mode = 0; mode < MODES; mode++)
        if (has_mode(view, (Mode)mode)) {
            chosen = (Mode)mode == now ? n : chosen;
            names[n++] = mode_names[mode];
        }
    if (n > 1)
        viz_choice(draw, view->theme, row.x, row.y, HIT_MODE, n, names, chosen,
                   "how events are shown (d)");
}

/* ON and OFF beside the modes, where there is room. */
static void draw_key(const VizView *view, VizDraw *draw, VizRect row)
{
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const float off = viz_text_width(draw, VIZ_FONT_SMALL, "OFF");
    const float on = viz_text_width(draw, VIZ_FONT_SMALL, "ON");
    const float y = row.y + row.h / 2;
    float x = row.x + row.w - off;
    if (row.w < off + on + 50)
        return;
    viz_text(draw, VIZ_FONT_SMALL, x, y - line / 2, VIZ_LEFT, view->theme->dim, "OFF");
    viz_round_rect(draw, (VizRect){x - 14, y - 5, 10, 10}, 2, view->theme->off);
    x -= 24 + on;
    viz_text(draw, VIZ_FONT_SMALL, x, y - line / 2, VIZ_LEFT, view->theme->dim, "ON");
    viz_round_rect(draw, (VizRect){x - 14, y - 5, 10, 10}, 2, view->theme->on);
}

static float modes_width(const VizView *view, const VizDraw *draw)
{
    float width = 0;
    int n = 0;
    for (int mode = 0; mode < MODES; mode++)
        if (has_mode(view, (Mode)mode)) {
            width += viz_text_width(draw, VIZ_FONT_SMALL, mode_names[mode]) + 14;
            n++;
        }
    return n > 1 ? width : 0;
}

/* One line below: the rate of events now, and what the file is. */
static void draw_foot(const State *s, const VizView *view, VizDraw *draw, VizRect row,
                      Mode mode)
{
    char number[32], rate[32], all[32], span[32];
    const float y = row.y + (row.h - viz_line_height(draw, VIZ_FONT_SMALL)) / 2;
    if (mode == MODE_FRAME) {
        const VizSubject *const subject = view->sides[0].subject;
        viz_number(s->most, number, sizeof number);
        if (subject->input_c == 2)
            viz_text_within(draw, VIZ_FONT_SMALL, row.x, y, row.w, VIZ_LEFT,
                            view->theme->dim, "what the net sees in step %zu, up to %s",
                            view->now + 1, number);
        else
            viz_text_within(draw, VIZ_FONT_SMALL, row.x, y, row.w, VIZ_LEFT,
                            view->theme->dim, "what the net sees in every step");
        return;
    }
    const VizEventsInfo info = viz_events_info(view->events);
    int64_t from, to;
    viz_view_window(view, &from, &to);
    const double span_s = (double)(to - from) * 1e-6;
    const double windows = mode == MODE_SURFACE ? SURFACE_WINDOWS : 1;
    viz_number(span_s > 0 ? (double)s->n_events / (span_s * windows) : 0, rate,
               sizeof rate);
    viz_text_within(draw, VIZ_FONT_SMALL, row.x, y, row.w, VIZ_LEFT, view->theme->dim,
                    "%s events/s%s   \xc2\xb7   %s: %s events in %s", rate,
                    s->incomplete ? " (reading)" : "",
                    info.format[0] ? info.format : "input",
                    viz_number((double)info.n_events, all, sizeof all),
                    viz_duration((double)info.end_us, span, sizeof span));
}

static void draw(void *state, const VizView *view, VizDraw *to, VizRect area)
{
    State *const s = state;
    const Mode mode = mode_of(s, view);
    area = viz_inset(area, 6);
    VizRect head = viz_cut_top(&area, viz_choice_height(to) + 6);
    head.h -= 6;
    draw_modes(s, view, to, head);
    const float used = modes_width(view, to);
    viz_cut_left(&head, used);
    VizRect foot = {0};
    if (area.h > 160)
        foot = viz_cut_bottom(&area, 20);
    const bool good =
        mode == MODE_FRAME ? draw_frame(s, view) : draw_events(s, view, mode);
    if (!good) {
        viz_nothing(to, view->theme, area,
                    mode == MODE_FRAME && view->sides[0].feed
                        ? "This step is being computed."
                        : "The file is being read.");
        return;
    }
    if (mode == MODE_COUNTS)
        viz_legend(to, view->theme, viz_cut_right(&head, fminf(head.w - 10, 170)),
                   view->theme->heat, 0, s->most, "events");
    else if (mode != MODE_FRAME || view->sides[0].subject->input_c == 2)
        draw_key(view, to, head);
    const VizRect former = viz_draw_clip(to, area);
    s->image = place(s, area);
    viz_hit(to, area, HIT_IMAGE, NULL);
    viz_picture(to, s->image, s->w, s->h, s->pixels);
    viz_frame(to, s->image, 1, view->theme->edge);
    tell_pixel(s, view, to, mode);
    viz_draw_unclip(to, former);
    if (foot.w > 0)
        draw_foot(s, view, to, foot, mode);
}

/* --- keys and mouse -------------------------------------------------------------------
 */

static void choose_mode(State *s, const VizView *view, int place)
{
    for (int mode = 0; mode < MODES; mode++)
        if (has_mode(view, (Mode)mode) && place-- == 0)
            s->mode = mode + 1;
}

static void next_mode(State *s, const VizView *view)
{
    int mode = (int)mode_of(s, view);
    do
        mode = (mode + 1) % MODES;
    while (!has_mode(view, (Mode)mode));
    s->mode = mode + 1;
}

static void keep_inside(State *s)
{
    s->centre_x = fminf(fmaxf(s->centre_x, 0), 1);
    s->centre_y = fminf(fmaxf(s->centre_y, 0), 1);
}

/* The point under the pointer stays where it is. */
static void zoom(State *s, const VizInput *input, VizRect area)
{
    const VizRect inner = viz_inset(area, 6);
    const float u = (input->x - s->image.x) / s->image.w;
    const float v = (input->y - s->image.y) / s->image.h;
    const float before = s->zoom > 1 ? s->zoom : 1;
    const float after = fminf(fmaxf(before * powf(1.25f, input->dy), 1), 64);
    if (s->w == 0 || s->image.w <= 0)
        return;
    s->zoom = after;
    const float middle_x = inner.x + inner.w / 2;
    const float middle_y = s->image.y + s->image.h / 2;
    const float w = s->image.w / before * after, h = s->image.h / before * after;
    const float centre_y = before > 1 ? s->image.y + s->image.h * s->centre_y : middle_y;
    s->centre_x = u - (input->x - middle_x) / w;
    s->centre_y = v - (input->y - centre_y) / h;
    keep_inside(s);
}

static bool input(void *state, VizView *view, const VizInput *input, VizRect area)
{
    State *const s = state;
    switch (input->kind) {
    case VIZ_PRESS:
        if (input->hit >= HIT_MODE && input->hit < HIT_MODE + MODES)
            choose_mode(s, view, input->hit - HIT_MODE);
        else if (input->clicks == 2)
            s->zoom = 1;
        return true;
    case VIZ_DRAG:
        if (input->hit == HIT_IMAGE && s->zoom > 1) {
            s->centre_x -= input->dx / s->image.w;
            s->centre_y -= input->dy / s->image.h;
            keep_inside(s);
        }
        return true;
    case VIZ_WHEEL:
        zoom(s, input, area);
        return true;
    case VIZ_KEY:
        if (input->key == 'd')
            next_mode(s, view);
        else if (input->key == '0')
            s->zoom = 1;
        return input->key == 'd' || input->key == '0';
    case VIZ_RELEASE:
    case VIZ_MOVE:
        break;
    }
    return false;
}

static void caption(void *state, const VizView *view, char *text, size_t size)
{
    const State *const s = state;
    const Mode mode = mode_of(s, view);
    char span[32];
    if (s->w == 0)
        return;
    int64_t from, to;
    viz_view_window(view, &from, &to);
    if (mode == MODE_FRAME)
        snprintf(text, size, "%zu \xc3\x97 %zu", s->w, s->h);
    else
        snprintf(text, size, "%zu \xc3\x97 %zu, %s", s->w, s->h,
                 viz_duration((double)(to - from), span, sizeof span));
}

static SimStatus csv(void *state, const VizView *view, FILE *out)
{
    const State *const s = state;
    const Mode mode = mode_of(s, view);
    if (s->w == 0)
        return sim_fail(SIM_ERR_VALUE, "the input was not drawn yet: no data to write");
    fprintf(out, mode == MODE_SURFACE ? "x,y,on_freshness,off_freshness\n"
                                      : "x,y,on_events,off_events\n");
    for (size_t i = 0; i < s->w * s->h; i++)
        if (s->on[i] != 0 || s->off[i] != 0)
            fprintf(out, "%zu,%zu,%g,%g\n", i % s->w, i / s->w, (double)s->on[i],
                    (double)s->off[i]);
    return SIM_OK;
}

static void destroy(void *state)
{
    State *const s = state;
    free(s->on);
    free(s->off);
    free(s->pixels);
}

static const VizPanelKey keys[] = {
    {"d", "frame, events, time surface, counts"},
    {"wheel, drag", "zoom, pan; double click or 0: whole"},
    {NULL, NULL},
};

const VizPanel viz_panel_input = {
    .name = "input",
    .title = "Input",
    .summary = "events, frames or the image that the net sees",
    .place = VIZ_PLACE_INPUT,
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
