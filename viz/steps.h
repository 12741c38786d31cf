/* viz/steps.h: steps on an axis of time, and spikes counted over several of them. */
#pragma once

#include "viz/plot.h"
#include "viz/view.h"

/* The time axis that all panels share: milliseconds or seconds where steps have a
 * duration, else step numbers from 1. */
typedef struct VizAxis {
    double x0, x1; /* the edges of the steps [view->first, view->end) */
    double now;    /* the cursor */
    double per_us; /* 0: step numbers */
    const char *label;
} VizAxis;

VizAxis viz_axis(const VizView *view);
/* The middle of a step on the axis. */
double viz_axis_middle(const VizAxis *axis, const VizSubject *subject, size_t step);

/* Adds the spikes of each neuron of a layer over steps [from, to) to counts [h*w*c];
 * returns how many of these steps were there. */
size_t viz_count_neurons(const VizSide *side, size_t layer, size_t from, size_t to,
                         uint32_t *counts);

/* Spikes per neuron and step of a layer over [from, to), NAN when no step is there. */
double viz_mean_rate(const VizSide *side, size_t layer, size_t from, size_t to);

/* The next round number that is not below: for ranges that do not flicker. */
double viz_round_up(double value);
