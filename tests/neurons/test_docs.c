/* docs/neurons.md has a row for every soma, dendrite and surrogate, and names every
 * parameter. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/neuron.h"
#include "tests/support.h"

static char *page(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/neurons.md", test_source_root());
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
    cr_expect(strstr(text, want), "docs/neurons.md lacks %s", want);
}

static void has_params(const char *text, const NeuronParam *params, size_t n)
{
    for (size_t i = 0; i < n; i++)
        has(text, params[i].trained ? "**`%s`**" : "`%s`", params[i].name);
}

Test(docs, every_row)
{
    char *text = page();
    for (const NeuronSoma *const *at = neuron_somas; *at; at++) {
        has(text, "\n| `%s` |", (*at)->name);
        has_params(text, (*at)->params, (*at)->n_params);
    }
    for (const NeuronDendrite *const *at = neuron_dendrites; *at; at++) {
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
