/* cli/sim.c: "apical sim": one recording or image through a net, step by step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/human.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "cli/simulate.h"
#include "cli/stimulus.h"

enum { MAX_POTENTIALS = 4096, STEPS_SHOWN = 40, KEY_FRAMES = 0x100 };

typedef struct Arguments {
    const char *model, *input;
    const char *record, *layers, *potentials, *plots;
    CliSettings settings;
    char steps[64], frames[64];
    bool quiet;
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case 's':
        cli_settings_add(&arguments->settings, text, state);
        return 0;
    case 'n':
        snprintf(arguments->steps, sizeof arguments->steps, "data.steps=%.40s", text);
        cli_settings_add(&arguments->settings, arguments->steps, state);
        return 0;
    case KEY_FRAMES:
        snprintf(arguments->frames, sizeof arguments->frames, "data.frames=%.40s", text);
        cli_settings_add(&arguments->settings, arguments->frames, state);
        return 0;
    case 'r':
        arguments->record = text;
        return 0;
    case 'l':
        arguments->layers = text;
        return 0;
    case 'v':
        arguments->potentials = text;
        return 0;
    case 'p':
        arguments->plots = text;
        return 0;
    case 'q':
        arguments->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->model = text;
        else if (state->arg_num == 1)
            arguments->input = text;
        else
            argp_error(state, "wanted MODEL and INPUT, not more");
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_error(state, "wanted MODEL and INPUT");
        if (!arguments->record && (arguments->layers || arguments->potentials))
            argp_error(state, "--layers and --potentials choose what --record writes");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- what is recorded --------------------------------------------------------------- */

typedef struct Chosen {
    CliRecordingLayer *layers; /* owned */
    size_t n_layers;
    int *recorded;      /* [n_nodes], owned */
    bool *potentials;   /* [n_nodes], owned */
    uint64_t **neurons; /* [n_nodes][n], owned */
    size_t *n_neurons;  /* [n_nodes], owned */
    const char **names; /* neuron layers, NULL-terminated, owned */
    size_t n_nodes;
} Chosen;

static void chosen_destroy(Chosen *chosen)
{
    for (size_t i = 0; chosen->neurons && i < chosen->n_nodes; i++)
        free(chosen->neurons[i]);
    free(chosen->layers);
    free(chosen->recorded);
    free(chosen->potentials);
    free(chosen->neurons);
    free(chosen->n_neurons);
    free(chosen->names);
}

static bool is_neurons(const NetNode *node)
{
    return node->layer && strcmp(node->layer->name, "neuron") == 0;
}

static SimStatus find_layer(const NetGraph *graph, const Chosen *chosen, const char *name,
                            size_t *node)
{
    const int found = net_graph_find(graph, name);
    if (found >= 0 && is_neurons(&graph->nodes[found])) {
        *node = (size_t)found;
        return SIM_OK;
    }
    return sim_unknown(name, chosen->names, "\"apical info\" lists them",
                       "no layer of neurons is called");
}

static SimStatus choose_layers(const NetGraph *graph, const char *list, Chosen *chosen)
{
    SimStatus status = SIM_OK;
    if (!list || strcmp(list, "all") == 0) {
        for (size_t i = 0; i < graph->n_nodes; i++)
            chosen->recorded[i] = is_neurons(&graph->nodes[i]) ? 1 : -1;
        return SIM_OK;
    }
    char *const copy = strdup(list), *save = NULL;
    if (!copy)
        return sim_fail(SIM_ERR_MEMORY, "--layers: no memory");
    for (char *name = strtok_r(copy, ",", &save); name;
         name = strtok_r(NULL, ",", &save)) {
        size_t node = 0;
        SIM_TRY(find_layer(graph, chosen, name, &node));
        chosen->recorded[node] = 1;
    }
out:
    free(copy);
    return status;
}

