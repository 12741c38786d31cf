/* cli/view.c: "apical view": the viewer, or pictures of it without a window. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/view_open.h"
#include "viz/png.h"
#include "viz/settings.h"
#include "viz/window.h"

enum { MAX_PICKED = VIZ_PICKS, MAX_SIDE = 16384, FPS = 30, MEASURE_S = 3 };
enum {
    KEY_SCREENSHOT = 0x100,
    KEY_AT,
    KEY_SIZE,
    KEY_PANEL,
    KEY_SCALE,
    KEY_LIGHT,
    KEY_DARK,
    KEY_LAYER,
    KEY_PICK,
    KEY_WINDOW,
    KEY_SPEED,
    KEY_PLAY,
    KEY_LOOP,
    KEY_EXPORT,
    KEY_FROM,
    KEY_TO,
    KEY_CSV,
    KEY_STATS,
    KEY_COMPARE,
    KEY_AXES,
    KEY_CLOSE
};

typedef struct Arguments {
    CliViewWhat what;
    CliSettings settings;
    const char *screenshot, *panel, *layer, *csv, *export_to;
    const char *picks[MAX_PICKED];
    size_t n_picks;
    const char *at, *from, *to, *window;
    int w, h;
    double scale, speed, close_after_s;
    bool light, dark, play, loop, stats;
} Arguments;

static double number(const char *text, double low, double high, const char *what,
                     struct argp_state *state)
{
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !(value >= low && value <= high))
        argp_error(state, "%s wants a number from %g to %g, not \"%s\"", what, low, high,
                   text);
    return value;
}

static error_t parse_shown(int key, char *text, Arguments *arguments,
                           struct argp_state *state)
{
    switch (key) {
    case KEY_SIZE:
        if (sscanf(text, "%dx%d", &arguments->w, &arguments->h) != 2 ||
            arguments->w < 200 || arguments->h < 150 || arguments->w > MAX_SIDE ||
            arguments->h > MAX_SIDE)
            argp_error(state, "--size wants WIDTHxHEIGHT, like 1280x800, not \"%s\"",
                       text);
        return 0;
    case KEY_SCALE:
        arguments->scale = number(text, 0.5, 4, "--scale", state);
        return 0;
    case KEY_SPEED:
        arguments->speed = number(text, 0.01, 1000, "--speed", state);
        return 0;
    case KEY_CLOSE:
        arguments->close_after_s = number(text, 0.01, 1e6, "--close-after", state);
        return 0;
    case KEY_AXES:
        if (strcmp(text, "spikingjelly") != 0 && strcmp(text, "jaer") != 0)
            argp_error(state, "--axes wants spikingjelly or jaer, not \"%s\"", text);
        arguments->what.axes =
            strcmp(text, "jaer") == 0 ? DATA_AXES_JAER : DATA_AXES_SPIKINGJELLY;
        return 0;
    case KEY_PICK:
        if (arguments->n_picks == MAX_PICKED)
            argp_error(state, "--pick: at most %d neurons", MAX_PICKED);
        arguments->picks[arguments->n_picks++] = text;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    Arguments *const arguments = state->input;
    const struct {
        int key;
        const char **text;
        bool *flag;
    } plain[] = {
        {KEY_SCREENSHOT, &arguments->screenshot, NULL},
        {KEY_AT, &arguments->at, NULL},
        {KEY_PANEL, &arguments->panel, NULL},
        {KEY_LAYER, &arguments->layer, NULL},
        {KEY_WINDOW, &arguments->window, NULL},
        {KEY_EXPORT, &arguments->export_to, NULL},
        {KEY_FROM, &arguments->from, NULL},
        {KEY_TO, &arguments->to, NULL},
        {KEY_CSV, &arguments->csv, NULL},
        {KEY_COMPARE, &arguments->what.compare, NULL},
        {KEY_LIGHT, NULL, &arguments->light},
        {KEY_DARK, NULL, &arguments->dark},
        {KEY_PLAY, NULL, &arguments->play},
        {KEY_LOOP, NULL, &arguments->loop},
        {KEY_STATS, NULL, &arguments->stats},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (plain[i].key != key)
            continue;
        if (plain[i].text)
            *plain[i].text = text;
        else
            *plain[i].flag = true;
        return 0;
    }
    switch (key) {
    case 's':
        cli_settings_add(&arguments->settings, text, state);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num == 0)
            arguments->what.target = text;
        else if (state->arg_num == 1)
            arguments->what.input = text;
        else
            argp_error(state, "wanted MODEL and INPUT, or a recording, not more");
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 1)
            argp_error(state, "wanted a model, a recording or a run folder");
        if (arguments->csv && !arguments->panel)
            argp_error(state, "--csv wants --panel NAME: whose data?");
        return 0;
    default:
        return parse_shown(key, text, arguments, state);
    }
}

/* --- places in time -------------------------------------------------------------------
 */

