/* viz/window.h: the window of the viewer and its letters: all that knows SDL.
 *
 * Fonts are DejaVu, found where Debian puts them or in $APICAL_FONTS; a missing one is an
 * error that names the package. */
#pragma once

#include <stdbool.h>

#include "sim/status.h"
#include "viz/app.h"
#include "viz/font.h"

/* For a scale in pixels per point. Owned; needs no display. */
SimStatus viz_fonts_create(float scale, VizFonts **out);
void viz_fonts_destroy(VizFonts *fonts); /* accepts NULL */

typedef struct VizWindowOptions {
    int w, h;             /* points; 0: as last time, else 1280 x 800 */
    float scale;          /* pixels per point; 0: what the display says */
    double close_after_s; /* 0: when asked to */
} VizWindowOptions;

typedef struct VizWindowStats {
    size_t frames;
    double median_ms, p90_ms, worst_ms; /* of drawing, painting and showing a frame */
    double wall_s;
} VizWindowStats;

/* Opens a window on an app and returns when it is closed. `stats` may be NULL. */
SimStatus viz_window_run(VizApp *app, const VizWindowOptions *options,
                         VizWindowStats *stats);
