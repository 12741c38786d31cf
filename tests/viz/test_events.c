/* Long recordings: any window is what reading the whole file gives. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/rng.h"
#include "viz/events.h"

enum { N = 3 * VIZ_BLOCK + 1234, SIDE = 128 };

static char path[64];
static DataEvent *all; /* as written, times from the first */
static VizEvents *events;

/* AEDAT 2.0 with times that now and then step back a little. */
static void write_file(size_t n, size_t cut_bytes)
{
    const SimRng rng = {.seed = 3};
    strcpy(path, "/tmp/apical-events-XXXXXX");
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    FILE *const file = fdopen(fd, "wb");
    cr_assert_not_null(file);
    fputs("#!AER-DAT2.0\r\n# made by a test\r\n", file);
    all = malloc((n + 1) * sizeof *all);
    cr_assert_not_null(all);
    int64_t t = 5000;
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = (uint32_t)sim_rng_u64(rng, i);
        t += r % 37;
        const int64_t at = r % 101 == 0 && i > 0 ? t - 90 : t;
        const uint32_t x = r >> 8 & 127, y = r >> 16 & 127, on = r >> 31;
        all[i] = (DataEvent){
            at, (uint16_t)(SIDE - 1 - x), (uint16_t)(SIDE - 1 - y), (uint8_t)!on, {0}};
        const uint32_t words[2] = {y << 8 | x << 1 | on, (uint32_t)at};
        for (int w = 0; w < 2; w++)
            for (int shift = 24; shift >= 0; shift -= 8)
                fputc((int)(words[w] >> shift & 0xff), file);
    }
    for (size_t i = 0; i < cut_bytes; i++)
        fputc(1, file);
    cr_assert_eq(fclose(file), 0);
    const int64_t first = all[0].t_us;
    for (size_t i = 0; i < n; i++)
        all[i].t_us = all[i].t_us > first ? all[i].t_us - first : 0;
}

static void clean(void)
{
    viz_events_close(events);
    free(all);
    if (path[0])
        unlink(path);
}

TestSuite(viz_events, .fini = clean);

static void expect_window(int64_t from, int64_t to)
{
    const DataEvent *got;
    bool complete = false;
    const size_t n = viz_events_window(events, from, to, N, true, &got, &complete);
    size_t wanted = 0;
    for (size_t i = 0; i < N; i++) {
        if (all[i].t_us < from || all[i].t_us >= to)
            continue;
        cr_assert_lt(wanted, n, "[%lld, %lld) ends after %zu", (long long)from,
                     (long long)to, n);
        cr_assert(got[wanted].t_us == all[i].t_us && got[wanted].on == all[i].on,
                  "event %zu of [%lld, %lld)", wanted, (long long)from, (long long)to);
        wanted++;
    }
    cr_expect_eq(n, wanted);
    cr_expect(complete);
}

Test(viz_events, windows_are_exact)
{
    write_file(N, 0);
    cr_assert_eq(viz_events_open(path, DATA_AXES_JAER, &events), SIM_OK, "%s",
                 sim_message());
    viz_events_wait(events);
    const VizEventsInfo info = viz_events_info(events);
    cr_expect_eq(info.n_events, (uint64_t)N);
    cr_expect_eq(info.width, (size_t)SIDE);
    cr_expect_null(info.note);
    const int64_t end = info.end_us;
    expect_window(0, end);
    expect_window(0, 1);
    expect_window(end - 100, end);
    for (int i = 0; i < 40; i++) /* also across the edges of blocks */
        expect_window(end * i / 40 - 50, end * i / 40 + 700);
    expect_window(end / 3, end / 2);
    expect_window(500, 400);
}

Test(viz_events, the_last_ones_of_too_many)
{
    const DataEvent *got;
    write_file(N, 0);
    cr_assert_eq(viz_events_open(path, DATA_AXES_JAER, &events), SIM_OK);
    viz_events_wait(events);
    const size_t n = viz_events_window(events, 0, INT64_MAX, 1000, true, &got, NULL);
    cr_assert_eq(n, 1000u);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(got[i].t_us, all[N - 1000 + i].t_us);
}

