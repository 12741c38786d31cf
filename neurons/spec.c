/* neurons/spec.c: the description of a neuron, from and to text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/neuron.h"
#include "sim/option.h"

enum { MAX_NAMES = 256 };

void neuron_spec_set_soma(NeuronSpec *spec, const NeuronSoma *soma)
{
    spec->soma = soma;
    memset(spec->soma_values, 0, sizeof spec->soma_values);
    for (size_t i = 0; i < soma->n_params; i++)
        spec->soma_values[i] = soma->params[i].initial;
}

void neuron_spec_set_dendrite(NeuronSpec *spec, const NeuronDendrite *dendrite)
{
    spec->dendrite = dendrite;
    spec->n_members = 0;
    memset(spec->layer, 0, sizeof spec->layer);
    spec->sharing = dendrite->sharing;
    memset(spec->dendrite_values, 0, sizeof spec->dendrite_values);
    for (size_t i = 0; i < dendrite->n_params; i++)
        spec->dendrite_values[i] = dendrite->params[i].initial;
}

NeuronSpec neuron_spec_default(void)
{
    NeuronSpec spec = {.surrogate = neuron_surrogate_find("atan"),
                       .surrogate_alpha = 2.0,
                       .surrogate_scale = 1.0,
                       .reset = NEURON_RESET_HARD,
                       .memory_low = 2.0,
                       .memory_high = 6.0,
                       .detach_reset = true};
    neuron_spec_set_dendrite(&spec, neuron_dendrite_find("identity"));
    neuron_spec_set_soma(&spec, neuron_soma_find("lif"));
    return spec;
}

/* --- the choices that are words -------------------------------------------------------
 */

static const char *const resets[] = {"hard", "soft", "none", NULL};
static const char *const reset_times[] = {"now", "next", NULL};
static const char *const firings[] = {"at", "above", NULL};
static const char *const flags[] = {"false", "true", NULL};
static const char *const sharings[] = {"layer", "channel", "net", NULL};
static const char *const learns[] = {"default", "none", "all", NULL};
static const char *const memories[] = {"none", "branches", NULL};
static const char *const wirings[] = {"all", "random", NULL};

typedef struct Word {
    const char *key;
    const char *const *choices;
} Word;

enum { RESET, RESET_TIME, FIRES, DETACH, SHARING, LEARN, MEMORY, WIRING, N_WORDS };
static const Word words[N_WORDS] = {
    [RESET] = {"reset", resets},       [RESET_TIME] = {"reset_time", reset_times},
    [FIRES] = {"fires", firings},      [DETACH] = {"detach_reset", flags},
    [SHARING] = {"sharing", sharings}, [LEARN] = {"learn", learns},
    [MEMORY] = {"memory", memories},   [WIRING] = {"wiring", wirings},
};

static int word_value(const NeuronSpec *spec, int word)
{
    switch (word) {
    case RESET:
        return (int)spec->reset;
    case RESET_TIME:
        return spec->reset_next_step;
    case FIRES:
        return spec->strict;
    case DETACH:
        return spec->detach_reset;
    case SHARING:
        return (int)spec->sharing;
    case MEMORY:
        return spec->memory;
    case WIRING:
        return spec->random_wiring;
    default:
        return (int)spec->learn;
    }
}

static void set_word(NeuronSpec *spec, int word, int value)
{
    switch (word) {
    case RESET:
        spec->reset = (NeuronReset)value;
        break;
    case RESET_TIME:
        spec->reset_next_step = value != 0;
        break;
    case FIRES:
        spec->strict = value != 0;
        break;
    case DETACH:
        spec->detach_reset = value != 0;
        break;
    case SHARING:
        spec->sharing = (NeuronSharing)value;
        break;
    case MEMORY:
        spec->memory = value != 0;
        break;
    case WIRING:
        spec->random_wiring = value != 0;
        break;
    default:
        spec->learn = (NeuronLearn)value;
        break;
    }
}

static SimStatus word_from_text(NeuronSpec *spec, int word, const char *value)
{
    for (int i = 0; words[word].choices[i]; i++)
        if (strcmp(words[word].choices[i], value) == 0) {
            set_word(spec, word, i);
            return SIM_OK;
        }
    return sim_unknown(value, words[word].choices, NULL, "unknown %s", words[word].key);
}

/* --- numbers
 * ------------------------------------------------------------------------------ */