/* "block1.neuron2:17,block1.neuron2:20-29" */
static SimStatus choose_potentials(const NetGraph *graph, const char *list,
                                   Chosen *chosen)
{
    SimStatus status = SIM_OK;
    char *const copy = strdup(list ? list : ""), *save = NULL;
    if (!copy)
        return sim_fail(SIM_ERR_MEMORY, "--potentials: no memory");
    for (char *item = strtok_r(copy, ",", &save); item;
         item = strtok_r(NULL, ",", &save)) {
        char *const colon = strrchr(item, ':'), *end = colon;
        size_t node = 0;
        unsigned long long first = 0, last = 0;
        if (colon) {
            last = first = strtoull(colon + 1, &end, 10);
            if (*end == '-')
                last = strtoull(end + 1, &end, 10);
        }
        if (!colon || end == colon + 1 || *end || last < first) {
            status = sim_fail(SIM_ERR_VALUE,
                              "--potentials: \"%s\": wanted LAYER:NUMBER or "
                              "LAYER:FIRST-LAST",
                              item);
            goto out;
        }
        *colon = '\0';
        SIM_TRY(find_layer(graph, chosen, item, &node));
        const size_t count = (size_t)(last - first) + 1, n = chosen->n_neurons[node];
        if (count > MAX_POTENTIALS || n + count > MAX_POTENTIALS) {
            status = sim_fail(SIM_ERR_VALUE, "--potentials: at most %d membranes of %s",
                              MAX_POTENTIALS, item);
            goto out;
        }
        uint64_t *const grown =
            realloc(chosen->neurons[node], (n + count) * sizeof *grown);
        if (!grown) {
            status = sim_fail(SIM_ERR_MEMORY, "--potentials: no memory");
            goto out;
        }
        chosen->neurons[node] = grown;
        for (size_t i = 0; i < count; i++)
            grown[n + i] = first + i;
        chosen->n_neurons[node] = n + count;
        chosen->potentials[node] = true;
    }
out:
    free(copy);
    return status;
}

/* Shapes come from a plan that is measured, not run. */
static SimStatus choose(CliSession *session, const Arguments *arguments, Chosen *chosen)
{
    SimStatus status = SIM_OK;
    const NetGraph *const graph = &session->graph;
    const size_t n = graph->n_nodes;
    Net *net = NULL;
    chosen->n_nodes = n;
    chosen->layers = calloc(n + 1, sizeof *chosen->layers);
    chosen->recorded = malloc((n + 1) * sizeof *chosen->recorded);
    chosen->potentials = calloc(n + 1, sizeof *chosen->potentials);
    chosen->neurons = calloc(n + 1, sizeof *chosen->neurons);
    chosen->n_neurons = calloc(n + 1, sizeof *chosen->n_neurons);
    chosen->names = calloc(n + 1, sizeof *chosen->names);
    if (!chosen->layers || !chosen->recorded || !chosen->potentials || !chosen->neurons ||
        !chosen->n_neurons || !chosen->names)
        return sim_fail(SIM_ERR_MEMORY, "no memory to choose what is recorded");
    size_t n_names = 0;
    for (size_t i = 0; i < n; i++) {
        chosen->recorded[i] = -1;
        if (is_neurons(&graph->nodes[i]))
            chosen->names[n_names++] = graph->nodes[i].name;
    }
    SIM_TRY(choose_layers(graph, arguments->layers, chosen));
    SIM_TRY(choose_potentials(graph, arguments->potentials, chosen));
    const NetPlanOptions options = {
        .batch = 1, .steps = session->input.steps, .window = 1};
    SIM_TRY(net_create(graph, &session->params, &options, &session->context, &net));
    for (size_t i = 0; i < n; i++) {
        const NetNodeInfo node = net_node_info(net, i);
        const bool spikes = chosen->recorded[i] >= 0 && node.out_form == SIM_SPIKES;
        chosen->recorded[i] = -1;
        if (!spikes && !chosen->potentials[i])
            continue;
        chosen->recorded[i] = (int)chosen->n_layers;
        chosen->layers[chosen->n_layers++] =
            (CliRecordingLayer){.name = graph->nodes[i].name,
                                .h = node.out.h,
                                .w = node.out.w,
                                .c = node.out.c,
                                .spikes = spikes,
                                .potentials = chosen->neurons[i],
                                .n_potentials = chosen->n_neurons[i]};
    }
out:
    net_destroy(net);
    return status;
}

