/* viz/draw_internal.h: how a draw list lies in memory.
 *
 *     | VizCommand | its data, padded to 8 | VizCommand | ...
 *
 * All coordinates are points. Unused bytes are zero, so equal lists have equal bytes. */
#pragma once

#include "viz/draw.h"

typedef enum VizOp {
    VIZ_OP_CLIP,     /* rect */
    VIZ_OP_RECT,     /* rect, colour; a: corner radius */
    VIZ_OP_FRAME,    /* rect, colour; a: width */
    VIZ_OP_DISC,     /* rect.x, rect.y, a: radius */
    VIZ_OP_TRIANGLE, /* data: 3 VizPoint */
    VIZ_OP_LINES,    /* data: n VizPoint; a: width */
    VIZ_OP_MARKS,    /* data: n VizPoint; rect.w, rect.h */
    VIZ_OP_IMAGE,    /* rect, w, h; data: 256 VizColour, then w*h bytes */
    VIZ_OP_PICTURE,  /* rect, w, h; data: w*h VizColour */
    VIZ_OP_TEXT      /* rect.x, rect.y; font, align, up; data: UTF-8 with its zero */
} VizOp;

typedef struct VizCommand {
    uint32_t op, bytes; /* of the data, before padding */
    VizRect rect;
    VizColour colour;
    float a;
    uint32_t n, w, h;
    uint8_t font, align, up, unused;
} VizCommand;

/* Calls for each command in order. */
static inline const VizCommand *viz_command_next(const VizDraw *draw, size_t *at)
{
    if (*at >= draw->used)
        return NULL;
    const VizCommand *const command = (const VizCommand *)(draw->bytes + *at);
    *at += sizeof *command + ((command->bytes + 7u) & ~7u);
    return command;
}

static inline const void *viz_command_data(const VizCommand *command)
{
    return command + 1;
}
