/* sim/arena.c: see arena.h. */
#include "sim/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

SimStatus sim_arena_create(SimArena *arena, size_t size)
{
    if (size > SIZE_MAX - 2 * SIM_ALIGN)
        return sim_fail(SIM_ERR_MEMORY, "%zu bytes cannot be addressed", size);
    /* calloc of a large block maps zero pages, so untouched memory stays free; aligned
     * by hand because aligned_alloc would have to touch every page to zero it. */
    const size_t rounded = sim_align_up(size ? size : 1);
    unsigned char *block = calloc(1, rounded + SIM_ALIGN);
    if (!block)
        return sim_fail(SIM_ERR_MEMORY,
                        "%.1f MB of memory could not be had: use a smaller batch, fewer "
                        "steps or a lighter memory policy",
                        (double)size / 1e6);
    unsigned char *base = block + SIM_ALIGN - ((size_t)block & (SIM_ALIGN - 1));
    base[-1] = (unsigned char)(base - block); /* how far to step back for free() */
    *arena = (SimArena){.base = base, .size = rounded};
    return SIM_OK;
}

void sim_arena_destroy(SimArena *arena)
{
    if (arena->base)
        free(arena->base - arena->base[-1]);
    memset(arena, 0, sizeof *arena);
}

void *sim_arena_take(SimArena *arena, size_t bytes)
{
    const size_t start = arena->used;
    arena->used += sim_align_up(bytes);
    if (!arena->base)
        return NULL;
    assert(arena->used <= arena->size);
    return arena->base + start;
}
