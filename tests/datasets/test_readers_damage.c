/* Damaged files: cut off anywhere, bits turned over, parts overwritten. Whatever is in a
 * file, reading it ends, without a fault, in events or in one sentence that names it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/frames.h"
#include "datasets/reader.h"
#include "sim/rng.h"
#include "tests/datasets/samples.h"
#include "tests/support.h"

enum { EVERY_CUT = 1024, RANDOM_CUTS = 40, FLIPS = 400, SMASHES = 150 };
enum { EVENT_LIMIT = 1 << 22 };

static const char *folder;

static void set_up(void)
{
    folder = test_folder();
}

TestSuite(readers_damage, .init = set_up, .fini = test_folder_remove);

/* Reads all there is. */
static SimStatus read_whole(const char *path)
{
    DataFile *file = NULL;
    SimStatus status = data_file_open(path, DATA_AXES_SPIKINGJELLY, &file);
    if (status != SIM_OK)
        return status;
    if (file->info.kind == DATA_EVENTS) {
        DataEvent *events = NULL;
        size_t n = 0;
        status = data_file_read_events(file, EVENT_LIMIT, &events, &n);
        for (size_t i = 0; status == SIM_OK && i < n; i++)
            cr_assert(events[i].x < file->info.width && events[i].y < file->info.height &&
                      events[i].on <= 1);
        if (status == SIM_OK) {
            static float frames[2 * 16 * 16 * 2];
            const DataFrameSpec spec = {.rule = DATA_FRAMES_TIME,
                                        .steps = 2,
                                        .sensor_w = file->info.width,
                                        .sensor_h = file->info.height,
                                        .w = 16,
                                        .h = 16};
            (void)data_frames_make(&spec, n, events, frames, NULL);
        }
        free(events);
    } else {
        const DataInfo *info = &file->info;
        uint8_t *pixels = malloc(info->width * info->height * info->channels);
        uint32_t label;
        for (uint64_t i = 0; status == SIM_OK && i < info->n_images && i < 100000; i++)
            status = file->reader->image(file, i, pixels, &label);
        free(pixels);
    }
    data_file_close(file);
    return status;
}

static void check(const char *name, const unsigned char *data, size_t size,
                  const char *what, size_t where)
{
    char *path = scratch_write(folder, name, data, size);
    const SimStatus status = read_whole(path);
    if (status != SIM_OK) {
        const char *said = sim_message();
        cr_assert(strstr(said, folder) && !strchr(said, '\n') && strlen(said) > 30,
                  "%s, %s %zu: \"%s\"", name, what, where, said);
    }
    free(path);
}

static void damage(const char *name, const Bytes whole, uint64_t seed)
{
    const SimRng rng = {.seed = seed, .purpose = SIM_RNG_TEST};
    uint64_t draw = 0;
    unsigned char *copy = malloc(whole.n);
    check(name, whole.b, whole.n, "whole", 0);
    for (size_t cut = 0; cut < whole.n && cut < EVERY_CUT; cut++)
        check(name, whole.b, cut, "cut at", cut);
    for (size_t i = 0; i < RANDOM_CUTS; i++) {
        const size_t cut = (size_t)sim_rng_below(rng, draw++, whole.n);
        check(name, whole.b, cut, "cut at", cut);
    }
    for (size_t i = 0; i < FLIPS; i++) {
        memcpy(copy, whole.b, whole.n);
        /* Mostly near the front, where the sizes are. */
        const size_t range = i % 4 == 3 || whole.n < 600 ? whole.n : 600;
        const size_t at = (size_t)sim_rng_below(rng, draw++, range);
        copy[at] ^= (unsigned char)(1u << sim_rng_below(rng, draw++, 8));
        check(name, copy, whole.n, "flip at", at);
    }
    for (size_t i = 0; i < SMASHES; i++) {
        static const unsigned char values[] = {0x00, 0xff, 0x7f, 0x80};
        memcpy(copy, whole.b, whole.n);
        const size_t at = (size_t)sim_rng_below(rng, draw++, whole.n);
        const size_t length = 1 + (size_t)sim_rng_below(rng, draw++, 8);
        const unsigned char value = values[sim_rng_below(rng, draw++, 4)];
        for (size_t k = at; k < at + length && k < whole.n; k++)
            copy[k] = value;
        check(name, copy, whole.n, "overwritten at", at);
    }
    free(copy);
}

Test(readers_damage, samples_by_hand)
{
    uint64_t seed = 1;
    for (const Sample *s = samples; s->name; s++) {
        const Bytes whole = s->make();
        damage(s->name, whole, seed++);
        free(whole.b);
    }
}

Test(readers_damage, real_recordings)
{
    static const char *const names[] = {
        "mnist_dvs_aedat/mnist_0_scale04_0001_qt1.aedat",
        "tonic_samples/sample.aedat4",
        "tonic_samples/sample_aedat_header.aedat",
        "tonic_samples/sample_nmnist.bin",
        "mnist_dvs_txt/m00.txt",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = test_data_path(names[i]);
        const Bytes whole = bytes_of_file(path, 24000);
        damage("real", whole, 100 + i);
        free(whole.b);
        free(path);
    }
}

/* The second member of an archive whose headers are damaged. */
Test(readers_damage, archives)
{
    char *path = test_data_path("nmnist/nmnist.tar"), member[600];
    const Bytes whole = bytes_of_file(path, 60000);
    const SimRng rng = {.seed = 9, .purpose = SIM_RNG_TEST};
    unsigned char *copy = malloc(whole.n);
    size_t fine = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        memcpy(copy, whole.b, whole.n);
        /* Headers are at 0 and, after 23405 bytes, at 24064. */
        const size_t at = (i % 2 ? 24064 : 0) + (size_t)sim_rng_below(rng, 3 * i, 512);
        copy[at] = (unsigned char)sim_rng_below(rng, 3 * i + 1, 256);
        const size_t size =
            i % 8 ? whole.n : (size_t)sim_rng_below(rng, 3 * i + 2, 30000);
        char *tar = scratch_write(folder, "a.tar", copy, size);
        snprintf(member, sizeof member, "%s:nmnist/2.bs2", tar);
        const SimStatus status = read_whole(member);
        fine += status == SIM_OK;
        if (status != SIM_OK)
            cr_assert(strstr(sim_message(), "a.tar"), "%s", sim_message());
        free(tar);
    }
    cr_expect_gt(fine, 0u); /* a byte may be set to what it was */
    free(copy);
    free(whole.b);
    free(path);
}

Test(readers_damage, an_incomplete_record_is_counted)
{
    static const struct {
        const char *name;
        size_t cut, left;
    } cases[] = {{"two.aedat", 3, 5}, {"00001.bin", 2, 3}, {"three.aedat", 3, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Bytes whole = sample_make(cases[i].name);
        char *path = scratch_write(folder, "a", whole.b, whole.n - cases[i].cut);
        DataFile *file;
        DataEvent *events;
        size_t n;
        cr_assert_eq(data_file_open(path, DATA_AXES_JAER, &file), SIM_OK, "%s",
                     sim_message());
        cr_assert_eq(data_file_read_events(file, 0, &events, &n), SIM_OK, "%s",
                     sim_message());
        cr_expect_eq(file->health.bytes_left, cases[i].left, "%s: %llu", cases[i].name,
                     (unsigned long long)file->health.bytes_left);
        data_file_close(file);
        free(events);
        free(path);
        free(whole.b);
    }
}