static SimStatus number_from_text(const char *key, const char *value, double low,
                                  double high, double *out)
{
    char *end = NULL;
    const double number = strtod(value, &end);
    if (end == value || *end || !isfinite(number))
        return sim_fail(SIM_ERR_VALUE, "%s: wanted a number, got \"%s\"", key, value);
    if (number < low || number > high)
        return sim_fail(SIM_ERR_VALUE, "%s: wanted a value from %g to %g, got %s", key,
                        low, high, value);
    *out = number;
    return SIM_OK;
}

static int param_index(const NeuronParam *params, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, key) == 0)
            return (int)i;
    return -1;
}

/* tau in steps, as each soma means it. */
static SimStatus set_tau(NeuronSpec *spec, const char *value)
{
    double tau = 0.0;
    const SimStatus status = number_from_text("tau", value, 1.0, 1e6, &tau);
    if (status != SIM_OK)
        return status;
    const NeuronSoma *soma = spec->soma;
    const int w = param_index(soma->params, soma->n_params, "w");
    const int decay = param_index(soma->params, soma->n_params, "decay");
    const int gain = param_index(soma->params, soma->n_params, "gain");
    if (w >= 0 && tau > 1.0)
        spec->soma_values[w] = -log(tau - 1.0);
    else if (decay >= 0 && gain >= 0) {
        spec->soma_values[decay] = 1.0 - 1.0 / tau;
        spec->soma_values[gain] = 1.0 / tau;
    } else
        return sim_fail(SIM_ERR_VALUE, "tau: the soma %s has none%s", soma->name,
                        w >= 0 ? " of 1 step or less" : "");
    return SIM_OK;
}

/* --- keys
 * ----------------------------------------------------------------------------------- */

static SimStatus unknown_key(const NeuronSpec *spec, const char *key)
{
    const char *names[MAX_NAMES] = {
        "soma", "dendrite",   "surrogate",  "surrogate_alpha", "surrogate_scale",
        "tau",  "memory_low", "memory_high"};
    size_t n = 8;
    for (int i = 0; i < N_WORDS; i++)
        names[n++] = words[i].key;
    for (size_t i = 0; i < spec->soma->n_params; i++)
        names[n++] = spec->soma->params[i].name;
    NeuronParam params[NEURON_MAX_PARAMS];
    const size_t n_params = neuron_spec_params(spec, params);
    for (size_t i = 0; i < n_params; i++)
        names[n++] = params[i].name;
    names[n] = NULL;
    return sim_unknown(key, names, NULL, "unknown key of a neuron");
}

SimStatus neuron_spec_set(NeuronSpec *spec, const char *key, const char *value)
{
    const char *names[MAX_NAMES];
    size_t n = 0;
    if (strcmp(key, "soma") == 0) {
        const NeuronSoma *soma = neuron_soma_find(value);
        if (soma) {
            neuron_spec_set_soma(spec, soma);
            return SIM_OK;
        }
        for (; neuron_somas[n] && n + 1 < MAX_NAMES; n++)
            names[n] = neuron_somas[n]->name;
        names[n] = NULL;
        return sim_unknown(value, names, NULL, "unknown %s", key);
    }
    if (strcmp(key, "dendrite") == 0)
        return neuron_spec_parse_dendrite(spec, value);
    if (strcmp(key, "surrogate") == 0) {
        const NeuronSurrogate *surrogate = neuron_surrogate_find(value);
        if (surrogate) {
            spec->surrogate = surrogate;
            spec->surrogate_alpha = surrogate->alpha;
            spec->surrogate_scale = 1.0;
            return SIM_OK;
        }
        for (; neuron_surrogates[n] && n + 1 < MAX_NAMES; n++)
            names[n] = neuron_surrogates[n]->name;
        names[n] = NULL;
        return sim_unknown(value, names, NULL, "unknown %s", key);
    }
    if (strcmp(key, "surrogate_alpha") == 0)
        return number_from_text(key, value, 1e-3, 1e4, &spec->surrogate_alpha);
    if (strcmp(key, "surrogate_scale") == 0)
        return number_from_text(key, value, 1e-6, 1e6, &spec->surrogate_scale);
    if (strcmp(key, "memory_low") == 0)
        return number_from_text(key, value, -20.0, 20.0, &spec->memory_low);
    if (strcmp(key, "memory_high") == 0)
        return number_from_text(key, value, -20.0, 20.0, &spec->memory_high);
    if (strcmp(key, "tau") == 0)
        return set_tau(spec, value);
    for (int i = 0; i < N_WORDS; i++)
        if (strcmp(words[i].key, key) == 0)
            return word_from_text(spec, i, value);
    int at = param_index(spec->soma->params, spec->soma->n_params, key);
    if (at >= 0)
        return number_from_text(key, value, spec->soma->params[at].low,
                                spec->soma->params[at].high, &spec->soma_values[at]);
    NeuronParam params[NEURON_MAX_PARAMS];
    at = param_index(params, neuron_spec_params(spec, params), key);
    if (at >= 0)
        return number_from_text(key, value, params[at].low, params[at].high,
                                &spec->dendrite_values[at]);
    return unknown_key(spec, key);
}

