/* viz/events.c: an index that grows in the background, and blocks read from its marks.
 *
 * One thread does both: blocks that a window asked for come first, then the index goes
 * on. Two handles on the file, so that reading a block does not move the index. */
#include "viz/events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/list.h"

enum { CACHE = 128, BINS = 4096, WANTED = 64, FIRST_BIN_US = 100, PATIENCE_MS = 400 };

typedef struct Block {
    DataMark mark;
    uint64_t first;          /* number of its first event */
    uint32_t n;              /* VIZ_BLOCK, but for the last one */
    int64_t low_us, high_us; /* of its events, from our 0 */
    int64_t reached_us;      /* the latest time up to its end: never falls */
    int64_t later_us;        /* the earliest time from its start on: never falls */
} Block;

typedef struct Held { /* a block in memory */
    size_t block;
    uint64_t used;     /* when last */
    DataEvent *events; /* [VIZ_BLOCK], owned; NULL: free */
} Held;

struct VizEvents {
    char *path; /* owned; NULL: events in memory */
    DataAxes axes;
    DataEvent *all; /* owned; of events in memory, times from our 0 */
    DataFile *index_file, *block_file;

    pthread_mutex_t lock;
    pthread_cond_t wake, grown;
    pthread_t thread;
    bool started, ended, opened, whole;
    SimStatus open_status;
    char note[512];

    Block *blocks; /* owned */
    size_t n_blocks, capacity;
    uint64_t n_events;
    int64_t first_us, end_us;
    DataHealth health;
    size_t width, height;
    char format[32], detail[160];
    double indexed;
    uint32_t bins[BINS];
    int64_t bin_us;

    Held held[CACHE];
    uint64_t uses;
    size_t wanted[WANTED]; /* blocks to be fetched */
    size_t n_wanted;

    DataEvent *window; /* owned; what viz_events_window gave */
    size_t window_room;
};

/* --- the index ------------------------------------------------------------------------
 */

static void count_rate(VizEvents *e, int64_t t_us)
{
    while (t_us / e->bin_us >= BINS) {
        for (size_t i = 0; i < BINS / 2; i++)
            e->bins[i] = e->bins[2 * i] + e->bins[2 * i + 1];
        memset(e->bins + BINS / 2, 0, sizeof e->bins / 2);
        e->bin_us *= 2;
    }
    e->bins[t_us / e->bin_us]++;
}

static Block *add_block(VizEvents *e)
{
    if (!sim_list_reserve(&e->blocks, &e->capacity, e->n_blocks + 1, sizeof *e->blocks))
        return NULL;
    return &e->blocks[e->n_blocks++];
}

/* Times become ours: from the first event on, never negative. */
static bool add_to_index(VizEvents *e, const DataMark *mark, DataEvent *events, size_t n)
{
    if (e->n_blocks == 0)
        e->first_us = events[0].t_us;
    Block *const block = add_block(e);
    if (!block)
        return false;
    *block = (Block){.first = e->n_events, .n = (uint32_t)n, .low_us = INT64_MAX};
    if (mark)
        block->mark = *mark;
    for (size_t i = 0; i < n; i++) {
        events[i].t_us -= e->first_us;
        if (events[i].t_us < 0)
            events[i].t_us = 0;
        const int64_t t = events[i].t_us;
        block->low_us = t < block->low_us ? t : block->low_us;
        block->high_us = t > block->high_us ? t : block->high_us;
        count_rate(e, t);
    }
    const Block *const before = e->n_blocks > 1 ? block - 1 : NULL;
    block->reached_us = before && before->reached_us > block->high_us ? before->reached_us
                                                                      : block->high_us;
    block->later_us = block->low_us;
    for (size_t i = e->n_blocks - 1; i-- > 0 && e->blocks[i].later_us > block->low_us;)
        e->blocks[i].later_us = block->low_us;
    e->n_events += n;
    e->end_us = block->reached_us + 1;
    return true;
}

/* Up to VIZ_BLOCK events from where the file stands. */
static SimStatus read_block(DataFile *file, DataEvent *events, size_t *n)
{
    *n = 0;
    for (size_t got = 1; *n < VIZ_BLOCK && got > 0; *n += got) {
        const SimStatus status =
            file->reader->next_events(file, VIZ_BLOCK - *n, events + *n, &got);
        if (status != SIM_OK)
            return status;
    }
    return SIM_OK;
}

static void finish(VizEvents *e, SimStatus status)
{
    e->whole = true;
    e->indexed = 1;
    const unsigned long long left = e->index_file ? e->health.bytes_left : 0;
    if (status != SIM_OK)
        snprintf(e->note, sizeof e->note, "%s", sim_message());
    else if (left)
        snprintf(e->note, sizeof e->note,
                 "the file is cut off inside an event, its last %llu bytes are left out",
                 left);
}

