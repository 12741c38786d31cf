/* cli/compare_run.h: the trainings of a comparison, several at once, each a process.
 *
 * A run is a folder as "apical train" makes it; one with result.json is finished and
 * never repeated, one without goes on from its last checkpoint. The folder of the
 * comparison is locked while anything trains in it, also by trainings that outlive a
 * killed parent. */
#pragma once

#include "cli/compare_plan.h"

/* Makes the folder with compare.yaml, or finds it there with the same text: else an
 * error. Waits a while for trainings of an earlier start to save. */
SimStatus cli_compare_claim(const CliCompare *compare, const char *folder, int *lock);
void cli_compare_release(int lock);

/* Trains what is not finished. SIM_ERR_STOPPED after Ctrl-C, once all have saved. A run
 * that fails is told and left out; *failed counts them. */
SimStatus cli_compare_run(const CliCompare *compare, const char *folder, size_t *failed);

/* --- how many at once (compare_probe.c) --------------------------------------------- */

typedef struct CliCompareJobs {
    int jobs, threads; /* trainings at once, and threads of each */
} CliCompareJobs;

/* Measures, on the first variant, samples per second with all threads in one training and
 * in several, and takes the fastest that memory allows. */
SimStatus cli_compare_measure_jobs(const CliCompare *compare, const char *folder,
                                   CliCompareJobs *out);

/* What a measuring process does: steps of a training for about `seconds`; samples per
 * second. */
SimStatus cli_compare_probe(const char *experiment, int threads, double seconds,
                            double *rate);
