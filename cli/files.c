/* cli/files.c: see files.h. */
#include "cli/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

SimStatus cli_path_join(const char *folder, const char *name, char out[CLI_PATH_SIZE])
{
    if (snprintf(out, CLI_PATH_SIZE, "%s/%s", folder, name) >= CLI_PATH_SIZE)
        return sim_fail(SIM_ERR_VALUE, "%s: the path is too long", folder);
    return SIM_OK;
}

bool cli_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The C locale, whatever the user's: the order is part of what we promise. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int cli_scan(const char *path, struct dirent ***entries)
{
    return scandir(path, entries, visible, by_bytes);
}

SimStatus cli_walk(const char *path, SimStatus (*visit)(void *argument, const char *path),
                   void *argument)
{
    SimStatus status = SIM_OK;
    struct stat about;
    struct dirent **entries = NULL;
    int n = 0;
    if (stat(path, &about) != 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return visit(argument, path);
    n = cli_scan(path, &entries);
    if (n < 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        const size_t size = strlen(path) + strlen(entries[i]->d_name) + 2;
        char *const below = malloc(size);
        if (!below) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for its names", path);
            goto out;
        }
        const size_t end = strlen(path);
        snprintf(below, size, "%s%s%s", path, end > 0 && path[end - 1] == '/' ? "" : "/",
                 entries[i]->d_name);
        status = cli_walk(below, visit, argument);
        free(below);
        if (status != SIM_OK)
            goto out;
    }
out:
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return status;
}

SimStatus cli_file_text(const char *path, size_t limit, char **out)
{
    SimStatus status = SIM_OK;
    FILE *const file = fopen(path, "rb");
    if (!file)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    char *text = malloc(limit + 1);
    if (!text) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to read it", path);
        goto out;
    }
    const size_t n = fread(text, 1, limit + 1, file);
    if (ferror(file)) {
        status = sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (n > limit || memchr(text, '\0', n)) {
        status = sim_fail(SIM_ERR_FORMAT, "%s: wanted a text of less than %zu bytes",
                          path, limit);
        goto out;
    }
    text[n] = '\0';
    *out = text;
    text = NULL;
out:
    free(text);
    fclose(file);
    return status;
}
