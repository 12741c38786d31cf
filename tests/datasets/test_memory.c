/* Every allocation fails once: one sentence, nothing leaked, nothing half made. */
#include "datasets/dataset.h"
#include "datasets/synth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/datasets/folder.h"
#include "tests/datasets/samples.h"
#include "tests/failing_malloc.h"

TestSuite(memory, .fini = test_folder_remove);

Test(memory, opening_a_set)
{
    char root[256];
    snprintf(root, sizeof root, "%s/set", test_folder());
    test_make_set(root, 3);
    DataOptions options = test_set_options(root);
    options.validation = 0.3;
    options.per_class = 2;
    long k = 0;
    for (;; k++) {
        DataSet set = {0};
        test_allocations_left = k;
        const SimStatus status = data_set_open(&options, NULL, NULL, &set);
        const bool all = test_allocations_left > 0;
        test_allocations_left = -1;
        if (status == SIM_OK) {
            data_set_close(&set);
            if (all)
                break;
            continue;
        }
        cr_assert_eq(status, SIM_ERR_MEMORY, "allocation %ld: %s", k, sim_message());
        cr_assert_null(set.samples);
        cr_assert_lt(k, 5000);
    }
    cr_assert_gt(k, 20, "only %ld allocations: is the wrapping in place?", k);
}

Test(memory, making_a_recording)
{
    float grey[64];
    DataSynthOptions options;
    sim_options_init(data_synth_options, &options);
    for (size_t i = 0; i < 64; i++)
        grey[i] = (float)(i % 3) / 3;
    for (long k = 0;; k++) {
        DataEvent *events = NULL;
        size_t n = 0;
        test_allocations_left = k;
        const SimStatus status = data_synth_events(&options, 8, 8, grey, 0, &events, &n);
        test_allocations_left = -1;
        if (status == SIM_OK) {
            cr_assert_gt(k, 4);
            free(events);
            break;
        }
        cr_assert_eq(status, SIM_ERR_MEMORY, "%s", sim_message());
        cr_assert_null(events);
    }
}

static SimStatus read_sample(const char *path)
{
    DataFile *file = NULL;
    DataEvent *events = NULL;
    static uint8_t pixels[3072];
    uint32_t label;
    size_t n;
    SimStatus status = data_file_open(path, DATA_AXES_JAER, &file);
    if (status != SIM_OK)
        return status;
    status = file->info.kind == DATA_EVENTS
                 ? data_file_read_events(file, 0, &events, &n)
                 : file->reader->image(file, 0, pixels, &label);
    free(events);
    data_file_close(file);
    return status;
}

Test(memory, reading_each_format)
{
    const char *const folder = test_folder();
    for (const Sample *s = samples; s->name; s++) {
        const Bytes bytes = s->make();
        char *path = scratch_write(folder, s->name, bytes.b, bytes.n);
        for (long k = 0;; k++) {
            test_allocations_left = k;
            const SimStatus status = read_sample(path);
            const bool all = test_allocations_left > 0;
            test_allocations_left = -1;
            if (status == SIM_ERR_UNSUPPORTED || (status == SIM_OK && all))
                break;
            cr_assert(status == SIM_OK || status == SIM_ERR_MEMORY,
                      "%s, allocation %ld: %s", s->name, k, sim_message());
            cr_assert_lt(k, 100);
        }
        free(path);
        free(bytes.b);
    }
}
