/* An array grows by doubling, keeps what it holds, and stays as it is without memory. */
#include <stdint.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "sim/list.h"

Test(list, keeps_what_it_holds)
{
    enum { N = 1000 };
    uint32_t *list = NULL;
    size_t room = 0, grown = 0;
    for (uint32_t i = 0; i < N; i++) {
        const size_t before = room;
        cr_assert(sim_list_reserve(&list, &room, i + 1, sizeof *list));
        cr_assert(room > i && (room == before || room >= 2 * before));
        grown += room != before;
        list[i] = i;
    }
    cr_expect(grown < 10, "grown %zu times", grown);
    for (uint32_t i = 0; i < N; i++)
        cr_assert(list[i] == i);
    free(list);
}

Test(list, makes_room_for_many_at_once)
{
    char *list = NULL;
    size_t room = 0;
    cr_assert(sim_list_reserve(&list, &room, 100000, 1));
    cr_expect(room >= 100000);
    list[99999] = 1;
    free(list);
}

Test(list, without_memory_nothing_changes)
{
    uint64_t one = 1, *list = malloc(sizeof *list), *const before = list;
    size_t room = 1;
    cr_assert(list);
    *list = one;
    cr_expect(!sim_list_reserve(&list, &room, SIZE_MAX / 2, sizeof *list));
    cr_expect(list == before && room == 1 && *list == one);
    free(list);
}
