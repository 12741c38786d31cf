/* viz/app_internal.h: the parts of the viewer as its own files see them.
 *
 *     app.c      what is open, and a frame from clock to pixels
 *     layout.c   which panel lies where
 *     bars.c     the header and the transport bar
 *     actions.c  keys, mouse, and what they do
 *     help.c     the list of keys, tooltips
 *     export.c   pictures, sequences, videos, tables
 */
#pragma once

#include "viz/app.h"

enum { APP_PANELS = 24, APP_MESSAGE = 256, APP_NONE = -1 };

typedef enum AppPart { /* what a press began on */
                       APP_NOTHING,
                       APP_HEADER,
                       APP_TRANSPORT,
                       APP_BAR, /* the title bar of a panel */
                       APP_INSIDE
} AppPart;

/* A draw list with its place; painted when either has changed. */
typedef struct AppSheet {
    VizDraw draw;
    VizRect area;
    uint64_t hash;
    bool shown, dirty;
} AppSheet;

typedef struct AppPanel {
    const VizPanel *panel;
    void *state;          /* owned */
    VizRect area, inside; /* whole, and without its title bar; w 0: not shown */
    AppSheet bar, sheet;
} AppPanel;

typedef struct AppRecorder AppRecorder;

struct VizApp {
    VizAppOptions options;
    VizTheme theme;
    VizView view;
    VizClock clock;
    VizChoice choice;
    float *step_spikes; /* [n_steps] of all layers; NAN: not seen yet; owned */

    AppPanel panels[APP_PANELS];
    size_t n_panels;
    int shown[VIZ_PLACES]; /* the tab on top; APP_NONE */
    int maximised, focus;  /* panels or APP_NONE */
    VizRect frame;         /* of all panels */
    AppSheet header, transport, overlay;
    VizRect seek; /* the seek bar inside the transport */
    float w, h;   /* points */
    bool help, quit, repaint;
    bool had_help; /* in the frame before */

    VizPoint mouse;
    bool mouse_here;
    AppPart pressed;
    int pressed_panel, pressed_hit;

    char message[APP_MESSAGE];
    double message_until_s, wall_s, changed_asked_s;
    VizSurface surface; /* owned pixels */
    size_t surface_room;
    VizRect *changed; /* owned; pixels */
    size_t n_changed;
    double idle_s;         /* since something was painted */
    const VizFonts *fonts; /* of this frame */

    AppRecorder *recorder; /* while a sequence or video is written */
    unsigned exported;     /* files so far: their numbers */
};

/* --- layout.c --- */
void app_layout(VizApp *app, float w, float h);
bool app_is_available(const VizApp *app, size_t panel);
void app_show_panel(VizApp *app, size_t panel); /* on top of its tabs, in focus */
void app_draw_bar(VizApp *app, size_t panel);   /* title, tabs, buttons */
void app_bar_pressed(VizApp *app, size_t panel, int hit, int clicks);

/* --- bars.c --- */
float app_header_height(const VizApp *app);
float app_transport_height(const VizApp *app);
void app_draw_header(VizApp *app);
void app_draw_transport(VizApp *app);
void app_header_pressed(VizApp *app, int hit);
void app_transport_pressed(VizApp *app, int hit, float x, bool moved);

/* --- actions.c --- */
typedef enum AppAction {
    APP_DO_PLAY,
    APP_DO_BACK,
    APP_DO_FORWARD,
    APP_DO_BACK_MORE,
    APP_DO_FORWARD_MORE,
    APP_DO_START,
    APP_DO_END,
    APP_DO_SLOWER,
    APP_DO_FASTER,
    APP_DO_PACE,
    APP_DO_LESS,
    APP_DO_MORE,
    APP_DO_LOOP,
    APP_DO_IN,
    APP_DO_OUT,
    APP_DO_NO_POINTS,
    APP_DO_MARK,
    APP_DO_MARK_BACK,
    APP_DO_MARK_FORWARD,
    APP_DO_NEXT_SAMPLE,
    APP_DO_LAST_SAMPLE,
    APP_DO_LAYER_BACK,
    APP_DO_LAYER_FORWARD,
    APP_DO_UNPICK,
    APP_DO_NEXT_PANEL,
    APP_DO_LAST_PANEL,
    APP_DO_MAXIMISE,
    APP_DO_THEME,
    APP_DO_PICTURE,
    APP_DO_PANEL_PICTURE,
    APP_DO_TABLE,
    APP_DO_VIDEO,
    APP_DO_HELP,
    APP_DO_CLOSE,
    APP_DO_QUIT,
    APP_ACTIONS
} AppAction;

typedef struct AppKey {
    uint32_t key;
    bool shift; /* of keys that are not characters */
    AppAction action;
    const char *keys, *what; /* a row of the help; NULL: goes with the row above */
} AppKey;
extern const AppKey app_keys[]; /* ends with key 0 */

void app_do(VizApp *app, AppAction action);

/* --- help.c --- */
void app_draw_overlay(VizApp *app);

/* --- app.c --- */
void app_open(VizApp *app, VizOpened *opened); /* takes what is in it */
void app_failed(VizApp *app);                  /* says the last failure's sentence */
void app_theme(VizApp *app, bool dark);
void app_draw_and_paint(VizApp *app, size_t w, size_t h);

/* --- export.c --- */
SimStatus app_write_picture(VizApp *app, int panel); /* APP_NONE: the window */
SimStatus app_write_table(VizApp *app, int panel);
SimStatus app_record_start(VizApp *app, const char *path,
                           double fps); /* .mp4 or a folder */
/* Sets the clock for the next picture; false: it was the last. */
bool app_record_place(VizApp *app);
void app_record_frame(VizApp *app);
void app_record_stop(VizApp *app);
double app_record_share(const VizApp *app); /* 0..1 */
