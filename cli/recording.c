/* cli/recording.c: spikes, membranes, input and scores into one HDF5 file. */
#include "cli/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUFFER = 1 << 14 }; /* spikes held before they are written; also one chunk */
enum { NAME_SIZE = 160, SONATA_MAGIC = 0x0A7A };

typedef struct Layer {
    char name[64];
    size_t h, w, c;
    bool spikes;
    uint64_t *potentials; /* owned */
    size_t n_potentials;
    double *times;   /* [BUFFER], owned */
    uint64_t *nodes; /* [BUFFER], owned */
    size_t held;
    uint64_t written;
    float *row; /* [n_potentials], owned */
} Layer;

struct CliRecording {
    SimStore *store;
    Layer *layers; /* owned */
    size_t n_layers;
    double step_ms;
    bool scores;
    time_t flushed; /* seconds */
};

static const char *join(char *buffer, const char *group, const Layer *layer,
                        const char *array)
{
    snprintf(buffer, NAME_SIZE, "%s/%s%s", group, layer->name, array);
    return buffer;
}

/* The layers in the order of the net, which groups do not have. */
static SimStatus write_order(CliRecording *recording)
{
    char *const names = calloc(recording->n_layers + 1, sizeof recording->layers->name);
    if (!names)
        return sim_fail(SIM_ERR_MEMORY, "recording: no memory for the names of layers");
    char *end = names;
    for (size_t i = 0; i < recording->n_layers; i++)
        end += sprintf(end, "%s%s", i ? "\n" : "", recording->layers[i].name);
    const SimStatus status = sim_store_write_text(recording->store, "", "layers", names);
    free(names);
    return status;
}

/* Class names, one a line. */
static SimStatus begin_scores(CliRecording *recording, const CliRecordingOptions *options)
{
    enum { CHUNK = 1 << 9 }; /* numbers */
    SimStatus status = SIM_OK;
    const size_t dims[2] = {0, options->n_classes};
    size_t length = 1;
    for (size_t k = 0; k < options->n_classes; k++)
        length += strlen(options->classes[k]) + 1;
    char *const lines = calloc(length, 1);
    if (!lines)
        return sim_fail(SIM_ERR_MEMORY, "recording: no memory for %zu names",
                        options->n_classes);
    char *end = lines;
    for (size_t k = 0; k < options->n_classes; k++)
        end += sprintf(end, "%s%s", k ? "\n" : "", options->classes[k]);
    SIM_TRY(sim_store_begin_rows(recording->store, "readout/scores", SIM_F32, 2, dims,
                                 dims[1] < CHUNK ? CHUNK / dims[1] : 1));
    SIM_TRY(sim_store_write_text(recording->store, "readout/scores", "classes", lines));
    recording->scores = true;
out:
    free(lines);
    return status;
}

/* --- creating ----------------------------------------------------------------------- */

static SimStatus begin_spikes(CliRecording *recording, Layer *layer)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    const size_t rows[1] = {0};
    SimStore *const store = recording->store;
    layer->times = malloc(BUFFER * sizeof *layer->times);
    layer->nodes = malloc(BUFFER * sizeof *layer->nodes);
    if (!layer->times || !layer->nodes)
        return sim_fail(SIM_ERR_MEMORY, "recording: no memory for the spikes of %s",
                        layer->name);
    SIM_TRY(sim_store_begin_rows(store, join(name, "spikes", layer, "/timestamps"),
                                 SIM_F64, 1, rows, BUFFER));
    SIM_TRY(sim_store_write_text(store, name, "units",
                                 recording->step_ms > 0 ? "ms" : "steps"));
    SIM_TRY(sim_store_begin_rows(store, join(name, "spikes", layer, "/node_ids"), SIM_U64,
                                 1, rows, BUFFER));
    join(name, "spikes", layer, "");
    SIM_TRY(sim_store_write_text(store, name, "sorting", "by_time"));
    SIM_TRY(sim_store_write_number(store, name, "height", (double)layer->h));
    SIM_TRY(sim_store_write_number(store, name, "width", (double)layer->w));
    SIM_TRY(sim_store_write_number(store, name, "channels", (double)layer->c));
out:
    return status;
}

