/* viz/source_recording.c: populations, reports, input and scores of a recording. */
#include "viz/source_recording.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/store.h"
#include "viz/clock.h"
#include "viz/recording_layers.h"

enum { SLICE = 1 << 15, NAME = 192, MAX_SIDE = 1 << 16, SONATA_MAGIC = 0x0A7A };
enum { MAX_STEPS = 1 << 24, MAX_NEURONS = 1 << 28 };

typedef struct Population {
    uint64_t *rows; /* [n_steps + 1] the first spike of each step; owned; NULL: none */
    size_t n_fired; /* steps whose spikes are there, all unless the file ends early */
    uint64_t *reported; /* [n_reported] neurons with a membrane; owned */
    size_t n_reported;
    size_t n_membranes; /* steps whose membranes are there */
} Population;

typedef struct Recording {
    VizSource base; /* first: the source is this */
    VizSubject subject;
    SimStore *store;
    Population *populations;   /* [n_layers] */
    uint64_t *nodes;           /* [SLICE] */
    float *row;                /* of the widest report */
    double step_ms;            /* 0: times are numbers of steps */
    bool part;                 /* the file ends early, or was never finished */
    size_t n_frames, n_scores; /* steps that have them; constant: 1 frame */
} Recording;

/* --- what is said about it ------------------------------------------------------------
 */

/* The first sentence is kept, further ones are counted. */
static void note(Recording *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void note(Recording *r, const char *format, ...)
{
    char *const to = r->subject.note;
    const size_t used = strlen(to), room = sizeof r->subject.note - used;
    va_list arguments;
    if (used > sizeof r->subject.note - 160)
        return;
    if (used)
        memcpy(to + used, "; ", 3);
    va_start(arguments, format);
    vsnprintf(to + used + (used ? 2 : 0), room - (used ? 2 : 0), format, arguments);
    va_end(arguments);
}

static double number_or(SimStore *store, const char *name, const char *attribute,
                        double otherwise)
{
    double value;
    return sim_store_has_attribute(store, name, attribute) &&
                   sim_store_read_number(store, name, attribute, &value) == SIM_OK
               ? value
               : otherwise;
}

/* --- one layer ------------------------------------------------------------------------
 */

static bool read_size(Recording *r, const char *name, VizLayer *layer)
{
    const char *const keys[3] = {"height", "width", "channels"};
    size_t *const sides[3] = {&layer->h, &layer->w, &layer->c};
    char group[NAME];
    double total = 1;
    snprintf(group, sizeof group, "spikes/%s", name);
    for (int i = 0; i < 3; i++) {
        const double side = number_or(r->store, group, keys[i], (double)NAN);
        if (!(side >= 1 && side <= MAX_NEURONS) || side != floor(side))
            return false;
        *sides[i] = (size_t)side;
        total *= side;
    }
    return total <= MAX_NEURONS;
}

static double time_unit(const Recording *r)
{
    return r->step_ms > 0 ? r->step_ms : 1;
}

/* The rows of an array that are there, and whether these are all. */
static SimStatus rows_of(Recording *r, const char *array, size_t all, size_t *rows,
                         bool *whole)
{
    size_t there = all;
    const SimStatus status = r->part ? sim_store_rows(r->store, array, &there) : SIM_OK;
    *whole = *whole && there == all;
    *rows = there < *rows ? there : *rows;
    return status;
}

/* Where the spikes of each step start: the times are read once, a slice at a time. In a
 * file that ends early the step that its last spike belongs to may lack others. */
static SimStatus index_spikes(Recording *r, const char *name, Population *population)
{
    SimStatus status = SIM_OK;
    char array[NAME];
    SimStoreInfo times, nodes;
    double *const slice = malloc(SLICE * sizeof *slice);
    const size_t n_steps = r->subject.n_steps;
    uint64_t *rows = calloc(n_steps + 2, sizeof *rows);
    size_t step = 0, n_rows = SIZE_MAX;
    bool whole = true;
    if (!slice || !rows) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory to index %s", name);
        goto out;
    }
    snprintf(array, sizeof array, "spikes/%s/node_ids", name);
    SIM_TRY(sim_store_info(r->store, array, &nodes));
    SIM_TRY(rows_of(r, array, nodes.count, &n_rows, &whole));
    snprintf(array, sizeof array, "spikes/%s/timestamps", name);
    SIM_TRY(sim_store_info(r->store, array, &times));
    SIM_TRY(rows_of(r, array, times.count, &n_rows, &whole));
    if (times.n_dims != 1 || nodes.n_dims != 1 ||
        (times.count != nodes.count && !r->part)) {
        status = sim_fail(SIM_ERR_FORMAT, "%s has %zu times for %zu spikes", name,
                          times.count, nodes.count);
        goto out;
    }
    whole = whole && times.count == nodes.count;
    for (size_t first = 0; first < n_rows; first += SLICE) {
        const size_t n = n_rows - first < SLICE ? n_rows - first : SLICE;
        status = sim_store_read_rows(r->store, array, SIM_F64, first, n, slice);
        if (status != SIM_OK && r->part) {
            status = SIM_OK;
            whole = false;
            break;
        }
        SIM_TRY(status);
        for (size_t i = 0; i < n; i++) {
            const double at = slice[i] / time_unit(r);
            if (!(at > -0.5 && at < (double)n_steps - 0.5 + 1e-9)) {
                status = sim_fail(SIM_ERR_FORMAT, "%s: a spike at step %.6g of %zu", name,
                                  at, n_steps);
                goto out;
            }
            const size_t k = (size_t)(at + 0.5);
            if (k < step) {
                status =
                    sim_fail(SIM_ERR_FORMAT, "%s: spikes are not in order of time", name);
                goto out;
            }
            for (; step < k; step++)
                rows[step + 1] = first + i;
        }
    }
    population->n_fired = whole ? n_steps : step;
    for (; step < n_steps; step++)
        rows[step + 1] = n_rows;
    population->rows = rows;
    rows = NULL;
out:
    free(slice);
    free(rows);
    return status;
}

