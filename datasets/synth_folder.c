/* datasets/synth_folder.c: a folder of recordings from a set of images. */
#include "datasets/synth_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/aedat2_write.h"
#include "datasets/dataset.h"
#include "sim/file.h"
#include "sim/team.h"

enum {
    BLOCK = 64,
    TRIALS = 12,
    PROBES = 8
}; /* recordings between two looks at progress */

typedef struct Job {
    DataSet *set;
    DataCamera *camera;
    double threshold;
    const char *folder;
    char name[64];
    const uint32_t *samples; /* [n] numbers in the set */
    const uint32_t *numbers; /* [n] number within the class */
    size_t first;            /* of the block at hand */
    bool count_only;         /* write nothing */
    float *grey;             /* [BLOCK,h,w] */
    size_t events[BLOCK];
    bool kept[BLOCK];
    SimStatus status[BLOCK];
    char messages[BLOCK][256];
} Job;

static SimStatus path_of(const Job *job, size_t at, char *path, size_t size)
{
    const char *const class_name =
        job->set->classes[job->set->samples[job->samples[at]].label];
    const int n = snprintf(path, size, "%s/%s/%s_%s_%u.aedat", job->folder, class_name,
                           job->name, class_name, job->numbers[at]);
    return n > 0 && (size_t)n < size
               ? SIM_OK
               : sim_fail(SIM_ERR_VALUE, "%s: the path is too long", job->folder);
}

static void record(void *argument, size_t index, size_t thread)
{
    Job *const job = argument;
    const DataSet *const set = job->set;
    const size_t at = job->first + index, pixels = set->h * set->w;
    SimStatus status = SIM_OK;
    DataEvent *events = NULL;
    size_t n = 0;
    char path[2 * DATA_PATH_SIZE];
    (void)thread;
    job->kept[index] = false;
    job->events[index] = 0;
    SIM_TRY(path_of(job, at, path, sizeof path));
    if (!job->count_only && access(path, F_OK) == 0) { /* whole: it was renamed */
        job->kept[index] = true;
        goto out;
    }
    /* The stream is the number of the image in the whole list, not in the block. */
    SIM_TRY(data_camera_record(job->camera, job->threshold, set->h, set->w,
                               job->grey + index * pixels, (uint32_t)at, &events, &n));
    job->events[index] = n;
    if (!job->count_only)
        SIM_TRY(data_aedat2_write(path, DATA_AXES_SPIKINGJELLY, events, n));
out:
    free(events);
    job->status[index] = status;
    if (status != SIM_OK)
        snprintf(job->messages[index], sizeof job->messages[index], "%s", sim_message());
}

/* Grey images of a block, read by one thread in order. `scratch` [h,w,c]. */
static SimStatus read_block(Job *job, const size_t *at, size_t n, float *scratch)
{
    DataSet *const set = job->set;
    const size_t pixels = set->h * set->w, c = set->c;
    for (size_t k = 0; k < n; k++) {
        const SimStatus status = data_set_sample(set, job->samples[at[k]], scratch);
        if (status != SIM_OK)
            return status;
        for (size_t p = 0; p < pixels; p++) {
            const float *const x = scratch + p * c;
            job->grey[k * pixels + p] =
                c >= 3 ? 0.299f * x[0] + 0.587f * x[1] + 0.114f * x[2] : x[0];
        }
    }
    return SIM_OK;
}

static SimStatus run_block(Job *job, const SimTeam *team, size_t n)
{
    sim_team_run(team, n, record, job);
    for (size_t k = 0; k < n; k++)
        if (job->status[k] != SIM_OK)
            return sim_fail(job->status[k], "%s", job->messages[k]);
    return SIM_OK;
}

/* The threshold at which some images, spread over the set, give the wanted mean. */
static SimStatus find_threshold(Job *job, const SimTeam *team, size_t n, float *scratch)
{
    SimStatus status = SIM_OK;
    size_t at[PROBES];
    const size_t probes = n < PROBES ? n : PROBES;
    double low = log(0.01), high = log(3);
    for (size_t k = 0; k < probes; k++)
        at[k] = k * n / probes;
    SIM_TRY(read_block(job, at, probes, scratch));
    job->count_only = true;
    job->first = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double sum = 0;
        job->threshold = exp(0.5 * (low + high));
        SIM_TRY(run_block(job, team, probes));
        for (size_t k = 0; k < probes; k++)
            sum += (double)job->events[k];
        if (sum > (double)job->camera->options.events * (double)probes)
            low = 0.5 * (low + high);
        else
            high = 0.5 * (low + high);
    }
    /* Few digits, so that what synth.txt says is what was used. */
    job->threshold = round(exp(0.5 * (low + high)) * 1e4) * 1e-4;
out:
    job->count_only = false;
    return status;
}

/* --- the folder
 * ---------------------------------------------------------------------------- */

static SimStatus describe(const Job *job, const char *images, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size,
                                   "# Recordings made from images by a modelled DVS128.\n"
                                   "images: %s\nthreshold_used: %.4f\n",
                                   images, job->threshold);
    for (const SimOption *row = data_synth_options; row->name; row++) {
        char value[128];
        if (used >= size)
            break;
        used += (size_t)snprintf(
            text + used, size - used, "%s: %s\n", row->name,
            sim_option_print(row, &job->camera->options, value, sizeof value));
    }
    return used < size ? SIM_OK
                       : sim_fail(SIM_ERR_VALUE, "%s: the path is too long", images);
}

