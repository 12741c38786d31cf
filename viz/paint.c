/* viz/paint.c: filling, lines with soft edges, pictures, letters.
 *
 * Straight edges along the axes are put on whole pixels; everything else is smoothed by
 * how much of a pixel it covers. */
#include "viz/paint.h"

#include <math.h>
#include <string.h>

#include "viz/draw_internal.h"

typedef struct Box { /* pixels, right and bottom excluded */
    int x0, y0, x1, y1;
} Box;

typedef struct Painter {
    VizSurface *to;
    float scale;
    Box clip;
} Painter;

/* --- pixels --------------------------------------------------------------------------
 */

static inline VizColour blend(VizColour under, VizColour over, unsigned alpha)
{
    /* Two channels at a time; alpha 0..255 widened to 0..256. */
    const unsigned a = alpha + (alpha >> 7);
    const VizColour rb = under & 0xff00ffu, g = under & 0x00ff00u;
    const VizColour to_rb = over & 0xff00ffu, to_g = over & 0x00ff00u;
    return 0xff000000u | ((rb + (((to_rb - rb) * a) >> 8)) & 0xff00ffu) |
           ((g + (((to_g - g) * a) >> 8)) & 0x00ff00u);
}

static inline void put(const Painter *p, int x, int y, VizColour colour, unsigned alpha)
{
    VizColour *const at = &p->to->pixels[(size_t)y * p->to->w + (size_t)x];
    *at = alpha >= 255 ? colour | 0xff000000u : blend(*at, colour, alpha);
}

/* A pixel covered to a share 0..1. */
static inline void put_soft(const Painter *p, int x, int y, VizColour colour, float share)
{
    if (share <= 0 || x < p->clip.x0 || x >= p->clip.x1 || y < p->clip.y0 ||
        y >= p->clip.y1)
        return;
    put(p, x, y, colour,
        (unsigned)((float)(colour >> 24) * (share < 1 ? share : 1) + 0.5f));
}

static Box to_box(const Painter *p, VizRect r)
{
    return (Box){(int)lroundf(r.x * p->scale), (int)lroundf(r.y * p->scale),
                 (int)lroundf((r.x + r.w) * p->scale),
                 (int)lroundf((r.y + r.h) * p->scale)};
}

static Box meet(Box a, Box b)
{
    return (Box){a.x0 > b.x0 ? a.x0 : b.x0, a.y0 > b.y0 ? a.y0 : b.y0,
                 a.x1 < b.x1 ? a.x1 : b.x1, a.y1 < b.y1 ? a.y1 : b.y1};
}

static void fill(const Painter *p, Box box, VizColour colour)
{
    const Box b = meet(box, p->clip);
    const unsigned alpha = colour >> 24;
    for (int y = b.y0; y < b.y1; y++) {
        VizColour *const row = p->to->pixels + (size_t)y * p->to->w;
        if (alpha == 255)
            for (int x = b.x0; x < b.x1; x++)
                row[x] = colour;
        else
            for (int x = b.x0; x < b.x1; x++)
                row[x] = blend(row[x], colour, alpha);
    }
}

/* Thin things stay visible: at least one pixel each way. */
static Box at_least_a_pixel(Box box)
{
    box.x1 += box.x1 == box.x0;
    box.y1 += box.y1 == box.y0;
    return box;
}

/* --- shapes --------------------------------------------------------------------------
 */

static void paint_rect(const Painter *p, const VizCommand *c)
{
    const Box box = at_least_a_pixel(to_box(p, c->rect));
    const float radius = fminf(c->a * p->scale, 0.5f * fminf((float)(box.x1 - box.x0),
                                                             (float)(box.y1 - box.y0)));
    if (radius < 1) {
        fill(p, box, c->colour);
        return;
    }
    const int r = (int)ceilf(radius);
    fill(p, (Box){box.x0, box.y0 + r, box.x1, box.y1 - r}, c->colour);
    fill(p, (Box){box.x0 + r, box.y0, box.x1 - r, box.y0 + r}, c->colour);
    fill(p, (Box){box.x0 + r, box.y1 - r, box.x1 - r, box.y1}, c->colour);
    for (int y = 0; y < r; y++)
        for (int x = 0; x < r; x++) {
            const float dx = radius - ((float)x + 0.5f), dy = radius - ((float)y + 0.5f);
            const float share = radius - sqrtf(dx * dx + dy * dy) + 0.5f;
            put_soft(p, box.x0 + x, box.y0 + y, c->colour, share);
            put_soft(p, box.x1 - 1 - x, box.y0 + y, c->colour, share);
            put_soft(p, box.x0 + x, box.y1 - 1 - y, c->colour, share);
            put_soft(p, box.x1 - 1 - x, box.y1 - 1 - y, c->colour, share);
        }
}

