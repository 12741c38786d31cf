/* cli/data_internal.h: the subcommands of "apical data". */
#pragma once

#include "cli/command.h"
#include "cli/files.h"
#include "datasets/dataset.h"

extern const CliCommand cli_data_list, cli_data_info, cli_data_verify, cli_data_convert,
    cli_data_synth;

/* --- what several of them need ------------------------------------------------------ */

/* "spikingjelly" or "jaer"; ends the program on another word, as argp does. */
int cli_axes_parse(const char *word, struct argp_state *state);

/* Opens a set; warnings go to stderr behind `name`. Most sets of recordings come without
 * a split: then `split` becomes one that papers use. */
SimStatus cli_set_open(DataOptions *options, char *name, DataSet *out);
