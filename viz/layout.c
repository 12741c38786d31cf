/* viz/layout.c: which panel lies where.
 *
 *     +------------------------------------------+
 *     | STRIP                                    |     wide windows; where a place has
 *     +----------+-------------------+-----------+     nothing to show its neighbours
 *     | INPUT    | MAIN              | TIME      |     take the room
 *     +----------+                   +-----------+
 *     | ANSWER   |                   | DETAIL    |
 *     +----------+-------------------+-----------+
 *
 * A small window has one place, with a tab for each panel. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "viz/app_internal.h"
#include "viz/plot.h"

enum { GAP = 6, SMALL_W = 760, SMALL_H = 460, MIDDLE_W = 1080 };
enum { HIT_GRAB = 1, HIT_MAXIMISE, HIT_TABS };

bool app_is_available(const VizApp *app, size_t panel)
{
    const VizPanel *const p = app->panels[panel].panel;
    /* All around the middle is about a net or its input. */
    if (!app->view.sides[0].subject && p->place != VIZ_PLACE_MAIN &&
        p->place != VIZ_PLACE_INPUT)
        return false;
    return !p->available || p->available(&app->view);
}

/* The panel on top of a place: the one chosen, else the first that has something. */
static int top_of(const VizApp *app, VizPlace place)
{
    const int chosen = app->shown[place];
    if (chosen != APP_NONE && app_is_available(app, (size_t)chosen))
        return chosen;
    for (size_t i = 0; i < app->n_panels; i++)
        if (app->panels[i].panel->place == place && app_is_available(app, i))
            return (int)i;
    return APP_NONE;
}

static bool is_single(const VizApp *app)
{
    return app->w < SMALL_W || app->h < SMALL_H || !app->view.sides[0].subject;
}

static void put(VizApp *app, int panel, VizRect area)
{
    if (panel == APP_NONE || area.w <= 0 || area.h <= 0)
        return;
    AppPanel *const p = &app->panels[panel];
    p->area = area;
    p->inside = area;
    viz_cut_top(&p->inside, 26);
}

/* Two places one above the other, either of which may be empty. */
static void put_column(VizApp *app, VizRect column, VizPlace above, VizPlace below,
                       float share)
{
    const int a = top_of(app, above), b = top_of(app, below);
    if (a != APP_NONE && b != APP_NONE) {
        put(app, a, viz_cut_top(&column, roundf(column.h * share)));
        viz_cut_top(&column, GAP);
        put(app, b, column);
    } else {
        put(app, a != APP_NONE ? a : b, column);
    }
}

static bool has_any(const VizApp *app, VizPlace a, VizPlace b)
{
    return top_of(app, a) != APP_NONE || top_of(app, b) != APP_NONE;
}

static void put_all(VizApp *app, VizRect room)
{
    const int strip = top_of(app, VIZ_PLACE_STRIP), main = top_of(app, VIZ_PLACE_MAIN);
    if (strip != APP_NONE) {
        const float height = fminf(fmaxf(room.h * 0.17f, 104), 190);
        put(app, strip, viz_cut_top(&room, roundf(height)));
        viz_cut_top(&room, GAP);
    }
    const bool left = has_any(app, VIZ_PLACE_INPUT, VIZ_PLACE_ANSWER);
    const bool right = has_any(app, VIZ_PLACE_TIME, VIZ_PLACE_DETAIL);
    const bool narrow = app->w < MIDDLE_W;
    if (narrow && left && right) { /* two columns: the middle above the right one */
        VizRect column = viz_cut_left(&room, roundf(room.w * 0.36f));
        viz_cut_left(&room, GAP);
        put_column(app, column, VIZ_PLACE_INPUT, VIZ_PLACE_ANSWER, 0.55f);
        put(app, main, viz_cut_top(&room, roundf(room.h * 0.45f)));
        viz_cut_top(&room, GAP);
        put_column(app, room, VIZ_PLACE_TIME, VIZ_PLACE_DETAIL, 0.55f);
        return;
    }
    if (left) {
        const float share = main == APP_NONE ? 0.45f : 0.25f;
        VizRect column = viz_cut_left(&room, roundf(room.w * share));
        viz_cut_left(&room, GAP);
        put_column(app, column, VIZ_PLACE_INPUT, VIZ_PLACE_ANSWER,
                   fminf((column.w + 56) / fmaxf(column.h, 1), 0.58f));
    }
    if (right && main != APP_NONE) {
        VizRect column = viz_cut_right(&room, roundf(room.w * 0.50f));
        viz_cut_right(&room, GAP);
        put_column(app, column, VIZ_PLACE_TIME, VIZ_PLACE_DETAIL, 0.55f);
    } else if (right) {
        put_column(app, room, VIZ_PLACE_TIME, VIZ_PLACE_DETAIL, 0.55f);
    }
    put(app, main, room);
}

