/* viz/feed.c: a ring of steps, its thread, and what a frame may look at.
 *
 * Step k lies in slot k mod n_slots. A buffer that the frame being drawn looks at is not
 * reused when its step is made again: it is retired, and spare from the next frame on. */
#include "viz/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SPARES = 4, MAX_SLOTS = 4096, NOTHING = -1 };

typedef struct Slot {
    VizStepBuffer *buffer; /* NULL: empty */
    uint64_t version;      /* of the wants it was made for */
} Slot;

struct VizFeed {
    VizSource *source; /* owned */
    VizStepBuffer *buffers;
    size_t n_buffers;
    Slot *slots;
    size_t n_slots;
    VizStepBuffer **spare, **retired;
    size_t n_spare, n_retired;

    pthread_mutex_t lock;
    pthread_cond_t wake, made;
    pthread_t thread;
    bool started, ended;
    atomic_bool stop; /* what is being made is not wanted any more */
    long long making; /* a step, or NOTHING */
    size_t now, first, end;
    VizWants wants;
    uint64_t version;
    bool failed, endless;
    size_t again; /* endless: the next step to be made once more */
    char error[512];
    VizFeedStats stats;
    double began_s;

    const VizStep **seen; /* [n_slots] steps first, first + 1, ... of this frame */
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static Slot *slot_of(const VizFeed *feed, size_t k)
{
    return &feed->slots[k % feed->n_slots];
}

static bool is_there(const VizFeed *feed, size_t k, bool as_wanted)
{
    const Slot *const slot = slot_of(feed, k);
    return slot->buffer && slot->buffer->step.step == k &&
           (!as_wanted || slot->version == feed->version);
}

/* --- the thread -----------------------------------------------------------------------
 */

/* The cursor's step, then those shown, in order of time, then ahead. */
static long long next_job(const VizFeed *feed)
{
    const size_t n_steps = feed->source->subject->n_steps;
    if (feed->failed || n_steps == 0)
        return NOTHING;
    if (!is_there(feed, feed->now, true))
        return (long long)feed->now;
    for (size_t k = feed->first; k < feed->end; k++)
        if (!is_there(feed, k, true))
            return (long long)k;
    const size_t last = feed->first + feed->n_slots;
    for (size_t k = feed->end; k < n_steps && k < last; k++)
        if (!is_there(feed, k, false))
            return (long long)k;
    return feed->endless ? (long long)feed->again : NOTHING;
}

static bool is_looked_at(const VizFeed *feed, const VizStepBuffer *buffer)
{
    const size_t k = buffer->step.step;
    return k >= feed->first && k < feed->end &&
           feed->seen[k - feed->first] == &buffer->step;
}

static void put(VizFeed *feed, size_t k, VizStepBuffer *buffer, uint64_t version)
{
    Slot *const slot = slot_of(feed, k);
    if (feed->endless && is_there(feed, k, true) && version == slot->version) {
        feed->spare[feed->n_spare++] = buffer; /* only its time was wanted */
        return;
    }
    if (slot->buffer && is_looked_at(feed, slot->buffer))
        feed->retired[feed->n_retired++] = slot->buffer;
    else if (slot->buffer)
        feed->spare[feed->n_spare++] = slot->buffer;
    *slot = (Slot){buffer, version};
}

static void make_one(VizFeed *feed, size_t k)
{
    VizStepBuffer *const buffer = feed->spare[--feed->n_spare];
    const VizWants wants = feed->wants;
    const uint64_t version = feed->version;
    feed->making = (long long)k;
    atomic_store(&feed->stop, false);
    pthread_mutex_unlock(&feed->lock);

    const double before = now_s();
    viz_step_buffer_clear(buffer, feed->source->subject, k, &wants);
    const SimStatus status =
        feed->source->make(feed->source, k, &wants, &feed->stop, buffer);
    const double after = now_s();

    pthread_mutex_lock(&feed->lock);
    feed->making = NOTHING;
    feed->stats.steps += status == SIM_OK;
    feed->stats.seconds += after - before;
    feed->stats.wall_s = after - feed->began_s;
    if (status == SIM_OK) {
        put(feed, k, buffer, version);
    } else {
        feed->spare[feed->n_spare++] = buffer;
        if (status != SIM_ERR_STOPPED) {
            snprintf(feed->error, sizeof feed->error, "%s", sim_message());
            feed->failed = true;
        }
    }
    pthread_cond_broadcast(&feed->made);
}

static void *work(void *argument)
{
    VizFeed *const feed = argument;
    pthread_mutex_lock(&feed->lock);
    while (!feed->ended) {
        const long long job = next_job(feed);
        if (job == (long long)feed->again)
            feed->again =
                feed->again + 1 < feed->source->subject->n_steps ? feed->again + 1 : 0;
        if (job == NOTHING || feed->n_spare == 0)
            pthread_cond_wait(&feed->wake, &feed->lock);
        else
            make_one(feed, (size_t)job);
    }
    pthread_mutex_unlock(&feed->lock);
    return NULL;
}

/* --- making ---------------------------------------------------------------------------
 */

static SimStatus make_buffers(VizFeed *feed, size_t bytes)
{
    SimStatus status = SIM_OK;
    const VizSubject *const subject = feed->source->subject;
    const size_t room = bytes / (viz_step_buffer_bytes(subject) + 1);
    feed->n_slots = room > subject->n_steps ? subject->n_steps : room;
    feed->n_slots = feed->n_slots > MAX_SLOTS ? MAX_SLOTS : feed->n_slots;
    feed->n_slots = feed->n_slots ? feed->n_slots : 1;
    const size_t n = feed->n_slots + SPARES;
    feed->buffers = calloc(n, sizeof *feed->buffers);
    feed->slots = calloc(feed->n_slots, sizeof *feed->slots);
    feed->seen = calloc(feed->n_slots, sizeof *feed->seen);
    feed->spare = calloc(n, sizeof *feed->spare);
    feed->retired = calloc(n, sizeof *feed->retired);
    if (!feed->buffers || !feed->slots || !feed->seen || !feed->spare || !feed->retired)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a ring of %zu steps",
                        feed->n_slots);
    for (; feed->n_buffers < n; feed->n_buffers++) {
        SIM_TRY(viz_step_buffer_create(subject, &feed->buffers[feed->n_buffers]));
        feed->spare[feed->n_spare++] = &feed->buffers[feed->n_buffers];
    }
out:
    return status;
}

