/* The viewer without a window: keys and mouse in, state and pixels out. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/viz/synthetic.h"
#include "viz/app_internal.h"
#include "viz/window.h"
#include "tests/support.h"

enum { W = 1280, H = 800 };

static VizApp *app;
static VizFonts *fonts;
static const char *folder;
static const SyntheticOptions synthetic = {
    .timed = true, .potential = true, .rate = 0.1, .title = "a test"};
static const SyntheticOptions dropped = {.timed = true, .rate = 0.2, .title = "dropped"};

static void set_up(void)
{
    folder = test_folder();
    if (viz_fonts_create(1, &fonts) != SIM_OK)
        cr_skip_test("%s", sim_message());
}

static void clean(void)
{
    viz_app_destroy(app);
    viz_fonts_destroy(fonts);
    test_folder_remove();
}

TestSuite(app, .init = set_up, .fini = clean, .timeout = 60);

static VizEvents *make_events(void)
{
    enum { N = 2000 };
    DataEvent events[N];
    VizEvents *made = NULL;
    for (int i = 0; i < N; i++)
        events[i] =
            (DataEvent){60 * i, (uint16_t)(i % 32), (uint16_t)(i / 7 % 32), i % 2, {0}};
    cr_assert_eq(viz_events_take(events, N, 32, 32, &made), SIM_OK);
    return made;
}

static SimStatus open_next(void *argument, int by, VizOpened *out)
{
    (void)argument, (void)by;
    return synthetic_source_create(&synthetic, &out->sources[0]);
}

static SimStatus open_file(void *argument, const char *path, VizOpened *out)
{
    (void)argument;
    if (strcmp(path, "/a/net.input") != 0)
        return sim_fail(SIM_ERR_FORMAT, "%s: of no known format", path);
    return synthetic_source_create(&dropped, &out->sources[0]);
}

static void open_app(bool net, const char *panel, bool headless)
{
    VizAppOptions options = {.name = "test",
                             .panel = panel,
                             .headless = headless,
                             .export_to = folder,
                             .open_next = open_next,
                             .open_file = open_file};
    if (net)
        cr_assert_eq(synthetic_source_create(&synthetic, &options.first.sources[0]),
                     SIM_OK);
    options.first.events = make_events();
    cr_assert_eq(viz_app_create(&options, &app), SIM_OK, "%s", sim_message());
}

static const VizSurface *frame(double seconds)
{
    const VizSurface *const surface = viz_app_frame(app, seconds, W, H, fonts);
    cr_assert_not_null(surface);
    return surface;
}

static void settle(void)
{
    cr_assert_eq(viz_app_settle(app, W, H, fonts), SIM_OK, "%s", sim_message());
    frame(0);
    frame(0);
}

static void press_key(uint32_t key, bool shift)
{
    const VizInput input = {
        .kind = VIZ_KEY, .key = key, .shift = shift, .x = 2, .y = 2, .hit = -1};
    viz_app_input(app, &input);
}

static void click(float x, float y)
{
    VizInput input = {.kind = VIZ_PRESS, .x = x, .y = y, .clicks = 1, .hit = -1};
    viz_app_input(app, &input);
    input.kind = VIZ_RELEASE;
    viz_app_input(app, &input);
}

static AppPanel *panel(const char *name)
{
    for (size_t i = 0; i < app->n_panels; i++)
        if (strcmp(app->panels[i].panel->name, name) == 0)
            return &app->panels[i];
    cr_assert_fail("no panel %s", name);
    return NULL;
}

/* --- every panel ----------------------------------------------------------------------
 */

Test(app, descriptors_are_complete)
{
    for (const VizPanel *const *at = viz_panels; *at; at++) {
        cr_expect((*at)->name && (*at)->title && (*at)->summary && (*at)->draw, "%s",
                  (*at)->name);
        cr_expect((*at)->place < VIZ_PLACES);
        cr_expect_eq(viz_panel_find((*at)->name), *at, "two panels called %s",
                     (*at)->name);
    }
    cr_expect_null(viz_panel_find("nonsense"));
}

