/* datasets/layouts/lists.c: numbered recordings with lists of the two parts.
 *
 *     <set>/train.txt  <set>/test.txt      "id<TAB>class" a line, "#" starts a comment
 *     <set>/<id>.bs2   or one <set>/<any>.tar holding <anywhere>/<id>.bs2
 *
 * The class numbers are the labels. */
#include "datasets/set_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/list.h"

enum { MAX_CLASSES = 100000 };

typedef struct Member {
    char *stem; /* owned: the file name without folders and suffix */
    char *path; /* owned: for data_file_open */
} Member;

typedef struct Members {
    Member *rows;
    size_t n, room;
    const char *archive; /* being visited */
} Members;

static SimStatus add_member(Members *members, const char *archive, const char *name)
{
    const char *const slash = strrchr(name, '/'), *const base = slash ? slash + 1 : name;
    const char *const dot = strrchr(base, '.');
    const size_t stem_size = dot ? (size_t)(dot - base) : strlen(base);
    const size_t path_size = strlen(archive) + strlen(name) + 2;
    Member member = {.stem = malloc(stem_size + 1), .path = malloc(path_size)};
    if (!member.stem || !member.path ||
        !sim_list_reserve(&members->rows, &members->room, members->n + 1,
                          sizeof *members->rows)) {
        free(member.stem);
        free(member.path);
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for its names", archive);
    }
    memcpy(member.stem, base, stem_size);
    member.stem[stem_size] = '\0';
    snprintf(member.path, path_size, "%s%c%s", archive, members->archive ? ':' : '/',
             name);
    members->rows[members->n++] = member;
    return SIM_OK;
}

static SimStatus visit(void *argument, const char *name, uint64_t size)
{
    Members *const members = argument;
    (void)size;
    return add_member(members, members->archive, name);
}

static int by_stem(const void *a, const void *b)
{
    const Member *const x = a, *const y = b;
    const int order = strcmp(x->stem, y->stem);
    return order ? order : strcmp(x->path, y->path);
}

static int stem_against(const void *key, const void *row)
{
    return strcmp(key, ((const Member *)row)->stem);
}

static SimStatus find_members(const DataListing *listing, const DataFolder *folder,
                              Members *members)
{
    SimStatus status = SIM_OK;
    char *path = NULL;
    for (size_t i = 0; i < folder->n; i++) {
        const char *const name = folder->entries[i].name;
        bool is_tar = false;
        if (folder->entries[i].is_folder || strcmp(name, "train.txt") == 0 ||
            strcmp(name, "test.txt") == 0)
            continue;
        free(path);
        path = data_path_join(listing->path, name);
        if (!path) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", name);
            goto out;
        }
        members->archive = path;
        SIM_TRY(data_tar_visit(path, &is_tar, visit, members));
        members->archive = NULL;
        if (!is_tar)
            SIM_TRY(add_member(members, listing->path, name));
    }
    if (members->n)
        qsort(members->rows, members->n, sizeof *members->rows, by_stem);
out:
    members->archive = NULL;
    free(path);
    return status;
}

static SimStatus read_list(DataListing *listing, const char *name, DataPart part,
                           const Members *members)
{
    SimStatus status = SIM_OK;
    FILE *stream = NULL;
    char line[256];
    size_t number = 0;
    char *const path = data_path_join(listing->path, name);
    if (!path)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a name", name);
    stream = fopen(path, "r");
    if (!stream) {
        status = sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    while (fgets(line, sizeof line, stream)) {
        char id[128];
        unsigned label = 0;
        number++;
        if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (sscanf(line, "%127s %u", id, &label) != 2 || label >= MAX_CLASSES) {
            status = sim_fail(SIM_ERR_FORMAT,
                              "%s: line %zu: wanted a name and a class number, found "
                              "\"%.60s\"",
                              path, number, strtok(line, "\r\n"));
            goto out;
        }
        const Member *const member = members->n
                                         ? bsearch(id, members->rows, members->n,
                                                   sizeof *members->rows, stem_against)
                                         : NULL;
        if (!member) {
            data_listing_warn(
                listing,
                "%s is left out: %s line %zu names it, but there is no such "
                "file",
                id, name, number);
            continue;
        }
        while (listing->n_classes <= label) {
            char text[16];
            uint32_t at = 0;
            snprintf(text, sizeof text, "%zu", listing->n_classes);
            SIM_TRY(data_listing_class(listing, text, &at));
        }
        SIM_TRY(data_listing_add(listing, id, member->path, 0, label, part));
    }
out:
    if (stream)
        fclose(stream);
    free(path);
    return status;
}

static SimStatus list(DataListing *listing)
{
    SimStatus status = SIM_OK;
    DataFolder folder = {0};
    Members members = {0};
    bool has_train = false, has_test = false;
    if (!data_is_folder(listing->path))
        return SIM_OK;
    SIM_TRY(data_folder_read(listing->path, &folder));
    for (size_t i = 0; i < folder.n; i++) {
        has_train |= strcmp(folder.entries[i].name, "train.txt") == 0;
        has_test |= strcmp(folder.entries[i].name, "test.txt") == 0;
    }
    if (!has_train || !has_test)
        goto out;
    listing->kind = DATA_EVENTS;
    SIM_TRY(find_members(listing, &folder, &members));
    SIM_TRY(read_list(listing, "train.txt", DATA_TRAIN, &members));
    SIM_TRY(read_list(listing, "test.txt", DATA_TEST, &members));
out:
    for (size_t i = 0; i < members.n; i++) {
        free(members.rows[i].stem);
        free(members.rows[i].path);
    }
    free(members.rows);
    data_folder_destroy(&folder);
    return status;
}

const DataLayout data_layout_lists = {
    .name = "lists",
    .summary = "train.txt and test.txt (id, class) beside <id>.bs2 or a tar of them",
    .list = list,
};
