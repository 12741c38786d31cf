/* datasets/cache.c: frames of a set, decoded once, in an HDF5 file.
 *
 *     frames  [n,T,h,w,2]   u16 counts, f32 where values are not whole; a row a chunk
 *     health  [n]           u32: 0 good, 1 without events, 2 broken
 *
 * The name of the file holds a hash of everything the frames depend on: the options that
 * matter and every sample's name, size and time of change. Another content is another
 * file, so nothing stale is ever read. One process builds, under a lock; the others wait
 * and find it done. A file half built never has the name that is looked for. */
#include "datasets/set_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sim/file.h"
#include "sim/hash.h"
#include "sim/team.h"

enum { BLOCK = 32 }; /* samples decoded between two writes */
enum { GOOD, EMPTY, BROKEN };
enum { KEY_DIGITS = 24, VERSION = 1 };

/* --- where
 * ------------------------------------------------------------------------------- */

static SimStatus find_folder(const DataSet *set, char *path, size_t size)
{
    const char *const xdg = getenv("XDG_CACHE_HOME"), *const home = getenv("HOME");
    int n = 0;
    if (set->options.cache[0])
        n = snprintf(path, size, "%s", set->options.cache);
    else if (xdg && xdg[0])
        n = snprintf(path, size, "%s/apical", xdg);
    else if (home && home[0])
        n = snprintf(path, size, "%s/.cache/apical", home);
    else
        return sim_fail(SIM_ERR_VALUE, "cache: neither XDG_CACHE_HOME nor HOME is set; "
                                       "give a folder, or \"none\"");
    if ((size_t)n >= size)
        return sim_fail(SIM_ERR_VALUE, "cache: the path is too long");
    if (sim_folder_make(path) != SIM_OK)
        return sim_fail(SIM_ERR_IO,
                        "%s; set cache to a folder that can be written, or to \"none\"",
                        sim_message());
    return SIM_OK;
}

