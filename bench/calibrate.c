/* bench/calibrate.c: the densities at which spike kernels and dense ones break even, for
 * the convolutions of published nets, kept for the runs to come on this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/subject.h"
#include "sim/calibration.h"

static const BenchColumn columns[] = {{"channels", "channels of a group", BENCH_TEXT},
                                      {"kernel", "kernel", BENCH_TEXT},
                                      {"stride", "stride", BENCH_COUNT},
                                      {"groups", "groups", BENCH_COUNT},
                                      {"pixels", "output pixels from", BENCH_COUNT},
                                      {"dense", "dense", BENCH_TEXT},
                                      {"forward", "forward", BENCH_SHARE},
                                      {"input", "to input", BENCH_SHARE},
                                      {"weights", "to weights", BENCH_SHARE},
                                      {NULL, NULL, BENCH_TEXT}};

/* Planning measures what the table lacks. */
static SimStatus plan(const BenchNet *net, const BenchOptions *options, bool training,
                      const SimContext *context)
{
    BenchSubject subject = {0};
    const SimStatus status = bench_subject_create(net, options, NET_MEMORY_RECOMPUTE,
                                                  training, 0, context, &subject);
    bench_subject_destroy(&subject);
    return status;
}

static SimStatus fill(const SimCalibration *calibration, BenchTable *table)
{
    const SimCalibrationRow *rows;
    const size_t n = sim_calibration_rows(calibration, &rows);
    SimStatus status = SIM_OK;
    for (size_t i = 0; i < n && status == SIM_OK; i++) {
        const SimCalibrationRow *const r = &rows[i];
        char channels[48], kernel[48];
        if (!r->used)
            continue;
        snprintf(channels, sizeof channels, "%zu -> %zu", r->c, r->k);
        snprintf(kernel, sizeof kernel, "%zu x %zu", r->kh, r->kw);
        status = bench_row(table, channels, kernel, (double)r->stride, (double)r->groups,
                           (double)((size_t)1 << r->pixels_log2), r->dense, r->at.forward,
                           r->at.input, r->at.weights);
    }
    return status;
}

/* What is worth knowing but no reason to stop: whoever cannot write has the figures. */
static void keep(SimCalibration *kept, const SimCalibration *calibration,
                 BenchTable *table)
{
    char *text = NULL, path[1200];
    (void)sim_calibration_load(kept); /* one that cannot be used is made anew */
    if (sim_calibration_text(calibration, false, &text) == SIM_OK &&
        sim_calibration_parse(kept, text, false) == SIM_OK &&
        sim_calibration_save(kept) == SIM_OK &&
        sim_calibration_path(kept, path, sizeof path) == SIM_OK)
        snprintf(table->note, sizeof table->note, "kept in %.480s", path);
    else
        snprintf(table->note, sizeof table->note, "not kept: %.480s", sim_message());
    free(text);
}

static SimStatus run(const BenchOptions *options, const SimContext *context,
                     BenchTable *table)
{
    SimStatus status = SIM_OK;
    SimContext measuring = *context;
    SimCalibration *calibration = NULL, *kept = NULL;
    BenchOptions single = *options;
    single.batch = 1;
    single.steps = 1;
    if (options->net && !bench_net_find(options->net))
        return SIM_ERR_VALUE;
    SIM_TRY(sim_calibration_create(context, &calibration));
    SIM_TRY(sim_calibration_create(context, &kept));
    sim_calibration_measure_missing(calibration);
    measuring.calibration = calibration;
    measuring.spike_path = SIM_SPIKES_AUTO;
    for (const BenchNet *net = bench_nets; net->name; net++) {
        if (options->net && strcmp(options->net, net->name) != 0)
            continue;
        SIM_TRY(plan(net, options, true, &measuring));
        if (options->quick)
            break;
        SIM_TRY(plan(net, &single, false, &measuring));
    }
    SIM_TRY(fill(calibration, table));
    if (!options->quick)
        keep(kept, calibration, table);
out:
    sim_calibration_destroy(calibration);
    sim_calibration_destroy(kept);
    return status;
}

const BenchSuite bench_suite_calibrate = {
    .name = "calibrate",
    .summary = "densities above which dense kernels are faster, kept for runs to come",
    .columns = columns,
    .run = run,
};
