/* viz/panels/lab.c: one unit under the lens: a standard one beside a dendritic one.
 *
 * Above, what each (viz/lab_units.h) answers over the plane of two inputs, and the line
 * where it decides; the four points are a problem of logic. Below, its activation. Needs
 * no net. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/activation.h"
#include "viz/lab_units.h"
#include "viz/panel.h"
#include "viz/plot.h"

enum { CURVE = 201, SLIDERS = 40 };
enum { AND, OR, XOR, N_PROBLEMS };
enum { /* hits */
       HIT_SLIDER = 1,
       HIT_PROBLEM = 60,
       HIT_NAME = 70, /* + side: opens the list */
       HIT_BEFORE = 72,
       HIT_AFTER = 74,
       HIT_SOMA = 76,
       HIT_MAP = 80,
       HIT_LIST = 100 /* + row of the list */
};
#define CURVE_REACH 5.0

static const char *const problem_names[N_PROBLEMS] = {"AND", "OR", "XOR"};
static const char *const side_names[VIZ_LAB_SIDES] = {"standard", "dendritic"};

typedef struct Slider {
    char label[48];
    double *value;
    double low, high;
    VizRect area; /* as drawn */
} Slider;

typedef struct State {
    bool begun;
    VizLab lab;
    int problem;
    int list; /* the side whose list of functions is open; -1: none */
    Slider sliders[SLIDERS];
    size_t n_sliders;
    VizRect maps[VIZ_LAB_SIDES]; /* inside their axes */
} State;

/* --- the start ---------------------------------------------------------------------- */

static const NeuronSoma *passing_soma(void)
{
    for (const NeuronSoma *const *at = neuron_somas; *at; at++)
        if ((*at)->passes)
            return *at;
    return neuron_somas[0];
}

static void begin(State *state)
{
    static const char *const wanted[VIZ_LAB_SIDES] = {"tanh", "xnor_ail"};
    static const double weights[VIZ_LAB_SIDES][VIZ_LAB_BRANCHES][3] = {
        {{1, 1, 1}, {0, 0, 0}}, {{1, 0, 0}, {0, -1, 0}}};
    if (state->begun)
        return;
    state->begun = true;
    state->problem = XOR;
    state->list = -1;
    state->lab.soma = neuron_spec_default();
    neuron_spec_set_soma(&state->lab.soma, passing_soma());
    for (int side = 0; side < VIZ_LAB_SIDES; side++) {
        const NeuronDendrite *all[VIZ_LAB_FUNCTIONS];
        const size_t n = viz_lab_functions(side, all);
        memcpy(state->lab.units[side].weights, weights[side], sizeof weights[side]);
        for (size_t i = n; i-- > 0;)
            if (i == 0 || strcmp(all[i]->name, wanted[side]) == 0) {
                viz_lab_set_function(&state->lab, side, all[i]);
                break;
            }
    }
}

/* The class of corner k of the problem, at (x1, x2) = (-1 or 1, -1 or 1). */
static bool corner_class(int problem, size_t k)
{
    const bool a = k & 1, b = k >> 1 & 1;
    return problem == AND ? a && b : problem == OR ? a || b : a != b;
}

static bool corner_right(const State *state, int side, size_t k)
{
    const double y =
        viz_lab_answer(&state->lab, side, k & 1 ? 1 : -1, k >> 1 & 1 ? 1 : -1);
    return (y > state->lab.units[side].threshold) == corner_class(state->problem, k);
}

/* --- sliders ------------------------------------------------------------------------ */

static void add_slider(State *state, double *value, double low, double high,
                       const char *label)
{
    if (state->n_sliders == SLIDERS)
        return;
    Slider *const slider = &state->sliders[state->n_sliders++];
    *slider = (Slider){.value = value, .low = low, .high = high};
    snprintf(slider->label, sizeof slider->label, "%s", label);
}

