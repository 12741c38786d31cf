/* cli/data.c: "apical data": what is there, what is in a file, checking, converting. */
#include <stdio.h>
#include <string.h>

#include "cli/data_internal.h"

int cli_axes_parse(const char *word, struct argp_state *state)
{
    if (strcmp(word, "spikingjelly") == 0)
        return DATA_AXES_SPIKINGJELLY;
    if (strcmp(word, "jaer") == 0)
        return DATA_AXES_JAER;
    argp_error(state, "--axes wants spikingjelly or jaer, not \"%s\"", word);
    return DATA_AXES_JAER;
}

static void warn(void *argument, const char *sentence)
{
    fprintf(stderr, "%s: warning: %s\n", (const char *)argument, sentence);
}

SimStatus cli_set_open(DataOptions *options, char *name, DataSet *out)
{
    DataSet given = {0};
    if (options->split == DATA_SPLIT_GIVEN &&
        data_set_open(options, NULL, NULL, &given) != SIM_OK)
        options->split = DATA_SPLIT_SPIKINGJELLY;
    data_set_close(&given);
    return data_set_open(options, warn, name, out);
}

static int run(int argc, char **argv)
{
    static const CliCommand *const commands[] = {&cli_data_list,   &cli_data_info,
                                                 &cli_data_verify, &cli_data_convert,
                                                 &cli_data_synth,  NULL};
    return cli_dispatch("apical data", "Event recordings and image sets.", commands, argc,
                        argv);
}

const CliCommand cli_command_data = {
    .name = "data",
    .arguments = "list|info|verify|convert|synth ...",
    .summary = "what is in recordings and sets; check, convert, synthesise them",
    .run = run,
};
