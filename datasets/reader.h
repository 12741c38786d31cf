/* datasets/reader.h: one file of events or images, whatever its format.
 *
 * A format is one file in datasets/readers/ that ends in one const DataReader, listed
 * once in datasets/meson.build. Formats are told apart by their first bytes, never by
 * name. Readers stream: they hold a bounded buffer however long the file is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/status.h"

/* Origin top left, x to the right, y down. 16 bytes. */
typedef struct DataEvent {
    int64_t t_us; /* as the file counts; not shifted to zero */
    uint16_t x, y;
    uint8_t on; /* 1: brighter */
    uint8_t unused[3];
} DataEvent;

typedef enum DataAxes { /* orientation of AEDAT 2.0 files, which state none */
                        DATA_AXES_SPIKINGJELLY, /* as the published CIFAR10-DVS numbers
                                                   were made */
                        DATA_AXES_JAER /* as the camera saw it, top-left origin */
} DataAxes;

/* What a look at the bytes of a file tells. */
typedef struct DataProbe {
    const char *path;
    const unsigned char *head; /* the first bytes of the file */
    size_t head_size;
    uint64_t file_size;
} DataProbe;

enum { DATA_MAX_SIDE = 4096 }; /* pixels: readers refuse larger sensors and images */

enum { DATA_NO_LABEL = -1 }; /* as uint32_t: the label of an image without one */

typedef enum DataKind { DATA_EVENTS, DATA_IMAGES } DataKind;

typedef struct DataInfo {
    DataKind kind;
    const char *format;             /* the reader's name */
    size_t width, height, channels; /* sensor or image; channels 2 for events */
    uint64_t n_images;              /* DATA_IMAGES; 0 while unknown */
    bool has_labels;
    char detail[160]; /* one line of what the header says */
} DataInfo;

/* What was met on the way and is worth a warning; counted by every event reader. */
typedef struct DataHealth {
    uint64_t events;       /* delivered */
    uint64_t out_of_range; /* dropped: x or y outside the sensor */
    uint64_t backward;     /* timestamps smaller than the one before */
    uint64_t special;      /* dropped: not pixel events, or marked invalid */
    uint64_t bytes_left;   /* of an incomplete record at the end */
} DataHealth;

typedef struct DataFile DataFile;

/* A place in an event file to come back to: plain data, meant for the same file. */
typedef struct DataMark {
    uint64_t at;      /* byte */
    int64_t state[3]; /* the reader's own */
    int64_t last_t_us;
} DataMark;

typedef struct DataReader {
    const char *name, *summary;
    DataKind kind;
    /* 0 no, 1 maybe (a format without a mark, but plausible), 2 yes. Any yes wins over
     * any maybe, then the order of the list decides. */
    int (*probe)(const DataProbe *probe);
    SimStatus (*open)(
        DataFile *file); /* reads the header; fills file->info, file->state */
    /* Up to `max` events, in file order; *n == 0 is the end. */
    SimStatus (*next_events)(DataFile *file, size_t max, DataEvent *events, size_t *n);
    /* Where the next event comes from, and going back there: long recordings are looked
     * at from the middle. What was counted in file->health stays. */
    void (*mark)(const DataFile *file, DataMark *out);
    SimStatus (*go)(DataFile *file, const DataMark *mark);
    /* Image `index`, [height, width, channels] bytes, and its label. `pixels` NULL: only
     * the label is wanted, which should be cheap. Calls in order of index are the fast
     * way. */
    SimStatus (*image)(DataFile *file, uint64_t index, uint8_t *pixels, uint32_t *label);
    void (*close)(DataFile *file); /* frees file->state */
} DataReader;

struct DataFile {
    const DataReader *reader;
    char *path;    /* owned */
    FILE *stream;  /* owned; read through datasets/file_internal.h */
    uint64_t base; /* where the file starts in the stream: not 0 in an archive */
    uint64_t size; /* bytes of the file, unpacked */
    uint64_t at;   /* the next byte to be read; 0 when open() is called */
    DataAxes axes;
    DataInfo info;
    DataHealth health;
    int64_t last_t_us; /* for health.backward */
    void *state;       /* the reader's own */
};

/* Opens by content; the error of an unknown file says what its first bytes look like.
 * "archive.tar:member" opens a member of a tar file in place. A gzipped file is unpacked
 * into an unnamed temporary file first. Owned by the caller. Reading shares nothing
 * between files; one file belongs to one thread at a time. */
SimStatus data_file_open(const char *path, DataAxes axes, DataFile **out);
void data_file_close(DataFile *file); /* accepts NULL */

/* Calls visit for each regular file of a tar archive, in order, until one call fails;
 * names are as stored. *is_tar is false, and nothing is called, when it is none. */
SimStatus data_tar_visit(const char *path, bool *is_tar,
                         SimStatus (*visit)(void *argument, const char *name,
                                            uint64_t size),
                         void *argument);

/* Every event of a file at once; *events is owned by the caller (free). A file whose
 * event count is past `limit` fails (limit 0: 1 << 30). */
SimStatus data_file_read_events(DataFile *file, size_t limit, DataEvent **events,
                                size_t *n);

extern const DataReader *const data_readers[]; /* ends with NULL */
