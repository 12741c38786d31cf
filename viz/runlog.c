/* viz/runlog.c: lines of numbers, and weights a part at a time. */
#include "viz/runlog.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/store.h"

enum {
    LAYERS = 512,
    WEIGHTS = 1024,
    LARGEST_TEXT = 1 << 26,
    LARGEST_READ = 1 << 20 /* numbers of one array read in one go */
};
#define POLL_S 0.5

typedef struct Seen { /* what a file was when it was read */
    bool there;
    long long size, time_ns;
    unsigned long long inode;
} Seen;

typedef struct Reading { /* a checkpoint on its way in */
    SimStore *store;
    char path[1100];
    VizWeights weights;
    size_t at; /* rows done */
} Reading;

struct VizRunlog {
    char folder[1024], name[256], error[512];
    double polled_s;
    bool polled;
    Seen log, rates, best, last;
    VizEpoch *epochs; /* owned */
    size_t n_epochs;
    char **layers; /* owned, [n_layers] of LAYERS */
    size_t n_layers, n_rates;
    float *rate_values;  /* owned, [n_rates, n_layers] */
    double *rate_epochs; /* owned, [n_rates] */
    Reading reading;
    VizWeights now, before;
};

/* --- files
 * ------------------------------------------------------------------------------ */

static bool changed(const char *path, Seen *seen)
{
    struct stat info;
    Seen now = {0};
    if (stat(path, &info) == 0)
        now = (Seen){true, info.st_size,
                     (long long)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec,
                     info.st_ino};
    const bool differs =
        now.there && (!seen->there || now.size != seen->size ||
                      now.time_ns != seen->time_ns || now.inode != seen->inode);
    *seen = now;
    return differs;
}

static void path_of(const VizRunlog *log, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", log->folder, name);
}

/* All of a file, ended by a zero; owned. NULL: not there, or no memory. */
static char *text_of(const char *path)
{
    FILE *const file = fopen(path, "rb");
    char *text = NULL;
    size_t used = 0, capacity = 0;
    while (file && used < LARGEST_TEXT) {
        if (used + 65536 > capacity) {
            capacity = 2 * capacity + 65536;
            char *const bigger = realloc(text, capacity + 1);
            if (!bigger)
                break;
            text = bigger;
        }
        const size_t got = fread(text + used, 1, 65536, file);
        used += got;
        if (got == 0)
            break;
    }
    if (file)
        fclose(file);
    if (text)
        text[used] = '\0';
    return text;
}

/* --- lines {"name": number, ...}
 * -------------------------------------------------------- */

/* The next pair of a line; *at moves behind it. */
static bool next_pair(const char **at, char *name, size_t size, double *value)
{
    const char *const open = strpbrk(*at, "\"\n");
    if (!open || *open == '\n')
        return false;
    const char *const close = strpbrk(open + 1, "\"\n");
    if (!close || *close == '\n')
        return false;
    snprintf(name, size, "%.*s", (int)(close - open - 1), open + 1);
    const char *const colon = close + 1 + strspn(close + 1, " ");
    if (*colon != ':')
        return false;
    char *end;
    *value = strtod(colon + 1, &end);
    *at = end;
    return end != colon + 1;
}

static const char *next_line(const char *at)
{
    const char *const end = strchr(at, '\n');
    return end ? end + 1 : at + strlen(at);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text = next_line(text))
        n++;
    return n;
}

static void read_log(VizRunlog *log, const char *path)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        {"epoch", offsetof(VizEpoch, epoch)},
        {"lr", offsetof(VizEpoch, lr)},
        {"train_loss", offsetof(VizEpoch, train_loss)},
        {"validation_loss", offsetof(VizEpoch, validation_loss)},
        {"test_loss", offsetof(VizEpoch, test_loss)},
        {"train_accuracy", offsetof(VizEpoch, train_accuracy)},
        {"validation_accuracy", offsetof(VizEpoch, validation_accuracy)},
        {"test_accuracy", offsetof(VizEpoch, test_accuracy)},
        {"firing_rate", offsetof(VizEpoch, firing_rate)},
    };
    enum { FIELDS = sizeof fields / sizeof *fields };
    char *const text = text_of(path);
    VizEpoch *const epochs = text ? calloc(count_lines(text) + 1, sizeof *epochs) : NULL;
    size_t n = 0;
    for (const char *line = text; epochs && *line; line = next_line(line)) {
        VizEpoch row;
        for (size_t i = 0; i < FIELDS; i++)
            *(double *)((char *)&row + fields[i].offset) = (double)NAN;
        char name[64];
        double value;
        for (const char *at = line; next_pair(&at, name, sizeof name, &value);)
            for (size_t i = 0; i < FIELDS; i++)
                if (strcmp(fields[i].name, name) == 0)
                    *(double *)((char *)&row + fields[i].offset) = value;
        if (isfinite(row.epoch)) /* a line cut short has none */
            epochs[n++] = row;
    }
    free(text);
    if (!epochs)
        return;
    free(log->epochs);
    log->epochs = epochs;
    log->n_epochs = n;
}

