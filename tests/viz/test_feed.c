/* The feed: every step as its source makes it, whatever is asked for and when. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/viz/synthetic.h"
#include "viz/feed.h"

static VizFeed *feed;
static const SyntheticOptions options = {
    .timed = true, .potential = true, .rate = 0.1, .title = "a test"};

static VizSource *make_source(void)
{
    VizSource *source = NULL;
    cr_assert_eq(synthetic_source_create(&options, &source), SIM_OK, "%s", sim_message());
    return source;
}

static void clean(void)
{
    viz_feed_destroy(feed);
}

TestSuite(feed, .fini = clean);

static void expect_step(size_t k, const VizWants *wants)
{
    const VizStep *const step = viz_feed_step(feed, k);
    const VizSubject *const subject = viz_feed_subject(feed);
    cr_assert_not_null(step, "step %zu", k);
    cr_assert_eq(step->step, k);
    for (uint64_t n = 0; n < 500; n++)
        cr_assert_eq(viz_step_fired(step, subject, SYNTHETIC_WIDE, n),
                     synthetic_fires(&options, SYNTHETIC_WIDE, k, n));
    cr_expect_eq(step->wants.layer, wants->layer);
    if (wants->layer == SYNTHETIC_WIDE)
        cr_expect_not_null(step->potential);
}

Test(feed, all_steps_in_any_order)
{
    static const size_t places[] = {5, 0, 23, 11, 12, 13, 2};
    const VizWants wants = {.layer = -1};
    cr_assert_eq(viz_feed_create(make_source(), 64 << 20, &feed), SIM_OK);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const size_t now = places[i];
        viz_feed_frame(feed, now, 0, SYNTHETIC_STEPS, &wants);
        cr_assert_eq(viz_feed_wait(feed), SIM_OK);
        viz_feed_frame(feed, now, 0, SYNTHETIC_STEPS, &wants);
        for (size_t k = 0; k < SYNTHETIC_STEPS; k++)
            expect_step(k, &wants);
    }
    cr_expect_eq(viz_feed_ready(feed), (size_t)SYNTHETIC_STEPS);
}

Test(feed, a_ring_smaller_than_the_recording)
{
    const VizWants wants = {.layer = -1};
    VizSource *const source = make_source();
    const size_t bytes = 5 * (viz_step_buffer_bytes(source->subject) + 1);
    cr_assert_eq(viz_feed_create(source, bytes, &feed), SIM_OK);
    const size_t room = viz_feed_room(feed);
    cr_assert_lt(room, (size_t)SYNTHETIC_STEPS);
    for (size_t now = 0; now < SYNTHETIC_STEPS; now++) {
        const size_t first = now > 2 ? now - 2 : 0;
        viz_feed_frame(feed, now, first, now + 1, &wants);
        cr_assert_eq(viz_feed_wait(feed), SIM_OK);
        viz_feed_frame(feed, now, first, now + 1, &wants);
        for (size_t k = first; k <= now; k++)
            expect_step(k, &wants);
        cr_expect_null(viz_feed_step(feed, now + 1), "outside of what is shown");
    }
    viz_feed_frame(feed, 3, 0, SYNTHETIC_STEPS, &wants); /* more than fit */
    cr_assert_eq(viz_feed_wait(feed), SIM_OK);
    viz_feed_frame(feed, 3, 0, SYNTHETIC_STEPS, &wants);
    expect_step(3, &wants);
}

