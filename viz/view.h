/* viz/view.h: all a panel sees: the subject, its steps, the events, the clock, what is
 * chosen. Borrowed for the time of one call. */
#pragma once

#include "viz/clock.h"
#include "viz/events.h"
#include "viz/feed.h"
#include "viz/theme.h"

enum { VIZ_SIDES = 2, VIZ_RUNS = 4 };

typedef struct VizSide { /* one net or recording; compare has two */
    const VizSubject *subject;
    VizFeed *feed;
} VizSide;

/* What the person looking has chosen, the same for all panels. */
typedef struct VizChoice {
    int layer;                /* row of the subject's layers; -1: none */
    int channel;              /* of that layer; -1: none */
    VizPick picks[VIZ_PICKS]; /* of side 0; the colour of pick i is series[i] */
    size_t n_picks;
    size_t span; /* steps on the time axis of all panels; 0: as many as is usual */
} VizChoice;

typedef struct VizView {
    const VizTheme *theme;
    VizSide sides[VIZ_SIDES]; /* side 0 is the main one; subject NULL: none */
    size_t n_sides;
    VizEvents *events; /* the input as events, or NULL */
    VizClock *clock;
    VizChoice *choice;
    size_t now;        /* the step at the cursor */
    size_t first, end; /* steps [first, end) are the time axis of all panels over time;
                          those after `now` may not be there yet */
    const char *runs[VIZ_RUNS]; /* run folders whose training is shown */
    size_t n_runs;
    double wall_s;   /* for what moves by itself (polling a file) */
    bool headless;   /* one picture: do not put anything off to a later frame */
    VizPoint mouse;  /* points */
    bool mouse_here; /* over this panel */
} VizView;

/* Step k of the main side, or NULL. */
const VizStep *viz_view_step(const VizView *view, size_t k);

/* What panels may change; everything else is const to them. */
void viz_view_choose_layer(VizView *view, int layer);
/* Takes a neuron to the picks, or away if it is among them; the oldest makes room. */
void viz_view_pick(VizView *view, int layer, uint64_t neuron);

/* The stretch of time whose events are shown: a window from the cursor on, or so many
 * events. */
void viz_view_window(const VizView *view, int64_t *from_us, int64_t *to_us);

/* Shows `factor` times as many steps on the time axes. */
void viz_view_zoom_time(VizView *view, double factor);
int viz_view_picked(const VizView *view, int layer, uint64_t neuron); /* or -1 */

/* "conv1.neuron (3,7) ch 12" */
const char *viz_pick_print(const VizSubject *subject, VizPick pick, char *buffer,
                           size_t size);
