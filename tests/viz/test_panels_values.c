/* tests/viz/test_panels_values.c: what panels show is what the steps hold. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/store.h"
#include "tests/viz/panel_harness.h"
#include "viz/plot.h"
#include "viz/runlog.h"

enum { NOW = 14 };
static const VizRect large = {20, 30, 1240, 740};
static const SyntheticOptions as_made = {.timed = true, .potential = true, .rate = 0.12};

/* The line of a table that starts with `start`; NULL: none. */
static const char *line_of(const char *table, const char *start)
{
    while (table && strncmp(table, start, strlen(start)) != 0) {
        table = strchr(table, '\n');
        table = table ? table + 1 : NULL;
    }
    return table;
}

static size_t n_lines(const char *table)
{
    size_t n = 0;
    for (; *table; table++)
        n += *table == '\n';
    return n;
}

/* --- layers
 * ----------------------------------------------------------------------- */

Test(layers, a_shape_is_whole_or_not_there)
{
    PanelHarness h;
    size_t wide = 0, close = 0, without = 0;
    harness_begin(&h, "layers", HARNESS_ONE, 5);
    for (float width = 190; width < 420; width += 5) {
        harness_draw(&h, (VizRect){0, 0, width, 80});
        const bool has_wide = harness_has_text(&h, "12 \xc3\x97 16 \xc3\x97 16"),
                   has_close = harness_has_text(&h, "12\xc3\x97"
                                                    "16\xc3\x97"
                                                    "16");
        wide += has_wide;
        close += has_close;
        without += !has_wide && !has_close;
        if (!has_wide && !has_close)
            cr_expect(!harness_has_text(&h, "12 \xc3\x97") &&
                          !harness_has_text(&h, "12\xc3\x97"),
                      "cut at a width of %g", (double)width);
    }
    cr_expect(wide && close && without, "%zu, %zu, %zu", wide, close, without);
    harness_end(&h);
}

/* --- feature maps
 * ----------------------------------------------------------------------- */

/* The picture of a channel: they are drawn in order, the legend before them. */
static VizRect map_of(const PanelHarness *h, size_t channel)
{
    const VizCommand *c;
    for (size_t k = 0; (c = harness_command(h, VIZ_OP_IMAGE, k)); k++)
        if (c->w == 16 && c->h == 16 && channel-- == 0)
            return c->rect;
    cr_assert_fail("the map is not drawn");
    return (VizRect){0};
}

static void pixel_middle(const PanelHarness *h, size_t channel, size_t x, size_t y,
                         float *at_x, float *at_y)
{
    const VizRect map = map_of(h, channel);
    *at_x = map.x + map.w * ((float)x + 0.5f) / 16;
    *at_y = map.y + map.h * ((float)y + 0.5f) / 16;
}

Test(maps, a_click_picks_the_neuron_below)
{
    PanelHarness h;
    float x, y;
    harness_begin(&h, "maps", HARNESS_ONE, NOW);
    harness_draw(&h, large);
    pixel_middle(&h, 5, 3, 9, &x, &y);
    cr_expect(harness_click(&h, x, y));
    cr_assert_eq(h.choice.n_picks, 1);
    cr_expect_eq(h.choice.picks[0].layer, SYNTHETIC_WIDE);
    cr_expect_eq(h.choice.picks[0].neuron, (9 * 16 + 3) * 12 + 5);
    cr_expect_eq(h.choice.channel, 5);
    cr_expect(harness_click(&h, x, y));
    cr_expect_eq(h.choice.n_picks, 0, "a second click lets it go");

    /* What lies under the pointer stays there when the wheel turns. */
    const VizInput wheel = {.kind = VIZ_WHEEL, .x = x, .y = y, .dy = 3, .hit = -1};
    cr_expect(h.panel->input(h.state, &h.view, &wheel, h.area));
    const float before = map_of(&h, 0).w;
    harness_draw(&h, large);
    cr_expect_gt(map_of(&h, 0).w, 1.5f * before);
    cr_expect(harness_click(&h, x, y));
    cr_assert_eq(h.choice.n_picks, 1);
    cr_expect_eq(h.choice.picks[0].neuron, (9 * 16 + 3) * 12 + 5);

    /* A drag moves the maps and picks nothing. */
    const VizInput drag = {.kind = VIZ_DRAG, .x = x, .y = y, .dx = 40, .hit = 100};
    const float left = map_of(&h, 0).x;
    harness_press(&h, x, y);
    cr_expect(h.panel->input(h.state, &h.view, &drag, h.area));
    const VizInput release = {.kind = VIZ_RELEASE, .x = x, .y = y, .hit = 100};
    h.panel->input(h.state, &h.view, &release, h.area);
    cr_expect_eq(h.choice.n_picks, 1);
    harness_draw(&h, large);
    cr_expect_float_eq(map_of(&h, 0).x, left + 40, 0.01f);
    harness_end(&h);
}

