/* cli/compare_words.c: see compare_words.h. */
#include "cli/compare_words.h"

#include <stdlib.h>
#include <string.h>

void cli_words_free(char **words, size_t n)
{
    for (size_t i = 0; words && i < n; i++)
        free(words[i]);
    free(words);
}

static SimStatus no_memory(void)
{
    return sim_fail(SIM_ERR_MEMORY, "no memory for the words of a comparison");
}

/* Adds a copy of the `length` first letters. */
static SimStatus add_word(char ***words, size_t *n, const char *text, size_t length)
{
    char **const more = realloc(*words, (*n + 1) * sizeof *more);
    if (!more)
        return no_memory();
    *words = more;
    more[*n] = strndup(text, length);
    return more[*n] ? ((*n)++, SIM_OK) : no_memory();
}

/* The end of the word at `at`: a comma outside of quotes and brackets, or the end. */
static const char *word_end(const char *at)
{
    int depth = 0;
    bool quoted = false;
    for (; *at && (quoted || depth > 0 || *at != ','); at++) {
        quoted ^= *at == '"';
        if (!quoted)
            depth += (strchr("([{", *at) != NULL) - (strchr(")]}", *at) != NULL);
    }
    return at;
}

SimStatus cli_compare_split(const char *place, const char *text, char ***out, size_t *n)
{
    SimStatus status = SIM_OK;
    char **words = NULL;
    size_t count = 0;
    for (const char *at = text;; at++) {
        const char *end = word_end(at), *const next = end;
        while (at < end && *at == ' ')
            at++;
        while (end > at && end[-1] == ' ')
            end--;
        if (end - at >= 2 && *at == '"' && end[-1] == '"')
            at++, end--;
        if (at == end) {
            status =
                sim_fail(SIM_ERR_VALUE,
                         "%s: wanted values separated by commas, one is empty", place);
            goto out;
        }
        SIM_TRY(add_word(&words, &count, at, (size_t)(end - at)));
        for (size_t i = 0; i + 1 < count; i++)
            if (strcmp(words[i], words[count - 1]) == 0) {
                status = sim_fail(SIM_ERR_VALUE, "%s: \"%s\" stands there twice", place,
                                  words[i]);
                goto out;
            }
        if (!*next)
            break;
        at = next;
    }
    *out = words;
    *n = count;
    words = NULL;
out:
    cli_words_free(words, count);
    return status;
}

SimStatus cli_compare_key(const char *place, const char *key, char full[CLI_COMPARE_KEY])
{
    static const struct {
        const char *name, *full;
    } shorts[] = {{"neuron", "neuron"}, {"model", "model.name"}, {"data", "data.path"}};
    static const char *const sections[] = {"data", "model", "neuron", "train", NULL};
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (strcmp(key, shorts[i].name) == 0) {
            snprintf(full, CLI_COMPARE_KEY, "%s", shorts[i].full);
            return SIM_OK;
        }
    const char *const dot = strchr(key, '.');
    if (dot && dot[1] && strlen(key) < CLI_COMPARE_KEY) {
        char section[CLI_COMPARE_KEY];
        snprintf(section, sizeof section, "%.*s", (int)(dot - key), key);
        for (size_t i = 0; sections[i]; i++)
            if (strcmp(section, sections[i]) == 0) {
                snprintf(full, CLI_COMPARE_KEY, "%s", key);
                return strcmp(key, "train.seed") != 0
                           ? SIM_OK
                           : sim_fail(
                                 SIM_ERR_VALUE,
                                 "%s: seeds are what the rows are averaged over: use "
                                 "--seeds N; train.seed is the first of them",
                                 place);
            }
    }
    const char *names[32] = {"neuron", "model", "data"};
    size_t n = 3;
    for (const SimOption *row = cli_compare_options; row->name && n + 1 < 32; row++)
        names[n++] = row->name;
    return sim_unknown(key, names,
                       "wanted neuron, model, data or section.key, as in train.lr",
                       "%s: unknown key", place);
}

/* --- neurons ------------------------------------------------------------------------ */

