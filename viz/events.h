/* viz/events.h: the events of a recording, however long, read where they are looked at.
 *
 * A file is indexed once by a thread in the background: a mark every VIZ_BLOCK events,
 * and the rate. Then any stretch of time is read from its mark; blocks read lately stay
 * in a bounded cache. Times count from the first event. */
#pragma once

#include "datasets/reader.h"

enum { VIZ_BLOCK = 16384 };

typedef struct VizEvents VizEvents;

/* Opens and returns at once; the index grows by itself. */
SimStatus viz_events_open(const char *path, DataAxes axes, VizEvents **out);
/* Events in memory, copied; sorted by time where the file was not. */
SimStatus viz_events_take(const DataEvent *events, size_t n, size_t width, size_t height,
                          VizEvents **out);
void viz_events_close(VizEvents *events); /* accepts NULL */

typedef struct VizEventsInfo {
    size_t width, height;
    const char *format, *detail; /* borrowed; "" when unknown */
    uint64_t n_events;           /* so far */
    int64_t first_us;            /* what the file calls our 0 */
    int64_t end_us;              /* of what is indexed */
    double indexed;              /* 0..1 of the file */
    DataHealth health;
    const char *note; /* the sentence of a file that breaks off, else NULL */
} VizEventsInfo;
VizEventsInfo viz_events_info(const VizEvents *events);

/* Events of [from, to), in file order; at most the last `max` of them. Borrowed until the
 * next call. With `wait` false, what is not in memory is fetched for a later frame and
 * *complete (may be NULL) says so. */
size_t viz_events_window(VizEvents *events, int64_t from_us, int64_t to_us, size_t max,
                         bool wait, const DataEvent **out, bool *complete);

/* Mean rate (events a second) in each of n equal parts of [from, to). */
void viz_events_rate(const VizEvents *events, int64_t from_us, int64_t to_us, size_t n,
                     float *rate_hz);
/* The time at which `count` more events have passed; count may be negative. */
int64_t viz_events_after(const VizEvents *events, int64_t from_us, int64_t count);
void viz_events_wait(VizEvents *events); /* until the index is whole */
