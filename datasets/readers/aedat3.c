/* datasets/readers/aedat3.c: AEDAT 3.x, the recordings of cAER (DVS128 Gesture).
 *
 *     "#!AER-DAT3.1\r\n", lines, "#!END-HEADER\r\n", then packets, little-endian:
 *     i16 type, i16 source, i32 size, i32 tsOffset, i32 tsOverflow, i32 capacity,
 *     i32 number, i32 valid; then capacity x size bytes
 *
 *     polarity event (type 1): u32 { 31-17 x, 16-2 y, 1 polarity, 0 valid }, i32 time
 *
 * Time is overflow << 31 | time, in us. The origin is the upper left corner in 3.1, the
 * lower left in 3.0. */
#include <stdlib.h>
#include <string.h>

#include "datasets/file_internal.h"

enum { HEADER_LIMIT = 1 << 20, PACKET_HEAD = 28, POLARITY = 1, RECORD = 8, BATCH = 1024 };
enum { MAX_TYPE = 64, MAX_EVENT_SIZE = 1 << 26 };

typedef struct Packet {
    int type;
    uint32_t size, capacity, number;
    int64_t overflow_us;
} Packet;

typedef struct State {
    bool from_bottom;
    uint64_t next; /* where the next packet starts */
    uint32_t left; /* polarity events of this packet not yet read */
    int64_t overflow_us;
} State;

static int probe(const DataProbe *p)
{
    return p->head_size >= 12 && !memcmp(p->head, "#!AER-DAT3", 10) ? 2 : 0;
}

/* false: these bytes cannot be a packet header. */
static bool parse(const unsigned char *b, Packet *packet)
{
    const int32_t size = (int32_t)data_le32(b + 4), offset = (int32_t)data_le32(b + 8);
    const int32_t overflow = (int32_t)data_le32(b + 12);
    const int32_t capacity = (int32_t)data_le32(b + 16);
    const int32_t count = (int32_t)data_le32(b + 20), valid = (int32_t)data_le32(b + 24);
    *packet = (Packet){(int16_t)data_le16(b), (uint32_t)size, (uint32_t)capacity,
                       (uint32_t)count, overflow * (INT64_C(1) << 31)};
    return packet->type >= 0 && packet->type < MAX_TYPE && size > 0 &&
           size <= MAX_EVENT_SIZE && offset >= 0 && offset <= size && overflow >= 0 &&
           count >= 0 && capacity >= count && valid >= 0 && valid <= count &&
           (packet->type != POLARITY || (size == RECORD && offset == 4));
}

static SimStatus next_packet(DataFile *file)
{
    State *s = file->state;
    unsigned char head[PACKET_HEAD];
    Packet packet, after;
    size_t got = 0;
    data_seek(file, s->next);
    SimStatus status = data_read(file, sizeof head, head, &got);
    if (status != SIM_OK)
        return status;
    if (got < sizeof head) {
        file->health.bytes_left += got;
        s->next = file->size;
        return SIM_OK;
    }
    if (!parse(head, &packet))
        return data_bad(file, s->next,
                        "expected a packet header (type, source, sizes), found type %d, "
                        "event size %d, %d events in %d slots; the file is damaged here, "
                        "fetch it again",
                        (int16_t)data_le16(head), (int32_t)data_le32(head + 4),
                        (int32_t)data_le32(head + 20), (int32_t)data_le32(head + 16));

    const uint64_t body = s->next + PACKET_HEAD, left = file->size - body;
    const uint64_t used = (uint64_t)packet.number * packet.size;
    const uint64_t stored = (uint64_t)packet.capacity * packet.size;
    uint64_t step = used;
    if (stored != used && stored <= left) {
        /* Some writers store the unused slots, some leave them out. */
        data_seek(file, body + stored);
        status = data_read(file, sizeof head, head, &got);
        if (status != SIM_OK)
            return status;
        if (got == 0 || (got == sizeof head && parse(head, &after)))
            step = stored;
        data_seek(file, body);
    }
    const uint64_t there = step < left ? step : left;
    s->next = body + there;
    if (packet.type == POLARITY) {
        s->left = (uint32_t)((used < there ? used : there) / RECORD);
        s->overflow_us = packet.overflow_us;
    } else {
        file->health.special += packet.number;
    }
    if (step > left)
        file->health.bytes_left += packet.type == POLARITY ? left % RECORD : left;
    return SIM_OK;
}

