/* Optimisers against PyTorch 1.13 (double precision), schedules against closed forms. The
 * net is one linear layer that sees a one: the gradient of its weights is what the caller
 * says arrives at the output. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/layers.h"
#include "nets/optimiser.h"
#include "nets/optimiser_internal.h"
#include "tests/support.h"

enum { MAX_WEIGHTS = 50000 };

typedef struct Bench {
    SimContext context;
    NetGraph graph;
    NetParams params;
    Net *net;
    NetOptimiser *optimiser;
    size_t n;
} Bench;

static void open_bench(Bench *b, const NetOptimiserOptions *options, size_t n,
                       int threads, const char *isa)
{
    *b = (Bench){.n = n};
    cr_assert_eq(sim_context_create(threads, isa, &b->context), SIM_OK);
    NetLinear linear;
    sim_options_init(net_layer_linear.options, &linear);
    linear.channels = (int64_t)n;
    linear.bias = false;
    const int in = net_graph_input(&b->graph, "in", 1, 1, 1, true);
    const int out = net_graph_add(&b->graph, &net_layer_linear, &linear, 1, &in, "fc");
    net_graph_output(&b->graph, out);
    const NetPlanOptions plan = {.batch = 1, .steps = 1, .training = true};
    cr_assert_eq(net_params_create(&b->graph, 1, 5, &b->context, &b->params), SIM_OK,
                 "%s", sim_message());
    cr_assert_eq(net_create(&b->graph, &b->params, &plan, &b->context, &b->net), SIM_OK,
                 "%s", sim_message());
    cr_assert_eq(net_optimiser_create(options, &b->params, &b->context, &b->optimiser),
                 SIM_OK, "%s", sim_message());
}

static void close_bench(Bench *b)
{
    net_optimiser_destroy(b->optimiser);
    net_destroy(b->net);
    net_params_destroy(&b->params);
    net_graph_destroy(&b->graph);
}

/* One step with the gradient (step + 1) / 2 base + 0.3 w. */
static double step(Bench *b, const float *base, size_t number, double lr)
{
    net_input(b->net, 0).f32[0] = 1.0f;
    net_forward(b->net, 1, NULL, number);
    net_zero_gradients(b->net);
    float *d = net_output_gradient(b->net, 0);
    const float *w = b->params.rows[0].values;
    for (size_t i = 0; i < b->n; i++)
        d[i] = base[i % 4] * (float)(number + 1) * 0.5f + 0.3f * w[i];
    net_backward(b->net);
    return net_optimiser_step(b->optimiser, b->net, lr);
}

static const float base[4] = {1.0f, -0.5f, 0.25f, 2.0f};
static const float start[4] = {0.5f, -1.25f, 2.0f, 0.03125f};

typedef struct Case {
    NetOptimiserOptions options;
    double after[4];
} Case;

