/* viz/panels/layers.c: the whole net as a strip of layers with their firing rates. */
#include <math.h>
#include <stdlib.h>

#include "viz/panel.h"
#include "viz/plot.h"

enum { HIT_LAYER = 1000, HIT_MODE = 1, NARROW = 26, WIDE = 92, MOST_WIDE = 190, GAP = 4 };

typedef struct State {
    bool all; /* layers that do not fire, too */
    float scroll;
    int followed; /* the chosen layer that was brought into sight, + 1 */
    float over;   /* how much wider the strip is than the panel */
} State;

static bool available(const VizView *view)
{
    return view->sides[0].subject && view->sides[0].subject->n_layers > 0;
}

/* All layers where none fires. */
static bool shows_all(const State *s, const VizSubject *subject)
{
    bool any = false;
    for (size_t i = 0; i < subject->n_layers; i++)
        any = any || subject->layers[i].spiking;
    return s->all || !any;
}

static bool is_shown(const State *s, const VizSubject *subject, size_t i)
{
    return subject->layers[i].spiking || shows_all(s, subject);
}

static size_t neurons_of(const VizLayer *layer)
{
    return layer->h * layer->w * layer->c;
}

/* The share of neurons that fire in a step; NAN: not known. */
static double rate_of(const VizView *view, size_t layer, size_t k)
{
    const VizStep *const step = viz_view_step(view, k);
    if (!step || !step->spikes[layer])
        return (double)NAN;
    return (double)step->n_spikes[layer] /
           (double)neurons_of(&view->sides[0].subject->layers[layer]);
}

static double most_of_all(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    double most = 0.01;
    for (size_t i = 0; i < subject->n_layers; i++)
        for (size_t k = view->first; k < view->end; k++) {
            const double rate = rate_of(view, i, k);
            most = rate > most ? rate : most;
        }
    return most;
}

/* --- a layer --------------------------------------------------------------------------
 */

static const char *print_shape(const VizLayer *layer, const char *times, char *text,
                               size_t size)
{
    if (layer->h * layer->w == 1)
        snprintf(text, size, "%zu", layer->c);
    else
        snprintf(text, size, "%zu%s%zu%s%zu", layer->c, times, layer->h, times, layer->w);
    return text;
}

/* Close together where there is little room; left out rather than cut: half a shape is a
 * wrong one, and the tip has it. */
static void draw_shape(VizDraw *draw, VizRect area, VizAlign align, VizColour colour,
                       const VizLayer *layer)
{
    static const char *const times[] = {" \xc3\x97 ", "\xc3\x97"};
    const float x = align == VIZ_RIGHT ? area.x + area.w : area.x;
    char text[64];
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        print_shape(layer, times[i], text, sizeof text);
        if (viz_text_width(draw, VIZ_FONT_SMALL, text) <= area.w) {
            viz_text(draw, VIZ_FONT_SMALL, x, area.y, align, colour, "%s", text);
            return;
        }
    }
}

static void tell(const VizView *view, VizDraw *draw, VizRect box, size_t i)
{
    const VizLayer *const layer = &view->sides[0].subject->layers[i];
    const double rate = rate_of(view, i, view->now);
    char shape[64], fires[96] = "", number[32], parameters[64] = "";
    print_shape(layer, " \xc3\x97 ", shape, sizeof shape);
    if (!isnan(rate)) {
        const VizStep *const step = viz_view_step(view, view->now);
        snprintf(fires, sizeof fires, "\n%.3g %% fire in step %zu: %u of %zu", 100 * rate,
                 view->now + 1, step->n_spikes[i], neurons_of(layer));
    } else if (layer->spiking && !layer->has_spikes) {
        snprintf(fires, sizeof fires, "\nits spikes were not recorded");
    }
    if (layer->parameters)
        snprintf(parameters, sizeof parameters, "\n%s parameters",
                 viz_number((double)layer->parameters, number, sizeof number));
    viz_hit(draw, box, HIT_LAYER + (int)i, "%s (%s)\n%s%s%s", layer->name, layer->kind,
            shape, fires, parameters);
}