SimStatus viz_feed_create(VizSource *source, size_t bytes, VizFeed **out)
{
    SimStatus status = SIM_OK;
    VizFeed *feed = calloc(1, sizeof *feed);
    if (!feed) {
        source->close(source);
        return sim_fail(SIM_ERR_MEMORY, "no memory for a feed of steps");
    }
    feed->source = source;
    feed->making = NOTHING;
    feed->wants.layer = -1;
    feed->version = 1;
    feed->began_s = now_s();
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->wake, NULL);
    pthread_cond_init(&feed->made, NULL);
    SIM_TRY(make_buffers(feed, bytes));
    feed->end = source->subject->n_steps > 0;
    if (pthread_create(&feed->thread, NULL, work, feed) != 0) {
        status = sim_fail(SIM_ERR_MEMORY, "no thread for the simulation");
        goto out;
    }
    feed->started = true;
    *out = feed;
    feed = NULL;
out:
    viz_feed_destroy(feed);
    return status;
}

void viz_feed_destroy(VizFeed *feed)
{
    if (!feed)
        return;
    if (feed->started) {
        pthread_mutex_lock(&feed->lock);
        feed->ended = true;
        atomic_store(&feed->stop, true);
        pthread_cond_broadcast(&feed->wake);
        pthread_mutex_unlock(&feed->lock);
        pthread_join(feed->thread, NULL);
    }
    for (size_t i = 0; i < feed->n_buffers; i++)
        viz_step_buffer_destroy(&feed->buffers[i]);
    pthread_mutex_destroy(&feed->lock);
    pthread_cond_destroy(&feed->wake);
    pthread_cond_destroy(&feed->made);
    feed->source->close(feed->source);
    free(feed->buffers);
    free(feed->slots);
    free(feed->seen);
    free(feed->spare);
    free(feed->retired);
    free(feed);
}

/* --- the drawing side -----------------------------------------------------------------
 */

const VizSubject *viz_feed_subject(const VizFeed *feed)
{
    return feed->source->subject;
}