/* Tables allow more than a slider should span. */
static void add_params(State *state, const NeuronParam *params, size_t n, double *values)
{
    for (size_t i = 0; i < n; i++) {
        const double wide = fmax(5, 2 * fabs(params[i].initial));
        add_slider(state, &values[i], fmax(params[i].low, -wide),
                   fmin(params[i].high, wide), params[i].name);
    }
}

/* Those of one side; the soma is shared and stands at the left. */
static void list_sliders(State *state, int side)
{
    VizLabUnit *const unit = &state->lab.units[side];
    for (size_t b = 0; b < viz_lab_branches(side); b++)
        for (size_t i = 0; i < 3; i++) {
            char label[48];
            if (side == VIZ_LAB_STANDARD)
                snprintf(label, sizeof label, i < 2 ? "weight %zu" : "bias", i + 1);
            else
                snprintf(label, sizeof label,
                         i < 2 ? "branch %zu: w%zu" : "branch %zu: bias", b + 1, i + 1);
            add_slider(state, &unit->weights[b][i], -3, 3, label);
        }
    add_slider(state, &unit->threshold, -3, 3, "decides above");
    if (unit->function)
        add_params(state, unit->function->params, unit->function->n_params, unit->params);
    if (side == VIZ_LAB_STANDARD && !state->lab.soma.soma->passes)
        add_params(state, state->lab.soma.soma->params, state->lab.soma.soma->n_params,
                   state->lab.soma.soma_values);
}

static void draw_sliders(State *state, const VizView *view, VizDraw *draw, VizRect area,
                         int side)
{
    const size_t first = state->n_sliders;
    list_sliders(state, side);
    const size_t n = state->n_sliders - first;
    const float least = viz_line_height(draw, VIZ_FONT_SMALL) + 4;
    const float height = fminf(area.h / (float)n, 26);
    size_t shown = height >= least ? n : (size_t)(area.h / least);
    if (area.w < 130)
        shown = 0;
    state->n_sliders = first + shown;
    for (size_t i = 0; i < shown; i++) {
        Slider *const slider = &state->sliders[first + i];
        slider->area = viz_cut_top(&area, fmaxf(height, least));
        viz_slider(draw, view->theme, slider->area, HIT_SLIDER + (int)(first + i),
                   slider->label, *slider->value, slider->low, slider->high, "");
    }
}

/* --- the plane of inputs ------------------------------------------------------------ */

/* Where the line from a to b, with values va and vb, crosses the threshold. */
static VizPoint crossing(VizPoint a, VizPoint b, double va, double vb, double threshold)
{
    const float share = va == vb ? 0.5f : (float)((threshold - va) / (vb - va));
    return (VizPoint){a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share};
}

/* Marching squares: each cell of four neighbouring answers has up to two pieces of it. */
static void draw_boundary(const State *state, VizDraw *draw, const VizPlot *plot,
                          int side, VizColour colour)
{
    const double threshold = state->lab.units[side].threshold;
    const float *const answers = state->lab.answers[side];
    const float cell_w = plot->area.w / VIZ_LAB_GRID,
                cell_h = plot->area.h / VIZ_LAB_GRID;
    for (size_t row = 0; row + 1 < VIZ_LAB_GRID; row++)
        for (size_t column = 0; column + 1 < VIZ_LAB_GRID; column++) {
            static const int dx[5] = {0, 1, 1, 0, 0}, dy[5] = {0, 0, 1, 1, 0};
            VizPoint cuts[4];
            size_t n = 0;
            for (int e = 0; e < 4; e++) {
                const size_t from =
                    (row + (size_t)dy[e]) * VIZ_LAB_GRID + column + (size_t)dx[e];
                const size_t to =
                    (row + (size_t)dy[e + 1]) * VIZ_LAB_GRID + column + (size_t)dx[e + 1];
                const double va = (double)answers[from], vb = (double)answers[to];
                if ((va > threshold) == (vb > threshold) || !isfinite(va + vb))
                    continue;
                const float x = plot->area.x + cell_w * ((float)column + 0.5f);
                const float y = plot->area.y + cell_h * ((float)row + 0.5f);
                cuts[n++] = crossing(
                    (VizPoint){x + (float)dx[e] * cell_w, y + (float)dy[e] * cell_h},
                    (VizPoint){x + (float)dx[e + 1] * cell_w,
                               y + (float)dy[e + 1] * cell_h},
                    va, vb, threshold);
            }
            for (size_t i = 0; i + 1 < n; i += 2)
                viz_line(draw, cuts[i].x, cuts[i].y, cuts[i + 1].x, cuts[i + 1].y, 2,
                         colour);
        }
}

