/* viz/window_sdl.c: a window, its keys and mouse, and letters; the only file that knows
 * SDL. Frames are painted in software and copied to the window where they changed. */
#include "viz/window.h"

#ifdef APICAL_SDL

#include <SDL2/SDL.h>
#include <SDL2/SDL_ttf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "viz/settings.h"

/* --- letters --------------------------------------------------------------------------
 */

enum { MAX_GLYPHS = 1024, MAX_TIMES = 1 << 16 };

static const struct {
    uint32_t first, last;
} ranges[] = {
    {0x20, 0x7e},     {0xa0, 0x17f},    {0x391, 0x3c9},   {0x2010, 0x203a},
    {0x2070, 0x208e}, {0x2190, 0x2199}, {0x2202, 0x2265}, {0x25a0, 0x25cf},
};

static const struct {
    const char *file;
    float points;
} kinds[VIZ_FONTS] = {
    [VIZ_FONT_SMALL] = {"DejaVuSans.ttf", 11},
    [VIZ_FONT_NORMAL] = {"DejaVuSans.ttf", 13},
    [VIZ_FONT_BOLD] = {"DejaVuSans-Bold.ttf", 13},
    [VIZ_FONT_TITLE] = {"DejaVuSans-Bold.ttf", 18},
};

static const char *const folders[] = {
    "/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu-sans-fonts",
    "/usr/share/fonts/dejavu",          "/usr/share/fonts/TTF",
    "/usr/local/share/fonts/dejavu",
};

static TTF_Font *open_font(const char *file, int pixels)
{
    char path[1024];
    const char *const own = getenv("APICAL_FONTS");
    if (own && *own) { /* the user's choice, and no other */
        snprintf(path, sizeof path, "%s/%s", own, file);
        return TTF_OpenFont(path, pixels);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], file);
        TTF_Font *const font = TTF_OpenFont(path, pixels);
        if (font)
            return font;
    }
    return NULL;
}

/* Coverage of one glyph appended to *coverage. */
static bool add_glyph(TTF_Font *from, uint32_t code, VizGlyph *glyph, uint8_t **coverage,
                      size_t *used)
{
    int advance, left, right, low, high;
    const SDL_Color white = {255, 255, 255, 255};
    if (!TTF_GlyphIsProvided32(from, code) ||
        TTF_GlyphMetrics32(from, code, &left, &right, &low, &high, &advance) != 0)
        return false;
    *glyph = (VizGlyph){.code = code, .advance = (int16_t)advance};
    glyph->pixels = (uint32_t)*used;
    SDL_Surface *const picture =
        right > left && high > low ? TTF_RenderGlyph32_Blended(from, code, white) : NULL;
    if (!picture)
        return true; /* a blank */
    /* The picture is a whole line high; it starts at the pen, or left of it where the
     * glyph reaches there. */
    const size_t w = (size_t)picture->w, h = (size_t)picture->h;
    uint8_t *const grown = realloc(*coverage, *used + w * h + 1);
    if (grown) {
        *coverage = grown;
        glyph->left = (int16_t)(left < 0 ? left : 0);
        glyph->w = (uint16_t)w;
        glyph->h = (uint16_t)h;
        for (size_t y = 0; y < h; y++) {
            const uint32_t *const row = (const uint32_t *)((const char *)picture->pixels +
                                                           y * (size_t)picture->pitch);
            for (size_t x = 0; x < w; x++)
                grown[(*used)++] = (uint8_t)(row[x] >> 24);
        }
    }
    SDL_FreeSurface(picture);
    return grown != NULL;
}

