/* cli/compare_run.c: see compare_run.h. */
#include "cli/compare_run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/evaluate.h"
#include "cli/files.h"
#include "cli/human.h"
#include "cli/result.h"
#include "cli/terminal.h"
#include "sim/file.h"

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    static const char told[] = "\nstopping: the trainings save (again: at once)\n";
    (void)number;
    stop_signal = 1;
    if (write(STDERR_FILENO, told, sizeof told - 1) < 0)
        return; /* nobody to tell */
}

/* --- the folder --------------------------------------------------------------------- */

static SimStatus take_lock(const char *folder, int *lock)
{
    enum { WAITS = 600, WAIT_MS = 100 };
    char path[CLI_PATH_SIZE];
    const SimStatus status = cli_path_join(folder, "lock", path);
    if (status != SIM_OK)
        return status;
    const int file = open(path, O_RDWR | O_CREAT, 0666);
    if (file < 0)
        return sim_fail(SIM_ERR_IO, "%s: %s", path, strerror(errno));
    for (int i = 0; flock(file, LOCK_EX | LOCK_NB) != 0; i++) {
        const struct timespec pause = {0, WAIT_MS * 1000000L};
        if (errno != EWOULDBLOCK || i == WAITS) {
            const int reason = errno;
            close(file);
            return sim_fail(SIM_ERR_IO,
                            "%s: another comparison works in this folder (%s): wait for "
                            "it, or choose another --out",
                            folder, strerror(reason));
        }
        if (i == 10)
            fprintf(stderr, "%s: waiting for trainings of an earlier start\n", folder);
        nanosleep(&pause, NULL);
    }
    *lock = file;
    return SIM_OK;
}

static SimStatus check_text(const CliCompare *compare, const char *folder)
{
    enum { LIMIT = 1 << 20 };
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE], *text = NULL;
    SimFile to;
    SIM_TRY(cli_path_join(folder, "compare.yaml", path));
    if (access(path, F_OK) != 0) {
        SIM_TRY(sim_file_create(path, &to));
        fputs(compare->text, to.stream);
        return sim_file_commit(&to);
    }
    SIM_TRY(cli_file_text(path, LIMIT, &text));
    if (strcmp(text, compare->text) != 0)
        status =
            sim_fail(SIM_ERR_VALUE,
                     "%s holds another comparison: go on with that by --resume %s, or "
                     "choose another --out",
                     folder, folder);
out:
    free(text);
    return status;
}

SimStatus cli_compare_claim(const CliCompare *compare, const char *folder, int *lock)
{
    SimStatus status = SIM_OK;
    *lock = -1;
    SIM_TRY(sim_folder_make(folder));
    SIM_TRY(take_lock(folder, lock));
    SIM_TRY(check_text(compare, folder));
out:
    if (status != SIM_OK) {
        cli_compare_release(*lock);
        *lock = -1;
    }
    return status;
}

