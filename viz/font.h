/* viz/font.h: letters as pictures: coverage of each glyph, measured in pixels.
 *
 * Made once per scale by viz/window.h from a font file; measuring and painting read the
 * tables and know no font library. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum VizFontKind {
    VIZ_FONT_SMALL,  /* 11 points: tick labels, units */
    VIZ_FONT_NORMAL, /* 13 */
    VIZ_FONT_BOLD,   /* 13: titles of panels */
    VIZ_FONT_TITLE,  /* 18, bold: one number that matters */
    VIZ_FONTS
} VizFontKind;

typedef struct VizGlyph {
    uint32_t code;     /* Unicode */
    int16_t advance;   /* pixels */
    int16_t left, top; /* from the pen and from the top of the line */
    uint16_t w, h;
    uint32_t pixels; /* offset into VizFont.coverage, rows of w bytes */
} VizGlyph;

typedef struct VizFont {
    int height; /* of a line, pixels */
    int ascent;
    const VizGlyph *glyphs; /* [n_glyphs], sorted by code */
    size_t n_glyphs;
    const uint8_t *coverage;
} VizFont;

typedef struct VizFonts {
    float scale; /* pixels per point these were made for */
    VizFont kinds[VIZ_FONTS];
} VizFonts;

/* The glyph of a code point; that of "?" when the font lacks it, NULL when it has none.
 */
const VizGlyph *viz_font_glyph(const VizFont *font, uint32_t code);

/* The next code point of UTF-8 text, moving *text; 0 at the end, U+FFFD for a bad byte.
 */
uint32_t viz_utf8_next(const char **text);

int viz_font_width(const VizFont *font, const char *text); /* pixels */
