/* datasets/loader.c: batches prepared by a thread while the caller computes.
 *
 *     thread:  read rows, augment ──▶ [slot][slot][slot] ──▶ caller
 *                                      filled in order, taken in order
 *
 * A batch is a function of (seed, epoch, its number) alone, so an epoch may start at any
 * batch and gives the same bits. The caller holds one slot while the others fill. */
#include "datasets/set_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 3 };

typedef struct Slot {
    float *x;          /* owned: [T,batch,h,w,c] */
    uint32_t *labels;  /* owned: [batch] */
    uint32_t *samples; /* owned: [batch] */
    size_t n;
    SimStatus status;
    char message[512];
} Slot;

struct DataLoader {
    DataSet *set;
    DataPart part;
    size_t batch, n, batches; /* n samples of the part */
    bool shuffle;
    uint64_t seed;
    uint32_t *rows;       /* owned: [n] samples of the part, by name */
    uint32_t *order;      /* owned: [n] of this epoch, into rows */
    float *raw, *changed; /* owned: [T,h,w,c] */
    Slot slots[SLOTS];

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    /* Under the lock: */
    bool quit, idle; /* idle: the thread touches no slot */
    uint64_t epoch;
    size_t next;          /* batch to be made; `batches`: none */
    size_t filled, taken; /* since the start of the epoch */
    double waited_s;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static SimStatus fill(DataLoader *loader, uint64_t epoch, size_t number, Slot *slot)
{
    SimStatus status = SIM_OK;
    DataSet *const set = loader->set;
    const DataAugmentShape shape = {set->steps, set->h, set->w, set->c};
    const size_t frame = set->h * set->w * set->c;
    const size_t first = number * loader->batch, left = loader->n - first;
    const DataAugment augment = loader->part == DATA_TRAIN
                                    ? (DataAugment)set->options.augment
                                    : DATA_AUGMENT_NONE;
    slot->n = left < loader->batch ? left : loader->batch;
    for (size_t k = 0; k < slot->n; k++) {
        const uint32_t sample = loader->rows[loader->order[first + k]];
        float *x = loader->raw;
        SIM_TRY(data_set_raw(set, sample, x));
        if (augment != DATA_AUGMENT_NONE) {
            data_augment(augment, shape,
                         (SimRng){loader->seed, SIM_RNG_AUGMENT, (uint32_t)epoch, sample},
                         x, loader->changed);
            x = loader->changed;
        }
        data_set_normalise(set, x);
        for (size_t t = 0; t < set->steps; t++)
            memcpy(slot->x + (t * slot->n + k) * frame, x + t * frame, frame * sizeof *x);
        slot->labels[k] = set->samples[sample].label;
        slot->samples[k] = sample;
    }
out:
    return status;
}

static void *work(void *argument)
{
    DataLoader *const loader = argument;
    pthread_mutex_lock(&loader->lock);
    for (;;) {
        loader->idle = true;
        pthread_cond_broadcast(&loader->change);
        /* One slot less than there are: the caller may still look at the last one. */
        while (!loader->quit && (loader->next >= loader->batches ||
                                 loader->filled - loader->taken >= SLOTS - 1))
            pthread_cond_wait(&loader->change, &loader->lock);
        if (loader->quit)
            break;
        loader->idle = false;
        Slot *const slot = &loader->slots[loader->filled % SLOTS];
        const uint64_t epoch = loader->epoch;
        const size_t number = loader->next;
        pthread_mutex_unlock(&loader->lock);

        slot->status = fill(loader, epoch, number, slot);
        if (slot->status != SIM_OK)
            snprintf(slot->message, sizeof slot->message, "%s", sim_message());

        pthread_mutex_lock(&loader->lock);
        loader->filled++;
        loader->next++;
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

SimStatus data_loader_create(DataSet *set, DataPart part, size_t batch, bool shuffle,
                             bool drop_last, uint64_t seed, DataLoader **out)
{
    SimStatus status = SIM_OK;
    const size_t count = set->steps * set->h * set->w * set->c;
    DataLoader *const loader = calloc(1, sizeof *loader);
    if (!loader)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a loader");
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->change, NULL);
    if (batch == 0 || part >= DATA_PARTS) {
        status = sim_fail(SIM_ERR_VALUE, "batch: wanted at least one sample, came 0");
        goto out;
    }
    if (set->kind == DATA_IMAGES)
        SIM_TRY(data_images_load(set));
    else
        SIM_TRY(data_cache_open(set, false, 1, NULL, NULL));
    loader->set = set;
    loader->part = part;
    loader->batch = batch;
    loader->shuffle = shuffle;
    loader->seed = seed;
    loader->n = set->n_part[part];
    loader->batches =
        loader->n / batch + (loader->n % batch && !(drop_last && part == DATA_TRAIN));
    loader->next = loader->batches;
    loader->rows = malloc((loader->n + 1) * sizeof *loader->rows);
    loader->order = malloc((loader->n + 1) * sizeof *loader->order);
    loader->raw = malloc(count * sizeof *loader->raw);
    loader->changed = malloc(count * sizeof *loader->changed);
    bool memory = loader->rows && loader->order && loader->raw && loader->changed;
    const size_t most = batch < loader->n ? batch : loader->n + 1;
    for (size_t k = 0; k < SLOTS; k++) {
        Slot *const slot = &loader->slots[k];
        slot->x = malloc(most * count * sizeof *slot->x);
        slot->labels = malloc(most * sizeof *slot->labels);
        slot->samples = malloc(most * sizeof *slot->samples);
        memory = memory && slot->x && slot->labels && slot->samples;
    }
    if (!memory) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %d batches of %zu x %zu values",
                          SLOTS, batch, count);
        goto out;
    }
    for (size_t i = 0, n = 0; i < set->n_samples; i++)
        if (set->samples[i].part == part)
            loader->rows[n++] = (uint32_t)i;
    if (pthread_create(&loader->thread, NULL, work, loader) != 0) {
        status = sim_fail(SIM_ERR_MEMORY, "no thread for the loader");
        goto out;
    }
    loader->has_thread = true;
    *out = loader;
    return SIM_OK;
out:
    data_loader_destroy(loader);
    return status;
}