static SimStatus fill_font(TTF_Font *from, VizFont *out)
{
    size_t used = 0, n = 0;
    uint8_t *coverage = NULL;
    VizGlyph *const glyphs = calloc(MAX_GLYPHS, sizeof *glyphs);
    if (!glyphs)
        return sim_fail(SIM_ERR_MEMORY, "no memory for letters");
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        for (uint32_t code = ranges[r].first; code <= ranges[r].last; code++)
            if (n < MAX_GLYPHS && add_glyph(from, code, &glyphs[n], &coverage, &used))
                n++;
    *out = (VizFont){.height = TTF_FontHeight(from),
                     .ascent = TTF_FontAscent(from),
                     .glyphs = glyphs,
                     .n_glyphs = n,
                     .coverage = coverage};
    return SIM_OK;
}

SimStatus viz_fonts_create(float scale, VizFonts **out)
{
    SimStatus status = SIM_OK;
    VizFonts *fonts = calloc(1, sizeof *fonts);
    const bool started = TTF_Init() == 0;
    if (!fonts || !started) {
        status =
            sim_fail(SIM_ERR_MEMORY, "letters: %s", fonts ? TTF_GetError() : "memory");
        goto out;
    }
    fonts->scale = scale;
    for (int i = 0; i < VIZ_FONTS; i++) {
        TTF_Font *const from =
            open_font(kinds[i].file, (int)lroundf(kinds[i].points * scale));
        if (!from) {
            status = sim_fail(
                SIM_ERR_IO,
                "the viewer writes with %s, which is not on this machine: install "
                "fonts-dejavu-core, or set APICAL_FONTS to a folder that holds it",
                kinds[i].file);
            goto out;
        }
        TTF_SetFontHinting(from, TTF_HINTING_LIGHT);
        status = fill_font(from, &fonts->kinds[i]);
        TTF_CloseFont(from);
        if (status != SIM_OK)
            goto out;
    }
    *out = fonts;
    fonts = NULL;
out:
    viz_fonts_destroy(fonts);
    if (started)
        TTF_Quit();
    return status;
}

void viz_fonts_destroy(VizFonts *fonts)
{
    if (!fonts)
        return;
    for (int i = 0; i < VIZ_FONTS; i++) {
        free((void *)fonts->kinds[i].glyphs);
        free((void *)fonts->kinds[i].coverage);
    }
    free(fonts);
}

/* --- the window -----------------------------------------------------------------------
 */

typedef struct Window {
    SDL_Window *window;
    VizFonts *fonts;
    float wanted_scale, scale; /* pixels per point */
    float mouse_scale;         /* points per unit of SDL's mouse */
    bool pressed;
    bool whole; /* everything must be copied: size or contents were lost */
    float *times_ms;
    size_t n_times, frames;
} Window;

static const struct {
    SDL_Keycode from;
    uint32_t to;
} keys[] = {
    {SDLK_LEFT, VIZ_KEY_LEFT},
    {SDLK_RIGHT, VIZ_KEY_RIGHT},
    {SDLK_UP, VIZ_KEY_UP},
    {SDLK_DOWN, VIZ_KEY_DOWN},
    {SDLK_HOME, VIZ_KEY_HOME},
    {SDLK_END, VIZ_KEY_END},
    {SDLK_PAGEUP, VIZ_KEY_PAGE_UP},
    {SDLK_PAGEDOWN, VIZ_KEY_PAGE_DOWN},
    {SDLK_ESCAPE, VIZ_KEY_ESCAPE},
    {SDLK_TAB, VIZ_KEY_TAB},
    {SDLK_RETURN, VIZ_KEY_ENTER},
    {SDLK_KP_ENTER, VIZ_KEY_ENTER},
    {SDLK_BACKSPACE, VIZ_KEY_BACKSPACE},
};

/* Pixels per point: what the window system scales by, or the display's density on systems
 * that leave scaling to programs. */
static float display_scale(SDL_Window *window, float ratio)
{
    float dpi = 0;
    if (ratio > 1.01f)
        return ratio;
    if (SDL_GetDisplayDPI(SDL_GetWindowDisplayIndex(window), &dpi, NULL, NULL) != 0 ||
        dpi < 130)
        return 1;
    const float scale = roundf(dpi / 96 * 4) / 4;
    return scale > 3 ? 3 : scale;
}

