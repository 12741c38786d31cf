/* cli/picture.c: gnuplot as a program beside its data. */
#include "cli/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/files.h"
#include "sim/file.h"

extern char **environ;

static SimStatus open_part(const CliPicture *picture, const char *extension, FILE **out)
{
    char path[CLI_PICTURE_PATH + 80];
    snprintf(path, sizeof path, "%s/%s.%s", picture->folder, picture->name, extension);
    *out = fopen(path, "w");
    if (!*out)
        return sim_fail(SIM_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    return SIM_OK;
}

SimStatus cli_picture_open(const char *folder, const char *name, int width, int height,
                           CliPicture *out)
{
    SimStatus status = SIM_OK;
    CliPicture picture = {0};
    SIM_TRY(sim_folder_make(folder));
    snprintf(picture.folder, sizeof picture.folder, "%s", folder);
    snprintf(picture.name, sizeof picture.name, "%s", name);
    SIM_TRY(open_part(&picture, "tsv", &picture.data));
    SIM_TRY(open_part(&picture, "gp", &picture.program));
    fprintf(picture.program,
            "# %s.png and %s.svg from %s.tsv. After an edit, run in this folder:\n"
            "#     gnuplot %s.gp\n"
            "name = '%s'\n"
            "data = name.'.tsv'\n"
            "set datafile separator \"\\t\"\n"
            "do for [format in 'png svg'] {\n"
            "reset\n"
            "set datafile separator \"\\t\"\n"
            "if (format eq 'png') {\n"
            "    set terminal pngcairo noenhanced size %d,%d fontscale 1.5 \\\n"
            "        linewidth 1.5 pointscale 1.5 background '#ffffff' font 'DejaVu "
            "Sans,10'\n"
            "} else {\n"
            "    set terminal svg noenhanced size %d,%d background '#ffffff' \\\n"
            "        font 'DejaVu Sans,13'\n"
            "}\n"
            "set output name.'.'.format\n"
            "set border 3 linecolor '%s'\n"
            "set tics out nomirror textcolor '#22303c'\n"
            "set format '%%h'\n" /* its own '%% h' leaves room for a sign */
            "set grid linetype 1 linewidth 0.5 linecolor '#e3e8ec'\n"
            "set key samplen 1.5 spacing 1.2 textcolor '#22303c'\n",
            name, name, name, name, name, width * 3 / 2, height * 3 / 2, width, height,
            CLI_GREY);
    *out = picture;
    picture = (CliPicture){0};
out:
    if (picture.data)
        fclose(picture.data);
    if (picture.program)
        fclose(picture.program);
    return status;
}

void cli_picture_quote(CliPicture *picture, const char *text)
{
    fputc('\'', picture->program);
    for (; *text; text++) {
        if (*text == '\'')
            fputc('\'', picture->program);
        fputc(*text == '\n' ? ' ' : *text, picture->program);
    }
    fputc('\'', picture->program);
}

/* Closes a file; what could not be written shows here at the latest. */
static bool close_written(FILE **file)
{
    const bool failed = ferror(*file) != 0;
    const bool closed = fclose(*file) == 0;
    *file = NULL;
    return closed && !failed;
}

/* Keeps the first line that says something; gnuplot points at the place in lines before.
 */
static void first_complaint(int from, char *line, size_t size)
{
    char text[4096];
    size_t used = 0;
    for (ssize_t n; (n = read(from, text + used, sizeof text - 1 - used)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        used += (size_t)n;
        if (used == sizeof text - 1)
            used = sizeof text / 2; /* go on reading so that gnuplot never blocks */
    }
    text[used] = '\0';
    char *save = NULL;
    snprintf(line, size, "no message");
    for (char *at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save))
        if (strstr(at, ".gp") || strstr(at, "rror") || strstr(at, "line ")) {
            snprintf(line, size, "%s", at);
            return;
        }
}

static SimStatus run_gnuplot(const CliPicture *picture, bool *drawn)
{
    char program[80], complaint[512];
    snprintf(program, sizeof program, "%s.gp", picture->name);
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0)
        return sim_fail(SIM_ERR_IO, "gnuplot: no pipe: %s", strerror(errno));

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, picture->folder);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 2);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
    char command[] = "gnuplot";
    char *const arguments[] = {command, program, NULL};
    pid_t child;
    const int failed = posix_spawnp(&child, command, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    if (failed) {
        close(pipe_ends[0]);
        *drawn = false;
        return failed == ENOENT ? SIM_OK
                                : sim_fail(SIM_ERR_IO, "gnuplot: cannot be started: %s",
                                           strerror(failed));
    }

    first_complaint(pipe_ends[0], complaint, sizeof complaint);
    close(pipe_ends[0]);
    int result = 0;
    while (waitpid(child, &result, 0) < 0)
        if (errno != EINTR)
            return sim_fail(SIM_ERR_IO, "gnuplot: %s", strerror(errno));
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
        return sim_fail(SIM_ERR_IO, "%s/%s: gnuplot stopped: %s", picture->folder,
                        program, complaint);
    *drawn = true;
    return SIM_OK;
}

SimStatus cli_picture_draw(CliPicture *picture, bool *drawn)
{
    fputs("unset output\n}\n", picture->program);
    const bool data = close_written(&picture->data);
    const bool program = close_written(&picture->program);
    if (!data || !program)
        return sim_fail(SIM_ERR_IO, "%s/%s.%s: cannot be written: %s", picture->folder,
                        picture->name, data ? "gp" : "tsv", strerror(errno));
    return run_gnuplot(picture, drawn);
}