static void draw_corners(const State *state, const VizView *view, VizDraw *draw,
                         const VizPlot *plot, int side)
{
    const VizTheme *const theme = view->theme;
    for (size_t k = 0; k < 4; k++) {
        const double x1 = k & 1 ? 1 : -1, x2 = k >> 1 & 1 ? 1 : -1;
        const VizPoint at = viz_plot_point(plot, x1, x2);
        const bool yes = corner_class(state->problem, k);
        const bool right = corner_right(state, side, k);
        viz_disc(draw, at.x, at.y, 9, theme->text);
        viz_disc(draw, at.x, at.y, 7.5f, yes ? theme->on : theme->off);
        if (!right) {
            viz_line(draw, at.x - 6, at.y - 6, at.x + 6, at.y + 6, 2.5f, theme->text);
            viz_line(draw, at.x - 6, at.y + 6, at.x + 6, at.y - 6, 2.5f, theme->text);
        }
        viz_hit(draw, (VizRect){at.x - 9, at.y - 9, 18, 18}, HIT_MAP,
                "%s of (%g, %g) is %s; this unit says %s: %.3g",
                problem_names[state->problem], x1, x2, yes ? "yes" : "no",
                right == yes ? "yes" : "no", viz_lab_answer(&state->lab, side, x1, x2));
    }
}

static void draw_plane(State *state, const VizView *view, VizDraw *draw, VizRect area,
                       int side)
{
    const VizTheme *const theme = view->theme;
    const double threshold = state->lab.units[side].threshold;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const bool roomy = area.h > 150 && area.w > 150;
    VizRect legend = {0};
    if (roomy)
        legend = viz_cut_bottom(&area, line + 4);
    const VizPlot plot = viz_plot_begin(draw, theme, area, -VIZ_LAB_REACH, VIZ_LAB_REACH,
                                        roomy ? "input 1" : NULL, -VIZ_LAB_REACH,
                                        VIZ_LAB_REACH, roomy ? "input 2" : NULL, false);
    double span =
        fmax(state->lab.high[side] - threshold, threshold - state->lab.low[side]);
    span = isfinite(span) && span > 0 ? span : 1;
    uint8_t indices[VIZ_LAB_GRID * VIZ_LAB_GRID];
    viz_table_indices(VIZ_LAB_GRID * VIZ_LAB_GRID, state->lab.answers[side],
                      (float)(threshold - span), (float)(threshold + span), indices);
    viz_image(draw, plot.area, VIZ_LAB_GRID, VIZ_LAB_GRID, indices, theme->signed_);
    state->maps[side] = plot.area;
    if (view->mouse_here && viz_inside(plot.area, view->mouse.x, view->mouse.y)) {
        const double x1 = viz_plot_x(&plot, view->mouse.x),
                     x2 = viz_plot_y(&plot, view->mouse.y);
        viz_hit(draw, plot.area, HIT_MAP, "(%.2f, %.2f): %.3g", x1, x2,
                viz_lab_answer(&state->lab, side, x1, x2));
    }
    const VizRect former = viz_draw_clip(draw, plot.area);
    draw_boundary(state, draw, &plot, side, theme->text);
    draw_corners(state, view, draw, &plot, side);
    viz_draw_unclip(draw, former);
    if (roomy)
        viz_legend(draw, theme, (VizRect){plot.area.x, legend.y, plot.area.w, legend.h},
                   theme->signed_, threshold - span, threshold + span, "output");
}

