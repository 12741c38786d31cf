/* datasets/readers/aedat2.c: AEDAT 2.0, the recordings of jAER (DVS128 and DAVIS).
 *
 *     "#!AER-DAT2.0\r\n", further lines that begin with '#', then records of 8 bytes,
 *     big-endian: u32 address, u32 time in us.
 *
 *     DVS128   bit 0 polarity (0: ON)   1-7 x   8-14 y   15 and above: not a pixel
 *     DAVIS    bit 31 APS or IMU   30-22 y   21-12 x   11 polarity (1: ON)   10 trigger
 *
 * Nothing marks the end of the header: data start at the first line that does not begin
 * with '#'. An address may begin with that byte too, so a line counts as header only if
 * it is text up to its end. */
#include <stdlib.h>
#include <string.h>

#include "datasets/file_internal.h"

enum { RECORD = 8, BATCH = 1024, LAST = 127 };
enum { HEADER_LIMIT = 4 << 20 }; /* preferences of a chip take some 100 KiB */

typedef struct State {
    bool davis;
    int64_t wraps_us; /* added to the 32-bit times */
    uint32_t last;
    bool started;
} State;

static int probe(const DataProbe *p)
{
    return p->head_size >= 12 && !memcmp(p->head, "#!AER-DAT2", 10) ? 2 : 0;
}

static void note_line(DataFile *file, const char *line)
{
    State *state = file->state;
    static const char key[] = "AEChip:";
    const char *at = strstr(line, key);
    if (!at)
        return;
    const char *chip = at + sizeof key - 1;
    chip += strspn(chip, " ");
    char *detail = file->info.detail;
    snprintf(detail, sizeof file->info.detail, "chip %s", chip);
    detail[strcspn(detail, "\r\n")] = '\0';
    size_t w, h;
    if (strcasestr(chip, "davis") && data_known_sensor(chip, &w, &h)) {
        state->davis = true;
        file->info.width = w;
        file->info.height = h;
    }
}

/* Leaves the file at the first byte of the data. */
static SimStatus skip_header(DataFile *file)
{
    unsigned char chunk[4096];
    char line[256];
    uint64_t start = 0; /* of the line */
    size_t length = 0;
    bool in_line = false;
    for (uint64_t at = 0;;) {
        size_t got = 0;
        const SimStatus status = data_read(file, sizeof chunk, chunk, &got);
        if (status != SIM_OK)
            return status;
        if (got == 0) { /* header only: an empty recording */
            if (in_line && length < sizeof line)
                start = file->size;
            break;
        }
        size_t i = 0;
        for (; i < got; i++) {
            const unsigned char c = chunk[i];
            if (!in_line) {
                start = at + i;
                if (c != '#')
                    break;
                in_line = true;
                length = 0;
            }
            /* Control bytes do not occur in text: this "line" is a record. */
            if (c < 0x20 && c != '\t' && c != '\r' && c != '\n')
                break;
            if (length < sizeof line - 1)
                line[length++] = (char)c;
            if (c == '\n') {
                line[length] = '\0';
                note_line(file, line);
                in_line = false;
                start = at + i + 1;
            }
        }
        if (i < got)
            break;
        at += got;
        if (at > HEADER_LIMIT)
            return data_bad(file, at,
                            "expected the end of the header, found more than %d bytes of "
                            "'#' lines; this is no AEDAT 2.0 recording",
                            HEADER_LIMIT);
    }
    data_seek(file, start);
    return SIM_OK;
}

static SimStatus open_file(DataFile *file)
{
    file->state = calloc(1, sizeof(State));
    if (!file->state)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    file->info.width = file->info.height = LAST + 1;
    snprintf(file->info.detail, sizeof file->info.detail,
             "no chip named, read as DVS128");
    return skip_header(file);
}

/* Times are 32 bits, about 72 minutes: a drop by more than half of it is a wrap. */
static int64_t unwrap(State *state, uint32_t t)
{
    if (state->started && t < state->last && state->last - t > UINT32_C(1) << 31)
        state->wraps_us += INT64_C(1) << 32;
    state->started = true;
    state->last = t;
    return state->wraps_us + t;
}

static SimStatus next_events(DataFile *file, size_t max, DataEvent *events, size_t *n)
{
    State *state = file->state;
    unsigned char buffer[BATCH * RECORD];
    *n = 0;
    while (*n == 0) { /* a batch may hold nothing but special events */
        size_t got = 0;
        const size_t want = (max < BATCH ? max : BATCH) * RECORD;
        const SimStatus status = data_read(file, want, buffer, &got);
        if (status != SIM_OK)
            return status;
        if (got < RECORD) {
            file->health.bytes_left += got;
            return SIM_OK;
        }
        file->health.bytes_left += got % RECORD;
        for (size_t i = 0; i + RECORD <= got; i += RECORD) {
            const uint32_t a = data_be32(buffer + i);
            const int64_t t_us = unwrap(state, data_be32(buffer + i + 4));
            uint32_t x, y;
            bool on;
            if (state->davis ? a >> 31 || a & 1 << 10 : a >> 15) {
                file->health.special++;
                continue;
            }
            if (state->davis) {
                x = a >> 12 & 1023;
                y = a >> 22 & 511;
                on = a >> 11 & 1;
                if (x < file->info.width && y < file->info.height) {
                    x = (uint32_t)file->info.width - 1 - x;
                    y = (uint32_t)file->info.height - 1 - y;
                }
            } else {
                const uint32_t across = LAST - (a >> 1 & LAST), up = LAST - (a >> 8);
                x = file->axes == DATA_AXES_JAER ? across : up;
                y = file->axes == DATA_AXES_JAER ? up : across;
                on = !(a & 1);
            }
            if (data_count_event(file, t_us, x, y))
                events[(*n)++] = (DataEvent){t_us, (uint16_t)x, (uint16_t)y, on, {0}};
        }
    }
    return SIM_OK;
}

static void mark(const DataFile *file, DataMark *out)
{
    const State *state = file->state;
    *out = (DataMark){
        file->at, {state->wraps_us, state->last, state->started}, file->last_t_us};
}

static SimStatus go(DataFile *file, const DataMark *mark)
{
    State *state = file->state;
    data_seek(file, mark->at);
    state->wraps_us = mark->state[0];
    state->last = (uint32_t)mark->state[1];
    state->started = mark->state[2] != 0;
    file->last_t_us = mark->last_t_us;
    return SIM_OK;
}

static void close_file(DataFile *file)
{
    free(file->state);
}

const DataReader data_reader_aedat2 = {
    .name = "aedat2",
    .summary = "AEDAT 2.0: jAER, CIFAR10-DVS as first published, MNIST-DVS",
    .kind = DATA_EVENTS,
    .probe = probe,
    .open = open_file,
    .next_events = next_events,
    .mark = mark,
    .go = go,
    .close = close_file,
};
