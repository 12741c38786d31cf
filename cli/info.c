/* cli/info.c: "apical info": a net before anything is run. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/human.h"
#include "cli/netinfo.h"
#include "cli/session.h"
#include "cli/settings.h"

typedef struct Arguments {
    const char *model;
    CliSettings settings;
    long batch;
    double rate;
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    char *end;
    switch (key) {
    case 's':
        cli_settings_add(&arguments->settings, text, state);
        return 0;
    case 'b':
        arguments->batch = strtol(text, &end, 10);
        if (*end || arguments->batch < 1 || arguments->batch > 65536)
            argp_error(state, "--batch wants a number from 1 to 65536, not \"%s\"", text);
        return 0;
    case 'r':
        arguments->rate = strtod(text, &end) / 100;
        if (*end || !(arguments->rate >= 0 && arguments->rate <= 1))
            argp_error(state, "--rate wants a percentage from 0 to 100, not \"%s\"",
                       text);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->model)
            argp_error(state, "wanted one model, not more");
        arguments->model = text;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->model)
            argp_error(state, "wanted an experiment, a run or a checkpoint");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        CLI_SETTINGS_OPTION,
        {"batch", 'b', "N", 0, "samples at once, where not that of the experiment", 0},
        {"rate", 'r', "PERCENT", 0,
         "share of neuron-steps that fire, assumed for synaptic operations (10)", 0},
        {0}};
    static const struct argp argp = {
        options,
        parse,
        "MODEL",
        "Prints layers, shapes, parameters, operations, and the memory that training "
        "and simulating would take. MODEL is an experiment, a run folder or a "
        "checkpoint. Nothing is run.",
        NULL,
        NULL,
        NULL};
    Arguments arguments = {.rate = 0.1};
    cli_parse(&argp, argc, argv, &arguments);

    CliSession session;
    if (cli_session_open(arguments.model, arguments.settings.rows, arguments.settings.n,
                         CLI_NEED_NET, cli_warn, argv[0], &session) != SIM_OK)
        return cli_failed(argv[0]);
    CliHuman text;
    printf("%s: %s, %s%zu x %zu x %zu %s, %zu steps, %zu classes, %s parameters\n\n",
           session.source, session.experiment.model->name,
           session.trained ? "trained, " : "", session.input.h, session.input.w,
           session.input.c, session.input.constant ? "images" : "frames",
           session.input.steps, session.input.classes,
           cli_human_digits(text, session.params.n_trained));
    CliNetInfo info = {
        .graph = &session.graph,
        .params = &session.params,
        .context = &session.context,
        .training = cli_training_plan(&session.experiment.train, session.input.steps),
        .rate = arguments.rate,
    };
    if (arguments.batch)
        info.training.batch = (size_t)arguments.batch;
    const SimStatus status = cli_netinfo_print(stdout, &info);
    cli_session_close(&session);
    return status == SIM_OK ? CLI_OK : cli_failed(argv[0]);
}

const CliCommand cli_command_info = {
    .name = "info",
    .arguments = "MODEL",
    .summary = "layers, shapes, parameters, operations, memory before training",
    .run = run,
};
