/* cli/stimulus.c: one recording or image as a net wants to see it. */
#include "cli/stimulus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const parts[DATA_PARTS] = {"train", "validation", "test"};

/* "test:17" */
static bool split_sample(const char *input, int *part, size_t *number)
{
    for (*part = 0; *part < DATA_PARTS; ++*part) {
        const size_t length = strlen(parts[*part]);
        char *end;
        if (strncmp(input, parts[*part], length) != 0 || input[length] != ':' ||
            input[length + 1] < '0' || input[length + 1] > '9')
            continue;
        *number = strtoul(input + length + 1, &end, 10);
        if (*end == '\0')
            return true;
    }
    return false;
}

/* "tset:17", "test:-1": no file has such a name, but a part of the data was meant. */
static SimStatus meant_sample(const char *input)
{
    char archive[256]; /* as in "archive.tar:member" */
    const char *const colon = strchr(input, ':');
    if (!colon || strchr(input, '/') || access(input, F_OK) == 0)
        return SIM_OK;
    snprintf(archive, sizeof archive, "%.*s", (int)(colon - input), input);
    if (access(archive, F_OK) == 0)
        return SIM_OK;
    return sim_fail(SIM_ERR_VALUE,
                    "%s: no file has this name; a sample of the model's data is "
                    "train:0, validation:0 or test:0",
                    input);
}

bool cli_stimulus_needs_data(const char *input)
{
    int part;
    size_t number;
    return split_sample(input, &part, &number);
}

static SimStatus make_room(const CliSession *session, CliStimulus *stimulus)
{
    const NetModelInput *const input = &session->input;
    const size_t steps = stimulus->kind == DATA_IMAGES ? 1 : stimulus->steps;
    stimulus->frames = calloc(steps * input->h * input->w * input->c + 1, sizeof(float));
    stimulus->on = calloc(stimulus->steps + 1, sizeof(double));
    stimulus->off = stimulus->kind == DATA_EVENTS
                        ? calloc(stimulus->steps + 1, sizeof(double))
                        : NULL;
    if (!stimulus->frames || !stimulus->on ||
        (stimulus->kind == DATA_EVENTS && !stimulus->off))
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for %zu frames of %zu x %zu",
                        stimulus->name, steps, input->h, input->w);
    return SIM_OK;
}

/* What goes in at each step: channel 0 is OFF, 1 is ON. */
static void sum_frames(const CliSession *session, CliStimulus *stimulus)
{
    const NetModelInput *const input = &session->input;
    const size_t pixels = input->h * input->w;
    for (size_t t = 0; t < stimulus->steps; t++) {
        const bool still = stimulus->kind == DATA_IMAGES;
        const float *const frame = stimulus->frames + (still ? 0 : t * pixels * input->c);
        for (size_t i = 0; i < pixels * input->c; i++) {
            double *const sum = still || i % input->c != 0 ? stimulus->on : stimulus->off;
            sum[t] += (double)frame[i];
        }
    }
}

/* --- from a file ---------------------------------------------------------------------
 */

static SimStatus events_from_file(const CliSession *session, DataFile *file,
                                  CliStimulus *stimulus)
{
    SimStatus status = SIM_OK;
    const DataOptions *const data = &session->experiment.data;
    const NetModelInput *const input = &session->input;
    if (input->constant || input->c != 2)
        return sim_fail(SIM_ERR_SHAPE,
                        "%s: a recording of events, but this net wants images of %zu x "
                        "%zu x %zu",
                        file->path, input->h, input->w, input->c);
    stimulus->sensor_w = file->info.width;
    stimulus->sensor_h = file->info.height;
    SIM_TRY(data_file_read_events(file, 0, &stimulus->events, &stimulus->n_events));
    if (stimulus->n_events == 0)
        return sim_fail(SIM_ERR_FORMAT, "%s: holds no event", file->path);
    SIM_TRY(make_room(session, stimulus));
    const DataFrameSpec spec = {.rule = (DataFrames)data->frames,
                                .value = (DataValue)data->value,
                                .resize = (DataResize)data->resize,
                                .steps = stimulus->steps,
                                .duration_us = data->duration_us,
                                .sensor_w = file->info.width,
                                .sensor_h = file->info.height,
                                .w = input->w,
                                .h = input->h};
    SIM_TRY(data_frames_make(&spec, stimulus->n_events, stimulus->events,
                             stimulus->frames, NULL));
    int64_t first = stimulus->events[0].t_us, last = first;
    for (size_t i = 0; i < stimulus->n_events; i++) {
        const int64_t t_us = stimulus->events[i].t_us;
        first = t_us < first ? t_us : first;
        last = t_us > last ? t_us : last;
    }
    stimulus->span_s = (double)(last - first) * 1e-6;
    switch (spec.rule) {
    case DATA_FRAMES_TIME:
    case DATA_FRAMES_TONIC_TIME:
        stimulus->step_ms = stimulus->span_s * 1e3 / (double)stimulus->steps;
        break;
    case DATA_FRAMES_DURATION:
    case DATA_FRAMES_TONIC_WINDOW:
        stimulus->step_ms = (double)spec.duration_us * 1e-3;
        /* What lies past the last frame is not simulated. */
        if (stimulus->span_s > stimulus->step_ms * 1e-3 * (double)stimulus->steps)
            stimulus->span_s = stimulus->step_ms * 1e-3 * (double)stimulus->steps;
        break;
    default: /* frames of equal count have no fixed duration */
        break;
    }
out:
    return status;
}

