/* A recording read back: SONATA paths, every spike, membranes, input, whole or not there.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/recording.h"
#include "tests/support.h"

enum { T = 3, H = 2, W = 3, C = 70 }; /* channels past one word */

static const char *folder;
static char path[96];

static void make_folder(void)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%s/out.h5", folder);
}

TestSuite(recording, .init = make_folder, .fini = test_folder_remove);

static bool fires(size_t t, size_t node)
{
    return (node * 7 + t * 3) % 11 == 0;
}

/* The same spikes packed and as values, one step a window. */
static void record(CliRecording *recording, size_t layer, bool packed)
{
    static uint64_t bits[H * W * 2];
    static float values[H * W * C], potential[H * W * C];
    for (size_t t = 0; t < T; t++) {
        memset(bits, 0, sizeof bits);
        for (size_t node = 0; node < H * W * C; node++) {
            const size_t pixel = node / C, c = node % C;
            if (fires(t, node))
                bits[pixel * 2 + c / 64] |= UINT64_C(1) << (c % 64);
            values[node] = fires(t, node) ? 1.0f : 0.0f;
            potential[node] = (float)node + 1000.0f * (float)t;
        }
        SimTensor y = {.form = packed ? SIM_SPIKES : SIM_DENSE,
                       .shape = {.t = 1, .n = 1, .h = H, .w = W, .c = C}};
        y.data = packed ? (void *)bits : (void *)values;
        cr_assert_eq(cli_recording_window(recording, layer, t, &y, potential), SIM_OK,
                     "%s", sim_message());
    }
}

static void check_spikes(SimStore *store, const char *layer, double step)
{
    char name[64];
    SimStoreInfo info;
    size_t expected = 0;
    for (size_t t = 0; t < T; t++)
        for (size_t node = 0; node < H * W * C; node++)
            expected += fires(t, node);
    snprintf(name, sizeof name, "spikes/%s/timestamps", layer);
    cr_assert_eq(sim_store_info(store, name, &info), SIM_OK, "%s", sim_message());
    cr_assert_eq(info.count, expected);
    double *const times = malloc(expected * sizeof *times);
    uint64_t *const nodes = malloc(expected * sizeof *nodes);
    cr_assert_eq(sim_store_read(store, name, SIM_F64, expected, times), SIM_OK);
    snprintf(name, sizeof name, "spikes/%s/node_ids", layer);
    cr_assert_eq(sim_store_read(store, name, SIM_U64, expected, nodes), SIM_OK);
    size_t at = 0;
    for (size_t t = 0; t < T; t++)
        for (size_t node = 0; node < H * W * C; node++)
            if (fires(t, node)) {
                cr_expect_eq(times[at], (double)t * step);
                cr_expect_eq(nodes[at], node);
                at++;
            }
    free(times);
    free(nodes);
}

Test(recording, read_back_whole)
{
    const uint64_t watched[2] = {401, 3};
    const CliRecordingLayer layers[2] = {{"stem.neuron", H, W, C, true, watched, 2},
                                         {"block1.neuron", H, W, C, true, NULL, 0}};
    const char *const classes[2] = {"cat", "ankle boot"};
    const CliRecordingOptions options = {.layers = layers,
                                         .n_layers = 2,
                                         .steps = T,
                                         .step_ms = 12.5,
                                         .text = "seed: 1",
                                         .classes = classes,
                                         .n_classes = 2};
    CliRecording *recording = NULL;
    cr_assert_eq(cli_recording_create(path, &options, &recording), SIM_OK, "%s",
                 sim_message());
    record(recording, 0, true);
    record(recording, 1, false);
    cr_expect_eq(cli_recording_spikes(recording, 0), cli_recording_spikes(recording, 1));
    const float scores[T * 2] = {0, 1, 2, 3, 4, 5};
    for (size_t t = 0; t < T; t++)
        cr_assert_eq(cli_recording_step(recording, scores + 2 * t), SIM_OK);
    static DataEvent events[40000]; /* more than one slice */
    for (size_t i = 0; i < 40000; i++)
        events[i] = (DataEvent){.t_us = (int64_t)i * 3 - 5,
                                .x = (uint16_t)(i % 128),
                                .y = (uint16_t)(i % 97),
                                .on = i % 3 == 0};
    cr_assert_eq(cli_recording_events(recording, events, 40000, 128, 97), SIM_OK);
    cr_expect_neq(access(path, F_OK), 0, "it must not appear before it is whole");
    cr_assert_eq(cli_recording_commit(recording), SIM_OK, "%s", sim_message());
    cli_recording_close(recording);

    SimStore *store = NULL;
    cr_assert_eq(sim_store_open(path, &store), SIM_OK, "%s", sim_message());
    check_spikes(store, "stem.neuron", 12.5);
    check_spikes(store, "block1.neuron", 12.5);
    float membranes[T * 2];
    cr_assert_eq(
        sim_store_read(store, "report/stem.neuron/data", SIM_F32, T * 2, membranes),
        SIM_OK, "%s", sim_message());
    for (size_t t = 0; t < T; t++) {
        cr_expect_eq(membranes[2 * t], 401.0f + 1000.0f * (float)t);
        cr_expect_eq(membranes[2 * t + 1], 3.0f + 1000.0f * (float)t);
    }
    cr_expect_not(sim_store_has(store, "report/block1.neuron/data"));
    int64_t last;
    static int64_t times[40000];
    cr_assert_eq(sim_store_read(store, "input/events/t_us", SIM_I64, 40000, times),
                 SIM_OK);
    last = times[39999];
    cr_expect_eq(last, 39999 * 3 - 5);
    char *text = NULL;
    cr_assert_eq(sim_store_read_text(store, "readout/scores", "classes", &text), SIM_OK);
    cr_expect_str_eq(text, "cat\nankle boot");
    free(text);
    float read[T * 2];
    cr_assert_eq(sim_store_read(store, "readout/scores", SIM_F32, T * 2, read), SIM_OK);
    cr_expect_arr_eq(read, scores, sizeof scores);
    cr_assert_eq(
        sim_store_read_text(store, "spikes/stem.neuron/timestamps", "units", &text),
        SIM_OK);
    cr_expect_str_eq(text, "ms");
    free(text);
    double channels = 0;
    cr_assert_eq(
        sim_store_read_number(store, "spikes/stem.neuron", "channels", &channels),
        SIM_OK);
    cr_expect_eq(channels, C);
    sim_store_close(store);
}