static size_t layer_of(VizRunlog *log, const char *name)
{
    for (size_t i = 0; i < log->n_layers; i++)
        if (strcmp(log->layers[i], name) == 0)
            return i;
    if (log->n_layers == LAYERS || !(log->layers[log->n_layers] = strdup(name)))
        return LAYERS;
    return log->n_layers++;
}

/* Twice over the text: the layers there are, then their rates. */
static void read_rates(VizRunlog *log, const char *path)
{
    char *const text = text_of(path), name[128];
    double value;
    if (!text)
        return;
    for (const char *line = text; *line; line = next_line(line))
        for (const char *at = line; next_pair(&at, name, sizeof name, &value);)
            if (strcmp(name, "epoch") != 0)
                layer_of(log, name);
    const size_t lines = count_lines(text);
    float *const values = malloc((lines * log->n_layers + 1) * sizeof *values);
    double *const epochs = malloc((lines + 1) * sizeof *epochs);
    size_t n = 0;
    for (const char *line = text; values && epochs && *line; line = next_line(line)) {
        float *const row = values + n * log->n_layers;
        epochs[n] = (double)NAN;
        for (size_t i = 0; i < log->n_layers; i++)
            row[i] = NAN;
        for (const char *at = line; next_pair(&at, name, sizeof name, &value);) {
            if (strcmp(name, "epoch") == 0) {
                epochs[n] = value;
                continue;
            }
            const size_t layer = layer_of(log, name);
            if (layer < log->n_layers)
                row[layer] = (float)value;
        }
        n += isfinite(epochs[n]);
    }
    free(text);
    if (!values || !epochs) {
        free(values);
        free(epochs);
        return;
    }
    free(log->rate_values);
    free(log->rate_epochs);
    log->rate_values = values;
    log->rate_epochs = epochs;
    log->n_rates = n;
}

/* --- weights
 * ---------------------------------------------------------------------------- */

static void weights_destroy(VizWeights *weights)
{
    for (size_t i = 0; i < weights->n_rows; i++)
        free(weights->rows[i].samples);
    free(weights->rows);
    *weights = (VizWeights){0};
}

/* Synapses, not biases and norms. */
static SimStatus add_weight(void *argument, const char *name)
{
    VizWeights *const weights = argument;
    const size_t length = strlen(name);
    static const char end[] = ".weight";
    if (length < sizeof end || strcmp(name + length - (sizeof end - 1), end) != 0 ||
        weights->n_rows == WEIGHTS)
        return SIM_OK;
    snprintf(weights->rows[weights->n_rows++].name, sizeof weights->rows->name, "%s",
             name);
    return SIM_OK;
}

static void reading_close(VizRunlog *log)
{
    sim_store_close(log->reading.store);
    weights_destroy(&log->reading.weights);
    log->reading = (Reading){0};
}

static void reading_begin(VizRunlog *log, const char *path)
{
    Reading *const reading = &log->reading;
    double progress[5] = {0};
    reading_close(log);
    snprintf(reading->path, sizeof reading->path, "%s", path);
    reading->weights.rows = calloc(WEIGHTS, sizeof *reading->weights.rows);
    if (!reading->weights.rows || sim_store_open(path, &reading->store) != SIM_OK ||
        sim_store_read(reading->store, "progress", SIM_F64, 5, progress) != SIM_OK ||
        sim_store_visit(reading->store, "net", add_weight, &reading->weights) != SIM_OK) {
        snprintf(log->error, sizeof log->error, "%s", sim_message());
        reading_close(log);
        return;
    }
    reading->weights.epoch = progress[0];
    log->error[0] = '\0';
}

static bool read_weight(SimStore *store, VizWeight *weight)
{
    SimStoreInfo info;
    if (sim_store_info(store, weight->name, &info) != SIM_OK || info.n_dims == 0 ||
        info.count == 0 || info.dims[0] == 0)
        return false;
    const size_t row = info.count / info.dims[0];
    size_t rows = row < LARGEST_READ ? LARGEST_READ / row : 1;
    rows = rows < info.dims[0] ? rows : info.dims[0];
    float *const values = malloc(rows * row * sizeof *values);
    weight->samples = malloc(VIZ_SAMPLES * sizeof *weight->samples);
    const bool good =
        values && weight->samples &&
        sim_store_read_rows(store, weight->name, SIM_F32, 0, rows, values) == SIM_OK;
    if (good) {
        const size_t n = rows * row;
        weight->count = info.count;
        weight->n = n < VIZ_SAMPLES ? n : VIZ_SAMPLES;
        for (size_t i = 0; i < weight->n; i++)
            weight->samples[i] = values[i * n / weight->n];
    }
    free(values);
    return good;
}

