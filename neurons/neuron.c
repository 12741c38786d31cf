/* neurons/neuron.c: the lists of somas and dendrites. */
#include "neurons/neuron.h"

#include <string.h>

#include "neurons/dendrite_internal.h"

#define ROW(name) extern const NeuronSoma neuron_soma_##name;
#include "neurons/somas.inc"
#undef ROW
#define ROW(name) extern const NeuronDendrite neuron_dendrite_##name;
#include "neurons/dendrites.inc"
#undef ROW

const NeuronSoma *const neuron_somas[] = {
#define ROW(name) &neuron_soma_##name,
#include "neurons/somas.inc"
#undef ROW
    NULL,
};

const NeuronDendrite *const neuron_dendrites[] = {
#define ROW(name) &neuron_dendrite_##name,
#include "neurons/dendrites.inc"
#undef ROW
    NULL,
};

const NeuronSoma *neuron_soma_find(const char *name)
{
    for (const NeuronSoma *const *at = neuron_somas; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

const NeuronDendrite *neuron_dendrite_find(const char *name)
{
    for (const NeuronDendrite *const *at = neuron_dendrites; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

const NeuronSurrogate *neuron_surrogate_find(const char *name)
{
    for (const NeuronSurrogate *const *at = neuron_surrogates; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

/* --- dendrites ------------------------------------------------------------------------
 */

NeuronJoin *neuron_join_forward(const NeuronDendrite *dendrite)
{
    return dendrite->passes      ? NULL
           : dendrite->pointwise ? neuron_pointwise_forward
                                 : dendrite->forward;
}

NeuronJoin *neuron_join_backward(const NeuronDendrite *dendrite)
{
    return dendrite->passes      ? NULL
           : dendrite->pointwise ? neuron_pointwise_backward
                                 : dendrite->backward;
}

bool neuron_param_learns(const NeuronSpec *spec, const NeuronParam *param)
{
    return spec->learn == NEURON_LEARN_DEFAULT ? param->trained
                                               : spec->learn == NEURON_LEARN_ALL;
}

size_t neuron_trained_params(const NeuronSpec *spec, const NeuronDendrite *function)
{
    size_t n = 0;
    for (size_t i = 0; i < function->n_params; i++)
        n += neuron_param_learns(spec, &function->params[i]);
    return n;
}

size_t neuron_spec_trained(const NeuronSpec *spec)
{
    NeuronParam params[NEURON_MAX_PARAMS];
    const size_t n_params = neuron_spec_params(spec, params);
    size_t n = 0;
    for (size_t i = 0; i < n_params; i++)
        n += neuron_param_learns(spec, &params[i]);
    return n;
}
