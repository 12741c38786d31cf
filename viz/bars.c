/* viz/bars.c: the header above the panels, and below them the seek bar and its buttons.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "viz/app_internal.h"
#include "viz/plot.h"

enum { HIT_THEME = 1, HIT_HELP, HIT_SEEK, HIT_DO }; /* HIT_DO + an action */
enum { MARGIN = 10, SEEK_H = 34, BUTTONS_H = 34, BUTTON_W = 34 };

float app_header_height(const VizApp *app)
{
    (void)app;
    return 34;
}

float app_transport_height(const VizApp *app)
{
    (void)app;
    return SEEK_H + BUTTONS_H + 4;
}

/* --- header ---------------------------------------------------------------------------
 */

static void draw_note(VizApp *app, VizRect *room, const char *sentence)
{
    VizDraw *const draw = &app->header.draw;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const float width =
        fminf(viz_text_width(draw, VIZ_FONT_SMALL, sentence) + 34, room->w * 0.62f);
    const VizRect area = viz_cut_right(room, width);
    const float y = area.y + area.h / 2;
    viz_triangle(draw, (VizPoint){area.x + 8, y + 6}, (VizPoint){area.x + 22, y + 6},
                 (VizPoint){area.x + 15, y - 7}, app->theme.bad);
    viz_text_within(draw, VIZ_FONT_SMALL, area.x + 28, y - line / 2, area.w - 30,
                    VIZ_LEFT, app->theme.text, "%s", sentence);
    viz_hit(draw, area, 0, "%s", sentence);
}

static const char *note_of(const VizApp *app)
{
    const VizSide *const side = &app->view.sides[0];
    if (side->feed && viz_feed_error(side->feed))
        return viz_feed_error(side->feed);
    if (side->subject && side->subject->note[0])
        return side->subject->note;
    return app->view.events ? viz_events_info(app->view.events).note : NULL;
}

/* A sun by night, a moon by day: what a press brings. */
static void draw_theme_button(VizDraw *draw, const VizTheme *theme, VizRect area)
{
    const float x = area.x + area.w / 2, y = area.y + area.h / 2;
    viz_disc(draw, x, y, 6, theme->dim);
    if (theme->dark) {
        for (int i = 0; i < 8; i++) {
            const float a = (float)i * 0.785398f;
            viz_line(draw, x + 8 * cosf(a), y + 8 * sinf(a), x + 10.5f * cosf(a),
                     y + 10.5f * sinf(a), 1.5f, theme->dim);
        }
    } else {
        viz_disc(draw, x + 3.5f, y - 2.5f, 5.5f, theme->background);
    }
    viz_hit(draw, area, HIT_THEME, "%s",
            theme->dark ? "light colours (t)" : "dark colours (t)");
}

void app_draw_header(VizApp *app)
{
    VizDraw *const draw = &app->header.draw;
    const VizTheme *const theme = &app->theme;
    VizRect room = app->header.area;
    viz_draw_begin(draw, app->fonts, room);
    viz_rect(draw, room, theme->background);
    const VizRect help = viz_cut_right(&room, 34);
    const float line = viz_line_height(draw, VIZ_FONT_BOLD);
    const float y = room.y + (room.h - line) / 2;
    viz_text(draw, VIZ_FONT_BOLD, help.x + help.w / 2, y, VIZ_CENTRE, theme->dim, "?");
    viz_hit(draw, help, HIT_HELP, "all keys (?)");
    draw_theme_button(draw, theme, viz_cut_right(&room, 34));
    const char *const note = note_of(app);
    if (note)
        draw_note(app, &room, note);
    viz_cut_left(&room, MARGIN);
    viz_cut_right(&room, MARGIN);
    const VizSubject *const subject = app->view.sides[0].subject;
    const char *const title =
        subject && subject->title[0] ? subject->title : app->options.name;
    const float width = fminf(viz_text_width(draw, VIZ_FONT_BOLD, title), room.w);
    viz_text_within(draw, VIZ_FONT_BOLD, room.x, y, room.w, VIZ_LEFT, theme->text, "%s",
                    title);
    viz_cut_left(&room, width + 18);
    if (!subject || room.w < 40)
        return;
    const char *const label =
        subject->label >= 0 && (size_t)subject->label < subject->n_classes
            ? subject->classes[subject->label]
            : NULL;
    viz_text_within(draw, VIZ_FONT_NORMAL, room.x, y, room.w, VIZ_LEFT, theme->dim,
                    label ? "%s, a %s" : "%s", subject->input, label);
}

