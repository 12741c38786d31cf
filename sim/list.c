/* sim/list.c: arrays that grow. */
#include "sim/list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 64 };

bool sim_list_reserve(void *list, size_t *room, size_t n, size_t size)
{
    if (n <= *room)
        return true;
    size_t more = *room ? *room : LEAST / 2;
    do {
        if (more > SIZE_MAX / 2 / size)
            return false;
        more *= 2;
    } while (more < n);
    void *block; /* copied: the caller's pointer is of another type */
    memcpy(&block, list, sizeof block);
    block = realloc(block, more * size);
    if (!block)
        return false;
    memcpy(list, &block, sizeof block);
    *room = more;
    return true;
}
