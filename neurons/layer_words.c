/* neurons/layer_words.c: functions of more than one unit, as words for a dendrite.
 *
 * They are layers of nets, which builds and checks them (nets/models/parts.c); here are
 * only their names, and why a name may not be enough. */
#include <string.h>

#include "neurons/neuron.h"

const char *const neuron_layer_words[] = {"dynamic_relu", "group_rational",
                                          "pwlu_aligned", "mean_relu", NULL};

static bool is_named(const char *text, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(text, name, length) == 0 &&
           (text[length] == '\0' || text[length] == ':');
}

bool neuron_is_layer_word(const char *text)
{
    for (size_t i = 0; neuron_layer_words[i]; i++)
        if (is_named(text, neuron_layer_words[i]))
            return true;
    return false;
}

SimStatus neuron_layer_word_check(const char *text)
{
    if (is_named(text, "graph_relu"))
        return sim_fail(SIM_ERR_UNSUPPORTED,
                        "graph_relu needs to be told which units are neighbours: it is a "
                        "layer for nets built in C with an adjacency as second input, "
                        "not a word for images and events");
    if (strlen(text) >= NEURON_LAYER_WORD)
        return sim_fail(SIM_ERR_VALUE, "dendrite \"%.40s...\" is longer than %d letters",
                        text, NEURON_LAYER_WORD - 1);
    return SIM_OK;
}
