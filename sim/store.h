/* sim/store.h: named arrays in a file (HDF5).
 *
 * The only door to HDF5. A file being written lives under a temporary name beside its own
 * until sim_store_commit, which flushes, fsyncs and renames it: a reader sees the old
 * file or the new one, never a part. Names are paths inside the file, "net/conv0.weight";
 * groups appear as needed. All calls may come from any thread (one lock inside). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/status.h"

typedef struct SimStore SimStore;

typedef enum SimType {
    SIM_U8,
    SIM_U16,
    SIM_U32,
    SIM_U64,
    SIM_I32,
    SIM_I64,
    SIM_F32,
    SIM_F64
} SimType;

size_t sim_type_bytes(SimType type);

enum { SIM_STORE_MAX_DIMS = 8 };

typedef struct SimStoreInfo {
    SimType type; /* the smallest of ours that holds the stored one */
    size_t n_dims, dims[SIM_STORE_MAX_DIMS];
    size_t count; /* product of dims; 1 for a scalar */
} SimStoreInfo;

/* Errors name the file, the array and what to do. `out` is owned by the caller. */
SimStatus sim_store_create(const char *path, SimStore **out);
/* Whether a file begins as one of HDF5 does. */
bool sim_store_is(const char *path);
/* For a file that grows for long: what describes its arrays is gathered at its front (64
 * KiB), so that a part of it can be opened (sim_store_open_part). */
SimStatus sim_store_create_growing(const char *path, SimStore **out);
SimStatus sim_store_open(const char *path, SimStore **out); /* read only */
/* Opens, to read, what there is of a file that ends early or whose writer was killed:
 * what lies past its end fails to read; sim_store_rows says where. */
SimStatus sim_store_open_part(const char *path, SimStore **out);
/* What was written so far reaches the file under its temporary name: a writer that is
 * killed leaves that much there. */
SimStatus sim_store_flush(SimStore *store);
SimStatus sim_store_commit(SimStore *store); /* flush, fsync, rename */
void sim_store_close(SimStore *store); /* accepts NULL; drops what was not committed */

bool sim_store_has(SimStore *store, const char *name);
SimStatus sim_store_info(SimStore *store, const char *name, SimStoreInfo *out);

/* Calls visit for each array below `group` ("" is all), in the order of their names, with
 * the path relative to the file's root; stops at its first failure and returns it. Of a
 * damaged file it visits what comes before the damage, and fails then. */
SimStatus sim_store_visit(SimStore *store, const char *group,
                          SimStatus (*visit)(void *argument, const char *name),
                          void *argument);

/* Reads all of an array, converted; `count` elements must be there exactly. */
SimStatus sim_store_read(SimStore *store, const char *name, SimType as, size_t count,
                         void *data);
/* How many rows of an array are in the file, counted from the first: all, unless it was
 * opened as a part. */
SimStatus sim_store_rows(SimStore *store, const char *name, size_t *rows);
/* Reads rows [first, first + rows) of the outermost axis. */
SimStatus sim_store_read_rows(SimStore *store, const char *name, SimType as, size_t first,
                              size_t rows, void *data);

SimStatus sim_store_write(SimStore *store, const char *name, SimType type, size_t n_dims,
                          const size_t *dims, const void *data);

/* An array that grows along its outermost axis, chunked and compressed (deflate,
 * shuffle). dims[0] is ignored at creation; `chunk_rows` rows are one chunk. */
SimStatus sim_store_begin_rows(SimStore *store, const char *name, SimType type,
                               size_t n_dims, const size_t *dims, size_t chunk_rows);
SimStatus sim_store_append_rows(SimStore *store, const char *name, size_t rows,
                                const void *data);

/* Text and numbers attached to an object; name "" is the file itself. Text read is owned
 * by the caller (free). Text lies in a part of the file without check sums, where HDF5
 * trusts what it finds: a file that may come back damaged keeps its text as SIM_U8. */
SimStatus sim_store_write_text(SimStore *store, const char *name, const char *attribute,
                               const char *text);
SimStatus sim_store_read_text(SimStore *store, const char *name, const char *attribute,
                              char **out);
SimStatus sim_store_write_number(SimStore *store, const char *name, const char *attribute,
                                 double value);
SimStatus sim_store_read_number(SimStore *store, const char *name, const char *attribute,
                                double *out);
bool sim_store_has_attribute(SimStore *store, const char *name, const char *attribute);
