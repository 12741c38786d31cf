/* The viewer in a real window: Xvfb shows it, xdotool has the hands, and what is looked
 * at are the pixels of the screen, the files it wrote, and what it said at the end. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support.h"

enum { W = 1280, H = 800, STEPS = 8, PATIENCE_MS = 30000 };
enum { SEEK_X = 10, SEEK_W = W - 20, SEEK_Y = H - 72, SEEK_H = 34 };
static const uint32_t cursor_dark = 0xf0e442;

static const char *folder;
static char output[8192]; /* of the viewer */
static pid_t screen, viewer;
static int display;
static const unsigned char *frame; /* the screen's memory, an X window dump */
static size_t frame_size;

/* --- the screen -----------------------------------------------------------------------
 */

static bool has_program(const char *name)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}

static void start_screen(void)
{
    int ends[2];
    char number[16], size[32], text[16] = "";
    cr_assert_eq(pipe(ends), 0);
    snprintf(number, sizeof number, "%d", ends[1]);
    snprintf(size, sizeof size, "%dx%dx24", W, H);
    screen = fork();
    cr_assert_geq(screen, 0);
    if (screen == 0) {
        const int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("Xvfb", "Xvfb", "-displayfd", number, "-screen", "0", size, "-nolisten",
               "tcp", "-fbdir", folder, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    for (size_t n = 0; n < sizeof text - 1 && !strchr(text, '\n');) {
        const ssize_t got = read(ends[0], text + n, 1);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(ends[0]);
    if (sscanf(text, "%d", &display) != 1)
        cr_skip_test("Xvfb does not start here");
    char path[128];
    struct stat about;
    snprintf(path, sizeof path, "%s/Xvfb_screen0", folder);
    const int fd = open(path, O_RDONLY);
    cr_assert(fd >= 0 && fstat(fd, &about) == 0, "%s", path);
    frame_size = (size_t)about.st_size;
    frame = mmap(NULL, frame_size, PROT_READ, MAP_SHARED, fd, 0);
    cr_assert_neq(frame, MAP_FAILED);
    close(fd);
}

static uint32_t big_endian(size_t word)
{
    const unsigned char *const b = frame + 4 * word;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* XWDFile.h: header size, ..., bytes per line (12), ..., number of colours (19). */
static uint32_t pixel(int x, int y)
{
    const size_t start = big_endian(0) + 12 * big_endian(19);
    const size_t at = start + (size_t)y * big_endian(12) + 4 * (size_t)x;
    cr_assert_lt(at + 4, frame_size);
    uint32_t value;
    memcpy(&value, frame + at, sizeof value); /* the byte order of this machine */
    return value & 0xffffff;
}

/* Where the cursor stands in the seek bar; -1: it is not there. */
static int cursor_column(int high, int low)
{
    for (int x = 0; x < W; x++)
        if (pixel(x, high) == cursor_dark && pixel(x, low) == cursor_dark)
            return x;
    return -1;
}

static int cursor_x(void)
{
    return cursor_column(SEEK_Y + 3, SEEK_Y + 12);
}

static int step_x(int step) /* from 0 */
{
    return SEEK_X + SEEK_W * step / STEPS;
}

static bool cursor_is_at(int x)
{
    const int at = cursor_x();
    return at >= x - 3 && at <= x + 3;
}

/* --- the viewer -----------------------------------------------------------------------
 */

static void write_text(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0);
    cr_assert_eq(fclose(file), 0);
}

/* A bar that moves across for 80 ms; a net that nobody trained. */
static void write_inputs(void)
{
    char path[160];
    snprintf(path, sizeof path, "%s/bar.txt", folder);
    FILE *const file = fopen(path, "w");
    cr_assert_not_null(file);
    for (int t = 0; t < 80000; t += 20)
        fprintf(file, "%d %d %d %d\n", t / 2500 % 34, t / 20 % 34, t, t / 20 % 2);
    cr_assert_eq(fclose(file), 0);
    write_text("net.yaml",
               "data:\n  path: ./none\n  steps: 8\n  frames: time\n  size: 16\n"
               "model:\n  name: sresnet\n  n: 1\n");
    /* What the window system keeps until the end is its own affair. */
    write_text("leaks", "leak:libSDL2\nleak:libX11\nleak:libdbus\nleak:libxcb\n"
                        "leak:libXcursor\nleak:libXi\nleak:libibus\nleak:libasound\n"
                        "leak:libXext\nleak:libXrandr\n");
}

static void start_viewer(const char *size, const char *scale)
{
    const char *const root = getenv("APICAL_BUILD_ROOT");
    char program[1024], leaks[160], screen_name[16];
    if (!root)
        cr_skip_test("APICAL_BUILD_ROOT is not set");
    snprintf(program, sizeof program, "%s/cli/apical", root);
    snprintf(leaks, sizeof leaks, "suppressions=%s/leaks:print_suppressions=0", folder);
    snprintf(screen_name, sizeof screen_name, ":%d", display);
    viewer = fork();
    cr_assert_geq(viewer, 0);
    if (viewer > 0)
        return;
    if (chdir(folder) != 0)
        _exit(126);
    const int out = open("said", O_CREAT | O_WRONLY, 0666);
    dup2(out, 1);
    dup2(out, 2);
    setenv("DISPLAY", screen_name, 1);
    setenv("HOME", folder, 1);
    unsetenv("XDG_CONFIG_HOME");
    setenv("SDL_VIDEODRIVER", "x11", 1);
    setenv("LSAN_OPTIONS", leaks, 1);
    execl(program, "apical", "view", "net.yaml", "bar.txt", "--size", size, "--scale",
          scale, "--dark", "--stats", (char *)NULL);
    _exit(127);
}

static void hands(const char *what)
{
    char command[512];
    snprintf(command, sizeof command, "DISPLAY=:%d xdotool %s >/dev/null 2>&1", display,
             what);
    cr_assert_eq(system(command), 0, "xdotool %s", what);
}

static void click(int x, int y)
{
    char text[96];
    snprintf(text, sizeof text, "mousemove %d %d sleep 0.05 click 1", x, y);
    hands(text);
}

static void read_output(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/said", folder);
    FILE *const file = fopen(path, "r");
    cr_assert_not_null(file);
    output[fread(output, 1, sizeof output - 1, file)] = '\0';
    fclose(file);
}

static void expect_running(void)
{
    int status = 0;
    if (waitpid(viewer, &status, WNOHANG) == 0)
        return;
    viewer = 0;
    read_output();
    cr_assert_fail("the viewer ended early, status %x: %s", (unsigned)status, output);
}

#define WAIT_FOR(condition)                                                              \
    do {                                                                                 \
        int waited = 0;                                                                  \
        while (!(condition) && waited < PATIENCE_MS) {                                   \
            expect_running();                                                            \
            usleep(20000);                                                               \
            waited += 20;                                                                \
        }                                                                                \
        cr_assert(condition);                                                            \
    } while (0)

static size_t files_ending(const char *end)
{
    size_t n = 0;
    DIR *const open_folder = opendir(folder);
    cr_assert_not_null(open_folder);
    for (struct dirent *entry; (entry = readdir(open_folder));) {
        const size_t length = strlen(entry->d_name), tail = strlen(end);
        n += length > tail && strcmp(entry->d_name + length - tail, end) == 0;
    }
    closedir(open_folder);
    return n;
}

static int finish(void)
{
    int status = 0;
    int waited = 0;
    for (; waited < PATIENCE_MS && waitpid(viewer, &status, WNOHANG) == 0; waited += 20)
        usleep(20000);
    cr_assert_lt(waited, PATIENCE_MS, "it does not close");
    viewer = 0;
    read_output();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --------------------------------------------------------------------------------------
 */

static void set_up(void)
{
    if (!has_program("Xvfb") || !has_program("xdotool"))
        cr_skip_test("Xvfb or xdotool is not installed (sh scripts/install.sh test)");
    folder = test_folder();
    write_inputs();
    start_screen();
}

static void clean(void)
{
    if (viewer > 0)
        kill(viewer, SIGKILL), waitpid(viewer, NULL, 0);
    if (screen > 0)
        kill(screen, SIGTERM), waitpid(screen, NULL, 0);
    test_folder_remove();
}

TestSuite(viewer, .init = set_up, .fini = clean, .timeout = 300);

Test(viewer, is_played_stepped_sought_picked_zoomed_exported_and_closed)
{
    start_viewer("1280x800", "1");
    WAIT_FOR(cursor_is_at(step_x(0)));
    hands(
        "mousemove 640 400"); /* without a window manager keys go where the pointer is */

    hands("key --delay 40 Right Right Right"); /* step */
    WAIT_FOR(cursor_is_at(step_x(3)));
    hands("key Left");
    WAIT_FOR(cursor_is_at(step_x(2)));

    click(step_x(6) + 20, SEEK_Y + 15); /* seek */
    WAIT_FOR(cursor_is_at(step_x(6) + 20));
    hands("key Home");
    WAIT_FOR(cursor_is_at(step_x(0)));

    hands("mousemove 640 400 key space"); /* play: 80 ms are over at once */
    WAIT_FOR(cursor_x() >= step_x(7));

    const uint32_t dark = pixel(3, 3); /* light and back */
    hands("key t");
    WAIT_FOR(pixel(3, 3) != dark);
    const uint32_t light = pixel(3, 3);
    cr_expect_gt(light & 0xff, 0xc0u);
    hands("key t");
    WAIT_FOR(pixel(3, 3) == dark);

    hands("key Home");
    WAIT_FOR(cursor_is_at(step_x(0)));
    click(140, 110); /* a layer of the strip, then a neuron of its maps */
    click(470, 270);
    click(560, 330);
    hands("key s");
    WAIT_FOR(files_ending(".png") == 1);

    /* Zoom into the input: its pixels change while nothing else moves. */
    uint32_t before = 0, after = 0;
    for (int i = 0; i < 200; i++)
        before = before * 31 + pixel(60 + i, 330);
    hands("mousemove 160 330 sleep 0.1 click 4 click 4 click 4 click 4");
    do {
        usleep(50000);
        after = 0;
        for (int i = 0; i < 200; i++)
            after = after * 31 + pixel(60 + i, 330);
    } while (after == before);

    click(1000, 300); /* the raster alone, its table */
    hands("key f");
    usleep(300000);
    hands("key e");
    WAIT_FOR(files_ending(".csv") == 1);
    hands("key Escape");
    hands("key l");
    hands("key question"); /* help, and away */
    usleep(200000);
    hands("key Escape");
    usleep(200000);
    hands("key q");

    cr_expect_eq(finish(), 0, "%s", output);
    cr_expect_not_null(strstr(output, "step 1 of 8"), "%s", output);
    cr_expect_not_null(strstr(output, ", paused, loop, panel raster"), "%s", output);
    cr_expect_null(strstr(output, " 0 picked"), "%s", output);
    cr_expect_not_null(strstr(output, "median"), "%s", output);
    cr_expect_not_null(strstr(output, "while viewed"), "%s", output);

    char path[128];
    struct stat about; /* the window's size is kept */
    snprintf(path, sizeof path, "%s/.config/apical/viewer", folder);
    cr_expect_eq(stat(path, &about), 0);
}

/* Two pixels a point, as on a fine display: what is drawn twice as large is hit there. */
Test(viewer, a_click_on_a_fine_display_goes_where_it_is_drawn)
{
    enum { SCALE = 2, X = 10 * SCALE, WIDTH = W - 2 * X, Y = H - 72 * SCALE };
    int at = -1;
    start_viewer("1280x800", "2");
    WAIT_FOR(cursor_column(Y + 3 * SCALE, Y + 12 * SCALE) >= 0);
    for (int step = 6; step > 0; step -= 3) {
        const int aim = X + WIDTH * step / STEPS + 20;
        click(aim, Y + 15 * SCALE);
        WAIT_FOR((at = cursor_column(Y + 3 * SCALE, Y + 12 * SCALE)) >= aim - 6 &&
                 at <= aim + 6);
    }
    hands("key q");
    cr_expect_eq(finish(), 0, "%s", output);
}
