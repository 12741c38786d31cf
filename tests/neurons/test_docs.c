/* docs/neurons.md has a row for every soma, dendrite and surrogate, and names every
 * parameter; docs/activations.md the same for dendrites that are functions. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/neuron.h"
#include "tests/support.h"

static char *page(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/%s", test_source_root(), name);
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    enum { MOST = 1 << 16 };
    char *text = calloc(1, MOST);
    cr_assert(text);
    const size_t size = fread(text, 1, MOST - 1, file);
    cr_assert(size > 0 && size < MOST - 1);
    fclose(file);
    return text;
}

static void has(const char *text, const char *format, const char *name)
{
    char want[80];
    snprintf(want, sizeof want, format, name);
    cr_expect(strstr(text, want), "the page lacks %s", want);
}

static void has_params(const char *text, const NeuronParam *params, size_t n)
{
    for (size_t i = 0; i < n; i++)
        has(text, params[i].trained ? "**`%s`**" : "`%s`", params[i].name);
}

Test(docs, every_row)
{
    char *text = page("neurons.md");
    for (const NeuronSoma *const *at = neuron_somas; *at; at++) {
        has(text, "\n| `%s` |", (*at)->name);
        has_params(text, (*at)->params, (*at)->n_params);
    }
    for (const NeuronDendrite *const *at = neuron_dendrites; *at; at++) {
        if ((*at)->pointwise)
            continue;
        has(text, "\n| `%s` |", (*at)->name);
        has_params(text, (*at)->params, (*at)->n_params);
    }
    for (const NeuronSurrogate *const *at = neuron_surrogates; *at; at++) {
        char row[80];
        snprintf(row, sizeof row, "\n| `%s` |", (*at)->name);
        const char *line = strstr(text, row);
        cr_assert(line, "docs/neurons.md lacks %s", (*at)->name);
        char alpha[32];
        snprintf(alpha, sizeof alpha, "| %g | %s |", (*at)->alpha,
                 (*at)->compact ? "yes" : "no");
        const char *found = strstr(line, alpha);
        cr_expect(found && found < strchr(line + 1, '\n'), "%s: wanted %s", (*at)->name,
                  alpha);
    }
    free(text);
}

Test(docs, every_function)
{
    char *text = page("activations.md");
    for (const NeuronDendrite *const *at = neuron_dendrites; *at; at++) {
        if (!(*at)->pointwise)
            continue;
        char row[512];
        snprintf(row, sizeof row, "\n| `%s` | %zu | `%s` |", (*at)->name,
                 (*at)->n_branches, (*at)->formula);
        const char *line = strstr(text, row);
        cr_expect(line, "docs/activations.md lacks %s", row);
        if (!line)
            continue;
        const char *end = strchr(line + 1, '\n');
        for (size_t i = 0; i < (*at)->n_params; i++) {
            const NeuronParam *param = &(*at)->params[i];
            snprintf(row, sizeof row, param->trained ? "**`%s`** (%g)" : "`%s` (%g)",
                     param->name, param->initial);
            const char *found = strstr(line, row);
            cr_expect(found && found < end, "%s: wanted %s", (*at)->name, row);
        }
        snprintf(row, sizeof row, "| %s | %s |\n", (*at)->source, (*at)->certainty);
        const char *found = strstr(line, row);
        cr_expect(found && found < end, "%s: wanted %s", (*at)->name, row);
    }
    free(text);
}
