/* viz/font.c: looking glyphs up and adding their widths. */
#include "viz/font.h"

const VizGlyph *viz_font_glyph(const VizFont *font, uint32_t code)
{
    for (uint32_t wanted = code;; wanted = '?') {
        size_t low = 0, high = font->n_glyphs;
        while (low < high) {
            const size_t middle = (low + high) / 2;
            if (font->glyphs[middle].code < wanted)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < font->n_glyphs && font->glyphs[low].code == wanted)
            return &font->glyphs[low];
        if (wanted == '?')
            return NULL;
    }
}

uint32_t viz_utf8_next(const char **text)
{
    const unsigned char *const b = (const unsigned char *)*text;
    if (b[0] == 0)
        return 0;
    const int more = b[0] < 0x80             ? 0
                     : (b[0] & 0xe0) == 0xc0 ? 1
                     : (b[0] & 0xf0) == 0xe0 ? 2
                     : (b[0] & 0xf8) == 0xf0 ? 3
                                             : -1;
    uint32_t code = more <= 0 ? b[0] : b[0] & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((b[i] & 0xc0) != 0x80) {
            *text += i;
            return 0xfffd;
        }
        code = code << 6 | (b[i] & 0x3fu);
    }
    *text += more < 0 ? 1 : more + 1;
    return more < 0 ? 0xfffd : code;
}

int viz_font_width(const VizFont *font, const char *text)
{
    int width = 0;
    for (uint32_t code; (code = viz_utf8_next(&text));) {
        const VizGlyph *const glyph = viz_font_glyph(font, code);
        width += glyph ? glyph->advance : 0;
    }
    return width;
}
