/* cli/files.h: names in folders, and texts; sim/file.h writes. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/status.h"

enum { CLI_PATH_SIZE = 1024 };

/* "folder/name" into `out`, or a failure where that is too long. */
SimStatus cli_path_join(const char *folder, const char *name, char out[CLI_PATH_SIZE]);

bool cli_is_folder(const char *path);

/* scandir without hidden entries, in the order of the bytes of names. */
int cli_scan(const char *path, struct dirent ***entries);

/* Calls visit(argument, path) for each file below `path` in the order of names, hidden
 * ones aside; a plain file is visited itself. Stops at the first failure. */
SimStatus cli_walk(const char *path, SimStatus (*visit)(void *argument, const char *path),
                   void *argument);

/* All of a text of at most `limit` bytes, ended by a zero; *out is owned by the caller.
 */
SimStatus cli_file_text(const char *path, size_t limit, char **out);