void app_header_pressed(VizApp *app, int hit)
{
    if (hit == HIT_THEME)
        app_do(app, APP_DO_THEME);
    else if (hit == HIT_HELP)
        app_do(app, APP_DO_HELP);
}

/* --- the seek bar ---------------------------------------------------------------------
 */

static float x_of(const VizApp *app, double at_us)
{
    const double end = (double)app->clock.timeline.end_us;
    return app->seek.x + app->seek.w * (float)(end > 0 ? at_us / end : 0);
}

/* Events a second, or spikes of a step: where something happens. */
static void draw_curve(VizApp *app, VizDraw *draw)
{
    const VizTimeline *const line = &app->clock.timeline;
    const VizRect seek = app->seek;
    const size_t n = (size_t)fmaxf(seek.w / 2, 1);
    float *const values = malloc(n * sizeof *values);
    VizPoint *const corners = malloc(n * sizeof *corners);
    float most = 0;
    if (values && corners) {
        if (app->view.events)
            viz_events_rate(app->view.events, 0, line->end_us, n, values);
        else
            for (size_t i = 0; i < n; i++) {
                const double at = ((double)i + 0.5) / (double)n * (double)line->end_us;
                values[i] =
                    app->step_spikes ? app->step_spikes[viz_timeline_step(line, at)] : 0;
            }
        for (size_t i = 0; i < n; i++)
            most = values[i] > most ? values[i] : most;
        const VizColour colour =
            viz_colour_mix(app->theme.panel, app->theme.accent, 0.45f);
        for (size_t i = 0; i < n && most > 0; i++) {
            const float high = values[i] > 0 ? values[i] / most * (seek.h - 4) : 0;
            if (high > 0)
                viz_rect(draw,
                         (VizRect){seek.x + seek.w * (float)i / (float)n,
                                   seek.y + seek.h - high, seek.w / (float)n + 0.5f,
                                   high},
                         colour);
        }
    }
    free(values);
    free(corners);
}

static void draw_points(VizApp *app, VizDraw *draw)
{
    const VizClock *const clock = &app->clock;
    const VizTheme *const theme = &app->theme;
    const VizRect seek = app->seek;
    const VizColour shade = viz_colour_fade(theme->background, 0.72f);
    const float in = x_of(app, (double)clock->in_us);
    const float out = x_of(app, (double)viz_clock_out(clock));
    if (clock->in_us > 0) {
        viz_rect(draw, (VizRect){seek.x, seek.y, in - seek.x, seek.h}, shade);
        viz_rect(draw, (VizRect){in - 1, seek.y, 2, seek.h}, theme->good);
    }
    if (clock->out_us > 0) {
        viz_rect(draw, (VizRect){out, seek.y, seek.x + seek.w - out, seek.h}, shade);
        viz_rect(draw, (VizRect){out - 1, seek.y, 2, seek.h}, theme->good);
    }
    for (size_t i = 0; i < clock->n_markers; i++) {
        const float x = x_of(app, (double)clock->markers_us[i]);
        viz_rect(draw, (VizRect){x - 0.5f, seek.y, 1, seek.h}, theme->bad);
        viz_triangle(draw, (VizPoint){x - 5, seek.y}, (VizPoint){x + 5, seek.y},
                     (VizPoint){x, seek.y + 7}, theme->bad);
    }
}

static void draw_seek(VizApp *app, VizDraw *draw)
{
    const VizTheme *const theme = &app->theme;
    const VizClock *const clock = &app->clock;
    const VizRect seek = app->seek;
    viz_rect(draw, seek, theme->panel);
    draw_curve(app, draw);
    const VizTimeline *const line = &clock->timeline;
    if (line->n_steps > 1 && seek.w / (float)line->n_steps > 5)
        for (size_t k = 1; k < line->n_steps; k++)
            viz_rect(draw,
                     (VizRect){x_of(app, (double)line->edges_us[k]), seek.y + seek.h - 5,
                               1, 5},
                     theme->dim);
    if (line->n_steps == 0 && app->view.events) { /* what the index has not reached */
        const double indexed = viz_events_info(app->view.events).indexed;
        if (indexed < 1)
            viz_text(draw, VIZ_FONT_SMALL, seek.x + seek.w - 6, seek.y + 4, VIZ_RIGHT,
                     theme->dim, "reading %.0f %%", indexed * 100);
    }
    draw_points(app, draw);
    const float x = x_of(app, clock->at_us);
    viz_rect(draw, (VizRect){x - 1, seek.y, 2, seek.h}, theme->cursor);
    viz_disc(draw, x, seek.y + seek.h - 2, 4, theme->cursor);
    viz_hit(draw, (VizRect){seek.x - 4, seek.y, seek.w + 8, seek.h}, HIT_SEEK, NULL);
}