/* The rate of every step as bars from the ground, those to come paler. */
static void draw_history(const VizView *view, VizDraw *draw, VizRect area, size_t i,
                         double most)
{
    const size_t n = view->end - view->first;
    const float width = area.w / (float)(n ? n : 1);
    for (size_t k = view->first; k < view->end; k++) {
        const double rate = rate_of(view, i, k);
        if (isnan(rate))
            continue;
        const float high = (float)(rate / most) * area.h;
        VizColour colour =
            view->theme
                ->heat[viz_table_index(0.25f + 0.75f * (float)(rate / most), 0, 1)];
        if (k > view->now)
            colour = viz_colour_mix(view->theme->raised, colour, 0.3f);
        viz_rect(draw,
                 (VizRect){area.x + width * (float)(k - view->first),
                           area.y + area.h - high, fmaxf(width - (width > 3), 0.5f),
                           high},
                 colour);
    }
    if (n > 1) {
        const float x = area.x + width * ((float)(view->now - view->first) + 0.5f);
        viz_line(draw, x, area.y, x, area.y + area.h, 1, view->theme->cursor);
    }
}

static void draw_wide(const VizView *view, VizDraw *draw, VizRect box, size_t i,
                      double most)
{
    const VizTheme *const theme = view->theme;
    const VizLayer *const layer = &view->sides[0].subject->layers[i];
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const double rate = rate_of(view, i, view->now);
    box = viz_inset(box, 5);
    VizRect top = viz_cut_top(&box, line + 2);
    viz_text_within(draw, VIZ_FONT_SMALL, top.x, top.y, top.w, VIZ_LEFT, theme->text,
                    "%s", layer->name);
    VizRect low = viz_cut_bottom(&box, line);
    if (isnan(rate) && layer->spiking) {
        viz_text_within(draw, VIZ_FONT_SMALL, low.x, low.y, low.w, VIZ_LEFT, theme->dim,
                        layer->has_spikes ? "\xe2\x80\xa6" : "not recorded");
    } else if (layer->spiking) {
        char text[32];
        snprintf(text, sizeof text, rate < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * rate);
        viz_text(draw, VIZ_FONT_SMALL, low.x, low.y, VIZ_LEFT, theme->text, "%s", text);
        viz_cut_left(&low, viz_text_width(draw, VIZ_FONT_SMALL, text) + 8);
        draw_shape(draw, low, VIZ_RIGHT, theme->dim, layer);
    } else {
        draw_shape(draw, low, VIZ_LEFT, theme->dim, layer);
    }
    if (layer->spiking && box.h > 6)
        draw_history(view, draw, (VizRect){box.x, box.y, box.w, box.h - 3}, i, most);
    else if (box.h > line)
        viz_text_within(draw, VIZ_FONT_SMALL, box.x, box.y, box.w, VIZ_LEFT, theme->dim,
                        "%s", layer->kind);
}

/* A column as high as the rate, the name upwards in it. */
static void draw_narrow(const VizView *view, VizDraw *draw, VizRect box, size_t i,
                        double most)
{
    const VizTheme *const theme = view->theme;
    const VizLayer *const layer = &view->sides[0].subject->layers[i];
    const double rate = rate_of(view, i, view->now);
    const float line = viz_line_height(draw, VIZ_FONT_SMALL);
    const VizRect former = viz_draw_clip(draw, viz_inset(box, 2));
    if (!isnan(rate)) {
        const float share = (float)(rate / most), high = share * (box.h - 4);
        viz_rect(draw, (VizRect){box.x + 2, box.y + box.h - 2 - high, box.w - 4, high},
                 viz_colour_mix(theme->raised,
                                theme->heat[viz_table_index(0.25f + 0.75f * share, 0, 1)],
                                0.75f));
    }
    viz_text_up(draw, VIZ_FONT_SMALL, box.x + (box.w - line) / 2, box.y + box.h - 6,
                VIZ_LEFT, theme->text, "%s", layer->name);
    viz_draw_unclip(draw, former);
}

/* --- the strip ------------------------------------------------------------------------
 */

static void follow(State *s, const VizView *view, float pitch, VizRect area)
{
    const VizSubject *const subject = view->sides[0].subject;
    const int chosen = view->choice->layer;
    if (s->followed == chosen + 1)
        return;
    s->followed = chosen + 1;
    float before = 0;
    for (int i = 0; i < chosen && (size_t)i < subject->n_layers; i++)
        before += is_shown(s, subject, (size_t)i) ? pitch : 0;
    if (before < s->scroll)
        s->scroll = before;
    else if (before + pitch > s->scroll + area.w)
        s->scroll = before + pitch - area.w;
}