/* One block further; without the lock while it reads. */
static void index_more(VizEvents *e, DataEvent *events)
{
    DataFile *const file = e->index_file;
    DataMark mark;
    size_t n = 0;
    pthread_mutex_unlock(&e->lock);
    file->reader->mark(file, &mark);
    const SimStatus status = read_block(file, events, &n);
    pthread_mutex_lock(&e->lock);
    e->health = file->health;
    if (n > 0 && !add_to_index(e, &mark, events, n)) {
        finish(e, sim_fail(SIM_ERR_MEMORY, "no memory for the index of %s", e->path));
        return;
    }
    e->indexed = file->size ? (double)file->at / (double)file->size : 1;
    if (status != SIM_OK || n < VIZ_BLOCK)
        finish(e, status);
}

/* --- blocks ---------------------------------------------------------------------------
 */

static Held *find_held(VizEvents *e, size_t block)
{
    for (size_t i = 0; i < CACHE; i++)
        if (e->held[i].events && e->held[i].block == block)
            return &e->held[i];
    return NULL;
}

static Held *oldest_held(VizEvents *e)
{
    Held *oldest = &e->held[0];
    for (size_t i = 0; i < CACHE; i++) {
        if (!e->held[i].events)
            return &e->held[i];
        if (e->held[i].used < oldest->used)
            oldest = &e->held[i];
    }
    return oldest;
}

/* A block that cannot be read again (the file changed) is held empty of new events. */
static void fetch(VizEvents *e, size_t number, DataEvent *events)
{
    const Block block = e->blocks[number];
    size_t n = 0;
    pthread_mutex_unlock(&e->lock);
    SimStatus status = SIM_OK;
    if (!e->block_file)
        status = data_file_open(e->path, e->axes, &e->block_file);
    if (status == SIM_OK)
        status = e->block_file->reader->go(e->block_file, &block.mark);
    if (status == SIM_OK)
        status = read_block(e->block_file, events, &n);
    (void)status; /* the index said already what is wrong with the file */
    for (size_t i = 0; i < n; i++) {
        events[i].t_us -= e->first_us;
        events[i].t_us = events[i].t_us < 0 ? 0 : events[i].t_us;
    }
    for (; n < block.n; n++)
        events[n] = (DataEvent){.t_us = block.low_us};
    pthread_mutex_lock(&e->lock);
    Held *const held = oldest_held(e);
    if (!held->events)
        held->events = malloc(VIZ_BLOCK * sizeof *held->events);
    if (!held->events)
        return;
    memcpy(held->events, events, block.n * sizeof *events);
    held->block = number;
    held->used = ++e->uses;
}

static void *work(void *argument)
{
    VizEvents *const e = argument;
    DataEvent *const events = malloc(VIZ_BLOCK * sizeof *events);
    DataFile *file = NULL;
    const SimStatus status =
        events ? data_file_open(e->path, e->axes, &file)
               : sim_fail(SIM_ERR_MEMORY, "%s: no memory for a block of events", e->path);
    pthread_mutex_lock(&e->lock);
    e->opened = true;
    e->open_status = status;
    e->index_file = file;
    if (status == SIM_OK && file->info.kind != DATA_EVENTS)
        e->open_status = sim_fail(SIM_ERR_VALUE,
                                  "%s: holds images, wanted a recording of events: give "
                                  "the net that they are for as well",
                                  e->path);
    if (e->open_status == SIM_OK) {
        e->width = file->info.width;
        e->height = file->info.height;
        snprintf(e->format, sizeof e->format, "%s", file->info.format);
        snprintf(e->detail, sizeof e->detail, "%s", file->info.detail);
    } else {
        finish(e, e->open_status);
    }
    pthread_cond_broadcast(&e->grown);
    while (!e->ended) {
        if (e->n_wanted > 0) {
            const size_t block = e->wanted[--e->n_wanted];
            if (!find_held(e, block))
                fetch(e, block, events);
        } else if (!e->whole) {
            index_more(e, events);
        } else {
            pthread_cond_wait(&e->wake, &e->lock);
            continue;
        }
        pthread_cond_broadcast(&e->grown);
    }
    pthread_mutex_unlock(&e->lock);
    free(events);
    return NULL;
}

/* --- opening and closing --------------------------------------------------------------
 */

static VizEvents *make(void)
{
    VizEvents *const e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->bin_us = FIRST_BIN_US;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, NULL);
    pthread_cond_init(&e->grown, NULL);
    return e;
}

static struct timespec in_ms(long ms)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

