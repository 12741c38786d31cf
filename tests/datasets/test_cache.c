/* The frame cache: what is in it, when it is used, when it is not. */
#include "datasets/set_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/datasets/folder.h"

enum { COUNT = 3 * 32 * 32 * 2 };

static char root[256];

static void make(void)
{
    snprintf(root, sizeof root, "%s/set", test_folder());
    test_make_set(root, 10);
}

TestSuite(cache, .init = make, .fini = test_folder_remove);

static size_t cache_files(const char *suffix)
{
    char path[256];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/cache", test_folder());
    DIR *const folder = opendir(path);
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        const size_t length = strlen(entry->d_name), end = strlen(suffix);
        n += length >= end && strcmp(entry->d_name + length - end, suffix) == 0;
    }
    closedir(folder);
    return n;
}

static DataSet open_set(const DataOptions *options)
{
    DataSet set = {0};
    test_ok(data_set_open(options, NULL, NULL, &set));
    return set;
}

static void prepare(const DataOptions *options)
{
    DataSet set = open_set(options);
    test_ok(data_set_prepare(&set, 2, NULL, NULL));
    data_set_close(&set);
}

Test(cache, holds_what_decoding_gives)
{
    for (int value = DATA_VALUE_COUNT; value <= DATA_VALUE_NORMALISED; value++) {
        DataOptions options = test_set_options(root);
        options.value = value;
        DataSet cached = open_set(&options);
        test_ok(data_set_prepare(&cached, 2, NULL, NULL));
        strcpy(options.cache, "none");
        DataSet plain = open_set(&options);
        test_ok(data_set_prepare(&plain, 2, NULL, NULL));
        for (size_t i = 0; i < plain.n_samples; i++) {
            float a[COUNT], b[COUNT];
            double sum = 0;
            test_ok(data_set_sample(&cached, i, a));
            test_ok(data_set_sample(&plain, i, b));
            cr_assert_arr_eq(a, b, sizeof a);
            for (size_t k = 0; k < COUNT; k++)
                sum += (double)a[k];
            cr_assert(sum > 0);
        }
        data_set_close(&cached);
        data_set_close(&plain);
    }
    cr_assert_eq(cache_files(".h5"), 3, "one cache for each option that matters");
}

Test(cache, is_reused_until_a_file_changes)
{
    const DataOptions options = test_set_options(root);
    prepare(&options);
    prepare(&options);
    cr_assert_eq(cache_files(".h5"), 1);

    char path[512];
    snprintf(path, sizeof path, "%s/cat/x_cat_0.aedat", root);
    FILE *const file = fopen(path, "ab");
    fwrite("\0\0\x12\x34\0\0\x12\x34", 1, 8, file); /* one event more */
    fclose(file);
    prepare(&options);
    cr_assert_eq(cache_files(".h5"), 2);
}

Test(cache, does_not_depend_on_split_augmentation_or_threads)
{
    DataOptions options = test_set_options(root);
    prepare(&options);
    options.split = DATA_SPLIT_RANDOM;
    options.augment = DATA_AUGMENT_NDA;
    options.validation = 0.2;
    prepare(&options);
    cr_assert_eq(cache_files(".h5"), 1);
}

static bool stop_at_once(void *argument, size_t done, size_t of)
{
    (void)argument;
    (void)of;
    return done == 0; /* goes on once, then stops */
}

Test(cache, stopped_building_leaves_nothing)
{
    char more[256];
    snprintf(more, sizeof more, "%s/more", test_folder());
    test_make_set(more, 40);
    const DataOptions options = test_set_options(more);
    DataSet set = open_set(&options);
    cr_assert_eq(data_set_prepare(&set, 1, stop_at_once, NULL), SIM_ERR_STOPPED);
    data_set_close(&set);
    cr_assert_eq(cache_files(".h5"), 0);
    cr_assert_eq(cache_files(".tmp"), 0);
    prepare(&options);
    cr_assert_eq(cache_files(".h5"), 1);
}