Test(maps, pixels_are_spikes)
{
    PanelHarness h;
    harness_begin(&h, "maps", HARNESS_ONE, NOW);
    harness_draw(&h, large);
    VizSurface surface = {calloc(1280 * 800, sizeof(VizColour)), 1280, 800};
    viz_paint(&h.draw, &surface);
    for (uint64_t i = 0; i < 300; i++) {
        const uint64_t neuron = i * 10 % 3072;
        const bool fires = synthetic_fires(&as_made, SYNTHETIC_WIDE, NOW, neuron);
        float x, y;
        pixel_middle(&h, neuron % 12, neuron / 12 % 16, neuron / 12 / 16, &x, &y);
        cr_expect_eq(surface.pixels[(size_t)y * 1280 + (size_t)x],
                     h.theme.ink[fires ? 255 : 0], "neuron %zu", (size_t)neuron);
    }
    free(surface.pixels);
    harness_end(&h);
}

Test(maps, table_has_every_neuron)
{
    PanelHarness h;
    harness_begin(&h, "maps", HARNESS_ONE, NOW);
    char *table = harness_csv(&h);
    cr_expect_eq(n_lines(table), 1 + 16 * 16 * 12);
    cr_expect(line_of(table, "x,y,channel,spikes\n") == table);
    for (uint64_t channel = 0; channel < 12; channel++) {
        char start[64];
        const uint64_t neuron = (7 * 16 + 4) * 12 + channel;
        snprintf(start, sizeof start, "4,7,%zu,%d\n", (size_t)channel,
                 synthetic_fires(&as_made, SYNTHETIC_WIDE, NOW, neuron));
        cr_expect_not_null(line_of(table, start), "no line %s", start);
    }
    free(table);
    harness_key(&h, 'v'); /* rates */
    harness_key(&h, 'v'); /* membranes */
    table = harness_csv(&h);
    const char *const line = line_of(table, "4,7,3,");
    cr_assert_not_null(line);
    cr_expect_float_eq(
        atof(line + 6),
        synthetic_membrane(&as_made, SYNTHETIC_WIDE, NOW, (7 * 16 + 4) * 12 + 3), 1e-6);
    free(table);
    harness_end(&h);
}

/* --- traces
 * ------------------------------------------------------------------------------ */

Test(traces, a_stroke_for_each_spike)
{
    PanelHarness h;
    const uint64_t neuron = 1234;
    harness_begin(&h, "traces", HARNESS_ONE, NOW);
    viz_view_pick(&h.view, SYNTHETIC_WIDE, neuron);
    harness_settle(&h);
    harness_draw(&h, large);
    size_t wanted = 0, strokes = 0;
    for (size_t k = 0; k < SYNTHETIC_STEPS; k++)
        wanted += synthetic_fires(&as_made, SYNTHETIC_WIDE, k, neuron);
    const VizCommand *c;
    for (size_t k = 0; (c = harness_command(&h, VIZ_OP_LINES, k)); k++) {
        const VizPoint *const p = viz_command_data(c);
        if (c->n == 2 && p[0].x == p[1].x && c->colour == h.theme.series[0] &&
            c->a == 2.5f) {
            cr_expect_lt(p[1].y, p[0].y, "a spike is drawn up");
            strokes++;
        }
    }
    cr_expect_gt(wanted, 2);
    cr_expect_eq(strokes, wanted, "%zu strokes for %zu spikes", strokes, wanted);
    char *const table = harness_csv(&h);
    cr_expect_eq(n_lines(table), 1 + SYNTHETIC_STEPS);
    const char *const line = line_of(table, "3,17.5,spike1,1234,");
    cr_assert_not_null(line, "%s", table);
    cr_expect_float_eq(atof(line + strlen("3,17.5,spike1,1234,")),
                       synthetic_membrane(&as_made, SYNTHETIC_WIDE, 3, neuron), 1e-6);
    free(table);
    harness_end(&h);
}

