/* tests/viz/test_panels_capsules.c: routing and decoder seen from outside are those of
 * the net. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets/model.h"
#include "sim/rng.h"
#include "tests/viz/panel_harness.h"
#include "viz/capsules.h"
#include "viz/source_net.h"

enum { I = 7, J = 4, D = 3, P = 5 };

static float random_number(uint64_t index)
{
    const SimRng rng = {.seed = 5, .purpose = SIM_RNG_TEST};
    return (float)sim_rng_below(rng, index, 2001) / 1000 - 1;
}

static SimContext context(void)
{
    SimContext made;
    cr_assert_eq(sim_context_create(1, NULL, &made), SIM_OK);
    return made;
}

/* The layer itself, on one image. */
static void expect_as_the_layer(const NetCapsules *options)
{
    const SimContext machine = context();
    NetGraph graph = {0};
    NetParams params;
    Net *net;
    VizRouting routing = {0};
    const int x = net_graph_input(&graph, "u", 1, 1, I * D, true);
    const int y = net_graph_add(&graph, &net_layer_capsules, options, 1, &x, "caps");
    net_graph_output(&graph, y);
    cr_assert_eq(net_params_create(&graph, 1, 1, &machine, &params), SIM_OK, "%s",
                 sim_message());
    const NetPlanOptions plan = {.batch = 1, .steps = 1};
    cr_assert_eq(net_create(&graph, &params, &plan, &machine, &net), SIM_OK, "%s",
                 sim_message());
    const NetParam *const weight = net_params_find(&params, "caps.weight");
    float *const weights = net_params_write(&params, (size_t)(weight - params.rows));
    const NetParam *const bias = net_params_find(&params, "caps.bias");
    float *const u = net_input(net, 0).f32;
    for (uint64_t k = 0; k < I * J * D * P; k++)
        weights[k] = random_number(k);
    for (uint64_t k = 0; k < I * D; k++)
        u[k] = random_number(9000 + k);
    net_forward(net, 1, NULL, 0);
    cr_assert_eq(
        viz_routing_run(options, I, weights, bias ? bias->values : NULL, u, &routing),
        SIM_OK);
    const float *const poses = routing.poses + (routing.iterations - 1) * J * P;
    for (size_t k = 0; k < J * P; k++)
        cr_expect_float_eq(poses[k], net_output(net, 0).f32[k], 1e-4f, "number %zu", k);
    for (size_t k = 0; k < routing.iterations * I; k++) {
        double sum = 0;
        for (size_t j = 0; j < J; j++)
            sum += (double)routing.coefficients[k * J + j];
        cr_expect_float_eq(sum, 1, 1e-5);
    }
    cr_expect_float_eq(routing.coefficients[0], 1.0f / J, 1e-6f, "even at first");
    viz_routing_destroy(&routing);
    net_destroy(net);
    net_params_destroy(&params);
    net_graph_destroy(&graph);
}

Test(capsules_view, routing_is_that_of_the_layer)
{
    NetCapsules options;
    sim_options_init(net_layer_capsules.options, &options);
    options.capsules = J, options.pose = P, options.pose_in = D, options.iterations = 3;
    options.routing = NET_ROUTING_RBA;
    expect_as_the_layer(&options);
    options.bias = true;
    expect_as_the_layer(&options);
    options.routing = NET_ROUTING_SDA;
    expect_as_the_layer(&options);
    options.sharpness = NET_SHARPNESS_CODE;
    expect_as_the_layer(&options);
}

/* --- a small CapsNet, live
 * -------------------------------------------------------------- */

typedef struct Live {
    SimContext context;
    NetGraph graph;
    NetParams params;
    float *frames; /* [1,12,12,1] */
    char *classes[3];
    VizSource *source;
} Live;

static void live_begin(Live *live)
{
    static const char *const settings[][2] = {
        {"channels", "16"}, {"kernel", "3"}, {"decoder", "9"}, {"deviation", "0.3"}};
    static char names[3][8] = {"one", "two", "three"};
    static const NetModelInput input = {
        .h = 12, .w = 12, .c = 1, .classes = 3, .steps = 2, .constant = true};
    const NetModel *const model = net_model_find("capsnet");
    void *const options = calloc(1, model->options_size);
    NeuronSpec neuron;
    *live = (Live){.context = context()};
    sim_options_init(model->options, options);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        cr_assert_eq(
            sim_option_set(model->options, options, settings[i][0], settings[i][1]),
            SIM_OK);
    model->neuron(options, &neuron);
    cr_assert_eq(model->build(options, &input, &neuron, &live->graph), SIM_OK, "%s",
                 sim_message());
    free(options);
    cr_assert_eq(net_params_create(&live->graph, 2, 1, &live->context, &live->params),
                 SIM_OK, "%s", sim_message());
    live->frames = calloc(144, sizeof *live->frames);
    for (uint64_t i = 0; i < 144; i++)
        live->frames[i] = fabsf(random_number(i));
    for (size_t i = 0; i < 3; i++)
        live->classes[i] = names[i];
    const VizNetOptions source = {.graph = &live->graph,
                                  .params = &live->params,
                                  .context = &live->context,
                                  .n_steps = 2,
                                  .frames = live->frames,
                                  .constant = true,
                                  .title = "capsnet",
                                  .input = "noise",
                                  .note = "",
                                  .classes = (const char *const *)live->classes,
                                  .n_classes = 3,
                                  .label = 1};
    cr_assert_eq(viz_source_net_create(&source, &live->source), SIM_OK, "%s",
                 sim_message());
}