/* One array; at the end the checkpoint becomes the newest. */
static void reading_go_on(VizRunlog *log)
{
    Reading *const reading = &log->reading;
    if (reading->at < reading->weights.n_rows) {
        if (!read_weight(reading->store, &reading->weights.rows[reading->at++])) {
            snprintf(log->error, sizeof log->error, "%s", sim_message());
            reading_close(log);
        }
        return;
    }
    if (reading->weights.epoch != log->now.epoch || log->now.n_rows == 0) {
        weights_destroy(&log->before);
        log->before = log->now;
        log->now = (VizWeights){0};
    }
    weights_destroy(&log->now);
    log->now = reading->weights;
    reading->weights = (VizWeights){0};
    reading_close(log);
}

double viz_weight_change(const VizWeight *a, const VizWeight *b)
{
    double apart = 0, size = 0;
    const size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++) {
        const double x = (double)a->samples[i], d = (double)b->samples[i] - x;
        apart += d * d;
        size += x * x;
    }
    return sqrt(apart / size); /* NAN for no samples */
}

/* --- the log
 * ---------------------------------------------------------------------------- */

SimStatus viz_runlog_create(const char *folder, VizRunlog **out)
{
    struct stat info;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        return sim_fail(SIM_ERR_IO, "%s: there is no such folder", folder);
    VizRunlog *const log = calloc(1, sizeof *log);
    if (!log || !(log->layers = calloc(LAYERS + 1, sizeof *log->layers))) {
        free(log);
        return sim_fail(SIM_ERR_MEMORY, "no memory to follow %s", folder);
    }
    snprintf(log->folder, sizeof log->folder, "%s", folder);
    size_t end = strlen(log->folder);
    while (end > 1 && log->folder[end - 1] == '/')
        log->folder[--end] = '\0';
    const char *const slash = strrchr(log->folder, '/');
    snprintf(log->name, sizeof log->name, "%.255s",
             slash && slash[1] ? slash + 1 : log->folder);
    *out = log;
    return SIM_OK;
}

void viz_runlog_destroy(VizRunlog *log)
{
    if (!log)
        return;
    reading_close(log);
    weights_destroy(&log->now);
    weights_destroy(&log->before);
    for (size_t i = 0; i < log->n_layers; i++)
        free(log->layers[i]);
    free(log->layers);
    free(log->epochs);
    free(log->rate_values);
    free(log->rate_epochs);
    free(log);
}

static void look(VizRunlog *log)
{
    char path[1100];
    path_of(log, "log.jsonl", path, sizeof path);
    if (changed(path, &log->log))
        read_log(log, path);
    path_of(log, "rates.jsonl", path, sizeof path);
    if (changed(path, &log->rates))
        read_rates(log, path);
    if (log->reading.store)
        return;                                 /* one checkpoint after the other */
    path_of(log, "best.h5", path, sizeof path); /* once, to have one before the last */
    const bool first = log->now.n_rows == 0 && !log->best.there;
    if (first && changed(path, &log->best)) {
        reading_begin(log, path);
        return;
    }
    path_of(log, "last.h5", path, sizeof path);
    if (changed(path, &log->last))
        reading_begin(log, path);
}

void viz_runlog_poll(VizRunlog *log, double wall_s, bool all)
{
    const bool due = all || !log->polled || wall_s - log->polled_s >= POLL_S;
    if (due) {
        log->polled = true;
        log->polled_s = wall_s;
        look(log);
    }
    if (log->reading.store)
        reading_go_on(log);
    for (int files = 0; all && files < 3; files++) {
        while (log->reading.store)
            reading_go_on(log);
        look(log);
    }
}

const VizEpoch *viz_runlog_epochs(const VizRunlog *log, size_t *n)
{
    *n = log->n_epochs;
    return log->epochs;
}

const float *viz_runlog_rates(const VizRunlog *log, size_t *n_epochs, size_t *n_layers,
                              const char *const **names, const double **epochs)
{
    *n_epochs = log->n_rates;
    *n_layers = log->n_layers;
    *names = (const char *const *)log->layers;
    *epochs = log->rate_epochs;
    return log->rate_values;
}

const VizWeights *viz_runlog_weights(const VizRunlog *log)
{
    return &log->now;
}

const VizWeights *viz_runlog_weights_before(const VizRunlog *log)
{
    return &log->before;
}

const char *viz_runlog_name(const VizRunlog *log)
{
    return log->name;
}

const char *viz_runlog_error(const VizRunlog *log)
{
    return *log->error ? log->error : NULL;
}