static void key_of(const DataSet *set, char key[SIM_HASH_TEXT])
{
    const DataOptions *const o = &set->options;
    SimHash hash;
    char text[256];
    sim_hash_init(SIM_SHA256, &hash);
    int n = snprintf(text, sizeof text,
                     "frames %d: T %zu, rule %d, duration %" PRId64
                     ", value %d, axes %d, resize %d, %zux%zu of %zux%zu\n",
                     VERSION, set->steps, o->frames,
                     o->frames == DATA_FRAMES_NUMBER ? 0 : o->duration_us, o->value,
                     o->axes, o->resize, set->h, set->w, set->sensor_h, set->sensor_w);
    sim_hash_add(&hash, text, (size_t)n);
    for (size_t i = 0; i < set->n_samples; i++) {
        const DataSample *const sample = &set->samples[i];
        struct stat info;
        char file[2 * DATA_PATH_SIZE];
        snprintf(file, sizeof file, "%s", sample->path);
        /* A member of an archive is as old as the archive. */
        char *const colon = strrchr(file, ':');
        if (stat(file, &info) != 0 && colon) {
            *colon = '\0';
            if (stat(file, &info) != 0)
                info = (struct stat){0};
        }
        sim_hash_add(&hash, sample->name, strlen(sample->name) + 1);
        n = snprintf(text, sizeof text, " %lld %lld.%09ld\n", (long long)info.st_size,
                     (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
        sim_hash_add(&hash, text, (size_t)n);
    }
    sim_hash_text(&hash, key);
}

/* --- building
 * ---------------------------------------------------------------------------- */

typedef struct Build {
    DataSet *set;
    bool whole;          /* u16, not f32 */
    size_t first, count; /* values of a sample */
    float *scratch;      /* [threads, count] */
    void *rows;          /* [BLOCK, count] u16 or f32 */
    uint32_t health[BLOCK];
    bool clipped[BLOCK];
    DataDecoded decoded[BLOCK];
    SimStatus status[BLOCK];
    char messages[BLOCK][512];
} Build;

static void decode(void *argument, size_t index, size_t thread)
{
    Build *const build = argument;
    const size_t count = build->count;
    float *const x = build->whole ? build->scratch + thread * count
                                  : (float *)build->rows + index * count;
    build->clipped[index] = false;
    build->decoded[index] = (DataDecoded){0};
    const SimStatus status =
        data_set_decode(build->set, build->first + index, x, &build->decoded[index]);
    build->status[index] = status;
    build->health[index] = status != SIM_OK                      ? BROKEN
                           : build->decoded[index].n_events == 0 ? EMPTY
                                                                 : GOOD;
    if (status != SIM_OK) {
        snprintf(build->messages[index], sizeof build->messages[index], "%s",
                 sim_message());
        memset(x, 0, count * sizeof *x);
    }
    if (build->whole) {
        uint16_t *const row = (uint16_t *)build->rows + index * count;
        for (size_t i = 0; i < count; i++) {
            build->clipped[index] |= x[i] > (float)UINT16_MAX;
            row[i] = x[i] > (float)UINT16_MAX ? UINT16_MAX : (uint16_t)x[i];
        }
    }
}

static void warn_about(const Build *build, size_t k)
{
    const DataSet *const set = build->set;
    const char *const name = set->samples[build->first + k].name;
    const DataDecoded *const decoded = &build->decoded[k];
    if (build->health[k] == BROKEN) {
        data_set_warn(set, "%s is left out: %s", name, build->messages[k]);
        return;
    }
    if (build->health[k] == EMPTY)
        data_set_warn(set, "%s: no events; its frames are empty", name);
    else if (decoded->n_empty)
        data_set_warn(set, "%s: %zu of %zu frames are empty", name, decoded->n_empty,
                      set->steps);
    if (decoded->outside)
        data_set_warn(set, "%s: %" PRIu64 " events outside the %zux%zu sensor left out",
                      name, decoded->outside, set->sensor_w, set->sensor_h);
    if (decoded->backward)
        data_set_warn(set, "%s: time goes back %" PRIu64 " times; nothing is sorted",
                      name, decoded->backward);
    if (decoded->bytes_left)
        data_set_warn(set, "%s: ends in the middle of a record, %" PRIu64 " bytes left",
                      name, decoded->bytes_left);
    if (build->clipped[k])
        data_set_warn(set,
                      "%s: more than 65535 events of one pixel in a frame; counted "
                      "as 65535",
                      name);
}

static SimStatus check_room(const char *path, double bytes)
{
    struct statvfs disk;
    char folder[3 * DATA_PATH_SIZE];
    snprintf(folder, sizeof folder, "%s", path);
    char *const slash = strrchr(folder, '/');
    if (!slash)
        return SIM_OK;
    *slash = '\0';
    if (statvfs(folder, &disk) != 0)
        return SIM_OK;
    /* Frames are mostly zeros; a quarter of their size is plenty. */
    const double room = (double)disk.f_bavail * (double)disk.f_frsize;
    if (room < bytes / 4)
        return sim_fail(SIM_ERR_IO,
                        "%s: the frames may take %.0f MB, the disk has %.0f MB; give "
                        "cache a larger one, fewer steps or a smaller size",
                        folder, ceil(bytes / 4e6), floor(room / 1e6));
    return SIM_OK;
}

static SimStatus build_file(DataSet *set, const char *path, int n_threads,
                            bool (*progress)(void *argument, size_t done, size_t of),
                            void *argument)
{
    SimStatus status = SIM_OK;
    SimStore *store = NULL;
    const SimTeam team = sim_team_create(n_threads);
    const size_t count = set->steps * set->h * set->w * set->c;
    const DataOptions *const o = &set->options;
    const bool whole = o->value != DATA_VALUE_NORMALISED &&
                       (o->resize != DATA_RESIZE_BILINEAR ||
                        (set->w == set->sensor_w && set->h == set->sensor_h));
    const size_t bytes = count * (whole ? sizeof(uint16_t) : sizeof(float));
    const size_t dims[5] = {0, set->steps, set->h, set->w, set->c};
    uint32_t *const health = calloc(set->n_samples, sizeof *health);
    Build *const build = calloc(1, sizeof *build);
    if (!build || !health) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to build it", path);
        goto out;
    }
    *build = (Build){.set = set, .whole = whole, .count = count};
    build->rows = malloc(BLOCK * bytes);
    build->scratch = malloc((size_t)team.n_threads * count * sizeof *build->scratch);
    if (!build->rows || !build->scratch) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for %d samples of %zu bytes",
                          path, BLOCK, bytes);
        goto out;
    }
    SIM_TRY(check_room(path, (double)bytes * (double)set->n_samples));
    SIM_TRY(sim_store_create(path, &store));
    SIM_TRY(sim_store_begin_rows(store, "frames", whole ? SIM_U16 : SIM_F32, 5, dims, 1));
    for (build->first = 0; build->first < set->n_samples; build->first += BLOCK) {
        const size_t left = set->n_samples - build->first,
                     n = left < BLOCK ? left : BLOCK;
        if (progress && !progress(argument, build->first, set->n_samples)) {
            status = sim_fail(SIM_ERR_STOPPED, "%s: stopped before all frames were made",
                              set->options.path);
            goto out;
        }
        sim_team_run(&team, n, decode, build);
        for (size_t k = 0; k < n; k++) {
            if (build->status[k] == SIM_ERR_MEMORY) {
                status = sim_fail(SIM_ERR_MEMORY, "%s", build->messages[k]);
                goto out;
            }
            health[build->first + k] = build->health[k];
            warn_about(build, k);
        }
        SIM_TRY(sim_store_append_rows(store, "frames", n, build->rows));
    }
    SIM_TRY(sim_store_write(store, "health", SIM_U32, 1, &set->n_samples, health));
    SIM_TRY(sim_store_commit(store));
    if (progress)
        progress(argument, set->n_samples, set->n_samples);