static SimStatus fit(Window *w)
{
    int points_w, points_h, pixels_w, pixels_h;
    /* Units of the window system: what the mouse is told in, points or pixels. */
    SDL_GetWindowSize(w->window, &points_w, &points_h);
    SDL_GetWindowSizeInPixels(w->window, &pixels_w, &pixels_h);
    const float ratio = points_w > 0 ? (float)pixels_w / (float)points_w : 1;
    const float scale =
        w->wanted_scale > 0 ? w->wanted_scale : display_scale(w->window, ratio);
    w->whole = true;
    w->mouse_scale = ratio / scale;
    if (w->fonts && scale == w->scale)
        return SIM_OK;
    VizFonts *fonts = NULL;
    const SimStatus status = viz_fonts_create(scale, &fonts);
    if (status != SIM_OK)
        return status;
    viz_fonts_destroy(w->fonts);
    w->fonts = fonts;
    w->scale = scale;
    return SIM_OK;
}

static VizInput at_mouse(const Window *w, VizInputKind kind, int x, int y)
{
    const SDL_Keymod held = SDL_GetModState();
    return (VizInput){.kind = kind,
                      .x = ((float)x + 0.5f) * w->mouse_scale,
                      .y = ((float)y + 0.5f) * w->mouse_scale,
                      .shift = held & KMOD_SHIFT,
                      .control = held & KMOD_CTRL,
                      .hit = -1};
}

static void take_mouse(Window *w, VizApp *app, const SDL_Event *event)
{
    VizInput input;
    int x, y;
    switch (event->type) {
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        if (event->button.button != SDL_BUTTON_LEFT)
            return;
        w->pressed = event->type == SDL_MOUSEBUTTONDOWN;
        input = at_mouse(w, w->pressed ? VIZ_PRESS : VIZ_RELEASE, event->button.x,
                         event->button.y);
        input.clicks = event->button.clicks;
        break;
    case SDL_MOUSEMOTION:
        input = at_mouse(w, w->pressed ? VIZ_DRAG : VIZ_MOVE, event->motion.x,
                         event->motion.y);
        input.dx = (float)event->motion.xrel * w->mouse_scale;
        input.dy = (float)event->motion.yrel * w->mouse_scale;
        break;
    default:
        SDL_GetMouseState(&x, &y);
        input = at_mouse(w, VIZ_WHEEL, x, y);
        input.dx = event->wheel.preciseX;
        input.dy = event->wheel.preciseY;
        break;
    }
    viz_app_input(app, &input);
}

static void take_key(Window *w, VizApp *app, uint32_t key)
{
    int x, y;
    SDL_GetMouseState(&x, &y);
    VizInput input = at_mouse(w, VIZ_KEY, x, y);
    input.key = key;
    viz_app_input(app, &input);
}

/* Letters come as text, so that every keyboard layout has its "?"; the others by name. */
static void take_event(Window *w, VizApp *app, const SDL_Event *event, bool *quit,
                       SimStatus *status)
{
    const char *text;
    switch (event->type) {
    case SDL_QUIT:
        *quit = true;
        break;
    case SDL_WINDOWEVENT:
        if (event->window.event == SDL_WINDOWEVENT_SIZE_CHANGED ||
            event->window.event == SDL_WINDOWEVENT_DISPLAY_CHANGED)
            *status = fit(w);
        else if (event->window.event == SDL_WINDOWEVENT_LEAVE)
            viz_app_leave(app);
        w->whole = true;
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
    case SDL_MOUSEMOTION:
    case SDL_MOUSEWHEEL:
        take_mouse(w, app, event);
        break;
    case SDL_KEYDOWN:
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (keys[i].from == event->key.keysym.sym)
                take_key(w, app, keys[i].to);
        break;
    case SDL_TEXTINPUT:
        text = event->text.text;
        for (uint32_t code; (code = viz_utf8_next(&text));)
            take_key(w, app, code);
        break;
    case SDL_DROPFILE:
        viz_app_drop(app, event->drop.file);
        SDL_free(event->drop.file);
        break;
    default:
        break;
    }
}

