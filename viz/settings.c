/* viz/settings.c: a text file of "key value" lines. */
#include "viz/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/file.h"

enum { PATH_SIZE = 1024, MIN_SIDE = 200, MAX_SIDE = 16384 };

/* The folder, or "" when nobody says where. */
static void folder(char *path)
{
    const char *const config = getenv("XDG_CONFIG_HOME"), *const home = getenv("HOME");
    *path = '\0';
    if (config && *config)
        snprintf(path, PATH_SIZE, "%s/apical", config);
    else if (home && *home)
        snprintf(path, PATH_SIZE, "%s/.config/apical", home);
}

void viz_settings_load(VizSettings *out)
{
    char path[PATH_SIZE + 16], line[128], word[64];
    int w, h;
    *out = (VizSettings){1280, 800, false};
    folder(path);
    if (!*path)
        return;
    strcat(path, "/viewer");
    FILE *const file = fopen(path, "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "window %d %d", &w, &h) == 2 && w >= MIN_SIDE && h >= MIN_SIDE &&
            w <= MAX_SIDE && h <= MAX_SIDE) {
            out->w = w;
            out->h = h;
        } else if (sscanf(line, "theme %63s", word) == 1) {
            out->light = strcmp(word, "light") == 0;
        }
    }
    fclose(file);
}

SimStatus viz_settings_save(const VizSettings *settings)
{
    SimStatus status = SIM_OK;
    char path[PATH_SIZE + 16];
    SimFile file;
    folder(path);
    if (!*path)
        return sim_fail(SIM_ERR_IO, "no folder for settings: set HOME");
    SIM_TRY(sim_folder_make(path));
    strcat(path, "/viewer");
    SIM_TRY(sim_file_create(path, &file));
    fprintf(file.stream, "window %d %d\ntheme %s\n", settings->w, settings->h,
            settings->light ? "light" : "dark");
    status = sim_file_finish(&file);
out:
    return status;
}
