/* sim/calibration.c: see calibration.h. */
#include "sim/calibration_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/conv_internal.h"
#include "sim/file.h"
#include "sim/hash.h"

enum { VERSION = 2, LINE = 256, MACHINE = 160, LARGEST_FILE = 1 << 20, SUM_DIGITS = 16 };

static const char all_pieces[] = "24-bit"; /* precision of f32 made of pieces */

struct SimCalibration {
    char machine[MACHINE];
    SimCalibrationRow *rows; /* owned */
    size_t n, capacity;
    bool measures;
};

/* --- built in -------------------------------------------------------------------------
 */

/* Measured on AVX-512 with two threads; the level below has half the registers, while the
 * dense library goes on with all of them. The portable reference loses at once. */
static SimBreakEven built_in(const SimCalibrationRow *row, const SimContext *context)
{
    enum { NARROW = 8 }; /* input channels whose lists of spikes are not worth writing */
    if (row->c < NARROW)
        return (SimBreakEven){0};
    /* Forward in bytes, where these halve the blocks of channels: with one tap laying out
     * counts for more. */
    enum { BYTES = 32 };
    const double bytes = row->kh * row->kw == 1 ? 0.15 : 0.06;
    if (sim_conv_has_pieces(&(SimConvShape){.c = row->c * row->groups,
                                            .k = row->k * row->groups,
                                            .kh = row->kh,
                                            .kw = row->kw,
                                            .groups = row->groups},
                            context)) {
        /* Tiles take weights in their own order, made anew for every window of time: that
         * costs most where weights are many and pixels few. */
        enum { MANY_WEIGHTS = 128 * 128, FEW_PIXELS = 9 /* binary logarithm */ };
        const bool split = context->precision == SIM_PRECISION_SPLIT;
        const bool many = row->c * row->k > MANY_WEIGHTS;
        const bool few = row->pixels_log2 < FEW_PIXELS;
        return split ? (SimBreakEven){row->c > BYTES ? bytes : 0.15, few ? 0.4 : 0.16,
                                      few ? 0.2 : 0.12}
                     : (SimBreakEven){many ? 0.085 : 0.1, few ? 0.06 : 0.025,
                                      few ? 0.05 : 0.04};
    }
    const bool fixed = strcmp(row->spikes, "f32") != 0; /* half the bytes of a row */
    if (strcmp(row->dense, all_pieces) == 0) {
        const bool narrow = row->k < 64; /* a row of weights is one or two cache lines */
        const double forward = narrow ? 0.05 : row->c > BYTES ? bytes : 0.1;
        enum { WIDE = 32 }; /* below, gradients of the input stay f32 products */
        return (SimBreakEven){.forward = fixed ? 2.0 * forward : forward,
                              .input = row->c < WIDE || row->k < WIDE ? 0.27 : 0.17,
                              .weights = narrow ? 0.05 : 0.15};
    }
    if (context->cpu & SIM_CPU_AVX512)
        return (SimBreakEven){
            .forward = fixed ? 0.5 : 0.3, .input = 0.27, .weights = 0.4};
    if (context->cpu)
        return (SimBreakEven){
            .forward = fixed ? 0.3 : 0.2, .input = 0.18, .weights = 0.25};
    return (SimBreakEven){.forward = 0.02, .input = 0.02, .weights = 0.02};
}

/* --- the table ------------------------------------------------------------------------
 */

static void name_cpu(char *out, size_t size)
{
    char line[512];
    FILE *const file = fopen("/proc/cpuinfo", "r");
    snprintf(out, size, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        const char *const colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon && colon[1] == ' ') {
            line[strcspn(line, "\n")] = '\0';
            snprintf(out, size, "%s", colon + 2);
            break;
        }
    }
    if (file)
        fclose(file);
}

SimStatus sim_calibration_create(const SimContext *context, SimCalibration **out)
{
    char cpu[96];
    SimCalibration *const table = calloc(1, sizeof *table);
    if (!table)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a calibration");
    name_cpu(cpu, sizeof cpu);
    snprintf(table->machine, sizeof table->machine, "%s, %s, %d thread%s", cpu,
             sim_context_isa(context), context->team.n_threads,
             context->team.n_threads == 1 ? "" : "s");
    *out = table;
    return SIM_OK;
}

void sim_calibration_destroy(SimCalibration *table)
{
    if (table)
        free(table->rows);
    free(table);
}

