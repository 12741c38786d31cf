/* datasets/readers/aedat4.c: AEDAT 4.0, the recordings of DV (CIFAR10-DVS as Tonic has
 * it).
 *
 *     "#!AER-DAT4.0\r\n" | IOHeader | packets {i32 stream, i32 size, bytes} | data table
 *
 * Header and packets are FlatBuffers with their size in front; packets may be packed, one
 * LZ4 or Zstandard frame each. All little-endian. A FlatBuffer is walked by hand:
 *
 *     u32 size | u32 root, from here | "EVTS" | ...
 *     table:  i32 back to its vtable {u16 vtable size, u16 table size, u16 field offsets}
 *     vector: u32 length, elements
 *
 * Packets are read in the order of the file, so the data table is not needed. Of several
 * event streams the first is read. */
#include <stdlib.h>
#include <string.h>

#include "datasets/file_internal.h"

enum { VERSION_SIZE = 14, PACKET_HEAD = 8, RECORD = 16, BATCH = 4096 };
enum { HEADER_LIMIT = 16 << 20, PACKET_LIMIT = 1 << 28 };

typedef enum Packing {
    PACKING_NONE,
    PACKING_LZ4,
    PACKING_LZ4_HIGH,
    PACKING_ZSTD,
    PACKING_ZSTD_HIGH,
    N_PACKINGS
} Packing;

typedef struct State {
    Packing packing;
    int32_t stream;     /* the one of the events */
    uint64_t next, end; /* of the packets */
    uint64_t packet_at; /* of the payload, for sentences */
    unsigned char *raw; /* as stored, owned */
    size_t raw_room;
    unsigned char *payload; /* unpacked, owned */
    const unsigned char *events;
    size_t left; /* events not yet given */
} State;

static int probe(const DataProbe *p)
{
    return p->head_size >= 12 && !memcmp(p->head, "#!AER-DAT4", 10) ? 2 : 0;
}

/* --- FlatBuffers ---------------------------------------------------------------------*/

typedef struct Flat {
    const unsigned char *b; /* after the size */
    size_t size;
} Flat;

static bool flat_u32(const Flat *f, size_t at, uint32_t *out)
{
    if (at > f->size || f->size - at < 4)
        return false;
    *out = data_le32(f->b + at);
    return true;
}

/* The place of a field of a table; 0: absent, its value is the default. */
static bool flat_field(const Flat *f, size_t table, size_t field, size_t bytes,
                       size_t *at)
{
    uint32_t back;
    if (!flat_u32(f, table, &back))
        return false;
    const int64_t vtable = (int64_t)table - (int32_t)back;
    if (vtable < 0 || vtable > (int64_t)f->size - 4)
        return false;
    const size_t v = (size_t)vtable, size = data_le16(f->b + v), entry = 4 + 2 * field;
    *at = 0;
    if (size < 4 || size > f->size - v)
        return false;
    if (entry + 2 > size)
        return true;
    const size_t offset = data_le16(f->b + v + entry);
    if (offset == 0)
        return true;
    if (offset > f->size - table || f->size - table - offset < bytes)
        return false;
    *at = table + offset;
    return true;
}

/* A vector of elements of `bytes`: where they start and how many. Absent: none. */
static bool flat_vector(const Flat *f, size_t table, size_t field, size_t bytes,
                        size_t *at, size_t *n)
{
    size_t place;
    uint32_t jump, length;
    *n = *at = 0;
    if (!flat_field(f, table, field, 4, &place))
        return false;
    if (place == 0)
        return true;
    if (!flat_u32(f, place, &jump) || jump > f->size - place)
        return false;
    const size_t start = place + jump;
    if (!flat_u32(f, start, &length) || length > (f->size - start - 4) / bytes)
        return false;
    *at = start + 4;
    *n = length;
    return true;
}

/* `size` bytes with the size in front; identifier of 4 letters. */
static bool flat_open(const unsigned char *data, size_t size, Flat *f, size_t *root)
{
    if (size < 12)
        return false;
    *f = (Flat){data + 4, data_le32(data)};
    if (f->size < 8 || f->size > size - 4)
        return false;
    *root = data_le32(f->b);
    return *root <= f->size - 4;
}

/* --- header --------------------------------------------------------------------------*/

/* The text of `<attr key="KEY" ...>text</attr>` between from and to. */
static bool attribute(const char *from, const char *to, const char *key, char *text,
                      size_t size)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "key=\"%s\"", key);
    const char *at = memmem(from, (size_t)(to - from), wanted, strlen(wanted));
    const char *open = at ? memchr(at, '>', (size_t)(to - at)) : NULL;
    const char *close = open ? memchr(open, '<', (size_t)(to - open)) : NULL;
    if (!close)
        return false;
    snprintf(text, size, "%.*s", (int)(close - open - 1), open + 1);
    return true;
}