static SimStatus image_from_file(const CliSession *session, DataFile *file,
                                 uint64_t number, CliStimulus *stimulus)
{
    SimStatus status = SIM_OK;
    const DataInfo *const info = &file->info;
    const NetModelInput *const input = &session->input;
    const size_t n = info->width * info->height * info->channels;
    uint8_t *pixels = NULL;
    uint32_t label = 0;
    if (!input->constant || info->height != input->h || info->width != input->w ||
        info->channels != input->c)
        return sim_fail(SIM_ERR_SHAPE,
                        "%s: images of %zu x %zu x %zu, but this net wants %s of %zu x "
                        "%zu x %zu",
                        file->path, info->height, info->width, info->channels,
                        input->constant ? "images" : "recordings of events", input->h,
                        input->w, input->c);
    if (number >= info->n_images)
        return sim_fail(SIM_ERR_VALUE, "%s: has images 0 to %llu, asked for was %llu",
                        file->path, (unsigned long long)(info->n_images - 1),
                        (unsigned long long)number);
    if (session->experiment.data.normalise)
        return sim_fail(SIM_ERR_VALUE,
                        "%s: this net was trained on images less the mean of their set: "
                        "give the image as test:%llu, so that the set is known",
                        file->path, (unsigned long long)number);
    pixels = malloc(n + 1);
    if (!pixels)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for an image", file->path);
    SIM_TRY(make_room(session, stimulus));
    SIM_TRY(file->reader->image(file, number, pixels, &label));
    for (size_t i = 0; i < n; i++)
        stimulus->frames[i] = (float)pixels[i] / 255.0f;
    if (info->has_labels && label < input->classes)
        stimulus->label = (int)label;
out:
    free(pixels);
    return status;
}

static SimStatus from_file(const CliSession *session, const char *input,
                           CliStimulus *stimulus)
{
    SimStatus status = SIM_OK;
    DataFile *file = NULL;
    uint64_t number = 0;
    char *const path = strdup(input);
    if (!path)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a path", input);
    SIM_TRY(meant_sample(input));
    char *const hash = strrchr(path, '#');
    if (hash && hash[1] >= '0' && hash[1] <= '9') {
        char *end;
        number = strtoull(hash + 1, &end, 10);
        if (*end == '\0')
            *hash = '\0';
    }
    SIM_TRY(data_file_open(path, (DataAxes)session->experiment.data.axes, &file));
    const char *const slash = strrchr(input, '/');
    snprintf(stimulus->name, sizeof stimulus->name, "%s", slash ? slash + 1 : input);
    stimulus->format = file->info.format;
    stimulus->kind = file->info.kind;
    stimulus->label = -1;
    stimulus->steps = session->input.steps;
    SIM_TRY(file->info.kind == DATA_EVENTS
                ? events_from_file(session, file, stimulus)
                : image_from_file(session, file, number, stimulus));
out:
    data_file_close(file);
    free(path);
    return status;
}

/* --- from the model's own data -------------------------------------------------------
 */

static SimStatus from_set(CliSession *session, int part, size_t number,
                          CliStimulus *stimulus)
{
    SimStatus status = SIM_OK;
    DataSet *const set = &session->set;
    if (number >= set->n_part[part])
        return sim_fail(SIM_ERR_VALUE, "%s:%zu: the %s part has samples 0 to %zu",
                        parts[part], number, parts[part],
                        set->n_part[part] ? set->n_part[part] - 1 : 0);
    size_t at = 0;
    for (size_t left = number;; at++)
        if (set->samples[at].part == (DataPart)part && left-- == 0)
            break;
    const DataSample *const sample = &set->samples[at];
    if (set->kind == DATA_EVENTS) {
        /* The file again, for the events themselves and their times. */
        SIM_TRY(from_file(session, sample->path, stimulus));
    } else {
        stimulus->kind = DATA_IMAGES;
        stimulus->steps = session->input.steps;
        stimulus->format = "an image";
        SIM_TRY(make_room(session, stimulus));
        SIM_TRY(data_set_sample(set, at, stimulus->frames));
    }
    snprintf(stimulus->name, sizeof stimulus->name, "%s", sample->name);
    stimulus->label = (int)sample->label;
out:
    return status;
}

SimStatus cli_stimulus_open(CliSession *session, const char *input, CliStimulus *out)
{
    CliStimulus stimulus = {0};
    int part;
    size_t number;
    const SimStatus status = split_sample(input, &part, &number)
                                 ? from_set(session, part, number, &stimulus)
                                 : from_file(session, input, &stimulus);
    if (status != SIM_OK) {
        cli_stimulus_close(&stimulus);
        return status;
    }
    sum_frames(session, &stimulus);
    *out = stimulus;
    return SIM_OK;
}

void cli_stimulus_close(CliStimulus *stimulus)
{
    free(stimulus->frames);
    free(stimulus->events);
    free(stimulus->on);
    free(stimulus->off);
    *stimulus = (CliStimulus){0};
}
