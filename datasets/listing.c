/* datasets/listing.c: samples and classes as a layout finds them. */
#include "datasets/set_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/list.h"

SimStatus data_listing_add(DataListing *listing, const char *name, const char *path,
                           uint64_t index, uint32_t label, DataPart part)
{
    SimStatus status = SIM_OK;
    char *own_name = NULL, *own_path = NULL;
    if (!sim_list_reserve(&listing->samples, &listing->room, listing->n_samples + 1,
                          sizeof *listing->samples)) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for the names of %zu samples",
                          listing->path, listing->n_samples + 1);
        goto out;
    }
    own_name = malloc(strlen(name) + 1);
    own_path = malloc(strlen(path) + 1);
    if (!own_name || !own_path) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", name);
        goto out;
    }
    strcpy(own_name, name);
    strcpy(own_path, path);
    listing->samples[listing->n_samples++] = (DataSample){
        .name = own_name, .path = own_path, .index = index, .label = label, .part = part};
    own_name = own_path = NULL;
out:
    free(own_name);
    free(own_path);
    return status;
}

SimStatus data_listing_class(DataListing *listing, const char *name, uint32_t *label)
{
    for (size_t i = 0; i < listing->n_classes; i++)
        if (strcmp(listing->classes[i], name) == 0) {
            *label = (uint32_t)i;
            return SIM_OK;
        }
    char **const more =
        realloc(listing->classes, (listing->n_classes + 1) * sizeof *listing->classes);
    if (!more)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a class", name);
    listing->classes = more;
    char *const own = malloc(strlen(name) + 1);
    if (!own)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a class", name);
    strcpy(own, name);
    *label = (uint32_t)listing->n_classes;
    listing->classes[listing->n_classes++] = own;
    return SIM_OK;
}

void data_listing_warn(const DataListing *listing, const char *format, ...)
{
    if (!listing->warn)
        return;
    char sentence[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    listing->warn(listing->argument, sentence);
}

void data_listing_destroy(DataListing *listing)
{
    for (size_t i = 0; i < listing->n_samples; i++) {
        free(listing->samples[i].name);
        free(listing->samples[i].path);
    }
    free(listing->samples);
    for (size_t i = 0; i < listing->n_classes; i++)
        free(listing->classes[i]);
    free(listing->classes);
    free(listing->values);
    *listing = (DataListing){0};
}

/* --- folders -------------------------------------------------------------------------
 */

bool data_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *data_path_join(const char *folder, const char *name)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *const path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const DataEntry *)a)->name, ((const DataEntry *)b)->name);
}

SimStatus data_folder_read(const char *path, DataFolder *out)
{
    SimStatus status = SIM_OK;
    DataFolder folder = {0};
    size_t room = 0;
    DIR *const stream = opendir(path);
    if (!stream)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (entry->d_name[0] == '.')
            continue;
        char *const name = malloc(strlen(entry->d_name) + 1);
        char *const full = data_path_join(path, entry->d_name);
        if (!name || !full ||
            !sim_list_reserve(&folder.entries, &room, folder.n + 1,
                              sizeof *folder.entries)) {
            free(name);
            free(full);
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for its names", path);
            goto out;
        }
        strcpy(name, entry->d_name);
        folder.entries[folder.n++] =
            (DataEntry){.name = name, .is_folder = data_is_folder(full)};
        free(full);
    }
    if (folder.n)
        qsort(folder.entries, folder.n, sizeof *folder.entries, by_name);
    *out = folder;
    folder = (DataFolder){0};
out:
    data_folder_destroy(&folder);
    closedir(stream);
    return status;
}

void data_folder_destroy(DataFolder *folder)
{
    for (size_t i = 0; i < folder->n; i++)
        free(folder->entries[i].name);
    free(folder->entries);
    *folder = (DataFolder){0};
}

SimStatus data_listing_is_events(DataListing *listing, const char *name, const char *path,
                                 bool *out)
{
    DataFile *file = NULL;
    const SimStatus status = data_file_open(path, DATA_AXES_SPIKINGJELLY, &file);
    if (status == SIM_ERR_MEMORY)
        return status;
    if (status != SIM_OK)
        data_listing_warn(listing, "%s is left out: %s", name, sim_message());
    *out = status == SIM_OK && file->info.kind == DATA_EVENTS;
    data_file_close(file);
    return SIM_OK;
}

SimStatus data_listing_add_folder(DataListing *listing, const char *folder,
                                  const char *class_name, DataPart part)
{
    SimStatus status = SIM_OK;
    DataFolder files = {0};
    char *name = NULL, *path = NULL;
    char *const root = data_path_join(listing->path, folder);
    uint32_t label = 0;
    bool labelled = false;
    if (!root)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", folder);
    SIM_TRY(data_folder_read(root, &files));
    for (size_t i = 0; i < files.n; i++) {
        if (files.entries[i].is_folder)
            continue;
        free(name);
        free(path);
        name = data_path_join(folder, files.entries[i].name);
        path = data_path_join(root, files.entries[i].name);
        if (!name || !path) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", folder);
            goto out;
        }
        bool events;
        SIM_TRY(data_listing_is_events(listing, name, path, &events));
        if (!events)
            continue;
        if (!labelled)
            SIM_TRY(data_listing_class(listing, class_name, &label));
        labelled = true;
        SIM_TRY(data_listing_add(listing, name, path, 0, label, part));
    }
out:
    data_folder_destroy(&files);
    free(name);
    free(path);
    free(root);
    return status;
}