static void paint_frame(const Painter *p, const VizCommand *c)
{
    const Box b = to_box(p, c->rect);
    int w = (int)lroundf(c->a * p->scale);
    w = w < 1 ? 1 : w;
    fill(p, (Box){b.x0, b.y0, b.x1, b.y0 + w}, c->colour);
    fill(p, (Box){b.x0, b.y1 - w, b.x1, b.y1}, c->colour);
    fill(p, (Box){b.x0, b.y0 + w, b.x0 + w, b.y1 - w}, c->colour);
    fill(p, (Box){b.x1 - w, b.y0 + w, b.x1, b.y1 - w}, c->colour);
}

static void paint_disc(const Painter *p, const VizCommand *c)
{
    const float cx = c->rect.x * p->scale, cy = c->rect.y * p->scale;
    const float radius = c->a * p->scale;
    const Box b = meet((Box){(int)floorf(cx - radius - 1), (int)floorf(cy - radius - 1),
                             (int)ceilf(cx + radius + 1), (int)ceilf(cy + radius + 1)},
                       p->clip);
    for (int y = b.y0; y < b.y1; y++)
        for (int x = b.x0; x < b.x1; x++) {
            const float dx = (float)x + 0.5f - cx, dy = (float)y + 0.5f - cy;
            put_soft(p, x, y, c->colour, radius - sqrtf(dx * dx + dy * dy) + 0.5f);
        }
}

static void paint_triangle(const Painter *p, const VizCommand *c)
{
    const VizPoint *const v = viz_command_data(c);
    float x[3], y[3];
    for (int i = 0; i < 3; i++) {
        x[i] = v[i].x * p->scale;
        y[i] = v[i].y * p->scale;
    }
    float area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
    const float turn = area < 0 ? -1.0f : 1.0f;
    if (area == 0)
        return;
    const Box b = meet((Box){(int)floorf(fminf(x[0], fminf(x[1], x[2]))) - 1,
                             (int)floorf(fminf(y[0], fminf(y[1], y[2]))) - 1,
                             (int)ceilf(fmaxf(x[0], fmaxf(x[1], x[2]))) + 1,
                             (int)ceilf(fmaxf(y[0], fmaxf(y[1], y[2]))) + 1},
                       p->clip);
    for (int py = b.y0; py < b.y1; py++)
        for (int px = b.x0; px < b.x1; px++) {
            float share = 1;
            for (int i = 0; i < 3; i++) { /* distance to each edge, inside positive */
                const int j = (i + 1) % 3;
                const float ex = x[j] - x[i], ey = y[j] - y[i];
                const float d =
                    turn *
                    (ex * ((float)py + 0.5f - y[i]) - ey * ((float)px + 0.5f - x[i])) /
                    sqrtf(ex * ex + ey * ey);
                share = fminf(share, d + 0.5f);
            }
            put_soft(p, px, py, c->colour, share);
        }
}

/* --- lines ---------------------------------------------------------------------------
 */

static void vertical(const Painter *p, int x, float y0, float y1, bool swapped,
                     VizColour colour)
{
    for (int y = (int)floorf(y0); (float)y < y1; y++) {
        const float share = fminf(y1, (float)y + 1) - fmaxf(y0, (float)y);
        put_soft(p, swapped ? y : x, swapped ? x : y, colour, share);
    }
}

/* Column by column (or row by row when steep): each holds a span as high as the line is
 * thick across it. */