/* --- showing --------------------------------------------------------------------------
 */

static bool copy_part(const VizSurface *from, SDL_Surface *to, VizRect part,
                      SDL_Rect *out)
{
    const int x0 = (int)fmaxf(part.x, 0), y0 = (int)fmaxf(part.y, 0);
    const int x1 = (int)fminf(part.x + part.w, (float)to->w);
    const int y1 = (int)fminf(part.y + part.h, (float)to->h);
    if (x1 <= x0 || y1 <= y0)
        return false;
    *out = (SDL_Rect){x0, y0, x1 - x0, y1 - y0};
    const VizColour *const pixels = from->pixels + (size_t)y0 * from->w + (size_t)x0;
    return SDL_ConvertPixels(x1 - x0, y1 - y0, SDL_PIXELFORMAT_ARGB8888, pixels,
                             (int)(from->w * sizeof *pixels), to->format->format,
                             (char *)to->pixels + y0 * to->pitch +
                                 x0 * to->format->BytesPerPixel,
                             to->pitch) == 0;
}

enum { MAX_PARTS = 64 };

static SimStatus show(Window *w, VizApp *app, const VizSurface *surface)
{
    const VizRect *changed;
    SDL_Rect parts[MAX_PARTS];
    int n_parts = 0;
    SDL_Surface *const to = SDL_GetWindowSurface(w->window);
    if (!to)
        return sim_fail(SIM_ERR_IO, "the window cannot be drawn into: %s",
                        SDL_GetError());
    const VizRect all = {0, 0, (float)surface->w, (float)surface->h};
    size_t n = viz_app_changed(app, &changed);
    if (w->whole || n > MAX_PARTS) {
        changed = &all;
        n = 1;
    }
    for (size_t i = 0; i < n; i++)
        n_parts += copy_part(surface, to, changed[i], &parts[n_parts]);
    if (n_parts > 0)
        SDL_UpdateWindowSurfaceRects(w->window, parts, n_parts);
    w->whole = false;
    return SIM_OK;
}

static double now_s(void)
{
    return (double)SDL_GetPerformanceCounter() / (double)SDL_GetPerformanceFrequency();
}

static SimStatus frame(Window *w, VizApp *app, double wall_s)
{
    int pixels_w, pixels_h;
    SDL_GetWindowSizeInPixels(w->window, &pixels_w, &pixels_h);
    if (pixels_w < 1 || pixels_h < 1)
        return SIM_OK;
    const double before = now_s();
    const VizSurface *const surface =
        viz_app_frame(app, wall_s, (size_t)pixels_w, (size_t)pixels_h, w->fonts);
    const SimStatus status = surface ? show(w, app, surface) : SIM_OK;
    char title[96];
    viz_app_title(app, title, sizeof title);
    if (strcmp(title, SDL_GetWindowTitle(w->window)) != 0)
        SDL_SetWindowTitle(w->window, title);
    w->times_ms[w->n_times++ % MAX_TIMES] = (float)((now_s() - before) * 1e3);
    return status;
}

