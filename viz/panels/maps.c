/* viz/panels/maps.c: the chosen layer as a grid of pictures, one per channel.
 *
 * Spikes of this step, the rate over the steps shown, the membrane before the reset, or
 * the values of a layer that has no spikes. A click picks a neuron for the traces. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "viz/panel.h"
#include "viz/steps.h"

typedef enum Shown { SHOWN_AUTO, SPIKES, RATE, MEMBRANE, VALUES, N_SHOWN } Shown;

typedef struct Grid { /* where the maps lie, in points */
    VizRect area;
    size_t columns;
    float scale; /* points per neuron */
    float cell_w, cell_h;
    float line;    /* of text */
    float label_h; /* above each map: a line, or 0 */
    float x, y;    /* of map 0: moved by panning */
} Grid;

typedef struct State {
    Shown asked;
    Shown offered[N_SHOWN]; /* buttons as they were drawn */
    size_t n_offered;
    Grid grid;
    float zoom, pan_x, pan_y; /* zoom 0: not set, everything fits */
    int layer;                /* zoom and pan belong to it */
    bool moved;               /* since the press: a drag, no click */
    float *values;            /* owned */
    uint32_t *counts;         /* owned */
    uint8_t *indices;         /* owned */
    size_t capacity;
} State;

enum {
    HIT_SHOWN = 1,
    HIT_MAPS = 100,
    LABELLED = 46 /* points: maps this wide have room for a label */
};
static const char *const shown_names[N_SHOWN] = {"", "spikes", "rate", "membrane",
                                                 "values"};

/* --- what can be shown -------------------------------------------------------------- */

static const VizLayer *layer_of(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    const int layer = view->choice->layer;
    return subject && layer >= 0 && (size_t)layer < subject->n_layers
               ? &subject->layers[layer]
               : NULL;
}

static size_t offers(const VizLayer *layer, Shown *out)
{
    size_t n = 0;
    if (layer->has_spikes || layer->spiking) {
        out[n++] = SPIKES;
        out[n++] = RATE;
    } else {
        out[n++] = VALUES;
    }
    if (layer->is_neuron && layer->has_potential)
        out[n++] = MEMBRANE;
    return n;
}

static Shown shown_of(const State *state, const VizLayer *layer)
{
    Shown can[N_SHOWN];
    const size_t n = offers(layer, can);
    for (size_t i = 0; i < n; i++)
        if (can[i] == state->asked)
            return can[i];
    return can[0];
}

static bool reserve(State *state, size_t n)
{
    if (n <= state->capacity)
        return true;
    free(state->values);
    free(state->counts);
    free(state->indices);
    state->values = malloc(n * sizeof *state->values);
    state->counts = malloc(n * sizeof *state->counts);
    state->indices = malloc(n);
    state->capacity = state->values && state->counts && state->indices ? n : 0;
    return state->capacity > 0;
}

static const float *dense_values(const VizView *view, const VizStep *step,
                                 const VizLayer *layer)
{
    const float *const values = step->values[view->choice->layer];
    return !values && strcmp(layer->kind, "input") == 0 ? step->input : values;
}

/* Fills state->values [h,w,c] and says what they are. NULL: not there (yet). */
typedef struct Picture {
    double low, high;
    const char *unit;
    const VizColour *table;
    size_t steps; /* RATE: over how many */
} Picture;

