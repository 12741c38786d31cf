/* viz/clock.h: the one clock and its cursor.
 *
 * Time is microseconds from the start of what is shown. Where steps have a duration of
 * their own (a net fed with frames) the timeline has their edges; a subject without a
 * time base counts steps of VIZ_NOMINAL_US. The clock never waits: it is told how much
 * wall time passed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIZ_NOMINAL_US = 100000, VIZ_MARKERS = 32 };

typedef struct VizTimeline {
    int64_t end_us;          /* the whole; grows while a file is indexed */
    const int64_t *edges_us; /* [n_steps + 1], borrowed; NULL: no steps */
    size_t n_steps;
    bool timed; /* false: only step numbers mean something */
    /* The time at which `count` more events have passed since from_us; NULL: no events.
     */
    int64_t (*after_events)(void *argument, int64_t from_us, int64_t count);
    void *argument;
} VizTimeline;

typedef enum VizPace {
    VIZ_PACE_TIME,  /* `speed` times real time */
    VIZ_PACE_COUNT, /* `count` events each 1/30 s, however long they took */
    VIZ_PACE_MAX    /* as fast as the simulation, or a window each frame */
} VizPace;

typedef struct VizClock {
    VizTimeline timeline;
    double at_us; /* the cursor: 0 .. end_us */
    bool playing, loop;
    VizPace pace;
    double speed;          /* 0.01 .. 1000 */
    int64_t count;         /* events */
    int64_t window_us;     /* shown at once; a step of a subject without steps */
    int64_t in_us, out_us; /* out_us 0: the end */
    int64_t markers_us[VIZ_MARKERS];
    size_t n_markers;
} VizClock;

void viz_clock_init(VizClock *clock, VizTimeline timeline);

/* Moves a playing cursor by `wall_s` seconds of the wall's clock. `ready_us`: no further
 * than that, what lies beyond is not there yet (INT64_MAX: all is there). At the out
 * point the cursor stops, or goes to the in point in a loop. */
void viz_clock_advance(VizClock *clock, double wall_s, int64_t ready_us);

void viz_clock_seek(VizClock *clock, double at_us); /* clamped */
void viz_clock_seek_step(VizClock *clock, size_t step);
void viz_clock_step(VizClock *clock, int by);       /* steps, or windows; pauses */
void viz_clock_play(VizClock *clock, bool playing); /* at the end: from the start */
void viz_clock_faster(VizClock *clock, int by);     /* by places in 1, 2, 5, 10, .. */
void viz_clock_mark(VizClock *clock);               /* sets a marker, or takes it away */
void viz_clock_next_marker(VizClock *clock, int direction);
int64_t viz_clock_out(const VizClock *clock); /* out_us or the end */

size_t viz_clock_now(const VizClock *clock); /* the step at the cursor; 0 without steps */
size_t viz_timeline_step(const VizTimeline *timeline, double at_us);

/* "1.250 s", "step 7 of 10"; returns buffer. */
const char *viz_clock_print(const VizClock *clock, double at_us, char *buffer,
                            size_t size);
