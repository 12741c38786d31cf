/* Draw lists and their pixels; letters; colours. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "viz/plot.h"
#include "viz/png.h"
#include "viz/window.h"

enum { W = 120, H = 80 };
static const VizColour red = 0xffff0000u, green = 0xff00ff00u, black = 0xff000000u;

static VizColour pixels[W * H];
static VizSurface surface = {pixels, W, H};
static VizDraw draw;
static VizFonts *fonts;

static void begin(void)
{
    for (size_t i = 0; i < W * H; i++)
        pixels[i] = black;
    viz_draw_begin(&draw, fonts, (VizRect){0, 0, W, H});
}

static void set_up(void)
{
    begin();
}

static void clean(void)
{
    viz_draw_destroy(&draw);
    viz_fonts_destroy(fonts);
}

TestSuite(paint, .init = set_up, .fini = clean);

static VizColour at(int x, int y)
{
    return pixels[y * W + x];
}

static size_t count(VizColour colour)
{
    size_t n = 0;
    for (size_t i = 0; i < W * H; i++)
        n += pixels[i] == colour;
    return n;
}

Test(paint, rectangles_fill_exactly_their_pixels)
{
    viz_rect(&draw, (VizRect){10, 20, 30, 5}, red);
    viz_paint(&draw, &surface);
    cr_expect_eq(count(red), 150u);
    cr_expect_eq(at(10, 20), red);
    cr_expect_eq(at(39, 24), red);
    cr_expect_eq(at(40, 24), black);
    cr_expect_eq(at(39, 25), black);
}

Test(paint, nothing_leaves_its_clip)
{
    const VizRect clip = {30, 30, 20, 10};
    const VizRect former = viz_draw_clip(&draw, clip);
    const VizPoint points[3] = {{0, 0}, {119, 79}, {0, 79}};
    const uint8_t image[4] = {0, 255, 255, 0};
    VizColour table[256];
    for (int i = 0; i < 256; i++)
        table[i] = red;
    viz_rect(&draw, (VizRect){0, 0, W, H}, red);
    viz_round_rect(&draw, (VizRect){-20, -20, 200, 200}, 9, red);
    viz_polyline(&draw, 3, points, 7, red);
    viz_disc(&draw, 40, 35, 60, red);
    viz_triangle(&draw, points[0], points[1], points[2], red);
    viz_marks(&draw, 3, points, 9, 9, red);
    viz_image(&draw, (VizRect){-50, -50, 300, 300}, 2, 2, image, table);
    viz_frame(&draw, (VizRect){28, 28, 24, 14}, 4, red);
    viz_draw_unclip(&draw, former);
    viz_paint(&draw, &surface);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            cr_assert(at(x, y) == black || viz_inside(clip, (float)x, (float)y), "%d,%d",
                      x, y);
    cr_expect_eq(at(40, 35), red);
}

Test(paint, shapes_far_outside_or_of_nonsense_size)
{
    const float odd[] = {-1e9f, 1e9f, NAN, INFINITY, -3.5f, 0};
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++) {
            viz_line(&draw, odd[i], odd[j], odd[j], 5, 2, red);
            if (!isfinite(odd[i]) || !isfinite(odd[j]))
                continue;
            viz_rect(&draw, (VizRect){odd[i], odd[j], odd[j], odd[i]}, red);
            viz_disc(&draw, odd[i], odd[j], 4, red);
        }
    viz_paint(&draw, &surface); /* the sanitizer watches */
}

Test(paint, an_image_grows_as_blocks_and_shrinks_as_means)
{
    const VizColour two[2] = {red, green};
    viz_picture(&draw, (VizRect){0, 0, 20, 10}, 2, 1, two);
    VizColour many[1000];
    for (size_t i = 0; i < 1000; i++)
        many[i] = i % 2 ? 0xff000000u : 0xffffffffu;
    viz_picture(&draw, (VizRect){50, 50, 10, 10}, 1000, 1, many);
    viz_paint(&draw, &surface);
    cr_expect_eq(at(9, 9), red);
    cr_expect_eq(at(10, 9), green);
    cr_expect_eq(at(54, 54) & 0xff, 0x80u);
}

Test(paint, equal_lists_have_equal_hashes)
{
    viz_rect(&draw, (VizRect){1, 2, 3, 4}, red);
    const uint64_t first = viz_draw_hash(&draw);
    begin();
    viz_rect(&draw, (VizRect){1, 2, 3, 4}, red);
    cr_expect_eq(viz_draw_hash(&draw), first);
    begin();
    viz_rect(&draw, (VizRect){1, 2, 3, 4}, green);
    cr_expect_neq(viz_draw_hash(&draw), first);
}

Test(paint, the_topmost_place_is_hit)
{
    viz_hit(&draw, (VizRect){0, 0, 50, 50}, 1, "below");
    viz_hit(&draw, (VizRect){20, 20, 10, 10}, 2, "%d above", 5);
    viz_hit(&draw, (VizRect){100, 10, 10, 10}, 3, NULL);
    cr_expect_eq(viz_hit_at(&draw, 5, 5)->id, 1);
    const VizHit *const above = viz_hit_at(&draw, 25, 25);
    cr_expect_eq(above->id, 2);
    cr_expect_str_eq(viz_hit_tip(&draw, above), "5 above");
    cr_expect_null(viz_hit_tip(&draw, viz_hit_at(&draw, 105, 15)));
    cr_expect_null(viz_hit_at(&draw, 80, 70));
}

/* --- letters --------------------------------------------------------------------------
 */

static void need_fonts(void)
{
    const SimStatus status = viz_fonts_create(1, &fonts);
    if (status != SIM_OK)
        cr_skip_test("%s", sim_message());
    begin();
}

