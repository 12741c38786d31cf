/* viz/view.c: looking things up in what is shown. */
#include "viz/view.h"

#include <stdio.h>
#include <string.h>

const VizStep *viz_view_step(const VizView *view, size_t k)
{
    return view->sides[0].feed ? viz_feed_step(view->sides[0].feed, k) : NULL;
}

void viz_view_choose_layer(VizView *view, int layer)
{
    const VizSubject *const subject = view->sides[0].subject;
    if (!subject || layer < 0 || (size_t)layer >= subject->n_layers)
        return;
    if (view->choice->layer != layer)
        view->choice->channel = -1;
    view->choice->layer = layer;
}

int viz_view_picked(const VizView *view, int layer, uint64_t neuron)
{
    for (size_t i = 0; i < view->choice->n_picks; i++)
        if (view->choice->picks[i].layer == layer &&
            view->choice->picks[i].neuron == neuron)
            return (int)i;
    return -1;
}

void viz_view_pick(VizView *view, int layer, uint64_t neuron)
{
    VizChoice *const choice = view->choice;
    int gone = viz_view_picked(view, layer, neuron);
    const bool add = gone < 0;
    if (add && choice->n_picks == VIZ_PICKS)
        gone = 0;
    if (gone >= 0) {
        choice->n_picks--;
        memmove(&choice->picks[gone], &choice->picks[gone + 1],
                (choice->n_picks - (size_t)gone) * sizeof *choice->picks);
    }
    if (add)
        choice->picks[choice->n_picks++] = (VizPick){layer, neuron};
}

void viz_view_zoom_time(VizView *view, double factor)
{
    enum { LEAST = 4, MOST = 4096 };
    const double n = (double)(view->end - view->first) * factor;
    view->choice->span = n < LEAST ? LEAST : n > MOST ? MOST : (size_t)(n + 0.5);
}

void viz_view_window(const VizView *view, int64_t *from_us, int64_t *to_us)
{
    const VizClock *const clock = view->clock;
    const int64_t at = (int64_t)clock->at_us, end = clock->timeline.end_us;
    if (clock->pace == VIZ_PACE_COUNT && view->events) {
        *to_us = viz_events_after(view->events, at, clock->count);
        *from_us =
            *to_us >= end ? viz_events_after(view->events, end, -clock->count) : at;
        return;
    }
    *to_us = at + clock->window_us;
    *from_us = at;
    if (*to_us > end && end > 0) { /* the last window is a whole one, too */
        *to_us = end;
        *from_us = end > clock->window_us ? end - clock->window_us : 0;
    }
}

const char *viz_pick_print(const VizSubject *subject, VizPick pick, char *buffer,
                           size_t size)
{
    const VizLayer *const layer = &subject->layers[pick.layer];
    const uint64_t channel = pick.neuron % layer->c, pixel = pick.neuron / layer->c;
    if (layer->h * layer->w == 1)
        snprintf(buffer, size, "%s %llu", layer->name, (unsigned long long)channel);
    else
        snprintf(buffer, size, "%s (%llu, %llu) ch %llu", layer->name,
                 (unsigned long long)(pixel % layer->w),
                 (unsigned long long)(pixel / layer->w), (unsigned long long)channel);
    return buffer;
}
