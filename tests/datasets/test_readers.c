/* Each format by hand, the real recordings, and what unknown files are told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/frames.h"
#include "datasets/reader.h"
#include "tests/datasets/samples.h"
#include "tests/support.h"

static const char *folder;
static DataFile *file;
static DataEvent *events;
static size_t n;

static void set_up(void)
{
    folder = test_folder();
}

static void tear_down(void)
{
    data_file_close(file);
    free(events);
    test_folder_remove();
}

TestSuite(readers, .init = set_up, .fini = tear_down);

static void open_bytes(const char *name, Bytes bytes, DataAxes axes)
{
    char *path = scratch_write(folder, name, bytes.b, bytes.n);
    data_file_close(file);
    file = NULL;
    const SimStatus status = data_file_open(path, axes, &file);
    free(path);
    free(bytes.b);
    if (status == SIM_ERR_UNSUPPORTED)
        cr_skip_test("%s", sim_message());
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
}

static void read_all(void)
{
    free(events);
    events = NULL;
    cr_assert_eq(data_file_read_events(file, 0, &events, &n), SIM_OK, "%s",
                 sim_message());
    cr_expect_eq(file->health.events, n);
}

static void expect_event(size_t i, int64_t t_us, unsigned x, unsigned y, unsigned on)
{
    const DataEvent *e = &events[i];
    cr_expect(i < n && e->t_us == t_us && e->x == x && e->y == y && e->on == on,
              "event %zu of %zu: t %lld x %u y %u on %u", i, n, (long long)e->t_us, e->x,
              e->y, e->on);
}

static char *refusal(const char *name, const void *data, size_t size)
{
    char *path = scratch_write(folder, name, data, size);
    DataFile *refused = NULL;
    cr_expect_neq(data_file_open(path, DATA_AXES_JAER, &refused), SIM_OK, "%s", name);
    cr_expect_null(refused);
    cr_expect(!strncmp(sim_message(), path, strlen(path)), "%s", sim_message());
    free(path);
    return (char *)sim_message();
}

static void expect_refusal(const char *name, const void *data, size_t size,
                           const char *words)
{
    const char *said = refusal(name, data, size);
    cr_expect(strstr(said, words), "\"%s\" is not in: %s", words, said);
}

/* --- every descriptor ----------------------------------------------------------------*/

Test(readers, descriptors_are_complete)
{
    for (const DataReader *const *r = data_readers; *r; r++) {
        cr_expect((*r)->name && (*r)->summary && (*r)->probe && (*r)->open);
        cr_expect(((*r)->kind == DATA_EVENTS) == ((*r)->next_events != NULL));
        cr_expect(((*r)->kind == DATA_IMAGES) == ((*r)->image != NULL));
        const DataProbe empty = {"", (const unsigned char *)"", 0, 0};
        cr_expect_eq((*r)->probe(&empty), 0, "%s claims an empty file", (*r)->name);
    }
}

Test(readers, samples_are_recognised_whatever_their_name)
{
    for (const Sample *s = samples; s->name; s++) {
        const Bytes bytes = s->make();
        char *path = scratch_write(folder, "a", bytes.b, bytes.n);
        data_file_close(file);
        file = NULL;
        const SimStatus status = data_file_open(path, DATA_AXES_JAER, &file);
        if (status != SIM_ERR_UNSUPPORTED) {
            cr_assert_eq(status, SIM_OK, "%s", sim_message());
            cr_expect_str_eq(file->reader->name, s->format, "%s", s->name);
        }
        free(path);
        free(bytes.b);
    }
}