Test(traces, branches_have_their_own_lines)
{
    PanelHarness h;
    harness_begin(&h, "traces", HARNESS_ONE, NOW);
    viz_view_pick(&h.view, SYNTHETIC_DEEP, 555);
    harness_settle(&h);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "branch 1") && harness_has_text(&h, "branch 2"));
    harness_end(&h);
}

/* --- readout, compare
 * -------------------------------------------------------------------- */

Test(readout, tells_the_answer_and_since_when)
{
    PanelHarness h;
    harness_begin(&h, "readout", HARNESS_ONE, 3);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "dog") && harness_has_text(&h, "wrong, it is cat"));
    h.view.now = NOW;
    harness_settle(&h);
    harness_draw(&h, large);
    char since[64];
    snprintf(since, sizeof since, "the answer since step %d of %d", SYNTHETIC_SETTLED + 1,
             SYNTHETIC_STEPS);
    cr_expect(harness_has_text(&h, since), "not \"%s\"", since);
    cr_expect(harness_has_text(&h, "right"));
    char *const table = harness_csv(&h);
    cr_expect_eq(n_lines(table), 1 + SYNTHETIC_STEPS);
    cr_expect_not_null(line_of(table, "7,dog,"));
    cr_expect_not_null(line_of(table, "8,cat,"));
    free(table);
    harness_end(&h);
}

Test(compare, rates_of_both)
{
    PanelHarness h;
    harness_begin(&h, "compare", HARNESS_TWO, NOW);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "standard net") &&
              harness_has_text(&h, "dendritic net"));
    const SyntheticOptions both[2] = {as_made, {.rate = 0.06}};
    double rates[2] = {0, 0};
    for (int side = 0; side < 2; side++)
        for (size_t k = 0; k <= NOW; k++)
            for (uint64_t i = 0; i < 3072; i++)
                rates[side] += synthetic_fires(&both[side], SYNTHETIC_WIDE, k, i) /
                               (3072.0 * (NOW + 1)) * 100;
    char *const table = harness_csv(&h);
    const char *const line = line_of(table, "spike1,");
    cr_assert_not_null(line);
    char *second;
    cr_expect_float_eq(strtod(line + 7, &second), rates[0], 1e-6);
    cr_expect_float_eq(strtod(second + 1, NULL), rates[1], 1e-6);
    free(table);
    harness_end(&h);
}

/* --- statistics
 * -------------------------------------------------------------------------- */

Test(statistics, silent_neurons_are_counted)
{
    PanelHarness h;
    harness_begin(&h, "statistics", HARNESS_ONE, NOW);
    size_t silent = 0, spikes = 0;
    for (uint64_t i = 0; i < 3072; i++) {
        size_t fired = 0;
        for (size_t k = 0; k <= NOW; k++)
            fired += synthetic_fires(&as_made, SYNTHETIC_WIDE, k, i);
        silent += fired == 0;
        spikes += fired;
    }
    char *const table = harness_csv(&h);
    double now, mean, never, always;
    const char *const line = line_of(table, "spike1,3072,");
    cr_assert_not_null(line);
    cr_assert_eq(
        sscanf(line, "spike1,3072,%lf,%lf,%lf,%lf", &now, &mean, &never, &always), 4);
    cr_expect_float_eq(never, 100.0 * (double)silent / 3072, 1e-3);
    cr_expect_float_eq(mean, 100.0 * (double)spikes / 3072 / (NOW + 1), 1e-3);
    cr_expect_eq(always, 0);
    free(table);
    harness_end(&h);
}

