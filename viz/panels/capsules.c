/* viz/panels/capsules.c: poses of a capsule layer, who listened to whom in each iteration
 * of routing, and what the decoder makes of a pose that sliders change. */
#include "viz/capsules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/plot.h"
#include "viz/steps.h"

enum {
    GROUPS = 32,  /* input capsules are drawn together in so many */
    OUTPUTS = 64, /* output capsules drawn */
    CURVE = 14,   /* points of a flow */
    HIT_CAPSULE = 100,
    HIT_SLIDER = 1000
};

typedef struct State {
    const NetGraph *graph; /* what the decoder is of */
    VizDecoder *decoder;   /* NULL: none */
    VizRouting routing;
    int layer;                     /* as drawn last */
    int capsule;                   /* chosen; -1: the longest */
    float offsets[NET_MAX_POSE];   /* of sliders */
    VizRect sliders[NET_MAX_POSE]; /* as drawn last */
    size_t n_sliders;
    float *masked; /* owned, [J P] */
    bool begun;
} State;

/* --- which layer
 * ------------------------------------------------------------------------ */

static bool is_capsules(const VizLayer *layer)
{
    return strcmp(layer->kind, "capsules") == 0;
}

/* The chosen layer where it is one of capsules, else the last of them; -1: none. */
static int layer_of(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    const int chosen = view->choice->layer;
    if (!subject || !subject->graph)
        return -1;
    if (chosen >= 0 && (size_t)chosen < subject->n_layers &&
        is_capsules(&subject->layers[chosen]))
        return chosen;
    for (size_t i = subject->n_layers; i-- > 0;)
        if (is_capsules(&subject->layers[i]))
            return (int)i;
    return -1;
}

static bool available(const VizView *view)
{
    return layer_of(view) >= 0;
}

typedef struct Layer { /* of capsules, in this step */
    const VizLayer *of, *before;
    const NetCapsules *options;
    size_t outputs, pose;
    const float *poses;  /* [J,P]; NULL: not there yet */
    const float *inputs; /* [I,D]; or NULL */
} Layer;

static bool find_layer(const VizView *view, Layer *out)
{
    const VizSubject *const subject = view->sides[0].subject;
    const int row = layer_of(view);
    if (row < 0 || subject->layers[row].node < 0)
        return false;
    const VizLayer *const of = &subject->layers[row];
    const int before = of->n_inputs ? of->inputs[0] : -1;
    const VizStep *const step = viz_view_step(view, view->now);
    *out = (Layer){.of = of,
                   .before = before >= 0 ? &subject->layers[before] : NULL,
                   .options = subject->graph->nodes[of->node].options};
    out->outputs = (size_t)out->options->capsules;
    out->pose = (size_t)out->options->pose;
    out->poses = step ? step->values[row] : NULL;
    out->inputs = step && before >= 0 ? step->values[before] : NULL;
    return of->h * of->w * of->c == out->outputs * out->pose;
}

static float length_of(size_t n, const float *pose)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pose[i] * pose[i];
    return sqrtf(sum);
}

static size_t longest(const Layer *layer)
{
    size_t best = 0;
    float most = -1;
    for (size_t j = 0; j < layer->outputs; j++) {
        const float length = length_of(layer->pose, layer->poses + j * layer->pose);
        best = length > most ? j : best;
        most = fmaxf(most, length);
    }
    return best;
}

static size_t chosen_of(const State *state, const Layer *layer)
{
    return state->capsule >= 0 && (size_t)state->capsule < layer->outputs
               ? (size_t)state->capsule
               : longest(layer);
}

static void name_of(const VizView *view, const Layer *layer, size_t capsule, char *name,
                    size_t size)
{
    const VizSubject *const subject = view->sides[0].subject;
    if (layer->outputs == subject->n_classes)
        snprintf(name, size, "%s", subject->classes[capsule]);
    else
        snprintf(name, size, "capsule %zu", capsule);
}

