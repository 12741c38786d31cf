/* Index rules against the worked examples, values and resizing in closed form. */
#include <criterion/criterion.h>
#include <string.h>

#include "datasets/frames.h"

typedef struct Case {
    const char *what;
    DataFrames rule;
    size_t steps;
    int64_t duration_us;
    size_t n;
    int64_t t[8];
    uint64_t n_frames;
    DataRange want[6];
} Case;

#define TIMES                                                                            \
    7,                                                                                   \
    {                                                                                    \
        1000, 1100, 1400, 1900, 1900, 2500, 3100                                         \
    }
static Case cases[] = {
    {"number", DATA_FRAMES_NUMBER, 3, 0, TIMES, 3, {{0, 2}, {2, 4}, {4, 7}}},
    {"time", DATA_FRAMES_TIME, 3, 0, TIMES, 3, {{0, 3}, {3, 5}, {5, 7}}},
    {"duration",
     DATA_FRAMES_DURATION,
     5,
     500,
     TIMES,
     5,
     {{0, 3}, {3, 5}, {5, 5}, {5, 6}, {6, 7}}},
    {"duration, cut", DATA_FRAMES_DURATION, 2, 500, TIMES, 5, {{0, 3}, {3, 5}}},
    {"duration, padded",
     DATA_FRAMES_DURATION,
     6,
     500,
     TIMES,
     5,
     {{0, 3}, {3, 5}, {5, 5}, {5, 6}, {6, 7}, {7, 7}}},
    {"duration, before 2024",
     DATA_FRAMES_DURATION_OLD,
     4,
     500,
     TIMES,
     4,
     {{0, 3}, {3, 5}, {5, 6}, {6, 7}}},
    {"edge", DATA_FRAMES_DURATION, 2, 500, 3, {0, 500, 1000}, 2, {{0, 1}, {1, 3}}},
    {"edge, before 2024",
     DATA_FRAMES_DURATION_OLD,
     2,
     500,
     3,
     {0, 500, 1000},
     2,
     {{0, 2}, {2, 3}}},
    {"tonic number", DATA_FRAMES_TONIC_NUMBER, 3, 0, TIMES, 3, {{0, 2}, {2, 4}, {4, 6}}},
    {"tonic time", DATA_FRAMES_TONIC_TIME, 3, 0, TIMES, 3, {{0, 3}, {3, 5}, {5, 6}}},
    {"tonic window",
     DATA_FRAMES_TONIC_WINDOW,
     4,
     500,
     TIMES,
     4,
     {{0, 3}, {3, 5}, {5, 5}, {5, 6}}},
    {"fewer events than frames",
     DATA_FRAMES_NUMBER,
     4,
     0,
     2,
     {5, 6},
     4,
     {{0, 0}, {0, 0}, {0, 0}, {0, 2}}},
    {"empty bin", DATA_FRAMES_TIME, 3, 0, 3, {0, 10, 91}, 3, {{0, 2}, {2, 2}, {2, 3}}},
    /* First to last match, with all between: the event at 3 lies between two of bin 1. */
    {"unsorted", DATA_FRAMES_TIME, 2, 0, 5, {0, 6, 3, 7, 10}, 2, {{0, 3}, {1, 5}}},
    {"all at once", DATA_FRAMES_TIME, 2, 0, 3, {4, 4, 4}, 2, {{0, 0}, {0, 3}}},
    {"all at once, duration", DATA_FRAMES_DURATION, 2, 9, 2, {4, 4}, 1, {{0, 2}, {2, 2}}},
    {"none", DATA_FRAMES_TIME, 2, 0, 0, {0}, 2, {{0, 0}, {0, 0}}},
};

static void fill(const Case *c, DataEvent *events)
{
    for (size_t i = 0; i < c->n; i++)
        events[i] = (DataEvent){.t_us = c->t[i], .x = 0, .y = 0, .on = 0};
}

Test(frames, worked_examples)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *c = &cases[i];
        DataEvent events[8];
        DataRange got[6];
        uint64_t n_frames;
        const DataFrameSpec spec = {
            .rule = c->rule, .steps = c->steps, .duration_us = c->duration_us};
        fill(c, events);
        cr_assert_eq(data_frames_ranges(&spec, c->n, events, got, &n_frames), SIM_OK);
        cr_expect_eq(n_frames, c->n_frames, "%s: %llu frames", c->what,
                     (unsigned long long)n_frames);
        for (size_t k = 0; k < c->steps; k++)
            cr_expect(got[k].first == c->want[k].first && got[k].end == c->want[k].end,
                      "%s: frame %zu is (%zu,%zu), not (%zu,%zu)", c->what, k,
                      got[k].first, got[k].end, c->want[k].first, c->want[k].end);
    }
}

Test(frames, refuses_what_makes_no_sense)
{
    const DataEvent events[2] = {{.t_us = 10}, {.t_us = 5}};
    DataRange ranges[2];
    uint64_t n;
    DataFrameSpec spec = {.rule = DATA_FRAMES_TIME, .steps = 2};
    cr_expect_eq(data_frames_ranges(&spec, 2, events, ranges, &n), SIM_ERR_FORMAT);
    cr_expect(strstr(sim_message(), "before the first"), "%s", sim_message());
    spec.rule = DATA_FRAMES_DURATION;
    cr_expect_eq(data_frames_ranges(&spec, 0, events, ranges, &n), SIM_ERR_VALUE);
    spec.rule = DATA_FRAMES_NUMBER;
    cr_expect_eq(data_frames_ranges(&spec, 2, events, ranges, &n), SIM_OK);
    spec.steps = 0;
    cr_expect_eq(data_frames_ranges(&spec, 2, events, ranges, &n), SIM_ERR_VALUE);
    float frame[2];
    spec.steps = 1;
    cr_expect_eq(data_frames_make(&spec, 2, events, frame, NULL), SIM_ERR_VALUE);
}

