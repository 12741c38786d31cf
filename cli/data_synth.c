/* cli/data_synth.c: "apical data synth": images to event recordings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data_internal.h"
#include "cli/human.h"
#include "cli/progress.h"
#include "datasets/synth.h"

typedef struct Arguments {
    const char *images, *folder;
    DataSynthOptions options;
    int n_threads;
} Arguments;

enum { KEY_OPTION = 0x1000 }; /* + row of data_synth_options */

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    if (key >= KEY_OPTION && key < KEY_OPTION + 0x1000) {
        const SimOption *const row = &data_synth_options[key - KEY_OPTION];
        if (sim_option_set(data_synth_options, &arguments->options, row->name, text) !=
            SIM_OK)
            argp_error(state, "%s", sim_message());
        return 0;
    }
    switch (key) {
    case 'j': {
        char *end;
        const long n = strtol(text, &end, 10);
        if (*end || n < 0 || n > 1024)
            argp_error(state, "--threads wants a number from 0 to 1024, not \"%s\"",
                       text);
        arguments->n_threads = (int)n;
        return 0;
    }
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->images = text;
        else if (state->arg_num == 1)
            arguments->folder = text;
        else
            argp_error(state, "wanted IMAGES and FOLDER, not more");
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_error(state, "wanted IMAGES and FOLDER");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* One --long-option per row, with dashes for underscores. Both arrays are static in size:
 * the table is ours. */
enum { MAX_ROWS = 40, WORD = 40, HELP = 200 };
typedef struct Texts {
    char names[MAX_ROWS][WORD], helps[MAX_ROWS][HELP];
    struct argp_option options[MAX_ROWS + 2];
} Texts;

static void options_from_rows(const DataSynthOptions *initial, Texts *texts)
{
    size_t n = 0;
    for (; data_synth_options[n].name && n < MAX_ROWS; n++) {
        const SimOption *const row = &data_synth_options[n];
        char value[64];
        snprintf(texts->names[n], WORD, "%s", row->name);
        for (char *at = texts->names[n]; *at; at++)
            if (*at == '_')
                *at = '-';
        if (row->type == SIM_OPTION_FLOAT)
            snprintf(value, sizeof value, "%g", row->initial);
        else
            sim_option_print(row, initial, value, sizeof value);
        snprintf(texts->helps[n], HELP, "%s%s%s%s", row->help, *value ? " (" : "", value,
                 *value ? ")" : "");
        texts->options[n] = (struct argp_option){
            texts->names[n], KEY_OPTION + (int)n, "VALUE", 0, texts->helps[n], 0};
    }
    texts->options[n++] = (struct argp_option){
        "threads", 'j', "N", 0, "threads to use, 0 for all; the bytes are the same", 0};
    texts->options[n] = (struct argp_option){0};
}

static int run(int argc, char **argv)
{
    Arguments arguments = {0};
    Texts texts = {0};
    sim_options_init(data_synth_options, &arguments.options);
    options_from_rows(&arguments.options, &texts);
    const struct argp argp = {
        texts.options,
        parse,
        "IMAGES FOLDER",
        "Moves each image along a closed loop in front of a modelled event camera "
        "(DVS128) and writes what it sees, the way CIFAR10-DVS was made: one AEDAT 2.0 "
        "file per image, in one folder per class. IMAGES is anything \"apical data "
        "list\" understands as images. Stopped, it goes on where it was.",
        NULL,
        NULL,
        NULL};
    cli_parse(&argp, argc, argv, &arguments);

    CliProgress progress;
    DataSynthReport report = {0};
    cli_progress_start(&progress, "recordings");
    const SimStatus status =
        data_synth_folder(arguments.images, arguments.folder, &arguments.options,
                          arguments.n_threads, cli_progress_step, &progress, &report);
    const double seconds = cli_progress_end(&progress);
    if (status != SIM_OK)
        return cli_failed(argv[0]);
    CliHuman a, b, c;
    printf("%s: %s recordings of %zu classes", arguments.folder,
           cli_human_digits(a, report.recordings), report.classes);
    if (report.kept > 0)
        printf(" (%s were there)", cli_human_digits(b, report.kept));
    if (report.recordings > report.kept)
        printf(", %sevents, threshold %.3g, made in %s",
               cli_human_count(b, (double)report.events), report.threshold,
               cli_human_seconds(c, seconds));
    putchar('\n');
    return CLI_OK;
}

const CliCommand cli_data_synth = {
    .name = "synth",
    .arguments = "IMAGES FOLDER",
    .summary = "event recordings made from images, as CIFAR10-DVS was",
    .run = run,
};
