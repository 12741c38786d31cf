/* datasets/readers/nmnist.c: the 40-bit events of N-MNIST and N-Caltech101 (.bin, .bs2).
 *
 *     x 8 bits | y 8 | polarity 1 (1: ON) | time 23, us        big-endian, no header
 *
 * Orchard et al., "Converting static image datasets to spiking neuromorphic datasets
 * using saccades", 2015. y = 240 marks an overflow of the time by 2^13 us. The sensor is
 * not stated: it is the smallest usual one that holds every event. */
#include <stdlib.h>

#include "datasets/file_internal.h"

enum { RECORD = 5, BATCH = 1024, OVERFLOW_Y = 240, OVERFLOW_US = 1 << 13 };
enum { MIN_PROOF = 8 }; /* events needed to believe a length that does not fit */

typedef struct State {
    int64_t overflow_us;
} State;

static uint32_t time_of(const unsigned char *b)
{
    return (uint32_t)(b[2] & 0x7f) << 16 | (uint32_t)b[3] << 8 | b[4];
}

/* No mark at all, so the events must make sense: times that do not go back (but for one
 * in a hundred) and do move on. */
static int probe(const DataProbe *p)
{
    const size_t n = p->head_size / RECORD;
    if (n == 0 || (p->file_size % RECORD != 0 && n < MIN_PROOF) ||
        data_is_text(p->head, p->head_size))
        return 0;
    size_t backward = 0;
    for (size_t i = 1; i < n; i++) {
        const unsigned char *b = p->head + i * RECORD;
        backward += b[1] != OVERFLOW_Y && time_of(b) < time_of(b - RECORD);
    }
    if (n >= MIN_PROOF && time_of(p->head + (n - 1) * RECORD) == time_of(p->head))
        return 0;
    return backward <= n / 100;
}

static SimStatus open_file(DataFile *file)
{
    unsigned char buffer[BATCH * RECORD];
    uint32_t max_x = 0, max_y = 0;
    size_t got = 0;
    do {
        const SimStatus status = data_read(file, sizeof buffer, buffer, &got);
        if (status != SIM_OK)
            return status;
        for (size_t i = 0; i + RECORD <= got; i += RECORD) {
            const uint32_t x = buffer[i], y = buffer[i + 1];
            if (y == OVERFLOW_Y)
                continue;
            max_x = x > max_x ? x : max_x;
            max_y = y > max_y ? y : max_y;
        }
    } while (got == sizeof buffer);
    data_seek(file, 0);
    data_guess_sensor(max_x, max_y, &file->info.width, &file->info.height);
    snprintf(file->info.detail, sizeof file->info.detail,
             "sensor size not stated, taken from x <= %u, y <= %u", max_x, max_y);
    file->state = calloc(1, sizeof(State));
    return file->state ? SIM_OK
                       : sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
}

static SimStatus next_events(DataFile *file, size_t max, DataEvent *events, size_t *n)
{
    State *state = file->state;
    unsigned char buffer[BATCH * RECORD];
    *n = 0;
    while (*n == 0) {
        size_t got = 0;
        const size_t want = (max < BATCH ? max : BATCH) * RECORD;
        const SimStatus status = data_read(file, want, buffer, &got);
        if (status != SIM_OK)
            return status;
        file->health.bytes_left += got % RECORD;
        if (got < RECORD)
            return SIM_OK;
        for (size_t i = 0; i + RECORD <= got; i += RECORD) {
            const unsigned char *b = buffer + i;
            if (b[1] == OVERFLOW_Y) {
                state->overflow_us += OVERFLOW_US;
                file->health.special++;
                continue;
            }
            const int64_t t_us = state->overflow_us + time_of(b);
            if (data_count_event(file, t_us, b[0], b[1]))
                events[(*n)++] = (DataEvent){t_us, b[0], b[1], b[2] >> 7, {0}};
        }
    }
    return SIM_OK;
}

static void mark(const DataFile *file, DataMark *out)
{
    const State *state = file->state;
    *out = (DataMark){file->at, {state->overflow_us}, file->last_t_us};
}

static SimStatus go(DataFile *file, const DataMark *mark)
{
    State *state = file->state;
    data_seek(file, mark->at);
    state->overflow_us = mark->state[0];
    file->last_t_us = mark->last_t_us;
    return SIM_OK;
}

static void close_file(DataFile *file)
{
    free(file->state);
}

const DataReader data_reader_nmnist = {
    .name = "nmnist",
    .summary = "40-bit events without header: N-MNIST, N-Caltech101 (.bin), .bs2",
    .kind = DATA_EVENTS,
    .probe = probe,
    .open = open_file,
    .next_events = next_events,
    .mark = mark,
    .go = go,
    .close = close_file,
};
