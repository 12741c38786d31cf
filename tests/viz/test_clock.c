/* The clock: steps, speeds, loops, marks. */
#include <criterion/criterion.h>
#include <string.h>

#include "viz/clock.h"

enum { STEPS = 5 };
static const int64_t edges[STEPS + 1] = {0, 1000, 2000, 2001, 5000, 9000};

static VizClock make(void)
{
    VizClock clock;
    viz_clock_init(&clock, (VizTimeline){.end_us = edges[STEPS],
                                         .edges_us = edges,
                                         .n_steps = STEPS,
                                         .timed = true});
    return clock;
}

Test(clock, every_place_belongs_to_one_step)
{
    const VizClock clock = make();
    for (int64_t at = 0; at <= edges[STEPS]; at++) {
        const size_t k = viz_timeline_step(&clock.timeline, (double)at);
        const bool last = at == edges[STEPS] && k == STEPS - 1;
        cr_assert(last || (at >= edges[k] && at < edges[k + 1]), "%lld", (long long)at);
    }
    cr_expect_eq(viz_timeline_step(&clock.timeline, -5), 0u);
    cr_expect_eq(viz_timeline_step(&clock.timeline, 1e12), (size_t)STEPS - 1);
}

Test(clock, steps_go_there_and_back)
{
    VizClock clock = make();
    clock.playing = true;
    for (size_t k = 1; k < STEPS; k++) {
        viz_clock_step(&clock, 1);
        cr_expect_eq(viz_clock_now(&clock), k);
    }
    cr_expect_not(clock.playing, "a step pauses");
    viz_clock_step(&clock, 1);
    cr_expect_eq(viz_clock_now(&clock), (size_t)STEPS - 1);
    viz_clock_step(&clock, -3);
    cr_expect_eq(viz_clock_now(&clock), 1u);
    viz_clock_step(&clock, -10);
    cr_expect_eq(clock.at_us, 0.0);
}

Test(clock, speed_is_wall_time_times_a_factor)
{
    VizClock clock = make();
    viz_clock_play(&clock, true);
    viz_clock_advance(&clock, 0.002, INT64_MAX);
    cr_expect_float_eq(clock.at_us, 2000, 1e-6);
    viz_clock_faster(&clock, -1);
    cr_expect_float_eq(clock.speed, 0.5, 1e-12);
    viz_clock_advance(&clock, 0.002, INT64_MAX);
    cr_expect_float_eq(clock.at_us, 3000, 1e-6);
    for (int i = 0; i < 40; i++)
        viz_clock_faster(&clock, -1);
    cr_expect_float_eq(clock.speed, 0.01, 1e-12);
    for (int i = 0; i < 40; i++)
        viz_clock_faster(&clock, 1);
    cr_expect_float_eq(clock.speed, 1000, 1e-12);
}

Test(clock, waits_for_what_is_not_there_yet)
{
    VizClock clock = make();
    viz_clock_play(&clock, true);
    viz_clock_advance(&clock, 1, 1999);
    cr_expect_float_eq(clock.at_us, 1999, 1e-9);
    cr_expect(clock.playing);
    viz_clock_seek(&clock, 4000); /* it never goes back for that */
    viz_clock_advance(&clock, 1, 1999);
    cr_expect_float_eq(clock.at_us, 4000, 1e-9);
}

Test(clock, ends_at_the_out_point_or_begins_again)
{
    VizClock clock = make();
    clock.in_us = 1000;
    clock.out_us = 5000;
    viz_clock_seek(&clock, 1000);
    viz_clock_play(&clock, true);
    viz_clock_advance(&clock, 1, INT64_MAX);
    cr_expect_eq(clock.at_us, 5000.0);
    cr_expect_not(clock.playing);
    viz_clock_play(&clock, true);
    cr_expect_eq(clock.at_us, 1000.0, "from the in point");
    clock.loop = true;
    viz_clock_advance(&clock, 1, INT64_MAX);
    cr_expect_eq(clock.at_us, 1000.0);
    cr_expect(clock.playing);
}

Test(clock, at_full_speed_a_step_each_frame)
{
    VizClock clock = make();
    clock.pace = VIZ_PACE_MAX;
    viz_clock_play(&clock, true);
    for (size_t k = 1; k < STEPS; k++) {
        viz_clock_advance(&clock, 0.001, INT64_MAX);
        cr_expect_eq(viz_clock_now(&clock), k);
    }
}

static int64_t ten_us_each(void *argument, int64_t from_us, int64_t count)
{
    (void)argument;
    const int64_t at = from_us + 10 * count;
    return at < 0 ? 0 : at;
}

Test(clock, constant_count)
{
    VizClock clock;
    viz_clock_init(&clock, (VizTimeline){.end_us = 1000000, .after_events = ten_us_each});
    clock.pace = VIZ_PACE_COUNT;
    clock.count = 300;
    viz_clock_step(&clock, 2);
    cr_expect_eq(clock.at_us, 6000.0);
    viz_clock_step(&clock, -1);
    cr_expect_eq(clock.at_us, 3000.0);
    viz_clock_play(&clock, true);
    viz_clock_advance(&clock, 1.0 / 30, INT64_MAX);
    cr_expect_float_eq(clock.at_us, 6000, 11);
}

Test(clock, markers_stay_sorted_and_are_found)
{
    static const double at[] = {5000, 1000, 3000};
    VizClock clock = make();
    for (int i = 0; i < 3; i++) {
        viz_clock_seek(&clock, at[i]);
        viz_clock_mark(&clock);
    }
    cr_assert_eq(clock.n_markers, 3u);
    for (size_t i = 1; i < 3; i++)
        cr_expect_gt(clock.markers_us[i], clock.markers_us[i - 1]);
    viz_clock_next_marker(&clock, 1);
    cr_expect_eq(clock.at_us, 5000.0);
    viz_clock_next_marker(&clock, -1);
    cr_expect_eq(clock.at_us, 3000.0);
    viz_clock_mark(&clock); /* takes it away */
    cr_expect_eq(clock.n_markers, 2u);
    viz_clock_next_marker(&clock, -1);
    cr_expect_eq(clock.at_us, 1000.0);
    viz_clock_next_marker(&clock, -1);
    cr_expect_eq(clock.at_us, 0.0, "the start is a place to go");
    for (int i = 0; i < 2 * VIZ_MARKERS; i++) {
        viz_clock_seek(&clock, 10 * i);
        viz_clock_mark(&clock);
    }
    cr_expect_leq(clock.n_markers, (size_t)VIZ_MARKERS);
}
