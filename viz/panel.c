/* viz/panel.c: the list of panels. */
#include "viz/panel.h"

#include <string.h>

#define PANEL(name) extern const VizPanel viz_panel_##name;
#include "viz/panels.inc"
#undef PANEL

const VizPanel *const viz_panels[] = {
#define PANEL(name) &viz_panel_##name,
#include "viz/panels.inc"
#undef PANEL
    NULL,
};

const VizPanel *viz_panel_find(const char *name)
{
    for (const VizPanel *const *at = viz_panels; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}