/* Writes the folder's synth.txt, or checks that the one there says the same. */
static SimStatus claim_folder(const Job *job, const char *images)
{
    SimStatus status = SIM_OK;
    char path[2 * DATA_PATH_SIZE], want[4096], found[4096];
    FILE *stream = NULL;
    SimFile to;
    if ((size_t)snprintf(path, sizeof path, "%s/synth.txt", job->folder) >= sizeof path)
        return sim_fail(SIM_ERR_VALUE, "%s: the path is too long", job->folder);
    SIM_TRY(describe(job, images, want, sizeof want));
    stream = fopen(path, "rb");
    if (stream) {
        const size_t n = fread(found, 1, sizeof found - 1, stream);
        found[n] = '\0';
        if (strcmp(found, want) != 0)
            status =
                sim_fail(SIM_ERR_VALUE,
                         "%s: it says that this folder was made from other images or "
                         "with other options; take another folder",
                         path);
        goto out;
    }
    SIM_TRY(sim_file_create(path, &to));
    fputs(want, to.stream);
    status = sim_file_commit(&to);
out:
    if (stream)
        fclose(stream);
    return status;
}

static void name_files(Job *job, const char *images)
{
    size_t end = strlen(images);
    while (end > 1 && images[end - 1] == '/')
        end--;
    size_t from = end;
    while (from > 0 && images[from - 1] != '/')
        from--;
    if (job->camera->options.name[0])
        snprintf(job->name, sizeof job->name, "%s", job->camera->options.name);
    else if (strcmp(job->set->classes[0], "airplane") == 0)
        snprintf(job->name, sizeof job->name, "cifar10");
    else
        snprintf(job->name, sizeof job->name, "%.*s", (int)(end - from), images + from);
    for (char *c = job->name; *c; c++) /* "_" parts a file name from its class */
        if (*c == '_' || *c == '.')
            *c = '-';
}

/* Training images first, as they come, up to per_class of each class. */
static size_t choose(const DataSet *set, int64_t per_class, uint32_t *samples,
                     uint32_t *numbers, uint32_t *counts)
{
    size_t n = 0;
    for (int part = DATA_TRAIN; part < DATA_PARTS; part++)
        for (size_t i = 0; i < set->n_samples; i++) {
            const DataSample *const sample = &set->samples[i];
            if ((int)sample->part != part)
                continue;
            if (per_class && counts[sample->label] >= (uint64_t)per_class)
                continue;
            samples[n] = (uint32_t)i;
            numbers[n++] = counts[sample->label]++;
        }
    return n;
}

SimStatus data_synth_folder(const char *images, const char *folder,
                            const DataSynthOptions *options, int n_threads,
                            bool (*progress)(void *argument, size_t done, size_t of),
                            void *argument, DataSynthReport *out)
{
    SimStatus status = SIM_OK;
    DataSet set = {0};
    DataOptions set_options;
    DataSynthReport report = {0};
    const SimTeam team = sim_team_create(n_threads);
    uint32_t *samples = NULL, *numbers = NULL, *counts = NULL;
    float *scratch = NULL;
    char path[2 * DATA_PATH_SIZE];
    size_t n = 0;
    Job *const job = calloc(1, sizeof *job);
    if (!job)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory", folder);
    sim_options_init(data_options, &set_options);
    set_options.per_class = options->per_class;
    SIM_TRY(sim_option_set(data_options, &set_options, "path", images));
    SIM_TRY(data_set_open(&set_options, NULL, NULL, &set));
    if (set.kind != DATA_IMAGES) {
        status = sim_fail(SIM_ERR_VALUE,
                          "%s: wanted images, these are recordings already", images);
        goto out;
    }
    SIM_TRY(data_camera_create(options, &job->camera));
    job->set = &set;
    job->folder = folder;
    job->threshold = options->threshold;
    name_files(job, images);

    samples = malloc((set.n_samples + 1) * sizeof *samples);
    numbers = malloc((set.n_samples + 1) * sizeof *numbers);
    counts = calloc(set.n_classes, sizeof *counts);
    scratch = malloc(set.h * set.w * set.c * sizeof *scratch);
    job->grey = malloc(BLOCK * set.h * set.w * sizeof *job->grey);
    if (!samples || !numbers || !counts || !scratch || !job->grey) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for %zu images", images,
                          set.n_samples);
        goto out;
    }
    n = choose(&set, options->per_class, samples, numbers, counts);
    job->samples = samples;
    job->numbers = numbers;
    if (options->events)
        SIM_TRY(find_threshold(job, &team, n, scratch));

    SIM_TRY(sim_folder_make(folder));
    SIM_TRY(claim_folder(job, images));
    for (size_t i = 0; i < set.n_classes; i++) {
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, set.classes[i]) >=
            sizeof path) {
            status = sim_fail(SIM_ERR_VALUE, "%s: the path is too long", folder);
            goto out;
        }
        SIM_TRY(sim_folder_make(path));
    }
    for (job->first = 0; job->first < n; job->first += BLOCK) {
        size_t at[BLOCK];
        const size_t count = n - job->first < BLOCK ? n - job->first : BLOCK;
        if (progress && !progress(argument, job->first, n)) {
            status = sim_fail(SIM_ERR_STOPPED,
                              "%s: stopped after %zu of %zu recordings; "
                              "the same command goes on from there",
                              folder, job->first, n);
            goto out;
        }
        for (size_t k = 0; k < count; k++)
            at[k] = job->first + k;
        SIM_TRY(read_block(job, at, count, scratch));
        SIM_TRY(run_block(job, &team, count));
        for (size_t k = 0; k < count; k++) {
            report.events += job->events[k];
            report.kept += job->kept[k];
        }
    }
    if (progress)
        progress(argument, n, n);
    report.recordings = n;
    report.classes = set.n_classes;
    report.threshold = job->threshold;
    *out = report;
out:
    free(samples);
    free(numbers);
    free(counts);
    free(scratch);
    free(job->grey);
    data_camera_destroy(job->camera);
    free(job);
    data_set_close(&set);
    return status;
}
