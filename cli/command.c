/* cli/command.c: finding and starting a command. */
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/option.h"

int cli_failed(const char *name)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", name, sim_message());
    return CLI_FAILED;
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    argp_err_exit_status = CLI_USAGE;
    /* With these flags argp prints and exits by itself on --help and on a wrong use. */
    if (argp_parse(argp, argc, argv, 0, NULL, input) != 0)
        exit(CLI_USAGE);
}

static void print_list(const char *name, const char *about,
                       const CliCommand *const *commands)
{
    int widest = 0;
    for (size_t i = 0; commands[i]; i++) {
        const int length =
            (int)(strlen(commands[i]->name) + strlen(commands[i]->arguments));
        widest = length > widest && length < 40 ? length : widest;
    }
    printf("%s\n\n", about);
    for (size_t i = 0; commands[i]; i++) {
        const int used =
            printf("  %s %s %s", name, commands[i]->name, commands[i]->arguments);
        const int column = (int)strlen(name) + widest + 6;
        if (used >= column)
            printf("\n%*s", column, "");
        else
            printf("%*s", column - used, "");
        printf("%s\n", commands[i]->summary);
    }
    printf("\n\"%s COMMAND --help\" says more about one of them.\n", name);
}

int cli_dispatch(const char *name, const char *about, const CliCommand *const *commands,
                 int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_list(name, about, commands);
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    const char *names[64];
    size_t n = 0;
    for (; commands[n] && n + 1 < sizeof names / sizeof *names; n++) {
        names[n] = commands[n]->name;
        if (strcmp(argv[1], commands[n]->name) != 0)
            continue;
        char whole[96];
        snprintf(whole, sizeof whole, "%s %s", name, commands[n]->name);
        argv[1] = whole;
        return commands[n]->run(argc - 1, argv + 1);
    }
    names[n] = NULL;
    sim_unknown(argv[1], names, NULL, "unknown command");
    cli_failed(name);
    return CLI_USAGE;
}