ParameterizedTestParameters(optimiser, five_steps_of_pytorch)
{
    static Case cases[] = {
        {{.kind = NET_SGD, .lr = 0.1},
         {-0.291299928, -0.713084062, 1.537301316, -1.414498443}},
        {{.kind = NET_SGD, .lr = 0.1, .momentum = 0.9},
         {-1.194241020, -0.035776012, 0.888120723, -3.001600545}},
        {{.kind = NET_SGD, .lr = 0.1, .momentum = 0.9, .weight_decay = 0.05},
         {-1.210139030, 0.028217985, 0.779061862, -2.979102980}},
        {{.kind = NET_SGD,
          .lr = 0.1,
          .momentum = 0.9,
          .nesterov = true,
          .weight_decay = 0.05},
         {-1.730455624, 0.375142924, 0.486295260, -3.935680985}},
        {{.kind = NET_SGD, .lr = 0.1, .momentum = 0.9, .clip = 1.5},
         {-0.357576221, -0.588755339, 1.349749912, -1.458710158}},
        {{.kind = NET_ADAM, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
         {0.451017562, -1.200183315, 1.949794271, -0.017281338}},
        {{.kind = NET_ADAM,
          .lr = 0.01,
          .beta1 = 0.8,
          .beta2 = 0.95,
          .epsilon = 1e-4,
          .weight_decay = 0.1},
         {0.449996663, -1.199470628, 1.949494097, -0.018338194}},
        {{.kind = NET_ADAMW,
          .lr = 0.01,
          .beta1 = 0.9,
          .beta2 = 0.999,
          .epsilon = 1e-8,
          .weight_decay = 0.1},
         {0.448620449, -1.194044059, 1.939913680, -0.017339628}},
    };
    return cr_make_param_array(Case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(const Case *c, optimiser, five_steps_of_pytorch)
{
    Bench b;
    open_bench(&b, &c->options, 4, 1, NULL);
    memcpy(net_params_write(&b.params, 0), start, sizeof start);
    for (size_t s = 0; s < 5; s++)
        step(&b, base, s, c->options.lr);
    for (size_t i = 0; i < 4; i++)
        cr_expect_float_eq((double)b.params.rows[0].values[i], c->after[i], 1e-6,
                           "weight %zu is %.9g, PyTorch has %.9g", i,
                           (double)b.params.rows[0].values[i], c->after[i]);
    cr_expect_eq(net_optimiser_steps(b.optimiser), 5);
    close_bench(&b);
}

static const NetOptimiserOptions all_kinds[] = {
    {.kind = NET_SGD, .lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .clip = 3.0},
    {.kind = NET_ADAM, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
    {.kind = NET_ADAMW,
     .lr = 0.01,
     .beta1 = 0.9,
     .beta2 = 0.999,
     .epsilon = 1e-8,
     .weight_decay = 0.1},
};
enum { N_KINDS = sizeof all_kinds / sizeof *all_kinds };

Test(optimiser, same_bits_for_all_threads_and_levels)
{
    static const char *const isas[] = {"ref", NULL};
    float *first = malloc(MAX_WEIGHTS * sizeof *first);
    for (size_t k = 0; k < N_KINDS; k++)
        for (int run = 0; run < 6; run++) {
            Bench b;
            open_bench(&b, &all_kinds[k], MAX_WEIGHTS, run / 2 + 1, isas[run % 2]);
            for (size_t s = 0; s < 3; s++)
                step(&b, base, s, all_kinds[k].lr);
            const float *w = b.params.rows[0].values;
            if (run == 0)
                memcpy(first, w, MAX_WEIGHTS * sizeof *w);
            cr_expect(memcmp(first, w, MAX_WEIGHTS * sizeof *w) == 0,
                      "kind %zu: %d threads, %s", k, run / 2 + 1,
                      run % 2 ? "best level" : "reference");
            close_bench(&b);
        }
    free(first);
}

/* Stopped after two steps and continued from the slots: the same bits as without. */
Test(optimiser, continues_from_its_slots)
{
    for (size_t k = 0; k < N_KINDS; k++) {
        Bench whole, before, after;
        open_bench(&whole, &all_kinds[k], 4, 1, NULL);
        open_bench(&before, &all_kinds[k], 4, 1, NULL);
        open_bench(&after, &all_kinds[k], 4, 1, NULL);
        for (size_t s = 0; s < 4; s++)
            step(&whole, base, s, 0.02);
        for (size_t s = 0; s < 2; s++)
            step(&before, base, s, 0.02);
        memcpy(net_params_write(&after.params, 0), before.params.rows[0].values,
               sizeof start);
        const size_t slots = net_optimiser_slots(before.optimiser);
        cr_assert_eq(slots, all_kinds[k].kind == NET_SGD ? 1 : 2);
        for (size_t s = 0; s < slots; s++) {
            cr_assert(*net_optimiser_slot_name(before.optimiser, s));
            memcpy(net_optimiser_slot(after.optimiser, s, 0),
                   net_optimiser_slot(before.optimiser, s, 0), sizeof start);
        }
        net_optimiser_set_steps(after.optimiser, net_optimiser_steps(before.optimiser));
        for (size_t s = 2; s < 4; s++)
            step(&after, base, s, 0.02);
        cr_expect_arr_eq(whole.params.rows[0].values, after.params.rows[0].values,
                         sizeof start, "kind %zu", k);
        close_bench(&whole);
        close_bench(&before);
        close_bench(&after);
    }
}

Test(optimiser, norm_of_the_gradient)
{
    const NetOptimiserOptions options = {.kind = NET_SGD, .lr = 0.1};
    Bench b;
    open_bench(&b, &options, MAX_WEIGHTS, 2, NULL);
    memset(net_params_write(&b.params, 0), 0, MAX_WEIGHTS * sizeof(float));
    const double square = 0.25 * (1.0 + 0.25 + 0.0625 + 4.0) * MAX_WEIGHTS / 4.0;
    cr_expect_float_eq(step(&b, base, 0, 0.1), sqrt(square), 1e-9 * sqrt(square));
    close_bench(&b);
}

/* --- schedules -----------------------------------------------------------------------
 */

static double lr(const NetOptimiserOptions *o, double epoch, size_t epochs)
{
    return net_schedule_lr(o, epoch, epochs);
}

Test(schedule, cosine_of_pytorch)
{
    const NetOptimiserOptions o = {.lr = 0.1,
                                   .schedule = NET_SCHEDULE_COSINE,
                                   .schedule_epochs = 64,
                                   .lr_min = 0.001};
    const struct {
        double epoch, lr;
    } rows[] = {{0, 0.1},     {1, 0.09994037508215604},    {17, 0.08374216826492739},
                {32, 0.0505}, {63, 0.0010596249178439659}, {64, 0.001},
                {80, 0.001}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_float_eq(lr(&o, rows[i].epoch, 10), rows[i].lr, 1e-12, "epoch %g",
                           rows[i].epoch);
    const NetOptimiserOptions all = {.lr = 1.0, .schedule = NET_SCHEDULE_COSINE};
    cr_expect_float_eq(lr(&all, 5.0, 10), 0.5, 1e-12, "T_max 0 is all epochs");
}

Test(schedule, drops)
{
    NetOptimiserOptions o = {.lr = 1.0,
                             .schedule = NET_SCHEDULE_STEP,
                             .schedule_epochs = 3,
                             .schedule_factor = 0.1};
    cr_expect_float_eq(lr(&o, 2.999, 10), 1.0, 1e-12);
    cr_expect_float_eq(lr(&o, 3.0, 10), 0.1, 1e-12);
    cr_expect_float_eq(lr(&o, 6.5, 10), 0.01, 1e-12);
    o.schedule = NET_SCHEDULE_LIST;
    strcpy(o.schedule_at, "0.7,0.8,0.9");
    for (size_t epochs = 10; epochs <= 300; epochs += 10)
        for (size_t drop = 7; drop <= 9; drop++) {
            const double at = (double)(epochs * drop / 10);
            const double before = pow(0.1, (double)drop - 7.0);
            cr_expect_float_eq(lr(&o, at - 0.01, epochs), before, 1e-9 * before);
            cr_expect_float_eq(lr(&o, at, epochs), 0.1 * before, 1e-9 * before,
                               "%zu of %zu epochs", (size_t)at, epochs);
        }
    strcpy(o.schedule_at, "2, 150");
    cr_expect_float_eq(lr(&o, 149.0, 300), 0.1, 1e-12);
    cr_expect_float_eq(lr(&o, 150.0, 300), 0.01, 1e-12);
}

Test(schedule, warmup_rises_to_the_schedule)
{
    const NetOptimiserOptions o = {
        .lr = 2.0, .schedule = NET_SCHEDULE_CONSTANT, .warmup = 4};
    cr_expect_float_eq(lr(&o, 0.0, 10), 0.02, 1e-12);
    cr_expect_float_eq(lr(&o, 2.0, 10), 2.0 * 0.505, 1e-12);
    cr_expect_float_eq(lr(&o, 4.0, 10), 2.0, 1e-12);
    for (double e = 0.0; e < 5.0; e += 0.125)
        cr_expect_leq(lr(&o, e, 10), lr(&o, e + 0.125, 10));
}

Test(schedule, nonsense_is_refused)
{
    NetOptimiserOptions o = {.lr = 0.1, .schedule = NET_SCHEDULE_LIST};
    cr_expect_neq(net_schedule_check(&o), SIM_OK, "no list");
    static const char *const wrong[] = {"a", "0.5,,0.7", "-1", "nan", "0.5;0.7"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        strcpy(o.schedule_at, wrong[i]);
        cr_expect_neq(net_schedule_check(&o), SIM_OK, "\"%s\"", wrong[i]);
    }
    strcpy(o.schedule_at, "0.5,0.75");
    cr_expect_eq(net_schedule_check(&o), SIM_OK);
    o = (NetOptimiserOptions){.schedule = NET_SCHEDULE_STEP};
    cr_expect_neq(net_schedule_check(&o), SIM_OK, "no epochs between drops");
}

Test(optimiser, nesterov_without_momentum_is_refused)
{
    NetParams none = {0};
    SimContext context;
    cr_assert_eq(sim_context_create(1, NULL, &context), SIM_OK);
    const NetOptimiserOptions o = {.kind = NET_SGD, .nesterov = true};
    NetOptimiser *optimiser = NULL;
    cr_expect_eq(net_optimiser_create(&o, &none, &context, &optimiser), SIM_ERR_VALUE);
    cr_expect_null(optimiser);
}