static const DataEvent four[] = {{.t_us = 0, .x = 0, .y = 0, .on = 1},
                                 {.t_us = 1, .x = 0, .y = 0, .on = 1},
                                 {.t_us = 2, .x = 3, .y = 2, .on = 0},
                                 {.t_us = 3, .x = 9, .y = 0, .on = 1}};

Test(frames, counts_and_values)
{
    DataFrameSpec spec = {.steps = 1, .sensor_w = 4, .sensor_h = 4, .w = 4, .h = 4};
    float frame[4][4][2];
    DataFrameReport report;
    cr_assert_eq(data_frames_make(&spec, 4, four, &frame[0][0][0], &report), SIM_OK);
    cr_expect_eq(report.events, 3u);
    cr_expect_eq(report.out_of_range, 1u);
    cr_expect_eq(frame[0][0][1], 2.0f);
    cr_expect_eq(frame[2][3][0], 1.0f);
    cr_expect_eq(frame[2][3][1], 0.0f);
    spec.value = DATA_VALUE_OCCUPANCY;
    cr_assert_eq(data_frames_make(&spec, 4, four, &frame[0][0][0], NULL), SIM_OK);
    cr_expect_eq(frame[0][0][1], 1.0f);
    spec.value = DATA_VALUE_NORMALISED;
    cr_assert_eq(data_frames_make(&spec, 4, four, &frame[0][0][0], NULL), SIM_OK);
    cr_expect_eq(frame[0][0][1], 1.0f);
    cr_expect_eq(frame[2][3][0], 0.5f);
}

Test(frames, scaled_coordinates_keep_the_count)
{
    const DataFrameSpec spec = {
        .steps = 1, .sensor_w = 128, .sensor_h = 128, .w = 48, .h = 48};
    static DataEvent events[128];
    static float frame[48 * 48 * 2];
    float sum = 0.0f;
    for (size_t i = 0; i < 128; i++)
        events[i] = (DataEvent){.t_us = (int64_t)i, .x = (uint16_t)i, .y = 127, .on = 1};
    cr_assert_eq(data_frames_make(&spec, 128, events, frame, NULL), SIM_OK);
    for (size_t i = 0; i < 48 * 48 * 2; i++)
        sum += frame[i];
    cr_expect_eq(sum, 128.0f);
    /* x' = x 48 / 128: 0, 1, 2 go to 0; 3, 4, 5 to 1; 6, 7 to 2 */
    const float *row = frame + (size_t)47 * 48 * 2;
    cr_expect_eq(row[0 * 2 + 1], 3.0f);
    cr_expect_eq(row[1 * 2 + 1], 3.0f);
    cr_expect_eq(row[2 * 2 + 1], 2.0f);
}

Test(frames, nearest_takes_every_so_many)
{
    static const size_t want[] = {0, 2, 5, 8, 10, 13, 16, 18, 21, 24, 26, 29};
    const DataFrameSpec spec = {.steps = 1,
                                .resize = DATA_RESIZE_NEAREST,
                                .sensor_w = 128,
                                .sensor_h = 1,
                                .w = 48,
                                .h = 1};
    static DataEvent events[128 * 129 / 2];
    static float frame[48 * 2];
    size_t n = 0;
    for (size_t x = 0; x < 128; x++) /* x events at pixel x */
        for (size_t i = 0; i < x; i++)
            events[n++] = (DataEvent){.x = (uint16_t)x, .on = 0};
    cr_assert_eq(data_frames_make(&spec, n, events, frame, NULL), SIM_OK);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        cr_expect_eq(frame[2 * i], (float)want[i], "pixel %zu", i);
}

Test(frames, bilinear_at_half_pixels)
{
    /* 4 -> 2: source 0.5 and 2.5, the mean of two neighbours each. 1 -> 3 repeats. */
    const DataEvent events[] = {{.x = 0}, {.x = 1}, {.x = 1}, {.x = 1}, {.x = 3}};
    const DataFrameSpec spec = {.steps = 1,
                                .resize = DATA_RESIZE_BILINEAR,
                                .sensor_w = 4,
                                .sensor_h = 1,
                                .w = 2,
                                .h = 3};
    float frame[3][2][2];
    cr_assert_eq(data_frames_make(&spec, 5, events, &frame[0][0][0], NULL), SIM_OK);
    for (size_t y = 0; y < 3; y++) {
        cr_expect_eq(frame[y][0][0], 2.0f);
        cr_expect_eq(frame[y][1][0], 0.5f);
        cr_expect_eq(frame[y][0][1], 0.0f);
    }
}

Test(frames, a_line_stays_a_line_when_enlarged)
{
    /* 2 -> 4 of (0, 4): source -0.25 (clamped), 0.25, 0.75, 1.25 (beyond: the last). */
    const DataEvent events[] = {{.x = 1}, {.x = 1}, {.x = 1}, {.x = 1}};
    const DataFrameSpec spec = {.steps = 1,
                                .resize = DATA_RESIZE_BILINEAR,
                                .sensor_w = 2,
                                .sensor_h = 1,
                                .w = 4,
                                .h = 1};
    float frame[4][2];
    cr_assert_eq(data_frames_make(&spec, 4, events, &frame[0][0], NULL), SIM_OK);
    cr_expect_eq(frame[0][0], 0.0f);
    cr_expect_eq(frame[1][0], 1.0f);
    cr_expect_eq(frame[2][0], 3.0f);
    cr_expect_eq(frame[3][0], 4.0f);
}