static bool route(State *state, const VizView *view, const Layer *layer)
{
    const VizSubject *const subject = view->sides[0].subject;
    char name[3 * NET_NAME_SIZE];
    if (!layer->inputs || !layer->before)
        return false;
    snprintf(name, sizeof name, "%s.weight", layer->of->name);
    const NetParam *const weight = net_params_find(subject->params, name);
    snprintf(name, sizeof name, "%s.bias", layer->of->name);
    const NetParam *const bias = net_params_find(subject->params, name);
    const size_t inputs = layer->before->h * layer->before->w * layer->before->c /
                          (size_t)layer->options->pose_in;
    return weight &&
           weight->count ==
               inputs * layer->outputs * layer->pose * (size_t)layer->options->pose_in &&
           viz_routing_run(layer->options, inputs, weight->values,
                           bias ? bias->values : NULL, layer->inputs,
                           &state->routing) == SIM_OK;
}

/* --- poses and lengths
 * ------------------------------------------------------------------ */

static VizRect draw_title(const VizView *view, VizDraw *draw, VizRect area,
                          const char *text)
{
    const VizRect head = viz_cut_top(&area, viz_line_height(draw, VIZ_FONT_SMALL) + 5);
    viz_text_within(draw, VIZ_FONT_SMALL, head.x, head.y, head.w, VIZ_LEFT,
                    view->theme->text, "%s", text);
    return area;
}

static VizColour colour_of(const VizView *view, const Layer *layer, size_t chosen,
                           size_t capsule)
{
    if (capsule == chosen)
        return view->theme->accent;
    return layer->outputs <= VIZ_SERIES - 1
               ? view->theme->series[1 + capsule % (VIZ_SERIES - 1)]
               : view->theme->dim;
}

static void draw_poses(const State *state, const VizView *view, VizDraw *draw,
                       VizRect area, const Layer *layer)
{
    const VizTheme *const theme = view->theme;
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const size_t chosen = chosen_of(state, layer);
    char title[160], name[96];
    snprintf(title, sizeof title, "poses and lengths of %s, %zu numbers each",
             layer->of->name, layer->pose);
    area = draw_title(view, draw, area, title);
    const bool has_legend = area.h > 6 * line;
    VizRect rest = area;
    viz_cut_bottom(&area, has_legend ? line + 6 : 0);
    float most = 0, widest = 0;
    for (size_t i = 0; i < layer->outputs * layer->pose; i++)
        most = fmaxf(most, fabsf(layer->poses[i]));
    const float reach = (float)viz_round_up((double)most);
    const size_t fit = (size_t)fmaxf(area.h / (line + 2), 1);
    const size_t shown = layer->outputs < fit ? layer->outputs : fit;
    const float height = fminf(area.h / (float)shown, 52);
    viz_cut_top(&rest, height * (float)shown);
    for (size_t j = 0; j < shown; j++) {
        name_of(view, layer, j, name, sizeof name);
        widest = fmaxf(widest, viz_text_width(draw, VIZ_FONT_SMALL, name));
    }
    widest = fminf(widest + 10, 0.3f * area.w);
    const float bar_w = 0.24f * area.w, matrix_w = area.w - widest - bar_w - 50;
    if (matrix_w < 20)
        return;
    uint8_t indices[NET_MAX_POSE];
    for (size_t j = 0; j < shown; j++) {
        const VizRect row = viz_cut_top(&area, height);
        const float y = row.y + (row.h - line) / 2;
        const float *const pose = layer->poses + j * layer->pose;
        const float length = length_of(layer->pose, pose);
        name_of(view, layer, j, name, sizeof name);
        viz_text_within(draw, VIZ_FONT_SMALL, row.x, y, widest - 8, VIZ_LEFT,
                        j == chosen ? theme->accent : theme->dim, "%s", name);
        viz_table_indices(layer->pose, pose, -reach, reach, indices);
        const VizRect matrix = {row.x + widest, row.y + 1, matrix_w, row.h - 2};
        viz_image(draw, matrix, layer->pose, 1, indices, theme->signed_);
        if (j == chosen)
            viz_frame(draw, matrix, 1.5f, theme->accent);
        const VizRect bar = {matrix.x + matrix.w + 8, row.y + 3, bar_w * fminf(length, 1),
                             row.h - 6};
        viz_rect(draw, bar, colour_of(view, layer, chosen, j));
        viz_text(draw, VIZ_FONT_SMALL, matrix.x + matrix.w + 8 + bar_w + 6, y, VIZ_LEFT,
                 theme->text, "%.3f", (double)length);
        viz_hit(draw, row, HIT_CAPSULE + (int)j, "%s: length %.3f", name, (double)length);
    }
    if (has_legend)
        viz_legend(draw, theme,
                   (VizRect){rest.x + widest, rest.y + 6, fminf(matrix_w, 240), line},
                   theme->signed_, -(double)reach, (double)reach, "");
}

