/* nets/models/parts.c: see parts_internal.h. */
#include "nets/models/parts_internal.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_BYTES = 64 }; /* of the layers that are words */

#define NAME(buffer, format)                                                             \
    char buffer[NET_NAME_SIZE + 16];                                                     \
    do {                                                                                 \
        va_list args;                                                                    \
        va_start(args, format);                                                          \
        vsnprintf(buffer, sizeof buffer, format, args);                                  \
        va_end(args);                                                                    \
    } while (0)

int net_part_conv(const NetParts *parts, int from, size_t units, size_t kernel,
                  size_t stride, const char *name, ...)
{
    NAME(text, name);
    NetConv conv = parts->conv;
    conv.channels = (int64_t)net_part_inputs(&parts->neuron, units);
    conv.kernel = (int64_t)kernel;
    conv.stride = (int64_t)stride;
    conv.padding = (int64_t)(kernel / 2);
    conv.groups = 1;
    conv.apart = net_part_apart(&parts->neuron);
    return net_graph_add(parts->graph, &net_layer_conv, &conv, 1, &from, "%s", text);
}

int net_part_norm(const NetParts *parts, int from, const char *name, ...)
{
    NAME(text, name);
    return net_graph_add(parts->graph, &net_layer_norm, &parts->norm, 1, &from, "%s",
                         text);
}

/* "dynamic_relu:kind=c:reduction=8" as a layer behind `from`. */
static int add_word(const NetParts *parts, int from, const char *name)
{
    char word[NEURON_LAYER_WORD], *rest = word;
    _Alignas(16) unsigned char options[OPTIONS_BYTES] = {0};
    SimStatus *const status = &parts->graph->status;
    memcpy(word, parts->neuron.layer, sizeof word);
    const NetLayer *const layer = net_layer_find(strsep(&rest, ":"));
    assert(layer && layer->options_size <= sizeof options);
    if (layer->options)
        sim_options_init(layer->options, options);
    for (char *key; *status == SIM_OK && (key = strsep(&rest, ":"));) {
        char *const equal = strchr(key, '=');
        if (!equal || !layer->options) {
            *status = sim_fail(SIM_ERR_VALUE,
                               "dendrite %s: wanted %s:key=value:..., got \"%s\"",
                               layer->name, layer->name, key);
            break;
        }
        *equal = '\0';
        *status = sim_option_set(layer->options, options, key, equal + 1);
    }
    return net_graph_add(parts->graph, layer, layer->options ? options : NULL, 1, &from,
                         "%s.%s", name, layer->name);
}

int net_part_spike(const NetParts *parts, int from, const char *name, ...)
{
    NAME(text, name);
    if (*parts->neuron.layer)
        from = add_word(parts, from, text);
    const NetNeuron neuron = {parts->neuron};
    return net_graph_add(parts->graph, &net_layer_neuron, &neuron, 1, &from, "%s", text);
}

static SimStatus bad_stages(const char *text)
{
    return sim_fail(SIM_ERR_VALUE,
                    "stages: wanted WIDTHxBLOCKS[/STRIDE][a], separated by commas, as in "
                    "\"64x2,128x2/2\", got \"%s\"",
                    text);
}

SimStatus net_part_stages(const char *text, int64_t depth, int64_t width,
                          NetStage stages[NET_MAX_STAGES], size_t *n)
{
    static const size_t blocks_18[] = {2, 2, 2, 2}, blocks_34[] = {3, 4, 6, 3};
    *n = 0;
    if (!*text) {
        const size_t *blocks = depth == 34 ? blocks_34 : blocks_18;
        if (depth != 18 && depth != 34)
            return sim_fail(SIM_ERR_VALUE, "depth: wanted 18 or 34 (or stages), got %lld",
                            (long long)depth);
        for (; *n < 4; (*n)++)
            stages[*n] = (NetStage){(size_t)width << *n, blocks[*n], *n ? 2 : 1, false};
        return SIM_OK;
    }
    for (const char *at = text; *at;) {
        unsigned w = 0, b = 0, s = 1;
        int used = 0;
        if (*n == NET_MAX_STAGES || sscanf(at, "%4ux%4u%n", &w, &b, &used) != 2 || !w ||
            !b)
            return bad_stages(text);
        at += used;
        if (*at == '/') {
            if (sscanf(at, "/%2u%n", &s, &used) != 1 || !s)
                return bad_stages(text);
            at += used;
        }
        const bool average = *at == 'a';
        at += average;
        if (*at != '\0' && *at != ',')
            return bad_stages(text);
        at += *at == ',';
        stages[(*n)++] = (NetStage){w, b, s, average};
    }
    return SIM_OK;
}

void net_part_head(const NetParts *parts, int from, size_t classes, size_t voters,
                   const NetLinear *linear)
{
    NetGraph *graph = parts->graph;
    const NetAdaptivePool pool = {1, 1};
    NetLinear full = *linear;
    full.channels = (int64_t)(classes * voters);
    int at = net_graph_add(graph, &net_layer_adaptive_pool, &pool, 1, &from, "pool");
    at = net_graph_add(graph, &net_layer_linear, &full, 1, &at, "fc");
    if (voters > 1) {
        const NetVote vote = {(int64_t)voters};
        at = net_graph_add(graph, &net_layer_vote, &vote, 1, &at, "vote");
    }
    net_graph_output(graph, at);
}

void net_part_classical(NeuronSpec *spec)
{
    *spec = neuron_spec_default();
    neuron_spec_set(spec, "soma", "none");
    if (neuron_dendrite_find("relu"))
        neuron_spec_set(spec, "dendrite", "relu");
}

size_t net_part_units(const NeuronSpec *spec, size_t units)
{
    while (neuron_spec_inputs(spec, units) == 0)
        units++;
    return units;
}

size_t net_part_inputs(const NeuronSpec *spec, size_t units)
{
    return neuron_spec_inputs(spec, net_part_units(spec, units));
}

int64_t net_part_apart(const NeuronSpec *spec)
{
    const size_t branches = neuron_spec_branches(spec);
    return spec->random_wiring && branches > 1 ? (int64_t)branches : 0;
}

void net_part_widen_number(int64_t *width, double factor)
{
    const double wide = round((double)*width * factor);
    *width = wide < 1.0 ? 1 : (int64_t)wide;
}

static void widen_to(char *text, size_t size, double factor, int64_t multiple)
{
    char wide[512];
    size_t used = 0;
    for (const char *at = text; *at && used + 32 < sizeof wide;) {
        char *end = NULL;
        const bool starts = at == text || at[-1] == ',';
        int64_t width = starts ? strtoll(at, &end, 10) : 0;
        if (width > 0) {
            net_part_widen_number(&width, factor / (double)multiple);
            width *= multiple;
            used += (size_t)snprintf(wide + used, 24, "%lld", (long long)width);
            at = end;
        } else {
            wide[used++] = *at++;
        }
    }
    wide[used] = '\0';
    if (used < size)
        memcpy(text, wide, used + 1);
}

void net_part_widen(char *text, size_t size, double factor)
{
    widen_to(text, size, factor, 1);
}

void net_part_widen_evenly(char *text, size_t size, double factor)
{
    widen_to(text, size, factor, 2);
}

int net_part_input(const NetParts *parts, const NetModelInput *input)
{
    return net_graph_input(parts->graph, "input", input->h, input->w, input->c,
                           input->constant);
}
