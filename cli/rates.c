/* cli/rates.c: see rates.h. */
#include "cli/rates.h"

#include <stdlib.h>
#include <string.h>

#include "cli/files.h"

enum { LARGEST = 1 << 24 };

/* Lines of former epochs; those from `epoch` on will be written anew. */
static void keep_former(FILE *to, const char *text, uint64_t epoch)
{
    static const char begin[] = "{\"epoch\": ";
    while (text && *text) {
        const char *const end = strchr(text, '\n');
        if (!end)
            return;
        if (strncmp(text, begin, sizeof begin - 1) == 0 &&
            strtoull(text + sizeof begin - 1, NULL, 10) < epoch)
            fwrite(text, 1, (size_t)(end + 1 - text), to);
        text = end + 1;
    }
}

SimStatus cli_rates_add(const char *folder, uint64_t epoch, const NetGraph *graph,
                        const double *spikes, const double *neuron_steps)
{
    char path[CLI_PATH_SIZE], temporary[CLI_PATH_SIZE + 16], *former = NULL;
    bool any = false; /* a net of values has no rates */
    for (size_t i = 0; i < graph->n_nodes; i++)
        any |= neuron_steps[i] > 0.0;
    const SimStatus status = cli_path_join(folder, "rates.jsonl", path);
    if (status != SIM_OK || !any)
        return status;
    if (cli_file_text(path, LARGEST, &former) != SIM_OK)
        former = NULL; /* the first epoch, or one that nobody can read */
    FILE *const to = cli_file_begin(path, temporary, sizeof temporary);
    if (to) {
        keep_former(to, former, epoch);
        fprintf(to, "{\"epoch\": %llu", (unsigned long long)epoch);
        for (size_t i = 0; i < graph->n_nodes; i++)
            if (neuron_steps[i] > 0.0)
                fprintf(to, ", \"%s\": %.6g", graph->nodes[i].name,
                        spikes[i] / neuron_steps[i]);
        fprintf(to, "}\n");
    }
    free(former);
    return cli_file_end(to, temporary, path);
}
