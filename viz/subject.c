/* viz/subject.c: reading packed spikes of a step. */
#include "viz/subject.h"

#include <string.h>

bool viz_step_fired(const VizStep *step, const VizSubject *subject, size_t layer,
                    uint64_t neuron)
{
    const uint64_t *const bits = step->spikes[layer];
    if (!bits)
        return false;
    const size_t c = subject->layers[layer].c;
    const uint64_t channel = neuron % c;
    return bits[neuron / c * sim_words(c) + channel / SIM_WORD_BITS] >>
               (channel % SIM_WORD_BITS) &
           1;
}

void viz_step_count_channels(const VizStep *step, const VizSubject *subject, size_t layer,
                             uint32_t *counts)
{
    const VizLayer *const at = &subject->layers[layer];
    const uint64_t *bits = step->spikes[layer];
    if (!bits)
        return;
    for (size_t pixel = 0; pixel < at->h * at->w; pixel++)
        for (size_t word = 0; word < sim_words(at->c); word++)
            for (uint64_t left = *bits++; left; left &= left - 1)
                counts[word * SIM_WORD_BITS + (unsigned)__builtin_ctzll(left)]++;
}

int viz_subject_find(const VizSubject *subject, const char *layer)
{
    for (size_t i = 0; i < subject->n_layers; i++)
        if (strcmp(subject->layers[i].name, layer) == 0)
            return (int)i;
    return -1;
}

bool viz_layer_is_kept(const VizLayer *layer)
{
    const bool capsules = strcmp(layer->kind, "capsules") == 0 ||
                          strcmp(layer->kind, "primary_capsules") == 0;
    return layer->h * layer->w * layer->c <=
           (size_t)(capsules ? VIZ_SMALL_CAPSULES : VIZ_SMALL);
}
