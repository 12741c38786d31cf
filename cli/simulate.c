/* cli/simulate.c: one input through a net, one step at a time. */
#include "cli/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/netinfo.h"
#include "sim/list.h"

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool is_neurons(const NetNode *node)
{
    return node->layer && strcmp(node->layer->name, "neuron") == 0;
}

static SimStatus no_memory(const char *what)
{
    return sim_fail(SIM_ERR_MEMORY, "simulation: no memory for %s", what);
}

/* --- looking ------------------------------------------------------------------------ */

static SimStatus layer_add(CliSimulatedLayer *layer, size_t t, uint64_t neuron)
{
    size_t room = layer->capacity; /* of both */
    if (!sim_list_reserve(&layer->step, &room, layer->n + 1, sizeof *layer->step) ||
        !sim_list_reserve(&layer->neuron, &layer->capacity, layer->n + 1,
                          sizeof *layer->neuron))
        return no_memory("the spikes of a raster");
    layer->step[layer->n] = (uint32_t)t;
    layer->neuron[layer->n++] = neuron;
    return SIM_OK;
}

/* Counts the spikes of this step; keeps them when a raster is wanted. */
static SimStatus look(CliSimulatedLayer *layer, const SimTensor *y, size_t t, bool keep,
                      unsigned char *fired, uint64_t *spikes)
{
    SimStatus status = SIM_OK;
    const size_t pixels = sim_shape_pixels(y->shape), c = y->shape.c,
                 words = sim_words(c);
    *spikes = 0;
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (size_t word = 0; word < words; word++) {
            uint64_t bits = 0;
            if (y->form == SIM_SPIKES) {
                bits = y->bits[pixel * words + word];
            } else {
                const size_t first = word * SIM_WORD_BITS;
                for (size_t i = first; i < c && i < first + SIM_WORD_BITS; i++)
                    bits |= (uint64_t)(y->f32[pixel * c + i] != 0) << (i - first);
            }
            *spikes += (uint64_t)__builtin_popcountll(bits);
            for (uint64_t left = keep ? bits : 0; left; left &= left - 1) {
                const size_t neuron =
                    pixel * c + word * SIM_WORD_BITS + (unsigned)__builtin_ctzll(left);
                layer->fired += !fired[neuron];
                fired[neuron] = 1;
                SIM_TRY(layer_add(layer, t, neuron));
            }
        }
    layer->spikes += *spikes;
out:
    return status;
}

static SimStatus look_all(const CliSimulation *what, const Net *net, CliSimulated *done,
                          unsigned char *const *fired, size_t t)
{
    SimStatus status = SIM_OK;
    for (size_t i = 0; i < done->n_layers; i++) {
        const size_t node = (size_t)done->layers[i].node;
        const SimTensor y = net_wire(net, node);
        uint64_t spikes;
        SIM_TRY(look(&done->layers[i], &y, t, what->keep_spikes, fired[i], &spikes));
        done->spikes_per_step[t] += spikes;
        if (what->recording && what->recorded[node] >= 0)
            SIM_TRY(cli_recording_window(what->recording, (size_t)what->recorded[node], t,
                                         &y, net_potential(net, node)));
    }
out:
    return status;
}

/* --- running ------------------------------------------------------------------------ */

/* What the wires did, for the count of synaptic operations. */
static SimStatus count_operations(const CliSimulation *what, const Net *net,
                                  CliSimulated *done)
{
    double *const rates = malloc((what->graph->n_nodes + 1) * sizeof *rates);
    if (!rates)
        return no_memory("firing rates");
    for (size_t i = 0; i < what->graph->n_nodes; i++) {
        const NetActivity activity = net_activity(net, i);
        rates[i] = activity.spiking && activity.neuron_steps > 0
                       ? activity.spikes / activity.neuron_steps
                       : (double)NAN;
    }
    const CliNetCost cost = cli_net_cost(net, what->graph, what->steps, rates, 0);
    done->synops = cost.synops;
    done->macs = cost.macs;
    for (size_t i = 0; i < done->n_layers; i++) {
        const NetActivity activity = net_activity(net, (size_t)done->layers[i].node);
        done->layers[i].channels = activity.channels;
        done->layers[i].silent_channels = activity.silent;
    }
    free(rates);
    return SIM_OK;
}

