/* datasets/aedat2_write.c: AEDAT 2.0, byte for byte as a DVS128 recording. */
#include "datasets/aedat2_write.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/file.h"

enum { SIDE = 128, RECORD = 8 };

/* A fixed date: the same events give the same bytes. */
static const char header[] =
    "#!AER-DAT2.0\r\n"
    "# This is a raw AE data file - do not edit\r\n"
    "# Data format is int32 address, int32 timestamp (8 bytes total), repeated for each "
    "event\r\n"
    "# Timestamps tick is 1 us\r\n"
    "# created Thu Jan 01 00:00:00 UTC 1970\r\n";

static void put_be32(unsigned char *to, uint32_t value)
{
    to[0] = (unsigned char)(value >> 24);
    to[1] = (unsigned char)(value >> 16);
    to[2] = (unsigned char)(value >> 8);
    to[3] = (unsigned char)value;
}

/* The raw coordinates whose reading under `axes` gives (x, y). */
static uint32_t address_of(DataAxes axes, const DataEvent *event)
{
    const uint32_t last = SIDE - 1;
    const uint32_t raw_x = last - (axes == DATA_AXES_JAER ? event->x : event->y);
    const uint32_t raw_y = last - (axes == DATA_AXES_JAER ? event->y : event->x);
    return raw_y << 8 | raw_x << 1 | (event->on ? 0 : 1);
}

SimStatus data_aedat2_write(const char *path, DataAxes axes, const DataEvent *events,
                            size_t n)
{
    SimStatus status = SIM_OK;
    SimFile file = {0};
    unsigned char *const bytes = malloc(n * RECORD + 1);
    if (!bytes)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory to write %zu events", path, n);
    for (size_t i = 0; i < n; i++) {
        const DataEvent *const e = &events[i];
        if (e->x >= SIDE || e->y >= SIDE || e->t_us < 0 || e->t_us > INT32_MAX) {
            status = sim_fail(SIM_ERR_VALUE,
                              "%s: event %zu: x %u, y %u, time %" PRId64
                              " does not fit AEDAT 2.0 of a DVS128",
                              path, i, e->x, e->y, e->t_us);
            goto out;
        }
        put_be32(bytes + i * RECORD, address_of(axes, e));
        put_be32(bytes + i * RECORD + 4, (uint32_t)e->t_us);
    }
    SIM_TRY(sim_file_create(path, &file));
    fwrite(header, 1, sizeof header - 1, file.stream);
    fwrite(bytes, RECORD, n, file.stream);
    status = sim_file_finish(&file);
out:
    sim_file_destroy(&file);
    free(bytes);
    return status;
}
