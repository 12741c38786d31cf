/* nets/layers/pool_internal.h: windows of a pooling layer. */
#pragma once

#include "nets/layers.h"
#include "nets/layers/rows_internal.h"

extern const SimOption net_pool_options[];

SimStatus net_pool_plan(NetLayerPlan *plan);

/* The input pixels under one output pixel, inside the image. */
typedef struct NetPoolWindow {
    size_t y0, y1, x0, x1; /* half open */
    size_t full;           /* pixels with the padding */
} NetPoolWindow;
NetPoolWindow net_pool_window(const NetPool *options, SimShape in, size_t oy, size_t ox);

/* Runs `task` once per image of every step: pooling windows overlap within an image only.
 */
void net_pool_images(const NetLayerRun *run, SimTask *task);
