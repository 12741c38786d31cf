/* viz/plot.h: axes, ticks, legends, sliders: what several panels draw the same way. */
#pragma once

#include "viz/theme.h"

typedef struct VizPlot {
    VizRect area; /* inside the axes */
    double x0, x1, y0, y1;
    bool log_y;
} VizPlot;

/* Leaves room for ticks and labels inside `outer` and draws axes, grid, ticks. Labels
 * carry the unit; NULL leaves the ticks of that axis out. With y0 > y1 the axis runs
 * downwards. */
VizPlot viz_plot_begin(VizDraw *draw, const VizTheme *theme, VizRect outer, double x0,
                       double x1, const char *x_label, double y0, double y1,
                       const char *y_label, bool log_y);
VizPoint viz_plot_point(const VizPlot *plot, double x, double y);
double viz_plot_x(const VizPlot *plot, float x); /* back from points */
double viz_plot_y(const VizPlot *plot, float y);
/* Values at x = first, first + step, ...; NAN leaves a gap. Clipped to the area; more
 * values than pixels are drawn as their extremes. */
void viz_plot_values(VizDraw *draw, const VizPlot *plot, size_t n, const float *values,
                     double first, double step, float width, VizColour colour);
void viz_plot_line(VizDraw *draw, const VizPlot *plot, size_t n, const double *x,
                   const double *y, float width, VizColour colour);
void viz_plot_cursor(VizDraw *draw, const VizTheme *theme, const VizPlot *plot, double x);

/* Round steps: 1, 2 or 5 times a power of ten, at most `n` of them over the range. */
double viz_round_step(double range, int n);

/* "12.3 k", "0.41": three digits, for ticks and tooltips. Returns buffer. */
const char *viz_number(double value, char *buffer, size_t size);
/* "12.3 MiB". */
const char *viz_bytes(double bytes, char *buffer, size_t size);

/* "120 us", "38.5 ms", "5.18 s", "2.5 h". Returns buffer. */
const char *viz_duration(double us, char *buffer, size_t size);

/* A bar of a table's colours with its range: [low ▒▒▒▒▒ high unit]. */
void viz_legend(VizDraw *draw, const VizTheme *theme, VizRect area,
                const VizColour *table, double low, double high, const char *unit);

/* --- things to press; `id` comes back in VizInput.hit ---------------------------------
 */

void viz_button(VizDraw *draw, const VizTheme *theme, VizRect area, int id,
                const char *label, bool chosen, const char *tip);
/* Labels side by side, the chosen one raised; ids first_id, first_id + 1, ... Returns the
 * width used. */
float viz_choice(VizDraw *draw, const VizTheme *theme, float x, float y, int first_id,
                 size_t n, const char *const *labels, size_t chosen, const char *tip);
float viz_choice_height(const VizDraw *draw);
void viz_slider(VizDraw *draw, const VizTheme *theme, VizRect area, int id,
                const char *label, double value, double low, double high,
                const char *unit);
/* The value under a pointer at x, for VIZ_PRESS and VIZ_DRAG on a slider's id. */
double viz_slider_value(VizRect area, float x, double low, double high);

/* One sentence in the middle of an empty panel. */
void viz_nothing(VizDraw *draw, const VizTheme *theme, VizRect area, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
