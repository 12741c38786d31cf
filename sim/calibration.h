/* sim/calibration.h: at which density a spike kernel and a dense one break even.
 *
 * A convolution from packed spikes costs what its spikes cost, a dense one always the
 * same; where the two meet depends on call, shape, precision, threads and processor. A
 * table has one row per class of work. Planning asks the table of its context: a class
 * that is not in it gets the figures of the nearest size, else the built-in ones, which
 * are written down in the table, so that it also tells what a plan went by. Kept with a
 * run it makes the run repeat to the bit, whatever is measured later or elsewhere.
 *
 * Nothing is measured unless the table is told to. What was measured is kept in one file
 * per machine, text with a check sum, written whole:
 *
 *     apical break-even 2
 *     machine Intel(R) Xeon(R) Processor, avx512, 2 threads
 *     64 64 3x3 1 1 14 f32 f32  0.312 0.287 0.351  measured
 *     sum 5f0c...
 *
 * A row: channels in and out of a group, kernel, stride, groups, binary logarithm of the
 * output pixels of a step, precision of the dense kernel, weights of the spike kernel
 * forward; densities of forward, gradient of the input, gradient of the weights; where
 * they come from. Version 1 knew f32 weights alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sim/context.h"
#include "sim/conv_shape.h"

typedef struct SimBreakEven { /* densities above which the dense kernel is faster */
    double forward, input, weights;
} SimBreakEven;

typedef struct SimCalibrationRow { /* a class of work */
    size_t c, k;                   /* of a group */
    size_t kh, kw, stride, groups, pixels_log2;
    char dense[8];  /* precision of the dense kernel, f32 from all pieces: "24-bit" */
    char spikes[8]; /* weights of the spike kernel forward: "f32", "16-bit", "14-bit" */
    SimBreakEven at;
    bool measured; /* else built in */
    bool used;     /* by a plan since the table was made */
} SimCalibrationRow;

typedef struct SimCalibration SimCalibration;

/* An empty table for the machine of the context. Owned by the caller. Planning writes to
 * it: one thread plans at a time. */
SimStatus sim_calibration_create(const SimContext *context, SimCalibration **out);
void sim_calibration_destroy(SimCalibration *table); /* accepts NULL */

/* From now on classes that are not in the table are measured, some ten milliseconds each,
 * instead of taken from the built-in figures, and built-in figures are replaced. */
void sim_calibration_measure_missing(SimCalibration *table);

/* What planning asks. `table` NULL: the built-in figures. Fails only where it measures
 * and there is no memory. */
SimStatus sim_calibration_find(SimCalibration *table, const SimConvShape *shape,
                               const SimContext *context, SimBreakEven *out);

/* The figures of the class of that shape, from now on, as if measured. */
SimStatus sim_calibration_set(SimCalibration *table, const SimConvShape *shape,
                              const SimContext *context, const SimBreakEven *at);

size_t sim_calibration_rows(const SimCalibration *table, const SimCalibrationRow **out);
const char *sim_calibration_machine(const SimCalibration *table);

/* The file as text, all rows or those a plan has used; owned by the caller. */
SimStatus sim_calibration_text(const SimCalibration *table, bool used_only, char **out);

/* Adds the rows of such a text; none where it fails: text that is not one, of another
 * version, damaged, or unless `foreign` of another machine. */
SimStatus sim_calibration_parse(SimCalibration *table, const char *text, bool foreign);

/* The file of this machine: $XDG_CACHE_HOME/apical or ~/.cache/apical. A file that is not
 * there gives no rows and is no failure; one that cannot be used is, and may be remade.
 */
SimStatus sim_calibration_load(SimCalibration *table);
SimStatus sim_calibration_save(const SimCalibration *table); /* measured rows only */
SimStatus sim_calibration_path(const SimCalibration *table, char *out, size_t size);
