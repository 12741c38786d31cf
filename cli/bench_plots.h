/* cli/bench_plots.h: the pictures of measured tables. */
#pragma once

#include "bench/bench.h"

/* density.*: time of a spike kernel as a share of the dense one's, against density, from
 * a table of the suite "kernels". */
SimStatus cli_plot_density(const char *folder, const BenchTable *table, bool *drawn);

/* memory.*: what training takes against the number of steps, from the suite "memory". */
SimStatus cli_plot_memory(const char *folder, const BenchTable *table, bool *drawn);
/* blocks.*: the same against the number of reversible blocks, a picture for each net; of
 * a table measured with `blocks`. */
SimStatus cli_plot_blocks(const char *folder, const BenchTable *table, bool *drawn);
