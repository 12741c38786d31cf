/* sim/file.h: files that are whole or not there, and folders.
 *
 * What is written lies beside its place, as NAME.<process>.tmp, and takes the name once
 * it is whole: nobody reads half a file, and a full disk or a killed program leaves the
 * file before as it was. A link stays one, the file it leads to is replaced. What is no
 * plain file (a pipe, /dev/stdout) is written as it comes, never replaced. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "sim/status.h"

typedef struct SimFile {
    FILE *stream;  /* to write to; its errors show at the commit at the latest */
    char *path;    /* owned: as it was asked for */
    char *place;   /* owned: where it will lie */
    char *writing; /* owned: where it lies until then; NULL: at its place */
} SimFile;

/* Owned by the caller until one of the three below. */
SimStatus sim_file_create(const char *path, SimFile *out);
/* Gives it its name. The file is destroyed, whatever comes of it. */
SimStatus sim_file_finish(SimFile *file);
/* The same, on the disk first: for what is to be there after the machine stopped. */
SimStatus sim_file_commit(SimFile *file);
/* Drops what was not committed; accepts a zeroed file. */
void sim_file_destroy(SimFile *file);

/* Where a file of that name would lie, links followed, and where it is written until it
 * is whole: NULL where that is no plain file. Both are owned by the caller. */
SimStatus sim_file_places(const char *path, char **place, char **writing);

/* Makes a folder and what leads to it; one that is there already is fine. */
SimStatus sim_folder_make(const char *path);
