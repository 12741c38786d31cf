/* viz/export.c: pictures, sequences of them, videos through ffmpeg, tables. */
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/file.h"
#include "viz/app_internal.h"
#include "viz/png.h"

enum { PATH_SIZE = 1024, MOST_FILES = 10000 };

struct AppRecorder {
    char path[PATH_SIZE];
    double fps, from_us, to_us, at_us, step_us;
    size_t w, h, n_written; /* w 0: nothing yet */
    bool to_folder;
    pid_t ffmpeg; /* 0: not started */
    int pipe;
};

/* --- names ----------------------------------------------------------------------------
 */

/* "FOLDER/name-panel-0001.png", the first number that is free. */
static SimStatus free_name(VizApp *app, const char *what, const char *ending, char *path)
{
    const char *const slash = strrchr(app->options.name, '/');
    char name[80];
    snprintf(name, sizeof name, "%s", slash && slash[1] ? slash + 1 : app->options.name);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                    *c))
            *c = '-';
    for (unsigned i = app->exported + 1; i < MOST_FILES; i++) {
        struct stat info;
        snprintf(path, PATH_SIZE, "%s/%s%s%s-%04u%s",
                 app->options.export_to ? app->options.export_to : ".", name,
                 *what ? "-" : "", what, i, ending);
        if (stat(path, &info) != 0) {
            app->exported = i;
            return SIM_OK;
        }
    }
    return sim_fail(SIM_ERR_IO, "%s: ten thousand files of this name are there already",
                    path);
}

/* --- pictures -------------------------------------------------------------------------
 */

static SimStatus write_part(const VizSurface *from, VizRect part, float scale,
                            const char *path)
{
    const size_t x = (size_t)(part.x * scale + 0.5f), y = (size_t)(part.y * scale + 0.5f);
    size_t w = (size_t)(part.w * scale + 0.5f), h = (size_t)(part.h * scale + 0.5f);
    w = x + w > from->w ? from->w - x : w;
    h = y + h > from->h ? from->h - y : h;
    VizSurface cut = {malloc((w * h + 1) * sizeof *cut.pixels), w, h};
    if (!cut.pixels)
        return sim_fail(SIM_ERR_MEMORY, "%s: no memory for a picture", path);
    for (size_t row = 0; row < h; row++)
        memcpy(cut.pixels + row * w, from->pixels + (y + row) * from->w + x,
               w * sizeof *cut.pixels);
    const SimStatus status = viz_png_write(path, &cut);
    free(cut.pixels);
    return status;
}

SimStatus app_write_picture(VizApp *app, int panel)
{
    SimStatus status = SIM_OK;
    char path[PATH_SIZE];
    if (!app->surface.pixels)
        return sim_fail(SIM_ERR_VALUE, "nothing was drawn yet");
    if (panel != APP_NONE && app->panels[panel].area.w <= 0)
        panel = APP_NONE;
    SIM_TRY(free_name(app, panel == APP_NONE ? "" : app->panels[panel].panel->name,
                      ".png", path));
    if (panel == APP_NONE)
        SIM_TRY(viz_png_write(path, &app->surface));
    else
        SIM_TRY(
            write_part(&app->surface, app->panels[panel].area, app->fonts->scale, path));
    viz_app_say(app, "wrote %s", path);
out:
    return status;
}

/* --- tables ---------------------------------------------------------------------------
 */

SimStatus viz_app_write_table(VizApp *app, const char *panel, const char *path)
{
    const AppPanel *p = NULL;
    for (size_t i = 0; i < app->n_panels; i++)
        if (strcmp(app->panels[i].panel->name, panel) == 0)
            p = &app->panels[i];
    if (!p || !p->panel->csv)
        return sim_fail(SIM_ERR_UNSUPPORTED, "the panel %s has no table", panel);
    SimStatus status = SIM_OK;
    SimFile file = {0};
    SIM_TRY(sim_file_create(path, &file));
    SIM_TRY(p->panel->csv(p->state, &app->view, file.stream));
    status = sim_file_finish(&file);
out:
    sim_file_destroy(&file);
    return status;
}

SimStatus app_write_table(VizApp *app, int panel)
{
    SimStatus status = SIM_OK;
    char path[PATH_SIZE];
    if (panel == APP_NONE)
        return sim_fail(SIM_ERR_VALUE, "click a panel first: its data are written");
    const char *const name = app->panels[panel].panel->name;
    SIM_TRY(free_name(app, name, ".csv", path));
    SIM_TRY(viz_app_write_table(app, name, path));
    viz_app_say(app, "wrote %s", path);
out:
    return status;
}

/* --- sequences and videos -------------------------------------------------------------
 */

static bool is_video(const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot && !strchr(dot, '/');
}

static bool has_ffmpeg(void)
{
    const char *const path = getenv("PATH");
    char *const copy = strdup(path ? path : ""), *save = NULL;
    bool found = false;
    for (char *folder = copy ? strtok_r(copy, ":", &save) : NULL; folder && !found;
         folder = strtok_r(NULL, ":", &save)) {
        char file[PATH_SIZE];
        snprintf(file, sizeof file, "%s/ffmpeg", folder);
        found = access(file, X_OK) == 0;
    }
    free(copy);
    return found;
}

