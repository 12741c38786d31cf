/* cli/settings.c: see settings.h. */
#include "cli/settings.h"

#include <stdio.h>

void cli_settings_add(CliSettings *settings, const char *text, struct argp_state *state)
{
    if (settings->n == CLI_MAX_SETTINGS)
        argp_error(state, "more than %d settings", CLI_MAX_SETTINGS);
    settings->rows[settings->n++] = text;
}

void cli_warn(void *name, const char *sentence)
{
    fprintf(stderr, "%s: warning: %s\n", (const char *)name, sentence);
}

error_t cli_start_parse(CliStart *start, const char *what, int key, const char *text,
                        struct argp_state *state)
{
    switch (key) {
    case 'o':
        start->out = text;
        return 0;
    case 'r':
        start->resume = text;
        return 0;
    case ARGP_KEY_ARG:
        if (start->experiment)
            argp_error(state, "one experiment at a time: what is \"%s\"?", text);
        start->experiment = text;
        return 0;
    case ARGP_KEY_END:
        if (!start->experiment == !start->resume)
            argp_error(state, "give an EXPERIMENT.yaml, or --resume %s", what);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
