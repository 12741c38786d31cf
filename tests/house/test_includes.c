/* Includes point down only, and each outside library is known by one file. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support.h"

/* What the files of a folder may include, besides themselves. */
static const struct {
    const char *folder, *may[8];
} rules[] = {
    {"sim", {"sim"}},
    {"neurons", {"neurons", "sim"}},
    {"nets", {"nets", "neurons", "sim"}},
    {"datasets", {"datasets", "sim"}},
    {"viz", {"viz", "nets", "datasets", "neurons", "sim"}},
    {"bench", {"bench", "nets", "neurons", "sim"}},
    {"cli", {"cli", "viz", "bench", "nets", "datasets", "neurons", "sim"}},
};

/* Headers that one file only may include, wherever it lives. */
static const char *const outside[] = {
    "hdf5.h",    "oneapi/dnnl/", "omp.h", "Random123/", "nettle/", "SDL2/",
    "SDL",       "cyaml/",       "lz4",   "zstd.h",     "png.h",   "zlib.h",
    "jpeglib.h", "matio.h",      "mpi.h", "gsl/",       "yaml.h",
};
enum { N_OUTSIDE = sizeof outside / sizeof *outside, MAX_FILES = 1024 };

typedef struct Found {
    size_t n_files, n_includes, n_wrong;
    char *first_user[N_OUTSIDE]; /* owned */
    char report[4096];
} Found;

static void complain(Found *found, const char *path, int line, const char *what,
                     const char *header)
{
    const size_t used = strlen(found->report);
    snprintf(found->report + used, sizeof found->report - used, "%s:%d: %s %s\n", path,
             line, what, header);
    found->n_wrong++;
}

static bool is_allowed(size_t rule, const char *header)
{
    for (const char *const *may = rules[rule].may; *may; may++) {
        const size_t length = strlen(*may);
        if (strncmp(header, *may, length) == 0 && header[length] == '/')
            return true;
    }
    return false;
}

static void read_source(size_t rule, const char *root, const char *path, Found *found)
{
    char full[4096], text[1024], header[1024];
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "r");
    cr_assert(file, "%s cannot be read", full);
    found->n_files++;
    for (int line = 1; fgets(text, sizeof text, file); line++) {
        if (sscanf(text, " # include \"%1023[^\"]\"", header) == 1) {
            found->n_includes++;
            if (!is_allowed(rule, header))
                complain(found, path, line, "may not include", header);
        } else if (sscanf(text, " # include <%1023[^>]>", header) == 1) {
            for (size_t i = 0; i < N_OUTSIDE; i++) {
                if (strncmp(header, outside[i], strlen(outside[i])) != 0)
                    continue;
                if (!found->first_user[i])
                    found->first_user[i] = strdup(path);
                else if (strcmp(found->first_user[i], path) != 0)
                    complain(found, path, line, "is the second file to include", header);
            }
        }
    }
    fclose(file);
}

static void read_folder(size_t rule, const char *root, const char *folder, Found *found)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    DIR *directory = opendir(path);
    cr_assert(directory, "%s cannot be read", path);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        const size_t length = strlen(entry->d_name);
        const int written = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        cr_assert((size_t)written < sizeof path);
        if (entry->d_type == DT_DIR)
            read_folder(rule, root, path, found);
        else if (length > 2 && entry->d_name[length - 2] == '.' &&
                 strchr("ch", entry->d_name[length - 1]))
            read_source(rule, root, path, found);
    }
    closedir(directory);
}

static Found *found_create(void)
{
    Found *found = calloc(1, sizeof *found);
    cr_assert(found);
    return found;
}

static void found_destroy(Found *found)
{
    for (size_t i = 0; i < N_OUTSIDE; i++)
        free(found->first_user[i]);
    free(found);
}

Test(includes, point_down_only)
{
    Found *found = found_create();
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        read_folder(i, test_source_root(), rules[i].folder, found);
    cr_expect(found->n_wrong == 0, "\n%s", found->report);
    cr_expect(found->n_files > 10 && found->n_includes > found->n_files / 2,
              "only %zu files with %zu includes were read", found->n_files,
              found->n_includes);
    found_destroy(found);
}

/* The checker itself: a file that points up must be caught. */
Test(includes, an_arrow_up_is_caught, .fini = test_folder_remove)
{
    char path[256];
    const char *const root = test_folder();
    snprintf(path, sizeof path, "%s/wrong.c", root);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs("#include \"sim/status.h\"\n  #  include \"nets/net.h\"\n", file);
    fclose(file);
    Found *found = found_create();
    read_folder(0, root, ".", found);
    cr_expect(found->n_includes == 2);
    cr_expect(found->n_wrong == 1, "%s", found->report);
    cr_expect(strstr(found->report, "wrong.c:2"), "%s", found->report);
    found_destroy(found);
}
