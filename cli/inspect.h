/* cli/inspect.h: one event or image file read from end to end, and what was found. */
#pragma once

#include "datasets/frames.h"
#include "datasets/reader.h"

enum { CLI_INSPECT_LABELS = 256 };

typedef struct CliInspection {
    DataInfo info;
    const char *summary; /* of the reader */
    uint64_t bytes;
    DataHealth health;
    DataEventStats events;               /* DATA_EVENTS */
    uint64_t labels[CLI_INSPECT_LABELS]; /* DATA_IMAGES: how many of each */
    double mean;                         /* of all pixels, 0..255 */
} CliInspection;

/* The error says where the file breaks off or what it is instead. */
SimStatus cli_inspect(const char *path, DataAxes axes, CliInspection *out);
