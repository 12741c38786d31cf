/* viz/capsules.c: routing by its definition; a decoder cut out of a net. */
#include "viz/capsules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VOTES = 1 << 26 };

/* --- routing
 * ---------------------------------------------------------------------------- */

void viz_routing_destroy(VizRouting *q)
{
    free(q->coefficients);
    free(q->poses);
    free(q->votes);
    free(q->logits);
    *q = (VizRouting){0};
}

static SimStatus reserve(VizRouting *q, size_t i, size_t j, size_t p, size_t r)
{
    if (q->inputs == i && q->outputs == j && q->pose == p && q->iterations == r)
        return SIM_OK;
    viz_routing_destroy(q);
    if (i * j * p > MOST_VOTES)
        return sim_fail(SIM_ERR_MEMORY, "%zu votes are too many to look at", i * j * p);
    q->coefficients = malloc((r * i * j + 1) * sizeof(float));
    q->poses = malloc((r * j * p + 1) * sizeof(float));
    q->votes = malloc((i * j * p + 1) * sizeof(float));
    q->logits = malloc((i * j + 1) * sizeof(float));
    if (!q->coefficients || !q->poses || !q->votes || !q->logits) {
        viz_routing_destroy(q);
        return sim_fail(SIM_ERR_MEMORY, "no memory to look at routing");
    }
    q->inputs = i, q->outputs = j, q->pose = p, q->iterations = r;
    return SIM_OK;
}

static float norm(size_t n, const float *x)
{
    float sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += x[k] * x[k];
    return sqrtf(sum);
}

static void vote(const NetCapsules *o, VizRouting *q, const float *w, const float *u)
{
    const size_t d = (size_t)o->pose_in, p = q->pose;
    memset(q->votes, 0, q->inputs * q->outputs * p * sizeof(float));
    for (size_t i = 0; i < q->inputs; i++) {
        const float most = norm(d, u + i * d);
        for (size_t j = 0; j < q->outputs; j++) {
            float *const to = q->votes + (i * q->outputs + j) * p;
            const float *const from = w + (i * q->outputs + j) * d * p;
            for (size_t k = 0; k < d; k++)
                for (size_t l = 0; l < p; l++)
                    to[l] += from[k * p + l] * u[i * d + k];
            const float length = norm(p, to);
            if (o->routing == NET_ROUTING_SDA && length > most)
                for (size_t l = 0; l < p; l++)
                    to[l] *= most / length;
        }
    }
}

static void softmax(size_t n, const float *logits, float *shares)
{
    float most = logits[0], sum = 0;
    for (size_t k = 1; k < n; k++)
        most = fmaxf(most, logits[k]);
    for (size_t k = 0; k < n; k++)
        sum += shares[k] = expf(logits[k] - most);
    for (size_t k = 0; k < n; k++)
        shares[k] /= sum;
}

static void gather(VizRouting *q, size_t r, const float *bias)
{
    const size_t p = q->pose;
    const float *const c = q->coefficients + r * q->inputs * q->outputs;
    float *const v = q->poses + r * q->outputs * p;
    for (size_t k = 0; k < q->outputs * p; k++)
        v[k] = bias ? bias[k] : 0;
    for (size_t i = 0; i < q->inputs; i++)
        for (size_t j = 0; j < q->outputs; j++) {
            const float *const from = q->votes + (i * q->outputs + j) * p;
            for (size_t l = 0; l < p; l++)
                v[j * p + l] += c[i * q->outputs + j] * from[l];
        }
    for (size_t j = 0; j < q->outputs; j++) {
        const float length = norm(p, v + j * p);
        for (size_t l = 0; l < p; l++)
            v[j * p + l] *= length / (1 + length * length);
    }
}

/* What output capsules think of the votes: logits of the next iteration. */
static void agree(const NetCapsules *o, VizRouting *q, size_t r)
{
    const size_t p = q->pose, pairs = q->inputs * q->outputs;
    const float *const v = q->poses + r * q->outputs * p;
    double mean = 0;
    for (size_t k = 0; k < pairs; k++) {
        const float *const of = q->votes + k * p, *const to = v + k % q->outputs * p;
        float dot = 0, apart = 0;
        for (size_t l = 0; l < p; l++) {
            dot += of[l] * to[l];
            apart += (to[l] - of[l]) * (to[l] - of[l]);
        }
        if (o->routing == NET_ROUTING_RBA)
            q->logits[k] += dot;
        else
            q->logits[k] = sqrtf(apart);
        mean += (double)q->logits[k] / (double)pairs;
    }
    if (o->routing == NET_ROUTING_RBA)
        return;
    const double near = log(0.9 * ((double)q->outputs - 1)), far = log(1 - 0.9);
    const double t = o->sharpness == NET_SHARPNESS_FORMULA ? (near - far) / (-mean / 2)
                                                           : near - far / (-mean / 2);
    for (size_t k = 0; k < pairs; k++)
        q->logits[k] *= (float)t;
}

