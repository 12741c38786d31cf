/* viz/draw.h: what a panel says: a list of drawing commands.
 *
 * A panel emits rectangles, lines, pictures and text into a VizDraw; viz/paint.h turns
 * the list into pixels. Everything handed in is copied, so the caller's memory may change
 * at once, and two frames with equal lists need no painting.
 *
 * Lengths are points, float, origin top left, y down: one pixel at scale 1, two at scale
 * 2. Without memory the list drops what does not fit; nothing here can fail. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "viz/font.h"

typedef struct VizRect {
    float x, y, w, h;
} VizRect;

typedef struct VizPoint {
    float x, y;
} VizPoint;

typedef uint32_t VizColour; /* 0xAARRGGBB, not premultiplied */

typedef enum VizAlign { VIZ_LEFT, VIZ_CENTRE, VIZ_RIGHT } VizAlign;

typedef struct VizHit { /* a place that can be pointed at */
    VizRect area;
    int id;     /* the panel's own number; what its input hook is told */
    size_t tip; /* offset of the text in VizDraw.text, or VIZ_NO_TIP */
} VizHit;
#define VIZ_NO_TIP SIZE_MAX

typedef struct VizDraw {
    unsigned char *bytes; /* owned; commands one after the other (viz/draw_internal.h) */
    size_t used, capacity;
    VizHit *hits; /* owned */
    size_t n_hits, hits_capacity;
    char *text; /* owned; tooltips */
    size_t text_used, text_capacity;
    VizRect clip; /* of what follows */
    const VizFonts *fonts;
} VizDraw;

/* A zeroed VizDraw is an empty list; begin empties it and keeps its memory. `fonts` must
 * outlive the list. */
void viz_draw_begin(VizDraw *draw, const VizFonts *fonts, VizRect clip);
void viz_draw_destroy(VizDraw *draw);        /* accepts a zeroed one */
uint64_t viz_draw_hash(const VizDraw *draw); /* of the commands, not of the hits */

/* Commands from here on paint inside `clip` and the former clip; returns the former, to
 * be given to viz_draw_unclip. */
VizRect viz_draw_clip(VizDraw *draw, VizRect clip);
void viz_draw_unclip(VizDraw *draw, VizRect former);

/* --- commands ----------------------------------------------------------------------- */

void viz_rect(VizDraw *draw, VizRect rect, VizColour colour); /* filled */
void viz_round_rect(VizDraw *draw, VizRect rect, float radius, VizColour colour);
void viz_frame(VizDraw *draw, VizRect rect, float width, VizColour colour); /* outline */
void viz_disc(VizDraw *draw, float x, float y, float radius, VizColour colour);
void viz_triangle(VizDraw *draw, VizPoint a, VizPoint b, VizPoint c, VizColour colour);
void viz_line(VizDraw *draw, float x0, float y0, float x1, float y1, float width,
              VizColour colour);
void viz_polyline(VizDraw *draw, size_t n, const VizPoint *points, float width,
                  VizColour colour);
/* Many rectangles of one size and colour: the dots of a raster, the bars of a plot. */
void viz_marks(VizDraw *draw, size_t n, const VizPoint *corners, float w, float h,
               VizColour colour);

/* [h,w] indices into a table of 256 colours, stretched over `rect`: as blocks when it
 * grows, as means when it shrinks. */
void viz_image(VizDraw *draw, VizRect rect, size_t w, size_t h, const uint8_t *indices,
               const VizColour *table);
/* [h,w] colours. */
void viz_picture(VizDraw *draw, VizRect rect, size_t w, size_t h,
                 const VizColour *pixels);

/* One line of UTF-8. `y` is the top of the line; `x` its left end, middle or right end.
 */
void viz_text(VizDraw *draw, VizFontKind font, float x, float y, VizAlign align,
              VizColour colour, const char *format, ...)
    __attribute__((format(printf, 7, 8)));
/* The same, cut with "…" to a width. */
void viz_text_within(VizDraw *draw, VizFontKind font, float x, float y, float width,
                     VizAlign align, VizColour colour, const char *format, ...)
    __attribute__((format(printf, 8, 9)));
/* Upwards, for axes: `y` is where the text starts, middle or end, `x` its left side. */
void viz_text_up(VizDraw *draw, VizFontKind font, float x, float y, VizAlign align,
                 VizColour colour, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

float viz_text_width(const VizDraw *draw, VizFontKind font, const char *text);
float viz_line_height(const VizDraw *draw, VizFontKind font);

/* --- places that can be pointed at -----------------------------------------------------
 */

/* The tooltip gives a value with its unit; format NULL: none. Later ones lie on top. */
void viz_hit(VizDraw *draw, VizRect area, int id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The topmost under a point, or NULL. */
const VizHit *viz_hit_at(const VizDraw *draw, float x, float y);
const char *viz_hit_tip(const VizDraw *draw, const VizHit *hit); /* or NULL */

/* --- rectangles -------------------------------------------------------------------- */

static inline bool viz_inside(VizRect r, float x, float y)
{
    return x >= r.x && y >= r.y && x < r.x + r.w && y < r.y + r.h;
}
VizRect viz_inset(VizRect r, float by);
VizRect viz_overlap(VizRect a, VizRect b); /* w, h 0 when they do not meet */
/* Cut a strip off one side of *rest and return it. */
VizRect viz_cut_top(VizRect *rest, float height);
VizRect viz_cut_bottom(VizRect *rest, float height);
VizRect viz_cut_left(VizRect *rest, float width);
VizRect viz_cut_right(VizRect *rest, float width);
/* The largest rectangle of proportion w:h in the middle of `area`. */
VizRect viz_fit(VizRect area, float w, float h);