static SimStatus index_report(Recording *r, const char *name, const VizLayer *layer,
                              Population *population)
{
    SimStatus status = SIM_OK;
    char array[NAME];
    SimStoreInfo data, ids;
    uint64_t *reported = NULL;
    size_t n_rows = r->subject.n_steps;
    bool whole = true;
    snprintf(array, sizeof array, "report/%s/data", name);
    SIM_TRY(sim_store_info(r->store, array, &data));
    SIM_TRY(rows_of(r, array, data.dims[0], &n_rows, &whole));
    snprintf(array, sizeof array, "report/%s/mapping/node_ids", name);
    SIM_TRY(sim_store_info(r->store, array, &ids));
    const size_t neurons = layer->h * layer->w * layer->c;
    if (data.n_dims != 2 || ids.n_dims != 1 || data.dims[1] != ids.count ||
        (data.dims[0] != r->subject.n_steps && !r->part) || ids.count > neurons ||
        ids.count == 0) {
        status = sim_fail(SIM_ERR_FORMAT, "the membranes of %s are not %zu steps", name,
                          r->subject.n_steps);
        goto out;
    }
    reported = malloc(ids.count * sizeof *reported);
    if (!reported) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu membranes", ids.count);
        goto out;
    }
    SIM_TRY(sim_store_read(r->store, array, SIM_U64, ids.count, reported));
    for (size_t i = 0; i < ids.count; i++)
        if (reported[i] >= neurons) {
            status = sim_fail(SIM_ERR_FORMAT, "%s has no neuron %llu", name,
                              (unsigned long long)reported[i]);
            goto out;
        }
    population->reported = reported;
    population->n_reported = ids.count;
    population->n_membranes = n_rows;
    reported = NULL;
out:
    free(reported);
    return status;
}

static void open_layer(Recording *r, size_t i, const char *name)
{
    VizLayer *const layer = &r->subject.layers[i];
    char array[NAME];
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->kind = "neuron";
    layer->node = -1;
    layer->is_neuron = layer->spiking = true;
    layer->threshold = NAN;
    if (i > 0) { /* a strip: what feeds what is not recorded */
        layer->n_inputs = 1;
        layer->inputs[0] = (int)i - 1;
    }
    if (!read_size(r, name, layer)) {
        layer->h = layer->w = layer->c = 1;
        note(r, "layer %s does not say its size and is left out", name);
        return;
    }
    if (index_spikes(r, name, &r->populations[i]) == SIM_OK)
        layer->has_spikes = true;
    else
        note(r, "the spikes of %s are left out: %s", name, sim_message());
    snprintf(array, sizeof array, "report/%s/data", name);
    if (!sim_store_has(r->store, array))
        return;
    if (index_report(r, name, layer, &r->populations[i]) == SIM_OK)
        layer->has_potential = true;
    else
        note(r, "%s", sim_message());
}