static SimStatus loop(Window *w, VizApp *app, const VizWindowOptions *options)
{
    enum { FRAMES_PER_S = 60, IDLE_MS = 50 };
    SimStatus status = SIM_OK;
    bool quit = false;
    const double start = now_s();
    double last = start;
    while (!quit && status == SIM_OK) {
        SDL_Event event;
        if (viz_app_is_idle(app) && !w->whole && SDL_WaitEventTimeout(&event, IDLE_MS))
            take_event(w, app, &event, &quit, &status);
        while (status == SIM_OK && SDL_PollEvent(&event))
            take_event(w, app, &event, &quit, &status);
        if (status != SIM_OK)
            break;
        const double now = now_s();
        status = frame(w, app, now - last);
        last = now;
        quit = quit || viz_app_wants_quit(app) ||
               (options->close_after_s > 0 && now - start > options->close_after_s);
        const double left = 1.0 / FRAMES_PER_S - (now_s() - now);
        if (!quit && left > 0.001)
            SDL_Delay((Uint32)(left * 1e3));
    }
    return status;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void sum_up(Window *w, double wall_s, VizWindowStats *stats)
{
    const size_t n = w->n_times < MAX_TIMES ? w->n_times : MAX_TIMES;
    *stats = (VizWindowStats){.frames = w->n_times, .wall_s = wall_s};
    if (n == 0)
        return;
    qsort(w->times_ms, n, sizeof *w->times_ms, by_size);
    stats->median_ms = (double)w->times_ms[n / 2];
    stats->p90_ms = (double)w->times_ms[n * 9 / 10];
    stats->worst_ms = (double)w->times_ms[n - 1];
}

/* Without a display SDL draws into memory, where nobody looks unless asked to. */
static SimStatus open_display(void)
{
    const char *reason = NULL;
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        reason = SDL_GetError();
    else if (!getenv("SDL_VIDEODRIVER") &&
             (strcmp(SDL_GetCurrentVideoDriver(), "offscreen") == 0 ||
              strcmp(SDL_GetCurrentVideoDriver(), "dummy") == 0))
        reason = "there is no display";
    if (!reason)
        return SIM_OK;
    const SimStatus status = sim_fail(
        SIM_ERR_UNSUPPORTED,
        "no window can be opened here (%s): set DISPLAY, or write a picture with "
        "--screenshot OUT.png",
        reason);
    SDL_Quit();
    return status;
}

SimStatus viz_window_run(VizApp *app, const VizWindowOptions *options,
                         VizWindowStats *stats)
{
    SimStatus status = SIM_OK;
    Window w = {.wanted_scale = options->scale};
    VizSettings settings;
    viz_settings_load(&settings);
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION,
                "0"); /* the processor is for the net */
    status = open_display();
    if (status != SIM_OK)
        return status;
    const int width = options->w > 0 ? options->w : settings.w;
    const int height = options->h > 0 ? options->h : settings.h;
    w.times_ms = malloc(MAX_TIMES * sizeof *w.times_ms);
    w.window =
        SDL_CreateWindow("Apical", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, width,
                         height, SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    if (!w.window || !w.times_ms) {
        status = sim_fail(SIM_ERR_UNSUPPORTED, "no window can be opened here: %s",
                          SDL_GetError());
        goto out;
    }
    SDL_SetWindowMinimumSize(w.window, 320, 240);
    SDL_StartTextInput();
    SIM_TRY(fit(&w));
    const double start = now_s();
    SIM_TRY(loop(&w, app, options));
    if (stats)
        sum_up(&w, now_s() - start, stats);
    SDL_GetWindowSize(w.window, &settings.w, &settings.h);
    settings.light = !viz_app_view(app)->theme->dark;
    viz_settings_save(&settings); /* a size that is not kept is no reason to complain */
out:
    viz_fonts_destroy(w.fonts);
    free(w.times_ms);
    if (w.window)
        SDL_DestroyWindow(w.window);
    SDL_Quit();
    return status;
}

#else

static SimStatus absent(void)
{
    return sim_fail(SIM_ERR_UNSUPPORTED,
                    "this program was built without its viewer: install libsdl2-dev and "
                    "libsdl2-ttf-dev and build it again");
}

SimStatus viz_fonts_create(float scale, VizFonts **out)
{
    (void)scale, (void)out;
    return absent();
}

void viz_fonts_destroy(VizFonts *fonts)
{
    (void)fonts;
}

SimStatus viz_window_run(VizApp *app, const VizWindowOptions *options,
                         VizWindowStats *stats)
{
    (void)app, (void)options, (void)stats;
    return absent();
}

#endif
