/* bench/subject.c: published nets on random data. */
#include "bench/subject.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/loss.h"
#include "nets/model.h"

static const float density = 0.1f; /* of events in the input */

/* clang-format off */
const BenchNet bench_nets[] = {
    {"sresnet", "sresnet", .loss = "cross_entropy", .batch = 4, .steps = 10, .side = 64, .channels = 2, .classes = 10},
    {"msresnet", "msresnet", {"first_gamma=1", "second_gamma=1"}, .loss = "cross_entropy", .batch = 4, .steps = 8, .side = 48, .channels = 2, .classes = 10, .plain_neuron = true},
    {"sewresnet", "sewresnet", .loss = "cross_entropy", .batch = 4, .steps = 8, .side = 48, .channels = 2, .classes = 10, .plain_neuron = true},
    {"revsresnet", "revsresnet", .loss = "cross_entropy", .batch = 4, .steps = 10, .side = 64, .channels = 2, .classes = 10},
    {"mocapsnet", "mocapsnet", .loss = "margin", .optimiser = "adam", .batch = 128, .steps = 1, .side = 28, .channels = 1, .classes = 10, .constant = true},
    {.name = NULL},
};
/* clang-format on */

const BenchNet *bench_net_find(const char *name)
{
    const char *names[sizeof bench_nets / sizeof *bench_nets] = {NULL};
    for (size_t i = 0; bench_nets[i].name; i++) {
        if (strcmp(bench_nets[i].name, name) == 0)
            return &bench_nets[i];
        names[i] = bench_nets[i].name;
    }
    sim_unknown(name, names, NULL, "no net to measure is called");
    return NULL;
}

static SimStatus describe(const BenchNet *of, const char *surrogate, size_t steps,
                          NetGraph *graph)
{
    SimStatus status = SIM_OK;
    const NetModel *const model = net_model_find(of->model);
    NeuronSpec neuron = neuron_spec_default();
    void *const options = calloc(1, model->options_size);
    if (!options)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the options of %s", of->model);
    sim_options_init(model->options, options);
    if (!of->plain_neuron)
        model->neuron(options, &neuron);
    SIM_TRY(neuron_spec_set(&neuron, "surrogate", surrogate));
    if (strcmp(surrogate, "triangle") == 0)
        SIM_TRY(neuron_spec_set(&neuron, "surrogate_scale", "0.3"));
    for (const char *const *setting = of->settings; *setting; setting++) {
        char key[64];
        const char *const value = strchr(*setting, '=') + 1;
        snprintf(key, sizeof key, "%.*s", (int)(value - *setting - 1), *setting);
        SIM_TRY(sim_option_set(model->options, options, key, value));
    }
    const NetModelInput input = {.h = of->side,
                                 .w = of->side,
                                 .c = of->channels,
                                 .classes = of->classes,
                                 .steps = steps,
                                 .constant = of->constant};
    SIM_TRY(model->build(options, &input, &neuron, graph));
out:
    free(options);
    return status;
}

static size_t frame_count(const BenchSubject *subject)
{
    return subject->batch * subject->of->side * subject->of->side * subject->of->channels;
}

static SimStatus draw_frames(BenchSubject *subject)
{
    const SimRng rng = {.seed = 1, .purpose = SIM_RNG_TEST};
    const bool constant = subject->of->constant;
    const size_t n = (constant ? 1 : subject->steps) * frame_count(subject);
    subject->frames = malloc(n * sizeof *subject->frames);
    if (!subject->frames)
        return sim_fail(SIM_ERR_MEMORY, "no memory for the input");
    for (size_t i = 0; i < n; i++) {
        const float u = sim_rng_uniform(rng, i);
        subject->frames[i] = constant ? u : u < density ? 1.0f : 0.0f;
    }
    return SIM_OK;
}

SimStatus bench_subject_create(const BenchNet *of, const BenchOptions *options,
                               NetMemory memory, bool training, size_t window,
                               const SimContext *context, BenchSubject *subject)
{
    SimStatus status = SIM_OK;
    NetOptimiserOptions optimiser;
    *subject = (BenchSubject){.of = of,
                              .context = context,
                              .batch = options->batch ? options->batch : of->batch,
                              .steps = options->steps ? options->steps : of->steps};
    subject->before = bench_resident() - bench_code();
    sim_options_init(net_optimiser_options, &optimiser);
    if (of->optimiser) {
        SIM_TRY(sim_option_set(net_optimiser_options, &optimiser, "optimiser",
                               of->optimiser));
        optimiser.lr = 1e-3;
    }
    subject->lr = optimiser.lr;
    SIM_TRY(describe(of, options->surrogate, subject->steps, &subject->graph));
    SIM_TRY(
        net_params_create(&subject->graph, subject->steps, 0, context, &subject->params));
    if (training)
        SIM_TRY(net_optimiser_create(&optimiser, &subject->params, context,
                                     &subject->optimiser));
    subject->labels = calloc(subject->batch, sizeof *subject->labels);
    if (!subject->labels) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for %zu labels", subject->batch);
        goto out;
    }
    for (size_t i = 0; i < subject->batch; i++)
        subject->labels[i] = (uint32_t)(i % of->classes);
    SIM_TRY(draw_frames(subject));
    const NetPlanOptions plan = {.batch = subject->batch,
                                 .steps = subject->steps,
                                 .window = window,
                                 .training = training,
                                 .memory = memory};
    SIM_TRY(net_create(&subject->graph, &subject->params, &plan, context, &subject->net));