static SimStatus begin_recording(CliSession *session, const CliStimulus *stimulus,
                                 const Arguments *arguments, const Chosen *chosen,
                                 CliRecording **out)
{
    SimStatus status = SIM_OK;
    CliRecording *recording = NULL;
    char *text = NULL;
    CliHuman size;
    SIM_TRY(cli_experiment_text(&session->experiment, &text));
    const CliRecordingOptions options = {.layers = chosen->layers,
                                         .n_layers = chosen->n_layers,
                                         .steps = stimulus->steps,
                                         .step_ms = stimulus->step_ms,
                                         .text = text,
                                         .classes = (const char *const *)session->classes,
                                         .n_classes = session->input.classes};
    printf("recording %zu layers to %s: about %s before compression if 10 %% fire\n",
           chosen->n_layers, arguments->record,
           cli_human_bytes(size, cli_recording_estimate(&options, 0.1)));
    SIM_TRY(cli_recording_create(arguments->record, &options, &recording));
    SIM_TRY(cli_recording_text(recording, "input", arguments->input));
    SIM_TRY(cli_recording_text(recording, "model", session->source));
    SIM_TRY(cli_recording_number(recording, "label", stimulus->label));
    if (stimulus->n_events > 0)
        SIM_TRY(cli_recording_events(recording, stimulus->events, stimulus->n_events,
                                     stimulus->sensor_w, stimulus->sensor_h));
    const SimShape shape = {.t = stimulus->kind == DATA_IMAGES ? 1 : stimulus->steps,
                            .n = 1,
                            .h = session->input.h,
                            .w = session->input.w,
                            .c = session->input.c};
    SIM_TRY(cli_recording_frames(recording, shape, stimulus->frames));
    *out = recording;
    recording = NULL;
out:
    free(text);
    cli_recording_close(recording);
    return status;
}

/* --- what is said about it ---------------------------------------------------------- */

static void print_start(const CliSession *session, const CliStimulus *stimulus)
{
    CliHuman a, b;
    printf("%s, %s\n", session->source,
           session->trained ? "trained" : "untrained: its weights are random");
    printf("%s, %s", stimulus->name, stimulus->format);
    if (stimulus->n_events > 0)
        printf(", %s events over %s", cli_human_digits(a, stimulus->n_events),
               cli_human_seconds(b, stimulus->span_s));
    if (stimulus->label >= 0)
        printf(", a %s", session->classes[stimulus->label]);
    const NetModelInput *const net = &session->input;
    if (stimulus->n_events > 0 &&
        (stimulus->sensor_w != net->w || stimulus->sensor_h != net->h))
        printf("; %zu x %zu pixels brought to the %zu x %zu of the net",
               stimulus->sensor_w, stimulus->sensor_h, net->w, net->h);
    printf("\n%zu steps", stimulus->steps);
    if (stimulus->step_ms > 0)
        printf(" of %s", cli_human_seconds(a, stimulus->step_ms * 1e-3));
    else if (stimulus->kind == DATA_EVENTS)
        fputs(" of equally many events", stdout);
    putchar('\n');
}

static void print_steps(const CliSession *session, const CliStimulus *stimulus,
                        const CliSimulated *done, float *mean)
{
    double neurons = 0;
    CliHuman a, b;
    for (size_t i = 0; i < done->n_layers; i++)
        neurons += (double)done->layers[i].neurons;
    printf("\n%5s %12s %12s %8s  %s\n", "step", "input", "spikes", "rate",
           "leading class, mean score so far");
    for (size_t t = 0; t < done->steps; t++) {
        if (done->steps > STEPS_SHOWN && t >= STEPS_SHOWN / 2 &&
            t < done->steps - STEPS_SHOWN / 2) {
            if (t == STEPS_SHOWN / 2)
                puts("  ...");
            continue;
        }
        const size_t leader = cli_simulated_leader(done, t, mean);
        const double input = stimulus->on[t] + (stimulus->off ? stimulus->off[t] : 0);
        printf("%5zu %12s %12s %6.2f %%  %s %.3f\n", t + 1,
               cli_human_digits(a, (uint64_t)(input > 0 ? input : 0)),
               cli_human_digits(b, done->spikes_per_step[t]),
               neurons > 0 ? 100 * (double)done->spikes_per_step[t] / neurons : 0,
               session->classes[leader], (double)mean[leader]);
    }
}

