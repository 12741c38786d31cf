/* cli/compare_words.h: what stands behind "--vary KEY=". */
#pragma once

#include "cli/compare_plan.h"

/* "a, b,c" to its words; a comma inside "..." or brackets separates nothing, the quotes
 * are taken off. `place` is named in errors. *out [*n] and its texts are owned. */
SimStatus cli_compare_split(const char *place, const char *text, char ***out, size_t *n);

/* Whether `key` can be varied: "section.key", or short for one ("neuron", "model",
 * "data"); `full` gets the long form, "neuron" staying as it is. */
SimStatus cli_compare_key(const char *place, const char *key, char full[CLI_COMPARE_KEY]);

/* A neuron in one word: its parts joined by "+", each a soma, a function of a dendrite or
 * key=value of either, as "lif+ada", "plif+tau=4" or "relu+ada" (branches added). What is
 * not named stays as in `base`, except that a soma named alone has no dendrite. Adds
 * settings "neuron.key=value", owned, at *n. */
enum { CLI_COMPARE_PARTS = 12 };
SimStatus cli_compare_neuron(const char *place, const char *word, const NeuronSpec *base,
                             char *settings[CLI_COMPARE_PARTS], size_t *n);

/* "all" among the words of neuron: every dendrite, every soma with states. Replaces
 * *words. */
SimStatus cli_compare_all_neurons(char ***words, size_t *n);

void cli_words_free(char **words, size_t n); /* accepts NULL */