/* --- the activation ----------------------------------------------------------------- */

typedef struct Curve {
    char name[32];
    double y[CURVE];
} Curve;

/* f and its slope; or f over the first branch for three values of the second. */
static size_t curves_of(const VizLabUnit *unit, int side, Curve curves[3])
{
    const size_t n = side == VIZ_LAB_STANDARD ? 2 : 3;
    for (size_t c = 0; c < n; c++) {
        const double second = 2.0 * (double)c - 2;
        if (side == VIZ_LAB_STANDARD)
            snprintf(curves[c].name, sizeof curves[c].name, "%s", c ? "slope" : "output");
        else
            snprintf(curves[c].name, sizeof curves[c].name, "branch 2 at %g", second);
        for (size_t i = 0; i < CURVE; i++) {
            const double x = CURVE_REACH * (2.0 * (double)i / (CURVE - 1) - 1);
            const double z[VIZ_LAB_BRANCHES] = {x, second};
            double y = 0, slopes[VIZ_LAB_BRANCHES] = {0};
            neuron_activation_reference(unit->function, z, unit->params, &y, slopes,
                                        NULL);
            curves[c].y[i] = side == VIZ_LAB_STANDARD && c ? slopes[0] : y;
        }
    }
    return n;
}

static void draw_activation(const State *state, const VizView *view, VizDraw *draw,
                            VizRect area, int side)
{
    const VizTheme *const theme = view->theme;
    const VizLabUnit *const unit = &state->lab.units[side];
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    Curve curves[3];
    const size_t n = curves_of(unit, side, curves);
    double low = 0, high = 0, x[CURVE];
    for (size_t i = 0; i < CURVE; i++)
        x[i] = CURVE_REACH * (2.0 * (double)i / (CURVE - 1) - 1);
    for (size_t c = 0; c < n; c++)
        for (size_t i = 0; i < CURVE; i++)
            if (fabs(curves[c].y[i]) < 100) {
                low = fmin(low, curves[c].y[i]);
                high = fmax(high, curves[c].y[i]);
            }
    const double step = viz_round_step(high - low, 5);
    low = floor(low / step - 0.05) * step, high = ceil(high / step + 0.05) * step;
    VizRect names = viz_cut_top(&area, line + 2);
    viz_cut_left(&names, 40);
    for (size_t c = 0; c < n; c++) {
        const float width = viz_text_width(draw, VIZ_FONT_SMALL, curves[c].name) + 32;
        if (width > names.w)
            break;
        const VizRect at = viz_cut_left(&names, width);
        viz_line(draw, at.x, at.y + line / 2, at.x + 12, at.y + line / 2, 2,
                 theme->series[c]);
        viz_text(draw, VIZ_FONT_SMALL, at.x + 16, at.y, VIZ_LEFT, theme->dim, "%s",
                 curves[c].name);
    }
    const VizPlot plot = viz_plot_begin(
        draw, theme, area, -CURVE_REACH, CURVE_REACH,
        side == VIZ_LAB_STANDARD ? "weighted input" : "branch 1", low, high, "", false);
    for (size_t c = n; c-- > 0;)
        viz_plot_line(draw, &plot, CURVE, x, curves[c].y, 2, theme->series[c]);
}

/* --- the whole ---------------------------------------------------------------------- */