static void print_layers(const CliSimulated *done)
{
    int widest = 5;
    CliHuman a, b, c;
    for (size_t i = 0; i < done->n_layers; i++) {
        const int length = (int)strlen(done->layers[i].name);
        widest = length > widest ? length : widest;
    }
    printf("\n%-*s %12s %12s %8s %12s %16s\n", widest, "layer", "neurons", "spikes",
           "rate", "fired", "silent channels");
    for (size_t i = 0; i < done->n_layers; i++) {
        const CliSimulatedLayer *const layer = &done->layers[i];
        printf(
            "%-*s %12s %12s %6.2f %% %12s %9zu of %zu\n", widest, layer->name,
            cli_human_digits(a, layer->neurons), cli_human_digits(b, layer->spikes),
            100 * (double)layer->spikes / ((double)layer->neurons * (double)done->steps),
            cli_human_digits(c, layer->fired), layer->silent_channels, layer->channels);
    }
}

static void print_end(const CliSession *session, const CliStimulus *stimulus,
                      const CliSimulated *done, float *mean)
{
    enum { SHOWN = 3 };
    const size_t leader = cli_simulated_leader(done, done->steps - 1, mean);
    double spikes = 0;
    CliHuman a, b, c;
    printf("\nanswer: %s (%.3f)", session->classes[leader], (double)mean[leader]);
    mean[leader] = -3e38f;
    for (size_t shown = 1; shown < SHOWN && shown < done->classes; shown++) {
        size_t next = 0;
        for (size_t k = 0; k < done->classes; k++)
            next = mean[k] > mean[next] ? k : next;
        printf(", %s (%.3f)", session->classes[next], (double)mean[next]);
        mean[next] = -3e38f;
    }
    if (stimulus->label >= 0)
        printf(": %s", (int)leader == stimulus->label ? "right" : "wrong, it is ");
    if (stimulus->label >= 0 && (int)leader != stimulus->label)
        fputs(session->classes[stimulus->label], stdout);
    putchar('\n');
    for (size_t i = 0; i < done->n_layers; i++)
        spikes += (double)done->layers[i].spikes;
    if (stimulus->span_s > 0)
        printf("simulated %.3f s in %s (%.3g x real time)", stimulus->span_s,
               cli_human_seconds(a, done->seconds), stimulus->span_s / done->seconds);
    else
        printf("simulated %zu steps in %s", done->steps,
               cli_human_seconds(a, done->seconds));
    printf(", %s spikes, %s synaptic events\n", cli_human_count(b, spikes),
           cli_human_count(c, done->synops));
}

static SimStatus draw(const CliSession *session, const CliStimulus *stimulus,
                      const CliSimulated *done, const char *folder)
{
    SimStatus status = SIM_OK;
    bool drawn = false;
    CliPlotSpikes *const layers = calloc(done->n_layers + 1, sizeof *layers);
    float *const means = calloc(done->steps * done->classes + 1, sizeof *means);
    if (!layers || !means) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for the plots", folder);
        goto out;
    }
    for (size_t i = 0; i < done->n_layers; i++) {
        const CliSimulatedLayer *const layer = &done->layers[i];
        layers[i] =
            (CliPlotSpikes){.name = layer->name,
                            .neurons = layer->neurons,
                            .fired = layer->fired,
                            .rate = (double)layer->spikes /
                                    ((double)layer->neurons * (double)done->steps),
                            .step = layer->step,
                            .neuron = layer->neuron,
                            .n = layer->n};
    }
    for (size_t t = 0; t < done->steps; t++)
        cli_simulated_leader(done, t, means + t * done->classes);
    const CliPlotInput input = {stimulus->on, stimulus->off};
    SIM_TRY(cli_plot_raster(folder, stimulus->name, done->steps, stimulus->step_ms,
                            &input, layers, done->n_layers, &drawn));
    SIM_TRY(cli_plot_scores(folder, stimulus->name, done->steps, stimulus->step_ms,
                            (const char *const *)session->classes, done->classes, means,
                            stimulus->label, &drawn));
    printf("%s: raster and scores%s\n", folder,
           drawn ? "" : " as data and programs only: gnuplot is not installed");