Test(feed, other_wishes_are_made_again_under_the_eyes_of_the_frame)
{
    VizWants wants = {.layer = -1};
    cr_assert_eq(viz_feed_create(make_source(), 64 << 20, &feed), SIM_OK);
    viz_feed_frame(feed, 4, 0, 10, &wants);
    cr_assert_eq(viz_feed_wait(feed), SIM_OK);
    viz_feed_frame(feed, 4, 0, 10, &wants);
    const VizStep *seen[10];
    VizStep copies[10];
    for (size_t k = 0; k < 10; k++) {
        seen[k] = viz_feed_step(feed, k);
        copies[k] = *seen[k];
    }
    wants.layer = SYNTHETIC_WIDE;
    wants.picks[0] = (VizPick){SYNTHETIC_DEEP, 7};
    wants.n_picks = 1;
    viz_feed_frame(feed, 4, 0, 10, &wants);
    /* Until the next frame the views hold still, though the thread works. */
    for (int i = 0; i < 20; i++) {
        for (size_t k = 0; k < 10; k++) {
            const VizStep *const step = viz_feed_step(feed, k);
            cr_assert_eq(step, seen[k]);
            cr_assert_eq(step->wants.layer, copies[k].wants.layer);
            cr_assert_eq(step->n_spikes[SYNTHETIC_WIDE],
                         copies[k].n_spikes[SYNTHETIC_WIDE]);
        }
        usleep(500);
    }
    cr_assert_eq(viz_feed_wait(feed), SIM_OK);
    viz_feed_frame(feed, 4, 0, 10, &wants);
    for (size_t k = 0; k < 10; k++)
        expect_step(k, &wants);
}

typedef struct Failing {
    VizSource base;
    VizSource *inner;
} Failing;

static SimStatus fail_at_seven(VizSource *source, size_t k, const VizWants *wants,
                               const atomic_bool *stop, VizStepBuffer *out)
{
    Failing *const failing = (Failing *)source;
    if (k == 7)
        return sim_fail(SIM_ERR_FORMAT, "step 8 is broken");
    return failing->inner->make(failing->inner, k, wants, stop, out);
}

static void close_failing(VizSource *source)
{
    Failing *const failing = (Failing *)source;
    failing->inner->close(failing->inner);
    free(failing);
}

Test(feed, a_source_that_fails_keeps_what_was_made)
{
    const VizWants wants = {.layer = -1};
    Failing *const failing = calloc(1, sizeof *failing);
    cr_assert_not_null(failing);
    failing->inner = make_source();
    failing->base = (VizSource){failing->inner->subject, fail_at_seven, close_failing};
    cr_assert_eq(viz_feed_create(&failing->base, 64 << 20, &feed), SIM_OK);
    viz_feed_frame(feed, 2, 0, 10, &wants);
    cr_expect_neq(viz_feed_wait(feed), SIM_OK);
    cr_expect_str_eq(sim_message(), "step 8 is broken");
    viz_feed_frame(feed, 2, 0, 10, &wants);
    expect_step(2, &wants);
    cr_assert_not_null(viz_feed_error(feed));
    cr_expect_str_eq(viz_feed_error(feed), "step 8 is broken");
}

typedef struct Slow {
    VizSource base;
    VizSource *inner;
} Slow;

static SimStatus make_slowly(VizSource *source, size_t k, const VizWants *wants,
                             const atomic_bool *stop, VizStepBuffer *out)
{
    Slow *const slow = (Slow *)source;
    for (int i = 0; i < 10000; i++) {
        if (atomic_load(stop))
            return sim_fail(SIM_ERR_STOPPED, "stopped");
        usleep(1000);
    }
    return slow->inner->make(slow->inner, k, wants, stop, out);
}

static void close_slow(VizSource *source)
{
    Slow *const slow = (Slow *)source;
    slow->inner->close(slow->inner);
    free(slow);
}

/* A step of ten seconds does not hold up the end, nor a frame. */
Test(feed, never_waits, .timeout = 8)
{
    const VizWants wants = {.layer = -1};
    Slow *const slow = calloc(1, sizeof *slow);
    cr_assert_not_null(slow);
    slow->inner = make_source();
    slow->base = (VizSource){slow->inner->subject, make_slowly, close_slow};
    cr_assert_eq(viz_feed_create(&slow->base, 64 << 20, &feed), SIM_OK);
    for (size_t now = 0; now < 20; now++) {
        viz_feed_frame(feed, now, now, now + 1, &wants);
        cr_expect_null(viz_feed_step(feed, now));
        cr_expect_eq(viz_feed_ready(feed), now);
    }
    viz_feed_destroy(feed);
    feed = NULL;
}