/* From any mark on, the same events come again. */
Test(readers, marks_are_places_to_come_back_to)
{
    enum { MOST = 4096 };
    static DataEvent first[MOST], again[MOST];
    for (const Sample *s = samples; s->name; s++) {
        DataMark marks[8];
        size_t at[8], n_marks = 0, total = 0, got = 1;
        const Bytes bytes = s->make();
        char *path = scratch_write(folder, "marked", bytes.b, bytes.n);
        free(bytes.b);
        data_file_close(file);
        file = NULL;
        const SimStatus status = data_file_open(path, DATA_AXES_JAER, &file);
        free(path);
        if (status == SIM_ERR_UNSUPPORTED || file->info.kind != DATA_EVENTS)
            continue;
        cr_assert(file->reader->mark && file->reader->go, "%s", s->format);
        while (got > 0 && total + 3 < MOST) { /* three at a time: also inside packets */
            if (n_marks < 8) {
                at[n_marks] = total;
                file->reader->mark(file, &marks[n_marks++]);
            }
            cr_assert_eq(file->reader->next_events(file, 3, first + total, &got), SIM_OK);
            total += got;
        }
        for (size_t m = n_marks; m-- > 0;) {
            size_t n_again = 0;
            cr_assert_eq(file->reader->go(file, &marks[m]), SIM_OK, "%s", sim_message());
            for (got = 1; got > 0 && n_again + 3 < MOST; n_again += got)
                cr_assert_eq(file->reader->next_events(file, 3, again + n_again, &got),
                             SIM_OK);
            cr_expect_eq(n_again, total - at[m], "%s", s->name);
            for (size_t i = 0; i < n_again && i < total - at[m]; i++)
                cr_assert(again[i].t_us == first[at[m] + i].t_us &&
                              again[i].x == first[at[m] + i].x &&
                              again[i].y == first[at[m] + i].y,
                          "%s: event %zu from mark %zu", s->name, i, m);
        }
    }
}

/* --- events --------------------------------------------------------------------------*/

Test(readers, aedat2_axes)
{
    open_bytes("a", sample_make("two.aedat"), DATA_AXES_SPIKINGJELLY);
    read_all();
    cr_assert_eq(n, 4u);
    expect_event(0, 1000, 27, 122, 1);
    expect_event(1, 1250, 27, 121, 0);
    cr_expect_eq(file->health.special, 2u);
    cr_expect_eq(file->health.backward, 1u);
    open_bytes("a", sample_make("two.aedat"), DATA_AXES_JAER);
    read_all();
    expect_event(0, 1000, 122, 27, 1); /* jAER's y 100 counts from the bottom */
    expect_event(1, 1250, 121, 27, 0);
    expect_event(3, 2000, 0, 0, 1);
}

Test(readers, aedat2_header_ends_where_text_ends)
{
    /* The first record begins with '#', so it would look like one more header line. */
    static const char head[] = "#!AER-DAT2.0\r\n# chip\r\n";
    static const unsigned char record[] = {0x23, 0, 0, 0, 0, 0, 0, 1,
                                           0,    0, 2, 4, 0, 0, 0, 2};
    Bytes f = {0};
    bytes_text(&f, head);
    bytes_add(&f, record, sizeof record);
    open_bytes("a", f, DATA_AXES_JAER);
    read_all();
    cr_expect_eq(n, 1u);
    cr_expect_eq(file->health.special, 1u);
    cr_expect_eq(file->health.bytes_left, 0u);
}

Test(readers, aedat2_time_wraps_after_72_minutes)
{
    static const unsigned char records[] = {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe,
                                            0, 0, 0, 0, 0,    0,    0,    5};
    Bytes f = {0};
    bytes_text(&f, "#!AER-DAT2.0\r\n");
    bytes_add(&f, records, sizeof records);
    open_bytes("a", f, DATA_AXES_JAER);
    read_all();
    cr_assert_eq(n, 2u);
    cr_expect_eq(events[1].t_us - events[0].t_us, 7);
    cr_expect_eq(file->health.backward, 0u);
}

Test(readers, aedat2_davis)
{
    /* bit 31 clear, y 3, x 5, ON: from the bottom right corner of 346 x 260. */
    const uint32_t a = 3u << 22 | 5u << 12 | 1u << 11;
    const unsigned char record[] = {(unsigned char)(a >> 24),
                                    (unsigned char)(a >> 16),
                                    (unsigned char)(a >> 8),
                                    (unsigned char)a,
                                    0,
                                    0,
                                    0,
                                    9};
    Bytes f = {0};
    bytes_text(&f,
               "#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346red\r\n");
    bytes_add(&f, record, sizeof record);
    open_bytes("a", f, DATA_AXES_JAER);
    read_all();
    cr_expect_eq(file->info.width, 346u);
    cr_expect_eq(file->info.height, 260u);
    expect_event(0, 9, 340, 256, 1);
}

