/* datasets/file.c: see reader.h and file_internal.h. */
#include "datasets/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datasets/file_internal.h"
#include "sim/list.h"

#define READER(name) extern const DataReader data_reader_##name;
#include "datasets/readers.inc"
#undef READER

const DataReader *const data_readers[] = {
#define READER(name) &data_reader_##name,
#include "datasets/readers.inc"
#undef READER
    NULL};

enum { HEAD_SIZE = 16384, EVENTS_PER_CALL = 4096 };
#define GUNZIP_LIMIT ((uint64_t)4 << 30)

/* --- bytes ---------------------------------------------------------------------------*/

void data_seek(DataFile *file, uint64_t offset)
{
    file->at = offset;
    /* A failure shows itself in the read that follows. */
    (void)fseeko(file->stream, (off_t)(file->base + offset), SEEK_SET);
}

SimStatus data_read(DataFile *file, size_t size, void *buffer, size_t *got)
{
    const uint64_t left = file->at < file->size ? file->size - file->at : 0;
    if (size > left)
        size = (size_t)left;
    *got = 0;
    const size_t n = size ? fread(buffer, 1, size, file->stream) : 0;
    if (n < size && ferror(file->stream))
        return sim_fail(SIM_ERR_IO, "%s: byte %llu: reading failed: %s", file->path,
                        (unsigned long long)file->at, strerror(errno));
    file->at += n;
    *got = n;
    return SIM_OK;
}

SimStatus data_read_all(DataFile *file, size_t size, void *buffer, const char *what)
{
    const uint64_t at = file->at;
    size_t got = 0;
    const SimStatus status = data_read(file, size, buffer, &got);
    if (status != SIM_OK)
        return status;
    if (got < size)
        return data_bad(file, at,
                        "expected %s (%zu bytes), the file ends after %zu: it is cut "
                        "off, fetch it again",
                        what, size, got);
    return SIM_OK;
}

/* What a file says of itself may be damaged: it must not break a line or a terminal. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

SimStatus data_bad(const DataFile *file, uint64_t byte, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    make_printable(text);
    return sim_fail(SIM_ERR_FORMAT, "%s: byte %llu: %s", file->path,
                    (unsigned long long)byte, text);
}

bool data_is_text(const unsigned char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (b[i] > '~' || (b[i] < ' ' && b[i] != '\t' && b[i] != '\r' && b[i] != '\n'))
            return false;
    return true;
}

/* --- events --------------------------------------------------------------------------*/

bool data_count_event(DataFile *file, int64_t t_us, uint32_t x, uint32_t y)
{
    if (x >= file->info.width || y >= file->info.height) {
        file->health.out_of_range++;
        return false;
    }
    if (file->health.events > 0 && t_us < file->last_t_us)
        file->health.backward++;
    file->last_t_us = t_us;
    file->health.events++;
    return true;
}

typedef struct Sensor {
    const char *name; /* part of what headers call it, in lower case; NULL: none */
    size_t width, height;
    bool usual; /* a size to guess when nothing is stated */
} Sensor;

static const Sensor sensors[] = {
    {NULL, 34, 34, true},          {"dvs128", 128, 128, true},
    {"davis128", 128, 128, true},  {"dvs132", 132, 104, false},
    {"davis208", 208, 192, false}, {"davis240", 240, 180, true},
    {NULL, 304, 240, true},        {"davis346", 346, 260, true},
    {"davis640", 640, 480, true},  {"dvxplorer", 640, 480, true},
    {NULL, 1280, 720, true},
};

void data_guess_sensor(uint32_t max_x, uint32_t max_y, size_t *width, size_t *height)
{
    for (size_t i = 0; i < sizeof sensors / sizeof *sensors; i++) { /* smallest first */
        const Sensor *s = &sensors[i];
        if (s->usual && max_x < s->width && max_y < s->height) {
            *width = s->width;
            *height = s->height;
            return;
        }
    }
    *width = (size_t)max_x + 1;
    *height = (size_t)max_y + 1;
}

bool data_known_sensor(const char *text, size_t *width, size_t *height)
{
    for (size_t i = 0; i < sizeof sensors / sizeof *sensors; i++) {
        if (sensors[i].name && strcasestr(text, sensors[i].name)) {
            *width = sensors[i].width;
            *height = sensors[i].height;
            return true;
        }
    }
    return false;
}

/* --- what an unknown file looks like -------------------------------------------------*/

typedef struct Look {
    const char *bytes;
    size_t size;
    const char *says;
} Look;