/* --- input and scores -----------------------------------------------------------------
 */

static void open_frames(Recording *r)
{
    VizSubject *const subject = &r->subject;
    SimStoreInfo info;
    size_t n_rows = SIZE_MAX;
    bool whole = true;
    if (!sim_store_has(r->store, "input/frames")) {
        note(r, "the frames that the net saw are missing");
        return;
    }
    if (sim_store_info(r->store, "input/frames", &info) != SIM_OK || info.n_dims != 4 ||
        (info.dims[0] != 1 && info.dims[0] < subject->n_steps) ||
        info.dims[1] > MAX_SIDE || info.dims[2] > MAX_SIDE || info.dims[3] > 1024 ||
        info.dims[1] * info.dims[2] * info.dims[3] > MAX_NEURONS ||
        info.dims[1] * info.dims[2] * info.dims[3] == 0) {
        note(r, "the input frames do not fit the steps and are left out");
        return;
    }
    if (rows_of(r, "input/frames", info.dims[0], &n_rows, &whole) != SIM_OK || !n_rows)
        return;
    subject->input_h = info.dims[1];
    subject->input_w = info.dims[2];
    subject->input_c = info.dims[3];
    subject->constant = info.dims[0] == 1 && subject->n_steps > 1;
    r->n_frames = n_rows;
}

/* How many there are. */
static size_t count_scores(Recording *r)
{
    SimStoreInfo info;
    size_t n_rows = r->subject.n_steps;
    bool whole = true;
    if (!sim_store_has(r->store, "readout/scores")) {
        note(r, "the class scores are missing");
        return 0;
    }
    if (sim_store_info(r->store, "readout/scores", &info) != SIM_OK || info.n_dims != 2 ||
        (info.dims[0] != r->subject.n_steps && !r->part) || info.dims[1] == 0 ||
        info.dims[1] > 1 << 20) {
        note(r, "the class scores do not fit the steps and are left out");
        return 0;
    }
    /* Scores end every step: a simulation that was killed came that far. */
    if (info.dims[0] > 0 && info.dims[0] < r->subject.n_steps)
        r->subject.n_steps = info.dims[0];
    if (rows_of(r, "readout/scores", info.dims[0], &n_rows, &whole) != SIM_OK)
        return 0;
    r->n_scores = n_rows;
    return info.dims[1];
}

static SimStatus name_classes(Recording *r)
{
    SimStatus status = SIM_OK;
    char *lines = NULL, *rest = NULL;
    if (sim_store_has_attribute(r->store, "readout/scores", "classes") &&
        sim_store_read_text(r->store, "readout/scores", "classes", &lines) == SIM_OK)
        rest = lines;
    for (size_t k = 0; k < r->subject.n_classes; k++) {
        char number[32];
        snprintf(number, sizeof number, "class %zu", k);
        const char *const name = rest ? strsep(&rest, "\n") : NULL;
        r->subject.classes[k] = strdup(name && *name ? name : number);
        if (!r->subject.classes[k]) {
            status = sim_fail(SIM_ERR_MEMORY, "no memory for class names");
            goto out;
        }
    }
out:
    free(lines);
    return status;
}

static void read_text(Recording *r, const char *attribute, char *to, size_t size)
{
    char *text = NULL;
    if (sim_store_has_attribute(r->store, "", attribute) &&
        sim_store_read_text(r->store, "", attribute, &text) == SIM_OK)
        snprintf(to, size, "%s", text);
    free(text);
}

static SimStatus column(Recording *r, const char *name, SimType as, size_t first,
                        size_t n, void *to)
{
    char array[NAME];
    snprintf(array, sizeof array, "input/events/%s", name);
    return sim_store_read_rows(r->store, array, as, first, n, to);
}

