/* Synthesised recordings: the model's own laws, and the files. */
#include "datasets/synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "datasets/aedat2_write.h"
#include "datasets/dataset.h"
#include "tests/datasets/folder.h"
#include "tests/support.h"

enum { SIDE = 28 };

static DataSynthOptions quiet(void) /* no noise, no mismatch */
{
    DataSynthOptions options;
    sim_options_init(data_synth_options, &options);
    options.noise_hz = 0;
    options.mismatch = 0;
    return options;
}

/* Bright below the diagonal: upright, mirrored and turned images all differ. */
static void picture(float *grey)
{
    for (size_t i = 0; i < SIDE; i++)
        for (size_t j = 0; j < SIDE; j++)
            grey[i * SIDE + j] = j < i / 2 ? 1.0f : 0.0f;
}

static DataEvent *record(const DataSynthOptions *options, const float *grey, size_t *n)
{
    DataEvent *events = NULL;
    test_ok(data_synth_events(options, SIDE, SIDE, grey, 1, &events, n));
    return events;
}

Test(synth, nothing_moves_nothing_fires)
{
    float grey[SIDE * SIDE];
    size_t n = 1;
    const DataSynthOptions options = quiet();
    for (size_t i = 0; i < SIDE * SIDE; i++)
        grey[i] = 0.5f;
    free(record(&options, grey, &n));
    cr_assert_eq(n, 0);
}

Test(synth, events_are_sorted_inside_and_spaced)
{
    float grey[SIDE * SIDE];
    static double last[128 * 128];
    size_t n = 0;
    const DataSynthOptions options = quiet();
    picture(grey);
    DataEvent *const events = record(&options, grey, &n);
    cr_assert(n > 1000);
    for (size_t i = 0; i < 128 * 128; i++)
        last[i] = -1e9;
    for (size_t i = 0; i < n; i++) {
        const DataEvent e = events[i];
        cr_assert(e.x < 128 && e.y < 128 && e.on < 2);
        cr_assert(e.t_us >= 0 && (double)e.t_us <= 6 * 200e3);
        if (i)
            cr_assert(e.t_us >= events[i - 1].t_us);
        double *const before = &last[e.y * 128 + e.x];
        /* Times are cut to whole microseconds. */
        cr_assert((double)e.t_us - *before >= options.refractory_us - 1);
        *before = (double)e.t_us;
    }
    free(events);
}

/* A pixel comes back to where it was: without refractory time ON and OFF events of a
 * whole number of rounds differ by less than what fits between two thresholds. */
Test(synth, rises_and_falls_balance)
{
    float grey[SIDE * SIDE];
    static int level[128 * 128];
    size_t n = 0;
    DataSynthOptions options = quiet();
    options.refractory_us = 0;
    picture(grey);
    DataEvent *const events = record(&options, grey, &n);
    for (size_t i = 0; i < n; i++)
        level[events[i].y * 128 + events[i].x] += events[i].on ? 1 : -1;
    for (size_t i = 0; i < 128 * 128; i++)
        cr_assert(abs(level[i]) <= 1, "pixel %zu is left at %d", i, level[i]);
    free(events);
}

Test(synth, a_higher_threshold_gives_fewer_events)
{
    float grey[SIDE * SIDE];
    size_t before = SIZE_MAX;
    DataSynthOptions options = quiet();
    picture(grey);
    for (options.threshold = 0.1; options.threshold < 2; options.threshold *= 2) {
        size_t n = 0;
        free(record(&options, grey, &n));
        cr_assert(n < before, "%zu at %g, %zu before", n, options.threshold, before);
        before = n;
    }
}

Test(synth, background_comes_at_its_rate)
{
    float grey[SIDE * SIDE] = {0};
    size_t n = 0, on = 0;
    DataSynthOptions options = quiet();
    options.noise_hz = 1;
    DataEvent *const events = record(&options, grey, &n);
    const double want = 128 * 128 * 1.2;
    for (size_t i = 0; i < n; i++)
        on += events[i].on;
    cr_assert(fabs((double)n - want) < 5 * sqrt(want), "%zu events", n);
    cr_assert(on > n / 2, "mostly ON");
    free(events);
}

Test(synth, is_upright_when_read_as_spikingjelly_reads, .fini = test_folder_remove)
{
    float grey[SIDE * SIDE];
    size_t n = 0, m = 0;
    const DataSynthOptions options = quiet();
    char path[256];
    DataFile *file = NULL;
    DataEvent *back = NULL;
    picture(grey);
    DataEvent *const events = record(&options, grey, &n);
    snprintf(path, sizeof path, "%s/a.aedat", test_folder());
    for (int axes = DATA_AXES_SPIKINGJELLY; axes <= DATA_AXES_JAER; axes++) {
        test_ok(data_aedat2_write(path, (DataAxes)axes, events, n));
        test_ok(data_file_open(path, (DataAxes)axes, &file));
        test_ok(data_file_read_events(file, 0, &back, &m));
        cr_assert_eq(n, m);
        cr_assert_arr_eq(events, back, n * sizeof *back);
        free(back);
        data_file_close(file);
    }
    /* The edge of the picture is at x = y / 2: events gather around it. */
    size_t near = 0;
    for (size_t i = 0; i < n; i++)
        near += abs((int)events[i].x - (int)events[i].y / 2) < 14;
    cr_assert(near == n, "%zu of %zu near the edge", near, n);
    free(events);
}