Test(recording, h5py_finds_the_sonata_paths)
{
    /* Debian's h5py belongs to Debian's Python, which need not be the first on the path.
     */
    static const char *const pythons[] = {"python3", "/usr/bin/python3"};
    const char *python = NULL;
    for (size_t i = 0; i < 2 && !python; i++) {
        char try[96];
        snprintf(try, sizeof try, "%s -c 'import h5py' 2>/dev/null", pythons[i]);
        python = system(try) == 0 ? pythons[i] : NULL;
    }
    if (!python)
        cr_skip_test("h5py is not installed");
    const CliRecordingLayer layer = {"n1", H, W, C, true, NULL, 0};
    const CliRecordingOptions options = {.layers = &layer, .n_layers = 1, .steps = T};
    CliRecording *recording = NULL;
    cr_assert_eq(cli_recording_create(path, &options, &recording), SIM_OK);
    record(recording, 0, true);
    cr_assert_eq(cli_recording_commit(recording), SIM_OK);
    const unsigned long long spikes = cli_recording_spikes(recording, 0);
    cli_recording_close(recording);
    char command[1024];
    snprintf(command, sizeof command,
             "%s -c \"import h5py, sys\n"
             "f = h5py.File('%s', 'r')\n"
             "g = f['/spikes/n1']\n"
             "units = g['timestamps'].attrs['units']\n"
             "units = units.decode() if isinstance(units, bytes) else units\n"
             "ok = len(g['timestamps']) == len(g['node_ids']) == %llu\n"
             "ok = ok and units == 'steps' and g['timestamps'].chunks is not None\n"
             "ok = ok and g['timestamps'].compression == 'gzip'\n"
             "sys.exit(0 if ok else 1)\"",
             python, path, spikes);
    cr_assert_eq(system(command), 0);
}

Test(recording, closed_before_commit_leaves_nothing)
{
    const CliRecordingLayer layer = {"n1", H, W, C, true, NULL, 0};
    const CliRecordingOptions options = {.layers = &layer, .n_layers = 1, .steps = T};
    CliRecording *recording = NULL;
    cr_assert_eq(cli_recording_create(path, &options, &recording), SIM_OK);
    record(recording, 0, true);
    cli_recording_close(recording);
    char command[128];
    snprintf(command, sizeof command, "test -z \"$(ls -A '%s')\"", folder);
    cr_assert_eq(system(command), 0);
}

Test(recording, a_neuron_that_is_not_there_is_named)
{
    const uint64_t watched[1] = {H * W * C};
    const CliRecordingLayer layer = {"n1", H, W, C, true, watched, 1};
    const CliRecordingOptions options = {.layers = &layer, .n_layers = 1, .steps = T};
    CliRecording *recording = NULL;
    cr_assert_eq(cli_recording_create(path, &options, &recording), SIM_ERR_VALUE);
    cr_assert_not_null(strstr(sim_message(), "0 to 419"));
    cr_assert_null(recording);
}

Test(recording, the_estimate_counts_spikes_and_membranes)
{
    const uint64_t watched[2] = {0, 1};
    const CliRecordingLayer layer = {"n1", H, W, C, true, watched, 2};
    const CliRecordingOptions options = {.layers = &layer, .n_layers = 1, .steps = 10};
    cr_assert_float_eq(cli_recording_estimate(&options, 0.5),
                       0.5 * H * W * C * 10 * 16 + 2 * 10 * 4, 1e-6);
}
