/* neurons/ensemble.c: dendrites of several functions, written in one word.
 *
 *     relu+ada+tanh              branches of a unit, each with its function, added
 *     d:and_ail/or_ail/xnor_ail  duplicated: every function sees the same branches and
 *                                gives its share of the units
 *     p:or_ail/xnor_ail          partitioned: units and their branches are cut into equal
 *                                shares, one for each function
 *
 * (d) and (p) are the ensembles of Lowe et al., arXiv:2110.11940. */
#include <stdio.h>
#include <string.h>

#include "neurons/dendrite_internal.h"
#include "sim/option.h"

enum { MAX_NAMES = 256, WORD = 32 };

static const NeuronDendrite ensembles[] = {
    [NEURON_SUM] = {.name = "sum",
                    .summary = "branches with a function each, added",
                    .source = "Apical",
                    .forward = neuron_pointwise_forward,
                    .backward = neuron_pointwise_backward},
    [NEURON_DUPLICATE] = {.name = "duplicate",
                          .summary = "several functions of the same branches",
                          .source = "Lowe et al., arXiv:2110.11940",
                          .forward = neuron_pointwise_forward,
                          .backward = neuron_pointwise_backward},
    [NEURON_PARTITION] = {.name = "partition",
                          .summary = "several functions, each for a share of the units",
                          .source = "Lowe et al., arXiv:2110.11940",
                          .forward = neuron_pointwise_forward,
                          .backward = neuron_pointwise_backward},
};

static bool is_ensemble(const NeuronSpec *spec)
{
    return spec->n_members > 0;
}

/* --- what there is --------------------------------------------------------------------
 */

size_t neuron_spec_members(const NeuronSpec *spec, size_t units,
                           NeuronMember members[NEURON_MAX_MEMBERS])
{
    if (!is_ensemble(spec)) {
        members[0] = (NeuronMember){.function = spec->dendrite,
                                    .x_unit = spec->dendrite->n_branches,
                                    .units = units};
        return 1;
    }
    const size_t n = spec->n_members, inputs = neuron_spec_inputs(spec, units);
    size_t x = 0, y = 0, param = 0, trained = 0;
    for (size_t i = 0; i < n; i++) {
        const NeuronDendrite *function = spec->members[i];
        NeuronMember *member = &members[i];
        *member = (NeuronMember){.function = function,
                                 .x_first = x,
                                 .x_unit = function->n_branches,
                                 .y_first = y,
                                 .units = units,
                                 .first_param = param,
                                 .first_trained = trained};
        param += function->n_params;
        trained += neuron_trained_params(spec, function);
        if (spec->ensemble == NEURON_SUM) {
            member->x_unit = inputs / units;
            member->adds = i > 0;
            x += function->n_branches;
            continue;
        }
        member->units = units * (i + 1) / n - units * i / n;
        member->d_x_adds = spec->ensemble == NEURON_DUPLICATE && i > 0;
        y += member->units;
        if (spec->ensemble == NEURON_PARTITION)
            x += member->units * function->n_branches;
    }
    return n;
}

size_t neuron_spec_inputs(const NeuronSpec *spec, size_t units)
{
    if (!is_ensemble(spec))
        return units * spec->dendrite->n_branches;
    size_t branches = 0;
    for (size_t i = 0; i < spec->n_members; i++)
        branches += spec->members[i]->n_branches;
    switch (spec->ensemble) {
    case NEURON_SUM:
        return units * branches;
    case NEURON_DUPLICATE:
        return units % spec->n_members
                   ? 0
                   : units / spec->n_members * spec->members[0]->n_branches;
    default:
        return units * spec->members[0]->n_branches;
    }
}

size_t neuron_spec_branches(const NeuronSpec *spec)
{
    if (!is_ensemble(spec))
        return spec->dendrite->n_branches;
    return spec->ensemble == NEURON_SUM ? neuron_spec_inputs(spec, 1)
                                        : spec->members[0]->n_branches;
}

size_t neuron_spec_units(const NeuronSpec *spec, size_t inputs)
{
    /* Inputs of the fewest units, which are 1, or one for each function. */
    const size_t least =
        is_ensemble(spec) && spec->ensemble == NEURON_DUPLICATE ? spec->n_members : 1;
    const size_t group = neuron_spec_inputs(spec, least);
    return inputs % group ? 0 : inputs / group * least;
}

size_t neuron_spec_params(const NeuronSpec *spec, NeuronParam params[NEURON_MAX_PARAMS])
{
    NeuronMember members[NEURON_MAX_MEMBERS];
    const size_t n_members =
        neuron_spec_members(spec, NEURON_MAX_MEMBERS * NEURON_MAX_MEMBERS, members);
    size_t n = 0;
    for (size_t i = 0; i < n_members; i++)
        for (size_t k = 0; k < members[i].function->n_params; k++, n++) {
            params[n] = members[i].function->params[k];
            if (is_ensemble(spec))
                params[n].name = spec->param_names[n];
        }
    return n;
}

/* --- text
 * -------------------------------------------------------------------------------
 */

