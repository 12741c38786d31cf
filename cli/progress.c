/* cli/progress.c: a bar for work that is counted. */
#include "cli/progress.h"

#include <stdio.h>
#include <time.h>

#include "cli/human.h"
#include "cli/terminal.h"

enum { BAR = 24 };

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void cli_progress_start(CliProgress *progress, const char *what)
{
    *progress = (CliProgress){
        .what = what, .started_s = now_s(), .is_terminal = cli_is_terminal(stderr)};
}

bool cli_progress_step(void *argument, size_t done, size_t of)
{
    CliProgress *const progress = argument;
    const double now = now_s();
    if (!progress->is_terminal || (now - progress->drawn_s < 0.1 && done < of))
        return true;
    progress->drawn_s = now;
    char bar[3 * BAR + 2];
    cli_terminal_bar(bar, sizeof bar, of > 0 ? (double)done / (double)of : 0.0, BAR);
    const double passed = now - progress->started_s;
    CliHuman left;
    fprintf(stderr, "\r%s  %zu of %zu %s", bar, done, of, progress->what);
    if (done > 0 && done < of && passed > 1)
        fprintf(stderr, ", %s left",
                cli_human_seconds(left, passed * (double)(of - done) / (double)done));
    fputs("\033[K", stderr);
    fflush(stderr);
    return true;
}

double cli_progress_end(CliProgress *progress)
{
    if (progress->is_terminal && progress->drawn_s > 0)
        fputs("\r\033[K", stderr);
    return now_s() - progress->started_s;
}
