/* nets/layer.c: the list of layers. */
#include "nets/layer.h"

#include <string.h>

#define ROW(name) extern const NetLayer net_layer_##name;
#include "nets/layers.inc"
#undef ROW

const NetLayer *const net_layers[] = {
#define ROW(name) &net_layer_##name,
#include "nets/layers.inc"
#undef ROW
    NULL,
};

const NetLayer *net_layer_find(const char *name)
{
    for (const NetLayer *const *at = net_layers; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}
