#include "tests/datasets/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "datasets/aedat2_write.h"
#include "sim/rng.h"

void test_ok(SimStatus status)
{
    cr_assert_eq(status, SIM_OK, "%s", sim_message());
}

void test_make_set(const char *folder, size_t n)
{
    static const char *const classes[] = {"cat", "dog"};
    mkdir(folder, 0777);
    for (uint32_t c = 0; c < 2; c++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, classes[c]);
        mkdir(path, 0777);
        for (uint32_t k = 0; k < n; k++) {
            DataEvent events[400];
            const size_t count = 200 + k % 7;
            for (size_t i = 0; i < count; i++) {
                const uint64_t r = sim_rng_u64((SimRng){1, SIM_RNG_TEST, c, k}, i);
                events[i] = (DataEvent){.t_us = (int64_t)(1000 * i),
                                        .x = r & 127,
                                        .y = r >> 7 & 127,
                                        .on = r >> 14 & 1};
            }
            snprintf(path, sizeof path, "%s/%s/x_%s_%u.aedat", folder, classes[c],
                     classes[c], k);
            test_ok(data_aedat2_write(path, DATA_AXES_SPIKINGJELLY, events, count));
        }
    }
}

DataOptions test_set_options(const char *path)
{
    DataOptions options;
    sim_options_init(data_options, &options);
    snprintf(options.path, sizeof options.path, "%s", path);
    snprintf(options.cache, sizeof options.cache, "%s/cache", test_folder());
    options.split = DATA_SPLIT_SPIKINGJELLY;
    options.size = 32;
    options.steps = 3;
    return options;
}
