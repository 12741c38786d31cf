/* sim/file.c: see file.h. */
#include "sim/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SimStatus sim_file_places(const char *path, char **place, char **writing)
{
    struct stat about;
    const bool there = stat(path, &about) == 0;
    const bool plain = !there || S_ISREG(about.st_mode);
    /* realpath fails where there is no file yet; the name is the place then. */
    char *const end = there && plain ? realpath(path, NULL) : strdup(path);
    const size_t size = end ? strlen(end) + 32 : 0;
    char *const beside = end && plain ? malloc(size) : NULL;
    if (!end && there && plain)
        return sim_fail(SIM_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (!end || (plain && !beside)) {
        free(end);
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory to write it", path);
    }
    if (beside)
        snprintf(beside, size, "%s.%ld.tmp", end, (long)getpid());
    *place = end;
    *writing = beside;
    return SIM_OK;
}

SimStatus sim_file_create(const char *path, SimFile *out)
{
    SimStatus status = SIM_OK;
    SimFile file = {.path = strdup(path)};
    if (!file.path) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to write it", path);
        goto out;
    }
    SIM_TRY(sim_file_places(path, &file.place, &file.writing));
    file.stream = fopen(file.writing ? file.writing : file.place, "wb");
    if (!file.stream) {
        status = sim_fail(SIM_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
        goto out;
    }
    *out = file;
    file = (SimFile){0};
out:
    sim_file_destroy(&file);
    return status;
}

static SimStatus finish(SimFile *file, bool on_disk)
{
    SimStatus status = SIM_OK;
    errno = 0;
    bool good = fflush(file->stream) == 0 && !ferror(file->stream) &&
                (!on_disk || !file->writing || fsync(fileno(file->stream)) == 0);
    int reason = errno;
    if (fclose(file->stream) != 0 && good) {
        reason = errno;
        good = false;
    }
    file->stream = NULL;
    if (good && file->writing) {
        good = rename(file->writing, file->place) == 0;
        reason = errno;
        if (good) { /* nothing is left to drop */
            free(file->writing);
            file->writing = NULL;
        }
    }
    if (!good)
        status = sim_fail(SIM_ERR_IO, "%s: could not be written: %s", file->path,
                          reason ? strerror(reason) : "is the disk full?");
    sim_file_destroy(file);
    return status;
}

SimStatus sim_file_finish(SimFile *file)
{
    return finish(file, false);
}

SimStatus sim_file_commit(SimFile *file)
{
    return finish(file, true);
}

void sim_file_destroy(SimFile *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->writing)
        remove(file->writing);
    free(file->writing);
    free(file->place);
    free(file->path);
    *file = (SimFile){0};
}

SimStatus sim_folder_make(const char *path)
{
    SimStatus status = SIM_OK;
    if (!*path)
        return sim_fail(SIM_ERR_VALUE, "a folder needs a name");
    char *const part = strdup(path);
    if (!part)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory to make this folder", path);
    for (char *at = part + 1; status == SIM_OK; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        const char kept = *at;
        struct stat about;
        *at = '\0';
        if (mkdir(part, 0777) != 0 &&
            (errno != EEXIST || stat(part, &about) != 0 || !S_ISDIR(about.st_mode)))
            status = sim_fail(SIM_ERR_IO, "%s: cannot make this folder: %s", part,
                              errno == EEXIST ? "a file has this name" : strerror(errno));
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(part);
    return status;
}
