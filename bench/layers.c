/* bench/layers.c: where the time of a training step and of an inference pass goes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/subject.h"

static const BenchColumn columns[] = {{"net", "net", BENCH_TEXT},
                                      {"layer", "layer", BENCH_TEXT},
                                      {"kind", "kind", BENCH_TEXT},
                                      {"shape", "height x w x c", BENCH_TEXT},
                                      {"rate_in", "input", BENCH_SHARE},
                                      {"forward_s", "forward", BENCH_SECONDS},
                                      {"again_s", "again", BENCH_SECONDS},
                                      {"backward_s", "backward", BENCH_SECONDS},
                                      {"share", "share", BENCH_SHARE},
                                      {"infer_rate_in", "inference: input", BENCH_SHARE},
                                      {"infer_s", "time", BENCH_SECONDS},
                                      {NULL, NULL, BENCH_TEXT}};

/* Firing rate on the wire that enters a node; NAN for values. */
static double rate_in(const BenchSubject *subject, size_t node)
{
    const NetNode *const at = &subject->graph.nodes[node];
    if (at->n_inputs == 0)
        return (double)NAN;
    const NetActivity activity = net_activity(subject->net, (size_t)at->inputs[0]);
    return activity.spiking ? activity.spikes / activity.neuron_steps : (double)NAN;
}

static SimStatus time_layers(const BenchNet *net, const BenchOptions *options,
                             const SimContext *context, BenchTable *table)
{
    enum { RUNS = 5 };
    SimStatus status = SIM_OK;
    BenchSubject subject = {0}, infers = {0};
    float *learned = NULL;
    double all = 0.0;
    SIM_TRY(bench_subject_create(net, options,
                                 options->memory && options->memory[0] == 'r'
                                     ? NET_MEMORY_RECOMPUTE
                                     : NET_MEMORY_KEEP,
                                 true, 0, context, &subject));
    bench_train(&subject);
    net_time_nodes(subject.net, true);
    for (int run = 0; run < RUNS; run++)
        bench_train(&subject);
    SIM_TRY(
        bench_subject_create(net, options, NET_MEMORY_KEEP, false, 0, context, &infers));
    SIM_TRY(bench_subject_learned(&subject, &learned));
    bench_subject_teach(&infers, learned);
    bench_infer(&infers);
    net_time_nodes(infers.net, true);
    for (int run = 0; run < RUNS; run++)
        bench_infer(&infers);
    for (size_t i = 0; i < subject.graph.n_nodes; i++) {
        const NetTimes times = net_times(subject.net, i);
        all += times.forward + times.again + times.backward;
    }
    for (size_t i = 0; i < subject.graph.n_nodes; i++) {
        const NetTimes times = net_times(subject.net, i);
        const NetNodeInfo node = net_node_info(subject.net, i);
        char shape[48];
        snprintf(shape, sizeof shape, "%zu x %zu x %zu", node.out.h, node.out.w,
                 node.out.c);
        SIM_TRY(bench_row(table, net->name, node.name, node.layer ? node.layer : "input",
                          shape, rate_in(&subject, i), times.forward / RUNS,
                          times.again / RUNS, times.backward / RUNS,
                          (times.forward + times.again + times.backward) / all,
                          rate_in(&infers, i), net_times(infers.net, i).forward / RUNS));
    }
out:
    bench_subject_destroy(&subject);
    bench_subject_destroy(&infers);
    free(learned);
    return status;
}

static SimStatus run(const BenchOptions *options, const SimContext *context,
                     BenchTable *table)
{
    const BenchNet *const net = bench_net_find(options->net ? options->net : "sresnet");
    return net ? time_layers(net, options, context, table) : SIM_ERR_VALUE;
}

const BenchSuite bench_suite_layers = {
    .name = "layers",
    .summary = "where the time of training and inference goes, layer by layer",
    .columns = columns,
    .run = run,
};
