/* bench/net_step.c: time and memory of one training step and one inference pass of a
 * published net, on random events. Prints one JSON object, with the same keys as the
 * PyTorch yardstick that bench/beside_torch.sh runs next to it.
 *
 *     net_step sresnet|msresnet|sewresnet [keep|recompute] [triangle|atan|rectangle]
 * [batch] [runs]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "nets/loss.h"
#include "nets/model.h"
#include "nets/net.h"
#include "nets/optimiser.h"

enum { CLASSES = 10, MAX_RUNS = 101 };
static const float density = 0.1f; /* of events in the input */

static void must(SimStatus status)
{
    if (status == SIM_OK)
        return;
    fprintf(stderr, "net_step: %s\n", sim_message());
    exit(1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, int n)
{
    qsort(times, (size_t)n, sizeof *times, rising);
    return times[n / 2];
}

static void fill_events(SimTensor x)
{
    const SimRng rng = {.seed = 1, .purpose = SIM_RNG_TEST};
    for (size_t i = 0; i < sim_shape_count(x.shape); i++)
        x.f32[i] = sim_rng_uniform(rng, i) < density ? 1.0f : 0.0f;
}

typedef struct Bench {
    SimContext context;
    NetGraph graph;
    NetParams params;
    size_t steps, batch;
    uint32_t *labels;
} Bench;

/* The yardstick's neuron: tau 2, decayed input, threshold 1, hard reset; S-ResNet its
 * own. */
static void build(Bench *b, const char *name, const char *surrogate)
{
    const NetModel *model = net_model_find(name);
    if (!model) {
        fprintf(stderr, "net_step: no architecture \"%s\"\n", name);
        exit(2);
    }
    const bool s_resnet = strcmp(name, "sresnet") == 0;
    void *options = calloc(1, model->options_size);
    NeuronSpec neuron = neuron_spec_default();
    sim_options_init(model->options, options);
    if (s_resnet)
        model->neuron(options, &neuron);
    must(neuron_spec_set(&neuron, "surrogate", surrogate));
    if (strcmp(surrogate, "triangle") == 0)
        must(neuron_spec_set(&neuron, "surrogate_scale", "0.3"));
    if (strcmp(name, "msresnet") == 0) {
        must(sim_option_set(model->options, options, "first_gamma", "1"));
        must(sim_option_set(model->options, options, "second_gamma", "1"));
    }
    const size_t side = s_resnet ? 64 : 48;
    b->steps = s_resnet ? 10 : 8;
    const NetModelInput input = {side, side, 2, CLASSES, b->steps, false};
    must(model->build(options, &input, &neuron, &b->graph));
    must(net_params_create(&b->graph, b->steps, 0, &b->context, &b->params));
    free(options);
    b->labels = calloc(b->batch, sizeof *b->labels);
    for (size_t i = 0; i < b->batch; i++)
        b->labels[i] = (uint32_t)(i % CLASSES);
}

static double time_training(Bench *b, Net *net, int runs)
{
    NetOptimiserOptions options;
    NetOptimiser *optimiser = NULL;
    NetLossOptions loss_options;
    double times[MAX_RUNS];
    sim_options_init(net_optimiser_options, &options);
    sim_options_init(net_loss_options, &loss_options);
    must(net_optimiser_create(&options, &b->params, &b->context, &optimiser));
    for (int r = -1; r < runs; r++) {   /* the first warms up */
        fill_events(net_input(net, 0)); /* its place is used again by later layers */
        const double start = seconds();
        net_forward(net, b->steps, b->labels, (uint64_t)(r + 1));
        const SimTensor scores = net_output(net, 0);
        const NetLossRun loss = {.options = &loss_options,
                                 .steps = scores.shape.t,
                                 .n = b->batch,
                                 .classes = CLASSES,
                                 .scores = scores.f32,
                                 .labels = b->labels,
                                 .d_scores = net_output_gradient(net, 0)};
        net_losses[loss_options.kind]->apply(&loss);
        net_zero_gradients(net);
        net_backward(net);
        net_optimiser_step(optimiser, net, options.lr);
        if (r >= 0)
            times[r] = seconds() - start;
    }
    net_optimiser_destroy(optimiser);
    return median(times, runs);
}

static double time_inference(Bench *b, Net *net, int runs)
{
    double times[MAX_RUNS];
    for (int r = -1; r < runs; r++) {
        fill_events(net_input(net, 0));
        const double start = seconds();
        net_reset(net);
        net_forward(net, b->steps, NULL, 0);
        if (r >= 0)
            times[r] = seconds() - start;
    }
    return median(times, runs);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "sresnet";
    const char *memory = argc > 2 ? argv[2] : "keep";
    const char *surrogate = argc > 3 ? argv[3] : "triangle";
    Bench b = {.batch = argc > 4 ? strtoul(argv[4], NULL, 10) : 4};
    const int runs = argc > 5 ? atoi(argv[5]) : 5;
    Net *net = NULL;
    struct rusage usage;
    if (b.batch == 0 || runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "net_step: wanted a batch and 1 to %d runs\n", MAX_RUNS);
        return 2;
    }
    must(sim_context_create(0, NULL, &b.context));
    build(&b, name, surrogate);
    NetPlanOptions options = {.batch = b.batch,
                              .steps = b.steps,
                              .training = true,
                              .memory = strcmp(memory, "recompute") == 0
                                            ? NET_MEMORY_RECOMPUTE
                                            : NET_MEMORY_KEEP};
    must(net_create(&b.graph, &b.params, &options, &b.context, &net));
    const double train_s = time_training(&b, net, runs);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"net\": \"%s\", \"memory\": \"%s\", \"batch\": %zu, \"steps\": %zu, "
           "\"threads\": %d, "
           "\"isa\": \"%s\", \"parameters\": %zu, \"train_s\": %.4f, \"peak_mb\": %ld, "
           "\"plan_mb\": "
           "%.0f, \"rates\": [",
           name, memory, b.batch, b.steps, b.context.team.n_threads,
           sim_context_isa(&b.context), b.params.n_trained, train_s,
           usage.ru_maxrss / 1024, (double)net_memory_info(net).total / 1e6);
    for (size_t i = 0, n = 0; i < b.graph.n_nodes; i++) {
        const NetActivity activity = net_activity(net, i);
        if (activity.spiking)
            printf("%s%.4f", n++ ? ", " : "", activity.spikes / activity.neuron_steps);
    }
    net_destroy(net);
    options.training = false;
    options.memory = NET_MEMORY_KEEP;
    must(net_create(&b.graph, &b.params, &options, &b.context, &net));
    printf("], \"infer_s\": %.4f}\n", time_inference(&b, net, runs));
    net_destroy(net);
    free(b.labels);
    net_params_destroy(&b.params);
    net_graph_destroy(&b.graph);
    return 0;
}
