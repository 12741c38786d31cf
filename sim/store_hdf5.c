/* sim/store_hdf5.c: the only file that knows HDF5.
 *
 * The library is built without threads, so one lock guards every call; its own error
 * printing is off, ours says the file, the array and what to do. Files are written in the
 * format of HDF5 1.10, whose descriptions of groups and arrays carry check sums: readers
 * then notice damage that older formats lead them astray with. */
#include "sim/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "sim/file.h"
#include "sim/list.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
/* The library loses the header of an object whose check sum is wrong (424 bytes, 1.10.8):
 * a leak it is not in our hands to end must not hide ours. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\n";
}
#endif

struct SimStore {
    hid_t file;
    char *path, *place, *writing; /* the last two of sim_file_places; reading: NULL */
    hid_t driver;                 /* of a file that may end early, else invalid */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void enter(void)
{
    pthread_mutex_lock(&lock);
    /* Everything is closed by hand. Clearing up at exit, the library falls over what a
     * full disk did not let it write. */
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static SimStatus leave(SimStatus status)
{
    pthread_mutex_unlock(&lock);
    return status;
}

size_t sim_type_bytes(SimType type)
{
    static const size_t bytes[] = {1, 2, 4, 8, 4, 8, 4, 8};
    return bytes[type];
}

static hid_t native(SimType type)
{
    switch (type) {
    case SIM_U8:
        return H5T_NATIVE_UINT8;
    case SIM_U16:
        return H5T_NATIVE_UINT16;
    case SIM_U32:
        return H5T_NATIVE_UINT32;
    case SIM_U64:
        return H5T_NATIVE_UINT64;
    case SIM_I32:
        return H5T_NATIVE_INT32;
    case SIM_I64:
        return H5T_NATIVE_INT64;
    case SIM_F32:
        return H5T_NATIVE_FLOAT;
    default:
        return H5T_NATIVE_DOUBLE;
    }
}

/* --- opening and closing ---------------------------------------------------------- */

static void free_store(SimStore *store)
{
    if (!store)
        return;
    free(store->path);
    free(store->place);
    free(store->writing);
    free(store);
}

static SimStatus new_store(const char *path, bool writing, SimStore **out)
{
    SimStore *store = calloc(1, sizeof *store);
    if (store)
        store->path = strdup(path);
    SimStatus status = SIM_OK;
    if (!store || !store->path)
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to open it", path);
    if (status == SIM_OK && writing)
        status = sim_file_places(path, &store->place, &store->writing);
    if (status == SIM_OK && writing && !store->writing)
        status = sim_fail(SIM_ERR_VALUE,
                          "%s is a folder or device: wanted the name of a file", path);
    if (status != SIM_OK) {
        free_store(store);
        return status;
    }
    store->file = store->driver = H5I_INVALID_HID;
    *out = store;
    return SIM_OK;
}

static SimStatus create_file(const char *path, size_t front, SimStore **out)
{
    SimStore *store = NULL;
    SimStatus status = new_store(path, true, &store);
    if (status != SIM_OK)
        return status;
    /* Opened plainly first: the system's own reason is better than the library's. */
    const int probe = open(store->writing, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (probe < 0) {
        status = sim_fail(SIM_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
        free_store(store);
        return status;
    }
    close(probe);
    enter();
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    if (front)
        H5Pset_meta_block_size(access, front);
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(creation, false);
    store->file = H5Fcreate(store->writing, H5F_ACC_TRUNC, creation, access);
    H5Pclose(creation);
    H5Pclose(access);
    if (store->file < 0) {
        status = sim_fail(SIM_ERR_IO, "%s: cannot be written (is the disk full?)", path);
        unlink(store->writing);
        free_store(store);
        return leave(status);
    }
    *out = store;
    return leave(SIM_OK);
}

SimStatus sim_store_create(const char *path, SimStore **out)
{
    return create_file(path, 0, out);
}

SimStatus sim_store_create_growing(const char *path, SimStore **out)
{
    return create_file(path, 1 << 16, out);
}

/* --- a file that ends early ---------------------------------------------------------
 *
 * The library refuses a file shorter than its first block says, and would take zeros for
 * what is missing. This driver tells it that all is there and fails to read past the end:
 * descriptions carry check sums and arrays that cannot be read are errors, so nothing is
 * made up. */

typedef struct PartFile {
    H5FD_t base; /* first: the library's own fields */
    int fd;
    haddr_t eoa; /* where the library believes the file to end */
} PartFile;

enum { PART_VALUE = 511 }; /* of the numbers that are free for private drivers */
#define PART_END ((haddr_t)INT64_MAX)

static H5FD_t *part_open(const char *name, unsigned flags, hid_t access, haddr_t most)
{
    (void)access, (void)most;
    PartFile *const file =
        flags & (H5F_ACC_RDWR | H5F_ACC_CREAT) ? NULL : calloc(1, sizeof *file);
    if (!file)
        return NULL;
    file->fd = open(name, O_RDONLY);
    if (file->fd >= 0)
        return &file->base;
    free(file);
    return NULL;
}

static herr_t part_close(H5FD_t *file)
{
    close(((PartFile *)file)->fd);
    free(file);
    return 0;
}

static herr_t part_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = 0; /* nothing is read ahead: it might cross the end */
    return 0;
}

static haddr_t part_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const PartFile *)file)->eoa;
}

