/* The splits of CIFAR10-DVS in use, on a set with its names. */
#include "datasets/set_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "sim/hash.h"
#include "tests/datasets/folder.h"

enum { PER_CLASS = 1000 };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const DataSample *)a)->name, ((const DataSample *)b)->name);
}

/* Ten classes of 1000 names, no files. */
static DataSet named_set(DataSplit split, double share, int64_t seed)
{
    static const char *const classes[] = {"airplane", "automobile", "bird", "cat",
                                          "deer",     "dog",        "frog", "horse",
                                          "ship",     "truck"};
    DataSet set = {0};
    sim_options_init(data_options, &set.options);
    set.options.split = split;
    set.options.train_share = share;
    set.options.split_seed = seed;
    set.n_classes = 10;
    set.n_samples = set.n_classes * PER_CLASS;
    set.samples = calloc(set.n_samples, sizeof *set.samples);
    set.classes = calloc(set.n_classes, sizeof *set.classes);
    for (uint32_t c = 0; c < 10; c++) {
        set.classes[c] = strdup(classes[c]);
        for (uint32_t k = 0; k < PER_CLASS; k++) {
            char name[128];
            snprintf(name, sizeof name, "%s/cifar10_%s_%u.aedat", classes[c], classes[c],
                     k);
            set.samples[c * PER_CLASS + k] = (DataSample){.name = strdup(name),
                                                          .path = strdup(name),
                                                          .label = c,
                                                          .part = DATA_PARTS};
        }
    }
    qsort(set.samples, set.n_samples, sizeof *set.samples, by_name);
    return set;
}

static unsigned number_of(const char *name)
{
    return (unsigned)strtoul(strrchr(name, '_') + 1, NULL, 10);
}

static bool in_spikingjelly_test(unsigned k)
{
    return (k >= 91 && k <= 99) || k >= 909;
}

static bool in_tebn_test(unsigned k)
{
    return k < 100;
}

static bool in_tet_test(unsigned k)
{
    return k >= 700;
}

static void check_numbers(DataSplit split, double share, bool (*in_test)(unsigned),
                          size_t n_test)
{
    DataSet set = named_set(split, share, 0);
    test_ok(data_split(&set, false));
    for (size_t i = 0; i < set.n_samples; i++)
        cr_assert_eq(set.samples[i].part == DATA_TEST,
                     in_test(number_of(set.samples[i].name)), "%s", set.samples[i].name);
    cr_assert_eq(set.n_part[DATA_TEST], n_test);
    cr_assert_eq(set.n_part[DATA_TRAIN], set.n_samples - n_test);
    data_set_close(&set);
}

Test(splits, spikingjelly_tests_on_91_to_99_and_909_to_999)
{
    check_numbers(DATA_SPLIT_SPIKINGJELLY, 0.9, in_spikingjelly_test, 1000);
}

Test(splits, tebn_tests_on_the_first_hundred)
{
    check_numbers(DATA_SPLIT_TEBN, 0.9, in_tebn_test, 1000);
}

Test(splits, tet_trains_on_the_first_share_by_number)
{
    check_numbers(DATA_SPLIT_TET, 0.7, in_tet_test, 3000);
}

Test(splits, random_depends_on_the_seed_alone)
{
    char hashes[3][65];
    for (int k = 0; k < 3; k++) {
        DataSet set = named_set(DATA_SPLIT_RANDOM, 0.9, k == 2 ? 8 : 7);
        test_ok(data_split(&set, false));
        cr_assert_eq(set.n_part[DATA_TEST], 1000);
        strcpy(hashes[k], set.test_hash);
        data_set_close(&set);
    }
    cr_assert_str_eq(hashes[0], hashes[1]);
    cr_assert_str_neq(hashes[0], hashes[2]);
}

Test(splits, validation_comes_out_of_the_training_part_of_each_class)
{
    DataSet set = named_set(DATA_SPLIT_SPIKINGJELLY, 0.9, 3);
    size_t held[10] = {0};
    set.options.validation = 0.1;
    test_ok(data_split(&set, false));
    for (size_t i = 0; i < set.n_samples; i++) {
        const bool test = in_spikingjelly_test(number_of(set.samples[i].name));
        cr_assert_eq(set.samples[i].part == DATA_TEST, test);
        held[set.samples[i].label] += set.samples[i].part == DATA_VALIDATION;
    }
    for (size_t c = 0; c < 10; c++)
        cr_assert_eq(held[c], 90);
    data_set_close(&set);
}

Test(splits, limit_holds_for_each_class_and_part)
{
    DataSet set = named_set(DATA_SPLIT_TEBN, 0.9, 0);
    set.options.per_class = 30;
    test_ok(data_split(&set, false));
    cr_assert_eq(set.n_part[DATA_TRAIN], 300);
    cr_assert_eq(set.n_part[DATA_TEST], 300);
    cr_assert_eq(set.n_samples, 600);
    data_set_close(&set);
}

Test(splits, hash_is_that_of_the_sorted_names)
{
    DataSet set = named_set(DATA_SPLIT_TEBN, 0.9, 0);
    SimHash hash;
    char want[SIM_HASH_TEXT];
    test_ok(data_split(&set, false));
    sim_hash_init(SIM_SHA256, &hash);
    for (size_t i = 0; i < set.n_samples; i++)
        if (set.samples[i].part == DATA_TEST) {
            sim_hash_add(&hash, set.samples[i].name, strlen(set.samples[i].name));
            sim_hash_add(&hash, "\n", 1);
        }
    sim_hash_text(&hash, want);
    cr_assert_str_eq(set.test_hash, want);
    cr_assert_str_eq(set.split_name, "tebn");
    data_set_close(&set);
}

Test(splits, list_of_names, .fini = test_folder_remove)
{
    char path[256];
    snprintf(path, sizeof path, "%s/list.txt", test_folder());
    FILE *const list = fopen(path, "w");
    fputs("cat/cifar10_cat_3.aedat\ncifar10_dog_5.aedat\r\n# a remark\n", list);
    fclose(list);
    DataSet set = named_set(DATA_SPLIT_FILE, 0.9, 0);
    snprintf(set.options.split_file, sizeof set.options.split_file, "%s", path);
    test_ok(data_split(&set, false));
    cr_assert_eq(set.n_part[DATA_TEST], 2);
    data_set_close(&set);

    FILE *const wrong = fopen(path, "a");
    fputs("cifar10_unicorn_1.aedat\n", wrong);
    fclose(wrong);
    set = named_set(DATA_SPLIT_FILE, 0.9, 0);
    snprintf(set.options.split_file, sizeof set.options.split_file, "%s", path);
    cr_assert_eq(data_split(&set, false), SIM_ERR_VALUE);
    cr_assert_not_null(strstr(sim_message(), "line 4"), "%s", sim_message());
    data_set_close(&set);
}

Test(splits, none_given_is_an_error_that_names_the_choices)
{
    DataSet set = named_set(DATA_SPLIT_GIVEN, 0.9, 0);
    cr_assert_eq(data_split(&set, false), SIM_ERR_VALUE);
    cr_assert_not_null(strstr(sim_message(), "spikingjelly"));
    data_set_close(&set);
}
