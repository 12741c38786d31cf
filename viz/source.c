/* viz/source.c: memory of subjects and steps. */
#include "viz/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- subjects -------------------------------------------------------------------------
 */

SimStatus viz_subject_create(size_t n_layers, size_t n_steps, size_t n_classes,
                             VizSubject *out)
{
    VizSubject subject = {.n_steps = n_steps, .label = -1};
    subject.layers = calloc(n_layers + 1, sizeof *subject.layers);
    subject.edges_us = calloc(n_steps + 1, sizeof *subject.edges_us);
    subject.classes = calloc(n_classes + 1, sizeof *subject.classes);
    if (!subject.layers || !subject.edges_us || !subject.classes) {
        viz_subject_destroy(&subject);
        return sim_fail(SIM_ERR_MEMORY, "no memory to look at %zu layers, %zu steps",
                        n_layers, n_steps);
    }
    subject.n_layers = n_layers;
    subject.n_classes = n_classes;
    *out = subject;
    return SIM_OK;
}

void viz_subject_destroy(VizSubject *subject)
{
    for (size_t i = 0; subject->classes && i < subject->n_classes; i++)
        free(subject->classes[i]);
    free(subject->classes);
    free(subject->layers);
    free(subject->edges_us);
    *subject = (VizSubject){0};
}

/* --- steps ----------------------------------------------------------------------------
 */

static size_t neurons(const VizLayer *layer)
{
    return layer->h * layer->w * layer->c;
}

static size_t largest(const VizSubject *subject)
{
    size_t most = 0;
    for (size_t i = 0; i < subject->n_layers; i++)
        most = neurons(&subject->layers[i]) > most ? neurons(&subject->layers[i]) : most;
    return most;
}

/* Hands out parts of a block; without a block it only counts. */
typedef struct Cut {
    unsigned char *base;
    size_t used;
} Cut;

static void *take(Cut *cut, size_t bytes)
{
    void *const at = cut->base ? cut->base + cut->used : NULL;
    cut->used += (bytes + 63) & ~(size_t)63;
    return at;
}

static void lay_out(const VizSubject *subject, Cut *cut, VizStepBuffer *out)
{
    const size_t n = subject->n_layers;
    out->spikes = take(cut, (n + 1) * sizeof *out->spikes);
    out->values = take(cut, (n + 1) * sizeof *out->values);
    out->spike_views = take(cut, (n + 1) * sizeof *out->spike_views);
    out->value_views = take(cut, (n + 1) * sizeof *out->value_views);
    out->n_spikes = take(cut, (n + 1) * sizeof *out->n_spikes);
    out->input =
        take(cut, subject->input_h * subject->input_w * subject->input_c * sizeof(float));
    out->scores = take(cut, subject->n_classes * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        const VizLayer *const layer = &subject->layers[i];
        uint64_t *bits = NULL;
        float *values = NULL;
        if (layer->spiking)
            bits = take(cut, layer->h * layer->w * sim_words(layer->c) * sizeof *bits);
        else if (viz_layer_is_kept(layer))
            values = take(cut, neurons(layer) * sizeof *values);
        if (cut->base) {
            out->spikes[i] = bits;
            out->values[i] = values;
        }
    }
    out->wanted = take(cut, largest(subject) * sizeof(float));
    out->potential = take(cut, largest(subject) * sizeof(float));
}

size_t viz_step_buffer_bytes(const VizSubject *subject)
{
    Cut cut = {0};
    VizStepBuffer buffer = {0};
    lay_out(subject, &cut, &buffer);
    return cut.used;
}

SimStatus viz_step_buffer_create(const VizSubject *subject, VizStepBuffer *out)
{
    const size_t bytes = viz_step_buffer_bytes(subject);
    VizStepBuffer buffer = {.memory = calloc(1, bytes + 64)};
    if (!buffer.memory)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a step of %.1f MB",
                        (double)bytes / 1e6);
    Cut cut = {(unsigned char *)(((uintptr_t)buffer.memory + 63) & ~(uintptr_t)63), 0};
    lay_out(subject, &cut, &buffer);
    *out = buffer;
    return SIM_OK;
}

void viz_step_buffer_destroy(VizStepBuffer *buffer)
{
    free(buffer->memory);
    *buffer = (VizStepBuffer){0};
}

void viz_step_buffer_clear(VizStepBuffer *buffer, const VizSubject *subject, size_t step,
                           const VizWants *wants)
{
    for (size_t i = 0; i < subject->n_layers; i++) {
        buffer->spike_views[i] = NULL;
        buffer->value_views[i] = NULL;
        buffer->n_spikes[i] = 0;
    }
    buffer->step = (VizStep){.step = step,
                             .spikes = buffer->spike_views,
                             .values = buffer->value_views,
                             .n_spikes = buffer->n_spikes,
                             .wants = *wants};
    for (size_t i = 0; i < VIZ_PICKS; i++)
        buffer->step.picked[i] = NAN;
}