/* --- neuron lab
 * -------------------------------------------------------------------------- */

Test(lab, one_dendritic_unit_solves_xor)
{
    PanelHarness h;
    harness_begin(&h, "lab", HARNESS_EMPTY, 0);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "XOR 3 of 4"), "a line cannot");
    cr_expect(harness_has_text(&h, "XOR 4 of 4"), "a dendritic unit can");
    char *const table = harness_csv(&h);
    cr_expect_not_null(
        line_of(table, "input_1,input_2,standard_tanh,dendritic_xnor_ail"));
    size_t n = 0;
    for (const char *at = strchr(table, '\n') + 1; *at; at = strchr(at, '\n') + 1, n++) {
        double x1, x2, standard, dendritic;
        cr_assert_eq(sscanf(at, "%lf,%lf,%lf,%lf", &x1, &x2, &standard, &dendritic), 4);
        cr_expect_float_eq(standard, tanh(x1 + x2 + 1), 1e-4);
        const double least = fmin(fabs(x1), fabs(x2));
        cr_expect_float_eq(dendritic, x1 * x2 < 0 ? least : -least, 1e-4);
    }
    cr_expect_gt(n, 1000);
    free(table);
    harness_end(&h);
}

Test(lab, a_slider_moves_the_boundary)
{
    PanelHarness h;
    harness_begin(&h, "lab", HARNESS_EMPTY, 0);
    harness_draw(&h, large);
    char *const before = harness_csv(&h);
    size_t moved = 0;
    for (size_t i = 0; i < h.draw.n_hits; i++)
        if (h.draw.hits[i].id == 1) { /* weight 1 */
            const VizRect at = h.draw.hits[i].area;
            cr_expect(harness_press(&h, at.x + 8, at.y + at.h / 2));
            moved++;
            break;
        }
    cr_assert_eq(moved, 1, "there is no slider");
    char *const after = harness_csv(&h);
    cr_expect_str_neq(before, after);
    free(before);
    free(after);
    harness_end(&h);
}

/* --- memory
 * ------------------------------------------------------------------------------ */

Test(memory, is_that_of_the_plan)
{
    PanelHarness h;
    harness_begin(&h, "memory", HARNESS_ONE, NOW);
    harness_net(&h);
    char *const table = harness_csv(&h);
    const NetPlanOptions options = {.batch = 16,
                                    .steps = SYNTHETIC_STEPS,
                                    .training = true,
                                    .memory = NET_MEMORY_KEEP};
    Net *net;
    cr_assert_eq(net_create(&h.graph, &h.params, &options, &h.context, &net), SIM_OK,
                 "%s", sim_message());
    for (size_t i = 0; i < h.graph.n_nodes; i++) {
        char start[128];
        snprintf(start, sizeof start, "%s,%zu,", h.graph.nodes[i].name,
                 net_node_info(net, i).kept_bytes);
        cr_expect_not_null(line_of(table, start), "no line %s", start);
    }
    net_destroy(net);
    free(table);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "keep: "));
    harness_end(&h);
}

Test(memory, amounts_are_short)
{
    char text[32];
    cr_expect_str_eq(viz_bytes(0, text, sizeof text), "0 B");
    cr_expect_str_eq(viz_bytes(999, text, sizeof text), "999 B");
    cr_expect_str_eq(viz_bytes(1536, text, sizeof text), "1.50 KiB");
    cr_expect_str_eq(viz_bytes(27.0 * 1048576, text, sizeof text), "27.0 MiB");
}

/* --- training
 * ---------------------------------------------------------------------------- */