static herr_t part_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t eoa)
{
    (void)type;
    ((PartFile *)file)->eoa = eoa;
    return 0;
}

static haddr_t part_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)file, (void)type;
    return PART_END;
}

static herr_t part_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at,
                        size_t size, void *buffer)
{
    (void)type, (void)transfer;
    const int fd = ((PartFile *)file)->fd;
    unsigned char *to = buffer;
    while (size > 0) {
        const ssize_t got = at < PART_END ? pread(fd, to, size, (off_t)at) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        to += got;
        at += (haddr_t)got;
        size -= (size_t)got;
    }
    return 0;
}

static herr_t part_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at,
                         size_t size, const void *buffer)
{
    (void)file, (void)type, (void)transfer, (void)at, (void)size, (void)buffer;
    return -1;
}

static const H5FD_class_t part_driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = PART_VALUE,
#endif
    .name = "part",
    .maxaddr = PART_END,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = part_open,
    .close = part_close,
    .query = part_query,
    .get_eoa = part_get_eoa,
    .set_eoa = part_set_eoa,
    .get_eof = part_get_eof,
    .read = part_read,
    .write = part_write,
    .fl_map = H5FD_FLMAP_SINGLE,
};

/* The driver outlives its file: the library closes the file through it. */
static void open_part(SimStore *store)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    store->driver = H5FDregister(&part_driver);
    if (store->driver >= 0 && H5Pset_driver(access, store->driver, NULL) >= 0)
        store->file = H5Fopen(store->path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
}

static void close_file(SimStore *store)
{
    if (store->file >= 0)
        H5Fclose(store->file);
    if (store->driver >= 0)
        H5FDunregister(store->driver);
}

/* --- opening to read --------------------------------------------------------------- */