out:
    sim_store_close(store);
    if (build) {
        free(build->rows);
        free(build->scratch);
    }
    free(build);
    free(health);
    return status;
}

/* --- opening
 * ----------------------------------------------------------------------------- */

static SimStatus open_file(DataSet *set, const char *path)
{
    SimStatus status = SIM_OK;
    DataState *const state = set->state;
    SimStore *store = NULL;
    SimStoreInfo info;
    uint32_t *const health = malloc((set->n_samples + 1) * sizeof *health);
    if (!health) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to open it", path);
        goto out;
    }
    SIM_TRY(sim_store_open(path, &store));
    SIM_TRY(sim_store_info(store, "frames", &info));
    if (info.n_dims != 5 || info.dims[0] != set->n_samples ||
        info.dims[1] != set->steps || info.dims[2] != set->h || info.dims[3] != set->w ||
        info.dims[4] != set->c) {
        status = sim_fail(SIM_ERR_FORMAT, "%s: its frames have another shape; delete it",
                          path);
        goto out;
    }
    SIM_TRY(sim_store_read(store, "health", SIM_U32, set->n_samples, health));
    for (size_t i = 0; i < set->n_samples; i++)
        if (health[i] == BROKEN)
            set->samples[i].part = DATA_PARTS;
    SIM_TRY(data_split_count(set));
    state->cache = store;
    store = NULL;
out:
    sim_store_close(store);
    free(health);
    return status;
}

/* What others were writing in its place when they were killed. */
static void remove_leftovers(const char *path)
{
    glob_t found;
    char pattern[3 * DATA_PATH_SIZE + 8];
    snprintf(pattern, sizeof pattern, "%s.*.tmp", path);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        unlink(found.gl_pathv[i]);
    globfree(&found);
}

SimStatus data_cache_open(DataSet *set, bool build, int n_threads,
                          bool (*progress)(void *argument, size_t done, size_t of),
                          void *argument)
{
    SimStatus status = SIM_OK;
    DataState *const state = set->state;
    char path[3 * DATA_PATH_SIZE], lock_path[3 * DATA_PATH_SIZE + 8],
        folder[2 * DATA_PATH_SIZE], key[SIM_HASH_TEXT];
    int lock = -1;
    if (state->cache || strcmp(set->options.cache, "none") == 0)
        return SIM_OK;
    SIM_TRY(find_folder(set, folder, sizeof folder));
    key_of(set, key);
    snprintf(path, sizeof path, "%s/frames-%.*s.h5", folder, KEY_DIGITS, key);
    if (access(path, R_OK) != 0) {
        if (!build)
            return SIM_OK;
        snprintf(lock_path, sizeof lock_path, "%s.lock", path);
        lock = open(lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
        if (lock < 0 || flock(lock, LOCK_EX) != 0) {
            status = sim_fail(SIM_ERR_IO, "%s: %s", lock_path, strerror(errno));
            goto out;
        }
        remove_leftovers(path);      /* only who holds the lock writes */
        if (access(path, R_OK) != 0) /* else another process made it meanwhile */
            SIM_TRY(build_file(set, path, n_threads, progress, argument));
    }
    SIM_TRY(open_file(set, path));
out:
    if (lock >= 0) {
        unlink(lock_path); /* whoever waits holds the same file and finds the cache */
        close(lock);
    }
    return status;
}
