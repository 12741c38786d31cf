/* Training from outside: a run that is killed and resumed ends with the same bits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sim/rng.h"
#include "tests/support.h"

enum { CLASSES = 2, FILES = 24, EVENTS = 400, PATH = 256 };

static const char *folder;
static char output[1 << 16]; /* of the last run, both streams */

static const char experiment[] = "data:\n"
                                 "  path: set\n"
                                 "  steps: 4\n"
                                 "  size: 16\n"
                                 "  split: random\n"
                                 "  train_share: 0.75\n"
                                 "  cache: cache\n"
                                 "model: {name: sresnet, n: 1, filters: 8}\n"
                                 "train:\n"
                                 "  epochs: 4\n"
                                 "  batch: 4\n"
                                 "  lr: 0.01\n"
                                 "  threads: 2\n"
                                 "  checkpoint_minutes: 0.00001\n";

/* Class 0 has its events on the left, class 1 on the right. */
static void write_recording(size_t class, size_t number)
{
    char path[PATH];
    const SimRng rng = {
        .seed = 3, .purpose = SIM_RNG_TEST, .stream = (uint32_t)(class * FILES + number)};
    snprintf(path, sizeof path, "%s/set/class%zu/clip_%zu.txt", folder, class, number);
    FILE *to = fopen(path, "w");
    cr_assert_not_null(to);
    for (uint64_t i = 0; i < EVENTS; i++)
        fprintf(to, "%u %u %u %u\n",
                (unsigned)(sim_rng_below(rng, 3 * i, 64) + 64 * class),
                (unsigned)sim_rng_below(rng, 3 * i + 1, 128), (unsigned)(500 * i),
                (unsigned)sim_rng_below(rng, 3 * i + 2, 2));
    cr_assert_eq(fclose(to), 0);
}

static void make_folder(void)
{
    char path[PATH];
    folder = test_folder();
    snprintf(path, sizeof path, "%s/set", folder);
    cr_assert_eq(mkdir(path, 0777), 0);
    for (size_t c = 0; c < CLASSES; c++) {
        snprintf(path, sizeof path, "%s/set/class%zu", folder, c);
        cr_assert_eq(mkdir(path, 0777), 0);
        for (size_t i = 0; i < FILES; i++)
            write_recording(c, i);
    }
    snprintf(path, sizeof path, "%s/e.yaml", folder);
    FILE *to = fopen(path, "w");
    cr_assert_not_null(to);
    cr_assert_geq(fputs(experiment, to), 0);
    cr_assert_eq(fclose(to), 0);
}

TestSuite(train, .init = make_folder, .fini = test_folder_remove);