SimStatus viz_events_open(const char *path, DataAxes axes, VizEvents **out)
{
    SimStatus status = SIM_OK;
    VizEvents *e = make();
    if (!e || !(e->path = strdup(path))) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to look at it", path);
        goto out;
    }
    e->axes = axes;
    if (pthread_create(&e->thread, NULL, work, e) != 0) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no thread to read it", path);
        goto out;
    }
    e->started = true;
    /* Most files open at once; one that must be measured first appears when it is. */
    const struct timespec until = in_ms(PATIENCE_MS);
    pthread_mutex_lock(&e->lock);
    while (!(e->opened && (e->n_blocks > 0 || e->whole)) &&
           pthread_cond_timedwait(&e->grown, &e->lock, &until) == 0)
        ;
    if (e->opened && e->open_status != SIM_OK)
        status = sim_fail(e->open_status, "%s", e->note);
    else if (e->whole && e->n_events == 0)
        status = sim_fail(SIM_ERR_FORMAT, "%s%s%s", e->note[0] ? e->note : path,
                          e->note[0] ? "" : ": ", e->note[0] ? "" : "holds no event");
    pthread_mutex_unlock(&e->lock);
    if (status != SIM_OK)
        goto out;
    *out = e;
    e = NULL;
out:
    viz_events_close(e);
    return status;
}

static int by_time(const void *a, const void *b)
{
    const DataEvent *const x = a, *const y = b;
    if (x->t_us != y->t_us)
        return x->t_us < y->t_us ? -1 : 1;
    return x < y ? -1 : x > y;
}

SimStatus viz_events_take(const DataEvent *events, size_t n, size_t width, size_t height,
                          VizEvents **out)
{
    VizEvents *const e = make();
    if (e)
        e->all = malloc((n + 1) * sizeof *e->all);
    if (!e || !e->all) {
        viz_events_close(e);
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu events", n);
    }
    memcpy(e->all, events, n * sizeof *events);
    bool sorted = true;
    for (size_t i = 1; sorted && i < n; i++)
        sorted = events[i - 1].t_us <= events[i].t_us;
    if (!sorted)
        qsort(e->all, n, sizeof *e->all, by_time);
    e->width = width;
    e->height = height;
    for (size_t first = 0; first < n; first += VIZ_BLOCK) {
        const size_t count = n - first < VIZ_BLOCK ? n - first : VIZ_BLOCK;
        if (!add_to_index(e, NULL, e->all + first, count)) {
            viz_events_close(e);
            return sim_fail(SIM_ERR_MEMORY, "no memory for an index of %zu events", n);
        }
    }
    e->opened = true;
    e->health.events = n;
    finish(e, SIM_OK);
    *out = e;
    return SIM_OK;
}

void viz_events_close(VizEvents *e)
{
    if (!e)
        return;
    if (e->started) {
        pthread_mutex_lock(&e->lock);
        e->ended = true;
        pthread_cond_broadcast(&e->wake);
        pthread_mutex_unlock(&e->lock);
        pthread_join(e->thread, NULL);
    }
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->wake);
    pthread_cond_destroy(&e->grown);
    data_file_close(e->index_file);
    data_file_close(e->block_file);
    for (size_t i = 0; i < CACHE; i++)
        free(e->held[i].events);
    free(e->blocks);
    free(e->all);
    free(e->window);
    free(e->path);
    free(e);
}

/* --- looking --------------------------------------------------------------------------
 */

VizEventsInfo viz_events_info(const VizEvents *events)
{
    VizEvents *const e = (VizEvents *)events;
    pthread_mutex_lock(&e->lock);
    const VizEventsInfo info = {.width = e->width,
                                .height = e->height,
                                .format = e->format,
                                .detail = e->detail,
                                .n_events = e->n_events,
                                .first_us = e->first_us,
                                .end_us = e->end_us,
                                .indexed = e->indexed,
                                .health = e->health,
                                .note = e->whole && e->note[0] ? e->note : NULL};
    pthread_mutex_unlock(&e->lock);
    return info;
}

