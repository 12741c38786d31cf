/* viz/settings.h: what the viewer remembers between two times it is opened. */
#pragma once

#include <stdbool.h>

#include "sim/status.h"

typedef struct VizSettings {
    int w, h; /* of the window, points */
    bool light;
} VizSettings;

/* From $XDG_CONFIG_HOME/apical/viewer or ~/.config/apical/viewer; what is not there or
 * makes no sense is as at first: 1280 x 800, dark. */
void viz_settings_load(VizSettings *out);
SimStatus viz_settings_save(const VizSettings *settings);
