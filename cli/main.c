/* cli/main.c: the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

#define COMMAND(name) extern const CliCommand cli_command_##name;
#include "cli/commands.inc"
#undef COMMAND

const CliCommand *const cli_commands[] = {
#define COMMAND(name) &cli_command_##name,
#include "cli/commands.inc"
#undef COMMAND
    NULL};

/* Threads that wait for each other by spinning are a little faster on an idle machine; on
 * a shared one they take the processor from those who compute, and a training step lasts
 * twenty times as long. The runtime reads this once, before main, so we start again. */
static void wait_without_spinning(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0)
        execv("/proc/self/exe", argv); /* where it fails, we go on as we are */
}

int main(int argc, char **argv)
{
    wait_without_spinning(argv);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("apical " APICAL_VERSION);
        return CLI_OK;
    }
    return cli_dispatch("apical",
                        "Simulates and trains networks of spiking neurons on recordings "
                        "of event cameras.",
                        cli_commands, argc, argv);
}
