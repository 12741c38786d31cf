/* sim/option.c: see option.h. */
#include "sim/option.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const SimOption *row, void *target)
{
    return (char *)target + row->offset;
}

static const void *field_view(const SimOption *row, const void *target)
{
    return (const char *)target + row->offset;
}

void sim_options_init(const SimOption *rows, void *target)
{
    for (const SimOption *row = rows; row->name; row++) {
        void *at = field(row, target);
        switch (row->type) {
        case SIM_OPTION_INT:
            *(int64_t *)at = (int64_t)row->initial;
            break;
        case SIM_OPTION_FLOAT:
            *(double *)at = row->initial;
            break;
        case SIM_OPTION_BOOL:
            *(bool *)at = row->initial != 0.0;
            break;
        case SIM_OPTION_CHOICE:
            *(int *)at = (int)row->initial;
            break;
        case SIM_OPTION_TEXT:
            snprintf(at, row->size, "%s", row->initial_text ? row->initial_text : "");
            break;
        }
    }
}

const SimOption *sim_option_find(const SimOption *rows, const char *key)
{
    for (const SimOption *row = rows; row->name; row++)
        if (strcmp(row->name, key) == 0)
            return row;
    return NULL;
}

static SimStatus unknown_key(const SimOption *rows, const char *key)
{
    enum { MAX_ROWS = 64 };
    const char *names[MAX_ROWS + 1];
    size_t n = 0;
    for (const SimOption *row = rows; row->name && n < MAX_ROWS; row++)
        names[n++] = row->name;
    names[n] = NULL;
    return sim_unknown(key, names, NULL, "unknown key");
}

static SimStatus set_number(const SimOption *row, void *at, const char *value)
{
    const bool is_int = row->type == SIM_OPTION_INT;
    char *end = NULL;
    errno = 0;
    const long long whole = is_int ? strtoll(value, &end, 10) : 0;
    const double number = is_int ? (double)whole : strtod(value, &end);
    if (end == value || *end || errno == ERANGE || !isfinite(number))
        return sim_fail(SIM_ERR_VALUE, "%s: wanted %s, got \"%s\"", row->name,
                        is_int ? "a whole number" : "a number", value);
    if (number < row->low || number > row->high)
        return sim_fail(SIM_ERR_VALUE, "%s: wanted a value from %g to %g, got %s",
                        row->name, row->low, row->high, value);
    if (is_int)
        *(int64_t *)at = whole;
    else
        *(double *)at = number;
    return SIM_OK;
}

static SimStatus set_bool(const SimOption *row, bool *at, const char *value)
{
    if (strcmp(value, "true") == 0 || strcmp(value, "yes") == 0 ||
        strcmp(value, "on") == 0)
        *at = true;
    else if (strcmp(value, "false") == 0 || strcmp(value, "no") == 0 ||
             strcmp(value, "off") == 0)
        *at = false;
    else
        return sim_fail(SIM_ERR_VALUE, "%s: wanted true or false, got \"%s\"", row->name,
                        value);
    return SIM_OK;
}

static SimStatus set_choice(const SimOption *row, int *at, const char *value)
{
    for (int i = 0; row->choices[i]; i++)
        if (strcmp(row->choices[i], value) == 0) {
            *at = i;
            return SIM_OK;
        }
    return sim_unknown(value, row->choices, NULL, "unknown %s", row->name);
}

SimStatus sim_option_set(const SimOption *rows, void *target, const char *key,
                         const char *value)
{
    const SimOption *row = sim_option_find(rows, key);
    if (!row)
        return unknown_key(rows, key);
    void *at = field(row, target);
    switch (row->type) {
    case SIM_OPTION_INT:
    case SIM_OPTION_FLOAT:
        return set_number(row, at, value);
    case SIM_OPTION_BOOL:
        return set_bool(row, at, value);
    case SIM_OPTION_CHOICE:
        return set_choice(row, at, value);
    case SIM_OPTION_TEXT:
        if (strlen(value) >= row->size)
            return sim_fail(SIM_ERR_VALUE, "%s: text longer than %zu bytes", row->name,
                            row->size - 1);
        memcpy(at, value, strlen(value) + 1);
        return SIM_OK;
    }
    return SIM_OK;
}

const char *sim_option_print(const SimOption *row, const void *target, char *buffer,
                             size_t size)
{
    const void *at = field_view(row, target);
    switch (row->type) {
    case SIM_OPTION_INT:
        snprintf(buffer, size, "%lld", (long long)*(const int64_t *)at);
        break;
    case SIM_OPTION_FLOAT: /* the shortest text that reads back to the same bits */
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(buffer, size, "%.*g", digits, *(const double *)at);
            if (strtod(buffer, NULL) == *(const double *)at)
                break;
        }
        break;
    case SIM_OPTION_BOOL:
        snprintf(buffer, size, "%s", *(const bool *)at ? "true" : "false");
        break;
    case SIM_OPTION_CHOICE:
        snprintf(buffer, size, "%s", row->choices[*(const int *)at]);
        break;
    case SIM_OPTION_TEXT:
        snprintf(buffer, size, "%s", (const char *)at);
        break;
    }
    return buffer;
}

/* Edits from a to b: insert, delete, replace, swap two neighbours (optimal string
 * alignment). Words longer than the table do not match. */
static size_t edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 48 };
    const size_t n = strlen(a), m = strlen(b);
    size_t rows[3][LONGEST + 1]; /* of i - 2, i - 1 and i, in turn */
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *const row = rows[i % 3];
        const size_t *const above = rows[(i + 2) % 3], *const two_above =
                                                           rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[n % 3][m];
}

static size_t difference(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

const char *sim_nearest(const char *word, const char *const *list)
{
    const char *best = NULL;
    const size_t length = strlen(word);
    size_t best_distance = 1 + length / 2;
    for (; *list; list++) {
        const size_t distance = edit_distance(word, *list);
        if (distance > 3 || distance > best_distance)
            continue;
        /* Of two equally near, the one as long: letters are swapped more than left out.
         */
        if (distance < best_distance || (best && difference(strlen(*list), length) <
                                                     difference(strlen(best), length))) {
            best = *list;
            best_distance = distance;
        }
    }
    return best;
}

SimStatus sim_unknown(const char *word, const char *const *list, const char *otherwise,
                      const char *what, ...)
{
    enum { MOST = 512 };
    char place[MOST], names[MOST + 8] = "wanted one of ";
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(place, sizeof place, what, arguments);
    va_end(arguments);
    const char *const near = sim_nearest(word, list);
    if (near)
        return sim_fail(SIM_ERR_VALUE, "%s \"%s\": did you mean \"%s\"?", place, word,
                        near);
    if (!*list)
        strcpy(names, "there are none here");
    for (size_t used = strlen(names); *list; list++) {
        if (used + strlen(*list) >= MOST) {
            strcpy(names + used, "...");
            break;
        }
        used += (size_t)sprintf(names + used, "%s%s", *list, list[1] ? ", " : "");
    }
    return sim_fail(SIM_ERR_VALUE, "%s \"%s\": %s", place, word,
                    otherwise ? otherwise : names);
}
