/* viz/app.c: what is open, and a frame from the clock to pixels. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/app_internal.h"

enum { USUAL_SPAN = 160, MESSAGE_S = 5, MAX_CHANGED = 3 * APP_PANELS };
#define RING_BYTES ((size_t)256 << 20)

/* --- what is open ---------------------------------------------------------------------
 */

static int64_t after_events(void *argument, int64_t from_us, int64_t count)
{
    return viz_events_after(argument, from_us, count);
}

static void close_all(VizApp *app)
{
    for (size_t i = 0; i < VIZ_SIDES; i++) {
        viz_feed_destroy(app->view.sides[i].feed);
        app->view.sides[i] = (VizSide){0};
    }
    app->view.n_sides = 0;
    viz_events_close(app->view.events);
    app->view.events = NULL;
    free(app->step_spikes);
    app->step_spikes = NULL;
}

static void close_opened(VizOpened *opened)
{
    for (size_t i = 0; i < VIZ_SIDES; i++)
        if (opened->sources[i])
            opened->sources[i]->close(opened->sources[i]);
    viz_events_close(opened->events);
    *opened = (VizOpened){0};
}

static VizTimeline timeline_of(const VizView *view)
{
    VizTimeline line = {.timed = true};
    const VizSubject *const subject = view->sides[0].subject;
    if (subject && subject->n_steps > 0) {
        line.n_steps = subject->n_steps;
        line.edges_us = subject->edges_us;
        line.end_us = subject->edges_us[subject->n_steps];
        line.timed = subject->timed;
    } else if (view->events) {
        line.end_us = viz_events_info(view->events).end_us;
    }
    if (view->events) {
        line.after_events = after_events;
        line.argument = view->events;
    }
    return line;
}

/* A layer and neurons of the net before, where the new one has them as well. */
static void keep_choice(VizApp *app, const char *layer)
{
    const VizSubject *const subject = app->view.sides[0].subject;
    VizChoice *const choice = &app->choice;
    choice->layer = subject && *layer ? viz_subject_find(subject, layer) : -1;
    if (!subject || choice->layer < 0) {
        choice->n_picks = 0;
        choice->channel = -1;
    }
    for (size_t i = 0; i < choice->n_picks; i++) {
        const VizPick pick = choice->picks[i];
        if ((size_t)pick.layer >= subject->n_layers ||
            pick.neuron >= subject->layers[pick.layer].h * subject->layers[pick.layer].w *
                               subject->layers[pick.layer].c)
            choice->n_picks = i;
    }
    for (size_t i = 0; subject && choice->layer < 0 && i < subject->n_layers; i++)
        if (subject->layers[i].spiking)
            choice->layer = (int)i;
    if (subject && choice->layer < 0 && subject->n_layers > 0) /* none fires */
        choice->layer = subject->n_layers > 1;
}

static SimStatus take(VizApp *app, VizOpened *opened)
{
    SimStatus status = SIM_OK;
    const size_t bytes = app->options.ring_bytes ? app->options.ring_bytes : RING_BYTES;
    app->view.events = opened->events;
    opened->events = NULL;
    for (size_t i = 0; i < VIZ_SIDES && opened->sources[i]; i++) {
        VizSource *const source = opened->sources[i];
        opened->sources[i] = NULL;
        SIM_TRY(viz_feed_create(source, bytes, &app->view.sides[i].feed));
        app->view.sides[i].subject = viz_feed_subject(app->view.sides[i].feed);
        app->view.n_sides = i + 1;
    }
    const VizSubject *const subject = app->view.sides[0].subject;
    if (subject) {
        app->step_spikes = malloc((subject->n_steps + 1) * sizeof *app->step_spikes);
        for (size_t k = 0; app->step_spikes && k < subject->n_steps; k++)
            app->step_spikes[k] = NAN;
    }
out:
    return status;
}