/* Runs a shell command in the folder with $A the program; returns the exit code. */
static int shell(const char *command)
{
    char whole[2048];
    const char *root = getenv("APICAL_BUILD_ROOT");
    if (!root)
        cr_skip_test("APICAL_BUILD_ROOT is not set");
    snprintf(whole, sizeof whole, "cd '%s' && A='%s/cli/apical' && { %s; } 2>&1", folder,
             root, command);
    FILE *pipe = popen(whole, "r");
    cr_assert_not_null(pipe);
    const size_t n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The hash of the weights that a finished run prints. */
static void weights(char hash[65])
{
    const char *at = strstr(output, "sha256 ");
    cr_assert_not_null(at, "%s", output);
    memcpy(hash, at + 7, 64);
    hash[64] = '\0';
}

Test(train, the_log_tells_which_layers_took_dense_kernels)
{
    cr_assert_eq(shell("APICAL_SPIKES=always \"$A\" train e.yaml --out run "
                       "--set train.epochs=2"),
                 0, "%s", output);
    cr_expect_eq(shell("test $(grep -c '\"dense_kernels\": \\[\\]' run/log.jsonl) = 2"),
                 0, "not two epochs without any");
}

Test(train, killed_and_resumed_ends_with_the_same_bits)
{
    char whole[65], resumed[65], command[160];
    cr_assert_eq(shell("\"$A\" train e.yaml --out whole"), 0, "%s", output);
    weights(whole);
    cr_expect_eq(shell("test $(grep -c '^{\"epoch\": [1-4], \"spike0\": 0[.]' "
                       "whole/rates.jsonl) = 4"),
                 0, "not the rates of four epochs");
    static const char *const moments[] = {"0.15", "0.3", "0.5", "0.8"};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        snprintf(command, sizeof command,
                 "rm -rf part; timeout -s KILL %s \"$A\" train e.yaml --out part",
                 moments[i]);
        shell(command); /* may die before its first checkpoint: then there is nothing to
                           resume */
        if (shell("test -f part/last.h5") != 0)
            continue;
        cr_assert_eq(shell("\"$A\" train --resume part"), 0, "killed after %s s: %s",
                     moments[i], output);
        weights(resumed);
        cr_expect_str_eq(whole, resumed, "killed after %s s: other weights", moments[i]);
        cr_expect_eq(shell("cmp whole/log.jsonl part/log.jsonl"), 0, "%s", output);
        cr_expect_eq(shell("cmp whole/rates.jsonl part/rates.jsonl"), 0, "%s", output);
    }
    /* At least one certain cut: the state of the middle, asked for by a signal. */
    shell("rm -rf part; timeout -s INT 1.5 \"$A\" train e.yaml --out part --set "
          "train.epochs=100000; "
          "test -f part/last.h5");
    cr_assert_not_null(strstr(output, "go on with apical train --resume part"), "%s",
                       output);
}

Test(train, learns_and_is_evaluated)
{
    cr_assert_eq(shell("\"$A\" train e.yaml --out run"), 0, "%s", output);
    cr_expect_eq(shell("\"$A\" train e.yaml --out run"), 1,
                 "a run must not be overwritten");
    cr_expect_eq(shell("flock run \"$A\" train --resume run"), 1, "%s", output);
    cr_expect_not_null(strstr(output, "another training writes"), "%s", output);
    cr_assert_eq(shell("\"$A\" eval run"), 0, "%s", output);
    double accuracy = 0.0;
    cr_assert_eq(shell("cat run/eval-test/summary.json"), 0);
    const char *at = strstr(output, "\"accuracy\": ");
    cr_assert(at && sscanf(at, "\"accuracy\": %lf", &accuracy) == 1, "%s", output);
    cr_expect_gt(accuracy, 0.9, "left and right are told apart: %g", accuracy);
    /* Dead neurons are told, in words and in the table of the picture. */
    cr_assert_eq(shell("\"$A\" eval run --set neuron.threshold=1e5 --out dead"), 0, "%s",
                 output);
    cr_expect_not_null(strstr(output, "  0.00%           100.0%\n"), "%s", output);
    cr_expect_eq(shell("test \"$(tail -n 1 dead/rates.tsv | cut -f 2-)\" = \"$(printf "
                       "'0\\t1\\t0')\""),
                 0, "silent channels that are not told");
}

Test(train, what_is_wrong_is_told)
{
    cr_expect_eq(shell("\"$A\" train e.yaml --out run --set train.lr=1000 --set "
                       "train.weight_decay=10"),
                 1);
    cr_expect_not_null(strstr(output, "not finite"), "%s", output);
    cr_expect_eq(shell("test -f run/nan.h5"), 0);
    cr_expect_eq(shell("\"$A\" train e.yaml --out big --set train.batch=1000"), 1);
    cr_expect_not_null(strstr(output, "use a smaller train.batch"), "%s", output);
    cr_expect_eq(shell("sed 's/epochs/epochz/' e.yaml > f.yaml; \"$A\" train f.yaml"), 1);
    cr_expect_not_null(strstr(output, "did you mean \"epochs\"?"), "%s", output);
    cr_expect_not_null(strstr(output, "line 10"), "%s", output);
    cr_expect_eq(shell("\"$A\" train"), 2);
}
