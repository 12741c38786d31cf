/* datasets/frames.c: see frames.h. */
#include "datasets/frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 1 << 20 };

/* --- index rules ---------------------------------------------------------------------*/

/* The first event whose quotient (t - t0) / d is `wanted` or more, found by the same
 * bisection as numpy.searchsorted, so that unsorted times give the same index. */
static size_t lower_bound(size_t n, const DataEvent *events, int64_t t0, int64_t d,
                          int64_t wanted)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int64_t q = events[middle].t_us - t0;
        /* rounded down, as numpy does */
        if (q / d - (q % d < 0) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void number(const DataFrameSpec *spec, size_t n, DataRange *ranges, bool all)
{
    const size_t d = n / spec->steps;
    for (size_t i = 0; i < spec->steps; i++)
        ranges[i] = (DataRange){i * d, (i + 1) * d};
    if (all)
        ranges[spec->steps - 1].end = n;
}

static void by_time(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                    DataRange *ranges)
{
    const size_t steps = spec->steps;
    const int64_t t0 = events[0].t_us;
    const int64_t dt = (events[n - 1].t_us - t0) / (int64_t)steps;
    for (size_t i = 0; i < steps; i++)
        ranges[i] = (DataRange){n, n};
    /* First and last event of each bin, whatever lies between. */
    for (size_t k = 0; k < n && dt > 0; k++) {
        const int64_t since = events[k].t_us - t0;
        if (since < 0 || since / dt >= (int64_t)steps)
            continue;
        DataRange *range = &ranges[since / dt];
        if (range->first == n)
            range->first = k;
        range->end = k + 1;
    }
    for (size_t i = 0, before = 0; i < steps; i++) {
        if (ranges[i].first == n)
            ranges[i] = (DataRange){before, before};
        before = ranges[i].end;
    }
    DataRange *last = &ranges[steps - 1];
    if (last->first == last->end) { /* nothing in its bin, but perhaps after it */
        size_t k = last->first;
        while (k < n && events[k].t_us - t0 < (int64_t)(steps - 1) * dt)
            k++;
        last->first = k;
    }
    last->end = n;
}

static uint64_t by_duration(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                            DataRange *ranges)
{
    const int64_t d = spec->duration_us;
    int64_t t0 = events[0].t_us;
    for (size_t k = 1; k < n; k++)
        t0 = events[k].t_us < t0 ? events[k].t_us : t0;
    const int64_t span = events[n - 1].t_us - t0;
    uint64_t n_frames = (uint64_t)(span / d + (span % d != 0));
    if (n_frames == 0) /* all at once; SpikingJelly has no frame then, we have one */
        n_frames = 1;
    size_t first = 0;
    for (size_t i = 0; i < spec->steps && i < n_frames; i++) {
        const size_t end =
            i + 1 == n_frames ? n : lower_bound(n, events, t0, d, (int64_t)i + 1);
        ranges[i] = (DataRange){first, end};
        first = end;
    }
    return n_frames;
}

static uint64_t by_anchor(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                          DataRange *ranges)
{
    uint64_t n_frames = 0;
    for (size_t first = 0; first < n; n_frames++) {
        size_t end = first;
        while (end < n && events[end].t_us - events[first].t_us <= spec->duration_us)
            end++;
        if (n_frames < spec->steps)
            ranges[n_frames] = (DataRange){first, end};
        first = end;
    }
    return n_frames;
}

/* Windows [t0 + i d, t0 + (i+1) d), what is after the last one dropped. */
static void windows(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                    int64_t d, uint64_t n_frames, DataRange *ranges)
{
    const int64_t t0 = events[0].t_us;
    size_t first = d > 0 ? lower_bound(n, events, t0, d, 0) : 0;
    for (size_t i = 0; i < spec->steps && i < n_frames; i++) {
        const size_t end = d > 0 ? lower_bound(n, events, t0, d, (int64_t)i + 1) : first;
        ranges[i] = (DataRange){first, end};
        first = end;
    }
}

static SimStatus check(const DataFrameSpec *spec)
{
    if (spec->steps < 1 || spec->steps > MAX_STEPS)
        return sim_fail(SIM_ERR_VALUE, "frames: steps must be 1 to %d, not %zu",
                        MAX_STEPS, spec->steps);
    const bool timed = spec->rule == DATA_FRAMES_DURATION ||
                       spec->rule == DATA_FRAMES_DURATION_OLD ||
                       spec->rule == DATA_FRAMES_TONIC_WINDOW;
    if (timed && spec->duration_us < 1)
        return sim_fail(SIM_ERR_VALUE,
                        "frames: this rule wants a duration of 1 us or more, not %lld",
                        (long long)spec->duration_us);
    return SIM_OK;
}

/* Times are differences of file times: keep them within 62 bits. */
static bool sane_times(size_t n, const DataEvent *events)
{
    for (size_t k = 0; k < n; k++)
        if (events[k].t_us > INT64_MAX / 4 || events[k].t_us < INT64_MIN / 4)
            return false;
    return true;
}

SimStatus data_frames_ranges(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                             DataRange *ranges, uint64_t *n_frames)
{
    const SimStatus status = check(spec);
    if (status != SIM_OK)
        return status;
    const bool by_count =
        spec->rule == DATA_FRAMES_NUMBER || spec->rule == DATA_FRAMES_TONIC_NUMBER;
    if (!by_count && n > 0 && !sane_times(n, events))
        return sim_fail(SIM_ERR_FORMAT,
                        "frames: a timestamp is past 2^61 us; the recording is damaged");
    if (!by_count && n > 0 && events[n - 1].t_us < events[0].t_us)
        return sim_fail(
            SIM_ERR_FORMAT,
            "frames: the last timestamp (%lld us) lies before the first (%lld "
            "us), so there is no time to divide; use frames by number, or mend "
            "the recording",
            (long long)events[n - 1].t_us, (long long)events[0].t_us);
    for (size_t i = 0; i < spec->steps; i++)
        ranges[i] = (DataRange){n, n};
    *n_frames = spec->steps;
    if (n == 0)
        return SIM_OK;
    const int64_t span = by_count ? 0 : events[n - 1].t_us - events[0].t_us;
    switch (spec->rule) {
    case DATA_FRAMES_NUMBER:
        number(spec, n, ranges, true);
        break;
    case DATA_FRAMES_TONIC_NUMBER:
        number(spec, n, ranges, false);
        break;
    case DATA_FRAMES_TIME:
        by_time(spec, n, events, ranges);
        break;
    case DATA_FRAMES_TONIC_TIME:
        windows(spec, n, events, span / (int64_t)spec->steps, spec->steps, ranges);
        break;
    case DATA_FRAMES_DURATION:
        *n_frames = by_duration(spec, n, events, ranges);
        break;
    case DATA_FRAMES_DURATION_OLD:
        *n_frames = by_anchor(spec, n, events, ranges);
        break;
    case DATA_FRAMES_TONIC_WINDOW:
        *n_frames =
            span > spec->duration_us ? (uint64_t)(span / spec->duration_us) : (uint64_t)1;
        windows(spec, n, events, spec->duration_us, *n_frames, ranges);
        break;
    }
    return SIM_OK;
}

/* --- counting ------------------------------------------------------------------------*/

static void apply_value(DataValue value, size_t count, float *frame)
{
    float largest = 0.0f;
    switch (value) {
    case DATA_VALUE_COUNT:
        break;
    case DATA_VALUE_OCCUPANCY:
        for (size_t i = 0; i < count; i++)
            frame[i] = frame[i] > 0.0f ? 1.0f : 0.0f;
        break;
    case DATA_VALUE_NORMALISED:
        for (size_t i = 0; i < count; i++)
            largest = frame[i] > largest ? frame[i] : largest;
        for (size_t i = 0; i < count && largest > 0.0f; i++)
            frame[i] /= largest;
        break;
    }
}

/* to [h,w,2] from [sensor_h,sensor_w,2] */
static void nearest(const DataFrameSpec *s, const float *from, float *to)
{
    for (size_t y = 0; y < s->h; y++) {
        const float *row = from + y * s->sensor_h / s->h * s->sensor_w * 2;
        for (size_t x = 0; x < s->w; x++, to += 2)
            memcpy(to, row + x * s->sensor_w / s->w * 2, 2 * sizeof *to);
    }
}

typedef struct Tap {
    size_t low, high;
    float share; /* of high */
} Tap;

static Tap tap(size_t i, size_t from, size_t to)
{
    float at = ((float)i + 0.5f) * ((float)from / (float)to) - 0.5f;
    at = at < 0.0f ? 0.0f : at;
    size_t low = (size_t)at;
    low = low < from ? low : from - 1;
    return (Tap){low, low + 1 < from ? low + 1 : low, at - (float)low};
}

static void bilinear(const DataFrameSpec *s, const float *from, float *to)
{
    for (size_t y = 0; y < s->h; y++) {
        const Tap v = tap(y, s->sensor_h, s->h);
        const float *top = from + v.low * s->sensor_w * 2;
        const float *bottom = from + v.high * s->sensor_w * 2;
        for (size_t x = 0; x < s->w; x++) {
            const Tap u = tap(x, s->sensor_w, s->w);
            for (size_t c = 0; c < 2; c++) {
                const float a =
                    (1.0f - u.share) * top[u.low * 2 + c] + u.share * top[u.high * 2 + c];
                const float b = (1.0f - u.share) * bottom[u.low * 2 + c] +
                                u.share * bottom[u.high * 2 + c];
                *to++ = (1.0f - v.share) * a + v.share * b;
            }
        }
    }
}

SimStatus data_frames_make(const DataFrameSpec *spec, size_t n, const DataEvent *events,
                           float *frames, DataFrameReport *report)
{
    SimStatus status = SIM_OK;
    const size_t sw = spec->sensor_w, sh = spec->sensor_h;
    DataFrameReport counts = {0};
    DataRange *ranges = NULL;
    float *whole = NULL; /* one frame of the sensor, where values are resized */

    if (sw < 1 || sh < 1 || spec->w < 1 || spec->h < 1 || sw > DATA_MAX_SIDE ||
        sh > DATA_MAX_SIDE || spec->w > DATA_MAX_SIDE || spec->h > DATA_MAX_SIDE) {
        status = sim_fail(SIM_ERR_VALUE,
                          "frames: sides must be 1 to %d; sensor %zux%zu, frame %zux%zu",
                          DATA_MAX_SIDE, sw, sh, spec->w, spec->h);
        goto out;
    }
    SIM_TRY(check(spec));
    ranges = malloc(spec->steps * sizeof *ranges);
    const bool resized =
        spec->resize != DATA_RESIZE_COORDINATES && (spec->w != sw || spec->h != sh);
    if (resized)
        whole = malloc(sw * sh * 2 * sizeof *whole);
    if (!ranges || (resized && !whole)) {
        status = sim_fail(SIM_ERR_MEMORY, "frames: no memory for %zu frames of %zux%zu",
                          spec->steps, sw, sh);
        goto out;
    }
    SIM_TRY(data_frames_ranges(spec, n, events, ranges, &counts.n_frames));

    const size_t w = resized ? sw : spec->w, h = resized ? sh : spec->h;
    for (size_t t = 0; t < spec->steps; t++) {
        float *frame = frames + t * spec->h * spec->w * 2;
        float *counted = resized ? whole : frame;
        memset(counted, 0, h * w * 2 * sizeof *counted);
        for (size_t k = ranges[t].first; k < ranges[t].end; k++) {
            const DataEvent *e = &events[k];
            if (e->x >= sw || e->y >= sh) {
                counts.out_of_range++;
                continue;
            }
            counted[(e->y * h / sh * w + e->x * w / sw) * 2 + (e->on != 0)] += 1.0f;
            counts.events++;
        }
        counts.empty += ranges[t].first == ranges[t].end;
        apply_value(spec->value, h * w * 2, counted);
        if (resized && spec->resize == DATA_RESIZE_NEAREST)
            nearest(spec, whole, frame);
        else if (resized)
            bilinear(spec, whole, frame);
    }
    if (report)
        *report = counts;
out:
    free(whole);
    free(ranges);
    return status;
}
