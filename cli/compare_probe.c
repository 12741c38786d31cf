/* cli/compare_probe.c: how many trainings at once are fastest on this machine. */
#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/compare_run.h"
#include "cli/evaluate.h"
#include "cli/files.h"
#include "sim/file.h"

extern char **environ;

/* --- in the measuring process --------------------------------------------------------
 */

static SimStatus probe_steps(CliSession *s, double seconds, double *rate)
{
    enum { WARM = 2 };
    SimStatus status = SIM_OK;
    Net *net = NULL;
    DataLoader *loader = NULL;
    const CliTrainOptions *const o = &s->experiment.train;
    const NetPlanOptions plan = {.batch = (size_t)o->batch,
                                 .steps = s->input.steps,
                                 .training = true,
                                 .memory = (NetMemory)o->memory,
                                 .budget = (size_t)o->budget_mib << 20};
    DataBatch batch;
    SIM_TRY(net_create(&s->graph, &s->params, &plan, &s->context, &net));
    SIM_TRY(data_loader_create(&s->set, DATA_TRAIN, plan.batch, true, true,
                               (uint64_t)o->seed, &loader));
    data_loader_start(loader, 0, 0);
    SIM_TRY(data_loader_next(loader, &batch));
    if (batch.n == 0) {
        status = sim_fail(SIM_ERR_VALUE, "the training part is smaller than a batch");
        goto out;
    }
    const SimTensor input = net_input(net, 0);
    const float *const x = batch.x; /* one batch again and again: the net is measured */
    double begun_s = cli_seconds();
    size_t steps = 0;
    for (size_t i = 0; steps < 3 || cli_seconds() - begun_s < seconds; i++, steps++) {
        if (i == WARM) {
            begun_s = cli_seconds();
            steps = 0;
        }
        memcpy(input.f32, x, sim_shape_count(input.shape) * sizeof *x);
        net_forward(net, s->input.steps, batch.labels, i);
        const SimTensor scores = net_output(net, 0);
        const NetLossRun loss = {.options = &s->experiment.loss,
                                 .steps = scores.shape.t,
                                 .n = batch.n,
                                 .classes = s->input.classes,
                                 .scores = scores.f32,
                                 .labels = batch.labels,
                                 .d_scores = net_output_gradient(net, 0)};
        net_losses[s->experiment.loss.kind]->apply(&loss);
        net_zero_gradients(net);
        net_backward(net);
    }
    *rate = (double)steps * (double)batch.n / (cli_seconds() - begun_s);
out:
    data_loader_destroy(loader);
    net_destroy(net);
    return status;
}

SimStatus cli_compare_probe(const char *experiment, int threads, double seconds,
                            double *rate)
{
    SimStatus status = SIM_OK;
    CliSession session = {0};
    char setting[64];
    const char *const settings[] = {setting};
    snprintf(setting, sizeof setting, "train.threads=%d", threads);
    SIM_TRY(
        cli_session_open(experiment, settings, 1, CLI_NEED_DATA, NULL, NULL, &session));
    SIM_TRY(data_set_prepare(&session.set, session.context.team.n_threads, NULL, NULL));
    SIM_TRY(probe_steps(&session, seconds, rate));
out:
    cli_session_close(&session);
    return status;
}

/* --- in the one that decides ---------------------------------------------------------
 */

/* Starts "apical compare --probe THREADS EXPERIMENT", which prints a number. */
static SimStatus start_probe(const char *experiment, int threads, pid_t *child, int *from)
{
    char name[] = "apical", command[] = "compare", option[] = "--probe", number[16];
    char path[CLI_PATH_SIZE];
    int ends[2];
    snprintf(number, sizeof number, "%d", threads);
    snprintf(path, sizeof path, "%s", experiment);
    char *const arguments[] = {name, command, option, number, path, NULL};
    if (pipe(ends) != 0)
        return sim_fail(SIM_ERR_IO, "no pipe to measure through: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    const int failed =
        posix_spawn(child, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        return sim_fail(SIM_ERR_IO, "cannot start a measurement: %s", strerror(failed));
    }
    *from = ends[0];
    return SIM_OK;
}

/* Samples per second of `jobs` trainings side by side; 0 where one could not be had. */
static SimStatus measure(const char *experiment, int jobs, int threads, double *rate)
{
    enum { MOST = 64 };
    SimStatus status = SIM_OK;
    pid_t children[MOST];
    int from[MOST], started = 0;
    double sum = 0.0;
    bool all = true;
    for (; started < jobs && started < MOST; started++)
        SIM_TRY(start_probe(experiment, threads, &children[started], &from[started]));
out:
    for (int i = 0; i < started; i++) {
        char text[64] = "";
        size_t used = 0;
        int how = 0;
        for (ssize_t n; used + 1 < sizeof text;) {
            n = read(from[i], text + used, sizeof text - 1 - used);
            if (n <= 0 && !(n < 0 && errno == EINTR))
                break;
            used += n > 0 ? (size_t)n : 0;
        }
        close(from[i]);
        while (waitpid(children[i], &how, 0) < 0 && errno == EINTR)
            continue;
        const double one = strtod(text, NULL);
        all &= WIFEXITED(how) && WEXITSTATUS(how) == 0 && one > 0.0;
        sum += one;
    }
    *rate = all ? sum : 0.0;
    return status;
}

static int most_jobs(const CliCompare *compare, int cpus)
{
    double most = 1.0;
    for (size_t i = 0; i < compare->n_variants; i++)
        most = fmax(most, compare->variants[i].memory);
    const double room =
        0.6 * cli_free_bytes() / (1.5 * most + 64e6); /* and the program */
    const size_t runs = cli_compare_runs(compare);
    int jobs = runs < (size_t)cpus ? (int)runs : cpus;
    if (room > 0.0 && room < (double)jobs)
        jobs = room < 1.0 ? 1 : (int)room;
    return jobs;
}

SimStatus cli_compare_measure_jobs(const CliCompare *compare, const char *folder,
                                   CliCompareJobs *out)
{
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE], *text = NULL;
    SimFile to;
    const int cpus = sim_team_create(0).n_threads, most = most_jobs(compare, cpus);
    CliCompareJobs best = {1, cpus};
    double best_rate = 0.0, rate;
    const int asked = (int)compare->options.jobs;
    const int own = (int)compare->variants[0].experiment.train.threads;
    if (asked || most == 1) {
        best.jobs = asked ? asked : 1;
        best.threads = own ? own : best.jobs < cpus ? cpus / best.jobs : 1;
        *out = best;
        return SIM_OK;
    }
    SIM_TRY(cli_path_join(folder, "probe.yaml", path));
    SIM_TRY(cli_experiment_text(&compare->variants[0].experiment, &text));
    SIM_TRY(sim_file_create(path, &to));
    fputs(text, to.stream);
    SIM_TRY(sim_file_finish(&to));
    for (int jobs = 1;; jobs = 2 * jobs < most ? 2 * jobs : most) {
        const int threads = own ? own : cpus / jobs;
        SIM_TRY(measure(path, jobs, threads, &rate));
        if (rate > best_rate) {
            best = (CliCompareJobs){jobs, threads};
            best_rate = rate;
        }
        if (jobs == most)
            break;
    }
    *out = best;
    remove(path);
out:
    free(text);
    return status;
}