#define LOOK(bytes, says)                                                                \
    {                                                                                    \
        bytes, sizeof bytes - 1, says                                                    \
    }
static const Look looks[] = {
    LOOK("PK\3\4", "this looks like a zip archive; unpack it first"),
    LOOK("\x93NUMPY", "this is a NumPy array; convert it to a format of `data list`"),
    LOOK("\x89HDF\r\n\x1a\n",
         "this is an HDF5 file; `apical view` shows recordings of `apical sim`, others are "
         "not read: export the events as text `x y t p`"),
    LOOK("% ", "this looks like a Prophesee DAT or RAW recording; convert it to AEDAT "
               "or text with the maker's tools"),
    LOOK("MATLAB", "this is a MATLAB file of another version than 5; save it as that"),
    LOOK("Event Stream", "this is an Event Stream (.es) file; export the events as text "
                         "`x y t p`"),
    LOOK("\x28\xb5\x2f\xfd", "this is packed with Zstandard; unpack it first (unzstd)"),
    LOOK("\x04\x22\x4d\x18", "this is packed with LZ4; unpack it first (unlz4)"),
    LOOK("BZh", "this is packed with bzip2; unpack it first (bunzip2)"),
    LOOK("\xfd"
         "7zXZ",
         "this is packed with xz; unpack it first (unxz)"),
    LOOK("7z\xbc\xaf\x27\x1c", "this is a 7-Zip archive; unpack it first"),
    LOOK("Rar!", "this is a RAR archive; unpack it first"),
    LOOK("\xff\xd8\xff", "this is a JPEG picture, not a set of images"),
    LOOK("\x89PNG\r\n\x1a\n", "this is a PNG picture, but not a sheet of images (8-bit "
                              "RGB, 1024 wide, one image a row)"),
    LOOK("#!AER-DAT1", "AEDAT 1.0 is not supported; save it as AEDAT 2.0 with jAER"),
    LOOK("#!AER-DAT", "this AEDAT version is not known; wanted 2.0, 3.x or 4.0"),
    LOOK("#", "this looks like an AEDAT file without its version line (AEDAT 1.0, 6-byte "
              "events), which is not supported; save it as AEDAT 2.0 with jAER"),
    LOOK("<!DOCTYPE", "this is a web page, not the file itself; download it again"),
    LOOK("<html", "this is a web page, not the file itself; download it again"),
    LOOK("version https://git-lfs",
         "this is a Git LFS pointer, not the file itself; run `git lfs pull`"),
};

static const Look *look_at(const DataProbe *probe)
{
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        if (probe->head_size >= looks[i].size &&
            !memcmp(probe->head, looks[i].bytes, looks[i].size) &&
            !(looks[i].size == 1 && data_is_text(probe->head, probe->head_size)))
            return &looks[i];
    return NULL;
}

static SimStatus unknown(const DataProbe *probe)
{
    if (probe->file_size == 0)
        return sim_fail(SIM_ERR_FORMAT, "%s: byte 0: the file is empty; fetch it again",
                        probe->path);
    char hex[8 * 5 + 1] = "";
    for (size_t i = 0; i < probe->head_size && i < 8; i++)
        snprintf(hex + 5 * i, 6, " 0x%02x", probe->head[i]);
    const Look *look = look_at(probe);
    const char *says =
        look ? look->says
        : data_is_text(probe->head, probe->head_size)
            ? "this is text, but not one event `x y t p` a line"
            : "no known format begins so; `apical data list` names those that are read";
    return sim_fail(
        SIM_ERR_FORMAT,
        "%s: byte 0: expected a recording of events or a set of images, found%s: %s",
        probe->path, hex, says);
}

/* --- opening -------------------------------------------------------------------------*/

/* "a.tar:b" where no file of that name exists: the place of the ':'. */
static const char *member_of(const char *path)
{
    const char *at = strstr(path, ".tar:");
    return at && at[5] != '\0' ? at + 4 : NULL;
}

