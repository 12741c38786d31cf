/* datasets/layouts/parts.c: training and test folders of class folders, as N-MNIST.
 *
 *     <set>/Train/7/00016.bin    <set>/Test/7/00001.bin */
#include "datasets/set_internal.h"

#include <stdlib.h>
#include <strings.h>

static DataPart part_of(const char *name)
{
    static const struct {
        const char *name;
        DataPart part;
    } known[] = {{"train", DATA_TRAIN},
                 {"training", DATA_TRAIN},
                 {"test", DATA_TEST},
                 {"testing", DATA_TEST},
                 {"validation", DATA_VALIDATION},
                 {"val", DATA_VALIDATION}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(name, known[i].name) == 0)
            return known[i].part;
    return DATA_PARTS;
}

static SimStatus add_part(DataListing *listing, const char *name, DataPart part)
{
    SimStatus status = SIM_OK;
    DataFolder folder = {0};
    char *below = NULL;
    char *const root = data_path_join(listing->path, name);
    if (!root)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", name);
    SIM_TRY(data_folder_read(root, &folder));
    for (size_t i = 0; i < folder.n; i++) {
        if (!folder.entries[i].is_folder)
            continue;
        free(below);
        below = data_path_join(name, folder.entries[i].name);
        if (!below) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", name);
            goto out;
        }
        SIM_TRY(data_listing_add_folder(listing, below, folder.entries[i].name, part));
    }
out:
    data_folder_destroy(&folder);
    free(below);
    free(root);
    return status;
}

static SimStatus list(DataListing *listing)
{
    SimStatus status = SIM_OK;
    DataFolder folder = {0};
    bool has[DATA_PARTS + 1] = {false};
    if (!data_is_folder(listing->path))
        return SIM_OK;
    SIM_TRY(data_folder_read(listing->path, &folder));
    for (size_t i = 0; i < folder.n; i++)
        if (folder.entries[i].is_folder)
            has[part_of(folder.entries[i].name)] = true;
    if (!has[DATA_TRAIN] || !has[DATA_TEST])
        goto out;
    listing->kind = DATA_EVENTS;
    for (size_t i = 0; i < folder.n; i++) {
        const DataPart part = part_of(folder.entries[i].name);
        if (folder.entries[i].is_folder && part != DATA_PARTS)
            SIM_TRY(add_part(listing, folder.entries[i].name, part));
    }
out:
    data_folder_destroy(&folder);
    return status;
}

const DataLayout data_layout_parts = {
    .name = "parts",
    .summary = "Train/<class>/<recording> and Test/<class>/<recording> (N-MNIST)",
    .list = list,
};
