/* viz/app.h: the viewer without its window: what is looked at, the layout, the clock,
 * what keys and the mouse do. It draws into lists and paints them into a surface of its
 * own; viz/window_sdl.c shows that, a screenshot writes it to a file. */
#pragma once

#include "viz/paint.h"
#include "viz/panel.h"

typedef struct VizOpened { /* something to look at; absent parts are NULL */
    VizSource *sources[VIZ_SIDES];
    VizEvents *events;
    bool same_place; /* the same recording again: the cursor stays where it is */
} VizOpened;

typedef struct VizAppOptions {
    VizOpened first;  /* taken over, also on failure */
    const char *name; /* for the title and the names of exported files; borrowed */
    bool light, headless;
    const char *runs[VIZ_RUNS]; /* borrowed */
    size_t n_runs;
    size_t ring_bytes;     /* bound on the steps kept of each side; 0: 256 MB */
    const char *export_to; /* folder for exported files; NULL: the working folder */
    const char *panel;     /* maximised from the start; or NULL */
    const char *focus;     /* the panel in focus at first; or NULL */
    /* What follows may be NULL. Another sample of the same data: +1 the next, -1 the one
     * before. */
    SimStatus (*open_next)(void *argument, int by, VizOpened *out);
    SimStatus (*open_file)(void *argument, const char *path, VizOpened *out);
    /* Asked every second: the net on disk has changed (it is being trained). */
    bool (*has_changed)(void *argument);
    SimStatus (*open_changed)(void *argument, VizOpened *out);
    void *argument;
} VizAppOptions;

typedef struct VizApp VizApp;

SimStatus viz_app_create(const VizAppOptions *options, VizApp **out);
void viz_app_destroy(VizApp *app); /* accepts NULL */

/* Coordinates in points of the whole window. */
void viz_app_input(VizApp *app, const VizInput *input);
void viz_app_leave(VizApp *app); /* the pointer left the window */
void viz_app_drop(VizApp *app, const char *path);
bool viz_app_wants_quit(const VizApp *app);
const char *viz_app_panel(const VizApp *app); /* in focus; "" when none is */
VizClock *viz_app_clock(VizApp *app);
const VizView *viz_app_view(const VizApp *app);

/* Moves the clock by the time that passed, draws, and paints what changed into the app's
 * surface of w x h pixels. Returns the surface, valid until the next call; `changed` (may
 * be NULL) gets the number of rectangles repainted, in pixels, and they their list. */
const VizSurface *viz_app_frame(VizApp *app, double wall_s, size_t w, size_t h,
                                const VizFonts *fonts);
/* Rectangles (pixels) that the last frame repainted. */
size_t viz_app_changed(const VizApp *app, const VizRect **out);
/* What the window's frame says: "Apical", and how far a video is, which must not be in the
 * picture itself. */
void viz_app_title(const VizApp *app, char *text, size_t size);
bool viz_app_is_idle(const VizApp *app); /* nothing moves: the next frame can wait */

/* Headless: everything shown at the present place is made before it is drawn. */
SimStatus viz_app_settle(VizApp *app, size_t w, size_t h, const VizFonts *fonts);

/* The data of a panel as it stands; a whole file or none. */
SimStatus viz_app_write_table(VizApp *app, const char *panel, const char *path);
/* Every picture from the in to the out point, `fps` a second, into a folder (PNG) or,
 * where the name has an ending, into a video by ffmpeg. */
SimStatus viz_app_export(VizApp *app, const char *path, double fps, size_t w, size_t h,
                         const VizFonts *fonts, size_t *n_pictures);

/* The sentence at the bottom, for a few seconds. */
void viz_app_say(VizApp *app, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