void viz_events_wait(VizEvents *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->whole)
        pthread_cond_wait(&e->grown, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

/* The first block that may hold an event at or after a time. */
static size_t first_block(const VizEvents *e, int64_t from_us)
{
    size_t low = 0, high = e->n_blocks;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (e->blocks[middle].reached_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first block from which on every event is at or after a time. */
static size_t end_block(const VizEvents *e, int64_t to_us)
{
    size_t low = 0, high = e->n_blocks;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (e->blocks[middle].later_us < to_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The events of a block; NULL: asked for, not there yet. */
static const DataEvent *events_of(VizEvents *e, size_t block, bool wait)
{
    if (e->all)
        return e->all + e->blocks[block].first;
    for (;;) {
        Held *const held = find_held(e, block);
        if (held) {
            held->used = ++e->uses;
            return held->events;
        }
        bool asked = false;
        for (size_t i = 0; i < e->n_wanted; i++)
            asked = asked || e->wanted[i] == block;
        if (!asked && e->n_wanted == WANTED) { /* the oldest wish is dropped */
            memmove(e->wanted, e->wanted + 1, (WANTED - 1) * sizeof *e->wanted);
            e->n_wanted--;
        }
        if (!asked)
            e->wanted[e->n_wanted++] = block;
        pthread_cond_broadcast(&e->wake);
        if (!wait)
            return NULL;
        pthread_cond_wait(&e->grown, &e->lock);
    }
}

static bool make_room(VizEvents *e, size_t n)
{
    if (n <= e->window_room)
        return true;
    free(e->window);
    e->window_room = 0;
    e->window = malloc(n * sizeof *e->window);
    if (e->window)
        e->window_room = n;
    return e->window != NULL;
}

size_t viz_events_window(VizEvents *e, int64_t from_us, int64_t to_us, size_t max,
                         bool wait, const DataEvent **out, bool *complete)
{
    size_t n = 0, total = 0;
    bool all = true;
    pthread_mutex_lock(&e->lock);
    size_t first = first_block(e, from_us);
    const size_t end = end_block(e, to_us);
    for (size_t b = end; b-- > first;) { /* only so many that `max` and the cache hold */
        total += e->blocks[b].n;
        if ((total >= max + VIZ_BLOCK && b > first) || end - b >= CACHE - 8) {
            first = b;
            break;
        }
    }
    if (end > first && make_room(e, total)) {
        for (size_t b = first; b < end; b++) {
            const DataEvent *const events = events_of(e, b, wait);
            all = all && events;
            for (size_t i = 0; events && i < e->blocks[b].n; i++)
                if (events[i].t_us >= from_us && events[i].t_us < to_us)
                    e->window[n++] = events[i];
        }
    }
    const bool known = e->whole || to_us <= e->end_us;
    pthread_mutex_unlock(&e->lock);
    if (complete)
        *complete = all && known;
    const size_t skipped = n > max ? n - max : 0;
    *out = e->window + skipped;
    return n - skipped;
}

void viz_events_rate(const VizEvents *events, int64_t from_us, int64_t to_us, size_t n,
                     float *rate_hz)
{
    VizEvents *const e = (VizEvents *)events;
    const double part = (double)(to_us - from_us) / (double)(n ? n : 1);
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < n; i++) {
        const double from = (double)from_us + part * (double)i, to = from + part;
        const double unit = (double)e->bin_us;
        double sum = 0;
        for (long long b = (long long)(from / unit); b < BINS && (double)b * unit < to;
             b++) {
            if (b < 0)
                continue;
            const double low = from > (double)b * unit ? from : (double)b * unit;
            const double high = to < (double)(b + 1) * unit ? to : (double)(b + 1) * unit;
            sum += (double)e->bins[b] * (high - low) / unit;
        }
        rate_hz[i] = part > 0 ? (float)(sum / (part * 1e-6)) : 0;
    }
    pthread_mutex_unlock(&e->lock);
}

/* How many events of a block come before a time: exact when it is in memory. */
static uint64_t before_in(VizEvents *e, size_t b, int64_t at_us)
{
    const Block *const block = &e->blocks[b];
    const DataEvent *const events = events_of(e, b, false);
    uint64_t n = 0;
    if (!events) {
        const double span = (double)(block->high_us - block->low_us) + 1;
        const double share = (double)(at_us - block->low_us) / span;
        return (uint64_t)((double)block->n * (share < 0 ? 0 : share > 1 ? 1 : share));
    }
    for (size_t i = 0; i < block->n; i++)
        n += events[i].t_us < at_us;
    return n;
}

static int64_t time_in(VizEvents *e, size_t b, uint64_t number)
{
    const Block *const block = &e->blocks[b];
    const DataEvent *const events = events_of(e, b, false);
    if (events)
        return events[number].t_us;
    return block->low_us + (int64_t)((double)(block->high_us - block->low_us) *
                                     (double)number / (double)block->n);
}

int64_t viz_events_after(const VizEvents *events, int64_t from_us, int64_t count)
{
    VizEvents *const e = (VizEvents *)events;
    pthread_mutex_lock(&e->lock);
    int64_t result = 0;
    if (e->n_blocks > 0) {
        size_t b = first_block(e, from_us);
        int64_t number = (int64_t)e->n_events;
        if (b < e->n_blocks)
            number = (int64_t)(e->blocks[b].first + before_in(e, b, from_us));
        number += count;
        if (number >= (int64_t)e->n_events) {
            result = e->end_us;
        } else if (number > 0) {
            size_t low = 0, high = e->n_blocks;
            while (high - low > 1) {
                const size_t middle = (low + high) / 2;
                if ((int64_t)e->blocks[middle].first <= number)
                    low = middle;
                else
                    high = middle;
            }
            result = time_in(e, low, (uint64_t)number - e->blocks[low].first);
        }
    }
    pthread_mutex_unlock(&e->lock);
    return result;
}
