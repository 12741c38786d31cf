/* datasets/readers/idx.c: IDX images (MNIST, Fashion-MNIST), gzipped or not.
 *
 *     00 00 08 rank, rank x u32 big-endian sizes, bytes; rank 3 is [n,h,w], rank 4 is
 *     [n,h,w,c]
 *
 * Labels are a file of rank 1 beside the images, found by its name:
 * train-images-idx3-ubyte(.gz) has train-labels-idx1-ubyte(.gz). */
#include <stdlib.h>
#include <string.h>

#include "datasets/file_internal.h"

enum { MAX_CHANNELS = 4 };

typedef struct State {
    uint64_t start;  /* of the first image */
    uint8_t *labels; /* owned; NULL: none */
} State;

static int probe(const DataProbe *p)
{
    static const unsigned char types[] = {0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e};
    if (p->head_size < 8 || p->head[0] || p->head[1])
        return 0;
    const unsigned rank = p->head[3];
    return memchr(types, p->head[2], sizeof types) && rank >= 1 && rank <= 4 ? 2 : 0;
}

/* Replaces the last `from` in the file's name (not in its folder) by `to`. */
static bool rename_part(char *path, size_t size, const char *from, const char *to)
{
    char *slash = strrchr(path, '/'), *at = NULL;
    for (char *next = slash ? slash : path; (next = strstr(next, from)); next++)
        at = next;
    if (!at || strlen(path) + strlen(to) - strlen(from) >= size)
        return false;
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
    return true;
}

static SimStatus read_labels(DataFile *file, const char *path, bool *found)
{
    /* An IDX file of rank 1 opens as this reader with one "image" per label. */
    SimStatus status = SIM_OK;
    DataFile *labels = NULL;
    FILE *test = fopen(path, "rb");
    *found = false;
    if (test)
        fclose(test);
    else if (!strstr(path, ".tar:"))
        return SIM_OK;
    status = data_file_open(path, file->axes, &labels);
    if (status == SIM_ERR_IO && !test) /* the archive has none */
        return SIM_OK;
    if (status != SIM_OK)
        return sim_fail_within(status, "%s: its labels", file->path);
    State *state = file->state;
    const DataInfo *info = &labels->info;
    if (labels->reader != file->reader ||
        info->width * info->height * info->channels != 1) {
        status = data_bad(labels, 0, "expected labels, one byte for each image of %s",
                          file->path);
        goto out;
    }
    if (info->n_images != file->info.n_images) {
        status = data_bad(labels, 4,
                          "expected %llu labels, one for each image of %s, found %llu",
                          (unsigned long long)file->info.n_images, file->path,
                          (unsigned long long)info->n_images);
        goto out;
    }
    state->labels = malloc(info->n_images ? info->n_images : 1);
    if (!state->labels) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: out of memory", path);
        goto out;
    }
    SIM_TRY(data_read_all(labels, info->n_images, state->labels, "labels"));
    *found = true;
out:
    data_file_close(labels);
    return status;
}

static SimStatus find_labels(DataFile *file)
{
    char path[4096];
    if (strlen(file->path) + 8 >= sizeof path)
        return SIM_OK;
    strcpy(path, file->path);
    if (!rename_part(path, sizeof path, "images", "labels"))
        return SIM_OK;
    (void)rename_part(path, sizeof path, "idx3", "idx1");
    bool found;
    SimStatus status = read_labels(file, path, &found);
    if (status != SIM_OK || found) {
        file->info.has_labels = status == SIM_OK;
        return status;
    }
    const size_t length = strlen(path);
    if (length > 3 && !strcmp(path + length - 3, ".gz"))
        path[length - 3] = '\0';
    else
        strcat(path, ".gz");
    status = read_labels(file, path, &found);
    file->info.has_labels = status == SIM_OK && found;
    return status;
}

static SimStatus open_file(DataFile *file)
{
    unsigned char head[4 + 4 * 4];
    SimStatus status = data_read_all(file, 4, head, "an IDX header");
    if (status != SIM_OK)
        return status;
    if (head[2] != 0x08)
        return data_bad(file, 2,
                        "expected type 0x08 (bytes), found 0x%02x; only IDX files of "
                        "bytes are read",
                        head[2]);
    const size_t rank = head[3];
    status = data_read_all(file, 4 * rank, head + 4, "the sizes of an IDX header");
    if (status != SIM_OK)
        return status;
    if (rank == 2)
        return data_bad(file, 3,
                        "expected 3 or 4 axes (images) or 1 (labels), found 2; save the "
                        "images as [n,h,w]");
    DataInfo *info = &file->info;
    info->n_images = data_be32(head + 4);
    info->height = rank > 1 ? data_be32(head + 8) : 1;
    info->width = rank > 1 ? data_be32(head + 12) : 1;
    info->channels = rank > 3 ? data_be32(head + 16) : 1;
    if (info->height < 1 || info->width < 1 || info->channels < 1 ||
        info->height > DATA_MAX_SIDE || info->width > DATA_MAX_SIDE ||
        info->channels > MAX_CHANNELS)
        return data_bad(file, 8,
                        "expected images of up to %dx%d pixels and %d channels, found "
                        "%zux%zux%zu",
                        DATA_MAX_SIDE, DATA_MAX_SIDE, MAX_CHANNELS, info->height,
                        info->width, info->channels);
    const uint64_t want =
        file->at + info->n_images * info->height * info->width * info->channels;
    if (want > file->size)
        return data_bad(
            file, 4,
            "expected %llu bytes for %llu images of %zux%zux%zu, the file has "
            "%llu: it is cut off, fetch it again",
            (unsigned long long)want, (unsigned long long)info->n_images, info->height,
            info->width, info->channels, (unsigned long long)file->size);
    file->health.bytes_left = file->size - want;
    State *state = calloc(1, sizeof *state);
    if (!state)
        return sim_fail(SIM_ERR_MEMORY, "%s: out of memory", file->path);
    state->start = file->at;
    file->state = state;
    snprintf(info->detail, sizeof info->detail, "%s", rank == 1 ? "labels" : "images");
    return rank == 1 ? SIM_OK : find_labels(file);
}

static SimStatus image(DataFile *file, uint64_t index, uint8_t *pixels, uint32_t *label)
{
    const State *state = file->state;
    const DataInfo *info = &file->info;
    if (index >= info->n_images)
        return sim_fail(SIM_ERR_VALUE, "%s: expected an image below %llu, asked for %llu",
                        file->path, (unsigned long long)info->n_images,
                        (unsigned long long)index);
    if (pixels) {
        const size_t bytes = info->height * info->width * info->channels;
        const uint64_t at = state->start + index * bytes;
        if (file->at != at)
            data_seek(file, at);
        const SimStatus status = data_read_all(file, bytes, pixels, "an image");
        if (status != SIM_OK)
            return status;
    }
    *label = state->labels ? state->labels[index] : (uint32_t)DATA_NO_LABEL;
    return SIM_OK;
}

static void close_file(DataFile *file)
{
    State *state = file->state;
    free(state->labels);
    free(state);
}

const DataReader data_reader_idx = {
    .name = "idx",
    .summary = "IDX images with their labels file: MNIST, Fashion-MNIST, gzipped or not",
    .kind = DATA_IMAGES,
    .probe = probe,
    .open = open_file,
    .image = image,
    .close = close_file,
};