static SimStatus read_events(Recording *r, size_t n, DataEvent *events)
{
    SimStatus status = SIM_OK;
    struct Columns {
        int64_t t_us[SLICE];
        uint16_t x[SLICE], y[SLICE];
        uint8_t on[SLICE];
    } *const columns = malloc(sizeof *columns);
    if (!columns)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the input events");
    for (size_t first = 0; first < n; first += SLICE) {
        const size_t count = n - first < SLICE ? n - first : SLICE;
        SIM_TRY(column(r, "t_us", SIM_I64, first, count, columns->t_us));
        SIM_TRY(column(r, "x", SIM_U16, first, count, columns->x));
        SIM_TRY(column(r, "y", SIM_U16, first, count, columns->y));
        SIM_TRY(column(r, "on", SIM_U8, first, count, columns->on));
        for (size_t i = 0; i < count; i++)
            events[first + i] = (DataEvent){
                columns->t_us[i], columns->x[i], columns->y[i], columns->on[i] != 0, {0}};
    }
out:
    free(columns);
    return status;
}

static void open_events(Recording *r, VizEvents **out)
{
    static const char *const columns[] = {"t_us", "x", "y", "on"};
    SimStoreInfo info;
    DataEvent *events = NULL;
    size_t n = SIZE_MAX;
    bool whole = true;
    const double w = number_or(r->store, "input/events", "width", 0);
    const double h = number_or(r->store, "input/events", "height", 0);
    if (!sim_store_has(r->store, "input/events/t_us"))
        return;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        char array[NAME];
        snprintf(array, sizeof array, "input/events/%s", columns[i]);
        if (sim_store_info(r->store, array, &info) != SIM_OK || info.n_dims != 1 ||
            rows_of(r, array, info.count, &n, &whole) != SIM_OK)
            n = 0;
        n = info.count < n ? info.count : n;
    }
    if (n > 0 && w >= 1 && h >= 1 && w <= DATA_MAX_SIDE && h <= DATA_MAX_SIDE)
        events = malloc(n * sizeof *events);
    if (!events || read_events(r, n, events) != SIM_OK ||
        viz_events_take(events, n, (size_t)w, (size_t)h, out) != SIM_OK)
        note(r, "the input events are %s and left out", r->part ? "cut" : "damaged");
    free(events);
}

/* --- a step ---------------------------------------------------------------------------
 */

static SimStatus read_spikes(Recording *r, size_t layer, size_t k, VizStepBuffer *out)
{
    SimStatus status = SIM_OK;
    char array[NAME];
    const VizLayer *const at = &r->subject.layers[layer];
    const uint64_t *const rows = r->populations[layer].rows;
    const size_t words = sim_words(at->c), neurons = at->h * at->w * at->c;
    uint64_t *const bits = out->spikes[layer];
    memset(bits, 0, at->h * at->w * words * sizeof *bits);
    snprintf(array, sizeof array, "spikes/%s/node_ids", at->name);
    for (uint64_t first = rows[k]; first < rows[k + 1]; first += SLICE) {
        const uint64_t left = rows[k + 1] - first;
        const size_t n = left < SLICE ? (size_t)left : SLICE;
        SIM_TRY(sim_store_read_rows(r->store, array, SIM_U64, first, n, r->nodes));
        for (size_t i = 0; i < n; i++) {
            if (r->nodes[i] >= neurons) {
                status = sim_fail(SIM_ERR_FORMAT, "%s has no neuron %llu", at->name,
                                  (unsigned long long)r->nodes[i]);
                goto out;
            }
            const size_t channel = r->nodes[i] % at->c;
            bits[r->nodes[i] / at->c * words + channel / SIM_WORD_BITS] |=
                UINT64_C(1) << channel % SIM_WORD_BITS;
        }
    }
    out->n_spikes[layer] = (uint32_t)(rows[k + 1] - rows[k]);
    out->spike_views[layer] = bits;
out:
    return status;
}

static SimStatus read_membranes(Recording *r, size_t layer, size_t k)
{
    char array[NAME];
    snprintf(array, sizeof array, "report/%s/data", r->subject.layers[layer].name);
    return sim_store_read_rows(r->store, array, SIM_F32, k, 1, r->row);
}

static void show_membranes(Recording *r, size_t k, const VizWants *wants,
                           VizStepBuffer *out)
{
    for (size_t layer = 0; layer < r->subject.n_layers; layer++) {
        const Population *const population = &r->populations[layer];
        const VizLayer *const at = &r->subject.layers[layer];
        bool wanted = wants->layer == (int)layer;
        for (size_t p = 0; p < wants->n_picks; p++)
            wanted = wanted || wants->picks[p].layer == (int)layer;
        if (!wanted || k >= population->n_membranes ||
            read_membranes(r, layer, k) != SIM_OK)
            continue;
        for (size_t p = 0; p < wants->n_picks; p++)
            for (size_t i = 0; i < population->n_reported; i++)
                if (wants->picks[p].layer == (int)layer &&
                    wants->picks[p].neuron == population->reported[i])
                    out->step.picked[p] = r->row[i];
        if (wants->layer != (int)layer)
            continue;
        const size_t neurons = at->h * at->w * at->c;
        for (size_t i = 0; i < neurons; i++)
            out->potential[i] = NAN;
        for (size_t i = 0; i < population->n_reported; i++)
            out->potential[population->reported[i]] = r->row[i];
        out->step.potential = out->potential;
    }
}