/* One element (the soma) per node, as in SONATA's reports of point neurons. */
static SimStatus begin_potentials(CliRecording *recording, Layer *layer, size_t steps)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    const size_t m = layer->n_potentials, dims[2] = {0, m}, pointers[1] = {m + 1};
    const size_t three[1] = {3};
    const double step = recording->step_ms > 0 ? recording->step_ms : 1;
    const double time[3] = {0, step * (double)steps, step};
    const char *const units = recording->step_ms > 0 ? "ms" : "steps";
    SimStore *const store = recording->store;
    uint64_t *const index = malloc((m + 1) * sizeof *index);
    float *const zeros = calloc(m, sizeof *zeros);
    layer->row = malloc(m * sizeof *layer->row);
    if (!index || !zeros || !layer->row) {
        status = sim_fail(SIM_ERR_MEMORY, "recording: no memory for %zu membranes of %s",
                          m, layer->name);
        goto out;
    }
    for (size_t i = 0; i <= m; i++)
        index[i] = i;
    SIM_TRY(sim_store_begin_rows(store, join(name, "report", layer, "/data"), SIM_F32, 2,
                                 dims, m < 4096 ? 4096 / m : 1));
    SIM_TRY(sim_store_write_text(store, name, "units", "1"));
    SIM_TRY(sim_store_write_text(store, name, "variable", "membrane before the reset"));
    SIM_TRY(sim_store_write(store, join(name, "report", layer, "/mapping/node_ids"),
                            SIM_U64, 1, &m, layer->potentials));
    SIM_TRY(sim_store_write_text(store, name, "sorting", "none"));
    SIM_TRY(sim_store_write(store, join(name, "report", layer, "/mapping/index_pointers"),
                            SIM_U64, 1, pointers, index));
    for (size_t i = 0; i < m; i++)
        index[i] = 0;
    SIM_TRY(sim_store_write(store, join(name, "report", layer, "/mapping/element_ids"),
                            SIM_U64, 1, &m, index));
    SIM_TRY(sim_store_write(store, join(name, "report", layer, "/mapping/element_pos"),
                            SIM_F32, 1, &m, zeros));
    SIM_TRY(sim_store_write(store, join(name, "report", layer, "/mapping/time"), SIM_F64,
                            1, three, time));
    SIM_TRY(sim_store_write_text(store, name, "units", units));
out:
    free(index);
    free(zeros);
    return status;
}

static SimStatus layer_copy(const CliRecordingLayer *from, Layer *to)
{
    const size_t size = from->h * from->w * from->c;
    if (strchr(from->name, '/') || strlen(from->name) >= sizeof to->name)
        return sim_fail(SIM_ERR_VALUE,
                        "recording: \"%s\" cannot name a population: wanted at most %zu "
                        "characters without \"/\"",
                        from->name, sizeof to->name - 1);
    snprintf(to->name, sizeof to->name, "%s", from->name);
    to->h = from->h, to->w = from->w, to->c = from->c;
    to->spikes = from->spikes;
    for (size_t i = 0; i < from->n_potentials; i++)
        if (from->potentials[i] >= size)
            return sim_fail(SIM_ERR_VALUE,
                            "recording: layer %s has neurons 0 to %zu, asked for was the "
                            "membrane of %llu",
                            from->name, size - 1,
                            (unsigned long long)from->potentials[i]);
    if (from->n_potentials > 0) {
        to->potentials = malloc(from->n_potentials * sizeof *to->potentials);
        if (!to->potentials)
            return sim_fail(SIM_ERR_MEMORY, "recording: no memory for %zu membranes",
                            from->n_potentials);
        memcpy(to->potentials, from->potentials,
               from->n_potentials * sizeof *to->potentials);
        to->n_potentials = from->n_potentials;
    }
    return SIM_OK;
}

SimStatus cli_recording_create(const char *path, const CliRecordingOptions *options,
                               CliRecording **out)
{
    SimStatus status = SIM_OK;
    CliRecording *recording = calloc(1, sizeof *recording);
    if (!recording)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a recording", path);
    recording->step_ms = options->step_ms;
    recording->layers = calloc(options->n_layers + 1, sizeof *recording->layers);
    if (!recording->layers) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for %zu layers", path,
                          options->n_layers);
        goto out;
    }
    recording->n_layers = options->n_layers;
    for (size_t i = 0; i < options->n_layers; i++)
        SIM_TRY(layer_copy(&options->layers[i], &recording->layers[i]));
    SIM_TRY(sim_store_create_growing(path, &recording->store));
    for (size_t i = 0; i < options->n_layers; i++) {
        if (recording->layers[i].spikes)
            SIM_TRY(begin_spikes(recording, &recording->layers[i]));
        if (recording->layers[i].n_potentials > 0)
            SIM_TRY(begin_potentials(recording, &recording->layers[i], options->steps));
    }
    SIM_TRY(sim_store_write_number(recording->store, "", "magic", SONATA_MAGIC));
    SIM_TRY(sim_store_write_text(recording->store, "", "version", "0.1"));
    SIM_TRY(sim_store_write_text(recording->store, "", "created_by", "apical"));
    SIM_TRY(
        sim_store_write_number(recording->store, "", "steps", (double)options->steps));
    SIM_TRY(sim_store_write_number(recording->store, "", "step_ms", options->step_ms));
    SIM_TRY(write_order(recording));
    if (options->text)
        SIM_TRY(sim_store_write_text(recording->store, "", "experiment", options->text));
    if (options->n_classes > 0)
        SIM_TRY(begin_scores(recording, options));

    *out = recording;
    recording = NULL;
