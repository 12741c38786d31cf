/* tests/viz/test_panels.c: what every panel must keep to, whatever it shows. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/viz/panel_harness.h"

typedef struct Size {
    float w, h;
} Size;

static const Size sizes[] = {{40, 30},   {120, 90},  {90, 400},   {500, 60},
                             {300, 220}, {640, 480}, {1280, 760}, {2560, 1440}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void walk(void (*check)(PanelHarness *h))
{
    for (const VizPanel *const *panel = viz_panels; *panel; panel++)
        for (int sides = HARNESS_EMPTY; sides <= HARNESS_TWO; sides++) {
            PanelHarness h;
            harness_begin(&h, (*panel)->name, sides, 14);
            const bool there = !h.panel->available || h.panel->available(&h.view);
            if (there)
                check(&h);
            if (there && sides) {
                viz_view_pick(&h.view, SYNTHETIC_WIDE, 1234);
                viz_view_pick(&h.view, SYNTHETIC_DEEP, 555);
                harness_settle(&h);
                check(&h);
            }
            harness_end(&h);
        }
    PanelHarness h; /* those that look at something else */
    harness_begin(&h, "memory", HARNESS_ONE, 14);
    harness_net(&h);
    check(&h);
    harness_end(&h);
    harness_begin(&h, "training", HARNESS_EMPTY, 0);
    harness_run(&h);
    check(&h);
    harness_end(&h);
}

/* --- nothing outside ---------------------------------------------------------------- */

enum { MARGIN = 8 };
static const VizColour untouched = 0xff123456;

static void keeps_inside(PanelHarness *h)
{
    for (size_t s = 0; s < SIZES; s++) {
        const VizRect area = {MARGIN, MARGIN, sizes[s].w, sizes[s].h};
        const size_t w = (size_t)sizes[s].w + 2 * MARGIN,
                     height = (size_t)sizes[s].h + 2 * MARGIN;
        if (w * height > 1000000)
            continue; /* nothing is new there */
        harness_draw(h, area);
        VizSurface surface = {malloc(w * height * sizeof(VizColour)), w, height};
        for (size_t i = 0; i < w * height; i++)
            surface.pixels[i] = untouched;
        viz_paint(&h->draw, &surface);
        size_t touched = 0, outside = 0;
        for (size_t i = 0; i < w * height; i++) {
            const bool inside = viz_inside(area, (float)(i % w), (float)(i / w));
            touched += inside && surface.pixels[i] != untouched;
            outside += !inside && surface.pixels[i] != untouched;
        }
        free(surface.pixels);
        cr_expect_eq(outside, 0, "%s, %zu sides, %g x %g: %zu pixels outside",
                     h->panel->name, h->view.n_sides, (double)area.w, (double)area.h,
                     outside);
        if (area.w >= 120 && area.h >= 60)
            cr_expect_gt(touched, 0, "%s, %zu sides, %g x %g: nothing is drawn",
                         h->panel->name, h->view.n_sides, (double)area.w, (double)area.h);
    }
}

Test(panels, draw_inside_their_area)
{
    walk(keeps_inside);
}

/* --- text
 * ------------------------------------------------------------------------------- */

static bool is_whole(VizRect outer, VizRect inner)
{
    return inner.x >= outer.x - 0.6f && inner.y >= outer.y - 0.6f &&
           inner.x + inner.w <= outer.x + outer.w + 0.6f &&
           inner.y + inner.h <= outer.y + outer.h + 0.6f;
}

/* Letters leave some of the height of a line free. */
static VizRect ink(VizRect text)
{
    return (VizRect){text.x + 0.5f, text.y + 2, text.w - 1, text.h - 4};
}

