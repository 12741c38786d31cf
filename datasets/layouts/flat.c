/* datasets/layouts/flat.c: event files in one folder, the class in their names.
 *
 *     m<digit><anything>.txt                   the digit
 *     <set>_<class>_<anything>.aedat           what is between the first two "_"  */
#include "datasets/set_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The class in a file name, or false. */
static bool class_of(const char *name, char *class_name, size_t size)
{
    const char *const first = strchr(name, '_');
    const char *const second = first ? strchr(first + 1, '_') : NULL;
    size_t n = 0;
    const char *from = name;
    if (second) {
        from = first + 1;
        n = (size_t)(second - from);
    } else if (name[0] == 'm' && isdigit((unsigned char)name[1])) {
        from = name + 1;
        n = 1;
    }
    if (n == 0 || n >= size)
        return false;
    memcpy(class_name, from, n);
    class_name[n] = '\0';
    return true;
}

static SimStatus list(DataListing *listing)
{
    SimStatus status = SIM_OK;
    DataFolder folder = {0};
    char *path = NULL;
    if (!data_is_folder(listing->path))
        return SIM_OK;
    SIM_TRY(data_folder_read(listing->path, &folder));
    listing->kind = DATA_EVENTS;
    for (size_t i = 0; i < folder.n; i++) {
        const char *const name = folder.entries[i].name;
        char class_name[DATA_NAME_SIZE];
        uint32_t label = 0;
        if (folder.entries[i].is_folder || !class_of(name, class_name, sizeof class_name))
            continue;
        free(path);
        path = data_path_join(listing->path, name);
        if (!path) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", name);
            goto out;
        }
        bool events;
        SIM_TRY(data_listing_is_events(listing, name, path, &events));
        if (!events)
            continue;
        SIM_TRY(data_listing_class(listing, class_name, &label));
        SIM_TRY(data_listing_add(listing, name, path, 0, label, DATA_PARTS));
    }
out:
    data_folder_destroy(&folder);
    free(path);
    return status;
}

const DataLayout data_layout_flat = {
    .name = "flat",
    .summary = "m<digit>*.txt or <set>_<class>_*: the class is in the file name",
    .list = list,
};