static SimStatus unknown_neuron(const char *place, const char *part)
{
    enum { MOST = 256 };
    const char *names[MOST + 1];
    size_t n = 0;
    for (size_t i = 0; neuron_somas[i] && n < MOST; i++)
        names[n++] = neuron_somas[i]->name;
    for (size_t i = 0; neuron_dendrites[i] && n < MOST; i++)
        names[n++] = neuron_dendrites[i]->name;
    for (size_t i = 0; neuron_layer_words[i] && n < MOST; i++)
        names[n++] = neuron_layer_words[i];
    names[n] = NULL;
    return sim_unknown(part, names, "\"apical activations\" lists the dendrites",
                       "%s: no soma or dendrite is called", place);
}

static SimStatus add_setting(char *settings[CLI_COMPARE_PARTS], size_t *n,
                             const char *place, const char *key, const char *text)
{
    if (*n == CLI_COMPARE_PARTS)
        return sim_fail(SIM_ERR_VALUE, "%s: more than %d parts in one neuron", place,
                        CLI_COMPARE_PARTS);
    if (asprintf(&settings[*n], "neuron.%s%s", key, text) < 0) {
        settings[*n] = NULL;
        return no_memory();
    }
    (*n)++;
    return SIM_OK;
}

/* A function of branches, a layer, or an ensemble of some ("d:and_ail/or_ail"). */
static bool is_dendrite(const char *part)
{
    return neuron_dendrite_find(part) || neuron_is_layer_word(part) ||
           strncmp(part, "d:", 2) == 0 || strncmp(part, "p:", 2) == 0;
}

SimStatus cli_compare_neuron(const char *place, const char *word, const NeuronSpec *base,
                             char *settings[CLI_COMPARE_PARTS], size_t *n)
{
    enum { SIZE = 256 };
    SimStatus status = SIM_OK;
    bool soma = false;
    char dendrite[SIZE] = "", former[SIZE];
    char *save = NULL, *const copy = strdup(word);
    if (!copy)
        return no_memory();
    neuron_spec_dendrite_text(base, former, sizeof former);
    for (char *part = strtok_r(copy, "+", &save); part;
         part = strtok_r(NULL, "+", &save)) {
        const NeuronSoma *const s = neuron_soma_find(part);
        const size_t used = strlen(dendrite);
        if (s && soma) {
            status = sim_fail(SIM_ERR_VALUE, "%s: \"%s\" names two somas", place, word);
            goto out;
        } else if (s) {
            soma = true;
            if (s != base->soma) /* else its parameters stay as the model sets them */
                SIM_TRY(add_setting(settings, n, place, "soma=", part));
        } else if (strchr(part, '=') && !is_dendrite(part)) {
            SIM_TRY(add_setting(settings, n, place, part, ""));
        } else if (is_dendrite(part) && used + strlen(part) + 2 < SIZE) {
            snprintf(dendrite + used, SIZE - used, "%s%s", used ? "+" : "", part);
        } else {
            SIM_TRY(neuron_layer_word_check(part));
            status = unknown_neuron(place, part);
            goto out;
        }
    }
    if (soma && !*dendrite)
        snprintf(dendrite, sizeof dendrite, "identity");
    if (*dendrite && strcmp(dendrite, former) != 0)
        SIM_TRY(add_setting(settings, n, place, "dendrite=", dendrite));
out:
    free(copy);
    return status;
}

/* Unless it is there. */
static SimStatus add_new(char ***words, size_t *n, const char *word)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*words)[i], word) == 0)
            return SIM_OK;
    return add_word(words, n, word, strlen(word));
}

SimStatus cli_compare_all_neurons(char ***words, size_t *n)
{
    SimStatus status = SIM_OK;
    char **all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < *n; i++) {
        if (strcmp((*words)[i], "all") != 0) {
            SIM_TRY(add_new(&all, &count, (*words)[i]));
            continue;
        }
        for (size_t k = 0; neuron_dendrites[k]; k++)
            SIM_TRY(add_new(&all, &count, neuron_dendrites[k]->name));
        for (size_t k = 0; neuron_somas[k]; k++)
            if (neuron_somas[k]->n_states)
                SIM_TRY(add_new(&all, &count, neuron_somas[k]->name));
    }
    cli_words_free(*words, *n);
    *words = all;
    *n = count;
    all = NULL;
out:
    cli_words_free(all, all ? count : 0);
    return status;
}
