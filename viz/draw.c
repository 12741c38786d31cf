/* viz/draw.c: building a draw list. */
#include "viz/draw.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/list.h"
#include "viz/draw_internal.h"

enum { TEXT_SIZE = 512 };

/* --- memory ------------------------------------------------------------------------- */

/* NULL without memory. */
static VizCommand *add(VizDraw *draw, VizOp op, size_t bytes)
{
    const size_t whole = sizeof(VizCommand) + ((bytes + 7) & ~(size_t)7);
    if (!sim_list_reserve(&draw->bytes, &draw->capacity, draw->used + whole, 1))
        return NULL;
    VizCommand *const command = (VizCommand *)(draw->bytes + draw->used);
    memset(command, 0, sizeof *command);
    if (bytes)
        memset((char *)command + whole - 8, 0, 8); /* the padding */
    command->op = (uint32_t)op;
    command->bytes = (uint32_t)bytes;
    draw->used += whole;
    return command;
}

static void *data_of(VizCommand *command)
{
    return command + 1;
}

void viz_draw_begin(VizDraw *draw, const VizFonts *fonts, VizRect clip)
{
    draw->used = draw->n_hits = draw->text_used = 0;
    draw->fonts = fonts;
    draw->clip = clip;
    VizCommand *const command = add(draw, VIZ_OP_CLIP, 0);
    if (command)
        command->rect = clip;
}

void viz_draw_destroy(VizDraw *draw)
{
    free(draw->bytes);
    free(draw->hits);
    free(draw->text);
    *draw = (VizDraw){0};
}

