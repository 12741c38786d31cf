/* datasets/frames.h: events to frames, and what a recording is like.
 *
 *     events [n] --rule--> T index ranges --count--> frames [T,h,w,2]
 *
 * Channel 0 counts OFF events, channel 1 ON events. A rule only looks at timestamps and
 * gives ranges of event numbers; events are never sorted. The rules are those of
 * SpikingJelly and Tonic to the index, so that frames can be compared to the bit. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "datasets/reader.h"
#include "sim/status.h"

/* With n events, T = steps, D = duration_us, t0 the first and t1 the last timestamp: */
typedef enum DataFrames {
    DATA_FRAMES_NUMBER,       /* SpikingJelly: frame i is [i d, (i+1) d), d = n / T; the
                                 last one ends at n */
    DATA_FRAMES_TIME,         /* SpikingJelly: dt = (t1 - t0) / T; frame i is from the
                                 first to the last event of [t0 + i dt, t0 + (i+1) dt);
                                 the last one ends at n */
    DATA_FRAMES_DURATION,     /* SpikingJelly since 2024: ceil((t1 - t_min) / D) frames,
                                 the last one takes the rest */
    DATA_FRAMES_DURATION_OLD, /* before: closed windows of D, each starting at the first
                                 event the one before did not take */
    DATA_FRAMES_TONIC_NUMBER, /* as NUMBER, but the n mod T last events are dropped */
    DATA_FRAMES_TONIC_TIME,   /* as TIME, but what is at t0 + T dt or later is dropped */
    DATA_FRAMES_TONIC_WINDOW  /* floor((t1 - t0 - D) / D) + 1 frames, at least one; what
                                 is after them is dropped */
} DataFrames;

typedef enum DataValue {
    DATA_VALUE_COUNT,     /* events of the pixel */
    DATA_VALUE_OCCUPANCY, /* 1 where there was one or more */
    DATA_VALUE_NORMALISED /* count / largest count of that frame, both channels */
} DataValue;

/* How 128 becomes 64 or 48. They differ in bits. */
typedef enum DataResize {
    DATA_RESIZE_COORDINATES, /* x' = x w / sensor_w before counting: counts add up */
    DATA_RESIZE_NEAREST,     /* pixel floor(i sensor_w / w) of the frame of values */
    DATA_RESIZE_BILINEAR     /* half-pixel, no antialiasing (torch align_corners=False) */
} DataResize;

typedef struct DataFrameSpec {
    DataFrames rule;
    DataValue value;
    DataResize resize;
    size_t steps;        /* T >= 1 */
    int64_t duration_us; /* D >= 1, for the duration and window rules */
    size_t sensor_w, sensor_h;
    size_t w, h; /* of a frame */
} DataFrameSpec;

typedef struct DataRange {
    size_t first, end; /* events [first, end) */
} DataRange;

/* The range of each of the first `steps` frames; *n_frames is how many the rule makes of
 * the whole recording (steps for the rules that divide it). What lies past n_frames is
 * empty: [n,n). A bin without events gives an empty range, where SpikingJelly raises; if
 * it is the last of DATA_FRAMES_TIME it still takes the events after its bin.
 * Fails when a rule by time meets a last timestamp before the first. */
SimStatus data_frames_ranges(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                             DataRange *ranges, uint64_t *n_frames);

typedef struct DataFrameReport {
    uint64_t n_frames;     /* what the rule gives; more than steps: the rest was cut */
    uint64_t events;       /* counted into the frames */
    uint64_t out_of_range; /* outside the sensor: not counted */
    size_t empty;          /* frames without an event */
} DataFrameReport;

/* frames [steps,h,w,2]. `report` may be NULL. Fails on a spec that makes no sense, where
 * the ranges fail, or without memory for one frame of the sensor. May be called from
 * several threads. */
SimStatus data_frames_make(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                           float *frames, DataFrameReport *report);

enum { DATA_PEAK_WINDOW_US = 10000 };

typedef struct DataEventStats {
    uint64_t events, on;
    int64_t first_us, last_us; /* in file order */
    int64_t min_us, max_us;
    double rate_hz; /* events / (max - min) */
    double
        peak_rate_hz;  /* of the busiest DATA_PEAK_WINDOW_US, windows from first_us on */
    uint64_t backward; /* timestamps smaller than the one before */
    int64_t largest_backward_us;
    size_t busiest_x, busiest_y; /* pixel with the most events; the first in row order */
    uint64_t busiest_events;
    uint64_t silent_pixels; /* of the sensor, never firing */
} DataEventStats;

/* Reads the rest of an event file in bounded memory. Zero events: all zero. */
SimStatus data_event_stats(DataFile *file, DataEventStats *out);
