/* cli/terminal.h: a line that is rewritten in place, where there is a terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

bool cli_is_terminal(FILE *stream);
size_t cli_terminal_columns(FILE *stream); /* 80 where nobody knows */

/* A bar of `width` columns into `buffer` (3 bytes a column and the end); thick up to
 * `share` (0 to 1). Plain letters where the locale is not UTF-8. Returns `buffer`. */
const char *cli_terminal_bar(char *buffer, size_t size, double share, size_t width);

/* Columns that a text takes on the screen. */
size_t cli_terminal_width(const char *text);