uint64_t viz_draw_hash(const VizDraw *draw)
{
    /* Multiply and fold, a word at a time: lists of megabytes are hashed each frame. */
    uint64_t hash = 0x9e3779b97f4a7c15u ^ draw->used;
    for (size_t at = 0; at + 8 <= draw->used; at += 8) {
        uint64_t word;
        memcpy(&word, draw->bytes + at, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

static void set_clip(VizDraw *draw, VizRect clip)
{
    draw->clip = clip;
    VizCommand *const command = add(draw, VIZ_OP_CLIP, 0);
    if (command)
        command->rect = clip;
}

VizRect viz_draw_clip(VizDraw *draw, VizRect clip)
{
    const VizRect former = draw->clip;
    set_clip(draw, viz_overlap(former, clip));
    return former;
}

void viz_draw_unclip(VizDraw *draw, VizRect former)
{
    set_clip(draw, former);
}

/* --- shapes ------------------------------------------------------------------------- */

static bool is_seen(const VizDraw *draw, VizRect rect)
{
    const VizRect part = viz_overlap(draw->clip, rect);
    return part.w > 0 && part.h > 0;
}

void viz_round_rect(VizDraw *draw, VizRect rect, float radius, VizColour colour)
{
    VizCommand *const command = is_seen(draw, rect) ? add(draw, VIZ_OP_RECT, 0) : NULL;
    if (!command)
        return;
    command->rect = rect;
    command->colour = colour;
    command->a = radius;
}

void viz_rect(VizDraw *draw, VizRect rect, VizColour colour)
{
    viz_round_rect(draw, rect, 0, colour);
}

void viz_frame(VizDraw *draw, VizRect rect, float width, VizColour colour)
{
    VizCommand *const command = is_seen(draw, rect) ? add(draw, VIZ_OP_FRAME, 0) : NULL;
    if (!command)
        return;
    command->rect = rect;
    command->colour = colour;
    command->a = width;
}

void viz_disc(VizDraw *draw, float x, float y, float radius, VizColour colour)
{
    const VizRect around = {x - radius, y - radius, 2 * radius, 2 * radius};
    VizCommand *const command = is_seen(draw, around) ? add(draw, VIZ_OP_DISC, 0) : NULL;
    if (!command)
        return;
    command->rect = (VizRect){x, y, 0, 0};
    command->colour = colour;
    command->a = radius;
}

void viz_triangle(VizDraw *draw, VizPoint a, VizPoint b, VizPoint c, VizColour colour)
{
    VizCommand *const command = add(draw, VIZ_OP_TRIANGLE, 3 * sizeof(VizPoint));
    if (!command)
        return;
    const VizPoint points[3] = {a, b, c};
    memcpy(data_of(command), points, sizeof points);
    command->colour = colour;
}

void viz_polyline(VizDraw *draw, size_t n, const VizPoint *points, float width,
                  VizColour colour)
{
    VizCommand *const command =
        n >= 2 ? add(draw, VIZ_OP_LINES, n * sizeof *points) : NULL;
    if (!command)
        return;
    memcpy(data_of(command), points, n * sizeof *points);
    command->n = (uint32_t)n;
    command->a = width;
    command->colour = colour;
}

void viz_line(VizDraw *draw, float x0, float y0, float x1, float y1, float width,
              VizColour colour)
{
    const VizPoint points[2] = {{x0, y0}, {x1, y1}};
    viz_polyline(draw, 2, points, width, colour);
}

void viz_marks(VizDraw *draw, size_t n, const VizPoint *corners, float w, float h,
               VizColour colour)
{
    VizCommand *const command = n ? add(draw, VIZ_OP_MARKS, n * sizeof *corners) : NULL;
    if (!command)
        return;
    memcpy(data_of(command), corners, n * sizeof *corners);
    command->n = (uint32_t)n;
    command->rect = (VizRect){0, 0, w, h};
    command->colour = colour;
}

/* --- pictures ----------------------------------------------------------------------- */

void viz_image(VizDraw *draw, VizRect rect, size_t w, size_t h, const uint8_t *indices,
               const VizColour *table)
{
    const size_t colours = 256 * sizeof *table;
    VizCommand *const command =
        w && h && is_seen(draw, rect) ? add(draw, VIZ_OP_IMAGE, colours + w * h) : NULL;
    if (!command)
        return;
    command->rect = rect;
    command->w = (uint32_t)w;
    command->h = (uint32_t)h;
    memcpy(data_of(command), table, colours);
    memcpy((char *)data_of(command) + colours, indices, w * h);
}

void viz_picture(VizDraw *draw, VizRect rect, size_t w, size_t h, const VizColour *pixels)
{
    VizCommand *const command = w && h && is_seen(draw, rect)
                                    ? add(draw, VIZ_OP_PICTURE, w * h * sizeof *pixels)
                                    : NULL;
    if (!command)
        return;
    command->rect = rect;
    command->w = (uint32_t)w;
    command->h = (uint32_t)h;
    memcpy(data_of(command), pixels, w * h * sizeof *pixels);
}

/* --- text --------------------------------------------------------------------------- */

static void add_text(VizDraw *draw, VizFontKind font, float x, float y, VizAlign align,
                     bool up, VizColour colour, const char *text)
{
    const size_t length = strlen(text);
    VizCommand *const command = length ? add(draw, VIZ_OP_TEXT, length + 1) : NULL;
    if (!command)
        return;
    command->rect = (VizRect){x, y, 0, 0};
    command->colour = colour;
    command->font = (uint8_t)font;
    command->align = (uint8_t)align;
    command->up = up;
    memcpy(data_of(command), text, length + 1);
}

void viz_text(VizDraw *draw, VizFontKind font, float x, float y, VizAlign align,
              VizColour colour, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_text(draw, font, x, y, align, false, colour, text);
}

void viz_text_up(VizDraw *draw, VizFontKind font, float x, float y, VizAlign align,
                 VizColour colour, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_text(draw, font, x, y, align, true, colour, text);
}

/* Takes whole letters off the end until "…" fits behind the rest, and what would stand
 * oddly before it. */
static void shorten(const VizDraw *draw, VizFontKind font, float width, char *text)
{
    static const char dots[] = "\xe2\x80\xa6";
    size_t length = strlen(text);
    while (length > 0 && viz_text_width(draw, font, text) > width) {
        do
            length--;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80);
        while (length > 0 && strchr(" :,", text[length - 1]))
            length--;
        memcpy(text + length, dots, sizeof dots);
    }
}

void viz_text_within(VizDraw *draw, VizFontKind font, float x, float y, float width,
                     VizAlign align, VizColour colour, const char *format, ...)
{
    char text[TEXT_SIZE + 8];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, TEXT_SIZE, format, arguments);
    va_end(arguments);
    if (viz_text_width(draw, font, text) > width)
        shorten(draw, font, width, text);
    if (viz_text_width(draw, font, text) <= width)
        add_text(draw, font, x, y, align, false, colour, text);
}

float viz_text_width(const VizDraw *draw, VizFontKind font, const char *text)
{
    return draw->fonts ? (float)viz_font_width(&draw->fonts->kinds[font], text) /
                             draw->fonts->scale
                       : 0;
}

float viz_line_height(const VizDraw *draw, VizFontKind font)
{
    return draw->fonts ? (float)draw->fonts->kinds[font].height / draw->fonts->scale : 0;
}

/* --- places ------------------------------------------------------------------------- */

void viz_hit(VizDraw *draw, VizRect area, int id, const char *format, ...)
{
    if (!is_seen(draw, area) || !sim_list_reserve(&draw->hits, &draw->hits_capacity,
                                                  draw->n_hits + 1, sizeof *draw->hits))
        return;
    VizHit *const hit = &draw->hits[draw->n_hits++];
    *hit = (VizHit){.area = viz_overlap(draw->clip, area), .id = id, .tip = VIZ_NO_TIP};
    if (!format)
        return;
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const size_t bytes = strlen(text) + 1;
    if (!sim_list_reserve(&draw->text, &draw->text_capacity, draw->text_used + bytes, 1))
        return;
    memcpy(draw->text + draw->text_used, text, bytes);
    hit->tip = draw->text_used;
    draw->text_used += bytes;
}

const VizHit *viz_hit_at(const VizDraw *draw, float x, float y)
{
    for (size_t i = draw->n_hits; i-- > 0;)
        if (viz_inside(draw->hits[i].area, x, y))
            return &draw->hits[i];
    return NULL;
}

const char *viz_hit_tip(const VizDraw *draw, const VizHit *hit)
{
    return hit->tip == VIZ_NO_TIP ? NULL : draw->text + hit->tip;
}

/* --- rectangles --------------------------------------------------------------------- */

VizRect viz_inset(VizRect r, float by)
{
    const float x = fminf(by, r.w / 2), y = fminf(by, r.h / 2);
    return (VizRect){r.x + x, r.y + y, r.w - 2 * x, r.h - 2 * y};
}

VizRect viz_overlap(VizRect a, VizRect b)
{
    const float x0 = fmaxf(a.x, b.x), x1 = fminf(a.x + a.w, b.x + b.w);
    const float y0 = fmaxf(a.y, b.y), y1 = fminf(a.y + a.h, b.y + b.h);
    return (VizRect){x0, y0, fmaxf(x1 - x0, 0), fmaxf(y1 - y0, 0)};
}

VizRect viz_cut_top(VizRect *rest, float height)
{
    height = fminf(height, rest->h);
    const VizRect strip = {rest->x, rest->y, rest->w, height};
    rest->y += height;
    rest->h -= height;
    return strip;
}

VizRect viz_cut_bottom(VizRect *rest, float height)
{
    height = fminf(height, rest->h);
    rest->h -= height;
    return (VizRect){rest->x, rest->y + rest->h, rest->w, height};
}

VizRect viz_cut_left(VizRect *rest, float width)
{
    width = fminf(width, rest->w);
    const VizRect strip = {rest->x, rest->y, width, rest->h};
    rest->x += width;
    rest->w -= width;
    return strip;
}

VizRect viz_cut_right(VizRect *rest, float width)
{
    width = fminf(width, rest->w);
    rest->w -= width;
    return (VizRect){rest->x + rest->w, rest->y, width, rest->h};
}

VizRect viz_fit(VizRect area, float w, float h)
{
    const float scale = fminf(area.w / w, area.h / h);
    return (VizRect){area.x + (area.w - w * scale) / 2, area.y + (area.h - h * scale) / 2,
                     w * scale, h * scale};
}