SimStatus cli_simulate(const CliSimulation *what, CliSimulated *out)
{
    SimStatus status = SIM_OK;
    CliSimulated done = {.steps = what->steps};
    const size_t n_nodes = what->graph->n_nodes;
    Net *net = NULL;
    unsigned char **fired = NULL;
    unsigned char *const watch = calloc(n_nodes + 1, 1);
    done.layers = calloc(n_nodes + 1, sizeof *done.layers);
    done.spikes_per_step = calloc(what->steps + 1, sizeof *done.spikes_per_step);
    fired = calloc(n_nodes + 1, sizeof *fired);
    if (!watch || !done.layers || !done.spikes_per_step || !fired) {
        status = no_memory("its tables");
        goto out;
    }
    for (size_t i = 0; i < n_nodes; i++)
        if (is_neurons(&what->graph->nodes[i]))
            watch[i] = NET_WATCH_OUTPUT |
                       (what->recording && what->potentials[i] ? NET_WATCH_POTENTIAL : 0);
    const NetPlanOptions options = {
        .batch = 1, .steps = what->steps, .window = 1, .watch = watch};
    SIM_TRY(net_create(what->graph, what->params, &options, what->context, &net));
    for (size_t i = 0; i < n_nodes; i++) {
        const NetNodeInfo node = net_node_info(net, i);
        if (!is_neurons(&what->graph->nodes[i]) || node.out_form != SIM_SPIKES)
            continue;
        CliSimulatedLayer *const layer = &done.layers[done.n_layers];
        layer->node = (int)i;
        layer->name = what->graph->nodes[i].name;
        layer->neurons = node.out.h * node.out.w * node.out.c;
        fired[done.n_layers] = calloc(layer->neurons + 1, 1);
        if (!fired[done.n_layers++]) {
            status = no_memory("a raster");
            goto out;
        }
    }

    const SimTensor x = net_input(net, 0);
    const SimTensor first = net_output(net, 0);
    const size_t frame = sim_shape_step(x.shape);
    done.classes = sim_shape_step(first.shape);
    done.scores = calloc(what->steps * done.classes + 1, sizeof *done.scores);
    if (!done.scores) {
        status = no_memory("the class scores");
        goto out;
    }
    net_reset(net);
    net_reset_counts(net);
    for (size_t t = 0; t < what->steps; t++) {
        memcpy(x.f32, what->frames + (what->constant ? 0 : t * frame),
               frame * sizeof(float));
        const double started = now_s();
        net_forward(net, 1, NULL, 0);
        done.seconds += now_s() - started;
        const SimTensor scores = net_output(net, 0);
        memcpy(done.scores + t * done.classes, scores.f32, done.classes * sizeof(float));
        SIM_TRY(look_all(what, net, &done, fired, t));
        if (what->recording)
            SIM_TRY(cli_recording_step(what->recording, scores.f32));
    }
    SIM_TRY(count_operations(what, net, &done));

    *out = done;
    done = (CliSimulated){0};
out:
    for (size_t i = 0; fired && i < n_nodes; i++)
        free(fired[i]);
    free(fired);
    free(watch);
    net_destroy(net);
    cli_simulated_destroy(&done);
    return status;
}

void cli_simulated_destroy(CliSimulated *simulated)
{
    for (size_t i = 0; i < simulated->n_layers; i++) {
        free(simulated->layers[i].step);
        free(simulated->layers[i].neuron);
    }
    free(simulated->layers);
    free(simulated->scores);
    free(simulated->spikes_per_step);
    *simulated = (CliSimulated){0};
}

size_t cli_simulated_leader(const CliSimulated *simulated, size_t t, float *mean)
{
    size_t leader = 0;
    for (size_t k = 0; k < simulated->classes; k++) {
        double sum = 0;
        for (size_t at = 0; at <= t; at++)
            sum += (double)simulated->scores[at * simulated->classes + k];
        mean[k] = (float)(sum / (double)(t + 1));
        leader = mean[k] > mean[leader] ? k : leader;
    }
    return leader;
}