static void draw_list(const State *state, const VizView *view, VizDraw *draw,
                      VizRect area, int side)
{
    const NeuronDendrite *all[VIZ_LAB_FUNCTIONS];
    const size_t n = viz_lab_functions(side, all);
    const float row = viz_choice_height(draw);
    const size_t rows = (size_t)fmaxf(area.h / row, 1), columns = (n + rows - 1) / rows;
    const float width = fminf(area.w / (float)columns, 170);
    for (size_t i = 0; i < n; i++) {
        const VizRect at = {area.x + (float)(i / rows) * width,
                            area.y + (float)(i % rows) * row, width - 4, row - 2};
        const bool chosen = all[i] == state->lab.units[side].function;
        viz_round_rect(draw, at, 4, chosen ? view->theme->accent : view->theme->raised);
        viz_text_within(draw, VIZ_FONT_SMALL, at.x + 6, at.y + 2, at.w - 8, VIZ_LEFT,
                        chosen ? view->theme->panel : view->theme->text, "%s",
                        all[i]->name);
        viz_hit(draw, at, HIT_LIST + (int)i, "%s",
                all[i]->formula ? all[i]->formula : "");
    }
}

static VizRect draw_name(const State *state, const VizView *view, VizDraw *draw,
                         VizRect area, int side)
{
    const VizTheme *const theme = view->theme;
    const VizLabUnit *const unit = &state->lab.units[side];
    const float height = viz_line_height(draw, VIZ_FONT_NORMAL) + 6;
    VizRect head = viz_cut_top(&area, height);
    size_t right = 0;
    for (size_t k = 0; k < 4; k++)
        right += corner_right(state, side, k);
    char text[96];
    snprintf(text, sizeof text, "%s %zu of 4", problem_names[state->problem], right);
    const float width = viz_text_width(draw, VIZ_FONT_NORMAL, text) + 8;
    if (head.w > width + 2 * height + 8 + 190)
        viz_text(draw, VIZ_FONT_NORMAL, head.x + head.w, head.y + 3, VIZ_RIGHT,
                 right == 4 ? theme->good : theme->bad, "%s", text);
    viz_button(draw, theme, viz_cut_left(&head, height), HIT_BEFORE + side, "‹", false,
               "the function before");
    viz_cut_left(&head, 4);
    const float room = fminf(head.w - height - 4, 190);
    const VizRect name = viz_cut_left(&head, room);
    viz_round_rect(draw, name, 4, theme->raised);
    viz_text_within(draw, VIZ_FONT_NORMAL, name.x + 8, name.y + 3, name.w - 12, VIZ_LEFT,
                    theme->text, "%s: %s", side_names[side], unit->function->name);
    viz_hit(draw, name, HIT_NAME + side, "%s (%s); click for all functions",
            unit->function->summary, unit->function->source);
    viz_cut_left(&head, 4);
    viz_button(draw, theme, viz_cut_left(&head, height), HIT_AFTER + side, "›", false,
               "the next function");
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect formula = viz_cut_top(&area, line + 8);
    viz_text_within(draw, VIZ_FONT_SMALL, formula.x, formula.y + 4, formula.w, VIZ_LEFT,
                    theme->dim, "%s",
                    unit->function->formula ? unit->function->formula : "");
    return area;
}

