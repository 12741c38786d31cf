/* tests/viz/panel_harness.c: see panel_harness.h. */
#include "tests/viz/panel_harness.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nets/model.h"
#include "tests/support.h"

static const SyntheticOptions sides[VIZ_SIDES] = {
    {.timed = true, .potential = true, .rate = 0.12, .title = "standard net"},
    {.timed = true, .potential = true, .rate = 0.06, .title = "dendritic net"},
};

void harness_begin(PanelHarness *h, const char *panel, int n_sides, size_t now)
{
    *h = (PanelHarness){.panel = viz_panel_find(panel),
                        .choice = {.layer = -1, .channel = -1}};
    cr_assert_not_null(h->panel, "there is no panel %s", panel);
    h->state = calloc(1, h->panel->state_bytes + 1);
    viz_theme_make(true, &h->theme);
    h->view = (VizView){.theme = &h->theme,
                        .clock = &h->clock,
                        .choice = &h->choice,
                        .headless = true,
                        .n_sides = (size_t)n_sides};
    VizTimeline timeline = {.end_us = 1000000};
    for (int i = 0; i < n_sides; i++) {
        VizSource *source;
        VizSide *const side = &h->view.sides[i];
        cr_assert_eq(synthetic_source_create(&sides[i], &source), SIM_OK);
        cr_assert_eq(viz_feed_create(source, 64 << 20, &side->feed), SIM_OK, "%s",
                     sim_message());
        side->subject = viz_feed_subject(side->feed);
        timeline = (VizTimeline){.end_us = side->subject->edges_us[SYNTHETIC_STEPS],
                                 .edges_us = side->subject->edges_us,
                                 .n_steps = SYNTHETIC_STEPS,
                                 .timed = true};
        h->choice.layer = SYNTHETIC_WIDE;
        h->view.now = now;
        h->view.end = SYNTHETIC_STEPS;
    }
    viz_clock_init(&h->clock, timeline);
    viz_clock_seek_step(&h->clock, now);
    harness_settle(h);
}

void harness_settle(PanelHarness *h)
{
    VizWants wants = {.layer = h->choice.layer, .n_picks = h->choice.n_picks};
    memcpy(wants.picks, h->choice.picks, sizeof wants.picks);
    for (size_t i = 0; i < h->view.n_sides; i++) {
        VizFeed *const feed = h->view.sides[i].feed;
        viz_feed_frame(feed, h->view.now, h->view.first, h->view.end, &wants);
        cr_assert_eq(viz_feed_wait(feed), SIM_OK, "%s", sim_message());
        viz_feed_frame(feed, h->view.now, h->view.first, h->view.end, &wants);
    }
}

void harness_end(PanelHarness *h)
{
    if (h->panel->destroy)
        h->panel->destroy(h->state);
    free(h->state);
    for (size_t i = 0; i < h->view.n_sides; i++)
        viz_feed_destroy(h->view.sides[i].feed);
    viz_draw_destroy(&h->draw);
    net_params_destroy(&h->params);
    net_graph_destroy(&h->graph);
    test_folder_remove();
}

void harness_net(PanelHarness *h)
{
    static const NetModelInput input = {
        .h = 8, .w = 8, .c = 2, .classes = 10, .steps = 4};
    const NetModel *const model = net_model_find("mlp");
    void *const options = calloc(1, model->options_size);
    NeuronSpec neuron;
    sim_options_init(model->options, options);
    model->neuron(options, &neuron);
    cr_assert_eq(model->build(options, &input, &neuron, &h->graph), SIM_OK);
    free(options);
    cr_assert_eq(sim_context_create(1, NULL, &h->context), SIM_OK);
    cr_assert_eq(net_params_create(&h->graph, input.steps, 1, &h->context, &h->params),
                 SIM_OK);
    h->subject = *h->view.sides[0].subject;
    h->subject.graph = &h->graph;
    h->subject.params = &h->params;
    h->subject.context = &h->context;
    h->view.sides[0].subject = &h->subject;
}

