/* viz/actions.c: keys and the mouse, and what they do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/app_internal.h"

enum { STEPS_MORE = 10 };

const AppKey app_keys[] = {
    {' ', false, APP_DO_PLAY, "space", "play, pause"},
    {VIZ_KEY_LEFT, false, APP_DO_BACK, "\xe2\x86\x90 \xe2\x86\x92",
     "a step back, forward"},
    {VIZ_KEY_RIGHT, false, APP_DO_FORWARD, NULL, NULL},
    {',', false, APP_DO_BACK, NULL, NULL},
    {'.', false, APP_DO_FORWARD, NULL, NULL},
    {VIZ_KEY_LEFT, true, APP_DO_BACK_MORE, "shift \xe2\x86\x90 \xe2\x86\x92",
     "ten steps"},
    {VIZ_KEY_RIGHT, true, APP_DO_FORWARD_MORE, NULL, NULL},
    {VIZ_KEY_HOME, false, APP_DO_START, "Home End", "to the start, the end"},
    {VIZ_KEY_END, false, APP_DO_END, NULL, NULL},
    {'-', false, APP_DO_SLOWER, "- +", "slower, faster; fewer, more events"},
    {'+', false, APP_DO_FASTER, NULL, NULL},
    {'=', false, APP_DO_FASTER, NULL, NULL},
    {'c', false, APP_DO_PACE, "c", "by time, by number of events, at full speed"},
    {'[', false, APP_DO_LESS, "[ ]", "shorter, longer window of events"},
    {']', false, APP_DO_MORE, NULL, NULL},
    {'l', false, APP_DO_LOOP, "l", "loop"},
    {'i', false, APP_DO_IN, "i o", "in and out point at the cursor"},
    {'o', false, APP_DO_OUT, NULL, NULL},
    {'u', false, APP_DO_NO_POINTS, "u", "no in and out points"},
    {'m', false, APP_DO_MARK, "m", "set a marker, or take it away"},
    {'<', false, APP_DO_MARK_BACK, "< >", "to the marker before, behind"},
    {'>', false, APP_DO_MARK_FORWARD, NULL, NULL},
    {VIZ_KEY_PAGE_DOWN, false, APP_DO_NEXT_SAMPLE, "Page Down, Up",
     "the next sample, the one before"},
    {VIZ_KEY_PAGE_UP, false, APP_DO_LAST_SAMPLE, NULL, NULL},
    {'j', false, APP_DO_LAYER_FORWARD, "j k", "the next layer, the one before"},
    {'k', false, APP_DO_LAYER_BACK, NULL, NULL},
    {'x', false, APP_DO_UNPICK, "x", "let go of all picked neurons"},
    {VIZ_KEY_TAB, false, APP_DO_NEXT_PANEL, "Tab, shift Tab",
     "the next panel, the one before"},
    {VIZ_KEY_TAB, true, APP_DO_LAST_PANEL, NULL, NULL},
    {'f', false, APP_DO_MAXIMISE, "f, Enter", "this panel alone, all panels"},
    {VIZ_KEY_ENTER, false, APP_DO_MAXIMISE, NULL, NULL},
    {'t', false, APP_DO_THEME, "t", "dark or light"},
    {'s', false, APP_DO_PICTURE, "s", "the window as PNG"},
    {'S', false, APP_DO_PANEL_PICTURE, "S", "this panel as PNG"},
    {'e', false, APP_DO_TABLE, "e", "the data of this panel as CSV"},
    {'v', false, APP_DO_VIDEO, "v", "video from in to out point; stop"},
    {'?', false, APP_DO_HELP, "?", "these keys"},
    {'h', false, APP_DO_HELP, NULL, NULL},
    {VIZ_KEY_ESCAPE, false, APP_DO_CLOSE, "Esc", "back, and at last out"},
    {'q', false, APP_DO_QUIT, "q", "quit"},
    {0, false, APP_DO_QUIT, NULL, NULL},
};

/* --- what they do ---------------------------------------------------------------------
 */

