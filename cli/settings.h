/* cli/settings.h: "--set section.key=value", for every command that opens a session. */
#pragma once

#include <argp.h>
#include <stddef.h>

enum { CLI_MAX_SETTINGS = 64 };

typedef struct CliSettings {
    const char *rows[CLI_MAX_SETTINGS]; /* borrowed from argv */
    size_t n;
} CliSettings;

/* For argp_option tables: the row, and what its parser calls. */
#define CLI_SETTINGS_OPTION                                                              \
    {                                                                                    \
        "set", 's', "KEY=VALUE", 0, "change a setting, as in --set train.epochs=5", 0    \
    }
void cli_settings_add(CliSettings *settings, const char *text, struct argp_state *state);

/* Prints a warning after the name of the command; the callback of cli_session_open. */
void cli_warn(void *name, const char *sentence);
