/* datasets/stats.c: what a recording is like; see frames.h. */
#include <stdlib.h>

#include "datasets/frames.h"

enum { EVENTS_PER_CALL = 4096 };

typedef struct Peak {
    int64_t window;
    uint64_t events, most;
} Peak;

static void add(Peak *peak, int64_t since_us)
{
    const int64_t window =
        since_us / DATA_PEAK_WINDOW_US - (since_us % DATA_PEAK_WINDOW_US < 0);
    if (window != peak->window) {
        peak->window = window;
        peak->events = 0;
    }
    peak->events++;
    peak->most = peak->events > peak->most ? peak->events : peak->most;
}

SimStatus data_event_stats(DataFile *file, DataEventStats *out)
{
    SimStatus status = SIM_OK;
    const size_t w = file->info.width, pixels = w * file->info.height;
    DataEventStats stats = {0};
    Peak peak = {0};
    int64_t last = 0;
    uint64_t *counts = NULL;
    DataEvent *events = NULL;

    if (file->info.kind != DATA_EVENTS) {
        status = sim_fail(SIM_ERR_FORMAT, "%s: expected events, this is a file of images",
                          file->path);
        goto out;
    }
    counts = calloc(pixels ? pixels : 1, sizeof *counts);
    events = malloc(EVENTS_PER_CALL * sizeof *events);
    if (!counts || !events) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to count %zu pixels", file->path,
                          pixels);
        goto out;
    }
    for (;;) {
        size_t n;
        SIM_TRY(file->reader->next_events(file, EVENTS_PER_CALL, events, &n));
        if (n == 0)
            break;
        for (size_t i = 0; i < n; i++) {
            const int64_t t = events[i].t_us;
            if (stats.events++ == 0)
                stats.first_us = stats.min_us = stats.max_us = last = t;
            if (t < last) {
                stats.backward++;
                if (last - t > stats.largest_backward_us)
                    stats.largest_backward_us = last - t;
            }
            last = t;
            stats.min_us = t < stats.min_us ? t : stats.min_us;
            stats.max_us = t > stats.max_us ? t : stats.max_us;
            stats.on += events[i].on;
            add(&peak, t - stats.first_us);
            counts[(size_t)events[i].y * w + events[i].x]++;
        }
    }
    stats.last_us = last;
    const double span_s = (double)(stats.max_us - stats.min_us) * 1e-6;
    stats.rate_hz = span_s > 0.0 ? (double)stats.events / span_s : 0.0;
    stats.peak_rate_hz = (double)peak.most / (DATA_PEAK_WINDOW_US * 1e-6);
    for (size_t i = 0; i < pixels && stats.events > 0; i++) {
        stats.silent_pixels += counts[i] == 0;
        if (counts[i] > stats.busiest_events) {
            stats.busiest_events = counts[i];
            stats.busiest_x = i % w;
            stats.busiest_y = i / w;
        }
    }
    *out = stats;
out:
    free(events);
    free(counts);
    return status;
}
