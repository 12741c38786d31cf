/* cli/inspect.c: one file read from end to end. */
#include "cli/inspect.h"

#include <stdlib.h>

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
    SIM_TRY(file->info.kind == DATA_EVENTS ? data_event_stats(file, &found.events)
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