/* A step whose arrays turn out damaged is shown without them. */
static SimStatus make(VizSource *source, size_t k, const VizWants *wants,
                      const atomic_bool *stop, VizStepBuffer *out)
{
    Recording *const r = (Recording *)source;
    const VizSubject *const subject = &r->subject;
    (void)stop; /* a step is short */
    for (size_t i = 0; i < subject->n_layers; i++)
        if (k < r->populations[i].n_fired && read_spikes(r, i, k, out) != SIM_OK)
            out->spike_views[i] = NULL;
    if ((subject->constant ? 0 : k) < r->n_frames &&
        sim_store_read_rows(r->store, "input/frames", SIM_F32, subject->constant ? 0 : k,
                            1, out->input) == SIM_OK)
        out->step.input = out->input;
    if (k < r->n_scores && sim_store_read_rows(r->store, "readout/scores", SIM_F32, k, 1,
                                               out->scores) == SIM_OK)
        out->step.scores = out->scores;
    show_membranes(r, k, wants, out);
    for (size_t p = 0; p < wants->n_picks; p++)
        if (out->spike_views[wants->picks[p].layer])
            out->step.fired[p] =
                viz_step_fired(&out->step, subject, (size_t)wants->picks[p].layer,
                               wants->picks[p].neuron);
    return SIM_OK;
}

/* --- opening and closing --------------------------------------------------------------
 */

static void close_recording(VizSource *source)
{
    Recording *const r = (Recording *)source;
    for (size_t i = 0; r->populations && i < r->subject.n_layers; i++) {
        free(r->populations[i].rows);
        free(r->populations[i].reported);
    }
    free(r->populations);
    free(r->nodes);
    free(r->row);
    viz_subject_destroy(&r->subject);
    sim_store_close(r->store);
    free(r);
}

static SimStatus check_file(Recording *r, const char *path, size_t *n_steps)
{
    char version[32] = "", by[32] = "";
    SimStoreInfo info;
    read_text(r, "version", version, sizeof version);
    read_text(r, "created_by", by, sizeof by);
    const double steps = number_or(r->store, "", "steps", (double)NAN);
    const double step_ms = number_or(r->store, "", "step_ms", 0);
    const bool ours = strcmp(by, "apical") == 0 ||
                      (r->part && number_or(r->store, "", "magic", 0) == SONATA_MAGIC);
    if (!ours || !(steps >= 1 && steps <= MAX_STEPS)) {
        if (sim_store_has(r->store, "experiment") ||
            sim_store_info(r->store, "progress/epoch", &info) == SIM_OK)
            return sim_fail(SIM_ERR_FORMAT, "%s: a checkpoint, not a recording", path);
        return sim_fail(SIM_ERR_FORMAT,
                        "%s: no recording of apical (no number of steps in it); \"apical "
                        "sim MODEL INPUT --record\" makes one",
                        path);
    }
    if (strcmp(version, "0.1") != 0 && (*version || !r->part))
        note(r, "written as version %s of the layout, this program knows 0.1",
             *version ? version : "?");
    r->step_ms = step_ms > 0 && isfinite(step_ms) && step_ms < 1e9 ? step_ms : 0;
    *n_steps = (size_t)steps;
    return SIM_OK;
}

static SimStatus describe(Recording *r, const char *path)
{
    VizSubject *const subject = &r->subject;
    char model[200] = "";
    const char *const slash = strrchr(path, '/');
    read_text(r, "model", model, sizeof model);
    read_text(r, "input", subject->input, sizeof subject->input);
    snprintf(subject->title, sizeof subject->title, "%.90s%s%.140s",
             slash ? slash + 1 : path, *model ? ", recorded from " : "", model);
    subject->timed = r->step_ms > 0;
    const double step_us = r->step_ms > 0 ? r->step_ms * 1e3 : VIZ_NOMINAL_US;
    for (size_t k = 0; k <= subject->n_steps; k++)
        subject->edges_us[k] = llround((double)k * step_us);
    const double label = number_or(r->store, "", "label", -1);
    subject->label = label >= 0 && label < (double)subject->n_classes ? (int)label : -1;
    return name_classes(r);
}

