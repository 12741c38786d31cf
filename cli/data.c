/* cli/data.c: "apical data": what is there, what is in a file, checking, converting. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

bool cli_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The C locale, whatever the user's: the order is part of what we promise. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

SimStatus cli_walk(const char *path, SimStatus (*visit)(void *argument, const char *path),
                   void *argument)
{
    SimStatus status = SIM_OK;
    struct stat about;
    struct dirent **entries = NULL;
    int n = 0;
    if (stat(path, &about) != 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return visit(argument, path);
    n = scandir(path, &entries, visible, by_bytes);
    if (n < 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        const size_t size = strlen(path) + strlen(entries[i]->d_name) + 2;
        char *const below = malloc(size);
        if (!below) {
            status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for its names", path);
            goto out;
        }
        const size_t end = strlen(path);
        snprintf(below, size, "%s%s%s", path, end > 0 && path[end - 1] == '/' ? "" : "/",
                 entries[i]->d_name);
        status = cli_walk(below, visit, argument);
        free(below);
        if (status != SIM_OK)
            goto out;
    }
out:
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return status;
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
