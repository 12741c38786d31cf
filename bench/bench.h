/* bench/bench.h: measuring: tables of figures, filled one row at a time.
 *
 * A suite is one file in bench/ that ends in one const BenchSuite, listed once in
 * bench/meson.build. It measures and fills a table; printing and drawing are the
 * program's. All times are medians of the wall clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "sim/context.h"
#include "sim/status.h"

typedef enum BenchKind { /* how a column reads */
                         BENCH_TEXT,
                         BENCH_COUNT,   /* whole number */
                         BENCH_FIGURE,  /* two or three digits that matter */
                         BENCH_SECONDS, /* shown in the unit that suits it */
                         BENCH_SHARE,   /* 0 to 1, shown in percent */
                         BENCH_ERROR,   /* a difference; 0 is the same bits */
                         BENCH_BYTES
} BenchKind;

typedef struct BenchColumn {
    const char *key;   /* in JSON and in data files */
    const char *title; /* over the printed column */
    BenchKind kind;
} BenchColumn;

typedef struct BenchCell {
    char text[48];
    double number; /* NAN: nothing to say */
} BenchCell;

typedef struct BenchTable BenchTable;
struct BenchTable {
    const BenchColumn *columns; /* borrowed, n_columns */
    size_t n_columns, n_rows, capacity;
    BenchCell *cells; /* owned, [n_rows, n_columns] */
    /* Called after each row, for who waits; may be NULL. */
    void (*row_done)(void *argument, const BenchTable *table);
    void *argument;
    char note[512]; /* to be read below the table; empty: none */
};

/* What this machine can do at best. */
typedef struct BenchMachine {
    char cpu[64];
    int threads;
    double flops;      /* f32 multiply-adds count two, all threads together */
    double tile_flops; /* the same of bfloat16 on tile units; 0: there are none */
    double bandwidth;  /* bytes read and written a second, all threads, out of cache */
} BenchMachine;

typedef struct BenchOptions {
    const BenchMachine
        *machine;          /* borrowed; needed by suites that hold kernels against it */
    const char *net;       /* "sresnet", ... or NULL: all */
    const char *memory;    /* "keep", ... or NULL: all */
    const char *surrogate; /* of the neurons */
    size_t batch, steps;   /* 0: those of the published net */
    double seconds;        /* spent on one figure, about */
    bool blocks;           /* memory against the depth of nets, not their steps */
    bool quick;            /* fewer shapes and points; leaves no files */
} BenchOptions;

typedef struct BenchSuite {
    const char *name, *summary;
    const BenchColumn *columns; /* ended by a NULL key */
    SimStatus (*run)(const BenchOptions *options, const SimContext *context,
                     BenchTable *table);
} BenchSuite;

extern const BenchSuite *const bench_suites[]; /* ends with NULL */

/* --- tables ---------------------------------------------------------------------------
 */

void bench_table_init(BenchTable *table, const BenchColumn *columns);
void bench_table_destroy(BenchTable *table);

/* One argument per column: const char * for BENCH_TEXT, double for all others. */
SimStatus bench_row(BenchTable *table, ...);
BenchCell bench_cell(const BenchTable *table, size_t row, const char *key);

/* --- clocks ---------------------------------------------------------------------------
 */

double bench_seconds(void);
double bench_median(double *times, size_t n); /* sorts them; n > 0 */

/* Median seconds of one call: three calls at least, more until `seconds` are spent. */
double bench_time(void (*call)(void *of), void *of, double seconds);

/* Resident memory of this process in bytes: now, and its peak since bench_peak_restart
 * (where the system cannot restart: since the program began). */
double bench_resident(void);
double bench_code(void); /* of it, pages of programs and libraries */
double bench_peak(void);
void bench_peak_restart(void);

/* --- the machine's own ceiling ---------------------------------------------------------
 */

SimStatus bench_machine(const SimContext *context, BenchMachine *out);
