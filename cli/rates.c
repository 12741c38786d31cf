/* cli/rates.c: see rates.h. */
#include "cli/rates.h"

#include <math.h>

#include "cli/files.h"
#include "sim/file.h"

SimStatus cli_rates_write(const char *folder, const NetGraph *graph, uint64_t epochs,
                          const double *rates)
{
    SimStatus status = SIM_OK;
    char path[CLI_PATH_SIZE];
    SimFile file;
    bool any = false; /* a net of values has no rates */
    for (size_t i = 0; i < epochs * graph->n_nodes; i++)
        any |= !isnan(rates[i]);
    if (!any)
        return SIM_OK;
    SIM_TRY(cli_path_join(folder, "rates.jsonl", path));
    SIM_TRY(sim_file_create(path, &file));
    FILE *const to = file.stream;
    for (uint64_t epoch = 0; epoch < epochs; epoch++) {
        fprintf(to, "{\"epoch\": %llu", (unsigned long long)epoch + 1);
        for (size_t i = 0; i < graph->n_nodes; i++) {
            const double rate = rates[epoch * graph->n_nodes + i];
            if (!isnan(rate))
                fprintf(to, ", \"%s\": %.6g", graph->nodes[i].name, rate);
        }
        fprintf(to, "}\n");
    }
    status = sim_file_commit(&file);
out:
    return status;
}
