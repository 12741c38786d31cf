/* cli/files.h: folders, and files that are whole or not there. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/status.h"

enum { CLI_PATH_SIZE = 1024 };

/* Makes a folder and what leads to it; one that is there already is fine. */
SimStatus cli_folder_make(const char *path);

/* "folder/name" into `out`, or a failure where that is too long. */
SimStatus cli_path_join(const char *folder, const char *name, char out[CLI_PATH_SIZE]);

bool cli_is_folder(const char *path);

/* scandir without hidden entries, in the order of the bytes of names. */
int cli_scan(const char *path, struct dirent ***entries);

/* Calls visit(argument, path) for each file below `path` in the order of names, hidden
 * ones aside; a plain file is visited itself. Stops at the first failure. */
SimStatus cli_walk(const char *path, SimStatus (*visit)(void *argument, const char *path),
                   void *argument);

/* A file that is read again after a crash: written beside its place under `temporary`,
 * then brought to the disk and renamed. cli_file_begin gives NULL where it cannot be
 * opened; cli_file_end takes that, closes, and says what went wrong. */
FILE *cli_file_begin(const char *path, char *temporary, size_t size);
SimStatus cli_file_end(FILE *to, const char *temporary, const char *path);

/* All of a text of at most `limit` bytes, ended by a zero; *out is owned by the caller.
 */
SimStatus cli_file_text(const char *path, size_t limit, char **out);