SimStatus viz_routing_run(const NetCapsules *o, size_t inputs, const float *weights,
                          const float *bias, const float *u, VizRouting *q)
{
    const SimStatus status =
        reserve(q, inputs, (size_t)o->capsules, (size_t)o->pose, (size_t)o->iterations);
    if (status != SIM_OK)
        return status;
    vote(o, q, weights, u);
    memset(q->logits, 0, inputs * q->outputs * sizeof(float));
    for (size_t r = 0; r < q->iterations; r++) {
        for (size_t i = 0; i < inputs; i++)
            softmax(q->outputs, q->logits + i * q->outputs,
                    q->coefficients + (r * inputs + i) * q->outputs);
        gather(q, r, bias);
        agree(o, q, r);
    }
    return SIM_OK;
}

/* --- decoder
 * ---------------------------------------------------------------------------- */

struct VizDecoder {
    SimContext context; /* its own: that of the subject is at work elsewhere */
    NetGraph graph;
    NetParams params;
    Net *net;
    size_t poses;
};

void viz_decoder_destroy(VizDecoder *decoder)
{
    if (!decoder)
        return;
    net_destroy(decoder->net);
    net_params_destroy(&decoder->params);
    net_graph_destroy(&decoder->graph);
    free(decoder);
}

static int mask_of(const NetGraph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].layer == &net_layer_capsule_mask)
            return (int)i;
    return -1;
}

/* The node that reads nothing but `node`, or -1. */
static int next_of(const NetGraph *graph, int node)
{
    for (size_t i = (size_t)node + 1; i < graph->n_nodes; i++)
        if (graph->nodes[i].n_inputs == 1 && graph->nodes[i].inputs[0] == node)
            return (int)i;
    return -1;
}

static size_t size_of(const VizSubject *subject, int node)
{
    for (size_t i = 0; i < subject->n_layers; i++)
        if (subject->layers[i].node == node)
            return subject->layers[i].h * subject->layers[i].w * subject->layers[i].c;
    return 0;
}

SimStatus viz_decoder_create(const VizSubject *subject, VizDecoder **out)
{
    SimStatus status = SIM_OK;
    const NetGraph *const from = subject->graph;
    const int mask = from ? mask_of(from) : -1;
    const int first = mask >= 0 ? next_of(from, mask) : -1;
    const size_t poses = mask >= 0 ? size_of(subject, from->nodes[mask].inputs[0]) : 0;
    VizDecoder *decoder = NULL;
    if (first < 0 || poses == 0) {
        *out = NULL;
        return SIM_OK;
    }
    decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a decoder");
    decoder->poses = poses;
    SIM_TRY(sim_context_create(1, NULL, &decoder->context));
    int x = net_graph_input(&decoder->graph, "poses", 1, 1, poses, true);
    for (int node = first; node >= 0; node = next_of(from, node))
        x = net_graph_add(&decoder->graph, from->nodes[node].layer,
                          from->nodes[node].options, 1, &x, "%s", from->nodes[node].name);
    net_graph_output(&decoder->graph, x);
    SIM_TRY(net_graph_status(&decoder->graph));
    SIM_TRY(
        net_params_create(&decoder->graph, 1, 0, &decoder->context, &decoder->params));
    for (size_t i = 0; i < decoder->params.n_rows; i++) {
        const NetParam *const to = &decoder->params.rows[i];
        const NetParam *const of = net_params_find(subject->params, to->name);
        if (of && of->count == to->count)
            memcpy(net_params_write(&decoder->params, i), of->values,
                   to->count * sizeof *to->values);
    }
    const NetPlanOptions options = {.batch = 1, .steps = 1};
    SIM_TRY(net_create(&decoder->graph, &decoder->params, &options, &decoder->context,
                       &decoder->net));
    *out = decoder;
    decoder = NULL;
out:
    viz_decoder_destroy(decoder);
    return status;
}

size_t viz_decoder_poses(const VizDecoder *decoder)
{
    return decoder->poses;
}

const float *viz_decoder_run(VizDecoder *decoder, const float *poses, size_t *n)
{
    memcpy(net_input(decoder->net, 0).f32, poses, decoder->poses * sizeof *poses);
    net_reset(decoder->net);
    net_forward(decoder->net, 1, NULL, 0);
    const SimTensor output = net_output(decoder->net, 0);
    *n = sim_shape_step(output.shape);
    return output.f32;
}