static void next_sample(VizApp *app, int by)
{
    VizOpened opened = {0};
    if (!app->options.open_next) {
        viz_app_say(app, "there is only this one sample");
        return;
    }
    if (app->options.open_next(app->options.argument, by, &opened) == SIM_OK)
        app_open(app, &opened);
    else
        app_failed(app);
}

/* Through the layers that fire, else through all. */
static void next_layer(VizApp *app, int by)
{
    const VizSubject *const subject = app->view.sides[0].subject;
    if (!subject || subject->n_layers == 0)
        return;
    const int n = (int)subject->n_layers;
    bool any = false;
    for (int i = 0; i < n; i++)
        any = any || subject->layers[i].spiking;
    int at = app->choice.layer;
    do
        at = (at + by + n) % n;
    while (any && !subject->layers[at].spiking);
    viz_view_choose_layer(&app->view, at);
}

static void next_panel(VizApp *app, int by)
{
    const int n = (int)app->n_panels;
    int at = app->focus == APP_NONE ? 0 : app->focus;
    for (int i = 0; i < n; i++) {
        at = (at + by + n) % n;
        if (app_is_available(app, (size_t)at)) {
            app_show_panel(app, (size_t)at);
            return;
        }
    }
}

static void change_window(VizApp *app, double factor)
{
    const double window = (double)app->clock.window_us * factor;
    const double most = fmax((double)app->clock.timeline.end_us, 1);
    app->clock.window_us = (int64_t)fmax(fmin(window, most), 100);
}

static void change_pace(VizApp *app)
{
    VizClock *const clock = &app->clock;
    clock->pace = clock->pace == VIZ_PACE_TIME && app->view.events ? VIZ_PACE_COUNT
                  : clock->pace == VIZ_PACE_MAX                    ? VIZ_PACE_TIME
                                                                   : VIZ_PACE_MAX;
}

static void change_speed(VizApp *app, int by)
{
    VizClock *const clock = &app->clock;
    if (clock->pace != VIZ_PACE_COUNT) {
        clock->pace = VIZ_PACE_TIME;
        viz_clock_faster(clock, by);
        return;
    }
    const int64_t lead = clock->count;
    int64_t power = 1;
    while (lead / power >= 10)
        power *= 10;
    const int64_t first = lead / power;
    if (by > 0)
        clock->count = first < 2 ? 2 * power : first < 5 ? 5 * power : 10 * power;
    else
        clock->count = first > 2 ? 2 * power : first > 1 ? power : power / 2;
    clock->count = clock->count < 10        ? 10
                   : clock->count > 1000000 ? 1000000
                                            : clock->count;
}

static void set_out(VizApp *app)
{
    VizClock *const clock = &app->clock;
    const size_t now = viz_clock_now(clock);
    clock->out_us = clock->timeline.n_steps ? clock->timeline.edges_us[now + 1]
                                            : (int64_t)clock->at_us;
    if (clock->in_us >= clock->out_us)
        clock->in_us = 0;
}

static void set_in(VizApp *app)
{
    VizClock *const clock = &app->clock;
    clock->in_us = (int64_t)clock->at_us;
    if (clock->out_us > 0 && clock->out_us <= clock->in_us)
        clock->out_us = 0;
}

static void close_one(VizApp *app)
{
    if (app->help)
        app->help = false;
    else if (app->recorder)
        app_record_stop(app);
    else if (app->maximised != APP_NONE)
        app->maximised = APP_NONE;
    else
        app->quit = true;
}

static void make_video(VizApp *app)
{
    if (app->recorder)
        app_record_stop(app);
    else if (app_record_start(app, NULL, 30) != SIM_OK)
        app_failed(app);
}

