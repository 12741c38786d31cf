/* cli/main.c: the program. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

#define COMMAND(name) extern const CliCommand cli_command_##name;
#include "cli/commands.inc"
#undef COMMAND

const CliCommand *const cli_commands[] = {
#define COMMAND(name) &cli_command_##name,
#include "cli/commands.inc"
#undef COMMAND
    NULL};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("apical " APICAL_VERSION);
        return CLI_OK;
    }
    return cli_dispatch("apical",
                        "Simulates and trains networks of spiking neurons on recordings "
                        "of event cameras.",
                        cli_commands, argc, argv);
}