static bool picture_of(State *state, const VizView *view, const VizLayer *layer,
                       Picture *out)
{
    const VizTheme *const theme = view->theme;
    const Shown shown = shown_of(state, layer);
    const size_t n = layer->h * layer->w * layer->c;
    const VizStep *const step = viz_view_step(view, view->now);
    if (!step || !n || !reserve(state, n))
        return false;
    const size_t row = (size_t)view->choice->layer;
    if (shown == SPIKES || shown == RATE) {
        const size_t from = shown == RATE ? view->first : view->now;
        memset(state->counts, 0, n * sizeof *state->counts);
        const size_t steps =
            viz_count_neurons(&view->sides[0], row, from, view->now + 1, state->counts);
        double most = 0;
        for (size_t i = 0; i < n; i++) {
            const double share = steps ? (double)state->counts[i] / (double)steps : 0;
            state->values[i] = (float)(shown == RATE ? 100 * share : share);
            most = fmax(most, (double)state->values[i]);
        }
        *out = shown == RATE
                   ? (Picture){0, viz_round_up(most), "% of steps", theme->heat, steps}
                   : (Picture){0, 1, "spike", theme->ink, steps};
        return steps > 0;
    }
    const float *const from = shown == MEMBRANE && step->wants.layer == (int)row
                                  ? step->potential
                              : shown == VALUES ? dense_values(view, step, layer)
                                                : NULL;
    if (!from)
        return false;
    double low = 0, high = 0;
    memcpy(state->values, from, n * sizeof *from);
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, (double)from[i]);
        high = fmax(high, (double)from[i]);
    }
    const double most = viz_round_up(fmax(-low, high));
    const bool grey = low >= 0 && strcmp(layer->kind, "input") == 0;
    if (low < 0)
        *out = (Picture){-most, most, "", theme->signed_, 1};
    else
        *out = (Picture){0, most, "", grey ? theme->ink : theme->heat, 1};
    if (shown == MEMBRANE && !isnan(layer->threshold))
        out->unit = layer->threshold == 1 ? "thresholds" : "";
    return true;
}

/* --- geometry ----------------------------------------------------------------------- */

static float gap_of(float scale)
{
    return scale < 1.5f ? 2 : 4;
}

/* The number of columns whose maps come out largest, with a line of `label` over each. */
static Grid fit_with(VizRect area, const VizLayer *layer, float label)
{
    Grid best = {.area = area, .label_h = label};
    const float w = (float)layer->w, h = (float)layer->h;
    for (size_t columns = 1; columns <= layer->c; columns++) {
        const size_t rows = (layer->c + columns - 1) / columns;
        float scale = 0;
        for (int round = 0; round < 2; round++) { /* small maps lie closer together */
            const float gap = gap_of(scale ? scale : 2);
            scale = fminf((area.w / (float)columns - gap) / w,
                          (area.h / (float)rows - gap - label) / h);
        }
        if (scale > best.scale) {
            best.scale = scale;
            best.columns = columns;
        }
    }
    return best;
}

/* Labels only over maps that are large, and do not become much smaller by them. */
static Grid fit(VizRect area, const VizLayer *layer, float line)
{
    const float w = (float)layer->w;
    const Grid labelled = fit_with(area, layer, line);
    Grid best = fit_with(area, layer, 0);
    if (labelled.scale * w >= LABELLED && labelled.scale > 0.75f * best.scale)
        return labelled;
    if (best.scale <= 0) { /* smaller than its gaps: side by side without any */
        best.columns = (size_t)ceilf(sqrtf((float)layer->c));
        best.scale =
            fminf(area.w, area.h) / ((float)best.columns * fmaxf(w, (float)layer->h));
    }
    return best;
}

static Grid grid_of(const State *state, VizRect area, const VizLayer *layer, float line)
{
    Grid grid = fit(area, layer, line);
    grid.line = line;
    const float zoom = state->zoom > 0 ? state->zoom : 1;
    grid.scale *= zoom;
    if (zoom != 1)
        grid.label_h = grid.scale * (float)layer->w >= LABELLED ? line : 0;
    const float gap = grid.scale <= 0 ? 0 : gap_of(grid.scale);
    grid.cell_w = (float)layer->w * grid.scale + gap;
    grid.cell_h = (float)layer->h * grid.scale + gap + grid.label_h;
    const size_t rows = (layer->c + grid.columns - 1) / grid.columns;
    const float whole_w = grid.cell_w * (float)grid.columns - gap;
    const float whole_h = grid.cell_h * (float)rows - gap;
    grid.x = area.x + fmaxf((area.w - whole_w) / 2, 0) + state->pan_x;
    grid.y = area.y + fmaxf((area.h - whole_h) / 2, 0) + state->pan_y;
    return grid;
}

static VizRect map_rect(const Grid *grid, const VizLayer *layer, size_t channel)
{
    return (VizRect){grid->x + (float)(channel % grid->columns) * grid->cell_w,
                     grid->y + (float)(channel / grid->columns) * grid->cell_h +
                         grid->label_h,
                     (float)layer->w * grid->scale, (float)layer->h * grid->scale};
}

