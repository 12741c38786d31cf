/* The program from outside: exit codes, and one sentence for every bad file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/support.h"

static const char *folder;
static char output[1 << 16]; /* of the last run, both streams */

static void make_folder(void)
{
    folder = test_folder();
}

TestSuite(program, .init = make_folder, .fini = test_folder_remove);

/* Runs "apical ARGUMENTS" in the folder; returns the exit code, -1 when it was killed. */
static int apical(const char *arguments)
{
    const char *const root = getenv("APICAL_BUILD_ROOT");
    char command[2048];
    if (!root)
        cr_skip_test("APICAL_BUILD_ROOT is not set");
    snprintf(command, sizeof command, "cd '%s' && '%s/cli/apical' %s 2>&1", folder, root,
             arguments);
    FILE *const pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    const size_t n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) && WEXITSTATUS(status) < 126 ? WEXITSTATUS(status) : -1;
}

static void put(const char *name, const void *bytes, size_t n)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, n, file), n);
    cr_assert_eq(fclose(file), 0);
}

static size_t lines(void)
{
    size_t n = 0;
    for (const char *at = output; *at; at++)
        n += *at == '\n';
    return n;
}

static const char aedat2[] = "#!AER-DAT2.0\r\n# made by a test\r\n"
                             "\x00\x00\x64\x0a\x00\x00\x03\xe8"
                             "\x00\x00\x64\x0d\x00\x00\x04\xe2";
enum { AEDAT2 = sizeof aedat2 - 1 };

Test(program, wrong_use_ends_with_2)
{
    cr_expect_eq(apical(""), 2);
    cr_expect_eq(apical("dta"), 2);
    cr_expect_not_null(strstr(output, "did you mean \"data\"?"), "%s", output);
    cr_expect_eq(apical("data info"), 2);
    cr_expect_eq(apical("data info --nonsense x"), 2);
    cr_expect_eq(apical("sim only_one"), 2);
    cr_expect_eq(apical("--help"), 0);
    cr_expect_eq(apical("--version"), 0);
}

Test(program, info_of_a_good_file)
{
    put("a.dat", aedat2, AEDAT2);
    cr_assert_eq(apical("data info a.dat"), 0, "%s", output);
    cr_expect_not_null(strstr(output, "aedat2"), "%s", output);
    cr_expect_not_null(strstr(output, "2, 50.0 % ON"), "%s", output);
    cr_expect_not_null(strstr(output, "128 x 128"), "%s", output);
}

Test(program, one_bad_file_does_not_hide_the_good_ones)
{
    put("a.dat", aedat2, AEDAT2);
    cr_assert_eq(apical("data info missing.aedat a.dat"), 1);
    cr_expect_not_null(strstr(output, "missing.aedat: "), "%s", output);
    cr_expect_not_null(strstr(output, "50.0 % ON"), "%s", output);
}

Test(program, a_folder_is_pointed_to_list)
{
    cr_assert_eq(apical("data info ."), 1);
    cr_expect_not_null(strstr(output, "data list"), "%s", output);
}

/* Whatever the bytes, the program says one sentence or prints a table; it never dies. */
Test(program, broken_bytes, .timeout = 60)
{
    static const char *const heads[] = {
        "#!AER-DAT2.0\r\n",
        "#!AER-DAT3.1\r\n#!END-HEADER\r\n",
        "#!AER-DAT4.0\r\n",
        "\x1f\x8b\x08",
        "\x89PNG\r\n\x1a\n",
        "\x89HDF\r\n\x1a\n",
        "% evt 2.0\n",
        "\x00\x00\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff",
        ""};
    static const size_t head_sizes[] = {14, 28, 14, 3, 8, 8, 10, 12, 0};
    const SimRng rng = {.seed = 5, .purpose = SIM_RNG_TEST};
    char bytes[600];
    for (size_t i = 0; i < sizeof head_sizes / sizeof *head_sizes; i++) {
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)sim_rng_below(rng, i * 1000 + k, 256);
        memcpy(bytes, heads[i], head_sizes[i]);
        char name[32], command[64];
        snprintf(name, sizeof name, "bad%zu", i);
        put(name, bytes, sizeof bytes - i);
        snprintf(command, sizeof command, "data info %s", name);
        const int code = apical(command);
        cr_expect(code == 0 || code == 1, "%s: %d: %s", name, code, output);
        if (code == 1)
            cr_expect(lines() == 1 && strstr(output, name), "%s", output);
    }
}