Test(app, panels_stay_inside_and_do_not_overlap)
{
    static const size_t sizes[][2] = {{1280, 800}, {2560, 1440}, {900, 700},
                                      {640, 480},  {320, 240},   {3840, 600}};
    open_app(true, NULL, false);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t w = sizes[s][0], h = sizes[s][1];
        cr_assert_not_null(viz_app_frame(app, 0, w, h, fonts));
        size_t shown = 0;
        for (size_t i = 0; i < app->n_panels; i++) {
            const VizRect a = app->panels[i].area;
            shown += a.w > 0;
            cr_expect(a.x >= 0 && a.y >= 0 && a.x + a.w <= (float)w + 0.5f &&
                          a.y + a.h <= (float)h + 0.5f,
                      "%s at %zu x %zu", app->panels[i].panel->name, w, h);
            for (size_t j = 0; j < i; j++) {
                const VizRect both = viz_overlap(a, app->panels[j].area);
                cr_expect(both.w * both.h == 0, "%s over %s at %zu x %zu",
                          app->panels[i].panel->name, app->panels[j].panel->name, w, h);
            }
        }
        cr_expect_geq(shown, w >= 1280 ? 6u : 1u, "%zu x %zu", w, h);
    }
}

/* Keys in any order, at any place, all panels, both themes: nothing breaks. */
Test(app, a_monkey_at_the_keyboard)
{
    static const uint32_t more[] = {VIZ_KEY_LEFT, VIZ_KEY_RIGHT,     VIZ_KEY_HOME,
                                    VIZ_KEY_END,  VIZ_KEY_PAGE_DOWN, VIZ_KEY_TAB,
                                    VIZ_KEY_UP,   VIZ_KEY_ENTER};
    uint32_t state = 1;
    open_app(true, NULL, false);
    settle();
    for (int i = 0; i < 600; i++) {
        state = state * 1664525u + 1013904223u;
        const uint32_t r = state >> 8;
        const float x = (float)(r % W), y = (float)(r / 7 % H);
        VizInput input = {.kind = (VizInputKind)(r % 5),
                          .x = x,
                          .y = y,
                          .dx = 3,
                          .dy = r % 2 ? 1 : -1,
                          .clicks = 1 + r % 2,
                          .hit = -1};
        uint32_t key = r % 3 ? 33 + r % 94 : more[r % 8];
        if (key == 'q' || key == 's' || key == 'S' || key == 'e' || key == 'v')
            key = 'j'; /* no files from a monkey */
        if (i % 2)
            press_key(key, r % 5 == 0);
        else
            viz_app_input(app, &input);
        if (i % 4 == 0)
            frame(0.016);
    }
    frame(0);
}

/* --- the clock ------------------------------------------------------------------------
 */

Test(app, play_step_seek)
{
    open_app(true, NULL, false);
    settle();
    cr_expect_eq(app->view.now, 0u);
    press_key(VIZ_KEY_RIGHT, false);
    press_key(VIZ_KEY_RIGHT, false);
    press_key(VIZ_KEY_LEFT, false);
    frame(0);
    cr_expect_eq(app->view.now, 1u);
    press_key(VIZ_KEY_RIGHT, true);
    frame(0);
    cr_expect_eq(app->view.now, 11u);
    press_key(VIZ_KEY_HOME, false);
    press_key(' ', false);
    frame(0.0175); /* three steps of 5 ms and a half */
    frame(0);
    cr_expect_eq(app->view.now, 3u);
    press_key(' ', false);
    frame(0.1);
    cr_expect_eq(app->view.now, 3u, "paused");
    click(app->seek.x + app->seek.w * 0.5f, app->seek.y + 10);
    frame(0);
    cr_expect_eq(app->view.now, (size_t)SYNTHETIC_STEPS / 2);
    VizInput drag = {
        .kind = VIZ_PRESS, .x = app->seek.x + 5, .y = app->seek.y + 5, .hit = -1};
    viz_app_input(app, &drag);
    drag.kind = VIZ_DRAG;
    drag.x = app->seek.x + app->seek.w + 500;
    viz_app_input(app, &drag);
    frame(0);
    cr_expect_eq(app->view.now, (size_t)SYNTHETIC_STEPS - 1);
}

