/* Batches: all samples once, the same bits wherever an epoch starts. */
#include "datasets/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/datasets/folder.h"
#include "tests/support.h"

enum { COUNT = 3 * 32 * 32 * 2, BATCH = 4, MAX_BATCHES = 16 };

static DataSet set;

static void make(void)
{
    char root[256];
    snprintf(root, sizeof root, "%s/set", test_folder());
    test_make_set(root, 10); /* 18 to train, 2 to test */
    DataOptions options = test_set_options(root);
    options.augment = DATA_AUGMENT_NDA;
    test_ok(data_set_open(&options, NULL, NULL, &set));
    test_ok(data_set_prepare(&set, 1, NULL, NULL));
}

static void unmake(void)
{
    data_set_close(&set);
    test_folder_remove();
}

TestSuite(loader, .init = make, .fini = unmake);

typedef struct Epoch {
    size_t n_batches, n[MAX_BATCHES];
    uint32_t samples[MAX_BATCHES][BATCH], labels[MAX_BATCHES][BATCH];
    float x[MAX_BATCHES][BATCH * COUNT];
} Epoch;

static Epoch *run(DataLoader *loader, uint64_t epoch, size_t first)
{
    Epoch *const out = calloc(1, sizeof *out);
    data_loader_start(loader, epoch, first);
    for (;;) {
        DataBatch batch;
        test_ok(data_loader_next(loader, &batch));
        if (batch.n == 0)
            return out;
        const size_t k = out->n_batches++;
        out->n[k] = batch.n;
        memcpy(out->samples[k], batch.samples, batch.n * sizeof *batch.samples);
        memcpy(out->labels[k], batch.labels, batch.n * sizeof *batch.labels);
        memcpy(out->x[k], batch.x, batch.n * COUNT * sizeof *batch.x);
    }
}

Test(loader, every_sample_once_with_its_label)
{
    DataLoader *loader = NULL;
    test_ok(data_loader_create(&set, DATA_TRAIN, BATCH, true, false, 1, &loader));
    cr_assert_eq(data_loader_batches(loader), 5);
    for (uint64_t e = 0; e < 3; e++) {
        size_t seen[20] = {0};
        Epoch *const epoch = run(loader, e, 0);
        cr_assert_eq(epoch->n_batches, 5);
        cr_assert_eq(epoch->n[4], 2);
        for (size_t k = 0; k < epoch->n_batches; k++)
            for (size_t i = 0; i < epoch->n[k]; i++) {
                const DataSample *const sample = &set.samples[epoch->samples[k][i]];
                cr_assert_eq(sample->part, DATA_TRAIN);
                cr_assert_eq(sample->label, epoch->labels[k][i]);
                seen[epoch->samples[k][i]]++;
            }
        for (size_t i = 0; i < 20; i++)
            cr_assert_eq(seen[i], set.samples[i].part == DATA_TRAIN);
        free(epoch);
    }
    data_loader_destroy(loader);
}

Test(loader, an_epoch_resumed_anywhere_has_the_same_bits)
{
    DataLoader *loader = NULL, *other = NULL;
    test_ok(data_loader_create(&set, DATA_TRAIN, BATCH, true, false, 7, &loader));
    Epoch *const whole = run(loader, 3, 0);
    for (size_t first = 0; first <= whole->n_batches; first++) {
        test_ok(data_loader_create(&set, DATA_TRAIN, BATCH, true, false, 7, &other));
        Epoch *const rest = run(other, 3, first);
        cr_assert_eq(rest->n_batches, whole->n_batches - first);
        for (size_t k = 0; k < rest->n_batches; k++) {
            cr_assert_arr_eq(rest->samples[k], whole->samples[first + k],
                             rest->n[k] * sizeof **rest->samples);
            cr_assert_arr_eq(rest->x[k], whole->x[first + k],
                             rest->n[k] * COUNT * sizeof(float));
        }
        free(rest);
        data_loader_destroy(other);
    }
    free(whole);
    data_loader_destroy(loader);
}

Test(loader, epochs_and_seeds_differ)
{
    DataLoader *loader = NULL, *other = NULL;
    test_ok(data_loader_create(&set, DATA_TRAIN, BATCH, true, false, 7, &loader));
    test_ok(data_loader_create(&set, DATA_TRAIN, BATCH, true, false, 8, &other));
    Epoch *const a = run(loader, 0, 0), *const b = run(loader, 1, 0),
                 *const c = run(other, 0, 0);
    cr_assert_arr_neq(a->samples, b->samples, sizeof a->samples);
    cr_assert_arr_neq(a->samples, c->samples, sizeof a->samples);
    free(a);
    free(b);
    free(c);
    data_loader_destroy(loader);
    data_loader_destroy(other);
}