out:
    cli_recording_close(recording);
    return status;
}

/* --- while it runs ------------------------------------------------------------------ */

static SimStatus flush(CliRecording *recording, Layer *layer)
{
    SimStatus status = SIM_OK;
    char name[NAME_SIZE];
    if (layer->held == 0)
        return SIM_OK;
    SIM_TRY(sim_store_append_rows(recording->store,
                                  join(name, "spikes", layer, "/timestamps"), layer->held,
                                  layer->times));
    SIM_TRY(sim_store_append_rows(recording->store,
                                  join(name, "spikes", layer, "/node_ids"), layer->held,
                                  layer->nodes));
    layer->written += layer->held;
    layer->held = 0;
out:
    return status;
}

static SimStatus flush_all(CliRecording *recording)
{
    SimStatus status = SIM_OK;
    for (size_t i = 0; status == SIM_OK && i < recording->n_layers; i++)
        status = flush(recording, &recording->layers[i]);
    return status;
}

static SimStatus add_spike(CliRecording *recording, Layer *layer, double time,
                           uint64_t node)
{
    layer->times[layer->held] = time;
    layer->nodes[layer->held] = node;
    return ++layer->held == BUFFER ? flush(recording, layer) : SIM_OK;
}

static SimStatus add_step(CliRecording *recording, Layer *layer, double time,
                          const SimTensor *spikes, size_t t)
{
    SimStatus status = SIM_OK;
    const size_t pixels = layer->h * layer->w, words = sim_words(layer->c);
    if (spikes->form == SIM_SPIKES) {
        const uint64_t *bits = spikes->bits + t * pixels * words;
        for (size_t pixel = 0; pixel < pixels; pixel++)
            for (size_t word = 0; word < words; word++, bits++)
                for (uint64_t left = *bits; left; left &= left - 1)
                    SIM_TRY(add_spike(recording, layer, time,
                                      pixel * layer->c + word * SIM_WORD_BITS +
                                          (unsigned)__builtin_ctzll(left)));
    } else {
        const float *const values = spikes->f32 + t * pixels * layer->c;
        for (size_t i = 0; i < pixels * layer->c; i++)
            if (values[i] != 0)
                SIM_TRY(add_spike(recording, layer, time, i));
    }
out:
    return status;
}

SimStatus cli_recording_window(CliRecording *recording, size_t layer, size_t t0,
                               const SimTensor *spikes, const float *potential)
{
    SimStatus status = SIM_OK;
    Layer *const at = &recording->layers[layer];
    const double step = recording->step_ms > 0 ? recording->step_ms : 1;
    const size_t size = at->h * at->w * at->c;
    for (size_t t = 0; t < spikes->shape.t; t++) {
        if (at->spikes)
            SIM_TRY(add_step(recording, at, (double)(t0 + t) * step, spikes, t));
        if (at->n_potentials > 0 && potential) {
            char name[NAME_SIZE];
            for (size_t i = 0; i < at->n_potentials; i++)
                at->row[i] = potential[t * size + at->potentials[i]];
            SIM_TRY(sim_store_append_rows(recording->store,
                                          join(name, "report", at, "/data"), 1, at->row));
        }
    }
out:
    return status;
}

SimStatus cli_recording_flush(CliRecording *recording)
{
    const SimStatus status = flush_all(recording);
    return status == SIM_OK ? sim_store_flush(recording->store) : status;
}