void sim_calibration_measure_missing(SimCalibration *table)
{
    table->measures = true;
}

size_t sim_calibration_rows(const SimCalibration *table, const SimCalibrationRow **out)
{
    *out = table->rows;
    return table->n;
}

const char *sim_calibration_machine(const SimCalibration *table)
{
    return table->machine;
}

static SimCalibrationRow class_of(const SimConvShape *s, const SimContext *context)
{
    SimCalibrationRow row = {.c = s->c / s->groups,
                             .k = s->k / s->groups,
                             .kh = s->kh,
                             .kw = s->kw,
                             .stride = s->stride,
                             .groups = s->groups};
    snprintf(row.dense, sizeof row.dense, "%s",
             sim_conv_has_pieces(s, context) ? sim_precisions[context->precision]
             : sim_conv_has_all_pieces(s, context, true) ? all_pieces
                                                         : "f32");
    snprintf(row.spikes, sizeof row.spikes, "%s",
             !sim_conv_takes_fixed(s, context)          ? "f32"
             : context->precision == SIM_PRECISION_BF16 ? "14-bit"
                                                        : "16-bit");
    for (size_t pixels = s->n * s->oh * s->ow; pixels > 1; pixels /= 2)
        row.pixels_log2++;
    return row;
}

/* The row whose size is nearest, all else being equal. */
static SimCalibrationRow *find(const SimCalibration *table, const SimCalibrationRow *want)
{
    SimCalibrationRow *found = NULL;
    size_t nearest = SIZE_MAX;
    for (size_t i = 0; i < table->n; i++) {
        SimCalibrationRow *const row = &table->rows[i];
        const size_t away = row->pixels_log2 > want->pixels_log2
                                ? row->pixels_log2 - want->pixels_log2
                                : want->pixels_log2 - row->pixels_log2;
        if (row->c == want->c && row->k == want->k && row->kh == want->kh &&
            row->kw == want->kw && row->stride == want->stride &&
            row->groups == want->groups && strcmp(row->dense, want->dense) == 0 &&
            strcmp(row->spikes, want->spikes) == 0 && away < nearest) {
            found = row;
            nearest = away;
        }
    }
    return found;
}

static SimCalibrationRow *find_exactly(const SimCalibration *table,
                                       const SimCalibrationRow *want)
{
    SimCalibrationRow *const row = find(table, want);
    return row && row->pixels_log2 == want->pixels_log2 ? row : NULL;
}

/* The row of that class, replaced if it is there. */
static SimStatus put(SimCalibration *table, const SimCalibrationRow *row)
{
    SimCalibrationRow *const there = find_exactly(table, row);
    if (there) {
        *there = *row;
        return SIM_OK;
    }
    if (table->n == table->capacity) {
        const size_t capacity = table->capacity ? 2 * table->capacity : 16;
        SimCalibrationRow *const rows =
            realloc(table->rows, capacity * sizeof *table->rows);
        if (!rows)
            return sim_fail(SIM_ERR_MEMORY, "no memory for a calibration");
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->n++] = *row;
    return SIM_OK;
}

SimStatus sim_calibration_find(SimCalibration *table, const SimConvShape *shape,
                               const SimContext *context, SimBreakEven *out)
{
    SimStatus status = SIM_OK;
    SimCalibrationRow row = class_of(shape, context);
    row.at = built_in(&row, context);
    row.used = true;
    if (!table) {
        *out = row.at;
        return SIM_OK;
    }
    SimCalibrationRow *const there = find_exactly(table, &row);
    if (there && (there->measured || !table->measures)) {
        there->used = true;
        *out = there->at;
        return SIM_OK;
    }
    const SimCalibrationRow *const near = find(table, &row);
    if (table->measures) {
        SIM_TRY(sim_break_even_measure(shape, context, &row.at));
        row.measured = true;
    } else if (near) {
        row.at = near->at;
        row.measured = near->measured;
    }
    SIM_TRY(put(table, &row));
    *out = row.at;
out:
    return status;
}

SimStatus sim_calibration_set(SimCalibration *table, const SimConvShape *shape,
                              const SimContext *context, const SimBreakEven *at)
{
    SimCalibrationRow row = class_of(shape, context);
    row.at = *at;
    row.measured = true;
    return put(table, &row);
}

