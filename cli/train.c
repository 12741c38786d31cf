/* cli/train.c: "apical train": an experiment to a run folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "cli/trainer.h"
#include "sim/file.h"

typedef struct Arguments {
    CliStart start;
    CliSettings settings;
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 's':
        cli_settings_add(&arguments->settings, text, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->start.resume && arguments->start.out)
            argp_error(state, "a resumed run stays in its folder: leave --out away");
        break;
    default:
        break;
    }
    return cli_start_parse(&arguments->start, "RUN", key, text, state);
}

static const struct argp_option options[] = {
    CLI_SETTINGS_OPTION,
    {"out", 'o', "DIR", 0, "run folder (runs/NAME of the experiment, numbered)", 0},
    {"resume", 'r', "RUN", 0, "go on with a run that was interrupted", 0},
    {0},
};
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "EXPERIMENT.yaml\n--resume RUN",
    .doc =
        "Trains a network. The run folder gets experiment.yaml (all settings), "
        "log.jsonl, "
        "last.h5, best.h5 and plots/. Ctrl-C saves; --resume goes on, to the same bits.",
};

/* runs/NAME, runs/NAME-2, ...: the first that is not there. */
static void default_folder(const char *experiment, char *out, size_t size)
{
    struct stat info;
    const char *name = strrchr(experiment, '/');
    name = name ? name + 1 : experiment;
    const int length = (int)strcspn(name, ".");
    snprintf(out, size, "runs/%.*s", length, name);
    for (int i = 2; stat(out, &info) == 0; i++)
        snprintf(out, size, "runs/%.*s-%d", length, name, i);
}

static SimStatus check_new(const char *folder)
{
    char last[1100];
    struct stat info;
    snprintf(last, sizeof last, "%s/last.h5", folder);
    if (stat(last, &info) == 0)
        return sim_fail(
            SIM_ERR_VALUE,
            "%s holds a run already: go on with --resume %s, or choose another --out",
            folder, folder);
    return sim_folder_make(folder);
}

/* A run that died before its first checkpoint starts again from its settings. */
static SimStatus find_run(const char *folder, char *model, size_t size, bool *has_state)
{
    snprintf(model, size, "%s/last.h5", folder);
    *has_state = access(model, F_OK) == 0;
    if (*has_state)
        return SIM_OK;
    snprintf(model, size, "%s/experiment.yaml", folder);
    if (access(model, F_OK) == 0)
        return SIM_OK;
    return sim_fail(SIM_ERR_IO,
                    "%s: no run to go on with: wanted a folder with last.h5, as \"apical "
                    "train\" writes it",
                    folder);
}

/* Two trainings in one folder would take each other's files away. The lock is on the
 * folder itself and ends with the process; where folders cannot be locked, none is held.
 */
static SimStatus take_folder(const char *folder, int *lock)
{
    *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", folder, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return sim_fail(SIM_ERR_IO,
                        "%s: another training writes into this folder: wait for it, or "
                        "choose another --out",
                        folder);
    return SIM_OK;
}

static int run(int argc, char **argv)
{
    Arguments arguments = {0};
    SimStatus status = SIM_OK;
    CliSession session = {0};
    CliProgress progress;
    char folder[1024], model[1100];
    bool resume = false;
    int lock = -1;
    cli_parse(&argp, argc, argv, &arguments);
    if (arguments.start.resume) {
        snprintf(folder, sizeof folder, "%s", arguments.start.resume);
        SIM_TRY(find_run(folder, model, sizeof model, &resume));
        SIM_TRY(take_folder(folder, &lock));
    } else {
        snprintf(model, sizeof model, "%s", arguments.start.experiment);
        if (arguments.start.out)
            snprintf(folder, sizeof folder, "%s", arguments.start.out);
        else
            default_folder(arguments.start.experiment, folder, sizeof folder);
    }
    SIM_TRY(cli_session_open(model, arguments.settings.rows, arguments.settings.n,
                             CLI_NEED_DATA, cli_warn, argv[0], &session));
    cli_progress_start(&progress, "samples");
    SIM_TRY(data_set_prepare(&session.set, session.context.team.n_threads,
                             cli_progress_step, &progress));
    cli_progress_end(&progress);
    if (!arguments.start.resume) {
        SIM_TRY(check_new(folder));
        SIM_TRY(take_folder(folder, &lock));
    }
    SIM_TRY(cli_train(&session, folder, resume));
out:
    cli_session_close(&session);
    if (lock >= 0)
        close(lock);
    return status == SIM_OK ? CLI_OK : cli_failed("apical train");
}

const CliCommand cli_command_train = {
    .name = "train",
    .arguments = "EXPERIMENT.yaml | --resume RUN",
    .summary = "train a network, with checkpoints and plots",
    .run = run,
};