SimStatus app_record_start(VizApp *app, const char *path, double fps)
{
    SimStatus status = SIM_OK;
    const VizClock *const clock = &app->clock;
    AppRecorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return sim_fail(SIM_ERR_MEMORY, "no memory for a video");
    if (path)
        snprintf(recorder->path, sizeof recorder->path, "%s", path);
    else
        SIM_TRY(free_name(app, "", has_ffmpeg() ? ".mp4" : "", recorder->path));
    recorder->to_folder = !is_video(recorder->path) || !strrchr(recorder->path, '.');
    if (!recorder->to_folder && !has_ffmpeg()) {
        status =
            sim_fail(SIM_ERR_UNSUPPORTED,
                     "%s: videos are written through ffmpeg, which is not installed: "
                     "install it, or name a folder for a sequence of PNG",
                     recorder->path);
        goto out;
    }
    if (recorder->to_folder)
        SIM_TRY(sim_folder_make(recorder->path));
    recorder->pipe = -1;
    recorder->fps = fps;
    recorder->from_us = (double)clock->in_us;
    recorder->to_us = (double)viz_clock_out(clock);
    recorder->at_us = recorder->from_us;
    recorder->step_us = clock->pace == VIZ_PACE_TIME ? clock->speed * 1e6 / fps
                                                     : (double)clock->window_us;
    app->recorder = recorder;
    recorder = NULL;
out:
    free(recorder);
    return status;
}

double app_record_share(const VizApp *app)
{
    const AppRecorder *const r = app->recorder;
    return (r->at_us - r->from_us) / (r->to_us > r->from_us ? r->to_us - r->from_us : 1);
}

bool app_record_place(VizApp *app)
{
    AppRecorder *const r = app->recorder;
    if (r->at_us >= r->to_us)
        return false;
    viz_clock_seek(&app->clock, r->at_us);
    r->at_us += r->step_us;
    return true;
}

static SimStatus start_ffmpeg(AppRecorder *r)
{
    extern char **environ;
    char size[48], rate[32];
    int ends[2];
    snprintf(size, sizeof size, "%zux%zu", r->w, r->h);
    snprintf(rate, sizeof rate, "%g", r->fps);
    /* clang-format off */
    const char *const arguments[] = {
        "ffmpeg", "-y", "-xerror", "-loglevel", "error",
        "-f", "rawvideo", "-pix_fmt", "bgra", "-s", size, "-r", rate, "-i", "-",
        "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", r->path, NULL};
    /* clang-format on */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return sim_fail(SIM_ERR_IO, "ffmpeg: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    const int failed = posix_spawnp(&r->ffmpeg, "ffmpeg", &actions, NULL,
                                    (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    if (failed) {
        close(ends[1]);
        r->ffmpeg = 0;
        return sim_fail(SIM_ERR_IO, "ffmpeg: %s", strerror(failed));
    }
    r->pipe = ends[1];
    return SIM_OK;
}

/* A socket, not a pipe: an ffmpeg that ends early is an error, not a signal. */
static SimStatus send_all(AppRecorder *r, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        const ssize_t sent = send(r->pipe, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return sim_fail(SIM_ERR_IO, "%s: ffmpeg stopped taking pictures", r->path);
        at += sent;
        size -= (size_t)sent;
    }
    return SIM_OK;
}

static SimStatus write_frame(VizApp *app)
{
    AppRecorder *const r = app->recorder;
    const VizSurface *const surface = &app->surface;
    if (r->w == 0) {
        r->w = surface->w;
        r->h = surface->h;
        if (!r->to_folder) {
            const SimStatus status = start_ffmpeg(r);
            if (status != SIM_OK)
                return status;
        }
    }
    if (r->w != surface->w || r->h != surface->h)
        return sim_fail(SIM_ERR_VALUE, "%s: the window changed its size, the video ends",
                        r->path);
    r->n_written++;
    if (!r->to_folder)
        return send_all(r, surface->pixels, r->w * r->h * sizeof *surface->pixels);
    char path[PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/%06zu.png", r->path, r->n_written);
    return viz_png_write(path, surface);
}

void app_record_frame(VizApp *app)
{
    if (write_frame(app) == SIM_OK)
        return;
    app_failed(app);
    app_record_stop(app);
}

void app_record_stop(VizApp *app)
{
    AppRecorder *const r = app->recorder;
    if (!r)
        return;
    int result = 0;
    if (r->pipe >= 0)
        close(r->pipe);
    if (r->ffmpeg > 0)
        while (waitpid(r->ffmpeg, &result, 0) < 0 && errno == EINTR)
            ;
    if (result != 0) {
        remove(r->path);
        viz_app_say(app, "%s: ffmpeg could not write it (its reason is on the terminal)",
                    r->path);
    } else if (app->wall_s >= app->message_until_s)
        viz_app_say(app, "wrote %s: %zu pictures", r->path, r->n_written);
    free(r);
    app->recorder = NULL;
    app->repaint = true;
}

SimStatus viz_app_export(VizApp *app, const char *path, double fps, size_t w, size_t h,
                         const VizFonts *fonts, size_t *n_pictures)
{
    const SimStatus status = app_record_start(app, path, fps);
    if (status != SIM_OK)
        return status;
    app->message[0] = '\0';
    *n_pictures = 0;
    while (app->recorder) {
        *n_pictures = app->recorder->n_written;
        if (!viz_app_frame(app, 1 / fps, w, h, fonts))
            return sim_fail(SIM_ERR_MEMORY, "no memory for pictures of %zu x %zu", w, h);
    }
    return strncmp(app->message, "wrote ", 6) == 0
               ? SIM_OK
               : sim_fail(SIM_ERR_IO, "%s", app->message);
}