static void live_end(Live *live) /* the feed has closed the source */
{
    free(live->frames);
    net_params_destroy(&live->params);
    net_graph_destroy(&live->graph);
}

/* The panel in front of the live net instead of the synthetic one. */
static void begin(PanelHarness *h, Live *live)
{
    harness_begin(h, "capsules", HARNESS_EMPTY, 0);
    live_begin(live);
    VizSide *const side = &h->view.sides[0];
    cr_assert_eq(viz_feed_create(live->source, 16 << 20, &side->feed), SIM_OK);
    side->subject = viz_feed_subject(side->feed);
    h->view.n_sides = 1;
    h->view.now = 1;
    h->view.end = 2;
    harness_settle(h);
}

Test(capsules_view, table_is_what_the_net_says)
{
    PanelHarness h;
    Live live;
    begin(&h, &live);
    cr_assert(h.panel->available(&h.view));
    const VizStep *const step = viz_view_step(&h.view, 1);
    const int caps = viz_subject_find(h.view.sides[0].subject, "caps2");
    const int length = viz_subject_find(h.view.sides[0].subject, "length");
    cr_assert(caps >= 0 && length >= 0);
    cr_assert_not_null(step->values[caps]);
    cr_assert_not_null(step->values[length]);
    char *const table = harness_csv(&h);
    const char *line = table;
    for (size_t j = 0; j < 3; j++) {
        size_t number;
        double seen;
        line = strchr(line, '\n') + 1;
        cr_assert_eq(sscanf(line, "%zu,%lf,", &number, &seen), 2);
        cr_expect_eq(number, j);
        cr_expect_float_eq(seen, (double)step->values[length][j], 1e-5);
    }
    free(table);
    harness_end(&h);
    live_end(&live);
}

Test(capsules_view, decoder_is_that_of_the_net)
{
    PanelHarness h;
    Live live;
    VizDecoder *decoder;
    begin(&h, &live);
    const VizSubject *const subject = h.view.sides[0].subject;
    const VizStep *const step = viz_view_step(&h.view, 1);
    const int mask = viz_subject_find(subject, "mask");
    const int picture = viz_subject_find(subject, "decoder");
    cr_assert(mask >= 0 && picture >= 0);
    cr_assert_eq(viz_decoder_create(subject, &decoder), SIM_OK, "%s", sim_message());
    cr_assert_not_null(decoder);
    cr_expect_eq(viz_decoder_poses(decoder), 3 * 16);
    size_t n;
    const float *const made = viz_decoder_run(decoder, step->values[mask], &n);
    cr_assert_eq(n, 144);
    for (size_t i = 0; i < n; i++)
        cr_expect_float_eq(made[i], step->values[picture][i], 1e-5f);
    viz_decoder_destroy(decoder);
    harness_end(&h);
    live_end(&live);
}

Test(capsules_view, sliders_change_the_picture)
{
    PanelHarness h;
    Live live;
    begin(&h, &live);
    harness_draw(&h, (VizRect){0, 0, 1240, 740});
    cr_expect(harness_has_text(&h, "iteration 1: 33.3 %"), "the first is even");
    cr_expect(harness_has_text(&h, "iteration 3"));
    const uint64_t before = viz_draw_hash(&h.draw);
    size_t sliders = 0;
    for (size_t i = 0; i < h.draw.n_hits; i++)
        sliders += h.draw.hits[i].id >= 1000 && h.draw.hits[i].id < 1016;
    cr_expect_eq(sliders, 16, "one for each number of a pose");
    for (size_t i = 0; i < h.draw.n_hits; i++)
        if (h.draw.hits[i].id == 1000) {
            const VizRect at = h.draw.hits[i].area;
            cr_expect(harness_press(&h, at.x + at.w - 8, at.y + at.h / 2));
            break;
        }
    harness_draw(&h, (VizRect){0, 0, 1240, 740});
    cr_expect_neq(viz_draw_hash(&h.draw), before);
    cr_expect(harness_key(&h, 'r'));
    harness_draw(&h, (VizRect){0, 0, 1240, 740});
    cr_expect_eq(viz_draw_hash(&h.draw), before, "r brings it back");
    harness_draw(&h, (VizRect){0, 0, 40, 30});
    harness_end(&h);
    live_end(&live);
}