/* A file that ends early is shown as far as any of its layers goes; where nothing of the
 * net is left, its input is. */
static SimStatus end_early(Recording *r, const char *path, size_t declared)
{
    VizSubject *const subject = &r->subject;
    size_t last = r->n_scores, n_short = 0;
    for (size_t i = 0; i < subject->n_layers; i++) {
        const Population *const population = &r->populations[i];
        last = population->n_fired > last ? population->n_fired : last;
        last = population->n_membranes > last ? population->n_membranes : last;
    }
    if (last == 0 && r->n_frames == 0)
        return sim_fail(SIM_ERR_FORMAT,
                        "%s: cut short before its first step: copy or make it again",
                        path);
    char rest[sizeof subject->note], ends[160];
    snprintf(rest, sizeof rest, "%s", subject->note);
    subject->note[0] = '\0';
    if (last > 0)
        note(r, "cut short or never finished: %zu of %zu steps are there", last,
             declared);
    else
        note(r, "cut short: of %zu steps only the input is there", declared);
    for (size_t i = 0; i < subject->n_layers; i++)
        if (r->populations[i].n_fired < last && n_short++ == 0)
            snprintf(ends, sizeof ends, "spikes of %.60s end with step %zu",
                     subject->layers[i].name, r->populations[i].n_fired);
    if (n_short > 1)
        note(r, "%s, those of %zu more layers early, too", ends, n_short - 1);
    else if (n_short > 0)
        note(r, "%s", ends);
    if (*rest)
        note(r, "%s", rest);
    subject->n_steps = last > 0 ? last : subject->n_steps;
    return SIM_OK;
}

static SimStatus open_store(Recording *r, const char *path)
{
    if (sim_store_open(path, &r->store) == SIM_OK)
        return SIM_OK;
    r->part = true;
    return sim_store_open_part(path, &r->store);
}

SimStatus viz_source_recording_open(const char *path, VizSource **out, VizEvents **events)
{
    SimStatus status = SIM_OK;
    VizRecordingLayers names = {0};
    char *missing = NULL;
    size_t n_steps = 0, widest = 0;
    VizEvents *input = NULL;
    Recording *r = calloc(1, sizeof *r);
    if (!r)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory to look at it", path);
    SIM_TRY(open_store(r, path));
    SIM_TRY(check_file(r, path, &n_steps));
    r->subject.n_steps = n_steps;
    SIM_TRY(viz_recording_layers(r->store, &names, &missing));
    if (*missing)
        note(r, "%s missing: %s", strchr(missing, ',') ? "layers are" : "a layer is",
             missing);
    const size_t n_classes = count_scores(r);
    /* The notes so far move into the subject that knows how many layers there are. */
    VizSubject subject;
    SIM_TRY(viz_subject_create(names.n, r->subject.n_steps, n_classes, &subject));
    memcpy(subject.note, r->subject.note, sizeof subject.note);
    r->subject = subject;
    r->populations = calloc(names.n + 1, sizeof *r->populations);
    r->nodes = malloc(SLICE * sizeof *r->nodes);
    if (!r->populations || !r->nodes) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for %zu layers", path, names.n);
        goto out;
    }
    for (size_t i = 0; i < names.n; i++) {
        open_layer(r, i, names.names[i]);
        if (r->populations[i].n_reported > widest)
            widest = r->populations[i].n_reported;
    }
    r->row = malloc((widest + 1) * sizeof *r->row);
    if (!r->row) {
        status =
            sim_fail(SIM_ERR_MEMORY, "%s: no memory for %zu membranes", path, widest);
        goto out;
    }
    SIM_TRY(describe(r, path));
    open_frames(r);
    open_events(r, &input);
    if (r->part)
        SIM_TRY(end_early(r, path, n_steps));

    r->base = (VizSource){&r->subject, make, close_recording};
    *out = &r->base;
    *events = input;
    r = NULL;
    input = NULL;
out:
    if (r)
        close_recording(&r->base);
    viz_events_close(input);
    free(names.names);
    free(missing);
    return status;
}