/* --- flows
 * ------------------------------------------------------------------------------ */

/* Share of all input lengths that flows from each group to each output. */
static void flows_of(const VizRouting *q, const Layer *layer, size_t r, size_t groups,
                     float *flow)
{
    const size_t d = (size_t)layer->options->pose_in;
    const float *const c = q->coefficients + r * q->inputs * q->outputs;
    float all = 0;
    memset(flow, 0, groups * q->outputs * sizeof *flow);
    for (size_t i = 0; i < q->inputs; i++) {
        const float length = length_of(d, layer->inputs + i * d);
        const size_t group = i * groups / q->inputs;
        for (size_t j = 0; j < q->outputs; j++)
            flow[group * q->outputs + j] += length * c[i * q->outputs + j];
        all += length;
    }
    for (size_t k = 0; k < groups * q->outputs && all > 0; k++)
        flow[k] /= all;
}

/* An S from (x0, y0) to (x1, y1). */
static void ribbon(VizDraw *draw, float x0, float y0, float x1, float y1, float width,
                   VizColour colour)
{
    VizPoint points[CURVE];
    for (int k = 0; k < CURVE; k++) {
        const float t = (float)k / (CURVE - 1), s = t * t * (3 - 2 * t);
        points[k] = (VizPoint){x0 + (x1 - x0) * t, y0 + (y1 - y0) * s};
    }
    viz_polyline(draw, CURVE, points, width, colour);
}

static void draw_iteration(const State *state, const VizView *view, VizDraw *draw,
                           VizRect area, const Layer *layer, size_t r, float *flow)
{
    const VizTheme *const theme = view->theme;
    const VizRouting *const q = &state->routing;
    const size_t chosen = chosen_of(state, layer);
    const size_t groups = q->inputs < GROUPS ? q->inputs : GROUPS;
    const size_t outputs = q->outputs < OUTPUTS ? q->outputs : OUTPUTS;
    char name[96], text[160];
    flows_of(q, layer, r, groups, flow);
    float share = 0;
    for (size_t g = 0; g < groups; g++)
        share += flow[g * q->outputs + chosen];
    name_of(view, layer, chosen, name, sizeof name);
    snprintf(text, sizeof text, "iteration %zu: %.1f %% to %s", r + 1,
             100 * (double)share, name);
    area = draw_title(view, draw, area, text);
    const float gap = area.h < 120 ? 0 : 2;
    const float left_h = area.h - gap * (float)(groups - 1);
    const float right_h = area.h - gap * (float)(outputs - 1);
    float right[OUTPUTS];
    float y = area.y;
    for (size_t j = 0; j < outputs; j++) { /* nodes at the right */
        float to = 0;
        for (size_t g = 0; g < groups; g++)
            to += flow[g * q->outputs + j];
        right[j] = y;
        const VizRect node = {area.x + area.w - 6, y, 6, fmaxf(to * right_h, 0.5f)};
        viz_rect(draw, node, colour_of(view, layer, chosen, j));
        name_of(view, layer, j, name, sizeof name);
        viz_hit(draw, viz_inset(node, -2), HIT_CAPSULE + (int)j,
                "%s takes %.1f %% in iteration %zu", name, 100 * (double)to, r + 1);
        y += to * right_h + gap;
    }
    y = area.y;
    for (size_t g = 0; g < groups; g++) {
        float from = 0;
        for (size_t j = 0; j < q->outputs; j++)
            from += flow[g * q->outputs + j];
        viz_rect(draw, (VizRect){area.x, y, 6, fmaxf(from * left_h, 0.5f)}, theme->dim);
        float start = y;
        for (size_t j = 0; j < outputs; j++) {
            const float of = flow[g * q->outputs + j];
            const float leaves = of * left_h, arrives = of * right_h;
            if (leaves > 0.15f)
                ribbon(draw, area.x + 6, start + leaves / 2, area.x + area.w - 6,
                       right[j] + arrives / 2, fmaxf(leaves, 0.6f),
                       viz_colour_fade(colour_of(view, layer, chosen, j),
                                       j == chosen ? 0.75f : 0.28f));
            start += leaves;
            right[j] += arrives;
        }
        y += from * left_h + gap;
    }
}

