/* viz/panel.h: the contract of a panel.
 *
 * A panel is one file in viz/panels/ that ends in one const VizPanel, listed once in
 * viz/meson.build. It draws a view into a draw list and hears about the mouse and keys
 * over its area. It keeps what it needs between frames in a state of its own. */
#pragma once

#include <stdio.h>

#include "viz/view.h"

typedef enum VizInputKind {
    VIZ_PRESS, /* left button; a double click comes as a second press with clicks = 2 */
    VIZ_DRAG,  /* moved while pressed here */
    VIZ_RELEASE,
    VIZ_MOVE, /* no button */
    VIZ_WHEEL,
    VIZ_KEY
} VizInputKind;

enum { /* keys that are not characters */
       VIZ_KEY_LEFT = 0x110000,
       VIZ_KEY_RIGHT,
       VIZ_KEY_UP,
       VIZ_KEY_DOWN,
       VIZ_KEY_HOME,
       VIZ_KEY_END,
       VIZ_KEY_PAGE_UP,
       VIZ_KEY_PAGE_DOWN,
       VIZ_KEY_ESCAPE,
       VIZ_KEY_TAB,
       VIZ_KEY_ENTER,
       VIZ_KEY_BACKSPACE
};

typedef struct VizInput {
    VizInputKind kind;
    float x, y;   /* points, as the areas that were drawn */
    float dx, dy; /* VIZ_DRAG: since the last one; VIZ_WHEEL: notches, up positive */
    int clicks;
    uint32_t key; /* VIZ_KEY: Unicode, shift applied; or VIZ_KEY_* */
    bool shift, control;
    int hit; /* id of the place under the press (kept while dragging) or -1 */
} VizInput;

/* Where a panel likes to be in a window wide enough for all; those of one place are tabs
 * of each other. */
typedef enum VizPlace {
    VIZ_PLACE_MAIN,   /* the middle */
    VIZ_PLACE_STRIP,  /* a low strip across the top */
    VIZ_PLACE_INPUT,  /* top left, about square */
    VIZ_PLACE_ANSWER, /* bottom left */
    VIZ_PLACE_TIME,   /* top right */
    VIZ_PLACE_DETAIL, /* bottom right */
    VIZ_PLACES
} VizPlace;

typedef struct VizPanelKey { /* a row of the help */
    const char *keys, *what;
} VizPanelKey;

typedef struct VizPanel {
    const char *name;  /* --panel NAME */
    const char *title; /* short: stands on the panel and its tab */
    const char *summary;
    VizPlace place;
    size_t state_bytes;      /* zeroed before the first call */
    const VizPanelKey *keys; /* ended by a NULL row; or NULL */
    /* Whether there is anything to show; NULL: always. */
    bool (*available)(const VizView *view);
    /* Everything inside `area`, which is clipped; the title bar is not part of it. An
     * empty draw is a mistake: say in one sentence why there is nothing. */
    void (*draw)(void *state, const VizView *view, VizDraw *draw, VizRect area);
    /* True: taken, the viewer does nothing more with it. NULL: deaf. */
    bool (*input)(void *state, VizView *view, const VizInput *input, VizRect area);
    /* One line of text for the title bar, right of the title ("layer conv1, 2.1 %").
     * NULL: none. */
    void (*caption)(void *state, const VizView *view, char *text, size_t size);
    /* The data behind the picture, with a header line and units. NULL: none. */
    SimStatus (*csv)(void *state, const VizView *view, FILE *out);
    void (*destroy)(void *state); /* what it allocated; NULL: nothing */
} VizPanel;

extern const VizPanel *const viz_panels[];        /* ends with NULL */
const VizPanel *viz_panel_find(const char *name); /* or NULL */
