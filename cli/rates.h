/* cli/rates.h: how often each layer fired, epoch by epoch: rates.jsonl of a run.
 *
 *     {"epoch": 3, "spike0": 0.1197, "spike1": 0.1327}     spikes per neuron and step
 *
 * For the eye only; the viewer follows it. */
#pragma once

#include "nets/graph.h"

/* Writes all epochs anew: rates [epochs][graph nodes], NaN of a node without neurons. */
SimStatus cli_rates_write(const char *folder, const NetGraph *graph, uint64_t epochs,
                          const double *rates);
