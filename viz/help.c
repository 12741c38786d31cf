/* viz/help.c: what lies above the panels: the list of keys, or a tooltip. */
#include <math.h>
#include <string.h>

#include "viz/app_internal.h"

enum { ROW_H = 22, KEYS_W = 120, COLUMN_W = 420, PAD = 22, TIP_LINES = 8 };

/* --- keys -----------------------------------------------------------------------------
 */

typedef struct Column {
    VizApp *app;
    VizDraw *draw;
    VizRect card;
    float x, y, top, bottom;
} Column;

static void head(Column *at, const char *title)
{
    if (at->y > at->top)
        at->y += ROW_H / 2;
    if (at->y + 2 * ROW_H > at->bottom) {
        at->x += COLUMN_W;
        at->y = at->top;
    }
    viz_text(at->draw, VIZ_FONT_BOLD, at->x, at->y, VIZ_LEFT, at->app->theme.accent, "%s",
             title);
    at->y += ROW_H;
}

static void row(Column *at, const char *keys, const char *what)
{
    if (at->y + ROW_H > at->bottom) {
        at->x += COLUMN_W;
        at->y = at->top;
    }
    viz_text_within(at->draw, VIZ_FONT_BOLD, at->x, at->y, KEYS_W - 8, VIZ_LEFT,
                    at->app->theme.text, "%s", keys);
    viz_text_within(at->draw, VIZ_FONT_NORMAL, at->x + KEYS_W, at->y,
                    COLUMN_W - KEYS_W - 16, VIZ_LEFT, at->app->theme.dim, "%s", what);
    at->y += ROW_H;
}

static void draw_keys(VizApp *app)
{
    VizDraw *const draw = &app->overlay.draw;
    const VizRect all = {0, 0, app->w, app->h};
    const float columns = fminf(fmaxf(floorf((app->w - 80) / COLUMN_W), 1), 2);
    const float w = fminf(columns * COLUMN_W + 2 * PAD, app->w - 16);
    const float h = fminf(app->h - 40, 700);
    const VizRect card = {(app->w - w) / 2, (app->h - h) / 2, w, h};
    app->overlay.area = all;
    viz_draw_begin(draw, app->fonts, all);
    viz_rect(draw, all, viz_colour_fade(app->theme.background, 0.6f));
    viz_round_rect(draw, viz_inset(card, -1), 9, app->theme.edge);
    viz_round_rect(draw, card, 8, app->theme.panel);
    const VizRect former = viz_draw_clip(draw, card);
    Column at = {
        app, draw, card, card.x + PAD, card.y + PAD, card.y + PAD, card.y + h - PAD};
    head(&at, "Keys");
    for (const AppKey *key = app_keys; key->key; key++)
        if (key->keys)
            row(&at, key->keys, key->what);
    head(&at, "Mouse");
    row(&at, "click", "choose a layer, pick a neuron, press a button");
    row(&at, "wheel, drag", "zoom, pan");
    row(&at, "double click", "on a title: this panel alone");
    row(&at, "drop a file", "open it");
    if (app->focus != APP_NONE && app->panels[app->focus].panel->keys) {
        const VizPanel *const panel = app->panels[app->focus].panel;
        head(&at, panel->title);
        for (const VizPanelKey *key = panel->keys; key->keys; key++)
            row(&at, key->keys, key->what);
    }
    viz_draw_unclip(draw, former);
}

/* --- tooltips -------------------------------------------------------------------------
 */

static const char *tip_in(const AppSheet *sheet, VizPoint at)
{
    const VizHit *const hit = sheet->shown && viz_inside(sheet->area, at.x, at.y)
                                  ? viz_hit_at(&sheet->draw, at.x, at.y)
                                  : NULL;
    return hit ? viz_hit_tip(&sheet->draw, hit) : NULL;
}

static const char *find_tip(const VizApp *app)
{
    const char *tip = tip_in(&app->header, app->mouse);
    tip = tip ? tip : tip_in(&app->transport, app->mouse);
    for (size_t i = 0; !tip && i < app->n_panels; i++) {
        tip = tip_in(&app->panels[i].bar, app->mouse);
        tip = tip ? tip : tip_in(&app->panels[i].sheet, app->mouse);
    }
    return tip;
}

/* Cuts a text into lines at "\n". */
static size_t cut_lines(char *text, char **lines)
{
    size_t n = 0;
    for (char *rest = text, *line; n < TIP_LINES && (line = strsep(&rest, "\n"));)
        lines[n++] = line;
    return n;
}

static void draw_tip(VizApp *app, const char *tip)
{
    VizDraw *const draw = &app->overlay.draw;
    const VizRect all = {0, 0, app->w, app->h};
    char text[512], *lines[TIP_LINES];
    strncpy(text, tip, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const size_t n = cut_lines(text, lines);
    viz_draw_begin(draw, app->fonts, all);
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    float w = 0;
    for (size_t i = 0; i < n; i++)
        w = fmaxf(w, viz_text_width(draw, VIZ_FONT_SMALL, lines[i]));
    w = fminf(w + 16, app->w - 8);
    const float h = line * (float)n + 10;
    VizRect card = {app->mouse.x + 14, app->mouse.y + 16, w, h};
    if (card.x + w > app->w - 4)
        card.x = fmaxf(app->w - 4 - w, 4);
    if (card.y + h > app->h - 4)
        card.y = fmaxf(app->mouse.y - h - 8, 4);
    app->overlay.area = viz_inset(card, -2);
    viz_round_rect(draw, viz_inset(card, -1), 5, app->theme.edge);
    viz_round_rect(draw, card, 4, app->theme.raised);
    for (size_t i = 0; i < n; i++)
        viz_text_within(draw, VIZ_FONT_SMALL, card.x + 8, card.y + 5 + line * (float)i,
                        w - 12, VIZ_LEFT, app->theme.text, "%s", lines[i]);
}

void app_draw_overlay(VizApp *app)
{
    const char *tip = NULL;
    app->overlay.shown = app->help;
    if (app->help) {
        draw_keys(app);
        return;
    }
    if (app->mouse_here && app->pressed == APP_NOTHING)
        tip = find_tip(app);
    if (tip && *tip) {
        draw_tip(app, tip);
        app->overlay.shown = true;
    }
}
