/* viz/paint.h: a draw list turned into pixels, in software. */
#pragma once

#include "viz/draw.h"

typedef struct VizSurface {
    VizColour *pixels; /* [h,w]; borrowed */
    size_t w, h;
} VizSurface;

/* Points times the scale of the list's fonts are pixels. */
void viz_paint(const VizDraw *draw, VizSurface *surface);