size_t viz_feed_room(const VizFeed *feed)
{
    return feed->n_slots;
}

static bool equal_wants(const VizWants *a, const VizWants *b)
{
    bool equal = a->layer == b->layer && a->n_picks == b->n_picks;
    for (size_t i = 0; equal && i < a->n_picks; i++)
        equal = a->picks[i].layer == b->picks[i].layer &&
                a->picks[i].neuron == b->picks[i].neuron;
    return equal;
}

void viz_feed_frame(VizFeed *feed, size_t now, size_t first, size_t end,
                    const VizWants *wants)
{
    const size_t n_steps = feed->source->subject->n_steps;
    if (n_steps == 0)
        return;
    now = now < n_steps ? now : n_steps - 1;
    first = first < now ? first : now;
    end = end > n_steps ? n_steps : end > now ? end : now + 1;
    if (end - first > feed->n_slots) { /* no more than fit, the cursor among them */
        if (now - first >= feed->n_slots)
            first = now - feed->n_slots + 1;
        end = end - first > feed->n_slots ? first + feed->n_slots : end;
    }
    pthread_mutex_lock(&feed->lock);
    while (feed->n_retired > 0)
        feed->spare[feed->n_spare++] = feed->retired[--feed->n_retired];
    feed->now = now;
    feed->first = first;
    feed->end = end;
    if (!equal_wants(&feed->wants, wants)) {
        feed->wants = *wants;
        feed->version++;
    }
    for (size_t k = first; k < end; k++)
        feed->seen[k - first] =
            is_there(feed, k, false) ? &slot_of(feed, k)->buffer->step : NULL;
    if (feed->making != NOTHING &&
        ((size_t)feed->making < first || (size_t)feed->making >= first + feed->n_slots))
        atomic_store(&feed->stop, true);
    pthread_cond_broadcast(&feed->wake);
    pthread_mutex_unlock(&feed->lock);
}

const VizStep *viz_feed_step(const VizFeed *feed, size_t k)
{
    return k >= feed->first && k < feed->end ? feed->seen[k - feed->first] : NULL;
}

size_t viz_feed_ready(const VizFeed *feed)
{
    VizFeed *const locked = (VizFeed *)feed;
    const size_t n_steps = feed->source->subject->n_steps;
    pthread_mutex_lock(&locked->lock);
    size_t k = feed->now;
    while (k < n_steps && k < feed->first + feed->n_slots && is_there(feed, k, false))
        k++;
    pthread_mutex_unlock(&locked->lock);
    return k;
}

SimStatus viz_feed_wait(VizFeed *feed)
{
    SimStatus status = SIM_OK;
    pthread_mutex_lock(&feed->lock);
    for (size_t k = feed->first; k < feed->end && !feed->failed;) {
        if (is_there(feed, k, true)) {
            k++;
            continue;
        }
        while (feed->n_retired > 0) /* nobody draws meanwhile */
            feed->spare[feed->n_spare++] = feed->retired[--feed->n_retired];
        memset(feed->seen, 0, feed->n_slots * sizeof(void *));
        pthread_cond_broadcast(&feed->wake);
        pthread_cond_wait(&feed->made, &feed->lock);
    }
    if (feed->failed)
        status = sim_fail(SIM_ERR_VALUE, "%s", feed->error);
    pthread_mutex_unlock(&feed->lock);
    return status;
}

const char *viz_feed_error(const VizFeed *feed)
{
    VizFeed *const locked = (VizFeed *)feed;
    pthread_mutex_lock(&locked->lock);
    const bool failed = feed->failed;
    pthread_mutex_unlock(&locked->lock);
    return failed ? feed->error : NULL;
}

void viz_feed_endless(VizFeed *feed, bool on)
{
    pthread_mutex_lock(&feed->lock);
    feed->endless = on;
    feed->again = 0;
    pthread_cond_broadcast(&feed->wake);
    pthread_mutex_unlock(&feed->lock);
}

VizFeedStats viz_feed_stats(const VizFeed *feed)
{
    VizFeed *const locked = (VizFeed *)feed;
    pthread_mutex_lock(&locked->lock);
    const VizFeedStats stats = feed->stats;
    pthread_mutex_unlock(&locked->lock);
    return stats;
}
