/* datasets/tar.c: members of tar archives (POSIX ustar and pax, GNU long names), found
 * where they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/file_internal.h"

enum { BLOCK = 512, NAME_SIZE = 4096 };

bool data_is_tar(const unsigned char *head, size_t size)
{
    if (size < BLOCK || memcmp(head + 257, "ustar", 5))
        return false;
    unsigned long sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : head[i];
    char text[9] = {0};
    memcpy(text, head + 148, 8);
    return strtoul(text, NULL, 8) == sum;
}

static uint64_t number(const unsigned char *field, size_t size)
{
    uint64_t value = 0;
    if (field[0] & 0x80) { /* GNU: binary, for sizes past 8 GiB */
        for (size_t i = 1; i < size; i++)
            value = value << 8 | field[i];
        return value;
    }
    for (size_t i = 0; i < size && field[i]; i++)
        if (field[i] >= '0' && field[i] <= '7')
            value = value << 3 | (uint64_t)(field[i] - '0');
    return value;
}

/* The path of a pax header: lines "LENGTH path=NAME\n". */
static void pax_path(const char *text, size_t size, char *name)
{
    size_t at = 0;
    while (at < size) {
        char *end;
        const unsigned long length = strtoul(text + at, &end, 10);
        if (length < 5 || length > size - at || *end != ' ')
            return;
        const char *line = end + 1, *stop = text + at + length - 1;
        if (stop - line > 5 && !strncmp(line, "path=", 5) &&
            stop - line - 5 < NAME_SIZE) {
            memcpy(name, line + 5, (size_t)(stop - line - 5));
            name[stop - line - 5] = '\0';
        }
        at += length;
    }
}

typedef SimStatus Visit(void *argument, const char *name, uint64_t base, uint64_t size,
                        bool *stop);

static SimStatus walk(FILE *tar, const char *path, Visit *visit, void *argument)
{
    unsigned char head[BLOCK];
    char name[NAME_SIZE] = "", extra[NAME_SIZE + 1];
    uint64_t at = 0;
    if (fseeko(tar, 0, SEEK_END) != 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    const uint64_t total = (uint64_t)ftello(tar);

    while (at + BLOCK <= total) {
        if (fseeko(tar, (off_t)at, SEEK_SET) != 0 || fread(head, BLOCK, 1, tar) != 1)
            return sim_fail(SIM_ERR_IO, "%s: byte %llu: reading failed: %s", path,
                            (unsigned long long)at, strerror(errno));
        if (head[0] == '\0') /* the end mark */
            return SIM_OK;
        if (!data_is_tar(head, BLOCK))
            return sim_fail(SIM_ERR_FORMAT,
                            "%s: byte %llu: expected the header of a tar member, found "
                            "0x%02x 0x%02x: the archive is damaged, fetch it again",
                            path, (unsigned long long)at, head[0], head[1]);
        const uint64_t size = number(head + 124, 12), base = at + BLOCK;
        if (size > total - base)
            return sim_fail(SIM_ERR_FORMAT,
                            "%s: byte %llu: expected a member of %llu bytes, the archive "
                            "ends after %llu: it is cut off, fetch it again",
                            path, (unsigned long long)at, (unsigned long long)size,
                            (unsigned long long)(total - base));
        const char type = (char)head[156];
        if (type == 'L' || type == 'x') {
            const size_t length = size < NAME_SIZE ? (size_t)size : NAME_SIZE - 1;
            if (length && fread(extra, length, 1, tar) != 1)
                return sim_fail(SIM_ERR_IO, "%s: byte %llu: reading failed", path,
                                (unsigned long long)base);
            extra[length] = '\0';
            if (type == 'L')
                memcpy(name, extra, length + 1);
            else
                pax_path(extra, length, name);
        } else {
            if (name[0] == '\0') {
                const int prefix = head[345] ? (int)strnlen((char *)head + 345, 155) : 0;
                snprintf(name, sizeof name, "%.*s%s%.100s", prefix, (char *)head + 345,
                         prefix ? "/" : "", (char *)head);
            }
            bool stop = false;
            if (type == '0' || type == '\0') {
                const SimStatus status = visit(argument, name, base, size, &stop);
                if (status != SIM_OK || stop)
                    return status;
            }
            name[0] = '\0';
        }
        at = base + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    return SIM_OK;
}

typedef struct Wanted {
    const char *member;
    uint64_t base, size;
    bool found;
} Wanted;

static const char *plain(const char *name) /* "./a" is "a" */
{
    return name[0] == '.' && name[1] == '/' ? name + 2 : name;
}

static SimStatus compare(void *argument, const char *name, uint64_t base, uint64_t size,
                         bool *stop)
{
    Wanted *wanted = argument;
    if (!strcmp(plain(name), plain(wanted->member))) {
        wanted->base = base;
        wanted->size = size;
        wanted->found = *stop = true;
    }
    return SIM_OK;
}

SimStatus data_tar_find(FILE *tar, const char *path, const char *member, uint64_t *base,
                        uint64_t *size)
{
    Wanted wanted = {.member = member};
    const SimStatus status = walk(tar, path, compare, &wanted);
    if (status != SIM_OK)
        return status;
    if (!wanted.found)
        return sim_fail(SIM_ERR_IO,
                        "%s: the archive has no member \"%s\"; `tar tf` "
                        "lists them",
                        path, member);
    *base = wanted.base;
    *size = wanted.size;
    return SIM_OK;
}

typedef struct Listing {
    SimStatus (*visit)(void *argument, const char *name, uint64_t size);
    void *argument;
} Listing;

static SimStatus pass_on(void *argument, const char *name, uint64_t base, uint64_t size,
                         bool *stop)
{
    (void)base, (void)stop;
    const Listing *listing = argument;
    return listing->visit(listing->argument, name, size);
}

SimStatus data_tar_visit(const char *path, bool *is_tar,
                         SimStatus (*visit)(void *argument, const char *name,
                                            uint64_t size),
                         void *argument)
{
    FILE *tar = fopen(path, "rb");
    if (!tar)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    SimStatus status = SIM_OK;
    unsigned char head[BLOCK];
    const size_t got = fread(head, 1, BLOCK, tar);
    *is_tar = data_is_tar(head, got);
    if (*is_tar) {
        Listing listing = {visit, argument};
        status = walk(tar, path, pass_on, &listing);
    }
    fclose(tar);
    return status;
}
