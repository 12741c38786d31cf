/* datasets/dataset.h: a folder or file of recordings or images as training data.
 *
 *     files --reader--> events --frames--> [T,2,h,w] counts --augment--> batch
 *     files --reader--> image                               --augment--> batch
 *
 * A set is opened once: samples are listed, labelled and split; nothing is decoded. A
 * loader hands out batches of one part, prepared by a thread while the caller computes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datasets/frames.h"
#include "datasets/reader.h"
#include "sim/option.h"
#include "sim/status.h"

typedef enum DataSplit {
    DATA_SPLIT_GIVEN,        /* the set says it: train/test folders, t10k files, lists */
    DATA_SPLIT_SPIKINGJELLY, /* a: first ceil(0.9 n) of each class in lexicographic order
                              */
    DATA_SPLIT_TEBN,         /* b: numbers 0-99 of each class are the test set */
    DATA_SPLIT_TET,          /* c: the first `train_share` of each class by number */
    DATA_SPLIT_RANDOM,       /* e: `train_share` of each class by `split_seed` */
    DATA_SPLIT_FILE          /* names of the test samples, one a line, in `split_file` */
} DataSplit;
typedef enum DataAugment {
    DATA_AUGMENT_NONE,
    DATA_AUGMENT_FLIP_ROLL, /* TET: flip 0.5, roll +-5 */
    DATA_AUGMENT_NDA,       /* one of roll +-5, rotate +-30 deg, shear +-30 deg */
    DATA_AUGMENT_SNN_WIDE,  /* Spikformer: identity, shear, translate, rotate, cut-out */
    DATA_AUGMENT_CROP_FLIP, /* pad 4 with zero, crop, flip 0.5 */
    DATA_AUGMENT_CUT_OUT    /* the same, then a square of half the side erased */
} DataAugment;

enum { DATA_PATH_SIZE = 512, DATA_NAME_SIZE = 96 };

typedef struct DataOptions {
    char path[DATA_PATH_SIZE]; /* folder or file; "synth:..." never: synthesis writes
                                  files */
    int64_t steps;             /* T */
    int frames;                /* DataFrames */
    int64_t duration_us;       /* for the duration and window rules */
    int value;                 /* DataValue */
    int axes;                  /* DataAxes */
    int64_t size;              /* side of the square frame; 0: the sensor's */
    int resize;                /* DataResize */
    int split;                 /* DataSplit */
    int64_t split_seed;
    double train_share; /* tet, random */
    char split_file[DATA_PATH_SIZE];
    double validation; /* share of the training part held out; 0: none */
    int64_t per_class; /* use only the first so many of each class and part; 0: all */
    int augment;       /* DataAugment, training part only */
    bool normalise;    /* images: subtract the set's mean, divide by its deviation */
    char cache[DATA_PATH_SIZE]; /* folder for frame caches; empty: $XDG_CACHE_HOME/apical
                                   or
                                   ~/.cache/apical; "none": no cache */
} DataOptions;

extern const SimOption data_options[];

typedef enum DataPart { DATA_TRAIN, DATA_VALIDATION, DATA_TEST, DATA_PARTS } DataPart;

typedef struct DataSample {
    char *name;     /* "cat/cifar10_cat_17.aedat", unique in the set */
    char *path;     /* for data_file_open */
    uint64_t index; /* image number inside the file */
    uint32_t label;
    DataPart part;
} DataSample;

typedef struct DataSet {
    DataOptions options;
    DataKind kind;
    DataSample *samples; /* owned, sorted by name; parts as split */
    size_t n_samples;
    size_t n_part[DATA_PARTS];
    char **classes; /* owned, [n_classes] */
    size_t n_classes;
    size_t sensor_w, sensor_h;
    size_t h, w, c;      /* of one frame as the net sees it */
    size_t steps;        /* T; 1 for images */
    char split_name[64]; /* "spikingjelly", "random:7" */
    char test_hash[65];  /* SHA-256 of the test names, sorted, one a line */
    void *state;         /* owned */
} DataSet;

/* Folders that are understood are listed in docs/data.md: one folder per class of event
 * files (CIFAR10-DVS), Train/Test by digit (N-MNIST), a tar or folder of numbered .bs2
 * with train.txt and test.txt, IDX files (gzipped or not), CIFAR-10 binaries or PNG
 * sheets. Warnings (broken files left out, empty frames) go to `warn`, which may be NULL.
 */
SimStatus data_set_open(const DataOptions *options,
                        void (*warn)(void *argument, const char *sentence),
                        void *argument, DataSet *out);
void data_set_close(DataSet *set); /* accepts a zeroed one */

/* Decodes every sample once into the frame cache, in parallel, if it is not there yet;
 * progress may be NULL and returns false to stop. Recordings that turn out broken get the
 * part DATA_PARTS (none), with a warning, and n_part and test_hash follow. Images are
 * read into memory instead. With cache "none" recordings are decoded whenever they are
 * needed. */
SimStatus data_set_prepare(DataSet *set, int n_threads,
                           bool (*progress)(void *argument, size_t done, size_t of),
                           void *argument);

/* One sample as the net sees it, not augmented: x [T,h,w,c]. */
SimStatus data_set_sample(DataSet *set, size_t sample, float *x);

typedef struct DataLoader DataLoader;

/* Batches of a part; the training part is shuffled and augmented by (seed, epoch,
 * sample). The last, smaller batch is dropped in training when `drop_last`, never in
 * testing. */
SimStatus data_loader_create(DataSet *set, DataPart part, size_t batch, bool shuffle,
                             bool drop_last, uint64_t seed, DataLoader **out);
void data_loader_destroy(DataLoader *loader);
size_t data_loader_batches(const DataLoader *loader);

/* Starts an epoch at a batch (0, or where a resumed run goes on). */
void data_loader_start(DataLoader *loader, uint64_t epoch, size_t first_batch);

typedef struct DataBatch {
    const float *x;          /* [T,n,h,w,c], borrowed until the next call */
    const uint32_t *labels;  /* [n] */
    const uint32_t *samples; /* [n] numbers in the set */
    size_t n;                /* 0: the epoch is over */
} DataBatch;
SimStatus data_loader_next(DataLoader *loader, DataBatch *out);
double
data_loader_waited_s(const DataLoader *loader); /* time callers spent waiting so far */