Test(readers, aedat3)
{
    open_bytes("a", sample_make("three.aedat"), DATA_AXES_JAER);
    read_all();
    cr_expect_eq(file->info.width, 128u);
    cr_assert_eq(n, 5u);
    expect_event(0, 80048267, 49, 82, 1);
    expect_event(1, 80048277, 55, 92, 0);
    expect_event(2, (INT64_C(1) << 31) + 5, 127, 3, 1);
    expect_event(3, 80048267, 49, 82, 1);
    cr_expect_eq(file->health.special, 1u);
    cr_expect_eq(file->health.backward, 1u);
}

Test(readers, aedat3_refuses_other_codings)
{
    static const char png[] = "#!AER-DAT3.1\r\n#Format: PNGFrames\r\n#!END-HEADER\r\n";
    expect_refusal("a", png, sizeof png - 1, "PNGFrames");
}

Test(readers, aedat4_each_packing)
{
    static const char *const names[] = {"four.aedat4", "four_lz4.aedat4",
                                        "four_zstd.aedat4"};
    for (size_t i = 0; i < 3; i++) {
        open_bytes("a", sample_make(names[i]), DATA_AXES_JAER);
        DataEvent *got = NULL;
        const SimStatus status = data_file_read_events(file, 0, &got, &n);
        if (status == SIM_ERR_UNSUPPORTED) {
            cr_expect(strstr(sim_message(), "build"), "%s", sim_message());
            continue;
        }
        cr_assert_eq(status, SIM_OK, "%s: %s", names[i], sim_message());
        free(events);
        events = got;
        cr_expect_eq(file->info.width, 346u);
        cr_expect_eq(file->info.height, 260u);
        cr_assert_eq(n, 2u, "%s: %zu events", names[i], n);
        expect_event(0, 1600000000000123, 64, 32, 1);
        expect_event(1, 1600000000000123, 64, 32, 1);
    }
}

Test(readers, nmnist)
{
    open_bytes("a", sample_make("00001.bin"), DATA_AXES_JAER);
    read_all();
    cr_expect_eq(file->info.width, 34u);
    cr_assert_eq(n, 12u);
    expect_event(0, 74321, 17, 9, 1);
    expect_event(1, 74421, 2, 32, 1);
    expect_event(2, 74521, 4, 31, 0);
}

Test(readers, nmnist_overflow_marker)
{
    Bytes f = sample_make("00001.bin");
    static const unsigned char more[] = {0, 240, 0, 0, 0, 5, 6, 0x80, 0, 100};
    bytes_add(&f, more, sizeof more);
    open_bytes("a", f, DATA_AXES_JAER);
    read_all();
    cr_assert_eq(n, 13u);
    expect_event(12, 8192 + 100, 5, 6, 1);
}

Test(readers, text_orders)
{
    open_bytes("a", sample_make("events.txt"), DATA_AXES_JAER);
    read_all();
    cr_assert_eq(n, 6u);
    cr_expect_eq(file->info.width, 128u);
    expect_event(0, 0, 102, 41, 1);
    expect_event(3, 60, 7, 7, 0);
    expect_event(5, 90, 3, 4, 0);
    cr_expect_eq(file->health.backward, 1u);

    open_bytes("a", sample_make("e2vid.txt"), DATA_AXES_JAER);
    read_all();
    cr_assert_eq(n, 2u);
    cr_expect_eq(file->info.width, 240u);
    cr_expect_eq(file->info.height, 180u);
    expect_event(0, 3811, 96, 133, 0);
    expect_event(1, 3820, 20, 152, 1);

    Bytes f = {0};
    bytes_text(&f, "10 96 33 0\n20 20 12 1\n30 5 1 1\n40 7 90 0");
    open_bytes("a", f, DATA_AXES_JAER);
    read_all();
    cr_assert_eq(n, 4u);
    expect_event(0, 10, 96, 33, 0);
    expect_event(3, 40, 7, 90, 0); /* the last line needs no end */
}

Test(readers, text_names_the_bad_line)
{
    Bytes f = {0};
    bytes_text(&f, "1 1 1 0\n2 2 2 0\n3 3 3 0\n4 4 4 0\n");
    while (f.n < 20000)
        bytes_text(&f, "5 5 5 1\n");
    const size_t at = f.n;
    bytes_text(&f, "5 x 5 1\n5 5 5 1\n");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "byte %zu: expected `x y t p`", at);
    expect_refusal("a", f.b, f.n, wanted);
    free(f.b);
}

