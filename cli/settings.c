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
