/* datasets/file_internal.h: what readers share: bounded reading, counting, sentences. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datasets/reader.h"
#include "sim/status.h"

/* --- bytes ---------------------------------------------------------------------------*/

/* The next data_read starts at byte `offset` of the file. */
void data_seek(DataFile *file, uint64_t offset);

/* *got is `size`, or less at the end of the file. */
SimStatus data_read(DataFile *file, size_t size, void *buffer, size_t *got);

/* All of `size` or a failure: "PATH: byte N: expected WHAT, the file ends M bytes
 * short". */
SimStatus data_read_all(DataFile *file, size_t size, void *buffer, const char *what);

/* "PATH: byte N: expected ..., found ...; remedy" */
SimStatus data_bad(const DataFile *file, uint64_t byte, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Nothing but printable ASCII, tabs and line ends. */
bool data_is_text(const unsigned char *b, size_t n);

static inline uint16_t data_le16(const unsigned char *b)
{
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t data_le32(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

static inline uint64_t data_le64(const unsigned char *b)
{
    return data_le32(b) | (uint64_t)data_le32(b + 4) << 32;
}

static inline uint32_t data_be32(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           (uint32_t)b[3];
}

/* --- events --------------------------------------------------------------------------*/

/* Counts the event in file->health; false: it lies outside the sensor and is dropped. */
bool data_count_event(DataFile *file, int64_t t_us, uint32_t x, uint32_t y);

/* The smallest usual sensor that holds the pixel (max_x, max_y). */
void data_guess_sensor(uint32_t max_x, uint32_t max_y, size_t *width, size_t *height);

/* The sensor a header names ("DVS128", "Davis346red"); false: none that is known. */
bool data_known_sensor(const char *text, size_t *width, size_t *height);

/* --- packed data ---------------------------------------------------------------------*/

/* One frame of LZ4 or Zstandard unpacked; *out is owned by the caller (free). More than
 * `limit` bytes fail. Without the library in this build: SIM_ERR_UNSUPPORTED, with the
 * remedy. The sentence starts at what is wrong: put the place before it. */
SimStatus data_unpack_lz4(const unsigned char *data, size_t size, size_t limit,
                          unsigned char **out, size_t *out_size);
SimStatus data_unpack_zstd(const unsigned char *data, size_t size, size_t limit,
                           unsigned char **out, size_t *out_size);

/* The gzip stream that `file` is, unpacked into an unnamed temporary file. */
SimStatus data_gunzip(DataFile *file, uint64_t limit, FILE **out, uint64_t *size);

/* --- tar archives --------------------------------------------------------------------*/

bool data_is_tar(const unsigned char *head, size_t size); /* 512 bytes */

/* Finds a member in an open archive: where its bytes are. */
SimStatus data_tar_find(FILE *tar, const char *path, const char *member, uint64_t *base,
                        uint64_t *size);