Test(training, follows_a_run)
{
    PanelHarness h;
    harness_begin(&h, "training", HARNESS_EMPTY, 0);
    harness_run(&h);
    char *table = harness_csv(&h);
    cr_expect_eq(n_lines(table), 1 + HARNESS_EPOCHS);
    cr_expect_not_null(strstr(table, ",4,0.5,,0.625,0.875,,0.8125,0.125\n"), "%s", table);
    free(table);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "spike0") && harness_has_text(&h, "spike1"));

    harness_run_line(&h, "log.jsonl", "{\"epoch\": 13, \"train_loss\": 0.01}\n");
    harness_run_line(&h, "log.jsonl", "{\"epo"); /* as a reader might catch it */
    table = harness_csv(&h);
    cr_expect_eq(n_lines(table), 2 + HARNESS_EPOCHS);
    free(table);
    harness_end(&h);
}

/* A checkpoint as far as the log reads it: all weights are `value`. */
static void write_checkpoint(const char *folder, const char *name, double epoch,
                             float value)
{
    char path[128];
    const double progress[5] = {epoch};
    const size_t one[1] = {5}, weight[2] = {40, 300}, bias[1] = {40};
    float *const values = calloc(40 * 300, sizeof *values);
    for (size_t i = 0; i < 40 * 300; i++)
        values[i] = value;
    SimStore *store;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(sim_store_create(path, &store), SIM_OK, "%s", sim_message());
    cr_assert_eq(sim_store_write(store, "progress", SIM_F64, 1, one, progress), SIM_OK);
    cr_assert_eq(sim_store_write(store, "net/fc.weight", SIM_F32, 2, weight, values),
                 SIM_OK);
    cr_assert_eq(sim_store_write(store, "net/fc.bias", SIM_F32, 1, bias, values), SIM_OK);
    cr_assert_eq(sim_store_commit(store), SIM_OK, "%s", sim_message());
    sim_store_close(store);
    free(values);
}

Test(training, weights_move)
{
    PanelHarness h;
    char path[128];
    harness_begin(&h, "training", HARNESS_EMPTY, 0);
    harness_run(&h);
    write_checkpoint(h.folder, "best.h5", 3, 2);
    write_checkpoint(h.folder, "last.h5", 5, 3);
    VizRunlog *log;
    cr_assert_eq(viz_runlog_create(h.folder, &log), SIM_OK);
    for (int frame = 0; frame < 20; frame++) /* an array a frame */
        viz_runlog_poll(log, frame, false);
    const VizWeights *const now = viz_runlog_weights(log);
    const VizWeights *const before = viz_runlog_weights_before(log);
    cr_assert_eq(now->n_rows, 1, "the bias is no weight");
    cr_assert_eq(before->n_rows, 1);
    cr_expect_eq(before->epoch, 3);
    cr_expect_eq(now->epoch, 5);
    cr_expect_eq(now->rows[0].count, 40 * 300);
    cr_expect_eq(now->rows[0].n, VIZ_SAMPLES);
    cr_expect_float_eq(viz_weight_change(&before->rows[0], &now->rows[0]), 0.5, 1e-6);
    viz_runlog_destroy(log);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "fc.weight") && harness_has_text(&h, "50 %"));

    /* Damage is a sentence, not an end. */
    snprintf(path, sizeof path, "%s/last.h5", h.folder);
    cr_assert_eq(truncate(path, 700), 0);
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "fc.weight"), "what was read before stays");
    remove(path);
    snprintf(path, sizeof path, "%s/best.h5", h.folder);
    remove(path);
    harness_end(&h);
}

Test(training, a_folder_that_is_not_there)
{
    PanelHarness h;
    harness_begin(&h, "training", HARNESS_EMPTY, 0);
    h.view.runs[h.view.n_runs++] = "/no/such/folder";
    harness_draw(&h, large);
    cr_expect(harness_has_text(&h, "/no/such/folder"));
    harness_end(&h);
    VizRunlog *log = NULL;
    cr_expect_eq(viz_runlog_create("/no/such/folder", &log), SIM_ERR_IO);
    cr_expect_null(log);
}