static void segment(const Painter *p, float x0, float y0, float x1, float y1, float width,
                    VizColour colour)
{
    const bool steep = fabsf(y1 - y0) > fabsf(x1 - x0);
    if (steep) {
        float t = x0;
        x0 = y0, y0 = t;
        t = x1, x1 = y1, y1 = t;
    }
    if (x0 > x1) {
        float t = x0;
        x0 = x1, x1 = t;
        t = y0, y0 = y1, y1 = t;
    }
    const float dx = x1 - x0, slope = dx > 0 ? (y1 - y0) / dx : 0;
    const float half = 0.5f * width * sqrtf(1 + slope * slope);
    const int low = steep ? p->clip.y0 : p->clip.x0,
              high = steep ? p->clip.y1 : p->clip.x1;
    int first = (int)floorf(x0), last = (int)ceilf(x1);
    first = first < low ? low : first;
    last = last > high ? high : last;
    for (int x = first; x < last; x++) {
        const float from = fmaxf(x0, (float)x), to = fminf(x1, (float)x + 1);
        const float middle = y0 + slope * (0.5f * (from + to) - x0);
        if (to - from > 0.999f) {
            vertical(p, x, middle - half, middle + half, steep, colour);
        } else {
            const VizColour faded =
                (colour & 0xffffffu) |
                (VizColour)((float)(colour >> 24) * (to - from) + 0.5f) << 24;
            vertical(p, x, middle - half, middle + half, steep, faded);
        }
    }
}

static void paint_lines(const Painter *p, const VizCommand *c)
{
    const VizPoint *const points = viz_command_data(c);
    const float width = fmaxf(c->a * p->scale, 1);
    for (uint32_t i = 0; i + 1 < c->n; i++) {
        float x0 = points[i].x * p->scale, y0 = points[i].y * p->scale;
        float x1 = points[i + 1].x * p->scale, y1 = points[i + 1].y * p->scale;
        if (!(fabsf(x0) < 1e6f && fabsf(y0) < 1e6f && fabsf(x1) < 1e6f &&
              fabsf(y1) < 1e6f))
            continue; /* NAN breaks a line */
        if (x0 == x1 && c->n == 2) {
            const int w = (int)lroundf(width), x = (int)lroundf(x0 - 0.5f * (float)w);
            fill(
                p,
                (Box){x, (int)lroundf(fminf(y0, y1)), x + w, (int)lroundf(fmaxf(y0, y1))},
                c->colour);
        } else if (y0 == y1 && c->n == 2) {
            const int w = (int)lroundf(width), y = (int)lroundf(y0 - 0.5f * (float)w);
            fill(
                p,
                (Box){(int)lroundf(fminf(x0, x1)), y, (int)lroundf(fmaxf(x0, x1)), y + w},
                c->colour);
        } else {
            segment(p, x0, y0, x1, y1, width, c->colour);
        }
    }
}

static void paint_marks(const Painter *p, const VizCommand *c)
{
    const VizPoint *const corners = viz_command_data(c);
    for (uint32_t i = 0; i < c->n; i++)
        fill(p,
             at_least_a_pixel(
                 to_box(p, (VizRect){corners[i].x, corners[i].y, c->rect.w, c->rect.h})),
             c->colour);
}

/* --- pictures ------------------------------------------------------------------------
 */

static inline VizColour texel(const VizCommand *c, size_t at)
{
    const VizColour *const data = viz_command_data(c);
    return c->op == VIZ_OP_PICTURE ? data[at] : data[((const uint8_t *)(data + 256))[at]];
}

/* The mean of the source pixels that fall on one of ours. */
static VizColour mean(const VizCommand *c, size_t x0, size_t x1, size_t y0, size_t y1)
{
    uint32_t r = 0, g = 0, b = 0, n = 0;
    for (size_t y = y0; y < y1; y++)
        for (size_t x = x0; x < x1; x++, n++) {
            const VizColour t = texel(c, y * c->w + x);
            r += t >> 16 & 0xff;
            g += t >> 8 & 0xff;
            b += t & 0xff;
        }
    return 0xff000000u | (r + n / 2) / n << 16 | (g + n / 2) / n << 8 | (b + n / 2) / n;
}