out:
    if (status != SIM_OK)
        bench_subject_destroy(subject);
    return status;
}

void bench_subject_destroy(BenchSubject *subject)
{
    net_destroy(subject->net);
    net_optimiser_destroy(subject->optimiser);
    net_params_destroy(&subject->params);
    net_graph_destroy(&subject->graph);
    free(subject->labels);
    free(subject->frames);
    *subject = (BenchSubject){0};
}

void bench_fill_input(BenchSubject *subject, size_t nt)
{
    const size_t steps = subject->of->constant ? 1 : nt;
    memcpy(net_input(subject->net, 0).f32, subject->frames,
           steps * frame_count(subject) * sizeof *subject->frames);
}

static size_t value_count(const NetParams *params)
{
    return params->values.size / sizeof(float);
}

/* Running statistics become those of the input: a net of a few training steps would else
 * stay silent where one that has learned does not. */
static void settle(BenchSubject *subject)
{
    for (size_t i = 0; i < subject->graph.n_nodes; i++)
        if (subject->graph.nodes[i].layer == &net_layer_norm)
            ((NetNorm *)subject->graph.nodes[i].options)->momentum = 1.0;
    bench_fill_input(subject, subject->steps);
    net_forward(subject->net, subject->steps, subject->labels, subject->step);
}

SimStatus bench_subject_learned(BenchSubject *subject, float **out)
{
    const NetParams *const params = &subject->params;
    const size_t n = value_count(params);
    settle(subject);
    float *const learned = malloc((n + params->n_nodes) * sizeof *learned);
    if (!learned)
        return sim_fail(SIM_ERR_MEMORY, "no memory for what a net has learned");
    memcpy(learned, params->values.base, n * sizeof *learned);
    memcpy(learned + n, params->density, params->n_nodes * sizeof *learned);
    *out = learned;
    return SIM_OK;
}

void bench_subject_teach(BenchSubject *subject, const float *learned)
{
    NetParams *const params = &subject->params;
    const size_t n = value_count(params);
    memcpy(net_params_write_all(params), learned, n * sizeof *learned);
    memcpy(params->density, learned + n, params->n_nodes * sizeof *learned);
}

void bench_train(void *of)
{
    BenchSubject *const subject = of;
    NetLossOptions options;
    sim_options_init(net_loss_options, &options);
    sim_option_set(net_loss_options, &options, "loss", subject->of->loss);
    bench_fill_input(subject, subject->steps); /* its place is used by later layers */
    net_forward(subject->net, subject->steps, subject->labels, subject->step++);
    net_loss(&options, subject->net, subject->batch, subject->labels, true);
    net_zero_gradients(subject->net);
    net_backward(subject->net);
    net_optimiser_step(subject->optimiser, subject->net, subject->lr);
}

void bench_infer(void *of)
{
    BenchSubject *const subject = of;
    bench_fill_input(subject, subject->steps);
    net_reset(subject->net);
    net_forward(subject->net, subject->steps, NULL, 0);
}

double bench_activation_bytes(const BenchSubject *subject)
{
    const size_t copies =
        2 + (subject->optimiser ? net_optimiser_slots(subject->optimiser) : 0);
    return bench_peak() - bench_code() - subject->before -
           (double)(copies * subject->params.n_trained * sizeof(float));
}

double bench_planned_bytes(const BenchSubject *subject)
{
    const NetMemoryInfo memory = net_memory_info(subject->net);
    return (double)(memory.total - memory.gradients);
}

double bench_rate(const BenchSubject *subject)
{
    double sum = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < subject->graph.n_nodes; i++) {
        const NetActivity activity = net_activity(subject->net, i);
        if (activity.spiking && activity.neuron_steps > 0) {
            sum += activity.spikes / activity.neuron_steps;
            n++;
        }
    }
    return n ? sum / (double)n : (double)NAN;
}
