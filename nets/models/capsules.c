/* nets/models/capsules.c: see capsules_internal.h. */
#include "nets/models/capsules_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const net_groupings[] = {"channels", "view", NULL};
const char *const net_routings[] = {"rba", "sda", NULL};
const char *const net_routing_gradients[] = {"last", "all", NULL};
const char *const net_sharpnesses[] = {"formula", "code", NULL};
const char *const net_mask_by[] = {"label", "prediction", NULL};
const char *const net_capsule_sees[] = {"steps", "rates", "image", NULL};

void net_capsules_neuron(const void *options, NeuronSpec *spec)
{
    (void)options;
    net_part_classical(spec);
}

/* Channels stay a multiple of the pose that they are cut into. */
void net_capsules_widen(void *options, double factor)
{
    NetCapsuleNet *const o = options;
    int64_t types = o->channels / o->primary_pose;
    net_part_widen_number(&types, factor);
    o->channels = types * o->primary_pose;
    if (o->capsules)
        net_part_widen_number(&o->capsules, factor);
}

static int add_capsules(const NetCapsuleNet *o, NetGraph *graph, int x, int64_t pose_in,
                        int64_t capsules, int64_t pose, const char *name)
{
    const NetCapsules layer = {.capsules = capsules,
                               .pose = pose,
                               .pose_in = pose_in,
                               .routing = o->routing,
                               .iterations = o->iterations,
                               .gradient = o->gradient,
                               .sharpness = o->sharpness,
                               .pooled = o->pooled,
                               .bias = o->routing == NET_ROUTING_SDA,
                               .bias_start = 0.1,
                               .deviation = o->deviation};
    return net_graph_add(graph, &net_layer_capsules, &layer, 1, &x, "%s", name);
}

int net_capsules_layer(const NetCapsuleNet *o, NetGraph *graph, int x, const char *name,
                       ...)
{
    char text[NET_NAME_SIZE];
    va_list args;
    va_start(args, name);
    vsnprintf(text, sizeof text, name, args);
    va_end(args);
    return add_capsules(o, graph, x, o->pose, o->capsules, o->pose, text);
}

/* What capsules behind spikes see of a wire. */
static int over_time(const NetCapsuleNet *o, const NeuronSpec *spec, NetGraph *graph,
                     int x, const char *name)
{
    const NetRate rate = {.running = o->sees == NET_SEES_RATES};
    if (spec->soma->n_states == 0 || o->sees == NET_SEES_STEPS)
        return x;
    return net_graph_add(graph, &net_layer_rate, &rate, 1, &x, "%s", name);
}

/* Rectified, or spiking: then over all steps. */
static int add_front(const NetCapsuleNet *o, const NetModelInput *input,
                     const NeuronSpec *spec, NetGraph *graph, int x)
{
    const NetActivation relu = {NET_ACTIVATION_RELU};
    const NetParts parts = {.graph = graph, .neuron = *spec};
    const bool spiking = spec->soma->n_states > 0;
    /* As PyTorch starts a convolution. */
    const NetConv conv = {.channels = (int64_t)net_part_inputs(spec, (size_t)o->channels),
                          .kernel = o->kernel,
                          .stride = 1,
                          .groups = 1,
                          .bias = true,
                          .init = 2,
                          .gain = sqrt(1.0 / 6.0),
                          .apart = net_part_apart(spec)};
    x = net_graph_add(graph, &net_layer_conv, &conv, 1, &x, "conv1");
    if (!spiking && strcmp(spec->dendrite->name, "relu") == 0)
        return net_graph_add(graph, &net_layer_activation, &relu, 1, &x, "relu");
    if (spiking && input->constant)
        x = net_graph_add(graph, &net_layer_repeat, NULL, 1, &x, "repeat");
    x = net_part_spike(&parts, x, "neuron");
    return over_time(o, spec, graph, x, "rate");
}

