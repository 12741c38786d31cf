/* cli/inspect.c: one file read from end to end. */
#include "cli/inspect.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE = 1 << 14 }; /* events read at once */

typedef struct Peak { /* the fullest of the windows [i, i + 1) * CLI_PEAK_US */
    int64_t window, best_window;
    uint64_t count, best;
} Peak;

static void peak_add(Peak *peak, int64_t t_us)
{
    /* Rounded down for negative times too. */
    const int64_t window = t_us / CLI_PEAK_US - (t_us % CLI_PEAK_US < 0);
    if (peak->count == 0 ||
        window > peak->window) { /* backward steps stay where they are */
        peak->window = window;
        peak->count = 0;
    }
    if (++peak->count > peak->best) {
        peak->best = peak->count;
        peak->best_window = peak->window;
    }
}

static SimStatus inspect_events(DataFile *file, CliInspection *found)
{
    SimStatus status = SIM_OK;
    const size_t width = file->info.width, height = file->info.height;
    DataEvent *const events = malloc(SLICE * sizeof *events);
    uint64_t *const pixels = calloc(width * height + 1, sizeof *pixels);
    Peak peak = {0};
    int64_t earliest = 0, latest = 0;
    uint64_t n_all = 0;
    if (!events || !pixels) {
        status = sim_fail(SIM_ERR_MEMORY, "%s: no memory for a sensor of %zu x %zu",
                          file->path, width, height);
        goto out;
    }
    for (;;) {
        size_t n = 0;
        SIM_TRY(file->reader->next_events(file, SLICE, events, &n));
        if (n == 0)
            break;
        for (size_t i = 0; i < n; i++) {
            const DataEvent *const event = &events[i];
            if (n_all++ == 0)
                found->first_us = earliest = latest = event->t_us;
            earliest = event->t_us < earliest ? event->t_us : earliest;
            latest = event->t_us > latest ? event->t_us : latest;
            found->last_us = event->t_us;
            found->on += event->on != 0;
            peak_add(&peak, event->t_us);
            if (event->x < width && event->y < height)
                pixels[event->y * width + event->x]++;
        }
    }
    found->earliest_us = earliest;
    found->span_us = latest - earliest;
    found->peak_hz = (double)peak.best * 1e6 / CLI_PEAK_US;
    found->peak_at_us = peak.best_window * CLI_PEAK_US - earliest;
    if (found->peak_at_us < 0)
        found->peak_at_us = 0;
    for (size_t i = 0; i < width * height; i++) {
        found->active_pixels += pixels[i] > 0;
        if (pixels[i] > found->busiest_events) {
            found->busiest_events = pixels[i];
            found->busiest_x = i % width;
            found->busiest_y = i / width;
        }
    }
out:
    free(events);
    free(pixels);
    return status;
}

static SimStatus inspect_images(DataFile *file, CliInspection *found)
{
    SimStatus status = SIM_OK;
    const size_t bytes = file->info.width * file->info.height * file->info.channels;
    uint8_t *const pixels = malloc(bytes + 1);
    double sum = 0;
    if (!pixels)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for an image of %zu bytes",
                        file->path, bytes);
    for (uint64_t i = 0; i < file->info.n_images; i++) {
        uint32_t label = 0;
        SIM_TRY(file->reader->image(file, i, pixels, &label));
        if (file->info.has_labels && label < CLI_INSPECT_LABELS)
            found->labels[label]++;
        for (size_t at = 0; at < bytes; at++)
            sum += pixels[at];
    }
    if (file->info.n_images > 0 && bytes > 0)
        found->mean = sum / (double)file->info.n_images / (double)bytes;
out:
    free(pixels);
    return status;
}

SimStatus cli_inspect(const char *path, DataAxes axes, CliInspection *out)
{
    SimStatus status = SIM_OK;
    CliInspection found = {0};
    DataFile *file = NULL;
    SIM_TRY(data_file_open(path, axes, &file));
    SIM_TRY(file->info.kind == DATA_EVENTS ? inspect_events(file, &found)
                                           : inspect_images(file, &found));
    found.info = file->info;
    found.summary = file->reader->summary;
    found.bytes = file->size;
    found.health = file->health;
    *out = found;
out:
    data_file_close(file);
    return status;
}
