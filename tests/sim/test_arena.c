/* Measuring and handing out give the same layout; memory starts at zero. */
#include <stdint.h>

#include <criterion/criterion.h>

#include "sim/arena.h"

static const size_t requests[] = {1, 64, 65, 4096, 0, 7};
enum { N_REQUESTS = sizeof requests / sizeof *requests };

static void take_all(SimArena *arena, unsigned char **blocks)
{
    for (size_t i = 0; i < N_REQUESTS; i++)
        blocks[i] = sim_arena_take(arena, requests[i]);
}

Test(arena, measures_then_hands_out)
{
    unsigned char *blocks[N_REQUESTS];
    SimArena measure = {0}, arena = {0};
    take_all(&measure, blocks);
    for (size_t i = 0; i < N_REQUESTS; i++)
        cr_expect(blocks[i] == NULL);
    cr_assert(sim_arena_create(&arena, measure.used) == SIM_OK);
    take_all(&arena, blocks);
    cr_expect(arena.used == measure.used && arena.used <= arena.size);
    for (size_t i = 0; i < N_REQUESTS; i++) {
        cr_expect((uintptr_t)blocks[i] % SIM_ALIGN == 0);
        for (size_t b = 0; b < requests[i]; b++) {
            cr_assert(blocks[i][b] == 0, "byte %zu of block %zu was written", b, i);
            blocks[i][b] = 0xff; /* a block that overlaps is then not zero */
        }
    }
    sim_arena_destroy(&arena);
    cr_expect(arena.base == NULL && arena.size == 0);
    sim_arena_destroy(&arena);
}

Test(arena, too_much_is_one_sentence)
{
    SimArena arena = {0};
    cr_expect(sim_arena_create(&arena, SIZE_MAX) == SIM_ERR_MEMORY);
    cr_expect(sim_arena_create(&arena, SIZE_MAX / 4) == SIM_ERR_MEMORY);
    cr_expect(arena.base == NULL);
}

Test(arena, aligns_up)
{
    cr_expect(sim_align_up(0) == 0);
    cr_expect(sim_align_up(1) == 64);
    cr_expect(sim_align_up(64) == 64);
    cr_expect(sim_align_up(65) == 128);
}