/* "250ms", "1.5s", "2h", "#7": the seventh step. */
static SimStatus parse_time(const char *text, const VizTimeline *line, double *out_us)
{
    static const struct {
        const char *name;
        double us;
    } units[] = {{"us", 1},    {"ms", 1e3},  {"s", 1e6},
                 {"min", 6e7}, {"h", 3.6e9}, {"", 1e6}};
    char *end;
    const bool step = *text == '#';
    const double value = strtod(text + step, &end);
    if (end != text + step && isfinite(value) && value >= 0) {
        if (step && !*end && value >= 1) {
            if (value > (double)line->n_steps)
                return sim_fail(SIM_ERR_VALUE, "%s: there are %zu steps", text,
                                line->n_steps);
            *out_us = (double)line->edges_us[(size_t)value - 1];
            return SIM_OK;
        }
        for (size_t i = 0; !step && i < sizeof units / sizeof *units; i++)
            if (strcmp(end, units[i].name) == 0) {
                *out_us = value * units[i].us;
                return SIM_OK;
            }
    }
    return sim_fail(
        SIM_ERR_VALUE,
        "\"%s\" is no time: wanted a number with us, ms, s, min or h, or #7 for "
        "the seventh step",
        text);
}

/* --- what is chosen -------------------------------------------------------------------
 */

static SimStatus find_layer(const VizSubject *subject, const char *name, int *out)
{
    *out = viz_subject_find(subject, name);
    if (*out >= 0)
        return SIM_OK;
    const char **const names = calloc(subject->n_layers + 1, sizeof *names);
    for (size_t i = 0; names && i < subject->n_layers; i++)
        names[i] = subject->layers[i].name;
    const SimStatus status =
        names ? sim_unknown(name, names, NULL, "no layer is called")
              : sim_fail(SIM_ERR_MEMORY, "no memory for the names of layers");
    free(names);
    return status;
}

static SimStatus choose(VizApp *app, const Arguments *arguments)
{
    SimStatus status = SIM_OK;
    VizView view = *viz_app_view(app);
    const VizSubject *const subject = view.sides[0].subject;
    int layer;
    if (!subject && (arguments->layer || arguments->n_picks))
        return sim_fail(SIM_ERR_VALUE, "--layer and --pick want a net or a recording of "
                                       "one, these are events alone");
    if (arguments->layer) {
        SIM_TRY(find_layer(subject, arguments->layer, &layer));
        viz_view_choose_layer(&view, layer);
    }
    for (size_t i = 0; i < arguments->n_picks; i++) {
        char name[128];
        const char *const colon = strrchr(arguments->picks[i], ':');
        char *end = NULL;
        const unsigned long long neuron = colon ? strtoull(colon + 1, &end, 10) : 0;
        if (!colon || end == colon + 1 || *end) {
            status = sim_fail(SIM_ERR_VALUE, "--pick wants LAYER:NUMBER, not \"%s\"",
                              arguments->picks[i]);
            goto out;
        }
        snprintf(name, sizeof name, "%.*s", (int)(colon - arguments->picks[i]),
                 arguments->picks[i]);
        SIM_TRY(find_layer(subject, name, &layer));
        const VizLayer *const at = &subject->layers[layer];
        if (neuron >= at->h * at->w * at->c) {
            status = sim_fail(SIM_ERR_VALUE, "--pick: %s has neurons 0 to %zu", name,
                              at->h * at->w * at->c - 1);
            goto out;
        }
        if (viz_view_picked(&view, layer, neuron) < 0)
            viz_view_pick(&view, layer, neuron);
    }
out:
    return status;
}

static SimStatus set_clock(VizApp *app, const Arguments *arguments)
{
    SimStatus status = SIM_OK;
    VizClock *const clock = viz_app_clock(app);
    double at;
    if (arguments->window) {
        SIM_TRY(parse_time(arguments->window, &clock->timeline, &at));
        clock->window_us = at >= 1 ? (int64_t)at : 1;
    }
    if (arguments->from) {
        SIM_TRY(parse_time(arguments->from, &clock->timeline, &at));
        clock->in_us = (int64_t)at;
        viz_clock_seek(clock, at);
    }
    if (arguments->to) {
        SIM_TRY(parse_time(arguments->to, &clock->timeline, &at));
        clock->out_us = (int64_t)at;
    }
    if (arguments->speed > 0)
        clock->speed = arguments->speed;
    if (arguments->at) {
        SIM_TRY(parse_time(arguments->at, &clock->timeline, &at));
        viz_clock_seek(clock, at);
    }
    clock->loop = arguments->loop;
    if (arguments->play)
        viz_clock_play(clock, true);
out:
    return status;
}

