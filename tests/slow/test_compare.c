/* A comparison from outside: killed again and again it repeats nothing that is finished
 * and ends with the table of one that was not. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/support.h"

enum { TEXT = 1 << 16, RUNS = 18, PATH = 300 };

static const char *folder;
static char output[TEXT];

static const char experiment[] =
    "data: {path: \"builtin:moons,samples=160\", steps: 2}\n"
    "model: {name: mlp, hidden: \"8\"}\n"
    "train: {epochs: 6, batch: 16, optimiser: adam, lr: 0.02, threads: 1}\n"
    "compare: {neuron: \"relu, tanh, sigmoid, identity, lif, plif\", seeds: 3, jobs: "
    "2}\n";

static void make_folder(void)
{
    folder = test_folder();
    cr_assert_eq(chdir(folder), 0);
    FILE *const to = fopen("e.yaml", "w");
    cr_assert_not_null(to);
    fputs(experiment, to);
    cr_assert_eq(fclose(to), 0);
}

TestSuite(compare, .init = make_folder, .fini = test_folder_remove, .timeout = 300);

static pid_t start(const char *const *arguments)
{
    const char *root = getenv("APICAL_BUILD_ROOT");
    const char *argv[16] = {"apical", "compare"};
    char program[PATH];
    size_t n = 2;
    if (!root)
        cr_skip_test("APICAL_BUILD_ROOT is not set");
    snprintf(program, sizeof program, "%s/cli/apical", root);
    while (*arguments)
        argv[n++] = *arguments++;
    argv[n] = NULL;
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is given up leaves nothing */
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

static void read_text(const char *path)
{
    FILE *const from = fopen(path, "r");
    cr_assert_not_null(from, "%s is not there", path);
    output[fread(output, 1, sizeof output - 1, from)] = '\0';
    fclose(from);
}