static bool neuron_at(const Grid *grid, const VizLayer *layer, float x, float y,
                      uint64_t *neuron)
{
    if (!viz_inside(grid->area, x, y) || grid->scale <= 0)
        return false;
    const float column = floorf((x - grid->x) / grid->cell_w);
    const float row = floorf((y - grid->y) / grid->cell_h);
    if (column < 0 || row < 0 || column >= (float)grid->columns)
        return false;
    const size_t channel = (size_t)row * grid->columns + (size_t)column;
    if (channel >= layer->c)
        return false;
    const VizRect map = map_rect(grid, layer, channel);
    if (!viz_inside(map, x, y))
        return false;
    size_t at_x = (size_t)((x - map.x) / grid->scale);
    size_t at_y = (size_t)((y - map.y) / grid->scale);
    at_x = at_x < layer->w ? at_x : layer->w - 1;
    at_y = at_y < layer->h ? at_y : layer->h - 1;
    *neuron = (at_y * layer->w + at_x) * layer->c + channel;
    return true;
}

/* --- drawing ------------------------------------------------------------------------ */

static void draw_map(State *state, const VizView *view, VizDraw *draw,
                     const VizLayer *layer, const Picture *picture, size_t channel)
{
    const Grid *const grid = &state->grid;
    const VizRect map = map_rect(grid, layer, channel);
    const VizRect seen = viz_overlap(map, grid->area);
    if (seen.w <= 0 || seen.h <= 0)
        return;
    const size_t pixels = layer->h * layer->w;
    for (size_t i = 0; i < pixels; i++)
        state->indices[i] = viz_table_index(state->values[i * layer->c + channel],
                                            (float)picture->low, (float)picture->high);
    viz_image(draw, map, layer->w, layer->h, state->indices, picture->table);
    const bool chosen = view->choice->channel == (int)channel;
    if (chosen)
        viz_frame(draw, viz_inset(map, -2), 1.5f, view->theme->accent);
    if (grid->label_h > 0)
        viz_text_within(draw, VIZ_FONT_SMALL, map.x, map.y - grid->label_h, map.w,
                        VIZ_LEFT, chosen ? view->theme->accent : view->theme->dim, "%zu",
                        channel);
}

static VizRect neuron_rect(const Grid *grid, const VizLayer *layer, uint64_t neuron)
{
    const VizRect map = map_rect(grid, layer, neuron % layer->c);
    const uint64_t pixel = neuron / layer->c;
    return (VizRect){map.x + (float)(pixel % layer->w) * grid->scale,
                     map.y + (float)(pixel / layer->w) * grid->scale, grid->scale,
                     grid->scale};
}

static void draw_picks(const State *state, const VizView *view, VizDraw *draw,
                       const VizLayer *layer)
{
    for (size_t i = 0; i < view->choice->n_picks; i++) {
        const VizPick pick = view->choice->picks[i];
        if (pick.layer != view->choice->layer)
            continue;
        VizRect at = neuron_rect(&state->grid, layer, pick.neuron);
        if (at.w < 5) /* a ring that can be seen around a dot that cannot */
            at = viz_inset(at, (at.w - 5) / 2);
        viz_frame(draw, viz_inset(at, -1.5f), 2, view->theme->series[i]);
    }
}

static void value_tip(const State *state, const VizView *view, VizDraw *draw,
                      const VizLayer *layer, const Picture *picture)
{
    uint64_t neuron;
    if (!view->mouse_here ||
        !neuron_at(&state->grid, layer, view->mouse.x, view->mouse.y, &neuron))
        return;
    char name[128], number[32];
    const VizPick pick = {view->choice->layer, neuron};
    viz_pick_print(view->sides[0].subject, pick, name, sizeof name);
    viz_number((double)state->values[neuron], number, sizeof number);
    const VizRect at = neuron_rect(&state->grid, layer, neuron);
    if (shown_of(state, layer) == SPIKES)
        viz_hit(draw, at, HIT_MAPS, "%s: %s", name,
                state->values[neuron] > 0 ? "spike" : "no spike");
    else
        viz_hit(draw, at, HIT_MAPS, "%s: %s%s%s", name, number, *picture->unit ? " " : "",
                picture->unit);
}