/* --- folders -------------------------------------------------------------------------
 */

/* Two IDX files: n images of 28 x 28, labels 0, 1, 0, 1 ... */
static void make_images(const char *folder, uint32_t n)
{
    char path[512];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    FILE *const images = fopen(path, "wb");
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte", folder);
    FILE *const labels = fopen(path, "wb");
    fwrite("\0\0\x08\x03\0\0\0", 1, 7, images);
    fputc((int)n, images);
    fwrite("\0\0\0\x1c\0\0\0\x1c", 1, 8, images);
    fwrite("\0\0\x08\x01\0\0\0", 1, 7, labels);
    fputc((int)n, labels);
    for (uint32_t k = 0; k < n; k++) {
        fputc((int)(k % 2), labels);
        for (uint32_t i = 0; i < SIDE * SIDE; i++)
            fputc((int)((i / SIDE / 4 + i % SIDE / 4 + k) % 2 * 200 + k), images);
    }
    fclose(images);
    fclose(labels);
}

static char *bytes_of(const char *path, size_t *size)
{
    FILE *const file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    char *const bytes = malloc(1 << 22);
    *size = fread(bytes, 1, 1 << 22, file);
    fclose(file);
    return bytes;
}

static void same_file(const char *a, const char *b, const char *name)
{
    char path[512];
    size_t n = 0, m = 0;
    snprintf(path, sizeof path, "%s/%s", a, name);
    char *const x = bytes_of(path, &n);
    snprintf(path, sizeof path, "%s/%s", b, name);
    char *const y = bytes_of(path, &m);
    cr_assert_eq(n, m);
    cr_assert_arr_eq(x, y, n);
    free(x);
    free(y);
}

Test(synth, folder_is_the_same_for_any_threads_and_goes_on, .fini = test_folder_remove)
{
    char images[256], one[256], two[256], path[512];
    DataSynthOptions options;
    DataSynthReport report = {0};
    sim_options_init(data_synth_options, &options);
    options.loops = 1;
    options.events = 6000;
    options.seed = 5;
    snprintf(images, sizeof images, "%s/chess_boards", test_folder());
    snprintf(one, sizeof one, "%s/one", test_folder());
    snprintf(two, sizeof two, "%s/two", test_folder());
    make_images(images, 12);
    test_ok(data_synth_folder(images, one, &options, 1, NULL, NULL, &report));
    cr_assert_eq(report.recordings, 12);
    cr_assert_eq(report.kept, 0);
    const double mean = (double)report.events / 12;
    cr_assert(mean > 5000 && mean < 7000, "%g events", mean);
    test_ok(data_synth_folder(images, two, &options, 3, NULL, NULL, &report));
    same_file(one, two, "0/chess-boards_0_5.aedat");
    same_file(one, two, "1/chess-boards_1_0.aedat");

    snprintf(path, sizeof path, "%s/1/chess-boards_1_0.aedat", two);
    cr_assert_eq(remove(path), 0); /* as if stopped before it */
    test_ok(data_synth_folder(images, two, &options, 2, NULL, NULL, &report));
    cr_assert_eq(report.kept, 11);
    same_file(one, two, "1/chess-boards_1_0.aedat");

    options.seed = 6;
    cr_assert_eq(data_synth_folder(images, two, &options, 2, NULL, NULL, &report),
                 SIM_ERR_VALUE);

    DataOptions set_options = test_set_options(one);
    DataSet set = {0};
    test_ok(data_set_open(&set_options, NULL, NULL, &set));
    cr_assert_eq(set.n_samples, 12);
    cr_assert_eq(set.n_classes, 2);
    cr_assert_eq(set.sensor_w, 128);
    data_set_close(&set);
}

Test(synth, images_as_batches, .fini = test_folder_remove)
{
    char images[256];
    DataOptions options;
    DataSet set = {0};
    DataLoader *loader = NULL;
    DataBatch batch;
    snprintf(images, sizeof images, "%s/images", test_folder());
    make_images(images, 10);
    sim_options_init(data_options, &options);
    snprintf(options.path, sizeof options.path, "%s", images);
    options.normalise = true;
    test_ok(data_set_open(&options, NULL, NULL, &set));
    test_ok(data_set_prepare(&set, 1, NULL, NULL));
    cr_assert_eq(set.kind, DATA_IMAGES);
    cr_assert_eq(set.steps, 1);
    cr_assert_eq(set.c, 1);
    test_ok(data_loader_create(&set, DATA_TRAIN, 10, true, false, 1, &loader));
    data_loader_start(loader, 0, 0);
    test_ok(data_loader_next(loader, &batch));
    cr_assert_eq(batch.n, 10);
    double sum = 0, squares = 0;
    const double count = 10 * SIDE * SIDE;
    for (size_t i = 0; i < 10 * SIDE * SIDE; i++) {
        sum += (double)batch.x[i];
        squares += (double)batch.x[i] * (double)batch.x[i];
    }
    cr_assert(fabs(sum / count) < 1e-5, "mean %g", sum / count);
    cr_assert(fabs(squares / count - 1) < 1e-4, "variance %g", squares / count);
    data_loader_destroy(loader);
    data_set_close(&set);
}