void harness_run_line(PanelHarness *h, const char *file, const char *line)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", h->folder, file);
    FILE *const to = fopen(path, "a");
    cr_assert_not_null(to);
    cr_assert_geq(fputs(line, to), 0);
    cr_assert_eq(fclose(to), 0);
}

void harness_run(PanelHarness *h)
{
    h->folder = test_folder();
    for (int epoch = 1; epoch <= HARNESS_EPOCHS; epoch++) {
        char line[256];
        snprintf(line, sizeof line,
                 "{\"epoch\": %d, \"lr\": 0.001, \"train_loss\": %g, "
                 "\"train_accuracy\": %g, \"test_loss\": %g, \"test_accuracy\": %g, "
                 "\"firing_rate\": 0.125}\n",
                 epoch, 2.0 / epoch, 1 - 0.5 / epoch, 2.5 / epoch, 1 - 0.75 / epoch);
        harness_run_line(h, "log.jsonl", line);
        snprintf(line, sizeof line, "{\"epoch\": %d, \"spike0\": 0.1, \"spike1\": %g}\n",
                 epoch, 0.02 * epoch);
        harness_run_line(h, "rates.jsonl", line);
    }
    h->view.runs[h->view.n_runs++] = h->folder;
}

void harness_draw(PanelHarness *h, VizRect area)
{
    h->area = area;
    viz_draw_begin(&h->draw, synthetic_fonts(), area);
    h->panel->draw(h->state, &h->view, &h->draw, area);
}

static bool send(PanelHarness *h, VizInputKind kind, float x, float y, int hit)
{
    const VizInput input = {.kind = kind, .x = x, .y = y, .clicks = 1, .hit = hit};
    return h->panel->input && h->panel->input(h->state, &h->view, &input, h->area);
}

static int hit_at(const PanelHarness *h, float x, float y)
{
    const VizHit *const hit = viz_hit_at(&h->draw, x, y);
    return hit ? hit->id : -1;
}

bool harness_press(PanelHarness *h, float x, float y)
{
    return send(h, VIZ_PRESS, x, y, hit_at(h, x, y));
}

bool harness_click(PanelHarness *h, float x, float y)
{
    const int hit = hit_at(h, x, y);
    const bool pressed = send(h, VIZ_PRESS, x, y, hit);
    return send(h, VIZ_RELEASE, x, y, hit) || pressed;
}

bool harness_key(PanelHarness *h, uint32_t key)
{
    const VizInput input = {.kind = VIZ_KEY, .key = key, .hit = -1};
    return h->panel->input && h->panel->input(h->state, &h->view, &input, h->area);
}

const VizCommand *harness_command(const PanelHarness *h, VizOp op, size_t k)
{
    size_t at = 0;
    for (const VizCommand *c; (c = viz_command_next(&h->draw, &at));)
        if (c->op == (uint32_t)op && k-- == 0)
            return c;
    return NULL;
}

bool harness_has_text(const PanelHarness *h, const char *part)
{
    const VizCommand *c;
    for (size_t k = 0; (c = harness_command(h, VIZ_OP_TEXT, k)); k++)
        if (strstr(viz_command_data(c), part))
            return true;
    return false;
}

VizRect harness_text_rect(const PanelHarness *h, const VizCommand *c)
{
    const float width = viz_text_width(&h->draw, c->font, viz_command_data(c));
    const float height = viz_line_height(&h->draw, c->font);
    const float back = c->align == VIZ_RIGHT    ? width
                       : c->align == VIZ_CENTRE ? width / 2
                                                : 0;
    if (c->up)
        return (VizRect){c->rect.x, c->rect.y - width + back, height, width};
    return (VizRect){c->rect.x - back, c->rect.y, width, height};
}

char *harness_csv(PanelHarness *h)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const out = open_memstream(&text, &size);
    cr_assert_not_null(out);
    cr_assert_not_null(h->panel->csv, "%s writes no table", h->panel->name);
    cr_assert_eq(h->panel->csv(h->state, &h->view, out), SIM_OK, "%s", sim_message());
    fclose(out);
    return text;
}