void app_open(VizApp *app, VizOpened *opened)
{
    char layer[64] = "";
    const VizClock before = app->clock;
    const VizSubject *const former = app->view.sides[0].subject;
    if (former && app->choice.layer >= 0)
        snprintf(layer, sizeof layer, "%s", former->layers[app->choice.layer].name);
    close_all(app);
    if (take(app, opened) != SIM_OK)
        app_failed(app);
    close_opened(opened);
    viz_clock_init(&app->clock, timeline_of(&app->view));
    if (before.speed > 0) { /* how one looks stays as it was */
        app->clock.playing = before.playing;
        app->clock.loop = before.loop;
        app->clock.pace = before.pace;
        app->clock.speed = before.speed;
        app->clock.count = before.count;
    }
    if (opened->same_place && before.timeline.n_steps == app->clock.timeline.n_steps)
        viz_clock_seek(&app->clock, before.at_us);
    keep_choice(app, layer);
    app->repaint = true;
}

/* --- making ---------------------------------------------------------------------------
 */

static SimStatus make_panels(VizApp *app)
{
    for (const VizPanel *const *at = viz_panels; *at && app->n_panels < APP_PANELS;
         at++) {
        AppPanel *const p = &app->panels[app->n_panels];
        p->panel = *at;
        p->state = calloc(1, (*at)->state_bytes + 1);
        if (!p->state)
            return sim_fail(SIM_ERR_MEMORY, "no memory for the panel %s", (*at)->name);
        if (app->options.panel && strcmp(app->options.panel, (*at)->name) == 0)
            app->maximised = app->focus = (int)app->n_panels;
        if (app->options.focus && app->focus == APP_NONE &&
            strcmp(app->options.focus, (*at)->name) == 0)
            app->focus = (int)app->n_panels;
        app->n_panels++;
    }
    return SIM_OK;
}

SimStatus viz_app_create(const VizAppOptions *options, VizApp **out)
{
    SimStatus status = SIM_OK;
    VizOpened first = options->first;
    VizApp *app = calloc(1, sizeof *app);
    if (!app) {
        close_opened(&first);
        return sim_fail(SIM_ERR_MEMORY, "no memory for the viewer");
    }
    app->options = *options;
    app->options.name = options->name ? options->name : "apical";
    app->maximised = app->focus = APP_NONE;
    for (int i = 0; i < VIZ_PLACES; i++)
        app->shown[i] = APP_NONE;
    app->choice.layer = app->choice.channel = -1;
    app->view.theme = &app->theme;
    app->view.clock = &app->clock;
    app->view.choice = &app->choice;
    app->view.headless = options->headless;
    app->view.n_runs = options->n_runs;
    memcpy(app->view.runs, options->runs, sizeof app->view.runs);
    app->changed = calloc(MAX_CHANGED, sizeof *app->changed);
    if (!app->changed) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for the viewer");
        goto out;
    }
    app_theme(app, !options->light);
    SIM_TRY(make_panels(app));
    if (options->panel && app->maximised == APP_NONE) {
        const char *names[APP_PANELS + 1] = {0};
        for (size_t i = 0; i < app->n_panels; i++)
            names[i] = app->panels[i].panel->name;
        status = sim_unknown(options->panel, names, NULL, "no panel is called");
        goto out;
    }
    app_open(app, &first);
    *out = app;
    app = NULL;
out:
    close_opened(&first);
    viz_app_destroy(app);
    return status;
}

static void destroy_sheet(AppSheet *sheet)
{
    viz_draw_destroy(&sheet->draw);
}

void viz_app_destroy(VizApp *app)
{
    if (!app)
        return;
    app_record_stop(app);
    for (size_t i = 0; i < app->n_panels; i++) {
        AppPanel *const p = &app->panels[i];
        if (p->panel->destroy)
            p->panel->destroy(p->state);
        free(p->state);
        destroy_sheet(&p->bar);
        destroy_sheet(&p->sheet);
    }
    close_all(app);
    destroy_sheet(&app->header);
    destroy_sheet(&app->transport);
    destroy_sheet(&app->overlay);
    free(app->surface.pixels);
    free(app->changed);
    free(app);
}

/* --- small things ---------------------------------------------------------------------
 */

void app_theme(VizApp *app, bool dark)
{
    viz_theme_make(dark, &app->theme);
    app->repaint = true;
}

void viz_app_say(VizApp *app, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(app->message, sizeof app->message, format, arguments);
    va_end(arguments);
    app->message_until_s = app->wall_s + MESSAGE_S;
}

