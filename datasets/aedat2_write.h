/* datasets/aedat2_write.h: recordings as AEDAT 2.0 files, as a DVS128 and jAER wrote
 * them.
 */
#pragma once

#include <stddef.h>

#include "datasets/reader.h"
#include "sim/status.h"

/* Writes `n` events in the order given: five header lines, then big-endian (address,
 * time) pairs, address = y << 8 | x << 1 | (0: ON, 1: OFF). Reading the file back under
 * the same `axes` gives the same events. The file appears whole or not at all (temporary
 * name, then renamed; not flushed to the disk). x and y below 128, time within 0 .. 2^31
 * - 1, else it fails. */
SimStatus data_aedat2_write(const char *path, DataAxes axes, const DataEvent *events,
                            size_t n);
