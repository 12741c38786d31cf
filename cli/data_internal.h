/* cli/data_internal.h: the subcommands of "apical data". */
#pragma once

#include "cli/command.h"
#include "datasets/dataset.h"

extern const CliCommand cli_data_list, cli_data_info, cli_data_verify, cli_data_convert,
    cli_data_synth;

/* --- what several of them need ------------------------------------------------------ */

/* "spikingjelly" or "jaer"; ends the program on another word, as argp does. */
int cli_axes_parse(const char *word, struct argp_state *state);

/* Calls visit(argument, path) for each file below `path` in the order of names, hidden
 * ones aside; a plain file is visited itself. Stops at the first failure. */
SimStatus cli_walk(const char *path, SimStatus (*visit)(void *argument, const char *path),
                   void *argument);

bool cli_is_folder(const char *path);

/* Opens a set; warnings go to stderr behind `name`. Most sets of recordings come without
 * a split: then `split` becomes one that papers use. */
SimStatus cli_set_open(DataOptions *options, char *name, DataSet *out);
