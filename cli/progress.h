/* cli/progress.h: a bar for work that is counted, on standard error.
 *
 * On a terminal one line, rewritten a few times a second; in a file nothing until the
 * end. Interrupting (Ctrl-C) is left to the caller's return value. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct CliProgress {
    const char *what; /* "recordings" */
    double started_s, drawn_s;
    bool is_terminal;
} CliProgress;

void cli_progress_start(CliProgress *progress, const char *what);
/* As the callbacks of the library want it; always returns true. */
bool cli_progress_step(void *progress, size_t done, size_t of);
double cli_progress_end(CliProgress *progress); /* clears the line; seconds it took */