/* --- text -----------------------------------------------------------------------------
 */

static void sum_of(const char *text, size_t n, char sum[SIM_HASH_TEXT])
{
    SimHash hash;
    sim_hash_init(SIM_SHA256, &hash);
    sim_hash_add(&hash, text, n);
    sim_hash_text(&hash, sum);
    sum[SUM_DIGITS] = '\0'; /* against accidents, not against forgery */
}

static SimStatus write_text(const SimCalibration *table, bool used_only,
                            bool measured_only, char **out)
{
    char sum[SIM_HASH_TEXT];
    const size_t size = (table->n + 4) * LINE;
    char *const text = malloc(size);
    if (!text)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a calibration");
    int n = snprintf(text, size, "apical break-even %d\nmachine %s\n", VERSION,
                     table->machine);
    for (size_t i = 0; i < table->n; i++) {
        const SimCalibrationRow *const r = &table->rows[i];
        if ((used_only && !r->used) || (measured_only && !r->measured))
            continue;
        n += snprintf(text + n, size - (size_t)n,
                      "%zu %zu %zux%zu %zu %zu %zu %s %s  %.3f %.3f %.3f  %s\n", r->c,
                      r->k, r->kh, r->kw, r->stride, r->groups, r->pixels_log2, r->dense,
                      r->spikes, r->at.forward, r->at.input, r->at.weights,
                      r->measured ? "measured" : "built-in");
    }
    sum_of(text, (size_t)n, sum);
    snprintf(text + n, size - (size_t)n, "sum %s\n", sum);
    *out = text;
    return SIM_OK;
}

SimStatus sim_calibration_text(const SimCalibration *table, bool used_only, char **out)
{
    return write_text(table, used_only, false, out);
}

/* The next line without its end; false where there is none. */
static bool next_line(const char **at, char line[LINE])
{
    const char *const end = strchr(*at, '\n');
    if (!end || end - *at >= LINE)
        return false;
    memcpy(line, *at, (size_t)(end - *at));
    line[end - *at] = '\0';
    *at = end + 1;
    return true;
}

static bool is_density(double x)
{
    return x >= 0.0 && x <= 1.0;
}

static bool is_known(const char *spikes)
{
    return strcmp(spikes, "f32") == 0 || strcmp(spikes, "16-bit") == 0 ||
           strcmp(spikes, "14-bit") == 0;
}

static bool parse_row(const char *line, int version, SimCalibrationRow *out)
{
    SimCalibrationRow r = {0};
    char from[16];
    int end = 0, numbers;
    if (strstr(line, " -"))
        return false; /* scanf would take a negative size */
    if (sscanf(line, "%zu %zu %zux%zu %zu %zu %zu %7s%n", &r.c, &r.k, &r.kh, &r.kw,
               &r.stride, &r.groups, &r.pixels_log2, r.dense, &end) != 8)
        return false;
    line += end;
    snprintf(r.spikes, sizeof r.spikes, "f32");
    if (version > 1) {
        if (sscanf(line, " %7s%n", r.spikes, &end) != 1 || !is_known(r.spikes))
            return false;
        line += end;
    }
    numbers = sscanf(line, "%lf %lf %lf %15s%n", &r.at.forward, &r.at.input,
                     &r.at.weights, from, &end);
    if (numbers != 4 || line[end] != '\0')
        return false;
    r.measured = strcmp(from, "measured") == 0;
    *out = r;
    return (r.measured || strcmp(from, "built-in") == 0) && r.c && r.k && r.kh && r.kw &&
           r.stride && r.groups && is_density(r.at.forward) && is_density(r.at.input) &&
           is_density(r.at.weights);
}