Test(app, every_step_has_the_same_picture_again)
{
    uint64_t first[SYNTHETIC_STEPS], again;
    open_app(true, NULL, false);
    settle();
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < SYNTHETIC_STEPS; i++) {
            const size_t k = pass ? SYNTHETIC_STEPS - 1 - i : i;
            viz_clock_seek_step(&app->clock, k);
            settle();
            again = viz_draw_hash(&panel("raster")->sheet.draw) ^
                    viz_draw_hash(&panel("layers")->sheet.draw) * 3;
            if (pass)
                cr_expect_eq(again, first[k], "step %zu", k);
            else
                first[k] = again;
        }
    cr_expect_neq(first[0], first[1]);
}

/* --- choosing -------------------------------------------------------------------------
 */

Test(app, a_click_chooses_a_layer_and_picks_a_neuron)
{
    open_app(true, NULL, false);
    settle();
    cr_expect_eq(app->choice.layer, SYNTHETIC_WIDE, "the first that fires");
    press_key('j', false);
    cr_expect_eq(app->choice.layer, SYNTHETIC_DEEP);
    press_key('k', false);
    settle();
    const VizRect strip = panel("layers")->inside;
    bool changed = false;
    for (float x = strip.x + 8; x < strip.x + strip.w && !changed; x += 20) {
        click(x, strip.y + strip.h / 2);
        changed = app->choice.layer == SYNTHETIC_DEEP;
    }
    cr_expect(changed);
    viz_view_choose_layer(&app->view, SYNTHETIC_WIDE);
    settle();
    const VizRect maps = panel("maps")->inside;
    for (float y = maps.y + 60; y < maps.y + maps.h && !app->choice.n_picks; y += 13)
        for (float x = maps.x + 9; x < maps.x + maps.w && !app->choice.n_picks; x += 31)
            click(x, y);
    cr_assert_eq(app->choice.n_picks, 1u);
    settle();
    cr_expect_eq(viz_view_step(&app->view, 0)->wants.n_picks, 1u);
    cr_expect_not(isnan(viz_view_step(&app->view, 0)->picked[0]));
    press_key('x', false);
    cr_expect_eq(app->choice.n_picks, 0u);
}

Test(app, panels_are_switched_and_maximised)
{
    open_app(true, NULL, false);
    settle();
    const VizRect small = panel("raster")->area;
    click(small.x + small.w / 2, small.y + small.h / 2);
    cr_expect_str_eq(viz_app_panel(app), "raster");
    press_key('f', false);
    frame(0);
    cr_expect_gt(panel("raster")->area.w, 2 * small.w);
    cr_expect_eq(panel("layers")->area.w, 0.0f);
    press_key(VIZ_KEY_TAB, false);
    frame(0);
    cr_expect_str_neq(viz_app_panel(app), "raster");
    press_key(VIZ_KEY_ESCAPE, false);
    frame(0);
    cr_expect_gt(panel("layers")->area.w, 0.0f);
    cr_expect_not(viz_app_wants_quit(app));
    press_key(VIZ_KEY_ESCAPE, false);
    cr_expect(viz_app_wants_quit(app));
}

Test(app, themes_and_help_change_the_pixels)
{
    open_app(true, NULL, false);
    settle();
    const VizSurface *surface = frame(0);
    const VizColour dark = surface->pixels[2];
    press_key('t', false);
    surface = frame(0);
    cr_expect_neq(surface->pixels[2], dark);
    const VizColour before = surface->pixels[(H / 2) * W + W / 2];
    press_key('?', false);
    surface = frame(0);
    cr_expect(app->overlay.shown);
    press_key(VIZ_KEY_ESCAPE, false);
    surface = frame(0);
    cr_expect_eq(surface->pixels[(H / 2) * W + W / 2], before, "as it was below");
}