Test(program, verify_lists_what_is_broken)
{
    put("good.aedat", aedat2, AEDAT2);
    put("cut.aedat", aedat2, AEDAT2 - 3);
    put("notes.txt", "nothing\n", 8);
    cr_expect_eq(apical("data verify ."), 1);
    cr_expect_not_null(strstr(output, "cut.aedat"), "%s", output);
    cr_expect_null(strstr(output, "broken: ./good.aedat"), "%s", output);
    cr_expect_not_null(strstr(output, "What to do"), "%s", output);
    cr_expect_eq(apical("data verify good.aedat"), 0, "%s", output);
}

Test(program, verify_compares_sums)
{
    put("good.aedat", aedat2, AEDAT2);
    char command[256];
    snprintf(command, sizeof command, "cd '%s' && sha256sum good.aedat > SHA256SUMS",
             folder);
    cr_assert_eq(system(command), 0);
    cr_expect_eq(apical("data verify ."), 0, "%s", output);
    cr_expect_not_null(strstr(output, "1 check sums agree"), "%s", output);
    snprintf(command, sizeof command,
             "cd '%s' && sed -i 's/^[0-9a-f]/g/; s/^g/0/; s/^0[0-9a-f]/11/' SHA256SUMS",
             folder);
    cr_assert_eq(system(command), 0);
    cr_expect_eq(apical("data verify ."), 1, "%s", output);
    cr_expect_not_null(strstr(output, "changed: "), "%s", output);
}

Test(program, convert_to_text_and_back)
{
    put("a.aedat", aedat2, AEDAT2);
    cr_assert_eq(apical("data convert a.aedat a.txt"), 0, "%s", output);
    cr_assert_eq(apical("data convert --to aedat2 a.txt b.aedat"), 0, "%s", output);
    cr_assert_eq(apical("data convert b.aedat b.txt"), 0, "%s", output);
    char command[256];
    snprintf(command, sizeof command,
             "cd '%s' && cmp a.txt b.txt && test $(wc -l < a.txt) = 2", folder);
    cr_expect_eq(system(command), 0);
    cr_expect_eq(apical("data convert a.aedat /nowhere/at/all.txt"), 1);
    cr_expect_eq(lines(), 1, "%s", output);
    cr_expect_eq(apical("data convert a.aedat c.txt --set steps=2"), 2, "unused");
    cr_expect_eq(apical("data convert . --to aedat2"), 2, "unused");
}

static const char experiment[] =
    "data: {path: nowhere, steps: 4, size: 16, frames: time}\n"
    "model: {name: sresnet, n: 1, filters: 4}\n"
    "train: {batch: 2}\n";

Test(program, keys_are_printed_and_the_page_of_them_is_of_today)
{
    char command[512];
    cr_assert_eq(apical("keys lr sresnet"), 0, "%s", output);
    cr_expect_not_null(strstr(output, "learning rate at the start"), "%s", output);
    cr_expect_not_null(strstr(output, "model, name: sresnet"), "%s", output);
    cr_expect_null(strstr(output, "msresnet"), "%s", output);
    cr_expect_eq(apical("keys schedul"), 1);
    cr_expect_not_null(strstr(output, "did you mean \"schedule\"?"), "%s", output);
    snprintf(command, sizeof command, "keys --markdown | cmp - '%s/docs/keys.md'",
             test_source_root());
    cr_expect_eq(apical(command), 0, "apical keys --markdown > docs/keys.md: %s", output);
}