static void paint_image(const Painter *p, const VizCommand *c)
{
    const Box box = at_least_a_pixel(to_box(p, c->rect)), b = meet(box, p->clip);
    const size_t w = (size_t)(box.x1 - box.x0), h = (size_t)(box.y1 - box.y0);
    const bool shrinks = w < c->w || h < c->h;
    for (int y = b.y0; y < b.y1; y++) {
        VizColour *const row = p->to->pixels + (size_t)y * p->to->w;
        const size_t from_y = (size_t)(y - box.y0);
        const size_t y0 = from_y * c->h / h;
        if (!shrinks && y > b.y0 &&
            y0 == (from_y - 1) * c->h / h) { /* as the row above */
            if (b.x1 > b.x0)
                memcpy(row + b.x0, row - p->to->w + b.x0,
                       (size_t)(b.x1 - b.x0) * sizeof *row);
            continue;
        }
        size_t y1 = (from_y + 1) * c->h / h;
        y1 = y1 > y0 ? y1 : y0 + 1;
        for (int x = b.x0; x < b.x1; x++) {
            const size_t x0 = (size_t)(x - box.x0) * c->w / w;
            size_t x1 = (size_t)(x - box.x0 + 1) * c->w / w;
            x1 = x1 > x0 ? x1 : x0 + 1;
            row[x] = shrinks ? mean(c, x0, x1, y0, y1) : texel(c, y0 * c->w + x0);
        }
    }
}

/* --- text ----------------------------------------------------------------------------
 */

static void paint_glyph(const Painter *p, const VizFont *font, const VizGlyph *glyph,
                        int pen_x, int pen_y, bool up, VizColour colour)
{
    const uint8_t *coverage = font->coverage + glyph->pixels;
    const unsigned alpha = colour >> 24;
    for (int row = 0; row < glyph->h; row++)
        for (int column = 0; column < glyph->w; column++) {
            const unsigned share = *coverage++;
            if (!share)
                continue;
            const int across = glyph->left + column, down = glyph->top + row;
            const int x = up ? pen_x + down : pen_x + across;
            const int y = up ? pen_y - across : pen_y + down;
            if (x >= p->clip.x0 && x < p->clip.x1 && y >= p->clip.y0 && y < p->clip.y1)
                put(p, x, y, colour, share * alpha / 255);
        }
}

static void paint_text(const Painter *p, const VizDraw *draw, const VizCommand *c)
{
    if (!draw->fonts)
        return;
    const VizFont *const font = &draw->fonts->kinds[c->font];
    const char *text = viz_command_data(c);
    int x = (int)lroundf(c->rect.x * p->scale), y = (int)lroundf(c->rect.y * p->scale);
    const int width = viz_font_width(font, text);
    const int back = c->align == VIZ_RIGHT    ? width
                     : c->align == VIZ_CENTRE ? width / 2
                                              : 0;
    *(c->up ? &y : &x) -= c->up ? -back : back;
    for (uint32_t code; (code = viz_utf8_next(&text));) {
        const VizGlyph *const glyph = viz_font_glyph(font, code);
        if (!glyph)
            continue;
        paint_glyph(p, font, glyph, x, y, c->up, c->colour);
        *(c->up ? &y : &x) += c->up ? -glyph->advance : glyph->advance;
    }
}

/* -------------------------------------------------------------------------------------
 */

void viz_paint(const VizDraw *draw, VizSurface *surface)
{
    const Box all = {0, 0, (int)surface->w, (int)surface->h};
    Painter p = {surface, draw->fonts ? draw->fonts->scale : 1, all};
    size_t at = 0;
    for (const VizCommand *c; (c = viz_command_next(draw, &at));) {
        switch ((VizOp)c->op) {
        case VIZ_OP_CLIP:
            p.clip = meet(to_box(&p, c->rect), all);
            break;
        case VIZ_OP_RECT:
            paint_rect(&p, c);
            break;
        case VIZ_OP_FRAME:
            paint_frame(&p, c);
            break;
        case VIZ_OP_DISC:
            paint_disc(&p, c);
            break;
        case VIZ_OP_TRIANGLE:
            paint_triangle(&p, c);
            break;
        case VIZ_OP_LINES:
            paint_lines(&p, c);
            break;
        case VIZ_OP_MARKS:
            paint_marks(&p, c);
            break;
        case VIZ_OP_IMAGE:
        case VIZ_OP_PICTURE:
            paint_image(&p, c);
            break;
        case VIZ_OP_TEXT:
            paint_text(&p, draw, c);
            break;
        }
    }
}
