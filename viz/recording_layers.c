/* viz/recording_layers.c: groups have no order, names have numbers inside. */
#include "viz/recording_layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 4096 };

static bool has_name(const VizRecordingLayers *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->names[i], name) == 0)
            return true;
    return false;
}

static SimStatus add_name(VizRecordingLayers *names, const char *name)
{
    if (has_name(names, name) || names->n == MAX_LAYERS || !*name ||
        strlen(name) >= sizeof *names->names)
        return SIM_OK;
    void *const grown = realloc(names->names, (names->n + 1) * sizeof *names->names);
    if (!grown)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the names of layers");
    names->names = grown;
    snprintf(names->names[names->n++], sizeof *names->names, "%s", name);
    return SIM_OK;
}

/* "spikes/conv1/timestamps", "report/conv1/data": the middle is a layer. */
static SimStatus visit(void *argument, const char *name)
{
    const char *const from = strchr(name, '/');
    const char *const end = from ? strchr(from + 1, '/') : NULL;
    char middle[VIZ_RECORDING_NAME];
    if (!end || (size_t)(end - from) > sizeof middle)
        return SIM_OK;
    snprintf(middle, sizeof middle, "%.*s", (int)(end - from - 1), from + 1);
    return add_name(argument, middle);
}

/* Numbers inside names by value: block2 before block10. */
static int natural(const void *left, const void *right)
{
    const char *a = left, *b = right;
    for (; *a || *b; a++, b++) {
        const bool digits = *a >= '0' && *a <= '9' && *b >= '0' && *b <= '9';
        if (digits) {
            char *end_a, *end_b;
            const unsigned long long x = strtoull(a, &end_a, 10);
            const unsigned long long y = strtoull(b, &end_b, 10);
            if (x != y)
                return x < y ? -1 : 1;
            a = end_a - 1;
            b = end_b - 1;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        }
    }
    return 0;
}

static SimStatus add_missing(char **missing, const char *name)
{
    char *longer = NULL;
    if (asprintf(&longer, "%s%s%.60s", *missing, **missing ? ", " : "", name) < 0)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the names of layers");
    free(*missing);
    *missing = longer;
    return SIM_OK;
}

/* Of a damaged list, what comes before the damage. */
SimStatus viz_recording_layers(SimStore *store, VizRecordingLayers *out, char **missing)
{
    SimStatus status = SIM_OK;
    VizRecordingLayers found = {0}, names = {0};
    char *order = NULL, *save = NULL, *lost = strdup("");
    if (!lost) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for the names of layers");
        goto out;
    }
    const SimStatus spikes = sim_store_visit(store, "spikes", visit, &found);
    const SimStatus membranes = sim_store_visit(store, "report", visit, &found);
    if (found.n == 0)
        SIM_TRY(spikes != SIM_OK ? spikes : membranes);
    if (found.n > 1)
        qsort(found.names, found.n, sizeof *found.names, natural);
    if (sim_store_has_attribute(store, "", "layers") &&
        sim_store_read_text(store, "", "layers", &order) == SIM_OK)
        for (char *name = strtok_r(order, "\n", &save); name;
             name = strtok_r(NULL, "\n", &save)) {
            if (has_name(&found, name))
                SIM_TRY(add_name(&names, name));
            else
                SIM_TRY(add_missing(&lost, name));
        }
    for (size_t i = 0; i < found.n; i++)
        SIM_TRY(add_name(&names, found.names[i]));
    *out = names;
    names.names = NULL;
    *missing = lost;
    lost = NULL;
out:
    free(order);
    free(lost);
    free(found.names);
    free(names.names);
    return status;
}