/* --- images --------------------------------------------------------------------------*/

static uint8_t pixels[3072];

static uint32_t label_of(uint64_t index)
{
    uint32_t label = 77;
    cr_assert_eq(file->reader->image(file, index, pixels, &label), SIM_OK, "%s",
                 sim_message());
    return label;
}

Test(readers, idx_with_labels_beside)
{
    open_bytes("x-images.idx3", sample_make("train-images-idx3-ubyte"), DATA_AXES_JAER);
    cr_expect_not(file->info.has_labels);
    cr_expect_eq(label_of(1), (uint32_t)DATA_NO_LABEL);
    open_bytes("t10k-labels-idx1-ubyte", sample_make("train-labels-idx1-ubyte"),
               DATA_AXES_JAER);
    static const char *const names[] = {"train-images-idx3-ubyte",
                                        "train-images-idx3-ubyte.gz"};
    for (size_t i = 0; i < 2; i++) {
        open_bytes(i ? "t10k-images-idx3-ubyte.gz" : "t10k-images-idx3-ubyte",
                   sample_make(names[i]), DATA_AXES_JAER);
        cr_expect(file->info.has_labels);
        cr_expect_eq(file->info.n_images, 3u);
        cr_expect_eq(file->info.height, 4u);
        cr_expect_eq(file->info.width, 5u);
        cr_expect_eq(label_of(2), 9u);
        cr_expect_eq(pixels[0], 40);
        cr_expect_eq(label_of(0), 7u);
        cr_expect_eq(pixels[19], 19);
        uint32_t label;
        cr_expect_eq(file->reader->image(file, 3, pixels, &label), SIM_ERR_VALUE);
    }
}

Test(readers, idx_labels_of_another_set)
{
    Bytes labels = sample_make("train-labels-idx1-ubyte");
    labels.b[7] = 2;
    open_bytes("train-labels-idx1-ubyte", labels, DATA_AXES_JAER);
    Bytes images = sample_make("train-images-idx3-ubyte");
    char *path = scratch_write(folder, "train-images-idx3-ubyte", images.b, images.n);
    DataFile *refused;
    cr_expect_eq(data_file_open(path, DATA_AXES_JAER, &refused), SIM_ERR_FORMAT);
    cr_expect(strstr(sim_message(), "expected 3 labels"), "%s", sim_message());
    free(path);
    free(images.b);
}

Test(readers, cifar_planes_become_channels)
{
    open_bytes("a", sample_make("data_batch_1.bin"), DATA_AXES_JAER);
    cr_expect_eq(file->info.n_images, 2u);
    cr_expect_eq(label_of(1), 7u);
    cr_expect_eq(pixels[0], 1);
    cr_expect_eq(pixels[1], (1024 * 7 + 1) & 255);
    cr_expect_eq(pixels[3 * 33 + 2], ((2048 + 33) * 7 + 1) & 255);
    open_bytes("a", sample_make("train.bin"), DATA_AXES_JAER);
    cr_expect_eq(label_of(0), 6u); /* the fine one */
    cr_expect_eq(pixels[3], 7);
}

Test(readers, svhn_columns_become_rows)
{
    for (int packed = 0; packed < 2; packed++) {
        Bytes f = sample_make(packed ? "test_32x32.mat" : "train_32x32.mat");
        char *path = scratch_write(folder, "svhn.mat", f.b, f.n);
        const SimStatus status = data_file_open(path, DATA_AXES_JAER, &file);
        free(path);
        free(f.b);
        if (status == SIM_ERR_UNSUPPORTED)
            cr_skip_test("built without matio");
        cr_assert_eq(status, SIM_OK, "%s", sim_message());
        cr_expect_eq(file->info.n_images, 2u);
        cr_expect_eq(label_of(1), 1u);
        cr_expect_eq(label_of(0), 0u); /* written as 10 */
        /* row 3, column 2, green */
        cr_expect_eq(pixels[3 * (3 * 32 + 2) + 1], (5 * (1024 + 2 * 32 + 3)) & 255);
        if (!packed)
            data_file_close(file);
    }
}