void app_do(VizApp *app, AppAction action)
{
    VizClock *const clock = &app->clock;
    switch (action) {
    case APP_DO_PLAY:
        viz_clock_play(clock, !clock->playing);
        break;
    case APP_DO_BACK:
        viz_clock_step(clock, -1);
        break;
    case APP_DO_FORWARD:
        viz_clock_step(clock, 1);
        break;
    case APP_DO_BACK_MORE:
        viz_clock_step(clock, -STEPS_MORE);
        break;
    case APP_DO_FORWARD_MORE:
        viz_clock_step(clock, STEPS_MORE);
        break;
    case APP_DO_START:
        viz_clock_seek(clock, (double)clock->in_us);
        break;
    case APP_DO_END:
        viz_clock_seek(clock, (double)viz_clock_out(clock));
        break;
    case APP_DO_SLOWER:
        change_speed(app, -1);
        break;
    case APP_DO_FASTER:
        change_speed(app, 1);
        break;
    case APP_DO_PACE:
        change_pace(app);
        break;
    case APP_DO_LESS:
        change_window(app, 0.5);
        break;
    case APP_DO_MORE:
        change_window(app, 2);
        break;
    case APP_DO_LOOP:
        clock->loop = !clock->loop;
        break;
    case APP_DO_IN:
        set_in(app);
        break;
    case APP_DO_OUT:
        set_out(app);
        break;
    case APP_DO_NO_POINTS:
        clock->in_us = clock->out_us = 0;
        break;
    case APP_DO_MARK:
        viz_clock_mark(clock);
        break;
    case APP_DO_MARK_BACK:
        viz_clock_next_marker(clock, -1);
        break;
    case APP_DO_MARK_FORWARD:
        viz_clock_next_marker(clock, 1);
        break;
    case APP_DO_NEXT_SAMPLE:
        next_sample(app, 1);
        break;
    case APP_DO_LAST_SAMPLE:
        next_sample(app, -1);
        break;
    case APP_DO_LAYER_BACK:
        next_layer(app, -1);
        break;
    case APP_DO_LAYER_FORWARD:
        next_layer(app, 1);
        break;
    case APP_DO_UNPICK:
        app->choice.n_picks = 0;
        break;
    case APP_DO_NEXT_PANEL:
        next_panel(app, 1);
        break;
    case APP_DO_LAST_PANEL:
        next_panel(app, -1);
        break;
    case APP_DO_MAXIMISE:
        app->maximised = app->maximised == APP_NONE ? app->focus : APP_NONE;
        break;
    case APP_DO_THEME:
        app_theme(app, !app->theme.dark);
        break;
    case APP_DO_PICTURE:
        if (app_write_picture(app, APP_NONE) != SIM_OK)
            app_failed(app);
        break;
    case APP_DO_PANEL_PICTURE:
        if (app_write_picture(app, app->focus) != SIM_OK)
            app_failed(app);
        break;
    case APP_DO_TABLE:
        if (app_write_table(app, app->focus) != SIM_OK)
            app_failed(app);
        break;
    case APP_DO_VIDEO:
        make_video(app);
        break;
    case APP_DO_HELP:
        app->help = !app->help;
        break;
    case APP_DO_CLOSE:
        close_one(app);
        break;
    case APP_DO_QUIT:
    case APP_ACTIONS:
        app->quit = true;
        break;
    }
}

/* --- who is meant ---------------------------------------------------------------------
 */

static int panel_at(const VizApp *app, float x, float y)
{
    for (size_t i = 0; i < app->n_panels; i++)
        if (viz_inside(app->panels[i].area, x, y))
            return (int)i;
    return APP_NONE;
}

static int hit_in(const VizDraw *draw, float x, float y)
{
    const VizHit *const hit = viz_hit_at(draw, x, y);
    return hit ? hit->id : -1;
}

static bool tell_panel(VizApp *app, int panel, const VizInput *input)
{
    AppPanel *const p = &app->panels[panel];
    return p->panel->input && p->inside.w > 0 &&
           p->panel->input(p->state, &app->view, input, p->inside);
}

