/* datasets/split.c: which samples are for training and which for testing.
 *
 * CIFAR10-DVS has no official split; published numbers use at least five. Each is a name
 * here, and the hash of the test names tells two runs apart that used different ones. */
#include "datasets/set_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/hash.h"

enum { TEBN_TEST = 100 };

enum { EPOCH_TEST, EPOCH_VALIDATION }; /* keys of the two random choices of a class */

/* Samples of one class: numbers into set->samples, in some order. */
typedef struct Group {
    uint32_t *rows;
    size_t n;
} Group;

/* The last digits of the name before its suffix: 17 of "cat/cifar10_cat_17.aedat". */
static uint64_t number_of(const char *name)
{
    const char *const slash = strrchr(name, '/'), *const base = slash ? slash + 1 : name;
    const char *const dot = strrchr(base, '.');
    const char *end = dot ? dot : base + strlen(base), *from;
    while (end > base && !(end[-1] >= '0' && end[-1] <= '9'))
        end--;
    from = end;
    while (from > base && from[-1] >= '0' && from[-1] <= '9')
        from--;
    return from == end ? 0 : strtoull(from, NULL, 10);
}

typedef struct Numbered {
    uint64_t number;
    uint32_t row;
} Numbered;

static int by_number(const void *a, const void *b)
{
    const Numbered *const x = a, *const y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static size_t share_of(double share, size_t n)
{
    const double count = floor(share * (double)n + 1e-9); /* 0.7 of 10 is 7 */
    return count < 0 ? 0 : count > (double)n ? n : (size_t)count;
}

static void part_group(DataSet *set, Group group, Numbered *scratch, uint32_t *order)
{
    const DataOptions *const options = &set->options;
    const size_t n = group.n;
    DataSample *const samples = set->samples;
    switch ((DataSplit)options->split) {
    case DATA_SPLIT_SPIKINGJELLY: /* the samples are sorted by name */
        for (size_t i = 0; i < n; i++)
            samples[group.rows[i]].part =
                (double)i < ceil((double)n * 0.9) ? DATA_TRAIN : DATA_TEST;
        break;
    case DATA_SPLIT_TEBN:
        for (size_t i = 0; i < n; i++)
            samples[group.rows[i]].part =
                number_of(samples[group.rows[i]].name) < TEBN_TEST ? DATA_TEST
                                                                   : DATA_TRAIN;
        break;
    case DATA_SPLIT_TET:
        for (size_t i = 0; i < n; i++)
            scratch[i] =
                (Numbered){number_of(samples[group.rows[i]].name), group.rows[i]};
        if (n)
            qsort(scratch, n, sizeof *scratch, by_number);
        for (size_t i = 0; i < n; i++)
            samples[scratch[i].row].part =
                i < share_of(options->train_share, n) ? DATA_TRAIN : DATA_TEST;
        break;
    case DATA_SPLIT_RANDOM:
        if (n)
            sim_rng_permutation((SimRng){(uint64_t)options->split_seed, SIM_RNG_SPLIT,
                                         EPOCH_TEST, samples[group.rows[0]].label},
                                n, order);
        for (size_t i = 0; i < n; i++)
            samples[group.rows[order[i]]].part =
                i < share_of(options->train_share, n) ? DATA_TRAIN : DATA_TEST;
        break;
    case DATA_SPLIT_GIVEN:
    case DATA_SPLIT_FILE:
        break;
    }
}

static void hold_out(DataSet *set, Group group, uint32_t *order)
{
    size_t n = 0; /* the training rows, moved to the front */
    for (size_t i = 0; i < group.n; i++)
        if (set->samples[group.rows[i]].part == DATA_TRAIN)
            group.rows[n++] = group.rows[i];
    if (n == 0)
        return;
    const size_t held = share_of(set->options.validation, n);
    sim_rng_permutation((SimRng){(uint64_t)set->options.split_seed, SIM_RNG_SPLIT,
                                 EPOCH_VALIDATION, set->samples[group.rows[0]].label},
                        n, order);
    for (size_t i = 0; i < held; i++)
        set->samples[group.rows[order[i]]].part = DATA_VALIDATION;
}

/* --- a list of names -------------------------------------------------------------------
 */

static const char *base_of(const char *name)
{
    const char *const slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static int name_against(const void *key, const void *row)
{
    return strcmp(key, ((const DataSample *)row)->name);
}

static SimStatus part_by_file(DataSet *set)
{
    SimStatus status = SIM_OK;
    const char *const path = set->options.split_file;
    char line[DATA_PATH_SIZE];
    size_t number = 0;
    FILE *stream = NULL;
    if (!path[0]) {
        status = sim_fail(SIM_ERR_VALUE, "split: \"file\" needs split_file, the names of "
                                         "the test samples, one a line");
        goto out;
    }
    stream = fopen(path, "r");
    if (!stream) {
        status = sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    for (size_t i = 0; i < set->n_samples; i++)
        set->samples[i].part = DATA_TRAIN;
    while (fgets(line, sizeof line, stream)) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (!line[0] || line[0] == '#')
            continue;
        DataSample *sample =
            bsearch(line, set->samples, set->n_samples, sizeof *sample, name_against);
        for (size_t i = 0; !sample && i < set->n_samples; i++)
            if (strcmp(base_of(set->samples[i].name), line) == 0)
                sample = &set->samples[i];
        if (!sample) {
            status =
                sim_fail(SIM_ERR_VALUE,
                         "%s: line %zu: %s has no sample \"%s\"; names are like "
                         "\"%s\"",
                         path, number, set->options.path, line, set->samples[0].name);
            goto out;
        }
        sample->part = DATA_TEST;
    }
out:
    if (stream)
        fclose(stream);
    return status;
}

/* --- counting and naming
 * ----------------------------------------------------------------- */

static SimStatus limit(DataSet *set)
{
    const size_t most = (size_t)set->options.per_class;
    if (most == 0)
        return SIM_OK;
    size_t *const taken = calloc(set->n_classes * DATA_PARTS, sizeof *taken);
    if (!taken)
        return sim_fail(SIM_ERR_MEMORY, "no memory to count %zu classes", set->n_classes);
    size_t kept = 0;
    for (size_t i = 0; i < set->n_samples; i++) {
        DataSample *const sample = &set->samples[i];
        if (taken[sample->label * DATA_PARTS + sample->part]++ < most) {
            set->samples[kept++] = *sample;
        } else {
            free(sample->name);
            free(sample->path);
        }
    }
    set->n_samples = kept;
    free(taken);
    return SIM_OK;
}

SimStatus data_split_count(DataSet *set)
{
    SimHash hash;
    sim_hash_init(SIM_SHA256, &hash);
    memset(set->n_part, 0, sizeof set->n_part);
    for (size_t i = 0; i < set->n_samples; i++) {
        const DataSample *const sample = &set->samples[i];
        if (sample->part >= DATA_PARTS)
            continue; /* left out */
        set->n_part[sample->part]++;
        if (sample->part == DATA_TEST) {
            sim_hash_add(&hash, sample->name, strlen(sample->name));
            sim_hash_add(&hash, "\n", 1);
        }
    }
    sim_hash_text(&hash, set->test_hash);
    return SIM_OK;
}

static void name_split(DataSet *set)
{
    static const char *const names[] = {"given", "spikingjelly", "tebn",
                                        "tet",   "random",       "file"};
    const DataOptions *const o = &set->options;
    char *const to = set->split_name;
    const size_t size = sizeof set->split_name;
    switch ((DataSplit)o->split) {
    case DATA_SPLIT_TET:
        snprintf(to, size, "tet:%g", o->train_share);
        break;
    case DATA_SPLIT_RANDOM:
        snprintf(to, size, "random:%" PRId64 ":%g", o->split_seed, o->train_share);
        break;
    case DATA_SPLIT_FILE:
        snprintf(to, size, "file:%.56s", base_of(o->split_file));
        break;
    default:
        snprintf(to, size, "%s", names[o->split]);
    }
}

SimStatus data_split(DataSet *set, bool has_given)
{
    SimStatus status = SIM_OK;
    const size_t n = set->n_samples;
    uint32_t *const rows = malloc((n + 1) * sizeof *rows);
    uint32_t *const order = malloc((n + 1) * sizeof *order);
    Numbered *const scratch = malloc((n + 1) * sizeof *scratch);
    if (!rows || !order || !scratch) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory to split %zu samples", n);
        goto out;
    }
    if (set->options.split == DATA_SPLIT_GIVEN && !has_given) {
        status =
            sim_fail(SIM_ERR_VALUE,
                     "%s: the set comes without a split; choose split: spikingjelly, "
                     "tebn, tet, random or file",
                     set->options.path);
        goto out;
    }
    if (set->options.split == DATA_SPLIT_FILE)
        SIM_TRY(part_by_file(set));
    for (uint32_t label = 0; label < set->n_classes; label++) {
        Group group = {.rows = rows};
        for (size_t i = 0; i < n; i++)
            if (set->samples[i].label == label)
                rows[group.n++] = (uint32_t)i;
        part_group(set, group, scratch, order);
        if (set->options.validation > 0)
            hold_out(set, group, order);
    }
    SIM_TRY(limit(set));
    name_split(set);
    SIM_TRY(data_split_count(set));
out:
    free(rows);
    free(order);
    free(scratch);
    return status;
}