Test(viz_events, a_window_not_in_memory_is_fetched_for_later)
{
    const DataEvent *got;
    bool complete = true;
    write_file(N, 0);
    cr_assert_eq(viz_events_open(path, DATA_AXES_JAER, &events), SIM_OK);
    viz_events_wait(events);
    const int64_t end = viz_events_info(events).end_us;
    viz_events_window(events, 0, end, N, false, &got, &complete);
    cr_expect_not(complete);
    for (int i = 0; i < 2000 && !complete; i++) {
        usleep(1000);
        viz_events_window(events, 0, end, N, false, &got, &complete);
    }
    cr_expect(complete);
}

Test(viz_events, counting_forward_and_back)
{
    write_file(N, 0);
    cr_assert_eq(viz_events_open(path, DATA_AXES_JAER, &events), SIM_OK);
    viz_events_wait(events);
    const int64_t end = viz_events_info(events).end_us;
    cr_expect_eq(viz_events_after(events, 0, N + 5), end);
    cr_expect_eq(viz_events_after(events, end, -N - 5), 0);
    expect_window(end / 2 - 2000, end / 2 + 2000); /* brings the blocks */
    const int64_t from = end / 2, to = viz_events_after(events, from, 100);
    const DataEvent *got;
    const size_t n = viz_events_window(events, from, to, N, true, &got, NULL);
    cr_expect(n >= 90 && n <= 110, "%zu events of 100", n);
}

Test(viz_events, rates_add_up)
{
    enum { PARTS = 50 };
    float rates[PARTS];
    write_file(N, 0);
    cr_assert_eq(viz_events_open(path, DATA_AXES_JAER, &events), SIM_OK);
    viz_events_wait(events);
    const int64_t end = viz_events_info(events).end_us;
    viz_events_rate(events, 0, end, PARTS, rates);
    double sum = 0;
    for (int i = 0; i < PARTS; i++)
        sum += (double)rates[i] * (double)end / PARTS * 1e-6;
    cr_expect_float_eq(sum, N, N * 0.01, "%g events", sum);
}

Test(viz_events, a_file_cut_off_says_so_and_shows_the_rest)
{
    write_file(N, 5);
    cr_assert_eq(viz_events_open(path, DATA_AXES_JAER, &events), SIM_OK);
    viz_events_wait(events);
    const VizEventsInfo info = viz_events_info(events);
    cr_assert_not_null(info.note);
    cr_expect_not_null(strstr(info.note, "cut off"), "%s", info.note);
    cr_expect_eq(info.n_events, (uint64_t)N);
    expect_window(1000, 5000);
}

Test(viz_events, what_is_no_recording_is_refused)
{
    VizEvents *none = NULL;
    cr_expect_neq(viz_events_open("/nowhere/at/all", DATA_AXES_JAER, &none), SIM_OK);
    write_file(0, 0);
    cr_expect_neq(viz_events_open(path, DATA_AXES_JAER, &none), SIM_OK);
    cr_expect_not_null(strstr(sim_message(), "no event"), "%s", sim_message());
    cr_expect_null(none);
}

Test(viz_events, in_memory_they_are_sorted)
{
    const DataEvent wild[] = {
        {500, 1, 2, 1, {0}}, {100, 3, 4, 0, {0}}, {300, 5, 6, 1, {0}}};
    const DataEvent *got;
    cr_assert_eq(viz_events_take(wild, 3, 8, 8, &events), SIM_OK);
    cr_assert_eq(viz_events_window(events, 0, INT64_MAX, 10, false, &got, NULL), 3u);
    cr_expect_eq(got[0].t_us, 0);
    cr_expect_eq(got[1].t_us, 200);
    cr_expect_eq(got[2].t_us, 400);
    cr_expect_eq(got[1].x, 5);
}