SimStatus cli_recording_step(CliRecording *recording, const float *scores)
{
    SimStatus status = SIM_OK;
    struct timespec now;
    if (recording->scores)
        SIM_TRY(sim_store_append_rows(recording->store, "readout/scores", 1, scores));
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (now.tv_sec != recording->flushed)
        SIM_TRY(cli_recording_flush(recording));
    recording->flushed = now.tv_sec;
out:
    return status;
}

SimStatus cli_recording_events(CliRecording *recording, const DataEvent *events, size_t n,
                               size_t width, size_t height)
{
    enum { SLICE = 1 << 15 };
    SimStatus status = SIM_OK;
    SimStore *const store = recording->store;
    const size_t rows[1] = {0};
    struct Columns {
        int64_t t_us[SLICE];
        uint16_t x[SLICE], y[SLICE];
        uint8_t on[SLICE];
    } *const columns = malloc(sizeof *columns);
    if (!columns)
        return sim_fail(SIM_ERR_MEMORY, "recording: no memory for the input events");
    SIM_TRY(sim_store_begin_rows(store, "input/events/t_us", SIM_I64, 1, rows, SLICE));
    SIM_TRY(sim_store_begin_rows(store, "input/events/x", SIM_U16, 1, rows, SLICE));
    SIM_TRY(sim_store_begin_rows(store, "input/events/y", SIM_U16, 1, rows, SLICE));
    SIM_TRY(sim_store_begin_rows(store, "input/events/on", SIM_U8, 1, rows, SLICE));
    for (size_t first = 0; first < n; first += SLICE) {
        const size_t count = n - first < SLICE ? n - first : SLICE;
        for (size_t i = 0; i < count; i++) {
            columns->t_us[i] = events[first + i].t_us;
            columns->x[i] = events[first + i].x;
            columns->y[i] = events[first + i].y;
            columns->on[i] = events[first + i].on;
        }
        SIM_TRY(sim_store_append_rows(store, "input/events/t_us", count, columns->t_us));
        SIM_TRY(sim_store_append_rows(store, "input/events/x", count, columns->x));
        SIM_TRY(sim_store_append_rows(store, "input/events/y", count, columns->y));
        SIM_TRY(sim_store_append_rows(store, "input/events/on", count, columns->on));
    }
    SIM_TRY(sim_store_write_number(store, "input/events", "width", (double)width));
    SIM_TRY(sim_store_write_number(store, "input/events", "height", (double)height));
out:
    free(columns);
    return status;
}

SimStatus cli_recording_frames(CliRecording *recording, SimShape shape,
                               const float *frames)
{
    SimStatus status = SIM_OK;
    const size_t dims[4] = {0, shape.h, shape.w, shape.c};
    SIM_TRY(sim_store_begin_rows(recording->store, "input/frames", SIM_F32, 4, dims, 1));
    SIM_TRY(sim_store_append_rows(recording->store, "input/frames", shape.t, frames));
out:
    return status;
}

SimStatus cli_recording_number(CliRecording *recording, const char *name, double value)
{
    return sim_store_write_number(recording->store, "", name, value);
}

SimStatus cli_recording_text(CliRecording *recording, const char *name, const char *text)
{
    return sim_store_write_text(recording->store, "", name, text);
}

/* --- the end ------------------------------------------------------------------------ */

uint64_t cli_recording_spikes(const CliRecording *recording, size_t layer)
{
    return recording->layers[layer].written + recording->layers[layer].held;
}

SimStatus cli_recording_commit(CliRecording *recording)
{
    SimStatus status = SIM_OK;
    SIM_TRY(flush_all(recording));
    SIM_TRY(sim_store_commit(recording->store));
out:
    return status;
}

void cli_recording_close(CliRecording *recording)
{
    if (!recording)
        return;
    for (size_t i = 0; i < recording->n_layers; i++) {
        free(recording->layers[i].potentials);
        free(recording->layers[i].times);
        free(recording->layers[i].nodes);
        free(recording->layers[i].row);
    }
    free(recording->layers);
    sim_store_close(recording->store);
    free(recording);
}

double cli_recording_estimate(const CliRecordingOptions *options, double rate)
{
    double bytes = 0;
    for (size_t i = 0; i < options->n_layers; i++) {
        const CliRecordingLayer *const layer = &options->layers[i];
        const double neurons = (double)(layer->h * layer->w * layer->c);
        if (layer->spikes)
            bytes += rate * neurons * (double)options->steps *
                     (double)(sizeof(double) + sizeof(uint64_t));
        bytes += (double)layer->n_potentials * (double)options->steps * sizeof(float);
    }
    return bytes;
}
