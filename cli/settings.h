/* cli/settings.h: "--set section.key=value", for every command that opens a session, and
 * what a command starts from. */
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

/* What a command starts from: an experiment, or a folder of its own to go on with. */
typedef struct CliStart {
    const char *experiment, *out, *resume; /* borrowed from argv */
} CliStart;

/* Takes "-o OUT", "-r FOLDER", the experiment, and at the end sees that there is one of
 * the two, which `what` names ("RUN"). */
error_t cli_start_parse(CliStart *start, const char *what, int key, const char *text,
                        struct argp_state *state);

/* Prints a warning after the name of the command; the callback of cli_session_open. */
void cli_warn(void *name, const char *sentence);