Test(paint, text_is_written_where_it_was_asked_for)
{
    need_fonts();
    const float width = viz_text_width(&draw, VIZ_FONT_NORMAL, "Ag\xc3\xa9\xe2\x86\x92");
    cr_expect_gt(width, 20);
    viz_text(&draw, VIZ_FONT_NORMAL, 100, 10, VIZ_RIGHT, green, "%s",
             "Ag\xc3\xa9\xe2\x86\x92");
    viz_paint(&draw, &surface);
    size_t inside = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            if (at(x, y) != black) {
                cr_assert((float)x >= 99 - width && x <= 101 && y >= 10 && y < 30,
                          "%d,%d", x, y);
                inside++;
            }
    cr_expect_gt(inside, 40u);
}

Test(paint, text_too_wide_is_cut)
{
    need_fonts();
    viz_text_within(&draw, VIZ_FONT_NORMAL, 0, 0, 50, VIZ_LEFT, green,
                    "a sentence much too long for fifty points");
    viz_paint(&draw, &surface);
    for (int y = 0; y < H; y++)
        for (int x = 51; x < W; x++)
            cr_assert_eq(at(x, y), black);
    cr_expect_lt(count(black), (size_t)W * H);
}

Test(paint, a_missing_font_is_one_sentence)
{
    setenv("APICAL_FONTS", "/nowhere", 1);
    VizFonts *none = NULL;
    const SimStatus status = viz_fonts_create(1, &none);
    unsetenv("APICAL_FONTS");
    if (status == SIM_ERR_UNSUPPORTED)
        cr_skip_test("%s", sim_message());
    cr_expect_eq(status, SIM_ERR_IO);
    cr_expect_not_null(strstr(sim_message(), "fonts-dejavu-core"), "%s", sim_message());
    cr_expect_null(none);
}

Test(paint, bad_utf8_ends)
{
    const char *text = "a\xc3\xff\xe2\x86";
    size_t n = 0;
    while (viz_utf8_next(&text) && n < 10)
        n++;
    cr_expect_leq(n, 5u);
}

/* --- colours --------------------------------------------------------------------------
 */

static double luminance(VizColour colour)
{
    double sum = 0;
    static const double weights[3] = {0.0722, 0.7152, 0.2126};
    for (int i = 0; i < 3; i++)
        sum += weights[i] * pow((colour >> 8 * i & 0xff) / 255.0, 2.2);
    return sum;
}

Test(paint, maps_rise_evenly_in_lightness)
{
    for (int dark = 0; dark < 2; dark++) {
        VizTheme theme;
        viz_theme_make(dark, &theme);
        double last = -1;
        for (int i = 0; i < VIZ_TABLE; i += 15) {
            const double light = cbrt(luminance(theme.heat[i]));
            cr_expect_gt(light, last, "heat %d", i);
            cr_expect(i == 0 || (light - last > 0.01 && light - last < 0.09),
                      "step %d of heat: %g", i, light - last);
            last = light;
        }
        for (int i = 16; i <= 112; i += 16) { /* both ends of the signed map alike */
            const double below = cbrt(luminance(theme.signed_[128 - i]));
            const double above = cbrt(luminance(theme.signed_[128 + i]));
            cr_expect_float_eq(below, above, 0.06, "signed %d: %g and %g", i, below,
                               above);
        }
    }
}

/* Text can be read: the contrast of WCAG 2, 4.5 to 1. */
Test(paint, text_stands_out)
{
    for (int dark = 0; dark < 2; dark++) {
        VizTheme t;
        viz_theme_make(dark, &t);
        const VizColour on[3] = {t.panel, t.background, t.raised};
        const VizColour text[2] = {t.text, t.dim};
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 2; j++) {
                const double a = luminance(on[i]) + 0.05, b = luminance(text[j]) + 0.05;
                cr_expect_gt(a > b ? a / b : b / a, 4.5, "theme %d, ground %d, text %d",
                             dark, i, j);
            }
    }
}

/* --- files ----------------------------------------------------------------------------
 */

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

Test(paint, a_png_has_its_size_and_goes_whole_or_not_at_all)
{
    char path[] = "/tmp/apical-png-XXXXXX";
    const int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    viz_rect(&draw, (VizRect){3, 3, 90, 60}, red);
    viz_paint(&draw, &surface);
    cr_assert_eq(viz_png_write(path, &surface), SIM_OK, "%s", sim_message());
    unsigned char head[24];
    FILE *const file = fopen(path, "rb");
    cr_assert(file && fread(head, 1, sizeof head, file) == sizeof head);
    fclose(file);
    unlink(path);
    cr_expect_arr_eq(head, "\x89PNG\r\n\x1a\n", 8);
    cr_expect_eq(big_endian(head + 16), (uint32_t)W);
    cr_expect_eq(big_endian(head + 20), (uint32_t)H);
    cr_expect_eq(viz_png_write("/nowhere/a.png", &surface), SIM_ERR_IO);
}

Test(paint, numbers_and_durations_as_people_read_them)
{
    char text[32];
    cr_expect_str_eq(viz_duration(38460, text, sizeof text), "38.5 ms");
    cr_expect_str_eq(viz_duration(5.181e6, text, sizeof text), "5.18 s");
    cr_expect_str_eq(viz_duration(9e9, text, sizeof text), "2.5 h");
    cr_expect_str_eq(viz_duration(999.9, text, sizeof text), "1 ms");
    cr_expect_str_eq(viz_number(0, text, sizeof text), "0");
    cr_expect_str_eq(viz_number(123456, text, sizeof text), "123 k");
    cr_expect_float_eq(viz_round_step(10, 5), 2, 1e-12);
}
