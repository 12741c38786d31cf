/* datasets/layouts/classes.c: one folder of event files per class, as CIFAR10-DVS.
 *
 *     <set>/cat/cifar10_cat_0.aedat */
#include "datasets/set_internal.h"

static SimStatus list(DataListing *listing)
{
    SimStatus status = SIM_OK;
    DataFolder folder = {0};
    if (!data_is_folder(listing->path))
        return SIM_OK;
    SIM_TRY(data_folder_read(listing->path, &folder));
    listing->kind = DATA_EVENTS;
    for (size_t i = 0; i < folder.n; i++)
        if (folder.entries[i].is_folder)
            SIM_TRY(data_listing_add_folder(listing, folder.entries[i].name,
                                            folder.entries[i].name, DATA_PARTS));
out:
    data_folder_destroy(&folder);
    return status;
}

const DataLayout data_layout_classes = {
    .name = "classes",
    .summary = "<class>/<recording>, no split of its own (CIFAR10-DVS)",
    .list = list,
};