/* Buttons and legend; returns what is left. */
static VizRect draw_head(State *state, const VizView *view, VizDraw *draw, VizRect area,
                         const VizLayer *layer, const Picture *picture)
{
    const float height = viz_choice_height(draw);
    area = viz_inset(area, 8);
    if (area.h < 3 * height || area.w < 120)
        return area;
    VizRect head = viz_cut_top(&area, height);
    viz_cut_top(&area, 8);
    state->n_offered = offers(layer, state->offered);
    const char *labels[N_SHOWN];
    size_t chosen = 0;
    for (size_t i = 0; i < state->n_offered; i++) {
        labels[i] = shown_names[state->offered[i]];
        chosen = state->offered[i] == shown_of(state, layer) ? i : chosen;
    }
    const float used = viz_choice(draw, view->theme, head.x, head.y, HIT_SHOWN,
                                  state->n_offered, labels, chosen, "what is drawn (v)");
    viz_cut_left(&head, used + 16);
    if (picture && head.w >= 120)
        viz_legend(draw, view->theme, viz_cut_right(&head, fminf(head.w, 260)),
                   picture->table, picture->low, picture->high, picture->unit);
    return area;
}

static void draw(void *opaque, const VizView *view, VizDraw *draw_list, VizRect area)
{
    State *const state = opaque;
    const VizLayer *const layer = layer_of(view);
    state->n_offered = 0;
    state->grid = (Grid){0};
    if (!layer) {
        viz_nothing(draw_list, view->theme, area,
                    view->sides[0].subject ? "Choose a layer to see its maps."
                                           : "No net and no recording is open.");
        return;
    }
    if (state->layer != view->choice->layer) {
        state->layer = view->choice->layer;
        state->zoom = state->pan_x = state->pan_y = 0;
    }
    Picture picture;
    const bool there = picture_of(state, view, layer, &picture);
    const VizRect maps =
        draw_head(state, view, draw_list, area, layer, there ? &picture : NULL);
    if (!there) {
        const bool recorded = view->sides[0].subject->graph == NULL;
        viz_nothing(draw_list, view->theme, maps,
                    recorded && !layer->has_spikes && layer->is_neuron
                        ? "The recording has no spikes of %s."
                        : "%s: this step is not there yet.",
                    layer->name);
        return;
    }
    state->grid = grid_of(state, maps, layer, viz_line_height(draw_list, VIZ_FONT_SMALL));
    const VizRect former = viz_draw_clip(draw_list, viz_inset(maps, -4));
    viz_hit(draw_list, maps, HIT_MAPS, NULL);
    for (size_t channel = 0; channel < layer->c; channel++)
        draw_map(state, view, draw_list, layer, &picture, channel);
    draw_picks(state, view, draw_list, layer);
    value_tip(state, view, draw_list, layer, &picture);
    viz_draw_unclip(draw_list, former);
}

/* --- hearing ------------------------------------------------------------------------ */

/* What lies under (x, y) stays there. */
static void zoom_by(State *state, const VizLayer *layer, float factor, float x, float y)
{
    const Grid before = state->grid;
    if (before.scale <= 0)
        return;
    const float zoom = state->zoom > 0 ? state->zoom : 1;
    const float next = fminf(fmaxf(zoom * factor, 1), 64);
    const float column = (x - before.x) / before.cell_w;
    const float row = (y - before.y) / before.cell_h;
    state->zoom = next;
    state->pan_x = state->pan_y = 0;
    if (next == 1)
        return;
    Grid after = grid_of(state, before.area, layer, before.line);
    state->pan_x = x - (after.x + column * after.cell_w);
    state->pan_y = y - (after.y + row * after.cell_h);
}

static bool key(State *state, const VizView *view, const VizLayer *layer, uint32_t code)
{
    const VizRect area = state->grid.area;
    const float x = area.x + area.w / 2, y = area.y + area.h / 2;
    Shown can[N_SHOWN];
    const size_t n = offers(layer, can);
    (void)view;
    switch (code) {
    case 'v':
        for (size_t i = 0; i < n; i++)
            if (can[i] == shown_of(state, layer)) {
                state->asked = can[(i + 1) % n];
                break;
            }
        return true;
    case '+':
    case '=':
        zoom_by(state, layer, 1.25f, x, y);
        return true;
    case '-':
        zoom_by(state, layer, 0.8f, x, y);
        return true;
    case '0':
        state->zoom = state->pan_x = state->pan_y = 0;
        return true;
    default:
        return false;
    }
}

