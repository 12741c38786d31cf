/* datasets/dataset.c: opening a set, and one sample of it. */
#include "datasets/set_internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const frames_names[] = {
    "number",       "time",       "duration",     "duration-old",
    "tonic-number", "tonic-time", "tonic-window", NULL};
static const char *const value_names[] = {"count", "occupancy", "normalised", NULL};
static const char *const axes_names[] = {"spikingjelly", "jaer", NULL};
static const char *const resize_names[] = {"coordinates", "nearest", "bilinear", NULL};
static const char *const split_names[] = {"given",  "spikingjelly", "tebn", "tet",
                                          "random", "file",         NULL};
static const char *const augment_names[] = {"none",      "flip-roll", "nda", "snn-wide",
                                            "crop-flip", "cut-out",   NULL};

#define FIELD(name) offsetof(DataOptions, name)
/* clang-format off */
const SimOption data_options[] = {
    {"path", SIM_OPTION_TEXT, FIELD(path), DATA_PATH_SIZE, .help = "folder or file of the set"},
    {"steps", SIM_OPTION_INT, FIELD(steps), .initial = 10, .low = 1, .high = 10000,
     .help = "frames of a recording, T"},
    {"frames", SIM_OPTION_CHOICE, FIELD(frames), .initial = DATA_FRAMES_NUMBER,
     .choices = frames_names, .help = "rule that cuts events into frames"},
    {"duration_us", SIM_OPTION_INT, FIELD(duration_us), .initial = 100000, .low = 1, .high = 1e12,
     .help = "length of a frame in microseconds, for the duration and window rules"},
    {"value", SIM_OPTION_CHOICE, FIELD(value), .initial = DATA_VALUE_COUNT,
     .choices = value_names, .help = "what a frame holds per pixel and polarity"},
    {"axes", SIM_OPTION_CHOICE, FIELD(axes), .initial = DATA_AXES_SPIKINGJELLY,
     .choices = axes_names, .help = "orientation of AEDAT 2.0 files"},
    {"size", SIM_OPTION_INT, FIELD(size), .initial = 0, .low = 0, .high = 4096,
     .help = "side of the square frame in pixels; 0: the sensor's"},
    {"resize", SIM_OPTION_CHOICE, FIELD(resize), .initial = DATA_RESIZE_COORDINATES,
     .choices = resize_names, .help = "how frames are made smaller"},
    {"split", SIM_OPTION_CHOICE, FIELD(split), .initial = DATA_SPLIT_GIVEN,
     .choices = split_names, .help = "which samples are for testing"},
    {"split_seed", SIM_OPTION_INT, FIELD(split_seed), .initial = 0, .low = 0, .high = 9007199254740992.0,
     .help = "of the random split and the validation part"},
    {"train_share", SIM_OPTION_FLOAT, FIELD(train_share), .initial = 0.9, .low = 0, .high = 1,
     .help = "training share of each class, for tet and random"},
    {"split_file", SIM_OPTION_TEXT, FIELD(split_file), DATA_PATH_SIZE,
     .help = "names of the test samples, one a line, for split: file"},
    {"validation", SIM_OPTION_FLOAT, FIELD(validation), .initial = 0, .low = 0, .high = 0.9,
     .help = "share of the training part held out for validation"},
    {"per_class", SIM_OPTION_INT, FIELD(per_class), .initial = 0, .low = 0, .high = 1e9,
     .help = "use only so many samples of each class and part; 0: all"},
    {"augment", SIM_OPTION_CHOICE, FIELD(augment), .initial = DATA_AUGMENT_NONE,
     .choices = augment_names, .help = "random changes of the training samples"},
    {"normalise", SIM_OPTION_BOOL, FIELD(normalise), .initial = 0,
     .help = "images: subtract the training part's mean, divide by its deviation"},
    {"cache", SIM_OPTION_TEXT, FIELD(cache), DATA_PATH_SIZE,
     .help = "folder for frame caches; empty: ~/.cache/apical; \"none\": no cache"},
    {.name = NULL},
};
/* clang-format on */

#define LAYOUT(name) extern const DataLayout data_layout_##name;
#include "datasets/layouts.inc"
#undef LAYOUT