static SimStatus open_stream(DataFile *file)
{
    struct stat info;
    const char *colon = NULL;
    char *tar = NULL;
    SimStatus status = SIM_OK;

    if (stat(file->path, &info) != 0) {
        const int error = errno;
        colon = member_of(file->path);
        if (!colon)
            return sim_fail(SIM_ERR_IO, "%s: %s", file->path, strerror(error));
        tar = strndup(file->path, (size_t)(colon - file->path));
        if (!tar)
            return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
        if (stat(tar, &info) != 0) {
            status = sim_fail(SIM_ERR_IO, "%s: %s", tar, strerror(errno));
            goto out;
        }
    }
    const char *name = tar ? tar : file->path;
    if (!S_ISREG(info.st_mode)) {
        status = sim_fail(SIM_ERR_IO, "%s: expected a file, found a %s", name,
                          S_ISDIR(info.st_mode) ? "folder" : "device");
        goto out;
    }
    file->stream = fopen(name, "rb");
    if (!file->stream) {
        status = sim_fail(SIM_ERR_IO, "%s: %s", name, strerror(errno));
        goto out;
    }
    file->size = (uint64_t)info.st_size;
    if (tar)
        status = data_tar_find(file->stream, tar, colon + 1, &file->base, &file->size);
    if (status == SIM_OK)
        data_seek(file, 0);
out:
    free(tar);
    return status;
}

static SimStatus read_head(DataFile *file, unsigned char *head, size_t *size)
{
    data_seek(file, 0);
    const SimStatus status = data_read(file, HEAD_SIZE, head, size);
    data_seek(file, 0);
    return status;
}

SimStatus data_file_open(const char *path, DataAxes axes, DataFile **out)
{
    SimStatus status = SIM_OK;
    unsigned char *head = malloc(HEAD_SIZE);
    DataFile *file = calloc(1, sizeof *file);
    if (!head || !file || !(file->path = strdup(path))) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: out of memory", path);
        goto out;
    }
    file->axes = axes;
    SIM_TRY(open_stream(file));
    size_t head_size;
    SIM_TRY(read_head(file, head, &head_size));
    if (head_size >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
        FILE *plain;
        uint64_t size;
        SIM_TRY(data_gunzip(file, GUNZIP_LIMIT, &plain, &size));
        fclose(file->stream);
        file->stream = plain;
        file->base = 0;
        file->size = size;
        SIM_TRY(read_head(file, head, &head_size));
    }
    if (data_is_tar(head, head_size)) {
        status = sim_fail(SIM_ERR_FORMAT,
                          "%s: byte 0: this is a tar archive; name a file in it, "
                          "\"%s:member\"",
                          path, path);
        goto out;
    }

    const DataProbe probe = {path, head, head_size, file->size};
    int best = 0;
    for (const DataReader *const *reader = data_readers; *reader; reader++) {
        const int answer = (*reader)->probe(&probe);
        if (answer > best) {
            best = answer;
            file->reader = *reader;
        }
    }
    const Look *look = look_at(&probe);
    /* The mark of another format weighs more than a guess, unless it is so short that
     * events may begin with it. */
    if (!file->reader || (best == 1 && look && look->size >= 4)) {
        file->reader = NULL;
        status = unknown(&probe);
        goto out;
    }
    file->info.kind = file->reader->kind;
    file->info.format = file->reader->name;
    if (file->reader->kind == DATA_EVENTS)
        file->info.channels = 2;
    SIM_TRY(file->reader->open(file));
    make_printable(file->info.detail);
    *out = file;
    file = NULL;
out:
    data_file_close(file);
    free(head);
    return status;
}

void data_file_close(DataFile *file)
{
    if (!file)
        return;
    if (file->reader && file->reader->close && file->state)
        file->reader->close(file);
    if (file->stream)
        fclose(file->stream);
    free(file->path);
    free(file);
}

SimStatus data_file_read_events(DataFile *file, size_t limit, DataEvent **events,
                                size_t *n)
{
    SimStatus status = SIM_OK;
    DataEvent *all = NULL;
    size_t count = 0, room = 0;

    if (limit == 0)
        limit = (size_t)1 << 30;
    if (file->info.kind != DATA_EVENTS)
        return sim_fail(SIM_ERR_FORMAT, "%s: expected events, this is a file of images",
                        file->path);
    for (;;) {
        if (!sim_list_reserve(&all, &room, count + EVENTS_PER_CALL, sizeof *all)) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for more than %zu events",
                              file->path, count);
            goto out;
        }
        size_t got = 0;
        SIM_TRY(file->reader->next_events(file, EVENTS_PER_CALL, all + count, &got));
        if (got == 0)
            break;
        count += got;
        if (count > limit) {
            status = sim_fail(SIM_ERR_VALUE,
                              "%s: more than %zu events; cut the recording into parts",
                              file->path, limit);
            goto out;
        }
    }
    *events = all;
    *n = count;
    all = NULL;
out:
    free(all);
    return status;
}