Test(program, info_and_sim_of_an_untrained_net)
{
    put("e.yaml", experiment, sizeof experiment - 1);
    put("a.aedat", aedat2, AEDAT2);
    cr_assert_eq(apical("info e.yaml"), 0, "%s", output);
    cr_expect_not_null(strstr(output, "training, keep"), "%s", output);
    cr_assert_eq(apical("sim e.yaml a.aedat --record out.h5 --plots plots"), 0, "%s",
                 output);
    cr_expect_not_null(strstr(output, "simulated "), "%s", output);
    char first[sizeof output];
    strcpy(first, strstr(output, "answer: "));
    *strchr(first, '\n') = '\0';
    cr_assert_eq(apical("sim -q e.yaml a.aedat --set train.threads=1"), 0, "%s", output);
    cr_expect_not_null(strstr(output, first), "%s instead of %s", output, first);
}

Test(program, sim_says_what_does_not_fit)
{
    put("e.yaml", experiment, sizeof experiment - 1);
    put("a.aedat", aedat2, AEDAT2);
    cr_expect_eq(apical("sim e.yaml a.aedat"), 0);
    cr_expect_not_null(strstr(output, "128 x 128 pixels brought to the 16 x 16"), "%s",
                       output);
    cr_expect_eq(apical("sim e.yaml tset:1"), 1);
    cr_expect_not_null(strstr(output, "test:0"), "%s", output);
    cr_expect_eq(apical("sim e.yaml a.aedat --record ."), 1);
    cr_expect_not_null(strstr(output, "is a folder"), "%s", output);
    cr_expect_eq(apical("sim e.yaml a.aedat --record o.h5 --layers spkie1"), 1);
    cr_expect_not_null(strstr(output, "did you mean"), "%s", output);
    cr_expect_eq(apical("sim e.yaml a.aedat --record o.h5 --potentials spike1:9999999"),
                 1);
    cr_expect_not_null(strstr(output, "9999999"), "%s", output);
    cr_expect_eq(apical("sim e.yaml missing.aedat"), 1);
    cr_expect_eq(apical("sim a.aedat a.aedat"), 1);
    cr_expect_eq(apical("info e.yaml --set data.szie=3"), 1);
    cr_expect_not_null(strstr(output, "size"), "%s", output);
    cr_expect_eq(access("o.h5", F_OK), -1);
}

Test(program, what_cannot_be_printed_is_a_failure)
{
    if (access("/dev/full", W_OK) != 0)
        cr_skip_test("there is no /dev/full");
    cr_expect_eq(apical("data list 3>&1 1>/dev/full"), 1);
    cr_expect_eq(apical("data list --help 3>&1 1>/dev/full"), 1, "of argp");
    cr_expect_eq(apical("--version 3>&1 1>/dev/full"), 1);
    cr_expect_eq(apical("data list"), 0);
}

Test(program, view_finds_the_recordings_of_a_folder)
{
    if (apical("view --help") != 0)
        cr_skip_test("built without the viewer");
    char path[160];
    snprintf(path, sizeof path, "%s/set", folder);
    cr_assert_eq(mkdir(path, 0777), 0);
    put("set/a notes", "what this is\n", 13);
    cr_expect_eq(apical("view set --screenshot x.png"), 1);
    cr_expect_not_null(strstr(output, "nor a folder with recordings"), "%s", output);
    snprintf(path, sizeof path, "%s/set/cat", folder);
    cr_assert_eq(mkdir(path, 0777), 0);
    put("set/cat/one.aedat", aedat2, AEDAT2);
    cr_expect_eq(apical("view set --screenshot x.png"), 0, "%s", output);
    cr_expect_eq(apical("view set/a\\ notes --screenshot x.png"), 1);
}