static void press(VizApp *app, VizInput *input)
{
    const float x = input->x, y = input->y;
    app->pressed = APP_NOTHING;
    if (app->help) {
        app->help = false;
        return;
    }
    if (viz_inside(app->header.area, x, y)) {
        app_header_pressed(app, hit_in(&app->header.draw, x, y));
        return;
    }
    if (viz_inside(app->transport.area, x, y)) {
        app->pressed = APP_TRANSPORT;
        app->pressed_hit = hit_in(&app->transport.draw, x, y);
        app_transport_pressed(app, app->pressed_hit, x, false);
        return;
    }
    const int panel = panel_at(app, x, y);
    if (panel == APP_NONE)
        return;
    AppPanel *const p = &app->panels[panel];
    app->focus = panel;
    app->pressed_panel = panel;
    if (viz_inside(p->inside, x, y)) {
        app->pressed = APP_INSIDE;
        app->pressed_hit = input->hit = hit_in(&p->sheet.draw, x, y);
        tell_panel(app, panel, input);
    } else {
        app->pressed = APP_BAR;
        app_bar_pressed(app, (size_t)panel, hit_in(&p->bar.draw, x, y), input->clicks);
    }
}

static void moved(VizApp *app, VizInput *input)
{
    const int panel = panel_at(app, input->x, input->y);
    if (input->kind == VIZ_DRAG && app->pressed == APP_TRANSPORT) {
        app_transport_pressed(app, app->pressed_hit, input->x, true);
    } else if (input->kind == VIZ_DRAG && app->pressed == APP_INSIDE) {
        input->hit = app->pressed_hit;
        tell_panel(app, app->pressed_panel, input);
    } else if (panel != APP_NONE && input->kind == VIZ_MOVE) {
        input->hit = hit_in(&app->panels[panel].sheet.draw, input->x, input->y);
        tell_panel(app, panel, input);
    }
}

static void release(VizApp *app, VizInput *input)
{
    if (app->pressed == APP_INSIDE) {
        input->hit = app->pressed_hit;
        tell_panel(app, app->pressed_panel, input);
    }
    app->pressed = APP_NOTHING;
}

static void wheel(VizApp *app, VizInput *input)
{
    const int panel = panel_at(app, input->x, input->y);
    if (viz_inside(app->transport.area, input->x, input->y)) {
        viz_clock_step(&app->clock, input->dy > 0 ? -1 : 1);
    } else if (panel != APP_NONE) {
        input->hit = hit_in(&app->panels[panel].sheet.draw, input->x, input->y);
        tell_panel(app, panel, input);
    }
}

/* The panel in focus hears keys first. */
static void key(VizApp *app, const VizInput *input)
{
    if (!app->help && app->focus != APP_NONE && tell_panel(app, app->focus, input))
        return;
    for (const AppKey *row = app_keys; row->key; row++)
        if (row->key == input->key &&
            (row->key < VIZ_KEY_LEFT || row->shift == input->shift)) {
            app_do(app, row->action);
            return;
        }
}

void viz_app_input(VizApp *app, const VizInput *input)
{
    VizInput copy = *input;
    app->idle_s = 0;
    app->mouse = (VizPoint){input->x, input->y};
    app->mouse_here = true;
    switch (input->kind) {
    case VIZ_PRESS:
        press(app, &copy);
        break;
    case VIZ_DRAG:
    case VIZ_MOVE:
        moved(app, &copy);
        break;
    case VIZ_RELEASE:
        release(app, &copy);
        break;
    case VIZ_WHEEL:
        wheel(app, &copy);
        break;
    case VIZ_KEY:
        key(app, &copy);
        break;
    }
}

void viz_app_leave(VizApp *app)
{
    app->mouse_here = false;
    app->idle_s = 0;
}
