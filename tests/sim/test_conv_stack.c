/* Images side by side for tile units: every row of every image has one place. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sim/conv_internal.h"

static void check(size_t slots, size_t images, size_t rows, size_t step)
{
    const SimConvBands bands = sim_conv_bands(slots, images, rows, step);
    const size_t stacks = sim_conv_stacks(&bands);
    cr_assert_eq(bands.rows % step, 0, "%zu rows in steps of %zu", bands.rows, step);
    cr_assert_eq(stacks, blocks(images * bands.n, slots));
    unsigned char *const seen = calloc(images * rows, 1);
    cr_assert(seen);
    for (size_t slot = 0; slot < stacks * slots; slot++) {
        size_t image, first;
        const bool there = sim_conv_slot(&bands, slot, &image, &first);
        cr_assert_eq(there, slot < images * bands.n, "slot %zu", slot);
        for (size_t row = first; there && row < smaller(first + bands.rows, rows);
             row++) {
            cr_assert_lt(image, images);
            seen[image * rows + row]++;
        }
    }
    for (size_t i = 0; i < images * rows; i++)
        cr_assert_eq(seen[i], 1,
                     "%zu images of %zu rows in steps of %zu, %zu slots: row %zu "
                     "is %d times there",
                     images, rows, step, slots, i, seen[i]);
    free(seen);
}

Test(conv_stack, every_row_has_one_place)
{
    for (size_t images = 1; images <= 70; images += images < 8 ? 1 : 7)
        for (size_t rows = 1; rows <= 50; rows += rows < 10 ? 1 : 5)
            for (size_t step = 1; step <= 3; step++)
                for (size_t slots = 2; slots <= SIM_STACK; slots *= 4)
                    check(slots, images, rows, step);
}

Test(conv_stack, few_images_fill_a_stack)
{
    cr_expect_eq(sim_conv_bands(SIM_STACK, 32, 48, 1).n, 1, "nothing to fill");
    cr_expect_eq(sim_conv_bands(SIM_STACK, 4, 48, 1).n, 8);
    cr_expect_eq(sim_conv_bands(SIM_STACK, 16, 12, 1).n, 2);
    cr_expect_eq(sim_conv_bands(SIM_STACK, 1, 3, 1).n, 3, "no more than there are rows");
    cr_expect_eq(sim_conv_bands(4, 4, 48, 1).n, 1, "a small stack");
    cr_expect_eq(sim_conv_bands(4, 1, 48, 1).n, 4);
}
