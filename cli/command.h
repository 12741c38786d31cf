/* cli/command.h: one command of the program.
 *
 * A command is one file in cli/ that ends in one const CliCommand, listed once in
 * cli/meson.build. It is thin: arguments in, exit code out. */
#pragma once

#include <argp.h>

#include "sim/status.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 }; /* exit codes */

typedef struct CliCommand {
    const char *name, *arguments, *summary;
    /* argv[0] is the whole name, "apical data info". Returns the exit code. */
    int (*run)(int argc, char **argv);
} CliCommand;

extern const CliCommand *const cli_commands[]; /* ends with NULL */

/* Runs the one of a NULL-terminated list that argv[1] names; "--help" prints the list.
 * `name` is what stands before it, "apical" or "apical data". */
int cli_dispatch(const char *name, const char *about, const CliCommand *const *commands,
                 int argc, char **argv);

/* Parses by GNU conventions; a wrong use prints one sentence and exits with CLI_USAGE. */
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Prints the sentence of the last failure after `name`; returns CLI_FAILED. */
int cli_failed(const char *name);
