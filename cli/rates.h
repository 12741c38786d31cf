/* cli/rates.h: how often each layer fired, epoch by epoch: rates.jsonl of a run.
 *
 *     {"epoch": 3, "spike0": 0.1197, "spike1": 0.1327}     spikes per neuron and step
 *
 * For the eye only (the viewer follows it); a resumed run drops the lines of epochs that
 * it trains again. */
#pragma once

#include "nets/graph.h"

/* Adds the line of `epoch`, of nodes that have neuron steps [n_nodes]. */
SimStatus cli_rates_add(const char *folder, uint64_t epoch, const NetGraph *graph,
                        const double *spikes, const double *neuron_steps);
