/* viz/clock.c: the cursor, its pace and its marks. */
#include "viz/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double speeds[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,   2,
                                5,    10,   20,   50,  100, 200, 500, 1000};
enum { N_SPEEDS = sizeof speeds / sizeof *speeds, TICKS_PER_S = 30 };

void viz_clock_init(VizClock *clock, VizTimeline timeline)
{
    *clock = (VizClock){.timeline = timeline, .speed = 1, .count = 2000};
    clock->window_us = 20000;
    if (timeline.n_steps > 0)
        clock->window_us = timeline.edges_us[1] - timeline.edges_us[0];
    else if (timeline.end_us > 0 && timeline.end_us < 50 * clock->window_us)
        clock->window_us = timeline.end_us / 50 + 1;
}

int64_t viz_clock_out(const VizClock *clock)
{
    const int64_t end = clock->timeline.end_us;
    return clock->out_us > 0 && clock->out_us < end ? clock->out_us : end;
}

size_t viz_timeline_step(const VizTimeline *timeline, double at_us)
{
    size_t low = 0, high = timeline->n_steps;
    if (high == 0)
        return 0;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if ((double)timeline->edges_us[middle] <= at_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t viz_clock_now(const VizClock *clock)
{
    return viz_timeline_step(&clock->timeline, clock->at_us);
}

/* --- moving ---------------------------------------------------------------------------
 */

void viz_clock_seek(VizClock *clock, double at_us)
{
    const double end = (double)clock->timeline.end_us;
    clock->at_us = at_us > end ? end : at_us > 0 ? at_us : 0; /* NAN: 0 */
}

void viz_clock_seek_step(VizClock *clock, size_t step)
{
    const size_t n = clock->timeline.n_steps;
    if (n > 0)
        viz_clock_seek(clock, (double)clock->timeline.edges_us[step < n ? step : n - 1]);
}

void viz_clock_step(VizClock *clock, int by)
{
    const VizTimeline *const line = &clock->timeline;
    clock->playing = false;
    if (line->n_steps > 0) {
        const size_t now = viz_clock_now(clock), back = (size_t)(by < 0 ? -by : 0);
        viz_clock_seek_step(clock,
                            by < 0 ? (now > back ? now - back : 0) : now + (size_t)by);
    } else if (clock->pace == VIZ_PACE_COUNT && line->after_events) {
        viz_clock_seek(clock,
                       (double)line->after_events(line->argument, (int64_t)clock->at_us,
                                                  by * clock->count));
    } else {
        viz_clock_seek(clock, clock->at_us + (double)by * (double)clock->window_us);
    }
}

void viz_clock_play(VizClock *clock, bool playing)
{
    clock->playing = playing;
    if (playing && clock->at_us >= (double)viz_clock_out(clock) - 1)
        clock->at_us = (double)clock->in_us;
}

static double next_time(const VizClock *clock, double wall_s)
{
    const VizTimeline *const line = &clock->timeline;
    switch (clock->pace) {
    case VIZ_PACE_COUNT:
        if (line->after_events) {
            const double count = (double)clock->count * wall_s * TICKS_PER_S;
            const double next = (double)line->after_events(
                line->argument, (int64_t)clock->at_us, llround(fmax(count, 1)));
            return fmax(next, clock->at_us + 1);
        }
        break;
    case VIZ_PACE_MAX:
        if (line->n_steps > 0)
            return (double)line->edges_us[viz_clock_now(clock) + 1];
        return clock->at_us + (double)clock->window_us;
    case VIZ_PACE_TIME:
        break;
    }
    return clock->at_us + wall_s * 1e6 * clock->speed;
}

void viz_clock_advance(VizClock *clock, double wall_s, int64_t ready_us)
{
    if (!clock->playing)
        return;
    const double out = (double)viz_clock_out(clock), ready = (double)ready_us;
    double next = next_time(clock, wall_s);
    if (next > ready)
        next = fmax(ready, clock->at_us);
    if (next < out) {
        clock->at_us = next;
    } else if (clock->loop) {
        clock->at_us = (double)clock->in_us;
    } else {
        clock->at_us = out;
        clock->playing = false;
    }
}

void viz_clock_faster(VizClock *clock, int by)
{
    int at = 0;
    while (at < N_SPEEDS - 1 && speeds[at] < clock->speed * 0.999)
        at++;
    at += by;
    clock->speed = speeds[at < 0 ? 0 : at >= N_SPEEDS ? N_SPEEDS - 1 : at];
}

/* --- marks ----------------------------------------------------------------------------
 */

void viz_clock_mark(VizClock *clock)
{
    const int64_t at = (int64_t)clock->at_us;
    size_t place = 0;
    while (place < clock->n_markers && clock->markers_us[place] < at)
        place++;
    int64_t *const marker = &clock->markers_us[place];
    const size_t behind = clock->n_markers - place;
    if (behind > 0 && *marker == at) {
        memmove(marker, marker + 1, (behind - 1) * sizeof *marker);
        clock->n_markers--;
    } else if (clock->n_markers < VIZ_MARKERS) {
        memmove(marker + 1, marker, behind * sizeof *marker);
        *marker = at;
        clock->n_markers++;
    }
}

void viz_clock_next_marker(VizClock *clock, int direction)
{
    const int64_t at = (int64_t)clock->at_us;
    int64_t to = direction > 0 ? viz_clock_out(clock) : clock->in_us;
    for (size_t i = 0; i < clock->n_markers; i++) {
        const int64_t marker = clock->markers_us[i];
        if (direction > 0 ? marker > at && marker < to : marker < at && marker > to)
            to = marker;
    }
    viz_clock_seek(clock, (double)to);
}

const char *viz_clock_print(const VizClock *clock, double at_us, char *buffer,
                            size_t size)
{
    const VizTimeline *const line = &clock->timeline;
    if (line->n_steps > 0 && !line->timed)
        snprintf(buffer, size, "step %zu of %zu", viz_timeline_step(line, at_us) + 1,
                 line->n_steps);
    else if (line->end_us < 1000000)
        snprintf(buffer, size, "%.2f ms", at_us * 1e-3);
    else if (line->end_us < 600000000)
        snprintf(buffer, size, "%.3f s", at_us * 1e-6);
    else
        snprintf(buffer, size, "%d:%02d:%06.3f", (int)(at_us / 3.6e9),
                 (int)(at_us / 6e7) % 60, fmod(at_us * 1e-6, 60));
    return buffer;
}
