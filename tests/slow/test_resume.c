/* Training that dies and goes on: at the end every file is the same to the bit as that of
 * a run that did not. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/datasets/folder.h"

enum { PATH = 256 };

TestSuite(resume, .fini = test_folder_remove, .timeout = 300);

static const char experiment[] = "data: {path: set, size: 16, steps: 3, cache: cache, "
                                 "split: random, augment: flip-roll, validation: 0.2}\n"
                                 "model: {name: sresnet, n: 1, filters: 4}\n"
                                 "train: {epochs: 4, batch: 4, optimiser: adamw, "
                                 "schedule: cosine, threads: 2, seed: 3,\n"
                                 "  checkpoint_minutes: 0.0001}\n";

/* A set, an experiment and a whole run in the folder, which becomes the current one. */
static void begin(void)
{
    if (!getenv("APICAL_BUILD_ROOT"))
        cr_skip_test("APICAL_BUILD_ROOT is not set");
    cr_assert_eq(chdir(test_folder()), 0);
    test_make_set("set", 20);
    FILE *const file = fopen("e.yaml", "w");
    cr_assert_not_null(file);
    fputs(experiment, file);
    cr_assert_eq(fclose(file), 0);
}

/* "apical train WHAT RUN" in a process of its own, its output into the file "told". */
static pid_t start(const char *const *arguments)
{
    char program[PATH];
    const char *argv[16] = {"apical", "train"};
    size_t n = 2;
    snprintf(program, sizeof program, "%s/cli/apical", getenv("APICAL_BUILD_ROOT"));
    while (*arguments)
        argv[n++] = *arguments++;
    argv[n] = NULL;
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        const int told = open("told", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(told, STDOUT_FILENO);
        dup2(told, STDERR_FILENO);
        execv(program, (char *const *)argv);
        _exit(127);
    }
    return child;
}

static int finish(pid_t child)
{
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static int train(const char *a, const char *b, const char *c)
{
    const char *const arguments[] = {a, b, c, NULL};
    return finish(start(arguments));
}

static char *contents(const char *path, size_t *n)
{
    FILE *const file = fopen(path, "rb");
    cr_assert_not_null(file, "%s is not there", path);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    char *const bytes = calloc(*n + 1, 1);
    cr_assert_eq(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

static void expect_same_runs(const char *a, const char *b)
{
    static const char *const names[] = {"last.h5", "best.h5", "log.jsonl",
                                        "experiment.yaml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[PATH];
        size_t n[2];
        snprintf(path, sizeof path, "%s/%s", a, names[i]);
        char *const one = contents(path, &n[0]);
        snprintf(path, sizeof path, "%s/%s", b, names[i]);
        char *const other = contents(path, &n[1]);
        cr_expect(n[0] == n[1] && memcmp(one, other, n[0]) == 0, "%s differs", names[i]);
        free(one);
        free(other);
    }
}

static void expect_told(const char *part)
{
    size_t n;
    char *const told = contents("told", &n);
    cr_expect_not_null(strstr(told, part), "no \"%s\" in: %s", part, told);
    free(told);
}

static void wait_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Killed at moments spread over the whole run, until one life reaches the end. */
Test(resume, killed_again_and_again)
{
    enum { MOST_LIVES = 100 };
    begin();
    cr_assert_eq(train("e.yaml", "--out", "whole"), 0);
    size_t killed = 0;
    int status = -1;
    for (size_t life = 0; life < MOST_LIVES && status != 0; life++) {
        const bool fresh = !is_there("cut/experiment.yaml") && !is_there("cut/last.h5");
        const char *const first[] = {"e.yaml", "--out", "cut", NULL};
        const char *const again[] = {"--resume", "cut", NULL};
        const pid_t child = start(fresh ? first : again);
        /* Later lives live longer, so that the run ends on a slow machine, too. */
        const SimRng rng = {.seed = 11, .purpose = SIM_RNG_TEST};
        wait_ms((long)(20 + sim_rng_below(rng, life, 150 + 40 * life)));
        kill(child, SIGKILL);
        status = finish(child);
        killed += WIFSIGNALED(status);
        cr_assert(WIFSIGNALED(status) || status == 0, "life %zu ended with %d", life,
                  status);
    }
    cr_assert_eq(status, 0, "%d lives were not enough", MOST_LIVES);
    cr_expect_geq(killed, 1u);
    expect_same_runs("whole", "cut");
}

Test(resume, stopped_politely)
{
    begin();
    cr_assert_eq(train("e.yaml", "--out", "whole"), 0);
    const char *const first[] = {"e.yaml", "--out", "cut", NULL};
    const pid_t child = start(first);
    for (int i = 0; i < 2000 && !is_there("cut/best.h5"); i++)
        wait_ms(5);
    kill(child, SIGINT);
    const int status = finish(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        cr_skip_test("the run was over before it could be interrupted");
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%d", status);
    expect_told("--resume cut");
    cr_assert_eq(train("--resume", "cut", NULL), 0);
    expect_same_runs("whole", "cut");
    /* A run that is over says its results again and changes nothing. */
    cr_assert_eq(train("--resume", "cut", NULL), 0);
    expect_told("sha256");
    expect_same_runs("whole", "cut");
}

Test(resume, other_data_are_refused)
{
    begin();
    cr_assert_eq(train("e.yaml", "--out", "cut"), 0);
    cr_assert_eq(unlink("set/cat/x_cat_7.aedat"), 0);
    cr_assert_eq(WEXITSTATUS(train("--resume", "cut", NULL)), 1);
    expect_told("not the data the run began with");
    cr_assert_eq(WEXITSTATUS(train("e.yaml", "--out", "cut")), 1);
    expect_told("holds a run already");
    cr_assert_eq(WEXITSTATUS(train("--resume", "set", NULL)), 1);
    expect_told("no run to go on with");
}

/* A step that leaves the numbers names the layer and keeps the state. */
Test(resume, numbers_that_are_none)
{
    begin();
    const char *const arguments[] = {"e.yaml",
                                     "--out",
                                     "cut",
                                     "--set",
                                     "train.optimiser=sgd",
                                     "--set",
                                     "train.weight_decay=10",
                                     "--set",
                                     "train.lr=1000",
                                     NULL};
    const int status = finish(start(arguments));
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%d", status);
    expect_told("is not finite");
    expect_told("cut/nan.h5");
    cr_expect(is_there("cut/nan.h5"));
}