/* --- buttons --------------------------------------------------------------------------
 */

typedef struct Row {
    VizApp *app;
    VizDraw *draw;
    VizRect room;
} Row;

static VizRect next_button(Row *row, float width, AppAction action, bool lit,
                           const char *tip)
{
    const VizRect cell = viz_cut_left(&row->room, width);
    const VizRect area = {cell.x + 1, cell.y + 3, cell.w - 2, cell.h - 6};
    viz_cut_left(&row->room, 2);
    if (area.w < width - 3)
        return (VizRect){0};
    viz_round_rect(row->draw, area, 5,
                   lit ? row->app->theme.accent : row->app->theme.raised);
    viz_hit(row->draw, area, HIT_DO + (int)action, "%s", tip);
    return area;
}

/* A triangle to the right (or left), with bars at its tip. */
static void draw_arrow(Row *row, VizRect area, bool back, int bars)
{
    const VizColour colour = row->app->theme.text;
    const float x = area.x + area.w / 2, y = area.y + area.h / 2,
                way = back ? -1.0f : 1.0f;
    const float shift = bars ? -2 * way : 0;
    viz_triangle(row->draw, (VizPoint){x + shift - 5 * way, y - 6},
                 (VizPoint){x + shift - 5 * way, y + 6},
                 (VizPoint){x + shift + 5 * way, y}, colour);
    if (bars)
        viz_rect(row->draw, (VizRect){x + 4 * way - 1, y - 6, 2, 12}, colour);
    if (bars == 2)
        viz_rect(row->draw, (VizRect){x + 8 * way - 1, y - 6, 2, 12}, colour);
}

static void arrow_button(Row *row, AppAction action, bool back, int bars, const char *tip)
{
    const VizRect area = next_button(row, BUTTON_W, action, false, tip);
    if (area.w > 0)
        draw_arrow(row, area, back, bars);
}

static void play_button(Row *row)
{
    const bool playing = row->app->clock.playing;
    const VizRect area = next_button(row, BUTTON_W + 10, APP_DO_PLAY, playing,
                                     playing ? "pause (space)" : "play (space)");
    const float x = area.x + area.w / 2, y = area.y + area.h / 2;
    if (area.w <= 0)
        return;
    if (!playing) {
        draw_arrow(row, area, false, 0);
        return;
    }
    viz_rect(row->draw, (VizRect){x - 6, y - 6, 4, 12}, row->app->theme.panel);
    viz_rect(row->draw, (VizRect){x + 2, y - 6, 4, 12}, row->app->theme.panel);
}

static void word_button(Row *row, AppAction action, bool lit, const char *word,
                        const char *tip)
{
    const float width = viz_text_width(row->draw, VIZ_FONT_NORMAL, word) + 18;
    const VizRect area = next_button(row, width, action, lit, tip);
    const float line = viz_line_height(row->draw, VIZ_FONT_NORMAL);
    if (area.w > 0)
        viz_text(row->draw, VIZ_FONT_NORMAL, area.x + area.w / 2,
                 area.y + (area.h - line) / 2, VIZ_CENTRE,
                 lit ? row->app->theme.panel : row->app->theme.text, "%s", word);
}

static void pace_buttons(Row *row)
{
    const VizClock *const clock = &row->app->clock;
    char text[64], number[32];
    word_button(row, APP_DO_SLOWER, false, "\xe2\x88\x92", "slower, or fewer events (-)");
    switch (clock->pace) {
    case VIZ_PACE_COUNT:
        snprintf(text, sizeof text, "%s events",
                 viz_number((double)clock->count, number, sizeof number));
        break;
    case VIZ_PACE_MAX:
        snprintf(text, sizeof text, "as fast as it goes");
        break;
    case VIZ_PACE_TIME:
        if (clock->timeline.timed || clock->timeline.n_steps == 0)
            snprintf(text, sizeof text, "%g \xc3\x97 real time", clock->speed);
        else
            snprintf(text, sizeof text, "%g steps/s",
                     clock->speed * 1e6 / VIZ_NOMINAL_US);
        break;
    }
    word_button(row, APP_DO_PACE, false, text,
                "time, number of events, or as fast as it goes (c)");
    word_button(row, APP_DO_FASTER, false, "+", "faster, or more events (+)");
}

