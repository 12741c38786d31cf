/* bench/memory.c: what training takes as sequences grow. */
#include <string.h>

#include "bench/subject.h"

static const BenchColumn columns[] = {
    {"net", "net", BENCH_TEXT},
    {"memory", "memory", BENCH_TEXT},
    {"steps", "T", BENCH_COUNT},
    {"plan_bytes", "activations planned", BENCH_BYTES},
    {"activation_bytes", "activations took", BENCH_BYTES},
    {"train_s", "train", BENCH_SECONDS},
    {NULL, NULL, BENCH_TEXT}};

static SimStatus run(const BenchOptions *options, const SimContext *context,
                     BenchTable *table)
{
    static const struct {
        const char *name;
        NetMemory memory;
    } policies[] = {{"keep", NET_MEMORY_KEEP}, {"recompute", NET_MEMORY_RECOMPUTE}};
    SimStatus status = SIM_OK;
    BenchSubject subject = {0};
    const BenchNet *const net = bench_net_find(options->net ? options->net : "msresnet");
    if (!net)
        return SIM_ERR_VALUE;
    for (size_t p = 0; p < sizeof policies / sizeof *policies; p++) {
        if (options->memory && strcmp(options->memory, policies[p].name) != 0)
            continue;
        for (size_t steps = 4; steps <= (options->quick ? 8 : 64); steps *= 2) {
            BenchOptions at = *options;
            at.steps = steps;
            bench_peak_restart();
            SIM_TRY(bench_subject_create(net, &at, policies[p].memory, true, 0, context,
                                         &subject));
            const double planned = bench_planned_bytes(&subject);
            const double start = bench_seconds();
            bench_train(&subject);
            const double seconds = bench_seconds() - start;
            SIM_TRY(bench_row(table, net->name, policies[p].name, (double)steps, planned,
                              bench_activation_bytes(&subject), seconds));
            bench_subject_destroy(&subject);
        }
    }
out:
    bench_subject_destroy(&subject);
    return status;
}

const BenchSuite bench_suite_memory = {
    .name = "memory",
    .summary = "memory of training against the number of steps, planned and taken",
    .columns = columns,
    .run = run,
};