bool sim_store_is(const char *path)
{
    static const unsigned char magic[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char head[8];
    FILE *const stream = fopen(path, "rb");
    const bool same = stream && fread(head, 1, sizeof head, stream) == sizeof head &&
                      memcmp(head, magic, sizeof magic) == 0;
    if (stream)
        fclose(stream);
    return same;
}

static SimStatus open_file(const char *path, bool part, SimStore **out)
{
    if (access(path, R_OK) != 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    if (!sim_store_is(path))
        return sim_fail(SIM_ERR_FORMAT, "%s: byte 0: this is not an HDF5 file", path);
    SimStore *store = NULL;
    SimStatus status = new_store(path, false, &store);
    if (status != SIM_OK)
        return status;
    enter();
    if (part)
        open_part(store);
    else
        store->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (store->file < 0) {
        close_file(store);
        status =
            sim_fail(SIM_ERR_FORMAT,
                     "%s: the file is damaged or cut short: copy or make it again", path);
        free_store(store);
        return leave(status);
    }
    *out = store;
    return leave(SIM_OK);
}

SimStatus sim_store_open(const char *path, SimStore **out)
{
    return open_file(path, false, out);
}

SimStatus sim_store_open_part(const char *path, SimStore **out)
{
    return open_file(path, true, out);
}

static void sync_folder_of(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return;
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    const int fd = open(slash ? (*folder ? folder : "/") : ".", O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

SimStatus sim_store_flush(SimStore *store)
{
    enter();
    const herr_t flushed = H5Fflush(store->file, H5F_SCOPE_GLOBAL);
    leave(SIM_OK);
    return flushed >= 0
               ? SIM_OK
               : sim_fail(SIM_ERR_IO, "%s: could not be written (is the disk full?)",
                          store->path);
}

SimStatus sim_store_commit(SimStore *store)
{
    enter();
    const herr_t flushed = H5Fflush(store->file, H5F_SCOPE_GLOBAL);
    const herr_t closed = H5Fclose(store->file);
    store->file = H5I_INVALID_HID;
    leave(SIM_OK);
    if (flushed < 0 || closed < 0)
        return sim_fail(
            SIM_ERR_IO,
            "%s: could not be written to the end (is the disk full?); the file "
            "before it is untouched",
            store->path);
    const int fd = open(store->writing, O_RDONLY);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    const int reason = errno;
    if (fd >= 0)
        close(fd);
    if (!synced)
        return sim_fail(SIM_ERR_IO, "%s: %s; the file before it is untouched",
                        store->path, strerror(reason));
    if (rename(store->writing, store->place) != 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", store->path, strerror(errno));
    sync_folder_of(store->place);
    return SIM_OK;
}

void sim_store_close(SimStore *store)
{
    if (!store)
        return;
    enter();
    close_file(store);
    leave(SIM_OK);
    if (store->writing)
        unlink(store->writing); /* gone already after a commit */
    free_store(store);
}

/* --- looking ---------------------------------------------------------------------- */

static bool is_there(const SimStore *store, const char *name)
{
    /* Every group on the way must exist, or the library complains instead of saying no.
     */
    char *part = strdup(name);
    bool there = part != NULL && *part;
    for (char *slash = part; there && slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        there = *part && H5Lexists(store->file, part, H5P_DEFAULT) > 0;
        if (slash)
            *slash = '/';
    }
    free(part);
    return there;
}

bool sim_store_has(SimStore *store, const char *name)
{
    enter();
    const bool there = is_there(store, name);
    leave(SIM_OK);
    return there;
}

static SimType type_of(hid_t dataset)
{
    const hid_t type = H5Dget_type(dataset);
    const H5T_class_t kind = H5Tget_class(type);
    const size_t bytes = H5Tget_size(type);
    const bool negative = kind == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
    H5Tclose(type);
    if (kind == H5T_FLOAT)
        return bytes > 4 ? SIM_F64 : SIM_F32;
    if (negative)
        return bytes > 4 ? SIM_I64 : SIM_I32;
    return bytes > 4 ? SIM_U64 : bytes > 2 ? SIM_U32 : bytes > 1 ? SIM_U16 : SIM_U8;
}

static SimStatus open_array(const SimStore *store, const char *name, hid_t *out,
                            SimStoreInfo *info)
{
    if (!is_there(store, name))
        return sim_fail(SIM_ERR_FORMAT, "%s: there is no \"%s\" inside", store->path,
                        name);
    const hid_t dataset = H5Dopen2(store->file, name, H5P_DEFAULT);
    if (dataset < 0)
        return sim_fail(SIM_ERR_FORMAT, "%s: \"%s\" is not an array", store->path, name);
    const hid_t space = H5Dget_space(dataset);
    const hid_t type = H5Dget_type(dataset);
    hsize_t dims[H5S_MAX_RANK];
    const int n_dims = H5Sget_simple_extent_dims(space, dims, NULL);
    const H5T_class_t kind = H5Tget_class(type);
    H5Sclose(space);
    H5Tclose(type);
    SimStatus status = SIM_OK;
    if (n_dims < 0 || n_dims > SIM_STORE_MAX_DIMS ||
        (kind != H5T_INTEGER && kind != H5T_FLOAT && kind != H5T_ENUM))
        status = sim_fail(SIM_ERR_FORMAT, "%s: \"%s\" does not hold plain numbers",
                          store->path, name);
    *info =
        (SimStoreInfo){.type = type_of(dataset), .n_dims = (size_t)n_dims, .count = 1};
    for (int i = 0; status == SIM_OK && i < n_dims; i++) {
        info->dims[i] = (size_t)dims[i];
        if (dims[i] && info->count > ((size_t)1 << 48) / dims[i])
            status = sim_fail(SIM_ERR_FORMAT, "%s: \"%s\" claims an absurd size",
                              store->path, name);
        else
            info->count *= (size_t)dims[i];
    }
    if (status == SIM_OK)
        *out = dataset;
    else
        H5Dclose(dataset);
    return status;
}

SimStatus sim_store_info(SimStore *store, const char *name, SimStoreInfo *out)
{
    hid_t dataset;
    SimStoreInfo info;
    enter();
    const SimStatus status = open_array(store, name, &dataset, &info);
    if (status == SIM_OK) {
        H5Dclose(dataset);
        *out = info;
    }
    return leave(status);
}

typedef struct Names {
    char **names;
    size_t n, capacity;
    bool failed;
} Names;

static herr_t collect(hid_t group, const char *name, const H5O_info_t *info,
                      void *argument)
{
    (void)group;
    Names *list = argument;
    if (info->type != H5O_TYPE_DATASET)
        return 0;
    if (!sim_list_reserve(&list->names, &list->capacity, list->n + 1,
                          sizeof *list->names) ||
        !(list->names[list->n] = strdup(name))) {
        list->failed = true;
        return -1;
    }
    list->n++;
    return 0;
}

SimStatus sim_store_visit(SimStore *store, const char *group,
                          SimStatus (*visit)(void *argument, const char *name),
                          void *argument)
{
    SimStatus status = SIM_OK;
    Names list = {0};
    enter();
    const hid_t root = *group && is_there(store, group)
                           ? H5Gopen2(store->file, group, H5P_DEFAULT)
                       : *group ? H5I_INVALID_HID
                                : H5Gopen2(store->file, "/", H5P_DEFAULT);
    if (root >= 0) {
        if (H5Ovisit2(root, H5_INDEX_NAME, H5_ITER_INC, collect, &list, H5O_INFO_BASIC) <
            0)
            status =
                list.failed
                    ? sim_fail(SIM_ERR_MEMORY, "%s: no memory for its list of arrays",
                               store->path)
                    : sim_fail(SIM_ERR_FORMAT, "%s: the file is damaged", store->path);
        H5Gclose(root);
    }
    leave(SIM_OK);
    SimStatus visited = SIM_OK;
    for (size_t i = 0; i < list.n; i++) {
        char *full = NULL;
        if (visited == SIM_OK &&
            asprintf(&full, "%s%s%s", group, *group ? "/" : "", list.names[i]) < 0)
            visited = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", store->path);
        if (visited == SIM_OK) {
            visited = visit(argument, full);
            free(full);
        }
        free(list.names[i]);
    }
    free(list.names);
    return visited != SIM_OK ? visited : status;
}

/* --- reading ---------------------------------------------------------------------- */

SimStatus sim_store_read(SimStore *store, const char *name, SimType as, size_t count,
                         void *data)
{
    hid_t dataset;
    SimStoreInfo info;
    enter();
    SimStatus status = open_array(store, name, &dataset, &info);
    if (status != SIM_OK)
        return leave(status);
    if (info.count != count)
        status = sim_fail(SIM_ERR_SHAPE, "%s: \"%s\" has %zu numbers, wanted %zu",
                          store->path, name, info.count, count);
    else if (count &&
             H5Dread(dataset, native(as), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        status =
            sim_fail(SIM_ERR_FORMAT, "%s: \"%s\" cannot be read: the file is damaged",
                     store->path, name);
    H5Dclose(dataset);
    return leave(status);
}

/* Rows [first, first + rows) of an array that is open. */
static bool read_slab(hid_t dataset, const SimStoreInfo *info, SimType as, size_t first,
                      size_t rows, void *data)
{
    hsize_t start[SIM_STORE_MAX_DIMS] = {first}, size[SIM_STORE_MAX_DIMS] = {rows};
    for (size_t i = 1; i < info->n_dims; i++)
        size[i] = info->dims[i];
    const hid_t space = H5Dget_space(dataset);
    const hid_t memory = H5Screate_simple((int)info->n_dims, size, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
    const bool good = H5Dread(dataset, native(as), memory, space, H5P_DEFAULT, data) >= 0;
    H5Sclose(memory);
    H5Sclose(space);
    return good;
}

SimStatus sim_store_read_rows(SimStore *store, const char *name, SimType as, size_t first,
                              size_t rows, void *data)
{
    hid_t dataset;
    SimStoreInfo info;
    enter();
    SimStatus status = open_array(store, name, &dataset, &info);
    if (status != SIM_OK)
        return leave(status);
    if (info.n_dims == 0 || first > info.dims[0] || rows > info.dims[0] - first)
        status = sim_fail(SIM_ERR_SHAPE, "%s: \"%s\" has %zu rows, wanted %zu from %zu",
                          store->path, name, info.n_dims ? info.dims[0] : 0, rows, first);
    else if (rows && !read_slab(dataset, &info, as, first, rows, data))
        status =
            sim_fail(SIM_ERR_FORMAT, "%s: \"%s\" cannot be read: the file is damaged",
                     store->path, name);
    H5Dclose(dataset);
    return leave(status);
}

/* Where a chunk was never written, the library reads zeros. */
static bool has_row(hid_t dataset, const SimStoreInfo *info, bool chunked, size_t row,
                    void *data)
{
    const hsize_t at[SIM_STORE_MAX_DIMS] = {row};
    haddr_t address = 0;
    unsigned mask;
    hsize_t bytes;
    if (chunked &&
        (H5Dget_chunk_info_by_coord(dataset, at, &mask, &address, &bytes) < 0 ||
         address == HADDR_UNDEF))
        return false;
    return read_slab(dataset, info, info->type, row, 1, data);
}

SimStatus sim_store_rows(SimStore *store, const char *name, size_t *rows)
{
    enum { NEAR = 256 };
    hid_t dataset;
    SimStoreInfo info;
    enter();
    SimStatus status = open_array(store, name, &dataset, &info);
    if (status != SIM_OK)
        return leave(status);
    size_t there = info.n_dims ? info.dims[0] : 0;
    if (store->driver >= 0 && info.count > 0 && info.n_dims > 0) {
        void *const row = malloc(info.count / info.dims[0] * sim_type_bytes(info.type));
        const hid_t properties = H5Dget_create_plist(dataset);
        hsize_t chunk[SIM_STORE_MAX_DIMS] = {1};
        const bool chunked = H5Pget_layout(properties) == H5D_CHUNKED;
        if (chunked)
            H5Pget_chunk(properties, SIM_STORE_MAX_DIMS, chunk);
        H5Pclose(properties);
        /* Chunks lie in the order they were begun, but for a few that moved as they grew:
         * the first are looked at one by one, the end of many is found by halving. */
        const size_t a_chunk = chunk[0] ? (size_t)chunk[0] : 1;
        size_t low = 0, high = (there - 1) / a_chunk + 1;
        const size_t near = high < NEAR ? high : NEAR;
        while (row && low < near && has_row(dataset, &info, chunked, low * a_chunk, row))
            low++;
        while (row && low >= near && low < high) {
            const size_t middle = low + (high - low) / 2;
            if (has_row(dataset, &info, chunked, middle * a_chunk, row))
                low = middle + 1;
            else
                high = middle;
        }
        there = low * a_chunk < there ? low * a_chunk : there;
        if (!row)
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a row of \"%s\"",
                              store->path, name);
        free(row);
    }
    if (status == SIM_OK)
        *rows = there;
    H5Dclose(dataset);
    return leave(status);
}

/* --- writing ---------------------------------------------------------------------- */

static SimStatus not_written(const SimStore *store, const char *name)
{
    return sim_fail(SIM_ERR_IO, "%s: \"%s\" could not be written (is the disk full?)",
                    store->path, name);
}

/* Makes the groups on the way to a name. The time of writing is left out of groups and
 * arrays: the same contents are then the same bytes. */
static void make_groups(const SimStore *store, const char *name)
{
    char *part = strdup(name);
    if (!part)
        return; /* what needs the group will fail */
    const hid_t properties = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(properties, false);
    for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!is_there(store, part))
            H5Gclose(H5Gcreate2(store->file, part, H5P_DEFAULT, properties, H5P_DEFAULT));
        *slash = '/';
    }
    H5Pclose(properties);
    free(part);
}

/* Takes `properties`. */
static hid_t create_array(const SimStore *store, const char *name, hid_t type,
                          hid_t space, hid_t properties)
{
    make_groups(store, name);
    H5Pset_obj_track_times(properties, false);
    const hid_t dataset =
        H5Dcreate2(store->file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Pclose(properties);
    return dataset;
}

SimStatus sim_store_write(SimStore *store, const char *name, SimType type, size_t n_dims,
                          const size_t *dims, const void *data)
{
    SimStatus status = SIM_OK;
    hsize_t size[SIM_STORE_MAX_DIMS];
    size_t count = 1;
    for (size_t i = 0; i < n_dims; i++) {
        size[i] = dims[i];
        count *= dims[i];
    }
    enter();
    const hid_t space =
        n_dims ? H5Screate_simple((int)n_dims, size, NULL) : H5Screate(H5S_SCALAR);
    const hid_t dataset =
        create_array(store, name, native(type), space, H5Pcreate(H5P_DATASET_CREATE));
    if (dataset < 0 || (count && H5Dwrite(dataset, native(type), H5S_ALL, H5S_ALL,
                                          H5P_DEFAULT, data) < 0))
        status = not_written(store, name);
    if (dataset >= 0)
        H5Dclose(dataset);
    H5Sclose(space);
    return leave(status);
}

SimStatus sim_store_begin_rows(SimStore *store, const char *name, SimType type,
                               size_t n_dims, const size_t *dims, size_t chunk_rows)
{
    enum {
        DEFLATE_LEVEL = 1
    }; /* sparse counts: higher levels cost time and gain little */
    SimStatus status = SIM_OK;
    hsize_t size[SIM_STORE_MAX_DIMS] = {0}, most[SIM_STORE_MAX_DIMS],
            chunk[SIM_STORE_MAX_DIMS];
    most[0] = H5S_UNLIMITED;
    chunk[0] = chunk_rows ? chunk_rows : 1;
    for (size_t i = 1; i < n_dims; i++)
        size[i] = most[i] = chunk[i] = dims[i];
    enter();
    const hid_t space = H5Screate_simple((int)n_dims, size, most);
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, (int)n_dims, chunk);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, DEFLATE_LEVEL);
    const hid_t dataset = create_array(store, name, native(type), space, properties);
    if (dataset < 0)
        status = not_written(store, name);
    else
        H5Dclose(dataset);
    H5Sclose(space);
    return leave(status);
}

SimStatus sim_store_append_rows(SimStore *store, const char *name, size_t rows,
                                const void *data)
{
    hid_t dataset;
    SimStoreInfo info;
    enter();
    SimStatus status = open_array(store, name, &dataset, &info);
    if (status != SIM_OK)
        return leave(status);
    hsize_t start[SIM_STORE_MAX_DIMS] = {info.dims[0]}, size[SIM_STORE_MAX_DIMS],
            grown[SIM_STORE_MAX_DIMS];
    for (size_t i = 0; i < info.n_dims; i++)
        size[i] = grown[i] = info.dims[i];
    size[0] = rows;
    grown[0] += rows;
    if (H5Dset_extent(dataset, grown) < 0) {
        status = not_written(store, name);
    } else if (rows) {
        const hid_t space = H5Dget_space(dataset);
        const hid_t memory = H5Screate_simple((int)info.n_dims, size, NULL);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
        if (H5Dwrite(dataset, native(info.type), memory, space, H5P_DEFAULT, data) < 0)
            status = not_written(store, name);
        H5Sclose(memory);
        H5Sclose(space);
    }
    H5Dclose(dataset);
    return leave(status);
}

/* --- attributes ------------------------------------------------------------------- */

/* The object an attribute hangs on; a group on the way of a writer is made. */
static hid_t open_object(const SimStore *store, const char *name)
{
    if (!*name)
        return H5Gopen2(store->file, "/", H5P_DEFAULT);
    if (is_there(store, name))
        return H5Oopen(store->file, name, H5P_DEFAULT);
    if (!store->writing)
        return H5I_INVALID_HID;
    make_groups(store, name);
    const hid_t properties = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(properties, false);
    const hid_t group =
        H5Gcreate2(store->file, name, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Pclose(properties);
    return group;
}

static SimStatus write_attribute(SimStore *store, const char *name, const char *attribute,
                                 hid_t type, const void *data)
{
    SimStatus status = SIM_OK;
    const hid_t object = open_object(store, name);
    const hid_t space = H5Screate(H5S_SCALAR);
    if (object >= 0 && H5Aexists(object, attribute) > 0)
        H5Adelete(object, attribute);
    const hid_t at =
        object < 0 ? H5I_INVALID_HID
                   : H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (at < 0 || H5Awrite(at, type, data) < 0)
        status = not_written(store, attribute);
    if (at >= 0)
        H5Aclose(at);
    if (object >= 0)
        H5Oclose(object);
    H5Sclose(space);
    return status;
}

SimStatus sim_store_write_text(SimStore *store, const char *name, const char *attribute,
                               const char *text)
{
    enter();
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type,
                H5T_VARIABLE); /* an attribute with its text inside holds 64 kB at most */
    H5Tset_cset(type, H5T_CSET_UTF8);
    const SimStatus status = write_attribute(store, name, attribute, type, &text);
    H5Tclose(type);
    return leave(status);
}

SimStatus sim_store_write_number(SimStore *store, const char *name, const char *attribute,
                                 double value)
{
    enter();
    return leave(write_attribute(store, name, attribute, H5T_NATIVE_DOUBLE, &value));
}

static hid_t open_attribute(const SimStore *store, const char *name,
                            const char *attribute)
{
    const hid_t object =
        *name && !is_there(store, name) ? H5I_INVALID_HID : open_object(store, name);
    if (object < 0)
        return H5I_INVALID_HID;
    const hid_t at = H5Aexists(object, attribute) > 0
                         ? H5Aopen(object, attribute, H5P_DEFAULT)
                         : H5I_INVALID_HID;
    H5Oclose(object);
    return at;
}

bool sim_store_has_attribute(SimStore *store, const char *name, const char *attribute)
{
    enter();
    const hid_t at = open_attribute(store, name, attribute);
    if (at >= 0)
        H5Aclose(at);
    leave(SIM_OK);
    return at >= 0;
}

static SimStatus no_attribute(const SimStore *store, const char *name,
                              const char *attribute, const char *what)
{
    return sim_fail(SIM_ERR_FORMAT, "%s: \"%s\" has no %s \"%s\"", store->path,
                    *name ? name : "/", what, attribute);
}

SimStatus sim_store_read_number(SimStore *store, const char *name, const char *attribute,
                                double *out)
{
    SimStatus status = SIM_OK;
    double value = 0.0;
    enter();
    const hid_t at = open_attribute(store, name, attribute);
    if (at < 0 || H5Aread(at, H5T_NATIVE_DOUBLE, &value) < 0)
        status = no_attribute(store, name, attribute, "number");
    else
        *out = value;
    if (at >= 0)
        H5Aclose(at);
    return leave(status);
}

SimStatus sim_store_read_text(SimStore *store, const char *name, const char *attribute,
                              char **out)
{
    enum { LONGEST = 1 << 24 };
    SimStatus status = SIM_OK;
    char *text = NULL;
    enter();
    const hid_t at = open_attribute(store, name, attribute);
    const hid_t type = at >= 0 ? H5Aget_type(at) : H5I_INVALID_HID;
    const hid_t space = at >= 0 ? H5Aget_space(at) : H5I_INVALID_HID;
    if (at < 0 || H5Tget_class(type) != H5T_STRING ||
        H5Sget_simple_extent_npoints(space) != 1) {
        status = no_attribute(store, name, attribute, "text");
    } else if (H5Tis_variable_str(type) > 0) {
        char *inside = NULL;
        const hid_t memory = H5Tcopy(H5T_C_S1);
        H5Tset_size(memory, H5T_VARIABLE);
        H5Tset_cset(memory, H5Tget_cset(type));
        if (H5Aread(at, memory, &inside) < 0 || !inside)
            status = no_attribute(store, name, attribute, "readable text");
        else
            text = strdup(inside);
        if (inside)
            H5free_memory(inside);
        H5Tclose(memory);
    } else {
        const size_t size = H5Tget_size(type);
        text = size < LONGEST ? calloc(size + 1, 1) : NULL;
        if (text && H5Aread(at, type, text) < 0)
            status = no_attribute(store, name, attribute, "readable text");
    }
    if (status == SIM_OK && !text)
        status =
            sim_fail(SIM_ERR_MEMORY, "%s: no memory for \"%s\"", store->path, attribute);
    if (status == SIM_OK)
        *out = text;
    else
        free(text);
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
    if (at >= 0)
        H5Aclose(at);
    return leave(status);
}
