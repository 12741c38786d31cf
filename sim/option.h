/* sim/option.h: one row per setting, written once.
 *
 * A struct of plain fields is described by a table of rows. The same row reads the field
 * from an experiment file or the command line, checks its range, prints it into the
 * resolved experiment and the documentation, and gives the viewer its slider. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/status.h"

typedef enum SimOptionType {
    SIM_OPTION_INT,    /* field: int64_t */
    SIM_OPTION_FLOAT,  /* field: double */
    SIM_OPTION_BOOL,   /* field: bool */
    SIM_OPTION_CHOICE, /* field: int, the index into `choices` */
    SIM_OPTION_TEXT    /* field: char[size] */
} SimOptionType;

typedef struct SimOption {
    const char *name;
    SimOptionType type;
    size_t offset; /* of the field in its struct */
    size_t size;   /* SIM_OPTION_TEXT: bytes of the field */
    double initial, low,
        high; /* INT, FLOAT: inclusive range; BOOL, CHOICE: initial only */
    const char *initial_text;   /* TEXT; NULL is "" */
    const char *const *choices; /* CHOICE: NULL-terminated */
    const char *help;           /* one line, with the unit */
} SimOption;

/* A table ends with a row whose name is NULL. */
void sim_options_init(const SimOption *rows, void *target);

/* Sets one field from text. An unknown key (with the nearest known one), a wrong type or
 * a value out of range fails with one sentence; nothing is changed then. */
SimStatus sim_option_set(const SimOption *rows, void *target, const char *key,
                         const char *value);

const SimOption *sim_option_find(const SimOption *rows, const char *key); /* or NULL */

/* The field as text that sim_option_set reads back to the same value; returns `buffer`.
 */
const char *sim_option_print(const SimOption *row, const void *target, char *buffer,
                             size_t size);

/* The entry of a NULL-terminated list nearest to `word` in edits, or NULL if none is
 * near. */
const char *sim_nearest(const char *word, const char *const *list);

/* Fails with `WHAT "word": did you mean "NEAREST"?`, or where none is near `WHAT "word":
 * OTHERWISE`, which NULL makes the list. */
SimStatus sim_unknown(const char *word, const char *const *list, const char *otherwise,
                      const char *what, ...) __attribute__((format(printf, 4, 5)));