void app_failed(VizApp *app)
{
    viz_app_say(app, "%s", sim_message());
}

bool viz_app_wants_quit(const VizApp *app)
{
    return app->quit;
}

const char *viz_app_panel(const VizApp *app)
{
    return app->focus == APP_NONE ? "" : app->panels[app->focus].panel->name;
}

VizClock *viz_app_clock(VizApp *app)
{
    return &app->clock;
}

const VizView *viz_app_view(const VizApp *app)
{
    return &app->view;
}

void viz_app_drop(VizApp *app, const char *path)
{
    VizOpened opened = {0};
    if (!app->options.open_file)
        viz_app_say(app, "files cannot be opened here");
    else if (app->options.open_file(app->options.argument, path, &opened) == SIM_OK)
        app_open(app, &opened);
    else
        app_failed(app);
}

/* --- a frame: time --------------------------------------------------------------------
 */

static int64_t ready_us(const VizApp *app)
{
    int64_t ready = INT64_MAX;
    for (size_t i = 0; i < app->view.n_sides; i++) {
        const VizSide *const side = &app->view.sides[i];
        const size_t n = side->subject->n_steps, step = viz_feed_ready(side->feed);
        if (step < n && !viz_feed_error(side->feed) &&
            side->subject->edges_us[step] - 1 < ready)
            ready = side->subject->edges_us[step] - 1;
    }
    return ready;
}

static void look_for_changes(VizApp *app)
{
    VizOpened opened = {0};
    if (!app->options.has_changed || app->recorder ||
        app->wall_s - app->changed_asked_s < 1)
        return;
    app->changed_asked_s = app->wall_s;
    if (!app->options.has_changed(app->options.argument))
        return;
    if (app->options.open_changed(app->options.argument, &opened) == SIM_OK) {
        opened.same_place = true;
        app_open(app, &opened);
    }
}

static void move_time(VizApp *app, double wall_s)
{
    app->wall_s += wall_s;
    app->view.wall_s = app->wall_s;
    look_for_changes(app);
    if (app->clock.timeline.n_steps == 0 && app->view.events)
        app->clock.timeline.end_us = viz_events_info(app->view.events).end_us;
    if (!app->recorder)
        viz_clock_advance(&app->clock, wall_s < 0.1 ? wall_s : 0.1, ready_us(app));
}

/* The steps on the time axes: all, or a stretch that the cursor is always in. */
static void choose_span(VizApp *app)
{
    VizView *const view = &app->view;
    const VizSide *const side = &view->sides[0];
    view->now = viz_clock_now(&app->clock);
    if (!side->subject || side->subject->n_steps == 0) {
        view->first = view->end = 0;
        return;
    }
    const size_t n = side->subject->n_steps;
    size_t span = app->choice.span ? app->choice.span : USUAL_SPAN;
    const size_t room = viz_feed_room(side->feed);
    span = span > room ? room : span;
    if (span >= n) {
        view->first = 0;
        view->end = n;
        return;
    }
    size_t first = view->first;
    if (view->now < first || view->now >= first + span)
        first = view->now > span / 2 ? view->now - span / 2 : 0;
    else if (view->now > first + span - span / 8 - 1)
        first = view->now + span / 8 + 1 - span; /* scrolls */
    view->first = first + span > n ? n - span : first;
    view->end = view->first + span;
}

static VizWants wants_of(const VizApp *app, size_t side)
{
    VizWants wants = {.layer = app->choice.layer, .n_picks = app->choice.n_picks};
    memcpy(wants.picks, app->choice.picks, sizeof wants.picks);
    if (side == 0)
        return wants;
    /* The other net: layers of the same name and size. */
    const VizSubject *const from = app->view.sides[0].subject;
    const VizSubject *const to = app->view.sides[side].subject;
    wants.n_picks = 0;
    wants.layer =
        wants.layer < 0 ? -1 : viz_subject_find(to, from->layers[wants.layer].name);
    for (size_t i = 0; i < app->choice.n_picks; i++) {
        VizPick pick = app->choice.picks[i];
        pick.layer = viz_subject_find(to, from->layers[pick.layer].name);
        if (pick.layer >= 0 && pick.neuron < to->layers[pick.layer].h *
                                                 to->layers[pick.layer].w *
                                                 to->layers[pick.layer].c)
            wants.picks[wants.n_picks++] = pick;
    }
    return wants;
}