static void draw_flows(const State *state, const VizView *view, VizDraw *draw,
                       VizRect area, const Layer *layer)
{
    const VizRouting *const q = &state->routing;
    char title[200];
    const size_t groups = q->inputs < GROUPS ? q->inputs : GROUPS;
    snprintf(title, sizeof title,
             "routing by %s: %zu input capsules, %zu together, to %zu outputs",
             layer->options->routing == NET_ROUTING_RBA ? "agreement" : "scaled distance",
             q->inputs, (q->inputs + groups - 1) / groups, q->outputs);
    area = draw_title(view, draw, area, title);
    size_t shown = (size_t)fmaxf(area.w / 130, 1);
    shown = shown < q->iterations ? shown : q->iterations;
    const float width = area.w / (float)shown;
    float *const flow = malloc(GROUPS * q->outputs * sizeof *flow);
    for (size_t k = 0; flow && k < shown && area.h > 40; k++) {
        VizRect at = viz_cut_left(&area, width);
        viz_cut_right(&at, 14);
        draw_iteration(state, view, draw, at, layer, q->iterations - shown + k, flow);
    }
    free(flow);
}

/* --- decoder
 * ---------------------------------------------------------------------------- */

/* A picture [h,w,c] from 0 to 1: the mean of its channels. */
static void draw_picture(const VizView *view, VizDraw *draw, VizRect area,
                         const char *title, const float *values)
{
    const VizSubject *const subject = view->sides[0].subject;
    const size_t pixels = subject->input_h * subject->input_w, c = subject->input_c;
    uint8_t *const indices = malloc(pixels + 1);
    area = draw_title(view, draw, area, title);
    for (size_t i = 0; indices && i < pixels; i++) {
        float mean = 0;
        for (size_t k = 0; k < c; k++)
            mean += values[i * c + k] / (float)c;
        indices[i] = viz_table_index(mean, 0, 1);
    }
    if (indices && area.h > 4 && area.w > 4)
        viz_image(draw, viz_fit(area, (float)subject->input_w, (float)subject->input_h),
                  subject->input_w, subject->input_h, indices, view->theme->grey);
    free(indices);
}

static void draw_sliders(State *state, const VizView *view, VizDraw *draw, VizRect area,
                         const Layer *layer, const float *pose)
{
    const float least = viz_line_height(draw, VIZ_FONT_SMALL) + 3;
    const size_t columns = area.w > 420 ? 2 : 1;
    const size_t rows = (layer->pose + columns - 1) / columns;
    const float height = fminf(area.h / (float)rows, 24), width = area.w / (float)columns;
    char label[32];
    state->n_sliders = 0;
    if (height < least || area.w < 150)
        return;
    for (size_t k = 0; k < layer->pose; k++) {
        const VizRect at = {area.x + width * (float)(k / rows),
                            area.y + height * (float)(k % rows), width - 12, height};
        snprintf(label, sizeof label, "pose %zu", k + 1);
        viz_slider(draw, view->theme, at, HIT_SLIDER + (int)k, label,
                   (double)(pose[k] + state->offsets[k]), -1, 1, "");
        state->sliders[k] = at;
    }
    state->n_sliders = layer->pose;
}