/* --- without a window -----------------------------------------------------------------
 */

static SimStatus draw_without_window(VizApp *app, const Arguments *arguments)
{
    SimStatus status = SIM_OK;
    VizFonts *fonts = NULL;
    const size_t w = arguments->w ? (size_t)arguments->w : 1280;
    const size_t h = arguments->h ? (size_t)arguments->h : 800;
    const double scale = arguments->scale > 0 ? arguments->scale : w >= 2400 ? 1.5 : 1;
    size_t n_pictures;
    SIM_TRY(viz_fonts_create((float)scale, &fonts));
    /* The end of a recording is known when it was read, and only then a place in it. */
    SIM_TRY(viz_app_settle(app, w, h, fonts));
    SIM_TRY(set_clock(app, arguments));
    if (arguments->export_to) {
        SIM_TRY(viz_app_export(app, arguments->export_to, FPS, w, h, fonts, &n_pictures));
        printf("%s: %zu pictures\n", arguments->export_to, n_pictures);
    }
    if (!arguments->screenshot && !arguments->csv)
        goto out;
    SIM_TRY(viz_app_settle(app, w, h, fonts));
    const VizSurface *const surface = viz_app_frame(app, 0, w, h, fonts);
    if (!surface) {
        status = sim_fail(SIM_ERR_MEMORY, "no memory for a picture of %zu x %zu", w, h);
        goto out;
    }
    if (arguments->screenshot)
        SIM_TRY(viz_png_write(arguments->screenshot, surface));
    if (arguments->csv)
        SIM_TRY(viz_app_write_table(app, arguments->panel, arguments->csv));
out:
    viz_fonts_destroy(fonts);
    return status;
}

/* --- with one -------------------------------------------------------------------------
 */

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Where it was left, for whoever drives the viewer from outside. */
static void print_state(VizApp *app)
{
    const VizView *const view = viz_app_view(app);
    const VizSubject *const subject = view->sides[0].subject;
    char at[64];
    printf("left at %s", viz_clock_print(view->clock, view->clock->at_us, at, sizeof at));
    if (subject && view->clock->timeline.timed)
        printf(", step %zu of %zu", view->now + 1, subject->n_steps);
    if (subject && view->choice->layer >= 0)
        printf(", layer %s, %zu picked", subject->layers[view->choice->layer].name,
               view->choice->n_picks);
    printf(", %s%s, panel %s\n", view->clock->playing ? "playing" : "paused",
           view->clock->loop ? ", loop" : "", viz_app_panel(app));
}

/* Steps a second while nobody draws. */
static double speed_alone(VizFeed *feed)
{
    const struct timespec pause = {.tv_sec = MEASURE_S};
    viz_feed_endless(feed, true);
    if (viz_feed_wait(feed) != SIM_OK)
        return 0;
    const VizFeedStats before = viz_feed_stats(feed);
    const double start = now_s();
    nanosleep(&pause, NULL);
    const VizFeedStats after = viz_feed_stats(feed);
    return (after.steps - before.steps) / (now_s() - start);
}

static SimStatus show_window(VizApp *app, const Arguments *arguments)
{
    SimStatus status = SIM_OK;
    const VizWindowOptions options = {.w = arguments->w,
                                      .h = arguments->h,
                                      .scale = (float)arguments->scale,
                                      .close_after_s = arguments->close_after_s};
    VizWindowStats window;
    VizFeed *const feed = viz_app_view(app)->sides[0].feed;
    SIM_TRY(set_clock(app, arguments));
    const double alone = arguments->stats && feed ? speed_alone(feed) : 0;
    const VizFeedStats before = feed ? viz_feed_stats(feed) : (VizFeedStats){0};
    SIM_TRY(viz_window_run(app, &options, &window));
    if (!arguments->stats)
        goto out;
    printf("%zu frames in %.1f s: median %.2f ms, nine of ten below %.2f ms, longest "
           "%.2f ms\n",
           window.frames, window.wall_s, window.median_ms, window.p90_ms,
           window.worst_ms);
    print_state(app);
    VizFeed *const after_feed = viz_app_view(app)->sides[0].feed;
    if (after_feed && after_feed == feed && alone > 0 && window.wall_s > 0) {
        const double viewed = (viz_feed_stats(feed).steps - before.steps) / window.wall_s;
        printf("simulation: %.1f steps/s alone, %.1f steps/s while viewed: %.0f %%\n",
               alone, viewed, 100 * viewed / alone);
    }
out:
    return status;
}

