/* datasets/layouts/images.c: image files, each holding many images with labels.
 *
 *     train-images-idx3-ubyte[.gz]  t10k-images-idx3-ubyte[.gz]     MNIST and its kind
 *     data_batch_1.bin ... test_batch.bin                           CIFAR-10
 *     data_batch_1.png ... test_batch.png                           CIFAR-10 as sheets
 *     train_32x32.mat  test_32x32.mat                               SVHN
 *
 * A file whose name holds "t10k" or "test" is the test part. */
#include "datasets/set_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const cifar10_classes[] = {"airplane", "automobile", "bird", "cat",
                                              "deer",     "dog",        "frog", "horse",
                                              "ship",     "truck"};

/* Class `label`, and all before it, exist from here on. */
static SimStatus need_class(DataListing *listing, const char *format, uint32_t label)
{
    const bool is_cifar10 = strstr(format, "cifar10") || strstr(format, "png");
    while (listing->n_classes <= label) {
        const size_t next = listing->n_classes;
        char text[16];
        uint32_t at = 0;
        snprintf(text, sizeof text, "%zu", next);
        const SimStatus status = data_listing_class(
            listing, is_cifar10 && next < 10 ? cifar10_classes[next] : text, &at);
        if (status != SIM_OK)
            return status;
    }
    return SIM_OK;
}

static SimStatus add_images(DataListing *listing, DataFile *file, const char *name,
                            const char *path)
{
    SimStatus status = SIM_OK;
    const DataPart part =
        strstr(name, "t10k") || strstr(name, "test") ? DATA_TEST : DATA_TRAIN;
    for (uint64_t i = 0; i < file->info.n_images; i++) {
        uint32_t label = 0;
        char sample[DATA_PATH_SIZE];
        SIM_TRY(file->reader->image(file, i, NULL, &label));
        if (label > 9999) {
            status =
                sim_fail(SIM_ERR_FORMAT, "%s: image %" PRIu64 " has no label", path, i);
            goto out;
        }
        SIM_TRY(need_class(listing, file->info.format, label));
        snprintf(sample, sizeof sample, "%s#%05" PRIu64, name, i);
        SIM_TRY(data_listing_add(listing, sample, path, i, label, part));
    }
out:
    return status;
}

static SimStatus add_file(DataListing *listing, const char *name, const char *path)
{
    SimStatus status = SIM_OK;
    DataFile *file = NULL;
    status = data_file_open(path, DATA_AXES_SPIKINGJELLY, &file);
    if (status == SIM_ERR_MEMORY)
        return status;
    if (status != SIM_OK) /* notes, archives, pictures: not ours to complain about */
        return SIM_OK;
    if (file->info.kind == DATA_IMAGES && file->info.has_labels)
        status = add_images(listing, file, name, path);
    data_file_close(file);
    return status;
}

static SimStatus list(DataListing *listing)
{
    SimStatus status = SIM_OK;
    DataFolder folder = {0};
    char *path = NULL;
    listing->kind = DATA_IMAGES;
    if (!data_is_folder(listing->path)) {
        const char *const slash = strrchr(listing->path, '/');
        return add_file(listing, slash ? slash + 1 : listing->path, listing->path);
    }
    SIM_TRY(data_folder_read(listing->path, &folder));
    for (size_t i = 0; i < folder.n; i++) {
        if (folder.entries[i].is_folder)
            continue;
        free(path);
        path = data_path_join(listing->path, folder.entries[i].name);
        if (!path) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", listing->path);
            goto out;
        }
        SIM_TRY(add_file(listing, folder.entries[i].name, path));
    }
out:
    data_folder_destroy(&folder);
    free(path);
    return status;
}

const DataLayout data_layout_images = {
    .name = "images",
    .summary = "IDX pairs (MNIST, Fashion-MNIST; gzipped or not), CIFAR-10, SVHN",
    .list = list,
};