void cli_compare_release(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* --- one run ------------------------------------------------------------------------ */

typedef struct Run {
    size_t variant, k;
    pid_t child; /* 0: not running */
    double started_s;
} Run;

typedef struct Runner {
    const CliCompare *compare;
    const char *folder;
    Run *runs; /* owned, seeds outermost: every variant gets its first seed first */
    size_t n_runs, next, done, finished_here, failed;
    int running;
    CliCompareJobs jobs;
    double started_s, drawn_s, spent_s;
    bool is_terminal, drawn;
    char last_failure[400];
} Runner;

/* The experiment of run `k`: what stands there from an earlier start must be the same. */
static SimStatus write_experiment(const Runner *r, const Run *run, const char *path)
{
    enum { LIMIT = 1 << 20 };
    SimStatus status = SIM_OK;
    CliExperiment e = r->compare->variants[run->variant].experiment; /* shares options */
    char file[CLI_PATH_SIZE], *text = NULL, *old = NULL;
    SimFile to;
    e.train.seed += (int64_t)run->k;
    e.train.threads = r->jobs.threads;
    e.train.plots = false;
    SIM_TRY(sim_folder_make(path));
    SIM_TRY(cli_path_join(path, "experiment.yaml", file));
    SIM_TRY(cli_experiment_text(&e, &text));
    if (access(file, F_OK) == 0) {
        SIM_TRY(cli_file_text(file, LIMIT, &old));
        if (strcmp(old, text) != 0)
            status = sim_fail(SIM_ERR_VALUE,
                              "%s was made with other settings: delete %s, or choose "
                              "another --out",
                              file, path);
        goto out;
    }
    SIM_TRY(sim_file_create(file, &to));
    fputs(text, to.stream);
    status = sim_file_commit(&to);
out:
    free(text);
    free(old);
    return status;
}

/* In the child: becomes "apical train --resume PATH", its words into a file. */
static void become_training(char *path, const char *words, pid_t parent,
                            const sigset_t *mask)
{
    static char name[] = "apical", command[] = "train", option[] = "--resume";
    char *const arguments[] = {name, command, option, path, NULL};
    setpgid(0, 0); /* Ctrl-C on the terminal is the parent's business */
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a killed parent: save and end */
    if (getppid() != parent)
        _exit(1);
    const int in = open("/dev/null", O_RDONLY);
    const int out = open(words, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execv("/proc/self/exe", arguments);
    _exit(127);
}

static SimStatus start_run(Runner *r, Run *run, const sigset_t *mask)
{
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE], words[CLI_PATH_SIZE];
    const pid_t parent = getpid();
    SIM_TRY(cli_compare_run_path(r->compare, r->folder, run->variant, run->k, path));
    SIM_TRY(write_experiment(r, run, path));
    SIM_TRY(cli_path_join(path, "output.txt", words));
    const pid_t child = fork();
    if (child < 0)
        return sim_fail(SIM_ERR_IO, "cannot start a training: %s", strerror(errno));
    if (child == 0)
        become_training(path, words, parent, mask);
    run->child = child;
    run->started_s = cli_seconds();
    r->running++;
out:
    return status;
}

static bool is_finished(const Runner *r, const Run *run, CliResult *result)
{
    char path[CLI_PATH_SIZE];
    return cli_compare_run_path(r->compare, r->folder, run->variant, run->k, path) ==
               SIM_OK &&
           cli_result_read(path, result) == SIM_OK;
}

/* --- what is told ------------------------------------------------------------------- */

static void clear_line(Runner *r)
{
    if (r->drawn)
        printf("\r\033[K");
    r->drawn = false;
}

/* "ada, data.path builtin:xor, seed 2" */
static void name_run(const Runner *r, const Run *run, char *text, size_t size)
{
    const CliCompareVariant *const v = &r->compare->variants[run->variant];
    const char *const group = r->compare->group_names[v->group];
    snprintf(text, size, "%s%s%s, seed %lld", v->name, *group ? ", " : "", group,
             (long long)v->experiment.train.seed + (long long)run->k);
}

static double accuracy_of(const CliCompare *compare, const CliResult *result)
{
    return compare->options.measure == CLI_MEASURE_BEST ? result->best_test_accuracy
                                                        : result->test_accuracy;
}

static void tell_done(Runner *r, const Run *run, const CliResult *result)
{
    char name[300];
    CliHuman time;
    /* A table of many small trainings needs no line for each. */
    enum { MANY = 100 };
    if (r->n_runs > MANY)
        return;
    clear_line(r);
    name_run(r, run, name, sizeof name);
    printf("%4zu/%zu  %s: %.2f %% in %s\n", r->done, r->n_runs, name,
           100.0 * accuracy_of(r->compare, result),
           cli_human_seconds(time, cli_seconds() - run->started_s));
    fflush(stdout);
}

/* The last line that a failed training wrote. */
static void last_words(const char *path, char *text, size_t size)
{
    char file[CLI_PATH_SIZE], line[400];
    snprintf(text, size, "no message");
    if (cli_path_join(path, "output.txt", file) != SIM_OK)
        return;
    FILE *const from = fopen(file, "r");
    while (from && fgets(line, sizeof line, from))
        if (line[0] != '\n') {
            line[strcspn(line, "\n")] = '\0';
            snprintf(text, size, "%s", line);
        }
    if (from)
        fclose(from);
}

static void tell_failed(Runner *r, const Run *run)
{
    char name[300], path[CLI_PATH_SIZE], words[400];
    name_run(r, run, name, sizeof name);
    if (cli_compare_run_path(r->compare, r->folder, run->variant, run->k, path) != SIM_OK)
        return;
    last_words(path, words, sizeof words);
    clear_line(r);
    fflush(stdout);
    fprintf(stderr, "apical compare: warning: %s failed: %s\n", name, words);
}

static void draw_line(Runner *r)
{
    enum { WIDTH = 20 };
    char bar[WIDTH * 4], line[256];
    CliHuman eta;
    if (!r->is_terminal)
        return;
    const size_t left = r->n_runs - r->done;
    const double per_run = r->finished_here
                               ? (cli_seconds() - r->started_s) / (double)r->finished_here
                               : (double)NAN;
    snprintf(
        line, sizeof line, "%s  %zu/%zu runs, %d at once%s%s",
        cli_terminal_bar(bar, sizeof bar, (double)r->done / (double)r->n_runs, WIDTH),
        r->done, r->n_runs, r->running, isfinite(per_run) ? ", about " : "",
        isfinite(per_run) ? cli_human_seconds(eta, per_run * (double)left) : "");
    printf("\r%s%s\033[K", line, isfinite(per_run) ? " left" : "");
    fflush(stdout);
    r->drawn = true;
}

/* --- all runs ----------------------------------------------------------------------- */

/* Takes back the children that ended. */
static void reap(Runner *r)
{
    int how = 0;
    for (pid_t child; (child = waitpid(-1, &how, WNOHANG)) > 0;) {
        CliResult result;
        Run *run = NULL;
        for (size_t i = 0; i < r->n_runs && !run; i++)
            run = r->runs[i].child == child ? &r->runs[i] : NULL;
        if (!run)
            continue;
        run->child = 0;
        r->running--;
        if (is_finished(r, run, &result)) {
            r->done++;
            r->finished_here++;
            tell_done(r, run, &result);
        } else if (!stop_signal) {
            r->done++;
            r->failed++;
            tell_failed(r, run);
        }
    }
}

static void stop_all(const Runner *r, int number)
{
    for (size_t i = 0; i < r->n_runs; i++)
        if (r->runs[i].child > 0)
            kill(r->runs[i].child, number);
}

static SimStatus loop(Runner *r)
{
    SimStatus status = SIM_OK;
    sigset_t child, before;
    bool told = false;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    while (r->running > 0 || (r->next < r->n_runs && !stop_signal)) {
        while (!stop_signal && r->running < r->jobs.jobs && r->next < r->n_runs) {
            CliResult result;
            Run *const run = &r->runs[r->next++];
            if (!is_finished(r, run, &result))
                SIM_TRY(start_run(r, run, &before));
        }
        if (stop_signal && !told) {
            stop_all(r, SIGTERM);
            told = true;
        }
        draw_line(r);
        const struct timespec pause = {0, 200000000};
        if (r->running > 0)
            sigtimedwait(&child, NULL, &pause);
        reap(r);
    }
out:
    if (status != SIM_OK) { /* nothing is left running */
        stop_all(r, SIGTERM);
        while (waitpid(-1, NULL, 0) > 0)
            continue;
    }
    clear_line(r);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

static SimStatus list_runs(Runner *r)
{
    const CliCompare *const compare = r->compare;
    r->n_runs = cli_compare_runs(compare);
    r->runs = calloc(r->n_runs, sizeof *r->runs);
    if (!r->runs)
        return sim_fail(SIM_ERR_MEMORY, "no memory for %zu runs", r->n_runs);
    for (size_t i = 0; i < r->n_runs; i++) {
        CliResult result;
        r->runs[i] =
            (Run){.variant = i % compare->n_variants, .k = i / compare->n_variants};
        r->done += is_finished(r, &r->runs[i], &result);
    }
    return SIM_OK;
}

/* How many at once was measured once and stays, threads and bits with it. */
static SimStatus choose_jobs(Runner *r)
{
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE], *text = NULL;
    SimFile to;
    SIM_TRY(cli_path_join(r->folder, "jobs", path));
    if (access(path, F_OK) == 0) {
        SIM_TRY(cli_file_text(path, 256, &text));
        if (sscanf(text, "%d at once, %d threads", &r->jobs.jobs, &r->jobs.threads) !=
                2 ||
            r->jobs.jobs < 1 || r->jobs.threads < 1)
            status =
                sim_fail(SIM_ERR_FORMAT, "%s: wanted \"N at once, M threads\"", path);
        goto out;
    }
    SIM_TRY(cli_compare_measure_jobs(r->compare, r->folder, &r->jobs));
    SIM_TRY(sim_file_create(path, &to));
    fprintf(to.stream, "%d at once, %d threads each\n", r->jobs.jobs, r->jobs.threads);
    status = sim_file_commit(&to);
out:
    free(text);
    return status;
}

SimStatus cli_compare_run(const CliCompare *compare, const char *folder, size_t *failed)
{
    SimStatus status = SIM_OK;
    Runner r = {
        .compare = compare, .folder = folder, .is_terminal = cli_is_terminal(stdout)};
    struct sigaction catch = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before[2];
    stop_signal = 0;
    sigemptyset(&catch.sa_mask);
    sigaction(SIGINT, &catch, &before[0]);
    sigaction(SIGTERM, &catch, &before[1]);
    SIM_TRY(list_runs(&r));
    if (r.done < r.n_runs) {
        SIM_TRY(choose_jobs(&r));
        printf("%zu runs%s, %d at once with %d thread%s each\n", r.n_runs - r.done,
               r.done ? " to go" : "", r.jobs.jobs, r.jobs.threads,
               r.jobs.threads == 1 ? "" : "s");
        fflush(stdout);
        r.started_s = cli_seconds();
        SIM_TRY(loop(&r));
    }
    if (stop_signal && r.done < r.n_runs)
        status =
            sim_fail(SIM_ERR_STOPPED,
                     "stopped with %zu of %zu runs finished; all is saved: go on with "
                     "apical compare --resume %s",
                     r.done, r.n_runs, folder);
    *failed = r.failed;
out:
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    free(r.runs);
    return status;
}