const DataLayout *const data_layouts[] = {
#define LAYOUT(name) &data_layout_##name,
#include "datasets/layouts.inc"
#undef LAYOUT
    NULL};

void data_set_warn(const DataSet *set, const char *format, ...)
{
    const DataState *const state = set->state;
    if (!state->warn)
        return;
    char sentence[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    state->warn(state->argument, sentence);
}

/* --- opening ---------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const DataSample *)a)->name, ((const DataSample *)b)->name);
}

static SimStatus find_samples(DataListing *listing)
{
    struct stat info;
    if (!data_is_builtin(listing->path) && stat(listing->path, &info) != 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", listing->path, strerror(errno));
    for (const DataLayout *const *layout = data_layouts; *layout; layout++) {
        const SimStatus status = (*layout)->list(listing);
        if (status != SIM_OK)
            return status;
        if (listing->n_samples)
            return SIM_OK;
    }
    return sim_fail(
        SIM_ERR_FORMAT,
        "%s: no samples found; wanted one folder per class, Train and Test "
        "folders, train.txt and test.txt with recordings, or image files with "
        "labels",
        listing->path);
}

/* Samples of each file format of a set agree; the first file tells. */
static SimStatus find_shape(DataSet *set)
{
    SimStatus status = SIM_OK;
    DataFile *file = NULL;
    const DataOptions *const options = &set->options;
    const bool is_numbers = ((DataState *)set->state)->values;
    for (size_t i = 0; i < set->n_samples && !is_numbers; i++) {
        if (i && (set->kind == DATA_EVENTS ||
                  strcmp(set->samples[i].path, set->samples[i - 1].path) == 0))
            continue; /* events: what the first says; images: once a file */
        SIM_TRY(data_file_open(set->samples[i].path, (DataAxes)options->axes, &file));
        const DataInfo info = file->info;
        data_file_close(file);
        file = NULL;
        if (i == 0) {
            set->sensor_w = info.width;
            set->sensor_h = info.height;
            set->c = info.channels;
        } else if (info.width != set->sensor_w || info.height != set->sensor_h ||
                   info.channels != set->c) {
            status =
                sim_fail(SIM_ERR_SHAPE,
                         "%s: its images are %zux%zux%zu, those of %s %zux%zux%zu; "
                         "keep sets in folders of their own",
                         set->samples[i].path, info.width, info.height, info.channels,
                         set->samples[0].path, set->sensor_w, set->sensor_h, set->c);
            goto out;
        }
    }
    if (set->sensor_w == 0 || set->sensor_h == 0 || set->c == 0 || set->c > 4) {
        status = sim_fail(SIM_ERR_SHAPE,
                          "%s: wanted a size and 1 to 4 channels, it has "
                          "%zux%zux%zu",
                          set->samples[0].path, set->sensor_w, set->sensor_h, set->c);
        goto out;
    }
    set->w = set->sensor_w;
    set->h = set->sensor_h;
    set->steps = set->kind == DATA_IMAGES ? 1 : (size_t)options->steps;
    if (set->kind == DATA_EVENTS) {
        set->c = 2;
        if (options->size)
            set->w = set->h = (size_t)options->size;
    } else if (options->size && ((size_t)options->size != set->w || set->w != set->h)) {
        status =
            sim_fail(SIM_ERR_UNSUPPORTED,
                     "size: images keep theirs, %zux%zu, but %lld is wanted; leave it "
                     "0",
                     set->w, set->h, (long long)options->size);
        goto out;
    }
out:
    data_file_close(file);
    return status;
}

SimStatus data_set_open(const DataOptions *options,
                        void (*warn)(void *argument, const char *sentence),
                        void *argument, DataSet *out)
{
    SimStatus status = SIM_OK;
    DataSet set = {.options = *options};
    DataState *state = NULL;
    DataListing listing = {.path = options->path, .warn = warn, .argument = argument};
    bool has_given = false;
    if (!options->path[0]) {
        status =
            sim_fail(SIM_ERR_VALUE, "path: wanted the folder of the set, it is empty");
        goto out;
    }
    state = calloc(1, sizeof *state);
    if (!state) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory to open it", options->path);
        goto out;
    }
    state->warn = warn;
    state->argument = argument;
    for (size_t i = 0; i < 4; i++)
        state->scale[i] = 1;
    set.state = state;
    SIM_TRY(find_samples(&listing));

    state->values = listing.values;
    set.sensor_h = listing.shape[0];
    set.sensor_w = listing.shape[1];
    set.c = listing.shape[2];
    set.kind = listing.kind;
    set.samples = listing.samples;
    set.n_samples = listing.n_samples;
    set.classes = listing.classes;
    set.n_classes = listing.n_classes;
    listing = (DataListing){.path = options->path, .warn = warn, .argument = argument};

    qsort(set.samples, set.n_samples, sizeof *set.samples, by_name);
    has_given = true;
    for (size_t i = 0; i < set.n_samples; i++) {
        has_given &= set.samples[i].part != DATA_PARTS;
        if (i && strcmp(set.samples[i].name, set.samples[i - 1].name) == 0) {
            status = sim_fail(SIM_ERR_FORMAT, "%s: the sample \"%s\" is there twice",
                              options->path, set.samples[i].name);
            goto out;
        }
    }
    SIM_TRY(find_shape(&set));
    SIM_TRY(data_split(&set, has_given));
    if (set.n_part[DATA_TRAIN] == 0)
        data_set_warn(&set, "%s: the split %s leaves nothing to train on", options->path,
                      set.split_name);
    if (set.n_part[DATA_TEST] == 0)
        data_set_warn(&set, "%s: the split %s leaves nothing to test on", options->path,
                      set.split_name);
    *out = set;
    set = (DataSet){0};
out:
    data_set_close(&set);
    data_listing_destroy(&listing);
    return status;
}