static bool press(State *state, const VizInput *input)
{
    state->moved = false;
    const size_t button = (size_t)(input->hit - HIT_SHOWN);
    if (input->hit >= HIT_SHOWN && button < state->n_offered) {
        state->asked = state->offered[button];
        return true;
    }
    return input->hit == HIT_MAPS;
}

static bool input(void *opaque, VizView *view, const VizInput *input, VizRect area)
{
    State *const state = opaque;
    const VizLayer *const layer = layer_of(view);
    uint64_t neuron;
    (void)area;
    if (!layer)
        return false;
    switch (input->kind) {
    case VIZ_PRESS:
        return press(state, input);
    case VIZ_DRAG:
        if (input->hit != HIT_MAPS)
            return false;
        state->moved = state->moved || fabsf(input->dx) + fabsf(input->dy) > 1;
        if (state->zoom > 1) {
            state->pan_x += input->dx;
            state->pan_y += input->dy;
        }
        return true;
    case VIZ_RELEASE:
        if (input->hit == HIT_MAPS && !state->moved &&
            neuron_at(&state->grid, layer, input->x, input->y, &neuron)) {
            viz_view_pick(view, view->choice->layer, neuron);
            view->choice->channel = (int)(neuron % layer->c);
        }
        return input->hit == HIT_MAPS;
    case VIZ_WHEEL:
        if (!viz_inside(state->grid.area, input->x, input->y))
            return false;
        zoom_by(state, layer, powf(1.2f, input->dy), input->x, input->y);
        return true;
    case VIZ_KEY:
        return key(state, view, layer, input->key);
    case VIZ_MOVE:
        break;
    }
    return false;
}

static void caption(void *state, const VizView *view, char *text, size_t size)
{
    const VizLayer *const layer = layer_of(view);
    (void)state;
    *text = '\0';
    if (!layer)
        return;
    const int n = snprintf(text, size, "%s: %zu × %zu × %zu", layer->name, layer->h,
                           layer->w, layer->c);
    const double rate = viz_mean_rate(&view->sides[0], (size_t)view->choice->layer,
                                      view->now, view->now + 1);
    if (n > 0 && (size_t)n < size && isfinite(rate))
        snprintf(text + n, size - (size_t)n, ", %.1f %% fire", 100 * rate);
}

static SimStatus csv(void *opaque, const VizView *view, FILE *out)
{
    State *const state = opaque;
    const VizLayer *const layer = layer_of(view);
    Picture picture;
    if (!layer || !picture_of(state, view, layer, &picture))
        return sim_fail(SIM_ERR_VALUE, "maps: there is no layer or no step to write");
    const Shown shown = shown_of(state, layer);
    fprintf(out, "x,y,channel,%s%s%s\n", shown_names[shown],
            shown == RATE ? "_percent_of_steps" : "",
            shown == MEMBRANE ? "_before_reset" : "");
    for (size_t i = 0; i < layer->h * layer->w * layer->c; i++)
        fprintf(out, "%zu,%zu,%zu,%.9g\n", i / layer->c % layer->w,
                i / layer->c / layer->w, i % layer->c, (double)state->values[i]);
    return SIM_OK;
}

static void destroy(void *opaque)
{
    State *const state = opaque;
    free(state->values);
    free(state->counts);
    free(state->indices);
}

static bool available(const VizView *view)
{
    return view->sides[0].subject && view->sides[0].subject->n_layers > 0;
}

static const VizPanelKey keys[] = {
    {"v", "spikes, rate, membrane or values"},
    {"+ - 0, wheel, drag", "zoom, all, move"},
    {"click", "pick a neuron for the traces, or let it go"},
    {NULL, NULL},
};

const VizPanel viz_panel_maps = {
    .name = "maps",
    .title = "Feature maps",
    .summary = "the chosen layer, a picture for each channel",
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
    .destroy = destroy,
};