Test(cache, what_a_killed_process_left_goes)
{
    const DataOptions options = test_set_options(root);
    char folder[256], path[600], left[700];
    prepare(&options);
    snprintf(folder, sizeof folder, "%s/cache", test_folder());
    DIR *const stream = opendir(folder);
    cr_assert_not_null(stream);
    for (struct dirent *entry; (entry = readdir(stream));)
        if (strstr(entry->d_name, ".h5"))
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    closedir(stream);
    snprintf(left, sizeof left, "%s.99.tmp", path);
    cr_assert_eq(rename(path, left), 0);
    prepare(&options);
    cr_assert_eq(cache_files(".h5"), 1);
    cr_assert_eq(cache_files(".tmp"), 0);
}

Test(cache, two_processes_at_once)
{
    const DataOptions options = test_set_options(root);
    pid_t children[3];
    for (int k = 0; k < 3; k++) {
        children[k] = fork();
        if (children[k] == 0) {
            DataSet set = {0};
            const bool good = data_set_open(&options, NULL, NULL, &set) == SIM_OK &&
                              data_set_prepare(&set, 1, NULL, NULL) == SIM_OK;
            data_set_close(&set);
            _exit(good ? 0 : 1);
        }
    }
    for (int k = 0; k < 3; k++) {
        int how = 0;
        waitpid(children[k], &how, 0);
        cr_assert(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    }
    cr_assert_eq(cache_files(".h5"), 1);
    cr_assert_eq(cache_files(".lock"), 0);
    prepare(&options);
}

static void keep(void *argument, const char *sentence)
{
    char *const all = argument;
    strncat(all, sentence, 4000 - strlen(all));
    strncat(all, "\n", 4000 - strlen(all));
}

Test(cache, broken_and_empty_recordings_are_named)
{
    char path[512], said[4096] = "";
    snprintf(path, sizeof path, "%s/cat/x_cat_3.aedat", root);
    FILE *const empty = fopen(path, "wb"); /* a header and no events */
    fputs("#!AER-DAT2.0\r\n", empty);
    fclose(empty);
    snprintf(path, sizeof path, "%s/dog/x_dog_4.aedat", root);
    FILE *const broken = fopen(path, "wb");
    fputs("PK\003\004 not a recording", broken);
    fclose(broken);

    const DataOptions options = test_set_options(root);
    DataSet set = {0};
    test_ok(data_set_open(&options, keep, said, &set));
    test_ok(data_set_prepare(&set, 2, NULL, NULL));
    cr_assert_eq(set.n_part[DATA_TRAIN] + set.n_part[DATA_TEST], 19);
    cr_assert_not_null(strstr(said, "x_dog_4.aedat is left out"), "%s", said);
    cr_assert_not_null(strstr(said, "x_cat_3.aedat: no events"), "%s", said);
    data_set_close(&set);
}

Test(cache, file_that_breaks_after_opening_is_left_out)
{
    char path[512], said[4096] = "", hash[65];
    const DataOptions options = test_set_options(root);
    DataSet set = {0};
    test_ok(data_set_open(&options, keep, said, &set));
    strcpy(hash, set.test_hash);
    const size_t n = set.n_part[DATA_TEST];
    snprintf(path, sizeof path, "%s/cat/x_cat_9.aedat", root); /* in the test part */
    cr_assert_eq(remove(path), 0);
    test_ok(data_set_prepare(&set, 2, NULL, NULL));
    cr_assert_eq(set.n_part[DATA_TEST], n - 1);
    cr_assert_str_neq(set.test_hash, hash);
    cr_assert_not_null(strstr(said, "x_cat_9.aedat is left out"), "%s", said);
    data_set_close(&set);
}

Test(cache, sets_that_are_not_there_or_empty)
{
    DataOptions options = test_set_options("/nonexistent/folder");
    DataSet set = {0};
    cr_assert_eq(data_set_open(&options, NULL, NULL, &set), SIM_ERR_IO);
    char path[256];
    snprintf(path, sizeof path, "%s/void", test_folder());
    mkdir(path, 0777);
    options = test_set_options(path);
    cr_assert_eq(data_set_open(&options, NULL, NULL, &set), SIM_ERR_FORMAT);
    cr_assert_null(set.samples);
}