Test(loader, drops_the_last_batch_in_training_only)
{
    DataLoader *loader = NULL;
    test_ok(data_loader_create(&set, DATA_TRAIN, BATCH, true, true, 1, &loader));
    cr_assert_eq(data_loader_batches(loader), 4);
    data_loader_destroy(loader);
    test_ok(data_loader_create(&set, DATA_TEST, BATCH, false, true, 1, &loader));
    cr_assert_eq(data_loader_batches(loader), 1);
    data_loader_destroy(loader);
}

Test(loader, batch_is_time_outermost_and_the_test_part_plain)
{
    DataLoader *loader = NULL;
    float x[COUNT];
    DataBatch batch;
    test_ok(data_loader_create(&set, DATA_TEST, BATCH, false, false, 1, &loader));
    data_loader_start(loader, 0, 0);
    test_ok(data_loader_next(loader, &batch));
    cr_assert_eq(batch.n, 2);
    const size_t frame = COUNT / 3;
    for (size_t k = 0; k < batch.n; k++) {
        test_ok(data_set_sample(&set, batch.samples[k], x));
        for (size_t t = 0; t < 3; t++)
            cr_assert_arr_eq(batch.x + (t * batch.n + k) * frame, x + t * frame,
                             frame * sizeof *x);
    }
    data_loader_destroy(loader);
}

Test(loader, may_be_started_again_or_left_in_the_middle)
{
    DataLoader *loader = NULL;
    DataBatch batch;
    test_ok(data_loader_create(&set, DATA_TRAIN, 1, true, false, 1, &loader));
    for (size_t k = 0; k < 20; k++) {
        data_loader_start(loader, k, k % 3);
        for (size_t i = 0; i < k % 5; i++)
            test_ok(data_loader_next(loader, &batch));
    }
    cr_assert(data_loader_waited_s(loader) >= 0);
    data_loader_destroy(loader);
    data_loader_destroy(NULL);
}

Test(loader, failure_comes_out_of_next)
{
    char path[512];
    DataOptions options = set.options;
    DataSet plain = {0};
    DataLoader *loader = NULL;
    DataBatch batch;
    strcpy(options.cache, "none");
    test_ok(data_set_open(&options, NULL, NULL, &plain));
    for (size_t i = 0; i < plain.n_samples; i++) {
        snprintf(path, sizeof path, "%s", plain.samples[i].path);
        remove(path);
    }
    test_ok(data_loader_create(&plain, DATA_TRAIN, 4, true, false, 1, &loader));
    data_loader_start(loader, 0, 0);
    cr_assert_eq(data_loader_next(loader, &batch), SIM_ERR_IO);
    cr_assert_not_null(strstr(sim_message(), "aedat"), "%s", sim_message());
    data_loader_destroy(loader);
    data_set_close(&plain);
}

/* Real recordings: lists of both parts beside a tar of N-MNIST. */
Test(loader, nmnist_of_the_data_folder)
{
    char *const path = test_data_path("nmnist");
    DataOptions options;
    DataSet nmnist = {0};
    sim_options_init(data_options, &options);
    snprintf(options.path, sizeof options.path, "%s", path);
    strcpy(options.cache, "none");
    test_ok(data_set_open(&options, NULL, NULL, &nmnist));
    cr_assert_eq(nmnist.n_part[DATA_TRAIN], 753);
    cr_assert_eq(nmnist.n_part[DATA_TEST], 80);
    cr_assert_eq(nmnist.n_classes, 10);
    cr_assert_eq(nmnist.w, 34);
    cr_assert_eq(nmnist.h, 34);
    for (size_t i = 0; i < nmnist.n_samples; i++) {
        if (strcmp(nmnist.samples[i].name, "1") == 0)
            cr_assert_eq(nmnist.samples[i].label, 5);
        if (strcmp(nmnist.samples[i].name, "60001") == 0)
            cr_assert_eq(nmnist.samples[i].label, 7);
    }
    float *const x = malloc(nmnist.steps * 34 * 34 * 2 * sizeof *x);
    test_ok(data_set_sample(&nmnist, 0, x));
    double sum = 0; /* sample "1": 23405 bytes, five an event */
    for (size_t i = 0; i < nmnist.steps * 34 * 34 * 2; i++)
        sum += (double)x[i];
    cr_assert_eq(sum, 23405 / 5);
    free(x);
    data_set_close(&nmnist);
    free(path);
}

Test(loader, flat_clips_of_the_data_folder)
{
    char *const path = test_data_path("mnist_dvs_txt");
    DataOptions options;
    DataSet clips = {0};
    sim_options_init(data_options, &options);
    snprintf(options.path, sizeof options.path, "%s", path);
    options.split = DATA_SPLIT_RANDOM;
    strcpy(options.cache, "none");
    test_ok(data_set_open(&options, NULL, NULL, &clips));
    cr_assert_eq(clips.n_samples, 75);
    cr_assert_eq(clips.n_classes, 10);
    cr_assert_eq(clips.sensor_w, 128);
    data_set_close(&clips);
    free(path);
}
