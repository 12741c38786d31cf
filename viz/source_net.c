/* viz/source_net.c: running a net to the step that is asked for. */
#include "viz/source_net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/layers.h"
#include "viz/clock.h"

enum { SNAPSHOTS = 4096 };
#define SNAPSHOT_BYTES ((size_t)256 << 20)

typedef struct NetSource {
    VizSource base; /* first: the source is this */
    VizSubject subject;
    NetParams *params;
    float *frames; /* owned */
    size_t frame;  /* floats of one */
    Net *net;
    unsigned char *watch; /* [n_nodes] of the present net */
    unsigned char *wanted_watch;
    size_t next; /* the step that the net would run now */
    /* States before step 0, stride, 2 stride, ...; NULL: not reached or dropped. */
    float **snapshots;
    size_t n_snapshots, stride, state_floats;
    void (*release)(void *owner);
    void *owner;
} NetSource;

/* --- states ---------------------------------------------------------------------------
 */

static void copy_states(NetSource *s, float *kept, bool restore)
{
    for (size_t i = 0; i < s->subject.graph->n_nodes; i++) {
        const NetStateView *views;
        const size_t n = net_states(s->net, i, &views);
        for (size_t v = 0; v < n; v++) {
            const size_t bytes = views[v].count * sizeof(float);
            if (restore)
                memcpy(views[v].values, kept, bytes);
            else
                memcpy(kept, views[v].values, bytes);
            kept += views[v].count;
        }
    }
}

/* Keeps the states before the next step if they belong to the row of snapshots. Without
 * memory there are only fewer of them. */
static void keep_states(NetSource *s)
{
    if (s->next % s->stride != 0 || s->next / s->stride >= s->n_snapshots)
        return;
    float **const kept = &s->snapshots[s->next / s->stride];
    if (*kept)
        return;
    *kept = malloc((s->state_floats + 1) * sizeof **kept);
    if (*kept)
        copy_states(s, *kept, false);
}

static void put_back(NetSource *s, size_t k)
{
    size_t at = k / s->stride;
    if (at >= s->n_snapshots)
        at = s->n_snapshots - 1;
    while (at > 0 && !s->snapshots[at])
        at--;
    if (s->snapshots[at])
        copy_states(s, s->snapshots[at], true);
    else
        net_reset(s->net);
    s->next = at * s->stride;
    net_seek(s->net, s->next);
}

static void count_states(NetSource *s, size_t bytes)
{
    for (size_t i = 0; i < s->subject.graph->n_nodes; i++) {
        const NetStateView *views;
        const size_t n = net_states(s->net, i, &views);
        for (size_t v = 0; v < n; v++)
            s->state_floats += views[v].count;
    }
    size_t room = bytes / ((s->state_floats + 1) * sizeof(float));
    room = room < 2 ? 2 : room > SNAPSHOTS ? SNAPSHOTS : room;
    s->stride = (s->subject.n_steps + room - 1) / room;
    s->stride = s->stride ? s->stride : 1;
    s->n_snapshots = (s->subject.n_steps + s->stride - 1) / s->stride;
}

/* --- the net --------------------------------------------------------------------------
 */

static bool is_joined(const VizLayer *layer)
{
    return layer->is_neuron && layer->spec && layer->spec->dendrite->n_branches > 1;
}

static void choose_watch(const NetSource *s, const VizWants *wants, unsigned char *watch)
{
    const VizSubject *const subject = &s->subject;
    for (size_t i = 0; i < subject->n_layers; i++) {
        const VizLayer *const layer = &subject->layers[i];
        const bool shown = layer->spiking || viz_layer_is_kept(layer);
        watch[i] = shown || wants->layer == (int)i ? NET_WATCH_OUTPUT : 0;
        watch[i] |= layer->is_neuron ? NET_WATCH_POTENTIAL : 0;
    }
    for (size_t i = 0; i < wants->n_picks; i++) {
        const VizLayer *const layer = &subject->layers[wants->picks[i].layer];
        if (is_joined(layer) && layer->inputs[0] >= 0)
            watch[layer->inputs[0]] |= NET_WATCH_OUTPUT;
    }
}

static void set_input(NetSource *s, size_t k)
{
    const SimTensor x = net_input(s->net, 0);
    memcpy(x.f32, s->frames + (s->subject.constant ? 0 : k * s->frame),
           s->frame * sizeof(float));
}

static SimStatus make_net(NetSource *s, const unsigned char *watch)
{
    Net *net = NULL;
    const NetPlanOptions options = {
        .batch = 1, .steps = s->subject.n_steps, .window = 1, .watch = watch};
    const SimStatus status =
        net_create(s->subject.graph, s->params, &options, s->subject.context, &net);
    if (status != SIM_OK)
        return status;
    net_destroy(s->net);
    s->net = net;
    memcpy(s->watch, watch, s->subject.n_layers);
    net_reset(net);
    set_input(s, 0); /* what does not change over time is computed in step 0 */
    if (s->snapshots) {
        net_forward(net, 1, NULL, 0);
        net_reset(net);
    }
    s->next = 0;
    return SIM_OK;
}