/* Streams are the nodes whose name is a number; each goes on to the next such node. */
static const char *next_stream(const char *from, const char *to, int32_t *id)
{
    static const char node[] = "<node name=\"";
    for (;;) {
        const char *at = memmem(from, (size_t)(to - from), node, sizeof node - 1);
        if (!at)
            return NULL;
        from = at + sizeof node - 1;
        const size_t digits = strspn(from, "0123456789");
        if (digits > 0 && digits < 10 && from[digits] == '"') {
            *id = (int32_t)strtol(from, NULL, 10);
            return from;
        }
    }
}

/* `xml` ends with a zero byte. */
static SimStatus find_stream(DataFile *file, const char *xml, size_t size)
{
    State *s = file->state;
    const char *to = xml + size, *at = xml;
    char type[16], found[64] = "none", w[16] = "", h[16] = "", source[64];
    int32_t id, after = 0;
    for (at = next_stream(at, to, &id); at; id = after) {
        const char *next = next_stream(at, to, &after), *end = next ? next : to;
        if (attribute(at, end, "typeIdentifier", type, sizeof type)) {
            if (!strcmp(type, "EVTS")) {
                s->stream = id;
                if (attribute(at, end, "sizeX", w, sizeof w) &&
                    attribute(at, end, "sizeY", h, sizeof h)) {
                    file->info.width = strtoul(w, NULL, 10);
                    file->info.height = strtoul(h, NULL, 10);
                }
                if (file->info.width < 1 || file->info.height < 1 ||
                    file->info.width > DATA_MAX_SIDE || file->info.height > DATA_MAX_SIDE)
                    return data_bad(file, VERSION_SIZE,
                                    "expected the size of the sensor in the header "
                                    "(sizeX, sizeY, 1 to %d), found \"%s\" and \"%s\"",
                                    DATA_MAX_SIDE, w, h);
                if (!attribute(at, end, "source", source, sizeof source))
                    source[0] = '\0';
                snprintf(file->info.detail, sizeof file->info.detail, "stream %d of %s",
                         (int)id, source);
                return SIM_OK;
            }
            snprintf(found, sizeof found, "%s", type);
        }
        at = next;
    }
    return data_bad(file, VERSION_SIZE,
                    "expected a stream of events (EVTS) in the header, found %s; record "
                    "with the event output switched on",
                    found);
}

static SimStatus open_file(DataFile *file)
{
    SimStatus status = SIM_OK;
    unsigned char head[VERSION_SIZE + 4], *header = NULL;
    State *s = calloc(1, sizeof *s);
    file->state = s;
    if (!s)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    SIM_TRY(data_read_all(file, sizeof head, head, "an AEDAT 4.0 header"));
    const size_t size = data_le32(head + VERSION_SIZE);
    if (size > HEADER_LIMIT || size > file->size - sizeof head) {
        status = data_bad(file, VERSION_SIZE,
                          "expected a header that fits the file (%llu bytes), found a "
                          "size of %zu; the file is cut off or damaged, fetch it again",
                          (unsigned long long)file->size, size);
        goto out;
    }
    header = malloc(size + 5);
    if (!header) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
        goto out;
    }
    memcpy(header, head + VERSION_SIZE, 4);
    SIM_TRY(data_read_all(file, size, header + 4, "an AEDAT 4.0 header"));
    header[size + 4] = '\0';

    Flat flat;
    size_t root, packing, table, xml, xml_size;
    if (!flat_open(header, size + 4, &flat, &root) || memcmp(flat.b + 4, "IOHE", 4) ||
        !flat_field(&flat, root, 0, 4, &packing) ||
        !flat_field(&flat, root, 1, 8, &table) ||
        !flat_vector(&flat, root, 2, 1, &xml, &xml_size)) {
        status = data_bad(file, VERSION_SIZE,
                          "expected an IOHeader FlatBuffer, found something else; the "
                          "file is damaged, fetch it again");
        goto out;
    }
    const uint32_t code = packing ? data_le32(flat.b + packing) : PACKING_NONE;
    if (code >= N_PACKINGS) {
        status = data_bad(file, VERSION_SIZE + 4 + packing,
                          "expected a compression of 0 to %d, found %u; save the file "
                          "with LZ4 or uncompressed in DV",
                          N_PACKINGS - 1, (unsigned)code);
        goto out;
    }
    s->packing = (Packing)code;
    SIM_TRY(find_stream(file, (const char *)flat.b + xml, xml_size));
    s->next = file->at;
    const uint64_t at = table ? data_le64(flat.b + table) : UINT64_MAX;
    s->end = at >= s->next && at <= file->size ? at : file->size;
out:
    free(header);
    return status;
}

/* --- packets -------------------------------------------------------------------------*/

