/* tests/datasets/samples.h: one small file per format, made by hand byte by byte. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct Bytes {
    unsigned char *b; /* owned */
    size_t n;
} Bytes;

typedef struct Sample {
    const char *name;   /* of the file; label files are found by it */
    const char *format; /* the reader that must claim it */
    Bytes (*make)(void);
} Sample;

extern const Sample samples[]; /* ends with a NULL name */

Bytes sample_make(const char *name);
void bytes_add(Bytes *to, const void *data, size_t n);
void bytes_text(Bytes *to, const char *text);

/* Writes folder/name; returns the path, owned by the caller. */
char *scratch_write(const char *folder, const char *name, const void *data, size_t n);
/* The first `limit` bytes of a file. */
Bytes bytes_of_file(const char *path, size_t limit);