static void draw(void *state, const VizView *view, VizDraw *to, VizRect area)
{
    static const char *const modes[] = {"neurons", "all layers"};
    State *const s = state;
    const VizSubject *const subject = view->sides[0].subject;
    size_t n = 0, n_silent = 0;
    for (size_t i = 0; i < subject->n_layers; i++) {
        n += is_shown(s, subject, (size_t)i);
        n_silent += !subject->layers[i].spiking;
    }
    area = viz_inset(area, 6);
    if (n_silent > 0 && area.w > 500) {
        const VizRect corner = viz_cut_right(
            &area, viz_text_width(to, VIZ_FONT_SMALL, "neuronsall layers") + 34);
        viz_choice(to, view->theme, corner.x + 6, corner.y, HIT_MODE, 2, modes,
                   shows_all(s, subject), "layers that fire, or all (a)");
    }
    float pitch = (area.w + GAP) / (float)n;
    pitch = pitch > MOST_WIDE ? MOST_WIDE : pitch < NARROW ? NARROW : pitch;
    s->over = fmaxf(pitch * (float)n - GAP - area.w, 0);
    follow(s, view, pitch, area);
    s->scroll = fminf(fmaxf(s->scroll, 0), s->over);
    const VizRect former = viz_draw_clip(to, area);
    const double most = most_of_all(view);
    float x = area.x - s->scroll;
    for (size_t i = 0; i < subject->n_layers; i++) {
        if (!is_shown(s, subject, (size_t)i))
            continue;
        const VizRect box = {x, area.y, pitch - GAP, area.h};
        const bool chosen = view->choice->layer == (int)i;
        if (box.x + box.w > area.x && box.x < area.x + area.w) {
            viz_round_rect(to, box, 4, view->theme->raised);
            if (pitch >= WIDE)
                draw_wide(view, to, box, i, most);
            else
                draw_narrow(view, to, box, i, most);
            if (chosen)
                viz_frame(to, box, 2, view->theme->accent);
            tell(view, to, box, i);
        }
        x += pitch;
    }
    viz_draw_unclip(to, former);
}

static bool input(void *state, VizView *view, const VizInput *input, VizRect area)
{
    State *const s = state;
    (void)area;
    switch (input->kind) {
    case VIZ_PRESS:
        if (input->hit >= HIT_LAYER) {
            s->followed = input->hit - HIT_LAYER + 1; /* it is in sight */
            viz_view_choose_layer(view, input->hit - HIT_LAYER);
        } else if (input->hit == HIT_MODE || input->hit == HIT_MODE + 1) {
            s->all = input->hit == HIT_MODE + 1;
            s->followed = 0;
        }
        return true;
    case VIZ_DRAG:
        s->scroll -= input->dx;
        return true;
    case VIZ_WHEEL:
        s->scroll -= (input->dy - input->dx) * 60;
        return true;
    case VIZ_KEY:
        if (input->key == 'a') {
            s->all = !s->all;
            s->followed = 0;
        }
        return input->key == 'a';
    case VIZ_RELEASE:
    case VIZ_MOVE:
        break;
    }
    return false;
}

static void caption(void *state, const VizView *view, char *text, size_t size)
{
    const VizSubject *const subject = view->sides[0].subject;
    const VizStep *const step = viz_view_step(view, view->now);
    double spikes = 0, neurons = 0;
    char number[32];
    (void)state;
    for (size_t i = 0; step && i < subject->n_layers; i++)
        if (step->spikes[i]) {
            spikes += step->n_spikes[i];
            neurons += (double)neurons_of(&subject->layers[i]);
        }
    if (neurons > 0)
        snprintf(text, size, "%s neurons, %.2f %% fire in this step",
                 viz_number(neurons, number, sizeof number), 100 * spikes / neurons);
}

static SimStatus csv(void *state, const VizView *view, FILE *out)
{
    const VizSubject *const subject = view->sides[0].subject;
    (void)state;
    fprintf(out, "layer,channels,height,width,step,spikes,rate\n");
    for (size_t i = 0; i < subject->n_layers; i++)
        for (size_t k = view->first; k < view->end; k++) {
            const VizLayer *const layer = &subject->layers[i];
            const double rate = rate_of(view, i, k);
            if (!isnan(rate))
                fprintf(out, "%s,%zu,%zu,%zu,%zu,%u,%.9g\n", layer->name, layer->c,
                        layer->h, layer->w, k + 1, viz_view_step(view, k)->n_spikes[i],
                        rate);
        }
    return SIM_OK;
}

static const VizPanelKey keys[] = {
    {"a", "layers that fire, or all"},
    {"wheel, drag", "along the strip"},
    {NULL, NULL},
};

const VizPanel viz_panel_layers = {
    .name = "layers",
    .title = "Layers",
    .summary = "every layer and the share of its neurons that fire; click to choose one",
    .place = VIZ_PLACE_STRIP,
    .state_bytes = sizeof(State),
    .keys = keys,
    .available = available,
    .draw = draw,
    .input = input,
    .caption = caption,
    .csv = csv,
};