static void draw_side(State *state, const VizView *view, VizDraw *draw, VizRect area,
                      int side)
{
    if (!state->lab.units[side].function)
        return;
    area = draw_name(state, view, draw, area, side);
    if (state->list == side) {
        draw_list(state, view, draw, area, side);
        return;
    }
    if (area.w < 60 || area.h < 40)
        return;
    if (area.w >= 420 && area.h >= 260) { /* sliders beside the plane */
        const float high = fminf(0.58f * area.h, 0.55f * area.w);
        VizRect top = viz_cut_top(&area, high);
        const VizRect plane = viz_cut_left(&top, high);
        draw_plane(state, view, draw, plane, side);
        viz_cut_left(&top, 16);
        viz_cut_top(&area, 10);
        draw_activation(state, view, draw, area, side);
        draw_sliders(state, view, draw, top, side);
        return;
    }
    const float high = area.h < 220 ? area.h : fminf(area.w, 0.5f * area.h);
    draw_plane(state, view, draw, viz_cut_top(&area, high), side);
    viz_cut_top(&area, 6);
    if (area.h > 320)
        draw_activation(state, view, draw, viz_cut_top(&area, 0.45f * area.h), side);
    if (area.h > 40)
        draw_sliders(state, view, draw, area, side);
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    begin(state);
    if (!state->lab.units[VIZ_LAB_STANDARD].function ||
        !state->lab.units[VIZ_LAB_DENDRITIC].function) {
        viz_nothing(draw, view->theme, area,
                    "This build has no functions of two branches to compare.");
        return;
    }
    if (!state->lab.fresh)
        viz_lab_compute(&state->lab);
    state->n_sliders = 0;
    area = viz_inset(area, 8);
    if (area.h > 120 && area.w > 200) {
        VizRect head = viz_cut_top(&area, viz_choice_height(draw));
        viz_cut_top(&area, 8);
        viz_cut_left(&head, viz_choice(draw, view->theme, head.x, head.y, HIT_PROBLEM,
                                       N_PROBLEMS, problem_names, (size_t)state->problem,
                                       "the problem of the four points (p)"));
        viz_cut_left(&head, 12);
        const char *const soma = state->lab.soma.soma->name;
        const char *const labels[1] = {soma};
        if (head.w > 120) {
            viz_text(draw, VIZ_FONT_SMALL, head.x, head.y + 3, VIZ_LEFT, view->theme->dim,
                     "soma");
            viz_cut_left(&head, viz_text_width(draw, VIZ_FONT_SMALL, "soma") + 8);
            viz_cut_left(&head, viz_choice(draw, view->theme, head.x, head.y, HIT_SOMA, 1,
                                           labels, 1, "the next soma (o)"));
            viz_text_within(draw, VIZ_FONT_SMALL, head.x + 10, head.y + 3, head.w - 10,
                            VIZ_LEFT, view->theme->dim, "%s",
                            state->lab.soma.soma->passes
                                ? "the output is the activation itself"
                                : "the output is its mean over 32 steps");
        }
    }
    VizRect left = viz_cut_left(&area, area.w / 2);
    viz_cut_right(&left, 8);
    viz_cut_left(&area, 8);
    draw_side(state, view, draw, left, VIZ_LAB_STANDARD);
    draw_side(state, view, draw, area, VIZ_LAB_DENDRITIC);
}

/* --- hearing ------------------------------------------------------------------------ */

static void step_function(State *state, int side, int by)
{
    const NeuronDendrite *all[VIZ_LAB_FUNCTIONS];
    const int n = (int)viz_lab_functions(side, all);
    for (int i = 0; i < n; i++)
        if (all[i] == state->lab.units[side].function) {
            viz_lab_set_function(&state->lab, side, all[(i + by + n) % n]);
            return;
        }
}

static void next_soma(State *state)
{
    for (const NeuronSoma *const *at = neuron_somas; *at; at++)
        if (*at == state->lab.soma.soma) {
            viz_lab_set_soma(&state->lab, at[1] ? at[1] : neuron_somas[0]);
            return;
        }
}

static bool press(State *state, int hit)
{
    if (hit >= HIT_PROBLEM && hit < HIT_PROBLEM + N_PROBLEMS)
        state->problem = hit - HIT_PROBLEM;
    else if (hit == HIT_NAME || hit == HIT_NAME + 1)
        state->list = state->list == hit - HIT_NAME ? -1 : hit - HIT_NAME;
    else if (hit == HIT_BEFORE || hit == HIT_BEFORE + 1)
        step_function(state, hit - HIT_BEFORE, -1);
    else if (hit == HIT_AFTER || hit == HIT_AFTER + 1)
        step_function(state, hit - HIT_AFTER, 1);
    else if (hit == HIT_SOMA)
        next_soma(state);
    else if (hit >= HIT_LIST && state->list >= 0) {
        const NeuronDendrite *all[VIZ_LAB_FUNCTIONS];
        const size_t n = viz_lab_functions(state->list, all);
        if ((size_t)(hit - HIT_LIST) < n)
            viz_lab_set_function(&state->lab, state->list, all[hit - HIT_LIST]);
        state->list = -1;
    } else
        return false;
    return true;
}