static void window_buttons(Row *row)
{
    const VizClock *const clock = &row->app->clock;
    char text[64];
    if (!row->app->view.events || clock->pace == VIZ_PACE_COUNT)
        return;
    viz_cut_left(&row->room, 8);
    word_button(row, APP_DO_LESS, false, "[", "shorter window of events ([)");
    viz_duration((double)clock->window_us, text, sizeof text);
    const float line = viz_line_height(row->draw, VIZ_FONT_NORMAL);
    const VizRect area =
        viz_cut_left(&row->room, viz_text_width(row->draw, VIZ_FONT_NORMAL, text) + 10);
    viz_text_within(row->draw, VIZ_FONT_NORMAL, area.x + area.w / 2,
                    area.y + (area.h - line) / 2, area.w, VIZ_CENTRE, row->app->theme.dim,
                    "%s", text);
    word_button(row, APP_DO_MORE, false, "]", "longer window of events (])");
}

static void draw_status(Row *row)
{
    VizApp *const app = row->app;
    const float line = viz_line_height(row->draw, VIZ_FONT_NORMAL);
    const float y = row->room.y + (row->room.h - line) / 2;
    const float right = row->room.x + row->room.w;
    char text[APP_MESSAGE], from[48], to[48];
    if (app->wall_s < app->message_until_s && !app->recorder) {
        snprintf(text, sizeof text, "%s", app->message);
    } else {
        const VizClock *const clock = &app->clock;
        viz_clock_print(clock, clock->at_us, from, sizeof from);
        viz_clock_print(clock, (double)clock->timeline.end_us, to, sizeof to);
        if (clock->timeline.n_steps > 0 && clock->timeline.timed)
            snprintf(text, sizeof text, "%s of %s  \xc2\xb7  step %zu of %zu", from, to,
                     viz_clock_now(clock) + 1, clock->timeline.n_steps);
        else if (clock->timeline.n_steps > 0)
            snprintf(text, sizeof text, "%s", from);
        else
            snprintf(text, sizeof text, "%s of %s", from, to);
        if (viz_text_width(row->draw, VIZ_FONT_NORMAL, text) > row->room.w - 8) {
            snprintf(text, sizeof text, "%s", from);
            if (clock->timeline.n_steps > 0)
                snprintf(text, sizeof text, "step %zu", viz_clock_now(clock) + 1);
        }
    }
    viz_text_within(row->draw, VIZ_FONT_NORMAL, right, y, row->room.w - 8, VIZ_RIGHT,
                    app->theme.text, "%s", text);
}

void app_draw_transport(VizApp *app)
{
    VizDraw *const draw = &app->transport.draw;
    VizRect room = app->transport.area;
    viz_draw_begin(draw, app->fonts, room);
    viz_rect(draw, room, app->theme.background);
    viz_cut_left(&room, MARGIN);
    viz_cut_right(&room, MARGIN);
    app->seek = viz_cut_top(&room, SEEK_H);
    draw_seek(app, draw);
    Row row = {app, draw, {room.x, room.y, room.w, BUTTONS_H + 4}};
    arrow_button(&row, APP_DO_START, true, 2, "to the start (Home)");
    arrow_button(&row, APP_DO_BACK, true, 1, "a step back (left)");
    play_button(&row);
    arrow_button(&row, APP_DO_FORWARD, false, 1, "a step forward (right)");
    arrow_button(&row, APP_DO_END, false, 2, "to the end (End)");
    viz_cut_left(&row.room, 8);
    word_button(&row, APP_DO_LOOP, app->clock.loop, "loop", "start again at the end (l)");
    viz_cut_left(&row.room, 8);
    pace_buttons(&row);
    window_buttons(&row);
    if (app->options.open_next) {
        viz_cut_left(&row.room, 8);
        word_button(&row, APP_DO_LAST_SAMPLE, false, "\xe2\x86\x90 sample",
                    "the sample before (Page Up)");
        word_button(&row, APP_DO_NEXT_SAMPLE, false, "sample \xe2\x86\x92",
                    "the next sample (Page Down)");
    }
    draw_status(&row);
}

void app_transport_pressed(VizApp *app, int hit, float x, bool moved)
{
    if (hit == HIT_SEEK) {
        const double share = (double)((x - app->seek.x) / fmaxf(app->seek.w, 1));
        viz_clock_seek(&app->clock, share * (double)app->clock.timeline.end_us);
    } else if (hit >= HIT_DO && !moved) {
        app_do(app, (AppAction)(hit - HIT_DO));
    }
}