void data_set_close(DataSet *set)
{
    DataState *const state = set->state;
    for (size_t i = 0; i < set->n_samples; i++) {
        free(set->samples[i].name);
        free(set->samples[i].path);
    }
    free(set->samples);
    for (size_t i = 0; i < set->n_classes; i++)
        free(set->classes[i]);
    free(set->classes);
    if (state) {
        sim_store_close(state->cache);
        free(state->pixels);
        free(state->values);
    }
    free(state);
    *set = (DataSet){0};
}

/* --- samples ---------------------------------------------------------------------------
 */

SimStatus data_set_decode(const DataSet *set, size_t sample, float *x,
                          DataDecoded *decoded)
{
    SimStatus status = SIM_OK;
    const DataOptions *const options = &set->options;
    DataFile *file = NULL;
    DataEvent *events = NULL;
    size_t n = 0;
    DataFrameReport report = {0};
    const DataFrameSpec spec = {.rule = (DataFrames)options->frames,
                                .value = (DataValue)options->value,
                                .resize = (DataResize)options->resize,
                                .steps = set->steps,
                                .duration_us = options->duration_us,
                                .sensor_w = set->sensor_w,
                                .sensor_h = set->sensor_h,
                                .w = set->w,
                                .h = set->h};
    SIM_TRY(data_file_open(set->samples[sample].path, (DataAxes)options->axes, &file));
    SIM_TRY(data_file_read_events(file, 0, &events, &n));
    SIM_TRY(data_frames_make(&spec, n, events, x, &report));
    if (decoded)
        *decoded =
            (DataDecoded){.n_events = n,
                          .n_empty = report.empty,
                          .outside = report.out_of_range + file->health.out_of_range,
                          .backward = file->health.backward,
                          .bytes_left = file->health.bytes_left};
out:
    data_file_close(file);
    free(events);
    return status;
}

/* Mean and deviation of the training part's channels, from sums over its pixels. */
static void set_scale(DataSet *set, const double *sum, const double *squares)
{
    DataState *const state = set->state;
    const double count = (double)(set->n_part[DATA_TRAIN] * set->h * set->w);
    for (size_t k = 0; set->options.normalise && count > 0 && k < set->c; k++) {
        const double mean = sum[k] / count, variance = squares[k] / count - mean * mean;
        state->mean[k] = (float)mean;
        state->scale[k] = variance > 0 ? (float)(1 / sqrt(variance)) : 1;
    }
}