void app_layout(VizApp *app, float w, float h)
{
    app->w = w;
    app->h = h;
    for (size_t i = 0; i < app->n_panels; i++)
        app->panels[i].area = app->panels[i].inside = (VizRect){0};
    VizRect room = {0, 0, w, h};
    const bool bare = app->options.headless && app->options.panel;
    if (!bare) {
        app->header.area = viz_cut_top(&room, app_header_height(app));
        app->transport.area = viz_cut_bottom(&room, app_transport_height(app));
        room = viz_inset(room, GAP);
        room.y -= GAP;
        room.h += GAP;
    }
    app->frame = room;
    int only = app->maximised;
    if (only != APP_NONE && !app_is_available(app, (size_t)only) && !bare)
        only = APP_NONE;
    if (only == APP_NONE && is_single(app)) {
        if (app->focus != APP_NONE && app_is_available(app, (size_t)app->focus))
            only = app->focus;
        for (size_t i = 0; only == APP_NONE && i < app->n_panels; i++)
            if (app_is_available(app, i))
                only = (int)i;
    }
    if (only != APP_NONE)
        put(app, only, room);
    else
        put_all(app, room);
}

void app_show_panel(VizApp *app, size_t panel)
{
    app->shown[app->panels[panel].panel->place] = (int)panel;
    app->focus = (int)panel;
    if (app->maximised != APP_NONE)
        app->maximised = (int)panel;
}

/* --- title bars -----------------------------------------------------------------------
 */

/* Tabs of the panels that could be in this place; of all where there is one place. */
static bool is_tab_of(const VizApp *app, size_t tab, size_t panel)
{
    if (!app_is_available(app, tab))
        return tab == panel;
    return app->maximised != APP_NONE || is_single(app) ||
           app->panels[tab].panel->place == app->panels[panel].panel->place;
}

static void draw_maximise(VizDraw *draw, const VizTheme *theme, VizRect area, bool large)
{
    const float size = large ? 7 : 10;
    const VizRect square = {area.x + (area.w - size) / 2, area.y + (area.h - size) / 2,
                            size, size};
    viz_frame(draw, square, 1.5f, theme->dim);
    viz_hit(draw, area, HIT_MAXIMISE, "%s",
            large ? "back to all panels (f)" : "this panel alone (f)");
}

void app_draw_bar(VizApp *app, size_t panel)
{
    AppPanel *const p = &app->panels[panel];
    VizDraw *const draw = &p->bar.draw;
    const VizTheme *const theme = &app->theme;
    VizRect bar = p->area;
    bar.h = p->inside.y - p->area.y;
    p->bar.area = bar;
    viz_draw_begin(draw, app->fonts, bar);
    viz_rect(draw, bar, theme->panel);
    viz_hit(draw, bar, HIT_GRAB, NULL);
    const bool bare = app->options.headless && app->options.panel;
    if (!bare)
        draw_maximise(draw, theme, viz_cut_right(&bar, 26), app->maximised == (int)panel);
    const float line = viz_line_height(draw, VIZ_FONT_BOLD);
    const float y = bar.y + (bar.h - line) / 2;
    float x = bar.x + 10;
    for (size_t i = 0; i < app->n_panels; i++) {
        if (bare ? i != panel : !is_tab_of(app, i, panel))
            continue;
        const char *const title = app->panels[i].panel->title;
        const float width = viz_text_width(draw, VIZ_FONT_BOLD, title);
        if (i != panel && x + width > bar.x + bar.w)
            break;
        viz_text(draw, VIZ_FONT_BOLD, x, y, VIZ_LEFT,
                 i == panel ? theme->text : theme->dim, "%s", title);
        const VizRect area = {x - 6, bar.y, width + 12, bar.h};
        if (i == panel)
            viz_rect(draw, (VizRect){x, bar.y + bar.h - 2, width, 2},
                     app->focus == (int)panel ? theme->accent : theme->edge);
        viz_hit(draw, area, HIT_TABS + (int)i, "%s", app->panels[i].panel->summary);
        x += width + 16;
    }
    char caption[160] = "";
    if (p->panel->caption)
        p->panel->caption(p->state, &app->view, caption, sizeof caption);
    if (*caption && bar.x + bar.w - x > 40) {
        const float small = viz_line_height(draw, VIZ_FONT_SMALL);
        viz_text_within(draw, VIZ_FONT_SMALL, bar.x + bar.w - 4,
                        bar.y + (bar.h - small) / 2 + 1, bar.x + bar.w - x - 8, VIZ_RIGHT,
                        theme->dim, "%s", caption);
    }
}

void app_bar_pressed(VizApp *app, size_t panel, int hit, int clicks)
{
    if (hit >= HIT_TABS && hit - HIT_TABS != (int)panel)
        app_show_panel(app, (size_t)(hit - HIT_TABS));
    else if (hit == HIT_MAXIMISE || clicks == 2)
        app->maximised = app->maximised == (int)panel ? APP_NONE : (int)panel;
}