static void run_next(NetSource *s)
{
    keep_states(s);
    set_input(s, s->next);
    net_forward(s->net, 1, NULL, 0);
    s->next++;
}

/* --- what a step shows ----------------------------------------------------------------
 */

static void show_layers(NetSource *s, const VizWants *wants, VizStepBuffer *out)
{
    const VizSubject *const subject = &s->subject;
    for (size_t i = 0; i < subject->n_layers; i++) {
        const VizLayer *const layer = &subject->layers[i];
        const SimTensor wire = net_wire(s->net, i);
        const size_t pixels = layer->h * layer->w, n = pixels * layer->c;
        if (!wire.data)
            continue;
        if (layer->spiking) {
            const size_t words = pixels * sim_words(layer->c);
            memcpy(out->spikes[i], wire.bits, words * sizeof(uint64_t));
            out->n_spikes[i] =
                (uint32_t)subject->context->kernels.spikes_count(words, wire.bits);
            out->spike_views[i] = out->spikes[i];
        } else if (out->values[i] || wants->layer == (int)i) {
            float *const to = out->values[i] ? out->values[i] : out->wanted;
            memcpy(to, wire.f32, n * sizeof(float));
            out->value_views[i] = to;
        }
    }
    if (wants->layer >= 0 && subject->layers[wants->layer].is_neuron) {
        const VizLayer *const layer = &subject->layers[wants->layer];
        const float *const potential = net_potential(s->net, (size_t)wants->layer);
        if (potential) {
            memcpy(out->potential, potential,
                   layer->h * layer->w * layer->c * sizeof(float));
            out->step.potential = out->potential;
        }
    }
}

static void show_pick(NetSource *s, const VizWants *wants, size_t i, VizStep *step)
{
    const VizPick pick = wants->picks[i];
    const VizLayer *const layer = &s->subject.layers[pick.layer];
    if (pick.neuron >= layer->h * layer->w * layer->c)
        return;
    const float *const potential =
        layer->is_neuron ? net_potential(s->net, (size_t)pick.layer) : NULL;
    if (potential)
        step->picked[i] = potential[pick.neuron];
    else if (!layer->spiking && net_wire(s->net, (size_t)pick.layer).data)
        step->picked[i] = net_wire(s->net, (size_t)pick.layer).f32[pick.neuron];
    if (layer->spiking)
        step->fired[i] =
            viz_step_fired(step, &s->subject, (size_t)pick.layer, pick.neuron);
    if (!is_joined(layer) || layer->inputs[0] < 0)
        return;
    const SimTensor wire = net_wire(s->net, (size_t)layer->inputs[0]);
    const size_t n = layer->spec->dendrite->n_branches;
    if (!wire.data || wire.form != SIM_DENSE)
        return;
    step->n_branches[i] = n < VIZ_BRANCHES ? n : VIZ_BRANCHES;
    for (size_t b = 0; b < step->n_branches[i]; b++)
        step->branches[i][b] = wire.f32[pick.neuron * n + b];
}

static void show(NetSource *s, const VizWants *wants, VizStepBuffer *out)
{
    const VizSubject *const subject = &s->subject;
    memcpy(out->input, net_input(s->net, 0).f32, s->frame * sizeof(float));
    out->step.input = out->input;
    const SimTensor scores = net_output(s->net, 0);
    if (scores.form == SIM_DENSE && sim_shape_step(scores.shape) == subject->n_classes) {
        memcpy(out->scores, scores.f32, subject->n_classes * sizeof(float));
        out->step.scores = out->scores;
    }
    show_layers(s, wants, out);
    for (size_t i = 0; i < wants->n_picks; i++)
        show_pick(s, wants, i, &out->step);
}

static SimStatus make(VizSource *source, size_t k, const VizWants *wants,
                      const atomic_bool *stop, VizStepBuffer *out)
{
    NetSource *const s = (NetSource *)source;
    choose_watch(s, wants, s->wanted_watch);
    if (memcmp(s->watch, s->wanted_watch, s->subject.n_layers) != 0) {
        const SimStatus status = make_net(s, s->wanted_watch);
        if (status != SIM_OK)
            return status;
    }
    if (s->next != k)
        put_back(s, k);
    while (s->next < k) {
        if (atomic_load(stop))
            return sim_fail(SIM_ERR_STOPPED, "the simulation was stopped");
        run_next(s);
    }
    run_next(s);
    show(s, wants, out);
    return SIM_OK;
}

/* --- making and closing ---------------------------------------------------------------
 */