void data_loader_destroy(DataLoader *loader)
{
    if (!loader)
        return;
    if (loader->has_thread) {
        pthread_mutex_lock(&loader->lock);
        loader->quit = true;
        pthread_cond_broadcast(&loader->change);
        pthread_mutex_unlock(&loader->lock);
        pthread_join(loader->thread, NULL);
    }
    for (size_t k = 0; k < SLOTS; k++) {
        free(loader->slots[k].x);
        free(loader->slots[k].labels);
        free(loader->slots[k].samples);
    }
    free(loader->rows);
    free(loader->order);
    free(loader->raw);
    free(loader->changed);
    pthread_cond_destroy(&loader->change);
    pthread_mutex_destroy(&loader->lock);
    free(loader);
}

size_t data_loader_batches(const DataLoader *loader)
{
    return loader->batches;
}

void data_loader_start(DataLoader *loader, uint64_t epoch, size_t first_batch)
{
    pthread_mutex_lock(&loader->lock);
    loader->next = loader->batches; /* nothing more of the epoch before */
    while (!loader->idle)
        pthread_cond_wait(&loader->change, &loader->lock);
    if (loader->shuffle)
        sim_rng_permutation((SimRng){loader->seed, SIM_RNG_SHUFFLE, (uint32_t)epoch, 0},
                            loader->n, loader->order);
    else
        for (size_t i = 0; i < loader->n; i++)
            loader->order[i] = (uint32_t)i;
    loader->epoch = epoch;
    loader->filled = loader->taken = 0;
    loader->next = first_batch < loader->batches ? first_batch : loader->batches;
    pthread_cond_broadcast(&loader->change);
    pthread_mutex_unlock(&loader->lock);
}

SimStatus data_loader_next(DataLoader *loader, DataBatch *out)
{
    pthread_mutex_lock(&loader->lock);
    const double start = now_s();
    while (loader->filled == loader->taken &&
           (loader->next < loader->batches || !loader->idle))
        pthread_cond_wait(&loader->change, &loader->lock);
    loader->waited_s += now_s() - start;
    if (loader->filled == loader->taken) {
        *out = (DataBatch){0};
        pthread_mutex_unlock(&loader->lock);
        return SIM_OK;
    }
    const Slot *const slot = &loader->slots[loader->taken++ % SLOTS];
    pthread_cond_broadcast(&loader->change);
    pthread_mutex_unlock(&loader->lock);
    if (slot->status != SIM_OK)
        return sim_fail(slot->status, "%s", slot->message);
    *out = (DataBatch){
        .x = slot->x, .labels = slot->labels, .samples = slot->samples, .n = slot->n};
    return SIM_OK;
}

double data_loader_waited_s(const DataLoader *loader)
{
    return loader->waited_s;
}