static void texts_are_readable(PanelHarness *h)
{
    for (size_t s = 0; s < SIZES; s++) {
        const VizRect area = {MARGIN, MARGIN, sizes[s].w, sizes[s].h};
        if (area.w < 300 || area.h < 200)
            continue;
        harness_draw(h, area);
        cr_expect_not_null(harness_command(h, VIZ_OP_TEXT, 0), "%s says nothing",
                           h->panel->name);
        const VizCommand *one, *other;
        for (size_t i = 0; (one = harness_command(h, VIZ_OP_TEXT, i)); i++) {
            const VizRect a = ink(harness_text_rect(h, one));
            cr_expect(is_whole(area, a), "%s, %zu sides, %g x %g: \"%s\" leaves the area",
                      h->panel->name, h->view.n_sides, (double)area.w, (double)area.h,
                      (const char *)viz_command_data(one));
            for (size_t j = i + 1; (other = harness_command(h, VIZ_OP_TEXT, j)); j++) {
                const VizRect both = viz_overlap(a, ink(harness_text_rect(h, other)));
                cr_expect(both.w <= 0 || both.h <= 0,
                          "%s, %zu sides, %g x %g: \"%s\" and \"%s\" overlap",
                          h->panel->name, h->view.n_sides, (double)area.w, (double)area.h,
                          (const char *)viz_command_data(one),
                          (const char *)viz_command_data(other));
            }
        }
    }
}

Test(panels, have_text_that_can_be_read)
{
    walk(texts_are_readable);
}

/* --- hands and keys
 * --------------------------------------------------------------------- */

static float chance(uint64_t index, float low, float high)
{
    const SimRng rng = {.seed = 11, .purpose = SIM_RNG_TEST};
    return low + (high - low) * (float)sim_rng_below(rng, index, 1000) / 1000;
}

/* Whatever is pressed, dragged and turned: nothing breaks. */
static void survives(PanelHarness *h)
{
    static const uint32_t keys[] = {'v', 'a', 'd', 'p',        'o',
                                    '+', '-', '0', VIZ_KEY_UP, VIZ_KEY_BACKSPACE};
    const VizRect area = {0, 0, 640, 480};
    for (uint64_t i = 0; i < 60; i++) {
        harness_draw(h, area);
        const float x = chance(7 * i, 0, area.w), y = chance(7 * i + 1, 0, area.h);
        const VizHit *const hit = viz_hit_at(&h->draw, x, y);
        VizInput input = {
            .kind = VIZ_PRESS, .x = x, .y = y, .clicks = 1, .hit = hit ? hit->id : -1};
        h->view.mouse = (VizPoint){x, y};
        h->view.mouse_here = true;
        for (int part = 0; h->panel->input && part < 4; part++) {
            h->panel->input(h->state, &h->view, &input, area);
            input.kind = part == 0 ? VIZ_DRAG : part == 1 ? VIZ_RELEASE : VIZ_WHEEL;
            input.dx = chance(7 * i + 2, -80, 80);
            input.dy = part == 2 ? chance(7 * i + 3, -3, 3) : chance(7 * i + 4, -80, 80);
        }
        harness_key(h, keys[(size_t)chance(7 * i + 5, 0, 9.9f)]);
        char caption[64];
        if (h->panel->caption)
            h->panel->caption(h->state, &h->view, caption, sizeof caption);
    }
}

Test(panels, survive_hands_and_keys)
{
    walk(survives);
}

Test(panels, are_described)
{
    for (const VizPanel *const *panel = viz_panels; *panel; panel++) {
        cr_expect(*(*panel)->name && *(*panel)->title && *(*panel)->summary);
        cr_expect_not_null((*panel)->draw);
        cr_expect_eq(viz_panel_find((*panel)->name), *panel);
        for (const VizPanelKey *key = (*panel)->keys; key && key->keys; key++)
            cr_expect(*key->what);
    }
    cr_expect_null(viz_panel_find("no such panel"));
}

Test(panels, write_tables_or_say_why_not)
{
    for (const VizPanel *const *panel = viz_panels; *panel; panel++)
        for (int sides = HARNESS_EMPTY; (*panel)->csv && sides <= HARNESS_TWO; sides++) {
            PanelHarness h;
            char *text = NULL;
            size_t size = 0;
            FILE *const out = open_memstream(&text, &size);
            harness_begin(&h, (*panel)->name, sides, 3);
            SimStatus status = SIM_ERR_VALUE;
            if (!h.panel->available || h.panel->available(&h.view))
                status = h.panel->csv(h.state, &h.view, out);
            fclose(out);
            if (status == SIM_OK)
                cr_expect(strchr(text, '\n') && strchr(text, ','), "%s: \"%s\"",
                          h.panel->name, text);
            else
                cr_expect_eq(size, 0, "%s fails and has written", h.panel->name);
            free(text);
            harness_end(&h);
        }
}