static void look(VizApp *app)
{
    VizView *const view = &app->view;
    choose_span(app);
    for (size_t i = 0; i < view->n_sides; i++) {
        const VizWants wants = wants_of(app, i);
        viz_feed_frame(view->sides[i].feed, view->now, view->first, view->end, &wants);
    }
    for (size_t k = view->first; app->step_spikes && k < view->end; k++) {
        const VizStep *const step = viz_view_step(view, k);
        if (!step || !isnan(app->step_spikes[k]))
            continue;
        double sum = 0;
        for (size_t i = 0; i < view->sides[0].subject->n_layers; i++)
            sum += step->n_spikes[i];
        app->step_spikes[k] = (float)sum;
    }
}

/* --- a frame: drawing -----------------------------------------------------------------
 */

static void draw_panel(VizApp *app, size_t i)
{
    AppPanel *const p = &app->panels[i];
    p->bar.shown = p->sheet.shown = p->area.w > 0;
    if (!p->sheet.shown)
        return;
    app->view.mouse = app->mouse;
    app->view.mouse_here = app->mouse_here && !app->help &&
                           viz_inside(p->inside, app->mouse.x, app->mouse.y);
    p->sheet.area = p->inside;
    viz_draw_begin(&p->sheet.draw, app->fonts, p->inside);
    viz_rect(&p->sheet.draw, p->inside, app->theme.panel);
    p->panel->draw(p->state, &app->view, &p->sheet.draw, p->inside);
    app_draw_bar(app, i);
}

static void draw_all(VizApp *app)
{
    const bool bare = app->options.headless && app->options.panel;
    app->header.shown = app->transport.shown = !bare;
    for (size_t i = 0; i < app->n_panels; i++)
        draw_panel(app, i);
    if (!bare) {
        app_draw_header(app);
        app_draw_transport(app);
    }
}

/* --- a frame: painting ----------------------------------------------------------------
 */

static bool same_rect(VizRect a, VizRect b)
{
    return a.x == b.x && a.y == b.y && a.w == b.w && a.h == b.h;
}

static bool meets(VizRect a, VizRect b)
{
    const VizRect both = viz_overlap(a, b);
    return both.w > 0 && both.h > 0;
}

static void note_change(VizApp *app, VizRect area)
{
    const float scale = app->fonts->scale;
    if (app->n_changed < MAX_CHANGED)
        app->changed[app->n_changed++] =
            (VizRect){floorf(area.x * scale), floorf(area.y * scale),
                      ceilf(area.w * scale) + 1, ceilf(area.h * scale) + 1};
}

static AppSheet *sheet_at(VizApp *app, size_t i) /* all below the overlay, then NULL */
{
    if (i < 2)
        return i == 0 ? &app->header : &app->transport;
    const size_t panel = (i - 2) / 2;
    if (panel >= app->n_panels)
        return NULL;
    return i % 2 ? &app->panels[panel].sheet : &app->panels[panel].bar;
}

/* A sheet is painted when it changed, or when something no longer lies on it. */
static bool find_dirty(VizApp *app, VizRect uncovered)
{
    bool any = false;
    AppSheet *sheet;
    for (size_t i = 0; (sheet = sheet_at(app, i)); i++) {
        const uint64_t hash = sheet->shown ? viz_draw_hash(&sheet->draw) : 0;
        sheet->dirty = sheet->shown && (app->repaint || hash != sheet->hash ||
                                        meets(sheet->area, uncovered));
        sheet->hash = hash;
        any = any || sheet->dirty;
    }
    return any;
}

static bool make_surface(VizApp *app, size_t w, size_t h)
{
    if (w == app->surface.w && h == app->surface.h)
        return true;
    if (w * h > app->surface_room) {
        free(app->surface.pixels);
        app->surface = (VizSurface){0};
        app->surface.pixels = malloc(w * h * sizeof *app->surface.pixels);
        app->surface_room = app->surface.pixels ? w * h : 0;
        if (!app->surface.pixels)
            return false;
    }
    app->surface.w = w;
    app->surface.h = h;
    app->repaint = true;
    return true;
}