Test(readers, a_matlab_file_that_is_not_svhn)
{
    Bytes f = sample_make("train_32x32.mat");
    f.b[136 + 16 + 8] = 31; /* rows of X */
    char *path = scratch_write(folder, "other.mat", f.b, f.n);
    DataFile *refused;
    const SimStatus status = data_file_open(path, DATA_AXES_JAER, &refused);
    free(path);
    free(f.b);
    if (status == SIM_ERR_UNSUPPORTED)
        cr_skip_test("built without matio");
    cr_expect_eq(status, SIM_ERR_FORMAT);
    cr_expect(strstr(sim_message(), "expected the images of SVHN"), "%s", sim_message());
}

Test(readers, png_sheet_rows)
{
    static const char json[] = "[1, 2, 3,4]";
    free(scratch_write(folder, "train_lables.json", json, sizeof json - 1));
    Bytes sheet = sample_make("data_batch_2.png");
    char *path = scratch_write(folder, "data_batch_2.png", sheet.b, sheet.n);
    const SimStatus status = data_file_open(path, DATA_AXES_JAER, &file);
    free(path);
    free(sheet.b);
    if (status == SIM_ERR_UNSUPPORTED)
        cr_skip_test("built without libpng");
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
    cr_expect_eq(file->info.n_images, 2u);
    cr_expect_eq(label_of(1), 4u); /* the second sheet: labels 2 and 3 */
    cr_expect_eq(pixels[5], 105);
    cr_expect_eq(label_of(0), 3u); /* back again */
    cr_expect_eq(pixels[5], 5);
}

/* --- archives, unknown files ---------------------------------------------------------*/

static SimStatus count_member(void *argument, const char *name, uint64_t size)
{
    size_t *members = argument;
    if (strstr(name, ".bs2"))
        ++*members;
    cr_expect_eq(size % 5, 0u, "%s", name);
    return SIM_OK;
}

Test(readers, tar_members_in_place)
{
    char *tar = test_data_path("nmnist/nmnist.tar"), path[4096];
    bool is_tar;
    size_t members = 0;
    cr_assert_eq(data_tar_visit(tar, &is_tar, count_member, &members), SIM_OK, "%s",
                 sim_message());
    cr_expect(is_tar);
    cr_expect_eq(members, 833u);
    snprintf(path, sizeof path, "%s:nmnist/4.bs2", tar);
    cr_assert_eq(data_file_open(path, DATA_AXES_JAER, &file), SIM_OK, "%s",
                 sim_message());
    read_all();
    cr_expect_eq(n, 2723u);
    expect_event(0, 105, 24, 10, 1);
    DataFile *refused;
    snprintf(path, sizeof path, "%s:nmnist/none.bs2", tar);
    cr_expect_eq(data_file_open(path, DATA_AXES_JAER, &refused), SIM_ERR_IO);
    cr_expect(strstr(sim_message(), "no member"), "%s", sim_message());
    cr_expect_eq(data_file_open(tar, DATA_AXES_JAER, &refused), SIM_ERR_FORMAT);
    cr_expect(strstr(sim_message(), "tar archive"), "%s", sim_message());
    free(tar);
}

Test(readers, unknown_files_are_described)
{
    expect_refusal("cat_12.aedat", "PK\3\4 rest", 9, "found 0x50 0x4b");
    expect_refusal("cat_12.aedat", "PK\3\4 rest", 9, "zip archive; unpack it first");
    expect_refusal("a", "", 0, "empty");
    expect_refusal("a", "# just text\r\n\1\2\3\4\5\6", 19, "without its version line");
    expect_refusal("a", "#!AER-DAT1.0\r\n", 14, "AEDAT 1.0");
    expect_refusal("a", "\x89HDF\r\n\x1a\n....", 12, "HDF5");
    expect_refusal("a", "% Data file containing CD events.\n", 34, "Prophesee");
    expect_refusal("a", "<!DOCTYPE html>", 15, "web page");
    expect_refusal("a", "#sample class\n1 5\n2 0\n", 22, "this is text");
    expect_refusal("a", "\377\376 no such thing", 16, "no known format");
    DataFile *refused;
    cr_expect_eq(data_file_open("/nowhere/at/all", DATA_AXES_JAER, &refused), SIM_ERR_IO);
    cr_expect(strstr(sim_message(), "No such file"), "%s", sim_message());
    cr_expect_eq(data_file_open(folder, DATA_AXES_JAER, &refused), SIM_ERR_IO);
    cr_expect(strstr(sim_message(), "folder"), "%s", sim_message());
}

/* --- real recordings -----------------------------------------------------------------*/

