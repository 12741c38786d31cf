/* viz/feed.h: steps of a source, made by a thread of their own, kept in a bounded ring.
 *
 *         source thread                        drawing
 *     seek, step, step, ... --> | ring of N VizStep | --> viz_feed_step(k)
 *
 * The drawing side says once a frame which steps it shows; these are not overwritten and
 * their views stay valid until it says so again. It never waits: a step that is not there
 * yet is NULL. When it asks for other layers or neurons (VizWants) the steps shown are
 * made again, exactly, from the nearest kept state. */
#pragma once

#include "viz/source.h"

typedef struct VizFeed VizFeed;

/* `source` is taken over: closed by destroy, also on failure. `bytes` bounds the ring. */
SimStatus viz_feed_create(VizSource *source, size_t bytes, VizFeed **out);
void viz_feed_destroy(VizFeed *feed); /* accepts NULL; waits for at most one step */

const VizSubject *viz_feed_subject(const VizFeed *feed);

/* Once a frame: the cursor's step, the steps [first, end) that are shown (now among them)
 * and what is wanted of them. Makes the views of the frame before invalid. */
void viz_feed_frame(VizFeed *feed, size_t now, size_t first, size_t end,
                    const VizWants *wants);

/* Step k of [first, end) as made for the present wants, or for former ones while it is
 * being made again; NULL when it is not there. Valid until the next viz_feed_frame. */
const VizStep *viz_feed_step(const VizFeed *feed, size_t k);
size_t viz_feed_ready(const VizFeed *feed); /* the first step from `now` not there yet */
size_t viz_feed_room(const VizFeed *feed);  /* most steps shown at once */

/* Blocks until all steps shown by the last viz_feed_frame are there as wanted: for
 * pictures without a window; viz_feed_frame must follow before they are looked at. Fails
 * with the source's sentence. */
SimStatus viz_feed_wait(VizFeed *feed);

/* The sentence of a source that failed; NULL while all is well. */
const char *viz_feed_error(const VizFeed *feed);

/* Steps are made over and over, so that the speed of the simulation can be measured. */
void viz_feed_endless(VizFeed *feed, bool on);

typedef struct VizFeedStats {
    double steps;   /* made so far */
    double seconds; /* spent making them */
    double wall_s;  /* between the first and the last */
} VizFeedStats;
VizFeedStats viz_feed_stats(const VizFeed *feed);