static void draw_decoder(State *state, const VizView *view, VizDraw *draw, VizRect area,
                         const Layer *layer)
{
    const VizSubject *const subject = view->sides[0].subject;
    const VizStep *const step = viz_view_step(view, view->now);
    const size_t n_poses = layer->outputs * layer->pose;
    const size_t pixels = subject->input_h * subject->input_w * subject->input_c;
    const size_t chosen = chosen_of(state, layer);
    char title[160], name[96];
    state->n_sliders = 0;
    if (!state->decoder || viz_decoder_poses(state->decoder) != n_poses) {
        viz_nothing(draw, view->theme, area,
                    state->decoder ? "The decoder reads the class capsules: choose "
                                     "their layer."
                                   : "This net has no decoder.");
        return;
    }
    free(state->masked);
    state->masked = calloc(n_poses, sizeof *state->masked);
    if (!state->masked)
        return;
    const float *const pose = layer->poses + chosen * layer->pose;
    for (size_t k = 0; k < layer->pose; k++)
        state->masked[chosen * layer->pose + k] = pose[k] + state->offsets[k];
    size_t n;
    const float *const made = viz_decoder_run(state->decoder, state->masked, &n);
    if (n != pixels) {
        viz_nothing(draw, view->theme, area,
                    "The decoder makes %zu numbers, no picture "
                    "of the input's %zu.",
                    n, pixels);
        return;
    }
    name_of(view, layer, chosen, name, sizeof name);
    const float side = fminf(area.h, 0.27f * area.w);
    VizRect pictures = viz_cut_left(&area, 2 * side + 12);
    viz_cut_left(&area, 16);
    if (step && step->input) {
        const VizRect left = viz_cut_left(&pictures, side);
        viz_cut_left(&pictures, 12);
        draw_picture(view, draw, left, "input", step->input);
    }
    snprintf(title, sizeof title, "decoded as %s", name);
    draw_picture(view, draw, pictures, title, made);
    draw_sliders(state, view, draw, area, layer, pose);
}

/* --- the whole
 * -------------------------------------------------------------------------- */

static void begin(State *state, const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    const int layer = layer_of(view);
    if (!state->begun || state->layer != layer) {
        state->begun = true;
        state->layer = layer;
        state->capsule = -1;
        memset(state->offsets, 0, sizeof state->offsets);
    }
    if (subject->graph == state->graph)
        return;
    viz_decoder_destroy(state->decoder);
    state->decoder = NULL;
    state->graph = subject->graph;
    viz_decoder_create(subject, &state->decoder);
}

static void draw(void *opaque, const VizView *view, VizDraw *draw, VizRect area)
{
    State *const state = opaque;
    Layer layer;
    state->n_sliders = 0;
    if (!find_layer(view, &layer)) {
        viz_nothing(draw, view->theme, area,
                    "No layer of capsules here: a recording does not hold poses, and "
                    "other nets have none.");
        return;
    }
    begin(state, view);
    if (!layer.poses) {
        viz_nothing(draw, view->theme, area,
                    "The poses of %s are not there in this step: it sees rates of the "
                    "whole sequence, or is being made.",
                    layer.of->name);
        return;
    }
    area = viz_inset(area, 8);
    const bool wide = area.w > 640, tall = area.h > 330;
    if (!wide) {
        const VizRect upper = tall ? viz_cut_top(&area, 0.5f * area.h) : area;
        draw_poses(state, view, draw, upper, &layer);
        viz_cut_top(&area, 8);
        if (tall && route(state, view, &layer))
            draw_flows(state, view, draw, area, &layer);
        return;
    }
    const VizRect left = viz_cut_left(&area, 0.36f * area.w);
    viz_cut_left(&area, 16);
    draw_poses(state, view, draw, left, &layer);
    const VizRect upper = tall ? viz_cut_top(&area, 0.55f * area.h) : area;
    if (route(state, view, &layer))
        draw_flows(state, view, draw, upper, &layer);
    else
        viz_nothing(draw, view->theme, upper,
                    "What goes into %s is too large to be kept: choose the layer before "
                    "it.",
                    layer.of->name);
    if (!tall)
        return;
    viz_cut_top(&area, 12);
    draw_decoder(state, view, draw, area, &layer);
}