static void measure_values(DataSet *set)
{
    DataState *const state = set->state;
    const size_t count = set->h * set->w * set->c;
    double sum[4] = {0}, squares[4] = {0};
    for (size_t i = 0; i < set->n_samples; i++) {
        const float *const x = state->values + set->samples[i].index * count;
        for (size_t p = 0; set->samples[i].part == DATA_TRAIN && p < count; p++) {
            sum[p % set->c] += (double)x[p];
            squares[p % set->c] += (double)x[p] * (double)x[p];
        }
    }
    set_scale(set, sum, squares);
    state->measured = true;
}

SimStatus data_images_load(DataSet *set)
{
    SimStatus status = SIM_OK;
    DataState *const state = set->state;
    const size_t pixels = set->h * set->w * set->c;
    double sum[4] = {0}, squares[4] = {0};
    DataFile *file = NULL;
    uint8_t *all = NULL;
    if (state->values && !state->measured)
        measure_values(set);
    if (state->values || state->pixels)
        return SIM_OK;
    all = malloc(set->n_samples * pixels + 1);
    if (!all) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for %zu images of %zu bytes",
                          set->options.path, set->n_samples, pixels);
        goto out;
    }
    for (size_t i = 0; i < set->n_samples; i++) {
        const DataSample *const sample = &set->samples[i];
        uint8_t *const image = all + i * pixels;
        uint32_t label = 0;
        if (!file || strcmp(file->path, sample->path) != 0) {
            data_file_close(file);
            file = NULL;
            SIM_TRY(data_file_open(sample->path, (DataAxes)set->options.axes, &file));
        }
        SIM_TRY(file->reader->image(file, sample->index, image, &label));
        for (size_t p = 0; sample->part == DATA_TRAIN && p < pixels; p++) {
            const double v = (double)image[p] / 255;
            sum[p % set->c] += v;
            squares[p % set->c] += v * v;
        }
    }
    set_scale(set, sum, squares);
    state->pixels = all;
    all = NULL;
out:
    data_file_close(file);
    free(all);
    return status;
}

SimStatus data_set_raw(DataSet *set, size_t sample, float *x)
{
    SimStatus status = SIM_OK;
    DataState *const state = set->state;
    const size_t count = set->steps * set->h * set->w * set->c;
    if (set->kind == DATA_IMAGES) {
        SIM_TRY(data_images_load(set));
        if (state->values) {
            memcpy(x, state->values + set->samples[sample].index * count,
                   count * sizeof *x);
            goto out;
        }
        const uint8_t *const image = state->pixels + sample * count;
        for (size_t i = 0; i < count; i++)
            x[i] = (float)image[i] / 255.0f;
    } else if (state->cache) {
        SIM_TRY(sim_store_read_rows(state->cache, "frames", SIM_F32, sample, 1, x));
    } else {
        SIM_TRY(data_set_decode(set, sample, x, NULL));
    }
out:
    return status;
}

void data_set_normalise(const DataSet *set, float *x)
{
    const DataState *const state = set->state;
    if (set->kind != DATA_IMAGES || !set->options.normalise)
        return;
    for (size_t p = 0; p < set->h * set->w; p++)
        for (size_t k = 0; k < set->c; k++)
            x[p * set->c + k] = (x[p * set->c + k] - state->mean[k]) * state->scale[k];
}

SimStatus data_set_sample(DataSet *set, size_t sample, float *x)
{
    if (sample >= set->n_samples)
        return sim_fail(SIM_ERR_VALUE, "sample %zu: the set has %zu", sample,
                        set->n_samples);
    const SimStatus status = data_set_raw(set, sample, x);
    if (status == SIM_OK)
        data_set_normalise(set, x);
    return status;
}

SimStatus data_set_prepare(DataSet *set, int n_threads,
                           bool (*progress)(void *argument, size_t done, size_t of),
                           void *argument)
{
    if (set->kind == DATA_IMAGES)
        return data_images_load(set);
    return data_cache_open(set, true, n_threads, progress, argument);
}
