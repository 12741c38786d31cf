/* cli/rates.c: see rates.h. */
#include "cli/rates.h"

#include <math.h>

#include "cli/files.h"

SimStatus cli_rates_write(const char *folder, const NetGraph *graph, uint64_t epochs,
                          const double *rates)
{
    char path[CLI_PATH_SIZE], temporary[CLI_PATH_SIZE + 16];
    bool any = false; /* a net of values has no rates */
    for (size_t i = 0; i < epochs * graph->n_nodes; i++)
        any |= !isnan(rates[i]);
    const SimStatus status = cli_path_join(folder, "rates.jsonl", path);
    if (status != SIM_OK || !any)
        return status;
    FILE *const to = cli_file_begin(path, temporary, sizeof temporary);
    for (uint64_t epoch = 0; to && epoch < epochs; epoch++) {
        fprintf(to, "{\"epoch\": %llu", (unsigned long long)epoch + 1);
        for (size_t i = 0; i < graph->n_nodes; i++) {
            const double rate = rates[epoch * graph->n_nodes + i];
            if (!isnan(rate))
                fprintf(to, ", \"%s\": %.6g", graph->nodes[i].name, rate);
        }
        fprintf(to, "}\n");
    }
    return cli_file_end(to, temporary, path);
}