out:
    free(layers);
    free(means);
    return status;
}

/* --- the command -------------------------------------------------------------------- */

static SimStatus simulate(CliSession *session, const CliStimulus *stimulus,
                          const Arguments *arguments)
{
    SimStatus status = SIM_OK;
    Chosen chosen = {0};
    CliRecording *recording = NULL;
    CliSimulated done = {0};
    float *mean = NULL;
    if (arguments->record) {
        SIM_TRY(choose(session, arguments, &chosen));
        SIM_TRY(begin_recording(session, stimulus, arguments, &chosen, &recording));
    }
    const CliSimulation what = {.graph = &session->graph,
                                .params = &session->params,
                                .context = &session->context,
                                .steps = stimulus->steps,
                                .frames = stimulus->frames,
                                .constant = stimulus->kind == DATA_IMAGES,
                                .recording = recording,
                                .recorded = chosen.recorded,
                                .potentials = chosen.potentials,
                                .keep_spikes = true};
    SIM_TRY(cli_simulate(&what, &done));
    mean = calloc(done.classes + 1, sizeof *mean);
    if (!mean) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu scores", done.classes);
        goto out;
    }
    if (!arguments->quiet) {
        print_steps(session, stimulus, &done, mean);
        print_layers(&done);
    }
    print_end(session, stimulus, &done, mean);
    if (recording) {
        SIM_TRY(cli_recording_commit(recording));
        printf("%s: spikes%s written\n", arguments->record,
               arguments->potentials ? " and membranes" : "");
    }
    if (arguments->plots)
        SIM_TRY(draw(session, stimulus, &done, arguments->plots));
out:
    free(mean);
    cli_simulated_destroy(&done);
    cli_recording_close(recording);
    chosen_destroy(&chosen);
    return status;
}

static int run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"record", 'r', "OUT.h5", 0, "write spikes, input and scores (SONATA HDF5)", 0},
        {"layers", 'l', "A,B|all", 0, "layers whose spikes are written (all)", 0},
        {"potentials", 'v', "LAYER:N,...", 0,
         "also write the membranes of these neurons, LAYER:FIRST-LAST for many", 0},
        {"plots", 'p', "FOLDER", 0, "draw raster and scores there", 0},
        {"steps", 'n', "N", 0, "cut the recording into so many steps", 0},
        {"frames", KEY_FRAMES, "RULE", 0,
         "how it is cut, as data.frames of an experiment: number, time, duration, ...",
         0},
        CLI_SETTINGS_OPTION,
        {"quiet", 'q', NULL, 0, "only the answer and the summary", 0},
        {0}};
    static const struct argp argp = {
        options,
        parse,
        "MODEL INPUT",
        "Runs one recording or image through a net, one step at a time. MODEL is a run "
        "folder, a checkpoint or an experiment (untrained). INPUT is a file of any known "
        "format, FILE#17 for image 17 of a set, or test:17 for a sample of the model's "
        "own data.",
        NULL,
        NULL,
        NULL};
    Arguments arguments = {0};
    cli_parse(&argp, argc, argv, &arguments);

    SimStatus status = SIM_OK;
    CliSession session = {0};
    CliStimulus stimulus = {0};
    SIM_TRY(cli_session_open(
        arguments.model, arguments.settings.rows, arguments.settings.n,
        cli_stimulus_needs_data(arguments.input) ? CLI_NEED_DATA : CLI_NEED_NET, cli_warn,
        argv[0], &session));
    SIM_TRY(cli_stimulus_open(&session, arguments.input, &stimulus));
    print_start(&session, &stimulus);
    SIM_TRY(simulate(&session, &stimulus, &arguments));
out:
    cli_stimulus_close(&stimulus);
    cli_session_close(&session);
    return status == SIM_OK ? CLI_OK : cli_failed(argv[0]);
}

const CliCommand cli_command_sim = {
    .name = "sim",
    .arguments = "MODEL INPUT",
    .summary = "one recording or image through a net, step by step",
    .run = run,
};