static SimStatus unpack(DataFile *file, size_t size)
{
    State *s = file->state;
    SimStatus status = SIM_OK;
    size_t plain = size;
    free(s->payload);
    s->payload = NULL;
    if (s->packing == PACKING_LZ4 || s->packing == PACKING_LZ4_HIGH)
        status = data_unpack_lz4(s->raw, size, PACKET_LIMIT, &s->payload, &plain);
    else if (s->packing != PACKING_NONE)
        status = data_unpack_zstd(s->raw, size, PACKET_LIMIT, &s->payload, &plain);
    if (status != SIM_OK)
        return sim_fail_within(status, "%s: byte %llu", file->path,
                               (unsigned long long)s->packet_at);
    Flat flat;
    size_t root, at, n;
    const unsigned char *data = s->payload ? s->payload : s->raw;
    if (!flat_open(data, plain, &flat, &root) || memcmp(flat.b + 4, "EVTS", 4) ||
        !flat_vector(&flat, root, 0, RECORD, &at, &n))
        return data_bad(file, s->packet_at,
                        "expected a packet of events (EVTS), found something else; the "
                        "file is damaged here, fetch it again");
    s->events = flat.b + at;
    s->left = n;
    return SIM_OK;
}

static SimStatus next_packet(DataFile *file)
{
    State *s = file->state;
    unsigned char head[PACKET_HEAD];
    size_t got = 0;
    data_seek(file, s->next);
    const uint64_t there = s->end - s->next;
    if (there < PACKET_HEAD) {
        file->health.bytes_left += there;
        s->next = s->end;
        return SIM_OK;
    }
    SimStatus status = data_read(file, PACKET_HEAD, head, &got);
    if (status != SIM_OK)
        return status;
    const int32_t stream = (int32_t)data_le32(head);
    const uint32_t size = data_le32(head + 4);
    if (stream < 0 || size > INT32_MAX)
        return data_bad(file, s->next,
                        "expected a packet header (stream, size), found stream %d, size "
                        "%d; the file is damaged here, fetch it again",
                        (int)stream, (int)(int32_t)size);
    if (size > there - PACKET_HEAD) { /* the recording was cut off */
        file->health.bytes_left += there;
        s->next = s->end;
        return SIM_OK;
    }
    s->packet_at = s->next + PACKET_HEAD;
    s->next = s->packet_at + size;
    if (stream != s->stream)
        return SIM_OK;
    if (size > PACKET_LIMIT)
        return data_bad(file, s->packet_at - 4,
                        "expected a packet of at most %d bytes, found %u", PACKET_LIMIT,
                        (unsigned)size);
    if (size > s->raw_room) {
        unsigned char *grown = realloc(s->raw, size);
        if (!grown)
            return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a packet of %u bytes",
                            file->path, (unsigned)size);
        s->raw = grown;
        s->raw_room = size;
    }
    status = data_read_all(file, size, s->raw, "a packet");
    return status == SIM_OK ? unpack(file, size) : status;
}

static SimStatus next_events(DataFile *file, size_t max, DataEvent *events, size_t *n)
{
    State *s = file->state;
    *n = 0;
    while (*n == 0) {
        while (s->left == 0) {
            if (s->next >= s->end)
                return SIM_OK;
            const SimStatus status = next_packet(file);
            if (status != SIM_OK)
                return status;
        }
        for (; s->left > 0 && *n < max; s->left--, s->events += RECORD) {
            const unsigned char *b = s->events;
            const int64_t t_us = (int64_t)data_le64(b);
            if (t_us < 0 || t_us > INT64_MAX / 8)
                return data_bad(
                    file, s->packet_at,
                    "expected times in us since 1970, found %lld; the file is "
                    "damaged here, fetch it again",
                    (long long)t_us);
            const uint16_t x = data_le16(b + 8), y = data_le16(b + 10);
            if (data_count_event(file, t_us, x, y))
                events[(*n)++] = (DataEvent){t_us, x, y, b[12] != 0, {0}};
        }
    }
    return SIM_OK;
}

/* Inside a packet: the packet again, then what was left of it. */
static void mark(const DataFile *file, DataMark *out)
{
    const State *s = file->state;
    *out =
        s->left
            ? (DataMark){s->packet_at - PACKET_HEAD, {(int64_t)s->left}, file->last_t_us}
            : (DataMark){s->next, {0}, file->last_t_us};
}

static SimStatus go(DataFile *file, const DataMark *mark)
{
    State *s = file->state;
    const size_t left = (size_t)mark->state[0];
    s->next = mark->at;
    s->left = 0;
    file->last_t_us = mark->last_t_us;
    if (left == 0)
        return SIM_OK;
    const SimStatus status = next_packet(file);
    if (status == SIM_OK && s->left > left) {
        s->events += (s->left - left) * RECORD;
        s->left = left;
    }
    return status;
}

static void close_file(DataFile *file)
{
    State *s = file->state;
    free(s->raw);
    free(s->payload);
    free(s);
}

const DataReader data_reader_aedat4 = {
    .name = "aedat4",
    .summary = "AEDAT 4.0: DV, CIFAR10-DVS as Tonic has it; plain, LZ4 or Zstandard",
    .kind = DATA_EVENTS,
    .probe = probe,
    .open = open_file,
    .next_events = next_events,
    .mark = mark,
    .go = go,
    .close = close_file,
};