/* --- the command ----------------------------------------------------------------------
 */

static SimStatus view(const Arguments *arguments)
{
    SimStatus status = SIM_OK;
    CliViewed *viewed = NULL;
    VizApp *app = NULL;
    VizSettings settings;
    const bool headless = arguments->screenshot || arguments->csv || arguments->export_to;
    viz_settings_load(&settings);
    const bool light =
        arguments->light || (!headless && !arguments->dark && settings.light);
    VizAppOptions options = {.name = arguments->what.target,
                             .light = light,
                             .headless = headless,
                             .panel = arguments->panel};
    SIM_TRY(cli_view_open(&arguments->what, &viewed, &options));
    SIM_TRY(viz_app_create(&options, &app));
    SIM_TRY(choose(app, arguments));
    SIM_TRY(headless ? draw_without_window(app, arguments) : show_window(app, arguments));
out:
    viz_app_destroy(app);
    cli_view_close(viewed);
    return status;
}

static int run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        CLI_SETTINGS_OPTION,
        {"compare", KEY_COMPARE, "MODEL", 0, "a second net on the same input, in step",
         0},
        {"at", KEY_AT, "T", 0, "start there: 250ms, 1.5s, 2h, or #7, the seventh step",
         0},
        {"layer", KEY_LAYER, "NAME", 0, "the layer chosen at first", 0},
        {"pick", KEY_PICK, "LAYER:NEURON", 0, "a neuron to trace; again for more", 0},
        {"window", KEY_WINDOW, "T", 0, "events shown at once (20ms, or one step)", 0},
        {"speed", KEY_SPEED, "X", 0, "times real time, 0.01 to 1000", 0},
        {"play", KEY_PLAY, 0, 0, "do not wait for the space bar", 0},
        {"loop", KEY_LOOP, 0, 0, "start again at the end", 0},
        {"axes", KEY_AXES, "WHICH", 0,
         "spikingjelly or jaer (the default): orientation of AEDAT 2.0 files", 0},
        {"panel", KEY_PANEL, "NAME", 0, "this panel alone: see docs/viewer.md", 0},
        {"size", KEY_SIZE, "WxH", 0, "of the window or picture (1280x800)", 0},
        {"scale", KEY_SCALE, "X", 0, "pixels per point, for fine displays", 0},
        {"light", KEY_LIGHT, 0, 0, "light colours", 0},
        {"dark", KEY_DARK, 0, 0, "dark colours", 0},
        {0, 0, 0, 0, "Without a window or display:", 1},
        {"screenshot", KEY_SCREENSHOT, "OUT.png", 0, "write one picture", 1},
        {"csv", KEY_CSV, "OUT.csv", 0, "write the data behind --panel", 1},
        {"export", KEY_EXPORT, "OUT", 0,
         "write a video (OUT.mp4, by ffmpeg) or a folder of pictures, 30 a second", 1},
        {"from", KEY_FROM, "T", 0, "in point", 1},
        {"to", KEY_TO, "T", 0, "out point", 1},
        {0, 0, 0, 0, "Measuring:", 2},
        {"stats", KEY_STATS, 0, 0,
         "print the time of a frame and the speed of the simulation at the end", 2},
        {"close-after", KEY_CLOSE, "SECONDS", 0, "close the window by itself", 2},
        {0}};
    static const struct argp argp = {
        options,
        parse,
        "MODEL [INPUT]\nRECORDING",
        "Opens the viewer. MODEL is an experiment, a run folder or a checkpoint and is "
        "simulated live; INPUT is a recording, an image file (FILE#17) or a sample of "
        "the model's data (test:17, the default test:0). RECORDING is what \"apical sim "
        "--record\" wrote, or a recording of events. Press ? for all keys.",
        NULL,
        NULL,
        NULL};
    Arguments arguments = {.what.axes = DATA_AXES_JAER};
    cli_parse(&argp, argc, argv, &arguments);
    arguments.what.settings = &arguments.settings;
    return view(&arguments) == SIM_OK ? CLI_OK : cli_failed(argv[0]);
}

const CliCommand cli_command_view = {
    .name = "view",
    .arguments = "MODEL [INPUT]",
    .summary = "look at recordings and nets while they run",
    .run = run,
};
