/* bench/step.c: whole training steps, inference passes and single steps online. */
#include <stdlib.h>
#include <string.h>

#include "bench/subject.h"

static const BenchColumn columns[] = {
    {"net", "net", BENCH_TEXT},
    {"memory", "memory", BENCH_TEXT},
    {"batch", "batch", BENCH_COUNT},
    {"steps", "T", BENCH_COUNT},
    {"parameters", "parameters", BENCH_COUNT},
    {"train_s", "train", BENCH_SECONDS},
    {"infer_s", "infer", BENCH_SECONDS},
    {"online_s", "one step online", BENCH_SECONDS},
    {"rate", "firing in training", BENCH_SHARE},
    {"infer_rate", "in inference", BENCH_SHARE},
    {"plan_bytes", "activations planned", BENCH_BYTES},
    {"activation_bytes", "activations took", BENCH_BYTES},
    {"peak_bytes", "process peak", BENCH_BYTES},
    {NULL, NULL, BENCH_TEXT}};

/* One image, one step at a time: what a simulation in step with the world would need. */
static void online(void *of)
{
    BenchSubject *const subject = of;
    if (subject->step++ % subject->steps == 0) /* norms may be of so many steps only */
        net_reset(subject->net);
    bench_fill_input(subject, 1);
    net_forward(subject->net, 1, NULL, 0);
}

static SimStatus time_net(const BenchNet *net, NetMemory memory,
                          const BenchOptions *options, const SimContext *context,
                          BenchTable *table)
{
    SimStatus status = SIM_OK;
    BenchSubject subject = {0};
    float *learned = NULL;
    BenchOptions single = *options;
    single.batch = 1;

    bench_peak_restart();
    status = bench_subject_create(net, options, memory, true, 0, context, &subject);
    if (status == SIM_ERR_VALUE && memory == NET_MEMORY_REVERSE)
        return SIM_OK; /* nothing to reverse */
    if (status != SIM_OK)
        goto out;
    const double planned = bench_planned_bytes(&subject);
    const double train = bench_time(bench_train, &subject, options->seconds);
    const double peak = bench_peak(), took = bench_activation_bytes(&subject);
    const double rate = bench_rate(&subject), batch = (double)subject.batch,
                 steps = (double)subject.steps,
                 parameters = (double)subject.params.n_trained;
    SIM_TRY(bench_subject_learned(&subject, &learned));
    bench_subject_destroy(&subject);

    SIM_TRY(
        bench_subject_create(net, options, NET_MEMORY_KEEP, false, 0, context, &subject));
    bench_subject_teach(&subject, learned);
    const double infer = bench_time(bench_infer, &subject, options->seconds);
    const double infer_rate = bench_rate(&subject);
    bench_subject_destroy(&subject);

    SIM_TRY(
        bench_subject_create(net, &single, NET_MEMORY_KEEP, false, 1, context, &subject));
    bench_subject_teach(&subject, learned);
    const double one = bench_time(online, &subject, options->seconds);
    SIM_TRY(bench_row(table, net->name, net_memory_names[memory], batch, steps,
                      parameters, train, infer, one, rate, infer_rate, planned, took,
                      peak));
out:
    bench_subject_destroy(&subject);
    free(learned);
    return status;
}

static SimStatus run(const BenchOptions *options, const SimContext *context,
                     BenchTable *table)
{
    SimStatus status = SIM_OK;
    if (options->net && !bench_net_find(options->net))
        return SIM_ERR_VALUE;
    for (const BenchNet *net = bench_nets; net->name; net++)
        for (NetMemory m = NET_MEMORY_KEEP; m <= NET_MEMORY_REVERSE; m++) {
            if ((options->net && strcmp(options->net, net->name) != 0) ||
                (options->memory && strcmp(options->memory, net_memory_names[m]) != 0))
                continue;
            SIM_TRY(time_net(net, m, options, context, table));
        }
out:
    return status;
}

const BenchSuite bench_suite_step = {
    .name = "step",
    .summary = "training steps, inference, single steps online: time and memory",
    .columns = columns,
    .run = run,
};