static void paint_background(VizApp *app)
{
    const size_t n = app->surface.w * app->surface.h;
    for (size_t i = 0; i < n; i++)
        app->surface.pixels[i] = app->theme.background;
}

static void paint_all(VizApp *app)
{
    AppSheet *const overlay = &app->overlay, *sheet;
    const VizRect before = overlay->shown ? overlay->area : (VizRect){0};
    const uint64_t hash_before = overlay->hash;
    app_draw_overlay(app);
    overlay->hash = overlay->shown ? viz_draw_hash(&overlay->draw) : 0;
    const bool moved = overlay->hash != hash_before;
    app->repaint = app->repaint || app->help != app->had_help;
    app->had_help = app->help;
    bool any = find_dirty(app, moved ? before : (VizRect){0});
    if (app->help && any && !app->repaint) { /* it shines through: from the ground up */
        app->repaint = true;
        find_dirty(app, (VizRect){0});
    }
    app->n_changed = 0;
    if (app->repaint) {
        paint_background(app);
        note_change(app, (VizRect){0, 0, app->w, app->h});
    }
    for (size_t i = 0; (sheet = sheet_at(app, i)); i++)
        if (sheet->dirty) {
            viz_paint(&sheet->draw, &app->surface);
            note_change(app, sheet->area);
        }
    if (overlay->shown && (any || moved || app->repaint)) {
        viz_paint(&overlay->draw, &app->surface);
        note_change(app, overlay->area);
    }
    app->repaint = false;
}

/* A panel that appears, goes or moves leaves gaps: then everything is painted. */
static void notice_moves(VizApp *app, const VizRect *before)
{
    for (size_t i = 0; i < app->n_panels; i++)
        app->repaint = app->repaint || !same_rect(before[i], app->panels[i].area);
}

void app_draw_and_paint(VizApp *app, size_t w, size_t h)
{
    VizRect before[APP_PANELS];
    const float scale = app->fonts->scale;
    for (size_t i = 0; i < app->n_panels; i++)
        before[i] = app->panels[i].area;
    app_layout(app, (float)w / scale, (float)h / scale);
    notice_moves(app, before);
    look(app);
    draw_all(app);
    if (make_surface(app, w, h))
        paint_all(app);
}

const VizSurface *viz_app_frame(VizApp *app, double wall_s, size_t w, size_t h,
                                const VizFonts *fonts)
{
    app->repaint = app->repaint || fonts != app->fonts;
    app->fonts = fonts;
    move_time(app, wall_s);
    if (app->recorder && !app_record_place(app))
        app_record_stop(app);
    if (app->recorder && viz_app_settle(app, w, h, fonts) != SIM_OK)
        app_failed(app);
    app_draw_and_paint(app, w, h);
    if (app->recorder)
        app_record_frame(app);
    app->idle_s = app->n_changed ? 0 : app->idle_s + wall_s;
    return app->surface.pixels ? &app->surface : NULL;
}

size_t viz_app_changed(const VizApp *app, const VizRect **out)
{
    *out = app->changed;
    return app->n_changed;
}

void viz_app_title(const VizApp *app, char *text, size_t size)
{
    if (app->recorder)
        snprintf(text, size, "Apical: writing pictures, %.0f %% (v stops)",
                 100 * app_record_share(app));
    else
        snprintf(text, size, "Apical");
}

bool viz_app_is_idle(const VizApp *app)
{
    return !app->clock.playing && !app->recorder && app->idle_s > 0.3;
}

SimStatus viz_app_settle(VizApp *app, size_t w, size_t h, const VizFonts *fonts)
{
    app->fonts = fonts;
    app_layout(app, (float)w / fonts->scale, (float)h / fonts->scale);
    if (app->view.events && app->options.headless) {
        viz_events_wait(app->view.events);
        if (app->clock.timeline.n_steps == 0)
            app->clock.timeline.end_us = viz_events_info(app->view.events).end_us;
    }
    look(app);
    for (size_t i = 0; i < app->view.n_sides; i++) {
        const SimStatus status = viz_feed_wait(app->view.sides[i].feed);
        if (status != SIM_OK)
            return status;
    }
    return SIM_OK;
}
