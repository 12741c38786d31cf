/* bench/memory.c: what training takes as sequences grow, or nets. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/subject.h"
#include "nets/model.h"

static const BenchColumn columns[] = {
    {"net", "net", BENCH_TEXT},
    {"memory", "memory", BENCH_TEXT},
    {"steps", "T", BENCH_COUNT},
    {"blocks", "blocks", BENCH_COUNT},
    {"kept_bytes", "kept for backward", BENCH_BYTES},
    {"plan_bytes", "activations planned", BENCH_BYTES},
    {"activation_bytes", "activations took", BENCH_BYTES},
    {"train_s", "train", BENCH_SECONDS},
    {NULL, NULL, BENCH_TEXT}};

static bool is_asked_for(const BenchOptions *options, const char *policy)
{
    return !options->memory || strcmp(options->memory, policy) == 0;
}

/* What routing would add if it kept its votes, as other programs do: one number per pair
 * of capsules and pose. */
static double vote_bytes(const BenchSubject *subject)
{
    double numbers = 0.0;
    for (size_t i = 0; i < subject->params.n_rows; i++) {
        const NetParam *const param = &subject->params.rows[i];
        const NetNode *const node = &subject->graph.nodes[param->node];
        if (strcmp(node->layer->name, "capsules") == 0 && param->row.n_dims == 4)
            numbers +=
                (double)(param->row.dims[0] * param->row.dims[1] * param->row.dims[3]);
    }
    return numbers * (double)(subject->batch * sizeof(float));
}

/* One training step under one policy; nothing where the net cannot take it. */
static SimStatus measure(const BenchNet *net, const BenchOptions *options,
                         NetMemory memory, size_t blocks, const SimContext *context,
                         BenchTable *table)
{
    SimStatus status = SIM_OK;
    BenchSubject subject = {0};
    bench_peak_restart();
    status = bench_subject_create(net, options, memory, true, 0, context, &subject);
    if (status == SIM_ERR_VALUE && memory == NET_MEMORY_REVERSE)
        return SIM_OK; /* nothing to reverse */
    if (status != SIM_OK)
        goto out;
    const double planned = bench_planned_bytes(&subject), votes = vote_bytes(&subject);
    double kept = 0.0;
    for (size_t i = 0; i < subject.graph.n_nodes; i++)
        kept += (double)net_node_info(subject.net, i).kept_bytes;
    const double number = blocks ? (double)blocks : (double)NAN,
                 steps = (double)subject.steps;
    const double start = bench_seconds();
    bench_train(&subject);
    const double seconds = bench_seconds() - start;
    const double took = bench_activation_bytes(&subject);
    if (blocks && memory == NET_MEMORY_KEEP && votes > 0.0)
        SIM_TRY(bench_row(table, net->name, "votes kept", steps, number, kept + votes,
                          planned + votes, (double)NAN, (double)NAN));
    SIM_TRY(bench_row(table, net->name, net_memory_names[memory], steps, number, kept,
                      planned, took, seconds));
out:
    bench_subject_destroy(&subject);
    return status;
}

static SimStatus run_steps(const BenchOptions *options, const SimContext *context,
                           BenchTable *table)
{
    SimStatus status = SIM_OK;
    const BenchNet *const net = bench_net_find(options->net ? options->net : "msresnet");
    if (!net)
        return SIM_ERR_VALUE;
    for (NetMemory m = NET_MEMORY_KEEP; m <= NET_MEMORY_REVERSE; m++)
        for (size_t steps = 4; steps <= (options->quick ? 8 : 64); steps *= 2) {
            BenchOptions at = *options;
            at.steps = steps;
            if (is_asked_for(options, net_memory_names[m]))
                SIM_TRY(measure(net, &at, m, 0, context, table));
        }
out:
    return status;
}

/* Nets of reversible blocks, and the setting that says how many. */
static const struct {
    BenchNet net;
    const char *blocks; /* a format */
} deep[] = {
    /* clang-format off */
    {{"revsresnet", "revsresnet", .loss = "cross_entropy", .batch = 16, .steps = 10, .side = 64, .channels = 2, .classes = 10}, "stages=32x%zu"},
    {{"mocapsnet", "mocapsnet", .loss = "cross_entropy", .batch = 128, .steps = 1, .side = 28, .channels = 1, .classes = 10, .constant = true}, "blocks=%zu"},
}; /* clang-format on */
enum { N_DEEP = sizeof deep / sizeof *deep };

static SimStatus run_blocks(const BenchOptions *options, const SimContext *context,
                            BenchTable *table)
{
    SimStatus status = SIM_OK;
    bool known = false;
    for (size_t i = 0; i < N_DEEP; i++) {
        BenchNet net = deep[i].net;
        if ((options->net && strcmp(options->net, net.name) != 0) ||
            !net_model_find(net.model))
            continue;
        known = true;
        for (NetMemory m = NET_MEMORY_KEEP; m <= NET_MEMORY_REVERSE; m++)
            for (size_t blocks = 1; blocks <= (options->quick ? 4 : 64); blocks *= 2) {
                char setting[32];
                snprintf(setting, sizeof setting, deep[i].blocks, blocks);
                net.settings[0] = setting;
                if (is_asked_for(options, net_memory_names[m]))
                    SIM_TRY(measure(&net, options, m, blocks, context, table));
            }
    }
    if (!known)
        status =
            sim_fail(SIM_ERR_VALUE, "no net \"%s\" of reversible blocks: wanted %s or %s",
                     options->net, deep[0].net.name, deep[1].net.name);
out:
    return status;
}

static SimStatus run(const BenchOptions *options, const SimContext *context,
                     BenchTable *table)
{
    return (options->blocks ? run_blocks : run_steps)(options, context, table);
}

const BenchSuite bench_suite_memory = {
    .name = "memory",
    .summary = "memory of training against steps or blocks, planned and taken",
    .columns = columns,
    .run = run,
};
