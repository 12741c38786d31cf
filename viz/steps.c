/* viz/steps.c: edges in time, and bits counted. */
#include "viz/steps.h"

#include <math.h>

VizAxis viz_axis(const VizView *view)
{
    const VizSubject *const subject = view->sides[0].subject;
    if (!subject || !subject->timed || !subject->edges_us ||
        view->end > subject->n_steps || view->first > view->end)
        return (VizAxis){.x0 = (double)view->first + 0.5,
                         .x1 = (double)view->end + 0.5,
                         .now = (double)view->now + 1,
                         .label = "step"};
    const double from = (double)subject->edges_us[view->first];
    const double to = (double)subject->edges_us[view->end];
    const bool seconds = to > 10e6;
    const double per_us = seconds ? 1e-6 : 1e-3;
    VizAxis axis = {.x0 = from * per_us,
                    .x1 = to * per_us,
                    .per_us = per_us,
                    .label = seconds ? "time (s)" : "time (ms)"};
    axis.now = view->now < subject->n_steps ? viz_axis_middle(&axis, subject, view->now)
                                            : axis.x1;
    return axis;
}

double viz_axis_middle(const VizAxis *axis, const VizSubject *subject, size_t step)
{
    if (axis->per_us == 0 || step >= subject->n_steps)
        return (double)step + 1;
    return 0.5 * axis->per_us *
           (double)(subject->edges_us[step] + subject->edges_us[step + 1]);
}

size_t viz_count_neurons(const VizSide *side, size_t layer, size_t from, size_t to,
                         uint32_t *counts)
{
    const VizLayer *const at = &side->subject->layers[layer];
    const size_t words = sim_words(at->c);
    size_t seen = 0;
    for (size_t k = from; k < to; k++) {
        const VizStep *const step = side->feed ? viz_feed_step(side->feed, k) : NULL;
        const uint64_t *bits = step ? step->spikes[layer] : NULL;
        if (!bits)
            continue;
        seen++;
        for (size_t pixel = 0; pixel < at->h * at->w; pixel++)
            for (size_t word = 0; word < words; word++)
                for (uint64_t left = *bits++; left; left &= left - 1)
                    counts[pixel * at->c + word * SIM_WORD_BITS +
                           (unsigned)__builtin_ctzll(left)]++;
    }
    return seen;
}

double viz_mean_rate(const VizSide *side, size_t layer, size_t from, size_t to)
{
    const VizLayer *const at = &side->subject->layers[layer];
    double spikes = 0, steps = 0;
    for (size_t k = from; k < to; k++) {
        const VizStep *const step = side->feed ? viz_feed_step(side->feed, k) : NULL;
        if (!step || !step->spikes[layer])
            continue;
        spikes += step->n_spikes[layer];
        steps++;
    }
    return spikes / (steps * (double)(at->h * at->w * at->c)); /* 0 / 0 is NAN */
}

double viz_round_up(double value)
{
    static const double leads[] = {1, 1.5, 2, 3, 4, 5, 6, 8, 10};
    if (!(value > 0) || isinf(value))
        return 1;
    const double power = pow(10, floor(log10(value)));
    size_t i = 0;
    while (i + 1 < sizeof leads / sizeof *leads && leads[i] * power < value * (1 - 1e-9))
        i++;
    return leads[i] * power;
}