typedef struct Real {
    const char *path, *format;
    size_t width, events;
    int64_t first_us, last_us;
    uint64_t on; /* 0: not stated */
} Real;

static const Real reals[] = {
    {"mnist_dvs_aedat/mnist_0_scale04_0001.aedat", "aedat2", 128, 15744, 0, 2210588,
     7870},
    {"jaer_aedat2/MovingDarkBox.aedat", "aedat2", 128, 489834, 946459683, 986269729, 0},
    {"tonic_samples/sample.aedat4", "aedat4", 320, 111954, 1605537493718345,
     1605537494308262, 0},
    {"tonic_samples/sample_nmnist.bin", "nmnist", 34, 4325, 654, 311175, 0},
    {"tonic_samples/sample_aedat_header.aedat", "aedat2", 346, 0, 0, 0, 0},
    {"mnist_dvs_txt/m00.txt", "text", 128, 7418, 0, 200010, 3446},
    {"dvs_gesture_bs2/1.bs2", "nmnist", 128, 63471, 0, 0, 0},
};

Test(readers, real_recordings)
{
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        const Real *real = &reals[i];
        char *path = test_data_path(real->path);
        DataEventStats stats;
        data_file_close(file);
        cr_assert_eq(data_file_open(path, DATA_AXES_SPIKINGJELLY, &file), SIM_OK, "%s",
                     sim_message());
        cr_expect_str_eq(file->info.format, real->format);
        cr_expect_eq(file->info.width, real->width, "%s: %zu", real->path,
                     file->info.width);
        const SimStatus status = data_event_stats(file, &stats);
        if (status == SIM_ERR_UNSUPPORTED)
            continue;
        cr_assert_eq(status, SIM_OK, "%s", sim_message());
        cr_expect_eq(stats.events, real->events, "%s: %llu events", real->path,
                     (unsigned long long)stats.events);
        if (real->last_us) {
            cr_expect_eq(stats.first_us, real->first_us, "%s", real->path);
            cr_expect_eq(stats.last_us, real->last_us, "%s: last %lld", real->path,
                         (long long)stats.last_us);
        }
        if (real->on)
            cr_expect_eq(stats.on, real->on, "%s", real->path);
        cr_expect_eq(file->health.out_of_range, 0u, "%s", real->path);
        cr_expect_eq(file->health.bytes_left, 0u, "%s", real->path);
        free(path);
    }
}

/* The package dataset-fashion-mnist of Debian. */
Test(readers, real_images_gzipped)
{
    static const char path[] =
        "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
    size_t classes[10] = {0};
    if (access(path, R_OK) != 0)
        cr_skip_test("%s is not there", path);
    const SimStatus status = data_file_open(path, DATA_AXES_JAER, &file);
    if (status == SIM_ERR_UNSUPPORTED)
        cr_skip_test("%s", sim_message());
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
    cr_expect_eq(file->info.n_images, 10000u);
    for (uint64_t i = 0; i < file->info.n_images; i++) {
        const uint32_t label = label_of(i);
        cr_assert_lt(label, 10u);
        classes[label]++;
    }
    for (size_t k = 0; k < 10; k++)
        cr_expect_eq(classes[k], 1000u, "class %zu", k);
}

Test(readers, statistics_by_hand)
{
    Bytes f = {0};
    bytes_text(
        &f, "0 0 0 1\n3 2 100 1\n3 2 10100 0\n3 2 10101 1\n1 1 10051 0\n0 0 20000 1\n");
    open_bytes("a", f, DATA_AXES_JAER);
    DataEventStats s;
    cr_assert_eq(data_event_stats(file, &s), SIM_OK);
    cr_expect_eq(s.events, 6u);
    cr_expect_eq(s.on, 4u);
    cr_expect_eq(s.backward, 1u);
    cr_expect_eq(s.largest_backward_us, 50);
    cr_expect_eq(s.busiest_x, 3u);
    cr_expect_eq(s.busiest_y, 2u);
    cr_expect_eq(s.busiest_events, 3u);
    cr_expect_eq(s.silent_pixels, 34u * 34 - 3);
    cr_expect_float_eq(s.rate_hz, 300.0, 1e-9);
    cr_expect_float_eq(s.peak_rate_hz, 300.0, 1e-9); /* 3 in [10, 20) ms */
}