static SimStatus unknown_function(const char *name)
{
    const char *names[MAX_NAMES];
    size_t n = 0;
    for (; neuron_dendrites[n] && n + 1 < MAX_NAMES; n++)
        names[n] = neuron_dendrites[n]->name;
    for (size_t i = 0; neuron_layer_words[i] && n + 1 < MAX_NAMES; i++)
        names[n++] = neuron_layer_words[i];
    names[n] = NULL;
    return sim_unknown(name, names,
                       "`apical activations` lists them, a+b adds two, d:a/b and p:a/b "
                       "are ensembles",
                       "unknown dendrite");
}

/* "alpha", or "alpha_2" in the second function where an earlier one has the name. */
static void name_params(NeuronSpec *spec)
{
    size_t n = 0;
    for (size_t i = 0; i < spec->n_members; i++)
        for (size_t k = 0; k < spec->members[i]->n_params; k++, n++) {
            const char *name = spec->members[i]->params[k].name;
            bool taken = false;
            for (size_t j = 0; j < i; j++)
                for (size_t q = 0; q < spec->members[j]->n_params; q++)
                    taken |= strcmp(spec->members[j]->params[q].name, name) == 0;
            if (taken)
                snprintf(spec->param_names[n], sizeof spec->param_names[n], "%.12s_%zu",
                         name, i + 1);
            else
                snprintf(spec->param_names[n], sizeof spec->param_names[n], "%s", name);
            spec->dendrite_values[n] = spec->members[i]->params[k].initial;
        }
}

static SimStatus add_member(NeuronSpec *spec, const char *name)
{
    const NeuronDendrite *function = neuron_dendrite_find(name);
    if (!function)
        return unknown_function(name);
    if (!function->pointwise)
        return sim_fail(SIM_ERR_VALUE, "dendrite \"%s\" cannot be one of several", name);
    if (spec->n_members == NEURON_MAX_MEMBERS)
        return sim_fail(SIM_ERR_VALUE, "a dendrite has at most %d functions",
                        NEURON_MAX_MEMBERS);
    spec->members[spec->n_members++] = function;
    size_t params = 0;
    for (size_t i = 0; i < spec->n_members; i++)
        params += spec->members[i]->n_params;
    if (params > NEURON_MAX_PARAMS)
        return sim_fail(SIM_ERR_VALUE,
                        "the functions of a dendrite have at most %d parameters "
                        "together, with \"%s\" it has %zu",
                        NEURON_MAX_PARAMS, name, params);
    const size_t branches = spec->members[0]->n_branches;
    if (spec->ensemble != NEURON_SUM && function->n_branches != branches)
        return sim_fail(SIM_ERR_VALUE,
                        "the functions of an ensemble take equally many inputs: \"%s\" "
                        "takes %zu, \"%s\" takes %zu",
                        spec->members[0]->name, branches, name, function->n_branches);
    if (function->sharing != NEURON_PER_LAYER)
        spec->sharing = function->sharing;
    return SIM_OK;
}

SimStatus neuron_spec_parse_dendrite(NeuronSpec *spec, const char *text)
{
    const NeuronDendrite *single = neuron_dendrite_find(text);
    if (single) {
        neuron_spec_set_dendrite(spec, single);
        return SIM_OK;
    }
    const SimStatus allowed = neuron_layer_word_check(text);
    if (allowed != SIM_OK)
        return allowed;
    if (neuron_is_layer_word(text)) {
        neuron_spec_set_dendrite(spec, neuron_dendrite_find("identity"));
        memcpy(spec->layer, text, strlen(text));
        return SIM_OK;
    }
    const bool ensemble = (text[0] == 'd' || text[0] == 'p') && text[1] == ':';
    const char separator = ensemble ? '/' : '+';
    if (!ensemble && !strchr(text, '+'))
        return unknown_function(text);
    NeuronSpec made = *spec;
    memset(made.layer, 0, sizeof made.layer);
    made.n_members = 0;
    made.sharing = NEURON_PER_LAYER;
    made.ensemble = !ensemble        ? NEURON_SUM
                    : text[0] == 'd' ? NEURON_DUPLICATE
                                     : NEURON_PARTITION;
    made.dendrite = &ensembles[made.ensemble];
    memset(made.dendrite_values, 0, sizeof made.dendrite_values);
    for (const char *at = ensemble ? text + 2 : text;;) {
        const char *end = strchr(at, separator);
        const size_t length = end ? (size_t)(end - at) : strlen(at);
        char name[WORD];
        snprintf(name, sizeof name, "%.*s", (int)(length < WORD ? length : WORD - 1), at);
        const SimStatus status = add_member(&made, name);
        if (status != SIM_OK)
            return status;
        if (!end)
            break;
        at = end + 1;
    }
    name_params(&made);
    *spec = made;
    return SIM_OK;
}

void neuron_spec_dendrite_text(const NeuronSpec *spec, char *text, size_t size)
{
    if (!is_ensemble(spec)) {
        snprintf(text, size, "%s", *spec->layer ? spec->layer : spec->dendrite->name);
        return;
    }
    static const char *const heads[] = {"", "d:", "p:"};
    size_t used = (size_t)snprintf(text, size, "%s", heads[spec->ensemble]);
    for (size_t i = 0; i < spec->n_members && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 i == 0                         ? ""
                                 : spec->ensemble == NEURON_SUM ? "+"
                                                                : "/",
                                 spec->members[i]->name);
}
