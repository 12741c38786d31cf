/* Events and frames against SpikingJelly's, to the bit: every recording of
 * golden/frames.h5. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/frames.h"
#include "sim/store.h"
#include "tests/support.h"

typedef struct Seen {
    SimStore *store;
    char *group;
    DataEvent *events;
    size_t n, w, h;
    size_t groups, arrays;
} Seen;

static double number(SimStore *store, const char *name, const char *attribute)
{
    double value;
    cr_assert_eq(sim_store_read_number(store, name, attribute, &value), SIM_OK, "%s",
                 sim_message());
    return value;
}

static void open_group(Seen *seen, const char *group)
{
    char *source;
    DataFile *file;
    free(seen->group);
    free(seen->events);
    seen->group = strdup(group);
    cr_assert_eq(sim_store_read_text(seen->store, group, "source", &source), SIM_OK);
    /* A member of an archive: the archive is what must be there. */
    char *colon = strchr(source, ':');
    if (colon)
        *colon = '\0';
    char *path = test_data_path(source), whole[4096];
    snprintf(whole, sizeof whole, "%s%s%s", path, colon ? ":" : "",
             colon ? colon + 1 : "");
    cr_assert_eq(data_file_open(whole, DATA_AXES_SPIKINGJELLY, &file), SIM_OK, "%s",
                 sim_message());
    cr_assert_eq(data_file_read_events(file, 0, &seen->events, &seen->n), SIM_OK, "%s",
                 sim_message());
    seen->w = (size_t)number(seen->store, group, "W");
    seen->h = (size_t)number(seen->store, group, "H");
    cr_expect_eq(file->info.width, seen->w, "%s", group);
    cr_expect_eq(file->info.height, seen->h, "%s", group);
    cr_expect_eq(seen->n, (size_t)number(seen->store, group, "events"), "%s", group);
    int64_t sums[4] = {0};
    for (size_t i = 0; i < seen->n; i++) {
        const DataEvent *e = &seen->events[i];
        sums[0] += e->t_us;
        sums[1] += e->x;
        sums[2] += e->y;
        sums[3] += e->on;
    }
    static const char *const names[] = {"sum_t", "sum_x", "sum_y", "sum_p"};
    for (int k = 0; k < 4; k++)
        cr_expect_eq(sums[k], (int64_t)number(seen->store, group, names[k]), "%s %s",
                     group, names[k]);
    seen->groups++;
    data_file_close(file);
    free(path);
    free(source);
}

static SimStatus visit(void *argument, const char *name)
{
    Seen *seen = argument;
    char group[512];
    const char *slash = strrchr(name, '/');
    snprintf(group, sizeof group, "%.*s", (int)(slash - name), name);
    if (!seen->group || strcmp(group, seen->group))
        open_group(seen, group);

    SimStoreInfo info;
    cr_assert_eq(sim_store_info(seen->store, name, &info), SIM_OK);
    cr_assert_eq(info.n_dims, 4u);
    DataFrameSpec spec = {.steps = info.dims[0],
                          .sensor_w = seen->w,
                          .sensor_h = seen->h,
                          .w = seen->w,
                          .h = seen->h};
    if (!strncmp(slash + 1, "number_", 7)) {
        spec.rule = DATA_FRAMES_NUMBER;
    } else if (!strncmp(slash + 1, "time_", 5)) {
        spec.rule = DATA_FRAMES_TIME;
    } else {
        cr_assert(!strcmp(slash + 1, "duration"), "unknown rule %s", name);
        spec.rule = DATA_FRAMES_DURATION;
        spec.duration_us = (int64_t)number(seen->store, name, "duration_us");
    }
    const size_t count = info.count, h = seen->h, w = seen->w;
    float *want = malloc(count * sizeof *want), *got = malloc(count * sizeof *got);
    cr_assert_eq(sim_store_read(seen->store, name, SIM_F32, count, want), SIM_OK);
    DataFrameReport report;
    cr_assert_eq(data_frames_make(&spec, seen->n, seen->events, got, &report), SIM_OK,
                 "%s", sim_message());
    cr_expect_eq(report.n_frames, spec.steps, "%s", name);
    size_t wrong = 0;
    for (size_t t = 0; t < spec.steps; t++)
        for (size_t c = 0; c < 2; c++)
            for (size_t i = 0; i < h * w; i++)
                wrong += want[(t * 2 + c) * h * w + i] != got[(t * h * w + i) * 2 + c];
    cr_expect_eq(wrong, 0u, "%s: %zu of %zu differ", name, wrong, count);
    free(want);
    free(got);
    seen->arrays++;
    return SIM_OK;
}

Test(golden_frames, every_recording_every_rule)
{
    char *path = test_golden_path("frames.h5");
    Seen seen = {0};
    cr_assert_eq(sim_store_open(path, &seen.store), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_store_visit(seen.store, "", visit, &seen), SIM_OK, "%s",
                 sim_message());
    cr_expect(seen.groups > 0 && seen.arrays >= 5 * seen.groups);
    sim_store_close(seen.store);
    free(seen.group);
    free(seen.events);
    free(path);
}