/* Checks the whole text, and where `table` is not NULL takes its rows. */
static SimStatus read_text(SimCalibration *table, const char *machine, const char *text)
{
    char line[LINE], wanted[LINE], sum[SIM_HASH_TEXT];
    const char *at = text;
    int version;
    SimCalibrationRow row;
    if (!next_line(&at, line) || sscanf(line, "apical break-even %d", &version) != 1)
        return sim_fail(SIM_ERR_FORMAT, "this is no calibration of kernels");
    if (version < 1 || version > VERSION)
        return sim_fail(SIM_ERR_FORMAT,
                        "a calibration of version %d, this program knows 1 to %d",
                        version, VERSION);
    if (!next_line(&at, line) || strncmp(line, "machine ", 8) != 0)
        return sim_fail(SIM_ERR_FORMAT, "a calibration that does not name its machine");
    if (machine && strcmp(line + 8, machine) != 0)
        return sim_fail(SIM_ERR_FORMAT,
                        "the calibration of another machine (%s; this one is %s)",
                        line + 8, machine);
    for (const char *begin = at; next_line(&at, line); begin = at) {
        if (strncmp(line, "sum ", 4) == 0) {
            sum_of(text, (size_t)(begin - text), sum);
            snprintf(wanted, sizeof wanted, "sum %s", sum);
            if (strcmp(line, wanted) != 0 || *at)
                return sim_fail(SIM_ERR_FORMAT,
                                "a damaged calibration: its check sum does not fit");
            return SIM_OK;
        }
        if (!parse_row(line, version, &row))
            return sim_fail(SIM_ERR_FORMAT, "a calibration with a row \"%.60s\"", line);
        if (table) {
            const SimStatus status = put(table, &row);
            if (status != SIM_OK)
                return status;
        }
    }
    return sim_fail(SIM_ERR_FORMAT, "a calibration that is cut off");
}

SimStatus sim_calibration_parse(SimCalibration *table, const char *text, bool foreign)
{
    const char *const machine = foreign ? NULL : table->machine;
    const SimStatus status = read_text(NULL, machine, text);
    return status == SIM_OK ? read_text(table, machine, text) : status;
}

/* --- the file of this machine ---------------------------------------------------------
 */

static SimStatus folder_of(char *out, size_t size)
{
    const char *const xdg = getenv("XDG_CACHE_HOME"), *const home = getenv("HOME");
    int n;
    if (xdg && xdg[0] == '/')
        n = snprintf(out, size, "%s/apical", xdg);
    else if (home && home[0])
        n = snprintf(out, size, "%s/.cache/apical", home);
    else
        return sim_fail(SIM_ERR_IO, "no place for the calibration of kernels: neither "
                                    "XDG_CACHE_HOME nor HOME is set");
    if (n < 0 || (size_t)n >= size)
        return sim_fail(SIM_ERR_IO, "the path of the cache folder is too long");
    return SIM_OK;
}

SimStatus sim_calibration_path(const SimCalibration *table, char *out, size_t size)
{
    char sum[SIM_HASH_TEXT], folder[1024];
    const SimStatus status = folder_of(folder, sizeof folder);
    if (status != SIM_OK)
        return status;
    sum_of(table->machine, strlen(table->machine), sum);
    const int n = snprintf(out, size, "%s/break-even-%.8s.txt", folder, sum);
    return n < 0 || (size_t)n >= size
               ? sim_fail(SIM_ERR_IO, "the path of the cache folder is too long")
               : SIM_OK;
}

SimStatus sim_calibration_load(SimCalibration *table)
{
    SimStatus status = SIM_OK;
    char path[1200];
    char *text = NULL;
    FILE *file = NULL;
    SIM_TRY(sim_calibration_path(table, path, sizeof path));
    file = fopen(path, "rb");
    if (!file) {
        if (errno != ENOENT && errno != ENOTDIR)
            status = sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
        goto out;
    }
    text = calloc(LARGEST_FILE + 1, 1);
    if (!text) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory to read %s", path);
        goto out;
    }
    const size_t n = fread(text, 1, LARGEST_FILE, file);
    if (ferror(file) || memchr(text, '\0', n))
        status = sim_fail(SIM_ERR_FORMAT, "this is no calibration of kernels");
    else
        status = sim_calibration_parse(table, text, false);
    if (status != SIM_OK)
        sim_fail_within(status, "%s", path);
out:
    free(text);
    if (file)
        fclose(file);
    return status;
}

SimStatus sim_calibration_save(const SimCalibration *table)
{
    SimStatus status = SIM_OK;
    char path[1200], *text = NULL;
    SimFile file;
    SIM_TRY(write_text(table, false, true, &text));
    SIM_TRY(sim_calibration_path(table, path, sizeof path));
    char *const name = strrchr(path, '/');
    *name = '\0';
    SIM_TRY(sim_folder_make(path));
    *name = '/';
    SIM_TRY(sim_file_create(path, &file));
    fputs(text, file.stream);
    status = sim_file_commit(&file);
out:
    free(text);
    return status;
}
