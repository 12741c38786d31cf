/* cli/inspect.h: one event or image file read from end to end, and what was found.
 *
 * Memory is bounded by the sensor, not by the length of the file. */
#pragma once

#include "datasets/reader.h"

enum { CLI_INSPECT_LABELS = 256, CLI_PEAK_US = 10000 /* window of the peak rate */ };

typedef struct CliInspection {
    DataInfo info;
    const char *summary; /* of the reader */
    uint64_t bytes;
    DataHealth health;

    /* Events. */
    uint64_t on;
    int64_t first_us, last_us;    /* as the file counts */
    int64_t earliest_us, span_us; /* smallest time; largest less smallest */
    double peak_hz;               /* of the fullest window of CLI_PEAK_US */
    int64_t peak_at_us;           /* its start, after the earliest */
    size_t active_pixels;         /* that sent at least one event */
    size_t busiest_x, busiest_y;
    uint64_t busiest_events;

    /* Images. */
    uint64_t labels[CLI_INSPECT_LABELS];
    double mean; /* of all pixels, 0..255 */
} CliInspection;

/* The error says where the file breaks off or what it is instead. */
SimStatus cli_inspect(const char *path, DataAxes axes, CliInspection *out);
