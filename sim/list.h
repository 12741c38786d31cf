/* sim/list.h: arrays that grow. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Makes room for n elements of `size` bytes, at least doubling what there was. `list` is
 * the address of the pointer to the first (owned by the caller, to be freed; NULL at
 * first), `room` how many it holds. false: no memory, and nothing has changed. */
bool sim_list_reserve(void *list, size_t *room, size_t n, size_t size);
