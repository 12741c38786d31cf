/* cli/data_convert.c: "apical data convert": a recording to another format, or a set to
 * its frame cache. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data_internal.h"
#include "cli/human.h"
#include "cli/progress.h"
#include "datasets/aedat2_write.h"
#include "sim/file.h"

enum { MAX_SETTINGS = 64, SLICE = 1 << 14 };

typedef struct Arguments {
    const char *in, *out;
    const char *to;
    int axes; /* -1: not said */
    int n_threads;
    const char *settings[MAX_SETTINGS];
    size_t n_settings;
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 'a':
        arguments->axes = cli_axes_parse(text, state);
        return 0;
    case 't':
        if (strcmp(text, "text") != 0 && strcmp(text, "aedat2") != 0)
            argp_error(state, "--to wants text or aedat2, not \"%s\"", text);
        arguments->to = text;
        return 0;
    case 's':
        if (arguments->n_settings == MAX_SETTINGS)
            argp_error(state, "at most %d --set", MAX_SETTINGS);
        arguments->settings[arguments->n_settings++] = text;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->in = text;
        else if (state->arg_num == 1)
            arguments->out = text;
        else
            argp_error(state, "wanted IN and OUT, not more");
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num == 0)
            argp_error(state, "wanted a recording and a name for the new one, or a set");
        if (!arguments->out && (arguments->to || arguments->axes >= 0))
            argp_error(state, "--to and --axes are for a recording and its new name OUT; "
                              "frames of a set go by --set");
        if (arguments->out && arguments->n_settings)
            argp_error(state, "--set is for the frames of a set, not for a recording");
        if (!arguments->to)
            arguments->to = "text";
        if (arguments->axes < 0)
            arguments->axes = DATA_AXES_JAER;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- a recording -------------------------------------------------------------------- */

static SimStatus to_text(DataFile *file, const char *path, uint64_t *n_all)
{
    SimStatus status = SIM_OK;
    SimFile to = {0};
    DataEvent *const events = malloc(SLICE * sizeof *events);
    if (!events)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for events", path);
    SIM_TRY(sim_file_create(path, &to));
    *n_all = 0;
    for (;;) {
        size_t n = 0;
        SIM_TRY(file->reader->next_events(file, SLICE, events, &n));
        if (n == 0)
            break;
        for (size_t i = 0; i < n; i++)
            fprintf(to.stream, "%u %u %" PRId64 " %u\n", events[i].x, events[i].y,
                    events[i].t_us, events[i].on ? 1u : 0u);
        *n_all += n;
    }
    status = sim_file_finish(&to);
out:
    sim_file_destroy(&to);
    free(events);
    return status;
}

static SimStatus to_aedat2(DataFile *file, const char *path, DataAxes axes,
                           uint64_t *n_all)
{
    DataEvent *events = NULL;
    size_t n = 0;
    SimStatus status = data_file_read_events(file, 0, &events, &n);
    if (status == SIM_OK)
        status = data_aedat2_write(path, axes, events, n);
    free(events);
    *n_all = n;
    return status;
}

static int convert_file(const char *name, const Arguments *arguments)
{
    DataFile *file = NULL;
    uint64_t n = 0;
    SimStatus status = SIM_OK;
    SIM_TRY(data_file_open(arguments->in, (DataAxes)arguments->axes, &file));
    if (file->info.kind != DATA_EVENTS) {
        status = sim_fail(SIM_ERR_FORMAT,
                          "%s: holds images (%s), wanted were events; \"apical data "
                          "synth\" makes events of images",
                          arguments->in, file->info.format);
        goto out;
    }
    SIM_TRY(strcmp(arguments->to, "text") == 0
                ? to_text(file, arguments->out, &n)
                : to_aedat2(file, arguments->out, (DataAxes)arguments->axes, &n));
    CliHuman text;
    printf("%s: %s events, %s to %s\n", arguments->out, cli_human_digits(text, n),
           file->info.format, arguments->to);
out:
    data_file_close(file);
    return status == SIM_OK ? CLI_OK : cli_failed(name);
}

/* --- a set -------------------------------------------------------------------------- */

/* "data.steps=8" or "steps=8" */
static SimStatus set_option(DataOptions *options, const char *setting)
{
    char key[64];
    const char *from = strncmp(setting, "data.", 5) == 0 ? setting + 5 : setting;
    const char *const equal = strchr(from, '=');
    if (!equal || (size_t)(equal - from) >= sizeof key)
        return sim_fail(SIM_ERR_VALUE, "--set wants KEY=VALUE, not \"%s\"", setting);
    memcpy(key, from, (size_t)(equal - from));
    key[equal - from] = '\0';
    return sim_option_set(data_options, options, key, equal + 1);
}

static int convert_set(char *name, const Arguments *arguments)
{
    SimStatus status = SIM_OK;
    DataOptions options;
    DataSet set = {0};
    CliProgress progress;
    CliHuman a, b;
    sim_options_init(data_options, &options);
    SIM_TRY(sim_option_set(data_options, &options, "path", arguments->in));
    for (size_t i = 0; i < arguments->n_settings; i++)
        SIM_TRY(set_option(&options, arguments->settings[i]));
    SIM_TRY(cli_set_open(&options, name, &set));
    cli_progress_start(&progress, "recordings");
    status = data_set_prepare(&set, arguments->n_threads, cli_progress_step, &progress);
    const double seconds = cli_progress_end(&progress);
    if (status != SIM_OK)
        goto out;
    printf("%s: %s samples of [%zu,%zu,%zu,%zu] are in the frame cache (%s)\n",
           arguments->in, cli_human_digits(a, set.n_samples), set.steps, set.h, set.w,
           set.c, cli_human_seconds(b, seconds));
out:
    data_set_close(&set);
    return status == SIM_OK ? CLI_OK : cli_failed(name);
}

static int run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"to", 't', "FORMAT", 0, "text (x y t p, one event a line, default) or aedat2",
         0},
        {"axes", 'a', "NAME", 0, "orientation of AEDAT 2.0 files: jaer or spikingjelly",
         0},
        {"set", 's', "KEY=VALUE", 0,
         "a setting of the set, as under data: in an experiment, e.g. steps=10", 0},
        {0}};
    static const struct argp argp = {
        options,
        parse,
        "RECORDING OUT\nSET",
        "With two arguments: the events of a recording, in another format. With one: "
        "decodes every recording of a set into the frame cache, so that training starts "
        "at once.",
        NULL,
        NULL,
        NULL};
    Arguments arguments = {.axes = -1};
    cli_parse(&argp, argc, argv, &arguments);
    return arguments.out ? convert_file(argv[0], &arguments)
                         : convert_set(argv[0], &arguments);
}

const CliCommand cli_data_convert = {
    .name = "convert",
    .arguments = "RECORDING OUT | SET",
    .summary = "events to text or AEDAT 2.0; a set to its frame cache",
    .run = run,
};