static int compare(const char *a, const char *b, const char *c)
{
    const char *const arguments[] = {a, b, c, NULL};
    const int status = finish(start(arguments));
    read_text("told");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A table without column `dropped`, counted from 0: times are no part of the result. */
static char *table_without(const char *path, size_t dropped)
{
    char *const kept = calloc(TEXT, 1);
    size_t used = 0, column = 0;
    read_text(path);
    for (const char *at = output; *at; at++) {
        if (*at == ',' || *at == '\n')
            column = *at == '\n' ? 0 : column + 1;
        if (column != dropped || *at == '\n')
            kept[used++] = *at;
    }
    return kept;
}

static void expect_same_table(const char *name, size_t times)
{
    char path[PATH];
    snprintf(path, sizeof path, "whole/%s", name);
    char *const one = table_without(path, times);
    snprintf(path, sizeof path, "cut/%s", name);
    char *const other = table_without(path, times);
    cr_expect_str_eq(one, other, "%s", name);
    free(one);
    free(other);
}

/* When result.json of every run was written, 0 where it is not; the folders come from
 * runs.csv of the whole comparison. */
static size_t look(struct timespec written[RUNS])
{
    size_t finished = 0, run = 0;
    char *save = NULL, path[PATH];
    read_text("whole/runs.csv");
    strtok_r(output, "\n", &save);
    for (char *line; (line = strtok_r(NULL, "\n", &save)) && run < RUNS; run++) {
        struct stat about;
        snprintf(path, sizeof path, "cut/%.200s/result.json", strrchr(line, ',') + 1);
        written[run] = (struct timespec){0, 0};
        if (stat(path, &about) == 0) {
            written[run] = about.st_mtim;
            finished++;
        }
    }
    cr_assert_eq(run, RUNS);
    return finished;
}

/* What was finished before has not been written again. */
static void expect_kept(const struct timespec *before, const struct timespec *now)
{
    for (size_t i = 0; i < RUNS; i++)
        if (before[i].tv_sec)
            cr_expect(before[i].tv_sec == now[i].tv_sec &&
                          before[i].tv_nsec == now[i].tv_nsec,
                      "run %zu was repeated", i);
}

Test(compare, killed_again_and_again)
{
    enum { MOST_LIVES = 60 };
    static const char *const first[] = {"e.yaml", "--out", "cut", NULL};
    static const char *const again[] = {"--resume", "cut", NULL};
    struct timespec before[RUNS] = {{0}}, now[RUNS];
    size_t killed = 0;
    int status = -1;
    cr_assert_eq(compare("e.yaml", "--out", "whole"), 0, "%s", output);
    for (size_t life = 0; life < MOST_LIVES && status != 0; life++) {
        const pid_t child = start(access("cut/compare.yaml", F_OK) == 0 ? again : first);
        /* Later lives live longer, so that it ends on a slow machine, too. */
        const SimRng rng = {.seed = 5, .purpose = SIM_RNG_TEST};
        const long ms = (long)(100 + sim_rng_below(rng, life, 300 + 100 * life));
        const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        status = finish(child);
        killed += WIFSIGNALED(status);
        if (!WIFSIGNALED(status) && status != 0) {
            read_text("told");
            cr_assert_fail("life %zu ended with %d: %s", life, status, output);
        }
        look(now);
        expect_kept(before, now);
        memcpy(before, now, sizeof before);
    }
    cr_assert_eq(status, 0, "%d lives were not enough", MOST_LIVES);
    cr_expect_geq(killed, 1u);
    cr_expect_eq(look(now), RUNS);
    expect_same_table("table.csv", 17);
    expect_same_table("runs.csv", 11);
}

Test(compare, a_finished_one_only_shows_its_table)
{
    struct timespec before[RUNS], now[RUNS];
    cr_assert_eq(compare("e.yaml", "--out", "whole"), 0, "%s", output);
    cr_assert_eq(rename("whole", "cut"), 0);
    cr_assert_eq(symlink("cut", "whole"), 0);
    look(before);
    cr_assert_eq(compare("e.yaml", "--out", "cut"), 0, "%s", output);
    cr_expect_not_null(strstr(output, "baseline"), "%s", output);
    cr_expect_eq(look(now), RUNS);
    expect_kept(before, now);
}

Test(compare, another_one_is_refused)
{
    const char *const fewer[] = {
        "e.yaml", "--out", "cut", "--seeds", "1", "--vary", "neuron=relu,tanh", NULL};
    cr_assert_eq(finish(start(fewer)), 0);
    read_text("told");
    cr_expect_not_null(strstr(output, "no interval"), "%s", output);
    cr_expect_eq(compare("e.yaml", "--out", "cut"), 1);
    cr_expect_not_null(strstr(output, "holds another comparison"), "%s", output);
    cr_expect_eq(compare("--resume", "nowhere", NULL), 1);
    cr_expect_eq(compare("--resume", "cut", "--seeds=3"), 2);
    cr_expect_eq(compare("e.yaml", "--vary", "train.lrr=1,2"), 1);
    cr_expect_not_null(strstr(output, "did you mean \"lr\"?"), "%s", output);
}

/* One variant that leaves the numbers does not take the others with it. */
Test(compare, a_run_that_fails_is_told_and_left_out)
{
    const char *const arguments[] = {"e.yaml",
                                     "--out",
                                     "cut",
                                     "--seeds",
                                     "2",
                                     "--set",
                                     "train.optimiser=sgd",
                                     "--set",
                                     "train.weight_decay=10",
                                     "--set",
                                     "compare.neuron=relu",
                                     "--vary",
                                     "train.lr=0.01,1000",
                                     NULL};
    const int status = finish(start(arguments));
    read_text("told");
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%s", output);
    cr_expect_not_null(strstr(output, "not finite"), "%s", output);
    cr_expect_not_null(strstr(output, "2 runs failed"), "%s", output);
    cr_expect_eq(access("cut/table.csv", R_OK), 0);
}
