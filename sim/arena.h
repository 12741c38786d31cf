/* sim/arena.h: one block of memory, measured first, then handed out in order.
 *
 * A plan makes the same requests twice: on an arena without memory, which only counts,
 * then on one of exactly that size. Running a network allocates nothing.
 *
 *     base                       used                    size
 *     | 64-aligned block | block |  still free           |
 */
#pragma once

#include <stddef.h>

#include "sim/status.h"

enum { SIM_ALIGN = 64 }; /* bytes: a cache line, an AVX-512 register */

typedef struct SimArena {
    unsigned char *base; /* owned; NULL while measuring */
    size_t size, used;   /* bytes */
} SimArena;

/* Memory is zeroed and mapped lazily: pages never touched cost nothing. */
SimStatus sim_arena_create(SimArena *arena, size_t size);
void sim_arena_destroy(SimArena *arena); /* accepts a zeroed arena */

/* Aligned to SIM_ALIGN, borrowed from the arena; NULL while measuring (base == NULL).
 * Asking for more than was measured is a mistake of ours and asserts. */
void *sim_arena_take(SimArena *arena, size_t bytes);

static inline size_t sim_align_up(size_t bytes)
{
    return (bytes + SIM_ALIGN - 1) & ~(size_t)(SIM_ALIGN - 1);
}