static void describe_layer(const NetSource *s, size_t i, VizLayer *layer)
{
    const NetNode *const node = &s->subject.graph->nodes[i];
    const NetNodeInfo info = net_node_info(s->net, i);
    snprintf(layer->name, sizeof layer->name, "%s", node->name);
    layer->kind = info.layer;
    layer->node = (int)i;
    layer->h = info.out.h, layer->w = info.out.w, layer->c = info.out.c;
    layer->spiking = layer->has_spikes = info.out_form == SIM_SPIKES;
    layer->parameters = info.parameters;
    layer->macs = info.macs;
    layer->threshold = NAN;
    layer->n_inputs = node->n_inputs;
    memcpy(layer->inputs, node->inputs, sizeof layer->inputs);
    if (!node->layer || strcmp(node->layer->name, "neuron") != 0)
        return;
    layer->is_neuron = layer->has_potential = true;
    layer->spec = &((const NetNeuron *)node->options)->spec;
    const NeuronSoma *const soma = layer->spec->soma;
    for (size_t p = 0; p < soma->n_params; p++)
        if (strcmp(soma->params[p].name, "threshold") == 0 ||
            strcmp(soma->params[p].name, "b0") == 0)
            layer->threshold = (float)layer->spec->soma_values[p];
}

static SimStatus describe(NetSource *s, const VizNetOptions *o)
{
    VizSubject *const subject = &s->subject;
    snprintf(subject->title, sizeof subject->title, "%s", o->title ? o->title : "");
    snprintf(subject->input, sizeof subject->input, "%s", o->input ? o->input : "");
    snprintf(subject->note, sizeof subject->note, "%s", o->note ? o->note : "");
    for (size_t i = 0; i < o->n_classes; i++) {
        subject->classes[i] = strdup(o->classes[i]);
        if (!subject->classes[i])
            return sim_fail(SIM_ERR_MEMORY, "no memory for %zu class names",
                            o->n_classes);
    }
    subject->label = o->label;
    subject->constant = o->constant;
    subject->timed = o->edges_us != NULL;
    for (size_t k = 0; k <= o->n_steps; k++)
        subject->edges_us[k] = o->edges_us ? o->edges_us[k] : (int64_t)k * VIZ_NOMINAL_US;
    const SimTensor x = net_input(s->net, 0);
    subject->input_h = x.shape.h, subject->input_w = x.shape.w;
    subject->input_c = x.shape.c;
    for (size_t i = 0; i < subject->n_layers; i++)
        describe_layer(s, i, &subject->layers[i]);
    return SIM_OK;
}

static void close_source(VizSource *source)
{
    NetSource *const s = (NetSource *)source;
    void (*const release)(void *owner) = s->release;
    void *const owner = s->owner;
    for (size_t i = 0; s->snapshots && i < s->n_snapshots; i++)
        free(s->snapshots[i]);
    free(s->snapshots);
    net_destroy(s->net);
    viz_subject_destroy(&s->subject);
    free(s->frames);
    free(s->watch);
    free(s->wanted_watch);
    free(s);
    if (release)
        release(owner);
}

SimStatus viz_source_net_create(const VizNetOptions *options, VizSource **out)
{
    SimStatus status = SIM_OK;
    const size_t n_nodes = options->graph->n_nodes;
    NetSource *s = calloc(1, sizeof *s);
    if (!s)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a simulation");
    SIM_TRY(
        viz_subject_create(n_nodes, options->n_steps, options->n_classes, &s->subject));
    s->subject.graph = options->graph;
    s->subject.params = s->params = options->params;
    s->subject.context = options->context;
    s->subject.constant = options->constant;
    s->watch = calloc(n_nodes + 1, 1);
    s->wanted_watch = calloc(n_nodes + 1, 1);
    if (!s->watch || !s->wanted_watch) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for a simulation");
        goto out;
    }
    /* A first plan tells the shapes. */
    const NetPlanOptions plan = {
        .batch = 1, .steps = options->n_steps, .window = 1, .watch = s->watch};
    SIM_TRY(
        net_create(options->graph, options->params, &plan, options->context, &s->net));
    s->frame = sim_shape_step(net_input(s->net, 0).shape);
    const size_t floats = s->frame * (options->constant ? 1 : options->n_steps);
    s->frames = malloc((floats + 1) * sizeof *s->frames);
    if (!s->frames) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu frames", options->n_steps);
        goto out;
    }
    memcpy(s->frames, options->frames, floats * sizeof *s->frames);
    SIM_TRY(describe(s, options));
    count_states(s, options->snapshot_bytes ? options->snapshot_bytes : SNAPSHOT_BYTES);
    s->snapshots = calloc(s->n_snapshots + 1, sizeof *s->snapshots);
    if (!s->snapshots) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for states of %zu steps",
                          options->n_steps);
        goto out;
    }
    const VizWants nothing = {.layer = -1};
    choose_watch(s, &nothing, s->wanted_watch);
    SIM_TRY(make_net(s, s->wanted_watch));

    s->base = (VizSource){&s->subject, make, close_source};
    s->release = options->release;
    s->owner = options->owner;
    *out = &s->base;
    s = NULL;
out:
    if (s)
        close_source(&s->base);
    return status;
}