static bool input(void *opaque, VizView *view, const VizInput *input, VizRect area)
{
    State *const state = opaque;
    (void)view;
    (void)area;
    begin(state);
    const size_t slider = (size_t)(input->hit - HIT_SLIDER);
    if ((input->kind == VIZ_PRESS || input->kind == VIZ_DRAG) &&
        input->hit >= HIT_SLIDER && slider < state->n_sliders) {
        const Slider *const at = &state->sliders[slider];
        double value = viz_slider_value(at->area, input->x, at->low, at->high);
        const double snap = (at->high - at->low) / 200;
        value = round(value / snap) * snap;
        *at->value = fmin(fmax(value, at->low), at->high);
        state->lab.fresh = false;
        return true;
    }
    if (input->kind == VIZ_PRESS)
        return press(state, input->hit);
    if (input->kind != VIZ_KEY)
        return false;
    switch (input->key) {
    case 'p':
        state->problem = (state->problem + 1) % N_PROBLEMS;
        return true;
    case 'o':
        next_soma(state);
        return true;
    case 'a':
    case 'd':
        step_function(state, input->key == 'a' ? VIZ_LAB_STANDARD : VIZ_LAB_DENDRITIC, 1);
        return true;
    default:
        return false;
    }
}

static void caption(void *opaque, const VizView *view, char *text, size_t size)
{
    const State *const state = opaque;
    (void)view;
    *text = '\0';
    if (state->begun && state->lab.units[VIZ_LAB_STANDARD].function &&
        state->lab.units[VIZ_LAB_DENDRITIC].function)
        snprintf(text, size, "%s beside %s",
                 state->lab.units[VIZ_LAB_STANDARD].function->name,
                 state->lab.units[VIZ_LAB_DENDRITIC].function->name);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    (void)view;
    begin(state);
    if (!state->lab.units[VIZ_LAB_STANDARD].function ||
        !state->lab.units[VIZ_LAB_DENDRITIC].function)
        return sim_fail(SIM_ERR_UNSUPPORTED, "lab: there are no functions to compare");
    if (!state->lab.fresh)
        viz_lab_compute(&state->lab);
    fprintf(out, "input_1,input_2,standard_%s,dendritic_%s\n",
            state->lab.units[VIZ_LAB_STANDARD].function->name,
            state->lab.units[VIZ_LAB_DENDRITIC].function->name);
    for (size_t i = 0; i < VIZ_LAB_GRID * VIZ_LAB_GRID; i++)
        fprintf(out, "%.6g,%.6g,%.9g,%.9g\n", viz_lab_input(i % VIZ_LAB_GRID),
                viz_lab_input(VIZ_LAB_GRID - 1 - i / VIZ_LAB_GRID),
                (double)state->lab.answers[VIZ_LAB_STANDARD][i],
                (double)state->lab.answers[VIZ_LAB_DENDRITIC][i]);
    return SIM_OK;
}

static const VizPanelKey keys[] = {
    {"a, d", "next function of the standard, of the dendritic unit"},
    {"p", "problem: AND, OR, XOR"},
    {"o", "next soma"},
    {"drag", "weights, biases and parameters"},
    {NULL, NULL},
};

const VizPanel viz_panel_lab = {
    .name = "lab",
    .title = "Neuron lab",
    .summary = "what one unit can decide: standard beside dendritic",
    .state_bytes = sizeof(State),
    .keys = keys,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
};
