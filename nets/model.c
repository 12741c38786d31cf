/* nets/model.c: the list of architectures. */
#include "nets/model.h"

#include <string.h>

#define ROW(name) extern const NetModel net_model_##name;
#include "nets/models.inc"
#undef ROW

const NetModel *const net_models[] = {
#define ROW(name) &net_model_##name,
#include "nets/models.inc"
#undef ROW
    NULL,
};

const NetModel *net_model_find(const char *name)
{
    for (const NetModel *const *at = net_models; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}
