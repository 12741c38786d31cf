/* cli/view_open.c: opening models, inputs and recordings for the viewer. */
#include "cli/view_open.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/session.h"
#include "cli/stimulus.h"
#include "sim/store.h"
#include "viz/clock.h"
#include "viz/source_net.h"
#include "viz/source_recording.h"

enum { PATH_SIZE = 1024 };

/* A session lives as long as a net is looked at that borrows from it. */
typedef struct Shared {
    CliSession session;
    int users;
} Shared;

struct CliViewed {
    CliViewWhat what;
    Shared *models[VIZ_SIDES]; /* what is looked at now; one use each */
    size_t n_models;
    char input[PATH_SIZE];   /* of the models, or the events */
    char run[PATH_SIZE];     /* a run folder, or "" */
    struct timespec changed; /* of its checkpoint when it was opened */
    char warning[512];       /* the first of the session's */
};

/* --- kinds of files -------------------------------------------------------------------
 */

static bool has_file(const char *folder, const char *name)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, R_OK) == 0;
}

static bool is_run(const char *path)
{
    static const char *const names[] = {"best.h5", "last.h5", "log.jsonl",
                                        "experiment.yaml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cli_is_folder(path) && has_file(path, names[i]))
            return true;
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A checkpoint has a network in it; any other HDF5 file is taken for a recording. */
static bool is_checkpoint(const char *path)
{
    SimStore *store = NULL;
    if (!sim_store_is(path) || sim_store_open(path, &store) != SIM_OK)
        return false;
    const bool found = !sim_store_has_attribute(store, "", "steps");
    sim_store_close(store);
    return found;
}

static bool is_model(const char *path)
{
    return is_run(path) || ends_with(path, ".yaml") || ends_with(path, ".yml") ||
           is_checkpoint(path);
}

/* --- models ---------------------------------------------------------------------------
 */

static void release(void *owner)
{
    Shared *const shared = owner;
    if (shared && --shared->users == 0) {
        cli_session_close(&shared->session);
        free(shared);
    }
}

static void keep_warning(void *argument, const char *sentence)
{
    CliViewed *const viewed = argument;
    if (!viewed->warning[0])
        snprintf(viewed->warning, sizeof viewed->warning, "%s", sentence);
}

static SimStatus open_model(CliViewed *viewed, const char *path, CliNeed need,
                            Shared **out)
{
    Shared *const shared = calloc(1, sizeof *shared);
    if (!shared)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a model", path);
    const CliSettings *const settings = viewed->what.settings;
    const SimStatus status = cli_session_open(path, settings->rows, settings->n, need,
                                              keep_warning, viewed, &shared->session);
    if (status != SIM_OK) {
        free(shared);
        return status;
    }
    shared->users = 1;
    *out = shared;
    return SIM_OK;
}

/* The times at which the steps of a stimulus start and the last one ends. */
static SimStatus find_edges(const CliSession *session, const CliStimulus *stimulus,
                            int64_t **out)
{
    SimStatus status = SIM_OK;
    const size_t n = stimulus->steps;
    const DataOptions *const data = &session->experiment.data;
    int64_t *edges = calloc(n + 1, sizeof *edges);
    DataRange *const ranges = calloc(n + 1, sizeof *ranges);
    uint64_t n_frames;
    if (!edges || !ranges) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu steps", n);
        goto out;
    }
    const DataFrameSpec spec = {.rule = (DataFrames)data->frames,
                                .steps = n,
                                .duration_us = data->duration_us,
                                .sensor_w = stimulus->sensor_w,
                                .sensor_h = stimulus->sensor_h,
                                .w = session->input.w,
                                .h = session->input.h};
    SIM_TRY(data_frames_ranges(&spec, stimulus->n_events, stimulus->events, ranges,
                               &n_frames));
    const int64_t first = stimulus->events[0].t_us;
    const int64_t last = llround(stimulus->span_s * 1e6) + 1;
    for (size_t k = 0; k <= n; k++) {
        if (stimulus->step_ms > 0)
            edges[k] = llround((double)k * stimulus->step_ms * 1e3);
        else if (k == n || ranges[k].first >= stimulus->n_events)
            edges[k] = last;
        else
            edges[k] = k ? stimulus->events[ranges[k].first].t_us - first : 0;
        if (k > 0 && edges[k] <= edges[k - 1]) /* an empty step can be looked at, too */
            edges[k] = edges[k - 1] + 1;
    }
    *out = edges;
    edges = NULL;
out:
    free(edges);
    free(ranges);
    return status;
}

static SimStatus make_source(CliViewed *viewed, Shared *shared, CliStimulus *stimulus,
                             VizSource **out)
{
    SimStatus status = SIM_OK;
    CliSession *const session = &shared->session;
    int64_t *edges = NULL;
    char title[256];
    if (stimulus->n_events > 0)
        SIM_TRY(find_edges(session, stimulus, &edges));
    /* "run/best.h5": the folder tells more than the file. */
    const char *name = session->source + strlen(session->source);
    for (int slashes = 0; name > session->source; name--)
        if (name[-1] == '/' && ++slashes == 2)
            break;
    snprintf(title, sizeof title, "%.200s%s", name,
             session->trained ? "" : " (untrained)");
    const VizNetOptions options = {.graph = &session->graph,
                                   .params = &session->params,
                                   .context = &session->context,
                                   .n_steps = stimulus->steps,
                                   .frames = stimulus->frames,
                                   .constant = stimulus->kind == DATA_IMAGES,
                                   .edges_us = edges,
                                   .title = title,
                                   .input = stimulus->name,
                                   .note = viewed->warning,
                                   .classes = (const char *const *)session->classes,
                                   .n_classes = session->input.classes,
                                   .label = stimulus->label,
                                   .release = release,
                                   .owner = shared};
    SIM_TRY(viz_source_net_create(&options, out));
    shared->users++;
out:
    free(edges);
    return status;
}

/* Every model on one input. */
static SimStatus open_input(CliViewed *viewed, const char *input, VizOpened *out)
{
    SimStatus status = SIM_OK;
    CliStimulus stimulus = {0};
    VizOpened opened = {0};
    for (size_t i = 0; i < viewed->n_models; i++) {
        SIM_TRY(cli_stimulus_open(&viewed->models[i]->session, input, &stimulus));
        SIM_TRY(make_source(viewed, viewed->models[i], &stimulus, &opened.sources[i]));
        if (i == 0 && stimulus.n_events > 0)
            SIM_TRY(viz_events_take(stimulus.events, stimulus.n_events, stimulus.sensor_w,
                                    stimulus.sensor_h, &opened.events));
        cli_stimulus_close(&stimulus);
    }
    if (viewed->n_models == 2 &&
        opened.sources[0]->subject->n_steps != opened.sources[1]->subject->n_steps) {
        status = sim_fail(SIM_ERR_SHAPE,
                          "%s takes %zu steps, %s %zu: side by side they must take "
                          "equally many (--set data.steps=N)",
                          viewed->what.target, opened.sources[0]->subject->n_steps,
                          viewed->what.compare, opened.sources[1]->subject->n_steps);
        goto out;
    }
    if (input != viewed->input)
        snprintf(viewed->input, sizeof viewed->input, "%s", input);
    *out = opened;
    opened = (VizOpened){0};
out:
    cli_stimulus_close(&stimulus);
    for (size_t i = 0; i < VIZ_SIDES; i++)
        if (opened.sources[i])
            opened.sources[i]->close(opened.sources[i]);
    viz_events_close(opened.events);
    return status;
}

/* --- another sample -------------------------------------------------------------------
 */

/* "test:17" or "file#17": the number and what stands before it. */
static bool split_number(const char *input, size_t *before, size_t *number)
{
    const char *mark = strrchr(input, '#');
    if (!mark && cli_stimulus_needs_data(input))
        mark = strrchr(input, ':');
    if (!mark || mark[1] < '0' || mark[1] > '9')
        return false;
    *before = (size_t)(mark - input) + 1;
    *number = strtoull(mark + 1, NULL, 10);
    return true;
}

/* The file `by` places further in its folder. */
static SimStatus neighbour(const char *path, int by, char *out)
{
    struct dirent **entries = NULL;
    char folder[PATH_SIZE];
    const char *const slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    const char *const name = slash ? slash + 1 : path;
    const int n = cli_scan(slash == path ? "/" : folder, &entries);
    int at = -1;
    for (int i = 0; i < n; i++)
        at = strcmp(entries[i]->d_name, name) == 0 ? i : at;
    bool found = false;
    for (int i = at + by; i >= 0 && i < n && !found; i += by) {
        snprintf(out, PATH_SIZE, "%.900s/%.100s", folder, entries[i]->d_name);
        found = !cli_is_folder(out);
    }
    const SimStatus status =
        found ? SIM_OK
              : sim_fail(SIM_ERR_VALUE, "%s is the %s recording of its folder", name,
                         by > 0 ? "last" : "first");
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return status;
}

static SimStatus open_events(CliViewed *viewed, const char *path, VizOpened *out)
{
    const SimStatus status = viz_events_open(path, viewed->what.axes, &out->events);
    if (status == SIM_OK && path != viewed->input)
        snprintf(viewed->input, sizeof viewed->input, "%s", path);
    return status;
}

static SimStatus open_this(CliViewed *viewed, const char *input, VizOpened *out)
{
    return viewed->n_models > 0 ? open_input(viewed, input, out)
                                : open_events(viewed, input, out);
}

static SimStatus open_next(void *argument, int by, VizOpened *out)
{
    CliViewed *const viewed = argument;
    char input[PATH_SIZE], next[PATH_SIZE];
    size_t before, number;
    if (split_number(viewed->input, &before, &number)) {
        if (by < 0 && number == 0)
            return sim_fail(SIM_ERR_VALUE, "%s is the first sample", viewed->input);
        snprintf(input, sizeof input, "%.*s%zu", (int)before, viewed->input,
                 by > 0 ? number + 1 : number - 1);
        return open_this(viewed, input, out);
    }
    strcpy(input, viewed->input);
    for (;;) { /* what is no recording is passed by */
        SimStatus status = neighbour(input, by, next);
        if (status == SIM_OK)
            status = open_this(viewed, next, out);
        if (status != SIM_ERR_FORMAT)
            return status;
        strcpy(input, next);
    }
}

typedef struct Search {
    CliViewed *viewed;
    VizOpened *out;
    size_t tried;
} Search;

/* Stops the walk at the first recording. */
static SimStatus find_recording(void *argument, const char *path)
{
    enum { MOST = 10000 };
    Search *const search = argument;
    return open_events(search->viewed, path, search->out) == SIM_OK ||
                   ++search->tried == MOST
               ? SIM_ERR_STOPPED
               : SIM_OK;
}

/* A file dropped on the window: an input for the net; else looked at by itself. */
static SimStatus open_file(void *argument, const char *path, VizOpened *out)
{
    CliViewed *const viewed = argument;
    if (is_model(path))
        return sim_fail(SIM_ERR_UNSUPPORTED, "%s is a model: start \"apical view\" on it",
                        path);
    if (sim_store_is(path))
        return viz_source_recording_open(path, &out->sources[0], &out->events);
    if (viewed->n_models > 0)
        return open_input(viewed, path, out);
    return open_events(viewed, path, out);
}

/* --- a net that is being trained ------------------------------------------------------
 */

static bool checkpoint_time(const CliViewed *viewed, struct timespec *out)
{
    static const char *const names[] = {"best.h5", "last.h5"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[2 * PATH_SIZE];
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", viewed->run, names[i]);
        if (stat(path, &about) != 0)
            continue;
        *out = about.st_mtim;
        return true;
    }
    return false;
}

static bool has_changed(void *argument)
{
    CliViewed *const viewed = argument;
    struct timespec now;
    return checkpoint_time(viewed, &now) && (now.tv_sec != viewed->changed.tv_sec ||
                                             now.tv_nsec != viewed->changed.tv_nsec);
}

static SimStatus open_changed(void *argument, VizOpened *out)
{
    CliViewed *const viewed = argument;
    Shared *shared = NULL;
    checkpoint_time(viewed, &viewed->changed);
    const CliNeed need =
        cli_stimulus_needs_data(viewed->input) ? CLI_NEED_DATA : CLI_NEED_NET;
    SimStatus status = open_model(viewed, viewed->run, need, &shared);
    if (status != SIM_OK)
        return status;
    Shared *const former = viewed->models[0];
    viewed->models[0] = shared;
    viewed->n_models = viewed->n_models ? viewed->n_models : 1;
    status = open_input(viewed, viewed->input, out);
    release(former);
    return status;
}

/* --- opening --------------------------------------------------------------------------
 */

/* The first sample of the test part, or of the first part that has any. */
static void choose_sample(const CliSession *session, char *input)
{
    static const char *const names[DATA_PARTS] = {"train", "validation", "test"};
    for (int part = DATA_PARTS; part-- > 0;)
        if (session->set.n_part[part] > 0) {
            snprintf(input, PATH_SIZE, "%s:0", names[part]);
            return;
        }
}

static SimStatus open_models(CliViewed *viewed, VizAppOptions *options)
{
    SimStatus status = SIM_OK;
    const CliViewWhat *const what = &viewed->what;
    const char *const models[VIZ_SIDES] = {what->target, what->compare};
    const bool data = !what->input || cli_stimulus_needs_data(what->input);
    if (is_run(what->target)) {
        snprintf(viewed->run, sizeof viewed->run, "%s", what->target);
        options->runs[options->n_runs++] = viewed->run;
        checkpoint_time(viewed, &viewed->changed);
        options->has_changed = has_changed;
        options->open_changed = open_changed;
    }
    snprintf(viewed->input, sizeof viewed->input, "%s",
             what->input ? what->input : "test:0");
    for (size_t i = 0; i < VIZ_SIDES && models[i]; i++) {
        status = open_model(viewed, models[i], data ? CLI_NEED_DATA : CLI_NEED_NET,
                            &viewed->models[i]);
        /* The curves of a run can be looked at without a net or its data. */
        if (status != SIM_OK && i == 0 && viewed->run[0] && !what->input) {
            keep_warning(viewed, sim_message());
            options->focus = "training";
            return SIM_OK;
        }
        SIM_TRY(status);
        viewed->n_models++;
        if (i > 0 && is_run(models[i]))
            options->runs[options->n_runs++] = models[i];
    }
    if (!what->input)
        choose_sample(&viewed->models[0]->session, viewed->input);
    SIM_TRY(open_input(viewed, viewed->input, &options->first));
    options->open_next = open_next;
out:
    return status;
}

static SimStatus open_target(CliViewed *viewed, VizAppOptions *options)
{
    const char *const target = viewed->what.target;
    /* A file that should be a model says itself what is wrong with it. */
    if (is_model(target) ||
        (sim_store_is(target) && (viewed->what.input || viewed->what.compare)))
        return open_models(viewed, options);
    if (viewed->what.compare)
        return sim_fail(SIM_ERR_VALUE, "%s is no model: --compare wants two of them",
                        target);
    if (viewed->what.input)
        return sim_fail(
            SIM_ERR_VALUE,
            "%s is no model, so %s cannot be its input: wanted an experiment, "
            "a run folder or a checkpoint first",
            target, viewed->what.input);
    if (sim_store_is(target))
        return viz_source_recording_open(target, &options->first.sources[0],
                                         &options->first.events);
    options->open_next = open_next;
    if (!cli_is_folder(target))
        return open_events(viewed, target, &options->first);
    Search search = {viewed, &options->first, 0};
    cli_walk(target, find_recording, &search);
    if (!options->first.events)
        return sim_fail(SIM_ERR_IO,
                        "%s: neither a run of \"apical train\" nor a folder with "
                        "recordings",
                        target);
    return SIM_OK;
}

SimStatus cli_view_open(const CliViewWhat *what, CliViewed **out, VizAppOptions *options)
{
    CliViewed *const viewed = calloc(1, sizeof *viewed);
    if (!viewed)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the viewer");
    viewed->what = *what;
    options->argument = viewed;
    options->open_file = open_file;
    const SimStatus status = open_target(viewed, options);
    if (status != SIM_OK) {
        cli_view_close(viewed);
        return status;
    }
    *out = viewed;
    return SIM_OK;
}

void cli_view_close(CliViewed *viewed)
{
    if (!viewed)
        return;
    for (size_t i = 0; i < VIZ_SIDES; i++)
        release(viewed->models[i]);
    free(viewed);
}
