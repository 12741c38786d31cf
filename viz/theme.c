/* viz/theme.c: colours, computed. */
#include "viz/theme.h"

#include <math.h>
#include <stdlib.h>

/* --- OKLab ---------------------------------------------------------------------------
 *
 * https://bottosson.github.io/posts/oklab: lightness 0..1, chroma about 0..0.3, hue in
 * degrees. */

static double to_srgb(double linear)
{
    return linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
}

static bool lch_to_rgb(double light, double chroma, double hue, double rgb[3])
{
    const double angle = hue * 3.14159265358979323846 / 180;
    const double a = chroma * cos(angle), b = chroma * sin(angle);
    const double l = pow(light + 0.3963377774 * a + 0.2158037573 * b, 3);
    const double m = pow(light - 0.1055613458 * a - 0.0638541728 * b, 3);
    const double s = pow(light - 0.0894841775 * a - 1.2914855480 * b, 3);
    rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
    bool inside = true;
    for (int i = 0; i < 3; i++)
        inside = inside && rgb[i] >= -1e-4 && rgb[i] <= 1 + 1e-4;
    return inside;
}

/* The most colourful one of this lightness and hue that a screen can show, up to
 * `chroma`. */
static VizColour lch(double light, double chroma, double hue)
{
    double rgb[3];
    while (!lch_to_rgb(light, chroma, hue, rgb) && chroma > 0)
        chroma -= 0.002;
    VizColour colour = 0xff;
    for (int i = 0; i < 3; i++) {
        const double c = to_srgb(fmin(fmax(rgb[i], 0), 1));
        colour = colour << 8 | (VizColour)lround(255 * c);
    }
    return colour;
}

/* --- tables --------------------------------------------------------------------------
 */

/* Violet, blue, green, yellow, as viridis goes. */
static void make_heat(VizTheme *theme)
{
    for (int i = 0; i < VIZ_TABLE; i++) {
        const double t = i / 255.0;
        theme->heat[i] = lch(0.20 + 0.70 * t, 0.12 + 0.06 * t, 305 - 200 * t);
    }
}

/* Blue below zero, orange above, the panel's colour between. */
static void make_signed(VizTheme *theme)
{
    const double middle = theme->dark ? 0.22 : 0.97, end = theme->dark ? 0.80 : 0.45;
    for (int i = 0; i < VIZ_TABLE; i++) {
        const double t = fmin(abs(i - 128) / 127.0, 1);
        theme->signed_[i] =
            lch(middle + (end - middle) * t, 0.17 * t, i < 128 ? 245 : 60);
    }
}

static void make_ramps(VizTheme *theme)
{
    const VizColour spike = theme->dark ? 0xfff4f1de : 0xff1b2733;
    for (int i = 0; i < VIZ_TABLE; i++) {
        theme->grey[i] = 0xff000000u | (VizColour)i * 0x010101u;
        theme->ink[i] = viz_colour_mix(
            viz_colour_mix(theme->panel, theme->background, 0.6f), spike, (float)i / 255);
    }
}

void viz_theme_make(bool dark, VizTheme *out)
{
    static const VizTheme night = {
        .dark = true,
        .background = 0xff0e1116,
        .panel = 0xff171c23,
        .edge = 0xff2b333e,
        .raised = 0xff252d38,
        .pressed = 0xff35404f,
        .text = 0xffe6e9ee,
        .dim = 0xff9aa5b4,
        .faint = 0xff2c3541,
        .accent = 0xff56b4e9,
        .cursor = 0xfff0e442,
        .good = 0xff2ec49a,
        .bad = 0xfff07f4b,
        .on = 0xfff2a93b,
        .off = 0xff4aa8f0,
        .series = {0xff56b4e9, 0xffe69f00, 0xff1fbf92, 0xfff0e442, 0xffe0823d, 0xffd98bb9,
                   0xff4c8fd6, 0xffc7ccd4},
    };
    static const VizTheme day = {
        .dark = false,
        .background = 0xffe9ecf0,
        .panel = 0xffffffff,
        .edge = 0xffc9d0d9,
        .raised = 0xffeef1f5,
        .pressed = 0xffd5dce5,
        .text = 0xff1a2129,
        .dim = 0xff566272,
        .faint = 0xffe0e5ec,
        .accent = 0xff0072b2,
        .cursor = 0xffb5179e,
        .good = 0xff00805c,
        .bad = 0xffc04f00,
        .on = 0xffd55e00,
        .off = 0xff0072b2,
        .series = {0xff0072b2, 0xffe69f00, 0xff009e73, 0xffb39700, 0xffd55e00, 0xffcc79a7,
                   0xff3b9ad9, 0xff4a4f57},
    };
    *out = dark ? night : day;
    make_heat(out);
    make_signed(out);
    make_ramps(out);
}

VizColour viz_colour_mix(VizColour a, VizColour b, float share_of_b)
{
    VizColour mixed = a & 0xff000000u;
    for (int shift = 0; shift < 24; shift += 8) {
        const float from = (float)(a >> shift & 0xff), to = (float)(b >> shift & 0xff);
        mixed |= (VizColour)lroundf(from + (to - from) * share_of_b) << shift;
    }
    return mixed;
}

VizColour viz_colour_fade(VizColour colour, float alpha)
{
    return (colour & 0xffffffu) | (VizColour)lroundf(255 * alpha) << 24;
}

uint8_t viz_table_index(float value, float low, float high)
{
    const float at = 255 * (value - low) / (high - low);
    return at >= 255 ? 255 : at > 0 ? (uint8_t)(at + 0.5f) : 0; /* NAN: 0 */
}

void viz_table_indices(size_t n, const float *values, float low, float high, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = viz_table_index(values[i], low, high);
}
