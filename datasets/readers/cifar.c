/* datasets/readers/cifar.c: the binary batches of CIFAR-10 and CIFAR-100.
 *
 *     CIFAR-10    3073 bytes: label, then 1024 red, 1024 green, 1024 blue, row by row
 *     CIFAR-100   3074 bytes: coarse label, fine label, the same
 *
 * Krizhevsky, "Learning multiple layers of features from tiny images", 2009. There is no
 * mark: the length must be a whole number of records and the labels must be labels. The
 * label of CIFAR-100 is the fine one. */
#include "datasets/file_internal.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };
enum { RECORD_10 = 1 + PIXELS, RECORD_100 = 2 + PIXELS };

static bool labels_fit(const DataProbe *p, size_t record)
{
    if (p->head_size == 0 || p->file_size % record != 0)
        return false;
    for (size_t at = 0; at + 1 < p->head_size; at += record) {
        const bool fit = record == RECORD_10 ? p->head[at] < 10
                                             : p->head[at] < 20 && p->head[at + 1] < 100;
        if (!fit)
            return false;
    }
    return true;
}

static int probe(const DataProbe *p)
{
    return labels_fit(p, RECORD_10) || labels_fit(p, RECORD_100);
}

static size_t record_size(const DataFile *file)
{
    return (size_t)(file->size / file->info.n_images);
}

static SimStatus open_file(DataFile *file)
{
    const bool fine = file->size % RECORD_10 != 0;
    file->info.width = file->info.height = SIDE;
    file->info.channels = 3;
    file->info.n_images = file->size / (fine ? RECORD_100 : RECORD_10);
    file->info.has_labels = true;
    snprintf(file->info.detail, sizeof file->info.detail,
             fine ? "CIFAR-100, fine labels" : "CIFAR-10");
    return SIM_OK;
}

static SimStatus image(DataFile *file, uint64_t index, uint8_t *pixels, uint32_t *label)
{
    unsigned char record[RECORD_100];
    if (index >= file->info.n_images)
        return sim_fail(SIM_ERR_VALUE, "%s: expected an image below %llu, asked for %llu",
                        file->path, (unsigned long long)file->info.n_images,
                        (unsigned long long)index);
    const size_t size = record_size(file), n_labels = size - PIXELS;
    const uint64_t at = index * size;
    if (file->at != at)
        data_seek(file, at);
    const SimStatus status =
        data_read_all(file, pixels ? size : n_labels, record, "an image");
    if (status != SIM_OK)
        return status;
    const unsigned classes = n_labels == 1 ? 10 : 100, found = record[n_labels - 1];
    if (found >= classes)
        return data_bad(file, at + n_labels - 1,
                        "expected a label below %u, found %u; the file is damaged, or "
                        "not CIFAR-%u",
                        classes, found, classes);
    for (size_t i = 0; pixels && i < PLANE; i++)
        for (size_t c = 0; c < 3; c++)
            pixels[3 * i + c] = record[n_labels + c * PLANE + i];
    *label = found;
    return SIM_OK;
}

const DataReader data_reader_cifar = {
    .name = "cifar",
    .summary = "binary batches of CIFAR-10 and CIFAR-100",
    .kind = DATA_IMAGES,
    .probe = probe,
    .open = open_file,
    .image = image,
};
