/* datasets/set_internal.h: the parts a DataSet is made of, private to this folder.
 *
 *     folder --layout--> listing --split--> DataSet --cache--> rows --augment--> batch
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datasets/dataset.h"
#include "sim/rng.h"
#include "sim/store.h"

/* --- listing: what a layout finds in a folder ------------------------------------- */

typedef struct DataListing {
    const char *path; /* borrowed: the folder or file */
    DataKind kind;
    DataSample *samples; /* owned; `part` is the given one, DATA_PARTS where none is */
    size_t n_samples, room;
    char **classes; /* owned */
    size_t n_classes;
    float *values;   /* owned; [n_samples, shape] where samples are numbers, not files:
                        row sample->index. Else NULL */
    size_t shape[3]; /* h, w, c of `values` */
    void (*warn)(void *argument, const char *sentence); /* may be NULL */
    void *argument;
} DataListing;

/* `name` and `path` are copied. */
SimStatus data_listing_add(DataListing *listing, const char *name, const char *path,
                           uint64_t index, uint32_t label, DataPart part);
/* The number of a class, added when new. */
SimStatus data_listing_class(DataListing *listing, const char *name, uint32_t *label);
/* Whether a file holds events; warns of one that cannot be read. Fails only without
 * memory.
 */
SimStatus data_listing_is_events(DataListing *listing, const char *name, const char *path,
                                 bool *out);
void data_listing_warn(const DataListing *listing, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void data_listing_destroy(DataListing *listing);

/* A way to lay out a folder: adds samples if the folder looks like it, none if not.
 * Layouts are tried in the order of data_layouts; the first that adds samples wins. */
typedef struct DataLayout {
    const char *name, *summary;
    SimStatus (*list)(DataListing *listing);
} DataLayout;

extern const DataLayout *const data_layouts[]; /* ends with NULL */

bool data_is_builtin(const char *path); /* "builtin:...": no file to look for */

typedef struct DataEntry {
    char *name;
    bool is_folder;
} DataEntry;

typedef struct DataFolder {
    DataEntry *entries; /* owned, sorted by strcmp, without those that start with '.' */
    size_t n;
} DataFolder;

SimStatus data_folder_read(const char *path, DataFolder *out);
void data_folder_destroy(DataFolder *folder);
bool data_is_folder(const char *path);
/* "folder/name", owned by the caller; NULL without memory. */
char *data_path_join(const char *folder, const char *name);

/* Every file of `folder` (name, below the listing's path) whose content an event reader
 * knows, as samples of one class; subfolders are not entered. Broken files are left out
 * with a warning. */
SimStatus data_listing_add_folder(DataListing *listing, const char *folder,
                                  const char *class_name, DataPart part);

/* --- split ------------------------------------------------------------------------- */

/* Sets the part of every sample (sorted by name), drops those past per_class, counts the
 * parts, names and hashes the split. `has_given`: the parts are set already. */
SimStatus data_split(DataSet *set, bool has_given);
/* n_part and test_hash after the parts changed. */
SimStatus data_split_count(DataSet *set);

/* --- augmentation ---------------------------------------------------------------------
 */

typedef struct DataAugmentShape {
    size_t t, h, w, c;
} DataAugmentShape;

/* y [t,h,w,c] from x [t,h,w,c], not overlapping; one draw for all steps. */
void data_augment(DataAugment kind, DataAugmentShape shape, SimRng rng, const float *x,
                  float *y);

/* --- state ---------------------------------------------------------------------------
 */

typedef struct DataState {
    void (*warn)(void *argument, const char *sentence); /* may be NULL */
    void *argument;
    SimStore *cache;         /* open for reading, or NULL */
    uint8_t *pixels;         /* images: [n_samples,h,w,c]; NULL until wanted */
    float *values;           /* samples that are numbers: [n_samples,h,w,c]; or NULL */
    bool measured;           /* mean and scale of `values` are known */
    float mean[4], scale[4]; /* images: y = (x - mean) scale, per channel */
} DataState;

void data_set_warn(const DataSet *set, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What was met while a recording was decoded. */
typedef struct DataDecoded {
    size_t n_events, n_empty; /* events, frames without one */
    uint64_t outside;         /* events beyond the sensor, left out */
    uint64_t backward;        /* timestamps smaller than the one before */
    uint64_t bytes_left;      /* of an incomplete record at the end */
} DataDecoded;

/* Decodes one recording: x [T,h,w,2]. `decoded` may be NULL. */
SimStatus data_set_decode(const DataSet *set, size_t sample, float *x,
                          DataDecoded *decoded);
/* The sample before augmentation and normalisation, from wherever it is: x [T,h,w,c]. */
SimStatus data_set_raw(DataSet *set, size_t sample, float *x);
/* In place, per channel of an image. */
void data_set_normalise(const DataSet *set, float *x);
/* Reads all images into memory, once. */
SimStatus data_images_load(DataSet *set);

/* cache.c: opens the set's frame cache, building it first when `build`. Without `build`
 * and without a cache the set is left as it is. */
SimStatus data_cache_open(DataSet *set, bool build, int n_threads,
                          bool (*progress)(void *argument, size_t done, size_t of),
                          void *argument);