/* Each key of the help does something else than the others: no row is there twice. */
Test(app, keys_are_distinct)
{
    for (const AppKey *a = app_keys; a->key; a++)
        for (const AppKey *b = app_keys; b != a; b++)
            cr_expect_not(a->key == b->key && a->shift == b->shift, "%s", a->keys);
}

/* --- painting only what changed --------------------------------------------------------
 */

Test(app, what_is_painted_in_parts_equals_the_whole)
{
    static VizColour parts[W * H];
    open_app(true, NULL, false);
    settle();
    for (int i = 0; i < 30; i++) {
        const VizInput move = {.kind = VIZ_MOVE,
                               .x = (float)(40 * i % W),
                               .y = (float)(90 + 23 * i % (H - 90)),
                               .hit = -1};
        viz_app_input(app, &move);
        press_key(i % 5 ? VIZ_KEY_RIGHT : 'j', false);
        cr_assert_eq(viz_app_settle(app, W, H, fonts), SIM_OK);
        frame(0);
        const VizSurface *surface = frame(0);
        memcpy(parts, surface->pixels, sizeof parts);
        app->repaint = true;
        surface = frame(0);
        for (size_t at = 0; at < W * H; at++)
            cr_assert_eq(parts[at], surface->pixels[at], "round %d: pixel %zu, %zu", i,
                         at % W, at / W);
    }
}

Test(app, nothing_is_painted_while_nothing_moves)
{
    const VizRect *changed;
    open_app(true, NULL, false);
    settle();
    frame(0);
    frame(0.02);
    cr_expect_eq(viz_app_changed(app, &changed), 0u);
    for (int i = 0; i < 30; i++)
        frame(0.02);
    cr_expect(viz_app_is_idle(app));
    press_key(' ', false);
    cr_expect_not(viz_app_is_idle(app));
}

/* --- events alone ---------------------------------------------------------------------
 */

Test(app, events_alone_are_shown_large)
{
    open_app(false, NULL, true);
    settle();
    cr_expect_gt(panel("input")->area.w, W * 0.9f);
    const VizSurface *surface = frame(0);
    size_t on = 0, off = 0;
    for (size_t i = 0; i < W * H; i++) {
        const VizColour c = surface->pixels[i];
        const int r = (int)(c >> 16 & 0xff), b = (int)(c & 0xff);
        on += r - b > 60;
        off += b - r > 60;
    }
    cr_expect_gt(on, 1000u);
    cr_expect_gt(off, 1000u);
    press_key('c', false);
    cr_expect_eq(app->clock.pace, VIZ_PACE_COUNT);
    const double before = app->clock.at_us;
    press_key(VIZ_KEY_RIGHT, false);
    cr_expect_gt(app->clock.at_us, before);
}

/* --- export ---------------------------------------------------------------------------
 */

static size_t files_ending(const char *path, const char *end)
{
    size_t n = 0;
    DIR *const open = opendir(path);
    cr_assert_not_null(open);
    for (struct dirent *entry; (entry = readdir(open));) {
        const size_t length = strlen(entry->d_name), tail = strlen(end);
        n += length > tail && strcmp(entry->d_name + length - tail, end) == 0;
    }
    closedir(open);
    return n;
}

Test(app, pictures_and_tables_are_written)
{
    open_app(true, NULL, false);
    settle();
    press_key('s', false);
    press_key('s', false);
    cr_expect_eq(files_ending(folder, ".png"), 2u);
    for (size_t i = 0; i < app->n_panels; i++) {
        if (!app->panels[i].panel->csv || !app_is_available(app, i))
            continue;
        char path[256], line[1024];
        app->maximised = (int)i;
        settle();
        snprintf(path, sizeof path, "%s/%s.csv", folder, app->panels[i].panel->name);
        if (viz_app_write_table(app, app->panels[i].panel->name, path) != SIM_OK) {
            cr_expect_neq(*sim_message(), '\0');
            continue;
        }
        FILE *const file = fopen(path, "r");
        cr_assert_not_null(file);
        cr_assert_not_null(fgets(line, sizeof line, file), "%s", path);
        size_t commas = 0, rows = 0;
        for (const char *c = line; *c; c++)
            commas += *c == ',';
        while (fgets(line, sizeof line, file)) {
            size_t here = 0;
            for (const char *c = line; *c; c++)
                here += *c == ',';
            if (*line != '#' && *line != '\n')
                cr_assert_eq(here, commas, "%s: %s", path, line);
            rows++;
        }
        fclose(file);
        cr_expect_gt(rows, 0u, "%s", path);
    }
    cr_expect_geq(files_ending(folder, ".csv"), 3u);
}