static SimStatus next_events(DataFile *file, size_t max, DataEvent *events, size_t *n)
{
    State *s = file->state;
    unsigned char buffer[BATCH * RECORD];
    *n = 0;
    while (*n == 0) {
        while (s->left == 0) {
            if (s->next >= file->size)
                return SIM_OK;
            const SimStatus status = next_packet(file);
            if (status != SIM_OK)
                return status;
        }
        size_t count = max < BATCH ? max : BATCH;
        count = count < s->left ? count : s->left;
        const SimStatus status =
            data_read_all(file, count * RECORD, buffer, "polarity events");
        if (status != SIM_OK)
            return status;
        s->left -= (uint32_t)count;
        for (size_t i = 0; i < count; i++) {
            const uint32_t a = data_le32(buffer + i * RECORD);
            const int32_t low = (int32_t)data_le32(buffer + i * RECORD + 4);
            if (!(a & 1) || low < 0) {
                file->health.special++;
                continue;
            }
            const int64_t t_us = s->overflow_us + low;
            const uint32_t x = a >> 17;
            uint32_t y = a >> 2 & 0x7fff;
            if (s->from_bottom && y < file->info.height)
                y = (uint32_t)file->info.height - 1 - y;
            if (data_count_event(file, t_us, x, y))
                events[(*n)++] =
                    (DataEvent){t_us, (uint16_t)x, (uint16_t)y, a >> 1 & 1, {0}};
        }
    }
    return SIM_OK;
}

/* No sensor in the header: the events tell. */
static SimStatus measure(DataFile *file)
{
    State *s = file->state;
    SimStatus status = SIM_OK;
    const State start = *s;
    uint32_t max_x = 0, max_y = 0;
    DataEvent *events = malloc(BATCH * sizeof *events);
    if (!events)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    file->info.width = file->info.height = DATA_MAX_SIDE;
    s->from_bottom = false;
    for (;;) {
        size_t n = 0;
        SIM_TRY(next_events(file, BATCH, events, &n));
        if (n == 0)
            break;
        for (size_t i = 0; i < n; i++) {
            max_x = events[i].x > max_x ? events[i].x : max_x;
            max_y = events[i].y > max_y ? events[i].y : max_y;
        }
    }
    data_guess_sensor(max_x, max_y, &file->info.width, &file->info.height);
    file->health = (DataHealth){0};
    *s = start;
out:
    free(events);
    return status;
}

static SimStatus open_file(DataFile *file)
{
    static const char end_mark[] = "#!END-HEADER";
    SimStatus status = SIM_OK;
    const size_t room = file->size < HEADER_LIMIT ? (size_t)file->size : HEADER_LIMIT;
    char *text = malloc(room + 1);
    State *s = calloc(1, sizeof *s);
    file->state = s;
    if (!text || !s) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
        goto out;
    }
    size_t got = 0;
    SIM_TRY(data_read(file, room, text, &got));
    text[got] = '\0';
    char *end = memmem(text, got, end_mark, sizeof end_mark - 1);
    char *line_end = end ? memchr(end, '\n', got - (size_t)(end - text)) : NULL;
    if (!line_end) {
        status =
            data_bad(file, got,
                     "expected the line \"%s\" within the first %d bytes; the header "
                     "is cut off, fetch the file again",
                     end_mark, HEADER_LIMIT);
        goto out;
    }
    *end = '\0';
    s->next = (uint64_t)(line_end - text) + 1;
    s->from_bottom = !strncmp(text, "#!AER-DAT3.0", 12);
    const char *format = strstr(text, "#Format:");
    if (format) {
        format += 8 + strspn(format + 8, " ");
        const int length = (int)strcspn(format, "\r\n");
        if (length != 3 || strncmp(format, "RAW", 3)) {
            status = data_bad(file, (uint64_t)(format - text),
                              "expected #Format RAW, found \"%.*s\"; save the recording "
                              "as RAW with cAER",
                              length < 40 ? length : 40, format);
            goto out;
        }
    }
    const char *source = strstr(text, "#Source ");
    if (source) {
        char line[100];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(source + 1, "\r\n"), source + 1);
        snprintf(file->info.detail, sizeof file->info.detail, "%s", line);
        if (data_known_sensor(line, &file->info.width, &file->info.height))
            goto out;
    }
    SIM_TRY(measure(file));
out:
    free(text);
    return status;
}

static void mark(const DataFile *file, DataMark *out)
{
    const State *s = file->state;
    *out = (DataMark){
        file->at, {(int64_t)s->next, s->left, s->overflow_us}, file->last_t_us};
}

static SimStatus go(DataFile *file, const DataMark *mark)
{
    State *s = file->state;
    data_seek(file, mark->at);
    s->next = (uint64_t)mark->state[0];
    s->left = (uint32_t)mark->state[1];
    s->overflow_us = mark->state[2];
    file->last_t_us = mark->last_t_us;
    return SIM_OK;
}

static void close_file(DataFile *file)
{
    free(file->state);
}

const DataReader data_reader_aedat3 = {
    .name = "aedat3",
    .summary = "AEDAT 3.x: cAER, DVS128 Gesture",
    .kind = DATA_EVENTS,
    .probe = probe,
    .open = open_file,
    .next_events = next_events,
    .mark = mark,
    .go = go,
    .close = close_file,
};