static void print_number(void (*row)(void *, const char *, const char *), void *argument,
                         const char *key, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17;
         digits++) { /* the shortest that reads back the same */
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    row(argument, key, text);
}

void neuron_spec_print(const NeuronSpec *spec,
                       void (*row)(void *argument, const char *key, const char *value),
                       void *argument)
{
    char text[512];
    neuron_spec_dendrite_text(spec, text, sizeof text);
    row(argument, "dendrite", text);
    NeuronParam params[NEURON_MAX_PARAMS];
    const size_t n_params = neuron_spec_params(spec, params);
    for (size_t i = 0; i < n_params; i++)
        print_number(row, argument, params[i].name, spec->dendrite_values[i]);
    row(argument, "soma", spec->soma->name);
    for (size_t i = 0; i < spec->soma->n_params; i++)
        print_number(row, argument, spec->soma->params[i].name, spec->soma_values[i]);
    row(argument, "surrogate", spec->surrogate->name);
    print_number(row, argument, "surrogate_alpha", spec->surrogate_alpha);
    print_number(row, argument, "surrogate_scale", spec->surrogate_scale);
    print_number(row, argument, "memory_low", spec->memory_low);
    print_number(row, argument, "memory_high", spec->memory_high);
    for (int i = 0; i < N_WORDS; i++)
        row(argument, words[i].key, words[i].choices[word_value(spec, i)]);
}

static SimStatus check_ranges(const NeuronParam *params, size_t n, const double *values)
{
    for (size_t i = 0; i < n; i++)
        if (!(values[i] >= params[i].low && values[i] <= params[i].high))
            return sim_fail(SIM_ERR_VALUE, "%s: wanted a value from %g to %g, got %g",
                            params[i].name, params[i].low, params[i].high, values[i]);
    return SIM_OK;
}

SimStatus neuron_spec_check(const NeuronSpec *spec)
{
    SimStatus status =
        check_ranges(spec->soma->params, spec->soma->n_params, spec->soma_values);
    NeuronParam params[NEURON_MAX_PARAMS];
    if (status == SIM_OK)
        status =
            check_ranges(params, neuron_spec_params(spec, params), spec->dendrite_values);
    if (status != SIM_OK)
        return status;
    if (spec->memory_low > spec->memory_high)
        return sim_fail(SIM_ERR_VALUE, "memory_low %g is above memory_high %g",
                        spec->memory_low, spec->memory_high);
    if (spec->random_wiring && neuron_spec_branches(spec) < 2)
        return sim_fail(SIM_ERR_VALUE,
                        "wiring: random gives each input to one of several branches, "
                        "this dendrite has one: add some, as in identity+identity");
    const int threshold =
        param_index(spec->soma->params, spec->soma->n_params, "threshold");
    const int v_reset = param_index(spec->soma->params, spec->soma->n_params, "v_reset");
    if (threshold < 0 || v_reset < 0)
        return SIM_OK;
    if (spec->reset == NEURON_RESET_HARD &&
        spec->soma_values[v_reset] >= spec->soma_values[threshold])
        return sim_fail(
            SIM_ERR_VALUE,
            "v_reset %g is not below the threshold %g: the neuron would fire for ever",
            spec->soma_values[v_reset], spec->soma_values[threshold]);
    if (spec->reset == NEURON_RESET_SOFT && spec->soma_values[v_reset] != 0.0)
        return sim_fail(
            SIM_ERR_VALUE,
            "v_reset %g has no meaning with a soft reset: leave it at 0, or use "
            "reset: hard",
            spec->soma_values[v_reset]);
    return SIM_OK;
}
