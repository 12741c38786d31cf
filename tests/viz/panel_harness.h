/* tests/viz/panel_harness.h: a panel in front of a synthetic view, its list read back. */
#pragma once

#include "tests/viz/synthetic.h"
#include "viz/draw_internal.h"
#include "viz/paint.h"
#include "viz/panel.h"

typedef struct PanelHarness {
    const VizPanel *panel;
    void *state;
    VizTheme theme;
    VizClock clock;
    VizChoice choice;
    VizView view;
    VizDraw draw;
    VizRect area;
    VizSubject subject; /* side 0, where it has a net */
    NetGraph graph;
    NetParams params;
    SimContext context;
    const char *folder; /* of the test, a run, where there is one */
} PanelHarness;

enum { HARNESS_EMPTY, HARNESS_ONE, HARNESS_TWO }; /* sides */

/* Steps 0 .. SYNTHETIC_STEPS - 1 are there, the cursor stands at `now`. */
void harness_begin(PanelHarness *harness, const char *panel, int sides, size_t now);
void harness_end(PanelHarness *harness);
/* After a change of picks or layer: steps made for these. */
void harness_settle(PanelHarness *harness);
void harness_draw(PanelHarness *harness, VizRect area);

/* Side 0 gets a net that can be planned, "mlp". */
void harness_net(PanelHarness *harness);
/* A run folder of HARNESS_EPOCHS epochs, with rates of two layers. */
enum { HARNESS_EPOCHS = 12 };
void harness_run(PanelHarness *harness);
void harness_run_line(PanelHarness *harness, const char *file, const char *line);

/* At a place; returns what the panel's hook returns. */
bool harness_press(PanelHarness *harness, float x, float y);
bool harness_click(PanelHarness *harness, float x, float y); /* and released there */
bool harness_key(PanelHarness *harness, uint32_t key);

/* Reading the list. */
bool harness_has_text(const PanelHarness *harness, const char *part);
VizRect harness_text_rect(const PanelHarness *harness, const VizCommand *command);
/* The k-th command of a kind, or NULL. */
const VizCommand *harness_command(const PanelHarness *harness, VizOp op, size_t k);
/* The table behind the picture; owned. Fails the test when there is none. */
char *harness_csv(PanelHarness *harness);