static int add_primary(const NetCapsuleNet *o, NetGraph *graph, int x)
{
    const NetConv conv = {.channels = o->channels,
                          .kernel = o->kernel,
                          .stride = 2,
                          .groups = 1,
                          .bias = true,
                          .init = 2,
                          .gain = sqrt(1.0 / 6.0)};
    const NetPrimaryCapsules primary = {o->primary_pose, o->grouping};
    x = net_graph_add(graph, &net_layer_conv, &conv, 1, &x, "primary.conv");
    return net_graph_add(graph, &net_layer_primary_capsules, &primary, 1, &x, "primary");
}

static SimStatus add_decoder(const NetCapsuleNet *o, const NetModelInput *input,
                             NetGraph *graph, int poses, int image)
{
    const NetCapsuleMask mask = {o->class_pose, o->mask};
    const NetActivation relu = {NET_ACTIVATION_RELU}, sigmoid = {NET_ACTIVATION_SIGMOID};
    const NetSquaredError error = {o->reconstruction};
    NetLinear linear = {.bias = true, .init = 2, .gain = sqrt(1.0 / 6.0)};
    size_t layers = 0;
    int x = net_graph_add(graph, &net_layer_capsule_mask, &mask, 1, &poses, "mask");
    for (const char *at = o->decoder; *at;) {
        char *end = NULL;
        const unsigned long units = strtoul(at, &end, 10);
        if (end == at || units == 0 || units > 65536 || (*end != '\0' && *end != ','))
            return sim_fail(SIM_ERR_VALUE,
                            "decoder: wanted units of each hidden layer, separated by "
                            "commas, as in \"512,1024\", got \"%s\"",
                            o->decoder);
        at = end + (*end == ',');
        layers++;
        linear.channels = (int64_t)units;
        x = net_graph_add(graph, &net_layer_linear, &linear, 1, &x, "decoder.linear%zu",
                          layers);
        x = net_graph_add(graph, &net_layer_activation, &relu, 1, &x, "decoder.relu%zu",
                          layers);
    }
    linear.channels = (int64_t)(input->h * input->w * input->c);
    x = net_graph_add(graph, &net_layer_linear, &linear, 1, &x, "decoder.linear%zu",
                      layers + 1);
    x = net_graph_add(graph, &net_layer_activation, &sigmoid, 1, &x, "decoder");
    x = net_graph_add(graph, &net_layer_squared_error, &error, 2, (int[]){x, image},
                      "reconstruction");
    net_graph_output(graph, x);
    return SIM_OK;
}

SimStatus net_capsules_build(const NetCapsuleNet *o, const NetModelInput *input,
                             const NeuronSpec *spec, NetCapsuleBlocks *blocks,
                             NetGraph *graph)
{
    SimStatus status = SIM_OK;
    const NetParts parts = {.graph = graph};
    const NetCapsuleLength length = {o->class_pose};
    int64_t pose = o->primary_pose;
    if (o->channels % o->primary_pose && o->grouping == NET_GROUPING_CHANNELS)
        return sim_fail(SIM_ERR_VALUE,
                        "%lld channels do not divide into primary capsules of %lld: "
                        "choose a multiple of primary_pose",
                        (long long)o->channels, (long long)o->primary_pose);
    if (o->capsules == 0 && o->blocks > 0)
        return sim_fail(
            SIM_ERR_VALUE,
            "%lld blocks without hidden capsules: set capsules, or blocks to 0",
            (long long)o->blocks);
    int image = net_part_input(&parts, input);
    int x = add_front(o, input, spec, graph, image);
    if (!input->constant && o->reconstruction > 0.0)
        image = over_time(o, spec, graph, image, "frames");
    graph->stage = 1;
    x = add_primary(o, graph, x);
    graph->stage = 2;
    if (o->capsules) {
        x = add_capsules(o, graph, x, pose, o->capsules, o->pose, "caps1");
        pose = o->pose;
        graph->stage = 3;
        x = blocks(o, graph, x);
    }
    graph->stage = 4;
    x = add_capsules(o, graph, x, pose, (int64_t)input->classes, o->class_pose, "caps2");
    const int scores =
        net_graph_add(graph, &net_layer_capsule_length, &length, 1, &x, "length");
    net_graph_output(graph, scores);
    graph->stage = 5;
    if (o->reconstruction > 0.0)
        SIM_TRY(add_decoder(o, input, graph, x, image));
    status = net_graph_status(graph);
out:
    return status;
}
