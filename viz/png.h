/* viz/png.h: a surface as a PNG file (RGB, 8 bits; ISO/IEC 15948). */
#pragma once

#include "sim/status.h"
#include "viz/paint.h"

/* Written beside its name and renamed: whole or not at all. */
SimStatus viz_png_write(const char *path, const VizSurface *surface);
