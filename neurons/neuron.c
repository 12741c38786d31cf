/* neurons/neuron.c: the lists of somas and dendrites. */
#include "neurons/neuron.h"

#include <string.h>

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