static bool input(void *opaque, VizView *view, const VizInput *input, VizRect area)
{
    State *const state = opaque;
    Layer layer;
    (void)area;
    if (!find_layer(view, &layer) || !layer.poses)
        return false;
    const size_t slider = (size_t)(input->hit - HIT_SLIDER);
    if ((input->kind == VIZ_PRESS || input->kind == VIZ_DRAG) &&
        input->hit >= HIT_SLIDER && slider < state->n_sliders) {
        const size_t chosen = chosen_of(state, &layer);
        const double value = viz_slider_value(state->sliders[slider], input->x, -1, 1);
        state->capsule = (int)chosen; /* the longest may change: stay with this one */
        state->offsets[slider] = (float)value - layer.poses[chosen * layer.pose + slider];
        return true;
    }
    const size_t capsule = (size_t)(input->hit - HIT_CAPSULE);
    if (input->kind == VIZ_PRESS && input->hit >= HIT_CAPSULE &&
        capsule < layer.outputs && input->hit < HIT_SLIDER) {
        state->capsule = state->capsule == (int)capsule ? -1 : (int)capsule;
        memset(state->offsets, 0, sizeof state->offsets);
        return true;
    }
    if (input->kind == VIZ_KEY && input->key == 'r') {
        memset(state->offsets, 0, sizeof state->offsets);
        state->capsule = -1;
        return true;
    }
    return false;
}

static void caption(void *opaque, const VizView *view, char *text, size_t size)
{
    const State *const state = opaque;
    Layer layer;
    *text = '\0';
    if (!find_layer(view, &layer) || !layer.poses)
        return;
    char name[96];
    const size_t chosen = chosen_of(state, &layer);
    name_of(view, &layer, chosen, name, sizeof name);
    snprintf(text, size, "%s: %s %.2f long", layer.of->name, name,
             (double)length_of(layer.pose, layer.poses + chosen * layer.pose));
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    Layer layer;
    if (!find_layer(view, &layer) || !layer.poses)
        return sim_fail(SIM_ERR_VALUE, "capsules: there are no poses to write");
    const bool routed = route(state, view, &layer);
    const VizRouting *const q = &state->routing;
    fputs("capsule,length", out);
    for (size_t r = 0; routed && r < q->iterations; r++)
        fprintf(out, ",mean_coefficient_%zu", r + 1);
    for (size_t k = 0; k < layer.pose; k++)
        fprintf(out, ",pose_%zu", k + 1);
    fputc('\n', out);
    for (size_t j = 0; j < layer.outputs; j++) {
        const float *const pose = layer.poses + j * layer.pose;
        fprintf(out, "%zu,%.9g", j, (double)length_of(layer.pose, pose));
        for (size_t r = 0; routed && r < q->iterations; r++) {
            double sum = 0;
            for (size_t i = 0; i < q->inputs; i++)
                sum += (double)q->coefficients[(r * q->inputs + i) * q->outputs + j];
            fprintf(out, ",%.9g", sum / (double)q->inputs);
        }
        for (size_t k = 0; k < layer.pose; k++)
            fprintf(out, ",%.9g", (double)pose[k]);
        fputc('\n', out);
    }
    return SIM_OK;
}

static void destroy(void *opaque)
{
    State *const state = opaque;
    viz_decoder_destroy(state->decoder);
    viz_routing_destroy(&state->routing);
    free(state->masked);
}

static const VizPanelKey keys[] = {
    {"click", "choose a capsule: its flows, its picture"},
    {"drag", "change its pose and decode it again"},
    {"r", "back to the longest, as it is"},
    {NULL, NULL},
};

const VizPanel viz_panel_capsules = {
    .name = "capsules",
    .title = "Capsules",
    .summary = "poses, routing iteration by iteration, and what the decoder sees",
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