Test(app, a_sequence_has_a_picture_for_every_frame)
{
    char path[128];
    size_t n;
    open_app(true, NULL, true);
    settle();
    app->clock.in_us = 20000;
    app->clock.out_us = 60000;
    snprintf(path, sizeof path, "%s/frames", folder);
    cr_assert_eq(viz_app_export(app, path, 100, 400, 300, fonts, &n), SIM_OK, "%s",
                 sim_message());
    cr_expect_eq(n, 4u);
    cr_expect_eq(files_ending(path, ".png"), 4u);
    cr_expect_neq(viz_app_export(app, "/dev/null/x", 100, 400, 300, fonts, &n), SIM_OK);
}

/* With an ffmpeg of our own, that writes down how it was called and what it got. */
Test(app, a_video_is_what_ffmpeg_is_told)
{
    enum { FRAME = 400 * 300 * 4 };
    char path[128], program[128], way[512];
    size_t n = 0;
    open_app(true, NULL, true);
    snprintf(program, sizeof program, "%s/ffmpeg", folder);
    FILE *const file = fopen(program, "w");
    cr_assert_not_null(file);
    fprintf(file, "#!/bin/sh\necho \"$@\" > %s/told\nexec cat > %s/film.mp4\n", folder,
            folder);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(program, 0700), 0);
    snprintf(way, sizeof way, "%s:%s", folder, getenv("PATH"));
    setenv("PATH", way, 1);
    snprintf(path, sizeof path, "%s/film.mp4", folder);
    cr_assert_eq(viz_app_export(app, path, 100, 400, 300, fonts, &n), SIM_OK, "%s",
                 sim_message());
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    cr_expect_gt(n, 2u);
    cr_expect_eq((size_t)about.st_size, n * FRAME);
    char told[512] = "";
    snprintf(path, sizeof path, "%s/told", folder);
    FILE *const words = fopen(path, "r");
    cr_assert(words && fgets(told, sizeof told, words));
    fclose(words);
    cr_expect_not_null(strstr(told, "-pix_fmt bgra -s 400x300 -r 100 -i -"), "%s", told);

    snprintf(way, sizeof way, "#!/bin/sh\nexit 3\n");
    FILE *const broken = fopen(program, "w");
    cr_assert(broken && fputs(way, broken) >= 0 && fclose(broken) == 0);
    snprintf(path, sizeof path, "%s/none.mp4", folder);
    cr_expect_neq(viz_app_export(app, path, 100, 400, 300, fonts, &n), SIM_OK);
    cr_expect_not_null(strstr(sim_message(), "ffmpeg"), "%s", sim_message());
}

Test(app, a_file_dropped_is_opened_or_refused_in_a_sentence)
{
    open_app(true, NULL, false);
    settle();
    viz_app_drop(app, "/a/picture.doc");
    cr_expect_not_null(strstr(app->message, "no known format"), "%s", app->message);
    cr_expect_str_eq(app->view.sides[0].subject->title, "a test");
    viz_app_drop(app, "/a/net.input");
    settle();
    cr_expect_str_eq(app->view.sides[0].subject->title, "dropped");
}

Test(app, an_unknown_panel_names_the_nearest)
{
    const VizAppOptions options = {.name = "test", .panel = "rastr"};
    cr_expect_neq(viz_app_create(&options, &app), SIM_OK);
    cr_expect_not_null(strstr(sim_message(), "\"raster\""), "%s", sim_message());
}
