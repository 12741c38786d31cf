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

/* Threads that wait for each other by spinning, even shortly (GOMP_SPINCOUNT=5000), make
 * a step online a fifth faster on two idle cores (1.8 instead of 2.2 ms, S-ResNet-38).
 * With one other program at work they take the processor from those who compute: 10
 * instead of 3.3 ms, a training step 0.61 instead of 0.41 s. Who has the machine alone
 * sets the variable. The runtime reads it once, before main, so we start again. */
static void wait_without_spinning(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0)
        execv("/proc/self/exe", argv); /* where it fails, we go on as we are */
}

/* At every exit, also of argp, which prints help and leaves by itself. */
static void check_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fputs("apical: what it prints cannot be written (is the disk full?)\n", stderr);
    _exit(CLI_FAILED);
}

int main(int argc, char **argv)
{
    wait_without_spinning(argv);
    atexit(check_output);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("apical " APICAL_VERSION);
        return CLI_OK;
    }
    return cli_dispatch("apical",
                        "Simulates and trains networks of spiking, capsule and dendritic "
                        "neurons.",
                        cli_commands, argc, argv);
}
